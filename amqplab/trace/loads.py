"""What a segment carries whose way was, or is, not the first: copies beside the tokens.

Theory
------
A token is where the message is. But TCP may send again what has long arrived, because an acknowledgement was lost,
and of a long message a segment has only a part. "Segment 34 with message 2 is lost" is true then, and no token is in
segment 34. So each segment that is lost, discarded or sent again has its *load*: an entity
``load/<segment>/<command>`` for each message and each answer with bytes in it, from its sending to the end of its
way. Whoever draws shows it where the sentence speaks of the segment, unless the token itself rides in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from amqplab.trace.draft import Draft
from amqplab.trace.journeys import CONTENTS, Journeys
from amqplab.trace.tags import delivery_tag, is_multiple
from amqplab.trace.tokens import SETTLING, Delivery, new_signal, new_token
from amqplab.trace.traffic import Command, Segment, Traffic

__all__ = ["Loads"]


class Loads:
    """The loads of one recording, record by record. `deliveries` are those that were told of: delivery -> message and
    key of its token; `label` is what is written on a message.
    """

    def __init__(
        self,
        traffic: Traffic,
        journeys: Journeys,
        deliveries: Mapping[Delivery, tuple[int, str]],
        label: Callable[[int | None], str],
    ) -> None:
        self._traffic = traffic
        self._journeys = journeys
        self._deliveries = deliveries
        self._label = label
        self._sent = {
            one.sent: one
            for one in traffic.segments.values()
            if one.retransmission or one.lost_seq is not None or one.discarded  # of which something is told
        }
        self._over: defaultdict[int, list[str]] = defaultdict(list)
        self.changes = {*self._sent, *(one.ended + 1 for one in self._sent.values() if one.ended is not None)}
        """The records at which loads come or go."""

    def step(self, draft: Draft, seq: int) -> None:
        """Loads come as their segments are sent, and go after the last record of their way."""
        for key in self._over.pop(seq, ()):
            draft.drop(key)
        segment = self._sent.get(seq)
        if segment is None:
            return
        for command in self._commands(segment):
            key = f"load/{segment.number}/{command.number}"
            copy = self.signal(command) if command.name in SETTLING else self.message(command)
            draft.put(key, {**copy, "segment": segment.number})
            if segment.ended is not None:
                self._over[segment.ended + 1].append(key)

    def signal(self, command: Command) -> dict[str, Any]:
        """An acknowledgement, a refusal, or a confirm."""
        data = self._journeys.method_octets(command)
        tag = delivery_tag(command.name, data)
        multiple = command.name != "basic.reject" and is_multiple(data)
        found = self._deliveries.get((command.connection, command.channel, tag)) if command.up else None
        words = self._label(found[0]) if found else str(tag)
        return new_signal(command, f"≤{words}" if multiple else words, [found[0]] if found else [])

    def message(self, command: Command) -> dict[str, Any]:
        """A message, or a part of it."""
        number = self._journeys.published_by(command)
        if not command.up:
            tag = delivery_tag(command.name, self._journeys.method_octets(command))
            number, _ = self._deliveries.get((command.connection, command.channel, tag), (None, ""))
        token = new_token(number, self._label(number), "link", command.connection)
        return {**token, "up": command.up, "command": command.number}

    def _commands(self, segment: Segment) -> list[Command]:
        """The messages and answers with bytes in it, each once."""
        numbers = dict.fromkeys(self._traffic.frames[number].command for number in segment.frames)
        commands = [self._traffic.commands[number] for number in numbers if number is not None]
        return [one for one in commands if one.name in CONTENTS or one.name in SETTLING]
