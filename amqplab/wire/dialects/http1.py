"""HTTP/1.1: lines of text, an empty line, and a body whose end the lines tell.

Theory
------
A message (RFC 9112) is a start line, header fields of one line each, an empty line, and perhaps a body::

    POST /orders HTTP/1.1\\r\\n          method, target, version     (a response: version, status, reason)
    Content-Length: 14\\r\\n             name, value
    \\r\\n                               the end of the head
    Hello, Rabbit!                     14 bytes of body

Where the body ends (RFC 9112, section 6.3): after ``Content-Length`` bytes; with ``Transfer-Encoding:
chunked`` after the chunk of size 0 and its trailer fields; a request with neither has none, nor has a
response 1xx, 204 or 304. Any other response lasts until the connection is closed, so its bytes come as units
of their own.

HTTP has no channels and no frames: the next message can only begin when this one is over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from amqplab.wire.dialects.plain import byte_count, preview
from amqplab.wire.spans import Span, octets_text

__all__ = ["Http1"]

METHODS = (
    b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH",
)  # fmt: skip
VERSION = b"HTTP/1."
END_OF_LINE = b"\r\n"
END_OF_HEAD = b"\r\n\r\n"
LARGEST_HEAD = 65_536
DECIMAL = re.compile(r"[0-9]{1,18}")
HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{1,15}")
"""Sizes as RFC 9112 writes them. int() would also take signs, spaces and foreign digits; no body is larger."""
BODILESS = (204, 304)
MEANINGS = {
    "host": "the name the client asked for; one server may have many",
    "content-length": "bytes of body follow the empty line",
    "content-type": "what the body is",
    "transfer-encoding": "how the body is cut for the way",
    "connection": "what becomes of the connection",
    "upgrade": "the protocol to change to",
    "sec-websocket-key": "16 random bytes in base64: the server has to prove that it read them",
    "sec-websocket-accept": "the proof: SHA-1 of the key and a fixed text, in base64",
    "sec-websocket-version": "the version of WebSocket",
}


class Http1:
    """Messages, one after the other."""

    name = "http"

    def __init__(self) -> None:
        self._until_close = False

    @staticmethod
    def begins(data: bytes) -> bool | None:
        """Whether `data` is how a request or a response begins; None while it may be."""
        if data.startswith(VERSION) or any(data.startswith(method + b" ") for method in METHODS):
            return True
        openings = (VERSION, *(method + b" " for method in METHODS))
        return None if any(opening.startswith(data) for opening in openings) else False

    def size(self, data: bytes, at: int) -> int:
        """Of the head and the body together."""
        if self._until_close:
            return len(data) - at
        if self.begins(data[at : at + 8]) is False:
            return 0
        head = data.find(END_OF_HEAD, at)
        if head < 0:
            return len(data) - at + 1 if len(data) - at <= LARGEST_HEAD else 0
        body = head + len(END_OF_HEAD)
        fields = header_fields(data[at:head])
        if "chunked" in fields.get("transfer-encoding", "").lower():
            return chunked_end(data, body) - at
        length = fields.get("content-length", "")
        return body - at + (int(length) if DECIMAL.fullmatch(length) else 0)

    def next(self, unit: bytes) -> str:
        """WebSocket after both have agreed on it; until then HTTP."""
        if self._until_close:
            return self.name
        status = status_of(unit)
        fields = header_fields(unit.partition(END_OF_HEAD)[0])
        if status == 101 or (status is None and fields.get("upgrade", "").lower() == "websocket"):
            return "websocket"
        framed = "content-length" in fields or "chunked" in fields.get("transfer-encoding", "").lower()
        self._until_close = status is not None and status >= 200 and status not in BODILESS and not framed
        return self.name

    def title(self, unit: bytes) -> str:
        """ "POST /orders" or "201 Created"; "body" for what comes until the connection is closed."""
        if self.begins(unit[:8]) is not True:
            return "body"
        line = octets_text(unit.partition(END_OF_LINE)[0])
        first, _, rest = line.partition(" ")
        return rest if first.startswith("HTTP/") else f"{first} {rest.rpartition(' ')[0] or rest}"

    def summarise(self, unit: bytes) -> str:
        """Its start line, and how much body it has."""
        body = len(unit.partition(END_OF_HEAD)[2])
        title = self.title(unit)
        if title == "body":
            return f"HTTP body, {byte_count(len(unit))}"
        return f"HTTP {title} ({byte_count(body)})" if body else f"HTTP {title}"

    def dissect(self, unit: bytes) -> Sequence[Span]:
        """Start line, each header field, the empty line, the body."""
        if self.begins(unit[:8]) is not True:
            return [Span(0, len(unit), "body", preview(unit), byte_count(len(unit)))] if unit else []
        return list(dissected(unit))


def header_fields(head: bytes) -> dict[str, str]:
    """The fields of a head by name in lower case; of equal names the last."""
    found = {}
    for line in head.split(END_OF_LINE)[1:]:
        name, _, value = octets_text(line).partition(":")
        found[name.strip().lower()] = value.strip()
    return found


def status_of(unit: bytes) -> int | None:
    """A response's status code; None for a request."""
    if not unit.startswith(VERSION):
        return None
    code = octets_text(unit.partition(END_OF_LINE)[0]).split(" ")[1:2]
    return int(code[0]) if code and DECIMAL.fullmatch(code[0]) else None


