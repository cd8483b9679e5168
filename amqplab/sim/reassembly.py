"""What arrives, put together again: octets in order, each once.

Theory
------
Segments may come late, twice, or before one that was sent earlier. The receiver knows the number of the octet it
expects. A segment that holds it is taken, without what is there already; one that comes too early waits until the
gap is filled. What is in order waits for the program to read it, and that is all that takes room in the window.

FIN has a number, too, behind the last octet: the stream has ended when that is reached, not when FIN arrives.
"""

from __future__ import annotations

from amqplab.sim.segment import Segment

__all__ = ["Reassembly"]


class Reassembly:
    """The receiving half of a connection. `expected` is RFC 9293's RCV.NXT; `unread` is what is in order and
    not yet read; `ended` tells that FIN is reached.
    """

    __slots__ = ("_early", "ended", "expected", "unread")

    def __init__(self) -> None:
        self.expected = 0
        self.unread = bytearray()
        self.ended = False
        self._early: dict[int, Segment] = {}

    @property
    def has_gap(self) -> bool:
        """Something waits that came too early."""
        return bool(self._early)

    def keep(self, segment: Segment) -> None:
        """One that came too early."""
        self._early.setdefault(segment.seq, segment)

    def take(self, segment: Segment) -> None:
        """One that holds what is expected, and those that waited for it."""
        self._append(segment)
        while self._early:
            ready = [seq for seq in self._early if seq <= self.expected]
            if not ready:
                break
            for seq in sorted(ready):
                self._append(self._early.pop(seq))

    def _append(self, segment: Segment) -> None:
        fresh = segment.payload[self.expected - segment.seq :]
        self.unread += fresh
        self.expected += len(fresh)
        at_end = segment.seq + len(segment.payload) == self.expected
        if "FIN" in segment.flags and at_end and not self.ended:
            self.expected += 1
            self.ended = True

    def read(self) -> bytes:
        """All that is in order; it is read now."""
        data = bytes(self.unread)
        self.unread.clear()
        return data

    def forget_early(self) -> None:
        """Nobody waits for the gap to be filled any more."""
        self._early.clear()
