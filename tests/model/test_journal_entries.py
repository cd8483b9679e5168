"""What the journal writes down, and reads back: entries as ordinary AMQP frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_strategies import any_entry
from wire_strategies import LAW, contents, frames

from amqplab.model.binding import bind
from amqplab.model.journal_entries import (
    Bound,
    Entry,
    Purged,
    Removed,
    Standing,
    Stopped,
    Stored,
    StoredMessage,
    VhostDeclared,
    VhostDeleted,
    removed,
    returned,
)
from amqplab.model.journal_reading import read_entries
from amqplab.wire.dissect import dissect
from amqplab.wire.errors import DecodeError
from amqplab.wire.frames import encode_content, encode_method
from amqplab.wire.methods import Basic, Connection, Queue
from amqplab.wire.properties import Properties
from amqplab.wire.table import Int64, Table

HELLO = StoredMessage(7, "logs", "info", Properties(delivery_mode=2).encode(), b"hello")


@given(st.lists(any_entry, max_size=5))
@LAW
def test_entries_come_back_as_they_were_one_by_one_and_together(entries: list[Entry]) -> None:
    assert read_entries(b"".join(entry.encode() for entry in entries)) == entries


def test_a_stored_message_is_what_a_client_sends_after_the_names_of_its_queues() -> None:
    standing = (
        Standing("a", 3),
        Standing("b", 0, expires_ms=1_700_000_000_000, returned=2, redelivered=True, died="expired"),
    )
    facts_a = Table({"x-message": Int64(7), "x-place": Int64(3)})
    facts_b = Table(
        {
            "x-message": Int64(7),
            "x-place": Int64(0),
            "x-expires-ms": Int64(1_700_000_000_000),
            "x-returned": Int64(2),
            "x-redelivered": Int64(1),
            "x-died": Int64(2),
        }
    )
    assert Stored("/", HELLO, standing).encode() == b"".join(
        (
            encode_method(0, Connection.Open("/")),
            encode_method(1, Queue.Declare(queue="a", passive=True, arguments=facts_a)),
            encode_method(1, Queue.Declare(queue="b", passive=True, arguments=facts_b)),
            encode_content(1, Basic.Publish(exchange="logs", routing_key="info"), HELLO.octets, b"hello", 0),
        )
    )


def test_removals_and_returns_are_acks_and_nacks_with_the_place_as_delivery_tag() -> None:
    named = encode_method(0, Connection.Open("/")) + encode_method(1, Queue.Declare(queue="q", passive=True))
    acks = [encode_method(1, Basic.Ack(delivery_tag=place)) for place in (4, 2**40)]
    assert removed("/", "q", [4, 2**40]) == named + b"".join(acks)
    nack = encode_method(1, Basic.Nack(delivery_tag=4, requeue=True))
    assert returned("/", "q", [4]) == named + nack


def test_no_copies_make_no_entry() -> None:
    assert removed("/", "q", []) == returned("/", "q", []) == b""


def test_the_dissector_of_the_wire_reads_an_entry() -> None:
    spans = dissect(Stored("/", HELLO, (Standing("a", 3),)).encode())
    assert [span.name for span in spans] == [
        "method frame", "method frame", "method frame", "content header frame", "content body frame",
    ]  # fmt: skip
    assert spans[2].value == "Basic.Publish x=logs rk=info"


def test_neighbours_are_not_taken_for_one_another() -> None:
    neighbours: list[Entry] = [
        VhostDeclared("v"),
        Stopped(),
        VhostDeleted("v"),
        VhostDeclared("v"),
        VhostDeclared("w"),
        Removed("v", "q", (1,)),
        Removed("v", "q", (2,)),
        Purged("v", "q"),
        Bound("v", bind("e", "queue", "q", "k")),
        VhostDeclared("v"),
    ]
    assert read_entries(b"".join(entry.encode() for entry in neighbours)) == neighbours


def refused(*frames: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        read_entries(b"".join(frames))
    return str(caught.value)


OPEN = encode_method(0, Connection.Open("/"))


def test_what_no_journal_has_is_refused_with_its_reason() -> None:
    assert refused(OPEN, encode_method(1, Basic.Qos())) == "basic.qos on channel 1 means nothing in a journal"
    assert refused(encode_method(2, Basic.Qos())).startswith("a frame on channel 2")
    assert refused(encode_method(1, Queue.Delete(queue="q"))) == "no virtual host is open"
    assert refused(OPEN, encode_method(1, Basic.Ack())).startswith("copies are settled of a queue that was")
    assert refused(OPEN, encode_content(1, Basic.Publish(), b"\0\0", b"", 0)) == (
        "a message that stands in no queue"
    )
    named = encode_method(1, Queue.Declare(queue="q", passive=True))
    assert refused(OPEN, named) == "queue 'q' is named, and nothing said of it"
    assert refused(OPEN, named, encode_content(1, Basic.Publish(), b"\0\0", b"", 0)) == (
        "x-message is None, not a number"
    )
    assert refused(OPEN[:-1]) == "the last frame or the last message is not whole"
    assert refused(encode_method(0, Connection.Close(200, "bye"))).endswith("with the text 'bye'")
    assert refused(encode_method(0, Connection.Start())) == "connection.start does not tell of a journal"


@given(st.lists(frames | contents | any_entry.map(lambda entry: entry.encode()), max_size=4), st.data())
@LAW
def test_any_frames_and_any_damage_give_entries_or_a_reason(pieces: list[bytes], data: st.DataObject) -> None:
    octets = bytearray(b"".join(pieces))
    if octets:
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        entries = read_entries(bytes(octets))
    except DecodeError as error:
        assert str(error)
    else:
        assert read_entries(b"".join(entry.encode() for entry in entries)) == entries
