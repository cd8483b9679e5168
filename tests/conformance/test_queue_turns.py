"""QUEUE-71 … QUEUE-73, BASIC-21, BASIC-35, BASIC-36: which message is next, and whose it is."""

from __future__ import annotations

from queues import limited, published

from amqplab.wire.methods import Basic, Channel
from amqplab.wire.table import Int8

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


def test_QUEUE_72_bytes_too_are_counted_over_all_priorities(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_priority=3, max_length_bytes=4)
        published(peer, name, b"aa", priority=1)
        published(peer, name, b"bb", priority=3)
        published(peer, name, b"c", priority=0)
        assert peer.drain(name) == [b"aa", b"c"]


def test_QUEUE_64_QUEUE_71_urgency_does_not_make_room(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_priority=3, max_length=1, overflow="reject-publish")
        published(peer, name, b"a", priority=1)
        published(peer, name, b"b", priority=3)
        assert peer.drain(name) == [b"a"]


def test_QUEUE_71_what_is_more_urgent_overtakes_what_was_given_back(broker):
    with broker.connect() as peer:
        name = limited(broker, peer, max_priority=3)
        peer.call(Basic.Qos(prefetch_count=1), Basic.QosOk())
        peer.consume(name, "t")
        peer.publish(name, b"a", priority=1)
        message = peer.expect_message(body=b"a")
        peer.publish(name, b"b", priority=1)
        peer.publish(name, b"c", priority=3)
        peer.await_counts(name, (2, 1))
        peer.send(Basic.Reject(delivery_tag=message.tag, requeue=True))
        for body, redelivered in ((b"c", False), (b"a", True), (b"b", False)):
            message = peer.expect_message(body=body)
            assert message.method.redelivered == redelivered
            peer.send(Basic.Ack(delivery_tag=message.tag))
        peer.sync()


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


def test_BASIC_35_a_lost_channel_makes_way_and_leaves_its_messages_in_order(broker):
    with broker.connect(channels=3) as peer:
        name = limited(broker, peer, single_active_consumer=True)
        for channel, tag in ((1, "one"), (2, "two"), (3, "three")):
            peer.consume(name, tag, channel=channel)
        for body in (b"a", b"b"):
            peer.publish(name, body, channel=3)
        peer.deliveries(2)
        peer.call(Channel.Close(reply_code=200), Channel.CloseOk(), channel=1)
        again = peer.deliveries(2, channel=2)
        assert [(one.method.consumer_tag, one.body) for one in again] == [("two", b"a"), ("two", b"b")]
        assert all(one.method.redelivered for one in again)
        peer.send(Basic.Ack(delivery_tag=0, multiple=True), channel=2)
        peer.sync(2)


def test_BASIC_35_what_the_active_one_gives_back_it_gets_again(broker):
    with broker.connect(channels=2) as peer:
        name = limited(broker, peer, single_active_consumer=True)
        peer.consume(name, "active")
        peer.consume(name, "waiting", channel=2)
        peer.publish(name, b"a")
        peer.send(Basic.Reject(delivery_tag=peer.expect_message().tag, requeue=True))
        message = peer.expect_message(body=b"a")
        assert (message.method.consumer_tag, message.method.redelivered) == ("active", True)
        peer.send(Basic.Ack(delivery_tag=message.tag))
        peer.sync()
