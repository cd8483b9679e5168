"""QUORUM-01 … QUORUM-18 and BASIC-45: a quorum queue, as the clients of a single node see it."""

from __future__ import annotations

import contextlib

import pytest

from amqplab.wire.methods import Basic, Channel, Confirm, Queue, Tx
from amqplab.wire.table import Int64


@contextlib.contextmanager
def quorum(broker, peer, **arguments):
    """A quorum queue with these arguments (underscores for hyphens, without the x-), for a while."""
    table = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
    name = broker.fresh("quorum")
    declare = Queue.Declare(queue=name, durable=True, arguments=table | {"x-queue-type": "quorum"})
    peer.call(declare, Queue.DeclareOk(name, 0, 0))
    yield name
    with broker.connect() as other:
        other.call(Queue.Delete(queue=name), Queue.DeleteOk)


def published(peer, queue, *bodies, **properties):
    """Published, and there."""
    ready = peer.counts(queue)[0]
    for body in bodies:
        peer.publish(queue, body, **properties)
    peer.await_counts(queue, (ready + len(bodies), 0))


def count(message):
    """x-delivery-count, None if it is not there."""
    headers = message.properties.headers
    found = None if headers is None else headers.get("x-delivery-count")
    assert found is None or isinstance(found, Int64)
    return found


def seen(peer, queue):
    """(body, redelivered, count) of everything that can be got."""
    found = []
    while (message := peer.get(queue)) is not None:
        found.append((message.body, message.method.redelivered, count(message)))
    return found


def test_QUORUM_02_get_always_tells_how_often_a_message_came_back(broker):
    with broker.connect() as peer, quorum(broker, peer) as name:
        published(peer, name, b"a", headers={"zebra": 1, "ant": 2})
        for times in range(3):
            peer.await_counts(name, (1, 0))
            message = peer.get(name, no_ack=False)
            assert (message.method.redelivered, count(message)) == (times > 0, times)
            assert [key for key, _ in message.properties.headers.pairs] == [
                "ant",
                "x-delivery-count",
                "zebra",
            ]
            peer.send(Basic.Reject(delivery_tag=message.tag, requeue=True))
            peer.sync()


def test_QUORUM_02_QUORUM_03_a_consumer_hears_of_it_from_the_second_time_on(broker):
    with broker.connect(capabilities={}) as peer, quorum(broker, peer) as name:
        peer.consume(name, "t")
        peer.publish(name, b"a")
        for times in range(3):
            message = peer.expect_message(body=b"a")
            assert (message.method.redelivered, count(message)) == (times > 0, times or None)
            if times == 0:
                assert message.properties.headers is None
            peer.send(Basic.Nack(delivery_tag=message.tag, requeue=True))
        message = peer.expect_message(body=b"a")
        peer.send(Basic.Ack(delivery_tag=message.tag))
        peer.sync()


@pytest.mark.parametrize("limit", [0, 1, -1])
def test_QUORUM_04_a_message_that_came_back_too_often_is_given_up(broker, limit):
    with broker.connect() as peer:
        dead = peer.queue()
        letters = {"dead_letter_exchange": "", "dead_letter_routing_key": dead}
        with quorum(broker, peer, delivery_limit=limit, **letters) as name:
            published(peer, name, b"a", headers={"h": 1})
            for _ in range(max(limit, 0) + 1):
                peer.await_counts(name, (1, 0))
                tag = peer.get(name, no_ack=False).tag
                peer.send(Basic.Reject(delivery_tag=tag, requeue=True))
                peer.sync()
            peer.await_counts(dead, (1, 0))
            headers = peer.get(dead).properties.headers
            assert headers["x-first-death-reason"] == "delivery_limit"
            assert (headers["h"], "x-delivery-count" in headers) == (1, False)
            assert peer.get(name) is None


def test_QUORUM_04_without_a_limit_there_is_none(broker):
    with broker.connect(capabilities={}) as peer, quorum(broker, peer) as name:
        peer.consume(name, "t")
        peer.publish(name, b"a")
        for _ in range(25):
            peer.send(Basic.Reject(delivery_tag=peer.expect_message().tag, requeue=True))
        last = peer.expect_message()
        assert count(last) == 25
        peer.send(Basic.Ack(delivery_tag=last.tag))
        peer.sync()


