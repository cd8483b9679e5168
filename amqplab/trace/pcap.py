"""A capture file of the simulated link, for Wireshark.

Theory
------
A recorded segment holds what a TCP header holds: ports, sequence and acknowledgement numbers, flags,
window. What is missing is invented, once and the same in every run: an address 10.0.0.x and a locally
administered Ethernet address for each host, the broker's first; the headers' lengths and checksums follow
from the rest.

    file     magic 0xa1b23c4d (times in nanoseconds), version 2.4, link type 1 (Ethernet)
    packet   seconds, nanoseconds, captured length, length; Ethernet II, IPv4, TCP, payload

*Where* one captures matters, as on a real network:

    at=None         an observer who is everywhere: each segment once, at the moment it leaves its sender,
                    whether it will arrive or be lost
    at="producer"   the network interface of one host: what leaves it (lost later or not), and what arrives

Times are those of the virtual clock, so a capture begins in 1970. Windows of more than 65535 octets are
told by the window scale option (RFC 7323) in the SYN segments.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from typing import Any, NamedTuple

from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Recorder

__all__ = ["addresses", "pcap", "write_pcap"]

NANOSECOND_MAGIC = 0xA1B23C4D
SNAPSHOT_OCTETS = 262_144
LARGEST_PAYLOAD = 65_535 - 40
FLAG_BITS = {"FIN": 0x01, "SYN": 0x02, "RST": 0x04, "PSH": 0x08, "ACK": 0x10}
WINDOW_SCALE = b"\x01\x03\x03"
SECOND = 1_000_000_000


class Packet(NamedTuple):
    """One segment and the moment of its capture, in ns."""

    at: int
    segment: e.SegmentSent


def write_pcap(recorder: Recorder, path: str | PathLike[str], *, at: str | None = None) -> int:
    """Write the capture file and return how many packets are in it.

    Raises ValueError if there is nothing to capture or no host `at`, and ImportError with what to do if
    dpkt is not installed.
    """
    data = pcap(recorder, at=at)
    with open(path, "wb") as file:
        file.write(data)
    return len(_packets(recorder, at))


def pcap(recorder: Recorder, *, at: str | None = None) -> bytes:
    """The octets of the capture file."""
    dpkt = _dpkt()
    hosts = addresses(recorder)
    if not hosts:
        raise ValueError(
            "This recording has no TCP segments: its connections ran over real sockets. "
            "Capture those with Wireshark itself."
        )
    if at is not None and at not in hosts:
        raise ValueError(f"No host {at!r} sends or receives here: choose one of {', '.join(hosts)}.")
    file = dpkt.pcap.LEFileHdr(magic=NANOSECOND_MAGIC, snaplen=SNAPSHOT_OCTETS, linktype=dpkt.pcap.DLT_EN10MB)
    encode = _Encoder(dpkt, hosts, _scales(recorder))
    parts = [bytes(file)]
    for moment, segment in _packets(recorder, at):
        frame = encode(segment)
        seconds, nanoseconds = divmod(moment, SECOND)
        head = dpkt.pcap.LEPktHdr(tv_sec=seconds, tv_usec=nanoseconds, caplen=len(frame), len=len(frame))
        parts += [bytes(head), frame]
    return b"".join(parts)


def addresses(recorder: Recorder) -> dict[str, str]:
    """Each host's address: the broker has 10.0.0.1, the others follow in order of appearance."""
    servers: dict[str, None] = {}
    clients: dict[str, None] = {}
    for segment in _segments(recorder):
        for end in (segment.source, segment.destination):
            (clients if end == segment.connection else servers)[client_host(end)] = None
    hosts = [*servers, *(client for client in clients if client not in servers)]
    return {host: _address(number) for number, host in enumerate(hosts)}


def _address(number: int) -> str:
    third, fourth = divmod(number, 254)
    return f"10.0.{third}.{fourth + 1}"


def _dpkt() -> Any:
    try:
        import dpkt  # type: ignore[import-untyped]
    except ImportError:
        raise ImportError("A capture file needs the library dpkt: pip install amqplab[lab]") from None
    return dpkt


