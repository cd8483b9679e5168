"""What the model tells about everything that must survive.

Theory
------
Durable exchanges, durable queues, the bindings between them, and persistent messages in durable queues
survive the broker (DUR-01). The model knows which these are, and when they come and go; a :class:`Keeper`
hears of it and takes care of the rest. Without one nothing survives, and nothing is different.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from amqplab.model.binding import Binding
    from amqplab.model.exchange import Exchange
    from amqplab.model.message import Copy, Message
    from amqplab.model.queue import Queue

__all__ = ["Keeper"]


class Keeper(Protocol):
    """Hears of every change of what survives, in order."""

    def stored(self, queue: Queue, message: Message, copy: Copy) -> None:
        """A copy of the message, as it was published, stands in the queue."""

    def removed(self, queue: Queue, copies: Iterable[Copy]) -> None:
        """These copies are done with, in whichever way."""

    def returned(self, queue: Queue, copies: Iterable[Copy]) -> None:
        """These copies came back and will count as redelivered."""

    def queue_declared(self, queue: Queue) -> None:
        """A queue is there."""

    def queue_deleted(self, queue: Queue) -> None:
        """A queue is gone, with its bindings and copies."""

    def exchange_declared(self, vhost: str, exchange: Exchange) -> None:
        """An exchange is there."""

    def exchange_deleted(self, vhost: str, exchange: Exchange) -> None:
        """An exchange is gone, with its bindings."""

    def bound(self, vhost: str, binding: Binding) -> None:
        """A binding between two ends that survive is there."""

    def unbound(self, vhost: str, binding: Binding) -> None:
        """It is gone."""
