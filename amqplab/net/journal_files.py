"""The journal in a real directory.

Theory
------
What has to be right here is small, and easily wrong:

* Written is not safe. ``write`` hands octets to the operating system; only after ``fdatasync`` they are on
  the disk. A new file is safe when the *directory* is synced too, for the name is an entry in it. So a new
  file is written under another name, synced, renamed, and then the directory is synced: after a crash it is
  there as a whole or not at all.
* A sync takes its time, and the event loop must not wait: it is done in a thread. One thread adds to the live
  file, so records are written in order; another one writes new files, at leisure.
* A sync that failed is not repeated: the system may have thrown away what it could not write, and would say
  yes the second time. The journal ends there (:mod:`amqplab.model.journal_log`).
* A file can be removed while it is written to, and nothing complains. Before anything counts as safe, it is
  asked whether the file still has a name.
* Two brokers in one directory would ruin it. A lock (``flock``) keeps the second one out; it goes with the
  process that holds it, however that ends.

    DIR/lock                       held while a broker runs; says the number of the process
    DIR/journal-00000001.amqj      the files of the journal
    DIR/….new                      a new file that is not safe yet; after a crash it means nothing
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from amqplab._collector import without_collections
from amqplab.errors import UsageError
from amqplab.model.journal_disk import Done
from amqplab.model.journal_log import COMPACT_OCTETS, Journal
from amqplab.model.journal_salvage import salvage
from amqplab.model.journal_state import State

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Directory", "JournalDirectory", "Opened"]

NEW = ".new"
LOCK = "lock"


def _sync(descriptor: int) -> None:
    """Return when what was written is safe."""
    if hasattr(fcntl, "F_FULLFSYNC"):  # macOS: fsync alone stops at the disk's own memory
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def _sync_directory(path: Path) -> None:
    """Return when the names in it are safe."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    """write(2) may take less than it is given."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


class Directory:
    """A directory as a :class:`~amqplab.model.journal_disk.Disk`. Raises UsageError if it cannot be used."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._appending = ThreadPoolExecutor(1, "journal")
        self._creating = ThreadPoolExecutor(1, "journal-new")
        self._live: tuple[str, int] | None = None  # name, descriptor
        with self._sentences():
            if not self.path.is_dir():
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
                _sync_directory(self.path.parent)
            self._lock = self._take_lock()
            for leftover in self.path.glob(f"*{NEW}"):
                leftover.unlink()

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """Errors of the operating system become one sentence."""
        try:
            yield
        except OSError as error:
            where = error.filename or self.path
            raise UsageError(f"{where} cannot be used for a journal: {error.strerror or error}.") from error

    def _take_lock(self) -> int:
        if fcntl is None:
            raise UsageError("A journal needs a system with flock: Linux, macOS or another Unix.")
        descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise UsageError(f"{self.path} is in use by another broker (process {holder}).") from None
        os.ftruncate(descriptor, 0)
        _write_all(descriptor, b"%d\n" % os.getpid())
        return descriptor

    # --- what a journal asks of a disk -----------------------------------------------------------------

    def describe(self, name: str) -> str:
        """The path."""
        return str(self.path / name)

    def names(self) -> list[str]:
        """The files that are there."""
        return [entry.name for entry in self.path.iterdir()]

    def read(self, name: str) -> bytes:
        """All of a file. UsageError for what is none, such as a pipe, which might never end."""
        path = self.path / name
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} cannot be used for a journal: it is no file.")
        return path.read_bytes()

    def size(self, name: str) -> int:
        """How many octets a file has."""
        return (self.path / name).stat().st_size

    def cut(self, name: str, length: int) -> None:
        """Cut a file off; safe on return."""
        descriptor = self._open_live(name)
        os.ftruncate(descriptor, length)
        os.fsync(descriptor)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self.path / name).unlink()

    def rename(self, name: str, new: str) -> None:
        """Give a file another name."""
        (self.path / name).rename(self.path / new)

    def append_now(self, name: str, data: bytes) -> None:
        """Add to a file; safe on return. Raises OSError."""
        descriptor = self._open_live(name)
        _write_all(descriptor, data)
        _sync(descriptor)
        if not os.fstat(descriptor).st_nlink:  # nobody will ever find again what was written
            raise FileNotFoundError(errno.ENOENT, "somebody has removed it")

    def create_now(self, name: str, pieces: Iterable[bytes]) -> None:
        """A new file, as a whole or not at all; safe on return. Raises OSError."""
        new = self.path / (name + NEW)
        try:
            with open(new, "wb", opener=_private) as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            new.rename(self.path / name)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        _sync_directory(self.path)

    def append(self, name: str, data: bytes, done: Done) -> None:
        """The same in the background; ``done`` is called on the running loop."""
        self._submit(self._appending, done, self.append_now, name, data)

    def create(self, name: str, pieces: Iterable[bytes], done: Done) -> None:
        """The same in the background, `pieces` too; ``done`` is called on the running loop."""
        self._submit(self._creating, done, self.create_now, name, pieces)

    # --- how it is done --------------------------------------------------------------------------------

    def _open_live(self, name: str) -> int:
        """The descriptor of the file that is added to."""
        if self._live is None or self._live[0] != name:
            self._close_live()
            flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
            self._live = name, os.open(self.path / name, flags)
        return self._live[1]

    def _close_live(self) -> None:
        if self._live is not None:
            os.close(self._live[1])
            self._live = None

    def _submit(
        self, thread: ThreadPoolExecutor, done: Done, work: Callable[..., None], *what: object
    ) -> None:
        loop = asyncio.get_running_loop()

        def run() -> None:
            error: Exception | None = None
            try:
                work(*what)
            except Exception as caught:
                error = caught
            loop.call_soon_threadsafe(done, error)

        thread.submit(run)

    async def close(self) -> None:
        """Wait for what is under way, and let the directory go."""
        for thread in (self._appending, self._creating):
            await asyncio.get_running_loop().run_in_executor(None, thread.shutdown)
        self.release()

    def release(self) -> None:
        """Let the directory go at once."""
        self._close_live()
        os.close(self._lock)


def _private(path: str, flags: int) -> int:
    """Messages are nobody else's business."""
    return os.open(path, flags, 0o600)


