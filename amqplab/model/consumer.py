"""Consumers: who gets the next message.

Theory
------
A queue *pushes*: whenever it has a message and a consumer that can take one, the message
leaves. Consumers are served in turn, one message each (BASIC-30), those of higher ``x-priority`` first
(BASIC-33). A consumer whose prefetch window is full is taken out of the turn when the turn comes to it, and
rejoins at the tail once an acknowledgement made room (BASIC-32).

There are two windows. The consumer's own (``basic.qos`` with global=false, BASIC-38) is a number of
*credits*: one is spent per delivery and comes back per settlement. The channel's (global=true, BASIC-39) is
shared by all consumers on the channel, of all queues. Both must have room (BASIC-40). A consumer without
acknowledgements spends nothing, but still stands behind a shared window that the channel's other consumers
have filled.

And there is the socket: while a connection takes no more octets, its channels' consumers count as full, too
(BASIC-34). What they do not get waits in the queue, where others may have it, not in a buffer.

The model does not know channels; who receives is anything that is a :class:`Recipient`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from amqplab.model.message import Copy
    from amqplab.model.queue import Queue

__all__ = ["UNLIMITED", "Consumer", "Readers", "Recipient", "SharedWindow", "SingleActive", "Turns"]

UNLIMITED = -1
"""Credit of a consumer without a window."""


class SharedWindow:
    """The prefetch limit of a channel, shared by its consumers; `limit` 0 is none (BASIC-39). While it is
    `stalled`, the connection takes no more octets (BASIC-34).
    """

    __slots__ = ("limit", "outstanding", "stalled")

    def __init__(self, stalled: bool = False) -> None:
        self.limit = 0
        self.outstanding = 0
        self.stalled = stalled

    @property
    def full(self) -> bool:
        """No further delivery may leave, by the limit."""
        return 0 < self.limit <= self.outstanding

    def set(self, limit: int, unacknowledged: int) -> None:
        """Begin, change or (0) end the limit. Beginning counts what is outstanding on the channel by then."""
        if limit == 0:
            self.outstanding = 0
        elif self.limit == 0:
            self.outstanding = unacknowledged
        self.limit = limit

    def release(self, count: int) -> None:
        """`count` deliveries were settled."""
        self.outstanding = max(0, self.outstanding - count)


class Recipient(Protocol):
    """What a queue needs to know of a channel: its name for the record, its window, and how to hand over."""

    connection: str
    number: int
    window: SharedWindow

    def deliver(self, consumer: Consumer, copy: Copy) -> int:
        """Send the copy to the consumer's client and return the delivery tag it got."""


