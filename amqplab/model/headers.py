"""Header matching, as the headers exchange does it.

Theory
------
A headers exchange ignores the routing key and compares a binding's arguments with the message's headers. The
argument ``x-match`` says how: ``all`` (every argument must be present and equal; the default) or ``any`` (one
is enough). Arguments whose name starts with ``x-`` do not take part unless the word ends in ``-with-x``;
``x-match`` itself never does (EXCH-29 … EXCH-31).

Both tables are sorted by name and walked side by side like two sorted lists being merged, which is also what
decides the odd cases: a name that occurs twice is compared pairwise. A binding argument of type void asks
only for presence (EXCH-32). Values compare across numeric types (1 equals 1.0) but never text with number
(EXCH-33); a byte array and a string of the same octets are equal, because they are for RabbitMQ.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from amqplab.errors import PreconditionFailed
from amqplab.wire.erlang import erlang_binary
from amqplab.wire.table import Table, type_name

__all__ = ["Pattern", "check_match_argument", "headers_match", "in_order", "pattern_of"]

Pair = tuple[bytes, Any]
"""A name's octets, and a value."""

KINDS = ("all", "any", "all-with-x", "any-with-x")


def check_match_argument(arguments: Mapping[str, Any]) -> None:
    """Refuse an ``x-match`` that is none of the four words (EXCH-34)."""
    if "x-match" not in arguments:
        return
    value = arguments["x-match"]
    if isinstance(value, str):
        if value not in KINDS:
            expected = "expected all, any, all-with-x, or any-with-x"
            raise PreconditionFailed(f"Invalid x-match field value {erlang_term(value)}; {expected}")
        return
    raise PreconditionFailed(
        f"Invalid x-match field type {type_name(value)} (value {erlang_term(value)}); expected longstr"
    )


def erlang_term(value: Any) -> str:
    """A scalar as Erlang's ``~p`` prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "undefined"
    if isinstance(value, str | bytes):
        return erlang_binary(value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value)
    return str(value)


class Pattern(NamedTuple):
    """A binding's arguments, prepared once for many messages: what is wanted, and whether some of it will
    do.
    """

    wanted: list[Pair]
    some_will_do: bool


def pattern_of(arguments: Mapping[str, Any]) -> Pattern:
    """What these arguments of a binding ask for."""
    kind = arguments.get("x-match", "all")
    with_x = kind in ("all-with-x", "any-with-x")
    wanted = [
        pair for pair in in_order(arguments) if pair[0] != b"x-match" and (with_x or pair[0][:2] != b"x-")
    ]
    return Pattern(wanted, kind in ("any", "any-with-x"))


def in_order(table: Mapping[str, Any]) -> list[Pair]:
    """The entries of a table, sorted by the octets of their names."""
    pairs: Sequence[tuple[str, Any]] = table.pairs if isinstance(table, Table) else tuple(table.items())
    return sorted(((name.encode("utf-8", "surrogateescape"), value) for name, value in pairs), key=_name)


def headers_match(pattern: Pattern, headers: list[Pair]) -> bool:
    """Whether a message with these headers, in order, satisfies a binding with this pattern."""
    every, some = _merge(pattern.wanted, headers)
    return some if pattern.some_will_do else every


def _name(pair: Pair) -> bytes:
    return pair[0]


def _merge(wanted: list[Pair], present: list[Pair]) -> tuple[bool, bool]:
    """(all wanted are present and equal, some are), walking two lists sorted by name."""
    every, some = True, False
    at = 0
    for name, value in wanted:
        at = bisect_left(present, name, at, key=_name)
        if at == len(present) or present[at][0] != name:
            every = False
            continue
        if value is None or same_value(value, present[at][1]):
            some = True
        else:
            every = False
        at += 1
    return every, some


def same_value(wanted: Any, present: Any) -> bool:
    """Equality as Erlang's ``==`` sees two field values (EXCH-33)."""
    return bool(_comparable(wanted) == _comparable(present))


def _comparable(value: Any) -> tuple[str, Any]:
    """A (family, value) pair: values of different families are never equal."""
    if isinstance(value, bool) or value is None:
        return ("atom", value)
    if isinstance(value, Decimal):
        return ("decimal", value.as_tuple())
    if isinstance(value, int | float):
        return ("number", value)
    if isinstance(value, str):
        return ("octets", value.encode("utf-8", "surrogateescape"))
    if isinstance(value, bytes):
        return ("octets", bytes(value))
    if isinstance(value, Mapping):
        pairs = value.pairs if isinstance(value, Table) else tuple(value.items())
        return ("table", [(name, type_name(item), _comparable(item)) for name, item in pairs])
    return ("array", [(type_name(item), _comparable(item)) for item in value])
