"""Operators' policies, as the state knows them: which of them holds for a queue or an exchange, and what it says.

Theory
------
A policy is no property of a queue. It is set from outside, for all names that fit a pattern, and may come and
go while they stay (:mod:`amqplab.model.policy`). Of those that fit, one counts, the one with the highest
priority; beside it, one *operator policy* may set bounds, and of two limits the smaller holds. An argument of
the queue's own has the first word where it names an exchange.

A broker reports policies, not what they come to; here it is worked out, so that a picture can show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.arguments import argument

__all__ = ["GOES", "apply", "policies_after"]

APPLY_TO = {"all": ("queue", "exchange"), "queues": ("queue",), "exchanges": ("exchange",)}
PAIR = re.compile(r"(?:^|, )([a-z-]+)=(.*?)(?=, [a-z-]+=|$)", re.DOTALL)
NAMES = {
    "queue": ("x-dead-letter-exchange", "dead-letter-exchange"),
    "exchange": ("alternate-exchange", "alternate-exchange"),
}
"""What says where messages go on: as an argument, and in a policy."""

Policy = Mapping[str, Any]


def policies_after(policies: Sequence[Policy], event: e.PolicySet | e.PolicyDeleted) -> list[Policy]:
    """The policies of a virtual host when one was set, replaced or deleted."""
    which = (event.name, event.operator)
    found = [one for one in policies if (one["name"], one["operator"]) != which]
    if isinstance(event, e.PolicySet):
        fields = ("name", "pattern", "apply_to", "definition", "priority", "operator")
        found.append({name: getattr(event, name) for name in fields})
    return found


def apply(entity: dict[str, Any], kind: str, name: str, policies: Iterable[Policy]) -> None:
    """Write into the entity of a queue or exchange which policy holds for it, and what comes of it."""
    found = [one for one in policies if covers(one, kind, name)]
    user, operator = (first(one for one in found if one["operator"] is which) for which in (False, True))
    entity["policy"] = " and ".join(one["name"] for one in (user, operator) if one is not None)
    entity["policy_arguments"] = together(*(one["definition"] if one else "" for one in (user, operator)))
    entity[GOES[kind]] = leads_to(kind, entity["arguments"], entity["policy_arguments"])


GOES = {"queue": "dead_letter_exchange", "exchange": "alternate"}
"""The field of an entity that says where its messages go on."""


def leads_to(kind: str, arguments: str, policy_arguments: str) -> str | None:
    """The exchange that gets a queue's dead letters, or what an exchange cannot route; None if there is none."""
    own, policy = NAMES[kind]
    found = argument(arguments, own)
    return found if found is not None else argument(policy_arguments, policy)


def covers(policy: Policy, kind: str, name: str) -> bool:
    """Whether it is about this queue or exchange. A pattern that is none covers nothing."""
    if kind not in APPLY_TO.get(policy["apply_to"], ()):
        return False
    try:
        return re.search(policy["pattern"], name) is not None
    except re.error:
        return False


def first(policies: Iterable[Policy]) -> Policy | None:
    """The one that counts."""
    return min(policies, key=lambda one: (-one["priority"], one["name"]), default=None)


def together(user: str, operator: str) -> str:
    """What a policy and an operator policy come to, as one text."""
    found = dict(PAIR.findall(user))
    for name, bound in PAIR.findall(operator):
        value = found.get(name, bound)
        found[name] = str(min(int(value), int(bound))) if value.isdecimal() and bound.isdecimal() else bound
    return ", ".join(f"{name}={value}" for name, value in found.items())
