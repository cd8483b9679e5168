"""Policies: settings that an operator gives to queues and exchanges by their names.

Theory
------
Arguments belong to whoever declares a queue, and can never be changed afterwards. A policy comes from
outside: a regular expression for names, and options for everything it is found in. It can be set, changed and
taken back at any time; clients hear nothing of it, and it holds for what happens next (LIMIT-17). Redeclaring
a queue compares arguments only (QUEUE-16).

One policy at most applies to a thing: the one with the highest priority, or the first by name. Beside it, one
*operator policy* may: a bound that whoever runs the broker puts to what its users set. It knows limits only,
and of its limit and the policy's the smaller counts.

What comes of an argument and a policy that say different things is for :mod:`amqplab.model.settings`. Some
options mean something in a cluster, or to RabbitMQ's files, and nothing here; they are taken all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from amqplab.errors import UsageError
from amqplab.model.binding import EXCHANGE, QUEUE
from amqplab.model.pattern import problem_of

__all__ = ["OPERATOR_OPTIONS", "OPTIONS", "Policy", "definition_for"]


class _Value(NamedTuple):
    """What an option may be: in words, and as a test."""

    wanted: str
    fits: Callable[[Any], bool]


def _number(least: int) -> _Value:
    return _Value(
        f"a number from {least} to 2**63 - 1", lambda value: type(value) is int and least <= value < 1 << 63
    )


def _word(*words: Any) -> _Value:
    return _Value(f"one of {', '.join(map(repr, words))}", lambda value: value in words)


NATURAL = _number(0)
POSITIVE = _number(1)
STRING = _Value("a string", lambda value: isinstance(value, str))
AGE = _Value(
    "an age such as '7D' or '30m'",
    lambda value: isinstance(value, str) and re.fullmatch("[0-9]+[YMDhms]", value) is not None,
)
NODES = _Value("a number or names of nodes", lambda value: isinstance(value, list) or type(value) is int)

OPTIONS: dict[str, _Value] = {
    "message-ttl": NATURAL,
    "expires": POSITIVE,
    "max-length": NATURAL,
    "max-length-bytes": NATURAL,
    "overflow": _word("drop-head", "reject-publish", "reject-publish-dlx"),
    "dead-letter-exchange": STRING,
    "dead-letter-routing-key": STRING,
    "dead-letter-strategy": _word("at-most-once", "at-least-once"),
    "delivery-limit": NATURAL,
    "max-age": AGE,
    "stream-max-segment-size-bytes": NATURAL,
    "alternate-exchange": STRING,
    # without effect on a single node whose queues are all in memory
    "queue-mode": _word("default", "lazy"),
    "queue-version": _word(1, 2),
    "max-in-memory-length": NATURAL,
    "max-in-memory-bytes": NATURAL,
    "initial-cluster-size": NATURAL,
    "queue-master-locator": _word("client-local", "min-masters", "random"),
    "queue-leader-locator": _word("client-local", "balanced", "random", "least-leaders"),
    "ha-mode": _word("all", "exactly", "nodes"),
    "ha-params": NODES,
    "ha-sync-mode": _word("manual", "automatic"),
    "ha-sync-batch-size": POSITIVE,
    "ha-promote-on-shutdown": _word("always", "when-synced"),
    "ha-promote-on-failure": _word("always", "when-synced"),
}
"""What a policy may set. Times are in milliseconds."""

OPERATOR_OPTIONS = (
    "delivery-limit", "expires", "max-in-memory-bytes", "max-in-memory-length", "max-length",
    "max-length-bytes", "message-ttl",
)  # fmt: skip
"""What an operator policy may set."""

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
    operator: bool = False

    def __post_init__(self) -> None:
        who = f"{'Operator policy' if self.operator else 'Policy'} {self.name!r}"
        if self.apply_to not in APPLY_TO:
            raise UsageError(f"{who} applies to all, queues or exchanges, not {self.apply_to!r}.")
        if problem := problem_of(self.pattern):
            raise UsageError(f"{who} has a wrong pattern, {self.pattern!r}: {problem}.")
        if not self.definition:
            raise UsageError(f"{who} sets nothing; it needs a definition, such as {{'max-length': 1000}}.")
        known = OPERATOR_OPTIONS if self.operator else sorted(OPTIONS)
        for option, value in self.definition.items():
            if option not in known:
                raise UsageError(f"{who} sets {option!r}, which is none of {', '.join(known)}.")
            if not OPTIONS[option].fits(value):
                raise UsageError(f"{who} needs {OPTIONS[option].wanted} for {option!r}, not {value!r}.")
        if "ha-mode" not in self.definition and any(option.startswith("ha-") for option in self.definition):
            raise UsageError(f"{who} says how to mirror queues, but not to which nodes: it needs 'ha-mode'.")

    def covers(self, kind: str, name: str) -> bool:
        """Whether it is about this queue or exchange: the pattern is searched for, not anchored."""
        return kind in APPLY_TO[self.apply_to] and re.search(self.pattern, name) is not None


def definition_for(policies: Iterable[Policy], vhost: str, kind: str, name: str) -> Mapping[str, Any]:
    """The options that apply to a queue or exchange; empty if none do."""
    found = [one for one in policies if one.vhost == vhost and one.covers(kind, name)]
    users = _first(one for one in found if not one.operator)
    operators = _first(one for one in found if one.operator)
    both = users.keys() & operators.keys()
    return {**users, **operators, **{option: min(users[option], operators[option]) for option in both}}


def _first(policies: Iterable[Policy]) -> Mapping[str, Any]:
    """The definition that counts."""
    first = min(policies, key=lambda one: (-one.priority, one.name), default=None)
    return {} if first is None else first.definition
