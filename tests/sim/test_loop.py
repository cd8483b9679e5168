"""The simulated loop is an asyncio event loop: what asyncio promises holds, and time is virtual."""

from __future__ import annotations

import asyncio
import contextvars
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sim_worlds import World, pair

from amqplab.sim.loop import Deadlock, SimLoop
from amqplab.sim.network import Network
from amqplab.trace.events import NoteMade
from amqplab.trace.recorder import CAUSE, Recorder, because

ROOT = Path(__file__).resolve().parents[2]


def simulate(program):
    return SimLoop().run_until_complete(program)


def test_an_hour_of_sleep_takes_an_hour_of_virtual_time() -> None:
    loop = SimLoop()
    loop.run_until_complete(asyncio.sleep(3600))
    assert loop.time_ns() == 3600 * 10**9


def test_gather_timeout_task_group_queue_and_event_mean_what_they_mean() -> None:
    async def play() -> list[object]:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        done = asyncio.Event()
        seen: list[object] = []

        async def produce() -> None:
            for number in range(3):
                await queue.put(number)
                await asyncio.sleep(1)
            done.set()

        async def consume() -> None:
            for _ in range(3):
                seen.append((await queue.get(), loop.time()))

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            group.create_task(consume())
        assert done.is_set()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await loop.create_future()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(100), 5)
        seen.append(await asyncio.gather(asyncio.sleep(1, "a"), asyncio.sleep(2, "b")))
        seen.append(await asyncio.to_thread(lambda: "inline"))
        return [*seen, loop.time()]

    assert simulate(play()) == [(0, 0.0), (1, 1.0), (2, 2.0), ["a", "b"], "inline", 20.0]


def test_asyncio_runner_takes_it_as_its_loop() -> None:
    with asyncio.Runner(loop_factory=SimLoop) as runner:
        assert runner.run(asyncio.sleep(5, "done")) == "done"
        assert runner.get_loop().time() == 5


def test_an_error_in_a_program_comes_out_as_it_is() -> None:
    async def play() -> None:
        await asyncio.sleep(1)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        simulate(play())


def test_an_async_generator_is_closed() -> None:
    closed = []

    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    async def play() -> None:
        generator = numbers()
        async for _ in generator:
            break
        await generator.aclose()

    simulate(play())
    assert closed == [True]


def test_streams_work() -> None:
    world = World()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def play() -> bytes:
        async with await asyncio.start_server(answer, "server", 7):
            reader, writer = await asyncio.open_connection("server", 7)
            writer.write(b"hello\n")
            await writer.drain()
            line = await reader.read()
            writer.close()
            await writer.wait_closed()
            return line

    assert world.run(play()) == b"hello\n"


# --- deadlock -----------------------------------------------------------------------------------------


def test_a_deadlock_names_who_waits_where_and_for_what() -> None:
    async def waits_for_ever() -> None:
        future = asyncio.get_running_loop().create_future()
        future.waiting_for = "queue.declare-ok on channel 1"
        await future

    async def play() -> None:
        await asyncio.gather(asyncio.create_task(waits_for_ever(), name="producer"), asyncio.Event().wait())

    loop = SimLoop()
    with pytest.raises(Deadlock) as caught:
        loop.run_until_complete(play())
    text = str(caught.value)
    assert "producer at line" in text
    assert "test_loop.py in waits_for_ever(), waiting for queue.declare-ok on channel 1" in text
    assert text.startswith("Nothing is left to do at 0 s of virtual time")
    for task in loop.tasks():
        task.cancel()
    loop.run_forever()


def test_running_the_loop_from_a_program_says_what_to_do() -> None:
    async def play() -> None:
        asyncio.get_running_loop().run_forever()

    with pytest.raises(RuntimeError, match="must `await`"):
        simulate(play())


# --- inside another running loop, as in Jupyter -------------------------------------------------------


NESTED = """
import asyncio, sys
from amqplab.sim.loop import SimLoop
from amqplab.sim.network import Network

async def program(loop):
    await asyncio.sleep(3600)
    assert asyncio.get_running_loop() is loop
    assert asyncio.current_task() is not None
    return loop.time()

async def cell():
    outer, task = asyncio.get_running_loop(), asyncio.current_task()
    loop = SimLoop()
    Network(loop)
    result = loop.run_until_complete(program(loop))
    assert asyncio.get_running_loop() is outer and asyncio.current_task() is task
    async def stops():
        await asyncio.sleep(1)
        raise KeyboardInterrupt
    try:
        loop.run_until_complete(stops())
    except KeyboardInterrupt:
        pass
    assert asyncio.get_running_loop() is outer and asyncio.current_task() is task
    await asyncio.sleep(0.01)
    again = loop.run_until_complete(program(loop))
    return result, again

print(sys.version_info[:2], asyncio.run(cell()))
"""


