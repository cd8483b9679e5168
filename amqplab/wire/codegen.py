"""From a method's declaration to its two functions, encode and decode.

Theory
------
A generic codec walks over the fields and asks each for its type: easy to read, and most of its time goes into
asking. But the layout of a method never changes, so the question can be asked once. For each method this
module writes the few lines that a patient programmer would write by hand: fixed-size neighbours read by one
precompiled ``struct``, strings sliced where they lie, bits picked out of their octet.

For ``basic.publish`` the decoder comes out as::

    def decode(data):
        (f0, n) = s0(data, 4)
        p = 7 + n
        f1 = data[7:p].decode()
        ...
        if p != len(data): raise IndexError

The generated functions take the straight road only. At the first surprise (a missing octet, text that is no
UTF-8, a value that does not fit) they raise something simple, and the generic codec in
:mod:`amqplab.wire.method` does the work again, slowly and with exact errors. It is the reference; a property
test holds the two against each other.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from amqplab.wire.domains import BIT, LENGTH_OCTET, Domain
from amqplab.wire.errors import DecodeError

__all__ = ["SURPRISES", "fast_decoder", "fast_encoder", "fast_maker"]

Fields = Sequence[Domain]

SURPRISES = (struct.error, IndexError, UnicodeError, AttributeError, TypeError, DecodeError)
"""What a generated function raises when its straight road is blocked."""


class _Source:
    """Lines of a function being written, and the objects that they mention."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"LENGTH": LENGTH_OCTET}

    def constant(self, value: Any) -> str:
        name = f"c{len(self.names)}"
        self.names[name] = value
        return name

    def compile(self, head: str) -> Callable[..., Any]:
        body = "\n".join("    " + line for line in [head, *("    " + line for line in self.lines)])
        exec("if True:\n" + body, self.names)  # our own declarations, never a peer's octets
        function: Callable[..., Any] = self.names[head.split("(")[0].removeprefix("def ")]
        return function


def _runs(fields: Fields) -> list[tuple[str, list[int]]]:
    """Fields grouped as the generated code handles them: fixed runs, bit runs, single strings and tables."""
    runs: list[tuple[str, list[int]]] = []
    for index, domain in enumerate(fields):
        kind = "bits" if domain is BIT else "fixed" if domain.code else domain.name
        if (
            runs
            and runs[-1][0] == kind
            and kind in ("bits", "fixed")
            and (kind == "fixed" or len(runs[-1][1]) < 8)
        ):
            runs[-1][1].append(index)
        else:
            runs.append((kind, [index]))
    return runs


def fast_encoder(prefix: bytes, fields: Fields) -> Callable[[Sequence[Any]], bytes]:
    """A function from the tuple of values to ``prefix`` + arguments."""
    source = _Source()
    terms = [repr(prefix)]
    if fields:
        source.lines.append(f"({', '.join(f'f{index}' for index in range(len(fields)))},) = values")
    for kind, indexes in _runs(fields):
        first = indexes[0]
        if kind == "fixed":
            pack = source.constant(struct.Struct("!" + "".join(fields[index].code for index in indexes)).pack)
            terms.append(f"{pack}({', '.join(f'f{index}' for index in indexes)})")
        elif kind == "bits":
            octet = " | ".join(f"({1 << place} if f{index} else 0)" for place, index in enumerate(indexes))
            terms.append(f"LENGTH[{octet}]")
        elif kind == "shortstr":
            source.lines.append(f"e{first} = f{first}.encode()")
            terms.append(f"LENGTH[len(e{first})] + e{first}")
        else:
            terms.append(f"{source.constant(fields[first].encode)}(f{first})")
    source.lines.append("return " + " + ".join(terms))
    return source.compile("def encode(values):")


def fast_decoder(fields: Fields, make: Callable[[tuple[Any, ...]], Any]) -> Callable[[bytes], Any]:
    """A function from a method's payload to ``make(values)``; raises one of :data:`SURPRISES`."""
    source = _Source()
    source.names["make"] = make
    position = "4"
    runs = _runs(fields)
    for number, (kind, indexes) in enumerate(runs):
        position = _decode_run(source, fields, kind, indexes, position, joined=_joined(runs, number))
    source.lines.append(f"if {position} != len(data): raise IndexError")
    values = "".join(f"f{index}, " for index in range(len(fields)))
    source.lines.append(f"return make(({values}))")
    return source.compile("def decode(data):")


def _joined(runs: list[tuple[str, list[int]]], number: int) -> bool:
    """Whether a short string's length octet was already read together with the fixed run before it."""
    return runs[number][0] == "shortstr" and number > 0 and runs[number - 1][0] == "fixed"


def _decode_run(
    source: _Source, fields: Fields, kind: str, indexes: list[int], position: str, *, joined: bool
) -> str:
    """Write the lines for one run that starts at `position` (an expression); returns where it ends."""
    add = source.lines.append
    first = indexes[0]
    if kind == "fixed":
        return _decode_fixed(source, fields, indexes, position)
    if kind == "bits":
        add(f"b = data[{position}]")
        for place, index in enumerate(indexes):
            add(f"f{index} = b & {1 << place} != 0")
        return _plus(position, 1)
    if kind == "shortstr":
        if not joined:
            add(f"n = data[{position}]")
            position = _plus(position, 1)
        add(f"q = {position} + n")
        add(f"f{first} = data[{position}:q].decode()")
    else:
        add(f"f{first}, q = {source.constant(fields[first].decode)}(data, {position})")
    add("p = q")
    return "p"


def _decode_fixed(source: _Source, fields: Fields, indexes: list[int], position: str) -> str:
    follows = indexes[-1] + 1
    with_length = follows < len(fields) and fields[follows].name == "shortstr"
    layout = struct.Struct("!" + "".join(fields[index].code for index in indexes) + "B" * with_length)
    targets = "".join(f"f{index}, " for index in indexes) + ("n, " if with_length else "")
    source.lines.append(f"({targets}) = {source.constant(layout.unpack_from)}(data, {position})")
    return _plus(position, layout.size)


def _plus(position: str, octets: int) -> str:
    return str(int(position) + octets) if position.isdigit() else f"{position} + {octets}"


def fast_maker(cls: type, names: Sequence[str], defaults: Sequence[Any]) -> tuple[Any, Any]:
    """``__new__`` with the arguments as parameters, and a function from the tuple of values."""
    known: dict[str, Any] = {"new": tuple.__new__, "cls": cls}
    known.update({f"d_{name}": default for name, default in zip(names, defaults, strict=True)})
    parameters = "".join(f", {name}=d_{name}" for name in names)
    values = "".join(f"{name}, " for name in names)
    exec(f"def __new__(cls{parameters}): return new(cls, ({values}))", known)
    exec("def make(values): return new(cls, values)", known)
    return known["__new__"], known["make"]
