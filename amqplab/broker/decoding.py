"""Decoding methods as a broker must: every one at once, most of them from memory.

Theory
------
Clients repeat themselves: a publisher sends the same basic.publish arguments over and over. A
method is a frozen value, so what was decoded once from some octets can be handed out again for the same
octets. Only content-bearing methods are remembered (the others are rare, or never the same twice), in a table
that is simply emptied when full.

Short strings of methods without content must be UTF-8, those of basic.publish need not (CODEC-31). The wire
floor lets any octets pass; the judgement is made here. It is Erlang's: surrogates and numbers beyond Unicode
pass, what is overlong or cut short does not.
"""

from __future__ import annotations

import re

from amqplab.errors import FrameError
from amqplab.wire.errors import UnknownMethod
from amqplab.wire.methods import METHODS, Method, decode_method

__all__ = ["MalformedText", "check_text", "decode_known", "look_up"]

REMEMBERED_METHODS = 4096
REMEMBERED_OCTETS = 600

UTF_8 = re.compile(
    rb"(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf7][\x80-\xbf]{3})*"
)
"""Well-formed UTF-8 as the original, pre-Unicode definition of up to four octets has it."""

_known: dict[bytes, Method] = {}


class MalformedText(FrameError):
    """501: a short string that is not UTF-8 (CODEC-31)."""

    def __init__(self) -> None:
        super().__init__("Malformed UTF-8 in shortstr")


_TEXTS: dict[type[Method], tuple[str, ...]] = {
    kind: ()
    if kind.has_content
    else tuple(name for name, domain in kind.domains.items() if domain.name == "shortstr")
    for kind in METHODS.values()
}
"""The arguments of each method that have to be UTF-8."""


def decode_known(payload: bytes) -> Method:
    """The method in a method frame's payload. Raises the wire's DecodeErrors, or :class:`MalformedText`."""
    method = _known.get(payload)
    if method is None:
        method = decode_method(payload)
        if method.has_content:
            if len(_known) >= REMEMBERED_METHODS:
                _known.clear()
            if len(payload) <= REMEMBERED_OCTETS:
                _known[payload] = method
        else:
            check_text(method)
    return method


def look_up(payload: bytes) -> type[Method]:
    """Which method it is that begins this payload. Raises UnknownMethod."""
    class_id, method_id = int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")
    kind = METHODS.get((class_id, method_id))
    if kind is None:
        raise UnknownMethod(class_id, method_id)
    return kind


def check_text(method: Method) -> None:
    """Raise :class:`MalformedText` for a short string with octets that are not UTF-8."""
    for name in _TEXTS[type(method)]:
        text: str = getattr(method, name)
        if not text.isascii() and not UTF_8.fullmatch(text.encode("utf-8", "surrogateescape")):
            raise MalformedText
