"""Routings that were worked out before.

Theory
------
Most messages go to addresses that others went to before them, and as long as the topology stands, an exchange and
a routing key say all there is to say; unless headers were read on the way, or there were more keys than one.

A routing may be as long as there are bindings. So what counts is not how many routings are remembered, but what
all of them hold; when that is too much, all are forgotten.
"""

from __future__ import annotations

from amqplab.model.routing import Routing

__all__ = ["RouteMemory"]

MOST = 1 << 17  # bindings and queues, in all routings together


class RouteMemory:
    """What one virtual host remembers; :attr:`known` is by exchange and routing key."""

    __slots__ = ("_size", "known")

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Routing] = {}
        self._size = 0

    def remember(self, routing: Routing) -> None:
        """For the next message to that address."""
        size = 1 + len(routing.matched) + len(routing.queues)
        if self._size + size > MOST:
            self.forget()
        if size <= MOST:
            self._size += size
            self.known[routing.exchange, routing.routing_key] = routing

    def forget(self) -> None:
        """The topology has changed."""
        self.known.clear()
        self._size = 0
