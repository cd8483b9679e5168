"""What crossed: both ends of each thing, which segment carried which octet, and what became of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqplab import Lab
from amqplab.trace import events as e
from amqplab.trace.query import find
from amqplab.trace.recorder import Recorder
from amqplab.trace.traffic import Frame, Segment, Traffic
from amqplab.wire.frames import FRAME_PROTOCOL_HEADER, HEARTBEAT, PROTOCOL_HEADER
from amqplab.wire.methods import Basic, Connection

MS = 1_000_000


@pytest.fixture(scope="module")
def traffic(recorder: Recorder) -> Traffic:
    return Traffic(recorder)


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    """A run in which segments get lost: one by order, others by chance."""
    lab = Lab(seed=3, loss="5 %")
    channel = lab.connect("producer").channel()
    channel.queue_declare(queue="q")
    lab.lose_next("producer")
    for number in range(3):
        channel.basic_publish(exchange="", routing_key="q", body=f"message {number}")
    lab.run()
    recorder = lab.recorder
    lab.close()
    return recorder


def carried(traffic: Traffic, frame: Frame, segments: list[Segment]) -> set[int]:
    """The places of the frame's octets that any of `segments` carries."""
    numbers = {segment.number for segment in segments}
    ranges = [range(first, end) for number, first, end in frame.carriers if number in numbers]
    return {place for octets in ranges for place in octets}


def test_both_ends_of_each_frame_are_one_frame(traffic: Traffic, recorder: Recorder) -> None:
    sent = find(recorder, e.FrameSent)
    assert len(traffic.frames) == len(sent)
    assert [traffic.frames[traffic.frame_at[record.seq]].sent for record in sent] == [r.seq for r in sent]
    assert all(frame.received is not None for frame in traffic.frames)
    first = traffic.frames[0]
    assert (first.type, first.channel, first.up) == (FRAME_PROTOCOL_HEADER, 0, True)


def test_both_ends_of_each_command_are_one_command(traffic: Traffic, recorder: Recorder) -> None:
    assert len(traffic.commands) == len(find(recorder, e.CommandSent))
    for command in traffic.commands:
        last = traffic.frames[command.frames[-1]]
        assert command.sent is not None and command.received is not None
        assert last.sent is not None and last.sent < command.sent < command.received
        assert all(traffic.frames[number].command == command.number for number in command.frames)


def test_a_lost_segment_knows_what_it_carried_and_never_arrived(traffic: Traffic, recorder: Recorder) -> None:
    lost = [segment for segment in traffic.segments.values() if segment.lost]
    injected = [segment for segment in lost if segment.lost == "on purpose"]
    assert len(injected) == 1 and len(injected[0].frames) == 3
    for segment in lost:
        assert segment.arrived is None and segment.lost_seq is not None
        record = recorder[segment.lost_seq]
        assert isinstance(record.event, e.SegmentLost) and record.event.number == segment.number
        assert segment.lost_at == record.at


def test_a_discarded_segment_did_arrive() -> None:
    lab = Lab(seed=0)
    channel = lab.connect("producer").channel()
    lab.half_open("producer", "from broker")  # what arrives is not acknowledged, and so it is sent again
    channel.basic_publish(exchange="", routing_key="nobody", body="hello")
    lab.run_for("1 s")
    discarded = [one for one in Traffic(lab.recorder).segments.values() if one.discarded]
    assert discarded and all(one.retransmission for one in discarded)
    assert all(not one.lost and one.arrived is not None for one in discarded)
    lab.close()


def test_whatever_arrived_was_carried_by_what_arrived(traffic: Traffic) -> None:
    there = [segment for segment in traffic.segments.values() if segment.arrived is not None]
    for frame in traffic.frames:
        assert carried(traffic, frame, there) == set(range(len(frame.data)))


def test_segments_and_frames_name_each_other(traffic: Traffic) -> None:
    for segment in traffic.segments.values():
        for number in segment.frames:
            assert segment.number in [one for one, _, _ in traffic.frames[number].carriers]
        octets = sum(
            last - first
            for number in segment.frames
            for one, first, last in traffic.frames[number].carriers
            if one == segment.number
        )
        assert octets == segment.end - segment.start


def test_a_frame_is_where_the_last_carrier_of_its_last_octet_is(traffic: Traffic) -> None:
    segment = next(one for one in traffic.segments.values() if one.lost == "on purpose")
    for number in segment.frames:
        carrier = traffic.carriers_of(traffic.frames[number])[-1]
        assert carrier.retransmission and carrier.number > segment.number


def test_a_commands_method_can_be_read(traffic: Traffic) -> None:
    methods = [traffic.method_of(command) for command in traffic.commands]
    assert methods[0] is None  # the protocol header
    assert isinstance(methods[1], Connection.Start)
    assert sum(isinstance(method, Basic.Publish) for method in methods) == 3


def test_a_client_on_a_real_socket_has_frames_without_carriers(story: Any) -> None:
    name = "127.0.0.1:50000"
    story.broker(e.FrameReceived, name, "broker", 0, PROTOCOL_HEADER)
    story.broker(e.FrameSent, name, "broker", 0, HEARTBEAT)
    up, down = Traffic(story.recorder).frames
    assert (up.up, up.sent, up.received) == (True, None, 0)
    assert (down.up, down.sent, down.received) == (False, 1, None)
    assert up.carriers == down.carriers == []


@settings(max_examples=40)
@given(st.data())
def test_any_beginning_of_a_recording_can_be_read(recorder: Recorder, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(recorder)))
    part = Traffic(recorder[:length])
    for segment in part.segments.values():
        assert segment.arrived is None or not segment.lost
    for frame in part.frames:
        assert frame.sent is not None and (frame.received is None or frame.sent < frame.received)
