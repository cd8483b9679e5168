"""Messages a second through the broker on loopback, against RabbitMQ: 100 octets, one queue.

    auto-ack                the consumer acknowledges nothing
    ack each                the consumer has a prefetch of 100 and acknowledges every message
    confirms                the publisher has at most 1000 unconfirmed
    persistent + confirms   all of it, with a durable queue and persistent messages, on a disk

The load is the same octets for both, encoded beforehand, from one thread that only writes and counts: a real
client library would be the bottleneck. Every publish and every delivery has the same size, so that counting
octets counts messages. Both brokers run as processes of their own; RabbitMQ is Debian's, with its defaults.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import sys
import tempfile
from pathlib import Path

from amqplab.wire.frames import PROTOCOL_HEADER, encode_content, encode_method
from amqplab.wire.methods import Basic, Channel, Confirm, Connection, Method, Queue
from amqplab.wire.parser import FrameParser
from amqplab.wire.properties import NO_PROPERTIES, Properties
from bench.table import Row, faster

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
from amqplab_server import AmqplabServer
from rabbitmq_node import RabbitMQNode

MESSAGES = 100_000
FEWER = 30_000  # where each message makes more work
BATCH = 500
WINDOW = 1000  # unconfirmed publishes
PREFETCH = 100
BODY = b"x" * 100
FRAME_MAX = 131_072
READ = 1 << 20
QUEUE, TAG = "bench", "c"
ACK = struct.Struct(">BHIHHQBB")  # a whole basic.ack frame


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, RabbitMQNode() as node:
        rows = []
        with AmqplabServer() as server:
            rows.append(compare("broker, auto-ack 100 B", server.port, node.port, MESSAGES))
            rows.append(compare("broker, ack each, prefetch 100", server.port, node.port, FEWER, ack=True))
            rows.append(compare("broker, confirms", server.port, node.port, FEWER, confirm=True))
        with AmqplabServer("--data", folder) as server:
            everything = {"ack": True, "confirm": True, "persistent": True}
            rows.append(compare("broker, persistent + confirms", server.port, node.port, FEWER, **everything))
        return rows


def compare(name: str, ours: int, theirs: int, messages: int, **options: bool) -> Row:
    """The same load for the brokers on these two ports."""
    with Load(ours, messages, **options) as our_load, Load(theirs, messages, **options) as their_load:
        return faster(name, "messages/s", our_load.run, "RabbitMQ 3.10", their_load.run, messages, goal=1.0)


class Load:
    """A publisher's and a consumer's connection to the broker on this port."""

    def __init__(
        self, port: int, messages: int, *, ack: bool = False, confirm: bool = False, persistent: bool = False
    ) -> None:
        self.messages = messages
        self.ack = ack
        self.confirm = confirm
        properties = Properties(delivery_mode=2) if persistent else NO_PROPERTIES
        self.publish = encode_content(1, Basic.Publish(routing_key=QUEUE), properties, BODY, FRAME_MAX)
        deliver = Basic.Deliver(consumer_tag=TAG, routing_key=QUEUE)
        self.delivery_size = len(encode_content(1, deliver, properties, BODY, FRAME_MAX))
        self.publisher = opened(port)
        self.consumer = opened(port)
        call(self.publisher, Queue.Declare(queue=QUEUE, auto_delete=True, durable=persistent))
        if confirm:
            call(self.publisher, Confirm.Select())
        if ack:
            call(self.consumer, Basic.Qos(prefetch_count=PREFETCH))
        call(self.consumer, Basic.Consume(queue=QUEUE, consumer_tag=TAG, no_ack=not ack))
        for each in (self.publisher, self.consumer):
            each.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.consumer, selectors.EVENT_READ)
        self.selector.register(self.publisher, selectors.EVENT_READ)
        self.sent = self.confirmed = self.received = self.acknowledged = 0  # messages, since the beginning
        self.octets = 0  # of deliveries
        self.confirms = b""
        self.unsent = b""

    def run(self) -> None:
        """Publish so many messages; receive them all, and see them all confirmed."""
        end = self.sent + self.messages
        while self.received < end or (self.confirm and self.confirmed < end):
            self._publish(end)
            for key, _ in self.selector.select(timeout=60):
                if key.fileobj is self.consumer:
                    self._receive()
                else:
                    self._read_confirms()

    def _publish(self, end: int) -> None:
        """As much as the socket and the window take."""
        if not self.unsent:
            room = min(BATCH, end - self.sent)
            if self.confirm:
                room = min(room, WINDOW - (self.sent - self.confirmed))
            self.unsent = self.publish * room
            self.sent += room
        if self.unsent:
            with contextlib.suppress(BlockingIOError):
                self.unsent = self.unsent[self.publisher.send(self.unsent) :]
        wanted = selectors.EVENT_READ
        if self.unsent or (self.sent < end and not self.confirm):
            wanted |= selectors.EVENT_WRITE
        self.selector.modify(self.publisher, wanted)

    def _receive(self) -> None:
        self.octets += len(self.consumer.recv(READ))
        self.received = self.octets // self.delivery_size
        if self.ack and self.acknowledged < self.received:
            tags = range(self.acknowledged + 1, self.received + 1)
            self.consumer.sendall(b"".join([ACK.pack(1, 1, 13, 60, 80, tag, 0, 0xCE) for tag in tags]))
            self.acknowledged = self.received

    def _read_confirms(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.confirms += self.publisher.recv(READ)
        whole = len(self.confirms) // ACK.size * ACK.size
        for frame in ACK.iter_unpack(self.confirms[:whole]):
            self.confirmed = max(self.confirmed, frame[5])
        self.confirms = self.confirms[whole:]

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *exc: object) -> None:
        self.selector.close()
        self.publisher.close()
        self.consumer.close()


def opened(port: int) -> socket.socket:
    """A connection with channel 1 open."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=60)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(PROTOCOL_HEADER)
    answer(peer)
    call(peer, Connection.StartOk(mechanism="PLAIN", response=b"\0guest\0guest", locale="en_US"), 0)
    peer.sendall(encode_method(0, Connection.TuneOk(channel_max=1, frame_max=FRAME_MAX, heartbeat=0)))
    call(peer, Connection.Open(virtual_host="/"), 0)
    call(peer, Channel.Open())
    return peer


def call(peer: socket.socket, method: Method, channel: int = 1) -> None:
    peer.sendall(encode_method(channel, method))
    answer(peer)


def answer(peer: socket.socket) -> None:
    """Read one frame, which is all that comes now."""
    parser = FrameParser(FRAME_MAX)
    while not parser.feed(peer.recv(READ)):
        pass
