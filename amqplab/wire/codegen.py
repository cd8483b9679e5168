"""From a method's declaration to its two functions, encode and decode.

Theory
------
A generic codec walks over the fields and asks each for its type: easy to read, and most of its time goes into
asking. But the layout of a method never changes, so the question can be asked once. For each method this
module writes the few lines that a patient programmer would write by hand: fixed-size neighbours read by one
precompiled ``struct``, strings sliced where they lie, bits picked out of their octet.

For ``basic.publish`` the decoder comes out as::

    def decode(data):
        (f0, n,) = c1(data, 4)
        q = 7 + n
        f1 = data[7:q].decode()
        p = q
        ...
        if p != len(data): raise IndexError

The generated functions take the straight road only. At the first surprise (a missing octet, text that is no
UTF-8, a value that does not fit) they ask the generic codec in :mod:`amqplab.wire.method` to do the work
again, slowly and with exact errors. It is the reference; a property test holds the two against each other.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from amqplab.wire.domains import BIT, LENGTH_OCTET, OCTET, Domain
from amqplab.wire.errors import DecodeError

__all__ = [
    "fast_decoder",
    "fast_encoder",
    "fast_flagged_decoder",
    "fast_flagged_encoder",
    "fast_frame_encoder",
    "fast_new",
]

Fields = Sequence[Domain]

SURPRISES = (struct.error, IndexError, UnicodeError, AttributeError, TypeError, DecodeError)
"""What stops a generated function on its straight road."""


class _Source:
    """Lines of a function being written, and the objects that they mention."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"LENGTH": LENGTH_OCTET, "END": b"\xce", "join": b"".join}

    def constant(self, value: Any) -> str:
        name = f"c{len(self.names)}"
        self.names[name] = value
        return name

    def compile(
        self, name: str, parameters: str, slow: Callable[..., Any], purpose: str
    ) -> Callable[..., Any]:
        """The function; at the first surprise it asks `slow`, which is called in the same way."""
        lines = [
            f"def {name}({parameters}):",
            f"    {purpose!r}",
            "    try:",
            *("        " + line for line in self.lines),
            "    except SURPRISES:",
            f"        return slow({parameters})",
        ]
        self.names |= {"slow": slow, "SURPRISES": SURPRISES}
        exec("\n".join(lines), self.names)  # our own declarations, never a peer's octets
        function: Callable[..., Any] = self.names[name]
        return function


class _Block(NamedTuple):
    """Neighbours of fixed size, and the field of variable size that follows them, if any.

    `fixed` are groups of field numbers: a group of several is an octet of bits. When a short string follows,
    its length octet belongs to the block as well, so that one ``struct`` reads it together with the rest.
    """

    fixed: list[list[int]]
    then: int | None


def _blocks(fields: Fields) -> list[_Block]:
    blocks = [_Block([], None)]
    octet: list[int] = []
    for index, domain in enumerate(fields):
        if domain is BIT and 0 < len(octet) < 8:
            octet.append(index)
            continue
        octet = [index] if domain is BIT else []
        if domain is BIT or domain.code:
            blocks[-1].fixed.append(octet or [index])
        else:
            blocks[-1] = blocks[-1]._replace(then=index)
            blocks.append(_Block([], None))
    return blocks


def _layout(fields: Fields, block: _Block) -> struct.Struct:
    codes = "".join(fields[group[0]].code or "B" for group in block.fixed)
    return struct.Struct("!" + codes + ("B" if _is_shortstr(fields, block.then) else ""))


def _is_shortstr(fields: Fields, index: int | None) -> bool:
    return index is not None and fields[index].name == "shortstr"


