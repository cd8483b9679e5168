"""Spans: labelled stretches of octets, and how they are shown as text.

Theory
------
A dissection is a tree. Every span says where it is, what it is called, what value it holds and what that
means; the spans inside it follow each other without gap or overlap and fill it from end to end, so that
every octet belongs to exactly one innermost span. One exception is of AMQP's making: bits share an octet,
so the spans of bits all cover the same one (``bit`` tells which of its places).

What is not on the wire but follows from it (the name of a reply code, a date) stands in [brackets].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

__all__ = ["Span", "leaves", "octets_text", "plain_text", "render"]

LARGEST_EXACT = 2**53  # JavaScript's numbers are exact up to here
SHOWN_OCTETS = 8  # a line of a rendering
SHOWN_LINES = 8  # of one span; then the number of octets that are left out
SHOWN_VALUE = 60  # characters


class Span(NamedTuple):
    """Octets ``start`` to ``end - 1``. ``value`` is what they hold: int, float, str, bool; None for a group.

    A ``name`` that ends in "length" or "size" counts the octets right after the span.
    """

    start: int
    end: int
    name: str
    value: int | float | str | None = None
    meaning: str = ""
    children: tuple[Span, ...] = ()
    bit: int | None = None

    def to_json(self) -> list[Any]:
        """``[start, end, name, value, meaning, children]``; integers beyond 2**53 become text."""
        start, end, name, value, meaning, children, _ = self
        if value is not None and type(value) is not str:
            value = number_json(value)
        return [start, end, name, value, meaning, [child.to_json() for child in children] if children else []]


def number_json(value: float | str) -> int | float | str:
    """A number as JavaScript can have it: beyond 2**53 as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value) if abs(value) <= LARGEST_EXACT else str(int(value))
    if isinstance(value, float):
        return float(value) if abs(value) <= LARGEST_EXACT else repr(float(value))
    return value


def leaves(spans: Iterable[Span]) -> Iterator[Span]:
    """The innermost spans, in order; an octet of bits counts as one."""
    for span in spans:
        if span.children and span.children[0].bit is None:
            yield from leaves(span.children)
        else:
            yield span


def plain_text(text: str) -> str:
    """`text` for one line of output: what cannot be printed is escaped, octets that are not UTF-8 too."""
    if text.isprintable():
        return text
    octets = text.encode("utf-8", "surrogateescape")
    readable = octets.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in readable)


def octets_text(octets: bytes) -> str:
    """Octets that may be text: as text, everything else as ``\\x00``."""
    return plain_text(octets.decode("utf-8", "backslashreplace"))


def value_text(value: Any) -> int | float | str | None:
    """A decoded value as a span holds it."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, bytes):
        return octets_text(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, int | float):
        return value
    return None


def render(spans: Iterable[Span], data: bytes) -> str:
    """The dissection as text: offset, octets, and the tree of names, values and meanings beside them."""
    return "\n".join(line.rstrip() for line in _lines(tuple(spans), data, 0))


def _lines(spans: tuple[Span, ...], data: bytes, depth: int) -> Iterator[str]:
    width = SHOWN_OCTETS * 3
    for span in spans:
        label = "  " * depth + span.name
        if span.value is not None:
            label = f"{label:<26} {_shown(span)}"
        if span.meaning:
            label = f"{label:<44} {span.meaning}"
        octets = data[span.start : span.end] if _shows_octets(span) else b""
        rows = [octets[at : at + SHOWN_OCTETS] for at in range(0, len(octets), SHOWN_OCTETS)] or [b""]
        where = " " * 4 if span.bit is not None else f"{span.start:04x}"
        yield f"{where}  {rows[0].hex(' '):<{width}} {label}"
        for number, row in enumerate(rows[1:SHOWN_LINES], 1):
            yield f"{span.start + number * SHOWN_OCTETS:04x}  {row.hex(' ')}"
        if len(rows) > SHOWN_LINES:
            yield f"      … {len(octets) - SHOWN_LINES * SHOWN_OCTETS} more bytes"
        yield from _lines(span.children, data, depth + 1)


def _shows_octets(span: Span) -> bool:
    """Octets stand beside the innermost span that has them; those of bits beside the group of bits."""
    return span.bit is None and (not span.children or span.children[0].bit is not None)


def _shown(span: Span) -> str:
    if isinstance(span.value, str):
        text = span.value if len(span.value) <= SHOWN_VALUE else span.value[: SHOWN_VALUE - 1] + "…"
        return f"'{text}'"
    return str(span.value)
