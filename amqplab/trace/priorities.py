"""Who overtakes whom in a queue with priorities.

Theory
------
A queue hands its messages out in the order in which they came. A classic queue that was declared with
``x-max-priority`` has a line for each priority, one behind the other: a message stands behind those of its own
priority and before all of a lower one, however long they have waited. No record says so: that one message is
handed out while an older one is still Ready can only be seen in the order of many.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from amqplab.trace import events as e
from amqplab.trace.arguments import argument
from amqplab.trace.recorder import Record

__all__ = ["overtaken"]


class Line:
    """One queue: when each copy first came, and the times of those that are Ready, in order."""

    def __init__(self) -> None:
        self._came: dict[int, int] = {}
        self._ready: list[int] = []

    def enter(self, message: int, now: int) -> None:
        """It is Ready, for the first time or again; it keeps its age."""
        insort(self._ready, self._came.setdefault(message, now))

    def leave(self, message: int) -> None:
        """It is not Ready any more, if it was."""
        came = self._came.get(message, -1)
        at = bisect_left(self._ready, came)
        if self._ready[at : at + 1] == [came]:
            del self._ready[at]

    def older(self, message: int) -> int:
        """How many are Ready that came before it."""
        return bisect_left(self._ready, self._came.get(message, -1))

    @property
    def length(self) -> int:
        """How many are Ready."""
        return len(self._ready)


def overtaken(records: Iterable[Record]) -> dict[int, int]:
    """seq of an Enqueued or Delivered -> how many older messages of a lower priority wait longer for it."""
    lines: dict[tuple[str, str], Line] = {}
    found = {}
    for record in records:
        event = record.event
        if isinstance(event, e.QueueDeclared):
            lines.pop((event.vhost, event.queue), None)  # of the same name, or back after a crash
            if argument(event.arguments, "x-max-priority") is not None:
                lines[event.vhost, event.queue] = Line()
        elif lines and isinstance(event, OF_LINES):
            line = lines.get((event.vhost, event.queue))
            if line is not None:
                found[record.seq] = pass_by(line, record.seq, event)
    return {seq: many for seq, many in found.items() if many > 0}


def pass_by(line: Line, seq: int, event: e.Event) -> int:
    """Change the line; how many were overtaken by that."""
    match event:
        case e.Enqueued(message=message, position=position):
            line.enter(message, seq)
            return line.length - 1 - position
        case e.Requeued(message=message):
            line.enter(message, seq)
        case e.Delivered(message=message):
            older = line.older(message)
            line.leave(message)
            return older
        case e.Discarded(message=message) | e.DeadLettered(message=message):
            line.leave(message)
        case e.QueuePurged(messages=messages):
            for message in messages:
                line.leave(message)
    return 0


OF_LINES = (e.Enqueued, e.Requeued, e.Delivered, e.Discarded, e.DeadLettered, e.QueuePurged)
