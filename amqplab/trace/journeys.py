"""Which command takes which message where, and when: the timetable of one recording.

Theory
------
The broker numbers a message when it has read it, and says *delivered* when it hands it to a channel. Neither
names a command; the commands on the wire, in turn, know nothing of numbers. The two accounts are joined here:

    a publish     a message was published *because of* the command that brought it: its causes lead there
    a delivery    the next deliver on its channel with its delivery tag that sets out after it was said
    a return      the next return on its channel that sets out after it was said

A command sets out with the first byte handed to TCP, and arrives when the last one is read.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence

from amqplab.trace import events as e
from amqplab.trace.recorder import Record
from amqplab.trace.state_link import preview
from amqplab.trace.tags import delivery_tag
from amqplab.trace.traffic import Command, Traffic
from amqplab.wire.frames import FRAME_BODY

__all__ = ["Journeys", "messages_published"]

CAUSE_STEPS = 8
DELIVERING = frozenset({"basic.deliver", "basic.get-ok"})
"""What brings a message to a client under a delivery tag."""
CONTENTS = DELIVERING | {"basic.publish", "basic.return"}
"""What has a message in it."""


class Journeys:
    """The commands of one recording, by what is asked of them record by record."""

    def __init__(self, records: Sequence[Record], traffic: Traffic) -> None:
        self._traffic = traffic
        self._linked = {segment.connection for segment in traffic.segments.values()}
        self._messages = messages_published(records, traffic)
        self._begins: defaultdict[int, list[Command]] = defaultdict(list)
        self._arrives: dict[int, Command] = {}
        self.gone: defaultdict[int, list[Command]] = defaultdict(list)
        """Record -> the commands that come to nobody because there a segment with bytes of theirs was refused; at
        that record they are still seen.
        """
        self._outgoing: defaultdict[tuple[str, int, str, int], deque[Command]] = defaultdict(deque)
        for command in traffic.commands:
            self._index(command)

    def _index(self, command: Command) -> None:
        first = self._traffic.frames[command.frames[0]]
        begins = first.sent if first.sent is not None else first.received
        if begins is not None:
            self._begins[begins].append(command)
        if command.received is not None:
            self._arrives[command.received] = command
        elif command.gone is not None:
            self.gone[command.gone].append(command)
        if not command.up and command.sent is not None:
            kind = "deliver" if command.name in DELIVERING else command.name
            tag = delivery_tag(command.name, first.data) if kind == "deliver" else 0
            self._outgoing[command.connection, command.channel, kind, tag].append(command)

    def moments(self) -> Iterator[int]:
        """The records at which a command sets out, is read, or (the one after) has come to nobody."""
        yield from self._begins
        yield from self._arrives
        for seq in self.gone:
            yield seq + 1

    def setting_out(self, seq: int) -> Sequence[Command]:
        """The commands whose first byte is handed to TCP at `seq`; over a real socket, is read."""
        return self._begins.get(seq, ())

    def arriving(self, seq: int) -> Command | None:
        """The command whose last byte is read at `seq`."""
        return self._arrives.get(seq)

    def published_by(self, command: Command) -> int | None:
        """The number of the message that a basic.publish brought; None if it never got one."""
        return self._messages.get(command.number)

    def delivery(self, seq: int, connection: str, channel: int, tag: int) -> Command | None:
        """What takes the delivery to the client that was told of at `seq`. Ask once for each."""
        return self._next(seq, (connection, channel, "deliver", tag))

    def returning(self, seq: int, connection: str, channel: int) -> Command | None:
        """What takes the message back to its publisher that was said at `seq` to go. Ask once for each."""
        return self._next(seq, (connection, channel, "basic.return", 0))

    def _next(self, seq: int, lane: tuple[str, int, str, int]) -> Command | None:
        waiting = self._outgoing.get(lane)
        while waiting:
            command = waiting.popleft()
            if command.sent is not None and command.sent > seq:
                return command
        return None

    def is_seen(self, connection: str) -> bool:
        """Whether the segments of a connection were recorded, and not only what its ends wrote and read."""
        return connection in self._linked

    def last_ride(self, command: int | None, seq: int) -> int | None:
        """The seq at which the last segment with its last byte that is under way at `seq` reaches the other end; or
        after which it is lost, or gone there.
        """
        if command is None:
            return None
        last = self._traffic.frames[self._traffic.commands[command].frames[-1]]
        ends = [
            segment.ended if segment.refused is None and segment.lost_seq is None else segment.ended + 1
            for segment in self._traffic.carriers_of(last)
            if segment.sent <= seq and segment.ended is not None
        ]
        return max((end for end in ends if end > seq), default=None)

    def is_coming(self, command: int | None, seq: int) -> bool:
        """Whether a command that is under way at `seq` will be read at the other end."""
        received = None if command is None else self._traffic.commands[command].received
        return received is not None and received > seq

    def method_octets(self, command: Command) -> bytes:
        """Its first frame."""
        return self._traffic.frames[command.frames[0]].data

    def body(self, command: Command) -> str:
        """The beginning of its content, to be written on the message."""
        for number in command.frames:
            frame = self._traffic.frames[number]
            if frame.type == FRAME_BODY:
                return preview(frame.data[7:-1])
        return ""


def messages_published(records: Sequence[Record], traffic: Traffic) -> dict[int, int]:
    """Command number -> message: what was published because of which command."""
    return {
        command.number: event.message
        for record in records
        if isinstance(event := record.event, e.Published)
        and (command := _command_behind(records, traffic, record.cause)) is not None
    }


def _command_behind(records: Sequence[Record], traffic: Traffic, cause: int | None) -> Command | None:
    """The command whose arrival led to what has this `cause`, up to CAUSE_STEPS causes back."""
    for _ in range(CAUSE_STEPS):
        if cause is None:
            return None
        if cause in traffic.command_at:
            return traffic.commands[traffic.command_at[cause]]
        if cause in traffic.frame_at:
            number = traffic.frames[traffic.frame_at[cause]].command
            return None if number is None else traffic.commands[number]
        if not 0 <= cause < len(records):
            return None
        cause = records[cause].cause
    return None
