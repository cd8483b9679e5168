"""What the broker does is in the stream, in order, with every field filled."""

from __future__ import annotations

from typing import Any

import pytest
from broker_peer import Peer, World

from amqplab.broker.config import BrokerConfig
from amqplab.model.policy import Policy
from amqplab.trace import events as e
from amqplab.wire import methods as m
from amqplab.wire.properties import Properties


class Stream:
    """A report that keeps what it hears, as real events."""

    def __init__(self) -> None:
        self.events: list[e.Event] = []

    def __call__(self, kind: type[e.Event], *fields: Any) -> int:
        self.events.append(kind(*fields))
        return len(self.events) - 1

    def since(self) -> list[e.Event]:
        """What happened since the last look."""
        seen, self.events = self.events, []
        return seen


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def peer(stream: Stream) -> Peer:
    """An open connection on a broker that reports, with channel 1 and queue q."""
    peer = World(report=stream).connect()
    peer.channel(1)
    peer.declare("q")
    stream.since()
    return peer


def test_the_life_of_a_connection(stream: Stream) -> None:
    world = World(report=stream)
    peer = world.connect(heartbeat=7)
    peer.channel(3)
    peer.send(3, m.Channel.Close())
    peer.send(0, m.Connection.Close(reply_code=200, reply_text="bye"))
    peer.vanish()
    assert stream.since() == [
        e.ConnectionAuthenticated("c1:1", "guest", "PLAIN"),
        e.ConnectionTuned("c1:1", 2047, 131072, 7),
        e.ConnectionOpened("c1:1", "guest", "/", ""),
        e.ChannelOpened("c1:1", 3),
        e.ChannelClosing("c1:1", 3, "client", 0, ""),
        e.ChannelClosed("c1:1", 3),
        e.ConnectionClosing("c1:1", "client", 200, "bye"),
        e.ConnectionClosed("c1:1", "closed by client"),
    ]


def test_topology(stream: Stream, peer: Peer) -> None:
    peer.send(
        1,
        m.Exchange.Declare(exchange="x", type="topic", auto_delete=True, arguments={"a": 1}),
        m.Queue.Declare(queue="p", exclusive=True, arguments={"x-max-length": 10, "y": True}),
        m.Queue.Bind(queue="p", exchange="x", routing_key="a.#", arguments={"b": "c"}),
        m.Queue.Bind(queue="p", exchange="x", routing_key="a.#", arguments={"b": "c"}),
        m.Queue.Delete(queue="p"),
    )
    assert stream.since() == [
        e.ExchangeDeclared("/", "x", "topic", False, True, False, "a=1"),
        e.QueueDeclared("/", "p", False, "c1:1", False, "x-max-length=10, y=true"),
        e.Bound("/", "x", "queue", "p", "a.#", "b=c"),
        e.Unbound("/", "x", "queue", "p", "a.#", "b=c"),
        e.ExchangeDeleted("/", "x", "auto-delete"),
        e.QueueDeleted("/", "p", "deleted"),
    ]


def test_the_life_of_a_message(stream: Stream, peer: Peer) -> None:
    peer.publish(key="q", body=b"hello", properties=Properties(delivery_mode=2))
    peer.consume("q", tag="t")
    peer.send(1, m.Basic.Nack(delivery_tag=1))
    peer.send(1, m.Basic.Ack(delivery_tag=2))
    assert stream.since() == [
        e.Published("/", 1, "c1:1", 1, "", "q", 5, False, True, 0),
        e.Routed("/", 1, "", "q", (), ("q",), ()),
        e.Enqueued("/", "q", 1, 0),
        e.ConsumerAdded("/", "q", "c1:1", 1, "t", False, False, 0, 0),
        e.Delivered("/", "q", 1, "c1:1", 1, "t", 1, False, False),
        e.Rejected("/", "q", 1, "c1:1", 1, 1, True),
        e.Requeued("/", "q", 1, 0, "rejected"),
        e.Delivered("/", "q", 1, "c1:1", 1, "t", 2, True, False),
        e.Acknowledged("/", "q", 1, "c1:1", 1, 2),
    ]


