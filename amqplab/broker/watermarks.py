"""Watermarks: how much memory is too much, and how little disk too little.

Theory
------
A queue that nobody reads grows until something ends. RabbitMQ looks at what its process uses and at what its
disk has left, every few seconds, and raises an alarm when a mark is passed (LIMIT-01); what an alarm does is
in alarms.py. The marks make it a resource of the operator's choosing: 0.4 of the machine's memory, because a
collection of garbage may double what is used, and 50 MB of disk.

The core measures nothing, as it reads no clock: whoever drives it tells what was found. Here is only the
judgement. It speaks when it changes, so that an alarm that somebody set by hand stays as it is.
"""

from __future__ import annotations

__all__ = ["Watermarks"]


class Watermarks:
    """The marks, and the verdict on what was measured last; all in octets. None is no mark, or not known."""

    __slots__ = ("_free", "_low", "_used", "free_disk", "memory")

    def __init__(self) -> None:
        self.memory: int | None = None  # more must not be used
        self.free_disk: int | None = None  # less must not be free
        self._used: int | None = None
        self._free: int | None = None
        self._low: set[str] = set()

    def measured(self, memory: int | None, free_disk: int | None) -> None:
        """So much is used, so much is free."""
        self._used, self._free = memory, free_disk

    def exceeded_by(self, memory: int | None) -> bool:
        """Whether that would be too much to use."""
        return self.memory is not None and memory is not None and memory > self.memory

    def undercut_by(self, free_disk: int | None) -> bool:
        """Whether that would be too little to have free."""
        return self.free_disk is not None and free_disk is not None and free_disk < self.free_disk

    def changes(self) -> list[tuple[str, bool]]:
        """What runs low and did not before, and the other way round: resource, whether it does now."""
        now = {
            "disk": self.undercut_by(self._free),
            "memory": self.exceeded_by(self._used),
        }
        changed = [(resource, low) for resource, low in now.items() if low is not (resource in self._low)]
        self._low = {resource for resource, low in now.items() if low}
        return changed
