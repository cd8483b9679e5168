"""When a sender waits although its window has some room.

Theory
------
Windows open by what was acknowledged, and that is seldom a whole segment. A sender that used every bit of room at
once would soon send nothing but crumbs, each with forty octets of headers: the *silly window syndrome*. So while
more is waiting, only whole segments are sent (RFC 1122 section 4.2.3.4). A crumb goes out if nothing is on the way
whose acknowledgement would make room, or if it is half of the widest window that the other end ever offered: that
end may be small.
"""

from __future__ import annotations

__all__ = ["SillyWindow"]


class SillyWindow:
    """Remembers the widest window that was offered."""

    __slots__ = ("_widest",)

    def __init__(self, mss: int) -> None:
        self._widest = mss

    def offered(self, window: int) -> None:
        """The other end has room for so many octets."""
        self._widest = max(self._widest, window)

    def waits(self, size: int, whole: int, under_way: int) -> bool:
        """Whether `size` octets, of the `whole` that a segment would take, are better not sent yet."""
        return size < whole and under_way > 0 and 2 * size < self._widest
