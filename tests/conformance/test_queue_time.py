"""QUEUE-23, QUEUE-67 … QUEUE-70: queues that nobody uses, and messages that are too old."""

from __future__ import annotations

import pytest
from queues import limited, published

from amqplab.wire.methods import Basic, Queue

DECLARE = (50, 10)


def not_found(name):
    return f"NOT_FOUND - no queue '{name}' in vhost '/'"


# --- the queue itself expires ------------------------------------------------------------------------------


@pytest.mark.waits
def test_QUEUE_23_a_queue_that_nobody_uses_expires_and_its_messages_with_it(broker):
    with broker.connect() as peer:
        dead = peer.queue(broker.fresh("dead"))
        arguments = {
            "x-expires": 600,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": dead,
        }
        name = peer.queue(broker.fresh("leased"), exclusive=False, arguments=arguments)
        published(peer, name, b"a")
        peer.expect_silence(1.4)
        peer.send(Queue.Declare(queue=name, passive=True))
        peer.expect_channel_error(404, not_found(name), DECLARE)
        assert peer.counts(dead) == (0, 0)


@pytest.mark.waits
@pytest.mark.parametrize("way", ["get", "passive", "active"])
def test_QUEUE_23_looking_at_it_renews_the_lease(broker, way):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("leased"), exclusive=False, arguments={"x-expires": 1700})
        for _ in range(3):
            peer.expect_silence(0.8)
            if way == "get":
                assert peer.get(name) is None
            else:
                again = Queue.Declare(queue=name, passive=way == "passive", arguments={"x-expires": 1700})
                peer.call(again, Queue.DeclareOk)
        peer.expect_silence(2.5)
        peer.send(Queue.Declare(queue=name, passive=True))
        peer.expect_channel_error(404, not_found(name), DECLARE)


@pytest.mark.waits
def test_QUEUE_23_a_consumer_suspends_it_and_its_leaving_starts_it_anew(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("leased"), exclusive=False, arguments={"x-expires": 500})
        tag = peer.consume(name)
        peer.expect_silence(1.2)
        peer.call(Basic.Cancel(consumer_tag=tag), Basic.CancelOk)
        peer.call(Queue.Declare(queue=name, passive=True), Queue.DeclareOk(name, 0, 0))
        peer.expect_silence(1.2)
        peer.send(Queue.Declare(queue=name, passive=True))
        peer.expect_channel_error(404, not_found(name), DECLARE)


# --- time to live ------------------------------------------------------------------------------------------


@pytest.mark.waits
def test_QUEUE_67_the_smaller_ttl_counts(broker):
    with broker.connect() as peer:
        short = limited(broker, peer, message_ttl=300)
        long = limited(broker, peer, message_ttl=60000)
        for queue in (short, long):
            published(peer, queue, b"none")
            published(peer, queue, b"longer", expiration="30000")
            published(peer, queue, b"shorter", expiration="600")
        peer.expect_silence(1.4)
        assert peer.drain(short) == []
        assert peer.drain(long) == [b"none", b"longer"]


@pytest.mark.waits
def test_QUEUE_67_only_the_head_expires(broker):
    with broker.connect() as peer:
        name = peer.queue()
        published(peer, name, b"short", expiration="300")
        published(peer, name, b"live")
        published(peer, name, b"late", expiration="300")
        published(peer, name, b"last")
        peer.expect_silence(1.2)
        assert peer.counts(name) == (3, 0)
        assert peer.drain(name) == [b"live", b"last"]


@pytest.mark.waits
def test_QUEUE_68_QUEUE_70_the_clock_does_not_stop_in_the_consumers_hands(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, message_ttl=500)
        published(peer, name, b"a")
        held = peer.get(name, no_ack=False)
        peer.expect_silence(1.2)
        peer.send(Basic.Reject(delivery_tag=held.tag, requeue=True))
        peer.sync()
        peer.await_counts(name, (0, 0))


@pytest.mark.parametrize("way", ["queue", "message"])
def test_QUEUE_69_no_time_to_live_is_just_enough_for_a_consumer_who_waits(broker, way):
    with broker.connect() as peer:
        name = limited(broker, peer, message_ttl=0) if way == "queue" else peer.queue()
        properties = {} if way == "queue" else {"expiration": "0"}
        published(peer, name, b"lost", **properties)
        assert peer.counts(name) == (0, 0)
        peer.consume(name, "t", no_ack=True)
        peer.publish(name, b"seen", **properties)
        peer.expect_message(body=b"seen")


def test_QUEUE_69_who_gives_it_back_gives_it_up(broker):
    with broker.connect() as peer:
        dead = peer.queue(broker.fresh("dead"))
        name = limited(broker, peer, message_ttl=0, dead_letter_exchange="", dead_letter_routing_key=dead)
        peer.consume(name, "t")
        peer.publish(name, b"a")
        peer.send(Basic.Reject(delivery_tag=peer.expect_message().tag, requeue=True))
        peer.await_counts(dead, (1, 0))
        assert peer.counts(name) == (0, 1)


def test_QUEUE_69_a_consumer_whose_hands_are_full_is_not_ready(broker):
    with broker.connect() as peer:
        dead = peer.queue(broker.fresh("dead"))
        name = limited(broker, peer, message_ttl=0, dead_letter_exchange="", dead_letter_routing_key=dead)
        peer.call(Basic.Qos(prefetch_count=1), Basic.QosOk())
        peer.consume(name, "t")
        for body in (b"a", b"b"):
            peer.publish(name, body)
        peer.expect_message(body=b"a")
        peer.await_counts(dead, (1, 0))
        assert peer.get(dead).body == b"b"


@pytest.mark.waits
def test_QUEUE_67_QUEUE_71_there_is_one_head_for_all_priorities(broker):
    """What expired behind a higher priority still counts until somebody takes what stands before it."""
    with broker.connect() as peer:
        name = limited(broker, peer, max_priority=3)
        published(peer, name, b"high", priority=3)
        published(peer, name, b"low", priority=0, expiration="200")
        published(peer, name, b"low and live", priority=0)
        published(peer, name, b"middle", priority=2, expiration="200")
        peer.expect_silence(1)
        assert peer.counts(name) == (4, 0)
        assert peer.drain(name) == [b"high", b"low and live"]


@pytest.mark.waits
def test_QUEUE_23_publishing_and_giving_back_do_not_renew_the_lease(broker):
    with broker.connect() as peer:
        dead = peer.queue(broker.fresh("dead"))
        arguments = {"x-expires": 700, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
        name = peer.queue(broker.fresh("leased"), exclusive=False, arguments=arguments)
        published(peer, name, b"a")
        peer.await_counts(name, (1, 0))
        held = peer.get(name, no_ack=False)
        for _ in range(4):
            peer.expect_silence(0.35)
            published(peer, name, b"b")
        peer.send(Basic.Reject(delivery_tag=held.tag, requeue=False))
        peer.send(Queue.Declare(queue=name, passive=True))
        peer.expect_channel_error(404, not_found(name), DECLARE)
        assert peer.counts(dead) == (0, 0)
