"""The blocking client in a lab: pika's connection and channel, whose calls are inputs that can be replayed.

Theory
------
To a learner these *are* :class:`~amqplab.client.blocking.BlockingConnection` and its channel. They differ
in two things: whoever waits for an answer drives virtual time instead of a socket, and each public call is
kept as an input (:mod:`amqplab.lab.inputs`), so that a fork can make the same calls again, in the same
order, in a world where something else happened.

Reading a property (``connection.is_open``) changes nothing and is not kept. A generator
(``channel.consume``) is stepped from outside, so each of its steps is an input, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from amqplab.client.blocking import BlockingConnection
from amqplab.client.blocking_channel import BlockingChannel
from amqplab.lab.inputs import Inputs, Touched, recorded
from amqplab.lab.processes import Process
from amqplab.trace.recorder import Report

__all__ = ["CHANNEL_CALLS", "CONNECTION_CALLS", "LabChannel", "LabConnection", "Steps"]

C = TypeVar("C", bound=type)


CONNECTION_CALLS = (
    *("add_callback_threadsafe", "add_on_connection_blocked_callback"),
    *("add_on_connection_unblocked_callback", "call_later", "channel", "close", "process_data_events"),
    *("remove_timeout", "send_raw", "sleep", "update_secret", "__exit__"),
)
CHANNEL_CALLS = (
    *("access_request", "add_on_cancel_callback", "add_on_confirm_callback", "add_on_return_callback"),
    *("basic_ack", "basic_cancel", "basic_consume", "basic_get", "basic_nack", "basic_publish", "basic_qos"),
    *("basic_recover", "basic_recover_async", "basic_reject", "cancel", "close", "confirm_delivery"),
    *("consume", "exchange_bind", "exchange_declare", "exchange_delete", "exchange_unbind", "flow"),
    *("get_waiting_message_count", "queue_bind", "queue_declare", "queue_delete", "queue_purge"),
    *("queue_unbind", "rpc_call", "send", "start_consuming", "stop_consuming", "tx_commit", "tx_rollback"),
    *("tx_select", "wait_for_confirms", "__exit__"),
)
"""What a cell calls: each is an input. Whatever else the two faces have they call on each other, or it only
looks.
"""


def _inputs(*names: str) -> Callable[[C], C]:
    """Mark these methods, and leaving a ``with``, as inputs."""

    def mark(cls: C) -> C:
        for name in names:
            setattr(cls, name, recorded(getattr(cls, name)))
        return cls

    return mark


class Steps(Touched):
    """The generator of ``channel.consume``: each step from outside is an input."""

    def __init__(self, generator: Iterator[Any], inputs: Inputs) -> None:
        self._generator = generator
        self._inputs = inputs

    def __iter__(self) -> Steps:
        return self

    def __next__(self) -> Any:
        item = self.step()
        if item is None:
            raise StopIteration
        return item[0]

    @recorded
    def step(self) -> tuple[Any] | None:
        """The next item in a tuple, or None at the end."""
        for item in self._generator:
            return (item,)
        return None

    def __repr__(self) -> str:
        return "<the messages of channel.consume(...)>"


@_inputs(*CHANNEL_CALLS)
class LabChannel(Touched, BlockingChannel):
    """A channel of a cell's connection."""

    _inputs: Inputs

    def consume(self, *args: Any, **options: Any) -> Any:
        """As pika's: yield (method, properties, body) for each message."""
        return Steps(super().consume(*args, **options), self._inputs)


@_inputs(*CONNECTION_CALLS)
class LabConnection(Touched, BlockingConnection):
    """A connection that cells use. Made by ``lab.connect(...)``."""

    channel_class = LabChannel

    def __init__(self, parameters: Any, process: Process, *, runner: Any, inputs: Inputs) -> None:
        self._inputs = inputs
        self._process = process
        super().__init__(parameters, runner=runner)

    @property
    def _report(self) -> Report | None:
        """A process that is stopped calls nothing, and to its code no call fails. Only the cell hears a LabError."""
        return None if self._process.stopped else self._running_report

    @_report.setter
    def _report(self, report: Report | None) -> None:
        self._running_report = report
