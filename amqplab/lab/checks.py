"""Invariants of a broker, watched while the run goes on.

Theory
------
Some sentences about a message broker are true at every moment or the broker is broken. A check is an
observer of the record stream: it reads each record once, keeps the little state its sentence is about, and
complains the moment the sentence becomes false. It never looks inside the broker, so it cannot share the
broker's mistakes. Frames that the recorder packs come to it as octets, when they pass.

    conservation   a copy in a queue is in one place: ready, with a consumer, or gone for a named reason; it
                   comes from a routing, and from a transaction only when that is committed
    ack first      a copy handed out for acknowledgement is forgotten only after its basic.ack was received
    prefetch       a consumer never holds more unacknowledged messages than its window
    the link       octets come out of a TCP stream as they went in, in order, none invented
    time           time never runs backwards, and a cause is always earlier than its effect

A complaint is kept in :attr:`Checks.failures` and recorded as a :class:`~amqplab.trace.events.CheckFailed`,
so that it stands on the stage at the moment it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record, Recorder
from amqplab.wire.errors import DecodeError
from amqplab.wire.frames import FRAME_METHOD, read_frame
from amqplab.wire.methods import Basic, Tx, decode_method

__all__ = ["AckFirst", "Check", "Checks", "Conservation", "Failure", "Link", "Prefetch", "Time"]

Complaint = str | None
METHOD_IDS = slice(7, 11)  # where a method frame says which method it is
Lane = tuple[str, int]
"""A channel: its connection, and its number there."""
CopyName = tuple[str, str, str, int]
"""A copy in a queue: the broker's host, virtual host, queue, and the message's number."""


class Failure(NamedTuple):
    """One broken invariant: after which record, which check, and what was seen."""

    seq: int
    check: str
    detail: str


class Check:
    """One sentence, watched. `reads` maps an event class to the method that reads it; `takes` maps the first
    octets of a received AMQP method, its ids, to what reads it where no record of it was told apart:
    ``take(connection, host, octets of the frame)``.
    """

    name = ""
    sentence = ""

    def __init__(self) -> None:
        self.reads: dict[type[e.Event], Callable[[Record], Complaint]] = {}
        self.takes: dict[bytes, Callable[[str, str, bytes], None]] = {}

    def at_rest(self) -> Iterator[str]:
        """What is wrong now that nothing is being processed."""
        return iter(())


class Conservation(Check):
    """No copy of a message appears from nothing, doubles, or vanishes without a reason."""

    name = "conservation"
    sentence = "Every copy in a queue is ready, held by a consumer, or gone for a named reason."

    def __init__(self) -> None:
        super().__init__()
        self._copies: dict[CopyName, str] = {}
        self._owed: dict[CopyName, int] = {}
        self._letters: set[tuple[str, int]] = set()
        self._transactions = Transactions()
        self.takes = {Tx.Commit.prefix: self._transactions.take_commit}
        self.reads = {
            e.ModeSelected: self._transactions.mode_selected,
            e.CommandReceived: self._transactions.command,
            e.Published: self._transactions.published,
            e.Routed: self._routed,
            e.TransactionEnded: self._transaction_ended,
            e.Enqueued: self._enqueued,
            e.Delivered: self._delivered,
            e.Acknowledged: self._acknowledged,
            e.Rejected: lambda r: self._move(r, ("held",), "rejected"),
            e.Requeued: lambda r: self._move(r, ("held", "rejected"), "ready"),
            e.Discarded: self._discarded,
            e.DeadLettered: self._dead_lettered,
            e.QueuePurged: self._purged,
        }

    def _routed(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Routed)
        routed = record.event
        names = [(record.where, routed.vhost, queue, routed.message) for queue in routed.queues]
        self._owed.update(dict.fromkeys(names, record.seq))
        self._transactions.hold(record.where, routed.message, names)
        if len(set(routed.queues)) != len(routed.queues):
            return f"message {routed.message} was routed twice to one queue: {', '.join(routed.queues)}"
        return None

    def _transaction_ended(self, record: Record) -> Complaint:
        """What was rolled back is owed to nobody; what was committed stands in its queues by now."""
        assert isinstance(record.event, e.TransactionEnded)
        names = self._transactions.end(record)
        if record.event.outcome == "rolled back":
            for name in names:
                self._owed.pop(name, None)
            return None
        return next((self._missing(name) for name in names if name in self._owed), None)

    def _enqueued(self, record: Record) -> Complaint:
        """A copy comes from a routing, or from the disk of a broker that begins again."""
        name = copy_of(record)
        if self._transactions.holds(name):
            return f"message {name[3]} stands in queue '{name[2]}' before its transaction is committed"
        known = name in self._owed or name in self._copies
        complaint = self._move(record, ("never there",), "ready")
        if complaint or known:
            return complaint
        return f"Enqueued: message {name[3]} was never routed to queue '{name[2]}'"

    def _delivered(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Delivered)
        event = record.event
        return self._move(record, ("ready",), "ready" if event.stays else "gone" if event.no_ack else "held")

    def _acknowledged(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Acknowledged)
        return None if record.event.stays else self._move(record, ("held",), "gone")

    def _discarded(self, record: Record) -> Complaint:
        """What the queue did not take was never there, and may yet come."""
        name = copy_of(record)
        was = self._copies.get(name, "never there")
        expected = name in self._owed or name in self._copies or (record.where, name[3]) in self._letters
        allowed = ("ready", "held", "rejected", "never there") if expected else ()
        return self._move(record, allowed, "never there" if was == "never there" else "gone")

    def _dead_lettered(self, record: Record) -> Complaint:
        """Also what a full queue did not take goes to the dead letters; and a letter that would go round in
        circles ends where it would have come next.
        """
        assert isinstance(record.event, e.DeadLettered)
        self._letters.add((record.where, record.event.successor))
        allowed: tuple[str, ...] = ("ready", "held", "rejected", "gone")
        name = copy_of(record)
        if name in self._owed:
            allowed = (*allowed, "never there")
        return self._move(record, allowed, "gone")

    def _purged(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.QueuePurged)
        event = record.event
        for message in event.messages:
            name: CopyName = (record.where, event.vhost, event.queue, message)
            was = self._copies.get(name, "never there")
            self._copies[name] = "gone"
            if was != "ready":
                return f"QueuePurged: message {message} in queue '{event.queue}' was {was}"
        return None

    def _move(self, record: Record, allowed: tuple[str, ...], to: str) -> Complaint:
        name: CopyName = copy_of(record)
        self._owed.pop(name, None)
        was = self._copies.get(name, "never there")
        self._copies[name] = to
        if was in allowed:
            return None
        return f"{type(record.event).__name__}: message {name[3]} in queue '{name[2]}' was {was}"

    def _missing(self, name: CopyName) -> str:
        _, _, queue, message = name
        routed = self._owed.pop(name)
        return f"message {message} was routed to queue '{queue}' (record {routed}) and never stood in it"

    def at_rest(self) -> Iterator[str]:
        for name in [one for one in self._owed if not self._transactions.holds(one)]:
            _, _, queue, message = name
            routed = self._owed[name]
            yield f"message {message} was routed to queue '{queue}' (record {routed}) and never stood in it"


def copy_of(record: Record) -> CopyName:
    """The copy that an event of a queue is about."""
    event = record.event
    assert isinstance(
        event,
        e.Enqueued | e.Delivered | e.Acknowledged | e.Rejected | e.Requeued | e.Discarded | e.DeadLettered,
    )
    return record.where, event.vhost, event.queue, event.message


class Transactions:
    """Which routed copies wait for a tx.commit. A part of a check, which reads and never complains."""

    def __init__(self) -> None:
        self._in_tx: set[Lane] = set()
        self._committing: set[Lane] = set()
        self._publisher: dict[tuple[str, int], Lane] = {}
        self._waiting: dict[Lane, list[CopyName]] = {}
        self._held: dict[CopyName, Lane] = {}

    def mode_selected(self, record: Record) -> None:
        assert isinstance(record.event, e.ModeSelected)
        lane = (record.event.connection, record.event.channel)
        (self._in_tx.add if record.event.mode == "tx" else self._in_tx.discard)(lane)

    def command(self, record: Record) -> None:
        assert isinstance(record.event, e.CommandReceived)
        if record.event.name == "tx.commit":
            self._committing.add((record.event.connection, record.event.channel))

    def take_commit(self, connection: str, host: str, octets: bytes) -> None:
        """A tx.commit was received."""
        self._committing.add((connection, read_frame(octets)[1]))

    def published(self, record: Record) -> None:
        assert isinstance(record.event, e.Published)
        lane = (record.event.connection, record.event.channel)
        if lane in self._in_tx:
            self._publisher[record.where, record.event.message] = lane

    def hold(self, where: str, message: int, names: list[CopyName]) -> None:
        """These copies of a message wait, if it was published in a transaction."""
        lane = self._publisher.pop((where, message), None)
        if lane is not None:
            self._waiting.setdefault(lane, []).extend(names)
            self._held.update(dict.fromkeys(names, lane))

    def holds(self, name: CopyName) -> bool:
        """Whether this copy must not be in its queue yet."""
        lane = self._held.get(name)
        return lane is not None and lane not in self._committing

    def end(self, record: Record) -> list[CopyName]:
        """All that waited for this moment."""
        assert isinstance(record.event, e.TransactionEnded)
        lane = (record.event.connection, record.event.channel)
        self._committing.discard(lane)
        names = self._waiting.pop(lane, [])
        for name in names:
            self._held.pop(name, None)
        return names


class AckFirst(Check):
    """Acknowledged means: a basic.ack that covers the delivery tag came in on that very channel."""

    name = "ack first"
    sentence = "A message handed out for acknowledgement is forgotten only after its basic.ack."

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder
        self._acks: dict[Lane, Acks] = {}
        self._highest: dict[Lane, int] = {}
        self.takes = {Basic.Ack.prefix: self._take_ack}
        self.reads = {
            e.CommandReceived: self._command,
            e.Delivered: self._delivered,
            e.Acknowledged: self._acknowledged,
            e.ChannelOpened: self._opened,
            e.ModeSelected: self._mode_selected,
            e.TransactionEnded: self._transaction_ended,
        }

    def _opened(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.ChannelOpened)
        lane = (record.event.connection, record.event.channel)
        self._acks.pop(lane, None)
        self._highest.pop(lane, None)
        return None

    def _delivered(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Delivered)
        event = record.event
        lane = (event.connection, event.channel)
        expected = self._highest.get(lane, 0) + 1
        self._highest[lane] = event.delivery_tag
        if event.delivery_tag == expected:
            return None
        return f"delivery tag {event.delivery_tag} on {lane}, where {expected} was next"

    def _command(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.CommandReceived)
        event = record.event
        if event.name == "basic.ack" and event.frames and 0 <= event.frames[0] < len(self._recorder):
            octets = getattr(self._recorder[event.frames[0]].event, "data", b"")
            self._take_ack(event.connection, event.host, octets)
        return None

    def _take_ack(self, connection: str, host: str, octets: bytes) -> None:
        if host == client_host(connection):
            return  # a confirm
        _, channel, payload = read_frame(octets)
        try:
            ack = decode_method(payload)
        except DecodeError:
            return  # the broker will say so
        if not isinstance(ack, Basic.Ack):
            return
        lane = (connection, channel)
        self._acks_on(lane).came(ack.delivery_tag, ack.multiple, self._highest.get(lane, 0))

    def _acks_on(self, lane: Lane) -> Acks:
        return self._acks.setdefault(lane, Acks())

    def _mode_selected(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.ModeSelected)
        if record.event.mode == "tx":
            self._acks_on((record.event.connection, record.event.channel)).begin()
        return None

    def _transaction_ended(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.TransactionEnded)
        acks = self._acks_on((record.event.connection, record.event.channel))
        acks.end(undone=record.event.outcome == "rolled back")
        return None

    def _acknowledged(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Acknowledged)
        event = record.event
        if self._acks_on((event.connection, event.channel)).spend(event.delivery_tag):
            return None
        return f"message {event.message} (tag {event.delivery_tag}) was forgotten without a basic.ack"


class Acks:
    """The basic.acks that came in on one channel, as far as no message was forgotten for them yet."""

    def __init__(self) -> None:
        self._single: set[int] = set()
        self._up_to = 0
        self._before: tuple[set[int], int] | None = None  # what stood when the transaction began

    def came(self, tag: int, multiple: bool, highest: int) -> None:
        """One basic.ack; with `multiple` it covers all up to `tag`, and 0 means the `highest` so far."""
        if multiple:
            self._up_to = max(self._up_to, tag or highest)
        else:
            self._single.add(tag)

    def begin(self) -> None:
        """A transaction: what comes now may be undone."""
        self._before = set(self._single), self._up_to

    def end(self, *, undone: bool) -> None:
        """The transaction is over, and the next one begins."""
        if undone and self._before is not None:
            self._single, self._up_to = self._before
        self.begin()

    def spend(self, tag: int) -> bool:
        """The message with this tag is forgotten: was there an ack for it?"""
        if tag in self._single:
            self._single.remove(tag)
            return True
        return tag <= self._up_to


class Prefetch(Check):
    """Counts what each consumer, and each channel with a shared window, holds.

    A consumer is known by the record that added it: another may take its tag while its own messages are still
    unsettled. What basic.get took is in no window.
    """

    name = "prefetch"
    sentence = "A consumer never holds more unacknowledged messages than its window."

    def __init__(self) -> None:
        super().__init__()
        self._consumers: dict[tuple[Lane, str], tuple[int, int]] = {}
        self._shared: dict[Lane, int] = {}
        self._held: dict[Lane, dict[int, tuple[int, CopyName]]] = {}
        self._holds: dict[int, int] = {}
        self._holder: dict[CopyName, tuple[Lane, int]] = {}
        self.reads = {
            e.ConsumerAdded: self._added,
            e.ConsumerRemoved: self._removed,
            e.PrefetchSet: self._set,
            e.Delivered: self._delivered,
            e.Acknowledged: self._settled,
            e.Rejected: self._settled,
            e.Requeued: self._let_go,
            e.Discarded: self._let_go,
            e.DeadLettered: self._let_go,
            e.ChannelClosed: self._closed,
        }

    def _added(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.ConsumerAdded)
        event = record.event
        self._consumers[(event.connection, event.channel), event.consumer_tag] = record.seq, event.prefetch
        return None

    def _removed(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.ConsumerRemoved)
        event = record.event
        self._consumers.pop(((event.connection, event.channel), event.consumer_tag), None)
        return None

    def _set(self, record: Record) -> Complaint:
        """The last basic.qos counts; one that is not global takes a shared window away (BASIC-41)."""
        assert isinstance(record.event, e.PrefetchSet)
        event = record.event
        self._shared[event.connection, event.channel] = event.count if event.shared else 0
        return None

    def _delivered(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Delivered)
        event = record.event
        if event.no_ack or not event.consumer_tag:
            return None
        lane = (event.connection, event.channel)
        consumer, window = self._consumers.get((lane, event.consumer_tag), (NOBODY, 0))
        self._hold(lane, event.delivery_tag, consumer, copy_of(record), stays=event.stays)
        own = self._holds[consumer]
        if window and own > window:
            return f"consumer '{event.consumer_tag}' holds {own} messages, its window is {window}"
        all_held, shared = len(self._held[lane]), self._shared.get(lane, 0)
        if shared and all_held > shared:
            return f"channel {event.channel} holds {all_held} messages, its shared window is {shared}"
        return None

    def _hold(self, lane: Lane, tag: int, consumer: int, name: CopyName, *, stays: bool) -> None:
        self._held.setdefault(lane, {})[tag] = consumer, name
        self._holds[consumer] = self._holds.get(consumer, 0) + 1
        if not stays:  # a stream's copy is in many hands
            self._holder[name] = lane, tag

    def _settled(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Acknowledged | e.Rejected)
        event = record.event
        self._release((event.connection, event.channel), event.delivery_tag)
        return None

    def _let_go(self, record: Record) -> Complaint:
        place = self._holder.get(copy_of(record))
        if place is not None:
            self._release(*place)
        return None

    def _release(self, lane: Lane, tag: int) -> None:
        held = self._held.get(lane, {}).pop(tag, None)
        if held is not None:
            consumer, name = held
            self._holds[consumer] -= 1
            self._holder.pop(name, None)

    def _closed(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.ChannelClosed)
        lane = (record.event.connection, record.event.channel)
        for tag in list(self._held.get(lane, ())):
            self._release(lane, tag)
        self._held.pop(lane, None)
        self._shared.pop(lane, None)
        return None


NOBODY = -1
"""A consumer that no record has added."""


class Link(Check):
    """What TCP hands out at one end is what went in at the other: same octets, same order, nothing new.

    Octets are compared, not frames: the two ends may cut the stream differently, above all where it is no
    AMQP. Where the sending end is not tapped, nothing is known of what went in.
    """

    name = "the link"
    sentence = "Octets come out of the link as they went in: in order, none changed, none invented."

    def __init__(self) -> None:
        super().__init__()
        self._under_way: dict[tuple[str, bool], UnderWay] = {}
        self._simulated: set[str] = set()
        self.reads = {e.SegmentSent: self._segment, e.FrameSent: self._frame, e.FrameReceived: self._frame}

    def _segment(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.SegmentSent)
        self._simulated.add(record.event.connection)
        return None

    def _frame(self, record: Record) -> Complaint:
        event = record.event
        assert isinstance(event, e.FrameSent | e.FrameReceived)
        return self.octets(type(event), event.connection, event.host, event.offset, event.data)

    def octets(
        self, kind: type[e.Event], connection: str, host: str, offset: int, octets: bytes
    ) -> Complaint:
        """Whole frames were sent, or received, at `host`."""
        if connection not in self._simulated:
            return None  # a real socket: its far end is not ours to see
        sent = kind is e.FrameSent
        way = connection, (host == client_host(connection)) is sent
        under_way = self._under_way.get(way)
        if sent:
            if under_way is None:
                under_way = self._under_way[way] = UnderWay()
            under_way.put(offset, octets)
            return None
        if under_way is None:
            return None  # its far end is not tapped
        found = under_way.take(offset, len(octets))
        if found == octets:
            return None
        what = "was never sent" if len(found) < len(octets) else "is not what was sent"
        return f"the frame at byte {offset} of {connection}, received by {host}, {what}"


class UnderWay:
    """The octets of one direction that went in and did not come out yet, from octet `start` on."""

    def __init__(self) -> None:
        self._start = 0
        self._octets = bytearray()

    def put(self, offset: int, data: bytes) -> None:
        """More went in; between what is known and `offset` may be a gap that nobody reported."""
        end = self._start + len(self._octets)
        if offset > end:
            self._octets.clear()
            self._start = offset
        self._octets[offset - self._start :] = data

    def take(self, offset: int, size: int) -> bytes:
        """These came out; the octets that went in at the same place, as far as there are any."""
        if offset < self._start:
            return b""
        first = offset - self._start
        found = bytes(self._octets[first : first + size])
        del self._octets[: first + size]
        self._start = offset + len(found)
        return found


class Time(Check):
    """Asked about every record that any other check reads."""

    name = "time"
    sentence = "Time never runs backwards, and a cause is always earlier than its effect."

    def __init__(self) -> None:
        super().__init__()
        self._latest = 0

    def read(self, seq: int, at: int, cause: int | None) -> Complaint:
        """One record's place in time; None if all is well."""
        latest, self._latest = self._latest, at
        if at < latest:
            return f"record {seq} is at {at} ns, the one before it at {latest} ns"
        if cause is not None and cause >= seq:
            return f"record {seq} names the later record {cause} as its cause"
        return None


