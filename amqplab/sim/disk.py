"""A disk that forgets: files in virtual time, and what is left of them after a crash.

Theory
------
A program writes, and the operating system says "done" long before anything is on the disk. Until a *sync*
returns, what was written may be gone after a power cut, all of it or some: a disk writes sectors, in any
order. Here is such a disk, with its time and its forgetting under control::

    append ──> write: octets × time per octet ──> sync: a fixed time ──> done: safe
                                                    ▲
                                       a crash up to here loses any sectors of it

* Each call takes its time on the clock; calls to one file wait for one another, as in a real queue of a disk.
* :meth:`Disk.crash` takes what is not safe apart: every sector of an unsynced write is there or not, as
  chance decides; a missing one is a hole of zeros, and the file may end behind the last that is there.
* A new file is written under another name and renamed when it is safe; a crash before that leaves no trace
  under the final name. A removal may be forgotten: the file is back after the crash.

Chance comes from a seed, so a crash forgets the same sectors in every run. The disk knows nothing of what is
written on it. Writing, syncing and forgetting are events, and what a sync sets free happens because of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, Protocol

from amqplab.trace import events
from amqplab.trace.recorder import because

if TYPE_CHECKING:
    from amqplab.trace.report import Report

__all__ = ["Disk", "DiskFull", "DiskProfile", "Later"]

P = ParamSpec("P")
SECTOR = 512  # octets
Done = Callable[[Exception | None], None]


class Later(Protocol):
    """The part of a clock that a disk needs: the time in ns, and calls planned for later."""

    now: int

    def after(self, delay: int, callback: Callable[..., object], *arguments: object) -> int:
        """Plan a call for `delay` ns from now."""

    def cancel(self, ticket: int) -> None:
        """Take a planned call back."""


class DiskFull(OSError):
    """No room: nothing of this write is safe."""

    def __init__(self) -> None:
        super().__init__("no space left on device")


@dataclass(frozen=True, slots=True)
class DiskProfile:
    """How long things take: a sync in ns, writing in ns per octet. `capacity` is in octets, None for more
    than enough.
    """

    sync_ns: int = 500_000
    octet_ns: int = 2
    capacity: int | None = None


@dataclass(slots=True)
class _Write:
    """One thing the disk is at. `safe` turns what is pending into what is there."""

    name: str
    data: bytes
    done: Done
    whole: bool  # a new file, renamed into place when it is safe
    seq: int | None  # of the record that tells of it
    ticket: int = 0


class Disk:
    """Files by name. `clock` plans calls; chance comes from `seed`; `report` hears what happens, if given.

    The methods ending in ``_now`` and :meth:`cut` take no time: they are for whoever starts up.
    """

    def __init__(
        self,
        clock: Later,
        seed: int = 0,
        profile: DiskProfile | None = None,
        report: Report | None = None,
    ) -> None:
        self._report = report
        self.profile = profile or DiskProfile()
        self.syncs = 0
        self._clock = clock
        self._chance = random.Random(seed)
        self._files: dict[str, bytes] = {}  # what is safe
        self._removed: dict[str, bytes] = {}  # what may be back after a crash
        self._under_way: list[_Write] = []
        self._busy_until: dict[str, int] = {}

    # --- what a program sees ---------------------------------------------------------------------------

    def describe(self, name: str) -> str:
        """How to speak of this file."""
        return f"{name} on the simulated disk"

    def names(self) -> list[str]:
        """The files that are there."""
        return list(self._files)

    def read(self, name: str) -> bytes:
        """All that is safe of a file."""
        return self._files[name]

    def size(self, name: str) -> int:
        """How many octets a file has that are safe."""
        return len(self._files[name])

    def cut(self, name: str, length: int) -> None:
        """Cut a file off after so many octets."""
        self._files[name] = self._files[name][:length]

    def remove(self, name: str) -> None:
        """Remove a file; a crash may bring it back."""
        self._removed[name] = self._files.pop(name)

    def rename(self, name: str, new: str) -> None:
        """Give a file another name."""
        self._files[new] = self._files.pop(name)

    def append_now(self, name: str, data: bytes) -> None:
        """Add to a file in no time."""
        self._files[name] = self._files.get(name, b"") + data

    def create_now(self, name: str, pieces: Iterable[bytes]) -> None:
        """Make a file in no time."""
        self._files[name] = b"".join(pieces)

    def append(self, name: str, data: bytes, done: Done) -> None:
        """Add to a file; ``done(None)`` comes when it is safe."""
        self._start(_Write(name, data, done, False, self._tell(events.DiskWriting, name, len(data))))

    def create(self, name: str, pieces: Iterable[bytes], done: Done) -> None:
        """Make a file that is there as a whole or not at all; ``done(None)`` comes when it is safe."""
        try:
            data = b"".join(pieces)
        except Exception as error:  # whatever the pieces were made from
            self._clock.after(0, done, error)
            return
        self._start(_Write(name, data, done, True, self._tell(events.DiskWriting, name, len(data))))

    @property
    def used(self) -> int:
        """Octets of all files that are there."""
        return sum(map(len, self._files.values()))

    # --- time ------------------------------------------------------------------------------------------

    def _start(self, write: _Write) -> None:
        self._under_way.append(write)
        begins = max(self._clock.now, self._busy_until.get(write.name, 0))
        ends = begins + len(write.data) * self.profile.octet_ns + self.profile.sync_ns
        self._busy_until[write.name] = ends
        write.ticket = self._clock.after(ends - self._clock.now, self._finish, write)

    def _finish(self, write: _Write) -> None:
        """The sync returns."""
        self._under_way.remove(write)
        self.syncs += 1
        size = len(write.data)
        capacity = self.profile.capacity
        error: Exception | None = None
        with because(write.seq):
            if capacity is not None and self.used + size > capacity:
                error = DiskFull()
                seq = self._tell(events.DiskFailed, write.name, size, str(error))
            else:
                before = b"" if write.whole else self._files.get(write.name, b"")
                self._files[write.name] = before + write.data
                seq = self._tell(events.DiskSynced, write.name, size)
        with because(seq):
            write.done(error)

    def _tell(self, kind: Callable[P, events.Event], /, *fields: P.args, **named: P.kwargs) -> int | None:
        return None if self._report is None else self._report(kind, *fields, **named)

    # --- forgetting ------------------------------------------------------------------------------------

    def crash(self, *, power: bool = True) -> None:
        """The machine loses its power (or, without `power`, only the program dies and what it wrote stays).
        Nothing that was under way is reported any more.
        """
        under_way, self._under_way = self._under_way, []
        for write in under_way:
            self._clock.cancel(write.ticket)
            left = b""
            if not write.whole:
                left = self._tear(write.name, write.data) if power else write.data
                self._files[write.name] = self._files.get(write.name, b"") + left
            self._tell(events.DiskForgot, write.name, len(write.data), len(left))
        if power:
            for name, data in self._removed.items():
                if self._chance.random() < 0.5:
                    self._files.setdefault(name, data)
        self._removed.clear()
        self._busy_until.clear()

    def _tear(self, name: str, data: bytes) -> bytes:
        """What is left of an unsynced write: some sectors, with holes, up to the last one there is."""
        start = len(self._files.get(name, b""))
        kept = [(piece, self._chance.random() < 0.5) for piece in _sectors(data, start)]
        if kept and self._chance.random() < 0.3:  # a sector, too, may be written in part
            piece, there = kept[-1]
            kept[-1] = piece[: self._chance.randrange(len(piece))], there
        if self._chance.random() < 0.7:  # else the file has grown, but what it grew by is not there
            while kept and not kept[-1][1]:
                kept.pop()
        return b"".join(piece if there else bytes(len(piece)) for piece, there in kept)

    def __repr__(self) -> str:
        under_way = len(self._under_way)
        return f"<Disk with {len(self._files)} files, {self.used} octets, {under_way} writes under way>"


def _sectors(data: bytes, start: int) -> Iterator[bytes]:
    """The pieces of `data` that lie in different sectors when it begins at octet `start` of a file."""
    at = 0
    while at < len(data):
        end = min(len(data), at + SECTOR - (start + at) % SECTOR)
        yield data[at:end]
        at = end