def pythons() -> list[str]:
    """This Python, and each other one from 3.11 on that is installed beside it."""
    homes = Path.home() / ".pyenv" / "versions"
    found = {sys.version_info[:2]: sys.executable}
    for path in sorted([*homes.glob("3.*/bin/python"), *Path("/usr/bin").glob("python3.1?")]):
        words = path.parent.parent.name if path.parent.parent != Path("/usr") else path.name[6:]
        version = tuple(map(int, words.split(".")[:2]))
        if version >= (3, 11):
            found.setdefault(version, str(path))
    return [found[version] for version in sorted(found)]


@pytest.mark.parametrize("python", pythons())
def test_it_runs_inside_a_loop_that_is_running_already(python: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [python, "-W", "error", "-c", NESTED], capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.stdout.rstrip().endswith("(3600.0, 7201.0)"), done.stderr


def test_an_interrupt_leaves_the_loop_usable() -> None:
    loop = SimLoop()

    async def interrupted() -> None:
        await asyncio.sleep(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(interrupted())
    assert loop.run_until_complete(asyncio.sleep(1, "still here")) == "still here"


def test_no_thread_is_started_and_no_file_opened() -> None:
    code = (
        "import asyncio, os, sys, threading\n"
        "from amqplab.sim.loop import SimLoop\n"
        "before = len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0\n"
        "loop = SimLoop(); loop.run_until_complete(asyncio.to_thread(print, end=''))\n"
        "after = len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0\n"
        "print(threading.active_count(), after - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.split() == ["1", "0"], done.stderr


# --- causes -------------------------------------------------------------------------------------------


def test_a_cause_crosses_a_future_into_the_task_that_waits_for_it() -> None:
    loop = SimLoop()
    recorder = Recorder(loop.time_ns)
    seen: list[int | None] = []

    async def play() -> None:
        future = loop.create_future()

        async def waits() -> None:
            await future
            seen.append(CAUSE.get())
            await asyncio.sleep(1)
            seen.append(CAUSE.get())

        task = asyncio.create_task(waits())
        await asyncio.sleep(1)
        with because(recorder.record("x", NoteMade, "why")):
            future.set_result(None)
        await task

    loop.run_until_complete(play())
    assert seen == [0, 0]


def test_a_cause_does_not_leak_into_what_was_planned_without_one() -> None:
    loop = SimLoop()
    seen: list[int | None] = []
    context = contextvars.copy_context()
    with because(7):
        loop.call_soon(lambda: seen.append(CAUSE.get()), context=context)
    loop.call_soon(lambda: seen.append(CAUSE.get()), context=context)
    loop.run_forever()
    assert seen == [7, None]


def test_every_segment_of_a_conversation_has_a_cause_back_to_its_beginning() -> None:
    world = World()

    async def play() -> None:
        client, _ = await pair(world.loop)
        client.transport.write(b"x")
        await asyncio.sleep(1)

    world.run(play())
    causes = [record.cause for record in world.recorder]
    assert causes.count(None) == 2  # the call to connect: one change of state, one SYN
    assert all(cause is None or cause < seq for seq, cause in enumerate(causes))


# --- misuse -------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_says_so() -> None:
    world = World()

    async def play() -> None:
        await world.loop.create_server(asyncio.Protocol, "server", 7)
        await world.loop.create_server(asyncio.Protocol, "server", 7)

    with pytest.raises(OSError, match="address already in use"):
        world.run(play())


def test_tls_on_the_simulated_link_is_refused_with_a_reason() -> None:
    loop = SimLoop()
    Network(loop)

    async def play() -> None:
        await loop.create_connection(asyncio.Protocol, "server", 7, ssl=True)

    with pytest.raises(NotImplementedError, match="no TLS"):
        loop.run_until_complete(play())


def test_a_closed_loop_plans_nothing() -> None:
    loop = SimLoop()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon(print)
