"""Recovery: what the files of a journal stand for.

Theory
------
Not every file counts. One that begins anew tells all that was before it, so the story is that file and those that
follow it; each says in its first entry which one it follows, so one that is missing shows.

A broker that lost its power may have been writing. What it wrote last may be torn, and nobody was told that it is
safe: it is cut off, with a note. Damage anywhere else is of something that was promised, and then nothing is read
at all: the owner is told the file and the octet. Going on all the same is :mod:`amqplab.model.journal_salvage`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from amqplab.errors import UsageError
from amqplab.model.journal import ForeignJournal, Problem, Record, salt_of, walk
from amqplab.model.journal_disk import NAME, Disk, name_of, segment_of
from amqplab.model.journal_entries import Begun
from amqplab.model.journal_state import State

__all__ = ["Recovered", "recover"]


class Recovered(NamedTuple):
    """What was found on a disk: the state, the files that count in order, and what there is to tell.

    Of the last file: how many whole `records` it has, in how many octets (`good` of `size`), and its `salt`.
    `total` is the octets of all files that count; `obsolete` are the others.
    """

    state: State
    names: list[str]
    records: int
    good: int
    size: int
    salt: int
    total: int
    obsolete: list[str]
    notes: list[str]


def recover(disk: Disk, upto: str | None = None, between: Callable[[], None] = lambda: None) -> Recovered:
    """Everything that the files on the disk stand for (up to the one named). Changes nothing. Raises
    UsageError with one sentence when something that was safe cannot be read. ``between()`` is called between
    two records; it may raise to end this.
    """
    found = sorted(name for name in disk.names() if NAME.fullmatch(name))
    names = _chain(disk, [name for name in found if upto is None or name <= upto])
    state, notes = State(), list[str]()
    records = good = total = 0
    data = b""
    for name in names:
        data = disk.read(name)
        for item in _walk_file(disk, name, data):
            if isinstance(item, Problem):
                notes.append(_tolerate(disk, name, item, len(data), last=name == names[-1]))
                break
            between()
            for entry in item.entries:
                state.apply(entry)
            records, good = item.number + 1, item.end
        total += good
    obsolete = [name for name in found if names and name < names[0]]
    return Recovered(state, names, records, good, len(data), salt_of(data), total, obsolete, notes)


def _chain(disk: Disk, names: list[str]) -> list[str]:
    """The files that count: the last one that begins anew, and all that follow it. Raises UsageError if one
    is missing between them.
    """
    chain: list[str] = []
    followed: int | None = None
    for name in reversed(names):
        begun = _first(disk, name)
        if followed not in (None, begun.segment, begun.replaces if begun.anew else None):
            break
        chain.insert(0, name)
        if begun.anew:
            return chain
        followed = begun.follows
    if chain:
        missing = name_of(followed or 0)
        raise UsageError(
            f"{disk.describe(chain[0])} follows {missing}, which is missing; "
            "restore that file, or move this one away to begin without it."
        )
    return chain


def _first(disk: Disk, name: str) -> Begun:
    """The entry that begins a file. Raises UsageError if that cannot be read."""
    record = next(_walk_file(disk, name, disk.read(name)), None)
    if isinstance(record, Problem):
        raise _damaged(disk, name, record)
    begun = record.entries[0] if record is not None and record.entries else None
    if not isinstance(begun, Begun) or begun.segment != segment_of(name):
        raise UsageError(f"{disk.describe(name)} does not begin as a file of that name does.")
    return begun


def _walk_file(disk: Disk, name: str, data: bytes) -> Iterator[Record | Problem]:
    """The records of a file. Raises UsageError that names it when it is somebody else's."""
    try:
        yield from walk(data)
    except ForeignJournal as error:
        raise UsageError(f"{disk.describe(name)} cannot be read: {error}.") from None


def _tolerate(disk: Disk, name: str, problem: Problem, size: int, last: bool) -> str:
    """The note about a torn end, where one may be. Raises UsageError for everything else."""
    if problem.kind != "torn" or not last:
        raise _damaged(disk, name, problem)
    return (
        f"{disk.describe(name)}: {size - problem.offset} octets cut off at octet {problem.offset}, "
        f"nothing that was confirmed: {problem.text}"
    )


def _damaged(disk: Disk, name: str, problem: Problem) -> UsageError:
    return UsageError(
        f"{disk.describe(name)} is damaged at octet {problem.offset}: {problem.text}. "
        "Nothing was changed; restore the file, or move it away to begin without it."
    )