def fast_encoder(prefix: bytes, fields: Fields, slow: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """A function from the tuple of values to ``prefix`` + arguments."""
    source = _Source()
    terms = [repr(prefix), *_encode_arguments(source, fields, _Pack())]
    source.lines.append(f"return join(({', '.join(terms)},))")
    return source.compile("encode", "values", slow, "The payload of its frame: ids and arguments.")


def fast_frame_encoder(
    prefix: bytes, fields: Fields, slow: Callable[[Any, int], bytes]
) -> Callable[[Any, int], bytes]:
    """A function from the tuple of values and a channel number to a whole method frame."""
    source = _Source()
    blocks = _blocks(fields)
    fixed = len(prefix) + sum(_layout(fields, block).size for block in blocks)
    size = " + ".join([str(fixed), *(f"len(e{block.then})" for block in blocks if block.then is not None)])
    terms = _encode_arguments(source, fields, _Pack("BHI4s", ("1", "channel", size, repr(prefix))))
    source.lines.append(f"return join(({', '.join(terms)}, END))")
    return source.compile("encode_frame", "values, channel", slow, "The whole method frame on this channel.")


class _Pack(NamedTuple):
    """One call of ``struct``: format codes, and the expressions of the values."""

    codes: str = ""
    values: tuple[str, ...] = ()

    def written(self, source: _Source) -> str:
        if self.codes == "B":
            return f"LENGTH[{self.values[0]}]"
        return f"{source.constant(struct.Struct('!' + self.codes).pack)}({', '.join(self.values)})"


def _encode_arguments(source: _Source, fields: Fields, head: _Pack) -> list[str]:
    """Write the lines that prepare the arguments; returns the expressions to join, `head` before them."""
    terms: list[str] = []
    if fields:
        source.lines.append(f"({', '.join(f'f{index}' for index in range(len(fields)))},) = values")
    for block in _blocks(fields):
        values = [
            _octet_of_bits(group) if fields[group[0]] is BIT else f"f{group[0]}" for group in block.fixed
        ]
        if block.then is not None:
            source.lines.append(f"e{block.then} = {_encoded(source, fields[block.then], block.then)}")
        if _is_shortstr(fields, block.then):
            values.append(f"len(e{block.then})")
        pack = _Pack(head.codes + _layout(fields, block).format[1:], (*head.values, *values))
        terms += [pack.written(source)] if pack.values else []
        terms += [f"e{block.then}"] if block.then is not None else []
        head = _Pack()
    return terms


def _encoded(source: _Source, domain: Domain, index: int) -> str:
    return (
        f"f{index}.encode()" if domain.name == "shortstr" else f"{source.constant(domain.encode)}(f{index})"
    )


def _octet_of_bits(group: list[int]) -> str:
    return "(" + " | ".join(f"({1 << place} if f{index} else 0)" for place, index in enumerate(group)) + ")"


def fast_decoder(cls: type, fields: Fields, slow: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """A function from a method's payload to a `cls`, which is a tuple of the values."""
    source = _Source()
    source.names |= {"new": tuple.__new__, "cls": cls}
    position = "4"
    for block in _blocks(fields):
        position = _decode_fixed(source, fields, block, position)
        if block.then is not None:
            _decode_variable(source, fields[block.then], block.then, position)
            position = "p"
    source.lines.append(f"if {position} != len(data): raise IndexError")
    values = "".join(f"f{index}, " for index in range(len(fields)))
    source.lines.append(f"return new(cls, ({values}))")
    return source.compile("decode", "data", slow, "The method in a method frame's payload.")


def _decode_fixed(source: _Source, fields: Fields, block: _Block, position: str) -> str:
    """Write the lines for a block that starts at `position` (an expression); returns where it ends."""
    targets = [f"b{group[0]}" if fields[group[0]] is BIT else f"f{group[0]}" for group in block.fixed]
    if _is_shortstr(fields, block.then):
        targets.append("n")
    if not targets:
        return position
    layout = _layout(fields, block)
    if layout.size == 1:
        source.lines.append(f"{targets[0]} = data[{position}]")
    else:
        unpack = source.constant(layout.unpack_from)
        source.lines.append(f"({', '.join(targets)},) = {unpack}(data, {position})")
    for group in block.fixed:
        if fields[group[0]] is BIT:
            source.lines += [f"f{bit} = b{group[0]} & {1 << place} != 0" for place, bit in enumerate(group)]
    return f"p + {layout.size}" if position == "p" else str(int(position) + layout.size)


def _decode_variable(source: _Source, domain: Domain, index: int, position: str) -> None:
    """Write the lines for a string or table whose octets start at `position`; ``p`` is where it ends."""
    if domain.name == "shortstr":
        source.lines.append(f"q = {position} + n")
        source.lines.append(f"f{index} = data[{position}:q].decode()")
        source.lines.append("p = q")
    else:
        source.lines.append(f"f{index}, p = {source.constant(domain.decode)}(data, {position})")


def fast_flagged_encoder(
    fields: Sequence[tuple[Domain, int]], slow: Callable[[Any], bytes]
) -> Callable[[Any], bytes]:
    """A function from a tuple of values, ``None`` for absent, to flags and the values that are there."""
    source = _Source()
    add = source.lines.append
    add(f"({', '.join(f'f{index}' for index in range(len(fields)))},) = values")
    add("flags = 0")
    add("octets = b''")
    for index, (domain, flag) in enumerate(fields):
        add(f"if f{index} is not None:")
        add(f"    flags |= {flag}")
        if domain.name == "shortstr":
            add(f"    e = f{index}.encode()")
            add("    octets += LENGTH[len(e)] + e")
        elif domain.code:
            add(f"    octets += {source.constant(struct.Struct('!' + domain.code).pack)}(f{index})")
        else:
            add(f"    octets += {source.constant(domain.encode)}(f{index})")
    add(f"return {source.constant(struct.Struct('!H').pack)}(flags) + octets")
    return source.compile("encode", "values", slow, "Flags and the values that are set.")


def fast_flagged_decoder(
    cls: type, fields: Sequence[tuple[Domain, int]], slow: Callable[[bytes], Any]
) -> Callable[[bytes], Any]:
    """A function from flags and values to a `cls`, which is a tuple with ``None`` for what is absent."""
    source = _Source()
    source.names |= {"new": tuple.__new__, "cls": cls}
    add = source.lines.append
    add("flags = data[0] << 8 | data[1]")
    add("p = 2")
    for index, (domain, flag) in enumerate(fields):
        add(f"f{index} = None")
        add(f"if flags & {flag}:")
        if domain.name == "shortstr":
            add("    q = p + 1 + data[p]")
            add(f"    f{index} = data[p + 1 : q].decode()")
            add("    p = q")
        elif domain is OCTET:
            add(f"    f{index} = data[p]")
            add("    p += 1")
        else:
            add(f"    f{index}, p = {source.constant(domain.decode)}(data, p)")
    add("if p != len(data): raise IndexError")
    add(f"return new(cls, ({', '.join(f'f{index}' for index in range(len(fields)))},))")
    return source.compile("decode", "data", slow, "The properties in flags and values.")


def fast_new(names: Sequence[str], defaults: Sequence[Any]) -> Any:
    """``__new__`` of a tuple, with its values as named parameters."""
    known: dict[str, Any] = {"new": tuple.__new__}
    known.update({f"d_{name}": default for name, default in zip(names, defaults, strict=True)})
    parameters = "".join(f", {name}=d_{name}" for name in names)
    values = "".join(f"{name}, " for name in names)
    exec(f"def __new__(cls{parameters}): return new(cls, ({values}))", known)
    return known["__new__"]
