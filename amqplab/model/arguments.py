"""Queue arguments: the ``x-…`` table of queue.declare, read in one place.

Theory
------
A queue's options beyond the three flags of the protocol are arguments, and RabbitMQ is
particular about them: each type of queue *knows* some arguments (:mod:`amqplab.model.queue_types`), and only
those are compared when a queue is declared again (QUEUE-11). Unknown arguments are accepted, stored and never
looked at (QUEUE-15).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amqplab.errors import PreconditionFailed
from amqplab.model.describe import describe_arguments, shown
from amqplab.model.queue_types import KNOWN, queue_type_of
from amqplab.wire.table import Table, type_name

__all__ = ["QueueArguments", "assert_argument_equivalence"]


class QueueArguments:
    """The arguments a queue was declared with."""

    __slots__ = ("kind", "table")

    def __init__(self, table: Mapping[str, Any] | None = None) -> None:
        self.table: Mapping[str, Any] = table if table is not None else Table()
        self.kind = queue_type_of(self.table)  # "classic", "quorum" or "stream"

    def __str__(self) -> str:
        return describe_arguments(self.table)

    def assert_equivalent(self, received: Mapping[str, Any], resource: str) -> None:
        """Raise 406 if `received` differs in an argument that this type of queue knows (QUEUE-12)."""
        for name in KNOWN[self.kind]:
            assert_argument_equivalence(name, self.table, received, resource)


def assert_argument_equivalence(
    name: str, current: Mapping[str, Any], received: Mapping[str, Any], resource: str
) -> None:
    """Raise 406 if one argument differs, in RabbitMQ's words (EXCH-05, QUEUE-11)."""
    old, new = current.get(name, _ABSENT), received.get(name, _ABSENT)
    if old is _ABSENT and new is _ABSENT:
        return
    if name == "x-queue-type" and {_type_or_classic(old), _type_or_classic(new)} == {"classic"}:
        return  # absent means classic (QUEUE-14)
    if old is _ABSENT or new is _ABSENT:
        received_text = "none" if new is _ABSENT else _value_and_type(new)
        current_text = "none" if old is _ABSENT else _value_and_type(old)
        if old is _ABSENT:
            received_text = f"the value {received_text}"
        else:
            current_text = f"the value {current_text}"
        raise _inequivalent(name, resource, received_text, current_text)
    if not _same(old, new):
        raise _inequivalent(name, resource, f"'{shown(new)}'", f"'{shown(old)}'")


def _value_and_type(value: Any) -> str:
    return f"'{shown(value)}' of type '{type_name(value)}'"


def _type_or_classic(value: Any) -> Any:
    return "classic" if value is _ABSENT else value


def _same(old: Any, new: Any) -> bool:
    """Equal values; integers of different widths are equal (QUEUE-13), true is not 1, 1 is not 1.0."""
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if isinstance(old, float) is not isinstance(new, float):
        return False
    return bool(old == new)


def _inequivalent(name: str, resource: str, received: str, current: str) -> PreconditionFailed:
    return PreconditionFailed(
        f"inequivalent arg '{name}' for {resource}: received {received} but current is {current}"
    )


class _Absent:
    """Stands for an argument that is not there; None is a value (void)."""


_ABSENT = _Absent()
