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

import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from amqplab.client.blocking import BlockingConnection
from amqplab.client.blocking_channel import BlockingChannel
from amqplab.lab.inputs import Inputs, Touched, recorded

__all__ = ["LabChannel", "LabConnection", "Steps"]

C = TypeVar("C", bound=type)


def _is_call(name: str, member: Any) -> bool:
    return inspect.isfunction(member) and not name.startswith("_") and name not in NOT_INPUTS


NOT_INPUTS = frozenset({"post", "withdraw", "arrived", "consumer_ended", "time"})
"""What the two faces call on each other, and what only looks."""


def _calls_are_inputs(*, of: type) -> Callable[[C], C]:
    """Mark every public method of the class `of`, and leaving its ``with``, as an input in a subclass."""

    def mark(cls: C) -> C:
        for name in dir(of):
            member = getattr(cls, name)
            if name == "__exit__" or _is_call(name, member):
                setattr(cls, name, recorded(member))
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


@_calls_are_inputs(of=BlockingChannel)
class LabChannel(Touched, BlockingChannel):
    """A channel of a cell's connection."""

    _inputs: Inputs

    def consume(self, *args: Any, **options: Any) -> Any:
        """As pika's: yield (method, properties, body) for each message."""
        return Steps(super().consume(*args, **options), self._inputs)


@_calls_are_inputs(of=BlockingConnection)
class LabConnection(Touched, BlockingConnection):
    """A connection that cells use. Made by ``lab.connect(...)``."""

    channel_class = LabChannel

    def __init__(self, parameters: Any, *, runner: Any, inputs: Inputs) -> None:
        self._inputs = inputs
        super().__init__(parameters, runner=runner)
