"""What TCP sends again: which segments' octets those are, and why it sends them.

Theory
------
TCP repeats octets, not segments. What is sent again may be cut differently: eight small segments go in one large
one, with octets beside them that nobody has sent yet. So the question "which segment is this again?" is asked of
the octets: who carried them first? SYN and FIN have a number each, like an octet.

There is more than one reason to send something again:

    timeout        no acknowledgement came within the retransmission timeout (RFC 6298)
    after timeout  a timeout takes everything for lost that is not acknowledged, and congestion control lets it
                   out bit by bit: the rest goes when the next acknowledgement comes
    repeated       the same acknowledgement again and again asks for the octets after it (fast retransmit, RFC 5681)
    asked          after that, an acknowledgement of a part asks for the next hole (RFC 6582)
    SYN            the other end's SYN came again, so the answer to it was lost

A timer that runs out while the receiver's window is closed repeats nothing: it *probes* the window with an octet
that was never sent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from amqplab.trace import events as e
from amqplab.trace.recorder import Record
from amqplab.trace.traffic import Lane, Segment, Traffic

__all__ = ["Again", "Repeats", "Taken"]


class Span(NamedTuple):
    """Octets `start`..`end` of a direction, SYN and FIN counted, and the number of a segment with them."""

    start: int
    end: int
    segment: int


class Again(NamedTuple):
    """What a segment carries again: `segments` had it first. `part`: not all that they had; `more`: something
    new, too. `reason` is one of the five above, "" if nothing tells it.
    """

    segments: tuple[int, ...]
    part: bool
    more: bool
    reason: str


class Taken(NamedTuple):
    """What a timeout takes for lost: these `segments`, of which some had `arrived`. `all_sent`: all their
    octets are sent again at once. `carriers`: the segments in which those had arrived, themselves or with what was
    sent again.
    """

    segments: tuple[int, ...]
    arrived: tuple[int, ...]
    all_sent: bool
    carriers: tuple[int, ...] = ()


class Repeats:
    """Reads a recording once: what each repeating segment repeats, and what each timeout takes for lost."""

    def __init__(self, records: Iterable[Record], traffic: Traffic) -> None:
        self.again: dict[int, Again] = {}
        """number of a segment that is sent again -> what it carries."""
        self.taken: dict[int, Taken] = {}
        """seq of a RetransmissionTimedOut -> what it takes for lost, if it sends any of it again."""
        self.probes: set[int] = set()
        """The numbers of segments that probe a closed window, and the seqs of the timeouts that send them."""
        self.probing: set[int | None] = set()
        self._segments = traffic.segments
        self._first: defaultdict[Lane, list[Span]] = defaultdict(list)  # who carried an octet first, in order
        self._received: defaultdict[Lane, list[Span]] = defaultdict(list)
        self._heard: Counter[tuple[Lane, int]] = Counter()  # acknowledgements, by the direction they speak of
        self._lost_before: dict[Lane, int] = {}  # a timeout took everything before this for lost
        self._timeouts: set[int] = set()
        self._arrivals: dict[int, Segment] = {}  # by the seq of its arrival
        for record in records:
            self._read(record)

    def _read(self, record: Record) -> None:
        match record.event:
            case e.RetransmissionTimedOut():
                self._timeouts.add(record.seq)
            case e.SegmentSent(number=number) if number in self._segments:
                self._sent(record, self._segments[number])
            case e.SegmentArrived(number=number) if number in self._segments:
                self._arrived(record, self._segments[number])
            case e.SegmentDiscarded(number=number) if number in self._segments:
                self._discarded(record, self._segments[number])

    def _arrived(self, record: Record, segment: Segment) -> None:
        self._arrivals[record.seq] = segment
        self._received[segment.lane].append(span_of(segment))
        if "ACK" in segment.flags:
            self._heard[back(segment), segment.relative_acknowledgement] += 1

    def _discarded(self, record: Record, segment: Segment) -> None:
        """It arrived, and its octets were not taken; those of a duplicate had been, from another segment."""
        self._arrivals[record.seq] = segment
        received, span = self._received[segment.lane], span_of(segment)
        if received and received[-1] == span:
            received.pop()

    def _sent(self, record: Record, segment: Segment) -> None:
        span, first = span_of(segment), self._first[segment.lane]
        by_timer = record.cause in self._timeouts
        if span.start == span.end:
            return
        if not segment.retransmission and by_timer:
            self.probes.add(segment.number)
            self.probing.add(record.cause)
            return
        end = first[-1].end if first else span.start
        if segment.retransmission:
            if by_timer:
                self._lost_before[segment.lane] = end
                self._take(record, segment.lane, span)
            self._repeated(record, segment, span, end)
        if span.end > end:
            first.append(Span(max(span.start, end), span.end, segment.number))

    def _repeated(self, record: Record, segment: Segment, span: Span, end: int) -> None:
        """This segment carries octets again, and new ones if it goes beyond `end`."""
        those = [one for one in self._unacknowledged(segment.lane, span.start) if one.start < span.end]
        if those:
            part = those[0].start < span.start or those[-1].end > span.end
            reason = self._reason(record, segment, span)
            self.again[segment.number] = Again(numbers_of(those), part, span.end > end, reason)

    def _take(self, record: Record, lane: Lane, span: Span) -> None:
        """The timer sends this again, and takes everything from its first octet on for lost."""
        assert record.cause is not None
        before = self.taken.get(record.cause)
        if before is None:
            those = self._unacknowledged(lane, span.start)
            self._received[lane] = [one for one in self._received[lane] if one.end > span.start]
            arrived = {one.segment: self._carrier(lane, one) for one in those}
            came = {number: carrier for number, carrier in arrived.items() if carrier is not None}
            carriers = tuple(dict.fromkeys(came.values()))
            before = Taken(numbers_of(those), tuple(came), all_sent=False, carriers=carriers)
        self.taken[record.cause] = before._replace(all_sent=span.end >= self._lost_before[lane])

    def _unacknowledged(self, lane: Lane, start: int) -> list[Span]:
        """Who carried the octets from `start` on first."""
        found: list[Span] = []
        for one in reversed(self._first[lane]):
            if one.end <= start:
                break
            found.append(one)
        return found[::-1]

    def _carrier(self, lane: Lane, octets: Span) -> int | None:
        """The first segment in which they have arrived, whoever had them first."""
        for one in self._received[lane]:
            if one.start <= octets.start and octets.end <= one.end:
                return one.segment
        return None

    def _reason(self, record: Record, segment: Segment, span: Span) -> str:
        if record.cause in self._timeouts:
            return "timeout"
        arrived = None if record.cause is None else self._arrivals.get(record.cause)
        if arrived is None or arrived.lane == segment.lane:
            return ""
        if "SYN" in arrived.flags and "SYN" in segment.flags:
            return "SYN"
        asked_for = arrived.relative_acknowledgement == span.start
        if asked_for and self._heard[segment.lane, span.start] > 1:
            return "repeated"
        return "after timeout" if span.start < self._lost_before.get(segment.lane, 0) else "asked"


def span_of(segment: Segment) -> Span:
    """Its numbers, from the first of its direction."""
    start = segment.relative_sequence
    marks = ("SYN" in segment.flags) + ("FIN" in segment.flags)
    return Span(start, start + segment.end - segment.start + marks, segment.number)


def numbers_of(spans: Iterable[Span]) -> tuple[int, ...]:
    """The segments of some octets."""
    return tuple(one.segment for one in spans)


def back(segment: Segment) -> Lane:
    """The direction of what it acknowledges."""
    return segment.connection, not segment.up
