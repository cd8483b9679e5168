"""What a method is, and how a declaration becomes octets and back.

Theory
------
A method frame's payload is ``class-id (2), method-id (2), arguments``, the arguments one after another in
the order of their declaration, without names, types or padding between them:

    00 3c 00 28  00 00  04 "logs"  04 "info"  01
    basic.publish ticket  exchange  routing-key  bits: mandatory=1, immediate=0

So octets can be read only by who knows the declaration, and the declaration is all that is needed. Each of
the 69 methods is declared once, in the notation of dataclasses, in :mod:`amqplab.wire.methods`; the
decorator :func:`method` gives it its ids, and everything else follows. Methods are immutable: a decoded one
may be shared and remembered.

The functions here are the reference: one argument after another, by its domain. They are not fast;
:mod:`amqplab.wire.codegen` writes out the same thing for each method without the loop.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, ClassVar, TypeVar, dataclass_transform

from amqplab.wire.codegen import fast_decoder, fast_encoder, fast_frame_encoder
from amqplab.wire.domains import BIT, LONGLONG, Domain, domains_of
from amqplab.wire.errors import ArgumentsUndecodable, DecodeError, EncodeError, UnknownMethod
from amqplab.wire.values import NamedValue, as_tuple

__all__ = [
    "METHODS",
    "Method",
    "decode_arguments",
    "decode_method",
    "encode_arguments",
    "method",
    "method_name",
]

T = TypeVar("T")

METHODS: dict[tuple[int, int], type[Method]] = {}
"""(class id, method id) → declaration."""

_BY_PREFIX: dict[bytes, type[Method]] = {}

MEMO_SIZE = 4096
_MEMO: dict[bytes, Method] = {}
"""Payloads decoded before. Methods with a delivery tag hardly ever come twice and stay out."""


class Method(NamedValue):
    """Base of all methods: an immutable tuple of the arguments in wire order, each also by its name.

    Class attributes tell what the protocol says about a method.
    """

    __slots__ = ()

    ids: ClassVar[tuple[int, int]]  # class id and method id
    name: ClassVar[str]  # as in the specification: "basic.get-ok"
    prefix: ClassVar[bytes]  # class id and method id, the first four octets of the payload
    domains: ClassVar[Mapping[str, Domain]]  # Python name → domain, in wire order
    sent_by: ClassVar[str]  # "client", "server" or "both", as RabbitMQ uses it
    synchronous: ClassVar[bool]  # the sender waits for one of `expects`
    expects: ClassVar[tuple[str, ...]]
    has_content: ClassVar[bool]  # a content header and bodies follow
    has_nowait: ClassVar[bool]  # has a flag that says "do not reply"
    origin: ClassVar[str]  # "0-9-1", "rabbitmq-extension" or "legacy"
    decode: ClassVar[Callable[[bytes], Any]]  # from the payload; ArgumentsUndecodable
    memorable: ClassVar[bool]  # its octets may come again, so decoding them is worth remembering

    def encode(self) -> bytes:
        """The payload of its frame: class id, method id, arguments. EncodeError if a value does not fit."""
        return self.prefix + encode_arguments(self)

    def encode_frame(self, channel: int) -> bytes:
        """The whole method frame on this channel."""
        payload = self.prefix + encode_arguments(self)
        return struct.pack("!BHI", 1, channel, len(payload)) + payload + b"\xce"

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in zip(self.domains, self, strict=True))
        return f"{type(self).__qualname__}({given})"


@dataclass_transform(frozen_default=True)
def method(
    class_id: int,
    method_id: int,
    sent_by: str,
    *,
    replies: tuple[str, ...] = (),
    synchronous: bool | None = None,
    content: bool = False,
    origin: str = "0-9-1",
) -> Callable[[type[T]], type[T]]:
    """Declare a method: make the class an immutable tuple of its arguments and enter it in :data:`METHODS`.

    ``replies`` are the names of the methods that may answer it. A method with replies is synchronous unless
    told otherwise.
    """

    def declare(cls: type[T]) -> type[T]:
        domains = domains_of(cls) if "__annotations__" in vars(cls) else {}
        made = as_tuple(cls, Method, domains)
        made.domains = domains
        made.ids = class_id, method_id
        if "class_id" not in made.domains:  # the two close methods have arguments of these names
            made.class_id, made.method_id = class_id, method_id
        made.name = spec_name(cls.__qualname__)
        made.sent_by, made.expects, made.has_content, made.origin = sent_by, replies, content, origin
        made.synchronous = bool(replies) if synchronous is None else synchronous
        made.has_nowait = "nowait" in made.domains
        made.prefix = class_id.to_bytes(2, "big") + method_id.to_bytes(2, "big")
        layout = tuple(domains.values())
        prefix, exactly = made.prefix, partial(_decode_exactly, made)
        made.encode = at_first_call(made, "encode", partial(fast_encoder, prefix, layout, Method.encode))
        made.encode_frame = at_first_call(
            made, "encode_frame", partial(fast_frame_encoder, prefix, layout, Method.encode_frame)
        )
        made.decode = staticmethod(
            at_first_call(made, "decode", lambda: staticmethod(fast_decoder(made, layout, exactly)))
        )
        made.memorable = LONGLONG not in layout
        METHODS[class_id, method_id] = made
        _BY_PREFIX[made.prefix] = made
        return made  # type: ignore[no-any-return]

    return declare


def at_first_call(cls: Any, name: str, write: Callable[[], Any]) -> Callable[..., Any]:
    """A function that is written out when it is first called, and then stands in the class itself. A program uses a
    dozen of the methods, and all of them would be a quarter of the time that the lab needs to open.
    """

    @cache  # somebody may have kept what stood here before
    def written() -> Any:
        setattr(cls, name, write())
        return getattr(cls, name)

    return lambda *arguments: written()(*arguments)


def spec_name(qualname: str) -> str:
    """``"Basic.GetOk"`` → ``"basic.get-ok"``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", qualname).lower()


