"""The tap between a transport and a protocol: everything seen, nothing changed."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from amqplab.broker.broker import Broker
from amqplab.client.machine import ClientMachine
from amqplab.client.parameters import ConnectionParameters
from amqplab.client.protocol import ClientProtocol
from amqplab.net.server import BrokerServer
from amqplab.net.tapped import TappedProtocol, TappedTransport
from amqplab.sim.loop import SimLoop
from amqplab.trace.events import FrameReceived, FrameSent, NoteMade
from amqplab.trace.recorder import CAUSE, Recorder
from amqplab.trace.tap import Tap
from amqplab.wire.frames import (
    HEARTBEAT,
    PROTOCOL_HEADER,
    encode_content,
    encode_frame,
    encode_header,
    encode_method,
)
from amqplab.wire.methods import Basic, Channel, Confirm, Connection, Queue, Tx
from amqplab.wire.properties import Properties


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

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


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
    protocol = TappedProtocol(inner, Tap(recorder, "client:1", "broker"))
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
        return Tap(recorder, f"{host}:{port}", "b")

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
@settings(max_examples=100)
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


# --- what a protocol promises by `gathers` -----------------------------------------------------------------


def corrupted(draw: Any, content: bytes) -> bytes:
    """The same content, perhaps with something wrong in it."""
    how = draw(st.integers(0, 9))
    if how == 0:  # any octet
        at = draw(st.integers(0, len(content) - 1))
        return content[:at] + bytes([draw(st.integers(0, 255))]) + content[at + 1 :]
    if how == 1:  # of another class, or with a weight
        return content.replace(b"\x00\x3c\x00\x00", draw(st.sampled_from([b"\x00\x32\0\0", b"\0\x3c\0\x01"])))
    if how == 2:
        return content + HEARTBEAT + content[: draw(st.integers(0, len(content)))]
    return content


PUBLISHES = [
    encode_content(channel, method, properties, body, 4096)
    for channel in (1, 2, 9)
    for method in (
        Basic.Publish(routing_key="q"),
        Basic.Publish(exchange="nowhere", routing_key="q"),
        Basic.Publish(exchange="amq.fanout", mandatory=True),
        Basic.Publish(routing_key="q", immediate=True),
    )
    for properties in (Properties(), Properties(expiration="0"), Properties(expiration="x"))
    for body in (b"", b"body", bytes(5000))
]
TTL = {"x-message-ttl": 5}
SHORT = Basic.Publish.prefix + b"\x00\x00\x01"  # its arguments end too early
PUBLISHES += [
    encode_frame(1, channel, SHORT)
    + encode_header(channel, 4, b"\x00\x00")
    + encode_frame(3, channel, b"body")
    for channel in (1, 2)
]
BROKER_OTHERS = [
    encode_method(1, Channel.Close()),
    encode_method(1, Channel.CloseOk()),
    encode_method(2, Channel.Open()),
    encode_method(1, Confirm.Select()),
    encode_method(1, Tx.Select()),
    encode_method(1, Tx.Commit()),
    encode_method(1, Basic.Consume(queue="q", no_ack=True)),
    encode_method(2, Basic.Get(queue="q")),
    encode_method(1, Queue.Delete(queue="q")),
    encode_method(2, Queue.Declare(queue="expiring", arguments=TTL)),
    encode_content(2, Basic.Publish(routing_key="expiring"), Properties(), b"will expire", 4096),
    encode_method(0, Connection.Close()),
    HEARTBEAT,
    encode_content(1, Basic.Publish(routing_key="q"), Properties(), bytes(9000), 8192 + 8),  # too large
]
DELIVERIES = [
    encode_content(channel, method, properties, body, 4096)
    for channel in (1, 2)
    for method in (
        Basic.Deliver(consumer_tag="c", delivery_tag=1, exchange="", routing_key="q"),
        Basic.Return(reply_code=312, reply_text="NO_ROUTE", exchange="", routing_key="q"),
        Basic.GetOk(delivery_tag=1, exchange="", routing_key="q", message_count=0),
    )
    for properties in (Properties(), b"\x80")
    for body in (b"", b"body", bytes(5000))
]
CLIENT_OTHERS = [
    encode_content(1, Basic.Return(reply_code=312, exchange="", routing_key="q"), b"\0\0", bytes(9000), 9000),
    encode_method(1, Channel.Close(reply_code=404, reply_text="NOT_FOUND", class_id=0, method_id=0)),
    encode_method(1, Channel.Flow(active=True)),
    encode_method(1, Basic.Cancel(consumer_tag="c")),
    encode_method(1, Basic.Ack(delivery_tag=1)),
    encode_method(0, Connection.Blocked(reason="memory")),
    encode_method(0, Connection.Close(reply_code=320, reply_text="", class_id=0, method_id=0)),
    HEARTBEAT,
]


@st.composite
def chunks(draw: Any, contents: list[bytes], others: list[bytes]) -> list[bytes]:
    """What comes after the handshake, cut anywhere."""
    stream = b"".join(
        corrupted(draw, draw(st.sampled_from(contents)))
        if draw(st.integers(0, 3))
        else draw(st.sampled_from(others))
        for _ in range(draw(st.integers(1, 10)))
    )
    cuts = sorted(draw(st.sets(st.integers(0, len(stream)), max_size=4)))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


class End:
    """One end of a connection, tapped, in a world of its own; `plainly` has every frame fed by itself."""

    def __init__(self, *, plainly: bool, client: bool) -> None:
        self.loop = SimLoop()  # type: ignore[abstract]
        self.recorder = Recorder(self.loop.time_ns)
        if plainly:
            self.recorder.observe(lambda seq: None)
        tap = Tap(self.recorder, "client:1", "client" if client else "broker")
        inner = self.client() if client else self.broker()
        self.protocol = TappedProtocol(inner, tap)
        self.transport = FakeTransport()
        self.protocol.connection_made(self.transport)

    def broker(self) -> asyncio.BaseProtocol:
        broker = Broker(report=self.recorder.reporter("broker"))
        return BrokerServer(broker, loop=self.loop, now=self.loop.time_ns).protocol()

    def client(self) -> asyncio.BaseProtocol:
        def news(effect: Any) -> None:
            self.recorder.record("client", NoteMade, type(effect).__name__)

        return ClientProtocol(ClientMachine(ConnectionParameters()), self.loop, news)

    def hear(self, data: bytes) -> None:
        """As a transport does: an error of the protocol's is an event, and the end of nothing here."""
        try:
            self.protocol.data_received(data)
        except Exception as error:
            self.recorder.record("here", NoteMade, type(error).__name__)

    def pass_time(self, ns: int, ringing: bool) -> None:
        """What comes at the very moment of a deadline may come before the bell rings."""
        if ringing:
            self.loop.run_until(self.loop.time_ns() + ns)
        else:
            self.loop.clock.now += ns


