"""What the Celery worker of the tests can do: `celery -A celery_tasks worker` is a process of its own.

The environment says where the broker is (``AMQPLAB_TEST_BROKER``), and how the names of queues and exchanges
begin (``AMQPLAB_TEST_PREFIX``). A program that gives it tasks needs :func:`settings`, and their names.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from celery import Celery, Task
from kombu import Exchange, Queue
from kombu.common import Broadcast

__all__ = ["settings"]


def settings(prefix: str) -> dict[str, Any]:
    """Celery's settings, with queues and exchanges of that prefix."""
    exchange = Exchange(prefix)
    urgent = {"x-max-priority": 9}
    return {
        "task_default_queue": f"{prefix}.celery",
        "task_default_exchange": prefix,
        "task_default_routing_key": "celery",
        "task_queues": (
            Queue(f"{prefix}.celery", exchange, routing_key="celery"),
            Queue(f"{prefix}.urgent", exchange, routing_key="urgent", queue_arguments=urgent),
            Broadcast(f"{prefix}.all", queue=f"{prefix}.all.{os.getpid()}"),
        ),
        "task_routes": {"urgent": {"queue": f"{prefix}.urgent", "routing_key": "urgent"}},
        "control_exchange": f"{prefix}.control",
        "worker_prefetch_multiplier": 1,
        "broker_connection_retry_on_startup": True,
        "broker_heartbeat": 5,
        "broker_transport_options": {"confirm_publish": True},
        "result_expires": 60,
    }


app = Celery("amqplab", broker=os.environ.get("AMQPLAB_TEST_BROKER"), backend="rpc://", set_as_current=False)
app.conf.update(settings(os.environ.get("AMQPLAB_TEST_PREFIX", "amqplab")))


@app.task(name="add")
def add(left: int, right: int) -> int:
    return left + right


@app.task(name="urgent")
def urgent(path: str, level: int) -> int:
    """Leaves its level, after those of the tasks before it."""
    _append(path, level)
    return level


@app.task(name="everybody")
def everybody(path: str) -> None:
    """Each worker leaves its number."""
    _append(path, os.getpid())


def _append(path: str, number: int) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{number}\n")


@app.task(name="third_time", bind=True, max_retries=3)
def third_time(self: Task) -> int:
    """Works the third time."""
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return int(self.request.retries)


@app.task(name="survive", bind=True, acks_late=True)
def survive(self: Task, path: str) -> bool:
    """The first worker that takes it dies of it; the next one tells whether it came again."""
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write("was here")
        os.kill(os.getpid(), signal.SIGKILL)
    return bool(self.request.delivery_info["redelivered"])


@app.task(name="fail")
def fail() -> None:
    raise ValueError("as it should")
