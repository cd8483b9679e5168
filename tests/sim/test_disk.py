"""The disk that forgets: what a sync promises, and what a crash leaves."""

from __future__ import annotations

import pytest

from amqplab.sim.clock import Clock
from amqplab.sim.disk import SECTOR, Disk, DiskFull, DiskProfile
from amqplab.trace import events
from amqplab.trace.narrate import narrate
from amqplab.trace.recorder import Recorder

SLOW = DiskProfile(sync_ns=1_000_000, octet_ns=10)


class Told:
    """What a disk reported, and when."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.calls: list[tuple[int, Exception | None]] = []

    def __call__(self, error: Exception | None) -> None:
        self.calls.append((self.clock.now, error))


def world(seed: int = 0, profile: DiskProfile = SLOW) -> tuple[Clock, Disk, Told]:
    clock = Clock()
    return clock, Disk(clock, seed, profile), Told(clock)


def test_an_append_takes_its_time_and_is_there_when_it_is_reported() -> None:
    clock, disk, told = world()
    disk.create_now("f", [b"ab"])
    disk.append("f", b"c" * 100, told)
    assert disk.read("f") == b"ab"
    clock.run()
    assert told.calls == [(1_001_000, None)]
    assert (disk.read("f"), disk.size("f"), disk.syncs) == (b"ab" + b"c" * 100, 102, 1)


def test_what_is_safe_survives_every_crash() -> None:
    for seed in range(50):
        clock, disk, told = world(seed)
        disk.append("f", b"safe", told)
        clock.run()
        disk.append("f", b"x" * 3000, told)
        disk.crash()
        assert disk.read("f").startswith(b"safe")


def test_a_crash_loses_any_sectors_of_what_was_not_synced_and_reports_nothing_any_more() -> None:
    left = set()
    for seed in range(200):
        clock, disk, told = world(seed)
        disk.create_now("f", [b"s" * (SECTOR - 1)])
        disk.append("f", b"ABCD" * (SECTOR // 2), told)  # begins one octet before a sector's end
        disk.crash()
        clock.run()
        assert told.calls == []
        rest = disk.read("f")[SECTOR - 1 :]
        for at, octet in enumerate(rest):
            assert octet in (0, b"ABCD"[at % 4])
        left.add((len(rest), rest[:1] == b"A", rest[1:2] == b"B"))
    assert {there for _, *there in left for there in there} == {True, False}
    assert {length for length, _, _ in left} >= {0, 1, SECTOR + 1, 2 * SECTOR}
    assert len({length for length, _, _ in left}) > 10  # some sectors were written in part


def test_the_same_seed_forgets_the_same() -> None:
    def left(seed: int) -> bytes:
        _, disk, told = world(seed)
        disk.append("f", bytes(range(256)) * 20, told)
        disk.crash()
        return disk.read("f")

    assert left(3) == left(3)
    assert len({left(seed) for seed in range(20)}) > 10


def test_when_only_the_program_dies_what_it_wrote_stays() -> None:
    clock, disk, told = world()
    disk.append("f", b"x" * 3000, told)
    disk.crash(power=False)
    clock.run()
    assert (disk.read("f"), told.calls) == (b"x" * 3000, [])


def test_a_new_file_is_there_as_a_whole_or_not_at_all() -> None:
    for seed in range(20):
        clock, disk, told = world(seed)
        disk.create("f", [b"a", b"b"], told)
        assert disk.names() == []
        if seed % 2:
            clock.run()
        disk.crash()
        assert disk.names() == (["f"] if seed % 2 else [])
        assert told.calls == ([(1_000_020, None)] if seed % 2 else [])


def test_a_removal_may_be_forgotten() -> None:
    outcomes = set()
    for seed in range(20):
        _, disk, _ = world(seed)
        disk.create_now("f", [b"x"])
        disk.remove("f")
        assert disk.names() == []
        disk.crash()
        outcomes.add(tuple(disk.names()))
    assert outcomes == {(), ("f",)}


def test_a_full_disk_says_so_and_takes_nothing() -> None:
    clock, disk, told = world(profile=DiskProfile(capacity=10))
    disk.append("f", b"12345678", told)
    disk.append("f", b"9ab", told)
    clock.run()
    assert [type(error) for _, error in told.calls] == [type(None), DiskFull]
    assert disk.read("f") == b"12345678"


def test_pieces_that_cannot_be_made_are_reported_as_the_failure() -> None:
    clock, disk, told = world()

    def pieces() -> list[bytes]:
        raise ValueError("no")

    disk.create("f", (piece for piece in [b"a"] if pieces()), told)
    clock.run()
    assert isinstance(told.calls[0][1], ValueError) and disk.names() == []


def test_what_the_disk_does_is_in_the_stream_and_a_sync_is_the_cause_of_what_it_sets_free() -> None:
    clock = Clock()
    recorder = Recorder(lambda: clock.now)
    report = recorder.reporter("broker")
    disk = Disk(clock, 1, DiskProfile(capacity=10), report)
    disk.append("f", b"12345678", lambda error: report(events.NoteMade, "confirmed") and None)
    clock.run()
    disk.append("f", b"9ab", lambda error: None)
    clock.run()
    disk.append("f", b"z", lambda error: None)
    disk.crash(power=False)
    assert [(record.event, record.cause) for record in recorder] == [
        (events.DiskWriting("f", 8), None),
        (events.DiskSynced("f", 8), 0),
        (events.NoteMade("confirmed"), 1),
        (events.DiskWriting("f", 3), None),
        (events.DiskFailed("f", 3, "no space left on device"), 3),
        (events.DiskWriting("f", 1), None),
        (events.DiskForgot("f", 1, 1), None),
    ]
    assert narrate(recorder[1]) == (
        "The disk of the broker has synced 8 bytes of the file 'f': they survive every crash."
    )


def test_cutting_removes_the_end_at_once() -> None:
    _, disk, _ = world()
    disk.append_now("f", b"abcdef")
    disk.cut("f", 4)
    assert disk.read("f") == b"abcd"
    with pytest.raises(KeyError):
        disk.read("g")
