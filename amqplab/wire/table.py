"""Field tables: AMQP's dictionaries, in which every value carries a letter that says its type.

Theory
------
A table is ``long length, (shortstr name, octet letter, value)*``; the length counts octets, not entries. It
is where AMQP is extensible: queue arguments, message headers and the peers' capabilities are all tables.

Two things make it more than a ``dict``. *Order and duplicates survive*: a broker must hand a table on
exactly as it came (CODEC-52), and RabbitMQ looks up the first match. *Types survive*: ``I 5``, ``l 5`` and
``b 5`` are different octets, and RabbitMQ complains about the type of an argument by name, so a decoded
number remembers its letter.

    letter  RabbitMQ's name   Python, decoded          letter  RabbitMQ's name   Python, decoded
    t       bool              bool                     f       float             Float32
    b       byte              Int8                     d       double            float
    B       unsignedbyte      UInt8                    D       decimal           decimal.Decimal
    s       short             Int16                    S       longstr           str
    u       unsignedshort     UInt16                   x       binary            ByteArray
    I       signedint         int                      A       array             list
    i       unsignedint       UInt32                   T       timestamp         Timestamp
    l, L    long              Int64                    F       table             Table
                                                       V       void              None

The letters are RabbitMQ's, not the specification's: there ``s`` is a short string and ``U`` a short
(CODEC-39, 40). Encoding a plain Python value picks the natural letter: ``5`` is ``I``, ``2**40`` is ``l``,
``b"…"`` is ``x``.

Strings hold arbitrary octets (CODEC-46). They become ``str`` with *surrogateescape*, so octets that are not
UTF-8 come out again unchanged.
"""

from __future__ import annotations

import calendar
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any, TypeAlias

from amqplab.wire.errors import DecodeError, EncodeError

__all__ = [
    "EMPTY_TABLE", "FIELD_TYPES", "FIXED_FIELDS", "ByteArray", "Float32", "Int8", "Int16", "Int64", "Table",
    "Timestamp", "UInt8", "UInt16", "UInt32", "Value", "decode_table", "encode_table", "field_tag",
    "type_name",
]  # fmt: skip

Value: TypeAlias = Any
"""Whatever a table can hold: a row of the table above."""

MAX_DEPTH = 100  # of nesting; RabbitMQ has no limit (CODEC-48), Python's stack has

FIELD_TYPES = {
    "t": "bool", "b": "byte", "B": "unsignedbyte", "s": "short", "u": "unsignedshort", "I": "signedint",
    "i": "unsignedint", "l": "long", "L": "long", "f": "float", "d": "double", "D": "decimal", "S": "longstr",
    "x": "binary", "A": "array", "T": "timestamp", "F": "table", "V": "void",
}  # fmt: skip
"""Letter → RabbitMQ's name of the type, as its reply texts spell it (EXCH-06)."""


# --- Python values that remember their letter ------------------------------------------------------------


class _Integer(int):
    """An integer of a fixed width: equal to a plain one, but with a letter of its own."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int(self)})"

    def __str__(self) -> str:
        return int.__repr__(self)


class Int8(_Integer):
    """``b``: signed, 8 bits."""

    __slots__ = ()


class UInt8(_Integer):
    """``B``: unsigned, 8 bits."""

    __slots__ = ()


class Int16(_Integer):
    """``s``: signed, 16 bits."""

    __slots__ = ()


class UInt16(_Integer):
    """``u``: unsigned, 16 bits."""

    __slots__ = ()


class UInt32(_Integer):
    """``i``: unsigned, 32 bits."""

    __slots__ = ()


class Int64(_Integer):
    """``l``: signed, 64 bits."""

    __slots__ = ()


class Timestamp(_Integer):
    """``T``: seconds since 1970 UTC, unsigned, 64 bits."""

    __slots__ = ()


class Float32(float):
    """``f``: a 32-bit float."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Float32({float(self)!r})"

    def __str__(self) -> str:
        return float.__repr__(self)


