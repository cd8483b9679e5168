"""Topology: what may be declared again, and what vanishes with what (EXCH, QUEUE)."""

from __future__ import annotations

from typing import Any

import pytest

from amqplab.errors import AMQPError, NotFound, PreconditionFailed, ResourceLocked
from amqplab.model.arguments import QueueArguments
from amqplab.model.binding import EXCHANGE, QUEUE, bind
from amqplab.model.equivalence import assert_exchange, assert_queue
from amqplab.model.queue import Queue
from amqplab.model.vhost import VirtualHost
from amqplab.wire.table import Int8, Int64


@pytest.fixture
def vhost() -> VirtualHost:
    return VirtualHost("/")


def queue(vhost: VirtualHost, name: str = "q", owner: str | None = None, **arguments: Any) -> Queue:
    return vhost.declare_queue(
        name, durable=False, owner=owner, auto_delete=False, arguments=QueueArguments(arguments), now=0
    )


def exchange(vhost: VirtualHost, name: str, kind: str = "direct", **flags: Any) -> None:
    vhost.declare_exchange(name, kind, **{"arguments": {}, **flags})


def test_what_every_virtual_host_has_from_the_start(vhost: VirtualHost) -> None:
    kinds = {name: one.type for name, one in vhost.exchanges.items()}
    assert kinds == {
        "": "direct",
        "amq.direct": "direct",
        "amq.fanout": "fanout",
        "amq.topic": "topic",
        "amq.headers": "headers",
        "amq.match": "headers",
        "amq.rabbitmq.trace": "topic",
    }
    assert all(one.durable and not one.auto_delete for one in vhost.exchanges.values())
    assert [name for name, one in vhost.exchanges.items() if one.internal] == ["amq.rabbitmq.trace"]


SAME = {"durable": False, "auto_delete": False, "internal": False, "arguments": {}}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"kind": "fanout"},
            "'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'direct'",
        ),
        (
            {"durable": True},
            "'durable' for exchange 'x' in vhost '/': received 'true' but current is 'false'",
        ),
        (
            {"auto_delete": True, "internal": True},
            "'auto_delete' for exchange 'x' in vhost '/': received 'true' but current is 'false'",
        ),
        (
            {"internal": True},
            "'internal' for exchange 'x' in vhost '/': received 'true' but current is 'false'",
        ),
        (
            {"arguments": {"alternate-exchange": "a"}},
            "'alternate-exchange' for exchange 'x' in vhost '/': "
            "received the value 'a' of type 'longstr' but current is none",
        ),
    ],
)
def test_an_exchange_that_differs_is_refused(vhost: VirtualHost, change: dict[str, Any], text: str) -> None:
    exchange(vhost, "x")
    asked = {**SAME, **change}
    kind = asked.pop("kind", "direct")
    with pytest.raises(PreconditionFailed) as error:
        assert_exchange(vhost.exchanges["x"], vhost.describe("exchange", "x"), kind, **asked)
    assert error.value.detail == f"inequivalent arg {text}"


@pytest.mark.parametrize(
    ("current", "received", "text"),
    [
        ({"x-max-length": 5}, {"x-max-length": 6}, "received '6' but current is '5'"),
        (
            {"x-max-length": 5},
            {},
            "received none but current is the value '5' of type 'signedint'",
        ),
        (
            {},
            {"x-max-length": 1000},
            "received the value '1000' of type 'signedint' but current is none",
        ),
    ],
)
def test_a_queue_whose_known_arguments_differ_is_refused(
    vhost: VirtualHost, current: dict[str, Any], received: dict[str, Any], text: str
) -> None:
    one = queue(vhost, **current)
    with pytest.raises(PreconditionFailed) as error:
        assert_queue(one, durable=False, owner=None, auto_delete=False, arguments=received)
    assert error.value.detail == f"inequivalent arg 'x-max-length' for queue 'q' in vhost '/': {text}"


@pytest.mark.parametrize(
    ("current", "received"),
    [
        ({"x-max-length": Int8(100)}, {"x-max-length": Int64(100)}),
        ({"x-queue-type": "classic"}, {}),
        ({}, {"x-queue-type": "classic"}),
        ({"unknown": 1}, {"unknown": 2}),
        ({}, {"unknown": "x"}),
    ],
)
def test_a_queue_that_only_seems_to_differ_is_accepted(
    vhost: VirtualHost, current: dict[str, Any], received: dict[str, Any]
) -> None:
    one = queue(vhost, **current)
    assert_queue(one, durable=False, owner=None, auto_delete=False, arguments=received)