def test_matched_bindings_and_alternates_are_told(stream: Stream, peer: Peer) -> None:
    peer.send(
        1,
        m.Exchange.Declare(exchange="x", type="direct", arguments={"alternate-exchange": "amq.fanout"}),
        m.Queue.Bind(queue="q", exchange="amq.fanout", routing_key="any"),
    )
    stream.since()
    peer.publish(exchange="x", key="k")
    assert stream.since()[1] == e.Routed(
        "/", 1, "x", "k", (("amq.fanout", "queue", "q", "any"),), ("q",), ("amq.fanout",)
    )


def test_a_message_that_nobody_wants(stream: Stream, peer: Peer) -> None:
    peer.send(1, m.Confirm.Select())
    stream.since()
    peer.publish(exchange="amq.direct", key="k", mandatory=True)
    assert stream.since() == [
        e.Published("/", 1, "c1:1", 1, "amq.direct", "k", 2, True, False, 1),
        e.Routed("/", 1, "amq.direct", "k", (), (), ()),
        e.Unroutable("/", 1, "amq.direct", "k", True),
        e.Returned("/", 1, "c1:1", 1, 312, "NO_ROUTE"),
        e.Confirmed("c1:1", 1, 1, False, True),
    ]


def test_a_publish_that_is_refused(stream: Stream, peer: Peer) -> None:
    peer.publish(exchange="gone")
    text = "NOT_FOUND - no exchange 'gone' in vhost '/'"
    assert stream.since() == [
        e.PublishRefused("/", 1, text),
        e.ChannelClosing("c1:1", 1, "broker", 404, text),
    ]


def test_a_rejected_copy_is_buried_before_the_next_one_is_handed_out(stream: Stream, peer: Peer) -> None:
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"}
    peer.call(1, m.Queue.Declare(queue="work", arguments=arguments))
    for body in (b"1", b"2"):
        peer.publish(key="work", body=body)
    peer.call(1, m.Basic.Qos(prefetch_count=1))
    peer.call(1, m.Basic.Consume(queue="work", consumer_tag="c"))
    stream.since()
    peer.send(1, m.Basic.Reject(delivery_tag=1, requeue=False))
    told = [type(event) for event in stream.since()]
    assert [one for one in told if one in (e.DeadLettered, e.Delivered)] == [e.DeadLettered, e.Delivered]


def test_copies_end_with_their_queue_in_the_queue_or_in_hand(stream: Stream, peer: Peer) -> None:
    peer.publish(key="q")
    peer.publish(key="q")
    peer.send(1, m.Basic.Get(queue="q"))
    stream.since()
    peer.send(1, m.Queue.Delete(queue="q"), m.Basic.Ack(delivery_tag=1))
    assert stream.since() == [
        e.Discarded("/", "q", 2, "queue deleted"),
        e.Discarded("/", "q", 1, "queue deleted"),
        e.QueueDeleted("/", "q", "deleted"),
    ]


def test_the_rest_of_the_vocabulary(stream: Stream, peer: Peer) -> None:
    peer.publish(key="q")
    peer.publish(key="q")
    stream.since()
    peer.send(
        1,
        m.Basic.Qos(prefetch_count=3),
        m.Basic.Qos(prefetch_count=4, global_=True),
        m.Tx.Select(),
        m.Tx.Commit(),
        m.Tx.Rollback(),
        m.Basic.Get(queue="q"),
        m.Queue.Purge(queue="q"),
        m.Basic.Reject(delivery_tag=1, requeue=False),
        m.Tx.Commit(),
    )
    assert stream.since() == [
        e.PrefetchSet("c1:1", 1, 3, False),
        e.PrefetchSet("c1:1", 1, 4, True),
        e.ModeSelected("c1:1", 1, "tx"),
        e.TransactionEnded("c1:1", 1, "committed"),
        e.TransactionEnded("c1:1", 1, "rolled back"),
        e.Delivered("/", "q", 1, "c1:1", 1, "", 1, False, False),
        e.QueuePurged("/", "q", (2,)),
        e.SettlementHeld("/", "q", 1, "c1:1", 1, 1, "rejected"),
        e.Rejected("/", "q", 1, "c1:1", 1, 1, False),
        e.Discarded("/", "q", 1, "rejected"),
        e.TransactionEnded("c1:1", 1, "committed"),
    ]


