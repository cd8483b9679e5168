"""Which arguments a queue may be declared with, by type of queue, and which values they may have.

Theory
------
RabbitMQ has three types of queue, chosen by ``x-queue-type``. Each *knows* some arguments (QUEUE-54 …
QUEUE-56). An argument that is known to another type only is refused; one that nobody knows is accepted,
stored, and never looked at (QUEUE-15).

A new queue's arguments are judged in three rounds (QUEUE-58): first the type, then the values of everything
that this type knows, then arguments that belong to other types. The first objection wins, so the order of
:data:`RULES` is part of the behaviour. An objection is an Erlang term as text: words and tuples are printed
plainly, strings in double quotes (QUEUE-33).

An existing queue's arguments are not judged at all, only compared (QUEUE-59).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from amqplab.errors import PreconditionFailed
from amqplab.model.stream_offset import age_in_ns
from amqplab.wire.table import Table, field_tag, type_name

__all__ = ["KNOWN", "check_arguments", "check_flags", "check_segment_size", "is_locator", "queue_type_of"]

MAX_EXPIRY_MS = 315_360_000_000
MAX_PRIORITY = 255
MAX_SEGMENT_SIZE = 3_000_000_000
INTEGERS = "bBsuIilL"

KNOWN: dict[str, tuple[str, ...]] = {
    "classic": (
        "x-expires", "x-message-ttl", "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-max-length",
        "x-max-length-bytes", "x-max-priority", "x-overflow", "x-queue-mode", "x-queue-version",
        "x-single-active-consumer", "x-queue-type", "x-queue-master-locator",
    ),
    "quorum": (
        "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-dead-letter-strategy", "x-expires",
        "x-max-length", "x-max-length-bytes", "x-max-in-memory-length", "x-max-in-memory-bytes", "x-overflow",
        "x-single-active-consumer", "x-queue-type", "x-quorum-initial-group-size", "x-delivery-limit",
        "x-message-ttl", "x-queue-leader-locator",
    ),
    "stream": (
        "x-max-length-bytes", "x-queue-type", "x-max-age", "x-stream-max-segment-size-bytes",
        "x-initial-cluster-size", "x-queue-leader-locator",
    ),
}  # fmt: skip
"""What each type of queue knows, in the order in which differences are found (QUEUE-12)."""

EVERYTHING = frozenset(name for names in KNOWN.values() for name in names)

Rule = Callable[[Any, Mapping[str, Any]], str]
"""A rule looks at a value, and at all arguments, and says what is wrong, or ""."""


def queue_type_of(arguments: Mapping[str, Any]) -> str:
    """The type that the arguments ask for; "classic" unless they say otherwise (QUEUE-14)."""
    kind = arguments.get("x-queue-type", "classic")
    return kind if isinstance(kind, str) and kind in KNOWN else "classic"


def check_arguments(arguments: Mapping[str, Any], resource: str) -> None:
    """Raise 406 for the first thing that is wrong with a new queue's arguments (QUEUE-33, QUEUE-58)."""
    _check("x-queue-type", _queue_type, arguments, resource)
    kind = queue_type_of(arguments)
    known = KNOWN[kind]
    for name, rule in RULES:
        if name in known:
            _check(name, rule, arguments, resource)
    for name, _ in arguments.pairs if isinstance(arguments, Table) else arguments.items():
        if name in EVERYTHING and name not in known:
            raise PreconditionFailed(f"invalid arg '{name}' for {resource} of queue type rabbit_{kind}_queue")


def check_flags(kind: str, resource: str, *, auto_delete: bool, exclusive: bool, durable: bool) -> None:
    """Raise 406 for a flag that replicated types of queue do not have (QUEUE-57)."""
    if kind == "classic":
        return
    for wrong, word in (
        (auto_delete, "auto-delete"),
        (exclusive, "exclusive-owner"),
        (not durable, "non-durable"),
    ):
        if wrong:
            raise PreconditionFailed(f"invalid property '{word}' for {resource}")


def is_locator(value: Any) -> bool:
    """Whether ``x-queue-master-locator`` names a strategy that exists; others are accepted (QUEUE-46) and
    then crash the channel, where a strategy is needed.
    """
    return value in ("min-masters", "client-local", "random")


def check_segment_size(arguments: Mapping[str, Any]) -> None:
    """Raise 406 for a stream with segments that are too large (QUEUE-50)."""
    size = arguments.get("x-stream-max-segment-size-bytes", 0)
    if size > MAX_SEGMENT_SIZE:
        raise PreconditionFailed("Exceeded max value for x-stream-max-segment-size-bytes")


