"""Other protocols on the same link: cut into units, named and explained, each by its own rules.

Theory
------
TCP carries bytes; what they mean is an agreement between the two ends. A lesson compares AMQP with HTTP and
WebSocket, and a tap meets whatever a program really says. Each *dialect* knows three things about its bytes:

    size       where the next unit ends: a frame, an HTTP message, a WebSocket frame
    summarise  one line for a unit
    dissect    a labelled span for every byte of it (:mod:`amqplab.wire.spans`)

A direction of a connection is recognised by how it begins (:func:`recognise`), and keeps its dialect; only
HTTP's ``101 Switching Protocols`` changes it, to WebSocket (RFC 6455, section 4.2.2). What nobody recognises
are plain bytes, and are shown as that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from amqplab.wire.dialects.amqp import Amqp
from amqplab.wire.dialects.http1 import Http1
from amqplab.wire.dialects.plain import Plain
from amqplab.wire.dialects.websocket import WebSocket
from amqplab.wire.spans import Span

__all__ = ["DIALECTS", "Dialect", "dialect_named", "recognise"]


class Dialect(Protocol):
    """The rules of one direction of one connection. It may remember what it has read."""

    name: str

    def size(self, data: bytes, at: int) -> int:
        """Bytes of the unit that begins at `at`; more than there are while that is not known; 0 where these
        bytes are no unit.
        """

    def next(self, unit: bytes) -> str:
        """The name of the dialect that what comes after `unit` is in; usually its own."""

    def title(self, unit: bytes) -> str:
        """What the unit is, in a word or two: "basic.publish", "POST /orders", "text"."""

    def summarise(self, unit: bytes) -> str:
        """The unit in one line."""

    def dissect(self, unit: bytes) -> Sequence[Span]:
        """A label for every byte of it."""


DIALECTS: dict[str, type[Dialect]] = {
    Amqp.name: Amqp,
    Http1.name: Http1,
    WebSocket.name: WebSocket,
    Plain.name: Plain,
}
"""Name -> class."""


def dialect_named(name: str) -> Dialect:
    """A fresh one. A name that is not known means plain bytes."""
    return DIALECTS.get(name, Plain)()


def recognise(data: bytes) -> str | None:
    """The dialect in which a direction begins with `data`; None while that cannot be known."""
    verdicts = {Amqp.name: Amqp.begins(data), Http1.name: Http1.begins(data)}
    for name, verdict in verdicts.items():
        if verdict:
            return name
    return None if None in verdicts.values() else Plain.name
