"""A recording to look at, written by hand: so the view is tested without the broker, the client or the link.

`Story` reports what those floors would report, with real AMQP octets, and `journey()` tells the story of one
message: producer -> exchange `logs` -> queue `app` -> consumer, from SYN to basic.ack.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest
from stage_runs import RUNS

from amqplab.stage.html import to_html
from amqplab.trace import events as e
from amqplab.trace.recorder import Recorder, because
from amqplab.wire.frames import PROTOCOL_HEADER, encode_content, encode_method
from amqplab.wire.methods import Basic, Channel, Confirm, Connection, Exchange, Queue
from amqplab.wire.properties import Properties

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MS = 1_000_000
BROKER = "broker:5672"


class Story:
    """Tells events in order, moving its own clock; every sentence of it is one method."""

    def __init__(self, latency_ms: int = 1, octets_per_ms: int | None = None) -> None:
        self.now = 0
        self.recorder = Recorder(lambda: self.now)
        self.latency = latency_ms * MS
        self.octets_per_ms = octets_per_ms
        self.segments = 0
        self.offsets: dict[tuple[str, bool], int] = {}
        self.read: dict[tuple[str, bool], int] = {}
        self.messages = 0

    def tell(self, where: str, kind: type[e.Event], *fields: object) -> int:
        return self.recorder.record(where, kind, *fields)

    def wait(self, ms: float) -> None:
        self.now += int(ms * MS)

    # --- TCP ---------------------------------------------------------------------------------------------

    def segment(self, conn: str, to_broker: bool, flags: str, payload: bytes = b"", lost: str = "") -> None:
        """One segment leaves now, and has arrived (or was lost) when this returns."""
        host = conn.split(":")[0]
        ends = (conn, BROKER) if to_broker else (BROKER, conn)
        self.segments += 1
        number = self.segments
        offset = self.offsets.get((conn, to_broker), 0)
        serialisation = (len(payload) + 40) * MS // self.octets_per_ms if self.octets_per_ms else 0
        departs, arrives = self.now, self.now + serialisation + self.latency
        sent = self.tell(
            host if to_broker else "broker", e.SegmentSent, conn, number, *ends, flags,
            1000 + offset + ("SYN" not in flags), 2000,
            65535, payload, False, departs, None if lost else arrives,
        )  # fmt: skip
        with because(sent):
            if lost:
                self.now += self.latency // 2
                self.tell("network", e.SegmentLost, conn, number, lost)
                self.now = departs + 200 * MS
                self.tell(host if to_broker else "broker", e.RetransmissionTimedOut, conn, host, 200 * MS)
                return self.segment(conn, to_broker, flags, payload)
            self.now = arrives
            self.tell("broker" if to_broker else host, e.SegmentArrived, conn, number)

    def connect(self, host: str, port: int) -> str:
        conn = f"{host}:{port}"
        self.tell(host, e.CallMade, "amqplab.client.connect('amqp://broker')")
        self.tell(host, e.TcpStateChanged, conn, "SYN-SENT")
        self.segment(conn, True, "SYN")
        self.tell("broker", e.TcpStateChanged, conn, "SYN-RECEIVED")
        self.segment(conn, False, "SYN|ACK")
        self.tell(host, e.TcpStateChanged, conn, "ESTABLISHED")
        self.segment(conn, True, "ACK")
        self.tell("broker", e.TcpStateChanged, conn, "ESTABLISHED")
        return conn

    # --- AMQP --------------------------------------------------------------------------------------------

    def send(
        self, conn: str, to_broker: bool, *frames: bytes, channel: int = 0, name: str = "",
        cuts: Sequence[int] = (), lost: str = "",
    ) -> int:  # fmt: skip
        """Frames of one command cross the link in one segment (or cut at `cuts`); returns the seq that
        completed the command at the other end.
        """
        host = conn.split(":")[0]
        here, there = (host, "broker") if to_broker else ("broker", host)
        offset = self.offsets.get((conn, to_broker), 0)
        sent = []
        for frame in frames:
            sent.append(self.tell(here, e.FrameSent, conn, here, offset, frame))
            offset += len(frame)
        if name:
            self.tell(here, e.CommandSent, conn, here, channel, name, tuple(sent))
        data = b"".join(frames)
        bounds = [0, *cuts, len(data)]
        for start, end in itertools.pairwise(bounds):
            self.segment(conn, to_broker, "PSH|ACK", data[start:end], lost if start == 0 else "")
            self.offsets[conn, to_broker] = self.offsets.get((conn, to_broker), 0) + end - start
        offset = offset - len(data)
        received = []
        for frame in frames:
            received.append(self.tell(there, e.FrameReceived, conn, there, offset, frame))
            offset += len(frame)
        if name:
            with because(received[-1]):
                return self.tell(there, e.CommandReceived, conn, there, channel, name, tuple(received))
        return received[-1]

    def method(self, conn: str, to_broker: bool, channel: int, method: object, **how: object) -> int:
        return self.send(
            conn, to_broker, encode_method(channel, method), channel=channel, name=method.name, **how
        )

    def content(self, conn: str, to_broker: bool, channel: int, method: object, body: bytes, **how) -> int:
        properties = Properties(content_type="text/plain", delivery_mode=2)
        data = encode_content(channel, method, properties, body, 131072)
        frames = []
        while data:
            size = 8 + int.from_bytes(data[3:7], "big")
            frames.append(data[:size])
            data = data[size:]
        return self.send(conn, to_broker, *frames, channel=channel, name=method.name, **how)

    def handshake(self, conn: str) -> None:
        self.send(conn, True, PROTOCOL_HEADER)
        server = {"product": "RabbitMQ", "version": "3.10.8"}
        start = Connection.Start(
            version_major=0, version_minor=9, server_properties=server, mechanisms=b"PLAIN AMQPLAIN",
            locales=b"en_US",
        )  # fmt: skip
        self.method(conn, False, 0, start)
        ok = Connection.StartOk(
            client_properties={"product": "amqplab"}, mechanism="PLAIN", response=b"\0guest\0guest",
            locale="en_US",
        )  # fmt: skip
        seq = self.method(conn, True, 0, ok)
        with because(seq):
            self.tell("broker", e.ConnectionAuthenticated, conn, "guest", "PLAIN")
        self.method(conn, False, 0, Connection.Tune(channel_max=2047, frame_max=131072, heartbeat=60))
        seq = self.method(conn, True, 0, Connection.TuneOk(channel_max=2047, frame_max=131072, heartbeat=60))
        with because(seq):
            self.tell("broker", e.ConnectionTuned, conn, 2047, 131072, 60)
        seq = self.method(conn, True, 0, Connection.Open(virtual_host="/"))
        with because(seq):
            self.tell("broker", e.ConnectionOpened, conn, "guest", "/", conn.split(":")[0])
        self.method(conn, False, 0, Connection.OpenOk())

    def open_channel(self, conn: str, channel: int) -> None:
        seq = self.method(conn, True, channel, Channel.Open())
        with because(seq):
            self.tell("broker", e.ChannelOpened, conn, channel)
        self.method(conn, False, channel, Channel.OpenOk())

    def topology(self, conn: str, exchange: str, kind: str, bindings: Sequence[tuple[str, str]]) -> None:
        seq = self.method(conn, True, 1, Exchange.Declare(exchange=exchange, type=kind))
        with because(seq):
            self.tell("broker", e.ExchangeDeclared, "/", exchange, kind, False, False, False, "")
        self.method(conn, False, 1, Exchange.DeclareOk())
        for queue in dict.fromkeys(queue for queue, _ in bindings):
            seq = self.method(conn, True, 1, Queue.Declare(queue=queue, durable=True))
            with because(seq):
                self.tell("broker", e.QueueDeclared, "/", queue, True, None, False, "")
            self.method(conn, False, 1, Queue.DeclareOk(queue=queue, message_count=0, consumer_count=0))
        for queue, key in bindings:
            seq = self.method(conn, True, 1, Queue.Bind(queue=queue, exchange=exchange, routing_key=key))
            with because(seq):
                self.tell("broker", e.Bound, "/", exchange, "queue", queue, key, "")
            self.method(conn, False, 1, Queue.BindOk())

    def consume(self, conn: str, queue: str, tag: str, prefetch: int) -> None:
        seq = self.method(conn, True, 1, Basic.Qos(prefetch_count=prefetch))
        with because(seq):
            self.tell("broker", e.PrefetchSet, conn, 1, prefetch, False)
        self.method(conn, False, 1, Basic.QosOk())
        seq = self.method(conn, True, 1, Basic.Consume(queue=queue, consumer_tag=tag))
        with because(seq):
            self.tell("broker", e.ConsumerAdded, "/", queue, conn, 1, tag, False, False, prefetch, 0)
        self.method(conn, False, 1, Basic.ConsumeOk(consumer_tag=tag))

    def confirms(self, conn: str) -> None:
        seq = self.method(conn, True, 1, Confirm.Select())
        with because(seq):
            self.tell("broker", e.ModeSelected, conn, 1, "confirm")
        self.method(conn, False, 1, Confirm.SelectOk())

    def publish(
        self, conn: str, exchange: str, key: str, body: bytes, queues: Sequence[str], sequence: int = 0, **how
    ) -> int:
        """Returns the message's number; `queues` are those whose binding matches."""
        call = f"channel.basic_publish(exchange={exchange!r}, routing_key={key!r}, body={body.decode()!r})"
        self.tell(conn.split(":")[0], e.CallMade, call)
        method = Basic.Publish(exchange=exchange, routing_key=key, mandatory=not queues)
        seq = self.content(conn, True, 1, method, body, **how)
        self.messages += 1
        number = self.messages
        with because(seq):
            self.tell(
                "broker", e.Published, "/", number, conn, 1, exchange, key, len(body), not queues, True,
                sequence,
            )  # fmt: skip
            matched = tuple((exchange, "queue", queue, key) for queue in queues)
            self.tell("broker", e.Routed, "/", number, exchange, key, matched, tuple(queues), ())
            if not queues:
                self.tell("broker", e.Unroutable, "/", number, exchange, key, True)
                self.tell("broker", e.Returned, "/", number, conn, 1, 312, "NO_ROUTE")
            for queue in queues:
                self.tell("broker", e.Enqueued, "/", queue, number, 0)
        if not queues:
            back = Basic.Return(reply_code=312, reply_text="NO_ROUTE", exchange=exchange, routing_key=key)
            with because(seq):
                self.content(conn, False, 1, back, body)
        if sequence:
            with because(seq):
                self.tell("broker", e.Confirmed, conn, 1, sequence, False, True)
                self.method(conn, False, 1, Basic.Ack(delivery_tag=sequence))
        return number

    def deliver(self, conn: str, queue: str, tag: str, message: int, delivery_tag: int, body: bytes) -> int:
        self.tell(
            "broker", e.Delivered, "/", queue, message, conn, 1, tag, delivery_tag, False, False
        )  # fmt: skip
        method = Basic.Deliver(
            consumer_tag=tag, delivery_tag=delivery_tag, exchange="logs", routing_key="info"
        )
        return self.content(conn, False, 1, method, body)

    def acknowledge(self, conn: str, queue: str, message: int, delivery_tag: int) -> None:
        seq = self.method(conn, True, 1, Basic.Ack(delivery_tag=delivery_tag))
        with because(seq):
            self.tell("broker", e.Acknowledged, "/", queue, message, conn, 1, delivery_tag)


