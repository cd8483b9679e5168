"""CHAN-01 … CHAN-21: channels, and what may be said on them when."""

from __future__ import annotations

import pytest

from amqplab.wire.methods import Access, Basic, Channel, Confirm, Exchange, Queue, Tx

OPEN, CLOSE = (20, 10), (20, 40)
NO_QUEUE = "NOT_FOUND - no previously declared queue"


def soft_error(peer, channel=1):
    """Provoke one, and leave the broker's channel.close unanswered."""
    peer.send(Queue.Declare(queue="nobody", passive=True), channel=channel)
    peer.expect_channel_error(404, "NOT_FOUND - no queue 'nobody' in vhost '/'", (50, 10), channel, False)


@pytest.mark.parametrize("number", [2, 65535, 300, 2047])
def test_CHAN_01_any_number_opens(broker, number):
    with broker.connect() as peer:
        peer.call(Channel.Open(), Channel.OpenOk(channel_id=b""), channel=number)
        peer.sync(number)


@pytest.mark.parametrize(
    "method",
    [
        Channel.Close(200, "bye"),
        Channel.CloseOk(),
        Channel.Flow(True),
        Queue.Declare(),
        Basic.Ack(),
        Confirm.Select(),
    ],
    ids=lambda method: method.name,
)
def test_CHAN_02_a_channel_begins_with_open(broker, method):
    with broker.connect() as peer:
        peer.send(method, channel=2)
        peer.expect_connection_error(504, "CHANNEL_ERROR - expected 'channel.open'", method.ids)


def test_CHAN_03_a_channel_opens_once(broker):
    with broker.connect() as peer:
        peer.send(Channel.Open())
        peer.expect_connection_error(504, "CHANNEL_ERROR - second 'channel.open' seen", OPEN)


def test_CHAN_04_not_while_the_broker_awaits_close_ok(broker):
    with broker.connect() as peer:
        soft_error(peer)
        peer.send(Channel.Open())
        peer.expect_connection_error(504, "CHANNEL_ERROR - second 'channel.open' seen", OPEN)


def test_CHAN_05_a_number_is_free_after_close_ok(broker):
    with broker.connect() as peer:
        for _ in range(3):
            peer.call(Channel.Close(200, "bye"), Channel.CloseOk())
            peer.open_channel(1)
        peer.sync()


def test_CHAN_06_close_ok_for_nothing(broker):
    with broker.connect() as peer:
        peer.send(Channel.CloseOk())
        peer.expect_connection_error(503, "COMMAND_INVALID - unimplemented method", (20, 41))


