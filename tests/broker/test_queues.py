"""queue.declare, purge, delete as a client sees them (QUEUE-01 … QUEUE-31)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from broker_peer import CAPABLE, Peer, World

from amqplab.broker.config import BrokerConfig
from amqplab.wire import methods as m

LOCKED = (
    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be "
    "originally declared on another connection or the exclusive property value does not match that of the "
    "original declaration."
)


def refused(peer: Peer, method: m.Method, channel: int = 1) -> tuple[int, str]:
    close = peer.call(channel, method)
    assert isinstance(close, m.Channel.Close)
    assert (close.class_id, close.method_id) == method.ids
    return close.reply_code, close.reply_text


def declare(name: str = "q", **options: Any) -> m.Method:
    return m.Queue.Declare(queue=name, **options)


def test_an_empty_name_gets_a_generated_one(peer: Peer) -> None:
    names = [peer.declare("").queue for _ in range(3)]
    assert len(set(names)) == 3
    assert all(re.fullmatch(r"amq\.gen-[A-Za-z0-9_-]{22}", name) for name in names)


def test_the_same_conversation_generates_the_same_names() -> None:
    def names() -> list[str]:
        peer = World().connect()
        peer.channel(1)
        return [peer.declare("").queue for _ in range(3)]

    assert names() == names()


@pytest.mark.parametrize(
    ("method", "code", "text"),
    [
        (declare("", passive=True), 404, "NOT_FOUND - no queue '' in vhost '/'"),
        (declare("gone", passive=True), 404, "NOT_FOUND - no queue 'gone' in vhost '/'"),
        (declare("amq.mine"), 403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'"),
        (m.Queue.Purge(queue="gone"), 404, "NOT_FOUND - no queue 'gone' in vhost '/'"),
        (m.Basic.Get(queue="gone"), 404, "NOT_FOUND - no queue 'gone' in vhost '/'"),
        (m.Basic.Consume(queue="gone"), 404, "NOT_FOUND - no queue 'gone' in vhost '/'"),
        (
            declare("new", arguments={"x-dead-letter-exchange": 5}),
            406,
            "PRECONDITION_FAILED - invalid type 'signedint' for arg 'x-dead-letter-exchange' "
            "in queue 'new' in vhost '/'",
        ),
    ],
)
def test_refusals(peer: Peer, method: m.Method, code: int, text: str) -> None:
    assert refused(peer, method) == (code, text)


def test_a_generated_name_can_only_be_declared_passively(peer: Peer) -> None:
    name = peer.declare("").queue
    assert peer.declare(name, passive=True) == m.Queue.DeclareOk(queue=name)
    assert refused(peer, declare(name))[1].endswith("contains reserved prefix 'amq.*'")


def test_declare_ok_counts_ready_messages_and_consumers(peer: Peer) -> None:
    peer.declare("q")
    for _ in range(3):
        peer.publish(key="q")
    peer.send(1, m.Basic.Get(queue="q"))
    peer.drain()
    assert peer.declare("q") == m.Queue.DeclareOk(queue="q", message_count=2, consumer_count=0)
    peer.consume("q")
    assert peer.declare("q", passive=True) == m.Queue.DeclareOk(queue="q", message_count=0, consumer_count=1)


@pytest.mark.parametrize(
    ("first", "again", "text"),
    [
        (
            {},
            {"durable": True},
            "'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'",
        ),
        (
            {"auto_delete": True},
            {},
            "'auto_delete' for queue 'q' in vhost '/': received 'false' but current is 'true'",
        ),
        (
            {"arguments": {"x-message-ttl": 5, "x-max-length": 1}},
            {"arguments": {"x-message-ttl": 6, "x-max-length": 2}},
            "'x-message-ttl' for queue 'q' in vhost '/': received '6' but current is '5'",
        ),
    ],
)
def test_a_different_declaration_is_refused(
    peer: Peer, first: dict[str, Any], again: dict[str, Any], text: str
) -> None:
    peer.declare("q", **first)
    assert refused(peer, declare(**again)) == (406, f"PRECONDITION_FAILED - inequivalent arg {text}")


def test_exclusive_must_be_declared_exclusive_again(peer: Peer) -> None:
    peer.declare("q", exclusive=True)
    assert peer.declare("q", exclusive=True) == m.Queue.DeclareOk(queue="q")
    assert peer.declare("q", exclusive=True, durable=True) == m.Queue.DeclareOk(queue="q")
    assert refused(peer, declare()) == (405, LOCKED)


@pytest.mark.parametrize(
    "method",
    [
        declare(exclusive=True),
        declare(passive=True),
        m.Basic.Get(queue="q"),
        m.Basic.Consume(queue="q"),
        m.Queue.Purge(queue="q"),
        m.Queue.Delete(queue="q"),
        m.Queue.Bind(queue="q", exchange="amq.direct"),
    ],
)
def test_an_exclusive_queue_is_locked_to_others(world: World, peer: Peer, method: m.Method) -> None:
    peer.declare("q", exclusive=True)
    other = world.connect("c2:1")
    other.channel(1)
    assert refused(other, method) == (405, LOCKED)


def test_but_others_may_publish_to_it(world: World, peer: Peer) -> None:
    peer.declare("q", exclusive=True)
    other = world.connect("c2:1")
    other.channel(1)
    other.publish(key="q")
    assert peer.declare("q", exclusive=True).message_count == 1


def test_nowait_only_sets_the_last_declared_name(peer: Peer) -> None:
    peer.send(1, declare("q", nowait=True))
    assert peer.call(1, m.Queue.Purge()) == m.Queue.PurgeOk(message_count=0)


def test_purge_and_delete_count_ready_messages(peer: Peer) -> None:
    peer.declare("q")
    for _ in range(3):
        peer.publish(key="q")
    peer.send(1, m.Basic.Get(queue="q"))
    peer.drain()
    assert peer.call(1, m.Queue.Purge(queue="q")) == m.Queue.PurgeOk(message_count=2)
    peer.publish(key="q")
    assert peer.call(1, m.Queue.Delete(queue="q")) == m.Queue.DeleteOk(message_count=1)
    peer.send(1, m.Basic.Ack(delivery_tag=1))
    assert peer.drain() == [], "the ack of a message whose queue is gone is accepted silently"


def test_deleting_what_is_not_there_is_no_error(peer: Peer) -> None:
    for flags in ({}, {"if_unused": True}, {"if_empty": True}):
        assert peer.call(1, m.Queue.Delete(queue="gone", **flags)) == m.Queue.DeleteOk(message_count=0)


def test_emptiness_is_asked_before_use(peer: Peer) -> None:
    peer.declare("q")
    peer.send(1, m.Basic.Qos(prefetch_count=1))
    peer.consume("q")
    peer.publish(key="q")
    peer.publish(key="q")
    peer.drain()
    both = m.Queue.Delete(queue="q", if_unused=True, if_empty=True)
    assert refused(peer, both) == (406, "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty")


def test_a_used_queue_is_not_deleted_if_unused(peer: Peer) -> None:
    peer.declare("q")
    peer.consume("q")
    assert refused(peer, m.Queue.Delete(queue="q", if_unused=True)) == (
        406,
        "PRECONDITION_FAILED - queue 'q' in vhost '/' in use",
    )


def test_unacked_messages_are_no_content(peer: Peer) -> None:
    peer.declare("q")
    peer.publish(key="q")
    peer.send(1, m.Basic.Get(queue="q"))
    peer.drain()
    assert peer.call(1, m.Queue.Delete(queue="q", if_empty=True)) == m.Queue.DeleteOk(message_count=0)


def test_consumers_hear_of_the_deletion_after_delete_ok(world: World, peer: Peer) -> None:
    other = world.connect("c2:1")
    other.channel(7)
    peer.declare("q")
    peer.consume("q", tag="mine")
    other.consume("q", tag="theirs", channel=7)
    peer.send(1, m.Queue.Delete(queue="q"))
    assert peer.on(1) == [m.Queue.DeleteOk(message_count=0), m.Basic.Cancel(consumer_tag="mine", nowait=True)]
    assert other.on(7) == [m.Basic.Cancel(consumer_tag="theirs", nowait=True)]
    peer.declare("q")
    assert peer.consume("q", tag="mine")[0] == m.Basic.ConsumeOk(consumer_tag="mine")


@pytest.mark.parametrize("capable", [{**CAPABLE, "consumer_cancel_notify": 1}, {}])
def test_who_does_not_understand_the_notice_is_not_told(world: World, capable: dict[str, Any]) -> None:
    peer = world.connect(capabilities=capable)
    peer.channel(1)
    peer.declare("q")
    peer.consume("q")
    assert peer.call(1, m.Queue.Delete(queue="q")) == m.Queue.DeleteOk(message_count=0)
    assert peer.drain() == []


def test_deliveries_of_a_cancelled_consumer_can_still_be_acked(world: World, peer: Peer) -> None:
    peer.declare("q")
    peer.consume("q")
    peer.publish(key="q")
    other = world.connect("c2:1")
    other.channel(1)
    other.send(1, m.Queue.Delete(queue="q"))
    peer.drain()
    peer.send(1, m.Basic.Ack(delivery_tag=1))
    peer.send(1, m.Basic.Nack(delivery_tag=1))
    assert peer.on()[0].reply_text == "PRECONDITION_FAILED - unknown delivery tag 1"


def test_the_queue_limit_of_a_virtual_host() -> None:
    peer = World(BrokerConfig(vhost_max_queues={"/": 1})).connect()
    peer.channel(1)
    peer.declare("q")
    assert peer.declare("q") == m.Queue.DeclareOk(queue="q")
    assert refused(peer, declare("p")) == (
        406,
        "PRECONDITION_FAILED - cannot declare queue 'p': queue limit in vhost '/' (1) is reached",
    )
