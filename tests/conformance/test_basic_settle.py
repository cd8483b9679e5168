"""BASIC-46 … BASIC-59: getting, acknowledging, giving back."""

from __future__ import annotations

import pytest

from amqplab.wire.methods import Basic, Channel

ACK, REJECT, NACK = (60, 80), (60, 90), (60, 120)


def unknown(tag):
    return f"PRECONDITION_FAILED - unknown delivery tag {tag}"


def filled(peer, *bodies):
    """A queue that holds these messages."""
    queue = peer.queue()
    for body in bodies:
        peer.publish(queue, body)
    return queue


def held(peer, queue, number):
    """That many messages got and not settled; their tags."""
    return [peer.get(queue, no_ack=False).tag for _ in range(number)]


def test_BASIC_46_get(broker):
    with broker.connect() as peer:
        queue = filled(peer, b"one", b"two", b"three")
        peer.send(Basic.Get(queue=queue))
        message = peer.expect_message(Basic.GetOk(1, False, "", queue, 2), body=b"one")
        peer.send(Basic.Reject(message.tag, requeue=True), Basic.Get(queue=queue))
        peer.expect_message(Basic.GetOk(2, True, "", queue, 2), body=b"one")
        assert peer.drain(queue) == [b"two", b"three"]
        peer.send(Basic.Get(queue=queue))
        assert peer.frame(1)[2] == bytes.fromhex("003c 0048 00")


def test_BASIC_47_get_uses_a_tag_also_without_acknowledgement(broker):
    with broker.connect() as peer:
        queue = filled(peer, b"one", b"two", b"three")
        tags = [peer.get(queue, no_ack=flag).tag for flag in (True, False, True)]
        assert tags == [1, 2, 3]


SETTLE = {
    "ack": (lambda tag, **flags: Basic.Ack(tag, **flags), ACK),
    "reject": (lambda tag, **flags: Basic.Reject(tag), REJECT),
    "nack": (lambda tag, **flags: Basic.Nack(tag, **flags), NACK),
}


@pytest.mark.parametrize("how", list(SETTLE))
@pytest.mark.parametrize("tag", [0, 1, 2**64 - 1])
def test_BASIC_48_BASIC_50_a_tag_that_nobody_gave(broker, how, tag):
    settle, ids = SETTLE[how]
    with broker.connect() as peer:
        peer.send(settle(tag))
        peer.expect_channel_error(406, unknown(tag), ids)


@pytest.mark.parametrize("how", list(SETTLE))
def test_BASIC_48_a_tag_is_settled_once(broker, how):
    settle, ids = SETTLE[how]
    with broker.connect() as peer:
        queue = filled(peer, b"one")
        [tag] = held(peer, queue, 1)
        peer.send(settle(tag), settle(tag))
        peer.expect_channel_error(406, unknown(tag), ids)


def test_BASIC_48_BASIC_59_a_tag_belongs_to_its_channel(broker):
    with broker.connect(channels=2) as peer:
        queue = filled(peer, b"one")
        [tag] = held(peer, queue, 1)
        peer.send(Basic.Ack(tag), channel=2)
        peer.expect_channel_error(406, unknown(tag), ACK, channel=2)
        peer.call(Channel.Close(200), Channel.CloseOk())
        peer.open_channel(1)
        peer.send(Basic.Ack(tag))
        peer.expect_channel_error(406, unknown(tag), ACK)


@pytest.mark.parametrize("how", ["ack", "nack"])
@pytest.mark.parametrize("tag", [4, 2])
def test_BASIC_49_the_last_of_several_must_be_outstanding(broker, how, tag):
    settle, ids = SETTLE[how]
    with broker.connect() as peer:
        queue = filled(peer, b"one", b"two", b"three")
        tags = held(peer, queue, 3)
        peer.send(Basic.Ack(tags[1]), settle(tag, multiple=True))
        peer.expect_channel_error(406, unknown(tag), ids)
        peer.await_counts(queue, (2, 0))
        assert peer.drain(queue) == [b"one", b"three"]


def test_BASIC_50_tag_0_is_everything(broker):
    with broker.connect() as peer:
        queue = filled(peer, b"one", b"two")
        peer.send(Basic.Ack(0, multiple=True))
        held(peer, queue, 2)
        peer.send(Basic.Ack(0, multiple=True), Basic.Nack(0, multiple=True))
        peer.call(Channel.Close(200), Channel.CloseOk())
        peer.open_channel(1)
        assert peer.drain(queue) == []