@pytest.mark.parametrize("how", ["reject", "recover"])
def test_QUORUM_05_without_a_limit_what_is_given_back_goes_to_the_tail(broker, how):
    with broker.connect() as peer, quorum(broker, peer) as name:
        published(peer, name, b"a", b"b", b"c", b"d")
        held = [peer.get(name, no_ack=False) for _ in range(3)]
        if how == "recover":
            peer.call(Basic.Recover(requeue=True), Basic.RecoverOk())
            back = [b"a", b"b", b"c"]
        else:
            peer.send(*(Basic.Reject(delivery_tag=held[at].tag, requeue=True) for at in (2, 0)))
            back = [b"c", b"a"]
        peer.await_counts(name, (1 + len(back), 3 - len(back)))
        assert seen(peer, name) == [(b"d", False, 0), *((body, True, 1) for body in back)]


@pytest.mark.parametrize("limit", [5, "often"])
def test_QUORUM_05_with_a_limit_it_goes_to_the_front_in_the_order_of_its_coming_back(broker, limit):
    with broker.connect() as peer, quorum(broker, peer, delivery_limit=limit) as name:
        published(peer, name, b"a", b"b", b"c", b"d")
        held = [peer.get(name, no_ack=False) for _ in range(3)]
        peer.send(*(Basic.Reject(delivery_tag=held[at].tag, requeue=True) for at in (2, 0)))
        peer.await_counts(name, (3, 1))
        assert seen(peer, name) == [(b"c", True, 1), (b"a", True, 1), (b"d", False, 0)]


@pytest.mark.parametrize("arguments", [{}, {"delivery_limit": 5}], ids=["no limit", "limit"])
def test_QUORUM_05_what_a_channel_leaves_behind_goes_to_the_front(broker, arguments):
    with broker.connect(channels=2) as peer, quorum(broker, peer, **arguments) as name:
        published(peer, name, b"a", b"b", b"c")
        for _ in range(2):
            peer.get(name, no_ack=False, channel=2)
        peer.call(Channel.Close(reply_code=200), Channel.CloseOk(), channel=2)
        peer.await_counts(name, (3, 0))
        assert seen(peer, name) == [(b"a", True, 1), (b"b", True, 1), (b"c", False, 0)]


def test_QUORUM_06_BASIC_45_no_shared_window(broker):
    with broker.connect() as peer:
        peer.call(Basic.Qos(prefetch_count=2, global_=True), Basic.QosOk())
        with quorum(broker, peer) as name:
            peer.send(Basic.Consume(queue=name))
            text = f"NOT_IMPLEMENTED - queue '{name}' in vhost '/' does not support global qos"
            peer.expect_connection_error(540, text, (60, 20))


@pytest.mark.parametrize(
    "flags", [{"if_unused": True}, {"if_empty": True}, {"if_unused": True, "if_empty": True}]
)
def test_QUORUM_07_no_conditions_when_it_is_deleted(broker, flags):
    flag = next(iter(flags)).replace("_", "-")
    with broker.connect() as peer, quorum(broker, peer) as name:
        peer.send(Queue.Delete(queue=name, **flags))
        text = (
            f"NOT_IMPLEMENTED - cannot delete queue '{name}' in vhost '/'. queue.delete operations with "
            f"{flag} flag set are not supported by quorum queues"
        )
        peer.expect_connection_error(540, text, (50, 40))


@pytest.mark.parametrize("value", [True, "yes"])
def test_BASIC_24_cancel_on_ha_failover_is_for_classic_queues(broker, value):
    with broker.connect() as peer, quorum(broker, peer) as name:
        peer.send(Basic.Consume(queue=name, arguments={"x-cancel-on-ha-failover": value}))
        text = (
            f"PRECONDITION_FAILED - invalid arg 'x-cancel-on-ha-failover' for queue '{name}' in vhost '/' "
            "of queue type rabbit_quorum_queue"
        )
        peer.expect_channel_error(406, text, (60, 20))


