"""Policies: settings that an operator gives to queues and exchanges by their names.

Theory
------
Arguments belong to whoever declares a queue, and can never be changed afterwards. A policy comes from
outside: a regular expression for names, and options for everything it is found in. It can be set, changed and
taken back at any time; clients hear nothing of it, and it holds for what happens next (LIMIT-17). Redeclaring
a queue compares arguments only (QUEUE-16).

One policy at most applies to a thing: the one with the highest priority, or the first by name. What comes of
an argument and a policy that say different things is for :mod:`amqplab.model.settings`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from amqplab.errors import UsageError
from amqplab.model.binding import EXCHANGE, QUEUE
from amqplab.model.pattern import problem_of

__all__ = ["OPTIONS", "Policy", "definition_for"]

OPTIONS: dict[str, type] = {
    "message-ttl": int,
    "expires": int,
    "max-length": int,
    "max-length-bytes": int,
    "overflow": str,
    "dead-letter-exchange": str,
    "dead-letter-routing-key": str,
    "delivery-limit": int,
    "queue-mode": str,
    "alternate-exchange": str,
}
"""What a policy may set, and the type of its value. Times are in milliseconds."""

APPLY_TO = {"all": (QUEUE, EXCHANGE), "queues": (QUEUE,), "exchanges": (EXCHANGE,)}


@dataclass(frozen=True)
class Policy:
    """One policy of one virtual host. Raises UsageError for what no policy can be."""

    name: str
    pattern: str
    definition: Mapping[str, Any] = field(default_factory=dict)
    vhost: str = "/"
    apply_to: str = "all"
    priority: int = 0

    def __post_init__(self) -> None:
        who = f"Policy {self.name!r}"
        if self.apply_to not in APPLY_TO:
            raise UsageError(f"{who} applies to all, queues or exchanges, not {self.apply_to!r}.")
        if problem := problem_of(self.pattern):
            raise UsageError(f"{who} has a wrong pattern, {self.pattern!r}: {problem}.")
        for option, value in self.definition.items():
            if option not in OPTIONS:
                raise UsageError(f"{who} sets {option!r}, which is none of {', '.join(sorted(OPTIONS))}.")
            if not _fits(OPTIONS[option], value):
                wanted = "a number from 0 to 2**63 - 1" if OPTIONS[option] is int else "a string"
                raise UsageError(f"{who} needs {wanted} for {option!r}, not {value!r}.")

    def covers(self, kind: str, name: str) -> bool:
        """Whether it is about this queue or exchange: the pattern is searched for, not anchored."""
        return kind in APPLY_TO[self.apply_to] and re.search(self.pattern, name) is not None


def _fits(kind: type, value: Any) -> bool:
    if kind is str:
        return isinstance(value, str)
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def definition_for(policies: Iterable[Policy], vhost: str, kind: str, name: str) -> Mapping[str, Any]:
    """The options that apply to a queue or exchange; empty if none do."""
    found = [one for one in policies if one.vhost == vhost and one.covers(kind, name)]
    if not found:
        return {}
    return min(found, key=lambda one: (-one.priority, one.name)).definition
