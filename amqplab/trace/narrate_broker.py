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
from amqplab.trace.context import Context
from amqplab.trace.keys import client_host
from amqplab.trace.narrate_link import sentence_end
from amqplab.trace.recorder import Record
from amqplab.trace.words import count, exchange_name, listed, quoted

__all__ = ["IN_CONTEXT", "SENTENCES"]


# --- connections and channels ----------------------------------------------------------------------------


def authenticated(record: Record, event: e.ConnectionAuthenticated) -> str:
    user, how = quoted(event.user), event.mechanism
    reason = LOGIN_WORDS.get(how, f"{how} has said who it is")
    return f"The broker lets user {user} log in, because {reason}."


PASSWORD = "the name and the password that the client sent are right"
LOGIN_WORDS = {
    "PLAIN": f"{PASSWORD} (PLAIN)",
    "AMQPLAIN": f"{PASSWORD} (AMQPLAIN)",
    "RABBIT-CR-DEMO": "its answer to the broker's question is right (RABBIT-CR-DEMO)",
    "EXTERNAL": "TLS has checked the certificate that names it (EXTERNAL)",
}


def tuned(record: Record, event: e.ConnectionTuned) -> str:
    channels = f"at most {event.channel_max} channels" if event.channel_max else "any number of channels"
    frames = f"frames of at most {event.frame_max} bytes" if event.frame_max else "frames of any size"
    beat = f"a heartbeat interval of {event.heartbeat_s} s" if event.heartbeat_s else "no heartbeats"
    return f"Client and broker agree on limits for this connection: {channels}, {frames}, {beat}."


def connection_opened(record: Record, event: e.ConnectionOpened) -> str:
    vhost, user = quoted(event.vhost), quoted(event.user)
    return f"The broker opens virtual host {vhost} to the connection, because user {user} may use it."


def connection_closing(record: Record, event: e.ConnectionClosing, known: Context) -> str:
    words = sentence_end(f"{event.code} {event.text}".strip())
    connection = known.names.connection(event.connection)
    if event.by == "client":
        return f"{known.names.client(event.connection)} asks to close its connection: {words}"
    return f"The broker closes {connection} because of {words}"


def connection_closed(record: Record, event: e.ConnectionClosed, known: Context) -> str:
    connection = known.names.connection(event.connection)
    return f"The broker forgets {connection} with all its channels: {sentence_end(event.reason)}"


def channel_opened(record: Record, event: e.ChannelOpened, known: Context) -> str:
    lane = known.names.lane(event.connection, event.channel)
    return f"The broker opens {lane}, because the client asked for a conversation of its own."


def channel_closing(record: Record, event: e.ChannelClosing, known: Context) -> str:
    if event.by == "client":
        who = known.names.client(event.connection)
        return f"{who} asks to close channel {event.channel}; its connection stays open."
    lane = known.names.lane(event.connection, event.channel)
    problem = sentence_end(f"{event.code} {event.text}")
    return f"The broker closes {lane}, but not the connection, because of {problem}"


def channel_closed(record: Record, event: e.ChannelClosed, known: Context) -> str:
    lane = known.names.lane(event.connection, event.channel)
    return f"C{lane[1:]} is gone, so its number is free again."


def prefetch_set(record: Record, event: e.PrefetchSet, known: Context) -> str:
    whose = "all consumers of the channel together" if event.shared else "each new consumer of the channel"
    lane = known.names.lane(event.connection, event.channel)
    if not event.count:
        return f"On {lane} the broker may send any number of unacknowledged messages to {whose}."
    limit = count(event.count, "unacknowledged message")
    return f"On {lane} the broker will send at most {limit} ahead to {whose}."


def mode_selected(record: Record, event: e.ModeSelected, known: Context) -> str:
    lane = known.names.lane(event.connection, event.channel)
    if event.mode == "confirm":
        return f"The broker will confirm every publish on {lane}, numbered from 1."
    return f"Publishes and acknowledgements on {lane} now wait for tx.commit."


def transaction_ended(record: Record, event: e.TransactionEnded, known: Context) -> str:
    effect = "now takes effect" if event.outcome == "committed" else "is dropped"
    lane = known.names.lane(event.connection, event.channel)
    return f"The transaction of {lane} is {event.outcome}: what was said since the last one {effect}."


def heartbeat_missed(record: Record, event: e.HeartbeatMissed, known: Context) -> str:
    fate = "so it takes the client for dead" if event.missed >= 2 else "and gives it one more"
    client = known.names.client(event.connection)
    return f"The broker heard nothing from {client} for {ordinal(event.missed)} whole interval, {fate}."


def ordinal(number: int) -> str:
    return {1: "one", 2: "a second"}.get(number, "another")


def blocked(record: Record, event: e.ConnectionBlocked, known: Context) -> str:
    client = known.names.client(event.connection)
    return f"The broker stops reading from publisher {client}, because of an alarm: {event.reason}."


