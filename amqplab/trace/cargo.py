"""What lost segments carried: the messages in them, and whatever else somebody waits for.

Theory
------
"A segment is lost" is true and says nothing. Whoever follows a message wants to hear that *message 2* was in
it, or the acknowledgement of message 1, or why a program takes so long to connect: so the octets of a segment are
laid over the commands of its direction. A heartbeat nobody waits for.

A segment that arrives and is discarded mostly was a duplicate, and nothing is missing for its sake; only what
nobody has ever received counts. And a timer that runs out stands for everything that TCP takes for lost then; it
tells of a loss if any of it is truly missing, and not only its acknowledgement. But if what it sends again is lost,
the timer is told of as well: else nobody would know why that was sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from amqplab.trace import events as e
from amqplab.trace.journeys import CONTENTS, DELIVERING, messages_published
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record
from amqplab.trace.repeats import Again, Taken
from amqplab.trace.tags import delivery_tag
from amqplab.trace.traffic import Command, Lane, Segment, Traffic

__all__ = ["Cargo", "Hold"]

BEFORE_ALL = -1
"""Where a SYN stands among the octets: before the first."""


class Cargo(NamedTuple):
    """What a segment carried: the numbers of its `messages` (`unnumbered`: how many more, to which the broker
    never gave a number), and the names of the `others` in it for which somebody may wait: commands, and a SYN.
    `part`: not all of a message. Of several segments `carriers` are the ones that have a message in them, or, where
    none has, another command; others may have heartbeats.
    """

    messages: tuple[int, ...]
    unnumbered: int
    others: tuple[str, ...]
    part: bool
    carriers: tuple[int, ...]


class Hold:
    """Looks into segments that were lost or discarded, and finds the ones that a timer stands for.

    `handed_out` has the delivery of each (connection, channel, delivery tag), and `taken` what each timeout
    takes for lost, and `again` what each segment carries again.
    """

    def __init__(
        self,
        records: Sequence[Record],
        traffic: Traffic,
        handed_out: Mapping[tuple[str, int, int], e.Delivered | e.Replied],
        taken: Mapping[int, Taken],
        again: Mapping[int, Again],
    ) -> None:
        self._records = records
        self._traffic = traffic
        self._handed_out = handed_out
        self._taken = taken
        self._again = again
        self._published = messages_published(records, traffic)
        self._missing: defaultdict[Lane, dict[int, Segment]] = defaultdict(dict)

    def lost(self) -> dict[int, Cargo]:
        """seq of what lost a segment, of the timeout behind it, or of what is sent again because its loss was heard
        of -> its cargo, if there was any.
        """
        found: dict[int, Cargo] = {}
        for record in self._records:
            cargo = self._read(record)
            if cargo is None or not (cargo.messages or cargo.unnumbered or cargo.others):
                continue
            found[record.seq] = cargo
            timeout = self._timeout_behind(record.event)
            if timeout is not None and timeout not in found:
                found[timeout] = self._cargo(self._of(timeout))
        return found

    def _timeout_behind(self, event: e.Event) -> int | None:
        """The timeout for which a segment was sent that is lost."""
        if not isinstance(event, e.SegmentLost):
            return None
        cause = self._records[self._traffic.segments[event.number].sent - self._records[0].seq].cause
        return cause if cause in self._taken else None

    def _read(self, record: Record) -> Cargo | None:
        match record.event:
            case e.SegmentLost(number=number):
                segment = self._loaded(number)
                if segment is not None:
                    self._missing[segment.lane].setdefault(
                        BEFORE_ALL if is_syn(segment) else segment.start, segment
                    )
                return None if segment is None else self._cargo([segment])
            case e.SegmentDiscarded(number=number):
                segment = self._loaded(number)
                return None if segment is None else self._cargo([segment], only_unheard=True)
            case e.SegmentSent(number=number) if number in self._again:
                return self._asked_for(self._traffic.segments[number])
            case e.SegmentArrived(number=number):
                self._arrived(self._loaded(number))
            case e.RetransmissionTimedOut(connection=connection, host=host):
                missing = self._missing[connection, host == client_host(connection)]
                return self._cargo(self._of(record.seq) or [missing[min(missing)]]) if missing else None
        return None

    def _asked_for(self, segment: Segment) -> Cargo | None:
        """The other end has told that something is missing, and here it goes again."""
        missing = any(segment.start <= at < segment.end for at in self._missing[segment.lane])
        asked = self._again[segment.number].reason in ("repeated", "asked")
        return self._cargo([segment]) if asked and missing else None

    def _of(self, timeout: int) -> list[Segment]:
        """The segments with octets that a timeout takes for lost."""
        taken = self._taken.get(timeout)
        loaded = map(self._loaded, taken.segments if taken else ())
        return [segment for segment in loaded if segment is not None]

    def _loaded(self, number: int) -> Segment | None:
        """The segment of that number, if it is known and has octets, or asks for a connection or agrees to one."""
        segment = self._traffic.segments.get(number)
        return segment if segment is not None and (segment.end > segment.start or is_syn(segment)) else None

    def _arrived(self, segment: Segment | None) -> None:
        """What it brings is no longer missing."""
        if segment is not None:
            missing = self._missing[segment.lane]
            if is_syn(segment):
                missing.pop(BEFORE_ALL, None)
            for start in [at for at in missing if segment.start <= at < segment.end]:
                del missing[start]

    def _cargo(self, segments: list[Segment], *, only_unheard: bool = False) -> Cargo:
        commands = [
            command
            for command in self._commands(segments)
            if not (only_unheard and command.received is not None)
        ]
        contents = [command for command in commands if command.name in CONTENTS]
        numbers = [self._number(command) for command in contents]
        known = tuple(number for number in numbers if number)
        waited_for = [one for one in commands if one.name not in CONTENTS | {"heartbeat"}]
        others = (*(one.flags for one in segments if is_syn(one)), *(one.name for one in waited_for))
        told = {command.number for command in contents or waited_for}
        carriers = tuple(
            one.number
            for one in segments
            if is_syn(one) or told & {each.number for each in self._commands([one])}
        )
        start, end = segments[0].start, segments[-1].end
        part = any(self._is_part(start, end, command) for command in contents)
        return Cargo(known, len(numbers) - len(known), others, part, carriers)

    def _commands(self, segments: list[Segment]) -> list[Command]:
        """The commands with octets in the segments, in order, each once."""
        frames = self._traffic.frames
        numbers = [frames[number].command for segment in segments for number in segment.frames]
        return [self._traffic.commands[one] for one in dict.fromkeys(numbers) if one is not None]

    def _is_part(self, start: int, end: int, command: Command) -> bool:
        """Whether the command begins before the octet at `start`, or ends after the one before `end`."""
        first, last = self._traffic.frames[command.frames[0]], self._traffic.frames[command.frames[-1]]
        return first.offset < start or end < last.end

    def _number(self, command: Command) -> int:
        """The message in a command; 0 if the broker never got to give it a number."""
        first = self._traffic.frames[command.frames[0]]
        if command.name in DELIVERING:
            place = (command.connection, command.channel, delivery_tag(command.name, first.data))
            sent = self._handed_out.get(place)
            return sent.message if sent else 0
        return self._published.get(command.number, 0)


def is_syn(segment: Segment) -> bool:
    """Whether it asks for a connection, or agrees to one."""
    return "SYN" in segment.flags.split("|")
