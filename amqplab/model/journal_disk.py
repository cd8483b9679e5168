"""What a journal needs of a disk, and what its files are called.

Theory
------
The journal touches no disk itself: it is given a :class:`Disk`, which may be a directory
(``net/journal_files.py``) or a simulation that forgets (``sim/disk.py``). What is promised about safety is all
here: what is "safe" is there after the power fails, and a file that was made as a whole is there as a whole or not
at all.

Files are named by numbers, so that their order is that of their names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Protocol

__all__ = ["NAME", "Disk", "Done", "name_of", "segment_of"]

Done = Callable[[Exception | None], None]
"""What a disk calls when it has finished: with None when all is safe, else with what went wrong."""

NAME = re.compile(r"journal-(\d{8})\.amqj")


class Disk(Protocol):
    """Files that can be added to. The methods with `done` return at once and report later."""

    def describe(self, name: str) -> str:
        """How to speak of this file."""

    def names(self) -> list[str]:
        """The files that are there."""

    def read(self, name: str) -> bytes:
        """All of a file."""

    def size(self, name: str) -> int:
        """How many octets a file has."""

    def cut(self, name: str, length: int) -> None:
        """Cut a file off after so many octets; safe on return."""

    def remove(self, name: str) -> None:
        """Remove a file. Whether it is really gone after a crash does not matter."""

    def rename(self, name: str, new: str) -> None:
        """Give a file another name."""

    def append_now(self, name: str, data: bytes) -> None:
        """Add to a file; safe on return."""

    def create_now(self, name: str, pieces: Iterable[bytes]) -> None:
        """Make a file of these pieces, which is there as a whole or not at all; safe on return."""

    def append(self, name: str, data: bytes, done: Done) -> None:
        """Like :meth:`append_now`; `done` is called when it is safe."""

    def create(self, name: str, pieces: Iterable[bytes], done: Done) -> None:
        """Like :meth:`create_now`, beside everything else; `done` is called when it is safe."""


def name_of(segment: int) -> str:
    """The name of a file of the journal."""
    return f"journal-{segment:08d}.amqj"


def segment_of(name: str) -> int:
    """The number in a name."""
    found = NAME.fullmatch(name)
    assert found is not None
    return int(found[1])