class Consumer:
    """One subscription of one recipient to one queue."""

    __slots__ = (
        "arguments",
        "blocked",
        "credit",
        "exclusive",
        "no_ack",
        "prefetch",
        "priority",
        "queue",
        "recipient",
        "start",
        "tag",
        "wire",
    )

    def __init__(
        self,
        queue: Queue,
        recipient: Recipient,
        tag: str,
        *,
        no_ack: bool = False,
        exclusive: bool = False,
        prefetch: int = 0,
        priority: int = 0,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.queue = queue
        self.recipient = recipient
        self.tag = tag
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.prefetch = prefetch
        self.priority = priority
        self.arguments = arguments or {}
        self.credit = UNLIMITED if no_ack or prefetch == 0 else prefetch
        self.blocked = False
        self.start: int | None = None  # the offset at which a reader of a stream begins
        self.wire: Any = None  # the recipient's own: what it has prepared for this consumer's deliveries

    def can_take(self) -> bool:
        """Both windows have room, and so has the socket."""
        window = self.recipient.window
        return self.credit != 0 and not window.stalled and not 0 < window.limit <= window.outstanding

    def spend(self) -> None:
        """A delivery that must be acknowledged leaves."""
        if self.credit > 0:
            self.credit -= 1
        self.recipient.window.outstanding += 1

    def regain(self) -> None:
        """One such delivery was settled."""
        if self.credit != UNLIMITED:
            self.credit += 1

    def __repr__(self) -> str:
        return f"<Consumer {self.tag!r} of queue {self.queue.name!r}>"


class Turns:
    """Whose turn it is: priority groups, highest first, and round robin within a group.

    Who cannot take anything stands aside, by recipient: thousands may, and an acknowledgement must not look
    at them all.
    """

    __slots__ = ("_blocked", "_groups", "count")

    active: Consumer | None = None
    """Who gets everything, where one does (:class:`SingleActive`)."""

    def __init__(self) -> None:
        self._groups: list[tuple[int, deque[Consumer]]] = []
        self._blocked: dict[Recipient, dict[Consumer, None]] = {}
        self.count = 0

    def add(self, consumer: Consumer) -> None:
        """A new consumer joins at the tail of its group."""
        self.count += 1
        self._join(consumer)

    def remove(self, consumer: Consumer) -> None:
        """A consumer leaves, waiting or blocked."""
        self.count -= 1
        if consumer.blocked:
            self._release(consumer)
            return  # what it still holds may be settled later, and must not bring it back
        for index, (priority, group) in enumerate(self._groups):
            if priority == consumer.priority:
                if group[-1] is consumer:  # leaving in the order of coming is quick, and so is the reverse
                    group.pop()
                else:
                    group.remove(consumer)
                if not group:
                    del self._groups[index]
                return

    def choose(self) -> Consumer | None:
        """The consumer to serve now, moved to the tail of its group; None when nobody can take anything.

        Consumers found full on the way leave the turn until :meth:`unblock`.
        """
        while self._groups:
            group = self._groups[0][1]
            while group:
                consumer = group[0]
                if consumer.can_take():
                    group.rotate(-1)
                    return consumer
                group.popleft()
                consumer.blocked = True
                self._blocked.setdefault(consumer.recipient, {})[consumer] = None
            del self._groups[0]
        return None

    def unblock(self, recipient: Recipient) -> bool:
        """Let the recipient's blocked consumers that have room again rejoin; True if any did."""
        return True in [self.rejoin(one) for one in list(self._blocked.get(recipient, ()))]

    def rejoin(self, consumer: Consumer) -> bool:
        """Let this blocked consumer rejoin if it has room again; True if it did."""
        if not consumer.can_take():
            return False
        self._release(consumer)
        self._join(consumer)
        return True

    def _release(self, consumer: Consumer) -> None:
        consumer.blocked = False
        beside = self._blocked[consumer.recipient]
        del beside[consumer]
        if not beside:
            del self._blocked[consumer.recipient]

    def _join(self, consumer: Consumer) -> None:
        for index, (priority, group) in enumerate(self._groups):
            if priority == consumer.priority:
                group.append(consumer)
                return
            if priority < consumer.priority:
                self._groups.insert(index, (consumer.priority, deque((consumer,))))
                return
        self._groups.append((consumer.priority, deque((consumer,))))

    def __iter__(self) -> Iterator[Consumer]:
        for _, group in self._groups:
            yield from group
        for beside in self._blocked.values():
            yield from beside

    def __len__(self) -> int:
        return self.count


class SingleActive(Turns):
    """One consumer gets everything, the others stand by (BASIC-35): the first comer, and when it leaves, of
    those that wait the one with the highest priority, then the one that waits longest.
    """

    __slots__ = ("active",)

    def __init__(self) -> None:
        super().__init__()
        self.active: Consumer | None = None

    def add(self, consumer: Consumer) -> None:
        super().add(consumer)
        if self.active is None:
            self.active = consumer

    def remove(self, consumer: Consumer) -> None:
        consumer.blocked = False  # it never left the turn, see choose
        super().remove(consumer)
        if self.active is consumer:
            self.active = next(iter(self), None)

    def choose(self) -> Consumer | None:
        active = self.active
        if active is None or active.blocked:
            return None
        if active.can_take():
            return active
        active.blocked = True
        return None

    def unblock(self, recipient: Recipient) -> bool:
        active = self.active
        return active is not None and active.recipient is recipient and self.rejoin(active)

    def rejoin(self, consumer: Consumer) -> bool:
        if not consumer.blocked or not consumer.can_take():
            return False
        consumer.blocked = False
        return True


class Readers(Turns):
    """Everybody gets everything, so nobody waits for a turn (STREAM-04)."""

    __slots__ = ("_readers",)

    def __init__(self) -> None:
        super().__init__()
        self._readers: list[Consumer] = []

    def add(self, consumer: Consumer) -> None:
        self.count += 1
        self._readers.append(consumer)

    def remove(self, consumer: Consumer) -> None:
        self.count -= 1
        consumer.blocked = False
        self._readers.remove(consumer)

    def unblock(self, recipient: Recipient) -> bool:
        return True in [self.rejoin(one) for one in self._readers if one.recipient is recipient]

    def rejoin(self, consumer: Consumer) -> bool:
        if not consumer.blocked or not consumer.can_take():
            return False
        consumer.blocked = False
        return True

    def __iter__(self) -> Iterator[Consumer]:
        return iter(tuple(self._readers))
