"""`python -m amqplab serve` under rough treatment: a well-behaved client beside it notices nothing."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
from collections.abc import Iterator

import pika
import pytest
import with_pika
from amqplab_server import AmqplabServer
from brokers import RemoteBroker

from amqplab.wire.frames import PROTOCOL_HEADER, encode_content, encode_method
from amqplab.wire.methods import Basic, Channel, Connection, Queue

RESET = struct.pack("ii", 1, 0)
OPENING = PROTOCOL_HEADER + b"".join(
    [
        encode_method(0, Connection.StartOk(response=b"\0guest\0guest")),
        encode_method(0, Connection.TuneOk(channel_max=2047, frame_max=131072, heartbeat=60)),
        encode_method(0, Connection.Open()),
        encode_method(1, Channel.Open()),
    ]
)
PUBLISH = encode_content(1, Basic.Publish(routing_key="nobody"), b"\0\0", bytes(50_000), 131072)


@pytest.fixture
def server() -> Iterator[RemoteBroker]:
    with AmqplabServer() as server:
        yield RemoteBroker("amqplab", server)
    assert server.errors == ""


@pytest.fixture
def witness(server: RemoteBroker) -> Iterator[pika.BlockingConnection]:
    """Somebody who works all the while, and must be able to afterwards."""
    connection = with_pika.connect(server)
    channel = connection.channel()
    channel.confirm_delivery()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_publish("", queue, b"before")
    yield connection
    channel.basic_publish("", queue, b"after")
    assert [channel.basic_get(queue)[2] for _ in range(2)] == [b"before", b"after"]
    connection.close()


def octets(kind: int, dice: random.Random) -> bytes:
    """Noise, noise after a good start, a message with flipped octets, half a message, half a handshake."""
    if kind == 0:
        return dice.randbytes(dice.randint(1, 300))
    if kind == 1:
        return OPENING + dice.randbytes(dice.randint(1, 3000))
    if kind == 2:
        flipped = bytearray(PUBLISH)
        for _ in range(3):
            flipped[dice.randrange(100)] = dice.randrange(256)
        return OPENING + flipped
    if kind == 3:
        return OPENING + PUBLISH[: dice.randrange(1, len(PUBLISH))]
    return OPENING[: dice.randrange(1, len(OPENING))]


@pytest.mark.usefixtures("witness")
@pytest.mark.parametrize("ending", ["reset", "close", "half-open"])
def test_garbage_and_abrupt_ends(server: RemoteBroker, ending: str) -> None:
    dice = random.Random(ending)
    sockets = []
    for number in range(60):
        rough = socket.create_connection((server.host, server.port))
        rough.sendall(octets(number % 5, dice))
        if ending == "half-open":
            with contextlib.suppress(OSError):  # garbage may have been answered with a reset by now
                rough.shutdown(socket.SHUT_WR)
            sockets.append(rough)
            continue
        if ending == "reset":
            rough.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        rough.close()
    for rough in sockets:
        rough.settimeout(10)
        while read_on(rough):
            pass
        rough.close()


def read_on(rough: socket.socket) -> bytes:
    try:
        return rough.recv(65536)
    except ConnectionResetError:
        return b""


@pytest.mark.usefixtures("witness")
def test_five_hundred_connections_at_once(server: RemoteBroker) -> None:
    peers = [server.connect() for _ in range(500)]
    for peer in peers:
        peer.send(Queue.Declare(exclusive=True))
    names = {peer.expect(Queue.DeclareOk).queue for peer in peers}
    assert len(names) == 500
    for peer in peers:
        peer.abort()


@pytest.mark.usefixtures("witness")
def test_a_message_announced_larger_than_there_is_memory(server: RemoteBroker) -> None:
    with server.connect() as peer:
        peer.send(Basic.Publish())
        peer.send_frame(2, 1, struct.pack(">HHQH", 60, 0, 2**63, 0))
        peer.abort()
