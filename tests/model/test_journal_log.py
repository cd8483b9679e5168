"""The journal at work: group commit, recovery, compaction while serving, and ten thousand crashes."""

from __future__ import annotations

import random
from functools import partial

import pytest

from amqplab.errors import UsageError
from amqplab.model.journal import read
from amqplab.model.journal_disk import Done
from amqplab.model.journal_entries import (
    Begun,
    QueueDeclared,
    Standing,
    Stopped,
    StoredMessage,
    removed,
    returned,
    stored,
)
from amqplab.model.journal_log import Journal
from amqplab.model.journal_recovery import recover
from amqplab.model.journal_state import State
from amqplab.sim.clock import Clock
from amqplab.sim.disk import Disk, DiskProfile

QUEUE = QueueDeclared("/", "q").encode()
FAR = 1 << 40
MILLISECOND = 1_000_000  # ns


def message(number: int, size: int = 0) -> bytes:
    body = b"%d" % number + bytes(size)
    return stored("/", StoredMessage(number, "", "q", b"\x10\x00\x02", body), [Standing("q", number)])


def numbers(state: State) -> list[int]:
    """The numbers of the messages that survive, in the order of the queue."""
    if "/" not in state.vhosts:
        return []
    return [copy.message.number for copy in state.vhosts["/"].queues["q"].in_order]


class Wall:
    """A clock, a disk, and the journal on it."""

    def __init__(self, profile: DiskProfile | None = None, compact_octets: int = FAR) -> None:
        self.clock = Clock()
        self.disk = Disk(self.clock, profile=profile)
        self.compact_octets = compact_octets
        self.told: list[int] = []
        self.failures: list[str] = []
        self.open()

    def open(self) -> None:
        self.journal, self.state, self.notes = Journal.open(
            self.disk, lambda: 7, compact_octets=self.compact_octets
        )
        self.journal.on_failure = lambda error: self.failures.append(str(error))

    def append(self, number: int, *entries: bytes) -> None:
        self.journal.append(entries or (message(number),), partial(self.told.append, number))

    def reopen(self) -> State:
        self.disk.crash()
        self.open()
        return self.state


# --- group commit ----------------------------------------------------------------------------------------


def test_nothing_is_reported_before_the_disk_has_it() -> None:
    wall = Wall()
    wall.append(0, QUEUE)
    wall.append(1)
    assert wall.told == []
    wall.clock.run()
    assert wall.told == [0, 1]
    assert numbers(wall.reopen()) == [1]


def test_what_waits_while_the_disk_is_busy_goes_in_one_trip_in_order() -> None:
    wall = Wall()
    wall.append(0, QUEUE)
    for number in range(1, 101):
        wall.append(number)
    wall.clock.run()
    assert wall.told == list(range(101))
    assert wall.disk.syncs == 2
    assert numbers(wall.reopen()) == list(range(1, 101))


def test_an_append_from_a_report_joins_what_waits() -> None:
    wall = Wall()
    wall.journal.append((QUEUE,), lambda: [wall.append(number) for number in (2, 3)] and None)
    wall.append(1)
    wall.clock.run()
    assert (wall.told, wall.disk.syncs) == ([1, 2, 3], 2)


def test_a_record_takes_no_further_group_when_it_is_large() -> None:
    wall = Wall()
    wall.append(0, QUEUE)
    for number in (1, 2, 3, 4):
        wall.append(number, message(number, 5 << 20))
    wall.clock.run()
    assert wall.disk.syncs == 3
    assert numbers(wall.reopen()) == [1, 2, 3, 4]


def test_the_entries_of_one_append_survive_together_or_not_at_all() -> None:
    found = set()
    for seed in range(100):
        clock = Clock()
        disk = Disk(clock, seed)
        journal, _, _ = Journal.open(disk)
        journal.append((QUEUE,), int)
        clock.run()
        journal.append([message(number, 600) for number in range(6)], int)
        disk.crash()
        found.add(tuple(numbers(Journal.open(disk)[1])))
    assert found == {(), (0, 1, 2, 3, 4, 5)}


# --- ends ------------------------------------------------------------------------------------------------


def test_after_a_stop_in_good_order_only_what_came_back_is_redelivered() -> None:
    wall = Wall()
    wall.append(0, QUEUE, message(1), message(2))
    wall.append(1, returned("/", "q", [2]))
    ended: list[bool] = []
    wall.journal.close(lambda: ended.append(True))
    assert ended == []
    wall.clock.run()
    assert ended == [True]
    wall.append(9)  # too late
    wall.clock.run()
    state = wall.reopen()
    assert [copy.redelivered for copy in state.vhosts["/"].queues["q"].in_order] == [False, True]
    assert wall.told == [0, 1]
    again = wall.reopen()  # this time without a word
    assert [copy.redelivered for copy in again.vhosts["/"].queues["q"].in_order] == [True, True]
    assert again.run == 3


