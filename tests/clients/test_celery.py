"""Celery, unmodified: a worker in a process of its own, and a program that gives it tasks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers import RemoteBroker
from celery import Celery, Signature, chain, group
from celery_tasks import settings
from kombu import Exchange
from rabbitmq_node import end_with_parent

SUPPORT = Path(__file__).resolve().parents[1] / "support"
PATIENCE_S = 30


class Workers:
    """The workers of one test, and what they need to know."""

    def __init__(self, broker: RemoteBroker, folder: Path) -> None:
        self.prefix = f"celery-{broker.fresh('p')}"
        self.url = f"amqp://guest:guest@{broker.host}:{broker.port}//"
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        """One more; it is there when it answers."""
        name = f"worker{len(self.processes)}"
        command = [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker"]
        options = [
            "--pool=solo",
            f"--hostname={name}",
            "--without-mingle",
            "--without-gossip",
            "--loglevel=INFO",
        ]
        known = {"AMQPLAB_TEST_BROKER": self.url, "AMQPLAB_TEST_PREFIX": self.prefix}
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes.append(
                subprocess.Popen(
                    [*command, *options],
                    cwd=SUPPORT,
                    env={**os.environ, **known},
                    stdout=log,
                    stderr=log,
                    preexec_fn=end_with_parent,
                )
            )
        self.wait_for(name, "ready.")
        return self.processes[-1]

    def wait_for(self, name: str, words: str) -> None:
        """Until the worker has written that."""
        until(lambda: words in self.log(name), lambda: self.log(name))

    def log(self, name: str) -> str:
        """What it has written."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End them all."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(PATIENCE_S)


def until(condition: Callable[[], Any], why: Callable[[], str] = str) -> None:
    """Wait for it, but not for ever."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)  # the worker is another process, and the condition is whatever the caller asks


@pytest.fixture
def workers(broker: RemoteBroker, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(broker, tmp_path)
    yield workers
    workers.stop()


@pytest.fixture
def app(workers: Workers) -> Iterator[Celery]:
    """The program's side, with the workers' own settings."""
    app = Celery("program", broker=workers.url, backend="rpc://", set_as_current=False)
    app.conf.update(settings(workers.prefix))
    yield app
    with app.connection() as connection:
        channel = connection.default_channel
        for name in (".celery", ".urgent"):
            channel.queue_delete(workers.prefix + name)
        for name in ("", ".all"):
            channel.exchange_delete(workers.prefix + name)
    app.close()


def result(task: Any) -> Any:
    """What came of a task."""
    return task.get(timeout=PATIENCE_S)


def test_tasks_chains_groups_and_retries(app: Celery, workers: Workers) -> None:
    def add(*numbers: int) -> Signature:
        return app.signature("add", numbers)

    early = add(1, 2).delay()  # before there is anybody to do it
    workers.start()
    assert result(early) == 3
    assert result(chain(add(1, 2), add(10), add(100)).delay()) == 113
    assert result(group(add(number, number) for number in range(10)).delay()) == list(range(0, 20, 2))
    assert result(app.send_task("third_time")) == 2
    assert result(add(5, 6).apply_async(countdown=0.2)) == 11
    with pytest.raises(ValueError, match="as it should"):
        result(app.send_task("fail"))


def test_what_a_dead_worker_had_goes_to_the_next(app: Celery, workers: Workers, tmp_path: Path) -> None:
    first = workers.start()
    promise = app.send_task("survive", (str(tmp_path / "was here"),))
    first.wait(PATIENCE_S)
    workers.start()
    assert result(promise) is True


def test_the_urgent_come_first(app: Celery, workers: Workers, tmp_path: Path) -> None:
    path = tmp_path / "order"
    tasks = [app.send_task("urgent", (str(path), level), priority=level) for level in (1, 5, 3, 9)]
    workers.start()
    assert [result(task) for task in tasks] == [1, 5, 3, 9]
    assert path.read_text(encoding="utf-8").split() == ["9", "5", "3", "1"]


def test_a_broadcast_is_for_everybody(app: Celery, workers: Workers, tmp_path: Path) -> None:
    both = sorted(workers.start().pid for _ in range(2))
    path = tmp_path / "everybody"
    to_all = Exchange(f"{workers.prefix}.all", "fanout")
    app.send_task("everybody", (str(path),), exchange=to_all, routing_key="all", ignore_result=True)
    until(lambda: path.exists() and len(path.read_text(encoding="utf-8").split()) == 2)
    assert sorted(map(int, path.read_text(encoding="utf-8").split())) == both


def test_remote_control(app: Celery, workers: Workers) -> None:
    worker, control = workers.start(), app.control
    assert [list(one.values()) for one in control.ping(timeout=5, limit=1)] == [[{"ok": "pong"}]]
    (queues,) = control.inspect(timeout=5, limit=1).active_queues().values()
    assert {f"{workers.prefix}.celery", f"{workers.prefix}.urgent"} <= {one["name"] for one in queues}
    later = app.send_task("add", (1, 1), countdown=60)
    until(lambda: "received" in workers.log("worker0"))
    (scheduled,) = control.inspect(timeout=5, limit=1).scheduled().values()
    assert [one["request"]["id"] for one in scheduled] == [later.id]
    control.broadcast("shutdown")
    assert worker.wait(PATIENCE_S) == 0
    with app.connection() as connection:  # what it had not begun is there again
        assert connection.default_channel.queue_declare(f"{workers.prefix}.celery", passive=True)[1] == 1
