"""What crossed from one host to another: segments, frames or commands, each with both its moments.

Theory
------
The stream tells of the two ends separately: a frame is *sent* here, and later *received* there. A sequence
diagram draws one arrow for both. They are matched by place: a frame by its connection, its direction and
the offset of its first octet in that direction's byte stream; a command by its first frame; a segment by
its number. A direction is *up* from the client to the broker, or *down*.

Either moment may be missing. What was sent and never received was lost, or is still under way when the
recording ends; what was received and never sent came over a real socket, whose other end is not ours to see.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.words import count
from amqplab.wire.dissect import summarise

__all__ = ["Crossing", "commands_crossing", "frames_crossing", "segments_crossing"]

WRAP = 1 << 32


@dataclass(slots=True)
class Crossing:
    """One arrow. `sent` and `arrived` are (seq, time in ns), or None; `lost` is the reason, if it was lost.

    `start` and `end` are its octets' places in the direction's byte stream.
    """

    connection: str
    up: bool
    label: str
    start: int
    end: int
    sent: tuple[int, int] | None = None
    arrived: tuple[int, int] | None = None
    lost: str = ""
    retransmission: bool = False
    inside: list[str] = field(default_factory=list)

    @property
    def begin(self) -> tuple[int, int]:
        """The first of its moments that is known: (time, seq)."""
        seq, at = self.sent or self.arrived or (0, 0)
        return at, seq


# --- frames and commands ---------------------------------------------------------------------------------


def frames_crossing(recorder: Recorder) -> list[Crossing]:
    """Every frame, in the order of sending."""
    found: dict[tuple[str, bool, int], Crossing] = {}
    for record in recorder:
        event = record.event
        if not isinstance(event, e.FrameSent | e.FrameReceived):
            continue
        up = is_up(event)
        place = (event.connection, up, event.offset)
        crossing = found.get(place)
        if crossing is None:
            end = event.offset + len(event.data)
            crossing = Crossing(event.connection, up, summarise(event.data), event.offset, end)
            found[place] = crossing
        note_moment(crossing, record)
    return sorted(found.values(), key=lambda one: one.begin)


def commands_crossing(recorder: Recorder) -> list[Crossing]:
    """Every command, in the order of sending; its moments are those of its last frame."""
    found: dict[tuple[str, bool, int], Crossing] = {}
    for record in recorder:
        event = record.event
        if not isinstance(event, e.CommandSent | e.CommandReceived):
            continue
        frames = [recorder[seq].event for seq in event.frames]
        datas = [one.data for one in frames if isinstance(one, e.FrameSent | e.FrameReceived)]
        head = frames[0]
        assert isinstance(head, e.FrameSent | e.FrameReceived)
        up = is_up(event)
        place = (event.connection, up, head.offset)
        crossing = found.get(place)
        if crossing is None:
            end = head.offset + sum(map(len, datas))
            crossing = Crossing(event.connection, up, command_label(datas), head.offset, end)
            found[place] = crossing
        note_moment(crossing, record)
    return sorted(found.values(), key=lambda one: one.begin)


def command_label(frames: list[bytes]) -> str:
    """A command in one line: its method, and the size of its body if it has one."""
    label = summarise(frames[0])
    if len(frames) == 1:
        return label
    size = sum(len(data) - 8 for data in frames if data[:1] == b"\x03")
    return f"{label} ({count(size, 'octet')})"


def is_up(event: e.FrameSent | e.FrameReceived | e.CommandSent | e.CommandReceived) -> bool:
    """Whether it goes from the client to the broker."""
    at_client = event.host == client_host(event.connection)
    return at_client == isinstance(event, e.FrameSent | e.CommandSent)


def note_moment(crossing: Crossing, record: Record) -> None:
    """Write down when it was sent or when it arrived."""
    if isinstance(record.event, e.FrameSent | e.CommandSent):
        crossing.sent = (record.seq, record.at)
    else:
        crossing.arrived = (record.seq, record.at)


# --- segments --------------------------------------------------------------------------------------------


def segments_crossing(recorder: Recorder) -> list[Crossing]:
    """Every TCP segment, in the order in which they left; `inside` names the frames with octets in it."""
    found: dict[int, Crossing] = {}
    bases: dict[tuple[str, bool], int] = {}
    for record in recorder:
        event = record.event
        if isinstance(event, e.SegmentSent):
            found[event.number] = _segment(record, event, bases)
        elif isinstance(event, e.SegmentArrived | e.SegmentDiscarded) and event.number in found:
            found[event.number].arrived = (record.seq, record.at)
        elif isinstance(event, e.SegmentLost) and event.number in found:
            found[event.number].lost = event.reason or "lost"
    segments = sorted(found.values(), key=lambda one: one.begin)
    _fill(segments, frames_crossing(recorder))
    return segments


def _segment(record: Record, event: e.SegmentSent, bases: dict[tuple[str, bool], int]) -> Crossing:
    up = event.source == event.connection
    if "SYN" in event.flags:
        bases[event.connection, up] = event.sequence + 1
    start = (event.sequence - bases.setdefault((event.connection, up), event.sequence)) % WRAP
    end = start + len(event.payload)
    acknowledges = (event.acknowledgement - bases.get((event.connection, not up), 0) + 1) % WRAP
    label = f"{event.flags} seq={(start + 1) % WRAP}"
    if event.payload:
        label = f"{label} len={len(event.payload)}".removeprefix("PSH|").removeprefix("ACK ")
    elif "ACK" in event.flags:
        label += f" ack={acknowledges}"
    crossing = Crossing(event.connection, up, label, start, end, retransmission=event.retransmission)
    crossing.sent = (record.seq, event.departs_at)
    return crossing


def _fill(segments: list[Crossing], frames: list[Crossing]) -> None:
    """Tell each segment which frames have octets in it; "…" marks one that began in an earlier segment."""
    lanes: dict[tuple[str, bool], list[Crossing]] = {}
    for frame in frames:
        lanes.setdefault((frame.connection, frame.up), []).append(frame)
    for lane in lanes.values():
        lane.sort(key=lambda frame: frame.start)
    for segment in segments:
        lane = lanes.get((segment.connection, segment.up), [])
        if segment.end == segment.start:
            continue
        at = first_after(lane, segment.start)
        while at < len(lane) and lane[at].start < segment.end:
            frame = lane[at]
            name = frame.label.partition(" ")[0]
            segment.inside.append(name if frame.start >= segment.start else f"…{name}")
            at += 1


def first_after(lane: list[Crossing], place: int) -> int:
    """The index of the first crossing that ends after `place`."""
    low, high = 0, len(lane)
    while low < high:
        middle = (low + high) // 2
        if lane[middle].end > place:
            high = middle
        else:
            low = middle + 1
    return low
