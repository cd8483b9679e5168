"""Guesses at passwords, which cost the broker more than the guesser.

Theory
------
A look at a hashed password takes some 50 ms (:mod:`amqplab.broker.passwords`), and nobody else is served
meanwhile. That makes guessing slow, but it would also let anybody who can send a few hundred octets, and
needs no password for that, keep the broker busy. So a wrong guess is followed by a pause in which all others
have their turn. Who guesses meanwhile stands in line and is not read from; the limit of the handshake goes on
(CONN-06), so the line cannot grow without end.

    wrong ── 200 ms ── wrong ── 200 ms ── right ─ right ─ wrong ── 200 ms ──

A password that was right before is known again without a look, and one that is kept as plain text costs
nothing: neither waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from amqplab.broker.timers import MILLISECOND, Deadlines

__all__ = ["PAUSE", "Guess", "Guesses"]

PAUSE = 200 * MILLISECOND
BREATH = MILLISECOND  # after a right guess: there are no more of those than users

Guess = Callable[[], bool | None]
"""Looks, and tells whether the password was right; None, without a look, if nobody waits for the answer."""


class Guesses:
    """The line in front of the hashed passwords."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._line: deque[Guess] = deque()
        self._pausing = False

    def add(self, guess: Guess, now: int) -> bool:
        """Make this guess in its turn. Whether that was at once."""
        self._line.append(guess)
        if self._pausing:
            return False
        self._next(now)
        return True

    def _next(self, now: int) -> None:
        """Make one guess, and come back after the pause that it costs."""
        self._pausing = False
        while self._line and not self._pausing:
            right = self._line.popleft()()
            if right is not None:
                self._pausing = True
                self._deadlines.at(now + (BREATH if right else PAUSE), self._next)
