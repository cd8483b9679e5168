"""Going on with what is readable of a damaged journal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_strategies import LAW

from amqplab.errors import UsageError
from amqplab.model.journal import read
from amqplab.model.journal_entries import QueueDeclared, Standing, StoredMessage, stored
from amqplab.model.journal_log import Journal
from amqplab.model.journal_salvage import salvage
from amqplab.model.journal_state import State
from amqplab.sim.clock import Clock
from amqplab.sim.disk import Disk

FIRST = "journal-00000001.amqj"


def message(number: int) -> bytes:
    return stored("/", StoredMessage(number, "", "q", b"\0\0", b"%d" % number), [Standing("q", number)])


def survivors(state: State) -> list[tuple[int, bool]]:
    return [(one.message.number, one.redelivered) for one in state.vhosts["/"].queues["q"].in_order]


def disk_with_five_messages() -> Disk:
    clock = Clock()
    disk = Disk(clock)
    journal, _, _ = Journal.open(disk)
    for entry in (QueueDeclared("/", "q").encode(), *(message(number) for number in range(5))):
        journal.append([entry], int)
        clock.run()
    journal.close(int)
    clock.run()
    return disk


def test_what_stands_before_and_behind_the_damage_goes_on_and_the_damaged_file_is_kept() -> None:
    disk = disk_with_five_messages()
    octets = bytearray(disk.read(FIRST))
    victim = read(bytes(octets)).records[4]  # the run, the queue, 0, 1, and this is 2
    octets[victim.end - 1] ^= 1
    disk.create_now(FIRST, [bytes(octets)])
    with pytest.raises(UsageError):
        Journal.open(disk)
    notes = salvage(disk)
    assert notes[0].startswith(
        f"{FIRST} on the simulated disk, octet {victim.offset}: the checksum of record 4"
    )
    assert notes[1:] == ["4 copies go on in journal-00000002.amqj on the simulated disk"]
    assert sorted(disk.names()) == [FIRST + ".damaged", "journal-00000002.amqj"]
    assert disk.read(FIRST + ".damaged") == octets
    _, state, notes = Journal.open(disk)
    assert survivors(state) == [(0, True), (1, True), (3, True), (4, True)]
    assert notes == []


def test_a_file_that_is_somebody_elses_is_told_and_put_aside() -> None:
    disk = disk_with_five_messages()
    disk.create_now("journal-00000003.amqj", [b"GIF89a"])
    assert "this is no journal" in salvage(disk)[0]
    assert len(survivors(Journal.open(disk)[1])) == 5


def test_a_disk_without_a_journal_is_left_as_it_is() -> None:
    disk = Disk(Clock())
    assert (salvage(disk), disk.names()) == ([], [])


@given(st.integers(16, 1200), st.binary(min_size=1, max_size=40))
@LAW
def test_whatever_happened_to_a_file_it_can_be_opened_afterwards(at: int, damage: bytes) -> None:
    disk = disk_with_five_messages()
    octets = disk.read(FIRST)
    disk.create_now(FIRST, [octets[:at] + damage + octets[at + len(damage) :]])
    salvage(disk)
    journal, _, _ = Journal.open(disk)
    assert journal.failure is None
