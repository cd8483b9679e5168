"""Deadlines: one sorted heap for everything that happens by time alone.

Theory
------
Heartbeats, the handshake limit, the patience after a close, the delays with which RabbitMQ
slows bad peers down: all are "call this at that moment". They share one heap of ``(when, serial, deadline)``
(integer nanoseconds; the serial keeps equal moments in the order they were asked for), and the world needs to
know only the earliest. A cancelled deadline stays in the heap, marked, until it surfaces, or until the heap
is mostly dead wood and is rebuilt: cancelling is O(1) and nothing leaks.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from amqplab.trace.recorder import because

__all__ = ["MILLISECOND", "SECOND", "Deadline", "Deadlines"]

MILLISECOND = 1_000_000
SECOND = 1_000_000_000


class Deadline:
    """Something to be done at a moment, unless cancelled before."""

    __slots__ = ("_owner", "action")

    def __init__(self, owner: Deadlines, action: Callable[[int], None]) -> None:
        self._owner = owner
        self.action: Callable[[int], None] | None = action

    def cancel(self) -> None:
        """It will not be done. Cancelling twice, or after it was done, is harmless."""
        if self.action is not None:
            self.action = None
            self._owner.cancelled()


class Deadlines:
    """All pending deadlines of one broker."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Deadline]] = []
        self._serial = 0
        self._dead = 0

    def at(self, when: int, action: Callable[[int], None]) -> Deadline:
        """Do ``action(now)`` at `when` (ns)."""
        deadline = Deadline(self, action)
        self._serial += 1
        heapq.heappush(self._heap, (when, self._serial, deadline))
        return deadline

    def earliest(self) -> int | None:
        """The next moment at which something is to be done."""
        heap = self._heap
        while heap and heap[0][2].action is None:
            heapq.heappop(heap)
            self._dead -= 1
        return heap[0][0] if heap else None

    def run(self, now: int) -> None:
        """Do everything that is due, in order. Time itself has no cause, whoever may be looking at it now."""
        with because(None):
            self._run(now)

    def _run(self, now: int) -> None:
        while True:
            when = self.earliest()
            if when is None or when > now:
                return
            deadline = heapq.heappop(self._heap)[2]
            action, deadline.action = deadline.action, None
            if action is not None:
                action(now)

    def cancelled(self) -> None:
        """One more deadline in the heap is dead; rebuild when most are."""
        self._dead += 1
        if self._dead > 64 and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].action is not None]
            heapq.heapify(self._heap)
            self._dead = 0

    def __len__(self) -> int:
        return len(self._heap) - self._dead
