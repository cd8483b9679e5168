"""Real octets to begin with: what clients and a broker said to each other, and what a broker wrote down.

Theory
------
A fuzzer is as good as its corpus. Here a few clients have the conversations that clients have, with our
broker in virtual time, and every octet is kept, frame by frame, both ways. The broker is durable, and its
journal is kept, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from amqplab.broker.broker import Broker
from amqplab.broker.effects import Persist, Send
from amqplab.wire.frames import PROTOCOL_HEADER, encode_content, encode_method
from amqplab.wire.methods import Basic, Channel, Confirm, Connection, Exchange, Method, Queue, Tx
from amqplab.wire.properties import Properties
from amqplab.wire.table import ByteArray, Float32, Int8, Int64, Timestamp, UInt16

__all__ = ["Conversation", "conversations", "journal_entries"]

FRAME_MAX = 4096
REPLY_TO = "amq.rabbitmq.reply-to"
EVERY_TYPE = {
    "t": True, "b": Int8(-3), "u": UInt16(60_000), "I": 7, "l": Int64(-5), "f": Float32(1.5), "d": 2.5,
    "D": Decimal("3.14"), "S": "grüße", "A": [1, "two", [3.0]], "T": Timestamp(1_700_000_000),
    "F": {"inner": {"x": None}}, "V": None, "x": ByteArray(b"\x00\xff"),
}  # fmt: skip
EVERY_PROPERTY = {
    "content_type": "text/plain", "content_encoding": "utf-8", "headers": EVERY_TYPE, "delivery_mode": 2,
    "priority": 5, "correlation_id": "c", "reply_to": "r", "expiration": "60000", "message_id": "m",
    "timestamp": 1_700_000_000, "type": "t", "user_id": "guest", "app_id": "a", "cluster_id": "",
}  # fmt: skip


Said = Iterator[Method | bytes]


class Conversation(NamedTuple):
    """What one client said and heard, as whole frames; `opening` and `greeting` are what went before, until
    channel 1 was open and the queue "q" was there.
    """

    opening: bytes
    greeting: bytes
    said: tuple[bytes, ...]
    heard: tuple[bytes, ...]


def publish(
    routing_key: str, body: bytes, exchange: str = "", mandatory: bool = False, **properties: Any
) -> bytes:
    """A basic.publish with its content."""
    method = Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=mandatory)
    return encode_content(1, method, Properties(**properties), body, FRAME_MAX)


def routing() -> Said:
    for kind in ("direct", "fanout", "topic", "headers"):
        name = f"x.{kind}"
        yield Exchange.Declare(exchange=name, type=kind, arguments={"alternate-exchange": "amq.fanout"})
        yield Queue.Bind(queue="q", exchange=name, routing_key="a.*.#", arguments={"x-match": "any", "h": 1})
        yield publish("a.b.c", b"routed", name, mandatory=True, headers={"h": 1, "CC": ["q"]})
    yield Exchange.Bind(destination="x.fanout", source="x.topic", routing_key="#")
    yield Queue.Unbind(queue="q", exchange="x.direct", routing_key="a.*.#")
    yield Exchange.Unbind(destination="x.fanout", source="x.topic", routing_key="#")
    yield Exchange.Delete(exchange="x.headers")
    yield Basic.Get(queue="q", no_ack=True)
    yield Queue.Purge(queue="q")


def messages() -> Said:
    yield publish("q", b"all of it", **EVERY_PROPERTY)
    yield publish("q", b"")
    yield publish("q", b"z" * 5000, headers=EVERY_TYPE)
    yield Basic.Qos(prefetch_count=2)
    yield Basic.Consume(queue="q", consumer_tag="c", arguments={"x-priority": 3})
    yield Basic.Nack(delivery_tag=2, requeue=True)
    yield Basic.Ack(delivery_tag=1)
    yield Basic.Reject(delivery_tag=3)
    yield Basic.Cancel(consumer_tag="c")
    yield Basic.Recover(requeue=True)
    yield publish("nowhere", b"back", mandatory=True)
    yield Basic.Get(queue="q")


def modes() -> Said:
    yield Confirm.Select()
    for _ in range(3):
        yield publish("q", b"confirmed", delivery_mode=2)
    yield Channel.Close(reply_code=200, reply_text="done")
    yield Channel.Open()
    yield Tx.Select()
    yield publish("q", b"perhaps")
    yield Tx.Rollback()
    yield publish("q", b"surely")
    yield Basic.Get(queue="q")
    yield Basic.Ack(delivery_tag=1)
    yield Tx.Commit()
    yield Queue.Declare(queue="amq.mine")
    yield Channel.CloseOk()
    yield Channel.Open()
    yield Channel.Flow(active=True)


def kinds() -> Said:
    limits = {"x-max-length": 3, "x-message-ttl": 60_000, "x-overflow": "reject-publish", "x-expires": 90_000}
    dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q", "x-max-priority": 5}
    yield Queue.Declare(queue="limited", arguments=limits)
    yield Queue.Declare(queue="dying", arguments=dead | {"x-max-length": 1})
    yield publish("dying", b"first", priority=0)
    yield publish("dying", b"second", priority=3)
    yield Queue.Declare(queue="quorum", durable=True, arguments={"x-queue-type": "quorum"})
    yield publish("quorum", b"voted", headers={"n": 1})
    yield Basic.Get(queue="quorum")
    yield Basic.Nack(delivery_tag=1, requeue=True)
    stream = {"x-queue-type": "stream", "x-max-age": "1h", "x-max-length-bytes": 9000}
    yield Queue.Declare(queue="stream", durable=True, arguments=stream)
    yield publish("stream", b"read", headers={"n": 1})
    yield Basic.Qos(prefetch_count=5)
    yield Basic.Consume(queue="stream", consumer_tag="s", arguments={"x-stream-offset": "first"})
    yield Basic.Ack(delivery_tag=2)
    yield Basic.Consume(queue=REPLY_TO, consumer_tag="r", no_ack=True)
    yield publish("q", b"asked", reply_to=REPLY_TO, correlation_id="1")
    yield Basic.Get(queue="q", no_ack=True)


def durable() -> Said:
    yield Exchange.Declare(exchange="kept", type="topic", durable=True)
    yield Queue.Declare(queue="d", durable=True)
    yield Queue.Declare(queue="e", durable=True, arguments={"x-message-ttl": 60_000, "x-max-priority": 3})
    yield Queue.Bind(queue="d", exchange="kept", routing_key="#", arguments={"n": 1})
    for queue in ("d", "e", "quorum", "stream"):
        yield publish(queue, b"kept", delivery_mode=2, headers={"n": 1}, expiration="30000")
    yield publish("k", b"kept", "kept", delivery_mode=2)
    yield Basic.Get(queue="d")
    yield Basic.Nack(delivery_tag=1, requeue=True)
    yield Basic.Get(queue="d")
    yield Basic.Ack(delivery_tag=2)
    yield Queue.Declare(queue="gone", durable=True)
    yield Queue.Delete(queue="gone")


OPENING = (
    Connection.StartOk(mechanism="PLAIN", response=b"\0guest\0guest", locale="en_US"),
    Connection.TuneOk(channel_max=2047, frame_max=FRAME_MAX, heartbeat=0),
    Connection.Open(virtual_host="/"),
)


class Listener:
    """A durable broker in virtual time, of which everything is kept that it says or writes."""

    def __init__(self) -> None:
        self.broker = Broker(durable=True)
        self.entries: list[bytes] = []

    def say(self, connection: str, octets: bytes) -> bytes:
        """The broker's answer to these octets."""
        return self._take(self.broker.received(connection, octets, 0))

    def _take(self, effects: list[Any]) -> bytes:
        heard = b""
        for effect in effects:
            if isinstance(effect, Send):
                heard += effect.data
            elif isinstance(effect, Persist):
                self.entries.extend(effect.entries)
                heard += self._take(self.broker.persisted(effect.token, 0))
        return heard


