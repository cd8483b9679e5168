"""One handler per method, registered in plain sight.

Theory
------
What the broker does on ``queue.declare`` is a function marked ``@on(Queue.Declare)``; nothing
is found by building attribute names. A handler either returns (having replied, if a reply is due), or raises
one of the errors of :mod:`amqplab.errors`. It never closes anything itself: one place,
:meth:`Channel.command`, turns a raised error into channel.close or connection.close with the ids of the
method at fault.

A method without a handler is one that a client may not send: 503 (CONN-41).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from amqplab.model.crash import Crash
from amqplab.wire.methods import Method

if TYPE_CHECKING:
    from amqplab.broker.channel import Channel
    from amqplab.broker.session import Session
    from amqplab.wire.content import Command

__all__ = [
    "CHANNEL_HANDLERS",
    "CONNECTION_HANDLERS",
    "CONTENT_HANDLERS",
    "Crash",
    "on",
    "on_connection",
    "on_content",
]

M = TypeVar("M", bound=Method)

CHANNEL_HANDLERS: dict[type[Method], Callable[[Channel, Any], None]] = {}
CONTENT_HANDLERS: dict[type[Method], Callable[[Channel, Any, Command], None]] = {}
CONNECTION_HANDLERS: dict[type[Method], Callable[[Session, Any], None]] = {}


def on(
    method: type[M],
) -> Callable[[Callable[[Channel, M], None]], Callable[[Channel, M], None]]:
    """Register the handler of a method on a channel above 0."""

    def register(handler: Callable[[Channel, M], None]) -> Callable[[Channel, M], None]:
        CHANNEL_HANDLERS[method] = handler
        return handler

    return register


def on_content(
    method: type[M],
) -> Callable[[Callable[[Channel, M, Command], None]], Callable[[Channel, M, Command], None]]:
    """Register the handler of a method that carries content."""

    def register(handler: Callable[[Channel, M, Command], None]) -> Callable[[Channel, M, Command], None]:
        CONTENT_HANDLERS[method] = handler
        return handler

    return register


def on_connection(
    method: type[M],
) -> Callable[[Callable[[Session, M], None]], Callable[[Session, M], None]]:
    """Register the handler of a method on channel 0; in which states it is legal is in states.py."""

    def register(handler: Callable[[Session, M], None]) -> Callable[[Session, M], None]:
        CONNECTION_HANDLERS[method] = handler
        return handler

    return register
