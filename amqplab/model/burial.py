"""Burying: how a copy that died gets to the dead-letter exchange.

Theory
------
What a dead letter looks like is :mod:`amqplab.model.dead_letter`'s. Here it is published: routed like any
other message, except that it does not go where it would go round for ever, and enqueued without anybody
hearing of it (DLX-04). Without an exchange to publish to, or where RabbitMQ could not write the letter, it is
lost (DLX-03). RabbitMQ 3.10 does not get dead letters into streams, either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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
    headers = letter.full_properties.headers or {}
    routing = vhost.route(name, letter.routing_key, letter.extra_keys, headers)
    not_for = _not_for(vhost, headers, routing, reason)
    routing = routing._replace(queues=tuple(one for one in routing.queues if one not in not_for))
    _report(vhost, dying, letter, routing, not_for)
    vhost.deliver_replies(letter)
    for target in routing.queues:
        vhost.queues[target].enqueue(letter, now)


def _not_for(vhost: VirtualHost, headers: Mapping[str, Any], routing: Routing, reason: str) -> dict[str, str]:
    """Queue → why the letter does not go there."""
    not_for = {}
    for target in routing.queues:
        if cycles(headers, target, reason):
            not_for[target] = "dead-letter cycle"
        elif vhost.queues[target].kind == "stream":
            not_for[target] = "dead letters do not get into streams"
    return not_for


def _report(
    vhost: VirtualHost, dying: Dying, letter: Message, routing: Routing, not_for: dict[str, str]
) -> None:
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
        for target, why in not_for.items():
            report(events.Discarded, vhost.name, target, new, why)
    if not routing.queues and not not_for:
        with because(routed):
            report(events.Unroutable, vhost.name, new, *address, False)
