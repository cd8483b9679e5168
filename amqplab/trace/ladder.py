"""The text ladder: who sent what to whom, and when, as a sequence diagram of plain characters.

Theory
------
One vertical line for each host, time running down, one arrow for each thing that crossed::

    ms          producer                                         broker
                   │                                               │
    0.000          │───── SYN seq=0 ──────────────────────────────>│  1.000
    1.000          │<──── SYN|ACK seq=0 ack=1 ─────────────────────│  2.000
    …
    4.500          │───── Basic.Publish x=logs rk=info ───×        │  lost: on purpose

The time at the left is that of sending, the one at the right that of arrival. Sequence numbers are relative
to the first of their direction, as Wireshark shows them. An arrow that ends in "×" was lost, and if it is a
frame or a command, nothing brought it again; one that ends in "…" had not arrived when the recording ended.
What happens at one host stands on its line as "●". Zooms: "segment", "frame", "command". Times are cut, not
rounded, at the third decimal, or at the first one by which all that differ read differently.

The ladder is deterministic, so it is compared as text: it is the lesson's picture where no browser draws one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from amqplab.trace import events as e
from amqplab.trace.intervention_words import intervention_words
from amqplab.trace.participants import Participants, participants_of
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.traffic import Command, Frame, Segment, Traffic
from amqplab.trace.words import count, duration
from amqplab.wire.frames import FRAME_BODY, FRAME_OVERHEAD

__all__ = ["ladder"]

UNITS = {"ns": 1, "µs": 1_000, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
ZOOMS = ("segment", "frame", "command")
LONG_SILENCE = 1_000_000_000
SMALLEST_GAP = 24
DECIMALS = 3


class Row(NamedTuple):
    """One line of the diagram: an arrow (`source` to `target`) or, with `target` None, a note at `source`."""

    at: int
    seq: int
    source: str
    target: str | None
    label: str
    end: str = ">"
    remark: str = ""


def ladder(
    recorder: Recorder | Sequence[Record],
    *,
    zoom: str = "frame",
    start: int = 0,
    end: int | None = None,
    width: int = 110,
    unit: str = "ms",
    notes: bool = False,
    most: int | None = None,
) -> str:
    """The ladder of what was sent from record `start` up to, not including, record `end`.

    `width` is that of the whole text in characters, `unit` of time one of "ns", "µs", "ms", "s". With `notes`
    the broker's milestones stand on its line. Of more than `most` arrows the first are drawn, and a line tells
    how many are left out. Raises ValueError for an unknown zoom or unit.
    """
    if zoom not in ZOOMS:
        raise ValueError(f"there is no zoom {zoom!r} for a ladder: choose one of {', '.join(ZOOMS)}")
    if unit not in UNITS:
        raise ValueError(f"there is no unit {unit!r}: choose one of {', '.join(UNITS)}")
    participants = participants_of(recorder)
    stop = len(recorder) if end is None else end
    traffic = Traffic(recorder)

    def rows_at(decimals: int) -> list[Row]:
        rows = Arrows(recorder, participants, traffic, Times(unit, decimals)).rows(zoom)
        rows += _local_rows(recorder, participants, zoom, notes)
        return sorted((row for row in rows if start <= row.seq < stop), key=lambda row: row[:2])

    rows = rows_at(DECIMALS)
    times = Times(unit, decimals_for([row.at for row in rows], unit))
    if times.decimals > DECIMALS:
        rows = rows_at(times.decimals)
    left_out = 0 if most is None else len(rows) - most
    if left_out <= 0:
        return Drawing(participants.columns(), width, times).draw(rows)
    drawn = Drawing(participants.columns(), width, times).draw(rows[:most])
    return f"{drawn}\n… and {left_out:,} more: lab.ladder() shows them all"


# --- rows ------------------------------------------------------------------------------------------------


class Arrows:
    """Makes the rows of all that crossed."""

    def __init__(
        self,
        recorder: Recorder | Sequence[Record],
        participants: Participants,
        traffic: Traffic,
        times: Times,
    ) -> None:
        self.recorder, self.participants, self.traffic, self.times = recorder, participants, traffic, times

    def rows(self, zoom: str) -> list[Row]:
        """One row for each segment, frame or command."""
        if zoom == "segment":
            return [self._segment(one) for one in self.traffic.segments.values()]
        if zoom == "frame":
            return [self._frame(one) for one in self.traffic.frames]
        return [self._command(one) for one in self.traffic.commands]

    def _segment(self, segment: Segment) -> Row:
        row = self._row(segment, segment.departs_at, segment.sent, self._segment_label(segment))
        if segment.lost:
            return row._replace(end="×", remark=f"lost: {segment.lost}")
        if segment.arrived is None:
            return row._replace(end="…", remark="under way")
        arrival = self._time(segment.arrived)
        return row._replace(
            remark=f"{arrival}, discarded: {segment.discarded}" if segment.discarded else arrival
        )

    def _segment_label(self, segment: Segment) -> str:
        octets = segment.end - segment.start
        label = f"{segment.flags} seq={segment.relative_sequence}"
        if octets:
            label = f"{label} len={octets}".removeprefix("PSH|").removeprefix("ACK ")
        elif "ACK" in segment.flags:
            label += f" ack={segment.relative_acknowledgement}"
        inside = ", ".join(self._name_inside(segment, self.traffic.frames[n]) for n in segment.frames)
        label = f"{label} {inside}".rstrip()
        return f"again: {label}" if segment.retransmission else label

    @staticmethod
    def _name_inside(segment: Segment, frame: Frame) -> str:
        """A frame's name; "…" marks one that began in an earlier segment."""
        name = frame.summary.partition(" ")[0]
        return name if frame.offset >= segment.start else f"…{name}"

    def _frame(self, frame: Frame) -> Row:
        return self._pair(frame, frame, frame.summary)

    def _command(self, command: Command) -> Row:
        frames = [self.traffic.frames[number] for number in command.frames]
        label = frames[0].summary
        if len(frames) > 1:
            size = sum(len(one.data) - FRAME_OVERHEAD for one in frames if one.type == FRAME_BODY)
            label = f"{label} ({count(size, 'byte')})"
        return self._pair(command, frames[-1], label)

    def _pair(self, one: Frame | Command, last: Frame, label: str) -> Row:
        """What was handed over at one end and came out at the other, as its last frame did."""
        begin = one.received if one.sent is None else one.sent
        assert begin is not None
        row = self._row(one, self.recorder[begin].at, begin, label)
        if one.received is not None:
            return row._replace(remark="" if one.sent is None else self._time(one.received))
        if not one.up and not self.participants.pipes[one.connection].heard:
            return row
        carriers = self.traffic.carriers_of(last)
        if carriers and carriers[-1].lost:
            return row._replace(end="×", remark=f"lost with segment {carriers[-1].number}")
        return row._replace(end="…", remark="under way")

    def _row(self, one: Segment | Frame | Command, at: int, seq: int, label: str) -> Row:
        client, server = self.participants.ends(one.connection)
        source, target = (client, server) if one.up else (server, client)
        return Row(at, seq, source, target, label)

    def _time(self, seq: int) -> str:
        return self.times.text(self.recorder[seq].at)


