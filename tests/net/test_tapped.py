"""The tap between a transport and a protocol: everything seen, nothing changed."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from amqplab.net.tapped import TappedProtocol, TappedTransport
from amqplab.trace.events import FrameReceived, FrameSent
from amqplab.trace.recorder import CAUSE, Recorder
from amqplab.trace.tap import Tap
from amqplab.wire.frames import HEARTBEAT, PROTOCOL_HEADER, encode_frame, encode_method
from amqplab.wire.methods import Basic, Channel


class FakeTransport(asyncio.Transport):
    """Notes what is done to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("client", 1)})
        self.done: list[Any] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.done.append(bytes(data))

    def close(self) -> None:
        self.closing = True
        self.done.append("close")

    def abort(self) -> None:
        self.closing = True
        self.done.append("abort")

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")

    def write_eof(self) -> None:
        self.done.append("eof")

    def get_write_buffer_size(self) -> int:
        return 0


class Inner(asyncio.Protocol):
    """Notes what it gets, each with the cause it got it under; answers with what `answer` gives."""

    def __init__(self) -> None:
        self.got: list[tuple[int | None, bytes]] = []
        self.ended: list[Exception | None] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.got.append((CAUSE.get(), data))
        self.answer(data)

    def answer(self, data: bytes) -> None:
        pass

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.append(exc)


def tapped(inner: Inner) -> tuple[TappedProtocol, FakeTransport, Recorder]:
    recorder = Recorder(lambda: 0)
    protocol = TappedProtocol(inner, Tap(recorder, "client:1", "broker", client=False))
    transport = FakeTransport()
    protocol.connection_made(transport)
    protocol.data_received(PROTOCOL_HEADER)
    inner.got.clear()
    return protocol, transport, recorder


OPEN, FLOW, ACK = (
    encode_method(1, method)
    for method in (Channel.Open(), Channel.Flow(active=True), Basic.Ack(delivery_tag=1))
)


def test_each_frame_is_fed_by_itself_under_the_record_that_tells_of_it() -> None:
    inner = Inner()
    protocol, _, recorder = tapped(inner)
    protocol.data_received(OPEN + FLOW[:5])
    protocol.data_received(FLOW[5:] + ACK)
    assert [octets for _, octets in inner.got] == [OPEN, FLOW, ACK]
    for cause, octets in inner.got:
        assert cause is not None
        record = recorder[cause]
        while not isinstance(record.event, FrameReceived):
            assert record.cause is not None
            record = recorder[record.cause]
        assert record.event.data == octets
    assert CAUSE.get() is None


def test_what_is_written_meanwhile_leaves_in_one_piece_but_is_seen_frame_by_frame() -> None:
    class Echo(Inner):
        def answer(self, data: bytes) -> None:
            if data != PROTOCOL_HEADER:
                self.transport.write(data)

    inner = Echo()
    protocol, transport, recorder = tapped(inner)
    transport.done.clear()
    protocol.data_received(OPEN + FLOW + ACK)
    assert transport.done == [OPEN + FLOW + ACK]
    sent = [record for record in recorder if isinstance(record.event, FrameSent)]
    assert [record.event.data for record in sent][-3:] == [OPEN, FLOW, ACK]  # type: ignore[attr-defined]
    assert len({record.cause for record in sent[-3:]}) == 3


def test_what_is_written_at_other_times_leaves_at_once() -> None:
    inner = Inner()
    _, transport, _ = tapped(inner)
    inner.transport.write(HEARTBEAT)
    inner.transport.writelines([OPEN, ACK])
    inner.transport.write(b"")
    assert transport.done == [HEARTBEAT, OPEN + ACK]


def test_a_protocol_that_stops_reading_gets_the_rest_of_the_chunk_when_it_reads_again() -> None:
    class Stops(Inner):
        def answer(self, data: bytes) -> None:
            if data == FLOW:
                self.transport.pause_reading()

    inner = Stops()
    protocol, transport, recorder = tapped(inner)
    protocol.data_received(OPEN + FLOW + ACK + ACK)
    assert [octets for _, octets in inner.got] == [OPEN, FLOW]
    before = len(recorder)
    protocol.data_received(HEARTBEAT)  # was on its way already
    assert len(recorder) == before  # what was not taken was not received
    inner.transport.resume_reading()
    assert [octets for _, octets in inner.got] == [OPEN, FLOW, ACK, ACK, HEARTBEAT]
    assert transport.done == ["pause", "resume"]


def test_what_was_written_before_the_close_leaves_before_the_close() -> None:
    for end in ("close", "abort"):

        class Ends(Inner):
            def answer(self, data: bytes) -> None:
                self.transport.write(data)
                getattr(self.transport, end)()  # noqa: B023
                self.transport.write(b"too late")

        inner = Ends()
        _, transport, _ = tapped(inner)
        protocol, transport, _ = tapped(inner)
        assert transport.done == [PROTOCOL_HEADER, end]
        protocol.data_received(OPEN)
        assert inner.got == []  # a closed protocol hears no more


def test_unreadable_octets_pass_unchanged() -> None:
    inner = Inner()
    protocol, _, _ = tapped(inner)
    protocol.data_received(b"\xff" * 20)
    protocol.data_received(b"more")
    assert b"".join(octets for _, octets in inner.got) == b"\xff" * 20 + b"more"


def test_the_end_is_passed_on_and_the_rest_is_the_transport_s() -> None:
    inner = Inner()
    protocol, transport, _ = tapped(inner)
    outer = protocol.transport
    assert isinstance(outer, TappedTransport)
    assert outer.get_extra_info("peername") == ("client", 1)
    assert outer.get_protocol() is inner
    assert (outer.get_write_buffer_size(), outer.is_closing()) == (0, False)
    outer.write_eof()
    assert transport.done == ["eof"]
    error = ConnectionResetError()
    protocol.connection_lost(error)
    assert inner.ended == [error]
    assert "0x" not in repr(protocol) + repr(outer)


def test_the_tap_may_be_made_when_the_other_end_is_known() -> None:
    recorder = Recorder(lambda: 0)

    def tap(transport: asyncio.BaseTransport) -> Tap:
        host, port = transport.get_extra_info("peername")
        return Tap(recorder, f"{host}:{port}", "b", client=False)

    protocol = TappedProtocol(Inner(), tap)
    protocol.connection_made(FakeTransport())
    protocol.data_received(PROTOCOL_HEADER)
    assert recorder[0].event.connection == "client:1"  # type: ignore[attr-defined]


@given(
    frames=st.lists(
        st.tuples(st.sampled_from([1, 2, 3]), st.integers(1, 3), st.binary(min_size=4, max_size=40)),
        max_size=8,
    ),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=20),
)
@settings(max_examples=100, derandomize=True, deadline=None)
def test_octets_are_neither_lost_nor_added_nor_reordered(
    frames: list[tuple[int, int, bytes]], sizes: list[int]
) -> None:
    stream = b"".join(encode_frame(*frame) for frame in frames)
    inner = Inner()
    protocol, _, _ = tapped(inner)
    at = 0
    for size in sizes * (len(stream) // sum(sizes) + 1):
        protocol.data_received(stream[at : at + size])
        at += size
    assert b"".join(octets for _, octets in inner.got) == stream
