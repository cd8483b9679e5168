"""Consuming, getting, settling, windows (BASIC-14 … BASIC-59)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from broker_peer import Message, Peer, World

from amqplab.wire import methods as m
from amqplab.wire.table import Timestamp


def refused(peer: Peer, method: m.Method) -> tuple[int, str]:
    close = peer.call(1, method)
    assert isinstance(close, m.Channel.Close)
    assert (close.class_id, close.method_id) == method.ids
    return close.reply_code, close.reply_text


def hard(peer: Peer, method: m.Method) -> tuple[int, str]:
    peer.send(1, method)
    (channel, close) = peer.drain()[-1]
    assert channel == 0 and (close.class_id, close.method_id) == method.ids
    return close.reply_code, close.reply_text


def publish(peer: Peer, *bodies: str, queue: str = "q") -> None:
    for body in bodies:
        peer.publish(key=queue, body=body.encode())


def deliveries(got: list[Any]) -> list[tuple[str, int, str, bool]]:
    return [
        (one.method.consumer_tag, one.method.delivery_tag, one.body.decode(), one.method.redelivered)
        for one in got
        if isinstance(one, Message)
    ]


def bodies(got: list[Any]) -> str:
    return " ".join(one.body.decode() for one in got if isinstance(one, Message))


@pytest.fixture
def queue(peer: Peer) -> Peer:
    """A peer whose queue q exists."""
    peer.declare("q")
    return peer


def test_consume_ok_comes_before_the_first_delivery(queue: Peer) -> None:
    publish(queue, "1")
    ok, delivery = queue.consume()
    assert ok == m.Basic.ConsumeOk(consumer_tag="t")
    assert deliveries([delivery]) == [("t", 1, "1", False)]


def test_an_empty_tag_gets_a_generated_one(queue: Peer) -> None:
    (ok,) = queue.consume(tag="")
    assert re.fullmatch(r"amq\.ctag-[A-Za-z0-9_-]{22}", ok.consumer_tag)
    queue.send(1, m.Basic.Consume(queue="q", nowait=True))
    assert queue.drain() == []


def test_a_tag_can_be_used_once_per_channel(queue: Peer) -> None:
    queue.consume()
    assert hard(queue, m.Basic.Consume(queue="gone", consumer_tag="t")) == (
        530,
        "NOT_ALLOWED - attempt to reuse consumer tag 't'",
    )


def test_an_exclusive_consumer_is_alone(queue: Peer) -> None:
    queue.consume()
    assert refused(queue, m.Basic.Consume(queue="q", exclusive=True)) == (
        403,
        "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
    )
    queue.send(1, m.Channel.CloseOk())
    queue.channel(1)
    queue.consume(exclusive=True)
    publish(queue, "1")
    assert queue.call(1, m.Basic.Get(queue="q")) == m.Basic.GetEmpty()
    assert refused(queue, m.Basic.Consume(queue="q"))[0] == 403


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"x-priority": "high"},
            "invalid arg 'x-priority' for queue 'q' in vhost '/': \"expected integer, got longstr\"",
        ),
        (
            {"x-priority": True},
            "invalid arg 'x-priority' for queue 'q' in vhost '/': \"expected integer, got bool\"",
        ),
        (
            {"x-priority": Timestamp(1)},
            "invalid arg 'x-priority' for queue 'q' in vhost '/': \"expected integer, got timestamp\"",
        ),
        (
            {"x-cancel-on-ha-failover": "yes"},
            "invalid arg 'x-cancel-on-ha-failover' for queue 'q' in vhost '/': {unacceptable_type,longstr}",
        ),
        (
            {"x-stream-offset": "first"},
            "invalid arg 'x-stream-offset' for queue 'q' in vhost '/' of queue type rabbit_classic_queue",
        ),
    ],
)
def test_consume_arguments_are_checked(queue: Peer, arguments: dict[str, Any], text: str) -> None:
    method = m.Basic.Consume(queue="q", arguments=arguments)
    assert refused(queue, method) == (406, f"PRECONDITION_FAILED - {text}")


def test_without_acks_a_delivery_is_forgotten(world: World, queue: Peer) -> None:
    queue.consume(no_ack=True)
    publish(queue, "1", "2")
    assert deliveries(queue.on()) == [("t", 1, "1", False), ("t", 2, "2", False)]
    q = world.broker.vhosts["/"].queues["q"]
    assert (len(q.ready), q.unacked) == (0, 0)
    assert refused(queue, m.Basic.Ack(delivery_tag=1)) == (
        406,
        "PRECONDITION_FAILED - unknown delivery tag 1",
    )


def test_cancel_ok_comes_for_unknown_tags_too_and_unacked_messages_stay(queue: Peer) -> None:
    queue.consume()
    publish(queue, "1")
    queue.drain()
    assert queue.call(1, m.Basic.Cancel(consumer_tag="t")) == m.Basic.CancelOk(consumer_tag="t")
    assert queue.call(1, m.Basic.Cancel(consumer_tag="t")) == m.Basic.CancelOk(consumer_tag="t")
    publish(queue, "2")
    assert queue.drain() == []
    queue.send(1, m.Basic.Ack(delivery_tag=1))
    assert queue.declare("q").message_count == 1


def test_round_robin_across_channels_and_connections(world: World, queue: Peer) -> None:
    other = world.connect("c2:1")
    other.channel(1)
    queue.channel(2)
    queue.consume(tag="a")
    queue.consume(tag="b", channel=2)
    other.consume(tag="c")
    publish(queue, *"123456")
    assert (bodies(queue.on(2)), bodies(other.on())) == ("2 5", "3 6")


def test_a_backlog_goes_to_who_comes_first(queue: Peer) -> None:
    publish(queue, *"123")
    assert bodies(queue.consume(tag="a")) == "1 2 3"
    assert bodies(queue.consume(tag="b")) == ""


def test_priority_consumers(queue: Peer) -> None:
    queue.send(1, m.Basic.Qos(prefetch_count=1))
    queue.consume(tag="low", arguments={"x-priority": -5})
    queue.consume(tag="high", arguments={"x-priority": 5})
    publish(queue, "1", "2", "3")
    assert [(tag, body) for tag, _, body, _ in deliveries(queue.on())] == [("high", "1"), ("low", "2")]


class TestPrefetch:
    """BASIC-37 … BASIC-45."""

    def test_prefetch_size_is_not_implemented(self, queue: Peer) -> None:
        method = m.Basic.Qos(prefetch_size=3)
        assert hard(queue, method) == (540, "NOT_IMPLEMENTED - prefetch_size!=0 (3)")

    def test_each_new_consumer_has_its_own_window(self, queue: Peer) -> None:
        queue.consume(tag="unlimited")
        queue.send(1, m.Basic.Cancel(consumer_tag="unlimited"), m.Basic.Qos(prefetch_count=1))
        queue.consume(tag="a")
        queue.send(1, m.Basic.Qos(prefetch_count=2))
        queue.consume(tag="b")
        publish(queue, *"12345")
        got = deliveries(queue.on())
        assert [(tag, body) for tag, _, body, _ in got] == [("a", "1"), ("b", "2"), ("b", "3")]
        queue.send(1, m.Basic.Ack(delivery_tag=got[0][1]))
        assert [(tag, body) for tag, _, body, _ in deliveries(queue.on())] == [("a", "4")]

    def test_the_shared_window_covers_all_consumers_of_the_channel(self, queue: Peer) -> None:
        queue.send(1, m.Basic.Qos(prefetch_count=2), m.Basic.Qos(prefetch_count=3, global_=True))
        queue.consume(tag="a")
        queue.consume(tag="b")
        publish(queue, *"12345")
        assert bodies(queue.on()) == "1 2 3"
        queue.send(1, m.Basic.Ack(delivery_tag=1))
        assert bodies(queue.on()) == "4"

    def test_a_per_consumer_qos_ends_the_shared_window_at_once(self, queue: Peer) -> None:
        queue.send(1, m.Basic.Qos(prefetch_count=1, global_=True))
        queue.consume()
        publish(queue, *"123")
        assert bodies(queue.on()) == "1"
        queue.send(1, m.Basic.Qos(prefetch_count=5))
        got = queue.on()
        assert got[0] == m.Basic.QosOk()
        assert bodies(got) == "2 3"

    @pytest.mark.parametrize("count", [0, 10])
    def test_a_wider_shared_window_lets_messages_flow_at_once(self, queue: Peer, count: int) -> None:
        queue.send(1, m.Basic.Qos(prefetch_count=1, global_=True))
        queue.consume()
        publish(queue, *"123")
        queue.drain()
        queue.send(1, m.Basic.Qos(prefetch_count=count, global_=True))
        assert bodies(queue.on()) == "2 3"

    def test_the_shared_window_spans_queues(self, queue: Peer) -> None:
        queue.declare("p")
        queue.send(1, m.Basic.Qos(prefetch_count=1, global_=True))
        queue.consume("q", tag="a")
        queue.consume("p", tag="b")
        publish(queue, "1")
        publish(queue, "2", queue="p")
        assert bodies(queue.on()) == "1"
        queue.send(1, m.Basic.Ack(delivery_tag=1))
        assert bodies(queue.on()) == "2"

    def test_gets_use_up_no_window(self, queue: Peer) -> None:
        queue.send(1, m.Basic.Qos(prefetch_count=1, global_=True), m.Basic.Qos(prefetch_count=1))
        publish(queue, *"1234")
        assert bodies([queue.call(1, m.Basic.Get(queue="q"))]) == "1"
        assert bodies([queue.call(1, m.Basic.Get(queue="q"))]) == "2"
        assert bodies(queue.consume()) == "3"

    def test_without_acks_there_is_no_window_of_ones_own(self, queue: Peer) -> None:
        queue.send(1, m.Basic.Qos(prefetch_count=1))
        publish(queue, *"123")
        queue.drain()
        assert bodies(queue.consume(no_ack=True)) == "1 2 3"

    def test_rejecting_frees_the_window_too(self, queue: Peer) -> None:
        queue.send(1, m.Basic.Qos(prefetch_count=1))
        queue.consume()
        publish(queue, "1", "2")
        queue.drain()
        queue.send(1, m.Basic.Reject(delivery_tag=1, requeue=False))
        assert bodies(queue.on()) == "2"
        queue.send(1, m.Basic.Reject(delivery_tag=2, requeue=True))
        assert deliveries(queue.on()) == [("t", 3, "2", True)]


def test_get_tells_how_many_are_left(queue: Peer) -> None:
    publish(queue, "1", "2")
    got = queue.call(1, m.Basic.Get(queue="q"))
    assert got.method == m.Basic.GetOk(
        delivery_tag=1, redelivered=False, exchange="", routing_key="q", message_count=1
    )
    assert queue.call(1, m.Basic.Get(queue="q", no_ack=True)).method.delivery_tag == 2
    assert queue.call(1, m.Basic.Get(queue="q")) == m.Basic.GetEmpty()
    publish(queue, "3")
    assert queue.call(1, m.Basic.Get(queue="q")).method.delivery_tag == 3


@pytest.mark.parametrize(
    "method",
    [
        m.Basic.Ack(delivery_tag=9),
        m.Basic.Ack(delivery_tag=0),
        m.Basic.Ack(delivery_tag=9, multiple=True),
        m.Basic.Nack(delivery_tag=9),
        m.Basic.Nack(delivery_tag=9, multiple=True),
        m.Basic.Reject(delivery_tag=9),
    ],
)
def test_unknown_tags_close_the_channel_and_settle_nothing(world: World, queue: Peer, method: Any) -> None:
    publish(queue, "1", "2")
    queue.consume()
    assert refused(queue, method) == (
        406,
        f"PRECONDITION_FAILED - unknown delivery tag {method.delivery_tag}",
    )
    assert len(world.broker.vhosts["/"].queues["q"].ready) == 2


def test_a_tag_can_be_settled_once(queue: Peer) -> None:
    publish(queue, "1")
    queue.consume()
    queue.send(1, m.Basic.Ack(delivery_tag=1))
    assert queue.drain() == []
    assert refused(queue, m.Basic.Ack(delivery_tag=1))[0] == 406


@pytest.mark.parametrize("tag", [0, 3])
def test_multiple_settles_everything_up_to_the_tag_from_all_queues(
    world: World, queue: Peer, tag: int
) -> None:
    queue.declare("p")
    publish(queue, "1", "2")
    publish(queue, "3", queue="p")
    queue.consume("q", tag="a")
    queue.send(1, m.Basic.Get(queue="p"))
    queue.drain()
    queue.send(1, m.Basic.Ack(delivery_tag=tag, multiple=True))
    queues = world.broker.vhosts["/"].queues
    assert (queues["q"].unacked, queues["p"].unacked) == (0, 0)
    queue.send(1, m.Basic.Ack(delivery_tag=0, multiple=True))
    assert queue.drain() == []


@pytest.mark.parametrize("word", ["reject", "nack", "nack multiple"])
def test_rejected_messages_return_to_their_place(queue: Peer, word: str) -> None:
    publish(queue, *"1234")
    for _ in range(3):
        queue.call(1, m.Basic.Get(queue="q"))
    if word == "reject":
        queue.send(1, m.Basic.Reject(delivery_tag=2), m.Basic.Reject(delivery_tag=1))
    elif word == "nack":
        queue.send(1, m.Basic.Nack(delivery_tag=1), m.Basic.Nack(delivery_tag=2))
    else:
        queue.send(1, m.Basic.Nack(delivery_tag=2, multiple=True))
    queue.drain()
    got = deliveries(queue.consume())
    assert [(body, redelivered) for _, _, body, redelivered in got] == [
        ("1", True),
        ("2", True),
        ("4", False),
    ]


def test_rejected_without_requeue_is_gone(world: World, queue: Peer) -> None:
    publish(queue, "1")
    queue.call(1, m.Basic.Get(queue="q"))
    queue.send(1, m.Basic.Reject(delivery_tag=1, requeue=False))
    q = world.broker.vhosts["/"].queues["q"]
    assert (len(q.ready), q.unacked) == (0, 0)


def test_recover_ok_comes_before_the_redeliveries(queue: Peer) -> None:
    publish(queue, "1", "2")
    queue.consume()
    queue.send(1, m.Basic.Recover(requeue=True))
    got = queue.on()
    assert got[0] == m.Basic.RecoverOk()
    assert deliveries(got) == [("t", 3, "1", True), ("t", 4, "2", True)]
    queue.send(1, m.Basic.RecoverAsync(requeue=True))
    got = queue.on()
    assert deliveries(got) == [("t", 5, "1", True), ("t", 6, "2", True)] and len(got) == 2


@pytest.mark.parametrize("method", [m.Basic.Recover(requeue=False), m.Basic.RecoverAsync(requeue=False)])
def test_recover_without_requeue_is_not_implemented(queue: Peer, method: m.Method) -> None:
    assert hard(queue, method) == (540, "NOT_IMPLEMENTED - requeue=false")


def test_recovered_messages_may_go_to_others(world: World, queue: Peer) -> None:
    publish(queue, "1")
    queue.consume()
    other = world.connect("c2:1")
    other.channel(1)
    other.consume(tag="o")
    queue.send(1, m.Basic.Cancel(consumer_tag="t"), m.Basic.Recover(requeue=True))
    assert deliveries(other.on()) == [("o", 1, "1", True)]


KINDS = [{}, {"x-single-active-consumer": True}, {"x-queue-type": "quorum"}, {"x-queue-type": "stream"}]


def full_consumer(peer: Peer, arguments: dict[str, Any]) -> None:
    """A consumer that holds as many deliveries as it may, of a queue that has more."""
    peer.declare("full", durable=True, arguments=arguments)
    peer.call(1, m.Basic.Qos(prefetch_count=2))
    peer.call(1, m.Basic.Consume(queue="full", consumer_tag="c"))
    publish(peer, "a", "b", "c", "d", queue="full")
    assert bodies(peer.on()) == "a b"


def settle_all(peer: Peer) -> list[Any]:
    peer.send(1, m.Basic.Ack(delivery_tag=1))
    peer.send(1, m.Basic.Ack(delivery_tag=2))
    return peer.on()


@pytest.mark.parametrize("end", [m.Basic.Cancel(consumer_tag="c"), m.Queue.Delete(queue="full")])
@pytest.mark.parametrize("arguments", KINDS, ids=str)
def test_a_full_consumer_that_has_left_settles_what_it_holds_and_gets_no_more(
    peer: Peer, arguments: dict[str, Any], end: m.Method
) -> None:
    full_consumer(peer, arguments)
    peer.call(1, end)
    assert settle_all(peer) == []
    again = m.Queue.Declare(queue="full", durable=True, arguments=arguments)
    assert peer.call(1, again).consumer_count == 0
