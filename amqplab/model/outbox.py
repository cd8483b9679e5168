"""The outbox: dead letters that have to arrive, and wait in their queue until they have.

Theory
------
An ordinary dead letter is sent *at most once*: if the dead-letter exchange is not there, routes it nowhere,
or the queue behind it is full, the letter is lost (DLX-03). A quorum queue can do better. With
``x-dead-letter-strategy: at-least-once``, and if it refuses what it has no room for (QUEUE-52), it is its own
careful publisher: a dead copy leaves it when every queue that the letter was routed to has taken it, as a
publisher would wait for its confirm. Until then it is in nobody's hands and among no ready messages, but it
takes up room: a queue whose letters cannot get away fills, and refuses what comes.

What did not arrive is tried again, three minutes later in RabbitMQ: a clock starts with the first failure,
and each time it rings the letters are sent again that have waited so long. Only the oldest letters are on
their way at a time, so some that cannot arrive hold up all that died after them.

Purging the queue leaves the outbox alone; deleting the queue, or a policy that ends the strategy, empties it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amqplab.model.message import Copy, Message
    from amqplab.model.quorum import QuorumQueue

__all__ = ["Outbox", "Pending"]

WINDOW = 32  # RabbitMQ's dead_letter_worker_consumer_prefetch


class Pending:
    """A dead copy, whose, why it died, the letter it became, and the queues that have taken it."""

    __slots__ = ("announced", "copy", "delayed", "letter", "queue", "reached", "reason", "sent_at", "tried")

    def __init__(self, queue: QuorumQueue, copy: Copy, reason: str) -> None:
        self.queue = queue
        self.copy = copy
        self.reason = reason
        self.letter: Message | None = None
        self.reached: set[str] = set()
        self.tried = False
        self.announced: int | None = None  # the record that tells where it goes
        self.delayed = False  # it did not arrive everywhere at once
        self.sent_at = 0


class Outbox:
    """The pending letters of one queue, oldest first; `octets` are those of their bodies."""

    def __init__(self, queue: QuorumQueue) -> None:
        self._queue = queue
        self._pending: dict[Pending, None] = {}
        self.octets = 0
        self.rings_at: int | None = None  # when letters are sent again (ns)
        self._patience = 0

    def __len__(self) -> int:
        return len(self._pending)

    def put(self, copy: Copy, reason: str) -> None:
        """One more."""
        pending = Pending(self._queue, copy, reason)
        self._pending[pending] = None
        self.octets += len(copy.message.body)

    def __contains__(self, pending: Pending) -> bool:
        return pending in self._pending

    def remove(self, pending: Pending) -> None:
        """It has arrived, or is given up."""
        del self._pending[pending]
        self.octets -= len(pending.copy.message.body)

    def clear(self) -> None:
        """All are given up."""
        self._pending.clear()
        self.octets = 0
        self.rings_at = None

    @property
    def on_the_way(self) -> Iterator[Pending]:
        """The oldest: those that may be sent."""
        return islice(self._pending, WINDOW)

    def new(self) -> list[Pending]:
        """Those of them that have not been sent yet."""
        return [one for one in self.on_the_way if not one.tried]

    def failed(self, pending: Pending, now: int, patience: int) -> None:
        """It was sent, and did not arrive everywhere; so long (ns) it has to wait at least."""
        pending.delayed = True
        pending.sent_at = now
        self._patience = patience
        if self.rings_at is None:
            self.rings_at = now + patience

    def ring(self, now: int) -> list[Pending]:
        """What is to be sent again, if the clock rings now."""
        if self.rings_at is None or self.rings_at > now:
            return []
        waiting = list(self.on_the_way)
        self.rings_at = now + self._patience if waiting else None
        return [one for one in waiting if one.sent_at + self._patience <= now]

    def __iter__(self) -> Iterator[Pending]:
        return iter(self._pending)
