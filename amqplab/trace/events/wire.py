"""The wire: frames and commands, at one end of a connection.

Theory
------
A frame is what AMQP writes into TCP, a command is what it says with one or more frames. Each is told twice:
where it was sent, and later where it was received (see :mod:`amqplab.trace.tap`).
A *unit* is what another protocol writes: an HTTP message, a WebSocket frame, or bytes that nobody here knows
(:mod:`amqplab.wire.dialects`).
"""

from __future__ import annotations

from amqplab.trace.events.declaring import Event, event
from amqplab.wire.dialects import dialect_named
from amqplab.wire.dissect import summarise

__all__ = [
    "BytesUnreadable",
    "CommandReceived",
    "CommandSent",
    "FrameReceived",
    "FrameSent",
    "UnitReceived",
    "UnitSent",
]


@event(chapter="wire", level="frame", label=lambda x: f"{summarise(x.data)} to TCP")
class FrameSent(Event):
    """A whole frame (or protocol header) was handed to TCP at `host`. `offset` is its first octet's place
    in this direction's byte stream; `data` the whole frame.
    """

    connection: str
    host: str
    offset: int
    data: bytes


@event(chapter="wire", level="frame", label=lambda x: f"{summarise(x.data)} is here")
class FrameReceived(Event):
    """A whole frame came out of TCP at `host`."""

    connection: str
    host: str
    offset: int
    data: bytes


@event(chapter="wire", level="command", label="{name}")
class CommandSent(Event):
    """The last frame of a command was sent: method, or method + header + bodies. `name` is e.g.
    "basic.publish"; `frames` are the seqs of its frame records.
    """

    connection: str
    host: str
    channel: int
    name: str
    frames: tuple[int, ...]


@event(chapter="wire", level="command", label="{name}")
class CommandReceived(Event):
    """The last frame of a command was received."""

    connection: str
    host: str
    channel: int
    name: str
    frames: tuple[int, ...]


@event(chapter="wire", level="frame", label="unreadable bytes", hold=460)
class BytesUnreadable(Event):
    """Octets that form no frame; from here on this direction is not parsed."""

    connection: str
    host: str
    offset: int
    detail: str


def _title(x: UnitSent | UnitReceived) -> str:
    return dialect_named(x.dialect).title(x.data)


@event(chapter="wire", level="milestone", label=_title)
class UnitSent(Event):
    """A whole unit of another protocol was handed to TCP at `host`; `dialect` is which, e.g. "http"."""

    connection: str
    host: str
    offset: int
    dialect: str
    data: bytes


@event(chapter="wire", level="milestone", label=lambda x: f"{_title(x)} is here")
class UnitReceived(Event):
    """A whole unit of another protocol came out of TCP at `host`."""

    connection: str
    host: str
    offset: int
    dialect: str
    data: bytes
