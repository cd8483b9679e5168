"""Local mistakes, found before a byte is sent.

Theory
------
The codec writes whatever it is told to, and the broker judges what is *wrong* in AMQP: an unknown exchange
type, a missing queue. What is left for here are values that cannot be written at all, or that nobody can
have meant: a dictionary as a body, a name of 300 octets. They raise UsageError, in one sentence that says
what to do.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from amqplab.errors import UsageError
from amqplab.wire.properties import Properties

__all__ = [
    "body_octets",
    "flag",
    "like_ours",
    "number",
    "properties_octets",
    "short",
    "short_or_empty",
    "table",
    "tag_number",
]

_PROPERTY_NAMES = Properties.names
_NO_PROPERTIES = Properties().encode()


def short(name: str, value: Any) -> str:
    """A name or key: a str of at most 255 octets (CODEC-28)."""
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, str):
        raise UsageError(f"{name} must be a str, not {_type(value)}: write {name}='…'.")
    if len(value) > 63 and len(value.encode("utf-8", "surrogateescape")) > 255:
        raise UsageError(f"{name} is longer than 255 octets, the most that AMQP can carry; shorten it.")
    return value


def short_or_empty(name: str, value: Any) -> str:
    """The same, where None means the empty one."""
    return "" if value is None else short(name, value)


def number(name: str, value: Any, most: int) -> int:
    """A whole number from 0 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise UsageError(f"{name} must be a whole number from 0 to {most}, not {value!r}.")
    return value


def tag_number(value: Any) -> int:
    """A delivery tag."""
    return number("delivery_tag", value, 2**64 - 1)


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if isinstance(value, int):
        return bool(value)
    raise UsageError(f"{name} must be True or False, not {_type(value)}.")


def table(value: Any) -> Any:
    """The arguments of a declaration: a dictionary, or None for an empty one."""
    if value is None:
        return {}
    if not hasattr(value, "items"):
        raise UsageError(f"arguments must be a dict, not {_type(value)}: for example {{'x-max-length': 10}}.")
    return value


def body_octets(body: Any) -> bytes:
    """A body as octets; a str is encoded as UTF-8, as pika does."""
    if type(body) is bytes:
        return body
    if isinstance(body, str):
        return body.encode("utf-8")
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise UsageError(
        f"body must be bytes or str, not {_type(body)}: encode it first, for example with json.dumps()."
    )


def properties_octets(properties: Any) -> bytes:
    """Message properties as octets: ours, pika's, or None for none."""
    if properties is None:
        return _NO_PROPERTIES
    properties = like_ours(properties)
    try:
        return bytes(properties.encode())
    except (TypeError, ValueError, OverflowError, AttributeError, ArithmeticError) as error:
        raise UsageError(f"These properties cannot be written: {error}") from error


def like_ours(properties: Any) -> Properties:
    """Properties as ours; pika's BasicProperties has the same 14 names."""
    if isinstance(properties, Properties):
        return properties
    if not all(hasattr(properties, name) for name in _PROPERTY_NAMES):
        raise UsageError(
            f"properties must be BasicProperties, not {_type(properties)}: "
            "for example BasicProperties(delivery_mode=2)."
        )
    return Properties(**{name: getattr(properties, name) for name in _PROPERTY_NAMES})


def _type(value: Any) -> str:
    name = type(value).__name__
    return "None" if value is None else f"an {name}" if name[0] in "aeiou" else f"a {name}"
