"""The layout's shape: what :func:`amqplab.stage.layout.layout` returns and the scene carries as JSON.

Theory
------
Python chooses every place; the browser and the static picture only look them up. So the layout is a seam, and
a seam is typed. Everything is an integer in SVG user units or a string that is already cut to its room; no
reader of a layout has to know how wide a word is.

Keys of ``nodes``, ``edges`` and ``subscriptions`` are those of the state (:mod:`amqplab.trace.keys`); ``pipes``
go by the connection's name, ``apps`` and ``servers`` by the host's or client's.
"""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = [
    "Anchor", "AppPlace", "Box", "EdgePlace", "FoldPlace", "Layout", "NodePlace", "PipePlace", "Point", "PolicyPlace",
    "RowPlace", "ServerPlace", "SubscriptionPlace", "WordsPlace",
]  # fmt: skip

SHAPES = tuple(name for name in __all__ if name != "Anchor")
"""The names of all shapes, in the order of the alphabet."""

Anchor = Literal["start", "middle", "end"]


class Point(TypedDict):
    x: int
    y: int


class Box(TypedDict):
    """A rectangle by its upper left corner."""

    x: int
    y: int
    w: int
    h: int


class WordsPlace(TypedDict):
    """Where words stand (their base line), from where they run, and how much room they have."""

    x: int
    y: int
    anchor: Anchor
    room: int


class ServerPlace(TypedDict):
    """One server's ground. `kind` is "broker", or "server" if it speaks no AMQP."""

    x: int
    y: int
    w: int
    h: int
    kind: str
    label: str
    title: WordsPlace
    note: WordsPlace
    """Where alarms and the virtual hosts' names are written."""


class RowPlace(TypedDict):
    """A row under (or beside) an application's name: a hand, a strip of confirms, a transaction's tray."""

    x: int
    y: int
    anchor: Anchor
    room: int
    label: str


class AppPlace(TypedDict):
    """One application. `hands` by consumer (or by channel, for basic.get); `strips` by confirm key."""

    x: int
    y: int
    r: int
    side: Literal["left", "right"]
    name: str
    roles: str
    label: str
    words: WordsPlace
    hands: dict[str, RowPlace]
    strips: dict[str, RowPlace]
    left_out: int
    """How many of its hands and strips have no place."""
    tray: Point
    """Where a message stands that is with the program."""


class PipePlace(TypedDict):
    """One connection, from its application's mouth (0) to the server's wall (1)."""

    app: str
    server: str
    side: Literal["left", "right"]
    x0: int
    y0: int
    x1: int
    y1: int
    lanes: list[int]
    left_out: int
    """How many of its channels have no lane of their own; they use the last one."""
    thickness: int
    words: WordsPlace
    lead: list[int]
    """From the application to the mouth, a cubic Bezier."""
    dock: Point
    """Inside the server's wall: where what has just come in stands, and a transaction's tray."""


class NodePlace(TypedDict):
    """An exchange or a queue, by its centre. `words` is the name's place, `more` that of type or counts."""

    x: int
    y: int
    w: int
    h: int
    kind: Literal["exchange", "queue"]
    server: str
    ghost: bool
    label: str
    words: WordsPlace
    more: WordsPlace
    cells: int


class EdgePlace(TypedDict):
    """A binding. `at` is where its key is written; None if it is folded (`fold` says where) or a ghost."""

    source: str
    target: str
    ghost: bool
    label: str
    words: str
    curve: list[int]
    at: list[int] | None
    w: int
    fold: str | None


class FoldPlace(TypedDict):
    """Keys that had no room of their own: "×20"."""

    source: str
    target: str | None
    keys: list[str]
    at: list[int]
    w: int


class PolicyPlace(TypedDict):
    """Where a queue's dead letters go, or what an exchange could not route."""

    source: str
    target: str
    kind: Literal["dead-letter", "alternate"]
    words: str
    curve: list[int]
    at: list[int] | None
    w: int


class SubscriptionPlace(TypedDict):
    queue: str
    connection: str
    curve: list[int]


class Layout(TypedDict):
    """All of it. `broker` is the first server that is one, kept for convenience."""

    orientation: Literal["wide", "tall"]
    width: int
    height: int
    broker: Box
    servers: dict[str, ServerPlace]
    gutter: Box
    """Of height 0 if nothing is ever lost or returned."""
    apps: dict[str, AppPlace]
    pipes: dict[str, PipePlace]
    nodes: dict[str, NodePlace]
    edges: dict[str, EdgePlace]
    folds: dict[str, FoldPlace]
    policies: dict[str, PolicyPlace]
    subscriptions: dict[str, SubscriptionPlace]
