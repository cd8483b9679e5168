"""Tubes: what there is on each connection in each direction, before anybody thinks of where to draw it.

Theory
------
A segment is on the wire from its sending to its end. A frame is on its link until the receiver has all of its
command, because until then it is of no use to anybody: it waits at the door for the rest. Where nobody is there to
take a segment, what it carries is thrown away, and gone after that very record. And what a record speaks of
is shown, too, at its end if it is over; but when a message has been made of a command's frames, the message is seen
where it is now, and nothing is left on the link.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from amqplab.stage.contract_layout import PipePlace
from amqplab.stage.mark import Moment
from amqplab.trace import keys
from amqplab.trace.rides import segments_under_way
from amqplab.trace.traffic import Command, Frame, Segment

__all__ = ["Tube", "connections_in_use", "tubes"]


@dataclass
class Tube:
    """One direction of one connection, with what is alive in it."""

    connection: str
    pipe: PipePlace
    up: bool
    segments: list[Segment] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    cargo: Mapping[int, str] = field(default_factory=dict)
    """Command -> what is written on the message that it carries."""

    def lane(self, channel: int) -> int:
        """Which lane a channel uses; those without one use the last."""
        lanes = self.pipe["lanes"]
        return lanes.index(channel) if channel in lanes else len(lanes) - 1

    @property
    def place(self) -> str:
        return f"link:{self.pipe['app']}"


def tubes(m: Moment) -> list[Tube]:
    """What is alive on the wire, by connection and direction: on connections that exist, segments also on others; and
    what the record speaks of, which is shown at its end if it is over.
    """
    found: dict[tuple[str, bool], Tube] = {}
    cargo = {
        int(one["command"]): str(one.get("label") or "·")
        for key, one in m.state.items()
        if key.startswith("token/") and one.get("place") == "link" and one.get("command") is not None
    }

    def tube(connection: str, up: bool, own: bool) -> Tube | None:
        pipe = m.layout["pipes"].get(connection)
        if pipe is None or not (own or keys.connection_key(connection) in m.state):
            return None
        return found.setdefault((connection, up), Tube(connection, pipe, up, cargo=cargo))

    if m.zoom == "command":
        for command in m.traffic.commands:
            first = m.traffic.frames[command.frames[0]].sent
            own = command.number == m.subject.command and not is_unpacked(m, command)
            there = own or under_way(m, first, command.received, command.gone)
            if there and (one := tube(command.connection, command.up, own)):
                one.commands.append(command)
        return [found[key] for key in sorted(found)]
    if m.zoom == "segment":
        alive = {one.number for one in segments_under_way(m.traffic.segments.values(), m.seq)}
        for segment in m.traffic.segments.values():
            own = segment.number == m.subject.segment
            if (own or segment.number in alive) and (one := tube(segment.connection, segment.up, True)):
                one.segments.append(segment)
    mine = own_frames(m)
    for frame in m.traffic.frames:
        own = frame.number in mine
        whole = m.traffic.whole_of(frame)
        there = own or under_way(m, frame.sent, whole.received, whole.gone)
        if there and (one := tube(frame.connection, frame.up, own)):
            one.frames.append(frame)
    return [found[key] for key in sorted(found)]


def connections_in_use(m: Moment) -> set[str]:
    """The connections whose links carry something that is seen, though nobody may know these connections any more: a
    last RST is on its way after them.
    """
    segments = m.traffic.segments
    seen = segments_under_way(segments.values(), m.seq) if m.zoom == "segment" else []
    told = None if m.subject.segment is None else segments.get(m.subject.segment)
    return {one.connection for one in (*seen, told) if one is not None}


def own_frames(m: Moment) -> set[int]:
    """The frames that the record speaks of; of a command, all, unless a message has been made of them."""
    found = set() if m.subject.frame is None else {m.subject.frame}
    if m.subject.command is None:
        return found
    command = m.traffic.commands[m.subject.command]
    return set() if is_unpacked(m, command) else found.union(command.frames)


def is_unpacked(m: Moment, command: Command) -> bool:
    """Whether a command with content has been read: its message is seen where it is now."""
    return command.received is not None and command.received <= m.seq and m.traffic.has_content(command)


def under_way(m: Moment, sent: int | None, received: int | None, gone: int | None) -> bool:
    """Handed over, and neither read at the other end nor thrown away there."""
    is_read, is_gone = received is not None and received <= m.seq, gone is not None and gone < m.seq
    return sent is not None and sent <= m.seq and not is_read and not is_gone
