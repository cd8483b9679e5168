"""Changes of a running world, each at its moment: right after a certain record, or at a certain time.

Theory
------
A world is changed by hand only between two of its callbacks. So a change that waits for a record falls after the
callback that has made it; in the simulation that is the smallest piece of time, and takes none.

To a reader it may be a long way all the same: code that publishes a thousand messages without waiting once is
one callback. Nobody can stand still in the middle of a callback, but one can *end* there. So whose process is to
end with a change gets an :class:`Ended` at the next thing that its code would do; what it has handed to TCP before
is with its kernel. Who is frozen stands still as soon as the code waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from amqplab.lab.processes import PROCESS
from amqplab.sim.clock import Clock
from amqplab.trace.events import Event
from amqplab.trace.recorder import Recorder, Report, because

__all__ = ["Change", "Changes", "Ended", "check_going", "telling"]


class Ended(asyncio.CancelledError):
    """The process of this code ends here. No handler of errors is meant to see it."""


class Change:
    """A change that waits for its moment. `ends` is the host whose process ends with it."""

    def __init__(
        self, changes: Changes, action: Callable[[], None], seq: int | None, ends: str | None
    ) -> None:
        self._changes = changes
        self.action = action
        self.seq = seq
        self.ends = ends

    def come(self) -> None:
        """The moment has come."""
        self._changes.take(self)


class Changes:
    """The changes of one world: those still to come, and those that are `due`, after this callback."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._coming: list[Change] = []
        self.due: list[Change] = []
        self._watching = self._making = False

    def schedule(
        self, action: Callable[[], None], *, seq: int | None, at: int | None, ends: str | None
    ) -> None:
        """Do `action` between two callbacks: right after record `seq`, or at the time `at` (ns)."""
        change = Change(self, action, seq, ends)
        self._coming.append(change)
        self._watch()
        if at is not None:
            self._clock.at(at, change.come)

    def make(self, *, all_of_them: bool = False) -> None:
        """Do what is due now; or all, at the end of the past, where nothing more will happen by itself."""
        if self._making:
            return  # one change is not made in the middle of another
        if all_of_them:
            self.due += self._coming
            self._coming.clear()
        self._making = True
        try:
            with because(None):  # a call that the cell waits for is not what changes the past
                while self.due:
                    self.due.pop(0).action()
        finally:
            self._making = False
        self._watch()

    def _watch(self) -> None:
        """Read along as long as a change waits for a record: having each frame told apart takes time."""
        wanted = any(change.seq is not None for change in self._coming)
        if wanted and not self._watching:
            self._recorder.observe(self._see)
        elif self._watching and not wanted:
            self._recorder.ignore(self._see)
        self._watching = wanted

    def _see(self, seq: int) -> None:
        """Read one new record, for the changes that wait for it."""
        for change in [one for one in self._coming if one.seq == seq]:
            self.take(change)

    def take(self, change: Change) -> None:
        """The moment of `change` has come; it is made after this callback."""
        if change not in self._coming:
            return
        self._coming.remove(change)
        self.due.append(change)
        process = PROCESS.get()
        if process is not None and process.host == change.ends:
            process.ending = True


def check_going() -> None:
    """End the code that runs now, if its process is to end in the middle of it."""
    process = PROCESS.get()
    if process is not None and process.ending and asyncio.current_task() is not None:
        raise Ended


def telling(report: Report) -> Report:
    """A reporter for code of a process that may end with every step."""

    def tell(kind: type[Event], *fields: object) -> int:
        check_going()
        seq: int = report(kind, *fields)
        check_going()
        return seq

    return tell  # type: ignore[return-value]
