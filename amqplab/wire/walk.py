"""Walking over a payload and labelling its octets: methods, content headers, tables.

Theory
------
The walk follows the same declarations as the decoder, but it never gives up: it labels what is there, says
what is missing, and hands the rest over as "unread". A :class:`Walk` stands somewhere in the octets and may
not go beyond its ``end``. Whatever opens a group (a string, a table) closes it again even when the octets
run out inside, so that the spans always nest and always fill their parents.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from amqplab.wire.domains import BIT, Domain
from amqplab.wire.meanings import class_name, meaning_of, method_meaning, moment
from amqplab.wire.method import METHODS
from amqplab.wire.properties import PROPERTIES
from amqplab.wire.spans import Span, octets_text, value_text
from amqplab.wire.table import FIELD_TYPES, FIXED_FIELDS

__all__ = ["Walk", "walk_body", "walk_header", "walk_method"]

NOT_READ = "not read, because of what is wrong before it"
LONGEST_VALUE = 120  # characters of a string that go into a span
DEEPEST = 30  # tables in tables that are labelled one by one


class OutOfOctets(Exception):
    """The walk cannot go on: something is cut short or makes no sense. Always caught in this module."""


class Walk:
    """A place in octets, and the spans of the group that is open there."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end
        self.spans: list[Span] = []

    def octets(self, count: int, name: str) -> bytes:
        """Go over `count` octets. When there are fewer, label those that are there, and stop."""
        start, self.at = self.at, min(self.at + count, self.end)
        if start + count > self.end:
            found = self.end - start
            self.leaf(start, name, None, f"cut short: {found} of {count} bytes")
            raise OutOfOctets
        return self.data[start : self.at]

    def leaf(self, start: int, name: str, value: Any = None, meaning: str = "") -> None:
        """Label the octets from `start` to here."""
        self.spans.append(Span(start, self.at, name, value, meaning))

    def number(self, count: int, name: str, explain: Callable[[int], str] = lambda number: "") -> int:
        """An unsigned integer of `count` octets."""
        start = self.at
        value = int.from_bytes(self.octets(count, name), "big")
        self.leaf(start, name, value, explain(value))
        return value

    def group(self, name: str, meaning: str = "") -> Group:
        """What is labelled inside becomes the children of one span; the dictionary may correct its fields."""
        return Group(self, name, meaning)

    @contextmanager
    def within(self, count: int) -> Iterator[None]:
        """The next `count` octets are a region of their own, as far as they are there.

        Whatever stops the walk inside, it stands at the region's end afterwards; and as long as the whole
        region is there, the walk can go on behind it.
        """
        outer, whole = self.end, self.at + count <= self.end
        self.end = min(self.at + count, outer)
        try:
            yield
        except OutOfOctets:
            self.rest("unread", NOT_READ)
        finally:
            self.end = outer
        if not whole:
            raise OutOfOctets

    def rest(self, name: str, meaning: str) -> None:
        """Label everything up to the end as one span, if there is anything."""
        start, self.at = self.at, self.end
        if self.at > start:
            self.leaf(start, name, None, meaning)

    def finish(self, what: str) -> None:
        """Octets that are left although all is read."""
        self.rest("left over", f"more bytes than {what} has")


class Group:
    """An open group of a walk. Every string has one, so it is a class: a generator costs more than twice as much."""

    __slots__ = ("_about", "_outer", "_start", "_walk")

    def __init__(self, walk: Walk, name: str, meaning: str) -> None:
        self._walk = walk
        self._about: dict[str, Any] = {"name": name, "meaning": meaning}

    def __enter__(self) -> dict[str, Any]:
        walk = self._walk
        self._start, self._outer = walk.at, walk.spans
        walk.spans = []
        return self._about

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        walk, about = self._walk, self._about
        if kind is OutOfOctets:
            about["meaning"] = about["meaning"] or "incomplete"
        self._outer.append(Span(self._start, walk.at, children=tuple(walk.spans), **about))
        walk.spans = self._outer


def _safely(walk: Walk, go: Callable[[], None], what: str) -> tuple[Span, ...]:
    try:
        go()
    except OutOfOctets:
        walk.rest("unread", NOT_READ)
    walk.finish(what)
    return tuple(walk.spans)


