"""Burying: how a copy that died gets to the dead-letter exchange.

Theory
------
What a dead letter looks like is :mod:`amqplab.model.dead_letter`'s. Here it is published: routed like any
other message, except that it does not go where it would go round for ever, and enqueued without anybody
hearing of it (DLX-04). Without an exchange to publish to, or where RabbitMQ could not write the letter, it is
lost (DLX-03).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqplab.model.crash import Crash
from amqplab.model.dead_letter import buried, cycles
from amqplab.model.routing import Routing
from amqplab.trace import events
from amqplab.trace.recorder import because

if TYPE_CHECKING:
    from amqplab.model.message import Message
    from amqplab.model.queue import Dying
    from amqplab.model.vhost import VirtualHost

__all__ = ["bury"]


def bury(vhost: VirtualHost, dying: Dying, now: int) -> None:
    """Publish a dead letter."""
    queue, copy, reason = dying
    settings = queue.settings
    name = settings.dead_letter_exchange
    if name is None or name not in vhost.exchanges:
        queue.lose(copy, reason)
        return
    try:
        letter = buried(
            copy.message,
            vhost.next_message(),
            queue=queue.name,
            reason=reason,
            exchange=name,
            routing_key=settings.dead_letter_routing_key,
            time_s=vhost.unix_s(now),
        )
    except Crash as crash:
        queue.lose(copy, f"{reason}, and {crash}")
        return
    routing = vhost.route(name, letter.routing_key, letter.extra_keys, letter.properties.headers)
    again = [target for target in routing.queues if cycles(letter, target, reason)]
    routing = routing._replace(queues=tuple(one for one in routing.queues if one not in again))
    _report(vhost, dying, letter, routing, again)
    vhost.deliver_replies(letter)
    for target in routing.queues:
        vhost.queues[target].enqueue(letter, now)


def _report(vhost: VirtualHost, dying: Dying, letter: Message, routing: Routing, again: list[str]) -> None:
    report = vhost.report
    if report is None:
        return
    queue, copy, reason = dying
    address = (letter.exchange, letter.routing_key)
    old, new = copy.message.number, letter.number
    died = report(events.DeadLettered, vhost.name, queue.name, old, reason, *address, new)
    matched = tuple(tuple(binding[:4]) for binding in routing.matched)
    with because(died):
        routed = report(events.Routed, vhost.name, new, *address, matched, routing.queues, routing.alternates)
        for target in again:
            report(events.Discarded, vhost.name, target, new, "dead-letter cycle")
    if not routing.queues and not again:
        with because(routed):
            report(events.Unroutable, vhost.name, new, *address, False)
