"""Narration: one plain sentence, with its reason, for every record.

Theory
------
A learner who sees a step wants to know what happened and why. A sentence says both, in the standard's own
words, and without the reader having seen any other sentence: it is made of its own record and nothing else,
so it is the same wherever it is shown. Which record caused which is told by :mod:`amqplab.trace.why`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amqplab.trace import narrate_broker, narrate_link
from amqplab.trace.events import Event
from amqplab.trace.recorder import Record

__all__ = ["narrate"]

SENTENCES: dict[type[Event], Callable[[Record, Any], str]] = {
    **narrate_link.SENTENCES,
    **narrate_broker.SENTENCES,
}


def narrate(record: Record) -> str:
    """The sentence for one record. An event class of somebody else's is named and no more."""
    tell = SENTENCES.get(type(record.event))
    if tell is None:
        return f"{type(record.event).__name__} at '{record.where}'."
    return tell(record, record.event)
