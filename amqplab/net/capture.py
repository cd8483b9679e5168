"""AMQP frames out of a capture file.

Theory
------
A capture (pcap, pcapng) holds packets as they passed: TCP segments that may come twice, out of order, or
late, and that do not align with frames. To read AMQP from it, each direction of each connection is put back
in order by sequence number, octets seen before are dropped, and frames are cut from the stream as soon as
they are whole. A frame's time is that of the packet that completed it.

Reading packets is left to dpkt.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from amqplab.errors import UsageError
from amqplab.trace.recorder import Recorder
from amqplab.trace.tap import Tap
from amqplab.wire.frames import FRAME_END

__all__ = ["CapturedFrame", "frames_in", "looks_like_a_capture", "recorded"]

MAGICS = (
    b"\xa1\xb2\xc3\xd4",
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x4d\x3c\xb2\xa1",
    b"\x0a\x0d\x0d\x0a",
)
LARGEST_FRAME = 2**28  # octets; beyond it a length is taken for garbage
SYN, DATALINK_NULL, DATALINK_RAW, DATALINK_SLL = 0x02, 0, 101, 113


class CapturedFrame(NamedTuple):
    """One whole frame (or protocol header, or a rest that is no frame); `at` in seconds of the capture."""

    at: float
    source: str
    destination: str
    data: bytes


def looks_like_a_capture(data: bytes) -> bool:
    """Whether the octets begin as pcap or pcapng files do."""
    return data[:4] in MAGICS


def frames_in(path: str | Path, port: int = 5672) -> Iterator[CapturedFrame]:
    """The frames of all connections to or from `port`, in the order in which they were completed.

    Raises UsageError when the file cannot be read as a capture.
    """
    streams: dict[tuple[str, str], Stream] = {}
    for at, source, destination, segment in _segments(path):
        if port not in (segment.sport, segment.dport):
            continue
        stream = streams.setdefault((source, destination), Stream())
        stream.add(segment.seq, bool(segment.flags & SYN), bytes(segment.data))
        for data in stream.frames():
            yield CapturedFrame(at, source, destination, data)
    for (source, destination), stream in streams.items():
        if stream.rest:
            yield CapturedFrame(at, source, destination, bytes(stream.rest))


def recorded(path: str | Path, port: int = 5672) -> Recorder:
    """The capture as a record, as the servers at `port` saw it; times count from the first frame.

    ``Recording(recorded("run.pcap"))`` can be asked like any other. What a capture cannot know is missing:
    causes, and what went on inside the broker. Raises UsageError when the file cannot be read.
    """
    now = 0
    recorder = Recorder(lambda: now)
    taps: dict[str, Tap] = {}
    begin: float | None = None
    for frame in frames_in(path, port):
        begin = frame.at if begin is None else begin
        now = max(now, round((frame.at - begin) * 1_000_000_000))
        up = frame.destination.endswith(f":{port}")
        client, server = (frame.source, frame.destination) if up else (frame.destination, frame.source)
        tap = taps.get(client)
        if tap is None:
            tap = taps[client] = Tap(recorder, client, server.rpartition(":")[0])
        if up:
            deque(tap.received(frame.data), maxlen=0)
        else:
            tap.sent(frame.data)
    return recorder


class Stream:
    """One direction of one connection: segments in, octets in order, frames out."""

    def __init__(self) -> None:
        self.rest = bytearray()
        self._next: int | None = None
        self._early: dict[int, bytes] = {}

    def add(self, sequence: int, syn: bool, data: bytes) -> None:
        """One segment, by its 32-bit sequence number."""
        if syn or self._next is None:
            self._next = (sequence + syn) % 2**32
        if data:
            self._early[sequence] = max(self._early.get(sequence, b""), data, key=len)
            while self._take():
                pass

    def _take(self) -> bool:
        """Move one early segment that is due (or partly known) to the rest."""
        assert self._next is not None
        for sequence, data in list(self._early.items()):
            known = (self._next - sequence) % 2**32
            if known < 2**31:
                del self._early[sequence]
                fresh = data[known:]
                self.rest += fresh
                self._next = (self._next + len(fresh)) % 2**32
                return True
        return False

    def frames(self) -> Iterator[bytes]:
        """Cut whole frames off the front of the rest."""
        while len(self.rest) >= 8:
            size = 8 if self.rest.startswith(b"AMQP") else 8 + int.from_bytes(self.rest[3:7], "big")
            if size > LARGEST_FRAME or len(self.rest) < size:
                return
            if size > 8 and self.rest[size - 1] != FRAME_END:
                return
            frame = bytes(self.rest[:size])
            del self.rest[:size]
            yield frame


def _segments(path: str | Path) -> Iterator[tuple[float, str, str, Any]]:
    """(time, "host:port" of the source, of the destination, dpkt's TCP segment)."""
    try:
        import dpkt
    except ImportError:
        raise UsageError("Reading a capture file needs dpkt: pip install 'amqplab[lab]'.") from None
    with open(path, "rb") as file:
        try:
            reader = dpkt.pcap.UniversalReader(file)
            link = reader.datalink()
            for at, packet in reader:
                ip = _ip(dpkt, link, packet)
                if ip is not None and isinstance(ip.data, dpkt.tcp.TCP):
                    tcp = ip.data
                    yield at, f"{_host(ip.src)}:{tcp.sport}", f"{_host(ip.dst)}:{tcp.dport}", tcp
        except (ValueError, dpkt.Error) as error:
            raise UsageError(f"{path} cannot be read as a capture: {error}.") from error


def _ip(dpkt: Any, link: int, packet: bytes) -> Any:
    """The IP packet inside a link-layer frame, or None."""
    if link in (dpkt.pcap.DLT_RAW, DATALINK_RAW, 12):
        return (dpkt.ip6.IP6 if packet[:1] and packet[0] >> 4 == 6 else dpkt.ip.IP)(packet)
    if link == DATALINK_NULL:
        inner = dpkt.loopback.Loopback(packet).data
    elif link == DATALINK_SLL:
        inner = dpkt.sll.SLL(packet).data
    else:
        inner = dpkt.ethernet.Ethernet(packet).data
    return inner if isinstance(inner, dpkt.ip.IP | dpkt.ip6.IP6) else None


def _host(address: bytes) -> str:
    if len(address) == 4:
        return socket.inet_ntop(socket.AF_INET, address)
    return f"[{socket.inet_ntop(socket.AF_INET6, address)}]"