class Checks:
    """All checks of one lab, reading along. ``failures`` is empty as long as all is well."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._time = Time()
        self._link = Link()
        self.checks: tuple[Check, ...] = (
            Conservation(),
            AckFirst(recorder),
            Prefetch(),
            self._link,
            self._time,
        )
        self.failures: list[Failure] = []
        self._readers: dict[type[e.Event], list[tuple[Check, Callable[[Record], Complaint]]]] = {}
        for check in self.checks:
            for kind, read in check.reads.items():
                self._readers.setdefault(kind, []).append((check, read))
        self._takers = {ids: take for check in self.checks for ids, take in check.takes.items()}
        recorder.observe(self._see, self._readers, octets=self._take)

    def _see(self, seq: int) -> None:
        record = self._recorder[seq]
        complaint = self._time.read(seq, record.at, record.cause)
        if complaint:
            self._fail(seq, self._time, complaint)
        for check, read in self._readers[type(record.event)]:
            complaint = read(record)
            if complaint:
                self._fail(seq, check, complaint)

    def _take(self, kind: type[e.Event], connection: str, host: str, offset: int, octets: bytes) -> None:
        """Octets of whole frames, where no record of each was told apart."""
        complaint = self._link.octets(kind, connection, host, offset, octets)
        if complaint:
            self._fail(len(self._recorder) - 1, self._link, complaint)
        if kind is e.FrameReceived and octets[0] == FRAME_METHOD:
            take = self._takers.get(octets[METHOD_IDS])
            if take is not None:
                take(connection, host, octets)

    def _fail(self, seq: int, check: Check, complaint: str) -> None:
        self.failures.append(Failure(seq, check.name, complaint))
        self._recorder.record("lab", e.CheckFailed, check.name, complaint)

    def at_rest(self) -> list[Failure]:
        """All failures, with those that show only when nothing is being processed."""
        seq = len(self._recorder) - 1
        late = [Failure(seq, check.name, text) for check in self.checks for text in check.at_rest()]
        return self.failures + late

    def __repr__(self) -> str:
        failures = self.at_rest()
        if not failures:
            return f"{len(self.checks)} checks, all kept: {', '.join(check.name for check in self.checks)}"
        return "\n".join(f"record {f.seq}: {f.check}: {f.detail}" for f in failures)
