"""Channels: opening, closing, soft errors, and what is left behind (CHAN)."""

from __future__ import annotations

from typing import Any

import pytest
from broker_peer import Message, Peer, World

from amqplab.wire import methods as m


def ready(world: World, name: str = "q") -> list[bytes]:
    return [copy.message.body for copy in world.broker.vhosts["/"].queues[name].ready]


def connection_error(peer: Peer) -> tuple[int, str, tuple[int, int]]:
    ((channel, close),) = peer.drain()
    assert channel == 0
    return close.reply_code, close.reply_text, (close.class_id, close.method_id)


def soft_error(peer: Peer, channel: int = 1) -> None:
    """Make the broker close a channel."""
    peer.send(channel, m.Queue.Purge(queue="no such queue"))


@pytest.mark.parametrize("number", [1, 2, 65535])
def test_any_number_opens(world: World, number: int) -> None:
    peer = world.connect()
    assert peer.call(number, m.Channel.Open()) == m.Channel.OpenOk(channel_id=b"")


@pytest.mark.parametrize(
    "method",
    [m.Channel.Close(), m.Channel.CloseOk(), m.Queue.Declare(queue="q"), m.Basic.Ack(delivery_tag=1)],
)
def test_a_channel_must_be_opened_first(world: World, method: m.Method) -> None:
    peer = world.connect()
    peer.send(3, method)
    assert connection_error(peer) == (504, "CHANNEL_ERROR - expected 'channel.open'", method.ids)


@pytest.mark.parametrize(
    "method",
    [
        m.Queue.Bind(exchange="amq.direct"),
        m.Queue.Unbind(exchange="amq.direct"),
        m.Queue.Purge(),
        m.Queue.Delete(),
        m.Basic.Get(),
        m.Basic.Consume(),
    ],
)
def test_on_an_unopened_channel_a_name_that_cannot_be_completed_is_noticed_first(
    world: World, method: m.Method
) -> None:
    peer = world.connect()
    peer.send(3, method)
    [(number, close)] = peer.drain()
    assert (number, close.reply_code, close.reply_text, (close.class_id, close.method_id)) == (
        3,
        404,
        "NOT_FOUND - no previously declared queue",
        method.ids,
    )
    peer.send(3, m.Channel.CloseOk())
    peer.channel(3)


def test_a_publish_on_an_unopened_channel(world: World) -> None:
    peer = world.connect()
    peer.publish(3)
    assert connection_error(peer) == (504, "CHANNEL_ERROR - expected 'channel.open'", (60, 40))


def test_a_channel_opens_only_once(peer: Peer) -> None:
    peer.send(1, m.Channel.Open())
    assert connection_error(peer) == (504, "CHANNEL_ERROR - second 'channel.open' seen", (20, 10))


def test_a_channel_the_broker_closed_cannot_be_opened_before_close_ok(peer: Peer) -> None:
    soft_error(peer)
    peer.drain()
    peer.send(1, m.Channel.Open())
    assert connection_error(peer) == (504, "CHANNEL_ERROR - second 'channel.open' seen", (20, 10))


def test_a_number_is_free_after_close_ok(peer: Peer) -> None:
    assert peer.call(1, m.Channel.Close()) == m.Channel.CloseOk()
    peer.channel(1)
    soft_error(peer)
    peer.send(1, m.Channel.CloseOk())
    peer.drain()
    peer.channel(1)


def test_a_method_behind_the_clients_own_close(peer: Peer) -> None:
    peer.send(1, m.Channel.Close(), m.Queue.Declare(queue="q"))
    (_, ok), (_, close) = peer.drain()
    assert ok == m.Channel.CloseOk()
    assert (close.reply_code, close.reply_text) == (504, "CHANNEL_ERROR - expected 'channel.open'")


