"""Hypothesis strategies made from the wire's own declarations: nobody lists the methods a second time."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from amqplab.wire.domains import Domain
from amqplab.wire.frames import encode_content, encode_frame, encode_header, encode_method
from amqplab.wire.methods import METHODS, Method
from amqplab.wire.properties import PROPERTIES, Properties
from amqplab.wire.table import (
    ByteArray,
    Float32,
    Int8,
    Int16,
    Int64,
    Table,
    Timestamp,
    UInt8,
    UInt16,
    UInt32,
)

__all__ = ["LAW", "any_method", "contents", "frames", "methods", "properties", "tables", "values"]

LAW = settings(max_examples=150)


def _as_text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


octet_strings = st.binary(max_size=24) | st.text(max_size=12).map(lambda text: text.encode())
shortstrs = octet_strings.map(_as_text)


def _unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1) | st.sampled_from([0, 1, 2**bits - 1])


def _signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


decimals = st.builds(
    lambda scale, unscaled: Decimal((0, tuple(map(int, str(unscaled))), -scale)),
    st.integers(0, 255),
    _unsigned(32),
)

# one strategy for each letter a field can have
scalars: dict[str, st.SearchStrategy[Any]] = {
    "t": st.booleans(),
    "b": _signed(8).map(Int8),
    "B": _unsigned(8).map(UInt8),
    "s": _signed(16).map(Int16),
    "u": _unsigned(16).map(UInt16),
    "I": _signed(32),
    "i": _unsigned(32).map(UInt32),
    "l": _signed(64).map(Int64),
    "f": st.floats(width=32, allow_nan=False, allow_infinity=False).map(Float32),
    "d": st.floats(allow_nan=False, allow_infinity=False),
    "D": decimals,
    "S": shortstrs,
    "x": st.binary(max_size=20).map(ByteArray),
    "T": _unsigned(64).map(Timestamp),
    "V": st.none(),
}

_values = st.deferred(lambda: st.one_of(*scalars.values(), st.lists(_values, max_size=3), _tables))
_tables = st.deferred(lambda: st.lists(st.tuples(shortstrs, _values), max_size=4).map(Table))
values: st.SearchStrategy[Any] = _values
tables: st.SearchStrategy[Table] = _tables

BY_DOMAIN: dict[str, st.SearchStrategy[Any]] = {
    "octet": _unsigned(8),
    "short": _unsigned(16),
    "long": _unsigned(32),
    "longlong": _unsigned(64),
    "timestamp": _unsigned(64),
    "bit": st.booleans(),
    "shortstr": shortstrs,
    "longstr": octet_strings,
    "table": tables,
}


def _for(domain: Domain) -> st.SearchStrategy[Any]:
    return BY_DOMAIN[domain.name]


def methods(declaration: type[Method]) -> st.SearchStrategy[Any]:
    """Any value of one declared method."""
    return st.builds(declaration, **{name: _for(domain) for name, domain in declaration.domains.items()})


any_method: st.SearchStrategy[Method] = st.sampled_from(list(METHODS.values())).flatmap(methods)
properties: st.SearchStrategy[Properties] = st.builds(
    Properties, **{name: st.none() | _for(domain) for name, domain, _ in PROPERTIES}
)
channels = st.integers(0, 65535)
CONTENT = [declaration for declaration in METHODS.values() if declaration.has_content]

contents: st.SearchStrategy[bytes] = st.builds(
    encode_content,
    channels,
    st.sampled_from(CONTENT).flatmap(methods),
    properties,
    st.binary(max_size=40),
    st.sampled_from([0, 9, 16, 4096]),
)
frames: st.SearchStrategy[bytes] = st.one_of(
    st.builds(encode_method, channels, any_method),
    st.builds(encode_header, channels, _unsigned(64), properties),
    st.builds(encode_frame, st.sampled_from([3, 8]), channels, st.binary(max_size=12)),
)
"""Whole frames of every type, one at a time."""


def damaged(data: bytes, place: int, octet: int) -> bytes:
    """`data` with one octet replaced."""
    at = place % len(data)
    return data[:at] + struct.pack("B", octet) + data[at + 1 :]
