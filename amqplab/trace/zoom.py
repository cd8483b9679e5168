"""Zoom: which records are steps, from the segment's size to the milestone's.

Theory
------
A run of one message has some hundred records. Who studies TCP wants every segment; who studies routing wants
"published, routed, enqueued, delivered". So every event class has one level, and a zoom shows its own level
and every coarser one:

    segment     everything: TCP states, segments, windows, timers
    frame       + frames as they are handed to TCP and come out of it
    command     + whole commands: method with header and bodies; calls and their results
    milestone   what the broker, the programs and the interventions have done

The level is declared with the event (:mod:`amqplab.trace.events`).
"""

from __future__ import annotations

from collections.abc import Iterator

from amqplab.trace import events as e
from amqplab.trace.recorder import Record, Recorder

__all__ = ["LEVELS", "ZOOMS", "kinds_at", "level_of", "shown", "visible"]

ZOOMS = ("segment", "frame", "command", "milestone")
"""The zooms, finest first."""

LEVELS: dict[type[e.Event], str] = {kind: about.level for kind, about in e.ABOUT.items()}
"""Event class -> its level, as declared with it."""


def level_of(kind: type[e.Event]) -> str:
    """The level of an event class; one that is not in the table is a milestone."""
    return LEVELS.get(kind, "milestone")


def visible(kind: type[e.Event], zoom: str) -> bool:
    """Whether records of this kind are steps at `zoom`. Raises ValueError for an unknown zoom."""
    return ZOOMS.index(level_of(kind)) >= _index(zoom)


def kinds_at(zoom: str) -> tuple[type[e.Event], ...]:
    """The event classes of exactly this level. Raises ValueError for an unknown zoom."""
    _index(zoom)
    return tuple(kind for kind, level in LEVELS.items() if level == zoom)


def shown(recorder: Recorder, zoom: str) -> Iterator[Record]:
    """The records that are steps at `zoom`, in order. Raises ValueError for an unknown zoom."""
    wanted = {kind for kind in LEVELS if visible(kind, zoom)}
    for seq in range(len(recorder)):
        if recorder.kind_of(seq) in wanted:
            yield recorder[seq]


def _index(zoom: str) -> int:
    if zoom not in ZOOMS:
        raise ValueError(f"there is no zoom {zoom!r}: choose one of {', '.join(ZOOMS)}")
    return ZOOMS.index(zoom)