def test_QUORUM_08_no_get_beside_a_single_active_consumer(broker):
    with broker.connect() as peer, quorum(broker, peer, single_active_consumer=True) as name:
        peer.send(Basic.Get(queue=name))
        text = (
            f"RESOURCE_LOCKED - cannot obtain access to locked queue '{name}' in vhost '/'. basic.get "
            "operations are not supported by quorum queues with single active consumer"
        )
        peer.expect_channel_error(405, text, (60, 70))


def test_QUORUM_09_nobody_has_it_for_himself(broker):
    with broker.connect() as peer, quorum(broker, peer) as name:
        peer.consume(name, "a", exclusive=True)
        peer.consume(name, "b")
        peer.consume(name, "c", exclusive=True)
        peer.await_counts(name, (0, 3))
        for tag in "abc":
            peer.call(Basic.Cancel(consumer_tag=tag), Basic.CancelOk)


def test_QUORUM_10_messages_that_were_got_count_as_consumers(broker):
    with broker.connect() as peer, quorum(broker, peer) as name:
        published(peer, name, b"a", b"b", b"c", b"d")
        tags = [peer.get(name, no_ack=False).tag for _ in range(3)]
        peer.get(name)
        peer.await_counts(name, (0, 3))
        peer.send(Basic.Ack(delivery_tag=tags[0]), Basic.Reject(delivery_tag=tags[1], requeue=False))
        peer.send(Basic.Reject(delivery_tag=tags[2], requeue=True))
        peer.await_counts(name, (1, 0))


def test_QUORUM_10_purge_counts_what_came_back(broker):
    with broker.connect() as peer, quorum(broker, peer) as name:
        published(peer, name, b"a", b"b")
        tag = peer.get(name, no_ack=False).tag
        peer.send(Basic.Reject(delivery_tag=tag, requeue=True))
        peer.await_counts(name, (2, 0))
        peer.call(Queue.Purge(queue=name), Queue.PurgeOk(2))


def test_QUORUM_11_prefetch_turns_and_priorities_of_consumers(broker):
    with broker.connect(channels=2, capabilities={}) as peer, quorum(broker, peer) as name:
        peer.call(Basic.Qos(prefetch_count=1), Basic.QosOk(), channel=2)
        peer.consume(name, "urgent", channel=2, arguments={"x-priority": 5})
        peer.consume(name, "other")
        peer.publish(name, b"a")
        urgent = peer.expect_message(channel=2, body=b"a")
        peer.publish(name, b"b")
        other = peer.expect_message(body=b"b")
        peer.send(Basic.Ack(delivery_tag=urgent.tag), channel=2)
        peer.send(Basic.Ack(delivery_tag=other.tag))
        peer.sync(2)
        peer.publish(name, b"c")
        last = peer.expect_message(channel=2, body=b"c")
        peer.send(Basic.Ack(delivery_tag=last.tag), channel=2)
        peer.sync(2)


def test_QUORUM_12_one_active_consumer_and_the_old_ones_deliveries_stay_with_it(broker):
    with (
        broker.connect(channels=2, capabilities={}) as peer,
        quorum(broker, peer, single_active_consumer=True) as name,
    ):
        peer.consume(name, "old")
        peer.consume(name, "new", channel=2)
        peer.publish(name, b"a")
        held = peer.expect_message(body=b"a")
        peer.call(Basic.Cancel(consumer_tag="old"), Basic.CancelOk)
        peer.publish(name, b"b")
        second = peer.expect_message(channel=2, body=b"b")
        peer.send(Basic.Reject(delivery_tag=held.tag, requeue=True))
        again = peer.expect_message(channel=2, body=b"a")
        assert count(again) == 1
        peer.send(Basic.Ack(delivery_tag=second.tag), Basic.Ack(delivery_tag=again.tag), channel=2)
        peer.sync(2)


