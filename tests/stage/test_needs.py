"""Needs: what a run needs room for, besides those who take part in it."""

from __future__ import annotations

from typing import Any

import pytest
from scenes import names, recording

from amqplab.stage.needs import needs_of
from amqplab.trace import events as e
from amqplab.trace.fold import Fold
from amqplab.trace.keys import unescape
from amqplab.trace.recorder import Recorder


def told(*events: tuple[type[e.Event], tuple[object, ...]]) -> Recorder:
    """A recording of the broker's, by hand."""
    recorder = Recorder(lambda: 0)
    for kind, fields in events:
        recorder.record("broker", kind, *fields)
    return recorder


def queue(name: str, arguments: str = "") -> tuple[type[e.Event], tuple[object, ...]]:
    return e.QueueDeclared, ("/", name, False, None, False, arguments)


def test_a_dead_letter_exchange_is_found_in_the_arguments() -> None:
    (policy,) = needs_of(told(queue("work", "x-dead-letter-exchange=dlx"))).policies.values()
    assert (policy.source, policy.target, policy.kind) == (
        "queue/%2F/work",
        "exchange/%2F/dlx",
        "dead-letter",
    )


def test_one_that_only_a_policy_names_is_found_when_it_takes_effect() -> None:
    letter = (e.DeadLettered, ("/", "work", 1, "rejected", "dlx", "work", 2))
    (policy,) = needs_of(told(queue("work"), letter)).policies.values()
    assert (policy.source, policy.target) == ("queue/%2F/work", "exchange/%2F/dlx")


def policy(
    name: str, definition: str, pattern: str = "^work", priority: int = 0
) -> tuple[type[e.Event], Any]:
    return e.PolicySet, ("/", name, pattern, "all", definition, priority, False)


def found(*events: tuple[type[e.Event], tuple[object, ...]]) -> set[tuple[str, str]]:
    return {
        (unescape(one.source.split("/")[2]), unescape(one.target.split("/")[2]))
        for one in needs_of(told(*events)).policies.values()
    }


def test_one_that_an_operator_names_is_found_whenever_the_policy_holds() -> None:
    dead = policy("p", "max-length=3, dead-letter-exchange=dlx")
    assert found(queue("work"), dead) == found(dead, queue("work")) == {("work", "dlx")}
    assert (
        found(queue("play"), dead)
        == found(dead, (e.PolicyDeleted, ("/", "p", False)), queue("work"))
        == set()
    )
    assert found(queue("work", "x-dead-letter-exchange=own"), dead) == {("work", "own")}
    assert found(queue("work"), dead, policy("q", "dead-letter-exchange=other", priority=1)) == {
        ("work", "dlx"),
        ("work", "other"),
    }
    gone = (e.QueueDeleted, ("/", "work", "deleted"))
    assert found(queue("work"), gone, dead) == set()
    exchange = (e.ExchangeDeclared, ("/", "workers", "direct", False, False, False, ""))
    assert found(exchange, policy("a", "alternate-exchange=rest")) == {("workers", "rest")}


def test_an_alternate_is_found_in_the_arguments_or_in_what_was_routed() -> None:
    declared = (e.ExchangeDeclared, ("/", "main", "direct", False, False, False, "alternate-exchange=rest"))
    routed = (e.Routed, ("/", 1, "other", "k", (), ("q",), ("rest",)))
    found = {(one.source, one.target) for one in needs_of(told(declared, routed)).policies.values()}
    assert found == {("exchange/%2F/main", "exchange/%2F/rest"), ("exchange/%2F/other", "exchange/%2F/rest")}


def test_whose_alternate_it_was_is_not_guessed_where_bindings_matched_on_the_way() -> None:
    matched = (("main", "exchange", "middle", "k"),)
    assert needs_of(told((e.Routed, ("/", 1, "main", "k", matched, (), ("rest",))))).policies == {}


@pytest.mark.parametrize(
    ("event", "loses"),
    [
        ((e.Unroutable, ("/", 1, "logs", "k", False)), True),
        ((e.Returned, ("/", 1, "a:1", 1, 312, "NO_ROUTE")), True),
        ((e.Discarded, ("/", "q", 1, "expired")), True),
        ((e.PublishRefused, ("/", 1, "full")), True),
        ((e.QueuePurged, ("/", "q", ())), False),
        ((e.QueuePurged, ("/", "q", (1,))), True),
        ((e.QueueDeleted, ("/", "q", "by a client")), False),
        ((e.TransactionEnded, ("a:1", 1, "committed")), False),
        ((e.TransactionEnded, ("a:1", 1, "rolled back")), True),
        ((e.DeadLettered, ("/", "q", 1, "expired", "dlx", "q", 2)), False),
    ],
)
def test_a_gutter_is_needed_if_a_message_is_ever_lost_or_returned(
    event: tuple[type[e.Event], tuple[object, ...]], loses: bool
) -> None:
    assert needs_of(told(event)).loses is loses


def test_a_queue_that_held_something_may_take_it_along() -> None:
    gone = (e.QueueDeleted, ("/", "q", "by a client"))
    assert needs_of(told((e.Enqueued, ("/", "q", 1, 0)), gone)).loses


@pytest.mark.parametrize("scene", names())
def test_whatever_is_in_the_state_is_alive(scene: str) -> None:
    """So two that share a place are never seen together."""
    lives = needs_of(recording(scene)).lives
    for seq, patch in enumerate(Fold(recording(scene)).patches()):
        for key, _, new in patch:
            kind, _, name = key.partition("/")
            life = lives.get(unescape(name) if kind == "connection" else key)
            if kind in ("connection", "consumer") and new is not None:
                assert life is not None and life.first <= seq <= life.last, key


def test_channels_that_confirm_and_those_that_ask_for_messages_are_known() -> None:
    assert list(needs_of(recording("publisher_confirms")).strips) == ["confirm/publisher:49152/1"]
    assert "channel/bank:49152/1" in needs_of(recording("transactions")).hands


PUBLISHED = (e.CommandSent, ("p:1", "p", 1, "basic.publish", ()))
READ = (e.CommandReceived, ("p:1", "broker", 1, "basic.publish", ()))
CLOSED = (e.TcpStateChanged, ("p:1", "CLOSED"))


def handed_out(no_ack: bool) -> tuple[type[e.Event], tuple[object, ...]]:
    return e.Delivered, ("/", "work", 1, "p:1", 1, "c", 1, False, no_ack)


@pytest.mark.parametrize(
    ("told_of", "loses"),
    [
        ((PUBLISHED, CLOSED), True),
        ((PUBLISHED, READ, CLOSED), False),
        ((PUBLISHED, CLOSED, READ), False),
        ((PUBLISHED,), False),
        ((handed_out(no_ack=True), CLOSED), True),
        ((handed_out(no_ack=False), CLOSED), False),
        ((handed_out(no_ack=True), (e.CommandReceived, ("p:1", "p", 1, "basic.deliver", ())), CLOSED), False),
    ],
)  # fmt: skip
def test_what_is_on_its_way_when_its_connection_ends_is_lost(told_of: tuple[Any, ...], loses: bool) -> None:
    assert needs_of(told(*told_of)).loses is loses
