"""What is recorded at a machine while it has no power.

Theory
------
A machine without power does nothing. What is told of it then is what it has lost, and what a disk has kept, and no
act of its programs. Sentences of it are in :mod:`amqplab.trace.narrate_dark`.
"""

from __future__ import annotations

from collections.abc import Iterable

from amqplab.trace import events as e
from amqplab.trace.recorder import Record

__all__ = ["dark"]


def dark(records: Iterable[Record]) -> set[int]:
    """What is recorded at a machine while it has no power."""
    off: set[str] = set()
    found = set()
    for record in records:
        event = record.event
        if record.where in off:
            found.add(record.seq)
        elif type(event) is e.Intervened and event.action == "power off":
            off.add(event.target)
        elif type(event) is e.Intervened and event.action == "power on":
            off.discard(event.target)
    return found