def test_CHAN_07_after_a_soft_error_all_is_ignored_until_close_ok(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        soft_error(peer)
        peer.publish(queue)
        peer.send(Queue.Declare(), Basic.Ack(77), Exchange.Declare(exchange="x", type="no such"), Tx.Select())
        peer.send(Channel.CloseOk(), Channel.Open())
        peer.expect(Channel.OpenOk())
        assert peer.counts(queue) == (0, 0)


def test_CHAN_08_a_close_that_crosses_the_broker_s(broker):
    with broker.connect() as peer:
        soft_error(peer)
        peer.call(Channel.Close(200, "me too"), Channel.CloseOk())
        peer.send(Channel.CloseOk(), Channel.Open())
        peer.expect(Channel.OpenOk())
        soft_error(peer)
        peer.call(Channel.Close(200, "me too"), Channel.CloseOk())
        peer.send(Channel.Open())
        peer.expect_connection_error(504, "CHANNEL_ERROR - second 'channel.open' seen", OPEN)


@pytest.mark.parametrize("method", [Queue.Declare(), Channel.Flow(True)], ids=lambda method: method.name)
def test_CHAN_09_nothing_follows_the_client_s_own_close(broker, method):
    """What RabbitMQ reads in one go with the close, it ignores; see docs/differences.md."""
    with broker.connect() as peer:
        peer.call(Channel.Close(200, "bye"), Channel.CloseOk())
        peer.send(method)
        peer.expect_connection_error(504, "CHANNEL_ERROR - expected 'channel.open'", method.ids)


def test_CHAN_10_a_soft_error_requeues_what_consumers_hold(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue()
        peer.publish(queue, b"one")
        peer.consume(queue)
        peer.deliveries(1)
        soft_error(peer)
        peer.await_counts(queue, (1, 0), channel=2)
        peer.send(Channel.CloseOk(), Channel.Open())
        peer.expect(Channel.OpenOk())
        assert peer.drain(queue) == [b"one"]


def test_CHAN_10_and_what_was_got_when_close_ok_is_there(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue()
        peer.publish(queue, b"one")
        assert peer.get(queue, no_ack=False).body == b"one"
        soft_error(peer)
        assert peer.counts(queue, channel=2) == (0, 0)
        peer.send(Channel.CloseOk(), Channel.Open())
        peer.expect(Channel.OpenOk())
        peer.await_counts(queue, (1, 0))


def test_CHAN_11_close_requeues_in_order_and_in_front(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue()
        for body in (b"one", b"two", b"three"):
            peer.publish(queue, body)
        for _ in range(2):
            peer.get(queue, no_ack=False)
        peer.call(Channel.Close(200, "bye"), Channel.CloseOk())
        found = [peer.get(queue, channel=2) for _ in range(3)]
        assert [(one.body, one.method.redelivered) for one in found] == [
            (b"one", True),
            (b"two", True),
            (b"three", False),
        ]


def test_CHAN_12_an_auto_delete_queue_goes_with_its_last_consumer_s_channel(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue(broker.fresh("auto"), exclusive=False, auto_delete=True)
        peer.consume(queue)
        peer.call(Channel.Close(200, "bye"), Channel.CloseOk())
        peer.send(Queue.Declare(queue=queue, passive=True), channel=2)
        peer.expect_channel_error(404, f"NOT_FOUND - no queue '{queue}' in vhost '/'", (50, 10), channel=2)


def test_CHAN_13_close_drops_a_transaction(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue()
        peer.call(Tx.Select(), Tx.SelectOk())
        peer.publish(queue)
        peer.call(Channel.Close(200, "bye"), Channel.CloseOk())
        assert peer.counts(queue, channel=2) == (0, 0)


def test_CHAN_14_tags_and_numbers_are_the_channel_s_own(broker):
    with broker.connect(channels=2) as peer:
        for channel in (1, 2):
            queue = peer.queue(channel=channel)
            peer.call(Confirm.Select(), Confirm.SelectOk(), channel=channel)
            for number in (1, 2, 3):
                peer.publish(queue, channel=channel)
                peer.expect(Basic.Ack(number), channel=channel)
            assert peer.get(queue, no_ack=False, channel=channel).tag == 1
            assert peer.consume(queue, "same", channel=channel) == "same"
            assert [one.tag for one in peer.deliveries(2, channel)] == [2, 3]


def test_CHAN_15_pipelined_methods_are_answered_in_order(broker):
    with broker.connect() as peer:
        name = broker.fresh("pipelined")
        peer.send(
            Queue.Declare(queue=name, exclusive=True),
            Queue.Bind(queue=name, exchange="amq.direct", routing_key="k"),
            Channel.Flow(True),
            Queue.Purge(queue=name),
            Basic.Get(queue=name),
            Queue.Delete(queue=name),
        )
        for reply in (
            Queue.DeclareOk(name, 0, 0),
            Queue.BindOk(),
            Channel.FlowOk(True),
            Queue.PurgeOk(0),
            Basic.GetEmpty(),
            Queue.DeleteOk(0),
        ):
            peer.expect(reply)


def test_CHAN_16_flow(broker):
    with broker.connect() as peer:
        peer.call(Channel.Flow(True), Channel.FlowOk(True))
        peer.send(Channel.Flow(False))
        peer.expect_connection_error(540, "NOT_IMPLEMENTED - active=false", (20, 20))


@pytest.mark.parametrize("realm", ["/data", "", "no such realm"])
def test_CHAN_17_access_is_granted_unseen(broker, realm):
    with broker.connect() as peer:
        peer.call(Access.Request(realm=realm), Access.RequestOk(1))


def test_CHAN_18_nowait_has_no_answer(broker):
    with broker.connect() as peer:
        name = broker.fresh("quiet")
        exchange = broker.fresh("quiet")
        peer.send(
            Exchange.Declare(exchange=exchange, type="direct", nowait=True),
            Queue.Declare(queue=name, exclusive=True, nowait=True),
            Queue.Bind(queue=name, exchange=exchange, routing_key="k", nowait=True),
            Exchange.Bind(destination=exchange, source="amq.fanout", nowait=True),
            Exchange.Unbind(destination=exchange, source="amq.fanout", nowait=True),
            Basic.Consume(queue=name, consumer_tag="c", nowait=True),
            Basic.Cancel(consumer_tag="c", nowait=True),
            Queue.Purge(queue=name, nowait=True),
            Confirm.Select(nowait=True),
            Queue.Delete(queue=name, nowait=True),
            Exchange.Delete(exchange=exchange, nowait=True),
        )
        peer.sync()


def test_CHAN_18_but_errors(broker):
    with broker.connect() as peer:
        peer.send(Queue.Declare(queue="nobody", passive=True, nowait=True))
        peer.expect_channel_error(404, "NOT_FOUND - no queue 'nobody' in vhost '/'", (50, 10))
        peer.send(Exchange.Declare(exchange="x", type="no such", nowait=True))
        peer.expect_connection_error(503, "COMMAND_INVALID - unknown exchange type 'no such'", (40, 10))


def test_CHAN_19_an_empty_name_is_the_queue_declared_last(broker):
    with broker.connect() as peer:
        first, second = peer.queue(), peer.queue(broker.fresh("named"))
        peer.call(Queue.Bind(exchange="amq.direct", routing_key=second), Queue.BindOk())
        peer.publish(second, b"one", exchange="amq.direct")
        assert peer.get("").body == b"one"
        peer.call(Queue.Declare(queue=first, passive=True), Queue.DeclareOk(first, 0, 0))
        peer.publish(first, b"two")
        peer.call(Queue.Purge(), Queue.PurgeOk(1))
        peer.publish(first, b"three")
        tag = peer.consume("")
        assert peer.deliveries(1)[0].body == b"three"
        peer.call(Basic.Cancel(tag), Basic.CancelOk(tag))
        peer.call(Queue.Unbind(exchange="amq.direct", routing_key="none"), Queue.UnbindOk())
        peer.call(Queue.Delete(), Queue.DeleteOk(0))


def test_CHAN_19_it_is_remembered_when_it_is_gone(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("gone"))
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(0))
        peer.send(Basic.Get())
        peer.expect_channel_error(404, f"NOT_FOUND - no queue '{name}' in vhost '/'", (60, 70))


@pytest.mark.parametrize(
    "method",
    [
        Queue.Bind(exchange="amq.direct"),
        Queue.Unbind(exchange="amq.direct"),
        Queue.Purge(),
        Queue.Delete(),
        Basic.Get(),
        Basic.Consume(),
    ],
    ids=lambda method: method.name,
)
def test_CHAN_20_an_empty_name_where_none_was_declared(broker, method):
    with broker.connect() as peer:
        peer.send(method)
        peer.expect_channel_error(404, NO_QUEUE, method.ids)


def test_CHAN_20_a_passive_declaration_means_the_name_that_it_says(broker):
    with broker.connect() as peer:
        peer.queue()
        peer.send(Queue.Declare(passive=True))
        peer.expect_channel_error(404, "NOT_FOUND - no queue '' in vhost '/'", (50, 10))


def test_CHAN_21_both_empty_makes_the_queue_s_name_the_key(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        exchange = peer.exchange(broker.fresh("both"), auto_delete=True)
        peer.call(Queue.Bind(exchange=exchange), Queue.BindOk())
        peer.publish(queue, exchange=exchange)
        peer.publish("", exchange=exchange)
        assert len(peer.drain(queue)) == 1
        peer.bind(queue, exchange, "")
        peer.publish("", exchange=exchange)
        assert len(peer.drain(queue)) == 1
        peer.call(Queue.Unbind(exchange=exchange), Queue.UnbindOk())
        peer.publish(queue, exchange=exchange)
        assert peer.drain(queue) == []
