"""BASIC-14 … BASIC-44: consumers, their turns, and their prefetch."""

from __future__ import annotations

import pytest
from patterns import matching

from amqplab.wire.methods import Basic, Channel, Queue

CONSUME = (60, 20)
GENERATED = r"amq\.ctag-[A-Za-z0-9_-]{22}"


def qos(peer, count, *, shared=False, channel=1):
    peer.call(Basic.Qos(prefetch_count=count, global_=shared), Basic.QosOk(), channel=channel)


def publish(peer, queue, *bodies, channel=1):
    for body in bodies:
        peer.publish(queue, body, channel=channel)


def stock(peer, queue, *bodies, channel=1):
    """Publish where nobody consumes yet, and wait until the broker has dealt with it."""
    publish(peer, queue, *bodies, channel=channel)
    peer.sync(channel)


def nothing_more(peer, channel=1):
    """What the queue could have delivered would have come by now."""
    peer.sync(channel)
    peer.expect_silence(0.15)
    peer.sync(channel)


# --- consume and cancel ------------------------------------------------------------------------------------


def test_BASIC_14_the_broker_names_a_consumer_without_a_tag(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.call(Basic.Consume(queue=queue), Basic.ConsumeOk(matching(GENERATED)))
        assert peer.consume(queue, "mine") == "mine"


def test_BASIC_15_a_tag_is_used_once_on_a_channel(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue()
        peer.consume(queue, "same")
        peer.consume(queue, "same", channel=2)
        peer.send(Basic.Consume(queue=queue, consumer_tag="same"))
        peer.expect_connection_error(530, "NOT_ALLOWED - attempt to reuse consumer tag 'same'", CONSUME)


def test_BASIC_15_after_a_cancel_it_is_free(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        for _ in range(2):
            peer.consume(queue, "same")
            peer.call(Basic.Cancel("same"), Basic.CancelOk("same"))


def test_BASIC_16_consume_ok_comes_before_the_first_delivery(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        stock(peer, queue, b"one")
        peer.send(Basic.Consume(queue=queue, consumer_tag="c"))
        assert peer.frame(1)[2] == Basic.ConsumeOk("c").encode()
        peer.expect_message(Basic.Deliver("c", 1, False, "", queue), body=b"one")


def test_BASIC_17_nowait_without_a_tag(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.send(Basic.Consume(queue=queue, nowait=True))
        peer.publish(queue, b"one")
        message = peer.expect_message(Basic.Deliver(matching(GENERATED), 1, False, "", queue))
        assert message.body == b"one"


def test_BASIC_18_no_local_means_nothing(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.consume(queue, "c", no_local=True)
        peer.publish(queue, b"mine")
        assert peer.deliveries(1)[0].body == b"mine"


def test_BASIC_19_without_acknowledgement_a_message_is_forgotten_when_sent(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        qos(peer, 1)
        peer.consume(queue, "c", no_ack=True)
        publish(peer, queue, b"one", b"two", b"three")
        assert [one.body for one in peer.deliveries(3)] == [b"one", b"two", b"three"]
        peer.send(Basic.Ack(1))
        peer.expect_channel_error(406, "PRECONDITION_FAILED - unknown delivery tag 1", (60, 80))
        peer.await_counts(queue, (0, 0))


@pytest.mark.parametrize(("first", "second"), [(False, True), (True, False), (True, True)])
def test_BASIC_20_an_exclusive_consumer_is_alone(broker, first, second):
    with broker.connect(channels=2) as peer:
        queue = peer.queue(broker.fresh("alone"))
        peer.consume(queue, "first", exclusive=first)
        peer.send(Basic.Consume(queue=queue, exclusive=second), channel=2)
        text = f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use"
        peer.expect_channel_error(403, text, CONSUME, channel=2)
        peer.call(Basic.Cancel("first"), Basic.CancelOk("first"))
        peer.consume(queue, channel=2, exclusive=True)


def test_BASIC_22_next_to_it_messages_can_be_got(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue()
        qos(peer, 1)
        peer.consume(queue, "c", exclusive=True)
        publish(peer, queue, b"one", b"two")
        peer.deliveries(1)
        assert peer.get(queue, channel=2).body == b"two"


@pytest.mark.parametrize(
    ("value", "kind"),
    [("yes", "longstr"), (1, "signedint"), ([True], "array")],
    ids=["text", "number", "list"],
)
def test_BASIC_24_cancel_on_ha_failover_is_true_or_false(broker, value, kind):
    """It only matters where queues are mirrored, but it is looked at everywhere."""
    with broker.connect() as peer:
        queue = peer.queue()
        peer.send(Basic.Consume(queue=queue, arguments={"x-cancel-on-ha-failover": value}))
        text = (
            f"PRECONDITION_FAILED - invalid arg 'x-cancel-on-ha-failover' for queue '{queue}' in vhost '/': "
            f"{{unacceptable_type,{kind}}}"
        )
        peer.expect_channel_error(406, text, CONSUME)
        for good in (True, False):
            peer.consume(queue, arguments={"x-cancel-on-ha-failover": good, "x-unknown": value})


def test_BASIC_24_an_offset_is_for_streams(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.send(Basic.Consume(queue=queue, arguments={"x-stream-offset": "first"}))
        text = (
            f"PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue '{queue}' in vhost '/' "
            "of queue type rabbit_classic_queue"
        )
        peer.expect_channel_error(406, text, CONSUME)


def test_BASIC_25_cancel_comes_after_what_is_on_its_way(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        stock(peer, queue, *[b"%d" % number for number in range(50)])
        peer.consume(queue, "c", no_ack=True)
        peer.send(Basic.Cancel("c"))
        taken = 0
        while (frame := peer.frame(1))[2] != Basic.CancelOk("c").encode():
            taken += frame[0] == 1
        assert taken + len(peer.drain(queue)) == 50


def test_BASIC_25_cancelling_nobody_is_fine(broker):
    with broker.connect() as peer:
        peer.call(Basic.Cancel("nobody"), Basic.CancelOk("nobody"))
        peer.send(Basic.Cancel("nobody", nowait=True))
        peer.sync()


def test_BASIC_26_what_a_cancelled_consumer_holds_may_be_acknowledged_later(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        stock(peer, queue, b"one", b"two")
        peer.consume(queue, "c")
        first, second = peer.deliveries(2)
        peer.call(Basic.Cancel("c"), Basic.CancelOk("c"))
        peer.send(Basic.Ack(first.tag), Basic.Reject(second.tag, requeue=True))
        assert peer.get(queue).body == b"two"
        assert peer.get(queue) is None


def test_BASIC_27_BASIC_28_who_cannot_be_told_goes_silent(broker):
    with broker.connect(channels=2) as peer, broker.connect(capabilities={}) as deaf:
        queue = peer.queue(broker.fresh("doomed"), exclusive=False)
        deaf.consume(queue, "deaf")
        peer.consume(queue, "told", channel=2)
        peer.call(Queue.Delete(queue=queue), Queue.DeleteOk(0))
        peer.expect(Basic.Cancel("told", nowait=True), channel=2)
        nothing_more(deaf)


def test_BASIC_29_its_deliveries_remain_acknowledgeable(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue()
        stock(peer, queue, b"one")
        peer.consume(queue, "c")
        held = peer.deliveries(1)[0]
        peer.call(Queue.Delete(queue=queue), Queue.DeleteOk(0), channel=2)
        peer.expect(Basic.Cancel("c", nowait=True))
        peer.send(Basic.Ack(held.tag))
        peer.sync()


@pytest.mark.parametrize(("value", "kind"), [("high", "longstr"), (1.5, "double"), (True, "bool")])
def test_BASIC_23_a_priority_is_an_integer(broker, value, kind):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.consume(queue, arguments={"x-priority": -5})
        peer.send(Basic.Consume(queue=queue, arguments={"x-priority": value}))
        text = (
            f"PRECONDITION_FAILED - invalid arg 'x-priority' for queue '{queue}' in vhost '/': "
            f'"expected integer, got {kind}"'
        )
        peer.expect_channel_error(406, text, CONSUME)


# --- whose turn it is --------------------------------------------------------------------------------------


def test_BASIC_30_consumers_take_turns(broker):
    with broker.connect(channels=2) as peer, broker.connect() as other:
        queue = peer.queue(broker.fresh("shared"), exclusive=False)
        peer.consume(queue, "a")
        peer.consume(queue, "b", channel=2)
        other.consume(queue, "c")
        publish(peer, queue, *[b"%d" % number for number in range(6)])
        for who, channel, bodies in (
            (peer, 1, [b"0", b"3"]),
            (peer, 2, [b"1", b"4"]),
            (other, 1, [b"2", b"5"]),
        ):
            assert [one.body for one in who.deliveries(2, channel)] == bodies
        peer.send(Queue.Delete(queue=queue, nowait=True))
        for who, tag, channel in ((peer, "a", 1), (peer, "b", 2), (other, "c", 1)):
            who.expect(Basic.Cancel(tag, nowait=True), channel=channel)


def test_BASIC_31_the_first_to_come_takes_the_backlog(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue()
        stock(peer, queue, *[b"x"] * 20)
        peer.consume(queue, "first")
        peer.consume(queue, "second", channel=2)
        assert len(peer.deliveries(20)) == 20
        nothing_more(peer, channel=2)


def test_BASIC_32_a_full_consumer_is_skipped_and_rejoins_at_the_tail(broker):
    with broker.connect(channels=3) as peer:
        queue = peer.queue()
        for channel in (1, 2):
            qos(peer, 1, channel=channel)
            peer.consume(queue, "c", channel=channel)
        publish(peer, queue, b"one", b"two", b"three", channel=3)
        first, second = peer.deliveries(1)[0], peer.deliveries(1, 2)[0]
        assert (first.body, second.body) == (b"one", b"two")
        peer.send(Basic.Ack(second.tag), channel=2)
        assert peer.deliveries(1, 2)[0].body == b"three"
        peer.send(Basic.Ack(first.tag))
        publish(peer, queue, b"four", channel=3)
        assert peer.deliveries(1)[0].body == b"four"


def test_BASIC_33_a_higher_priority_goes_first_until_it_is_full(broker):
    with broker.connect(channels=3) as peer:
        queue = peer.queue()
        peer.consume(queue, "low")
        qos(peer, 2, channel=2)
        peer.consume(queue, "high", channel=2, arguments={"x-priority": 10})
        publish(peer, queue, b"one", b"two", b"three", channel=3)
        assert [one.body for one in peer.deliveries(2, 2)] == [b"one", b"two"]
        assert peer.deliveries(1)[0].body == b"three"


# --- prefetch ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 4_294_967_295])
@pytest.mark.parametrize("shared", [False, True])
def test_BASIC_37_prefetch_in_octets_is_not_implemented(broker, size, shared):
    with broker.connect() as peer:
        peer.send(Basic.Qos(prefetch_size=size, global_=shared))
        peer.expect_connection_error(540, f"NOT_IMPLEMENTED - prefetch_size!=0 ({size})", (60, 10))


def test_BASIC_38_BASIC_44_each_new_consumer_has_a_limit_of_its_own(broker):
    with broker.connect(channels=2) as peer:
        first, second, third = (peer.queue(channel=2) for _ in range(3))
        for queue in (first, second, third):
            stock(peer, queue, *[b"x"] * 5, channel=2)
        qos(peer, 2)
        peer.consume(first, "two")
        held = peer.deliveries(2)
        qos(peer, 3)
        peer.consume(second, "three")
        peer.deliveries(3)
        qos(peer, 0)
        peer.consume(third, "all")
        peer.deliveries(5)
        peer.send(Basic.Ack(held[0].tag))
        assert peer.deliveries(1)[0].method.consumer_tag == "two"
        nothing_more(peer)


def test_BASIC_39_a_limit_for_the_whole_channel(broker):
    with broker.connect(channels=2) as peer:
        queues = [peer.queue(channel=2) for _ in range(2)]
        for queue in queues:
            stock(peer, queue, *[b"x"] * 3, channel=2)
        qos(peer, 4, shared=True)
        peer.consume(queues[0], "first")
        held = peer.deliveries(3)
        peer.consume(queues[1], "second")
        peer.deliveries(1)
        nothing_more(peer)
        peer.send(Basic.Ack(held[0].tag))
        peer.deliveries(1)
        nothing_more(peer)
        qos(peer, 0, shared=True)
        peer.deliveries(1)


def test_BASIC_40_BASIC_42_both_limits_must_have_room(broker):
    with broker.connect(channels=2) as peer:
        queues = [peer.queue(channel=2) for _ in range(2)]
        for queue in queues:
            stock(peer, queue, *[b"x"] * 3, channel=2)
        qos(peer, 2)
        qos(peer, 3, shared=True)
        peer.consume(queues[0], "first")
        held = peer.deliveries(2)
        nothing_more(peer)
        peer.consume(queues[1], "second")
        peer.deliveries(1)
        nothing_more(peer)
        peer.send(Basic.Ack(held[0].tag))
        peer.deliveries(1)
        nothing_more(peer)


def test_BASIC_41_a_limit_per_consumer_ends_the_shared_one(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue(channel=2)
        stock(peer, queue, *[b"x"] * 3, channel=2)
        qos(peer, 1, shared=True)
        peer.consume(queue)
        peer.deliveries(1)
        nothing_more(peer)
        qos(peer, 5)
        peer.deliveries(2)


def test_BASIC_43_what_is_got_is_not_counted(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue(channel=2)
        stock(peer, queue, *[b"x"] * 5, channel=2)
        qos(peer, 1)
        qos(peer, 2, shared=True)
        for _ in range(3):
            assert peer.get(queue, no_ack=False) is not None
        peer.consume(queue)
        peer.deliveries(1)
        nothing_more(peer)


def test_BASIC_43_nor_does_a_full_consumer_keep_one_from_getting(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        qos(peer, 1)
        peer.consume(queue)
        publish(peer, queue, b"one", b"two")
        peer.deliveries(1)
        assert peer.get(queue, no_ack=False).body == b"two"
        peer.call(Channel.Close(200), Channel.CloseOk())
        peer.open_channel(1)
        assert peer.drain(queue) == [b"one", b"two"]
