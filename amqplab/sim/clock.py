"""The discrete-event clock: time that moves only because something happens.

Theory
------
Nothing happens between two events, so a simulation need not wait through it: it takes the earliest thing
that is planned, sets the time to when it was planned for, and does it. An hour of silence costs nothing.

* Time is an integer count of nanoseconds. Floats would add up to different times in different orders.
* What is planned stands in a heap of tuples ``(when, serial, handle)``. Tuples compare in C; the serial
makes every tuple
  different and breaks ties in the order in which things were planned.
* What is due *now* needs no heap: it goes to the end of a queue and is done in order.
* A cancelled handle stays where it is and is passed over when its time comes; when many pile up, the heap
is rebuilt.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Any

__all__ = ["Clock", "Timer"]

REBUILD_AT = 1000
"""Cancelled handles that may lie in the heap before it is worth sweeping them out."""


class Timer:
    """A planned call. :meth:`cancel` takes it back."""

    __slots__ = ("arguments", "callback", "when")

    def __init__(self, when: int, callback: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.when = when
        self.callback: Callable[..., Any] | None = callback
        self.arguments = arguments

    def cancel(self) -> None:
        """The call will not be made. Cancelling twice, or too late, does nothing."""
        self.callback = None
        self.arguments = ()

    @property
    def cancelled(self) -> bool:
        """Whether it was taken back, or is done."""
        return self.callback is None

    def __repr__(self) -> str:
        return f"<Timer at {self.when} ns{' (cancelled)' if self.cancelled else ''}>"


class Clock:
    """Virtual time, from 0 ns. ``now`` is read as often as one likes and set by nobody else."""

    __slots__ = ("_due", "_heap", "_serial", "now")

    def __init__(self) -> None:
        self.now = 0
        self._heap: list[tuple[int, int, Timer]] = []
        self._due: deque[Timer] = deque()
        self._serial = 0

    def at(self, when: int, callback: Callable[..., Any], *arguments: Any) -> Timer:
        """Plan ``callback(*arguments)`` for time `when` in ns; a time that has passed means now."""
        timer = Timer(when, callback, arguments)
        if when <= self.now:
            self._due.append(timer)
        else:
            self._serial += 1
            heappush(self._heap, (when, self._serial, timer))
            if not self._serial % REBUILD_AT:
                self._sweep()
        return timer

    def after(self, delay: int, callback: Callable[..., Any], *arguments: Any) -> Timer:
        """Plan ``callback(*arguments)`` for `delay` ns from now."""
        return self.at(self.now + delay, callback, *arguments)

    def soon(self, callback: Callable[..., Any], *arguments: Any) -> Timer:
        """Plan ``callback(*arguments)`` for now, after everything that is due already."""
        timer = Timer(self.now, callback, arguments)
        self._due.append(timer)
        return timer

    def next_time(self) -> int | None:
        """When the next call is due, in ns; None when nothing is planned."""
        due = self._due
        while due and due[0].callback is None:
            due.popleft()
        if due:
            return self.now
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heappop(heap)
        return heap[0][0] if heap else None

    def planned(self) -> Iterator[Timer]:
        """Every call that is planned and not taken back, in no order."""
        yield from (timer for timer in self._due if timer.callback is not None)
        yield from (timer for _, _, timer in self._heap if timer.callback is not None)

    def run_one(self) -> bool:
        """Make the next call, moving time to it; False when nothing is planned."""
        when = self.next_time()
        if when is None:
            return False
        if not self._due:
            self._advance(when)
        timer = self._due.popleft()
        callback, arguments = timer.callback, timer.arguments
        timer.cancel()
        assert callback is not None
        callback(*arguments)
        return True

    def run(self, until: int | None = None) -> None:
        """Make all calls planned up to and including `until` ns; then, if given, it is `until`."""
        due, heap = self._due, self._heap
        while True:
            while due:
                timer = due.popleft()
                callback = timer.callback
                if callback is not None:
                    timer.callback = None
                    callback(*timer.arguments)
            if not heap or (until is not None and heap[0][0] > until):
                break
            self.now, _, timer = heappop(heap)
            due.append(timer)
            while heap and heap[0][0] == self.now:
                due.append(heappop(heap)[2])
        if until is not None and until > self.now:
            self.now = until

    def _advance(self, when: int) -> None:
        """Move to `when`, where something is planned, and make all that is planned for then due."""
        heap = self._heap
        self.now = when
        while heap and heap[0][0] == when:
            self._due.append(heappop(heap)[2])

    def _sweep(self) -> None:
        kept = [entry for entry in self._heap if entry[2].callback is not None]
        if len(kept) < len(self._heap) - REBUILD_AT:
            self._heap[:] = kept
            heapify(self._heap)

    def __repr__(self) -> str:
        return f"<Clock at {self.now} ns, {len(self._heap) + len(self._due)} planned>"
