"""basic.consume, cancel, qos, get: the ways to get messages out.

Theory
------
A consumer is a standing request: the queue pushes whatever it can, as fast as the windows
allow. basic.get is the opposite: one message now, whatever consumers and windows say (BASIC-43). Prefetch is
set per channel and works in two ways, told apart by a flag called `global` (see
:mod:`amqplab.model.consumer`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from amqplab.broker.channel import Channel
from amqplab.broker.registry import on
from amqplab.broker.reply_to import REPLY_TO, subscribe, unsubscribe
from amqplab.errors import AMQPNotImplemented, CommandInvalid, NotAllowed, PreconditionFailed
from amqplab.model.binding import QUEUE
from amqplab.model.consumer import Consumer
from amqplab.model.ledger import Outstanding
from amqplab.model.queue import Queue
from amqplab.model.stream_offset import check_offset
from amqplab.trace import events
from amqplab.wire.frames import encode_content
from amqplab.wire.methods import Basic
from amqplab.wire.table import Timestamp, type_name

if TYPE_CHECKING:
    from amqplab.broker.broker import Broker
    from amqplab.model.vhost import VirtualHost

__all__ = ["queue_gone"]


@on(Basic.Consume)
def consume(channel: Channel, method: Basic.Consume) -> None:
    """Subscribe to a queue (BASIC-14 … BASIC-24)."""
    if method.queue == REPLY_TO:
        subscribe(channel, method)
        return
    name = channel.queue_name(method.queue)
    if method.consumer_tag in channel.consumers:
        raise NotAllowed(f"attempt to reuse consumer tag '{method.consumer_tag}'")
    channel.access.read(QUEUE, name)
    tag = method.consumer_tag or channel.broker.names.fresh("amq.ctag")
    queue = channel.queue(name)
    if queue.kind == "quorum" and channel.window.limit:
        raise AMQPNotImplemented(f"{queue.describe()} does not support global qos")
    _check_arguments(queue, method.arguments)
    consumer = Consumer(
        queue,
        channel,
        tag,
        no_ack=method.no_ack,
        exclusive=method.exclusive,
        prefetch=channel.prefetch,
        priority=method.arguments.get("x-priority", 0),
        arguments=method.arguments,
    )
    consumer.wire = channel.delivery_writer(tag)
    queue.subscribe(consumer, channel.broker.now)
    channel.consumers[tag] = consumer
    if not method.nowait:
        channel.reply(Basic.ConsumeOk(consumer_tag=tag))
    channel.vhost.touch(queue)


def _check_arguments(queue: Queue, arguments: Mapping[str, Any]) -> None:
    """Raise 406 for the first thing that is wrong: the values of what this type of queue knows, then what
    only another one knows (BASIC-23, BASIC-24, STREAM-05).
    """
    for name, (kinds, rule) in ARGUMENTS.items():
        if name in arguments and queue.kind in kinds:
            objection = rule(arguments[name])
            if objection:
                raise PreconditionFailed(f"invalid arg '{name}' for {queue.describe()}: {objection}")
    for name, (kinds, _) in ARGUMENTS.items():
        if name in arguments and queue.kind not in kinds:
            raise PreconditionFailed(
                f"invalid arg '{name}' for {queue.describe()} of queue type rabbit_{queue.kind}_queue"
            )


def _priority(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, (bool, Timestamp)):
        return ""
    return f'"expected integer, got {type_name(value)}"'


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else f"{{unacceptable_type,{type_name(value)}}}"


ARGUMENTS: dict[str, tuple[tuple[str, ...], Callable[[Any], str]]] = {
    "x-priority": (("classic", "quorum"), _priority),
    "x-cancel-on-ha-failover": (("classic",), _flag),
    "x-stream-offset": (("stream",), check_offset),
}
"""Argument → the kinds of queue it is for, and what says what is wrong with its value."""


@on(Basic.Cancel)
def cancel(channel: Channel, method: Basic.Cancel) -> None:
    """End a subscription; an unknown tag is no error (BASIC-25). What is unacked stays so (BASIC-26)."""
    if channel.reply_consumer is not None and channel.reply_consumer.tag == method.consumer_tag:
        unsubscribe(channel)
        if not method.nowait:
            channel.reply(Basic.CancelOk(consumer_tag=method.consumer_tag))
        return
    consumer = channel.consumers.pop(method.consumer_tag, None)
    if consumer is not None:
        consumer.queue.unsubscribe(consumer, "cancelled")
    if not method.nowait:
        channel.reply(Basic.CancelOk(consumer_tag=method.consumer_tag))
    if consumer is None:
        return
    if consumer.queue.unused:
        channel.vhost.delete_queue(consumer.queue, reason="auto-delete")
    else:
        consumer.queue.renew(channel.broker.now)
        channel.vhost.touch(consumer.queue)


@on(Basic.Qos)
def qos(channel: Channel, method: Basic.Qos) -> None:
    """Set a prefetch window (BASIC-37 … BASIC-41): the channel's own, or that of its consumers to come."""
    if method.prefetch_size != 0:
        raise AMQPNotImplemented(f"prefetch_size!=0 ({method.prefetch_size})")
    was_full = channel.window.full
    if method.global_:
        channel.window.set(method.prefetch_count, len(channel.ledger))
    else:
        channel.window.set(0, 0)
        channel.prefetch = method.prefetch_count
    if channel.report is not None:
        channel.report(
            events.PrefetchSet, channel.connection, channel.number, method.prefetch_count, method.global_
        )
    channel.reply(Basic.QosOk())
    if was_full and not channel.window.full:
        channel.unblock_consumers()


