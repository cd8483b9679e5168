"""The ten wire types that arguments and properties are made of.

Theory
------
An AMQP method's arguments are written one after the other without names or type letters: both sides know
the order. Nine types follow octet boundaries; the tenth, the *bit*, shares octets with its neighbours, the
first in the least significant place (CODEC-29).

Here each type is declared once, as an annotation. ``routing_key: ShortStr`` is a plain ``str`` for Python
and the type checker, and carries a :class:`Domain` for everything that works from the declaration: encode,
decode, repr, dissection, test strategies.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from amqplab.wire.errors import DecodeError, EncodeError
from amqplab.wire.table import Table, decode_table, encode_table

__all__ = [
    "LENGTH_OCTET",
    "Arguments",
    "Bit",
    "Domain",
    "Long",
    "LongLong",
    "LongStr",
    "Octet",
    "Short",
    "ShortStr",
    "TimestampSeconds",
    "domains_of",
]

LENGTH_OCTET: tuple[bytes, ...] = tuple(bytes((length,)) for length in range(256))
"""The length octet of a short string, ready made: indexing is faster than building it."""


@dataclass(frozen=True)
class Domain:
    """One wire type. ``code`` is its struct code when the size is fixed, otherwise empty.

    ``encode(value) -> octets`` raises EncodeError; ``decode(data, offset) -> (value, offset after it)``
    raises DecodeError. A bit has no octets of its own: methods pack neighbours together.
    """

    name: str
    code: str
    default: Any
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes, int], tuple[Any, int]]


def _fixed(name: str, code: str) -> Domain:
    layout = struct.Struct("!" + code)

    def encode(value: int) -> bytes:
        try:
            return layout.pack(value)
        except struct.error:
            raise EncodeError(f"{value!r} does not fit a {name} ({layout.size} octets, unsigned)") from None

    def decode(data: bytes, offset: int) -> tuple[int, int]:
        if offset + layout.size > len(data):
            raise DecodeError(f"a {name} is cut short")
        return layout.unpack_from(data, offset)[0], offset + layout.size

    return Domain(name, code, 0, encode, decode)


def _octets(value: str | bytes, name: str) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise EncodeError(f"a {name} must be str or bytes, not {value!r}")


def _encode_shortstr(value: str | bytes) -> bytes:
    octets = _octets(value, "shortstr")
    if len(octets) > 255:
        raise EncodeError(f"a shortstr has at most 255 octets, this one has {len(octets)}: {value[:40]!r}…")
    return LENGTH_OCTET[len(octets)] + octets


def _decode_shortstr(data: bytes, offset: int) -> tuple[str, int]:
    if offset >= len(data) or offset + 1 + data[offset] > len(data):
        raise DecodeError("a shortstr is cut short")
    end = offset + 1 + data[offset]
    return data[offset + 1 : end].decode("utf-8", "surrogateescape"), end


def _encode_longstr(value: str | bytes) -> bytes:
    octets = _octets(value, "longstr")
    return len(octets).to_bytes(4, "big") + octets


def _decode_longstr(data: bytes, offset: int) -> tuple[bytes, int]:
    start = offset + 4
    end = start + int.from_bytes(data[offset:start], "big")
    if start > len(data) or end > len(data):
        raise DecodeError("a longstr is cut short")
    return data[start:end], end


def _no_octets(*_: Any) -> Any:
    raise TypeError("bits are packed together, see amqplab.wire.codegen")


EMPTY_TABLE = Table()

OCTET = _fixed("octet", "B")
SHORT = _fixed("short", "H")
LONG = _fixed("long", "I")
LONGLONG = _fixed("longlong", "Q")
TIMESTAMP = _fixed("timestamp", "Q")
SHORTSTR = Domain("shortstr", "", "", _encode_shortstr, _decode_shortstr)
LONGSTR = Domain("longstr", "", b"", _encode_longstr, _decode_longstr)
TABLE = Domain("table", "", EMPTY_TABLE, encode_table, decode_table)
BIT = Domain("bit", "", False, _no_octets, OCTET.decode)

Octet = Annotated[int, OCTET]
Short = Annotated[int, SHORT]
Long = Annotated[int, LONG]
LongLong = Annotated[int, LONGLONG]
TimestampSeconds = Annotated[int, TIMESTAMP]
ShortStr = Annotated[str, SHORTSTR]
LongStr = Annotated[bytes, LONGSTR]
Arguments = Annotated[Mapping[str, Any], TABLE]
Bit = Annotated[bool, BIT]


def domains_of(cls: type) -> dict[str, Domain]:
    """The declared fields of `cls`, in order, each with its :class:`Domain`.

    Annotations are names such as ``"ShortStr"``, looked up in the module that declares them.
    """
    module = vars(sys.modules[cls.__module__])
    return {field: module[annotation].__metadata__[0] for field, annotation in cls.__annotations__.items()}
