"""What a connection remembers of what it declared, and forgets of what is gone."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from amqplab.client.stale import TagShift
from amqplab.client.topology import Topology
from amqplab.wire.content import Command
from amqplab.wire.methods import Basic, Channel, Confirm, Exchange, Method, Queue


def remembering(*requests: Any, channel: int = 1) -> Topology:
    """A topology that was told these requests; each reply repeats the names."""
    topology = Topology()
    for request in requests:
        match request:
            case Queue.Declare(queue=name):
                reply: Method = Queue.DeclareOk(queue=name or "amq.gen-1", message_count=0, consumer_count=0)
            case Basic.Consume(consumer_tag=tag):
                reply = Basic.ConsumeOk(consumer_tag=tag or "amq.ctag-1")
            case _:
                reply = Channel.OpenOk()
        topology.answered(channel, request, reply)
    return topology


def test_asking_whether_something_exists_does_not_make_it_ours() -> None:
    topology = remembering(
        Queue.Declare(queue="q", passive=True), Exchange.Declare(exchange="x", type="direct", passive=True)
    )
    assert list(topology.declarations()) == [] and topology.bindings_again() == []


def test_exchanges_come_before_queues_and_their_bindings_before_those_of_queues() -> None:
    topology = remembering(
        Queue.Declare(queue="q"),
        Exchange.Declare(exchange="a", type="fanout"),
        Queue.Bind(queue="q", exchange="a"),
        Exchange.Declare(exchange="b", type="fanout"),
        Exchange.Bind(destination="b", source="a"),
    )
    assert [name for name, _ in topology.declarations()] == ["a", "b", "q"]
    assert [type(binding) for binding in topology.bindings_again()] == [Exchange.Bind, Queue.Bind]


def test_the_empty_name_means_the_queue_that_the_channel_declared_last() -> None:
    topology = remembering(
        Queue.Declare(queue=""), Queue.Bind(queue="", exchange="x"), Basic.Consume(queue="", consumer_tag="t")
    )
    assert [binding.queue for binding in topology.bindings.values()] == ["amq.gen-1"]  # type: ignore[union-attr]
    assert [consumer.queue for consumer in topology.channels[1].consumers] == ["amq.gen-1"]
    topology.rename_queue("amq.gen-1", "amq.gen-2")
    assert [binding.queue for binding in topology.bindings.values()] == ["amq.gen-2"]  # type: ignore[union-attr]
    assert [consumer.queue for consumer in topology.channels[1].consumers] == ["amq.gen-2"]
    assert topology.queues == {"amq.gen-2": Queue.Declare(queue="")}


def test_bindings_that_differ_in_arguments_only_are_two() -> None:
    one, two = ({"x-match": "any", "a": number} for number in (1, 2))
    topology = remembering(
        Queue.Bind(queue="q", exchange="x", arguments=one),
        Queue.Bind(queue="q", exchange="x", arguments=two),
        Queue.Bind(queue="q", exchange="x", arguments=one),
    )
    assert len(topology.bindings) == 2
    topology.answered(1, Queue.Unbind(queue="q", exchange="x", arguments=one), Queue.UnbindOk())
    assert [dict(binding.arguments) for binding in topology.bindings.values()] == [two]


def test_deleting_a_queue_takes_bindings_consumers_and_an_auto_delete_exchange_along() -> None:
    topology = remembering(
        Exchange.Declare(exchange="first", type="fanout", auto_delete=True),
        Exchange.Declare(exchange="second", type="fanout", auto_delete=True),
        Exchange.Bind(destination="second", source="first"),
        Queue.Declare(queue="q"),
        Queue.Bind(queue="q", exchange="second"),
        Basic.Consume(queue="q", consumer_tag="t"),
        Queue.Delete(queue="q"),
    )
    assert (topology.exchanges, topology.queues, topology.bindings) == ({}, {}, {})
    assert topology.channels[1].consumers == []


def test_an_auto_delete_queue_goes_with_its_last_consumer_also_when_the_channel_closes() -> None:
    requests = (Queue.Declare(queue="q", auto_delete=True), Basic.Consume(queue="q", consumer_tag="t"))
    topology = remembering(*requests)
    topology.answered(2, Basic.Consume(queue="q"), Basic.ConsumeOk(consumer_tag="u"))
    topology.forget_channel(1)
    assert list(topology.queues) == ["q"]
    topology.forget_consumer(2, "u")
    assert topology.queues == {}


def test_each_consumer_keeps_the_window_it_was_begun_with() -> None:
    topology = remembering(
        Confirm.Select(),
        Basic.Qos(prefetch_count=1),
        Basic.Qos(prefetch_count=2),
        Basic.Consume(queue="q", consumer_tag="t"),
        Basic.Qos(prefetch_count=3),
    )
    assert topology.channels[1].mode == Confirm.Select()
    steps = topology.channels[1].steps
    assert [getattr(step, "prefetch_count", "consumer") for step in steps] == [2, "consumer", 3]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_no_two_deliveries_ever_show_the_same_tag_and_old_ones_are_stale(incarnations: list[int]) -> None:
    tags, shown = TagShift(), []
    for deliveries in incarnations:
        tags.broke()
        assert all(tags.real(old) is None for old in shown)
        for tag in range(1, deliveries + 1):
            method = Basic.Deliver(consumer_tag="t", delivery_tag=tag, exchange="", routing_key="q")
            seen: Any = tags.shown(Command(method.encode(), b"\0\0", b"body")).method
            assert tags.real(seen.delivery_tag) == tag
            shown.append(seen.delivery_tag)
    assert shown == list(range(1, len(shown) + 1))
    assert tags.real(0) == 0