def journey() -> Recorder:
    """One message from SYN to basic.ack, one lost segment on the way, and one message nobody wanted."""
    story = Story(octets_per_ms=100)
    producer = story.connect("producer", 49152)
    story.handshake(producer)
    story.open_channel(producer, 1)
    story.topology(producer, "logs", "direct", [("app", "info"), ("app", "warn"), ("audit", "info")])
    story.confirms(producer)
    consumer = story.connect("consumer", 49152)
    story.handshake(consumer)
    story.open_channel(consumer, 1)
    story.consume(consumer, "app", "ctag1", 2)
    story.wait(2000)
    body = b"Hello, Rabbit!"
    first = story.publish(
        producer, "logs", "info", body, ["app", "audit"], sequence=1, cuts=[40], lost="loss"
    )
    story.deliver(consumer, "app", "ctag1", first, 1, body)
    second = story.publish(producer, "logs", "warn", b"Low carrots", ["app"], sequence=2)
    story.deliver(consumer, "app", "ctag1", second, 2, b"Low carrots")
    story.acknowledge(consumer, "app", first, 1)
    story.publish(producer, "logs", "debug", b"Anyone?", [], sequence=3)
    return story.recorder


@pytest.fixture(scope="session")
def journey_recorder() -> Recorder:
    return journey()


@pytest.fixture(scope="session")
def recordings() -> Mapping[str, Recorder]:
    """Real runs by name, each recorded once."""
    return {name: run().recorder for name, run in RUNS.items()}


# --- in a browser ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    from stage_browser import browser  # only here: most tests of this floor need none

    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def urls(recordings: Mapping[str, Recorder], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The stand-alone page of each real run."""
    folder = tmp_path_factory.mktemp("pages")
    return {
        name: to_html(one, folder / f"{name}.html", title=name, zoom=3, at=-1).as_uri()
        for name, one in recordings.items()
    }
