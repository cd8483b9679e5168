"""How much a sender dares to have under way.

Theory
------
Nobody tells a sender how much the network carries. It finds out: it dares more with every acknowledgement, and
less with every loss (RFC 5681). Up to a threshold the window doubles in each round trip (*slow start*), beyond it
grows by a segment. A loss sets the threshold to half of what was under way.

A loss shows in two ways. Nothing comes within the retransmission timeout: then all of it may be gone, and the
window begins again with one segment. Or the same acknowledgement comes three times more: what was sent after the
gap arrives, so only the gap needs to be filled, and each further one tells of a segment that is no longer under
way (*fast recovery*). It lasts until all that was under way when it began is acknowledged.
"""

from __future__ import annotations

__all__ = ["CongestionWindow"]

FIRST_SEGMENTS = 10  # RFC 6928
MANY = 3  # equal acknowledgements that tell of a loss


class CongestionWindow:
    """So many octets may be under way: :attr:`size`."""

    __slots__ = ("_duplicates", "_recover", "_threshold", "size")

    def __init__(self, mss: int, isn: int) -> None:
        self.size = FIRST_SEGMENTS * mss
        self._threshold = 1 << 30
        self._duplicates = 0
        self._recover = isn

    def acknowledged(self, octets: int, upto: int, mss: int) -> bool:
        """So many more octets arrived, up to this number. True if what follows them is lost, too."""
        if self._duplicates >= MANY:
            if upto < self._recover:
                return True
            self.size = self._threshold
        self._duplicates = 0
        if self.size < self._threshold:
            self.size += min(octets, mss)
        else:
            self.size += max(mss * mss // self.size, 1)
        return False

    def duplicate(self, under_way: int, sent: int, mss: int) -> bool:
        """The same acknowledgement again: something was lost, or overtaken. True the moment it counts as lost."""
        self._duplicates += 1
        if self._duplicates == MANY:
            self._threshold = max(under_way // 2, 2 * mss)
            self.size = self._threshold + MANY * mss
            self._recover = sent
            return True
        if self._duplicates > MANY:
            self.size += mss
        return False

    def timed_out(self, under_way: int, sent: int, mss: int) -> None:
        """Nothing was heard for too long."""
        self._threshold = max(under_way // 2, 2 * mss)
        self.size = mss
        self._recover = sent
        self._duplicates = 0
