"""Zoom: which records are steps, from the segment's size to the story's.

Theory
------
A run of one message has some hundred records. Who studies TCP wants every segment; who studies routing wants
"published, routed, enqueued, delivered". So every event class has one level, and a zoom shows its own level
and every coarser one:

    segment     everything: TCP states, segments, windows, timers
    frame       + frames as they are handed to TCP and come out of it
    command     + whole commands: method with header and bodies; calls and their results
    milestone   what the broker, the programs and the interventions have done
    story       what a tale of the messages would tell; the rest is folded (:mod:`amqplab.trace.chapters`)

The level is declared with the event (:mod:`amqplab.trace.events`). No event is of the story's size: a step of
the story is made of several. And some records are more than their kind (:func:`level_of_record`): that a
client has all of a command is a detail, that it has a *message* is a milestone.
"""

from __future__ import annotations

from collections.abc import Iterator

from amqplab.trace import events as e
from amqplab.trace.chapters import chapters, is_alarming
from amqplab.trace.context import Context
from amqplab.trace.recorder import Record, Recorder

__all__ = ["LEVELS", "ZOOMS", "kinds_at", "level_of", "level_of_record", "shown", "visible"]

ZOOMS = ("segment", "frame", "command", "milestone", "story")
"""The zooms, finest first."""

LEVELS: dict[type[e.Event], str] = {kind: about.level for kind, about in e.ABOUT.items()}
"""Event class -> its level, as declared with it."""


def level_of(kind: type[e.Event]) -> str:
    """The level of an event class; one that is not in the table is a milestone."""
    return LEVELS.get(kind, "milestone")


def level_of_record(record: Record, known: Context) -> str:
    """The level of one record, by what is known of the others. A milestone is also what brings a message, a
    return or a confirm to its client, or tells it that it is blocked; what loses one on its way, the timeout behind
    that and what it sends again; and a call that fails for want of a connection. The birth of a connection is as big
    as a command.
    """
    event = record.event
    if record.seq in known.arrivals or record.seq in known.cargo or record.seq in known.no_connection:
        return "milestone"
    if isinstance(event, e.SegmentSent) and event.retransmission and record.cause in known.cargo:
        return "milestone"
    if is_alarming(event):
        return "milestone"
    if isinstance(event, e.TcpStateChanged) and event.state == "ESTABLISHED":
        return "command"
    return level_of(type(event))


def visible(kind: type[e.Event], zoom: str) -> bool:
    """Whether records of this kind are steps at `zoom`. Raises ValueError for an unknown zoom."""
    return ZOOMS.index(level_of(kind)) >= _index(zoom)


def kinds_at(zoom: str) -> tuple[type[e.Event], ...]:
    """The event classes of exactly this level. Raises ValueError for an unknown zoom."""
    _index(zoom)
    return tuple(kind for kind, level in LEVELS.items() if level == zoom)


def shown(recorder: Recorder, zoom: str) -> Iterator[Record]:
    """The records that are steps at `zoom` by their kind, in order; of the story, the last record of each
    step. Raises ValueError for an unknown zoom.
    """
    if zoom == "story":
        yield from (recorder[step.last] for step in chapters(recorder))
        return
    wanted = {kind for kind in LEVELS if visible(kind, zoom)}
    for seq in range(len(recorder)):
        if recorder.kind_of(seq) in wanted:
            yield recorder[seq]


def _index(zoom: str) -> int:
    if zoom not in ZOOMS:
        raise ValueError(f"there is no zoom {zoom!r}: choose one of {', '.join(ZOOMS)}")
    return ZOOMS.index(zoom)
