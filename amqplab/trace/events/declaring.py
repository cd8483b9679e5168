"""How an event is declared, and what is declared with it.

Theory
------
An event is a class of its own, and what a picture has to know of it stands in one place, at that class:

    level     how big a step it is: "segment", "frame", "command" or "milestone" (:mod:`amqplab.trace.zoom`)
    label     its name in three or four words, for where a sentence has no room: a text with the fields' names
              in braces, or a function of the event
    mark      how it is marked on the time line, "" for not at all
    chapter   what it is about; there is one file a chapter
    hold      for how many milliseconds a film of the run stays with it

Nobody else keeps a table of events. Readers look here (:data:`ABOUT`), and the browser gets the same, as
:func:`as_json`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal, TypeVar, dataclass_transform

__all__ = ["ABOUT", "CHAPTERS", "MARKS", "About", "Event", "as_json", "event"]

Level = Literal["segment", "frame", "command", "milestone"]
Chapter = Literal["link", "wire", "session", "topology", "message", "disk", "lab"]
Mark = Literal["", "pub", "enq", "del", "ack", "bad", "act", "end"]

CHAPTERS: dict[Chapter, str] = {
    "link": "TCP on the link",
    "wire": "frames and commands",
    "session": "connections and channels",
    "topology": "exchanges, queues and bindings",
    "message": "the life of a message",
    "disk": "the disk",
    "lab": "programs and interventions",
}
"""The chapters, each with what it is about."""

MARKS: dict[Mark, str] = {
    "pub": "published",
    "enq": "ready in a queue",
    "del": "delivered",
    "ack": "acknowledged",
    "bad": "lost",
    "act": "somebody's doing",
    "end": "closed",
}
"""The marks on a time line, each with what it means."""

HOLDS: dict[Level, int] = {"segment": 70, "frame": 110, "command": 60, "milestone": 460}
"""How long an event of a level is held, in milliseconds, unless it says otherwise."""


class Event:
    """Base of all events."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class About:
    """What is declared with an event."""

    name: str
    level: Level
    label_of: Callable[[Any], str]
    mark: Mark
    chapter: Chapter
    hold: int


def _written(label: str | Callable[[Any], str]) -> Callable[[Any], str]:
    """A label as a function: a text has the fields' names in braces."""
    if callable(label):
        return label
    names = _IN_BRACES.findall(label)
    if not names:
        return lambda event: label
    form, fields = _IN_BRACES.sub("{}", label).format, attrgetter(*names)
    if len(names) == 1:
        return lambda event: form(fields(event))
    return lambda event: form(*fields(event))


_IN_BRACES = re.compile(r"\{(\w+)\}")


ABOUT: dict[type[Event], About] = {}
"""Event class -> what was declared with it, in the order of declaration."""

AnyEvent = TypeVar("AnyEvent", bound=Event)


@dataclass_transform(frozen_default=True)
def event(
    *,
    chapter: Chapter,
    level: Level,
    label: str | Callable[[Any], str],
    mark: Mark = "",
    hold: int | None = None,
) -> Callable[[type[AnyEvent]], type[AnyEvent]]:
    """Make a class an event: frozen, slotted, and known to every reader."""

    def declare(cls: type[AnyEvent]) -> type[AnyEvent]:
        made = dataclass(frozen=True, slots=True)(cls)
        ABOUT[made] = About(
            made.__name__, level, _written(label), mark, chapter, HOLDS[level] if hold is None else hold
        )
        return made

    return declare


def as_json() -> dict[str, dict[str, Any]]:
    """Every event by its name, as JSON values. The label of a kind is its name in words: "segment lost"."""
    return {
        about.name: {
            "level": about.level,
            "label": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", about.name).lower(),
            "mark": about.mark,
            "chapter": about.chapter,
            "hold": about.hold,
        }
        for about in ABOUT.values()
    }
