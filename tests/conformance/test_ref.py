"""REF-01 … REF-06: which code ends what, and what its text looks like."""

from __future__ import annotations

import re

import pytest

from amqplab.wire.frames import encode_frame
from amqplab.wire.methods import Basic, Channel, Confirm, Connection, Exchange, Queue, Tx
from amqplab.wire.table import Table

TEXT = re.compile(r"[A-Z]+(_[A-Z]+)* - .+")


def declare_a_type_that_is_not_there(broker, peer):
    peer.send(Exchange.Declare(exchange="odd", type="odd"))


def reuse_a_tag(broker, peer):
    queue = peer.queue()
    peer.consume(queue, "t")
    peer.send(Basic.Consume(queue=queue, consumer_tag="t"))


def open_twice(broker, peer):
    peer.send(Channel.Open())


def send_a_body_alone(broker, peer):
    peer.send_octets(encode_frame(3, 1, b"body"))


def send_to_a_channel_that_is_closed(broker, peer):
    peer.send(Queue.Declare(), channel=7)


def send_a_short_frame(broker, peer):
    peer.send_octets(encode_frame(1, 1, b"\x00\x3c"))


def crash_a_channel(broker, peer):
    peer.send(Queue.Declare(arguments=Table({"x-queue-type": "no such type"})))


def ask_for(method):
    def do(broker, peer):
        peer.send(method)

    return do


SOFT = {
    403: lambda broker, peer: peer.send(Queue.Declare(queue="amq.mine")),
    404: lambda broker, peer: peer.send(Queue.Declare(queue="no such queue", passive=True)),
    406: lambda broker, peer: peer.send(Basic.Ack(delivery_tag=9)),
}
HARD = {
    "short frame": (send_a_short_frame, 501),
    "unknown method": (ask_for(Basic.QosOk()), 503),
    "closed channel": (send_to_a_channel_that_is_closed, 504),
    "second open": (open_twice, 504),
    "body alone": (send_a_body_alone, 505),
    "reused tag": (reuse_a_tag, 530),
    "exchange type": (declare_a_type_that_is_not_there, 503),
    "prefetch size": (ask_for(Basic.Qos(prefetch_size=1)), 540),
    "immediate": (None, 540),
    "recover": (ask_for(Basic.Recover(requeue=False)), 540),
    "flow": (ask_for(Channel.Flow(active=False)), 540),
    "crash": (crash_a_channel, 541),
}
SURPRISINGLY_HARD = [
    name for name in HARD if name not in ("short frame", "closed channel", "body alone", "crash")
]
NO_ERRORS = {
    "delete a queue": (Queue.Delete(queue="nowhere"), Queue.DeleteOk),
    "delete an exchange": (Exchange.Delete(exchange="nowhere"), Exchange.DeleteOk),
    "cancel": (Basic.Cancel(consumer_tag="nobody"), Basic.CancelOk),
    "unbind a queue": (Queue.Unbind(queue="nowhere", exchange="amq.direct", routing_key="k"), Queue.UnbindOk),
    "unbind an exchange": (Exchange.Unbind(destination="no", source="nowhere"), Exchange.UnbindOk),
    "bind again": (Exchange.Bind(destination="amq.topic", source="amq.fanout"), Exchange.BindOk),
    "confirm": (Confirm.Select(), Confirm.SelectOk),
}


def provoke(broker, peer, name):
    if name == "immediate":
        peer.send(Basic.Publish(routing_key="q", immediate=True))
        peer.send_octets(encode_frame(2, 1, bytes((0, 60)) + bytes(12)))
    else:
        HARD[name][0](broker, peer)


def test_REF_01_no_route_is_only_in_returns(broker):
    with broker.connect() as peer:
        peer.publish("nowhere", mandatory=True)
        returned = peer.expect_message(Basic.Return)
        assert (returned.method.reply_code, returned.method.reply_text) == (312, "NO_ROUTE")


@pytest.mark.parametrize("code", SOFT)
def test_REF_02_soft_errors_close_the_channel(broker, code):
    with broker.connect(channels=2) as peer:
        SOFT[code](broker, peer)
        close = peer.expect(Channel.Close)
        assert close.reply_code == code and TEXT.fullmatch(close.reply_text)
        peer.send(Channel.CloseOk())
        peer.sync(channel=2)


def test_REF_02_a_locked_resource(broker):
    with broker.connect() as owner, broker.connect() as peer:
        queue = owner.queue()
        peer.send(Queue.Declare(queue=queue, passive=True))
        close = peer.expect(Channel.Close)
        assert close.reply_code == 405 and close.reply_text.startswith("RESOURCE_LOCKED - ")
        peer.send(Channel.CloseOk())


@pytest.mark.parametrize("name", HARD)
def test_REF_03_REF_04_hard_errors_close_the_connection(broker, name):
    with broker.connect() as peer:
        provoke(broker, peer, name)
        close = peer.expect(Connection.Close)
        assert close.reply_code == HARD[name][1]
        if close.reply_code == 541:
            assert close.reply_text == "INTERNAL_ERROR"
        else:
            assert TEXT.fullmatch(close.reply_text)
        peer.send(Connection.CloseOk())
        peer.expect_reset()


@pytest.mark.parametrize("name", SURPRISINGLY_HARD)
def test_REF_05_what_one_might_expect_to_be_soft(broker, name):
    with broker.connect(channels=2) as peer:
        provoke(broker, peer, name)
        peer.expect(Connection.Close)
        peer.send(Connection.CloseOk())
        peer.expect_reset()


@pytest.mark.parametrize("name", NO_ERRORS)
def test_REF_06_what_is_no_error(broker, name):
    method, reply = NO_ERRORS[name]
    with broker.connect() as peer:
        for _ in range(2):
            peer.call(method, reply)
        peer.call(Exchange.Unbind(destination="amq.topic", source="amq.fanout"), Exchange.UnbindOk)


def test_REF_06_acknowledging_all_of_nothing_and_publishing_to_nobody(broker):
    with broker.connect() as peer:
        for _ in range(2):
            peer.call(Tx.Select(), Tx.SelectOk())
        peer.send(Basic.Ack(delivery_tag=0, multiple=True))
        peer.publish("nowhere")
        peer.call(Tx.Commit(), Tx.CommitOk())
