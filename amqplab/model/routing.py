"""Routing: from an address to a set of queues, as a value that can be looked at.

Theory
------
Routing starts at the exchange a message was published to and follows matching bindings. A binding may lead to
a queue, or to another exchange, which is then asked with the *original* key and headers (EXCH-39). Each
exchange is asked once per message, so cycles are legal and harmless (EXCH-38). A queue gets one copy however
many paths lead to it (EXCH-27).

An exchange that finds no destination at all hands the message to its **alternate exchange**, if it has one
and if that exists now (EXCH-35). A destination exchange that leads nowhere still was a destination, so the
alternate is not asked then (EXCH-36).

The result, :class:`Routing`, is a value. The stage highlights it, ``basic.return`` depends on it, tests
compare it, and as long as the topology does not change it can be remembered: `headers_read` tells whether
the answer depended on more than exchange and keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from amqplab.model.binding import QUEUE, Binding
from amqplab.model.exchange import Exchange

__all__ = ["Routing", "route"]


class Routing(NamedTuple):
    """`matched`: the bindings taken, in the order found; `queues`: names, sorted, each once; `alternates`:
    the alternate exchanges asked on the way.
    """

    exchange: str
    routing_key: str
    matched: tuple[Binding, ...]
    queues: tuple[str, ...]
    alternates: tuple[str, ...]
    headers_read: bool = False

    @property
    def matches(self) -> tuple[tuple[str, str, str, str], ...]:
        """The bindings taken, as events name them: source, kind, destination, routing key."""
        return tuple((taken[0], taken[1], taken[2], taken[3]) for taken in self.matched)


def route(
    exchanges: Mapping[str, Exchange],
    queues: Mapping[str, object],
    exchange: str,
    routing_key: str,
    extra_keys: tuple[str, ...] = (),
    headers: Mapping[str, Any] | None = None,
) -> Routing:
    """Where a message goes that is published to `exchange` (which must exist)."""
    keys = (routing_key, *extra_keys)
    if exchange == "":  # the default exchange: keys are queue names (EXCH-20)
        named = tuple(sorted({key for key in keys if key in queues}))
        return Routing(exchange, routing_key, (), named, ())
    matched: dict[Binding, None] = {}
    found: set[str] = set()
    alternates: list[str] = []
    headers_read = False
    seen = {exchange}
    todo = [exchange]
    while todo:
        here = exchanges[todo.pop()]
        headers_read = headers_read or here.reads_headers
        destinations: list[str] = []
        taken = here.match(keys, headers or {})
        for binding in taken:
            matched[binding] = None
            if binding.kind == QUEUE:
                found.add(binding.destination)
            else:
                destinations.append(binding.destination)
        if not taken and here.alternate is not None:
            alternates.append(here.alternate)
            destinations.append(here.alternate)
        for name in destinations:
            if name not in seen and name in exchanges:
                seen.add(name)
                todo.append(name)
    return Routing(
        exchange, routing_key, tuple(matched), tuple(sorted(found)), tuple(alternates), headers_read
    )