def method_name(class_id: int, method_id: int) -> str:
    """ "basic.publish" for 60/40; "60/99" for ids that name no method."""
    found = METHODS.get((class_id, method_id))
    return found.name if found else f"{class_id}/{method_id}"


def encode_arguments(method: Method) -> bytes:
    """All arguments in order, neighbouring bits packed into octets (CODEC-29)."""
    parts: list[bytes] = []
    bits: list[bool] = []
    for name, domain in method.domains.items():
        value = getattr(method, name)
        if domain is BIT:
            bits.append(value)
            continue
        parts += _pack_bits(bits)
        bits = []
        try:
            parts.append(domain.encode(value))
        except EncodeError as error:
            raise EncodeError(f"{method.name}, {name}: {error}") from None
    parts += _pack_bits(bits)
    return b"".join(parts)


def _pack_bits(bits: list[bool]) -> list[bytes]:
    """Eight bits to an octet, the first in the lowest place."""
    groups = [bits[at : at + 8] for at in range(0, len(bits), 8)]
    return [bytes((sum(bool(bit) << place for place, bit in enumerate(group)),)) for group in groups]


def decode_arguments(declaration: type[Method], data: bytes, offset: int = 4) -> Method:
    """Read the arguments in ``data[offset:]``, all of them and nothing more. Raises DecodeError."""
    values = []
    bit_place = 8  # in the octet before `offset`; 8 when that is no octet of bits, or a full one
    for domain in declaration.domains.values():
        if domain is not BIT:
            bit_place = 8
            value, offset = _decode_argument(domain, data, offset)
            values.append(value)
            continue
        if bit_place == 8:
            bit_place = 0
            _, offset = domain.decode(data, offset)
        values.append(bool(data[offset - 1] >> bit_place & 1))
        bit_place += 1
    if offset != len(data):
        raise DecodeError(f"{len(data) - offset} octets left over after the last argument")
    return declaration(*values)


class _TableUndecodable(DecodeError):
    """The octets of a table are all there, but form no table."""


def _decode_argument(domain: Domain, data: bytes, offset: int) -> tuple[Any, int]:
    try:
        return domain.decode(data, offset)
    except DecodeError as error:
        end = offset + 4 + int.from_bytes(data[offset : offset + 4], "big")
        if domain.name == "table" and end <= len(data):
            raise _TableUndecodable(str(error)) from None
        raise


def decode_method(payload: bytes) -> Method:
    """The method in a method frame's payload. Raises UnknownMethod or ArgumentsUndecodable, nothing else."""
    known = _MEMO.get(payload)
    if known is not None:
        return known
    declaration = _BY_PREFIX.get(payload[:4])
    if declaration is None:
        if len(payload) < 4:
            raise ArgumentsUndecodable(0, 0, payload)
        raise UnknownMethod(int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big"))
    method: Method = declaration.decode(payload)
    if declaration.memorable:
        if len(_MEMO) >= MEMO_SIZE:
            _MEMO.clear()
        _MEMO[payload] = method
    return method


def _decode_exactly(declaration: type[Method], payload: bytes) -> Method:
    """The reference: patient with octets that are no UTF-8, and exact about what is wrong."""
    try:
        return decode_arguments(declaration, payload)
    except DecodeError as error:
        in_table = isinstance(error, _TableUndecodable)
        raise ArgumentsUndecodable(*declaration.ids, payload[4:], in_table) from None
