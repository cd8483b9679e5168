"""Queries: find records; frames, commands and messages as tables that can be filtered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from amqplab.trace import events as e
from amqplab.trace.query import command_at, commands, find, first, frames, last, messages
from amqplab.trace.recorder import Recorder
from amqplab.trace.table import Rows, format_table
from amqplab.wire.methods import Basic


def test_find_chooses_by_kind_place_and_fields(recorder: Recorder) -> None:
    assert [record.event.queue for record in find(recorder, e.Enqueued)] == ["app", "audit"]  # type: ignore[attr-defined]
    assert len(find(recorder, e.Enqueued, queue="app")) == 1
    assert len(find(recorder, e.Enqueued, e.Requeued, queue="app")) == 2
    assert find(recorder, e.Enqueued, where="producer") == []
    assert find(recorder, e.Enqueued, no_such_field=1) == []
    assert len(find(recorder)) == len(recorder)


def test_first_and_last(recorder: Recorder) -> None:
    assert first(recorder, e.Delivered).event.redelivered is False  # type: ignore[attr-defined]
    assert last(recorder, e.Delivered).event.redelivered is True  # type: ignore[attr-defined]
    with pytest.raises(LookupError, match="no Delivered with queue='other' in this recording"):
        first(recorder, e.Delivered, queue="other")
    with pytest.raises(LookupError, match="no AlarmChanged in this recording"):
        last(recorder, e.AlarmChanged)


def test_every_frame_is_seen_at_both_ends(recorder: Recorder) -> None:
    rows = frames(recorder)
    sent = [(row.connection, row.data) for row in rows.where(what="sent")]
    received = [(row.connection, row.data) for row in rows.where(what="received")]
    assert sorted(sent) == sorted(received)
    assert rows[0].summary == "Protocol-Header 0-9-1"
    assert rows[0].channel == 0


def test_a_command_is_decoded_with_its_content(recorder: Recorder) -> None:
    publish = commands(recorder, name="basic.publish", what="received")[0]
    assert publish.method == Basic.Publish(exchange="logs", routing_key="info")
    assert publish.properties is not None and publish.properties.content_type == "text/plain"
    assert publish.body == b"Hello, Rabbit!"
    assert len(publish.frames) == 3
    ack = commands(recorder, name="basic.ack", host="consumer", what="sent")[0]
    assert (ack.method, ack.properties, ack.body) == (Basic.Ack(delivery_tag=2), None, None)
    assert command_at(recorder, ack.seq) == ack


def test_heartbeats_and_protocol_headers_are_commands_without_a_method(recorder: Recorder) -> None:
    names = {row.name for row in commands(recorder) if row.method is None}
    assert names == {"protocol-header", "heartbeat"}


def test_a_method_that_cannot_be_decoded_is_none(story: Any) -> None:
    bad = b"\x01\x00\x01\x00\x00\x00\x05\x00\x3c\x00\x28\x00\xce"  # basic.publish, cut short
    seq = story.broker(e.FrameReceived, "p:1", "broker", 0, bad)
    story.broker(e.CommandReceived, "p:1", "broker", 1, "basic.publish", (seq,))
    assert commands(story.recorder)[0].method is None


def test_only_a_command_is_a_command(recorder: Recorder) -> None:
    with pytest.raises(LookupError, match="record 0 is not a command but CallMade"):
        command_at(recorder, 0)


def test_messages_tell_what_became_of_them(recorder: Recorder) -> None:
    rows = messages(recorder)
    assert [row.message for row in rows] == [1, 2]
    assert rows[0].copies == (("app", "acknowledged"), ("audit", "ready"))
    assert (rows[0].status, rows[0].body) == ("ready", "Hello, Rabbit!")
    assert [row.message for row in messages(recorder, status="returned")] == [2]


def test_the_tables_read_well(recorder: Recorder, golden: Callable[[str, str], None]) -> None:
    golden("tables/frames.txt", repr(frames(recorder, connection="producer:49152", what="sent")))
    golden("tables/commands.txt", repr(commands(recorder, channel=1, what="received")))
    golden("tables/messages.txt", repr(messages(recorder)))


def test_rows_are_a_sequence(recorder: Recorder) -> None:
    rows = messages(recorder)
    assert len(rows[:1]) == 1 and isinstance(rows[:1], Rows)
    assert rows[-1] in rows and rows == list(rows)
    with pytest.raises(AttributeError):
        rows.where(colour="red")


def test_cells_are_short_and_on_one_line() -> None:
    text = format_table(["n", "what"], [[1, "a\nb"], [22, None], [3, b"\x00\xff"], [4, True], [5, "x" * 150]])
    assert text.splitlines()[2:] == [
        " 1  a·b",
        "22  -",
        " 3  00 ff",
        " 4  yes",
        " 5  " + "x" * 119 + "…",
    ]


def test_an_empty_table_has_its_names() -> None:
    assert format_table(["a", "bb"], []) == "a  bb\n-  --"