# --- what is captured ------------------------------------------------------------------------------------


def _segments(recorder: Recorder) -> Iterator[e.SegmentSent]:
    for seq in range(len(recorder)):
        if recorder.kind_of(seq) is e.SegmentSent:
            event = recorder[seq].event
            assert isinstance(event, e.SegmentSent)
            yield event


def _packets(recorder: Recorder, at: str | None) -> list[Packet]:
    """The segments that the capture point sees, in the order of its clock."""
    if at is None:
        packets = [Packet(segment.departs_at, segment) for segment in _segments(recorder)]
        return sorted(packets, key=lambda packet: packet.at)
    packets = []
    under_way: dict[int, e.SegmentSent] = {}
    for record in recorder:
        event = record.event
        if isinstance(event, e.SegmentSent):
            under_way[event.number] = event
            if client_host(event.source) == at:
                packets.append(Packet(event.departs_at, event))
        elif isinstance(event, e.SegmentArrived | e.SegmentDiscarded):
            segment = under_way.pop(event.number, None)
            if segment is not None and client_host(segment.destination) == at:
                packets.append(Packet(record.at, segment))
    return sorted(packets, key=lambda packet: packet.at)


def _scales(recorder: Recorder) -> dict[str, int]:
    """The window scale of each endpoint, for connections where one is needed."""
    largest: dict[str, int] = {}
    peers: dict[str, str] = {}
    for segment in _segments(recorder):
        largest[segment.source] = max(largest.get(segment.source, 0), segment.window)
        peers[segment.source] = segment.destination
    scales = {end: max(window.bit_length() - 16, 0) for end, window in largest.items()}
    return {end: scale for end, scale in scales.items() if scale or scales.get(peers[end])}


# --- how it is written -----------------------------------------------------------------------------------


class _Encoder:
    """Makes Ethernet frames of segments."""

    def __init__(self, dpkt: Any, hosts: dict[str, str], scales: dict[str, int]) -> None:
        self._dpkt = dpkt
        self._addresses = {host: bytes(map(int, text.split("."))) for host, text in hosts.items()}
        self._scales = scales
        self._identification: dict[str, int] = {}

    def __call__(self, segment: e.SegmentSent) -> bytes:
        if len(segment.payload) > LARGEST_PAYLOAD:
            raise ValueError(
                f"Segment {segment.number} carries {len(segment.payload)} octets, more than an IPv4 packet "
                f"can: use an MSS of at most {LARGEST_PAYLOAD}."
            )
        source, _, source_port = segment.source.rpartition(":")
        destination, _, destination_port = segment.destination.rpartition(":")
        tcp = self._tcp(segment, int(source_port), int(destination_port))
        number = self._identification[source] = self._identification.get(source, 0) + 1
        ip = self._dpkt.ip.IP(
            src=self._addresses[source],
            dst=self._addresses[destination],
            p=self._dpkt.ip.IP_PROTO_TCP,
            ttl=64,
            id=number & 0xFFFF,
            df=1,
            data=tcp,
        )
        ip.len = len(ip)
        ethernet = self._dpkt.ethernet.Ethernet(
            src=self._hardware(source), dst=self._hardware(destination), data=ip
        )
        return bytes(ethernet)

    def _tcp(self, segment: e.SegmentSent, source_port: int, destination_port: int) -> Any:
        bits = [FLAG_BITS[flag] for flag in segment.flags.split("|")]
        scale = self._scales.get(segment.source)
        options, window = b"", segment.window
        if "SYN" in segment.flags:
            options = b"" if scale is None else WINDOW_SCALE + bytes([scale])
        elif scale:
            window >>= scale
        return self._dpkt.tcp.TCP(
            sport=source_port,
            dport=destination_port,
            seq=segment.sequence,
            ack=segment.acknowledgement if "ACK" in segment.flags else 0,
            flags=sum(bits),
            win=min(window, 0xFFFF),
            off=5 + len(options) // 4,
            opts=options,
            data=segment.payload,
        )

    def _hardware(self, host: str) -> bytes:
        """A locally administered Ethernet address that ends like the host's IP address."""
        return b"\x02\x00" + self._addresses[host]