def test_QUORUM_13_the_limit_is_soft(broker):
    with broker.connect() as peer, quorum(broker, peer, max_length=1, overflow="reject-publish") as name:
        peer.call(Confirm.Select(), Confirm.SelectOk())
        for number, body in enumerate((b"a", b"b"), 1):
            peer.publish(name, body)
            peer.expect(Basic.Ack(delivery_tag=number))
        peer.await_counts(name, (2, 0))
        peer.publish(name, b"c")
        peer.expect(Basic.Nack(delivery_tag=3, multiple=True, requeue=True))
        assert peer.drain(name) == [b"a", b"b"]


@pytest.mark.parametrize("overflow", ["drop-head", "reject-publish-dlx"])
def test_QUORUM_14_everything_else_drops_the_head(broker, overflow):
    with broker.connect() as peer:
        dead = peer.queue()
        letters = {"dead_letter_exchange": "", "dead_letter_routing_key": dead}
        with quorum(broker, peer, max_length=1, overflow=overflow, **letters) as name:
            peer.call(Confirm.Select(), Confirm.SelectOk())
            for number, body in enumerate((b"a", b"b"), 1):
                peer.publish(name, body)
                peer.expect(Basic.Ack(delivery_tag=number))
            assert peer.drain(name) == [b"b"]
            peer.await_counts(dead, (1, 0))
            assert peer.get(dead).body == b"a"


def test_QUORUM_15_messages_expire_at_the_head(broker):
    with broker.connect() as peer, quorum(broker, peer) as name:
        published(peer, name, b"live")
        peer.publish(name, b"short", expiration="0")
        peer.publish(name, b"last")
        peer.await_counts(name, (3, 0))
        assert [body for body, _, _ in seen(peer, name)] == [b"live", b"last"]


def test_QUORUM_16_priorities_of_messages_mean_nothing(broker):
    with broker.connect() as peer, quorum(broker, peer) as name:
        published(peer, name, b"a", priority=0)
        published(peer, name, b"b", priority=9)
        assert [body for body, _, _ in seen(peer, name)] == [b"a", b"b"]


def test_QUORUM_17_publishes_are_confirmed(broker):
    with broker.connect() as peer, quorum(broker, peer) as name:
        peer.call(Confirm.Select(), Confirm.SelectOk())
        for number in (1, 2):
            peer.publish(name, b"a", delivery_mode=number)
            peer.expect(Basic.Ack(delivery_tag=number))
        assert peer.counts(name) == (2, 0)


def test_QUORUM_18_consumers_hear_that_it_is_gone(broker):
    with broker.connect() as peer, quorum(broker, peer) as name:
        peer.consume(name, "t")
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(0))
        peer.expect(Basic.Cancel(consumer_tag="t", nowait=True))


def test_QUORUM_01_declared_again_it_has_to_be_a_quorum_queue(broker):
    with broker.connect() as peer, quorum(broker, peer) as name:
        resource = f"PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue '{name}' in vhost '/'"
        peer.send(Queue.Declare(queue=name, durable=True))
        text = f"{resource}: received none but current is the value 'quorum' of type 'longstr'"
        peer.expect_channel_error(406, text, (50, 10))
        peer.send(Queue.Declare(queue=name, durable=True, arguments={"x-queue-type": "classic"}))
        text = f"{resource}: received 'classic' but current is 'quorum'"
        peer.expect_channel_error(406, text, (50, 10))


def test_QUORUM_12_only_the_active_consumer_is_counted(broker):
    arguments = {"single_active_consumer": True}
    with broker.connect(capabilities={}) as peer, quorum(broker, peer, **arguments) as name:
        for tag in "ab":
            peer.consume(name, tag)
        peer.await_counts(name, (0, 1))


def test_QUORUM_13_a_refusal_does_not_spoil_a_transaction(broker):
    with broker.connect() as peer, quorum(broker, peer, max_length=0, overflow="reject-publish") as name:
        published(peer, name, b"a")
        peer.call(Tx.Select(), Tx.SelectOk())
        peer.publish(name, b"b")
        peer.call(Tx.Commit(), Tx.CommitOk())
        peer.await_counts(name, (1, 0))


