"""The contract between Python, which makes a scene, and whoever draws it.

Theory
------
A scene is plain JSON, and two languages read it: the SVG is drawn in Python, the widget and the page in
JavaScript. So its shape is declared once, as typed dictionaries. ``mypy`` holds :mod:`amqplab.stage.scene` to
them, and ``tsc --checkJs`` the scripts, by way of ``js/types.d.ts``, which :func:`typescript` makes from the
very same declarations; a test keeps the file as it would be made today. The layout's part of them stands in
:mod:`amqplab.stage.contract_layout`.

JSON has no tuples: what has parts by their order is a list there. Such a list is declared as a named tuple,
and where it is used as ``Annotated[list[Any], ThatTuple]``.

Numbers of records (`seq`) count from 0. Times are integer nanoseconds; JavaScript's numbers are exact up to
104 days of them. Whatever may be missing is ``None``.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)  # fmt: skip

from amqplab.stage import contract_layout
from amqplab.stage.contract_layout import Layout
from amqplab.stage.geometry import Geometry

__all__ = ["SHAPES", "typescript"]


class Records(TypedDict):
    """The stream as columns; `where` and `kind` index `names`; `zoom` has a bit for each zoom at which the record
    is a step. What it speaks of: `keys` indexes `keys`, the rest are numbers. -1 is none.
    """

    at: list[int]
    where: list[int]
    cause: list[int]
    kind: list[int]
    zoom: list[int]
    keys: list[int]
    frame: list[int]
    command: list[int]
    segment: list[int]
    message: list[int]


class Server(TypedDict):
    """A host that others connect to: "broker" if it speaks AMQP, else "server"."""

    host: str
    kind: str


class Kind(TypedDict):
    """What the vocabulary says of an event: its level, its mark on the time line, how long a step rests."""

    level: str
    label: str
    mark: str
    chapter: str
    hold: int


class Segment(TypedDict):
    """One TCP segment. `start`..`end` are its bytes' places in the direction's stream; `departs`, `arrives`,
    `lost_at` are times, `sent`, `arrived`, `lost_seq` records.
    """

    n: int
    conn: str
    up: bool
    flags: str
    start: int
    end: int
    sent: int
    arrived: int | None
    lost: str
    lost_seq: int | None
    lost_at: int | None
    discarded: str
    discarded_seq: int | None
    refused: int | None
    departs: int
    arrives: int | None
    again: bool
    seq: int
    ack: int
    window: int


class Carrier(NamedTuple):
    """A segment that carried bytes of a frame: from `first` to before `end` of the frame."""

    segment: int
    first: int
    end: int


class Frame(TypedDict):
    """One frame, from both ends' records."""

    conn: str
    up: bool
    channel: int
    type: int
    offset: int
    hex: str
    sent: int | None
    received: int | None
    dialect: str
    summary: str
    spans: int
    carriers: list[Annotated[list[int], Carrier]]
    command: int | None
    messages: list[int]


class Command(TypedDict):
    """A method, or a method with its content."""

    conn: str
    up: bool
    channel: int
    name: str
    frames: list[int]
    sent: int | None
    received: int | None
    messages: list[int]


class Token(TypedDict):
    """A message where its queue's line is not: see :mod:`amqplab.trace.whereabouts`."""

    message: int | None
    label: str
    text: str
    place: Literal["link", "broker", "exchange", "consumer", "client", "lost", "returned"]
    at: str
    state: str
    up: bool | None
    command: int | None
    queue: str | None
    target: str
    channel: str | None
    delivery: int | None
    redelivered: bool
    reason: str


class Signal(TypedDict):
    """An acknowledgement or a confirm on its way."""

    kind: str
    label: str
    place: Literal["link"]
    at: str
    up: bool
    command: int
    messages: list[int]


class Life(TypedDict):
    """What a dead letter was before: the message, the queue it left, at which record, why, and where to."""

    message: int
    seq: int
    queue: str
    reason: str
    exchange: str
    routing_key: str


class Word(NamedTuple):
    """A word of a binding's pattern, beside the word of the routing key that it was held against."""

    wanted: str
    found: str
    ok: bool


class CheckedBinding(NamedTuple):
    """A binding that was asked for a message: its key, whether it matched, and why."""

    key: str
    matched: bool
    words: list[Annotated[list[Any], Word]]


Checked = Annotated[list[Any], CheckedBinding]

Entity = dict[str, Any]
"""A thing of the state; which fields it has by the kind in its key, :mod:`amqplab.trace.entities` tells."""

