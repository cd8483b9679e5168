"""TX-01 … TX-13: transactions."""

from __future__ import annotations

import pytest

from amqplab.wire.methods import Basic, Channel, Confirm, Queue, Tx


def transactional(broker, **options):
    """A connection whose channel 1 is in a transaction."""
    peer = broker.connect(**options)
    peer.call(Tx.Select(), Tx.SelectOk())
    return peer


def commit(peer):
    peer.call(Tx.Commit(), Tx.CommitOk())


def test_TX_01_select_is_idempotent(broker):
    with transactional(broker) as peer:
        peer.call(Tx.Select(), Tx.SelectOk())
        commit(peer)


def test_TX_01_not_in_confirm_mode(broker):
    with broker.connect() as peer:
        peer.call(Confirm.Select(), Confirm.SelectOk())
        peer.send(Tx.Select())
        text = "PRECONDITION_FAILED - cannot switch from confirm to tx mode"
        peer.expect_channel_error(406, text, (90, 10))


@pytest.mark.parametrize("method", [Tx.Commit(), Tx.Rollback()], ids=lambda method: method.name)
def test_TX_02_without_select(broker, method):
    with broker.connect() as peer:
        peer.send(method)
        peer.expect_channel_error(406, "PRECONDITION_FAILED - channel is not transactional", method.ids)


def test_TX_03_publishes_wait_for_the_commit(broker):
    with transactional(broker, channels=2) as peer:
        queue = peer.queue()
        peer.publish(queue)
        peer.publish("nobody", mandatory=True)
        peer.sync()
        assert peer.counts(queue, channel=2) == (0, 0)
        peer.send(Tx.Commit())
        peer.expect_message(Basic.Return(312, "NO_ROUTE", "", "nobody"))
        peer.expect(Tx.CommitOk())
        peer.await_counts(queue, (1, 0), channel=2)


def test_TX_03_their_errors_do_not(broker):
    with transactional(broker) as peer:
        peer.publish(exchange="nowhere")
        text = "NOT_FOUND - no exchange 'nowhere' in vhost '/'"
        peer.expect_channel_error(404, text, (60, 40))


@pytest.mark.parametrize(
    ("settle", "left"),
    [
        (lambda tag: Basic.Ack(tag), 0),
        (lambda tag: Basic.Nack(tag, requeue=True), 1),
        (lambda tag: Basic.Reject(tag, requeue=False), 0),
    ],
    ids=["ack", "nack", "reject"],
)
def test_TX_04_settling_takes_effect_at_commit(broker, settle, left):
    with transactional(broker, channels=2) as peer:
        queue = peer.queue()
        peer.publish(queue, channel=2)
        peer.sync(2)
        held = peer.get(queue, no_ack=False)
        peer.send(settle(held.tag))
        peer.sync()
        assert peer.counts(queue, channel=2) == (0, 0)
        commit(peer)
        peer.await_counts(queue, (left, 0), channel=2)


def test_TX_04_a_tag_is_settled_once(broker):
    with transactional(broker) as peer:
        queue = peer.queue()
        peer.publish(queue)
        commit(peer)
        held = peer.get(queue, no_ack=False)
        peer.send(Basic.Ack(held.tag), Basic.Ack(held.tag))
        text = f"PRECONDITION_FAILED - unknown delivery tag {held.tag}"
        peer.expect_channel_error(406, text, (60, 80))


def test_TX_05_rollback_drops_publishes_and_keeps_deliveries(broker):
    with transactional(broker, channels=2) as peer:
        queue = peer.queue()
        peer.publish(queue, b"kept", channel=2)
        peer.sync(2)
        held = peer.get(queue, no_ack=False)
        peer.publish(queue, b"dropped")
        peer.send(Basic.Ack(held.tag))
        peer.call(Tx.Rollback(), Tx.RollbackOk())
        assert peer.counts(queue, channel=2) == (0, 0)
        peer.send(Basic.Ack(held.tag))
        commit(peer)
        peer.call(Channel.Close(200), Channel.CloseOk())
        assert peer.counts(queue, channel=2) == (0, 0)


def test_TX_06_the_next_transaction_is_open_at_once(broker):
    with transactional(broker, channels=2) as peer:
        queue = peer.queue()
        commit(peer)
        peer.call(Tx.Rollback(), Tx.RollbackOk())
        peer.publish(queue)
        peer.sync()
        assert peer.counts(queue, channel=2) == (0, 0)
        commit(peer)
        peer.await_counts(queue, (1, 0), channel=2)


def test_TX_07_commit_ok_for_persistent_messages(broker):
    with transactional(broker) as peer:
        queue = peer.queue(broker.fresh("kept"), exclusive=False, durable=True)
        for _ in range(10):
            peer.publish(queue, delivery_mode=2)
        commit(peer)
        peer.call(Queue.Delete(queue=queue), Queue.DeleteOk(10))


def test_TX_11_prefetch_is_freed_at_commit(broker):
    with transactional(broker, channels=2) as peer:
        queue = peer.queue()
        for _ in range(2):
            peer.publish(queue, channel=2)
        peer.call(Basic.Qos(prefetch_count=1), Basic.QosOk())
        peer.consume(queue)
        first = peer.deliveries(1)[0]
        peer.send(Basic.Ack(first.tag))
        peer.sync()
        peer.sync()
        peer.send(Tx.Commit())
        found = {peer.frame(1)[2][:4] for _ in range(4)}
        assert {Tx.CommitOk.prefix, Basic.Deliver.prefix} <= found


@pytest.mark.parametrize("whole", [False, True], ids=["channel", "connection"])
def test_TX_12_an_end_is_a_rollback(broker, whole):
    with broker.connect() as observer:
        queue = observer.queue(broker.fresh("shared"), exclusive=False)
        observer.publish(queue, b"held")
        with transactional(broker) as peer:
            held = peer.get(queue, no_ack=False)
            peer.publish(queue, b"never")
            peer.send(Basic.Ack(held.tag))
            if not whole:
                peer.call(Channel.Close(200), Channel.CloseOk())
        assert observer.drain(queue) == [b"held"]
        observer.call(Queue.Delete(queue=queue), Queue.DeleteOk(0))


def test_TX_13_only_messages_are_transactional(broker):
    with transactional(broker, channels=2) as peer:
        queue = peer.queue(broker.fresh("now"))
        peer.publish(queue, channel=2)
        peer.sync(2)
        peer.call(Queue.Purge(queue=queue), Queue.PurgeOk(1))
        peer.call(Tx.Rollback(), Tx.RollbackOk())
        assert peer.counts(queue, channel=2) == (0, 0)


def test_TX_09_all_of_it_or_nothing_unless_a_queue_refuses(broker):
    """Queues take their part of a commit one by one: what one refuses, the others have."""
    with transactional(broker, channels=2) as peer:
        first, second = peer.queue(), peer.queue()
        full = peer.queue(arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        for queue in (first, second):
            peer.publish(queue)
        peer.sync()
        assert [peer.counts(queue, 2) for queue in (first, second)] == [(0, 0), (0, 0)]
        commit(peer)
        for queue in (first, second):
            peer.await_counts(queue, (1, 0), channel=2)
        for queue in (first, full, full, second):
            peer.publish(queue)
        peer.send(Tx.Commit())
        peer.expect_channel_error(406, "PRECONDITION_FAILED - partial tx completion", (90, 20))
        for queue, count in ((first, 2), (full, 1), (second, 2)):
            peer.await_counts(queue, (count, 0), channel=2)
