"""The journal's octets: records that are there as a whole or not at all."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_strategies import any_entry
from wire_strategies import LAW

from amqplab.errors import UsageError
from amqplab.model.journal import (
    HEADER_OCTETS,
    ForeignJournal,
    Problem,
    Record,
    encode_header,
    encode_record,
    looks_like_a_journal,
    pack,
    read,
    walk,
)
from amqplab.model.journal_entries import Begun, Entry, Removed, VhostDeclared
from amqplab.wire.frames import encode_method
from amqplab.wire.methods import Basic

salts = st.integers(0, 2**32 - 1)
groups = st.lists(st.lists(any_entry, min_size=1, max_size=2), min_size=1, max_size=3)


def journal(groups: list[list[Entry]], salt: int = 0) -> list[bytes]:
    """A header and one record for each group."""
    records = [
        encode_record(at, [entry.encode() for entry in group], salt) for at, group in enumerate(groups)
    ]
    return [encode_header(salt), *records]


def entries_in(data: bytes) -> list[list[Entry]]:
    return [list(record.entries) for record in read(data).records]


@given(groups, salts)
@LAW
def test_what_was_written_is_read(groups: list[list[Entry]], salt: int) -> None:
    data = b"".join(journal(groups, salt))
    reading = read(data)
    assert [list(record.entries) for record in reading.records] == groups
    assert [record.number for record in reading.records] == list(range(len(groups)))
    assert (reading.good_length, reading.problem) == (len(data), None)


@given(groups, salts)
@settings(LAW, max_examples=25)
def test_any_prefix_gives_exactly_the_whole_records_in_it(groups: list[list[Entry]], salt: int) -> None:
    pieces = journal(groups, salt)
    ends = list(accumulate(map(len, pieces)))
    data = b"".join(pieces)
    for length in range(len(data) + 1):
        reading = read(data[:length])
        whole = sum(end <= length for end in ends[1:])
        assert [list(record.entries) for record in reading.records] == groups[:whole]
        good = max((end for end in ends if end <= length), default=0)
        assert reading.good_length == good
        assert (reading.problem is None) == (length == good)
        if reading.problem is not None:
            assert (reading.problem.kind, reading.problem.offset) == ("torn", good)


@given(groups, salts, st.data())
@LAW
def test_any_flipped_bit_is_found_and_what_stands_before_it_is_kept(
    groups: list[list[Entry]], salt: int, data: st.DataObject
) -> None:
    pieces = journal(groups, salt)
    octets = bytearray(b"".join(pieces))
    at = data.draw(st.integers(0, len(octets) - 1))
    octets[at] ^= 1 << data.draw(st.integers(0, 7))
    ends = list(accumulate(map(len, pieces)))
    if at < 8:
        with pytest.raises(ForeignJournal):
            read(bytes(octets))
        return
    reading = read(bytes(octets))
    hit = next(place for place, end in enumerate(ends) if at < end)
    assert reading.problem is not None
    assert [list(record.entries) for record in reading.records] == groups[: max(hit - 1, 0)]
    assert reading.problem.offset == reading.good_length == ([0, *ends][hit] if hit else 0)
    last = hit == len(pieces) - 1
    assert reading.problem.kind == ("torn" if last else "damaged")
    if not last and hit:
        assert reading.problem.resumes_at == ends[hit]


@given(st.binary(max_size=80), st.booleans())
@LAW
def test_any_octets_at_all_give_records_and_a_problem_or_a_refusal(rest: bytes, with_header: bool) -> None:
    data = (encode_header(5) if with_header else b"") + rest
    try:
        reading = read(data)
    except ForeignJournal as refusal:
        assert not with_header and str(refusal).startswith("this ")
    else:
        assert reading.good_length <= len(data)
        assert (reading.problem is None) == (reading.good_length == len(data))


@given(groups, st.data())
@LAW
def test_any_piece_written_over_a_journal_never_raises(
    groups: list[list[Entry]], data: st.DataObject
) -> None:
    octets = b"".join(journal(groups))
    at = data.draw(st.integers(HEADER_OCTETS, len(octets)))
    piece = data.draw(st.binary(max_size=40))
    octets = octets[:at] + piece + octets[at + len(piece) :]
    assert all(isinstance(item, Record | Problem) for item in walk(octets, salvage=True))


# --- damage ----------------------------------------------------------------------------------------------

THREE = journal([[VhostDeclared(name)] for name in ("a", "b", "c")])


def test_an_empty_file_and_a_bare_header_are_journals_without_records() -> None:
    assert read(b"") == ((), 0, None)
    assert read(encode_header(9)) == ((), HEADER_OCTETS, None)


def test_holes_in_the_last_record_are_a_torn_end_and_cut_off() -> None:
    data = b"".join(THREE)
    start = len(data) - len(THREE[-1])
    for hole in (slice(start, start + 8), slice(start + 8, len(data) - 1), slice(start, len(data))):
        torn = bytearray(data)
        torn[hole] = bytes(len(torn[hole]))
        reading = read(bytes(torn))
        assert reading.good_length == start and len(reading.records) == 2
        assert reading.problem is not None and reading.problem.kind == "torn"
        assert reading.problem.text.endswith("it was being written when the broker ended")


def test_a_record_that_is_missing_in_the_middle_is_damage() -> None:
    header, first, _, third = THREE
    problem = read(header + first + third).problem
    assert problem is not None
    assert problem.text.startswith("record 2 stands where record 1 should, and the next whole record is at")
    assert (problem.kind, problem.offset) == ("damaged", len(header + first))


def test_salvage_goes_on_behind_the_damage() -> None:
    header, first, second, third = THREE
    found = list(walk(header + first + bytes(len(second)) + third, salvage=True))
    assert [type(item) for item in found] == [Record, Problem, Record]
    assert [item.entries for item in found if isinstance(item, Record)] == [
        (VhostDeclared("a"),),
        (VhostDeclared("c"),),
    ]


def test_a_whole_record_that_no_journal_has_stops_the_reading_and_says_why() -> None:
    strange = encode_record(1, [encode_method(1, Basic.Qos())])
    problem = read(THREE[0] + THREE[1] + strange + THREE[3]).problem
    assert problem is not None and problem.kind == "unreadable"
    assert problem.text == (
        "record 1 is whole, but is not what this program writes: "
        "basic.qos on channel 1 means nothing in a journal"
    )
    assert problem.resumes_at == len(THREE[0] + THREE[1] + strange)


def test_a_record_inside_a_message_is_not_taken_for_one_of_the_file() -> None:
    planted = encode_record(1, [VhostDeclared("mine").encode()], salt=0)
    data = encode_header(1234) + encode_record(0, [VhostDeclared("a").encode()], 1234) + bytes(30) + planted
    problem = read(data).problem
    assert problem is not None and (problem.kind, problem.resumes_at) == ("torn", None)


# --- refusals --------------------------------------------------------------------------------------------


def refusal(data: bytes) -> str:
    with pytest.raises(UsageError) as caught:
        read(data)
    return str(caught.value)


def test_somebody_elses_file_and_a_newer_format_are_refused_in_one_sentence() -> None:
    assert refusal(b"%PDF-1.7") == "this is no journal: it begins with b'%PDF-1.7' instead of b'AMQJ'"
    newer = bytearray(encode_header())
    newer[7] = 2
    assert refusal(bytes(newer)) == "this journal has format 2; this program knows format 1 only"
    newer[5] = 1
    assert refusal(bytes(newer)).startswith("this journal is of an unknown kind: its first octets are 41 4d")


def test_a_journal_of_any_format_looks_like_one() -> None:
    assert looks_like_a_journal(b"AMQJ\x00\x01\x00\x09")
    assert not looks_like_a_journal(b"AMQP\x00\x00\x09\x01")


# --- packing ---------------------------------------------------------------------------------------------


def test_packing_fills_records_to_the_size_asked_for() -> None:
    entries: list[Entry] = [Begun(1), *(Removed("/", "q", (place,)) for place in range(20))]
    pieces = list(pack((entry.encode() for entry in entries), salt=3, octets=200))
    reading = read(b"".join(pieces))
    assert [entry for record in reading.records for entry in record.entries] == entries
    assert len(reading.records) == len(pieces) - 1 > 3
    assert all(200 <= len(piece) - 12 < 400 for piece in pieces[1:-1])
