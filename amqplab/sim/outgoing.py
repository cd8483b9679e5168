"""What was written, until the other side has it.

Theory
------
A sender keeps every octet until it is acknowledged, because it may have to send it again. Octets go by their
numbers: what is asked for is the octets from a number on, whether they are sent for the first time or the third.
"""

from __future__ import annotations

__all__ = ["Outgoing"]


class Outgoing:
    """Octets, of which the first has the number `begin`."""

    __slots__ = ("_octets", "begin")

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self._octets = bytearray()

    @property
    def end(self) -> int:
        """The number of the octet that will be written next."""
        return self.begin + len(self._octets)

    def write(self, data: bytes) -> None:
        """More to send."""
        self._octets += data

    def octets(self, begin: int, most: int) -> bytes:
        """So many from this number on, or as many as there are."""
        offset = begin - self.begin
        return bytes(self._octets[offset : offset + most])

    def acknowledged(self, upto: int) -> bool:
        """What stands before this number has arrived. True if that leaves more room."""
        gone = min(upto - self.begin, len(self._octets))
        if gone <= 0:
            return False
        del self._octets[:gone]
        self.begin += gone
        return True

    def clear(self) -> None:
        """Nobody will have them."""
        self._octets.clear()

    def __len__(self) -> int:
        return len(self._octets)
