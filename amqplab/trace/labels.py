"""Each record in three or four words: for where a sentence has no room.

Theory
------
A sentence explains (:mod:`amqplab.trace.narrate`); a label *names*, so that a column of them can be scanned.
It is declared with the event (:mod:`amqplab.trace.events`) and is a function of one record and nothing else.
"""

from __future__ import annotations

from amqplab.trace.events import ABOUT
from amqplab.trace.recorder import Record

__all__ = ["label_of"]


def label_of(record: Record) -> str:
    """A few words for one record. An event class of somebody else's is named as it is."""
    about = ABOUT.get(type(record.event))
    return type(record.event).__name__ if about is None else about.label_of(record.event)
