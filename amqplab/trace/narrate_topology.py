"""Sentences for what there is in a broker: exchanges, queues, bindings, policies, consumers.

Theory
------
See :mod:`amqplab.trace.narrate`. What somebody declares is told with what it will mean for messages: how the
exchange routes, where the binding leads, how much a consumer gets ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.context import Context
from amqplab.trace.narrate_link import sentence_end
from amqplab.trace.recorder import Record
from amqplab.trace.words import count, exchange_name, quoted

__all__ = ["IN_CONTEXT", "SENTENCES"]


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


def exchange_deleted(record: Record, event: e.ExchangeDeleted, known: Context) -> str:
    exchange, why = quoted(event.exchange), sentence_end(event.reason)
    return f"The exchange {exchange} is gone{known.company(record.seq)}: {why}"


def queue_declared(record: Record, event: e.QueueDeclared) -> str:
    features = feature_words(
        (event.durable, "durable"), (event.owner is not None, "exclusive"), (event.auto_delete, "auto-delete")
    )
    queue = f"{features}queue {quoted(event.queue)}"
    return f"The broker makes the {queue}; the default exchange reaches it by its name as routing key."


def queue_deleted(record: Record, event: e.QueueDeleted, known: Context) -> str:
    queue, why = quoted(event.queue), sentence_end(event.reason)
    return f"The queue {queue} is gone{known.company(record.seq)}: {why}"


def queue_purged(record: Record, event: e.QueuePurged) -> str:
    queue, removed = quoted(event.queue), count(len(event.messages), "ready message")
    return f"The queue {queue} is purged of {removed}; what is unacked stays with its consumers."


def bound(record: Record, event: e.Bound, known: Context) -> str:
    target = f"{event.kind} {quoted(event.destination)}"
    source = exchange_name(event.source)
    copies = known.exchange_type(event.vhost, event.source) == "fanout"
    which = "a copy of every message also goes" if copies else "matching messages also go"
    return f"The {source} is bound to {target} {binding_words(event)}, so {which} there."


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
    active = known.actives.waits.get(record.seq)
    if active is not None:
        ahead = f"{known.names.consumer(*active)} is its active consumer"
        return (
            f"{at_start(consumer)} is now in line at queue {queue}, and waits while {ahead}: later {terms}."
        )
    alone = " and nobody else may" if event.exclusive else ""
    return f"{at_start(consumer)} now consumes from queue {queue}{alone}: {terms}."


def consumer_activated(record: Record, event: e.ConsumerActivated, known: Context) -> str:
    consumer = known.names.consumer(event.connection, event.channel, event.consumer_tag)
    who = consumer.removeprefix("consumer ")
    who = at_start(consumer) if who.startswith("'") else who
    role = f"is now the active consumer of queue {quoted(event.queue)}: it gets everything"
    had_waited = "has waited in line, and " if record.seq in known.actives.waited else ""
    return f"{who} {had_waited}{role}{WAITING[min(known.actives.behind.get(record.seq, 0), 2)]}."


WAITING = ("", ", and the other one waits", ", and all others wait")
"""Of those in line behind the active consumer: none, one or more."""


def consumer_removed(record: Record, event: e.ConsumerRemoved, known: Context) -> str:
    consumer = known.names.consumer(event.connection, event.channel, event.consumer_tag)
    queue = quoted(event.queue)
    return f"{at_start(consumer)} gets no more messages of queue {queue}: {sentence_end(event.reason)}"


def feature_words(*features: tuple[bool, str]) -> str:
    """The features that are on, each followed by a space."""
    return "".join(f"{word} " for on, word in features if on)


SENTENCES: dict[type[e.Event], Callable[[Record, Any], str]] = {
    e.ExchangeDeclared: exchange_declared,
    e.QueueDeclared: queue_declared,
    e.QueuePurged: queue_purged,
    e.Unbound: unbound,
    e.PolicySet: policy_set,
    e.PolicyDeleted: policy_deleted,
}

IN_CONTEXT: dict[type[e.Event], Callable[[Record, Any, Context], str]] = {
    e.ExchangeDeleted: exchange_deleted,
    e.QueueDeleted: queue_deleted,
    e.Bound: bound,
    e.ConsumerAdded: consumer_added,
    e.ConsumerActivated: consumer_activated,
    e.ConsumerRemoved: consumer_removed,
}
"""Sentences that say more where the records around them are known."""