def _local_rows(
    recorder: Recorder | Sequence[Record], participants: Participants, zoom: str, notes: bool
) -> Iterator[Row]:
    lifelines = participants.columns()
    for record in recorder:
        text = _local_text(record, zoom, notes)
        if text:
            places = (record.where, getattr(record.event, "target", ""))
            host = next((place for place in places if place in lifelines), participants.broker)
            yield Row(record.at, record.seq, host, None, text)


def _local_text(record: Record, zoom: str, notes: bool) -> str:
    """What a record that crosses nothing is called on its host's line; "" if it is not shown."""
    event = record.event
    if isinstance(event, e.RetransmissionTimedOut):
        return f"no acknowledgement for {duration(event.rto_ns)}"
    if isinstance(event, e.SegmentLost) and zoom != "segment":
        return f"× segment {event.number} lost: {event.reason}"
    if isinstance(event, e.Intervened):
        return intervention_words(event)
    if isinstance(event, e.TcpStateChanged) and zoom == "segment" and notes:
        return event.state
    return _milestone_text(event) if notes else ""


def _milestone_text(event: e.Event) -> str:
    match event:
        case e.CallMade():
            return event.call
        case e.Published():
            return f"message {event.message} published"
        case e.Routed():
            return f"message {event.message} routed to {', '.join(event.queues) or 'no queue'}"
        case e.Enqueued():
            return f"message {event.message} ready in {event.queue}"
        case e.Delivered():
            return f"message {event.message} handed out by {event.queue}"
        case e.Acknowledged():
            return f"message {event.message} acknowledged in {event.queue}"
        case e.Requeued():
            return f"message {event.message} back in {event.queue}"
        case e.Discarded():
            return f"message {event.message} dropped by {event.queue}: {event.reason}"
        case e.NoteMade():
            return event.text
    return ""


# --- drawing ---------------------------------------------------------------------------------------------


class Times(NamedTuple):
    """How times are written: in a unit, exact for "ns", else cut after so many decimals."""

    unit: str
    decimals: int

    def text(self, nanoseconds: int) -> str:
        size = UNITS[self.unit]
        whole, rest = divmod(nanoseconds, size)
        if size == 1:
            return str(whole)
        return f"{whole}.{f'{rest:0{places(self.unit)}d}'[: self.decimals]}"


