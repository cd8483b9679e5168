"""The capture file, read back octet by octet."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from amqplab.trace import events as e
from amqplab.trace.pcap import addresses, pcap, write_pcap
from amqplab.trace.query import find
from amqplab.trace.recorder import Recorder


class Captured(NamedTuple):
    at: int
    source: str
    destination: str
    sequence: int
    acknowledgement: int
    flags: int
    window: int
    options: bytes
    payload: bytes


def ones_complement_sum(data: bytes) -> int:
    """RFC 1071: a packet with a right checksum sums to 0xFFFF."""
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\x00" * (len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def read(data: bytes) -> list[Captured]:
    """Our own reading of the file, with every length and checksum checked."""
    assert struct.unpack("<IHHiIII", data[:24]) == (0xA1B23C4D, 2, 4, 0, 0, 262_144, 1)
    place, found = 24, []
    while place < len(data):
        seconds, nanoseconds, captured, length = struct.unpack("<IIII", data[place : place + 16])
        frame = data[place + 16 : place + 16 + captured]
        assert captured == length == len(frame)
        place += 16 + captured
        assert frame[12:14] == b"\x08\x00"
        ip = frame[14:]
        assert ip[0] == 0x45 and int.from_bytes(ip[2:4], "big") == len(ip)
        assert ones_complement_sum(ip[:20]) == 0xFFFF
        tcp = ip[20:]
        pseudo = ip[12:20] + b"\x00\x06" + len(tcp).to_bytes(2, "big")
        assert ones_complement_sum(pseudo + tcp) == 0xFFFF
        ports = struct.unpack(">HH", tcp[:4])
        sequence, acknowledgement, offset, flags, window = struct.unpack(">IIBBH", tcp[4:16])
        head = (offset >> 4) * 4
        ends = [
            f"{'.'.join(map(str, ip[at : at + 4]))}:{port}" for at, port in zip((12, 16), ports, strict=True)
        ]
        numbers = (sequence, acknowledgement, flags, window)
        at = seconds * 10**9 + nanoseconds
        found.append(Captured(at, *ends, *numbers, tcp[20:head], tcp[head:]))
    return found


def test_every_segment_is_there_once_with_its_own_time_and_octets(recorder: Recorder) -> None:
    sent: list[Any] = [record.event for record in find(recorder, e.SegmentSent)]
    captured = read(pcap(recorder))
    assert [packet.payload for packet in captured] == [segment.payload for segment in sent]
    assert [packet.at for packet in captured] == [segment.departs_at for segment in sent]
    assert [packet.sequence for packet in captured] == [segment.sequence for segment in sent]
    assert captured[0].flags == 0x02 and captured[0].acknowledgement == 0


def test_the_broker_has_the_first_address(recorder: Recorder) -> None:
    assert addresses(recorder) == {"broker": "10.0.0.1", "producer": "10.0.0.2", "consumer": "10.0.0.3"}
    assert (read(pcap(recorder))[0].source, read(pcap(recorder))[0].destination) == (
        "10.0.0.2:49152",
        "10.0.0.1:5672",
    )


def test_one_host_sees_what_it_sends_and_what_arrives(recorder: Recorder) -> None:
    lost: Any = find(recorder, e.SegmentLost)[0].event
    segments: list[Any] = [record.event for record in find(recorder, e.SegmentSent)]
    payload = next(segment.payload for segment in segments if segment.number == lost.number)
    seen = {
        at: [packet.payload for packet in read(pcap(recorder, at=at))].count(payload)
        for at in ("producer", "broker", "consumer")
    }
    assert seen == {"producer": 2, "broker": 1, "consumer": 0}
    times = [packet.at for packet in read(pcap(recorder, at="broker"))]
    assert times == sorted(times) and times[0] == 1_000_000  # a latency after it was sent


def test_a_window_beyond_65535_is_scaled_in_both_directions(story: Any) -> None:
    for number, (source, flags, window) in enumerate(
        [("p:1", "SYN", 65535), ("broker:5672", "SYN|ACK", 400_000), ("p:1", "ACK", 65535),
         ("broker:5672", "ACK", 400_000)]
    ):  # fmt: skip
        destination = "broker:5672" if source == "p:1" else "p:1"
        fields = ("p:1", number, source, destination, flags, 1, 1, window, b"", False, number, number + 1)
        story.tell(source, e.SegmentSent, *fields)
    syn, answer, ack, back = read(pcap(story.recorder))
    assert (syn.options, answer.options) == (b"\x01\x03\x03\x00", b"\x01\x03\x03\x03")
    assert (answer.window, ack.window, back.window) == (65535, 65535, 50_000)


def test_the_number_of_packets_is_returned(recorder: Recorder, tmp_path: Path) -> None:
    path = tmp_path / "journey.pcap"
    packets = write_pcap(recorder, path)
    assert packets == len(read(path.read_bytes())) == len(find(recorder, e.SegmentSent))


def test_many_hosts_have_addresses_of_their_own(story: Any) -> None:
    for number in range(600):
        fields = (number, f"h{number}:1", "broker:5672", "SYN", 1, 0, 1, b"", False, number, number + 1)
        story.tell("h", e.SegmentSent, f"h{number}:1", *fields)
    found = addresses(story.recorder)
    assert len(set(found.values())) == 601
    assert all(0 < int(address.rpartition(".")[2]) < 255 for address in found.values())


def test_an_unknown_place_is_refused_with_the_known_ones(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="choose one of broker, producer, consumer"):
        pcap(recorder, at="nobody")


def test_a_recording_of_real_sockets_has_nothing_to_capture(story: Any) -> None:
    story.broker(e.ChannelOpened, "127.0.0.1:1", 1)
    with pytest.raises(ValueError, match="Capture those with Wireshark"):
        pcap(story.recorder)


def test_a_segment_too_large_for_ip_is_refused(story: Any) -> None:
    fields = (1, "p:1", "broker:5672", "ACK", 1, 0, 1, bytes(70_000), False, 0, 1)
    story.tell("p", e.SegmentSent, "p:1", *fields)
    with pytest.raises(ValueError, match="an MSS of at most 65495"):
        pcap(story.recorder)


def test_without_dpkt_the_error_says_what_to_install(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dpkt", None)
    with pytest.raises(ImportError, match=r"pip install amqplab\[lab\]"):
        pcap(recorder)
