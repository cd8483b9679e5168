"""What a value means beside what it says: names of codes, units, dates. Shown in [brackets] by the dissector.

Theory
------
The wire carries numbers; people think in names. Nothing here is needed to read or write a frame, and
nothing here is on the wire. Each entry of :data:`MEANINGS` explains one field, by its name; a name means
the same in every method that has it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from amqplab.errors import BY_CODE
from amqplab.wire.method import METHODS, Method, method_name

__all__ = ["class_name", "frame_type_name", "meaning_of"]

FRAME_TYPES = {1: "method", 2: "content header", 3: "content body", 8: "heartbeat"}


def frame_type_name(type: int) -> str:
    """What frames of this type carry."""
    return FRAME_TYPES.get(type, "unknown frame type")


CLASS_NAMES = {number: declaration.name.partition(".")[0] for (number, _), declaration in METHODS.items()}


def class_name(class_id: int) -> str:
    """ "basic" for 60."""
    return CLASS_NAMES.get(class_id, "unknown class")


def moment(seconds: int) -> str:
    """A timestamp as a date; empty beyond the year 9999."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "after the year 9999"


def _reply(code: int) -> str:
    return "REPLY_SUCCESS" if code == 200 else BY_CODE[code].name if code in BY_CODE else "unknown code"


def _limit(unit: str) -> Callable[[int], str]:
    return lambda number: unit if number else "no limit"


MEANINGS: dict[str, Callable[[Any], str]] = {
    "reply_code": _reply,
    "class_id": lambda number: class_name(number) if number else "no method",
    "channel_max": _limit("channels"),
    "frame_max": _limit("bytes"),
    "heartbeat": lambda seconds: "seconds" if seconds else "no heartbeats",
    "prefetch_count": _limit("messages"),
    "delivery_mode": lambda mode: {1: "transient", 2: "persistent"}.get(mode, "neither 1 nor 2"),
    "timestamp": moment,
    "expiration": lambda _: "milliseconds, as text",
    "queue": lambda name: "" if name else "the last queue declared on this channel, or a new name",
    "ticket": lambda _: "of AMQP 0-8, ignored",
    "immediate": lambda flag: "not supported by RabbitMQ" if flag else "",
}


def meaning_of(name: str, value: Any, owner: Method | type[Method] | None = None) -> str:
    """What a field's value means, in brackets; empty when there is nothing to say."""
    explain = MEANINGS.get(name)
    text = explain(value) if explain else ""
    return f"[{text}]" if text else ""


def method_meaning(class_id: int, method_id: int) -> str:
    """The name of the method that a close complains about, in brackets."""
    known = (class_id, method_id) in METHODS
    return f"[{method_name(class_id, method_id)}]" if known else ""