# --- Payloads --------------------------------------------------------------------------------------------


def walk_method(data: bytes, at: int, end: int) -> tuple[Span, ...]:
    """The spans of a method frame's payload ``data[at:end]``."""
    walk = Walk(data, at, end)

    def go() -> None:
        class_id = walk.number(2, "class-id", class_name)
        declared = METHODS.get((class_id, int.from_bytes(data[walk.at : min(walk.at + 2, end)], "big")))
        walk.number(2, "method-id", lambda _: declared.name if declared else "unknown method")
        if declared is None:
            walk.rest("arguments", "of an unknown method")
        else:
            walk_arguments(walk, declared.domains)

    return _safely(walk, go, "the method")


def walk_arguments(walk: Walk, domains: Mapping[str, Domain]) -> None:
    """All arguments of a method, neighbouring bits together."""
    bits: list[str] = []
    seen: dict[str, Any] = {}
    for name, domain in domains.items():
        if domain is BIT:
            bits.append(name)
            continue
        walk_bits(walk, bits)
        bits = []
        seen[name] = walk_field(walk, name, domain)
        if name == "method_id":  # of a close: what it complains about
            walk.spans[-1] = walk.spans[-1]._replace(meaning=method_meaning(seen["class_id"], seen[name]))
    walk_bits(walk, bits)


def walk_bits(walk: Walk, names: list[str]) -> None:
    """Octets of bits, the first bit in the lowest place; each bit spelled out."""
    for first in range(0, len(names), 8):
        group = names[first : first + 8]
        start = walk.at
        value = walk.octets(1, "bits")[0]
        bits = tuple(_bit(start, 1, value, place, name) for place, name in enumerate(group))
        unused = value >> len(group)
        meaning = f"{value:08b}" + (", unused bits are set and ignored" if unused else "")
        walk.spans.append(Span(start, walk.at, "bits", value, meaning, bits))


@lru_cache(maxsize=1024)  # most frames have the same bits at the same place
def _bit(start: int, octets: int, word: int, place: int, name: str) -> Span:
    """One bit, drawn at its place: ``.... ..1.``; of an argument, or of the two octets of property flags."""
    flag = bool(word >> place & 1)
    row = ["."] * octets * 8
    row[-1 - place] = "1" if flag else "0"
    drawn = " ".join("".join(row[at : at + 4]) for at in range(0, len(row), 4))
    meaning = meaning_of(name, flag) if octets == 1 else ""
    shown = name.replace("_", "-").strip("-")
    return Span(start, start + octets, shown, flag, f"{drawn} {meaning}".rstrip(), bit=place)


MORE_FLAGS = "more flags follow"
"""Bit 0 announces two more octets of flags (AMQP 0-9-1 section 4.2.6.1). Class basic has fourteen properties, so
they fit, and RabbitMQ does not ask.
"""


def walk_header(data: bytes, at: int, end: int) -> tuple[Span, ...]:
    """The spans of a content header frame's payload."""
    walk = Walk(data, at, end)

    def go() -> None:
        walk.number(2, "class-id", class_name)
        walk.number(2, "weight", lambda weight: "should be 0" if weight else "always 0")
        walk.number(8, "size of body", lambda size: "bytes" if size else "bytes: no body frame follows")
        start = walk.at
        flags = int.from_bytes(walk.octets(2, "property flags"), "big")
        bits = [_bit(start, 2, flags, flag.bit_length() - 1, name) for name, _, flag in PROPERTIES]
        bits += [_bit(start, 2, flags, place, name) for place, name in ((1, "unused"), (0, MORE_FLAGS))]
        count = (flags >> 2).bit_count()
        meaning = f"{count} {'property follows' if count == 1 else 'properties follow'}"
        meaning += ", the lowest two bits are ignored" if flags & 3 else ""  # CODEC-50
        walk.spans.append(Span(start, walk.at, "property flags", flags, meaning, tuple(bits)))
        for name, domain, flag in PROPERTIES:
            if flags & flag:
                walk_field(walk, name, domain)

    return _safely(walk, go, "the header")