def test_a_torn_end_is_cut_off_and_told() -> None:
    wall = Wall()
    wall.append(0, QUEUE, message(1))
    wall.clock.run()
    wall.disk.append_now("journal-00000001.amqj", b"half a rec")
    state = wall.reopen()
    assert numbers(state) == [1]
    assert len(wall.notes) == 1
    assert "10 octets cut off at octet" in wall.notes[0] and "nothing that was confirmed" in wall.notes[0]
    wall.append(2)
    wall.clock.run()
    assert numbers(wall.reopen()) == [1, 2]
    assert wall.notes == []


def test_damage_is_refused_in_one_sentence_and_nothing_is_changed() -> None:
    wall = Wall()
    wall.append(0, QUEUE)
    wall.clock.run()
    middle = wall.disk.size("journal-00000001.amqj") - 5
    wall.append(1)
    wall.clock.run()
    octets = bytearray(wall.disk.read("journal-00000001.amqj"))
    octets[middle] ^= 1
    wall.disk.create_now("journal-00000001.amqj", [bytes(octets)])
    with pytest.raises(UsageError) as caught:
        wall.reopen()
    assert str(caught.value).startswith(
        "journal-00000001.amqj on the simulated disk is damaged at octet "
    ) and str(caught.value).endswith(
        "Nothing was changed; restore the file, or move it away to begin without it."
    )
    assert wall.disk.read("journal-00000001.amqj") == octets


def test_a_missing_file_is_noticed() -> None:
    wall = Wall()
    wall.append(0, QUEUE)
    wall.clock.run()
    wall.disk.create(
        "journal-00000002.amqj", [], lambda error: None
    )  # so that compaction is not done in time
    wall.journal.compact()
    wall.clock.run(wall.clock.now + 600_000)
    wall.disk.crash()
    names = wall.disk.names()
    assert "journal-00000003.amqj" in names
    for name in names:
        if name != "journal-00000003.amqj":
            wall.disk.remove(name)
    with pytest.raises(UsageError, match=r"00000003.amqj .* follows journal-00000001.amqj, which is missing"):
        wall.open()


def test_somebody_elses_file_is_refused_by_name() -> None:
    wall = Wall()
    wall.disk.create_now("journal-00000003.amqj", [b"%PDF-1.7"])
    with pytest.raises(
        UsageError, match=r"journal-00000003.amqj on the simulated disk cannot be read: this is"
    ):
        wall.open()


def test_a_full_disk_ends_the_journal_with_one_sentence_and_keeps_what_was_confirmed() -> None:
    wall = Wall(DiskProfile(capacity=5000))
    wall.append(0, QUEUE, message(1))
    wall.clock.run()
    wall.append(2, message(2, 6000))
    wall.append(3)
    wall.clock.run()
    wall.append(4)
    wall.clock.run()
    assert wall.told == [0]
    assert wall.failures == [
        "journal-00000001.amqj on the simulated disk cannot be written: no space left on device. "
        "What was confirmed is safe; what was not yet confirmed may be lost."
    ]
    ended: list[bool] = []
    wall.journal.close(lambda: ended.append(True))
    assert ended == [True]
    assert numbers(wall.reopen()) == [1]


def test_an_append_that_no_record_can_hold_ends_the_journal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall()
    wall.append(0, QUEUE)
    wall.clock.run()
    monkeypatch.setattr("amqplab.model.journal.LARGEST_RECORD", 500)
    wall.append(1, message(1, 600))
    wall.clock.run()
    assert wall.told == [0]
    assert len(wall.failures) == 1 and "do not fit into one record" in wall.failures[0]


# --- compaction ------------------------------------------------------------------------------------------


def test_compaction_while_serving_keeps_what_arrives_meanwhile() -> None:
    wall = Wall()
    notes: list[str] = []
    wall.journal.on_note = notes.append
    wall.append(0, QUEUE)
    for number in range(1, 200):
        wall.append(number)
        wall.append(-number, removed("/", "q", [number]))
    wall.append(500)
    wall.clock.run()
    before = wall.disk.used
    wall.journal.compact()
    wall.append(501)
    wall.clock.run()
    assert wall.disk.names() == ["journal-00000003.amqj", "journal-00000002.amqj"]
    assert wall.disk.used < before / 20
    assert wall.told[-2:] == [500, 501] and len(notes) == 1
    assert numbers(wall.reopen()) == [500, 501]
    first = read(wall.disk.read("journal-00000002.amqj")).records[0].entries[0]
    assert first == Begun(2, 0, True, 1, run=1, messages=500)


def test_the_journal_compacts_itself_when_it_has_grown_enough() -> None:
    wall = Wall(compact_octets=20_000)
    wall.append(0, QUEUE)
    for number in range(1, 2000):
        wall.append(number)
        wall.append(-number, removed("/", "q", [number]))
        wall.clock.run(wall.clock.now + MILLISECOND)
        assert wall.disk.used < 60_000
    wall.clock.run()
    assert numbers(wall.reopen()) == []
    assert wall.state.messages == 1999


