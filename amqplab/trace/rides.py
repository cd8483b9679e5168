"""How far something is on its way through TCP, at a moment.

Theory
------
A command is as far as its last byte, and that byte is where the segment is which carries it. Segments get
lost and are sent again, so the same byte may ride several times:

    before the first segment     it waits at its mouth                    (0, "waiting")
    in a segment                 as far as the segment                    (0..1, "under way")
    in one that is being lost    as far as that one: half way at the end  (0..½, "under way")
    after a loss                 at the ×, until it is sent again         (½, "lost")
    after an arrival             at the door, until it is read            (1, "arrived")
    in one that was discarded    at the door, until it is sent again      (1, "discarded")

A segment moves evenly from its departure to its arrival. It is under way from the record that tells of its
sending to the record that tells of its end, both included: at that very record it stands at its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from amqplab.trace.traffic import Command, Segment, Traffic

__all__ = [
    *("LOST_AT", "OVER", "Ride", "progress", "ride", "ride_of_segment"),
    *("segment_end", "segments_under_way"),
]

LOST_AT = 0.5
"""Where on its way a lost segment is drawn to end, for nobody knows where."""
AT_ITS_END = "machine is off"
"""The reason of one that found a machine without power: it came there."""


def lost_at(segment: Segment) -> float:
    """How far a lost segment came."""
    return 1.0 if AT_ITS_END in segment.lost else LOST_AT


OVER = ("lost", "discarded")
"""How a way ends that was in vain."""


class Ride(NamedTuple):
    """`progress` is 0 at the sender and 1 at the receiver; `segment` is the number of the one it rides in."""

    progress: float
    state: str
    segment: int | None

    @property
    def stuck(self) -> bool:
        """Whether it ended half way, and stays there until it is sent again."""
        return self.state in OVER and self.progress < 1


def segment_end(segment: Segment) -> int | None:
    """The seq of the record that tells how it ended; None if none does."""
    for end in (segment.lost_seq, segment.discarded_seq):
        if end is not None:
            return end
    return segment.arrived


def progress(segment: Segment, now: int) -> float:
    """How far a segment is at the time `now` (ns)."""
    lost = segment.lost_seq is not None
    end = segment.lost_at if lost else segment.arrives_at
    if end is None or end <= segment.departs_at:
        part = 1.0 if now > segment.departs_at else 0.0
    else:
        part = max(0.0, min(1.0, (now - segment.departs_at) / (end - segment.departs_at)))
    if lost:
        return part * lost_at(segment)
    return part * LOST_AT if segment.arrives_at is None else part


def ride_of_segment(segment: Segment, seq: int, now: int) -> Ride:
    """Where a segment is after record `seq`, at the time `now` (ns)."""
    state = (
        "lost" if segment.lost_seq is not None and segment.lost_seq <= seq
        else "discarded" if is_thrown_away(segment, seq)
        else "arrived" if has_come(segment, seq)
        else "under way"
    )  # fmt: skip
    return Ride(lost_at(segment) if state == "lost" else progress(segment, now), state, segment.number)


def segments_under_way(segments: Iterable[Segment], seq: int) -> list[Segment]:
    """Those that are on the wire at record `seq`."""
    return [one for one in segments if one.sent <= seq and ((end := segment_end(one)) is None or end >= seq)]


def ride(traffic: Traffic, command: Command, seq: int, now: int) -> Ride:
    """Where the last byte of `command` is after record `seq`, at the time `now` (ns)."""
    last = traffic.frames[command.frames[-1]]
    if last.received is not None and last.received <= seq:
        return Ride(1.0, "arrived", None)
    tries = [segment for segment in traffic.carriers_of(last) if segment.sent <= seq]
    for segment in tries:
        if segment.lost_seq is None and has_come(segment, seq) and not is_thrown_away(segment, seq):
            return Ride(1.0, "arrived", segment.number)
    if not tries:
        return Ride(0.0, "waiting", None)
    latest = tries[-1]
    if latest.lost_seq is not None and latest.lost_seq <= seq:
        return Ride(lost_at(latest), "lost", latest.number)
    if is_thrown_away(latest, seq):
        return Ride(1.0, "discarded", latest.number)
    return Ride(progress(latest, now), "under way", latest.number)


def is_thrown_away(segment: Segment, seq: int) -> bool:
    """Whether the TCP at the other end has thrown it away by record `seq`."""
    return segment.discarded_seq is not None and segment.discarded_seq <= seq


def has_come(segment: Segment, seq: int) -> bool:
    """Whether it has reached the other end by record `seq`, whatever that makes of it."""
    return segment.arrived is not None and segment.arrived <= seq
