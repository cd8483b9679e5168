"""Direct reply-to: answers that go straight to the one who asked, past all queues.

Theory
------
A client that asks questions needs a place for the answers. Instead of declaring a queue it consumes from the
name ``amq.rabbitmq.reply-to``, which is no queue, and publishes its question on the same channel with that
name as `reply_to`. The broker writes a real address in its place:

    amq.rabbitmq.reply-to.<which channel>.<secret>

Whoever answers publishes to the default exchange with the address as routing key. No queue, no binding, no
trace once the channel is gone: an answer that comes too late is dropped without a word (BASIC-69).

Two oddities are RabbitMQ's own. An answer counts as unroutable, so `mandatory` returns it although it is
delivered (BASIC-65). And its delivery tag is the one that the next real delivery will have (BASIC-63).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

from amqplab.broker.alarms import MOST_QUEUED
from amqplab.broker.registry import Crash
from amqplab.errors import NotAllowed, PreconditionFailed
from amqplab.model.message import lean
from amqplab.trace import events
from amqplab.wire.methods import Basic

if TYPE_CHECKING:
    from amqplab.broker.broker import Broker
    from amqplab.broker.channel import Channel
    from amqplab.broker.content import Facts
    from amqplab.broker.delivery import DeliveryWriter
    from amqplab.model.message import Message

__all__ = [
    "REPLY_TO",
    "ReplyConsumer",
    "address_exists",
    "askers",
    "askers_of_letter",
    "deliver_replies",
    "places",
    "subscribe",
    "unsubscribe",
    "with_address",
]

REPLY_TO = "amq.rabbitmq.reply-to"
ADDRESS = REPLY_TO + "."
PID = b"\x83X"  # how Erlang's external format begins to write down a process


class ReplyConsumer(NamedTuple):
    """What a channel has instead of a reply queue."""

    tag: str
    address: str
    writer: DeliveryWriter


def subscribe(channel: Channel, method: Basic.Consume) -> None:
    """basic.consume of the name that is no queue (BASIC-60)."""
    if method.consumer_tag in channel.consumers:
        raise NotAllowed(f"attempt to reuse consumer tag '{method.consumer_tag}'")
    if not method.no_ack:
        raise PreconditionFailed("reply consumer cannot acknowledge")
    if channel.reply_consumer is not None:
        raise PreconditionFailed("reply consumer already set")
    broker = channel.broker
    tag = method.consumer_tag or broker.names.fresh("amq.ctag")
    octets = PID + broker.names.unique(), broker.names.unique()
    where, secret = (base64.b64encode(one).decode() for one in octets)
    address = f"{ADDRESS}{where}.{secret}"
    channel.reply_consumer = ReplyConsumer(tag, address, channel.delivery_writer(tag))
    broker.reply_channels[address] = channel
    if not method.nowait:
        channel.reply(Basic.ConsumeOk(consumer_tag=tag))


def unsubscribe(channel: Channel) -> None:
    """The reply consumer is cancelled, or its channel ends (BASIC-69)."""
    if channel.reply_consumer is not None:
        del channel.broker.reply_channels[channel.reply_consumer.address]
        channel.reply_consumer = None


def address_exists(channel: Channel, name: str) -> bool:
    """Whether queue.declare of this name is answered as if there were such a queue (BASIC-66).

    Raises Crash where the channel would have to ask itself (BASIC-67).
    """
    if name == REPLY_TO:
        return True
    owner = find(channel.broker, name)
    if owner is channel:
        raise Crash("the channel waits for its own answer")
    return owner is not None


def find(broker: Broker, name: str) -> Channel | None:
    """The channel with that address. Raises Crash for what has the form of an address and is none."""
    channel = broker.reply_channels.get(name)
    parts = [part for part in name.removeprefix(ADDRESS).split(".") if part]
    if channel is None and name.startswith(ADDRESS) and len(parts) == 2 and not _names_a_process(parts[0]):
        raise Crash(f"{parts[0]!r} is no process")
    return channel


def _names_a_process(text: str) -> bool:
    try:
        return base64.b64decode(text, validate=True).startswith(PID)
    except ValueError:
        return False


def with_address(channel: Channel, facts: Facts) -> Facts:
    """The facts of a publish with the real address as `reply_to`, if it asks for one (BASIC-61, BASIC-62)."""
    if facts.properties.reply_to != REPLY_TO:
        return facts
    if channel.reply_consumer is None:
        raise PreconditionFailed("fast reply consumer does not exist")
    properties = facts.properties.replace(reply_to=channel.reply_consumer.address)
    octets = properties.encode()
    return facts._replace(properties=properties, octets=octets, kept=lean(properties, octets))


def askers(broker: Broker, message: Message) -> list[Channel]:
    """The channels that a message of the default exchange is an answer to: those that its keys name. Raises
    Crash for a key that has the form of an address and is none.
    """
    if message.exchange != "":
        return []
    keys = sorted({message.routing_key, *message.extra_keys})
    found = (find(broker, key) for key in keys if key.startswith(ADDRESS))
    return [channel for channel in found if channel is not None]


def askers_of_letter(broker: Broker, letter: Message) -> list[Channel]:
    """A dead letter may be an answer, too; one with a nonsensical address is lost."""
    try:
        return askers(broker, letter)
    except Crash:
        return []


def places(channels: list[Channel]) -> tuple[tuple[str, int], ...]:
    """The same as the record shows it: connections and channel numbers."""
    return tuple((channel.connection, channel.number) for channel in channels)


def deliver_replies(channels: list[Channel], message: Message) -> None:
    """Hand the answer out.

    One message can name thousands of channels of one connection. Of these as many get it as their connection
    may have queued.
    """
    alone = len({message.routing_key, *message.extra_keys}) == 1
    for channel in channels:
        if alone or channel.session.pushed <= MOST_QUEUED:
            _deliver(channel, message)


def _deliver(channel: Channel, message: Message) -> None:
    consumer = channel.reply_consumer
    assert consumer is not None
    channel.session.push(consumer.writer.parts(message, channel.next_tag, False), len(message.body))
    if channel.report is not None:
        channel.report(
            events.Replied,
            channel.vhost.name,
            message.number,
            channel.connection,
            channel.number,
            consumer.tag,
            channel.next_tag,
        )
