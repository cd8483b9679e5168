"""One direction of a link: how long a segment takes, and whether it arrives.

Theory
------
A segment first waits for the ones before it to be sent (bandwidth), then travels (latency, jitter), and may get
lost. None overtakes another: what jitter would bring too soon arrives together with the one before it.

Chance comes from one generator for each direction, seeded by the network's seed and the two names, so what happens
on one link does not depend on what happens on another. The generator is asked in the same order whatever becomes
of a segment, so a fault that is added changes nothing but what it does.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

from amqplab.sim.segment import LinkProfile, Segment

__all__ = ["CUT", "HALF_OPEN", "INJECTED", "Direction"]

SECOND = 1_000_000_000
CUT, HALF_OPEN, INJECTED = "the link is cut", "the link is half open", "on purpose"
HEADERS = 40  # octets of TCP and IP in front of every payload


class Direction:
    """One direction of one link: its profile, its chance, and what was ordered to happen on it."""

    def __init__(self, profile: LinkProfile, seed: str) -> None:
        self.profile = profile
        self.random = random.Random(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))
        self.free_at = 0
        self.last_arrival = 0
        self.cut = False
        self.cut_how = CUT
        self.cut_by: int | None = None
        self.lose_next = 0
        self.losing_by: int | None = None
        self.losable: Callable[[Segment], bool] | None = None

    def times(self, segment: Segment, now: int) -> tuple[int, int]:
        """When it departs, and when it arrives unless it is lost."""
        departs = max(now, self.free_at)
        arrives = self.free_at = departs + self._serialisation(segment)
        arrives += self.profile.latency_ns
        if self.profile.jitter_ns:
            arrives += self.random.randrange(self.profile.jitter_ns + 1)
        return departs, max(arrives, self.last_arrival)

    def _serialisation(self, segment: Segment) -> int:
        """Time to put all its octets on the line."""
        if self.profile.bandwidth_bps is None:
            return 0
        return (len(segment.payload) + HEADERS) * 8 * SECOND // self.profile.bandwidth_bps

    def fate(self, segment: Segment, doomed: dict[int, int | None]) -> tuple[str, int | None]:
        """Why the segment will be lost, empty when it will arrive; and the record of who ordered it, if somebody
        did. Who is `doomed` and lost is doomed no more.
        """
        chance = self.random.random() if self.profile.loss else 1.0
        if self.cut:
            return self.cut_how, self.cut_by
        if segment.number in doomed:
            return INJECTED, doomed.pop(segment.number)
        if self.lose_next and (self.losable is None or self.losable(segment)):
            self.lose_next -= 1
            return INJECTED, self.losing_by
        return ("loss" if chance < self.profile.loss else ""), None
