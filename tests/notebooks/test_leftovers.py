"""A notebook that is interrupted or closed in mid-run leaves no socket, thread, task or process behind."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager
from needs import missing

PATIENCE_S = 20.0

BEFORE = """
import asyncio, json, os, threading
from amqplab import Lab
from amqplab.lab import in_another_process

def mine():
    \"\"\"The threads, tasks, sockets and children of this kernel, by name.\"\"\"
    fds = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    links = [os.readlink(fd) for fd in fds if os.path.lexists(fd)]
    files = [task.get_coro().cr_code.co_filename for task in asyncio.all_tasks()]
    tasks = [file for file in files if "ipykernel" not in file and "IPython" not in file]
    children = open(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read().split()
    return {
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "tasks": tasks,
        "sockets": sum(link.startswith("socket:") for link in links),
        "children": children,
    }

def wait_for_ever(url):
    import os, pika
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_declare("never")
    channel.basic_consume("never", print)
    channel.start_consuming()

lab = Lab(seed=1)

@lab.program("restless")
async def restless(client):
    channel = await (await client.connect()).channel()
    await channel.queue_declare("q")
    while True:
        await channel.basic_publish("", "q", "x")
        await asyncio.sleep(0.01)

async def nothing(url):
    pass

async def warmed_up():
    async with await lab.serve(port=0) as server:
        await in_another_process(nothing, server.url)

await warmed_up()
"""
SERVE = """
async with await lab.serve(port=0, name="pika") as server:
    print(json.dumps({"port": server.port}), flush=True)
    await in_another_process(wait_for_ever, server.url, timeout="1 h")
"""
RUN = """
print(json.dumps({"port": 0}), flush=True)
lab.run(until="10 h")
"""


class Notebook:
    """A kernel, spoken to as a front end does."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.pid)  # type: ignore[union-attr]

    def run(self, code: str) -> Any:
        """Run a cell to its end; what it printed last, read as JSON."""
        said: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                said.append(message["content"]["text"])

        reply = self.client.execute_interactive(code, output_hook=hear, timeout=PATIENCE_S)
        assert reply["content"]["status"] == "ok", "\n".join(reply["content"].get("traceback", []))
        lines = "".join(said).split("\n")
        return json.loads(lines[-2]) if len(lines) > 1 else None

    def begin(self, code: str) -> dict[str, Any]:
        """Start a cell that does not end; returns the line that it prints first."""
        asked = self.client.execute(code, stop_on_error=False)
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE_S)
            if message["parent_header"].get("msg_id") == asked and message["msg_type"] == "stream":
                found: dict[str, Any] = json.loads(message["content"]["text"].split("\n")[0])
                return found

    def interrupt(self) -> str:
        """The stop button: how the running cell ended."""
        self.manager.interrupt_kernel()
        while True:
            message = self.client.get_shell_msg(timeout=PATIENCE_S)
            if message["msg_type"] == "execute_reply":
                return str(message["content"].get("ename", "finished"))


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    if not Path("/proc/self/task").is_dir():
        missing("this machine has no /proc, from which the leftovers of a process are read")
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Notebook(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def eventually(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.05)  # a kernel is another process and tells nobody what it has let go
    return met


def children_of(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def runs(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def with_pika_waiting(notebook: Notebook) -> tuple[int, int]:
    """(port, pid of the other process) of a notebook in the middle of a run with a real client."""
    notebook.run(BEFORE)
    port = notebook.begin(SERVE)["port"]
    assert listens(port)
    assert eventually(lambda: bool(children_of(notebook.pid)))
    return port, children_of(notebook.pid)[0]


@pytest.mark.parametrize("now", [False, True], ids=["asked to end", "killed"])
def test_closing_the_kernel_in_the_middle_of_a_run_leaves_no_socket_and_no_process(
    notebook: Notebook, now: bool
) -> None:
    port, other = with_pika_waiting(notebook)
    kernel = notebook.pid
    notebook.manager.shutdown_kernel(now=now)
    assert eventually(lambda: not runs(kernel))
    assert eventually(lambda: not runs(other))
    assert not listens(port)


def test_interrupting_a_cell_with_a_real_client_leaves_the_kernel_as_it_was(notebook: Notebook) -> None:
    notebook.run(BEFORE)
    before = notebook.run("print(json.dumps(mine()))")
    port = notebook.begin(SERVE)["port"]
    assert eventually(lambda: bool(children_of(notebook.pid)))
    assert notebook.interrupt() in ("KeyboardInterrupt", "CancelledError")
    assert notebook.run("await asyncio.sleep(0.2); print(json.dumps(mine()))") == before
    assert not listens(port)


def test_interrupting_a_simulated_run_leaves_kernel_and_lab_usable(notebook: Notebook) -> None:
    notebook.run(BEFORE)
    before = notebook.run("print(json.dumps(mine()))")
    notebook.begin(RUN)
    time.sleep(0.3)  # any moment of the ten hours will do, and a run in virtual time tells nobody that it is in the middle
    assert notebook.interrupt() == "KeyboardInterrupt"
    assert notebook.run("print(json.dumps(mine()))") == before
    assert notebook.run("lab.run_for('1 s'); lab.close(); print(json.dumps(len(lab.records) > 100))")
    assert notebook.run("print(json.dumps(mine()))") == before


def test_these_tests_see_what_they_look_for() -> None:
    assert runs(os.getpid())
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        assert listens(listening.getsockname()[1])
