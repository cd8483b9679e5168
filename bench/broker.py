"""Messages a second through the broker on loopback, against RabbitMQ: auto-ack, 100 octets, one queue.

The load is the same octets for both, encoded beforehand, from one thread that only writes and counts: a real
client library would be the bottleneck. Every publish and every delivery has the same size, so that counting
octets counts messages. Both brokers run as processes of their own; RabbitMQ is Debian's, with its defaults.
"""

from __future__ import annotations

import selectors
import socket
import sys
from pathlib import Path

from amqplab.wire.frames import PROTOCOL_HEADER, encode_content, encode_method
from amqplab.wire.methods import Basic, Channel, Connection, Method, Queue
from amqplab.wire.parser import FrameParser
from amqplab.wire.properties import NO_PROPERTIES
from bench.table import Row, faster

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
from amqplab_server import AmqplabServer
from rabbitmq_node import RabbitMQNode

MESSAGES = 100_000
BATCH = 500
BODY = b"x" * 100
FRAME_MAX = 131_072
READ = 1 << 20
QUEUE, TAG = "bench", "c"

PUBLISH = encode_content(1, Basic.Publish(routing_key=QUEUE), NO_PROPERTIES, BODY, FRAME_MAX)
DELIVERY = encode_content(
    1, Basic.Deliver(consumer_tag=TAG, routing_key=QUEUE), NO_PROPERTIES, BODY, FRAME_MAX
)


def run() -> list[Row]:
    with (
        RabbitMQNode() as node,
        AmqplabServer() as server,
        Load(server.port) as ours,
        Load(node.port) as theirs,
    ):
        name, unit = "broker, auto-ack 100 B", "messages/s"
        return [faster(name, unit, ours.run, "RabbitMQ 3.10", theirs.run, MESSAGES, goal=1.0)]


class Load:
    """A publisher's and a consumer's connection to the broker on this port."""

    def __init__(self, port: int) -> None:
        self.publisher = opened(port)
        self.consumer = opened(port)
        call(self.publisher, Queue.Declare(queue=QUEUE, auto_delete=True))
        call(self.consumer, Basic.Consume(queue=QUEUE, consumer_tag=TAG, no_ack=True))
        for each in (self.publisher, self.consumer):
            each.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.consumer, selectors.EVENT_READ)

    def run(self) -> None:
        """Publish :data:`MESSAGES`, and receive them all."""
        load = memoryview(PUBLISH * BATCH)
        batches, offset, awaited = MESSAGES // BATCH, 0, len(DELIVERY) * MESSAGES
        self.selector.register(self.publisher, selectors.EVENT_WRITE)
        while awaited:
            for key, _ in self.selector.select(timeout=60):
                if key.fileobj is self.consumer:
                    awaited -= len(self.consumer.recv(READ))
                    continue
                offset += self.publisher.send(load[offset:])
                if offset == len(load):
                    batches, offset = batches - 1, 0
                    if not batches:
                        self.selector.unregister(self.publisher)

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
