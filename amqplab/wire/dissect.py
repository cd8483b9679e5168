"""The dissector: any octets in, a label for every one of them out.

Theory
------
Reading frames by hand is how one learns a protocol. ``dissect`` does it for any octets at all: whole
frames, a protocol header, frames cut short, frames that lie about their size, and plain garbage. It never
raises and never skips: each octet is in exactly one innermost span (see :mod:`amqplab.wire.spans`).

    frame            one span, whose value is its summary
      type           one octet
      channel        two
      size           four: how many octets of payload follow
      payload        labelled by type (see :mod:`amqplab.wire.walk`)
      frame-end      0xCE

A frame is told from garbage as a broker does it: by its type, and by 0xCE at the place where its size says.
After a frame that ends in anything else nothing more can be read, because nobody knows where the next one
begins.
"""

from __future__ import annotations

from amqplab.wire.frames import (
    FRAME_BODY,
    FRAME_END,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    FRAME_OVERHEAD,
    PROTOCOL_HEADER,
)
from amqplab.wire.meanings import FRAME_TYPES, frame_type_name
from amqplab.wire.spans import Span, leaves, octets_text, render
from amqplab.wire.summary import summarise
from amqplab.wire.walk import walk_body, walk_header, walk_method

__all__ = ["Span", "dissect", "leaves", "render", "summarise"]

WALKS = {FRAME_METHOD: walk_method, FRAME_HEADER: walk_header, FRAME_BODY: walk_body}
GREETING_NAME = "protocol header"
PREVIEWED_OCTETS = 40
HEAD_OCTETS = 7

# name, octets, meaning
HEAD = (("type", 1, ""), ("channel", 2, ""), ("size", 4, ""))
GREETING = (
    ("literal", 4, "what all protocols of the family begin with"),
    ("protocol-id", 1, "AMQP itself"),
    ("major", 1, ""),
    ("minor", 1, ""),
    ("revision", 1, ""),
)


def dissect(data: bytes) -> list[Span]:
    """A span for each frame in `data`, in order, together covering all of it."""
    spans: list[Span] = []
    at = 0
    while at < len(data):
        span = _dissect_one(data, at)
        spans.append(span)
        at = span.end
        if at < len(data) and span.name != GREETING_NAME and data[at - 1] != FRAME_END:
            spans.append(
                Span(at, len(data), "unread", _preview(data, at), "the place of the next frame is lost")
            )
            break
    return spans


def _dissect_one(data: bytes, at: int) -> Span:
    """The frame that begins at `at`; or, if none does, all that is left."""
    if data.startswith(b"AMQP", at) or PROTOCOL_HEADER.startswith(data[at:]):
        return _greeting(data, at)
    left = len(data) - at
    end = at + FRAME_OVERHEAD + int.from_bytes(data[at + 3 : at + 7], "big")
    if left < HEAD_OCTETS and data[at] in FRAME_TYPES:
        return _incomplete_head(data, at)
    if (
        left >= FRAME_OVERHEAD
        and end <= len(data)
        and (data[at] in FRAME_TYPES or data[end - 1] == FRAME_END)
    ):
        return _frame(data, at, end, whole=True)
    if data[at] in FRAME_TYPES:
        return _frame(data, at, len(data), whole=False)
    return Span(at, len(data), "garbage", _preview(data, at), f"{_count(left)} that form no frame")


def _greeting(data: bytes, at: int) -> Span:
    """The protocol header, or the beginning of one."""
    children = _fields(data, at, len(data), GREETING)
    end = children[-1].end
    meaning = "no frame; comes before the first" if end - at == 8 else f"cut short: {end - at} of 8 bytes"
    return Span(at, end, GREETING_NAME, summarise(data[at:end]), meaning, children)


def _fields(data: bytes, at: int, end: int, layout: tuple[tuple[str, int, str], ...]) -> tuple[Span, ...]:
    """Fields of fixed size, as far as their octets are there."""
    spans = []
    for name, count, meaning in layout:
        stop = min(at + count, end)
        if stop - at < count:
            meaning = f"cut short: {stop - at} of {count} bytes"
        if stop > at:
            octets = data[at:stop]
            value = octets_text(octets) if name == "literal" else int.from_bytes(octets, "big")
            spans.append(Span(at, stop, name, value, meaning))
        at = stop
    return tuple(spans)


def _incomplete_head(data: bytes, at: int) -> Span:
    children = _fields(data, at, len(data), HEAD)
    return Span(at, len(data), "incomplete frame", None, f"{len(data) - at} of at least 8 bytes", children)


def _frame(data: bytes, at: int, end: int, whole: bool) -> Span:
    """One frame; when it is not `whole`, `end` is where the octets end."""
    type = data[at]
    channel, size = int.from_bytes(data[at + 1 : at + 3], "big"), int.from_bytes(data[at + 3 : at + 7], "big")
    start, stop = at + 7, min(at + 7 + size, end)
    children = [
        Span(at, at + 1, "type", type, frame_type_name(type)),
        Span(at + 1, at + 3, "channel", channel, "" if channel else "the connection itself"),
        Span(at + 3, start, "size", size, "bytes of payload follow" if size else "no payload"),
    ]
    if stop > start:
        children.append(_payload(data, start, stop, type))
    if whole:
        right = data[stop] == FRAME_END
        children.append(
            Span(stop, end, "frame-end", f"0x{data[stop]:02X}", "" if right else "should be 0xCE")
        )
        name = f"{frame_type_name(type)} frame" if type in FRAME_TYPES else "unknown frame"
        meaning = _count(end - at) + ("" if right else "; does not end where it says")
        return Span(at, end, name, summarise(data[at:end]), meaning, tuple(children))
    meaning = f"{end - at} of {size + FRAME_OVERHEAD} bytes"
    return Span(at, end, "incomplete frame", None, meaning, tuple(children))


def _payload(data: bytes, start: int, stop: int, type: int) -> Span:
    walk = WALKS.get(type)
    if walk is None:
        meaning = "a heartbeat should have none" if type == FRAME_HEARTBEAT else "nobody knows what it means"
        return Span(start, stop, "payload", _preview(data, start, stop), meaning)
    return Span(start, stop, "payload", None, _count(stop - start), walk(data, start, stop))


def _preview(data: bytes, start: int, stop: int | None = None) -> str:
    stop = len(data) if stop is None else stop
    shown = octets_text(data[start : min(stop, start + PREVIEWED_OCTETS)])
    return shown + ("…" if stop - start > PREVIEWED_OCTETS else "")


def _count(octets: int) -> str:
    return f"{octets} byte{'' if octets == 1 else 's'}"
