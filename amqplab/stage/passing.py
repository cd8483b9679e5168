"""Which bindings a message is passing: those that the picture lights.

Theory
------
At *Routed* the bindings that matched are lit, unless a transaction keeps the message aside. They stay so for as
long as the message stands at its exchange, because not every queue has its copy yet; and at *Enqueued* the way is
lit by which this copy came, the shortest there is among the bindings that matched. The story tells of all copies
at once, and lights all their ways.
So it is with the ways past the bindings, those of dead letters and of what no binding wanted.
``js/fixtures.js`` says the same, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from amqplab.stage.contract_layout import Layout
from amqplab.trace import events as e
from amqplab.trace.keys import exchange_key, message_key, queue_key, unescape
from amqplab.trace.recorder import Record
from amqplab.trace.tokens import token_key

__all__ = ["matched_by", "passing", "taken"]

State = Mapping[str, Mapping[str, Any]]
NONE: Mapping[int, e.DeadLettered] = {}


def passing(
    record: Record, state: State, tokens: State, routed: Mapping[int, e.Routed], place: Layout,
    deaths: Mapping[int, e.DeadLettered] = NONE,
) -> frozenset[str]:  # fmt: skip
    """Keys of the bindings and policies lit after `record`; `routed` has the last Routed of each message up to then,
    `deaths` by the number of each dead letter how it became one.
    """
    event = record.event
    lit: set[str] = set()
    if isinstance(event, e.Routed) and not is_held(event, tokens):
        lit |= matched_by(event, place)
    for token in tokens.values():
        if token.get("place") == "exchange" and token["message"] in routed:
            lit |= matched_by(routed[token["message"]], place)
    if isinstance(event, e.Enqueued):
        lit |= set(way_to(event, state, routed.get(event.message), place))
    messages = {token["message"] for token in tokens.values() if token.get("place") == "exchange"}
    if isinstance(event, (e.Routed, e.Enqueued)):
        messages.add(event.message)
    if isinstance(event, e.DeadLettered):
        messages.add(event.successor)
    for message in messages:
        lit |= set(policies_of(deaths.get(message), routed.get(message), place))
    return frozenset(lit)


def is_held(event: e.Routed, tokens: State) -> bool:
    """Whether a transaction keeps the message aside: its way is decided, and it has not gone it."""
    token = tokens.get(token_key(event.message, "-"), {})
    return token.get("state") == "held in tx"


def policies_of(death: e.DeadLettered | None, routed: e.Routed | None, place: Layout) -> list[str]:
    """The policies by which a message came to its exchange, and from there to others."""
    found: list[str] = []
    if death is not None:
        ends = queue_key(death.vhost, death.queue), exchange_key(death.vhost, death.exchange)
        found += [
            key
            for key, way in place["policies"].items()
            if way["kind"] == "dead-letter" and (way["source"], way["target"]) == ends
        ]
    if routed is None:
        return found
    left = {place["edges"][key]["source"] for key in matched_by(routed, place)}
    exchange: str | None = exchange_key(routed.vhost, routed.exchange)
    while exchange is not None and exchange not in left:
        ways = (
            (key, way["target"])
            for key, way in place["policies"].items()
            if way["kind"] == "alternate" and way["source"] == exchange and key not in found
        )
        key, exchange = next(ways, ("", None))
        found += [key] if key else []
    return found


def taken(
    record: Record, routed: Mapping[int, e.Routed], at_once: Collection[int], place: Layout
) -> frozenset[str]:
    """Keys of the bindings that the story lights, if this record brings a message of `at_once` to a queue."""
    event = record.event
    if not isinstance(event, e.Enqueued) or event.message not in at_once:
        return frozenset()
    return matched_by(routed[event.message], place)


def matched_by(event: e.Routed, place: Layout) -> frozenset[str]:
    """The keys of the bindings that a message matched, the default exchange's own ones, too."""
    names = set(event.matched)
    if event.exchange == "":
        names |= {("", "queue", queue, queue) for queue in event.queues}
    return frozenset(key for key in place["edges"] if match_of(key, event.vhost) in names)


def match_of(key: str, vhost: str) -> tuple[str, ...]:
    """How Routed names a binding."""
    parts = [unescape(part) for part in key.split("/")[1:]]
    return tuple(parts[1:5]) if len(parts) == 6 and parts[0] == vhost else ()


def way_to(event: e.Enqueued, state: State, routed: e.Routed | None, place: Layout) -> list[str]:
    """The bindings from the message's exchange to this queue, the fewest there are."""
    message = state.get(message_key(event.message))
    if message is None:
        return []
    matched = matched_by(routed, place) if routed is not None else frozenset()
    edges = [
        (key, edge)
        for key, edge in place["edges"].items()
        if (key in matched if matched else edge.get("ghost") or key in state)
    ]
    start = exchange_key(str(message["vhost"]), str(message["exchange"]))
    ways: list[tuple[str, list[str]]] = [(start, [])]
    seen = {start}
    for node, way in ways:
        if node == queue_key(event.vhost, event.queue):
            return way
        for key, edge in edges:
            if edge["source"] == node and edge["target"] not in seen:
                seen.add(edge["target"])
                ways.append((edge["target"], [*way, key]))
    return []
