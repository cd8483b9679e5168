"""The fourteen message properties and the content header that carries them.

Theory
------
A content header says how long the body is and which of fourteen well-known properties are set. Sixteen flag
bits come first, one per property from the highest bit down; only the values of set bits follow, in the same
order (CODEC-49). Absent is therefore something else than empty, and here it is ``None``.

The broker interprets a handful (delivery-mode, expiration, priority, user-id, reply-to, headers);
everything else is between the applications (CODEC-55).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, dataclass_transform

from amqplab.wire.codegen import fast_flagged_decoder, fast_flagged_encoder
from amqplab.wire.domains import OCTET, SHORTSTR, TABLE, TIMESTAMP, Domain, domains_of
from amqplab.wire.errors import DecodeError, EncodeError
from amqplab.wire.values import NamedValue, as_tuple

__all__ = ["NO_PROPERTIES", "PROPERTIES", "BasicProperties", "Properties"]

OptionalShortStr = Annotated[str | None, SHORTSTR]
OptionalOctet = Annotated[int | None, OCTET]
OptionalTable = Annotated[Mapping[str, Any] | None, TABLE]
OptionalTimestamp = Annotated[int | None, TIMESTAMP]


T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def _declared(cls: type[T]) -> type[T]:
    """The class as a tuple of its fields; see :mod:`amqplab.wire.values`."""
    return as_tuple(cls, NamedValue, domains_of(cls))  # type: ignore[no-any-return]


@_declared
class Properties(NamedValue):
    """Message properties; ``None`` means absent. Field order is flag order, from bit 15 down to bit 2."""

    content_type: OptionalShortStr = None
    content_encoding: OptionalShortStr = None
    headers: OptionalTable = None
    delivery_mode: OptionalOctet = None
    """2 persistent, 1 transient; anything else is refused by the broker (CODEC-54)."""
    priority: OptionalOctet = None
    correlation_id: OptionalShortStr = None
    reply_to: OptionalShortStr = None
    expiration: OptionalShortStr = None
    """Milliseconds, as decimal digits in a string (BASIC-09)."""
    message_id: OptionalShortStr = None
    timestamp: OptionalTimestamp = None
    """Seconds since 1970."""
    type: OptionalShortStr = None
    user_id: OptionalShortStr = None
    app_id: OptionalShortStr = None
    cluster_id: OptionalShortStr = None

    def encode(self) -> bytes:
        """Flags (2 octets) and the values that are set; raises :class:`EncodeError`."""
        global _last
        same, octets = _last
        if same is self:
            return octets
        octets = _encode_fast(self)
        if self.headers is None:
            _last = self, octets
        return octets

    @staticmethod
    def decode(data: bytes) -> Properties:
        """The properties in `data` (flags and values); raises :class:`DecodeError` (CODEC-51).

        Bits 1 and 0 are ignored: no second flag word is read (CODEC-50).
        """
        known = _MEMO.get(data)
        if known is not None:
            return known
        properties: Properties = _decode_fast(data)
        if properties.headers is None and properties.timestamp is None:
            if len(_MEMO) >= MEMO_SIZE:
                _MEMO.clear()
            _MEMO[data] = properties
        return properties

    def set_fields(self) -> dict[str, Any]:
        """Only the properties that are present, in flag order."""
        return {name: value for name, _, _ in PROPERTIES if (value := getattr(self, name)) is not None}

    def __repr__(self) -> str:
        return f"Properties({', '.join(f'{name}={value!r}' for name, value in self.set_fields().items())})"


PROPERTIES: tuple[tuple[str, Domain, int], ...] = tuple(
    (name, domain, 1 << (15 - place)) for place, (name, domain) in enumerate(domains_of(Properties).items())
)
"""(name, wire type, flag bit) of each property, in wire order."""

NO_PROPERTIES = Properties()
BasicProperties = Properties
"""The name that pika gives it."""

_last = (NO_PROPERTIES, bytes(2))
"""What was encoded last: an application mostly gives all its messages the same. Headers are left out here
too; they may be a ``dict`` that somebody changes."""

MEMO_SIZE = 1024
_MEMO: dict[bytes, Properties] = {}
"""Octets decoded before: an application's messages mostly carry the same few. Headers, which may hold lists,
and timestamps, which hardly ever come twice, stay out."""


def encode_properties(properties: Properties) -> bytes:
    """The reference: one property after another, and exact about what does not fit."""
    flags = 0
    octets = b""
    for name, domain, flag in PROPERTIES:
        value = getattr(properties, name)
        if value is not None:
            flags |= flag
            octets += _encode(name, domain, value)
    return flags.to_bytes(2, "big") + octets


def _encode(name: str, domain: Domain, value: Any) -> bytes:
    try:
        if domain is TIMESTAMP and not isinstance(value, int):
            value = int(value.timestamp())
        return domain.encode(value)
    except (EncodeError, AttributeError, TypeError) as error:
        raise EncodeError(f"property {name}={value!r}: {error}") from None


def decode_properties(data: bytes) -> Properties:
    """The reference: patient with octets that are no UTF-8, and exact about what is wrong."""
    if len(data) < 2:
        raise DecodeError("the property flags are cut short")
    flags = int.from_bytes(data[:2], "big")
    offset = 2
    found = {}
    for name, domain, flag in PROPERTIES:
        if flags & flag:
            found[name], offset = domain.decode(data, offset)
    if offset != len(data):
        raise DecodeError(f"{len(data) - offset} octets are left over after the last property")
    return Properties(**found)


_layout = [(domain, flag) for _, domain, flag in PROPERTIES]
_encode_fast = fast_flagged_encoder(_layout, encode_properties)
_decode_fast = fast_flagged_decoder(Properties, _layout, decode_properties)
