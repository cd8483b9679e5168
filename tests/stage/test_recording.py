"""A recording: the same questions and the same answers, whoever made the record."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from amqplab import Lab, Recording
from amqplab.lab import LabError
from amqplab.stage.widget import Stage
from amqplab.trace.recorder import Recorder
from amqplab.trace.tap import Tap
from amqplab.wire.frames import HEARTBEAT, PROTOCOL_HEADER


@pytest.fixture(scope="module")
def lab() -> Lab:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    channel.basic_publish("", "q", "first")
    lab.run()
    return lab


@pytest.fixture(scope="module")
def recording(lab: Lab) -> Recording:
    return Recording(lab.recorder, title="One message")


def test_a_lab_is_a_recording_of_its_own_world(lab: Lab, recording: Recording) -> None:
    assert isinstance(lab, Recording)
    assert recording.digest() == lab.digest()
    assert recording.table() == lab.table()
    assert recording.frames("producer", what="sent") == lab.frames("producer", what="sent")
    assert recording.messages() == lab.messages()
    assert recording.lifecycle(1) == lab.lifecycle(1)
    assert recording.why("Enqueued") == lab.why("Enqueued")
    assert recording.ladder("command") == lab.ladder("command")
    assert recording.dissect("basic.publish") == lab.dissect("basic.publish")
    assert recording.first("Published") == lab.first("Published")
    assert recording.find("FrameSent", where="broker") == lab.find("FrameSent", where="broker")


def test_only_a_lab_can_change_its_past(lab: Lab, recording: Recording) -> None:
    assert recording.stage().breakable == []
    assert lab.stage().breakable != []


def test_pictures_and_files_are_the_labs(lab: Lab, recording: Recording, tmp_path: Path) -> None:
    assert set(recording.graph()) == set(lab.graph())
    one = recording.to_html(tmp_path / "one.html", title="x").read_text()
    assert one == lab.to_html(tmp_path / "two.html", title="x").read_text()
    one_capture = recording.to_pcap(tmp_path / "one.pcap").read_bytes()
    assert one_capture == lab.to_pcap(tmp_path / "two.pcap").read_bytes()
    assert recording.plot_depths(["q"]) is not None


def test_hosts_are_those_that_took_part(recording: Recording) -> None:
    with pytest.raises(LabError, match="There is no host 'nobody': choose one of broker, producer"):
        recording.frames("nobody")


def test_a_tap_makes_a_recording_without_any_lab() -> None:
    recorder = Recorder(lambda: 0)
    tap = Tap(recorder, "127.0.0.1:50000", "here")
    assert [octets for _, octets in tap.received(PROTOCOL_HEADER + HEARTBEAT)] == [PROTOCOL_HEADER, HEARTBEAT]
    recording = Recording(recorder)
    assert [row.summary for row in recording.frames()] == ["Protocol-Header 0-9-1", "Heartbeat"]
    assert list(recording.participants().servers) == ["here"]
    assert len(recording.traffic().frames) == 2


@pytest.mark.parametrize("of", ["lab", "recording", "recorder"])
def test_a_stage_shows_a_lab_a_recording_or_a_recorder(of: str, lab: Lab, recording: Recording) -> None:
    source = {"lab": lab, "recording": recording, "recorder": lab.recorder}[of]
    assert Stage(source).recorder is lab.recorder


def test_a_recording_tells_how_long_it_is(recording: Recording) -> None:
    assert repr(recording) == f"<Recording: {len(recording.records)} records>"


def test_every_view_says_what_it_is() -> None:
    views = [member for name, member in inspect.getmembers(Recording) if not name.startswith("_")]
    assert all(inspect.getdoc(view) for view in views)
