"""The journal in a real directory: locks, refusals, and death without warning."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from amqplab.broker.broker import Broker
from amqplab.broker.effects import Effect, Persist
from amqplab.errors import UsageError
from amqplab.model.journal import encode_header
from amqplab.model.journal_entries import QueueDeclared, Standing, StoredMessage, removed, stored
from amqplab.model.journal_state import State
from amqplab.net.journal_files import JournalDirectory
from amqplab.net.server import BrokerServer

CHILD = Path(__file__).resolve().parents[1] / "support" / "journal_child.py"
QUEUE = QueueDeclared("/", "q").encode()
FIRST = "journal-00000001.amqj"
KILLS = 40


def message(number: int, size: int = 0) -> bytes:
    body = b"%d" % number + bytes(size)
    return stored("/", StoredMessage(number, "", "q", b"\x10\x00\x02", body), [Standing("q", number)])


def numbers(state: State) -> list[int]:
    return [copy.message.number for copy in state.vhosts["/"].queues["q"].in_order]


async def written(path: Path, *groups: list[bytes]) -> list[int]:
    """Append these groups to the journal in `path` and close it; which of them were reported."""
    journal, _, _ = JournalDirectory.open(path)
    told: list[int] = []
    for at, group in enumerate(groups):
        journal.append(group, partial(told.append, at))
    await journal.close()
    return told


async def written_to(journal: JournalDirectory, entries: list[bytes]) -> None:
    """Append these entries and wait until they are safe."""
    safe = asyncio.Event()
    journal.append(entries, safe.set)
    await asyncio.wait_for(safe.wait(), 30)


async def survivors(path: Path) -> State:
    journal, state, _ = JournalDirectory.open(path)
    await journal.close()
    return state


def test_what_was_reported_is_there_when_the_directory_is_opened_again(tmp_path: Path) -> None:
    async def run() -> None:
        path = tmp_path / "new" / "data"
        assert await written(path, [QUEUE], [message(1), message(2)], [removed("/", "q", [1])]) == [0, 1, 2]
        state = await survivors(path)
        assert numbers(state) == [2]
        assert not state.vhosts["/"].queues["q"].in_order[0].redelivered
        assert (await survivors(path)).run == 3

    asyncio.run(run())


def test_the_event_loop_goes_on_while_the_disk_writes_and_reports_come_on_it_in_order(tmp_path: Path) -> None:
    async def run() -> None:
        journal, _, _ = JournalDirectory.open(tmp_path)
        told: list[int] = []
        loop = asyncio.get_running_loop()
        for number in range(100):
            journal.append([message(number)], lambda number=number: told.append(number) or here(loop))
        assert told == []
        await journal.close()
        assert told == list(range(100))
        assert journal.journal.records_written <= 4  # the run, the first, all that waited, the stop

    def here(loop: asyncio.AbstractEventLoop) -> None:
        assert asyncio.get_running_loop() is loop

    asyncio.run(run())


def test_files_are_nobody_elses_business(tmp_path: Path) -> None:
    asyncio.run(written(tmp_path / "data", [QUEUE]))
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "data" / FIRST).stat().st_mode) == 0o600


def test_compaction_while_serving_leaves_the_new_files_only(tmp_path: Path) -> None:
    async def run() -> None:
        journal, _, _ = JournalDirectory.open(tmp_path)
        compacted = asyncio.Event()
        journal.journal.on_note = lambda text: compacted.set()
        journal.append([QUEUE, *(message(number) for number in range(1, 100))], int)
        journal.append([removed("/", "q", range(1, 98))], journal.journal.compact)
        journal.append([message(100)], int)
        await asyncio.wait_for(compacted.wait(), 30)
        await journal.close()
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "journal-00000002.amqj",
            "journal-00000003.amqj",
            "lock",
        ]
        assert numbers(await survivors(tmp_path)) == [98, 99, 100]

    asyncio.run(run())


class Keeper(Broker):
    """A broker that is only told what is safe."""

    def __init__(self) -> None:
        super().__init__()
        self.safe: list[int] = []
        self.all_safe = asyncio.Event()

    def persisted(self, token: int, now: int) -> list[Effect]:
        self.safe.append(token)
        if len(self.safe) == 3:
            self.all_safe.set()
        return []


def test_a_server_has_the_brokers_entries_made_safe_before_it_says_so(tmp_path: Path) -> None:
    async def run() -> None:
        journal, _, _ = JournalDirectory.open(tmp_path)
        broker = Keeper()
        server = BrokerServer(broker, persist=journal.append)
        server.apply([Persist(1, (QUEUE,)), Persist(2, (message(1), message(2))), Persist(3, (message(3),))])
        await asyncio.sleep(0)
        assert broker.safe == []
        await asyncio.wait_for(broker.all_safe.wait(), 30)
        await journal.close()
        assert broker.safe == [1, 2, 3]
        assert numbers(await survivors(tmp_path)) == [1, 2, 3]

    asyncio.run(run())


# --- refusals --------------------------------------------------------------------------------------------


def refusal(path: Path) -> str:
    async def attempt() -> None:
        JournalDirectory.open(path)

    with pytest.raises(UsageError) as caught:
        asyncio.run(attempt())
    return str(caught.value)


def test_a_second_broker_on_one_directory_is_refused(tmp_path: Path) -> None:
    async def run() -> None:
        journal, _, _ = JournalDirectory.open(tmp_path)
        with pytest.raises(UsageError) as caught:
            JournalDirectory.open(tmp_path)
        assert str(caught.value) == f"{tmp_path} is in use by another broker (process {os.getpid()})."
        await journal.close()
        again, _, _ = JournalDirectory.open(tmp_path)
        await again.close()

    asyncio.run(run())


def test_a_broker_in_another_process_is_refused_too_and_its_end_lets_the_directory_go(tmp_path: Path) -> None:
    with child(tmp_path, 1) as process:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        assert refusal(tmp_path) == f"{tmp_path} is in use by another broker (process {process.pid})."
        process.kill()
        process.wait()
    asyncio.run(survivors(tmp_path))


def test_a_path_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path, reason in (("file", "File exists"), ("file/data", "Not a directory")):
        assert refusal(tmp_path / path) == f"{tmp_path / path} cannot be used for a journal: {reason}."


def test_a_read_only_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(path: Path, *flags: int) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(os, "open", read_only)
    assert refusal(tmp_path) == f"{tmp_path}/lock cannot be used for a journal: Read-only file system."


def test_a_newer_format_and_a_strange_file_are_refused_by_name(tmp_path: Path) -> None:
    newer = bytearray(encode_header())
    newer[7] = 9
    (tmp_path / FIRST).write_bytes(newer)
    assert refusal(tmp_path) == (
        f"{tmp_path / FIRST} cannot be read: this journal has format 9; this program knows format 1 only."
    )
    (tmp_path / FIRST).write_bytes(b"GIF89a")
    assert "cannot be read: this is no journal" in refusal(tmp_path)
    assert (tmp_path / FIRST).read_bytes() == b"GIF89a"


def test_damage_is_refused_with_its_place_and_nothing_is_changed(tmp_path: Path) -> None:
    asyncio.run(written(tmp_path, [QUEUE]))
    asyncio.run(written(tmp_path, [message(1)]))
    octets = bytearray((tmp_path / FIRST).read_bytes())
    octets[200] ^= 0x10
    (tmp_path / FIRST).write_bytes(octets)
    assert f"{tmp_path / FIRST} is damaged at octet " in refusal(tmp_path)
    assert (tmp_path / FIRST).read_bytes() == octets


def test_a_damaged_directory_can_be_salvaged(tmp_path: Path) -> None:
    asyncio.run(written(tmp_path, [QUEUE, message(1)]))
    asyncio.run(written(tmp_path, [message(2)]))
    octets = bytearray((tmp_path / FIRST).read_bytes())
    octets[40] ^= 0x10  # in the first record
    (tmp_path / FIRST).write_bytes(octets)
    assert "damaged at octet 16" in refusal(tmp_path)
    notes = JournalDirectory.salvage(tmp_path)
    assert notes[0].startswith(f"{tmp_path / FIRST}, octet 16: the checksum of record 0")
    assert numbers(asyncio.run(survivors(tmp_path))) == [1, 2]
    assert (tmp_path / (FIRST + ".damaged")).read_bytes() == octets


def test_a_torn_end_is_cut_off_on_the_disk_too(tmp_path: Path) -> None:
    async def run() -> None:
        await written(tmp_path, [QUEUE, message(1)])
        with open(tmp_path / FIRST, "ab") as file:
            file.write(b"\0\0\1\0torn")
        journal, state, notes = JournalDirectory.open(tmp_path)
        await journal.close()
        assert numbers(state) == [1] and len(notes) == 1 and "8 octets cut off" in notes[0]
        _, _, notes = (opened := JournalDirectory.open(tmp_path))
        await opened.journal.close()
        assert notes == []

    asyncio.run(run())


def test_what_a_crash_left_of_a_new_file_is_cleared_away(tmp_path: Path) -> None:
    asyncio.run(written(tmp_path, [QUEUE]))
    (tmp_path / "journal-00000002.amqj.new").write_bytes(b"half")
    asyncio.run(survivors(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [FIRST, "lock"]


def test_a_disk_that_fails_ends_the_journal_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        await written(tmp_path, [QUEUE, message(1)])
        journal, _, _ = JournalDirectory.open(tmp_path)
        failed: asyncio.Future[UsageError] = asyncio.get_running_loop().create_future()
        journal.journal.on_failure = failed.set_result
        os.close(journal.directory._live[1])  # type: ignore[index]
        full = os.open("/dev/full", os.O_WRONLY)
        journal.directory._live = FIRST, full
        told: list[int] = []
        journal.append([message(2)], partial(told.append, 2))
        assert str(await asyncio.wait_for(failed, 30)) == (
            f"{tmp_path / FIRST} cannot be written: No space left on device. "
            "What was confirmed is safe; what was not yet confirmed may be lost."
        )
        await journal.close()
        assert told == []
        assert numbers(await survivors(tmp_path)) == [1]

    asyncio.run(run())


def test_a_directory_that_is_removed_ends_the_journal_and_nothing_more_counts_as_safe(tmp_path: Path) -> None:
    async def run() -> None:
        path = tmp_path / "data"
        journal, _, _ = JournalDirectory.open(path)
        failed: asyncio.Future[UsageError] = asyncio.get_running_loop().create_future()
        journal.journal.on_failure = failed.set_result
        await written_to(journal, [QUEUE])
        shutil.rmtree(path)
        told: list[int] = []
        journal.append([message(1)], partial(told.append, 1))
        assert str(await asyncio.wait_for(failed, 30)) == (
            f"{path / FIRST} cannot be written: somebody has removed it. "
            "What was confirmed went with it; what was not yet confirmed may be lost."
        )
        await journal.close()
        assert told == []

    asyncio.run(run())


def test_old_files_that_cannot_be_removed_are_a_note_and_go_with_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    async def run() -> None:
        journal, _, _ = JournalDirectory.open(tmp_path)
        noted: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        journal.journal.on_note = noted.set_result
        monkeypatch.setattr(journal.directory, "remove", refuse)
        journal.append([QUEUE, message(1)], journal.journal.compact)
        assert "was compacted, but: Operation not permitted." in await asyncio.wait_for(noted, 30)
        await written_to(journal, [message(2)])
        await journal.close()
        assert numbers(await survivors(tmp_path)) == [1, 2]
        assert FIRST not in [path.name for path in tmp_path.iterdir()]

    asyncio.run(run())


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_has_the_name_of_a_file_and_is_none_is_refused(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """Reading a pipe might never end."""
    make(tmp_path / FIRST)
    with pytest.raises(UsageError, match="cannot be used for a journal: it is no file"):
        JournalDirectory.open(tmp_path)


# --- kill -9 ---------------------------------------------------------------------------------------------


def child(path: Path, first: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(path), str(first)], stdout=subprocess.PIPE, text=True
    )


def test_killed_at_random_moments_everything_reported_is_there_in_order_and_once(tmp_path: Path) -> None:
    chance = random.Random(9)
    first, compactions = 1, set()
    for _ in range(KILLS):
        with child(tmp_path, first) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            time.sleep(chance.random() * 0.08)  # the very point: nobody chooses the moment of a kill
            process.kill()
            reported = [int(line) for line in process.stdout.read().split("\n")[:-1]]
        assert reported == list(range(first, first + len(reported)))
        state = asyncio.run(survivors(tmp_path))
        found = numbers(state)
        last = state.messages
        assert last >= first + len(reported) - 1
        here = [number for number in found if number >= first]
        assert here == list(range(max(first, last - 49), last + 1))
        compactions |= {path.name for path in tmp_path.glob("*.amqj")}
        first = last + 1
    assert first > 100 and len(compactions) > 10