def test_silence_of_a_client_is_told(stream: Stream) -> None:
    world = World(report=stream)
    world.connect(heartbeat=2)
    stream.since()
    world.sleep(6)
    assert stream.since() == [
        e.HeartbeatMissed("c1:1", 1),
        e.HeartbeatMissed("c1:1", 2),
        e.ConnectionClosed("c1:1", "missed heartbeats"),
    ]


def test_with_and_without_a_report_the_bytes_are_the_same(stream: Stream) -> None:
    def conversation(world: World) -> bytes:
        peer = world.connect()
        peer.channel(1)
        peer.declare("")
        peer.declare("q")
        peer.consume("q")
        for number in range(5):
            peer.publish(key="q", body=b"%d" % number)
        peer.send(1, m.Basic.Nack(delivery_tag=3, multiple=True), m.Queue.Delete(queue="q"))
        peer.send(0, m.Connection.Close())
        return peer.raw

    assert conversation(World()) == conversation(World(report=stream))
    assert stream.events


def test_what_a_transaction_holds_and_how_it_ends_is_told(stream: Stream, peer: Peer) -> None:
    peer.send(1, m.Tx.Select())
    peer.publish(key="q")
    stream.since()
    peer.send(1, m.Queue.Delete(queue="q"), m.Tx.Commit())
    assert [type(one) for one in stream.since()] == [e.QueueDeleted, e.Discarded, e.TransactionEnded]
    peer.publish(key="nowhere", mandatory=True)
    assert [type(one) for one in stream.since()] == [e.Published, e.Routed]
    peer.send(1, m.Tx.Commit())
    assert [type(one) for one in stream.since()] == [e.Unroutable, e.Returned, e.TransactionEnded]
    peer.publish(key="nowhere")
    peer.send(1, m.Channel.Close())
    assert e.TransactionEnded("c1:1", 1, "rolled back") in stream.since()


# --- who is the active consumer --------------------------------------------------------------------------


def alone(stream: Stream) -> tuple[World, Peer, Peer]:
    """A queue with a single active consumer, and two clients with a channel each."""
    world = World(report=stream)
    first, second = world.connect(), world.connect("c2:1")
    for peer in (first, second):
        peer.channel(1)
        peer.channel(2)
    first.declare("q", arguments={"x-single-active-consumer": True})
    stream.since()
    return world, first, second


def test_a_reader_of_a_stream_tells_where_it_begins(stream: Stream, peer: Peer) -> None:
    peer.declare("s", durable=True, arguments={"x-queue-type": "stream"})
    peer.send(1, m.Basic.Qos(prefetch_count=1))
    for offset in range(3):
        peer.publish(key="s", body=b"%d" % offset)
    stream.since()
    for tag, offset in (("a", "first"), ("b", 1), ("c", "last"), ("d", "next"), ("e", 9)):
        peer.send(1, m.Basic.Consume(queue="s", consumer_tag=tag, arguments={"x-stream-offset": offset}))
    started = [one.start for one in stream.since() if isinstance(one, e.ConsumerAdded)]
    assert started == [0, 1, 2, 3, 9]


def activated(stream: Stream) -> list[tuple[str, int, str]]:
    found = [one for one in stream.since() if isinstance(one, e.ConsumerActivated)]
    return [(one.connection, one.channel, one.consumer_tag) for one in found]


def test_the_first_consumer_is_active_and_the_next_one_waits(stream: Stream) -> None:
    _, first, second = alone(stream)
    first.consume("q", tag="a")
    assert stream.since() == [
        e.ConsumerAdded("/", "q", "c1:1", 1, "a", False, False, 0, 0),
        e.ConsumerActivated("/", "q", "c1:1", 1, "a"),
    ]
    second.consume("q", tag="b")
    assert stream.since() == [e.ConsumerAdded("/", "q", "c2:1", 1, "b", False, False, 0, 0)]
    first.publish(key="q")
    second.send(1, m.Basic.Cancel(consumer_tag="b"))
    assert activated(stream) == []


