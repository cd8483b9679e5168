"""AMQP frames out of capture files, whatever order the packets came in."""

from __future__ import annotations

import socket
from itertools import pairwise
from pathlib import Path

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqplab import Lab, Recording
from amqplab.errors import UsageError
from amqplab.net.capture import Stream, frames_in, looks_like_a_capture, recorded
from amqplab.wire.frames import HEARTBEAT, PROTOCOL_HEADER, encode_frame, encode_method
from amqplab.wire.methods import Channel, Queue

OPEN = encode_method(1, Channel.Open())
DECLARE = encode_method(1, Queue.Declare(queue="q"))
SYN, ACK = 0x02, 0x10


def tcp(sport: int, dport: int, seq: int, data: bytes, flags: int = ACK) -> dpkt.ip.IP:
    segment = dpkt.tcp.TCP(sport=sport, dport=dport, seq=seq & 0xFFFFFFFF, flags=flags, data=data)
    packet = dpkt.ip.IP(src=socket.inet_aton("10.0.0.1"), dst=socket.inet_aton("10.0.0.2"), p=6, data=segment)
    packet.len = len(packet)
    return packet


def capture(path: Path, packets: list[dpkt.ip.IP], link: int = dpkt.pcap.DLT_EN10MB) -> Path:
    with open(path, "wb") as file:
        writer = dpkt.pcap.Writer(file, linktype=link)
        for number, packet in enumerate(packets):
            whole = (
                bytes(dpkt.ethernet.Ethernet(data=packet)) if link == dpkt.pcap.DLT_EN10MB else bytes(packet)
            )
            writer.writepkt(whole, ts=number / 1000)
    return path


@pytest.mark.parametrize("link", [dpkt.pcap.DLT_EN10MB, dpkt.pcap.DLT_RAW])
def test_frames_come_in_the_order_in_which_they_were_completed(tmp_path: Path, link: int) -> None:
    start = 0xFFFFFFF0  # sequence numbers wrap round
    stream = PROTOCOL_HEADER + OPEN + DECLARE
    packets = [
        tcp(50000, 5672, start, b"", SYN),
        tcp(5672, 50000, 7, HEARTBEAT),
        tcp(50000, 5672, start + 1, stream[:10]),
        tcp(50000, 5672, start + 21, stream[20:]),  # overtakes
        tcp(50000, 5672, start + 1, stream[:10]),  # comes twice
        tcp(50000, 5672, start + 11, stream[10:20]),
        tcp(50001, 80, 1, b"GET / HTTP/1.1"),
    ]
    path = capture(tmp_path / "x.pcap", packets, link)
    found = list(frames_in(path))
    assert [frame.data for frame in found] == [HEARTBEAT, PROTOCOL_HEADER, OPEN, DECLARE]
    assert [round(frame.at, 3) for frame in found] == [0.001, 0.002, 0.005, 0.005]
    assert (found[1].source, found[1].destination) == ("10.0.0.1:50000", "10.0.0.2:5672")


def test_what_is_no_frame_comes_as_a_rest(tmp_path: Path) -> None:
    packets = [tcp(50000, 5672, 1, OPEN), tcp(50000, 5672, 1 + len(OPEN), b"\xff" * 30)]
    found = list(frames_in(capture(tmp_path / "x.pcap", packets)))
    assert [frame.data for frame in found] == [OPEN, b"\xff" * 30]


def test_another_port_can_be_the_broker_s(tmp_path: Path) -> None:
    path = capture(tmp_path / "x.pcap", [tcp(50000, 5673, 1, OPEN)])
    assert list(frames_in(path)) == []
    assert [frame.data for frame in frames_in(path, 5673)] == [OPEN]


def test_a_file_that_is_no_capture_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    for octets in (b"\xd4\xc3\xb2\xa1 and no more", b"nothing of the kind", b""):
        path.write_bytes(octets)
        with pytest.raises(UsageError, match="cannot be read as a capture"):
            list(frames_in(path))


def test_captures_are_known_by_their_first_octets(tmp_path: Path) -> None:
    assert looks_like_a_capture(capture(tmp_path / "x.pcap", []).read_bytes())
    assert looks_like_a_capture(b"\x0a\x0d\x0d\x0a\x1c\x00\x00\x00")
    assert not looks_like_a_capture(PROTOCOL_HEADER)


@given(
    data=st.data(),
    frames=st.lists(
        st.binary(max_size=30).map(lambda body: encode_frame(3, 1, body)), min_size=1, max_size=6
    ),
    start=st.sampled_from([0, 1000, 2**32 - 5]),
)
@settings(max_examples=100)
def test_segments_in_any_order_and_any_number_of_times_give_the_same_frames(
    data: st.DataObject, frames: list[bytes], start: int
) -> None:
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=6)) | {0, len(stream)})
    segments = [(a, stream[a:b]) for a, b in pairwise(cuts)]
    arriving = data.draw(st.permutations(segments + segments[:2]))
    direction = Stream()
    direction.add(start, True, b"")
    found: list[bytes] = []
    for at, piece in arriving:
        direction.add((start + 1 + at) % 2**32, False, piece)
        found += direction.frames()
    assert found == frames
    assert direction.rest == b""


def test_a_capture_can_be_asked_like_any_recording(tmp_path: Path) -> None:
    with Lab(seed=1, loss="5 %") as lab:
        channel = lab.connect("producer").channel()
        channel.queue_declare("q")
        channel.basic_publish("", "q", "hello")
        lab.run()
        path = lab.to_pcap(tmp_path / "run.pcap")
        seen = [(row.what, row.data) for row in lab.frames("broker")]
    recording = Recording(recorded(path))
    assert sorted((row.what, row.data) for row in recording.frames()) == sorted(seen)
    assert recording.dissect("basic.publish").field("routing-key") == "q"
    found = recording.participants()
    assert {server.kind for server in found.servers.values()} == {"broker"}
    assert [app.role for app in found.apps.values()] == ["publisher"]
    assert "Basic.Publish" in recording.ladder("command")