def test_BASIC_51_one_ack_for_several_queues(broker):
    with broker.connect() as peer:
        queues = [filled(peer, b"x") for _ in range(3)]
        for queue in queues[:2]:
            peer.get(queue, no_ack=False)
        peer.consume(queues[2], "c")
        last = peer.deliveries(1)[0]
        peer.send(Basic.Ack(last.tag, multiple=True))
        peer.sync()
        peer.send(Basic.Ack(1))
        peer.expect_channel_error(406, unknown(1), ACK)
        assert [peer.drain(queue) for queue in queues] == [[], [], []]


@pytest.mark.parametrize("how", ["reject", "nack", "nack multiple"])
def test_BASIC_53_requeued_messages_stand_where_they_stood(broker, how):
    with broker.connect() as peer:
        bodies = [b"%d" % number for number in range(6)]
        queue = filled(peer, *bodies)
        tags = held(peer, queue, 4)
        if how == "nack multiple":
            peer.send(Basic.Nack(tags[-1], multiple=True, requeue=True))
        else:
            kind = Basic.Reject if how == "reject" else Basic.Nack
            peer.send(*(kind(tag, requeue=True) for tag in (tags[2], tags[0], tags[3], tags[1])))
        found = [peer.get(queue) for _ in range(6)]
        assert [one.body for one in found] == bodies
        assert [one.method.redelivered for one in found] == [True] * 4 + [False] * 2


@pytest.mark.parametrize("how", ["reject", "nack"])
def test_BASIC_54_without_requeue_a_message_is_dropped(broker, how):
    with broker.connect() as peer:
        queue = filled(peer, b"one", b"two")
        [tag] = held(peer, queue, 1)
        kind = Basic.Reject if how == "reject" else Basic.Nack
        peer.send(kind(tag, requeue=False))
        assert peer.drain(queue) == [b"two"]


def test_BASIC_55_a_requeued_message_may_come_back_to_the_same_consumer(broker):
    with broker.connect() as peer:
        queue = filled(peer, b"one")
        peer.consume(queue, "c")
        for number in range(1, 6):
            message = peer.expect_message(Basic.Deliver("c", number, number > 1, "", queue), body=b"one")
            peer.send(Basic.Reject(message.tag, requeue=True))
        peer.expect_message(Basic.Deliver("c", 6, True, "", queue))


def test_BASIC_56_recover_requeues_all_and_answers_first(broker):
    with broker.connect() as peer:
        queue = filled(peer, b"one", b"two")
        peer.consume(queue, "c")
        peer.deliveries(2)
        peer.send(Basic.Recover(requeue=True))
        assert peer.frame(1)[2] == Basic.RecoverOk().encode()
        peer.expect_message(Basic.Deliver("c", 3, True, "", queue), body=b"one")
        peer.expect_message(Basic.Deliver("c", 4, True, "", queue), body=b"two")
        peer.send(Basic.Ack(1))
        peer.expect_channel_error(406, unknown(1), ACK)


def test_BASIC_57_recover_to_the_same_consumer_is_not_implemented(broker):
    for method in (Basic.Recover(requeue=False), Basic.RecoverAsync(requeue=False)):
        with broker.connect() as peer:
            peer.send(method)
            peer.expect_connection_error(540, "NOT_IMPLEMENTED - requeue=false", method.ids)


def test_BASIC_57_recover_async_has_no_answer(broker):
    with broker.connect() as peer:
        queue = filled(peer, b"one")
        held(peer, queue, 1)
        peer.send(Basic.RecoverAsync(requeue=True))
        peer.sync()
        assert peer.get(queue).method.redelivered


def test_BASIC_58_redelivered_means_handed_out_before(broker):
    with broker.connect() as observer:
        queue = observer.queue(broker.fresh("shared"), exclusive=False, auto_delete=True)
        observer.publish(queue, b"one")
        with broker.connect() as peer:
            assert not peer.get(queue, no_ack=False).method.redelivered
        assert observer.get(queue).method.redelivered
        tag = observer.consume(queue)
        observer.call(Basic.Cancel(tag), Basic.CancelOk(tag))
