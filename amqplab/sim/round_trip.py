"""How long a sender waits for an acknowledgement before it sends again.

Theory
------
The timeout is measured, in integers, from the time between an octet and its acknowledgement: the mean, and four
times the mean deviation (RFC 6298 section 2). Each time it runs out it doubles, until something can be measured
again, or the sender has had enough: one whose SYN is not answered sooner than one that has a connection. What was
sent twice measures nothing, for nobody knows which of the two was acknowledged (Karn).
"""

from __future__ import annotations

__all__ = ["RoundTrip", "repeats_in"]

INITIAL_RTO = 1_000_000_000
SMALLEST_RTO = 200_000_000  # as Linux; RFC 6298 says a second
LARGEST_RTO = 120_000_000_000  # as Linux
SYN_RETRIES = 6  # as Linux: a connect gives up after 127 s
DATA_RETRIES = 15


def repeats_in(state: str) -> int:
    """How often something is sent again in a state of RFC 9293, before the connection is given up."""
    return SYN_RETRIES if state in ("SYN-SENT", "SYN-RECEIVED") else DATA_RETRIES


class RoundTrip:
    """What a sender knows of it. `timeout` is RFC 6298's RTO in ns."""

    __slots__ = ("_deviation", "_mean", "_timed", "timeout")

    def __init__(self) -> None:
        self.timeout = INITIAL_RTO
        self._mean = self._deviation = 0
        self._timed: tuple[int, int] | None = None  # up to which number it was sent, and when

    def sent(self, upto: int, now: int) -> None:
        """Something was sent for the first time; one thing at a time is measured."""
        if self._timed is None:
            self._timed = upto, now

    def acknowledged(self, upto: int, now: int) -> None:
        """All up to this number has arrived."""
        if self._timed is not None and upto >= self._timed[0]:
            self._measured(now - self._timed[1])
            self._timed = None

    def repeated(self) -> None:
        """Something was sent again."""
        self._timed = None

    def _measured(self, took: int) -> None:
        if not self._mean:
            self._mean, self._deviation = took, took // 2
        else:
            self._deviation = (3 * self._deviation + abs(self._mean - took)) // 4
            self._mean = (7 * self._mean + took) // 8
        self.timeout = min(max(self._mean + 4 * self._deviation, SMALLEST_RTO), LARGEST_RTO)

    def doubled(self) -> None:
        """The timeout ran out."""
        self.timeout = min(self.timeout * 2, LARGEST_RTO)
        self.repeated()
