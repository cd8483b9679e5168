"""queue.declare, bind, unbind, purge, delete.

Theory
------
Like exchanges, queues are asserted, not created: an equal one that exists already is fine, a
different one closes the channel. An empty name asks the broker for a fresh one (QUEUE-01). Whatever queue a
channel declared last is what an empty name means in its later methods (CHAN-19); a passive declare counts,
too.
"""

from __future__ import annotations

from amqplab.broker.channel import Channel
from amqplab.broker.exchange_methods import check_binding, check_exchange_argument, strip_line_ends
from amqplab.broker.registry import Crash, on
from amqplab.broker.reply_to import REPLY_TO, address_exists
from amqplab.errors import AMQPNotImplemented, NotFound, PreconditionFailed
from amqplab.model import queue as model
from amqplab.model.arguments import QueueArguments
from amqplab.model.binding import QUEUE, Binding
from amqplab.model.equivalence import assert_queue, check_exclusive
from amqplab.model.queue_types import (
    check_arguments,
    check_flags,
    check_segment_size,
    is_locator,
    queue_type_of,
)
from amqplab.model.vhost import check_name
from amqplab.wire.methods import Queue

__all__: list[str] = []


@on(Queue.Declare)
def declare(channel: Channel, method: Queue.Declare) -> None:
    """Assert a queue (QUEUE-01 … QUEUE-17)."""
    name = strip_line_ends(method.queue)
    if name.startswith(REPLY_TO):
        if not address_exists(channel, name):
            raise NotFound(f"no {channel.vhost.describe(QUEUE, name)}")
        channel.last_queue = name
        if not method.nowait:
            channel.reply(Queue.DeclareOk(queue=name, message_count=0, consumer_count=1))
        return
    if method.passive:
        queue = channel.vhost.queue(name)
        check_exclusive(queue, channel.connection)
        if not method.nowait:  # only who waits for the numbers asks the queue (QUEUE-07)
            queue.renew(channel.broker.now)
    else:
        name = _declare_actively(channel, name, method)
        queue = channel.vhost.queue(name)
    channel.last_queue = name
    if not method.nowait:
        channel.reply(
            Queue.DeclareOk(queue=name, message_count=len(queue.ready), consumer_count=queue.consumer_count)
        )


def _declare_actively(channel: Channel, name: str, method: Queue.Declare) -> str:
    """Make the queue, or compare it with the one that is there; return its name."""
    owner = channel.connection if method.exclusive else None
    durable = method.durable and not method.exclusive  # QUEUE-19
    kind = queue_type_of(method.arguments)
    if not name:
        if method.arguments.get("x-queue-type", kind) != kind:
            raise Crash("unknown queue type")  # RabbitMQ asks the type for its opinion before it checks it
        if kind != "classic":
            raise PreconditionFailed(f"Cannot declare a server-named queue for type rabbit_{kind}_queue")
        name = channel.broker.names.fresh("amq.gen")
    else:
        check_name(QUEUE, name)
    channel.access.configure(QUEUE, name)
    vhost = channel.vhost
    existing = vhost.queues.get(name)
    if existing is not None:
        assert_queue(
            existing,
            durable=durable,
            owner=owner,
            auto_delete=method.auto_delete,
            arguments=method.arguments,
        )
        if not method.nowait:
            existing.renew(channel.broker.now)
        return name
    _check_queue_limit(channel, name)
    check_exchange_argument(channel, QUEUE, name, "x-dead-letter-exchange", method.arguments)
    resource = vhost.describe(QUEUE, name)
    check_arguments(method.arguments, resource)
    check_flags(
        kind,
        resource,
        auto_delete=method.auto_delete,
        exclusive=method.exclusive,
        durable=method.durable,
    )
    check_segment_size(method.arguments)
    # A locator passes all checks, whatever it is; RabbitMQ stumbles when it looks for a node to live on. An
    # exclusive queue lives where its owner is connected, and nobody looks.
    if owner is None and not is_locator(method.arguments.get("x-queue-master-locator", "client-local")):
        raise Crash("unknown queue master locator")
    vhost.declare_queue(
        name,
        durable=durable,
        owner=owner,
        auto_delete=method.auto_delete,
        arguments=QueueArguments(method.arguments),
        now=channel.broker.now,
    )
    return name


def _check_queue_limit(channel: Channel, name: str) -> None:
    vhost = channel.vhost
    limit = channel.broker.config.vhost_max_queues.get(vhost.name)
    if limit is not None and len(vhost.queues) >= limit:
        raise PreconditionFailed(
            f"cannot declare queue '{name}': queue limit in vhost '{vhost.name}' ({limit}) is reached"
        )


@on(Queue.Bind)
def bind(channel: Channel, method: Queue.Bind) -> None:
    """Let messages flow from an exchange to a queue (EXCH-41, EXCH-42)."""
    channel.vhost.add_binding(_binding(channel, method), channel.connection)
    if not method.nowait:
        channel.reply(Queue.BindOk())


@on(Queue.Unbind)
def unbind(channel: Channel, method: Queue.Unbind) -> None:
    """Take it back; nothing of it needs to exist (EXCH-43)."""
    channel.vhost.remove_binding(_binding(channel, method), channel.connection)
    channel.reply(Queue.UnbindOk())


def _binding(channel: Channel, method: Queue.Bind | Queue.Unbind) -> Binding:
    return check_binding(
        channel,
        method.exchange,
        QUEUE,
        channel.queue_name(method.queue),
        _routing_key(channel, method.queue, method.routing_key),
        method.arguments,
    )


def _routing_key(channel: Channel, queue: str, routing_key: str) -> str:
    """With queue and key both empty the key becomes the last declared queue's name, too (CHAN-21)."""
    return routing_key if queue or routing_key else channel.queue_name("")


@on(Queue.Purge)
def purge(channel: Channel, method: Queue.Purge) -> None:
    """Remove what is ready (QUEUE-24)."""
    name = channel.queue_name(method.queue)
    channel.access.read(QUEUE, name)
    count = channel.queue(name).purge()
    if not method.nowait:
        channel.reply(Queue.PurgeOk(message_count=count))


@on(Queue.Delete)
def delete(channel: Channel, method: Queue.Delete) -> None:
    """Remove a queue; a missing one is no error (QUEUE-26 … QUEUE-31)."""
    name = strip_line_ends(channel.queue_name(method.queue))
    channel.access.configure(QUEUE, name)
    vhost = channel.vhost
    queue = vhost.queues.get(name)
    count = 0
    if queue is not None:
        check_exclusive(queue, channel.connection)
        _check_delete_flags(queue, method)
        heeded = not queue.keeps_delivered  # STREAM-06
        count = vhost.delete_queue(
            queue, if_unused=method.if_unused and heeded, if_empty=method.if_empty and heeded
        )
    if not method.nowait:
        channel.reply(Queue.DeleteOk(message_count=count))


def _check_delete_flags(queue: model.Queue, method: Queue.Delete) -> None:
    """Quorum queues cannot tell whether they are unused or empty (QUORUM-07)."""
    if queue.kind != "quorum":
        return
    for wanted, flag in ((method.if_unused, "if-unused"), (method.if_empty, "if-empty")):
        if wanted:
            raise AMQPNotImplemented(
                f"cannot delete {queue.describe()}. queue.delete operations with {flag} flag set are not "
                "supported by quorum queues"
            )