def walk_body(data: bytes, at: int, end: int) -> tuple[Span, ...]:
    """The span of a body frame's payload: nobody but the applications knows more about it."""
    if at == end:
        return ()
    return (Span(at, end, "body", _cut(octets_text(data[at : min(end, at + LONGEST_VALUE)]), end - at)),)


# --- Fields ----------------------------------------------------------------------------------------------


def walk_field(walk: Walk, name: str, domain: Domain) -> Any:
    """One argument or property; returns its value if it is a number."""
    shown = name.replace("_", "-").strip("-")
    if domain.name == "table":
        walk_table(walk, shown)
        return None
    if domain.name in ("shortstr", "longstr"):
        walk_string(walk, shown, 1 if domain.name == "shortstr" else 4, lambda text: meaning_of(name, text))
        return None
    return walk.number(struct.calcsize("!" + domain.code), shown, lambda value: meaning_of(name, value))


def walk_string(walk: Walk, name: str, length_octets: int, explain: Callable[[str], str]) -> None:
    """Length and octets of a string."""
    with walk.group(name) as about:
        size = walk.number(
            length_octets, "length", lambda number: "bytes of text follow" if number else "empty"
        )
        start = walk.at
        text = _cut(octets_text(walk.octets(size, "text")[:LONGEST_VALUE]), size)
        if size:
            walk.leaf(start, "text", text)
        about["value"], about["meaning"] = text, explain(text)


def walk_table(walk: Walk, name: str, depth: int = 0) -> None:
    """Length and entries of a table."""
    with walk.group(name, "table that cannot be read") as about:
        size = walk.number(4, "length", lambda number: "bytes of entries follow" if number else "empty")
        entries = 0
        with walk.within(size):
            while walk.at < walk.end:
                _walk_entry(walk, depth)
                entries += 1
            about["meaning"] = f"table of {entries} {'entry' if entries == 1 else 'entries'}"


def _walk_entry(walk: Walk, depth: int) -> None:
    with walk.group("entry") as about:
        size = walk.number(1, "name length")
        start = walk.at
        octets = walk.octets(size, "name")
        about["name"] = octets_text(octets) or "(no name)"
        if size:
            walk.leaf(start, "name", octets_text(octets))
        _walk_value(walk, about, depth)


def _walk_array(walk: Walk, name: str, depth: int) -> None:
    with walk.group(name, "array that cannot be read") as about:
        size = walk.number(4, "length", lambda number: "bytes of items follow" if number else "empty")
        items = 0
        with walk.within(size):
            while walk.at < walk.end:
                with walk.group(f"[{items}]") as item:
                    _walk_value(walk, item, depth)
                items += 1
            about["meaning"] = f"array of {items} {'item' if items == 1 else 'items'}"


def _walk_value(walk: Walk, about: dict[str, Any], depth: int) -> None:
    """A letter and its value; the entry around them shows the value and the type's name."""
    start = walk.at
    letter = chr(walk.octets(1, "type")[0])
    kind = FIELD_TYPES.get(letter)
    walk.leaf(start, "type", octets_text(letter.encode("latin-1")), kind or "unknown type")
    if kind is None or depth > DEEPEST:
        about["meaning"] = "of an unknown type" if kind is None else "nested too deep to show"
        raise OutOfOctets
    about["meaning"] = kind
    start = walk.at
    if letter in "Sx":
        walk_string(walk, "value", 4, lambda text: "")
        about["value"] = walk.spans[-1].value
    elif letter == "F":
        walk_table(walk, "value", depth + 1)
    elif letter == "A":
        _walk_array(walk, "value", depth + 1)
    elif letter != "V":
        layout, make = FIXED_FIELDS[ord(letter)]
        octets = walk.octets(layout.size, "value")
        try:
            value = value_text(make(*layout.unpack(octets)))
        except ValueError:  # NaN and infinity
            value = str(layout.unpack(octets)[0])
        about["value"] = value
        walk.leaf(start, "value", value, f"[{moment(int(value or 0))}]" if letter == "T" else "")


def _cut(text: str, size: int) -> str:
    """`text` of at most LONGEST_VALUE characters; says with "…" that octets of `size` are not shown."""
    return text[:LONGEST_VALUE] + "…" if size > LONGEST_VALUE or len(text) > LONGEST_VALUE else text
