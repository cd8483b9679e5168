"""When to acknowledge: a little later than at once.

Theory
------
An acknowledgement alone is a segment of headers. So a receiver waits a moment for data to send it along with, as a
real stack does, but acknowledges every second full segment at once, and whatever tells the sender of a gap
(RFC 9293 section 3.8.6.3). Any segment that acknowledges ends the waiting.
"""

from __future__ import annotations

from collections.abc import Callable

from amqplab.sim.clock import Clock
from amqplab.trace.recorder import CAUSE, because

__all__ = ["DelayedAck"]


class DelayedAck:
    """What one end owes; `acknowledge` sends it."""

    __slots__ = ("_acknowledge", "_clock", "_owed", "_timer")

    def __init__(self, clock: Clock, acknowledge: Callable[[], None]) -> None:
        self._clock = clock
        self._acknowledge = acknowledge
        self._owed = 0
        self._timer: int | None = None

    def owe(self, octets: int, *, urgent: bool, mss: int, delay: int) -> None:
        """So many octets came."""
        self._owed += octets
        if urgent or self._owed >= 2 * mss:
            self._acknowledge()
        elif self._timer is None:
            self._timer = self._clock.after(delay, self._waited, CAUSE.get())

    def _waited(self, cause: int | None) -> None:
        self._timer = None
        with because(cause):
            self._acknowledge()

    def sent(self) -> None:
        """A segment acknowledges all that came."""
        self._owed = 0
        self.stop()

    def stop(self) -> None:
        """Nothing will be acknowledged any more."""
        if self._timer is not None:
            self._clock.cancel(self._timer)
            self._timer = None
