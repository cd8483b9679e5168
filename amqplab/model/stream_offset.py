"""Where a reader begins: the consume argument ``x-stream-offset``, and ages such as "7D".

Theory
------
A reader may begin at the first message there is, at the last one, at the one that comes next (which is what
it gets without asking), at an offset, or at a moment: a timestamp, or an age that is reckoned back from now
(STREAM-04). An offset that does not exist yet is waited for; one that is gone means the first.

An age is a number and a unit, as in the queue argument ``x-max-age``: years, months and days in capitals,
hours, minutes and seconds in small letters. RabbitMQ reads it with a regular expression, and stumbles over a
text that begins without a number (STREAM-05).
"""

from __future__ import annotations

import re
from typing import Any

from amqplab.model.crash import Crash
from amqplab.wire.erlang import erlang_binary
from amqplab.wire.table import ByteArray

__all__ = ["age_in_ns", "check_offset", "plain_offset"]

SECOND = 1_000_000_000  # ns
DAY_S = 86_400
UNITS = {"Y": 365 * DAY_S, "M": 30 * DAY_S, "D": DAY_S, "h": 3600, "m": 60, "s": 1}
WORDS = ("first", "last", "next")


def age_in_ns(text: str) -> int | None:
    """An age in nanoseconds, None if it is not one. Raises Crash if it begins without a number."""
    found = re.match(r"([0-9]*)(.*)", text)
    assert found is not None
    number, unit = found.groups()
    if not number:
        raise Crash(f"{text!r} begins without a number")
    seconds = int(number) * UNITS.get(unit, 0)
    return seconds * SECOND or None


def check_offset(value: Any) -> str:
    """What is wrong with a value of ``x-stream-offset``, or "". Raises Crash where RabbitMQ stumbles. Only
    texts are looked at before the reader has a window.
    """
    if not isinstance(value, str) or value in WORDS or age_in_ns(value) is not None:
        return ""
    octets = value.encode("utf-8", "surrogateescape")
    return f"{{invalid_stream_offset_arg,{{longstr,{erlang_binary(octets)}}}}}"


def plain_offset(value: Any) -> str | int:
    """A value that passed :func:`check_offset`: one of the words, an age, or a number, which is an offset or
    a timestamp. Raises Crash where RabbitMQ stumbles.
    """
    if isinstance(value, ByteArray) and value.decode("latin-1") in WORDS:
        return value.decode("latin-1")
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return value
    raise Crash(f"{value!r} is no offset")