class Opened(NamedTuple):
    """An open journal, what survived in it, and what there is to tell about its recovery."""

    journal: JournalDirectory
    state: State
    notes: list[str]


class JournalDirectory:
    """A journal in a directory, on the running event loop. Make one with :meth:`open`.

    `on_failure` and `on_note` of the :class:`~amqplab.model.journal_log.Journal` are at :attr:`journal`.
    """

    def __init__(self, directory: Directory, journal: Journal) -> None:
        self.directory = directory
        self.journal = journal

    @classmethod
    def open(cls, path: str | Path, *, compact_octets: int = COMPACT_OCTETS) -> Opened:
        """The journal in this directory, which is made if it is not there.

        Raises UsageError with one sentence: the directory cannot be used, another broker uses it, what is in
        it is damaged or of another format. Nothing is changed then.
        """
        directory = Directory(path)
        try:
            with directory._sentences(), without_collections():
                journal, state, notes = Journal.open(directory, _salt, compact_octets)
        except BaseException:
            directory.release()
            raise
        return Opened(cls(directory, journal), state, notes)

    @classmethod
    def salvage(cls, path: str | Path) -> list[str]:
        """Make a damaged journal usable with what is readable of it; what was not, a line each. Raises
        UsageError if the directory cannot be used, or is in use.
        """
        directory = Directory(path)
        try:
            with directory._sentences():
                return salvage(directory, _salt)
        finally:
            directory.release()

    def append(self, entries: Sequence[bytes], then: Callable[[], None]) -> None:
        """Make these entries safe; ``then()`` is called on the loop when they are, in order."""
        self.journal.append(entries, then)

    async def close(self) -> None:
        """Write that the broker stopped in good order, and let the directory go."""
        written = asyncio.get_running_loop().create_future()
        self.journal.on_failure = _then(self.journal.on_failure, lambda: _resolve(written))
        self.journal.close(lambda: _resolve(written))
        await written
        await self.directory.close()


def _salt() -> int:
    return int.from_bytes(os.urandom(4), "big")


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _then(first: Callable[[UsageError], None], second: Callable[[], None]) -> Callable[[UsageError], None]:
    def both(error: UsageError) -> None:
        first(error)
        second()

    return both
