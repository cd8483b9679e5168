"""What the broker must know about a message's properties, and nothing more.

Theory
------
The broker forwards properties as the octets that came. But it has to *read* them once: octets
that are no properties crash a channel in RabbitMQ (CODEC-51), and a few properties are the broker's business:
delivery-mode, expiration, user-id, and the CC and BCC headers. What they say is gathered into :class:`Facts`.

Publishers tend to send the same properties over and over, so facts are remembered by the octets they came
from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from amqplab.broker.registry import Crash
from amqplab.model.message import LARGE, lean
from amqplab.wire.errors import DecodeError
from amqplab.wire.properties import Properties
from amqplab.wire.table import Table, type_name

__all__ = ["Facts", "facts_of"]

MAX_EXPIRATION_MS = 315_360_000_000
REMEMBERED_FACTS = 4096
REMEMBERED_OCTETS = LARGE
"""Longer property octets are hardly ever the same twice."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_known: dict[bytes, Facts] = {}


class Facts(NamedTuple):
    """`octets` are what consumers get: as they came, unless a BCC header had to go (BASIC-11); `properties`
    says the same, and `kept` is what a message keeps of it. `problem` is what makes the message unacceptable
    after the checks that come before (BASIC-01).
    """

    properties: Properties
    octets: bytes
    expiration_ms: int | None
    extra_keys: tuple[str, ...]
    bad_expiration: str
    problem: str
    kept: Properties

    @property
    def wants_a_look(self) -> bool:
        """Something here has to be checked or routed for each message anew."""
        return bool(
            self.problem
            or self.bad_expiration
            or self.extra_keys
            or self.properties.user_id is not None
            or self.expiration_ms is not None
            or self.properties.reply_to is not None
        )

    @property
    def headers(self) -> Mapping[str, Any]:
        """The header table, empty if there is none."""
        return self.properties.headers or {}


def facts_of(octets: bytes) -> Facts:
    """Read the property octets of a publish. Raises :class:`Crash` if they are none (CODEC-51)."""
    facts = _known.get(octets)
    if facts is None:
        facts = _read(octets)
        if len(octets) <= REMEMBERED_OCTETS:
            if len(_known) >= REMEMBERED_FACTS:
                _known.clear()
            _known[octets] = facts
    return facts


def _read(octets: bytes) -> Facts:
    try:
        properties = Properties.decode(octets)
    except DecodeError as error:
        raise Crash(str(error)) from error
    expiration, bad_expiration = _expiration(properties.expiration)
    keys, problem = _extra_keys(properties.headers or {})
    mode = properties.delivery_mode
    if not problem and mode not in (None, 1, 2):
        problem = f"{{delivery_mode_unknown,{mode}}}"
    if "BCC" in (properties.headers or {}):
        properties = _without_bcc(properties)
        octets = properties.encode()
    return Facts(properties, octets, expiration, keys, bad_expiration, problem, lean(properties, octets))


def _expiration(text: str | None) -> tuple[int | None, str]:
    """(milliseconds or None, what is wrong with it or "") (BASIC-09)."""
    if text is None:
        return None, ""
    number = _INTEGER.match(text)
    if number is None:
        return None, "no_integer"
    rest = text[number.end() :]
    if rest:
        return None, f'{{leftover_string,"{rest}"}}'
    value = int(number.group())
    if value < 0:
        return None, f"{{value_negative,{value}}}"
    if value > MAX_EXPIRATION_MS:
        return None, f"{{value_too_large,{value}}}"
    return value, ""


def _extra_keys(headers: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """(the keys in CC and BCC, what is wrong with the headers or "") (BASIC-10)."""
    keys: list[str] = []
    for name in ("CC", "BCC"):
        if name not in headers:
            continue
        value = headers[name]
        if not isinstance(value, list | tuple):
            return (), f'{{unacceptable_type_in_header,"{name}",{type_name(value)}}}'
        keys += [key for key in value if isinstance(key, str)]
    return tuple(keys), ""


def _without_bcc(properties: Properties) -> Properties:
    """What the consumers may know."""
    kept = Table([pair for pair in Table(properties.headers or {}).pairs if pair[0] != "BCC"])
    return properties.replace(headers=kept)
