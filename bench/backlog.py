"""What a million waiting messages take: 100 octets each, one classic queue, transient, nobody consumes.

For RabbitMQ it is what RabbitMQ itself reports, the column ``memory`` of ``rabbitmqctl list_queues``; that is
the queue's own process, and the node grows by more. For us it is by how much the whole server process grows.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from amqplab.wire.frames import encode_content
from amqplab.wire.methods import Basic
from amqplab.wire.properties import NO_PROPERTIES
from bench.table import Row

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
from amqplab_server import AmqplabServer
from byte_pipes import SocketPipe
from peer import Peer
from rabbitmq_node import RabbitMQNode

MESSAGES = 1_000_000
BATCH = 1000
FRAME_MAX = 131_072
QUEUE = "backlog"


def run() -> list[Row]:
    with AmqplabServer() as server:
        before = resident(server.process.pid)
        with filled(server.port):
            ours = resident(server.process.pid) - before
    with RabbitMQNode(settings={"vm_memory_high_watermark.relative": "0.9"}) as node, filled(node.port):
        theirs = reported(node)
    goal = 2.0  # at most half
    return [Row("memory, 1,000,000 queued", "MB", ours, "RabbitMQ 3.10", theirs, theirs / ours, goal, 1)]


def filled(port: int) -> Peer:
    """A connection that has put all messages, each with a body of its own, into the queue."""
    peer = Peer(SocketPipe("127.0.0.1", port)).open()
    peer.queue(QUEUE)
    for start in range(0, MESSAGES, BATCH):
        peer.send_octets(b"".join(map(publish, range(start, start + BATCH))))
    while peer.counts(QUEUE)[0] < MESSAGES:
        time.sleep(0.2)  # to ask costs the broker time that it needs for the messages
    return peer


def publish(number: int) -> bytes:
    """One basic.publish with its content."""
    method = Basic.Publish(routing_key=QUEUE)
    return encode_content(1, method, NO_PROPERTIES, b"%0100d" % number, FRAME_MAX)


def resident(process: int) -> float:
    """What a process has in memory, in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def reported(node: RabbitMQNode) -> float:
    """What RabbitMQ says the queue takes, in MB."""
    lines = node.control("list_queues", "name", "memory", "--no-table-headers", "--quiet").splitlines()
    return sum(int(line.split("\t")[1]) for line in lines if line.startswith(QUEUE)) / 1e6


if __name__ == "__main__":
    for row in run():
        print(row)
