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

A queue with limits takes less for granted. A copy may expire, but only at the head: what stands behind a live
one waits for its turn even to die (QUEUE-67). A queue that is too long drops its head, or refuses the
newcomer (QUEUE-61, QUEUE-64). A copy that ends in such a way goes to :attr:`Queue.dying` when there is a
dead-letter exchange; the virtual host takes it from there. And a queue nobody uses may expire as a whole
(QUEUE-23).

The queue has no clock. Time comes with each call, in nanoseconds, and :attr:`Queue.watch` is told the next
moment at which :meth:`Queue.look` should be called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from amqplab.model.arguments import QueueArguments
from amqplab.model.audience import Audience
from amqplab.model.backlog import Backlog, Line, Lines, positions
from amqplab.model.consumer import Consumer, Recipient, SingleActive, Turns
from amqplab.model.dead_letter import Dying
from amqplab.model.describe import describe
from amqplab.model.message import Copy, Message
from amqplab.model.settings import MILLISECOND, Settings, settings_from
from amqplab.trace import events

if TYPE_CHECKING:
    from amqplab.model.journal_state import KeptCopy
    from amqplab.model.keeper import Keeper
    from amqplab.trace.recorder import Report

__all__ = ["Queue"]


class Queue:
    """One classic queue. `owner` is the connection of an exclusive queue, else None (QUEUE-18).

    `plain` tells that taking a message in needs no thought.
    """

    kind = "classic"
    grants_exclusive = True  # a consumer may ask to be the only one
    keeps_delivered = False  # what a consumer got is here all the same

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
        self.settings = self._read_settings({})
        self.plain = self.settings.plain
        self.ready: Backlog = self._new_backlog()
        self.ready_octets = 0  # of bodies
        self.unacked = 0
        self.consumers = SingleActive() if self.settings.single_active_consumer else Turns()
        self._audience = Audience(self, report)
        self.deleted = False
        self.dying: list[Dying] = []
        self.keeper: Keeper | None = None
        self.watch: Callable[[Queue, int | None], None] = lambda queue, moment: None
        self.unused_since = 0
        self._mortal = False  # some copy here may expire
        self._watched: int | None = None
        self._next_place = 0
        self._report = report

    def _read_settings(self, policy: Mapping[str, Any]) -> Settings:
        return settings_from(self.arguments.table, policy)

    def _new_backlog(self) -> Backlog:
        if self.settings.max_priority is None:
            return Line()
        return Lines(lambda copy: self.settings.priority(copy.message))

    def apply_policy(self, policy: Mapping[str, Any], now: int) -> None:
        """A policy begins, changes or (empty) ends; it holds from now on (LIMIT-17)."""
        self.settings = self._read_settings(policy)
        self.plain = self.settings.plain
        self._drop_what_is_too_much(now)

    def describe(self) -> str:
        """ "queue 'q' in vhost '/'"."""
        return describe("queue", self.name, self.vhost)

    # --- in --------------------------------------------------------------------------------------------

    def enqueue(self, message: Message, now: int) -> bool:
        """A copy of `message` joins, and leaves again if a consumer can take it. False if the queue refuses
        it (QUEUE-64).
        """
        if not self.plain or message.expiration_ms is not None:
            return self._admit(message, now)
        place = message.number  # places only have to rise; this number is there already
        if place < self._next_place:
            place = self._next_place
        self._next_place = place + 1
        copy = Copy(message, place)
        self.ready.append(copy)
        self.ready_octets += len(message.body)
        if self._report is not None:
            self._report(events.Enqueued, self.vhost, self.name, message.number, len(self.ready) - 1)
        if self.keeper is not None and message.persistent:
            self.keeper.stored(self, message, copy)
        if self.consumers.count:
            self.pump(now)
        return True

    def keeps(self, copy: Copy) -> bool:
        """Whether the copy survives the broker (DUR-04, DUR-05)."""
        return self.keeper is not None and (copy.message.persistent or self.kind != "classic")

    def revive(self, message: Message, kept: KeptCopy, expires_at: int | None) -> Copy:
        """A copy that survived, as it was."""
        copy = self._new_copy(message, kept.place, expires_at)
        copy.redelivered = kept.redelivered
        return copy

    def resume(self, copies: list[Copy], next_place: int, now: int) -> None:
        """What survived stands in the queue again; what has expired meanwhile goes (DUR-11)."""
        self._next_place = next_place
        for copy in copies:
            self._mortal = self._mortal or copy.expires_at is not None
            self.ready_octets += len(copy.message.body)
            position = self.ready.join(copy)
            if self._report is not None:
                self._report(events.Enqueued, self.vhost, self.name, copy.message.number, position)
        self._drop_what_is_too_much(now)

    def _admit(self, message: Message, now: int) -> bool:
        """The long way in: is there room, when does it expire, how urgent is it?"""
        settings = self.settings
        copy = self._new_copy(message, self._next_place, settings.expiry(message, now))
        size = len(message.body)
        if self._has_no_room_for(size):
            self._refuse(copy)
            return False
        self._next_place += 1
        self._mortal = self._mortal or copy.expires_at is not None
        self.ready_octets += size
        position = self.ready.join(copy)
        if self._report is not None:
            self._report(events.Enqueued, self.vhost, self.name, message.number, position)
        if self.keeps(copy):
            assert self.keeper is not None
            self.keeper.stored(self, message, copy)
        self._serve(now)
        self._drop_what_is_too_much(now)
        return True

    def _new_copy(self, message: Message, place: int, expires_at: int | None) -> Copy:
        return Copy(message, place, expires_at)

    def _has_no_room_for(self, size: int) -> bool:
        settings = self.settings
        return settings.refuses and settings.too_long(len(self.ready) + 1, self.ready_octets + size)

    def _refuse(self, copy: Copy) -> None:
        """No room, and nobody shall make some: the newcomer goes, perhaps to the dead letters (QUEUE-65)."""
        if self.settings.overflow == "reject-publish-dlx":
            self.bury(copy, "maxlen")
        else:
            self.lose(copy, "refused: the queue is full")

    def requeue(self, copies: Iterable[Copy], reason: str, now: int) -> None:
        """Unacked copies come back, each to its original place, marked redelivered (BASIC-53). What is too
        much then, or has expired meanwhile, ends (QUEUE-62, QUEUE-70).
        """
        if back := list(copies):
            self.take_back(back, reason)
            self._drop_what_is_too_much(now)

    def take_back(self, back: list[Copy], reason: str) -> None:
        """The same, and nothing of what comes of it."""
        self.unacked -= len(back)
        for copy in back:
            copy.redelivered = True
            self.ready_octets += len(copy.message.body)
        if self.keeper is not None:  # first, because some are put back to another place
            self.keeper.returned(self, [copy for copy in back if self.keeps(copy)])
        self._put_back(back, reason)
        if self._report is not None:
            self._report_requeued(back, reason)

    def _put_back(self, back: list[Copy], reason: str) -> None:
        self.ready.put_back(back)

    def _report_requeued(self, back: list[Copy], reason: str) -> None:
        assert self._report is not None
        position = positions(self.ready, back)
        for copy in sorted(back, key=lambda copy: copy.place):
            self._report(
                events.Requeued, self.vhost, self.name, copy.message.number, position[copy.place], reason
            )

    # --- out -------------------------------------------------------------------------------------------

    def pump(self, now: int) -> None:
        """Hand out ready copies while there is a consumer that can take one."""
        if self._audience.turn_came:
            self._audience.tell_active()
        self._serve(now)
        if self._mortal or self.settings.expires is not None:
            self._rewatch()

    def _serve(self, now: int) -> None:
        ready = self.ready
        choose = self.consumers.choose
        while ready:
            consumer = choose()
            if consumer is None:
                return
            copy = ready.popleft()
            self.ready_octets -= len(copy.message.body)
            if not consumer.no_ack:
                consumer.spend()
                self.unacked += 1
            elif self.keeper is not None:
                self._forget([copy])
            tag = consumer.recipient.deliver(consumer, copy)
            if self._report is not None:
                self._report_delivery(copy, consumer.recipient, consumer.tag, tag, consumer.no_ack)
            if self._mortal:
                self._expire(now)

    def get(self, recipient: Recipient, tag: int, no_ack: bool, now: int) -> Copy | None:
        """basic.get: the head, whatever the consumers and windows say (BASIC-43, BASIC-46)."""
        self.renew(now)
        if not self.ready:
            return None
        copy = self.ready.popleft()
        self.ready_octets -= len(copy.message.body)
        if not no_ack:
            self.unacked += 1
        else:
            self._forget([copy])
        if self._report is not None:
            self._report_delivery(copy, recipient, "", tag, no_ack)
        self._expire(now)
        self._rewatch()
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
            self.keeps_delivered,
        )

    # --- the end of a copy -----------------------------------------------------------------------------

    def acknowledge(self, copy: Copy) -> None:
        """An unacked copy is done with."""
        self.unacked -= 1
        if self.keeper is not None:
            self._forget([copy])

    def _forget(self, copies: Iterable[Copy]) -> None:
        """These copies need not survive any more."""
        if self.keeper is not None:
            self.keeper.removed(self, [copy for copy in copies if self.keeps(copy)])

    def discard(self, copy: Copy, reason: str) -> None:
        """An unacked copy is given up: rejected without requeue (BASIC-54)."""
        self.unacked -= 1
        self.end(copy, reason)

    def end(self, copy: Copy, reason: str) -> None:
        """A copy that was here dies."""
        self._forget([copy])
        self.bury(copy, reason)

    def bury(self, copy: Copy, reason: str) -> None:
        """A copy dies: it goes to the dead-letter exchange, if there is one (DLX-01)."""
        if self.settings.dead_letter_exchange is None:
            self.lose(copy, reason)
        else:
            self.dying.append(Dying(self, copy, reason))

    def lose(self, copy: Copy, reason: str) -> None:
        """A copy that is in nobody's hands and in no queue any more ends here."""
        if self._report is not None:
            self._report(events.Discarded, self.vhost, self.name, copy.message.number, reason)

    def abandon(self, reason: str) -> None:
        """The queue is gone, and all that stands in it."""
        for copy in self.ready:
            self.lose(copy, reason)
        self.ready.clear()

    def check_refusal(self) -> None:
        """Raise what a nack or reject of a copy from here meets: nothing, in most queues."""

    def purge(self) -> int:
        """Remove the ready copies and tell how many there were; unacked ones stay (QUEUE-24)."""
        count = len(self.ready)
        if self._report is not None:
            numbers = tuple(copy.message.number for copy in self.ready)
            self._report(events.QueuePurged, self.vhost, self.name, numbers)
        self._forget(self.ready)
        self.ready.clear()
        self.ready_octets = 0
        self._rewatch()
        return count

    def forget_transient(self, reason: str) -> None:
        """The power failed: of what is ready only what a disk has kept is still there (DUR-04, DUR-05)."""
        self._audience.had_any = False  # nobody remembers
        if self.kind != "classic":
            return
        kept = [copy for copy in self.ready if copy.message.persistent]
        for copy in self.ready:
            if not copy.message.persistent:
                self.lose(copy, reason)
        self.ready.clear()
        if kept:
            self.ready.put_back(kept)
        self.ready_octets = sum(len(copy.message.body) for copy in kept)
        self._rewatch()

    # --- limits and time -------------------------------------------------------------------------------

    def _drop_what_is_too_much(self, now: int) -> None:
        """Drop the head until the length is allowed (QUEUE-61), and what has expired at the head."""
        settings = self.settings
        if settings.limited and not settings.refuses:
            while self.ready and settings.too_long(len(self.ready), self.ready_octets):
                self._drop_head("maxlen")
        self._expire(now)
        self._rewatch()

    def _expire(self, now: int) -> None:
        """Drop what has expired at the head."""
        if not self._mortal:
            return
        while self.ready:
            moment = self.ready.head.expires_at
            if moment is None or moment > now:
                return
            self._drop_head("expired")

    def _drop_head(self, reason: str) -> None:
        copy = self.ready.popleft()
        self.ready_octets -= len(copy.message.body)
        self.end(copy, reason)

    def renew(self, now: int) -> None:
        """Somebody used the queue: its own expiry starts anew (QUEUE-23)."""
        if self.settings.expires is not None:
            self.unused_since = now
            self._rewatch()

    @property
    def expires_at(self) -> int | None:
        """When the queue as a whole expires (ns), if nobody uses it until then."""
        expires = self.settings.expires
        if expires is None or self.consumers:
            return None
        return self.unused_since + expires * MILLISECOND

    def _rewatch(self) -> None:
        """Tell when the next look is due."""
        moment = min((one for one in self._moments() if one is not None), default=None)
        if moment != self._watched and not self.deleted:
            self._watched = moment
            self.watch(self, moment)

    def _moments(self) -> list[int | None]:
        """When there will be something to do."""
        head = self.ready.head.expires_at if self._mortal and self.ready else None
        return [self.expires_at, head]

    def look(self, now: int) -> bool:
        """The moment that was watched for has come. True if the queue itself has expired."""
        self._watched = None
        lease = self.expires_at
        if lease is not None and lease <= now:
            return True
        self._expire(now)
        self._rewatch()
        return False

    # --- consumers -------------------------------------------------------------------------------------

    def subscribe(self, consumer: Consumer, now: int = 0) -> None:
        """Take a consumer on. Raises 403 if it or another wants the queue for itself (BASIC-20,
        BASIC-21).
        """
        self._audience.join(consumer)

    def unsubscribe(self, consumer: Consumer, reason: str) -> None:
        """Let a consumer go. The caller renews and pumps (another consumer's turn may have come, BASIC-35),
        or asks whether an auto-delete queue ends now (:meth:`unused`).
        """
        self._audience.leave(consumer, reason)

    @property
    def consumer_count(self) -> int:
        """What queue.declare-ok says (QUEUE-05)."""
        return len(self.consumers)

    @property
    def unused(self) -> bool:
        """An auto-delete queue whose last consumer has left (QUEUE-21)."""
        return self.auto_delete and self._audience.had_any and not self.consumers

    def __repr__(self) -> str:
        ready, consumers = len(self.ready), len(self.consumers)
        return f"<Queue {self.name!r}: {ready} ready, {self.unacked} unacked, {consumers} consumers>"
