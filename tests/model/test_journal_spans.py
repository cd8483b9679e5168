"""Any file of the journal can be looked at, octet by octet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from journal_strategies import any_entry
from wire_strategies import LAW

from amqplab.model.journal import encode_header, encode_record
from amqplab.model.journal_entries import Entry, Removed, VhostDeclared
from amqplab.model.journal_spans import journal_spans
from amqplab.wire.dissect import leaves, render

TWO = [encode_record(at, [VhostDeclared(name).encode()], 9) for at, name in enumerate("ab")]


@given(st.lists(any_entry, max_size=3), st.integers(0, 400), st.integers(0, 400), st.binary(max_size=4))
@LAW
def test_every_octet_has_a_name_whatever_happened_to_the_file(
    entries: list[Entry], cut: int, at: int, damage: bytes
) -> None:
    data = encode_header() + b"".join(
        encode_record(number, [entry.encode()]) for number, entry in enumerate(entries)
    )
    data = data[: max(16, len(data) - cut)]
    place = 16 + at
    data = data[:place] + damage[: max(0, len(data) - place)] + data[place + len(damage) :]
    spans = list(journal_spans(data))
    covered = [octet for span in leaves(spans) for octet in range(span.start, span.end)]
    assert covered == list(range(len(data)))
    assert render(spans, data)


def test_records_are_shown_with_what_they_say_and_the_frames_inside() -> None:
    record = encode_record(0, [Removed("/", "jobs", (3, 4)).encode(), VhostDeclared("v").encode()], 9)
    header, shown = journal_spans(encode_header(9) + record)
    assert [(one.name, one.value) for one in header.children] == [
        ("magic", "AMQJ"),
        ("protocol", "0-9-1"),
        ("format", 1),
        ("salt", "0x00000009"),
        ("checksum", f"0x{encode_header(9)[12:].hex()}"),
    ]
    assert (shown.name, shown.meaning) == ("record 0", "Removed, VhostDeclared")
    assert [one.name for one in shown.children] == ["length", "number", "checksum"] + ["method frame"] * 5
    assert shown.children[5].value == "Basic.Ack"


def test_a_hole_is_shown_with_its_reason_and_what_stands_behind_it_too() -> None:
    hole = bytes(len(TWO[0]))
    spans = list(journal_spans(encode_header(9) + hole + TWO[1]))
    assert [span.name for span in spans] == ["journal header", "damaged", "record 1"]
    assert spans[1].meaning.endswith(f"and the next whole record is at octet {16 + len(hole)}")
    torn = list(journal_spans(encode_header(9) + TWO[0] + TWO[1][:-1]))
    assert [span.name for span in torn] == ["journal header", "record 0", "torn"]


def test_a_header_alone_is_shown() -> None:
    assert [span.name for span in journal_spans(encode_header())] == ["journal header"]