def places(unit: str) -> int:
    """How many decimals make a time exact."""
    return len(str(UNITS[unit])) - 1


def decimals_for(times: Sequence[int], unit: str) -> int:
    """As few as may be, and still times that follow one another read differently if they differ."""
    gaps = list(pairwise(sorted(set(times))))
    for decimals in range(min(DECIMALS, places(unit)), places(unit)):
        step = 10 ** (places(unit) - decimals)
        if all(a // step != b // step for a, b in gaps):
            return decimals
    return places(unit)


class Drawing:
    """Puts rows on lifelines."""

    def __init__(self, hosts: list[str], width: int, times: Times) -> None:
        self.hosts = hosts
        self.width = width
        self.times = times

    def draw(self, rows: list[Row]) -> str:
        """The whole text, with a line of names above."""
        times = [self.times.text(row.at) for row in rows]
        remarks = max([len(row.remark) for row in rows if row.target], default=0)
        self.left = max([len(time) for time in [*times, self.times.unit]]) + 2
        self.columns = self._columns(remarks + 2)
        lines = [self._names(), self._line("")]
        before = rows[0].at if rows else 0
        for row, time in zip(rows, times, strict=True):
            if row.at - before >= LONG_SILENCE:
                lines.append(self._line("", "⋮"))
            before = row.at
            lines.append(self._row(row, time))
        return "\n".join(lines)

    def _columns(self, right: int) -> list[int]:
        """Where the lifelines stand: as far apart as the width allows."""
        if len(self.hosts) < 2:
            return [self.left + max(len(self.hosts[0]) // 2, 2)] if self.hosts else []
        first = self.left + max(len(self.hosts[0]) // 2, 2)
        last = self.width - 1 - max(right, len(self.hosts[-1]) // 2)
        gap = max((last - first) // (len(self.hosts) - 1), SMALLEST_GAP)
        return [first + gap * i for i in range(len(self.hosts))]

    def _names(self) -> str:
        line = list(self.times.unit.ljust(self.left))
        for name, column in zip(self.hosts, self.columns, strict=True):
            start = max(column - len(name) // 2, len(line))
            line += " " * (start - len(line)) + name
        return "".join(line).rstrip()

    def _line(self, time: str, mark: str = "│") -> str:
        line = list(time.ljust(self.columns[-1] + 1 if self.columns else self.left))
        for column in self.columns:
            line[column] = mark
        return "".join(line).rstrip()

    def _row(self, row: Row, time: str) -> str:
        line = list(self._line(time).ljust((self.columns[-1] if self.columns else self.left) + 1))
        if row.target is None:
            return self._note(line, row)
        source, target = self._column(row.source), self._column(row.target)
        rightward = source < target
        low, high = min(source, target) + 1, max(source, target)
        body = self._arrow(row, high - low, rightward)
        line[low:high] = body
        return ("".join(line) + (f"  {row.remark}" if row.remark else "")).rstrip()

    def _arrow(self, row: Row, room: int, rightward: bool) -> str:
        """The text between two lifelines: shaft, label, head. What is lost ends before, but behind its label."""
        reach = room if row.end == ">" else max(room * 3 // 4, min(len(row.label) + 8, room - 2), 10)
        label = shorten(row.label, reach - 8)
        head = {">": ">" if rightward else "<"}.get(row.end, row.end)
        if rightward:
            body = f"───── {label} ".ljust(reach - 1, "─") + head
            return body.ljust(room)
        rest = "─" * max(reach - 8 - len(label), 0)
        return f"{head}──── {label} {rest}─".rjust(room)

    def _note(self, line: list[str], row: Row) -> str:
        """A remark at a lifeline, over whatever lines stand beside it."""
        if row.source not in self.hosts:
            column = self.columns[0] if self.columns else self.left
        else:
            column = self._column(row.source)
        line[column] = "●"
        right = self.width - column - 3
        if len(row.label) > right and self.columns[-1:] == [column]:
            text = f" {shorten(row.label, column - self.left - 2)} "
            line[column - len(text) : column] = text
        else:
            text = f" {shorten(row.label, right)} "
            line += " " * (column + 1 + len(text) - len(line))
            line[column + 1 : column + 1 + len(text)] = text
        return "".join(line).rstrip()

    def _column(self, host: str) -> int:
        return self.columns[self.hosts.index(host)]


def shorten(text: str, room: int) -> str:
    """The text in at most `room` characters, on one line."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= room else text[: max(room - 1, 0)] + "…"
