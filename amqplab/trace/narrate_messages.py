"""Sentences for the life of a message in the broker, from its publish to its end.

Theory
------
See :mod:`amqplab.trace.narrate`. The words are RabbitMQ's own: ready, unacked, redelivered. Of what is published or
settled in a transaction it is told what will be: nothing of it is so before the commit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.context import Context
from amqplab.trace.keys import client_host
from amqplab.trace.narrate_link import publishes_named, sentence_end, taken_words
from amqplab.trace.recorder import Record
from amqplab.trace.words import count, duration, exchange_name, listed, quoted

__all__ = ["IN_CONTEXT", "SENTENCES", "SETTLES", "departure", "kept_out_words", "overtaking"]


def published(record: Record, event: e.Published, known: Context) -> str:
    target, key = exchange_name(event.exchange), quoted(event.routing_key)
    more = f", and owes a confirm for it (number {event.sequence})" if event.sequence else ""
    if event.message in known.waiting:
        more = ", and keeps it aside: it goes on only if the transaction is committed"
    message = f"message {event.message} of {known.names.client(event.connection)}"
    size = count(event.size, "byte")
    return f"The broker has {message} ({size}) for the {target}, routing key {key}{more}."


def routed(record: Record, event: e.Routed, known: Context) -> str:
    waits = event.message in known.waiting
    if not event.exchange and not event.matched:
        return routed_by_name(event, known)
    if known.exchange_type(event.vhost, event.exchange) == "fanout" and not event.alternates:
        return routed_to_all(event, waits)
    message = f"message {event.message} (routing key {quoted(event.routing_key)})"
    others = others_asked(event)
    also = f", then those of {listed(others)}" if others else ""
    if event.alternates:
        also += f", and then those of the alternate exchange {listed(event.alternates)}"
    also += "," if also else ""
    checks = f"The {exchange_name(event.exchange)} checks each of its bindings{also} against {message}"
    matches = len(event.matched)
    match = f"{matches} matches" if matches == 1 else f"{matches} match" if matches else "none matches"
    if not event.queues:
        return f"{checks}: {match}, so no queue gets a copy."
    later, get = LATER if waits else "", get_words(event, known)
    if len(event.queues) == 1:
        return f"{checks}: {match}, so queue {listed(event.queues)} {get} a copy{later}."
    return f"{checks}: {match}, so the queues {listed(event.queues)} {get} one copy each{later}."


def get_words(event: e.Routed, known: Context) -> str:
    """What its queues do with their copies: a full one may refuse it."""
    several = len(event.queues) > 1
    if event.message in known.waiting:
        return "will get"
    if any((event.vhost, queue, event.message) in known.kept_out for queue in event.queues):
        return "are to get" if several else "is to get"
    return "get" if several else "gets"


def routed_to_all(event: e.Routed, waits: bool) -> str:
    """A fanout exchange compares nothing."""
    others = others_asked(event)
    on = f", and it goes on through {listed(others)}" if others else ""
    everything = f"The fanout exchange {quoted(event.exchange)} sends message {event.message} to everything"
    everything += f" bound to it, whatever its routing key{on}"
    if not event.queues:
        return f"{everything}: that leads to no queue, so none gets it."
    kind = "queue" if len(event.queues) == 1 else "the queues"
    return f"{everything}: {kind} {listed(event.queues)}{LATER if waits else ''}."


def others_asked(event: e.Routed) -> tuple[str, ...]:
    """The exchanges that took the message from another by a binding, and had a binding that matched."""
    known = (event.exchange, *event.alternates)
    return tuple(dict.fromkeys(match[0] for match in event.matched if match[0] not in known))


ADDRESS = "amq.rabbitmq.reply-to."
LATER = " if the transaction is committed"


def routed_by_name(event: e.Routed, known: Context) -> str:
    """The default exchange has no bindings that anybody made: each queue is bound to it, by its name."""
    key = f"The routing key of message {event.message} is no queue but the address of"
    if event.asked and not event.queues:
        who = ", ".join(dict.fromkeys(client_host(connection) for connection, _ in event.asked))
        return f"{key} {who}, who waits for a reply: no queue is asked."
    if event.routing_key.startswith(ADDRESS) and not event.queues:
        return f"{key} a channel that waits no more: nobody gets it."
    compares = "The default exchange, to which every queue is bound by its name, compares these names with "
    compares += f"{quoted(event.routing_key)}, the routing key of message {event.message}"
    if not event.queues:
        return f"{compares}: no queue has it."
    queue, later = quoted(event.routing_key), LATER if event.message in known.waiting else ""
    return f"{compares}: queue {queue} has it, and {get_words(event, known)} a copy{later}."


def unroutable(record: Record, event: e.Unroutable, known: Context) -> str:
    if event.returned:
        fate = "it was published as mandatory, so the broker sends it back to its publisher"
        fate += LATER if event.message in known.waiting else ""
    else:
        fate = "it was not mandatory, so it is dropped without a word"
    return f"No queue is to get message {event.message}: {fate}."


def publish_refused(record: Record, event: e.PublishRefused) -> str:
    return f"The broker does not take message {event.message}: {sentence_end(event.reason)}"


def enqueued(record: Record, event: e.Enqueued, known: Context) -> str:
    place = "first in line" if event.position == 0 else f"with {event.position} ready before it"
    ahead = overtaking(record, known)
    return f"A copy of message {event.message} stands in queue {quoted(event.queue)}, {place}{ahead}."


def overtaking(record: Record, known: Context) -> str:
    """The reason why it comes before older ones, if it does."""
    many = known.overtaken.get(record.seq, 0)
    those = "an older one" if many == 1 else f"{many} older ones"
    return f", ahead of {those} of lower priority" if many else ""


def delivered(record: Record, event: e.Delivered, known: Context) -> str:
    queue = quoted(event.queue)
    if event.consumer_tag:
        who = known.names.consumer(event.connection, event.channel, event.consumer_tag)
    else:
        who = f"{known.names.client(event.connection)}, which asked for one,"
    again = ", marked as redelivered" if event.redelivered else ""
    if event.stays:
        rest = "the stream keeps it, and until the acknowledgement it counts against the prefetch of its consumer"
    elif event.no_ack:
        rest = "it is gone from the queue at once, because with no_ack it is settled when it is sent"
    else:
        rest = "it stays unacked until the acknowledgement"
    tag = f"delivery tag {event.delivery_tag}"
    again += overtaking(record, known)
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


def discarded(record: Record, event: e.Discarded, known: Context) -> str:
    queue = quoted(event.queue)
    if (event.vhost, event.queue, event.message) in known.kept_out:
        return f"Message {event.message} does not get into queue {queue}: {kept_out_words(event.reason)}"
    return f"Queue {queue} drops its copy of message {event.message}: {sentence_end(ending(event, known))}"


def kept_out_words(reason: str) -> str:
    """Why a queue does not take a copy."""
    return "it is full, and it refuses what is too much." if reason == REFUSED else sentence_end(reason)


REFUSED = "refused: the queue is full"


def departure(event: e.DeadLettered, known: Context) -> str:
    """A copy dies in its queue; or at its door, if the queue is full and refuses more (reject-publish-dlx). What was
    rejected has gone when that was said, and is not counted any more.
    """
    copy = event.vhost, event.queue, event.message
    leaves = "is gone from" if event.reason == "rejected" else "leaves"
    if copy in known.kept_out:
        leaves = "does not get into"
    return f"Message {event.message} {leaves} queue {quoted(event.queue)} ({ending(event, known)})"


def ending(event: e.DeadLettered | e.Discarded, known: Context) -> str:
    """Why a copy is no more; of one that outlived its time, how long that was."""
    stood = known.stood.get((event.vhost, event.queue, event.message))
    return event.reason if stood is None else f"{event.reason} after {duration(stood)}"


def dead_lettered(record: Record, event: e.DeadLettered, known: Context) -> str:
    copy = departure(event, known)
    target = f"the dead-letter {exchange_name(event.exchange).removeprefix('default ')}"
    if not event.exchange:
        target = "the default exchange"
    return f"{copy} and goes to {target} as message {event.successor}, key {quoted(event.routing_key)}."


def returned(record: Record, event: e.Returned, known: Context) -> str:
    code, who = f"{event.code} {event.text}", known.names.client(event.connection)
    return f"Message {event.message} goes back to its publisher {who} with {code}, because it was mandatory."


def confirmed(record: Record, event: e.Confirmed, known: Context) -> str:
    open_ones = known.confirmed.get(record.seq, {})
    which = publishes_named(tuple(open_ones), event.sequence, multiple=event.multiple)
    lane, messages = known.names.lane(event.connection, event.channel), tuple(open_ones.values())
    if event.positive:
        taken = taken_words(messages, known).replace("the broker", "it", 1)
        return f"The broker confirms {which} on {lane}: {taken}."
    them = "them" if len(open_ones) > 1 else "it"
    return f"The broker refuses {which} on {lane} (basic.nack): it could not take {them}."


SENTENCES: dict[type[e.Event], Callable[[Record, Any], str]] = {
    e.PublishRefused: publish_refused,
    e.Requeued: requeued,
}

IN_CONTEXT: dict[type[e.Event], Callable[[Record, Any, Context], str]] = {
    e.Published: published,
    e.Routed: routed,
    e.Unroutable: unroutable,
    e.Enqueued: enqueued,
    e.Delivered: delivered,
    e.Replied: replied,
    e.Acknowledged: acknowledged,
    e.Rejected: rejected,
    e.SettlementHeld: settlement_held,
    e.Discarded: discarded,
    e.DeadLettered: dead_lettered,
    e.Returned: returned,
    e.Confirmed: confirmed,
}
"""Sentences that say more where the records around them are known."""