def test_a_compaction_without_room_is_told_and_serving_goes_on() -> None:
    wall = Wall(DiskProfile(capacity=12_000))
    notes: list[str] = []
    wall.journal.on_note = notes.append
    wall.append(0, QUEUE, *(message(number, 500) for number in range(1, 13)))
    wall.clock.run()
    wall.journal.compact()
    wall.append(20)
    wall.clock.run()
    assert wall.told == [0, 20] and wall.failures == []
    assert len(notes) == 1 and "could not be compacted: no space left on device" in notes[0]
    assert numbers(wall.reopen()) == [*range(1, 13), 20]


def test_a_stop_during_compaction_is_a_stop_in_good_order() -> None:
    wall = Wall()
    wall.append(0, QUEUE, message(1))
    wall.clock.run()
    wall.journal.compact()
    wall.journal.close(int)
    wall.clock.run()
    wall.disk.crash()
    assert recover(wall.disk).state.stopped
    assert numbers(wall.reopen()) == [1]


# --- ten thousand crashes --------------------------------------------------------------------------------


class OneAtATime(Disk):
    """Insists that a record is begun only when the one before it is safe."""

    adding = False

    def append(self, name: str, data: bytes, done: Done) -> None:
        assert not self.adding
        self.adding = True

        def added(error: Exception | None) -> None:
            self.adding = False
            done(error)

        super().append(name, data, added)

    def crash(self, *, power: bool = True) -> None:
        self.adding = False
        super().crash(power=power)


class Life:
    """A journal that is used by chance and crashes by chance, and what it promised.

    `past` is the content of the queue after each append; the first `promised` of them were reported.
    """

    def __init__(self, seed: int, disk: type[Disk] = OneAtATime) -> None:
        self.chance = random.Random(seed)
        self.clock = Clock()
        self.disk = disk(self.clock, seed, DiskProfile(sync_ns=100_000, octet_ns=20))
        self.past: list[tuple[int, ...]] = [()]
        self.promised = 0
        self.last = 0
        self.torn = self.lost = self.compacted = 0

    def begin(self) -> None:
        journal, state, notes = Journal.open(self.disk, lambda: self.chance.getrandbits(32), 3000)
        found = tuple(numbers(state))
        assert found in self.past[self.promised :], (found, self.past[self.promised :])
        self.torn += bool(notes)
        self.lost += found != self.past[-1]
        self.past, self.promised = [found], 0
        self.journal = journal
        journal.on_note = lambda text: setattr(self, "compacted", self.compacted + 1)
        if not state.vhosts:
            journal.append((QUEUE,), int)

    def keep(self, at: int) -> None:
        assert at == self.promised + 1  # in order
        self.promised = at

    def work(self) -> None:
        """A few appends: messages that come, and messages that go."""
        there = list(self.past[-1])
        entries = []
        for _ in range(self.chance.randrange(1, 4)):
            if there and self.chance.random() < 0.45:
                gone = there.pop(self.chance.randrange(len(there)))
                entries.append(removed("/", "q", [gone]))
            else:
                self.last += 1
                there.append(self.last)
                entries.append(message(self.last, self.chance.choice((0, 0, 200, 1500))))
        self.past.append(tuple(there))
        self.journal.append(entries, partial(self.keep, len(self.past) - 1))

    def live_and_crash(self) -> None:
        self.begin()
        for _ in range(self.chance.randrange(1, 12)):
            self.work()
            self.clock.run(self.clock.now + self.chance.randrange(200_000))
        if self.chance.random() < 0.1:
            self.journal.compact()
            self.clock.run(self.clock.now + self.chance.randrange(200_000))
        self.disk.crash(power=self.chance.random() < 0.9)


def test_ten_thousand_crashes_lose_nothing_that_was_promised_and_bring_nothing_back() -> None:
    torn = lost = compacted = 0
    for seed in range(400):
        life = Life(seed)
        for _ in range(25):
            life.live_and_crash()
        life.begin()
        torn, lost, compacted = torn + life.torn, lost + life.lost, compacted + life.compacted
    assert torn > 1000 and lost > 1000 and compacted > 500  # the crashes were worth their name


class Liar(Disk):
    """Reports what it was given before it is safe."""

    def append(self, name: str, data: bytes, done: Done) -> None:
        super().append(name, data, lambda error: None)
        done(None)


def test_a_disk_that_reports_too_early_does_not_pass() -> None:
    with pytest.raises((AssertionError, UsageError)):
        for seed in range(20):
            life = Life(seed, Liar)
            for _ in range(10):
                life.live_and_crash()
            life.begin()


def test_stopping_writes_the_last_record() -> None:
    wall = Wall()
    wall.journal.close(int)
    wall.clock.run()
    last = read(wall.disk.read("journal-00000001.amqj")).records[-1]
    assert last.entries == (Stopped(),)
