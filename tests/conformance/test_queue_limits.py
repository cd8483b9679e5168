"""QUEUE-23, QUEUE-32, QUEUE-60 … QUEUE-73: queues that are too long, messages too old, and priorities."""

from __future__ import annotations

import pytest

from amqplab.wire.methods import Basic, Confirm, Queue, Tx
from amqplab.wire.table import Int8

DECLARE = (50, 10)


def not_found(name):
    return f"NOT_FOUND - no queue '{name}' in vhost '/'"


def limited(broker, peer, **arguments):
    """A queue with these arguments (underscores for hyphens, without the x-)."""
    table = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
    return peer.queue(broker.fresh("limited"), arguments=table)


def published(peer, queue, *bodies, **properties):
    for body in bodies:
        peer.publish(queue, body, **properties)
    peer.sync()


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
        name = peer.queue(broker.fresh("leased"), exclusive=False, arguments={"x-expires": 900})
        for _ in range(3):
            peer.expect_silence(0.6)
            if way == "get":
                assert peer.get(name) is None
            else:
                again = Queue.Declare(queue=name, passive=way == "passive", arguments={"x-expires": 900})
                peer.call(again, Queue.DeclareOk)
        peer.expect_silence(1.6)
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


# --- length ------------------------------------------------------------------------------------------------


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


# --- priorities --------------------------------------------------------------------------------------------


def test_QUEUE_71_higher_priorities_first_and_in_order_within_one(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_priority=Int8(5))
        for body, priority in ((b"a", 1), (b"b", None), (b"c", 5), (b"d", 200), (b"e", 1), (b"f", 0)):
            published(peer, name, body, **({} if priority is None else {"priority": priority}))
        peer.await_counts(name, (6, 0))
        got = [peer.get(name) for _ in range(6)]
        assert [one.body for one in got] == [b"c", b"d", b"a", b"e", b"b", b"f"]
        assert [one.properties.priority for one in got] == [5, 200, 1, 1, None, 0]


def test_QUEUE_71_a_returned_message_goes_to_its_place_within_its_priority(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_priority=9)
        published(peer, name, b"a", b"b", priority=1)
        published(peer, name, b"c", priority=9)
        held = [peer.get(name, no_ack=False) for _ in range(2)]
        assert [one.body for one in held] == [b"c", b"a"]
        published(peer, name, b"d", priority=9)
        peer.send(Basic.Nack(delivery_tag=0, multiple=True, requeue=True))
        peer.sync()
        peer.await_counts(name, (4, 0))
        assert peer.drain(name) == [b"c", b"d", b"a", b"b"]


def test_QUEUE_72_a_full_priority_queue_drops_its_most_urgent_message(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_priority=5, max_length=2)
        published(peer, name, b"low", priority=1)
        published(peer, name, b"high", priority=5)
        published(peer, name, b"lower", priority=0)
        assert peer.drain(name) == [b"low", b"lower"]


def test_QUEUE_73_elsewhere_priorities_mean_nothing(broker):
    with broker.connect() as peer:
        name = peer.queue()
        published(peer, name, b"a", priority=0)
        published(peer, name, b"b", priority=9)
        assert peer.drain(name) == [b"a", b"b"]


# --- one active consumer -----------------------------------------------------------------------------------


def test_BASIC_21_an_exclusive_consumer_and_a_single_active_one_exclude_each_other(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, single_active_consumer=True)
        peer.send(Basic.Consume(queue=name, exclusive=True))
        text = f"ACCESS_REFUSED - queue '{name}' in vhost '/' in exclusive use"
        peer.expect_channel_error(403, text, (60, 20))


def test_BASIC_35_the_first_comer_gets_everything_and_priority_decides_who_is_next(broker):
    with broker.connect(channels=4) as peer:
        name = limited(broker, peer, single_active_consumer=True)
        peer.consume(name, "first", no_ack=True)
        peer.consume(name, "waits longest", channel=2, no_ack=True)
        peer.consume(name, "urgent", channel=3, no_ack=True, arguments={"x-priority": 5})
        peer.consume(name, "as urgent", channel=4, no_ack=True, arguments={"x-priority": 5})
        peer.publish(name, b"a")
        assert peer.expect_message(body=b"a").method.consumer_tag == "first"
        for leaving, channel, coming, next_channel in (
            ("first", 1, "urgent", 3),
            ("urgent", 3, "as urgent", 4),
            ("as urgent", 4, "waits longest", 2),
        ):
            peer.call(Basic.Cancel(consumer_tag=leaving), Basic.CancelOk, channel=channel)
            peer.publish(name, b"b")
            assert peer.expect_message(channel=next_channel).method.consumer_tag == coming


def test_BASIC_35_nobody_steps_in_for_one_whose_hands_are_full(broker):
    with broker.connect(channels=2) as peer:
        name = limited(broker, peer, single_active_consumer=True)
        peer.call(Basic.Qos(prefetch_count=1), Basic.QosOk())
        peer.consume(name, "active")
        peer.consume(name, "waiting", channel=2)
        peer.publish(name, b"a")
        peer.publish(name, b"b")
        (first,) = peer.deliveries(1)
        peer.await_counts(name, (1, 2))
        peer.send(Basic.Ack(delivery_tag=first.tag))
        peer.expect_message(body=b"b")


def test_BASIC_36_what_the_old_one_holds_stays_with_it_and_what_it_rejects_goes_to_the_new_one(broker):
    with broker.connect(channels=2) as peer:
        name = limited(broker, peer, single_active_consumer=True)
        tag = peer.consume(name, "old")
        peer.consume(name, "new", channel=2)
        peer.publish(name, b"a")
        peer.publish(name, b"b")
        held = peer.deliveries(2)
        peer.call(Basic.Cancel(consumer_tag=tag), Basic.CancelOk)
        peer.await_counts(name, (0, 1))
        peer.send(Basic.Reject(delivery_tag=held[0].tag, requeue=True))
        assert peer.expect_message(channel=2, body=b"a").method.redelivered
        peer.send(Basic.Ack(delivery_tag=held[1].tag))
        peer.sync()


def test_BASIC_35_basic_get_is_still_allowed(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, single_active_consumer=True)
        published(peer, name, b"a")
        assert peer.get(name).body == b"a"
