"""A recording written by hand, with the real tap and real octets: readers are tested without any other floor.

`Story` plays the link and the broker. `journey()` tells of one message from SYN to basic.ack, with one lost
segment, a frame cut in two, a message that nobody wanted, a redelivery and a broken connection.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from amqplab.trace import events as e
from amqplab.trace.recorder import Recorder, because
from amqplab.trace.tap import Tap
from amqplab.wire.frames import HEARTBEAT, PROTOCOL_HEADER, encode_content, encode_method
from amqplab.wire.methods import Basic, Channel, Confirm, Connection, Exchange, Queue
from amqplab.wire.properties import Properties

MS = 1_000_000
BROKER = "broker:5672"
DATA = Path(__file__).resolve().parent.parent / "data"
LIMITS = {"channel_max": 2047, "frame_max": 131072, "heartbeat": 60}


class Link:
    """One connection: TCP's numbers, a tap at each end, and everything on time."""

    def __init__(self, story: Story, host: str, port: int) -> None:
        self.story = story
        self.host = host
        self.name = f"{host}:{port}"
        recorder = story.recorder
        self.taps = {
            True: Tap(recorder, self.name, host),
            False: Tap(recorder, self.name, "broker"),
        }
        self.sequence = {True: 1000, False: 5000}

    def here(self, up: bool) -> str:
        return self.host if up else "broker"

    def segment(
        self, up: bool, flags: str, payload: bytes = b"", *, lost: str = "", again: bool = False
    ) -> int:
        """One segment leaves now; returns the seq of its arrival (or loss), which is now."""
        story = self.story
        story.segments += 1
        number, source = story.segments, self.here(up)
        ends = (self.name, BROKER) if up else (BROKER, self.name)
        acknowledges = self.sequence[not up] if "ACK" in flags else 0
        departs, arrives = story.now, story.now + MS
        sent = story.tell(
            source, e.SegmentSent, self.name, number, *ends, flags, self.sequence[up], acknowledges, 65535,
            payload, again, departs, None if lost else arrives,
        )  # fmt: skip
        with because(sent):
            if lost:
                story.now += MS // 2
                return story.tell(self.here(not up), e.SegmentLost, self.name, number, lost)
            story.now = arrives
            self.sequence[up] += len(payload) + ("SYN" in flags) + ("FIN" in flags)
            return story.tell(self.here(not up), e.SegmentArrived, self.name, number)

    def establish(self) -> None:
        tell = self.story.tell
        tell(self.host, e.TcpStateChanged, self.name, "SYN-SENT")
        with because(self.segment(True, "SYN")):
            tell("broker", e.TcpStateChanged, self.name, "SYN-RECEIVED")
            with because(self.segment(False, "SYN|ACK")):
                tell(self.host, e.TcpStateChanged, self.name, "ESTABLISHED")
                with because(self.segment(True, "ACK")):
                    tell("broker", e.TcpStateChanged, self.name, "ESTABLISHED")

    def send(self, up: bool, data: bytes, *, cut: int | None = None, lost: str = "") -> int:
        """Octets from one end to the other, in one segment or cut in two; the first may be lost at first.

        Returns the seq to act because of at the other end.
        """
        self.taps[up].sent(data)
        cause = -1
        for payload in [data] if cut is None else [data[:cut], data[cut:]]:
            arrival = self.lossy(up, payload, lost) if lost else self.segment(up, "PSH|ACK", payload)
            lost = ""
            with because(arrival):
                for seq, _ in self.taps[not up].received(payload):
                    cause = seq if seq is not None else cause
        return cause

    def lossy(self, up: bool, payload: bytes, lost: str) -> int:
        """A segment is lost, and sent again when the time is out."""
        self.segment(up, "PSH|ACK", payload, lost=lost)
        self.story.now += 200 * MS
        here = self.here(up)
        with because(self.story.tell(here, e.RetransmissionTimedOut, self.name, here, 200 * MS)):
            return self.segment(up, "PSH|ACK", payload, again=True)

    def method(self, up: bool, channel: int, method: object) -> int:
        return self.send(up, encode_method(channel, method))


