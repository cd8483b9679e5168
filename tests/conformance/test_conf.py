"""CONF-01 … CONF-13: publisher confirms."""

from __future__ import annotations

import pytest

from amqplab.wire.methods import Basic, Channel, Confirm, Queue, Tx


def confirming(broker, **options):
    """A connection whose channel 1 is in confirm mode."""
    peer = broker.connect(**options)
    peer.call(Confirm.Select(), Confirm.SelectOk())
    return peer


def confirmed(peer, last):
    """Read acks until all numbers up to `last` are confirmed; returns them as they came."""
    open_numbers = set(range(1, last + 1))
    acks = []
    while open_numbers:
        ack = peer.expect(Basic.Ack)
        acks.append(ack)
        below = {number for number in open_numbers if number <= ack.delivery_tag}
        settled = below if ack.multiple else {ack.delivery_tag}
        assert settled <= open_numbers, f"{ack} confirms what was confirmed before"
        open_numbers -= settled
    return acks


def test_CONF_01_select_is_idempotent(broker):
    with confirming(broker) as peer:
        peer.call(Confirm.Select(), Confirm.SelectOk())
        peer.publish("nobody")
        peer.expect(Basic.Ack(1))


def test_CONF_01_not_in_a_transaction(broker):
    with broker.connect() as peer:
        peer.call(Tx.Select(), Tx.SelectOk())
        peer.send(Confirm.Select())
        text = "PRECONDITION_FAILED - cannot switch from tx to confirm mode"
        peer.expect_channel_error(406, text, (85, 10))


def test_CONF_02_numbers_start_with_select(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        for _ in range(3):
            peer.publish(queue)
        peer.call(Confirm.Select(), Confirm.SelectOk())
        for number in (1, 2, 3):
            peer.publish(queue)
            peer.expect(Basic.Ack(number))


def test_CONF_03_CONF_04_a_return_comes_before_its_confirm(broker):
    with confirming(broker) as peer:
        peer.publish("nobody")
        peer.expect(Basic.Ack(1))
        peer.publish("nobody", mandatory=True)
        peer.expect_message(Basic.Return(312, "NO_ROUTE", "", "nobody"))
        peer.expect(Basic.Ack(2))


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("delivery_mode", [1, 2])
def test_CONF_05_every_message_is_confirmed(broker, durable, delivery_mode):
    with confirming(broker) as peer:
        queue = peer.queue(broker.fresh("kept"), exclusive=False, durable=durable)
        for number in (1, 2):
            peer.publish(queue, delivery_mode=delivery_mode)
            assert peer.expect(Basic.Ack) == Basic.Ack(number)
        peer.call(Queue.Delete(queue=queue), Queue.DeleteOk(2))


def test_CONF_06_CONF_07_a_burst_is_confirmed_once_each(broker):
    """How acks are grouped varies from run to run; a multiple one never skips a number that is open."""
    with confirming(broker) as peer:
        queues = [
            peer.queue(broker.fresh("burst"), exclusive=False, durable=place % 2 == 1) for place in range(4)
        ]
        for number in range(200):
            peer.publish(queues[number % 4], delivery_mode=1 + number % 2)
        confirmed(peer, 200)
        for queue in queues:
            peer.call(Queue.Delete(queue=queue), Queue.DeleteOk(50))


def test_CONF_10_a_queue_that_is_deleted_is_not_waited_for(broker):
    with confirming(broker) as peer:
        queue = peer.queue(broker.fresh("short"), exclusive=False, durable=True)
        peer.publish(queue, delivery_mode=2)
        peer.send(Queue.Delete(queue=queue), channel=1)
        seen = sorted(type(peer.expect(expected)).name for expected in self_ordering(peer))
        assert seen == ["basic.ack", "queue.delete-ok"]


def self_ordering(peer):
    """The ack and delete-ok, in the order in which they come."""
    kind, channel, payload = peer.frame(1)
    peer._frames.insert(0, (kind, channel, payload))
    ack_first = payload.startswith(Basic.Ack.prefix)
    return (Basic.Ack, Queue.DeleteOk) if ack_first else (Queue.DeleteOk, Basic.Ack)


def test_CONF_11_CONF_13_an_error_is_not_confirmed_and_ends_confirming(broker):
    with confirming(broker) as peer:
        peer.publish(exchange="nowhere")
        text = "NOT_FOUND - no exchange 'nowhere' in vhost '/'"
        peer.expect_channel_error(404, text, (60, 40))
        peer.publish("nobody")
        peer.sync()


def test_CONF_11_close_sends_no_confirms(broker):
    """Those that went out before are read; after close-ok there are none."""
    with confirming(broker) as peer:
        queue = peer.queue(broker.fresh("closing"), exclusive=False, durable=True)
        for _ in range(3):
            peer.publish(queue, delivery_mode=2)
        peer.send(Channel.Close(200))
        while (payload := peer.frame(1)[2]).startswith(Basic.Ack.prefix):
            pass
        assert payload == Channel.CloseOk().encode()
        peer.open_channel(1)
        assert len(peer.drain(queue)) == 3
        peer.call(Queue.Delete(queue=queue), Queue.DeleteOk(0))


def test_CONF_12_a_confirm_says_nothing_about_consumers(broker):
    with confirming(broker) as peer:
        queue = peer.queue()
        peer.publish(queue)
        peer.expect(Basic.Ack(1))
        assert peer.counts(queue) == (1, 0)