def unblocked(record: Record, event: e.ConnectionUnblocked, known: Context) -> str:
    return f"All alarms are over, so the broker reads from {known.names.client(event.connection)} again."


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
    if event.arguments and not event.routing_key:
        return f"with the arguments {event.arguments}"
    arguments = f" and arguments {event.arguments}" if event.arguments else ""
    return f"with binding key {quoted(event.routing_key)}{arguments}"


def policy_set(record: Record, event: e.PolicySet) -> str:
    things = {"all": "queues and exchanges"}.get(event.apply_to, event.apply_to)
    which = "operator policy" if event.operator else "policy"
    whom = f"{things} whose names fit {quoted(event.pattern)}"
    return f"An operator sets the {which} {quoted(event.name)} for {whom}: {event.definition}."


def policy_deleted(record: Record, event: e.PolicyDeleted) -> str:
    which = "operator policy" if event.operator else "policy"
    return f"An operator takes the {which} {quoted(event.name)} back, so what it set holds no longer."


def at_start(consumer: str) -> str:
    """A consumer at the beginning of a sentence; a name that was given stays as it is."""
    return f"C{consumer[1:]}" if consumer.startswith("consumer ") else consumer


def consumer_added(record: Record, event: e.ConsumerAdded, known: Context) -> str:
    consumer = known.names.consumer(event.connection, event.channel, event.consumer_tag)
    queue = quoted(event.queue)
    if event.no_ack:
        terms = "each counts as done when it is sent"
    elif event.prefetch:
        terms = f"at most {event.prefetch} unacknowledged"
    else:
        terms = "any number unacknowledged"
    alone = " alone" if event.exclusive else ""
    return f"{at_start(consumer)} now gets the messages of queue {queue}{alone}: {terms}."


def consumer_activated(record: Record, event: e.ConsumerActivated, known: Context) -> str:
    consumer = known.names.consumer(event.connection, event.channel, event.consumer_tag)
    who = consumer.removeprefix("consumer ")
    who = at_start(consumer) if who.startswith("'") else who
    queue = quoted(event.queue)
    return f"{who} is now the active consumer of queue {queue}: all others wait."


def consumer_removed(record: Record, event: e.ConsumerRemoved, known: Context) -> str:
    consumer = known.names.consumer(event.connection, event.channel, event.consumer_tag)
    queue = quoted(event.queue)
    return f"{at_start(consumer)} gets no more messages of queue {queue}: {sentence_end(event.reason)}"


def feature_words(*features: tuple[bool, str]) -> str:
    """The features that are on, each followed by a space."""
    return "".join(f"{word} " for on, word in features if on)


# --- the life of a message -------------------------------------------------------------------------------


def published(record: Record, event: e.Published, known: Context) -> str:
    target, key = exchange_name(event.exchange), quoted(event.routing_key)
    more = f", and owes confirm {event.sequence}" if event.sequence else ""
    if event.message in known.waiting:
        more = ", and keeps it aside until the transaction is committed"
    message = f"message {event.message} of {known.names.client(event.connection)}"
    size = count(event.size, "byte")
    return f"The broker has {message} ({size}) for the {target}, routing key {key}{more}."


def routed(record: Record, event: e.Routed, known: Context) -> str:
    waits = event.message in known.waiting
    if not event.exchange and not event.matched:
        return routed_by_name(event, waits)
    message = f"message {event.message} (routing key {quoted(event.routing_key)})"
    others = tuple(dict.fromkeys(match[0] for match in event.matched if match[0] != event.exchange))
    also = f", then those of {listed(others)}," if others else ""
    also += f", and the alternate exchange {listed(event.alternates)} too," if event.alternates else ""
    checks = f"The {exchange_name(event.exchange)} checks each of its bindings{also} against {message}"
    matches = len(event.matched)
    match = f"{matches} matches" if matches == 1 else f"{matches} match" if matches else "none matches"
    if not event.queues:
        return f"{checks}: {match}, so no queue gets a copy."
    later = LATER if waits else ""
    if len(event.queues) == 1:
        get = "will get" if waits else "gets"
        return f"{checks}: {match}, so queue {listed(event.queues)} {get} a copy{later}."
    get = "will get" if waits else "get"
    return f"{checks}: {match}, so the queues {listed(event.queues)} {get} one copy each{later}."


ADDRESS = "amq.rabbitmq.reply-to."
LATER = " when the transaction is committed"


def routed_by_name(event: e.Routed, waits: bool) -> str:
    """The default exchange has no bindings that anybody made: it looks for a name."""
    key = f"The routing key of message {event.message} is no queue but the address of"
    if event.asked and not event.queues:
        who = ", ".join(dict.fromkeys(client_host(connection) for connection, _ in event.asked))
        return f"{key} {who}, who waits for a reply: no queue is asked."
    if event.routing_key.startswith(ADDRESS) and not event.queues:
        return f"{key} a channel that waits no more: nobody gets it."
    looks = f"The default exchange looks for a queue named {quoted(event.routing_key)}"
    looks += f", the routing key of message {event.message}"
    if not event.queues:
        return f"{looks}: there is none."
    return f"{looks}: there it is, and it {f'will get a copy{LATER}' if waits else 'gets a copy'}."