def same_either_way(
    client: bool, handshake: bytes, pieces: list[bytes], pauses: list[tuple[int, bool]]
) -> None:
    ends = [End(plainly=plainly, client=client) for plainly in (False, True)]
    for end in ends:
        for frame in [handshake] if not client else handshake.split(b"|||"):
            end.hear(frame)
        if client:
            machine = end.protocol.inner.machine  # type: ignore[attr-defined]
            for number in (1, 2):
                machine.open_channel(number, None)
                end.hear(encode_method(number, Channel.OpenOk()))
    for piece, pause in zip(pieces, pauses, strict=False):
        for end in ends:
            end.hear(piece)
            end.pass_time(*pause)
    assert list(ends[0].recorder) == list(ends[1].recorder)
    assert ends[0].transport.done == ends[1].transport.done


PAUSES = st.lists(
    st.tuples(st.sampled_from([0, 1_000_000, 5_000_000]), st.booleans()), min_size=5, max_size=5
)
HELLO = b"".join(
    [
        PROTOCOL_HEADER,
        encode_method(0, Connection.StartOk(mechanism="PLAIN", response=b"\0guest\0guest", locale="en_US")),
        encode_method(0, Connection.TuneOk(channel_max=100, frame_max=4096, heartbeat=0)),
        encode_method(0, Connection.Open(virtual_host="/")),
        encode_method(1, Channel.Open()),
        encode_method(2, Channel.Open()),
        encode_method(1, Queue.Declare(queue="q")),
        encode_method(1, Queue.Declare(queue="expiring", arguments=TTL)),
        encode_content(2, Basic.Publish(routing_key="expiring"), Properties(), b"will expire", 4096),
        encode_method(2, Basic.Consume(queue="q", consumer_tag="c")),
    ]
)
WELCOME = b"|||".join(
    [
        encode_method(0, Connection.Start(mechanisms=b"PLAIN", locales=b"en_US")),
        encode_method(0, Connection.Tune(channel_max=100, frame_max=4096, heartbeat=0)),
        encode_method(0, Connection.OpenOk()),
    ]
)


@given(chunks(PUBLISHES, BROKER_OTHERS), PAUSES)
@settings(max_examples=300)
def test_a_broker_that_is_given_whole_commands_does_what_it_would_have_done(
    pieces: list[bytes], pauses: list[tuple[int, bool]]
) -> None:
    same_either_way(False, HELLO, pieces, pauses)


@given(chunks(DELIVERIES, CLIENT_OTHERS), PAUSES)
@settings(max_examples=300)
def test_a_client_that_is_given_whole_commands_does_what_it_would_have_done(
    pieces: list[bytes], pauses: list[tuple[int, bool]]
) -> None:
    same_either_way(True, WELCOME, pieces, pauses)


def test_what_was_due_before_a_command_is_done_because_of_its_first_frame() -> None:
    same_either_way(False, HELLO, [HEARTBEAT, PUBLISHES[1], HEARTBEAT], [(5_000_000, False)] * 3)


def test_both_ends_do_take_whole_commands() -> None:
    for client, handshake, content in ((False, HELLO, PUBLISHES[1]), (True, WELCOME, DELIVERIES[1])):
        end = End(plainly=False, client=client)
        fed: list[bytes] = []
        for frame in handshake.split(b"|||"):
            end.hear(frame)
        inner: Any = end.protocol.inner
        if client:
            inner.machine.open_channel(1, None)
            end.hear(encode_method(1, Channel.OpenOk()))
        feed = inner.data_received
        inner.data_received = lambda data, fed=fed, feed=feed: (fed.append(data), feed(data))
        end.hear(content * 2)
        assert fed == [content] * 2