def _check(name: str, rule: Rule, arguments: Mapping[str, Any], resource: str) -> None:
    if name in arguments:
        objection = rule(arguments[name], arguments)
        if objection:
            raise PreconditionFailed(f"invalid arg '{name}' for {resource}: {objection}")


# --- rules -----------------------------------------------------------------------------------------------


def _integer(value: Any, arguments: Mapping[str, Any]) -> str:
    if field_tag(value) not in INTEGERS:
        return f'"expected integer, got {type_name(value)}"'
    return ""


def _natural(value: Any, arguments: Mapping[str, Any]) -> str:
    return _integer(value, arguments) or (f"{{value_negative,{value}}}" if value < 0 else "")


def _positive(value: Any, arguments: Mapping[str, Any]) -> str:
    return _integer(value, arguments) or ("{value_zero,0}" if value == 0 else _natural(value, arguments))


def _duration(value: Any, arguments: Mapping[str, Any]) -> str:
    too_large = f"{{value_too_large,{value}}}"
    return _natural(value, arguments) or (too_large if value > MAX_EXPIRY_MS else "")


def _lease(value: Any, arguments: Mapping[str, Any]) -> str:
    return _positive(value, arguments) or _duration(value, arguments)


def _priority(value: Any, arguments: Mapping[str, Any]) -> str:
    return _natural(value, arguments) or (f"{{max_value_exceeded,{value}}}" if value > MAX_PRIORITY else "")


def _string(value: Any, arguments: Mapping[str, Any]) -> str:
    return "" if isinstance(value, str) else f"{{unacceptable_type,{type_name(value)}}}"


def _dead_letter_key(value: Any, arguments: Mapping[str, Any]) -> str:
    if not isinstance(value, str):
        return _string(value, arguments)
    return "" if "x-dead-letter-exchange" in arguments else "routing_key_but_no_dlx_defined"


def _flag(value: Any, arguments: Mapping[str, Any]) -> str:
    return "" if isinstance(value, bool) else f"{{unacceptable_type,{type_name(value)}}}"


def _one_of(*allowed: str, otherwise: str) -> Rule:
    """A string out of a few; `otherwise` is the objection, with {} for what was given."""

    def rule(value: Any, arguments: Mapping[str, Any]) -> str:
        return _string(value, arguments) or ("" if value in allowed else otherwise.format(value))

    return rule


def _version(value: Any, arguments: Mapping[str, Any]) -> str:
    objection = _natural(value, arguments)
    return objection or ("" if value in (1, 2) else f"\"unsupported queue version '{value}'\"")


def _max_age(value: Any, arguments: Mapping[str, Any]) -> str:
    if not isinstance(value, str):
        return _string(value, arguments)
    return "" if age_in_ns(value) is not None else "invalid_max_age"


_queue_type = _one_of("classic", "quorum", "stream", otherwise="\"unsupported queue type '{}'\"")

RULES: tuple[tuple[str, Rule], ...] = (
    ("x-expires", _lease),
    ("x-message-ttl", _duration),
    ("x-dead-letter-exchange", _string),
    ("x-dead-letter-routing-key", _dead_letter_key),
    (
        "x-dead-letter-strategy",
        _one_of("at-most-once", "at-least-once", otherwise="invalid_dlx_strategy"),
    ),
    ("x-max-length", _natural),
    ("x-max-length-bytes", _natural),
    ("x-max-in-memory-length", _natural),
    ("x-max-in-memory-bytes", _natural),
    ("x-max-priority", _priority),
    (
        "x-overflow",
        _one_of("drop-head", "reject-publish", "reject-publish-dlx", otherwise="invalid_overflow"),
    ),
    ("x-queue-mode", _one_of("default", "lazy", otherwise="\"unsupported queue mode '{}'\"")),
    ("x-queue-version", _version),
    ("x-single-active-consumer", _flag),
    ("x-queue-type", _queue_type),
    ("x-max-age", _max_age),
    ("x-stream-max-segment-size-bytes", _natural),
    ("x-initial-cluster-size", _positive),
    ("x-quorum-initial-group-size", _positive),
    (
        "x-queue-leader-locator",
        _one_of("client-local", "balanced", "random", "least-leaders", otherwise="invalid_queue_locator_arg"),
    ),
)
"""Argument → its rule, in the order in which RabbitMQ looks (QUEUE-35 … QUEUE-52)."""