def test_QUORUM_02_a_count_that_the_publisher_claims_is_overwritten(broker):
    with broker.connect() as peer, quorum(broker, peer) as name:
        published(peer, name, b"a", headers={"x-delivery-count": 77})
        message = peer.get(name, no_ack=False)
        assert count(message) == 0
        peer.send(Basic.Reject(delivery_tag=message.tag, requeue=True))
        peer.await_counts(name, (1, 0))
        assert count(peer.get(name)) == 1


def test_QUORUM_04_a_limit_is_reached_by_losing_channels_too(broker):
    with broker.connect(channels=2) as peer:
        dead = peer.queue()
        letters = {"dead_letter_exchange": "", "dead_letter_routing_key": dead}
        with quorum(broker, peer, delivery_limit=0, **letters) as name:
            published(peer, name, b"a")
            peer.get(name, no_ack=False, channel=2)
            peer.call(Channel.Close(reply_code=200), Channel.CloseOk(), channel=2)
            peer.await_counts(dead, (1, 0))
            assert peer.get(dead).properties.headers["x-first-death-reason"] == "delivery_limit"


def test_QUORUM_10_what_somebody_holds_is_not_purged_and_not_counted_by_delete(broker):
    with broker.connect() as peer, quorum(broker, peer) as name:
        published(peer, name, b"a", b"b", b"c")
        peer.get(name, no_ack=False)
        peer.call(Queue.Purge(queue=name), Queue.PurgeOk(2))
        peer.publish(name, b"d")
        peer.await_counts(name, (1, 1))
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(1))


def test_QUORUM_12_a_lost_channel_makes_way(broker):
    with broker.connect(channels=2) as peer, quorum(broker, peer, single_active_consumer=True) as name:
        peer.consume(name, "old")
        peer.consume(name, "new", channel=2)
        peer.publish(name, b"a")
        peer.expect_message(body=b"a")
        peer.call(Channel.Close(reply_code=200), Channel.CloseOk(), channel=1)
        again = peer.expect_message(channel=2, body=b"a")
        assert (again.method.consumer_tag, again.method.redelivered, count(again)) == ("new", True, 1)
        peer.send(Basic.Ack(delivery_tag=again.tag), channel=2)
        peer.call(Basic.Cancel(consumer_tag="new"), Basic.CancelOk, channel=2)


def test_QUORUM_14_bytes_are_limited_as_well_and_only_what_is_ready_counts(broker):
    with broker.connect() as peer, quorum(broker, peer, max_length_bytes=4) as name:
        published(peer, name, b"aa", b"bb")
        held = peer.get(name, no_ack=False)
        peer.publish(name, b"cc")
        peer.await_counts(name, (2, 1))
        peer.send(Basic.Ack(delivery_tag=held.tag))
        peer.await_counts(name, (2, 0))
        peer.publish(name, b"larger")
        peer.await_counts(name, (0, 0))


@pytest.mark.waits
def test_QUORUM_15_the_smaller_time_counts_and_the_letter_tells_the_other(broker):
    with broker.connect() as peer:
        dead = peer.queue()
        letters = {"dead_letter_exchange": "", "dead_letter_routing_key": dead}
        with quorum(broker, peer, message_ttl=300, **letters) as name:
            peer.publish(name, b"a", expiration="90000")
            peer.expect_silence(1.2)
            peer.await_counts(dead, (1, 0))
            (death,) = peer.get(dead).properties.headers["x-death"]
            assert (death["reason"], death["original-expiration"]) == ("expired", "90000")


@pytest.mark.waits
def test_QUORUM_15_DLX_14_a_message_does_not_go_round_by_itself(broker):
    with broker.connect() as peer:
        name = broker.fresh("loop")
        table = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": name, "x-message-ttl": 200}
        peer.queue(name, exclusive=False, durable=True, arguments=table | {"x-queue-type": "quorum"})
        peer.publish(name, b"a")
        peer.await_counts(name, (1, 0))
        peer.expect_silence(1.2)
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(0))
