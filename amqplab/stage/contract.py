"""The contract between Python, which makes a scene, and whoever draws it.

Theory
------
A scene is plain JSON, and two languages read it: the SVG is drawn in Python, the widget and the page in
JavaScript. So its shape is declared once, as typed dictionaries. ``mypy`` holds :mod:`amqplab.stage.scene` to
them, and ``tsc --checkJs`` the scripts, by way of ``js/types.d.ts``, which :func:`typescript` makes from the
very same declarations; a test keeps the file as it would be made today.

Numbers of records (`seq`) count from 0. Times are integer nanoseconds; JavaScript's numbers are exact up to
104 days of them. Whatever may be missing is ``None``.
"""

from __future__ import annotations

import types
import typing
from typing import Any, Literal, NotRequired, TypedDict, Union, get_args, get_origin, get_type_hints

__all__ = ["SHAPES", "typescript"]


class Records(TypedDict):
    """The stream as columns; `where` and `kind` index `names`, `subject` indexes `subjects`; `cause` -1 is
    none; `zoom` has a bit for each zoom at which the record is a step.
    """

    at: list[int]
    where: list[int]
    cause: list[int]
    kind: list[int]
    zoom: list[int]
    subject: list[int]


class Subject(TypedDict):
    """What a record speaks of: keys of the state, the first the most important, and numbers."""

    keys: list[str]
    frame: NotRequired[int]
    command: NotRequired[int]
    segment: NotRequired[int]
    message: NotRequired[int]


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
    departs: int
    arrives: int | None
    again: bool
    seq: int
    ack: int
    window: int


class Frame(TypedDict):
    """One frame, from both ends' records. `carriers` are [segment, first, last + 1] within the frame."""

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
    carriers: list[list[int]]
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
    place: Literal["link", "broker", "exchange", "consumer", "lost", "returned"]
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


Checked = list[Any]
"""[key of a binding, whether it matched, [[word wanted, word found, whether they fit], …]]"""


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
    zooms: list[str]
    geometry: dict[str, Any]
    palette: dict[str, Any]
    layouts: dict[str, Any]
    records: Records
    names: list[str]
    subjects: list[Subject]
    labels: list[str]
    sentences: list[str]
    story: list[Any]
    opening: int
    patches: list[list[list[Any]]]
    routes: dict[str, list[Checked]]
    lives: dict[str, Life]
    segments: list[Segment]
    frames: list[Frame]
    commands: list[Command]
    spans: list[list[Any]]


SHAPES: tuple[type, ...] = (
    Records,
    Subject,
    Server,
    Kind,
    Segment,
    Frame,
    Command,
    Token,
    Signal,
    Life,
    Scene,
)
"""Every shape, in the order in which it is written down."""

PLAIN = {int: "number", float: "number", str: "string", bool: "boolean", type(None): "null", Any: "any"}


def typescript(shapes: tuple[type, ...] = SHAPES) -> str:
    """The shapes as TypeScript declarations."""
    parts = ["// Made from amqplab/stage/contract.py: `python -m amqplab.stage.contract` writes it anew.\n"]
    for shape in shapes:
        hints = get_type_hints(shape, include_extras=True)
        lines = [f"  {field(name, hint)};" for name, hint in hints.items()]
        parts.append(f"interface {shape.__name__} {{\n" + "\n".join(lines) + "\n}\n")
    return "\n".join(parts)


def field(name: str, hint: Any) -> str:
    if get_origin(hint) is NotRequired:
        return f"{name}?: {written(get_args(hint)[0])}"
    return f"{name}: {written(hint)}"


def written(hint: Any) -> str:
    """A Python type as a TypeScript type. Raises TypeError for one that JSON has not."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " | ".join(map(written, arguments))
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in arguments)
    if origin is list:
        inside = written(arguments[0])
        return f"({inside})[]" if "|" in inside else f"{inside}[]"
    if origin is dict:
        return f"Record<string, {written(arguments[1])}>"
    if typing.is_typeddict(hint):
        return str(hint.__name__)
    raise TypeError(f"{hint!r} has no form in JSON")


if __name__ == "__main__":
    from pathlib import Path

    Path(__file__).with_name("js").joinpath("types.d.ts").write_text(typescript(), encoding="utf-8")
