"""QUEUE-32, QUEUE-60 … QUEUE-66, CONF-08, CONF-09 and TX-08: queues that are too long."""

from __future__ import annotations

import pytest
from queues import limited, published

from amqplab.wire.methods import Basic, Channel, Confirm, Queue, Tx


def test_QUEUE_60_only_ready_messages_count(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length=2)
        published(peer, name, b"a", b"b")
        held = [peer.get(name, no_ack=False) for _ in range(2)]
        published(peer, name, b"c", b"d")
        peer.await_counts(name, (2, 0))
        assert [one.body for one in held] == [b"a", b"b"]
        assert peer.drain(name) == [b"c", b"d"]


def test_QUEUE_60_bytes_are_those_of_bodies(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length_bytes=6)
        published(peer, name, b"aaa", b"bbb", headers={"long": "x" * 100}, message_id="y" * 100)
        peer.await_counts(name, (2, 0))
        published(peer, name, b"c")
        assert peer.drain(name) == [b"bbb", b"c"]


def test_QUEUE_61_the_head_is_dropped_until_the_rest_fits(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length=2)
        published(peer, name, b"a", b"b", b"c", b"d")
        assert peer.drain(name) == [b"c", b"d"]


def test_QUEUE_61_a_message_that_is_too_large_alone_goes_and_takes_all_others_along(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length_bytes=3)
        published(peer, name, b"a", b"b", b"cccc")
        assert peer.drain(name) == []


def test_QUEUE_62_what_comes_back_into_a_full_queue_is_at_the_head_and_goes(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length=1)
        published(peer, name, b"a")
        first = peer.get(name, no_ack=False)
        published(peer, name, b"b")
        peer.await_counts(name, (1, 0))
        peer.send(Basic.Reject(delivery_tag=first.tag, requeue=True))
        peer.sync()
        peer.await_counts(name, (1, 0))
        assert peer.drain(name) == [b"b"]


@pytest.mark.parametrize("how", ["nack", "close"])
def test_QUEUE_62_of_what_comes_back_the_oldest_goes_first(broker, how):
    with broker.connect(channels=2) as peer:
        dead = peer.queue(broker.fresh("dead"))
        name = limited(broker, peer, max_length=2, dead_letter_exchange="", dead_letter_routing_key=dead)
        published(peer, name, b"a", b"b")
        peer.await_counts(name, (2, 0))
        for _ in range(2):
            peer.get(name, no_ack=False, channel=2)
        published(peer, name, b"c")
        if how == "nack":
            peer.send(Basic.Nack(delivery_tag=0, multiple=True, requeue=True), channel=2)
        else:
            peer.call(Channel.Close(reply_code=200), Channel.CloseOk(), channel=2)
        peer.await_counts(dead, (1, 0))
        assert (peer.drain(name), peer.drain(dead)) == ([b"b", b"c"], [b"a"])


def test_QUEUE_62_QUEUE_64_a_queue_that_refuses_takes_back_what_it_had(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length=1, overflow="reject-publish")
        published(peer, name, b"a")
        peer.await_counts(name, (1, 0))
        first = peer.get(name, no_ack=False)
        published(peer, name, b"b")
        peer.await_counts(name, (1, 0))
        peer.send(Basic.Reject(delivery_tag=first.tag, requeue=True))
        peer.await_counts(name, (2, 0))
        published(peer, name, b"c")
        assert peer.drain(name) == [b"a", b"b"]


def test_QUEUE_61_both_limits_hold(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length=3, max_length_bytes=4)
        published(peer, name, b"aa", b"b", b"c", b"d")
        peer.await_counts(name, (3, 0))
        published(peer, name, b"ee")
        assert peer.drain(name) == [b"c", b"d", b"ee"]


@pytest.mark.parametrize("overflow", ["drop-head", "reject-publish"])
def test_QUEUE_60_messages_without_a_body_weigh_nothing(broker, overflow):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length_bytes=0, overflow=overflow)
        published(peer, name, b"", b"")
        peer.await_counts(name, (2, 0))
        published(peer, name, b"a")
        assert peer.drain(name) == ([] if overflow == "drop-head" else [b"", b""])


def test_QUEUE_63_a_publish_that_drops_others_is_confirmed(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length=0)
        peer.call(Confirm.Select(), Confirm.SelectOk())
        peer.publish(name, b"a")
        peer.expect(Basic.Ack(delivery_tag=1))
        assert peer.drain(name) == []


@pytest.mark.parametrize("overflow", ["reject-publish", "reject-publish-dlx"])
@pytest.mark.parametrize("limit", [{"max_length": 1}, {"max_length_bytes": 4}], ids=["messages", "bytes"])
def test_QUEUE_64_CONF_08_a_refused_publish_is_a_nack_and_no_message(broker, overflow, limit):
    with broker.connect() as peer:
        name = limited(broker, peer, overflow=overflow, **limit)
        published(peer, name, b"one", b"two")
        assert peer.drain(name) == [b"one"]
        published(peer, name, b"one")
        peer.call(Confirm.Select(), Confirm.SelectOk())
        peer.publish(name, b"two", mandatory=True)
        peer.expect(Basic.Nack(delivery_tag=1, multiple=True, requeue=True))
        assert peer.drain(name) == [b"one"]


