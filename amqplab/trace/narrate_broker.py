"""Sentences for what the broker does: connections, topology, and the life of a message.

Theory
------
See :mod:`amqplab.trace.narrate`. The words are RabbitMQ's own: ready, unacked, binding, consumer,
redelivered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.narrate_link import sentence_end
from amqplab.trace.recorder import Record
from amqplab.trace.words import count, exchange_name, listed, quoted

__all__ = ["SENTENCES"]


# --- connections and channels ----------------------------------------------------------------------------


def authenticated(record: Record, event: e.ConnectionAuthenticated) -> str:
    user, how = quoted(event.user), event.mechanism
    return f"The broker lets user {user} log in, because the name and password sent by {how} are right."


def tuned(record: Record, event: e.ConnectionTuned) -> str:
    channels = f"at most {event.channel_max} channels" if event.channel_max else "any number of channels"
    frames = f"frames of at most {event.frame_max} octets" if event.frame_max else "frames of any size"
    beat = f"a heartbeat interval of {event.heartbeat_s} s" if event.heartbeat_s else "no heartbeats"
    return f"Client and broker agree on limits for this connection: {channels}, {frames}, {beat}."


def connection_opened(record: Record, event: e.ConnectionOpened) -> str:
    vhost, user = quoted(event.vhost), quoted(event.user)
    return f"The broker opens virtual host {vhost} to the connection, because user {user} may use it."


def connection_closing(record: Record, event: e.ConnectionClosing) -> str:
    words = sentence_end(f"{event.code} {event.text}".strip())
    if event.by == "client":
        return f"The client asks to close the connection: {words}"
    return f"The broker closes the connection because of {words}"


def connection_closed(record: Record, event: e.ConnectionClosed) -> str:
    connection = quoted(event.connection)
    return f"The broker forgets connection {connection} with all its channels: {sentence_end(event.reason)}"


def channel_opened(record: Record, event: e.ChannelOpened) -> str:
    lane = f"channel {event.channel} of {quoted(event.connection)}"
    return f"The broker opens {lane}, because the client asked for a conversation of its own."


def channel_closing(record: Record, event: e.ChannelClosing) -> str:
    if event.by == "client":
        return f"The client asks to close channel {event.channel}; its connection stays open."
    problem = sentence_end(f"{event.code} {event.text}")
    return f"The broker closes channel {event.channel}, but not the connection, because of {problem}"


def channel_closed(record: Record, event: e.ChannelClosed) -> str:
    return f"Channel {event.channel} of {quoted(event.connection)} is gone, so its number is free again."


def prefetch_set(record: Record, event: e.PrefetchSet) -> str:
    whose = "all consumers of the channel together" if event.shared else "each new consumer of the channel"
    lane = f"channel {event.channel}"
    if not event.count:
        return f"On {lane} the broker may send any number of unacknowledged messages to {whose}."
    limit = count(event.count, "unacknowledged message")
    return f"On {lane} the broker will send at most {limit} ahead to {whose}."


def mode_selected(record: Record, event: e.ModeSelected) -> str:
    if event.mode == "confirm":
        return f"The broker will confirm every publish on channel {event.channel}, numbered from 1."
    return f"Publishes and acknowledgements on channel {event.channel} now wait for tx.commit."


def transaction_ended(record: Record, event: e.TransactionEnded) -> str:
    effect = "now takes effect" if event.outcome == "committed" else "is dropped"
    lane = f"channel {event.channel}"
    return f"The transaction of {lane} is {event.outcome}: what was said since the last one {effect}."


def heartbeat_missed(record: Record, event: e.HeartbeatMissed) -> str:
    fate = "so it takes the client for dead" if event.missed >= 2 else "and gives it one more"
    client = quoted(event.connection)
    return f"The broker heard nothing from {client} for {ordinal(event.missed)} whole interval, {fate}."


def ordinal(number: int) -> str:
    return {1: "one", 2: "a second"}.get(number, "another")


def blocked(record: Record, event: e.ConnectionBlocked) -> str:
    client = quoted(event.connection)
    return f"The broker stops reading from publisher {client}, because of an alarm: {event.reason}."


def unblocked(record: Record, event: e.ConnectionUnblocked) -> str:
    return f"All alarms are over, so the broker reads from {quoted(event.connection)} again."


def alarm_changed(record: Record, event: e.AlarmChanged) -> str:
    if event.active:
        return f"The broker runs short of {event.resource}: it sets an alarm and will stop its publishers."
    return f"The broker has enough {event.resource} again, so it clears the alarm."


# --- topology --------------------------------------------------------------------------------------------


def exchange_declared(record: Record, event: e.ExchangeDeclared) -> str:
    features = feature_words(
        (event.durable, "durable"), (event.auto_delete, "auto-delete"), (event.internal, "internal")
    )
    rule = EXCHANGE_RULES.get(event.type, "by a rule of its own")
    name = quoted(event.exchange)
    return f"The broker makes the {features}exchange {name} of type {event.type}: it routes {rule}."


EXCHANGE_RULES = {
    "direct": "a message where the binding key equals the routing key",
    "fanout": "every message to everything bound to it",
    "topic": "a message where the binding pattern fits the words of the routing key",
    "headers": "a message where the binding's arguments fit its headers",
}


def exchange_deleted(record: Record, event: e.ExchangeDeleted) -> str:
    return f"The exchange {quoted(event.exchange)} and its bindings are gone: {sentence_end(event.reason)}"


def queue_declared(record: Record, event: e.QueueDeclared) -> str:
    features = feature_words(
        (event.durable, "durable"), (event.owner is not None, "exclusive"), (event.auto_delete, "auto-delete")
    )
    queue = f"{features}queue {quoted(event.queue)}"
    return f"The broker makes the {queue}; the default exchange reaches it by its name as routing key."


def queue_deleted(record: Record, event: e.QueueDeleted) -> str:
    queue, why = quoted(event.queue), sentence_end(event.reason)
    return f"The queue {queue} is gone with its bindings and its messages: {why}"


def queue_purged(record: Record, event: e.QueuePurged) -> str:
    queue, removed = quoted(event.queue), count(len(event.messages), "ready message")
    return f"The queue {queue} is purged of {removed}; what is unacked stays with its consumers."


def bound(record: Record, event: e.Bound) -> str:
    target = f"{event.kind} {quoted(event.destination)}"
    source = exchange_name(event.source)
    return f"The {source} is bound to {target} {binding_words(event)}, so matching messages also go there."


def unbound(record: Record, event: e.Unbound) -> str:
    target = f"{event.kind} {quoted(event.destination)}"
    source = exchange_name(event.source)
    return f"The binding of {source} to {target} {binding_words(event)} is gone: nothing goes there by it."


def binding_words(event: e.Bound | e.Unbound) -> str:
    """By which key, and by which arguments if there are any."""
    arguments = f" and arguments {event.arguments}" if event.arguments else ""
    return f"with binding key {quoted(event.routing_key)}{arguments}"


def consumer_added(record: Record, event: e.ConsumerAdded) -> str:
    tag, queue = quoted(event.consumer_tag), quoted(event.queue)
    if event.no_ack:
        terms = "each counts as done when it is sent"
    elif event.prefetch:
        terms = f"at most {event.prefetch} unacknowledged"
    else:
        terms = "any number unacknowledged"
    alone = " alone" if event.exclusive else ""
    return f"Consumer {tag} now gets the messages of queue {queue}{alone}: {terms}."


def consumer_removed(record: Record, event: e.ConsumerRemoved) -> str:
    tag, queue = quoted(event.consumer_tag), quoted(event.queue)
    return f"Consumer {tag} gets no more messages of queue {queue}: {sentence_end(event.reason)}"


def feature_words(*features: tuple[bool, str]) -> str:
    """The features that are on, each followed by a space."""
    return "".join(f"{word} " for on, word in features if on)


# --- the life of a message -------------------------------------------------------------------------------


def published(record: Record, event: e.Published) -> str:
    target, key = exchange_name(event.exchange), quoted(event.routing_key)
    number = f", and owes confirm {event.sequence}" if event.sequence else ""
    size = count(event.size, "octet")
    return f"The broker has message {event.message} ({size}) for the {target}, routing key {key}{number}."


def routed(record: Record, event: e.Routed) -> str:
    if not event.exchange and not event.matched:
        return routed_by_name(event)
    message = f"message {event.message} (routing key {quoted(event.routing_key)})"
    others = tuple(dict.fromkeys(match[0] for match in event.matched if match[0] != event.exchange))
    also = f", then those of {listed(others)}," if others else ""
    also += f", and the alternate exchange {listed(event.alternates)} too," if event.alternates else ""
    checks = f"The {exchange_name(event.exchange)} checks each of its bindings{also} against {message}"
    matches = len(event.matched)
    match = f"{matches} matches" if matches == 1 else f"{matches} match" if matches else "none matches"
    if not event.queues:
        return f"{checks}: {match}, so no queue gets a copy."
    if len(event.queues) == 1:
        return f"{checks}: {match}, so queue {listed(event.queues)} gets a copy."
    return f"{checks}: {match}, so the queues {listed(event.queues)} get one copy each."


def routed_by_name(event: e.Routed) -> str:
    """The default exchange has no bindings that anybody made: it looks for a name."""
    looks = f"The default exchange looks for a queue named {quoted(event.routing_key)}"
    looks += f", the routing key of message {event.message}"
    if event.asked and not event.queues:
        who = listed(tuple(dict.fromkeys(client_host(connection) for connection, _ in event.asked)))
        return f"{looks}: it is the address of {who}, who asked and waits for this answer."
    return f"{looks}: there it is, and it gets a copy." if event.queues else f"{looks}: there is none."


def unroutable(record: Record, event: e.Unroutable) -> str:
    if event.returned:
        fate = "it was published as mandatory, so its publisher gets it back"
    else:
        fate = "it was not mandatory, so it is dropped without a word"
    return f"No queue is to get message {event.message}: {fate}."


def publish_refused(record: Record, event: e.PublishRefused) -> str:
    return f"The broker does not take message {event.message}: {sentence_end(event.reason)}"


def enqueued(record: Record, event: e.Enqueued) -> str:
    place = "first in line" if event.position == 0 else f"with {event.position} ready before it"
    return f"A copy of message {event.message} stands in queue {quoted(event.queue)}, {place}."


def delivered(record: Record, event: e.Delivered) -> str:
    queue = quoted(event.queue)
    who = f"consumer {quoted(event.consumer_tag)}" if event.consumer_tag else "the client that asked for one"
    again = ", marked as redelivered" if event.redelivered else ""
    if event.stays:
        rest = "the stream keeps it, and its consumer may take another one when this is acknowledged"
    elif event.no_ack:
        rest = "it is gone from the queue at once, because nobody will acknowledge it"
    else:
        rest = "it stays unacked until the acknowledgement"
    tag = f"delivery tag {event.delivery_tag}"
    return f"Queue {queue} hands message {event.message} to {who} under {tag}{again}: {rest}."


def replied(record: Record, event: e.Replied) -> str:
    who = f"consumer {quoted(event.consumer_tag)}"
    return f"Message {event.message} goes straight to {who}, past all queues: its routing key is the address."


def acknowledged(record: Record, event: e.Acknowledged) -> str:
    queue = quoted(event.queue)
    tag = event.delivery_tag
    if event.stays:
        return f"Delivery {tag} is acknowledged: stream {queue} keeps message {event.message} all the same."
    return f"Delivery {tag} is acknowledged, so queue {queue} forgets its copy of message {event.message}."


def rejected(record: Record, event: e.Rejected) -> str:
    fate = "it goes back into" if event.requeue else "it does not go back into"
    tag, queue = event.delivery_tag, quoted(event.queue)
    return f"The consumer refuses delivery {tag}, message {event.message}: {fate} queue {queue}."


def requeued(record: Record, event: e.Requeued) -> str:
    queue = quoted(event.queue)
    place = "first in line" if event.position == 0 else f"with {event.position} ready before it"
    why = sentence_end(event.reason)
    return f"Message {event.message} is back in queue {queue}, {place}, and will count as redelivered: {why}"


def discarded(record: Record, event: e.Discarded) -> str:
    queue = quoted(event.queue)
    return f"Queue {queue} drops its copy of message {event.message}: {sentence_end(event.reason)}"


def dead_lettered(record: Record, event: e.DeadLettered) -> str:
    copy = f"Message {event.message} leaves queue {quoted(event.queue)} ({event.reason})"
    target = f"the dead-letter {exchange_name(event.exchange).removeprefix('default ')}"
    if not event.exchange:
        target = "the default exchange"
    return f"{copy} and goes to {target} as message {event.successor}, key {quoted(event.routing_key)}."


def returned(record: Record, event: e.Returned) -> str:
    code = f"{event.code} {event.text}"
    return f"Message {event.message} goes back to its publisher with {code}, because it was mandatory."


def confirmed(record: Record, event: e.Confirmed) -> str:
    which = f"all publishes up to {event.sequence}" if event.multiple else f"publish {event.sequence}"
    if event.positive:
        return f"The broker confirms {which} on channel {event.channel}: it has taken responsibility."
    return f"The broker refuses {which} on channel {event.channel} (basic.nack): it could not take it."


SENTENCES: dict[type[e.Event], Callable[[Record, Any], str]] = {
    e.ConnectionAuthenticated: authenticated,
    e.ConnectionTuned: tuned,
    e.ConnectionOpened: connection_opened,
    e.ConnectionClosing: connection_closing,
    e.ConnectionClosed: connection_closed,
    e.ChannelOpened: channel_opened,
    e.ChannelClosing: channel_closing,
    e.ChannelClosed: channel_closed,
    e.PrefetchSet: prefetch_set,
    e.ModeSelected: mode_selected,
    e.TransactionEnded: transaction_ended,
    e.HeartbeatMissed: heartbeat_missed,
    e.ConnectionBlocked: blocked,
    e.ConnectionUnblocked: unblocked,
    e.AlarmChanged: alarm_changed,
    e.ExchangeDeclared: exchange_declared,
    e.ExchangeDeleted: exchange_deleted,
    e.QueueDeclared: queue_declared,
    e.QueueDeleted: queue_deleted,
    e.QueuePurged: queue_purged,
    e.Bound: bound,
    e.Unbound: unbound,
    e.ConsumerAdded: consumer_added,
    e.ConsumerRemoved: consumer_removed,
    e.Published: published,
    e.Routed: routed,
    e.Unroutable: unroutable,
    e.PublishRefused: publish_refused,
    e.Enqueued: enqueued,
    e.Delivered: delivered,
    e.Acknowledged: acknowledged,
    e.Rejected: rejected,
    e.Requeued: requeued,
    e.Discarded: discarded,
    e.DeadLettered: dead_lettered,
    e.Replied: replied,
    e.Returned: returned,
    e.Confirmed: confirmed,
}
