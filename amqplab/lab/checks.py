"""Invariants of a broker, watched while the run goes on.

Theory
------
Some sentences about a message broker are true at every moment or the broker is broken. A check is an
observer of the record stream: it reads each record once, keeps the little state its sentence is about, and
complains the moment the sentence becomes false. Frames it reads as octets, as they pass, so that the recorder
need not take them apart for it. It never looks inside the broker, so it cannot share the
broker's mistakes.

    conservation   a copy in a queue is in one place: ready, with a consumer, or gone for a named reason
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
from amqplab.trace.recorder import Record, Recorder
from amqplab.wire.frames import FRAME_METHOD
from amqplab.wire.methods import Basic, decode_method

__all__ = ["AckFirst", "Check", "Checks", "Conservation", "Failure", "Link", "Prefetch", "Time"]

Complaint = str | None
AN_ACK = bytes((FRAME_METHOD,)) + Basic.Ack.prefix
FRAME_HEAD = 7  # octets before a frame's payload: type, channel, size


class Failure(NamedTuple):
    """One broken invariant: after which record, which check, and what was seen."""

    seq: int
    check: str
    detail: str


class Check:
    """One sentence, watched. `reads` maps an event class to the method that reads it."""

    name = ""
    sentence = ""

    def __init__(self) -> None:
        self.reads: dict[type[e.Event], Callable[[Record], Complaint]] = {}

    def octets(
        self, kind: type[e.Event], connection: str, host: str, offset: int, octets: bytes
    ) -> Complaint:
        """Whole frames were sent or received, and no record of each was read."""
        return None

    def at_rest(self) -> Iterator[str]:
        """What is wrong now that nothing is being processed."""
        return iter(())


class Conservation(Check):
    """No copy of a message appears from nothing, doubles, or vanishes without a reason."""

    name = "conservation"
    sentence = "Every copy in a queue is ready, held by a consumer, or gone for a named reason."

    def __init__(self) -> None:
        super().__init__()
        self._copies: dict[tuple[str, str, int], str] = {}
        self._owed: dict[tuple[str, str, int], int] = {}
        self.reads = {
            e.Routed: self._routed,
            e.Enqueued: lambda r: self._move(r, ("never there",), "ready"),
            e.Delivered: self._delivered,
            e.Acknowledged: self._acknowledged,
            e.Rejected: lambda r: self._move(r, ("held",), "rejected"),
            e.Requeued: lambda r: self._move(r, ("held", "rejected"), "ready"),
            e.Discarded: self._discarded,
            e.DeadLettered: lambda r: self._move(r, ("ready", "held", "rejected", "gone"), "gone"),
        }

    def _routed(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Routed)
        routed = record.event
        if len(set(routed.queues)) != len(routed.queues):
            return f"message {routed.message} was routed twice to one queue: {', '.join(routed.queues)}"
        for queue in routed.queues:
            self._owed[routed.vhost, queue, routed.message] = record.seq
        return None

    def _delivered(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Delivered)
        event = record.event
        return self._move(record, ("ready",), "ready" if event.stays else "gone" if event.no_ack else "held")

    def _acknowledged(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Acknowledged)
        return None if record.event.stays else self._move(record, ("held",), "gone")

    def _discarded(self, record: Record) -> Complaint:
        """What the queue did not take was never there, and may yet come."""
        assert isinstance(record.event, e.Discarded)
        event = record.event
        was = self._copies.get((event.vhost, event.queue, event.message), "never there")
        to = "never there" if was == "never there" else "gone"
        return self._move(record, ("ready", "held", "rejected", "never there"), to)

    def _move(self, record: Record, allowed: tuple[str, ...], to: str) -> Complaint:
        event = record.event
        assert isinstance(
            event,
            e.Enqueued
            | e.Delivered
            | e.Acknowledged
            | e.Rejected
            | e.Requeued
            | e.Discarded
            | e.DeadLettered,
        )
        key = (event.vhost, event.queue, event.message)
        self._owed.pop(key, None)
        was = self._copies.get(key, "never there")
        self._copies[key] = to
        if was in allowed:
            return None
        return f"{type(event).__name__}: message {event.message} in queue '{event.queue}' was {was}"

    def at_rest(self) -> Iterator[str]:
        for (_, queue, message), seq in self._owed.items():
            yield f"message {message} was routed to queue '{queue}' (record {seq}) and never stood in it"


class AckFirst(Check):
    """Acknowledged means: a basic.ack that covers the delivery tag came in on that very channel."""

    name = "ack first"
    sentence = "A message handed out for acknowledgement is forgotten only after its basic.ack."

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder
        self._single: set[tuple[str, int, int]] = set()
        self._up_to: dict[tuple[str, int], int] = {}
        self._highest: dict[tuple[str, int], int] = {}
        self.reads = {
            e.CommandReceived: self._command,
            e.Delivered: self._delivered,
            e.Acknowledged: self._acknowledged,
            e.ChannelOpened: self._opened,
        }

    def _opened(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.ChannelOpened)
        lane = (record.event.connection, record.event.channel)
        self._up_to.pop(lane, None)
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
        if event.name != "basic.ack" or record.where != "broker":
            return None
        frame = self._recorder[event.frames[0]].event
        assert isinstance(frame, e.FrameReceived)
        self._take((event.connection, event.channel), frame.data)
        return None

    def octets(
        self, kind: type[e.Event], connection: str, host: str, offset: int, octets: bytes
    ) -> Complaint:
        beginning = octets[:1] + octets[FRAME_HEAD : FRAME_HEAD + 4]
        if beginning == AN_ACK and kind is e.FrameReceived and host == "broker":
            self._take((connection, int.from_bytes(octets[1:3], "big")), octets)
        return None

    def _take(self, lane: tuple[str, int], frame: bytes) -> None:
        """A basic.ack came in."""
        ack = decode_method(frame[FRAME_HEAD:-1])
        assert isinstance(ack, Basic.Ack)
        if not ack.multiple:
            self._single.add((*lane, ack.delivery_tag))
        else:
            self._up_to[lane] = max(self._up_to.get(lane, 0), ack.delivery_tag or self._highest.get(lane, 0))

    def _acknowledged(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Acknowledged)
        event = record.event
        key = (event.connection, event.channel, event.delivery_tag)
        if key in self._single:
            self._single.remove(key)
        elif event.delivery_tag > self._up_to.get(key[:2], 0):
            return f"message {event.message} (tag {event.delivery_tag}) was forgotten without a basic.ack"
        return None


class Prefetch(Check):
    """Counts what each consumer, and each channel with a shared window, holds."""

    name = "prefetch"
    sentence = "A consumer never holds more unacknowledged messages than its window."

    def __init__(self) -> None:
        super().__init__()
        self._window: dict[tuple[str, int, str], int] = {}
        self._shared: dict[tuple[str, int], int] = {}
        self._held: dict[tuple[str, int], dict[tuple[str, int], str]] = {}
        self.reads = {
            e.ConsumerAdded: self._added,
            e.PrefetchSet: self._set,
            e.Delivered: self._delivered,
            e.Acknowledged: self._let_go,
            e.Requeued: self._let_go_copy,
            e.Discarded: self._let_go_copy,
            e.DeadLettered: self._let_go_copy,
            e.ChannelClosed: self._closed,
        }

    def _added(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.ConsumerAdded)
        event = record.event
        self._window[event.connection, event.channel, event.consumer_tag] = event.prefetch
        return None

    def _set(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.PrefetchSet)
        event = record.event
        if event.shared:
            self._shared[event.connection, event.channel] = event.count
        return None

    def _delivered(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Delivered)
        event = record.event
        if event.no_ack or not event.consumer_tag:
            return None
        lane = (event.connection, event.channel)
        held = self._held.setdefault(lane, {})
        held[event.queue, event.message] = event.consumer_tag
        own = sum(tag == event.consumer_tag for tag in held.values())
        window = self._window.get((*lane, event.consumer_tag), 0)
        if window and own > window:
            return f"consumer '{event.consumer_tag}' holds {own} messages, its window is {window}"
        shared = self._shared.get(lane, 0)
        if shared and len(held) > shared:
            return f"channel {event.channel} holds {len(held)} messages, its shared window is {shared}"
        return None

    def _let_go(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Acknowledged)
        lane = (record.event.connection, record.event.channel)
        self._held.get(lane, {}).pop((record.event.queue, record.event.message), None)
        return None

    def _let_go_copy(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.Requeued | e.Discarded | e.DeadLettered)
        for held in self._held.values():
            held.pop((record.event.queue, record.event.message), None)
        return None

    def _closed(self, record: Record) -> Complaint:
        assert isinstance(record.event, e.ChannelClosed)
        lane = (record.event.connection, record.event.channel)
        self._held.pop(lane, None)
        self._shared.pop(lane, None)
        return None


class Link(Check):
    """What TCP hands out at one end is what went in at the other: same octets, same order, nothing new."""

    name = "the link"
    sentence = "Octets come out of the link as they went in: in order, none changed, none invented."

    def __init__(self) -> None:
        super().__init__()
        self._under_way: dict[tuple[str, bool], dict[int, bytes]] = {}  # by the offset of the first
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
        if connection not in self._simulated:
            return None  # a real socket: its far end is not ours to see
        sent = kind is e.FrameSent
        pieces = self._under_way.setdefault((connection, (host == "broker") is sent), {})
        if sent:
            pieces[offset] = octets
            return None
        expected = _taken(pieces, offset, len(octets))
        if expected == octets:
            return None
        what = "is not what was sent" if expected else "was never sent"
        return f"the frame at octet {offset} of {connection}, received by {host}, {what}"


def _taken(pieces: dict[int, bytes], offset: int, size: int) -> bytes:
    """The octets from `offset` on, up to `size` of them, out of pieces that may have other bounds."""
    taken = pieces.pop(offset, b"")
    while len(taken) < size and (more := pieces.pop(offset + len(taken), None)):
        taken += more
    if len(taken) > size:
        pieces[offset + size], taken = taken[size:], taken[:size]
    return taken


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
        self.checks: tuple[Check, ...] = (
            Conservation(),
            AckFirst(recorder),
            Prefetch(),
            Link(),
            self._time,
        )
        self.failures: list[Failure] = []
        self._readers: dict[type[e.Event], list[tuple[Check, Callable[[Record], Complaint]]]] = {}
        for check in self.checks:
            for kind, read in check.reads.items():
                self._readers.setdefault(kind, []).append((check, read))
        self._readers_of_octets = [one for one in self.checks if type(one).octets is not Check.octets]
        recorder.observe(self._see, self._readers, octets=self._see_octets)

    def _see(self, seq: int) -> None:
        record = self._recorder[seq]
        complaint = self._time.read(seq, record.at, record.cause)
        if complaint:
            self._fail(seq, self._time, complaint)
        for check, read in self._readers[type(record.event)]:
            complaint = read(record)
            if complaint:
                self._fail(seq, check, complaint)

    def _see_octets(
        self, kind: type[e.Event], connection: str, host: str, offset: int, octets: bytes
    ) -> None:
        for check in self._readers_of_octets:
            complaint = check.octets(kind, connection, host, offset, octets)
            if complaint:
                self._fail(len(self._recorder) - 1, check, complaint)

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