@on(Basic.Credit)
def credit(channel: Channel, method: Basic.Credit) -> None:
    """An extension that RabbitMQ uses inside itself; only its complaint is here (LIMIT-12)."""
    if method.consumer_tag not in channel.consumers:
        raise PreconditionFailed(f"unknown consumer tag '{method.consumer_tag}'")
    raise CommandInvalid("unimplemented method")


@on(Basic.Get)
def get(channel: Channel, method: Basic.Get) -> None:
    """One message now, or the news that there is none (BASIC-46, BASIC-47)."""
    name = channel.queue_name(method.queue)
    channel.access.read(QUEUE, name)
    queue = channel.queue(name)
    copy = queue.get(channel, channel.next_tag, method.no_ack, channel.broker.now)
    if copy is None:
        channel.reply(Basic.GetEmpty())
        return
    tag = channel.take_tag()
    if not method.no_ack:
        channel.ledger.add(Outstanding(tag, queue, copy, None, channel.broker.now))
        if channel.patience.idle:
            channel.patience.begin(channel.broker.now)
    message = copy.message
    channel.flush_confirms()
    ok = Basic.GetOk(
        delivery_tag=tag,
        redelivered=copy.redelivered,
        exchange=message.exchange,
        routing_key=message.routing_key,
        message_count=len(queue.ready),
    )
    channel.session.write(
        encode_content(channel.number, ok, message.octets, message.body, channel.session.frame_max)
    )


# --- a queue that is gone ----------------------------------------------------------------------------------


def queue_gone(broker: Broker, vhost: VirtualHost, queue: Queue, consumers: list[Consumer]) -> None:
    """A queue was deleted: its consumers are told if they understand it (QUEUE-31, BASIC-27, BASIC-28)."""
    for consumer in consumers:
        channel = consumer.recipient
        assert isinstance(channel, Channel)
        channel.consumers.pop(consumer.tag, None)
        if "consumer_cancel_notify" in channel.session.capabilities:
            vhost.notices.append(partial(_notify_cancel, channel, consumer.tag))
    if broker.report is not None and queue.unacked:
        for session in broker.sessions.values():
            for channel in session.channels.values():
                channel.report_lost(queue)


def _notify_cancel(channel: Channel, tag: str) -> None:
    if channel.state == "open":
        channel.reply(Basic.Cancel(consumer_tag=tag, nowait=True))