@cache
def _record() -> tuple[tuple[Conversation, ...], tuple[bytes, ...]]:
    listener = Listener()
    found = []
    for number, talk in enumerate((routing, messages, modes, kinds, durable)):
        name = f"client:{number}"
        listener.broker.connected(name, 0)
        opening = PROTOCOL_HEADER + b"".join(encode_method(0, method) for method in OPENING)
        opening += encode_method(1, Channel.Open()) + encode_method(1, Queue.Declare(queue="q"))
        greeting = listener.say(name, opening)
        said = [one if isinstance(one, bytes) else encode_method(1, one) for one in talk()]
        heard = b"".join(listener.say(name, octets) for octets in said)
        found.append(Conversation(opening, greeting, frames(b"".join(said)), frames(heard)))
    return tuple(found), tuple(listener.entries)


def conversations() -> tuple[Conversation, ...]:
    """What clients said after their opening, and what they heard."""
    return _record()[0]


def journal_entries() -> tuple[bytes, ...]:
    """What the broker wrote down meanwhile: topology, messages, settlements."""
    return _record()[1]


def frames(octets: bytes) -> tuple[bytes, ...]:
    """Cut a stream into whole frames."""
    found = []
    at = 0
    while at < len(octets):
        end = at + 8 + int.from_bytes(octets[at + 3 : at + 7], "big")
        found.append(octets[at:end])
        at = end
    return tuple(found)