def test_ownership_is_compared_before_anything_else(vhost: VirtualHost) -> None:
    one = queue(vhost, owner="c1")
    with pytest.raises(ResourceLocked) as error:
        assert_queue(one, durable=True, owner="c2", auto_delete=False, arguments={})
    assert error.value.detail.startswith(
        "cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could"
    )
    with pytest.raises(ResourceLocked):
        vhost.queue_for("q", "c2")
    assert vhost.queue_for("q", "c1") is one


@pytest.mark.parametrize(
    ("source", "kind", "destination", "text"),
    [
        ("nope", QUEUE, "nope", "no exchange 'nope' in vhost '/'"),
        ("amq.direct", QUEUE, "nope", "no queue 'nope' in vhost '/'"),
        ("amq.direct", EXCHANGE, "nope", "no exchange 'nope' in vhost '/'"),
    ],
)
def test_binding_what_is_not_there(
    vhost: VirtualHost, source: str, kind: str, destination: str, text: str
) -> None:
    with pytest.raises(NotFound) as error:
        vhost.add_binding(bind(source, kind, destination, ""), "c")
    assert error.value.detail == text
    vhost.remove_binding(bind(source, kind, destination, ""), "c")  # no error (EXCH-43)


def test_a_binding_is_its_four_parts_with_arguments_sorted(vhost: VirtualHost) -> None:
    queue(vhost)
    for arguments in ({}, {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1}):
        vhost.add_binding(bind("amq.direct", QUEUE, "q", "k", arguments), "c")
    assert len(vhost.bindings()) == 3


def test_only_the_owner_may_bind_or_unbind_an_exclusive_queue(vhost: VirtualHost) -> None:
    queue(vhost, owner="c1")
    binding = bind("amq.direct", QUEUE, "q", "k")
    with pytest.raises(ResourceLocked):
        vhost.add_binding(binding, "c2")
    vhost.add_binding(binding, "c1")
    with pytest.raises(ResourceLocked):
        vhost.remove_binding(binding, "c2")
    vhost.remove_binding(bind("amq.direct", QUEUE, "q", "other"), "c2")  # not there: no error (EXCH-45)


def test_deleting_a_queue_takes_its_bindings_and_the_exchanges_that_lived_by_them(vhost: VirtualHost) -> None:
    exchange(vhost, "upper", "fanout", auto_delete=True)
    exchange(vhost, "lower", "fanout", auto_delete=True)
    one = queue(vhost)
    vhost.add_binding(bind("upper", EXCHANGE, "lower", ""), "c")
    vhost.add_binding(bind("lower", QUEUE, "q", ""), "c")
    vhost.delete_queue(one)
    assert "lower" not in vhost.exchanges and "upper" not in vhost.exchanges
    assert vhost.bindings() == []


def test_an_auto_delete_exchange_never_bound_from_stays(vhost: VirtualHost) -> None:
    exchange(vhost, "x", auto_delete=True)
    vhost.add_binding(bind("amq.fanout", EXCHANGE, "x", ""), "c")
    vhost.remove_binding(bind("amq.fanout", EXCHANGE, "x", ""), "c")
    assert "x" in vhost.exchanges


def test_deleting_an_exchange_in_use(vhost: VirtualHost) -> None:
    exchange(vhost, "x")
    exchange(vhost, "y")
    vhost.add_binding(bind("x", EXCHANGE, "y", ""), "c")
    vhost.delete_exchange("y", if_unused=True)  # being a destination is no use (EXCH-14)
    assert vhost.bindings() == []
    queue(vhost)
    vhost.add_binding(bind("x", QUEUE, "q", ""), "c")
    with pytest.raises(PreconditionFailed, match="exchange 'x' in vhost '/' in use"):
        vhost.delete_exchange("x", if_unused=True)
    vhost.delete_exchange("missing")


def test_exclusive_queues_leave_with_their_owner(vhost: VirtualHost) -> None:
    queue(vhost, "mine", owner="c1")
    queue(vhost, "theirs", owner="c2")
    queue(vhost, "everybody's")
    vhost.delete_exclusive_queues("c1")
    assert sorted(vhost.queues) == ["everybody's", "theirs"]


def test_every_error_text_names_the_resource(vhost: VirtualHost) -> None:
    for look in (vhost.exchange, vhost.queue):
        with pytest.raises(AMQPError) as error:
            look("nowhere")
        assert error.value.detail.endswith("'nowhere' in vhost '/'")
