"""The discrete-event clock: time that moves only because something happens.

Theory
------
Nothing happens between two events, so a simulation need not wait through it: it takes the earliest thing that
is planned, sets the time to when it was planned for, and does it. An hour of silence costs nothing.

* Time is an integer count of nanoseconds. Floats would add up to different times in different orders.
* What is planned is a tuple ``(when, ticket, callback, arguments)`` in a heap. Tuples compare in C; the
  ticket counts up, makes every tuple different, and breaks ties in the order of planning.
* What is due *now* needs no heap: it goes to the end of a queue and is done in order.
* A cancelled call stays where it is and is passed over when its time comes; when many pile up, the heap is
  rebuilt without them. So planning is one tuple and one push, and cancelling is one entry in a set.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Any

__all__ = ["Clock", "Planned"]

FOREVER = 1 << 62
SWEEP_AT = 1000
"""Cancelled calls that may lie around before it is worth sweeping them out."""

Planned = tuple[int, int, Callable[..., Any], tuple[Any, ...]]
"""(when in ns, ticket, callback, arguments)."""


class Clock:
    """Virtual time, from 0 ns. ``now`` is read as often as one likes and set by nobody else.

    Planning returns a ticket, with which the call can be cancelled until it is made.
    """

    __slots__ = ("_cancelled", "_due", "_heap", "_tickets", "now")

    def __init__(self) -> None:
        self.now = 0
        self._heap: list[Planned] = []
        self._due: deque[Planned] = deque()
        self._tickets = 0
        self._cancelled: set[int] = set()

    def at(self, when: int, callback: Callable[..., Any], *arguments: Any) -> int:
        """Plan ``callback(*arguments)`` for time `when` in ns; a time that has passed means now."""
        self._tickets = ticket = self._tickets + 1
        if when > self.now:
            heappush(self._heap, (when, ticket, callback, arguments))
        else:
            self._due.append((self.now, ticket, callback, arguments))
        return ticket

    def after(self, delay: int, callback: Callable[..., Any], *arguments: Any) -> int:
        """Plan ``callback(*arguments)`` for `delay` ns from now."""
        self._tickets = ticket = self._tickets + 1
        if delay > 0:
            heappush(self._heap, (self.now + delay, ticket, callback, arguments))
        else:
            self._due.append((self.now, ticket, callback, arguments))
        return ticket

    def soon(self, callback: Callable[..., Any], *arguments: Any) -> int:
        """Plan ``callback(*arguments)`` for now, after everything that is due already."""
        self._tickets = ticket = self._tickets + 1
        self._due.append((self.now, ticket, callback, arguments))
        return ticket

    def cancel(self, ticket: int) -> None:
        """Take a call back that was planned and not made yet."""
        self._cancelled.add(ticket)
        if len(self._cancelled) > SWEEP_AT and 2 * len(self._cancelled) > len(self._heap):
            self._sweep()

    def next_time(self) -> int | None:
        """When the next call is due, in ns; None when nothing is planned."""
        cancelled = self._cancelled
        if cancelled:
            self._drop_cancelled()
        if self._due:
            return self.now
        return self._heap[0][0] if self._heap else None

    def planned(self) -> Iterator[Planned]:
        """Every call that is planned and not taken back, in no order."""
        for entries in (self._due, self._heap):
            yield from (entry for entry in entries if entry[1] not in self._cancelled)

    def run_one(self) -> bool:
        """Make the next call, moving time to it; False when nothing is planned."""
        when = self.next_time()
        if when is None:
            return False
        heap = self._heap
        if self._due and not (heap and heap[0][0] <= self.now):
            _, _, callback, arguments = self._due.popleft()
        else:
            self.now, _, callback, arguments = heappop(heap)
        callback(*arguments)
        return True

    def run(self, until: int | None = None) -> None:
        """Make all calls planned up to and including `until` ns; then, if given, it is `until`."""
        due, heap, cancelled = self._due, self._heap, self._cancelled
        limit = FOREVER if until is None else until
        while True:
            if due and not (heap and heap[0][0] <= self.now):
                when, ticket, callback, arguments = due.popleft()
            else:
                try:
                    when, ticket, callback, arguments = heappop(heap)
                except IndexError:
                    break
                if when > limit:
                    heappush(heap, (when, ticket, callback, arguments))
                    break
            if cancelled and ticket in cancelled:
                cancelled.discard(ticket)
                continue
            self.now = when
            callback(*arguments)
        if until is not None and until > self.now:
            self.now = until

    def _drop_cancelled(self) -> None:
        """Pop cancelled calls off both fronts, so that what is first is real."""
        cancelled, due, heap = self._cancelled, self._due, self._heap
        while due and due[0][1] in cancelled:
            cancelled.discard(due.popleft()[1])
        while heap and heap[0][1] in cancelled:
            cancelled.discard(heappop(heap)[1])

    def _sweep(self) -> None:
        """Forget all that was cancelled, in place: a run holds on to the same heap."""
        self._heap[:] = [entry for entry in self._heap if entry[1] not in self._cancelled]
        heapify(self._heap)
        kept = [entry for entry in self._due if entry[1] not in self._cancelled]
        self._due.clear()
        self._due.extend(kept)
        self._cancelled.clear()

    def __repr__(self) -> str:
        return f"<Clock at {self.now} ns, {sum(1 for _ in self.planned())} planned>"