class Story:
    """Moves its own clock and tells events in order."""

    def __init__(self) -> None:
        self.now = 0
        self.recorder = Recorder(lambda: self.now)
        self.segments = 0
        self.messages = 0

    def tell(self, where: str, kind: type[e.Event], *fields: object) -> int:
        return self.recorder.record(where, kind, *fields)

    def broker(self, kind: type[e.Event], *fields: object) -> int:
        return self.tell("broker", kind, *fields)

    def ask(
        self, link: Link, channel: int, method: object, answer: object, *told: tuple[object, ...]
    ) -> None:
        """The client asks, the broker does (and tells) what it was asked, and answers."""
        with because(link.method(True, channel, method)):
            for event in told:
                self.broker(*event)
            link.method(False, channel, answer)

    def connect(self, host: str, port: int) -> Link:
        link = Link(self, host, port)
        with because(self.tell(host, e.CallMade, "amqplab.client.connect('amqp://broker')")):
            link.establish()
        with because(link.send(True, PROTOCOL_HEADER)):
            start = Connection.Start(
                version_major=0, version_minor=9, server_properties={"product": "RabbitMQ"},
                mechanisms=b"PLAIN", locales=b"en_US",
            )  # fmt: skip
            cause = link.method(False, 0, start)
        with because(cause):
            login = Connection.StartOk(
                client_properties={}, mechanism="PLAIN", response=b"\0guest\0guest", locale="en_US"
            )
            cause = link.method(True, 0, login)
        with because(cause):
            self.broker(e.ConnectionAuthenticated, link.name, "guest", "PLAIN")
            cause = link.method(False, 0, Connection.Tune(**LIMITS))
        with because(cause):
            cause = link.method(True, 0, Connection.TuneOk(**LIMITS))
        with because(cause):
            self.broker(e.ConnectionTuned, link.name, 2047, 131072, 60)
        opened = (e.ConnectionOpened, link.name, "guest", "/", host)
        self.ask(link, 0, Connection.Open(virtual_host="/"), Connection.OpenOk(), opened)
        self.ask(link, 1, Channel.Open(), Channel.OpenOk(), (e.ChannelOpened, link.name, 1))
        return link

    def publish(
        self, link: Link, key: str, body: bytes, queues: tuple[str, ...], sequence: int, **how: object
    ) -> int:
        """The producer publishes to `logs`; the broker routes, enqueues, returns and confirms."""
        call = f"channel.basic_publish(exchange='logs', routing_key={key!r}, body={body.decode()!r})"
        method = Basic.Publish(exchange="logs", routing_key=key, mandatory=not queues)
        properties = Properties(content_type="text/plain", delivery_mode=2)
        made = self.tell(link.host, e.CallMade, call)
        with because(made):
            cause = link.send(True, encode_content(1, method, properties, body, 131072), **how)
        self.messages += 1
        number = self.messages
        with because(cause):
            fields = (link.name, 1, "logs", key, len(body), not queues, True, sequence)
            self.broker(e.Published, "/", number, *fields)
            matched = tuple(("logs", "queue", queue, key) for queue in queues)
            self.broker(e.Routed, "/", number, "logs", key, matched, queues, ())
            for queue in queues:
                self.broker(e.Enqueued, "/", queue, number, 0)
            if not queues:
                self.broker(e.Unroutable, "/", number, "logs", key, True)
                self.broker(e.Returned, "/", number, link.name, 1, 312, "NO_ROUTE")
                back = Basic.Return(reply_code=312, reply_text="NO_ROUTE", exchange="logs", routing_key=key)
                link.send(False, encode_content(1, back, properties, body, 131072))
            self.broker(e.Confirmed, link.name, 1, sequence, False, True)
            cause = link.method(False, 1, Basic.Ack(delivery_tag=sequence))
        with because(cause):
            self.tell(link.host, e.CallReturned, made, "None")
        return number

    def deliver(self, link: Link, message: int, tag: int, body: bytes, *, redelivered: bool = False) -> None:
        fields = (message, link.name, 1, "ctag1", tag, redelivered, False)
        self.broker(e.Delivered, "/", "app", *fields)
        method = Basic.Deliver(
            consumer_tag="ctag1", delivery_tag=tag, redelivered=redelivered, exchange="logs",
            routing_key="info",
        )  # fmt: skip
        cause = link.send(False, encode_content(1, method, Properties(), body, 131072))
        with because(cause):
            self.tell(link.host, e.MessageHandled, link.name, 1, tag)


