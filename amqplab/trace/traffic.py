"""What crossed the wire: segments, frames and commands, each seen from both its ends.

Theory
------
The stream tells of each end separately: a frame *sent* here, a segment that *arrived* there. A picture needs
wholes: one frame with its two moments, the segments that carried each of its octets, the command it is part
of. Everything is matched by place in the byte stream: a frame by its connection, its direction and the offset
of its first octet; a command by its first frame; a segment by its number, and its octets by TCP's sequence
numbers. A frame may ride in several segments, and a segment may carry parts of many frames; that is why both
keep ranges of octets and not links.

Either moment may be missing. What was sent and never received was lost, or is still under way when the
recording ends; what was received and never sent came over a real socket, whose other end is not ours to see.

Lost segments stay in the list, with the octets that they carried, and so do retransmissions, which are
segments of their own: who carried an octet is one question, and who of them got there is another.

    lost        the network dropped it, at record `lost_seq`: it never arrived
    discarded   it arrived, but the TCP there had no use for it: a duplicate, perhaps
    refused     it was discarded at record `refused` because nobody is there any more to take it, and what it
                carries will never come to anybody: that is `gone`

A direction is *up* from the client to the server, or *down*.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record
from amqplab.wire.dialects import dialect_named
from amqplab.wire.errors import DecodeError
from amqplab.wire.frames import FRAME_METHOD, read_frame
from amqplab.wire.methods import Method, decode_method

__all__ = ["Command", "Frame", "Lane", "Segment", "Traffic"]

WRAP = 1 << 32
BY_CHANCE = "by chance"
"""Why a link loses some of its segments; its own word for it is "loss"."""

Lane = tuple[str, bool]
"""One direction of one connection: its name, and whether it goes up."""

Place = tuple[str, bool, int]
"""Where a frame begins: its lane, and the offset of its first octet there."""

Crossing = e.FrameSent | e.FrameReceived | e.UnitSent | e.UnitReceived | e.CommandSent | e.CommandReceived
"""What one end of a connection tells of what crosses it."""


@dataclass(slots=True)
class Segment:
    """One TCP segment. `sent`, `arrived`, `lost_seq` and `discarded_seq` are seqs, `sent_at`, `departs_at`,
    `arrives_at` and `lost_at` times in ns.

    `ended` is the last record that tells of it.

    `start`..`end` are its octets' places in the direction's byte stream; one without octets stands where the next
    one would. `frames` are the numbers of the frames with octets in it. `relative_sequence` and
    `relative_acknowledgement` count from the first of their direction, as Wireshark does.
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
    relative_sequence: int
    relative_acknowledgement: int
    window: int
    arrived: int | None = None
    lost: str = ""
    lost_seq: int | None = None
    lost_at: int | None = None
    discarded: str = ""
    discarded_seq: int | None = None
    refused: int | None = None
    ended: int | None = None
    sent_at: int = 0
    frames: list[int] = field(default_factory=list)

    @property
    def lane(self) -> Lane:
        """Where it went."""
        return self.connection, self.up


@dataclass(slots=True)
class Frame:
    """One frame, from both ends' records. `carriers` are (segment number, first, last + 1) within the frame,
    in the order of sending; where an octet was sent again, several have it.
    """

    number: int
    connection: str
    up: bool
    offset: int
    data: bytes
    type: int
    channel: int
    dialect: str = "amqp"
    sent: int | None = None
    received: int | None = None
    carriers: list[tuple[int, int, int]] = field(default_factory=list)
    command: int | None = None
    messages: list[int] = field(default_factory=list)
    gone: int | None = None
    """Of a frame that is of no command: when a segment with bytes of it was refused."""

    @property
    def lane(self) -> Lane:
        """Where it went."""
        return self.connection, self.up

    @property
    def summary(self) -> str:
        """It in one line."""
        return dialect_named(self.dialect).summarise(self.data)

    @property
    def end(self) -> int:
        """The place after its last octet."""
        return self.offset + len(self.data)


@dataclass(slots=True)
class Command:
    """A method, or a method with its content. Its moments are those of its last frame."""

    number: int
    connection: str
    up: bool
    channel: int
    name: str
    frames: list[int]
    sent: int | None = None
    received: int | None = None
    messages: list[int] = field(default_factory=list)
    gone: int | None = None