@pytest.mark.parametrize("overflow", ["reject-publish", "reject-publish-dlx"])
def test_QUEUE_64_QUEUE_65_DLX_17_only_with_dlx_is_the_refused_message_a_dead_letter(broker, overflow):
    with broker.connect() as peer:
        dead = peer.queue(broker.fresh("dead"))
        name = limited(
            broker, peer, max_length=1, overflow=overflow, dead_letter_exchange="",
            dead_letter_routing_key=dead,
        )  # fmt: skip
        published(peer, name, b"one", b"two", message_id="same")
        peer.await_counts(name, (1, 0))
        if overflow == "reject-publish":
            assert peer.counts(dead) == (0, 0)
            return
        peer.await_counts(dead, (1, 0))
        letter = peer.get(dead)
        assert (letter.body, letter.properties.message_id) == (b"two", "same")
        assert letter.properties.headers["x-first-death-reason"] == "maxlen"


def test_CONF_09_one_of_two_queues_refuses(broker):
    with broker.connect() as peer:
        exchange = peer.exchange(broker.fresh("both"), "fanout", auto_delete=True)
        full = limited(broker, peer, max_length=0, overflow="reject-publish")
        free = peer.queue()
        peer.bind(full, exchange)
        peer.bind(free, exchange)
        peer.call(Confirm.Select(), Confirm.SelectOk())
        peer.publish("", b"a", exchange=exchange)
        peer.expect(Basic.Nack(delivery_tag=1, multiple=True, requeue=True))
        assert (peer.drain(full), peer.drain(free)) == ([], [b"a"])


def test_CONF_09_two_of_three_queues_refuse_and_that_is_one_nack_and_no_return(broker):
    with broker.connect() as peer:
        full = [limited(broker, peer, max_length=0, overflow="reject-publish") for _ in range(2)]
        free = peer.queue()
        peer.call(Confirm.Select(), Confirm.SelectOk())
        peer.publish(free, b"a", mandatory=True, headers={"CC": full})
        peer.expect(Basic.Nack(delivery_tag=1, multiple=True, requeue=True))
        assert peer.drain(free) == [b"a"]


def test_CONF_08_each_publish_has_its_own_answer(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length=1, overflow="reject-publish")
        peer.call(Confirm.Select(), Confirm.SelectOk())
        peer.publish(name, b"a")
        peer.expect(Basic.Ack(delivery_tag=1))
        for number in (2, 3):
            peer.publish(name, b"b")
            peer.expect(Basic.Nack(delivery_tag=number, multiple=True, requeue=True))
        assert peer.drain(name) == [b"a"]
        peer.publish(name, b"c")
        peer.expect(Basic.Ack(delivery_tag=4))


@pytest.mark.parametrize("ttl", [{}, {"message_ttl": 0}], ids=["lives", "expires at once"])
def test_QUEUE_65_room_comes_before_time(broker, ttl):
    with broker.connect() as peer:
        dead = peer.queue(broker.fresh("dead"))
        name = limited(
            broker, peer, max_length=0, overflow="reject-publish-dlx", dead_letter_exchange="",
            dead_letter_routing_key=dead, **ttl,
        )  # fmt: skip
        free = peer.queue()
        published(peer, free, b"a", headers={"CC": [name]}, expiration="50000")
        peer.await_counts(dead, (1, 0))
        (death,) = peer.get(dead).properties.headers["x-death"]
        assert (death["reason"], death["original-expiration"]) == ("maxlen", "50000")
        assert death["routing-keys"] == [free, name]
        assert peer.drain(free) == [b"a"]


def test_TX_08_QUEUE_65_a_refusal_at_commit_is_a_dead_letter_too(broker):
    with broker.connect() as peer:
        dead = peer.queue(broker.fresh("dead"))
        name = limited(
            broker, peer, max_length=0, overflow="reject-publish-dlx", dead_letter_exchange="",
            dead_letter_routing_key=dead,
        )  # fmt: skip
        peer.call(Tx.Select(), Tx.SelectOk())
        peer.publish(name, b"a")
        peer.send(Tx.Commit())
        peer.expect_channel_error(406, "PRECONDITION_FAILED - partial tx completion", (90, 20))
        peer.await_counts(dead, (1, 0))
        assert peer.get(dead).body == b"a"


def test_QUEUE_66_a_queue_without_room_still_hands_over(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length=0)
        peer.consume(name, "t", no_ack=True)
        for body in (b"a", b"b"):
            peer.publish(name, body)
            peer.expect_message(body=body)


def test_QUEUE_66_but_one_that_refuses_does_not(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length=0, overflow="reject-publish")
        peer.consume(name, "t", no_ack=True)
        peer.call(Confirm.Select(), Confirm.SelectOk())
        peer.publish(name, b"a")
        peer.expect(Basic.Nack(delivery_tag=1, multiple=True, requeue=True))


def test_TX_08_a_refusal_spoils_the_commit_and_not_the_others(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_length=1, overflow="reject-publish")
        free = peer.queue()
        peer.call(Tx.Select(), Tx.SelectOk())
        for queue in (name, free, name, free):
            peer.publish(queue, b"a")
        peer.send(Tx.Commit())
        peer.expect_channel_error(406, "PRECONDITION_FAILED - partial tx completion", (90, 20))
        peer.await_counts(name, (1, 0))
        peer.await_counts(free, (2, 0))


def test_QUEUE_32_purge_and_delete_make_no_dead_letters(broker):
    with broker.connect() as peer:
        dead = peer.queue(broker.fresh("dead"))
        name = limited(broker, peer, dead_letter_exchange="", dead_letter_routing_key=dead)
        published(peer, name, b"a", b"b")
        peer.call(Queue.Purge(queue=name), Queue.PurgeOk(2))
        published(peer, name, b"c")
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(1))
        assert peer.counts(dead) == (0, 0)
