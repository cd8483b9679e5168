"""Burying: how a copy that died gets to the dead-letter exchange.

Theory
------
What a dead letter looks like is :mod:`amqplab.model.dead_letter`'s. Here it is published: routed like any
other message, except that it does not go where it would go round for ever, and enqueued without anybody
hearing of it (DLX-04). Without an exchange to publish to, or where RabbitMQ could not write the letter, it is
lost (DLX-03). RabbitMQ 3.10 does not get such letters into streams, either.

A letter that has to arrive (see outbox.py) is published until every queue that it is routed to has taken it.
Where it goes is looked up each time, but it is the same letter, and nobody gets it twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from amqplab.model.crash import Crash
from amqplab.model.dead_letter import Dying, buried, cycles
from amqplab.model.routing import Routing
from amqplab.trace import events
from amqplab.trace.recorder import because

if TYPE_CHECKING:
    from amqplab.model.message import Message
    from amqplab.model.outbox import Pending
    from amqplab.model.vhost import VirtualHost

__all__ = ["bury"]


def bury(vhost: VirtualHost, dying: Dying, now: int) -> None:
    """Publish a dead letter."""
    if dying.pending is not None:
        _send(vhost, dying, dying.pending, now)
        return
    name = dying.queue.settings.dead_letter_exchange
    if name is None or name not in vhost.exchanges:
        dying.queue.lose(dying.copy, dying.reason)
        return
    letter = _letter(vhost, dying, name, now)
    if letter is None:
        return
    routing, not_for = _route(vhost, dying, letter)
    askers = vhost.askers(letter)
    places = tuple((one.connection, one.number) for one in askers)
    routed = _report(vhost, dying, letter, routing, not_for, places)
    with because(routed):
        vhost.deliver_replies(askers, letter)
        for target in routing.queues:
            vhost.queues[target].enqueue(letter, now)


def _send(vhost: VirtualHost, dying: Dying, pending: Pending, now: int) -> None:
    """Publish a letter that has to arrive to those queues that have not taken it yet."""
    queue = pending.queue
    if pending not in queue.outbox:  # the queue was deleted in the same moment
        return
    if pending.letter is None:
        pending.letter = _letter(vhost, dying, queue.settings.dead_letter_exchange or "", now)
    letter = pending.letter
    if letter is None:
        queue.arrived(pending)
        return
    targets: tuple[str, ...] = ()
    if letter.exchange in vhost.exchanges:
        routing, not_for = _route(vhost, dying, letter)
        targets = routing.queues
        if targets and pending.announced is None:
            pending.announced = _report(vhost, dying, letter, routing, not_for, ())
    with because(pending.announced):
        for target in targets:
            if target not in pending.reached and vhost.queues[target].enqueue(letter, now):
                pending.reached.add(target)
    if targets and pending.reached.issuperset(targets):
        queue.arrived(pending)
        return
    if not targets and not pending.delayed:
        queue.lose(dying.copy, f"{dying.reason}; its dead letter waits for a queue to go to")
    queue.postpone(pending, now, vhost.letter_patience_ns())


def _letter(vhost: VirtualHost, dying: Dying, exchange: str, now: int) -> Message | None:
    """What is to be published; None if it cannot be written, and is lost."""
    queue, copy, reason, _ = dying
    try:
        return buried(
            copy.message,
            vhost.next_message(),
            queue=queue.name,
            reason=reason,
            exchange=exchange,
            routing_key=queue.settings.dead_letter_routing_key,
            time_s=vhost.unix_s(now),
        )
    except Crash as crash:
        queue.lose(copy, f"{reason}, and {crash}")
        return None


def _route(vhost: VirtualHost, dying: Dying, letter: Message) -> tuple[Routing, dict[str, str]]:
    """Where the letter goes, and where it would go but must not, with the reason."""
    headers = letter.full_properties.headers or {}
    routing = vhost.route(letter.exchange, letter.routing_key, letter.extra_keys, headers)
    not_for = _not_for(vhost, dying, headers, routing)
    return routing._replace(queues=tuple(one for one in routing.queues if one not in not_for)), not_for


def _not_for(
    vhost: VirtualHost, dying: Dying, headers: Mapping[str, Any], routing: Routing
) -> dict[str, str]:
    """Queue → why the letter does not go there."""
    not_for = {}
    for target in routing.queues:
        if cycles(headers, target, dying.reason):
            not_for[target] = "dead-letter cycle"
        elif dying.pending is None and vhost.queues[target].kind == "stream":
            not_for[target] = "ordinary dead letters do not get into streams"
    return not_for


def _report(
    vhost: VirtualHost,
    dying: Dying,
    letter: Message,
    routing: Routing,
    not_for: dict[str, str],
    asked: tuple[tuple[str, int], ...],
) -> int | None:
    """The record of the letter's routing, which causes all that follows; None where nothing is recorded."""
    report = vhost.report
    if report is None:
        return None
    queue, copy, reason, _ = dying
    address = (letter.exchange, letter.routing_key)
    old, new = copy.message.number, letter.number
    died = report(events.DeadLettered, vhost.name, queue.name, old, reason, *address, new)
    with because(died):
        routed = report(
            events.Routed,
            vhost.name,
            new,
            *address,
            routing.matches,
            routing.queues,
            routing.alternates,
            asked,
        )
        for target, why in not_for.items():
            report(events.Discarded, vhost.name, target, new, why)
    if not (routing.queues or not_for or asked):
        with because(routed):
            report(events.Unroutable, vhost.name, new, *address, False)
    return routed
