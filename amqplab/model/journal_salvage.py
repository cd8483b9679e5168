"""Going on with what is readable of a damaged journal.

Theory
------
A broker refuses a damaged journal, because what is missing was promised to somebody. When there is no better
copy, its owner may say: go on with what is left. Then everything whole is read, before the damage and behind
it, in order; the fold (:mod:`amqplab.model.journal_state`) passes over what no longer makes sense; and the
result is written as a new file that begins anew. The damaged files stay, under another name.

What is lost may be a message, or the news that one was done with. So every message counts as perhaps handed
out before: ``redelivered`` is true for all in classic queues.
"""

from __future__ import annotations

from collections.abc import Callable

from amqplab.model.journal import ForeignJournal, Problem, pack, walk
from amqplab.model.journal_disk import NAME, Disk, name_of, segment_of
from amqplab.model.journal_state import State, compact

__all__ = ["DAMAGED", "salvage"]

DAMAGED = ".damaged"


def salvage(disk: Disk, salt: Callable[[], int] = lambda: 0) -> list[str]:
    """Make a journal that can be opened out of what can be read, and tell what could not be, a line each.

    A disk without a journal is left as it is. The disk must not be in use.
    """
    names = sorted(name for name in disk.names() if NAME.fullmatch(name))
    if not names:
        return []
    state, notes = State(), list[str]()
    for name in names:
        notes += _read(disk, name, state)
    state.stopped = False
    last = segment_of(names[-1])
    entries = (entry.encode() for entry in compact(state, last + 1, last))
    disk.create_now(name_of(last + 1), pack(entries, salt()))
    for name in names:
        disk.rename(name, name + DAMAGED)
    notes.append(f"{state.copies} copies go on in {disk.describe(name_of(last + 1))}")
    return notes


def _read(disk: Disk, name: str, state: State) -> list[str]:
    """Apply every whole record of a file; the notes say where there was none."""
    notes = []
    try:
        for item in walk(disk.read(name), salvage=True):
            if isinstance(item, Problem):
                notes.append(f"{disk.describe(name)}, octet {item.offset}: {item.text}")
            else:
                for entry in item.entries:
                    state.apply(entry)
    except ForeignJournal as error:
        notes.append(f"{disk.describe(name)}: {error}")
    return notes
