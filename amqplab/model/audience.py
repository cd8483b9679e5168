"""Who listens to a queue: who may join, and what there is to tell of it.

Theory
------
Anybody may consume from a queue that somebody else consumes from already, with two exceptions. A consumer may
ask to be the only one, and is refused if another is there; once it is in, all others are (BASIC-20). And where
a single consumer is active the others stand by, so nobody can have the queue for itself (BASIC-21).

Whose turn it is among those who listen is for :mod:`amqplab.model.consumer`. When that is one at a time, it is
told who: not as soon as one leaves, for several may leave together (BASIC-36), but when the command that made
them leave is finished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqplab.errors import AccessRefused
from amqplab.trace import events

if TYPE_CHECKING:
    from amqplab.model.consumer import Consumer
    from amqplab.model.queue import Queue
    from amqplab.trace.recorder import Report

__all__ = ["Audience"]


class Audience:
    """Keeps the door of one queue's consumers. `had_any` tells that somebody has listened at some time."""

    __slots__ = ("_exclusive", "_queue", "_report", "_told_active", "had_any", "turn_came")

    def __init__(self, queue: Queue, report: Report | None) -> None:
        self._queue = queue
        self._report = report
        self._exclusive: Consumer | None = None
        self._told_active: Consumer | None = None
        self.had_any = False
        self.turn_came = False  # who is the single active consumer has to be looked at

    def join(self, consumer: Consumer) -> None:
        """Let a consumer in. Raises 403 if it or another wants the queue for itself."""
        queue = self._queue
        exclusive = consumer.exclusive and queue.grants_exclusive
        single = queue.settings.single_active_consumer
        if self._exclusive is not None or (exclusive and (queue.consumers or single)):
            raise AccessRefused(f"{queue.describe()} in exclusive use")
        if exclusive:
            self._exclusive = consumer
        self.had_any = True
        queue.consumers.add(consumer)
        self.turn_came = single
        if self._report is not None:
            self._report(
                events.ConsumerAdded,
                queue.vhost,
                queue.name,
                consumer.recipient.connection,
                consumer.recipient.number,
                consumer.tag,
                consumer.no_ack,
                consumer.exclusive,
                consumer.prefetch,
                consumer.priority,
                consumer.start,
            )

    def leave(self, consumer: Consumer, reason: str) -> None:
        """A consumer goes."""
        queue = self._queue
        queue.consumers.remove(consumer)
        self.turn_came = queue.settings.single_active_consumer
        if self._exclusive is consumer:
            self._exclusive = None
        if self._report is not None:
            recipient = consumer.recipient
            self._report(
                events.ConsumerRemoved,
                queue.vhost,
                queue.name,
                recipient.connection,
                recipient.number,
                consumer.tag,
                reason,
            )

    def tell_active(self) -> None:
        """Report the single active consumer, if it is another one than before."""
        self.turn_came = False
        active = self._queue.consumers.active
        if active is self._told_active:
            return
        self._told_active = active
        if active is not None and self._report is not None:
            recipient = active.recipient
            self._report(
                events.ConsumerActivated,
                self._queue.vhost,
                self._queue.name,
                recipient.connection,
                recipient.number,
                active.tag,
            )