def test_after_a_soft_error_everything_is_ignored_until_close_ok(world: World, peer: Peer) -> None:
    peer.declare("q")
    soft_error(peer)
    (close,) = peer.on()
    assert close == m.Channel.Close(
        reply_code=404,
        reply_text="NOT_FOUND - no queue 'no such queue' in vhost '/'",
        class_id=50,
        method_id=30,
    )
    peer.publish(key="q")
    peer.send(1, m.Queue.Declare(queue="other"), m.Basic.Qos(prefetch_size=3))
    assert peer.drain() == []
    assert ready(world) == [] and "other" not in world.broker.vhosts["/"].queues


def test_closes_that_cross(peer: Peer) -> None:
    soft_error(peer)
    peer.drain()
    assert peer.call(1, m.Channel.Close()) == m.Channel.CloseOk()
    assert peer.call(1, m.Queue.Declare(queue="q")) is None, "the broker still waits for close-ok"
    peer.send(1, m.Channel.CloseOk())
    peer.channel(1)


def test_other_channels_do_not_notice_a_soft_error(peer: Peer) -> None:
    peer.channel(2)
    soft_error(peer)
    peer.drain()
    assert peer.declare("q", channel=2) == m.Queue.DeclareOk(queue="q")


def test_closing_requeues_in_order_in_front_and_marks_redelivered(world: World, peer: Peer) -> None:
    peer.declare("q")
    for body in (b"1", b"2", b"3", b"4"):
        peer.publish(key="q", body=body)
    peer.send(1, m.Basic.Get(queue="q"))
    peer.send(1, m.Basic.Qos(prefetch_count=2))
    peer.consume("q")
    peer.send(1, m.Channel.Close())
    assert ready(world) == [b"1", b"2", b"3", b"4"]
    peer.channel(1)
    peer.drain()
    got = [what for what in peer.consume("q", no_ack=True) if isinstance(what, Message)]
    assert [one.method.redelivered for one in got] == [True, True, True, False]
    assert [one.method.delivery_tag for one in got] == [1, 2, 3, 4]


def test_on_a_soft_error_consumed_messages_return_at_once_fetched_ones_at_close_ok(
    world: World, peer: Peer
) -> None:
    peer.declare("consumed")
    peer.declare("fetched")
    for name in ("consumed", "fetched"):
        peer.publish(key=name, body=name.encode())
    peer.consume("consumed")
    peer.send(1, m.Basic.Get(queue="fetched"))
    soft_error(peer)
    assert ready(world, "consumed") == [b"consumed"]
    assert ready(world, "fetched") == []
    peer.send(1, m.Channel.CloseOk())
    assert ready(world, "fetched") == [b"fetched"]


@pytest.mark.parametrize("how", ["close", "error", "cancel"])
def test_auto_delete_queues_go_with_their_last_consumer(world: World, peer: Peer, how: str) -> None:
    peer.declare("q", auto_delete=True)
    peer.declare("never consumed", auto_delete=True)
    peer.consume("q", tag="a")
    peer.consume("q", tag="b")
    if how == "close":
        peer.send(1, m.Channel.Close())
    elif how == "error":
        soft_error(peer)
    else:
        peer.send(1, m.Basic.Cancel(consumer_tag="a"))
        assert "q" in world.broker.vhosts["/"].queues
        peer.send(1, m.Basic.Cancel(consumer_tag="b"))
    assert "q" not in world.broker.vhosts["/"].queues
    assert "never consumed" in world.broker.vhosts["/"].queues


def test_tags_and_consumers_belong_to_one_channel(peer: Peer) -> None:
    peer.channel(2)
    peer.declare("q")
    for _ in range(4):
        peer.publish(key="q")
    tags = [peer.call(channel, m.Basic.Get(queue="q")).method.delivery_tag for channel in (1, 2, 1, 2)]
    assert tags == [1, 1, 2, 2]
    assert peer.consume("q", tag="same")[0] == m.Basic.ConsumeOk(consumer_tag="same")
    assert peer.consume("q", tag="same", channel=2)[0] == m.Basic.ConsumeOk(consumer_tag="same")
    peer.send(2, m.Basic.Ack(delivery_tag=3))
    assert peer.on(2)[-1].reply_text == "PRECONDITION_FAILED - unknown delivery tag 3"