def journey() -> Recorder:
    """See the module's docstring."""
    story = Story()
    producer = story.connect("producer", 49152)
    declared = (e.ExchangeDeclared, "/", "logs", "direct", False, False, False, "")
    story.ask(producer, 1, Exchange.Declare(exchange="logs", type="direct"), Exchange.DeclareOk(), declared)
    for queue in ("app", "audit"):
        answer = Queue.DeclareOk(queue=queue, message_count=0, consumer_count=0)
        declared = (e.QueueDeclared, "/", queue, True, None, False, "")
        story.ask(producer, 1, Queue.Declare(queue=queue, durable=True), answer, declared)
        bind = Queue.Bind(queue=queue, exchange="logs", routing_key="info")
        bound = (e.Bound, "/", "logs", "queue", queue, "info", "")
        story.ask(producer, 1, bind, Queue.BindOk(), bound)
    selected = (e.ModeSelected, producer.name, 1, "confirm")
    story.ask(producer, 1, Confirm.Select(), Confirm.SelectOk(), selected)

    consumer = story.connect("consumer", 49152)
    prefetch = (e.PrefetchSet, consumer.name, 1, 2, False)
    story.ask(consumer, 1, Basic.Qos(prefetch_count=2), Basic.QosOk(), prefetch)
    added = (e.ConsumerAdded, "/", "app", consumer.name, 1, "ctag1", False, False, 2, 0)
    consume = Basic.Consume(queue="app", consumer_tag="ctag1")
    story.ask(consumer, 1, consume, Basic.ConsumeOk(consumer_tag="ctag1"), added)

    story.now += 2_000 * MS
    body = b"Hello, Rabbit!"
    story.tell("lab", e.Intervened, "lose next", "producer", "1 to broker")
    first = story.publish(producer, "info", body, ("app", "audit"), 1, cut=40, lost="on purpose")
    story.deliver(consumer, first, 1, body)
    with because(consumer.method(True, 1, Basic.Reject(delivery_tag=1, requeue=True))):
        story.broker(e.Rejected, "/", "app", first, consumer.name, 1, 1, True)
        story.broker(e.Requeued, "/", "app", first, 0, "rejected")
        story.deliver(consumer, first, 2, body, redelivered=True)
    with because(consumer.method(True, 1, Basic.Ack(delivery_tag=2))):
        story.broker(e.Acknowledged, "/", "app", first, consumer.name, 1, 2)
    story.publish(producer, "debug", b"Anyone?", (), 2)
    consumer.send(True, HEARTBEAT)
    end(story, consumer)
    return story.recorder


def end(story: Story, link: Link) -> None:
    """The client closes everything in order."""
    close = Connection.Close(reply_code=200, reply_text="Normal shutdown", class_id=0, method_id=0)
    with because(link.method(True, 0, close)):
        story.broker(e.ConnectionClosing, link.name, "client", 200, "Normal shutdown")
        story.broker(e.ConsumerRemoved, "/", "app", link.name, 1, "ctag1", "channel closed")
        story.broker(e.ChannelClosed, link.name, 1)
        link.method(False, 0, Connection.CloseOk())
        story.broker(e.ConnectionClosed, link.name, "closed by client")
    for up in (True, False):
        story.tell(link.here(up), e.TcpStateChanged, link.name, "FIN-WAIT-1" if up else "LAST-ACK")
        link.segment(up, "FIN|ACK")
    story.tell(link.host, e.TcpStateChanged, link.name, "TIME-WAIT")
    link.segment(True, "ACK")
    story.tell("broker", e.TcpStateChanged, link.name, "CLOSED")


@pytest.fixture(scope="session")
def recorder() -> Recorder:
    """The journey; nobody may add to it."""
    return journey()


@pytest.fixture
def story() -> Story:
    """An empty recording to write into."""
    return Story()


@pytest.fixture(scope="session")
def real_run() -> Any:
    """A finished lab (see real_run.py); nobody may go on with it."""
    return runpy.run_path(str(Path(__file__).with_name("real_run.py")))["run"]()
