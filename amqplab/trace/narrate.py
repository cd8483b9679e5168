"""Narration: one plain sentence, with its reason, for every record.

Theory
------
A learner who sees a step wants to know what happened and why. A sentence says both, in the standard's own
words, and without the reader having seen any other sentence.

:func:`narrate` makes it of one record and nothing else. A :class:`Narrator` has read the whole recording, so
it knows more (:mod:`amqplab.trace.context`): which call it is that returns, which message was in the lost
segment, which program a consumer belongs to, and that a copy has to wait for the end of a transaction. Which
record caused which is told by :mod:`amqplab.trace.causes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from amqplab.trace import narrate_calls, narrate_link, narrate_messages, narrate_sessions, narrate_topology
from amqplab.trace.causes import Causes
from amqplab.trace.context import Context
from amqplab.trace.events import Event
from amqplab.trace.generated import MADE_UP, shortened
from amqplab.trace.lives import names_of_lives, renamed
from amqplab.trace.narrate_dark import IN_THE_DARK
from amqplab.trace.recorder import Record
from amqplab.trace.traffic import Traffic

__all__ = ["Narrator", "narrate"]

SENTENCES: dict[type[Event], Callable[[Record, Any], str]] = {
    **narrate_link.SENTENCES,
    **narrate_sessions.SENTENCES,
    **narrate_topology.SENTENCES,
    **narrate_messages.SENTENCES,
}
IN_CONTEXT: dict[type[Event], Callable[[Record, Any, Context], str]] = {
    **narrate_calls.IN_CONTEXT,
    **narrate_link.IN_CONTEXT,
    **narrate_sessions.IN_CONTEXT,
    **narrate_topology.IN_CONTEXT,
    **narrate_messages.IN_CONTEXT,
}
NOTHING = Context()


class Narrator:
    """Tells a whole recording. `traffic` is what crossed the wire in it, if that is known already."""

    def __init__(self, records: Iterable[Record], traffic: Traffic | None = None) -> None:
        told = list(records)
        self.records = list(renamed(told, names_of_lives(told)))
        self.traffic = traffic
        self.context = Context(self.records, traffic)

    @cached_property
    def causes(self) -> Causes:
        """What came of what."""
        return Causes(self.records, self.traffic)

    def sentence(self, seq: int) -> str:
        """The sentence for one record. Raises IndexError if there is no such record."""
        told = narrate(self.records[seq], self.context)
        return shortened(told) if MADE_UP in told else told


def narrate(record: Record, known: Context = NOTHING) -> str:
    """The sentence for one record. An event class of somebody else's is named and no more."""
    kind = type(record.event)
    if record.seq in known.dark and kind in IN_THE_DARK:
        return IN_THE_DARK[kind](record, record.event, known)
    in_context = IN_CONTEXT.get(kind)
    if in_context is not None:
        return in_context(record, record.event, known)
    tell = SENTENCES.get(kind)
    return f"{kind.__name__} at '{record.where}'." if tell is None else tell(record, record.event)