def test_who_takes_over_is_told_before_what_it_gets(stream: Stream) -> None:
    _, first, second = alone(stream)
    first.consume("q", tag="a")
    second.consume("q", tag="b")
    first.publish(key="q")
    stream.since()
    first.vanish()
    kinds = [type(one) for one in stream.since()]
    assert kinds.index(e.ConsumerRemoved) < kinds.index(e.ConsumerActivated) < kinds.index(e.Delivered)


def test_of_consumers_that_leave_together_none_takes_over(stream: Stream) -> None:
    _, first, second = alone(stream)
    first.consume("q", tag="a")
    first.consume("q", tag="b")
    first.send(2, m.Basic.Consume(queue="q", consumer_tag="c"))
    second.consume("q", tag="d")
    stream.since()
    first.vanish()
    assert activated(stream) == [("c2:1", 1, "d")]


@pytest.mark.parametrize("end", ["queue deleted", "power lost"])
def test_where_all_is_over_nobody_takes_over(stream: Stream, end: str) -> None:
    world, first, second = alone(stream)
    first.consume("q", tag="a")
    second.consume("q", tag="b")
    stream.since()
    if end == "power lost":
        world.broker.power_lost(world.now)
    else:
        first.send(1, m.Queue.Delete(queue="q"))
    assert activated(stream) == []


def test_other_queues_have_no_active_consumer(stream: Stream, peer: Peer) -> None:
    peer.consume("q", tag="t")
    assert activated(stream) == []


# --- policies --------------------------------------------------------------------------------------------


def test_a_policy_is_told_when_it_is_set_and_when_it_is_taken_back(stream: Stream) -> None:
    world = World(report=stream)
    policy = Policy(
        "p", "^q", {"dead-letter-exchange": "dlx", "max-length": 3}, apply_to="queues", priority=7
    )
    world.apply(world.broker.set_policy(policy, world.now))
    world.apply(world.broker.clear_policy("/", "p", world.now))
    assert stream.since() == [
        e.PolicySet("/", "p", "^q", "queues", "dead-letter-exchange=dlx, max-length=3", 7, False),
        e.PolicyDeleted("/", "p", False),
    ]


def test_a_policy_from_the_start_is_told_when_it_finds_something(stream: Stream) -> None:
    policies = (
        Policy("one", "^q", {"max-length": 3}, apply_to="queues"),
        Policy("bound", "^q", {"max-length": 2}, operator=True),
        Policy("rest", "^amq.direct$", {"alternate-exchange": "amq.fanout"}, apply_to="exchanges"),
    )
    world = World(report=stream, config=BrokerConfig(policies=policies))
    assert stream.since() == [
        e.PolicySet("/", "rest", "^amq.direct$", "exchanges", "alternate-exchange=amq.fanout", 0, False)
    ]
    peer = world.connect()
    peer.channel(1)
    peer.declare("p")
    stream.since()
    peer.declare("q")
    peer.declare("q2")
    told = stream.since()
    assert told[:2] == [
        e.PolicySet("/", "one", "^q", "queues", "max-length=3", 0, False),
        e.PolicySet("/", "bound", "^q", "all", "max-length=2", 0, True),
    ]
    assert [type(one) for one in told[2:]] == [e.QueueDeclared, e.QueueDeclared]


def test_a_policy_that_never_found_anything_is_not_taken_back_either(stream: Stream) -> None:
    world = World(report=stream, config=BrokerConfig(policies=(Policy("one", "^q", {"max-length": 3}),)))
    world.apply(world.broker.clear_policy("/", "one", world.now))
    assert stream.since() == []


def test_a_policy_from_the_start_holds_for_the_exchanges_that_are_always_there(stream: Stream) -> None:
    policy = Policy("rest", "^amq.direct$", {"alternate-exchange": "amq.fanout"}, apply_to="exchanges")
    peer = World(report=stream, config=BrokerConfig(policies=(policy,))).connect()
    peer.channel(1)
    peer.declare("q")
    peer.send(1, m.Queue.Bind(queue="q", exchange="amq.fanout"))
    stream.since()
    peer.publish(exchange="amq.direct", key="nobody's")
    assert [one.alternates for one in stream.since() if isinstance(one, e.Routed)] == [("amq.fanout",)]
