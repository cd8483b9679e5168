"""basic.publish: from a whole command to copies in queues.

Theory
------
A publish is one-way: there is no reply. What is wrong with it comes back later, as a close of
the channel (BASIC-02); that nobody wanted it comes back as basic.return, if `mandatory` was set (BASIC-05);
that it was taken comes back as a confirm, if the channel asked for confirms. The checks stand in RabbitMQ's
order (BASIC-01): a message with two faults shows the one that RabbitMQ finds first.

The work splits in two, because a transaction does them at different times (TX-03): :func:`publish` checks and
routes, :func:`put` puts copies into queues, returns what nobody wanted, and confirms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from amqplab.broker.config import HARD_MAX_MESSAGE_SIZE
from amqplab.broker.content import Facts, facts_of
from amqplab.broker.registry import Crash, on_content
from amqplab.broker.reply_to import askers, deliver_replies, places, with_address
from amqplab.errors import AccessRefused, AMQPError, AMQPNotImplemented, NoRoute, PreconditionFailed
from amqplab.model.binding import EXCHANGE
from amqplab.model.message import Message
from amqplab.model.routing import Routing
from amqplab.trace import events
from amqplab.trace.recorder import Report, because
from amqplab.wire.frames import encode_content
from amqplab.wire.methods import Basic

if TYPE_CHECKING:
    from amqplab.broker.channel import Channel
    from amqplab.broker.confirms import Confirms
    from amqplab.wire.content import Command

__all__ = ["Accepted", "confirm", "put", "report_publish"]


class Accepted(NamedTuple):
    """A publish that passed all checks: what to put where. `sequence` is 0 without confirms; `routed` is the
    record of its routing, which causes all that follows; `unroutable` tells that nobody is to get it.
    """

    message: Message
    routing: Routing
    mandatory: bool
    sequence: int
    routed: int | None = None
    unroutable: bool = False


@on_content(Basic.Publish)
def publish(channel: Channel, method: Basic.Publish, command: Command) -> None:
    """Check, route, and put (or keep for tx.commit)."""
    broker = channel.broker
    broker.last_message = number = broker.last_message + 1
    try:
        accepted = _accept(channel, method, command, number)
    except (AMQPError, Crash) as error:
        if channel.report is not None:
            reason = error.reply_text if isinstance(error, AMQPError) else "undecodable properties"
            channel.report(events.PublishRefused, channel.vhost.name, number, reason)
        raise
    if channel.transaction is not None:
        channel.transaction.publishes.append(accepted)
        return
    if accepted.routed is not None:
        with because(accepted.routed):
            put(channel, accepted)
    else:
        put(channel, accepted)
    if channel.lane is not None:
        channel.lane.remember(command.method_payload, accepted)


def _accept(channel: Channel, method: Basic.Publish, command: Command, number: int) -> Accepted:
    """All checks, in order; then the message and its routing."""
    vhost = channel.vhost
    if method.immediate:
        raise AMQPNotImplemented("immediate=true")
    if command.body_size > channel.broker.config.max_message_size:
        raise _too_large(command.body_size, channel.broker.config.max_message_size)
    channel.access.write(EXCHANGE, method.exchange)
    exchange = vhost.exchange(method.exchange)
    if exchange.internal:
        raise AccessRefused(f"cannot publish to internal {vhost.describe(EXCHANGE, exchange.name)}")
    if exchange.type == "topic":
        channel.access.topic("write", exchange.name, method.routing_key)
    facts = with_address(channel, facts_of(command.header or b""))
    _check_properties(channel, facts)
    message = Message(
        number,
        method.exchange,
        method.routing_key,
        facts.kept,
        facts.octets,
        command.body,
        facts.expiration_ms,
        facts.extra_keys,
    )
    sequence = channel.confirms.next() if channel.confirms is not None else 0
    routing = vhost.route(method.exchange, method.routing_key, facts.extra_keys, facts.headers)
    asked: list[Channel] = []
    if not routing.queues or message.extra_keys:  # or it may be an answer to somebody (BASIC-62)
        asked = askers(channel.broker, message)
    routed: int | None = None
    if channel.report is not None:
        routed = report_publish(channel, message, routing, method.mandatory, sequence, places(asked))
    if asked:
        with because(routed):
            deliver_replies(asked, message)
    unroutable = not routing.queues and (method.mandatory or not asked)
    return Accepted(message, routing, method.mandatory, sequence, routed, unroutable)


def _too_large(size: int, limit: int) -> PreconditionFailed:
    configured = "" if limit == HARD_MAX_MESSAGE_SIZE else "configured "
    return PreconditionFailed(f"message size {size} is larger than {configured}max size {limit}")


def _check_properties(channel: Channel, facts: Facts) -> None:
    """user-id, expiration, then delivery-mode, CC and BCC (BASIC-08 … BASIC-10, CODEC-54)."""
    user, claimed = channel.access.user, facts.properties.user_id
    if claimed is not None and claimed != user.name and "impersonator" not in user.tags:
        raise PreconditionFailed(
            f"user_id property set to '{claimed}' but authenticated user was '{user.name}'"
        )
    if facts.bad_expiration:
        raise PreconditionFailed(
            f"invalid expiration '{facts.properties.expiration}': {facts.bad_expiration}"
        )
    if facts.problem:
        raise PreconditionFailed(f"invalid message: {facts.problem}")


def report_publish(
    channel: Channel,
    message: Message,
    routing: Routing,
    mandatory: bool,
    sequence: int,
    asked: tuple[tuple[str, int], ...],
) -> int:
    """Published, and because of that Routed; returns the seq of Routed."""
    report = channel.report
    assert report is not None
    vhost = channel.vhost.name
    address = (message.exchange, message.routing_key)
    published = report(
        events.Published,
        vhost,
        message.number,
        channel.connection,
        channel.number,
        *address,
        len(message.body),
        mandatory,
        message.persistent,
        sequence,
    )
    with because(published):
        return report(
            events.Routed,
            vhost,
            message.number,
            *address,
            routing.matches,
            routing.queues,
            routing.alternates,
            asked,
        )


def _report_unroutable(channel: Channel, report: Report, message: Message, mandatory: bool) -> None:
    address = (message.exchange, message.routing_key)
    report(events.Unroutable, channel.vhost.name, message.number, *address, mandatory)


def put(channel: Channel, accepted: Accepted) -> bool:
    """Copies into queues; what nobody wanted goes back if mandatory; then the confirm (CONF-03, CONF-04).

    False if some classic queue refused its copy, which spoils a transaction (TX-08); the others keep theirs
    (CONF-09).
    """
    message, routing, mandatory, sequence = accepted[:4]
    vhost = channel.vhost
    taken, unspoiled, now = True, True, channel.broker.now
    if accepted.unroutable and channel.report is not None:
        _report_unroutable(channel, channel.report, message, mandatory)
    for name in routing.queues:
        queue = vhost.queues.get(name)
        if queue is None:  # deleted between publish and tx.commit
            if channel.report is not None:
                channel.report(events.Discarded, vhost.name, name, message.number, "queue deleted")
            continue
        if not queue.enqueue(message, now):
            taken = False
            unspoiled = unspoiled and queue.kind != "classic"
    if mandatory and not routing.queues:
        _return(channel, message)
    if sequence and channel.confirms is not None:
        confirm(channel, channel.confirms, sequence, message, taken)
        if routing.queues:
            channel.broker.confirming[channel] = None
        else:
            channel.flush_confirms()
    return unspoiled


def confirm(channel: Channel, confirms: Confirms, sequence: int, message: Message, taken: bool) -> None:
    """The confirm of one publish: now, or when the disk has it (CONF-05)."""
    keeper = channel.broker.keeper
    if not taken:
        confirms.refuse(sequence)
    elif keeper is not None and keeper.holds(message):
        keeper.confirm_later(channel, confirms, sequence)
    else:
        confirms.accept(sequence)


def _return(channel: Channel, message: Message) -> None:
    """basic.return: the message as it came, and why (BASIC-05)."""
    channel.flush_confirms()
    method = Basic.Return(
        reply_code=NoRoute.code,
        reply_text=NoRoute.name,
        exchange=message.exchange,
        routing_key=message.routing_key,
    )
    channel.session.write(
        encode_content(channel.number, method, message.octets, message.body, channel.session.frame_max)
    )
    if channel.report is not None:
        channel.report(
            events.Returned,
            channel.vhost.name,
            message.number,
            channel.connection,
            channel.number,
            NoRoute.code,
            NoRoute.name,
        )
