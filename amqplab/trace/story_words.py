"""The sentences of the story: one short one for each step.

Theory
------
A step of the story (:mod:`amqplab.trace.chapters`) folds several records. What the folded ones have in common
is told by who did it and to what: "waiter connects", "producer declares the queue 'app'", "Message 1 of
producer goes through the exchange 'logs' to queue 'app'". How it came about is told at the finer zooms. Other
steps are one record, and have that record's own sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.names import party
from amqplab.trace.narrate import Narrator
from amqplab.trace.narrate_dark import kept, lost
from amqplab.trace.narrate_link import sent_again, sentence_end
from amqplab.trace.narrate_messages import SETTLES, departure, ending, kept_out_words, overtaking
from amqplab.trace.recorder import Record
from amqplab.trace.words import count, exchange_name, listed, messages_named, quoted

__all__ = ["Step", "sentence_of"]

COMMAND_STEPS = 4


@dataclass
class Step:
    """One step: what `kind` it is, where it began, and the records that are told, the last one its end."""

    kind: str
    first: int
    told: list[Record]

    @property
    def last(self) -> int:
        """The record at which it is over."""
        return self.told[-1].seq


def sentence_of(step: Step, narrator: Narrator) -> str:
    """The sentence of a step."""
    event = step.told[-1].event
    names = narrator.context.names
    match step.kind:
        case "connect":
            return f"{names.client(connection_of(step))} connects."
        case "connecting":
            return f"{names.client(connection_of(step))} is connecting."
        case "channel":
            return f"{names.client(connection_of(step))} opens channel {event.channel}."  # type: ignore[attr-defined]
        case "channel closed":
            return f"{names.client(connection_of(step))} closes channel {event.channel}."  # type: ignore[attr-defined]
        case "connection closed":
            return f"{names.client(connection_of(step))} closes its connection."
        case "timed out":
            return narrator.sentence(step.told[0].seq)
        case "sent again":
            return sent_again(step.told[0], event, narrator.context)  # type: ignore[arg-type]
        case "given up":
            return f"{names.client(connection_of(step))} gets no connection."
        case "no connection":
            return without_connection(step, narrator)
        case "plumbing":
            return plumbing(step.told[0], narrator)
        case "message":
            return message(step, narrator)
        case "alike":
            return alike(step, narrator)
        case "delivered":
            return delivered(step, narrator)
    return narrator.sentence(step.last)


def connection_of(step: Step) -> str:
    """The connection that the step is about."""
    connection: str = step.told[-1].event.connection  # type: ignore[attr-defined]
    return connection


def without_connection(step: Step, narrator: Narrator) -> str:
    """One call fails for want of a connection, or several at once."""
    first: Any = step.told[0].event
    if len(step.told) == 1:
        return narrator.sentence(step.last)
    calls = f"{count(len(step.told), 'call')} of {party(step.told[0].where)}"
    return f"{calls} fail for want of a connection: {sentence_end(first.error)}"


# --- plumbing --------------------------------------------------------------------------------------------


def plumbing(record: Record, narrator: Narrator) -> str:
    """Somebody changes the topology; or it changes by itself, and its own sentence says why."""
    who = asker(record, narrator)
    if who is not None and record.seq in narrator.context.actives.waits:
        return in_line(record, who, narrator)
    words = DEEDS.get(type(record.event))
    return narrator.sentence(record.seq) if who is None or words is None else f"{who} {words(record.event)}."


def asker(record: Record, narrator: Narrator) -> str | None:
    """The client whose command the broker carries out here."""
    cause = record.cause
    for _ in range(COMMAND_STEPS):
        if cause is None:
            return None
        event = narrator.records[cause].event
        if isinstance(event, e.CommandReceived):
            return narrator.context.names.client(event.connection)
        cause = narrator.records[cause].cause
    return None


def in_line(record: Record, who: str, narrator: Narrator) -> str:
    """Who asks to consume from a queue with one active consumer waits for its turn."""
    names, queue = narrator.context.names, record.event.queue  # type: ignore[attr-defined]
    active = names.consumer(*narrator.context.actives.waits[record.seq])
    return f"{who} asks to consume from the queue {quoted(queue)}, and waits while {active} is active."


def binding_words(event: e.Bound | e.Unbound) -> str:
    """What is bound to what, and by what key or arguments."""
    by = [f"with the key {quoted(event.routing_key)}"] if event.routing_key else []
    by += [f"by {event.arguments}"] if event.arguments else []
    pair = f"{event.kind} {quoted(event.destination)}", f"the {exchange_name(event.source)}"
    preposition = "to" if isinstance(event, e.Bound) else "from"
    return " ".join([f"the {pair[0]} {preposition} {pair[1]}", " and ".join(by)]).rstrip()


def prefetch_words(event: e.PrefetchSet) -> str:
    """How much a client is willing to hold unacknowledged: each of its consumers, or all of a channel together."""
    together = f", for all consumers of channel {event.channel} together" if event.shared else ""
    if not event.count:
        return f"any number of unacknowledged messages{together}"
    return f"at most {count(event.count, 'unacknowledged message')} at a time{together}"


DEEDS: dict[type[e.Event], Callable[[Any], str]] = {
    e.ExchangeDeclared: lambda x: f"declares the {x.type} exchange {quoted(x.exchange)}",
    e.ExchangeDeleted: lambda x: f"deletes the exchange {quoted(x.exchange)}",
    e.QueueDeclared: lambda x: f"declares the queue {quoted(x.queue)}",
    e.QueueDeleted: lambda x: f"deletes the queue {quoted(x.queue)}",
    e.QueuePurged: lambda x: f"purges the queue {quoted(x.queue)} of {count(len(x.messages), 'message')}",
    e.Bound: lambda x: f"binds {binding_words(x)}",
    e.Unbound: lambda x: f"unbinds {binding_words(x)}",
    e.PrefetchSet: lambda x: f"asks for {prefetch_words(x)}",
    e.ConsumerAdded: lambda x: f"begins to consume from the queue {quoted(x.queue)}",
}


# --- messages --------------------------------------------------------------------------------------------


def message(step: Step, narrator: Narrator) -> str:
    """A message comes in, and goes where it goes, in one instant."""
    first = step.told[0].event
    of_kind = {type(record.event): record.event for record in step.told}
    if not isinstance(first, e.Published | e.DeadLettered):
        return later(step, narrator)
    if len(step.told) == 1:
        return narrator.sentence(step.last)
    way = way_of(first, of_kind, narrator)
    if isinstance(first, e.DeadLettered):
        return f"{departure(first, narrator.context)}; as message {first.successor} it {way}."
    queues = [record.event.queue for record in step.told if isinstance(record.event, e.Enqueued)]
    routed = of_kind.get(e.Routed)
    if queues and isinstance(routed, e.Routed) and len(queues) < len(routed.queues):
        way += f"; the first copy now stands in queue {quoted(queues[0])}"
    return f"Message {first.message} of {narrator.context.names.client(first.connection)} {way}."


def way_of(
    first: e.Published | e.DeadLettered, told: dict[type[e.Event], e.Event], narrator: Narrator
) -> str:
    """Where a message goes, after its name: "goes through the exchange 'logs' to queue 'app'"."""
    if isinstance(first, e.Published) and first.message in narrator.context.waiting:
        return "is kept aside, and goes on only if its transaction is committed"
    routed = told.get(e.Routed)
    if isinstance(routed, e.Routed) and routed.queues:
        kept_out = narrator.context.kept_out
        refused = all((routed.vhost, queue, routed.message) in kept_out for queue in routed.queues)
        return f"{'is to go' if refused else 'goes'} {route_of(routed)}"
    through = f"through {asked_of(routed) if isinstance(routed, e.Routed) else the_exchange(first.exchange)}"
    if e.Returned in told:
        return f"finds no queue {through} and goes back to its publisher"
    if e.Unroutable in told:
        return f"finds no queue {through} and is dropped"
    return f"goes {through}"


def route_of(routed: e.Routed) -> str:
    """By which exchanges to which queues: "through the exchange 'orders' and then 'regions' to queue 'berlin'"."""
    reached: dict[str, list[str]] = {routed.exchange: []}
    for source, kind, name, _ in routed.matched:
        found = reached.setdefault(source, [])
        if (
            kind == "queue"
            and name in routed.queues
            and not any(name in queues for queues in reached.values())
        ):
            found.append(name)
    known = {name for queues in reached.values() for name in queues}
    reached[routed.exchange] += [name for name in routed.queues if name not in known]  # the default exchange
    parts, way = [], []
    for exchange, queues in reached.items():
        way.append(exchange_on_the_way(exchange, routed))
        if queues:
            kind = "queue" if len(queues) == 1 else "the queues"
            parts.append(f"through {' and then '.join(way)} to {kind} {listed(tuple(sorted(queues)))}")
            way = []
    return ", and ".join(parts)


def asked_of(routed: e.Routed) -> str:
    """All exchanges that were asked for a queue: "the exchange 'orders' and then 'regions'"."""
    passed = [name for _, kind, name, _ in routed.matched if kind == "exchange"]
    asked = dict.fromkeys([routed.exchange, *passed, *routed.alternates])
    return " and then ".join(exchange_on_the_way(name, routed) for name in asked)


def the_exchange(name: str) -> str:
    """The first exchange of a way."""
    return f"the {exchange_name(name)}"


def exchange_on_the_way(name: str, routed: e.Routed) -> str:
    """An exchange, as a part of the way."""
    if name == routed.exchange:
        return the_exchange(name)
    return f"the alternate exchange {quoted(name)}" if name in routed.alternates else quoted(name)


def delivered(step: Step, narrator: Narrator) -> str:
    """A copy is on its way to somebody."""
    event = step.told[0].event
    assert isinstance(event, e.Delivered)
    who = narrator.context.names.consumer(event.connection, event.channel, event.consumer_tag)
    if not event.consumer_tag:
        who = f"{narrator.context.names.client(event.connection)}, which asked for one"
    again = " again" if event.redelivered else ""
    ahead = overtaking(step.told[0], narrator.context)
    return f"Queue {quoted(event.queue)} hands message {event.message}{again} to {who}{ahead}."


def later(step: Step, narrator: Narrator) -> str:
    """Copies that come to their queues after the instant of publishing."""
    queues = tuple(record.event.queue for record in step.told if isinstance(record.event, e.Enqueued))
    if len(queues) < 2 or len(queues) < len(step.told):
        return narrator.sentence(step.last)
    number = messages_named((step.told[0].event.message,))  # type: ignore[attr-defined]
    return f"{number.capitalize()} goes into the queues {listed(queues)}."


def alike(step: Step, narrator: Narrator) -> str:
    """One message, or several of one queue, have the same fate."""
    many = len(step.told) > 1
    they, are = ("they", "are") if many else ("it", "is")
    first: Any = step.told[0].event
    messages = tuple(record.event.message for record in step.told)  # type: ignore[attr-defined]
    if step.last in narrator.context.dark:
        return (kept if isinstance(first, e.Requeued) else lost)(first.queue, messages)
    those = messages_named(messages)
    queue = f"queue {quoted(first.queue)}"
    if isinstance(first, e.SettlementHeld):
        who, does = narrator.context.names.client(first.connection), SETTLES.get(first.outcome, "settles")
        return f"{who} {does} {those}, which takes effect only when the transaction is committed."
    if isinstance(first, e.Acknowledged | e.Rejected):
        who = narrator.context.names.client(first.connection)
        if isinstance(first, e.Rejected):
            fate = f"{they} {'go' if many else 'goes'} back into"
            if not first.requeue:
                fate = f"{they} {'do' if many else 'does'} not go back into"
            return f"{who} refuses {those}: {fate} {queue}."
        them = "them" if many else "it"
        fate = f"stream {quoted(first.queue)} keeps {them}" if first.stays else f"{queue} forgets {them}"
        return f"{who} has acknowledged {those}: {fate}."
    if isinstance(first, e.Requeued):
        return f"{those.capitalize()} {are} back in {queue}: {sentence_end(first.reason)}"
    if (first.vhost, first.queue, first.message) in narrator.context.kept_out:
        get = "do not get" if many else "does not get"
        return f"{those.capitalize()} {get} into {queue}: {kept_out_words(first.reason)}"
    events: Any = (record.event for record in step.told)
    endings = {ending(event, narrator.context) for event in events}
    why = endings.pop() if len(endings) == 1 else first.reason
    return f"{those.capitalize()} {are} dropped from {queue}: {sentence_end(why)}"