def test_replies_come_in_the_order_of_requests(peer: Peer) -> None:
    peer.send(
        1,
        m.Queue.Declare(queue="a"),
        m.Exchange.Declare(exchange="x", type="direct"),
        m.Queue.Bind(queue="a", exchange="x"),
        m.Basic.Qos(),
        m.Queue.Purge(queue="a"),
    )
    assert [what.name for what in peer.on()] == [
        "queue.declare-ok", "exchange.declare-ok", "queue.bind-ok", "basic.qos-ok", "queue.purge-ok",
    ]  # fmt: skip


def test_flow_on_is_confirmed_flow_off_refused(peer: Peer) -> None:
    assert peer.call(1, m.Channel.Flow(active=True)) == m.Channel.FlowOk(active=True)
    peer.send(1, m.Channel.Flow(active=False))
    assert connection_error(peer) == (540, "NOT_IMPLEMENTED - active=false", (20, 20))


def test_a_ticket_for_everybody(peer: Peer) -> None:
    assert peer.call(1, m.Access.Request()) == m.Access.RequestOk(ticket=1)


@pytest.mark.parametrize(
    "method",
    [
        m.Queue.Bind(exchange="amq.direct", routing_key="k"),
        m.Queue.Unbind(exchange="amq.direct", routing_key="k"),
        m.Queue.Purge(),
        m.Queue.Delete(),
        m.Basic.Get(),
        m.Basic.Consume(),
    ],
)
class TestTheEmptyQueueName:
    """CHAN-19, CHAN-20."""

    def test_means_the_queue_declared_last(self, peer: Peer, method: m.Method) -> None:
        peer.declare("first")
        peer.declare("last")
        answer = peer.call(1, method)
        assert not isinstance(answer, m.Channel.Close)

    def test_means_nothing_on_a_channel_that_declared_nothing(self, peer: Peer, method: m.Method) -> None:
        close = peer.call(1, method)
        assert (close.reply_code, close.reply_text) == (404, "NOT_FOUND - no previously declared queue")
        assert (close.class_id, close.method_id) == method.ids

    def test_survives_the_queue(self, peer: Peer, method: m.Method) -> None:
        peer.declare("gone")
        peer.send(1, m.Queue.Delete(queue="gone"))
        peer.drain()
        answer = peer.call(1, method)
        if not isinstance(method, m.Queue.Delete | m.Queue.Unbind):
            assert answer.reply_text == "NOT_FOUND - no queue 'gone' in vhost '/'"


def test_an_empty_queue_and_key_both_mean_the_last_queue(world: World, peer: Peer) -> None:
    peer.declare("q")
    peer.send(1, m.Queue.Bind(exchange="amq.direct"), m.Queue.Bind(queue="q", exchange="amq.direct"))
    keys = [binding.routing_key for binding in world.broker.vhosts["/"].bindings()]
    assert keys == ["q", ""]


def test_nowait_requests_get_no_answer_but_errors_do(peer: Peer) -> None:
    flags: dict[str, Any] = {"nowait": True}
    peer.send(
        1,
        m.Queue.Declare(queue="q", **flags),
        m.Exchange.Declare(exchange="x", type="fanout", **flags),
        m.Queue.Bind(queue="q", exchange="x", **flags),
        m.Exchange.Bind(destination="x", source="amq.fanout", **flags),
        m.Exchange.Unbind(destination="x", source="amq.fanout", **flags),
        m.Basic.Consume(queue="q", consumer_tag="t", **flags),
        m.Basic.Cancel(consumer_tag="t", **flags),
        m.Queue.Purge(queue="q", **flags),
        m.Queue.Delete(queue="q", **flags),
        m.Exchange.Delete(exchange="x", **flags),
        m.Confirm.Select(**flags),
    )
    assert peer.drain() == []
    peer.send(1, m.Queue.Purge(queue="q", **flags))
    assert peer.on()[0].reply_code == 404