class ByteArray(bytes):
    """``x``: octets that are not text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"ByteArray({bytes(self)!r})"


# --- The table -------------------------------------------------------------------------------------------


class Table(Mapping[str, Value]):
    """An immutable field table. Reads like a ``dict`` of the first entry of each name; ``pairs`` has all.

    Two tables are equal when they are the same octets on the wire, so ``{"a": 1} != {"a": True}`` here. A
    plain mapping is accepted, and compared, wherever a table is.
    """

    __slots__ = ("_first", "_pairs")

    def __init__(self, source: Mapping[str, Value] | Iterable[tuple[str, Value]] = ()) -> None:
        if isinstance(source, Table):
            pairs = source._pairs
        elif isinstance(source, Mapping):
            pairs = tuple(source.items())
        else:
            pairs = tuple((name, value) for name, value in source)
        self._pairs: tuple[tuple[str, Value], ...] = pairs
        self._first: dict[str, Value] | None = None

    @property
    def pairs(self) -> tuple[tuple[str, Value], ...]:
        """All entries in wire order, duplicates included."""
        return self._pairs

    def _lookup(self) -> dict[str, Value]:
        if self._first is None:
            self._first = dict(reversed(self._pairs))
            self._first = {name: self._first[name] for name, _ in self._pairs}
        return self._first

    def __getitem__(self, name: str) -> Value:
        return self._lookup()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lookup())

    def __len__(self) -> int:
        return len(self._lookup())

    def encode(self) -> bytes:
        """The table's octets, its own length first."""
        return encode_table(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        try:
            return self.encode() == encode_table(other)
        except EncodeError:
            return False

    def __hash__(self) -> int:
        return hash(self.encode())

    def __repr__(self) -> str:
        if not self._pairs:
            return "Table()"
        inside = dict(self._pairs)
        return f"Table({inside if len(inside) == len(self._pairs) else list(self._pairs)})"


EMPTY_TABLE = Table()


# --- Decoding --------------------------------------------------------------------------------------------


def decode_table(data: bytes, offset: int = 0, depth: int = 0) -> tuple[Table, int]:
    """Read the table that starts at `offset`; returns it and the offset after it. Raises DecodeError."""
    start, end = _extent(data, offset, depth, "table")
    pairs = []
    at = start
    while at < end:
        name_end = at + 1 + data[at]
        if name_end >= end:
            raise DecodeError(f"field name at octet {at} runs past the end of its table")
        name = data[at + 1 : name_end].decode("utf-8", "surrogateescape")
        value, at = _decode_value(data, name_end, end, depth)
        pairs.append((name, value))
    return Table(pairs), end


def _decode_array(data: bytes, offset: int, depth: int) -> tuple[list[Value], int]:
    at, end = _extent(data, offset, depth, "array")
    values = []
    while at < end:
        value, at = _decode_value(data, at, end, depth)
        values.append(value)
    return values, end


def _extent(data: bytes, offset: int, depth: int, what: str) -> tuple[int, int]:
    """Where the entries after a 4-octet length begin and end."""
    if depth > MAX_DEPTH:
        raise DecodeError(f"{what} at octet {offset} is nested more than {MAX_DEPTH} deep")
    start = offset + 4
    end = start + int.from_bytes(data[offset:start], "big")
    if end > len(data) or start > len(data):
        raise DecodeError(f"{what} at octet {offset} runs past the end of the data")
    return start, end


def _decode_value(data: bytes, offset: int, end: int, depth: int) -> tuple[Value, int]:
    """Read a letter and its value; both must lie before `end`."""
    tag = data[offset]
    offset += 1
    fixed = FIXED_FIELDS.get(tag)
    if fixed is not None:
        layout, make = fixed
        after = offset + layout.size
        if after > end:
            raise DecodeError(f"value at octet {offset} runs past the end of its table")
        return make(*layout.unpack_from(data, offset)), after
    if tag == 0x53 or tag == 0x78:  # S, x
        start, after = _extent(data, offset, depth, "string")
        octets = data[start:after]
        value: Value = octets.decode("utf-8", "surrogateescape") if tag == 0x53 else ByteArray(octets)
    elif tag == 0x46:  # F
        value, after = decode_table(data, offset, depth + 1)
    elif tag == 0x41:  # A
        value, after = _decode_array(data, offset, depth + 1)
    elif tag == 0x56:  # V
        value, after = None, offset
    else:
        raise DecodeError(f"unknown field type {chr(tag)!r} at octet {offset - 1}")
    if after > end:
        raise DecodeError(f"value at octet {offset} runs past the end of its table")
    return value, after


def _finite(value: float) -> float:
    if not isfinite(value):
        raise DecodeError(f"{value} is not a number that RabbitMQ can read (CODEC-47)")
    return value


def _decimal(scale: int, unscaled: int) -> Decimal:
    return Decimal((0, tuple(map(int, str(unscaled))), -scale))


FIXED_FIELDS: dict[int, tuple[struct.Struct, Callable[..., Value]]] = {
    ord(tag): (struct.Struct(">" + layout), make)
    for tag, layout, make in (
        ("t", "B", bool), ("b", "b", Int8), ("B", "B", UInt8), ("s", "h", Int16), ("u", "H", UInt16),
        ("I", "i", int), ("i", "I", UInt32), ("l", "q", Int64), ("L", "q", Int64), ("T", "Q", Timestamp),
        ("f", "f", lambda value: Float32(_finite(value))), ("d", "d", _finite), ("D", "BI", _decimal),
    )
}  # fmt: skip


# --- Encoding --------------------------------------------------------------------------------------------


def encode_table(table: Mapping[str, Value], depth: int = 0) -> bytes:
    """The octets of a table or any mapping, length first. Raises EncodeError."""
    if depth > MAX_DEPTH:
        raise EncodeError(f"a table is nested more than {MAX_DEPTH} deep (does it contain itself?)")
    parts = [b""]
    for name, value in table.pairs if isinstance(table, Table) else table.items():
        parts.append(_encode_name(name))
        parts.append(_encode_value(value, depth))
    parts[0] = _length(sum(map(len, parts)))
    return b"".join(parts)


def _encode_name(name: object) -> bytes:
    if not isinstance(name, str):
        raise EncodeError(f"a field name must be a str, not {name!r}")
    octets = name.encode("utf-8", "surrogateescape")
    if len(octets) > 255:
        raise EncodeError(f"field name {name[:20]!r}… has {len(octets)} octets; 255 is the limit (CODEC-37)")
    return bytes((len(octets),)) + octets


def _encode_value(value: Value, depth: int) -> bytes:
    tag = field_tag(value)
    try:
        return tag.encode() + _ENCODERS[tag](value, depth)
    except struct.error as error:
        raise EncodeError(f"{value!r} does not fit field type {tag!r}: {error}") from None


def _encode_array(values: Iterable[Value], depth: int) -> bytes:
    if depth > MAX_DEPTH:
        raise EncodeError(f"an array is nested more than {MAX_DEPTH} deep (does it contain itself?)")
    return _counted(b"".join([_encode_value(value, depth) for value in values]))


def _encode_decimal(value: Decimal) -> bytes:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or sign or exponent > 9:
        raise EncodeError(
            f"{value!r} is not zero or a positive number: AMQP decimals are unsigned (CODEC-43)"
        )
    unscaled = int("".join(map(str, digits)) or "0") * 10 ** max(exponent, 0)
    return struct.pack(">BI", max(-exponent, 0), unscaled)


def _encode_timestamp(value: int | datetime) -> bytes:
    seconds = calendar.timegm(value.utctimetuple()) if isinstance(value, datetime) else value
    return struct.pack(">Q", seconds)


def _length(octets: int) -> bytes:
    return struct.pack(">I", octets)


def _counted(octets: bytes) -> bytes:
    return _length(len(octets)) + octets


def _packer(layout: str) -> Callable[[Value, int], bytes]:
    pack = struct.Struct(">" + layout).pack
    return lambda value, depth: pack(value)


_ENCODERS: dict[str, Callable[[Value, int], bytes]] = {
    "t": lambda value, depth: b"\x01" if value else b"\x00",
    "b": _packer("b"), "B": _packer("B"), "s": _packer("h"), "u": _packer("H"), "I": _packer("i"),
    "i": _packer("I"), "l": _packer("q"), "f": _packer("f"), "d": _packer("d"),
    "D": lambda value, depth: _encode_decimal(value),
    "S": lambda value, depth: _counted(value.encode("utf-8", "surrogateescape")),
    "x": lambda value, depth: _counted(value),
    "A": lambda value, depth: _encode_array(value, depth + 1),
    "T": lambda value, depth: _encode_timestamp(value),
    "F": lambda value, depth: encode_table(value, depth + 1),
    "V": lambda value, depth: b"",
}  # fmt: skip

_TAGS: dict[type, str] = {
    bool: "t", Int8: "b", UInt8: "B", Int16: "s", UInt16: "u", UInt32: "i", Int64: "l", Timestamp: "T",
    datetime: "T", Float32: "f", float: "d", Decimal: "D", str: "S", ByteArray: "x", bytes: "x",
    bytearray: "x", list: "A", tuple: "A", Table: "F", dict: "F", type(None): "V",
}  # fmt: skip


def field_tag(value: Value) -> str:
    """The letter that `value` is written with: its own, or the natural one of a plain Python value."""
    for kind in type(value).__mro__:
        if kind in _TAGS:
            return _TAGS[kind]
        if kind is int:
            if -(2**63) <= value < 2**63:
                return "I" if -(2**31) <= value < 2**31 else "l"
            raise EncodeError(f"{value} does not fit 64 bits; a field table has no larger integer")
    if isinstance(value, Mapping):
        return "F"
    raise EncodeError(f"a field table cannot hold {value!r} (a {type(value).__name__})")


def type_name(value: Value) -> str:
    """RabbitMQ's name of the type `value` has on the wire: "longstr", "signedint", … (EXCH-06)."""
    return FIELD_TYPES[field_tag(value)]
