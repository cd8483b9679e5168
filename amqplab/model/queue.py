"""A queue: copies of messages in order, and consumers to push them to.

Theory
------
A copy of a message is in one of these states, and nothing else (the table is ``broker/states.py``):

                 ┌────────────── requeue (original place, redelivered) ─────────────┐
                 ▼                                                                  │
    enqueue → ready ── handed out, must be acknowledged ──────────────────────→ unacked
                 │                                                                  │
                 ├── handed out without acknowledgement, purged, dropped → gone ←── ack, discard

*Ready* copies stand in :attr:`Queue.ready`, ordered by the place they got on arrival. *Unacked* copies are in
the hands of a channel, which owns the ledger of them; the queue only counts them. Ready + unacked is what
RabbitMQ calls the total.

The queue pushes: :meth:`Queue.pump` hands out ready copies while a consumer can take one. It runs after every
command that could have changed the answer (a publish, a settlement, a new consumer), never in the middle of
one, so that a reply to the command leaves before the deliveries it caused (BASIC-16, BASIC-56).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from amqplab.errors import AccessRefused
from amqplab.model.arguments import QueueArguments
from amqplab.model.consumer import Consumer, Recipient, Turns
from amqplab.model.describe import describe
from amqplab.model.message import Copy, Message
from amqplab.trace import events

if TYPE_CHECKING:
    from amqplab.trace.recorder import Report

__all__ = ["Queue"]


class Queue:
    """One classic queue. `owner` is the connection of an exclusive queue, else None (QUEUE-18)."""

    def __init__(
        self,
        vhost: str,
        name: str,
        *,
        durable: bool = False,
        owner: str | None = None,
        auto_delete: bool = False,
        arguments: QueueArguments | None = None,
        report: Report | None = None,
    ) -> None:
        self.vhost = vhost
        self.name = name
        self.durable = durable
        self.owner = owner
        self.auto_delete = auto_delete
        self.arguments = arguments if arguments is not None else QueueArguments()
        self.ready: deque[Copy] = deque()
        self.unacked = 0
        self.consumers = Turns()
        self.had_consumers = False
        self.exclusive_consumer: Consumer | None = None
        self.deleted = False
        self._next_place = 0
        self._report = report

    def describe(self) -> str:
        """ "queue 'q' in vhost '/'"."""
        return describe("queue", self.name, self.vhost)

    # --- in --------------------------------------------------------------------------------------------

    def enqueue(self, message: Message) -> None:
        """A copy of `message` joins at the tail. The caller pumps."""
        place = self._next_place
        self._next_place = place + 1
        self.ready.append(Copy(message, place))
        if self._report is not None:
            self._report(events.Enqueued, self.vhost, self.name, message.number, len(self.ready) - 1)

    def requeue(self, copies: Iterable[Copy], reason: str) -> None:
        """Unacked copies come back, each to its original place, marked redelivered (BASIC-53).

        What comes back is older than nearly everything that waits, so only the waiting copies that are
        older still have to step aside.
        """
        back = sorted(copies, key=_place)
        if not back:
            return
        self.unacked -= len(back)
        ready = self.ready
        aside: list[Copy] = []
        newest = back[-1].place
        while ready and ready[0].place < newest:
            aside.append(ready.popleft())
        for copy in back:
            copy.redelivered = True
        ready.extendleft(sorted(aside + back, key=_place, reverse=True))
        if self._report is not None:
            position = {copy.place: at for at, copy in enumerate(islice(ready, len(back) + len(aside)))}
            for copy in back:
                self._report(
                    events.Requeued, self.vhost, self.name, copy.message.number, position[copy.place], reason
                )

    # --- out -------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Hand out ready copies while there is a consumer that can take one."""
        ready = self.ready
        choose = self.consumers.choose
        while ready:
            consumer = choose()
            if consumer is None:
                return
            copy = ready.popleft()
            if not consumer.no_ack:
                consumer.spend()
                self.unacked += 1
            tag = consumer.recipient.deliver(consumer, copy)
            if self._report is not None:
                self._report_delivery(copy, consumer.recipient, consumer.tag, tag, consumer.no_ack)

    def get(self, recipient: Recipient, tag: int, no_ack: bool) -> Copy | None:
        """basic.get: the head, whatever the consumers and windows say (BASIC-43, BASIC-46)."""
        if not self.ready:
            return None
        copy = self.ready.popleft()
        if not no_ack:
            self.unacked += 1
        if self._report is not None:
            self._report_delivery(copy, recipient, "", tag, no_ack)
        return copy

    def _report_delivery(
        self, copy: Copy, recipient: Recipient, consumer_tag: str, delivery_tag: int, no_ack: bool
    ) -> None:
        assert self._report is not None
        self._report(
            events.Delivered,
            self.vhost,
            self.name,
            copy.message.number,
            recipient.connection,
            recipient.number,
            consumer_tag,
            delivery_tag,
            copy.redelivered,
            no_ack,
        )

    # --- the end of a copy -----------------------------------------------------------------------------

    def acknowledge(self, copy: Copy) -> None:
        """An unacked copy is done with."""
        self.unacked -= 1

    def discard(self, copy: Copy, reason: str) -> None:
        """An unacked copy is given up: rejected without requeue (BASIC-54)."""
        self.unacked -= 1
        self.lose(copy, reason)

    def lose(self, copy: Copy, reason: str) -> None:
        """A copy that is in nobody's hands and in no queue any more ends here."""
        if self._report is not None:
            self._report(events.Discarded, self.vhost, self.name, copy.message.number, reason)

    def purge(self) -> int:
        """Remove the ready copies and tell how many there were; unacked ones stay (QUEUE-24)."""
        count = len(self.ready)
        if self._report is not None:
            numbers = tuple(copy.message.number for copy in self.ready)
            self._report(events.QueuePurged, self.vhost, self.name, numbers)
        self.ready.clear()
        return count

    # --- consumers -------------------------------------------------------------------------------------

    def subscribe(self, consumer: Consumer) -> None:
        """Take a consumer on. Raises 403 if it or another wants the queue for itself (BASIC-20)."""
        if self.exclusive_consumer is not None or (consumer.exclusive and self.consumers):
            raise AccessRefused(f"{self.describe()} in exclusive use")
        if consumer.exclusive:
            self.exclusive_consumer = consumer
        self.had_consumers = True
        self.consumers.add(consumer)
        if self._report is not None:
            self._report(
                events.ConsumerAdded,
                self.vhost,
                self.name,
                consumer.recipient.connection,
                consumer.recipient.number,
                consumer.tag,
                consumer.no_ack,
                consumer.exclusive,
                consumer.prefetch,
                consumer.priority,
            )

    def unsubscribe(self, consumer: Consumer, reason: str) -> None:
        """Let a consumer go. Whether an auto-delete queue ends now is the caller's to ask
        (:meth:`unused`).
        """
        self.consumers.remove(consumer)
        if self.exclusive_consumer is consumer:
            self.exclusive_consumer = None
        if self._report is not None:
            recipient = consumer.recipient
            self._report(
                events.ConsumerRemoved,
                self.vhost,
                self.name,
                recipient.connection,
                recipient.number,
                consumer.tag,
                reason,
            )

    @property
    def unused(self) -> bool:
        """An auto-delete queue whose last consumer has left (QUEUE-21)."""
        return self.auto_delete and self.had_consumers and not self.consumers

    def __repr__(self) -> str:
        return (
            f"<Queue {self.name!r}: {len(self.ready)} ready, {self.unacked} unacked, "
            f"{len(self.consumers)} consumers>"
        )


def _place(copy: Copy) -> int:
    return copy.place
