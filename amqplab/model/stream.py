"""Streams: queues that forget nothing when they are read.

Theory
------
A queue hands a message to *one* consumer, and when that has acknowledged it, it is gone. A **stream** is a
log: messages are appended, each has an *offset*, 0, 1, 2, …, and a consumer is a reader with a place in the
log. Several readers read independently, each from where it likes to begin, as often as they like
(STREAM-04)::

    offset     0    1    2    3    4    5
             ┌────┬────┬────┬────┬────┬────┐
             │ m0 │ m1 │ m2 │ m3 │ m4 │ m5 │ ← appended
             └────┴────┴────┴────┴────┴────┘
                ↑ "first"  ↑ 2       ↑ "last" ↑ "next"

An acknowledgement takes nothing away. It only tells that the reader can take one more, so a reader must have
a prefetch window, and must acknowledge (STREAM-01, STREAM-02). What belongs to *taking away*, basic.get,
purge and refusing, does not exist (STREAM-03).

So a log would grow for ever. With ``x-max-length-bytes`` or ``x-max-age`` it loses its oldest *segment* when
a newer one begins and there is too much in all: retention looks at whole segments, never at single messages,
so with the ordinary size of a segment (500 MB) a short stream keeps everything.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from amqplab.errors import AMQPNotImplemented, PreconditionFailed
from amqplab.model.backlog import place_of
from amqplab.model.consumer import Consumer, Readers, Recipient
from amqplab.model.message import Copy, Message
from amqplab.model.queue import Queue
from amqplab.model.settings import Settings
from amqplab.model.stream_message import as_streamed
from amqplab.model.stream_offset import age_in_ns, plain_offset
from amqplab.trace import events
from amqplab.wire.table import Timestamp

if TYPE_CHECKING:
    from amqplab.model.journal_state import KeptCopy

__all__ = ["Log", "Retention", "StreamQueue"]

SEGMENT_SIZE = 500_000_000  # octets
WRAPPING = 100  # octets that RabbitMQ writes around a message, roughly
SECOND = 1_000_000_000  # ns


class Retention(NamedTuple):
    """How much a stream keeps: octets and nanoseconds, None for all. `segment_size` in octets."""

    max_octets: int | None = None
    max_age: int | None = None
    segment_size: int = SEGMENT_SIZE

    @classmethod
    def read(cls, arguments: Mapping[str, Any], policy: Mapping[str, Any]) -> Retention:
        """What the arguments and the policy say; of two lengths or ages the smaller counts (LIMIT-18)."""
        lengths = (arguments.get("x-max-length-bytes"), policy.get("max-length-bytes"))
        ages = (arguments.get("x-max-age"), policy.get("max-age"))
        option = "stream-max-segment-size-bytes"
        sizes = (arguments.get(f"x-{option}"), policy.get(option))
        return cls(
            min((one for one in lengths if one is not None), default=None),
            min((age_in_ns(one) or 0 for one in ages if one is not None), default=None),
            min((one for one in sizes if one is not None), default=SEGMENT_SIZE),
        )


class StoredCopy(Copy):
    """A message in a log. `place` is its offset, `expires_at` when it came: it is the only moment that a
    copy has, and in a stream it says not when the copy ends but how old it is.
    """

    __slots__ = ()


class Log:
    """The copies of a stream by offset, in segments. To who only counts them it is a backlog."""

    __slots__ = ("_copies", "_segments")

    def __init__(self) -> None:
        self._copies: list[Copy] = []
        self._segments: list[list[int]] = []  # of each: its first offset, and its octets

    @property
    def head(self) -> Copy:
        """The oldest copy. IndexError if there is none."""
        return self._copies[0]

    def append(self, copy: Copy, segment_size: int) -> bool:
        """A copy takes the next place; True if a new segment begins with it."""
        self._copies.append(copy)
        begins = not self._segments or self._segments[-1][1] >= segment_size
        if begins:
            self._segments.append([copy.place, 0])
        self._segments[-1][1] += len(copy.message.body) + len(copy.message.octets) + WRAPPING
        return begins

    def drop_segment(self) -> list[Copy]:
        """The oldest segment goes."""
        del self._segments[0]
        count = self.index(self._segments[0][0])
        gone = self._copies[:count]
        del self._copies[:count]
        return gone

    @property
    def segments(self) -> int:
        """How many there are."""
        return len(self._segments)

    @property
    def octets(self) -> int:
        """Of all that is kept."""
        return sum(octets for _, octets in self._segments)

    @property
    def oldest_segment_ended(self) -> int:
        """When the last copy of the oldest of several segments came (ns)."""
        return self._copies[self.index(self._segments[1][0]) - 1].expires_at or 0

    def index(self, offset: int) -> int:
        """Where in the log the copy with this offset is, or the first one behind it."""
        return bisect_left(self._copies, offset, key=place_of)

    def __getitem__(self, index: int) -> Copy:
        return self._copies[index]

    def clear(self) -> None:
        """All goes."""
        self._copies.clear()
        self._segments.clear()

    def __iter__(self) -> Iterator[Copy]:
        return iter(self._copies)

    def __len__(self) -> int:
        return len(self._copies)


class StreamQueue(Queue):
    """One stream on one node. `unix_s` tells what time it was at a moment of the broker's clock."""

    kind = "stream"
    grants_exclusive = False
    keeps_delivered = True
    consumers: Readers
    ready: Log  # type: ignore[assignment]  # not a line that anybody leaves

    def __init__(self, vhost: str, name: str, *, durable: bool = True, **options: Any) -> None:
        super().__init__(vhost, name, durable=durable, **options)
        self.consumers = Readers()
        self.unix_s: Callable[[int], int] = lambda now: now // SECOND
        self._positions: dict[Consumer, int] = {}

    def _read_settings(self, policy: Mapping[str, Any]) -> Settings:
        """Nothing of what other queues can be told; and taking a message in is never plain."""
        self.retention = Retention.read(self.arguments.table, policy)
        return Settings(max_priority=0)

    def _new_backlog(self) -> Log:  # type: ignore[override]
        return Log()

    @property
    def consumer_count(self) -> int:
        """Nobody counts readers (STREAM-06)."""
        return 0

    # --- in --------------------------------------------------------------------------------------------

    def enqueue(self, message: Message, now: int) -> bool:
        """A message is appended. Raises Crash for one that cannot be written."""
        copy = self._append(message, self._next_place, now)
        if self._report is not None:
            self._report(events.Enqueued, self.vhost, self.name, message.number, len(self.ready) - 1)
        if self.keeper is not None:
            self.keeper.stored(self, message, copy)
        self.pump(now)
        return True

    def _append(self, message: Message, offset: int, moment: int) -> Copy:
        copy = StoredCopy(as_streamed(message, offset), offset, moment)
        self._next_place = offset + 1
        self.ready_octets += len(message.body)
        if self.ready.append(copy, self.retention.segment_size):
            self._retain(moment)
        return copy

    def _retain(self, now: int) -> None:
        """Old segments go, if there is too much with them."""
        log, retention = self.ready, self.retention
        while log.segments > 1:
            if retention.max_octets is not None and log.octets > retention.max_octets:
                reason = "maxlen"
            elif retention.max_age is not None and now - log.oldest_segment_ended > retention.max_age:
                reason = "expired"
            else:
                return
            gone = log.drop_segment()
            self._forget(gone)
            for copy in gone:
                self.ready_octets -= len(copy.message.body)
                self.lose(copy, reason)

    def revive(self, message: Message, kept: KeptCopy, expires_at: int | None) -> Copy:
        return StoredCopy(message, kept.place, expires_at)

    def resume(self, copies: list[Copy], next_place: int, now: int) -> None:
        for copy in copies:
            self._append(copy.message, copy.place, copy.expires_at or 0)
            if self._report is not None:
                number, position = copy.message.number, len(self.ready) - 1
                self._report(events.Enqueued, self.vhost, self.name, number, position)
        self._retain(now)

    # --- out -------------------------------------------------------------------------------------------

    def subscribe(self, consumer: Consumer, now: int = 0) -> None:
        """A reader comes. Raises 406 without a prefetch window, 540 if the window is shared (STREAM-01) or
        there are no acknowledgements (STREAM-02).
        """
        if not consumer.prefetch:
            raise PreconditionFailed(f"consumer prefetch count is not set for '{self.describe()}'")
        if consumer.recipient.window.limit:
            raise AMQPNotImplemented(f"{self.describe()} does not support global qos")
        if consumer.no_ack:
            raise self._unsupported("automatic acknowledgement")
        start = self._start(plain_offset(consumer.arguments.get("x-stream-offset", "next")), now)
        index = self.ready.index(start)
        consumer.start = self.ready[index].place if index < len(self.ready) else max(start, self._next_place)
        super().subscribe(consumer, now)
        self._positions[consumer] = start

    def _start(self, wanted: str | int, now: int) -> int:
        """The offset from which on a reader gets messages (STREAM-04)."""
        if wanted == "next":
            return self._next_place
        if wanted == "first":
            return 0
        if wanted == "last":
            return self._next_place - 1
        if isinstance(wanted, Timestamp):
            return self._first_since(lambda copy: self.unix_s(copy.expires_at or 0), wanted)
        if isinstance(wanted, int):
            return wanted
        return self._first_since(lambda copy: copy.expires_at or 0, now - (age_in_ns(wanted) or 0))

    def _first_since(self, time_of: Callable[[Copy], int], moment: int) -> int:
        index = bisect_left(self.ready, moment, key=time_of)
        return self.ready[index].place if index < len(self.ready) else self._next_place

    def unsubscribe(self, consumer: Consumer, reason: str) -> None:
        super().unsubscribe(consumer, reason)
        del self._positions[consumer]

    def _serve(self, now: int) -> None:
        """Everybody gets what they have not read yet, as far as they can take it."""
        for consumer in self.consumers:
            self.read_on(consumer)

    def read_on(self, consumer: Consumer) -> None:
        """One reader gets what it has not read yet, as far as it can take it."""
        log, end = self.ready, len(self.ready)
        index = log.index(self._positions[consumer])
        while index < end:
            if not consumer.can_take():
                consumer.blocked = True
                break
            self._hand_over(log[index], consumer)
            index += 1

    def _hand_over(self, copy: Copy, consumer: Consumer) -> None:
        self._positions[consumer] = copy.place + 1
        consumer.spend()
        tag = consumer.recipient.deliver(consumer, copy)
        if self._report is not None:
            self._report_delivery(copy, consumer.recipient, consumer.tag, tag, no_ack=False)

    def acknowledge(self, copy: Copy) -> None:
        """It stays where it is."""

    def requeue(self, copies: Iterable[Copy], reason: str, now: int) -> None:
        """They never left."""

    def take_back(self, back: list[Copy], reason: str) -> None:
        """The same here."""

    # --- what there is not -----------------------------------------------------------------------------

    def get(self, recipient: Recipient, tag: int, no_ack: bool, now: int) -> Copy | None:
        """Raises 540 (STREAM-03)."""
        raise self._unsupported("basic.get")

    def purge(self) -> int:
        """Raises 540 (STREAM-03)."""
        raise self._unsupported("queue.purge")

    def check_refusal(self) -> None:
        """Raises 540 (STREAM-03)."""
        raise self._unsupported("basic.nack and basic.reject")

    def _unsupported(self, what: str) -> AMQPNotImplemented:
        return AMQPNotImplemented(f"{what} not supported by stream queues {self.describe()}")
