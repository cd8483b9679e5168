"""What crossed the wire: segments, frames and commands, matched end to end.

Theory
------
The stream tells of each end separately: a frame *sent* here, a segment that *arrived* there. The view needs
wholes: one frame with its two moments, the segments that carried each of its octets, the command it is part
of and the message that command carries. Everything is matched by place in the byte stream: direction plus
offset for frames, TCP sequence numbers for segments. A frame may ride in several segments, and a segment may
carry parts of many frames; that is why both keep ranges of octets and not links.

Lost segments stay in the list (`lost` says why); retransmissions are segments of their own.
A direction is "up" to the broker or "down" to the client.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record

__all__ = ["Command", "Frame", "Segment", "Traffic"]

WRAP = 1 << 32


@dataclass
class Segment:
    """One TCP segment. `start`..`end` are its octets' places in the direction's byte stream; `sent`,
    `arrived` are seqs, times are ns.
    """

    number: int
    connection: str
    up: bool
    flags: str
    start: int
    end: int
    sent: int
    departs_at: int
    arrives_at: int | None
    retransmission: bool
    sequence: int
    acknowledgement: int
    window: int
    arrived: int | None = None
    lost: str = ""


@dataclass
class Frame:
    """One frame, from both ends' records. `carriers` are (segment number, first, last+1) within the frame."""

    number: int
    connection: str
    up: bool
    offset: int
    data: bytes
    sent: int | None = None
    received: int | None = None
    carriers: list[tuple[int, int, int]] = field(default_factory=list)
    command: int | None = None
    messages: list[int] = field(default_factory=list)


@dataclass
class Command:
    """A method, or a method with its content."""

    number: int
    connection: str
    up: bool
    channel: int
    name: str
    frames: list[int]
    sent: int | None = None
    received: int | None = None
    messages: list[int] = field(default_factory=list)


class Traffic:
    """All that crossed the wire in one recording."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.segments: dict[int, Segment] = {}
        self.frames: list[Frame] = []
        self.commands: list[Command] = []
        self.frame_at: dict[int, int] = {}
        """seq of a FrameSent or FrameReceived -> frame number"""
        self.command_at: dict[int, int] = {}
        self._places: dict[tuple[str, bool, int], int] = {}
        self._bases: dict[tuple[str, bool], int] = {}
        handlers = {
            e.SegmentSent: self._segment_sent,
            e.SegmentArrived: self._segment_arrived,
            e.SegmentLost: self._segment_lost,
            e.SegmentDiscarded: self._segment_lost,
            e.FrameSent: self._frame,
            e.FrameReceived: self._frame,
            e.CommandSent: self._command,
            e.CommandReceived: self._command,
        }
        for record in records:
            handle = handlers.get(type(record.event))
            if handle is not None:
                handle(record)
        self._load()

    # --- segments ----------------------------------------------------------------------------------------

    def _segment_sent(self, record: Record) -> None:
        s = record.event
        up = s.source == s.connection
        base = self._bases.get((s.connection, up))
        if "SYN" in s.flags:
            base = self._bases[s.connection, up] = (s.sequence + 1) % WRAP
        elif base is None:
            base = self._bases[s.connection, up] = s.sequence
        start = (s.sequence - base) % WRAP if s.payload else 0
        self.segments[s.number] = Segment(
            s.number, s.connection, up, s.flags, start, start + len(s.payload), record.seq, s.departs_at,
            s.arrives_at, s.retransmission, s.sequence, s.acknowledgement, s.window,
        )  # fmt: skip

    def _segment_arrived(self, record: Record) -> None:
        segment = self.segments.get(record.event.number)
        if segment is not None and segment.arrived is None:
            segment.arrived = record.seq

    def _segment_lost(self, record: Record) -> None:
        segment = self.segments.get(record.event.number)
        if segment is not None:
            segment.arrived = record.seq
            segment.lost = record.event.reason or "lost"

    # --- frames and commands -----------------------------------------------------------------------------

    def _frame(self, record: Record) -> None:
        event = record.event
        sent = isinstance(event, e.FrameSent)
        up = (event.host == client_host(event.connection)) == sent
        place = (event.connection, up, event.offset)
        number = self._places.get(place)
        if number is None or self.frames[number].data != event.data:
            number = self._places[place] = len(self.frames)
            self.frames.append(Frame(number, event.connection, up, event.offset, event.data))
        frame = self.frames[number]
        self.frame_at[record.seq] = number
        if sent:
            frame.sent = record.seq
        else:
            frame.received = record.seq

    def _command(self, record: Record) -> None:
        event = record.event
        frames = [self.frame_at[seq] for seq in event.frames if seq in self.frame_at]
        if not frames:
            return
        first = self.frames[frames[0]]
        if first.command is None:
            number = len(self.commands)
            self.commands.append(
                Command(number, event.connection, first.up, event.channel, event.name, frames)
            )
            for frame in frames:
                self.frames[frame].command = number
        command = self.commands[first.command if first.command is not None else -1]
        self.command_at[record.seq] = command.number
        if isinstance(event, e.CommandSent):
            command.sent = record.seq
        else:
            command.received = record.seq

    # --- which segment carried which octet ---------------------------------------------------------------

    def _load(self) -> None:
        """Lay the segments of each direction over its frames; octets that arrived twice count for the
        first arrival.
        """
        lanes: dict[tuple[str, bool], list[Frame]] = {}
        for frame in self.frames:
            lanes.setdefault((frame.connection, frame.up), []).append(frame)
        loads: dict[tuple[str, bool], list[Segment]] = {}
        for segment in self.segments.values():
            if segment.end > segment.start and not segment.lost:
                loads.setdefault((segment.connection, segment.up), []).append(segment)
        for lane, frames in lanes.items():
            frames.sort(key=lambda frame: frame.offset)
            segments = sorted(loads.get(lane, []), key=lambda s: (s.start, s.sent))
            first = 0
            for frame in frames:
                end = frame.offset + len(frame.data)
                while first < len(segments) and segments[first].end <= frame.offset:
                    first += 1
                at = frame.offset
                for segment in segments[first:]:
                    if segment.start >= end:
                        break
                    if segment.end > at:
                        upto = min(end, segment.end)
                        frame.carriers.append((segment.number, at - frame.offset, upto - frame.offset))
                        at = upto