def unroutable(record: Record, event: e.Unroutable, known: Context) -> str:
    if event.returned:
        fate = "it was published as mandatory, so its publisher gets it back"
        fate += LATER if event.message in known.waiting else ""
    else:
        fate = "it was not mandatory, so it is dropped without a word"
    return f"No queue is to get message {event.message}: {fate}."


def publish_refused(record: Record, event: e.PublishRefused) -> str:
    return f"The broker does not take message {event.message}: {sentence_end(event.reason)}"


def enqueued(record: Record, event: e.Enqueued) -> str:
    place = "first in line" if event.position == 0 else f"with {event.position} ready before it"
    return f"A copy of message {event.message} stands in queue {quoted(event.queue)}, {place}."


def delivered(record: Record, event: e.Delivered, known: Context) -> str:
    queue = quoted(event.queue)
    if event.consumer_tag:
        who = known.names.consumer(event.connection, event.channel, event.consumer_tag)
    else:
        who = f"{known.names.client(event.connection)}, which asked for one,"
    again = ", marked as redelivered" if event.redelivered else ""
    if event.stays:
        rest = "the stream keeps it, and its consumer may take another one when this is acknowledged"
    elif event.no_ack:
        rest = "it is gone from the queue at once, because nobody will acknowledge it"
    else:
        rest = "it stays unacked until the acknowledgement"
    tag = f"delivery tag {event.delivery_tag}"
    return f"Queue {queue} hands message {event.message} to {who} under {tag}{again}: {rest}."


def replied(record: Record, event: e.Replied, known: Context) -> str:
    who = known.names.client(event.connection)
    return f"Message {event.message} goes straight to {who}, past all queues: its routing key is the address."


def acknowledged(record: Record, event: e.Acknowledged, known: Context) -> str:
    queue = quoted(event.queue)
    who = known.names.client(event.connection)
    done = f"{who} has acknowledged message {event.message} (delivery tag {event.delivery_tag})"
    if event.stays:
        return f"{done}: stream {queue} keeps it all the same."
    return f"{done}, so queue {queue} forgets its copy."


def rejected(record: Record, event: e.Rejected, known: Context) -> str:
    fate = "it goes back into" if event.requeue else "it does not go back into"
    who, queue = known.names.client(event.connection), quoted(event.queue)
    refused = f"{who} refuses message {event.message} (delivery tag {event.delivery_tag})"
    return f"{refused}: {fate} queue {queue}."


def settlement_held(record: Record, event: e.SettlementHeld, known: Context) -> str:
    who = known.names.client(event.connection)
    settles = SETTLES.get(event.outcome, "settles")
    return f"{who} {settles} message {event.message} (delivery tag {event.delivery_tag}): that waits for tx.commit."


SETTLES = {"acknowledged": "acknowledges", "rejected": "refuses", "requeued": "gives back"}


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


def returned(record: Record, event: e.Returned, known: Context) -> str:
    code, who = f"{event.code} {event.text}", known.names.client(event.connection)
    return f"Message {event.message} goes back to its publisher {who} with {code}, because it was mandatory."


def confirmed(record: Record, event: e.Confirmed, known: Context) -> str:
    which = f"all publishes up to {event.sequence}" if event.multiple else f"publish {event.sequence}"
    lane = known.names.lane(event.connection, event.channel)
    if event.positive:
        return f"The broker confirms {which} on {lane}: it has taken responsibility."
    return f"The broker refuses {which} on {lane} (basic.nack): it could not take it."


SENTENCES: dict[type[e.Event], Callable[[Record, Any], str]] = {
    e.ConnectionAuthenticated: authenticated,
    e.ConnectionTuned: tuned,
    e.ConnectionOpened: connection_opened,
    e.AlarmChanged: alarm_changed,
    e.ExchangeDeclared: exchange_declared,
    e.ExchangeDeleted: exchange_deleted,
    e.QueueDeclared: queue_declared,
    e.QueueDeleted: queue_deleted,
    e.QueuePurged: queue_purged,
    e.Bound: bound,
    e.Unbound: unbound,
    e.PolicySet: policy_set,
    e.PolicyDeleted: policy_deleted,
    e.PublishRefused: publish_refused,
    e.Enqueued: enqueued,
    e.Requeued: requeued,
    e.Discarded: discarded,
    e.DeadLettered: dead_lettered,
}

IN_CONTEXT: dict[type[e.Event], Callable[[Record, Any, Context], str]] = {
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
    e.ConsumerAdded: consumer_added,
    e.ConsumerActivated: consumer_activated,
    e.ConsumerRemoved: consumer_removed,
    e.Published: published,
    e.Routed: routed,
    e.Unroutable: unroutable,
    e.Delivered: delivered,
    e.Replied: replied,
    e.Acknowledged: acknowledged,
    e.Rejected: rejected,
    e.SettlementHeld: settlement_held,
    e.Returned: returned,
    e.Confirmed: confirmed,
}
"""Sentences that say more where the records around them are known."""
