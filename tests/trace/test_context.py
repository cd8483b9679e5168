"""What is known of a whole recording: whatever is in it, nothing raises, and nothing is known that is not there."""

from __future__ import annotations

from typing import Any

import pytest
from any_events import any_event
from hypothesis import given, settings
from hypothesis import strategies as st

from amqplab.trace import events as e
from amqplab.trace.context import Context
from amqplab.trace.draft import State
from amqplab.trace.fold import step
from amqplab.trace.narrate import Narrator
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.tags import delivery_tag, is_multiple
from amqplab.trace.traffic import Traffic
from amqplab.trace.whereabouts import Whereabouts
from amqplab.wire.frames import encode_content, encode_method
from amqplab.wire.methods import Basic
from amqplab.wire.properties import Properties

CONNECTION = "p:1"
DELIVER = Basic.Deliver(consumer_tag="tag", delivery_tag=513, exchange="", routing_key="q")
METHODS = (
    encode_method(1, Basic.Ack(delivery_tag=3, multiple=True)),
    encode_method(1, Basic.GetOk(delivery_tag=3, exchange="", routing_key="q", message_count=0)),
    encode_content(1, DELIVER, Properties(), b"body", 4096),
)
NAMES = (
    "basic.ack",
    "basic.nack",
    "basic.reject",
    "basic.deliver",
    "basic.get-ok",
    "basic.publish",
    "basic.return",
)

octets = st.one_of(
    st.binary(max_size=30),
    st.builds(lambda data, end: data[:end], st.sampled_from(METHODS), st.integers(0, 40)),
)
frames = st.builds(
    lambda kind, host, offset, data: kind(CONNECTION, host, offset, data),
    st.sampled_from([e.FrameSent, e.FrameReceived]),
    st.sampled_from(["p", "broker"]),
    st.integers(0, 20),
    octets,
)
commands = st.builds(
    lambda kind, host, channel, name, seqs: kind(CONNECTION, host, channel, name, tuple(seqs)),
    st.sampled_from([e.CommandSent, e.CommandReceived]),
    st.sampled_from(["p", "broker"]),
    st.integers(0, 2),
    st.sampled_from(NAMES),
    st.lists(st.integers(-3, 40), max_size=3),
)
segments = st.builds(
    lambda number, up, sequence, data: e.SegmentSent(
        CONNECTION, number, *((CONNECTION, "broker:5672") if up else ("broker:5672", CONNECTION)),
        "PSH|ACK", sequence, 0, 9, data, False, 0, None,
    ),
    st.integers(1, 4), st.booleans(), st.integers(0, 20), st.binary(max_size=30),
)  # fmt: skip
ends = st.builds(lambda number: e.SegmentLost(CONNECTION, number, "loss"), st.integers(1, 4))


@settings(max_examples=200)
@given(
    st.lists(st.one_of(frames, commands, segments, ends, any_event()), max_size=30),
    st.lists(st.none() | st.integers(-3, 60), min_size=30, max_size=30),
    st.integers(0, 5),
)
def test_whatever_is_recorded_can_be_told(events: list[e.Event], causes: list[int | None], cut: int) -> None:
    """Also where numbers lead out of the recording, octets are cut short, and the beginning is missing."""
    records = [
        Record(seq, seq, "broker", cause, event)
        for seq, (event, cause) in enumerate(zip(events, causes, strict=False))
    ]
    narrator = Narrator(records[cut:])
    for place in range(len(narrator.records)):
        assert narrator.sentence(place)
    whereabouts = Whereabouts(records, Traffic(records))
    state: State = {}
    for record in records:
        whereabouts.step(record, step(state, record), state)


@pytest.mark.parametrize("length", range(30))
def test_a_delivery_tag_that_is_cut_short_is_none(length: int) -> None:
    whole = 11 + 4 + 8
    data = encode_content(1, DELIVER, Properties(), b"", 4096)[:length]
    assert delivery_tag("basic.deliver", data) == (513 if length >= whole else 0)


def test_only_who_says_so_means_several() -> None:
    frames = [encode_method(1, Basic.Ack(delivery_tag=3, multiple=several)) for several in (True, False)]
    assert [is_multiple(data) for data in (*frames, frames[0][:19], b"")] == [True, False, False, False]


def test_a_recording_that_begins_in_the_middle_does_not_take_other_records_for_its_frames(story: Any) -> None:
    link = story.connect("p", 49152)
    story.broker(e.Delivered, "/", "q", 7, link.name, 1, "tag", 513, False, False)
    link.send(False, encode_content(1, DELIVER, Properties(), b"hi", 4096))
    recorder: Recorder = story.recorder
    whole = {seq: arrival.messages for seq, arrival in Context(list(recorder)).arrivals.items()}
    assert list(whole.values()) == [(7,)]
    told = next(record.seq for record in recorder if isinstance(record.event, e.Delivered))
    part = Context([recorder[seq] for seq in range(told, len(recorder))])
    assert {seq: arrival.messages for seq, arrival in part.arrivals.items()} == whole