Change = TypedDict(
    "Change",
    {"+": NotRequired[Entity], "-": NotRequired[Entity], "=": NotRequired[dict[str, list[Any]]]},
)
"""An entity appeared, went, or has other fields: [old, new], or of a list [at, removed, inserted]."""


class ChangeOf(NamedTuple):
    """What a record changes in the state, as one of the parts of a patch."""

    key: str
    change: Change


class Chapter(NamedTuple):
    """A step of the story: its records, and what happens in them."""

    last: int
    first: int
    sentence: str


class Span(NamedTuple):
    """Bytes of a frame, explained: :mod:`amqplab.wire.spans`."""

    start: int
    end: int
    name: str
    value: Any
    meaning: str
    kids: list[Annotated[list[Any], Span]]


class Scene(TypedDict):
    """Everything that a picture needs."""

    format: int
    title: str
    broker: str
    servers: list[Server]
    hosts: list[str]
    who: dict[str, str]
    roles: dict[str, str]
    kinds: dict[str, Kind]
    methods: list[str]
    """What a command may be called; `kinds` has what a record may be."""
    zooms: list[str]
    geometry: Annotated[dict[str, Any], Geometry]
    palette: dict[str, Any]
    layouts: dict[Literal["wide", "tall"], Layout]
    records: Records
    names: list[str]
    keys: list[list[str]]
    labels: list[str]
    sentences: list[str]
    story: list[Annotated[list[Any], Chapter]]
    opening: int
    patches: list[list[Annotated[list[Any], ChangeOf]]]
    routes: dict[str, list[Checked]]
    lives: dict[str, Life]
    again: dict[str, str]
    """For each segment that is sent again, by its number, what it carries and why, in words."""
    segments: list[Segment]
    frames: list[Frame]
    commands: list[Command]
    spans: list[list[Annotated[list[Any], Span]]]


SHAPES: tuple[type, ...] = (
    *(Records, Server, Kind, Segment, Carrier, Frame, Command, Token, Signal, Life),
    *(Word, CheckedBinding, Change, ChangeOf, Chapter, Span, Geometry),
    *(getattr(contract_layout, name) for name in contract_layout.SHAPES),
    Scene,
)
"""Every shape, in the order in which it is written down."""

PLAIN = {int: "number", float: "number", str: "string", bool: "boolean", type(None): "null", Any: "any"}

HEAD = """\
// Made from amqplab/stage/contract.py and contract_layout.py: `python -m amqplab.stage.contract` writes it anew.
//
// What Python sends, as it is sent. What the scripts make of it is in view.d.ts.

declare namespace Sent {
"""


def typescript(shapes: tuple[type, ...] = SHAPES) -> str:
    """The shapes as TypeScript declarations, in a namespace of their own."""
    declared = "\n".join(map(declaration, shapes))
    indented = "".join(f"  {line}".rstrip() + "\n" for line in declared.splitlines())
    return f"{HEAD}{indented}}}\n"


def declaration(shape: type) -> str:
    """A typed dictionary or a dataclass is an interface; a named tuple is a list whose parts have names."""
    hints = get_type_hints(shape, include_extras=True)
    if issubclass(shape, tuple):
        parts = ", ".join(field(name, hint) for name, hint in hints.items())
        return f"type {shape.__name__} = [{parts}];\n"
    lines = "".join(f"  {field(name, hint)};\n" for name, hint in hints.items())
    return f"interface {shape.__name__} {{\n{lines}}}\n"


def field(name: str, hint: Any) -> str:
    written_name = name if name.isidentifier() else f'"{name}"'
    if get_origin(hint) is NotRequired:
        return f"{written_name}?: {written(get_args(hint)[0])}"
    return f"{written_name}: {written(hint)}"


def written(hint: Any) -> str:
    """A Python type as a TypeScript type. Raises TypeError for one that JSON has not."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return written(arguments[1])
    if origin in (Union, types.UnionType):
        return " | ".join(map(written, arguments))
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in arguments)
    if origin is list:
        inside = written(arguments[0])
        return f"({inside})[]" if "|" in inside else f"{inside}[]"
    if origin is dict:
        return f"Record<{written(arguments[0])}, {written(arguments[1])}>"
    if typing.is_typeddict(hint) or dataclasses.is_dataclass(hint) or issubclass(hint, tuple):
        return str(hint.__name__)
    raise TypeError(f"{hint!r} has no form in JSON")


if __name__ == "__main__":
    from pathlib import Path

    Path(__file__).with_name("js").joinpath("types.d.ts").write_text(typescript(), encoding="utf-8")
