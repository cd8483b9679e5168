"""What a check is, and the names by which checks tell channels and copies apart.

Theory
------
A check reads records, and of frames that the recorder packs their octets; whoever watches calls it. It answers
with a complaint, or with None as long as its sentence is true. It may be asked once more at rest, when all that
was under way must have come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.recorder import Record

__all__ = ["Check", "Complaint", "CopyName", "Lane", "copy_of"]

Complaint = str | None
Lane = tuple[str, int]
"""A channel: its connection, and its number there."""
CopyName = tuple[str, str, str, int]
"""A copy in a queue: the broker's host, virtual host, queue, and the message's number."""


class Check:
    """One sentence, watched. `reads` maps an event class to what reads it: ``read(record, its event)``. `takes`
    maps the first octets of a received AMQP method, its ids, to what reads it where no record of it was told
    apart: ``take(connection, host, octets of the frame)``.
    """

    name = ""
    sentence = ""

    def __init__(self) -> None:
        self.reads: dict[type[e.Event], Callable[[Record, Any], Complaint]] = {}
        self.takes: dict[bytes, Callable[[str, str, bytes], None]] = {}

    def at_rest(self) -> Iterator[str]:
        """What is wrong now that nothing is being processed."""
        return iter(())


def copy_of(record: Record) -> CopyName:
    """The copy that an event of a queue is about."""
    event = record.event
    assert isinstance(
        event,
        e.Enqueued | e.Delivered | e.Acknowledged | e.Rejected | e.Requeued | e.Discarded | e.DeadLettered,
    )
    return record.where, event.vhost, event.queue, event.message