def chunked_end(data: bytes, at: int) -> int:
    """Where a chunked body that begins at `at` ends; beyond the data while that has not come."""
    while True:
        line = data.find(END_OF_LINE, at)
        if line < 0:
            return len(data) + 1
        size = data[at:line].partition(b";")[0].strip()
        if not HEXADECIMAL.fullmatch(size):
            return line + len(END_OF_LINE)
        length = int(size, 16)
        if length == 0:
            end = data.find(END_OF_HEAD, line)  # the empty line, after what trailer fields there are
            return len(data) + 1 if end < 0 else end + len(END_OF_HEAD)
        at = line + len(END_OF_LINE) + length + len(END_OF_LINE)


def dissected(unit: bytes) -> Iterator[Span]:
    """The spans of a whole message."""
    head = unit.find(END_OF_HEAD)
    stop = len(unit) if head < 0 else head + len(END_OF_LINE)
    line_end = min(stop, unit.find(END_OF_LINE) + len(END_OF_LINE) or stop)
    yield start_line(unit, line_end)
    at = line_end
    while at < stop:
        end = unit.find(END_OF_LINE, at, stop)
        end = stop if end < 0 else end + len(END_OF_LINE)
        yield header_field(unit, at, end)
        at = end
    if head < 0:
        return
    body = head + len(END_OF_HEAD)
    yield Span(stop, body, "empty line", None, "the end of the head")
    if body < len(unit):
        yield Span(body, len(unit), "body", preview(unit[body:]), byte_count(len(unit) - body))


def start_line(unit: bytes, end: int) -> Span:
    """Method, target, version; or version, status, reason."""
    words = unit[:end].split(b" ", 2)
    names = ("version", "status", "reason") if unit.startswith(VERSION) else ("method", "target", "version")
    children, at = [], 0
    for index, (name, word) in enumerate(zip(names, words, strict=False)):
        stop = end if index == len(words) - 1 else at + len(word) + 1
        children.append(Span(at, stop, name, octets_text(word.rstrip(END_OF_LINE))))
        at = stop
    return Span(0, end, "start line", octets_text(unit[:end].rstrip(END_OF_LINE)), "", tuple(children))


def header_field(unit: bytes, at: int, end: int) -> Span:
    name, _, value = octets_text(unit[at:end].rstrip(END_OF_LINE)).partition(":")
    return Span(at, end, name or "field", value.strip(), MEANINGS.get(name.lower(), ""))
