"""Policies: what may be set, and which of several count."""

from __future__ import annotations

from typing import Any

import pytest

from amqplab.errors import UsageError
from amqplab.model.policy import OPERATOR_OPTIONS, OPTIONS, Policy, definition_for

GOOD: dict[str, Any] = {
    "message-ttl": 0,
    "expires": 1,
    "max-length": 0,
    "max-length-bytes": 10**12,
    "overflow": "reject-publish-dlx",
    "dead-letter-exchange": "",
    "dead-letter-routing-key": "dead",
    "dead-letter-strategy": "at-least-once",
    "delivery-limit": 5,
    "max-age": "30m",
    "stream-max-segment-size-bytes": 1000,
    "alternate-exchange": "spare",
    "queue-mode": "lazy",
    "queue-version": 2,
    "max-in-memory-length": 5,
    "max-in-memory-bytes": 5,
    "initial-cluster-size": 1,
    "queue-master-locator": "min-masters",
    "queue-leader-locator": "balanced",
    "ha-mode": "exactly",
    "ha-params": 2,
    "ha-sync-mode": "automatic",
    "ha-sync-batch-size": 50,
    "ha-promote-on-shutdown": "always",
    "ha-promote-on-failure": "when-synced",
}


def test_every_option_that_rabbitmq_knows_may_be_set() -> None:
    assert GOOD.keys() == OPTIONS.keys()
    assert Policy("all", "", GOOD).definition == GOOD


@pytest.mark.parametrize("option", OPERATOR_OPTIONS)
def test_operators_may_set_limits(option: str) -> None:
    assert Policy("one", "", {option: GOOD[option]}, operator=True).operator


@pytest.mark.parametrize(
    ("definition", "operator", "says"),
    [
        ({}, False, "Policy 'p' sets nothing; it needs a definition, such as {'max-length': 1000}."),
        ({"max-priority": 5}, False, "Policy 'p' sets 'max-priority', which is none of alternate-exchange, "),
        ({"overflow": "drop-head"}, True, "Operator policy 'p' sets 'overflow', which is none of delivery-"),
        ({"message-ttl": -1}, False, "needs a number from 0 to 2**63 - 1 for 'message-ttl', not -1."),
        ({"message-ttl": True}, False, "needs a number from 0 to 2**63 - 1 for 'message-ttl', not True."),
        ({"expires": 0}, False, "needs a number from 1 to 2**63 - 1 for 'expires', not 0."),
        (
            {"overflow": "x"},
            False,
            "one of 'drop-head', 'reject-publish', 'reject-publish-dlx' for",
        ),
        ({"dead-letter-exchange": 5}, False, "needs a string for 'dead-letter-exchange', not 5."),
        ({"max-age": "5x"}, False, "needs an age such as '7D' or '30m' for 'max-age', not '5x'."),
        ({"queue-version": 3}, False, "needs one of 1, 2 for 'queue-version', not 3."),
        ({"ha-mode": "all", "ha-params": "x"}, False, "needs a number or names of nodes for 'ha-params'"),
        ({"ha-params": 2}, False, "says how to mirror queues, but not to which nodes: it needs 'ha-mode'."),
    ],
)
def test_what_no_policy_can_be_is_one_clear_sentence(
    definition: dict[str, Any], operator: bool, says: str
) -> None:
    with pytest.raises(UsageError) as error:
        Policy("p", "", definition, operator=operator)
    assert says in str(error.value)


def test_one_policy_counts_and_one_of_the_operators() -> None:
    policies = (
        Policy("b", "^q", {"max-length": 5, "message-ttl": 100, "overflow": "drop-head"}, priority=1),
        Policy("a", "^q", {"max-length": 1}),
        Policy("c", "^q", {"max-length": 2}, vhost="other"),
        Policy("x", "^q", {"max-length": 9, "message-ttl": 50, "expires": 7}, operator=True),
        Policy("w", "", {"expires": 1}, operator=True, priority=-1),
    )
    both = {"max-length": 5, "message-ttl": 50, "overflow": "drop-head", "expires": 7}
    assert definition_for(policies, "/", "queue", "q") == both
    assert definition_for(policies, "/", "queue", "other") == {"expires": 1}
    assert definition_for(policies, "nowhere", "queue", "q") == {}
