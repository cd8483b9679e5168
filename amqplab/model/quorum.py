"""Quorum queues, as the clients of a single node see them.

Theory
------
A quorum queue is a replicated log: every copy is on several nodes before a publish is confirmed. What a
client notices of it, besides durability, are different manners:

* It *counts* how often a copy came back, and tells it in the header ``x-delivery-count`` (QUORUM-02). With
  ``x-delivery-limit`` a copy that came back too often is given up (QUORUM-04), so a message that kills every
  consumer does not do so for ever.
* What comes back does not find its original place. With a limit, or when a channel just vanished, it goes in
  front of everything that was never delivered; without one, an explicit refusal sends it to the *tail*
  (QUORUM-05).
* Its length limit is soft: it refuses when it *is* too long, not when it would become so (QUORUM-13), and
  accepts again when it has become clearly shorter.
* A message that was got and not yet settled looks like a consumer, and is counted as one.
* Its dead letters may be sent so that they arrive (see outbox.py).
* Consumers cannot have it for themselves (QUORUM-09), and priorities mean nothing (QUORUM-16).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from amqplab.errors import ResourceLocked
from amqplab.model.backlog import Backlog, ReturnsFirst
from amqplab.model.consumer import Recipient
from amqplab.model.dead_letter import Dying
from amqplab.model.message import Copy, Message
from amqplab.model.outbox import Outbox, Pending
from amqplab.model.queue import Queue
from amqplab.model.settings import Settings
from amqplab.wire.table import Int64, Table

if TYPE_CHECKING:
    from amqplab.model.journal_state import KeptCopy

__all__ = ["CountedCopy", "QuorumQueue"]

LOW_MARK = 0.8  # of the limit: shorter than this, and a queue that refused accepts again
DELIVERY_COUNT = "x-delivery-count"


class CountedCopy(Copy):
    """A copy that shows how often it came back. `message` is what the client gets to see."""

    __slots__ = ("died", "got", "original", "returned")

    def __init__(self, message: Message, place: int, expires_at: int | None = None) -> None:
        super().__init__(message, place, expires_at)
        self.original = message
        self.returned = 0
        self.died = ""  # why, if it is dead and has to arrive
        self.got = False  # in the hands of one who used basic.get

    def show_count(self) -> None:
        """Write the count into the headers."""
        message = self.original
        properties = message.full_properties
        headers = [pair for pair in Table(properties.headers or {}).pairs if pair[0] != DELIVERY_COUNT]
        headers.append((DELIVERY_COUNT, Int64(self.returned)))
        headers.sort(key=lambda pair: pair[0].encode("utf-8", "surrogateescape"))
        self.message = message.with_properties(properties.replace(headers=Table(headers)))

    def hide_count(self) -> None:
        """As it was published: this is how it dies."""
        self.message = self.original


class QuorumQueue(Queue):
    """One quorum queue on one node."""

    kind = "quorum"
    grants_exclusive = False

    def __init__(self, vhost: str, name: str, *, durable: bool = True, **options: Any) -> None:
        self.outbox = Outbox(self)
        super().__init__(vhost, name, durable=durable, **options)
        self._to_the_front = "x-delivery-limit" in self.arguments.table
        self._overflowing = False
        self._got = 0

    @property
    def consumer_count(self) -> int:
        """Consumers, of which only the active one counts where there is one, and messages that were got."""
        count = len(self.consumers)
        return self._got + (min(count, 1) if self.settings.single_active_consumer else count)

    def _read_settings(self, policy: Mapping[str, Any]) -> Settings:
        settings = super()._read_settings(policy)
        settings = settings._replace(max_priority=0)  # nobody is more urgent here; and nothing is plain
        if settings.overflow == "reject-publish-dlx":  # accepted, and without effect (QUORUM-14)
            return settings._replace(overflow="drop-head")
        return settings

    def apply_policy(self, policy: Mapping[str, Any], now: int) -> None:
        super().apply_policy(policy, now)
        if not self.settings.careful:
            self._give_up("dead letters need not arrive any more")

    def _new_backlog(self) -> Backlog:
        return ReturnsFirst()

    def _new_copy(self, message: Message, place: int, expires_at: int | None) -> Copy:
        return CountedCopy(message, place, expires_at)

    def revive(self, message: Message, kept: KeptCopy, expires_at: int | None) -> Copy:
        copy = _counted(super().revive(message, kept, expires_at))
        copy.returned = kept.returned
        copy.died = kept.died
        return copy

    def resume(self, copies: list[Copy], next_place: int, now: int) -> None:
        """The dead that still have to arrive do not stand in line."""
        super().resume([copy for copy in copies if not copy.died], next_place, now)
        for copy in copies:
            if copy.died:
                self._post(copy, copy.died)
        if not self.settings.careful:
            self._give_up("dead letters need not arrive any more")

    def _has_no_room_for(self, size: int) -> bool:
        settings = self.settings
        if not settings.refuses:
            return False
        count, octets = len(self.ready) + len(self.outbox), self.ready_octets + self.outbox.octets
        if settings.too_long(count, octets):
            self._overflowing = True
        elif self._overflowing:
            self._overflowing = settings.too_long(_above(count), _above(octets))
        return self._overflowing

    def get(self, recipient: Recipient, tag: int, no_ack: bool, now: int) -> Copy | None:
        """basic.get always shows the count, also 0 (QUORUM-02). Raises 405 next to a single active consumer
        (QUORUM-08).
        """
        if self.settings.single_active_consumer:
            raise ResourceLocked(
                f"cannot obtain access to locked {self.describe()}. basic.get operations are not supported "
                "by quorum queues with single active consumer"
            )
        if self.ready:
            _counted(self.ready.head).show_count()
        copy = super().get(recipient, tag, no_ack, now)
        if copy is not None and not no_ack:
            self._got += 1
            _counted(copy).got = True
        return copy

    def _let_go(self, copy: Copy) -> None:
        counted = _counted(copy)
        if counted.got:
            self._got -= 1
            counted.got = False

    def acknowledge(self, copy: Copy) -> None:
        self._let_go(copy)
        super().acknowledge(copy)

    def discard(self, copy: Copy, reason: str) -> None:
        self._let_go(copy)
        super().discard(copy, reason)

    def requeue(self, copies: Iterable[Copy], reason: str, now: int) -> None:
        """Copies come back, and are counted; those that came back too often are given up."""
        limit = self.settings.delivery_limit
        kept = []
        for copy in map(_counted, copies):
            copy.returned += 1
            if limit is not None and copy.returned > limit:
                self.discard(copy, "delivery_limit")
            else:
                copy.show_count()
                kept.append(copy)
        super().requeue(kept, reason, now)

    def take_back(self, back: list[Copy], reason: str) -> None:
        for copy in back:
            self._let_go(copy)
        super().take_back(back, reason)

    def _put_back(self, back: list[Copy], reason: str) -> None:
        if self._to_the_front or reason not in ("rejected", "recover"):
            self.ready.put_back(back)
            return
        self._forget(back)
        for copy in back:
            copy.place = self._next_place
            self._next_place += 1
            self.ready.append(copy)
            if self.keeper is not None:
                self.keeper.stored(self, _counted(copy).original, copy)

    def bury(self, copy: Copy, reason: str) -> None:
        _counted(copy).hide_count()
        super().bury(copy, reason)

    # --- dead letters that have to arrive --------------------------------------------------------------

    def end(self, copy: Copy, reason: str) -> None:
        """A copy dies. Where its letter has to arrive it stays, also on the disk, until that has."""
        if not self.settings.careful:
            super().end(copy, reason)
            return
        counted = _counted(copy)
        counted.hide_count()
        counted.died = reason
        if self.keeper is not None:
            self.keeper.stored(self, counted.original, counted)
        self._post(counted, reason)

    def _post(self, copy: Copy, reason: str) -> None:
        self.outbox.put(copy, reason)
        self._send(self.outbox.new())

    def _send(self, letters: Iterable[Pending]) -> None:
        for pending in letters:
            pending.tried = True
            self.dying.append(Dying(self, pending.copy, pending.reason, pending))

    def arrived(self, pending: Pending) -> None:
        """Every queue that the letter was for has it: the copy is done with, and others may follow."""
        self.outbox.remove(pending)
        self._forget([pending.copy])
        self._send(self.outbox.new())
        self._rewatch()

    def postpone(self, pending: Pending, now: int, patience: int) -> None:
        """The letter did not arrive everywhere; it is sent again when so much time has passed (ns)."""
        self.outbox.failed(pending, now, patience)
        self._rewatch()

    def _moments(self) -> list[int | None]:
        return [*super()._moments(), self.outbox.rings_at]

    def look(self, now: int) -> bool:
        self._send(self.outbox.ring(now))
        return super().look(now)

    def abandon(self, reason: str) -> None:
        super().abandon(reason)
        self._give_up(reason)

    def _give_up(self, reason: str) -> None:
        """The letters will not be sent."""
        if not self.outbox:
            return
        for pending in self.outbox:
            if not pending.delayed:  # else it was said to be lost, for the time being
                self.lose(pending.copy, reason)
        self._forget([pending.copy for pending in self.outbox])
        self.outbox.clear()


def _counted(copy: Copy) -> CountedCopy:
    assert isinstance(copy, CountedCopy)
    return copy


def _above(amount: int) -> int:
    """What the limit has to be for `amount` to be below the low mark."""
    return int(amount / LOW_MARK + 0.999999)
