"""Hypothesis strategies made from the declarations: whatever can be declared can be generated."""

from __future__ import annotations

import string
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

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


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


octets = st.binary(max_size=30)
text = st.text(string.ascii_letters + "é€𝄞./ \x00", max_size=20) | octets.map(
    lambda raw: raw.decode("utf-8", "surrogateescape")
)
names = text.filter(lambda name: len(name.encode("utf-8", "surrogateescape")) <= 255)

scalars = st.one_of(
    st.booleans(),
    signed(8).map(Int8),
    unsigned(8).map(UInt8),
    signed(16).map(Int16),
    unsigned(16).map(UInt16),
    signed(32),
    unsigned(32).map(UInt32),
    signed(64).map(Int64),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(Float32),
    st.floats(allow_nan=False, allow_infinity=False),
    st.builds(
        lambda scale, number: Decimal((0, tuple(map(int, str(number))), -scale)), unsigned(8), unsigned(32)
    ),
    text,
    octets.map(ByteArray),
    unsigned(64).map(Timestamp),
    st.none(),
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(names, inner), max_size=4).map(Table),
    max_leaves=8,
)
tables = st.lists(st.tuples(names, values), max_size=5).map(Table)

BY_DOMAIN: dict[str, st.SearchStrategy[Any]] = {
    "octet": unsigned(8),
    "short": unsigned(16),
    "long": unsigned(32),
    "longlong": unsigned(64),
    "timestamp": unsigned(64),
    "shortstr": names,
    "longstr": octets,
    "table": tables,
    "bit": st.booleans(),
}


def method_of(kind: type[Method]) -> st.SearchStrategy[Method]:
    """Any instance of one method."""
    return st.builds(kind, **{name: BY_DOMAIN[domain.name] for name, domain in kind.domains.items()})


methods = st.sampled_from(list(METHODS.values())).flatmap(method_of)
properties = st.fixed_dictionaries(
    {}, optional={name: BY_DOMAIN[domain.name] for name, domain, _ in PROPERTIES}
).map(lambda given: Properties(**given))
