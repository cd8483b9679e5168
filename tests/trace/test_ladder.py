"""The text ladder, against files that are read by people: `UPDATE=1 pytest` rewrites them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scenes import build

from amqplab import Lab
from amqplab.trace import events as e
from amqplab.trace.ladder import ladder
from amqplab.trace.query import first
from amqplab.trace.recorder import Recorder
from amqplab.wire.frames import PROTOCOL_HEADER, encode_method
from amqplab.wire.methods import Basic

Golden = Callable[[str, str], None]


@pytest.mark.parametrize("zoom", ["segment", "frame", "command"])
def test_the_journey_at_each_zoom(recorder: Recorder, golden: Golden, zoom: str) -> None:
    golden(f"ladders/journey-{zoom}.txt", ladder(recorder, zoom=zoom, width=130))


def test_a_part_of_the_journey_with_the_brokers_milestones(recorder: Recorder, golden: Golden) -> None:
    start = first(recorder, e.Intervened).seq
    golden("ladders/journey-notes.txt", ladder(recorder, start=start, notes=True, unit="s"))


def test_no_line_is_wider_than_asked(recorder: Recorder) -> None:
    for width in (90, 120, 160):
        for zoom in ("segment", "frame", "command"):
            text = ladder(recorder, zoom=zoom, width=width, notes=True)
            assert max(map(len, text.splitlines())) <= width


def test_every_frame_has_its_arrow(recorder: Recorder) -> None:
    frames = sum(recorder.kind_of(seq) is e.FrameSent for seq in range(len(recorder)))
    text = ladder(recorder, zoom="frame")
    assert text.count(">│") + text.count("│<") == frames


def test_a_lost_segment_ends_in_a_cross(recorder: Recorder) -> None:
    crossed = [line for line in ladder(recorder, zoom="segment").splitlines() if "×" in line]
    assert len(crossed) == 1
    assert crossed[0].endswith("lost: on purpose")


def test_what_is_done_to_a_link_stands_at_its_own_lifeline_and_names_it() -> None:
    lab = build("half_open")
    names, _, *lines = lab.ladder(notes=True).splitlines()
    [line] = [line for line in lines if "the link of worker is half open" in line]
    assert line[names.index("worker") + len("worker") // 2] == "●"
    assert "the link of worker is half open: nothing passes to the broker" in line


def test_what_is_lost_is_not_cut_while_there_is_room_for_its_name() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    lab.lose_next("producer")
    channel.basic_publish("", "nowhere", "Hello, Rabbit!")
    lab.run()
    for width in range(48, 70):
        lost = next(
            line for line in ladder(lab.recorder, zoom="segment", width=width).splitlines() if "×" in line
        )
        before, _, after = lost.partition("×")
        room = after.index("│")
        assert "…" not in before or room <= 2, f"{width}: {lost}"


def test_what_has_not_arrived_ends_in_dots(recorder: Recorder) -> None:
    part = Recorder(lambda: 0)
    sent = first(recorder, e.FrameSent)
    part.record(sent.where, e.FrameSent, "producer:49152", "producer", 0, sent.event.data)  # type: ignore[attr-defined]
    line = ladder(part).splitlines()[2]
    assert line.endswith("│  under way") and "─…" in line


@pytest.mark.parametrize(
    ("unit", "time"), [("ns", "2033500000"), ("µs", "2033500.000"), ("ms", "2033.500"), ("s", "2.033")]
)
def test_times_are_given_in_the_unit_asked_for(unit: str, time: str) -> None:
    story = Recorder(lambda: 2_033_500_000)
    story.record("p", e.FrameSent, "p:1", "p", 0, encode_method(1, Basic.Ack(delivery_tag=1)))
    text = ladder(story, unit=unit)
    assert text.startswith(unit)
    assert text.splitlines()[2].startswith(time + "  ")


def test_times_that_differ_read_differently() -> None:
    clock = [0]
    story = Recorder(lambda: clock[0])
    for i, now in enumerate((330_010_200_000, 330_010_400_000, 330_010_400_000, 330_030_000_000)):
        clock[0] = now
        story.record("p", e.FrameSent, "p:1", "p", 21 * i, encode_method(1, Basic.Ack(delivery_tag=1)))
    times = [line.split()[0] for line in ladder(story, unit="s").splitlines() if "Ack" in line]
    assert times == ["330.0102", "330.0104", "330.0104", "330.0300"]


def test_a_client_on_a_real_socket_goes_by_its_own_name(story: Any) -> None:
    name = "127.0.0.1:50000"
    story.broker(e.FrameReceived, name, "broker", 0, b"AMQP\x00\x00\x09\x01")
    story.broker(e.ConnectionOpened, name, "guest", "/", "pika")
    story.broker(e.FrameSent, name, "broker", 0, encode_method(0, Basic.Ack(delivery_tag=1)))
    lines = ladder(story.recorder).splitlines()
    assert lines[0].split() == ["ms", "pika", "broker"]
    assert "Protocol-Header" in lines[2] and lines[2].endswith(">│")


def test_an_empty_recording_is_an_empty_ladder() -> None:
    assert ladder(Recorder(lambda: 0)).splitlines()[0].split() == ["ms"]


def test_each_server_has_a_lifeline_of_its_own(story: Any) -> None:
    for server in ("broker", "web"):
        name = f"{server}-client:50000"
        story.tell(f"{server}-client", e.FrameSent, name, f"{server}-client", 0, PROTOCOL_HEADER)
        story.tell(server, e.FrameReceived, name, server, 0, PROTOCOL_HEADER)
    lines = ladder(story.recorder).splitlines()
    assert lines[0].split() == ["ms", "broker-client", "web-client", "broker", "web"]
    assert lines[2].index(">") < lines[3].index(">")


def test_an_unknown_zoom_or_unit_is_refused(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="choose one of segment, frame, command"):
        ladder(recorder, zoom="milestone")
    with pytest.raises(ValueError, match="choose one of ns"):
        ladder(recorder, unit="minutes")
