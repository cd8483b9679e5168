"""The ready copies of a queue, in the order in which they will leave.

Theory
------
Copies leave in the order of their places: first in, first out. A copy that comes back goes to its original
place, not to the tail (BASIC-53). As a rule what comes back is older than everything that waits. Where it is
not, the line is turned until its place is in front, and only what waits between the first and the last that
come back has to step aside for a moment.

A queue with priorities is several such lines, one per priority; the highest line that is not empty is served
first (QUEUE-71). The head of the whole is the head of that line: it is what expires, and what is dropped when
the queue is too long, so a full priority queue drops its *most* urgent message (QUEUE-72).

    priority 9   ▯ ▯          ← head
    priority 1   ▯ ▯ ▯ ▯
    priority 0   ▯ ▯ ▯

A quorum queue keeps no places: what came back stands in a line of its own, before everything that was never
delivered (QUORUM-05).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from amqplab.model.message import Copy

__all__ = ["Backlog", "Line", "Lines", "ReturnsFirst", "positions"]


def place_of(copy: Copy) -> int:
    """What copies of one line are ordered by."""
    return copy.place


class Line(deque[Copy]):
    """First in, first out, and back to where one was."""

    __slots__ = ()

    @property
    def head(self) -> Copy:
        """The copy that leaves next. IndexError if there is none."""
        return self[0]

    def join(self, copy: Copy) -> int:
        """A new copy takes its place at the end, as with append; how many stand before it."""
        self.append(copy)
        return len(self) - 1

    def put_back(self, copies: Iterable[Copy]) -> None:
        """Copies return to their original places."""
        back = sorted(copies, key=place_of)
        if not self or self[0].place > back[-1].place:
            self.extendleft(reversed(back))
            return
        first = bisect_left(self, back[0].place, key=place_of)
        between = bisect_left(self, back[-1].place, first, key=place_of) - first
        self.rotate(-first)
        aside = [self.popleft() for _ in range(between)]
        self.extendleft(sorted(aside + back, key=place_of, reverse=True))
        self.rotate(first)


class Lines:
    """A line for each priority that occurs; ``priority(copy)`` says which is a copy's."""

    __slots__ = ("_count", "_lines", "_priority")

    def __init__(self, priority: Callable[[Copy], int]) -> None:
        self._lines: dict[int, Line] = {}  # none of them empty
        self._priority = priority
        self._count = 0

    @property
    def head(self) -> Copy:
        """The copy that leaves next. IndexError if there is none."""
        return self._lines[self._most_urgent()].head

    def _most_urgent(self) -> int:
        if not self._lines:
            raise IndexError("nothing waits")
        return max(self._lines)

    def _line(self, priority: int) -> Line:
        line = self._lines.get(priority)
        if line is None:
            line = self._lines[priority] = Line()
        return line

    def append(self, copy: Copy) -> None:
        """A new copy takes its place behind all that are as urgent or more."""
        self._line(self._priority(copy)).append(copy)
        self._count += 1

    def join(self, copy: Copy) -> int:
        """The same, and how many these are."""
        self.append(copy)
        least = self._priority(copy)
        return sum(len(line) for priority, line in self._lines.items() if priority >= least) - 1

    def popleft(self) -> Copy:
        """The head leaves. IndexError if there is none."""
        priority = self._most_urgent()
        line = self._lines[priority]
        copy = line.popleft()
        if not line:
            del self._lines[priority]
        self._count -= 1
        return copy

    def put_back(self, copies: Iterable[Copy]) -> None:
        """Copies return to their original places in their lines."""
        back: dict[int, list[Copy]] = {}
        for copy in copies:
            back.setdefault(self._priority(copy), []).append(copy)
            self._count += 1
        for priority, some in back.items():
            self._line(priority).put_back(some)

    def clear(self) -> None:
        """All leave."""
        self._lines.clear()
        self._count = 0

    def __iter__(self) -> Iterator[Copy]:
        for priority in sorted(self._lines, reverse=True):
            yield from self._lines[priority]

    def __len__(self) -> int:
        return self._count


class ReturnsFirst:
    """What came back, in the order of its coming back; then everything else."""

    __slots__ = ("_returned", "_waiting")

    def __init__(self) -> None:
        self._returned: deque[Copy] = deque()
        self._waiting: deque[Copy] = deque()

    @property
    def head(self) -> Copy:
        """The copy that leaves next. IndexError if there is none."""
        return (self._returned or self._waiting)[0]

    def append(self, copy: Copy) -> None:
        """A copy takes its place at the end."""
        self._waiting.append(copy)

    def join(self, copy: Copy) -> int:
        """The same, and how many stand before it."""
        self.append(copy)
        return len(self) - 1

    def popleft(self) -> Copy:
        """The head leaves. IndexError if there is none."""
        return (self._returned or self._waiting).popleft()

    def put_back(self, copies: Iterable[Copy]) -> None:
        """Copies join those that came back."""
        self._returned.extend(copies)

    def clear(self) -> None:
        """All leave."""
        self._returned.clear()
        self._waiting.clear()

    def __iter__(self) -> Iterator[Copy]:
        yield from self._returned
        yield from self._waiting

    def __len__(self) -> int:
        return len(self._returned) + len(self._waiting)


Backlog = Line | Lines | ReturnsFirst


def positions(ready: Backlog, copies: Iterable[Copy]) -> dict[int, int]:
    """How many copies stand before each of these, by its place; no further than to the last of them."""
    places = {copy.place for copy in copies}
    found: dict[int, int] = {}
    for at, copy in enumerate(ready):
        if copy.place in places:
            found[copy.place] = at
            if len(found) == len(places):
                break
    return found
