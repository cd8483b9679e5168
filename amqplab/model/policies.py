"""Which policies there are, and what holds for one queue or exchange.

Theory
------
An operator sets a policy and takes it back by its name; one of the same name takes the other's place. Operator
policies have names of their own. What a policy says and where it is found is in :mod:`amqplab.model.policy`.

A broker may have policies from the start, before there is anything that they could hold for. Such a one is told
when it first finds something: a record that begins with them would speak of things nobody has seen yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from amqplab.model.describe import describe_arguments
from amqplab.model.policy import Policy, definition_for
from amqplab.trace import events
from amqplab.trace.recorder import because

if TYPE_CHECKING:
    from amqplab.trace.recorder import Report

__all__ = ["Policies"]


class Policies:
    """The policies of one broker; true if there are any."""

    def __init__(self, policies: Iterable[Policy], report: Report | None) -> None:
        self._policies = {(one.vhost, one.name, one.operator): one for one in policies}
        self._untold = {**self._policies} if report is not None else {}
        self._report = report

    def set(self, policy: Policy) -> None:
        """It is there from now on, perhaps in the place of another."""
        key = (policy.vhost, policy.name, policy.operator)
        self._policies[key] = policy
        self._untold.pop(key, None)
        self._tell(policy)

    def clear(self, vhost: str, name: str, operator: bool) -> None:
        """It is there no more. KeyError if there is none of that name."""
        key = (vhost, name, operator)
        del self._policies[key]
        if self._untold.pop(key, None) is None and self._report is not None:
            self._report(events.PolicyDeleted, vhost, name, operator)

    def definition(self, vhost: str, kind: str, name: str) -> Mapping[str, Any]:
        """What holds for the queue or exchange of that name."""
        if self._untold:
            for key, policy in list(self._untold.items()):
                if policy.vhost == vhost and policy.covers(kind, name):
                    del self._untold[key]
                    with because(None):
                        self._tell(policy)
        return definition_for(self._policies.values(), vhost, kind, name) if self._policies else {}

    def _tell(self, policy: Policy) -> None:
        if self._report is not None:
            self._report(
                events.PolicySet,
                policy.vhost,
                policy.name,
                policy.pattern,
                policy.apply_to,
                describe_arguments(policy.definition),
                policy.priority,
                policy.operator,
            )

    def __bool__(self) -> bool:
        return bool(self._policies)