NOBODY_THERE = ("no such connection", "no program has its socket open")
"""Why a segment is refused: its receiver was closed, reset or killed, and will take nothing any more."""

UNIT_TYPES = {"http": 256, "websocket": 257}
PLAIN_UNIT = 258
"""Other protocols have no types of frames; these numbers are beyond those of AMQP, which has an octet for it."""


class Traffic:
    """All that crossed the wire in one recording; segments by number, frames and commands in order."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.segments: dict[int, Segment] = {}
        self.frames: list[Frame] = []
        self.commands: list[Command] = []
        self.frame_at: dict[int, int] = {}
        """seq of a FrameSent or FrameReceived -> frame number"""
        self.command_at: dict[int, int] = {}
        """seq of a CommandSent or CommandReceived -> command number"""
        self._places: dict[Place, int] = {}
        self._bases: dict[Lane, int] = {}
        readers: dict[type[e.Event], Callable[[Record, Any], None]] = {
            e.SegmentSent: self._segment_sent,
            e.SegmentArrived: self._segment_arrived,
            e.SegmentLost: self._segment_lost,
            e.SegmentDiscarded: self._segment_discarded,
            e.FrameSent: self._frame,
            e.FrameReceived: self._frame,
            e.CommandSent: self._command,
            e.CommandReceived: self._command,
            e.UnitSent: self._unit,
            e.UnitReceived: self._unit,
        }
        for record in records:
            read = readers.get(type(record.event))
            if read is not None:
                read(record, record.event)
        self._load()

    def whole_of(self, frame: Frame) -> Command | Frame:
        """The command that a frame is of; a frame of none is a whole itself."""
        return frame if frame.command is None else self.commands[frame.command]

    def has_content(self, command: Command) -> bool:
        """Whether a header frame and the frames of a body, if it is not empty, follow its method frame."""
        return len(command.frames) > 1 and self.frames[command.frames[0]].type == FRAME_METHOD

    def method_of(self, command: Command) -> Method | None:
        """The method of a command, decoded; None for a heartbeat, a protocol header, or broken octets."""
        type, _, payload = read_frame(self.frames[command.frames[0]].data)
        try:
            return decode_method(payload) if type == FRAME_METHOD else None
        except DecodeError:
            return None

    def carriers_of(self, frame: Frame) -> list[Segment]:
        """Every segment that carried the frame's last octet, in the order of sending: a frame is where the
        latest of them is.
        """
        return [self.segments[number] for number, _, last in frame.carriers if last == len(frame.data)]

    # --- segments ----------------------------------------------------------------------------------------

    def _segment_sent(self, record: Record, event: e.SegmentSent) -> None:
        up = event.source == event.connection
        base = self._bases.get((event.connection, up))
        if "SYN" in event.flags:
            base = self._bases[event.connection, up] = (event.sequence + 1) % WRAP
        elif base is None:
            base = self._bases[event.connection, up] = event.sequence
        back = self._bases.get((event.connection, not up), 0)
        start = 0 if "SYN" in event.flags else (event.sequence - base) % WRAP
        self.segments[event.number] = Segment(
            event.number,
            event.connection,
            up,
            event.flags,
            start,
            start + len(event.payload),
            record.seq,
            event.departs_at,
            event.arrives_at,
            event.retransmission,
            event.sequence,
            event.acknowledgement,
            (event.sequence - base + 1) % WRAP,
            (event.acknowledgement - back + 1) % WRAP,
            event.window,
            sent_at=record.at,
        )

    def _segment_arrived(self, record: Record, event: e.SegmentArrived) -> None:
        segment = self.segments.get(event.number)
        if segment is not None and segment.arrived is None:
            segment.arrived = segment.ended = record.seq

    def _segment_lost(self, record: Record, event: e.SegmentLost) -> None:
        segment = self.segments.get(event.number)
        if segment is not None:
            segment.lost = BY_CHANCE if event.reason == "loss" else event.reason or "lost"
            segment.lost_seq, segment.lost_at = record.seq, record.at
            segment.ended = record.seq

    def _segment_discarded(self, record: Record, event: e.SegmentDiscarded) -> None:
        segment = self.segments.get(event.number)
        if segment is not None:
            segment.discarded = event.reason or "of no use"
            segment.ended = segment.discarded_seq = record.seq
            segment.refused = record.seq if event.reason in NOBODY_THERE else None
            if segment.arrived is None:
                segment.arrived = record.seq

    # --- frames and commands -----------------------------------------------------------------------------

    def _frame(self, record: Record, event: e.FrameSent | e.FrameReceived) -> None:
        place = _place(event, sent=isinstance(event, e.FrameSent))
        number = self._places.get(place)
        if number is None or self.frames[number].data != event.data:
            type, channel, _ = read_frame(event.data)
            number = self._add_frame(place, event.data, type, channel)
        self.frame_at[record.seq] = number
        _note(record, event, self.frames[number])

    def _unit(self, record: Record, event: e.UnitSent | e.UnitReceived) -> None:
        """A unit of another protocol is a frame, and a command of that one frame."""
        place = _place(event, sent=isinstance(event, e.UnitSent))
        number = self._places.get(place)
        if number is None:
            type = UNIT_TYPES.get(event.dialect, PLAIN_UNIT)
            number = self._add_frame(place, event.data, type, 0, event.dialect)
            self._add_command([number], 0, dialect_named(event.dialect).title(event.data))
        frame = self.frames[number]
        assert frame.command is not None
        self.frame_at[record.seq], self.command_at[record.seq] = number, frame.command
        _note(record, event, frame, self.commands[frame.command])

    def _command(self, record: Record, event: e.CommandSent | e.CommandReceived) -> None:
        frames = [self.frame_at[seq] for seq in event.frames if seq in self.frame_at]
        if not frames:
            return
        number = self.frames[frames[0]].command
        if number is None:
            number = self._add_command(frames, event.channel, event.name)
        self.command_at[record.seq] = number
        _note(record, event, self.commands[number])

    def _add_frame(self, place: Place, data: bytes, type: int, channel: int, dialect: str = "amqp") -> int:
        number = self._places[place] = len(self.frames)
        connection, up, offset = place
        self.frames.append(Frame(number, connection, up, offset, data, type, channel, dialect))
        return number

    def _add_command(self, frames: list[int], channel: int, name: str) -> int:
        number, first = len(self.commands), self.frames[frames[0]]
        self.commands.append(Command(number, first.connection, first.up, channel, name, frames))
        for frame in frames:
            self.frames[frame].command = number
        return number

    # --- which segment carried which octet ---------------------------------------------------------------

    def _load(self) -> None:
        """Lay each segment, whatever became of it, over the frames of its direction."""
        lanes: dict[Lane, list[Frame]] = {}
        for frame in self.frames:
            lanes.setdefault(frame.lane, []).append(frame)
        places: dict[Lane, list[int]] = {}
        for lane, frames in lanes.items():
            frames.sort(key=attrgetter("offset"))
            places[lane] = [frame.offset for frame in frames]
        for segment in self.segments.values():
            if segment.end > segment.start and segment.lane in lanes:
                _lay(segment, lanes[segment.lane], places[segment.lane])
            for number in segment.frames if segment.refused is not None else ():
                whole = self.whole_of(self.frames[number])
                whole.gone = segment.refused if whole.gone is None else whole.gone


def _place(event: e.FrameSent | e.FrameReceived | e.UnitSent | e.UnitReceived, sent: bool) -> Place:
    return event.connection, (event.host == client_host(event.connection)) == sent, event.offset


def _note(record: Record, event: Crossing, *wholes: Frame | Command) -> None:
    """This is when one end wrote them, or when the other read them."""
    sent = isinstance(event, (e.FrameSent, e.UnitSent, e.CommandSent))
    for whole in wholes:
        if sent:
            whole.sent = record.seq
        else:
            whole.received = record.seq


def _lay(segment: Segment, frames: list[Frame], places: list[int]) -> None:
    """Tell the frames with octets in `segment` so, and the segment which they are."""
    at = bisect_right(places, segment.start) - 1
    at = bisect_left(places, places[at]) if at >= 0 else 0
    while at < len(frames) and places[at] < segment.end:
        frame = frames[at]
        first, last = max(frame.offset, segment.start), min(frame.end, segment.end)
        if first < last:
            frame.carriers.append((segment.number, first - frame.offset, last - frame.offset))
            segment.frames.append(frame.number)
        at += 1
