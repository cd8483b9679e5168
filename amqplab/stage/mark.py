"""A mark, and the moment that it belongs to.

Theory
------
A :class:`Mark` is one thing of the picture as a value, before it is drawn. A :class:`Moment` is all that a
picture depends on: the state after a record with its tokens (:mod:`amqplab.trace.whereabouts`), the layout,
the wire, the zoom. Two equal moments have equal marks, so stepping back gives the very same picture.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from amqplab.stage.contract_layout import Layout
from amqplab.stage.places import Spot
from amqplab.trace import keys
from amqplab.trace.subjects import Subject
from amqplab.trace.traffic import Traffic

__all__ = [
    "NOTHING",
    "ZOOMS",
    "Entity",
    "Mark",
    "Moment",
    "State",
    "app_of",
    "more_mark",
    "name_of",
]

Entity = Mapping[str, Any]
State = Mapping[str, Entity]
ZOOMS = ("segment", "frame", "command", "milestone", "story")
NOTHING: Entity = {}
ORIGIN = Spot(0, 0)
NOBODY = Subject((), None, None, None, None)


@dataclass(frozen=True)
class Mark:
    """One thing on the picture. `spot` is where it stands; `more` holds what only its drawing needs."""

    kind: str
    id: str
    place: str = ""
    state: str = ""
    label: str = ""
    spot: Spot = ORIGIN
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def said(self) -> tuple[str, str, str, str, str]:
        """What every form of the picture must agree on."""
        return self.kind, self.id, self.place, self.state, self.label


@dataclass(frozen=True)
class Moment:
    """What a picture depends on. `now` is a time in ns; `matched` are the keys of bindings that matched in
    this record, `taken` those by which all copies came of the message that the story tells of; `subject` is
    what the record speaks of, which is shown at its end if it is just over.
    """

    state: State
    layout: Layout
    traffic: Traffic
    seq: int = -1
    now: int = 0
    zoom: str = "milestone"
    matched: Collection[str] = ()
    taken: Collection[str] = ()
    subject: Subject = NOBODY

    @property
    def wide(self) -> bool:
        """Whether the journey runs from left to right."""
        return self.layout["orientation"] == "wide"

    def fine(self, zoom: str) -> bool:
        """Whether things of this size are seen."""
        return ZOOMS.index(self.zoom) <= ZOOMS.index(zoom)


def name_of(key: str) -> str:
    """The name at the end of a key."""
    return keys.unescape(key.rpartition("/")[2])


def app_of(m: Moment, key: str) -> str:
    """The program that a consumer, a channel or a connection belongs to."""
    parts = key.split("/")
    connection = keys.unescape(parts[1]) if len(parts) > 1 else key
    pipe = m.layout["pipes"].get(connection)
    return connection if pipe is None else pipe["app"]


def more_mark(owner: str, state: str, count: int, spot: Spot) -> Mark:
    """What has no place of its own: "+n"."""
    label = f"+{count}" if count < 1000 else f"+{count // 100 / 10:g}k"
    return Mark("more", owner, "", state, label, spot)
