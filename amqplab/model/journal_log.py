"""The journal at work: group commit and compaction, on any disk.

Theory
------
A journal is a few files in one place (:mod:`amqplab.model.journal_disk`). One of them, the last, is *live*: it is
added to. This module decides what is written when; what is read at the start is for
:mod:`amqplab.model.journal_recovery`.

**Group commit.** The disk does one thing at a time. What arrives meanwhile waits, and goes into the next
record together::

    append a ──> [ a ] write, sync ······> then(a)
    append b ──────── waits                        [ b c d ] write, sync ······> then(b) then(c) then(d)
    append c ──────────── waits
    append d ──────────────── waits

So a slow disk makes records larger, not the queue longer, and a record is begun only when the one before it
is safe. :mod:`amqplab.model.journal` says why that matters.

**Compaction while serving.** The journal grows with everything that happens; what it stands for does not.
When it has grown enough, a new live file is begun, and all that the older ones stand for is written anew into
one file between the two, at leisure. When that is safe, it has the name it needs, and the older files go::

    1 ▒▒▒▒▒▒▒▒            1 ▒▒▒▒▒▒▒▒
                          2 ▓▓ …being written       2 ▓▓▓   (anew, in place of all up to 1)
                          3 ▒                       3 ▒▒▒   (follows 1)

A crash in between leaves files that still tell the whole story: 1 and 3 without 2, or 1, 2 and 3, where 2
begins anew.

**A failure** (a full disk) is final. Nothing that waits is confirmed any more, the owner is told once, and
what was confirmed before is safe; the broker has to be started anew when the disk is well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from amqplab.errors import UsageError
from amqplab.model.journal import encode_record, pack
from amqplab.model.journal_disk import NAME, Disk, name_of, segment_of
from amqplab.model.journal_entries import Begun, Stopped
from amqplab.model.journal_recovery import Recovered, recover
from amqplab.model.journal_state import State, compact

__all__ = ["COMPACT_OCTETS", "Journal"]

GROUP_OCTETS = 8 << 20
"""One record takes no further group when it has this many octets."""
COMPACT_OCTETS = 32 << 20
"""The journal is written anew when it has this many octets more than twice what it stood for last time."""


class Journal:
    """An open journal. Make one with :meth:`open`.

    ``on_failure(error)`` is called once, with a UsageError of one sentence, when the disk fails; ``on_note``
    is told what went well but is worth knowing.
    """

    def __init__(self, disk: Disk, salt: Callable[[], int], compact_octets: int = COMPACT_OCTETS) -> None:
        self.disk = disk
        self.failure: UsageError | None = None
        self.on_failure: Callable[[UsageError], None] = lambda error: None
        self.on_note: Callable[[str], None] = lambda text: None
        self.records_written = 0
        self._salt = salt
        self._compact_octets = compact_octets
        self._waiting: list[tuple[Sequence[bytes], Callable[[], None]]] = []
        self._busy = False
        self._closed = False
        self._compacting = False
        self._rotate = False
        self._base = 0  # octets of what the journal stood for when it was last written anew
        self._total = 0  # octets of all files
        self._live = ""
        self._number = 0  # of the next record
        self._file_salt = 0
        self._run = 1
        self._messages = 0

    @classmethod
    def open(
        cls, disk: Disk, salt: Callable[[], int] = lambda: 0, compact_octets: int = COMPACT_OCTETS
    ) -> tuple[Journal, State, list[str]]:
        """The journal on this disk, what survived in it, and what there is to tell. A disk without a journal
        gets one. Raises UsageError with one sentence when what is there cannot be read.
        """
        found = recover(disk)
        journal = cls(disk, salt, compact_octets)
        state = found.state
        for name in found.obsolete:
            disk.remove(name)
        journal._run = state.run + 1
        journal._messages = state.messages
        if found.names:
            journal._go_on(found)
        else:
            journal._begin_first()
        state.apply(Begun(segment_of(journal._live), 0, False, 0, journal._run, state.messages))
        return journal, state, found.notes

    def _begin_first(self) -> None:
        """A journal where there was none."""
        self._live = name_of(1)
        pieces = self._first_pieces(Begun(1, 0, True, 0, self._run))
        self.disk.create_now(self._live, pieces)
        self._total = sum(map(len, pieces))

    def _go_on(self, found: Recovered) -> None:
        """Add to the last file, behind its last whole record."""
        self._live = found.names[-1]
        self._number = found.records
        self._file_salt = found.salt
        if found.size > found.good:
            self.disk.cut(self._live, found.good)
        begun = Begun(segment_of(self._live), 0, False, 0, self._run, self._messages)
        record = self._next_record([begun.encode()])
        self.disk.append_now(self._live, record)
        self._total = found.total + len(record)

    def _first_pieces(self, begun: Begun) -> list[bytes]:
        """A new live file: its header and its first record."""
        self._file_salt = self._salt()
        self._number = 1
        return list(pack([begun.encode()], self._file_salt))

    def _next_record(self, entries: Iterable[bytes]) -> bytes:
        record = encode_record(self._number, entries, self._file_salt)
        self._number += 1
        self.records_written += 1
        return record

    # --- group commit ----------------------------------------------------------------------------------

    def append(self, entries: Sequence[bytes], then: Callable[[], None]) -> None:
        """Make these entries safe, all of them or none; ``then()`` is called when they are. Calls come in
        the order of the appends. After a failure or :meth:`close` there is no call.
        """
        if self.failure is not None or self._closed:
            return
        self._waiting.append((entries, then))
        self._write()

    def _write(self) -> None:
        """The next record, if the disk is free and anything waits for one."""
        if self._busy:
            return
        if self._rotate:
            self._begin_live()
            return
        taken = self._take_group()
        if not taken:
            return
        self._busy = True
        try:
            record = self._next_record(entry for entries, _ in taken for entry in entries)
        except ValueError as error:  # one append of more than 4 GiB
            self._fail(error)
            return
        self._total += len(record)

        def done(error: Exception | None) -> None:
            if error is not None:
                self._fail(error)
                return
            for _, then in taken:
                then()
            self._busy = False
            self._consider_compaction()
            self._write()

        self.disk.append(self._live, record, done)

    def _take_group(self) -> list[tuple[Sequence[bytes], Callable[[], None]]]:
        """What goes into the next record, in order: all that waits, as long as it is not too much."""
        size = 0
        for count, (entries, _) in enumerate(self._waiting):
            if size >= GROUP_OCTETS:
                taken, self._waiting = self._waiting[:count], self._waiting[count:]
                return taken
            size += sum(map(len, entries))
        taken, self._waiting = self._waiting, []
        return taken

    def _fail(self, error: Exception) -> None:
        """The disk failed: nothing that waits will ever be safe."""
        if self.failure is None:
            self._waiting.clear()
            confirmed = "went with it" if isinstance(error, FileNotFoundError) else "is safe"
            self.failure = UsageError(
                f"{self.disk.describe(self._live)} cannot be written: {_reason(error)}. "
                f"What was confirmed {confirmed}; what was not yet confirmed may be lost."
            )
            self.on_failure(self.failure)

    def close(self, then: Callable[[], None]) -> None:
        """Write that the broker stopped in good order, then call ``then()``; after a failure at once."""
        if self.failure is not None or self._closed:
            then()
            return
        self._rotate = False
        self.append([Stopped().encode()], then)
        self._closed = True

    # --- compaction ------------------------------------------------------------------------------------

    def compact(self) -> None:
        """Write anew what the journal stands for, while serving; nothing if that is under way already."""
        if not self._compacting and not self._closed and self.failure is None:
            self._compacting = self._rotate = True
            self._write()

    def _consider_compaction(self) -> None:
        if self._total > self._compact_octets + 2 * self._base:
            self.compact()

    def _begin_live(self) -> None:
        """All that is written is safe: seal the live file, and begin the one after the next."""
        self._rotate = False
        self._busy = True
        sealed = self._live
        segment = segment_of(sealed)
        begun = Begun(segment + 2, segment, False, 0, self._run, self._messages)
        self._live = name_of(segment + 2)
        pieces = self._first_pieces(begun)
        self._total += sum(map(len, pieces))

        def done(error: Exception | None) -> None:
            if error is not None:
                self._fail(error)
                return
            self._busy = False
            self._write_anew(sealed)
            self._write()

        self.disk.create(self._live, pieces, done)

    def _write_anew(self, sealed: str) -> None:
        """Everything up to the sealed file, in one file."""
        segment = segment_of(sealed)
        octets = 0

        def pieces() -> Iterator[bytes]:
            nonlocal octets
            state = recover(self.disk, sealed, self._abandon_if_closed).state
            entries = (entry.encode() for entry in compact(state, segment + 1, segment))
            for piece in pack(entries, salt):
                self._abandon_if_closed()
                octets += len(piece)
                yield piece

        def done(error: Exception | None) -> None:
            self._compacting = False
            if error is None:
                self._retire_or_note(segment, octets)
            elif not isinstance(error, _Abandoned):
                self._base = self._total  # not again soon
                self.on_note(f"{self.disk.describe(self._live)} could not be compacted: {_reason(error)}.")

        salt = self._salt()
        self.disk.create(name_of(segment + 1), pieces(), done)

    def _abandon_if_closed(self) -> None:
        if self._closed:
            raise _Abandoned

    def _retire_or_note(self, segment: int, octets: int) -> None:
        """Files that cannot be removed are in nobody's way, and go with the next start."""
        try:
            self._retire(segment, octets)
        except OSError as error:
            self._base = self._total  # not again soon
            self.on_note(f"{self.disk.describe(self._live)} was compacted, but: {_reason(error)}.")

    def _retire(self, segment: int, octets: int) -> None:
        """The new file is safe: the older ones go."""
        freed = 0
        for name in self.disk.names():
            if NAME.fullmatch(name) and segment_of(name) <= segment:
                freed += self.disk.size(name)
                self.disk.remove(name)
        self._base = octets
        self._total += octets - freed
        self.on_note(f"journal compacted: {freed} octets became {octets}")


class _Abandoned(Exception):
    """The journal was closed while it was being written anew."""


def _reason(error: Exception) -> str:
    """What went wrong, in a few words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
