"""What waiting costs: the memory of one million queued messages of 100 octets, against RabbitMQ.

RabbitMQ tells two figures, and each gets its row:

    queue   `memory` of ``rabbitmqctl list_queues``: what RabbitMQ reports for the queue. It is the queue's
            process; the bodies, which Erlang keeps outside of processes, are not in it
    node    how much the node has grown (``erlang:memory(total)``), the bodies included, after all of its
            processes were made to collect their garbage: the smallest figure that can be had from it

What the operating system sees of RabbitMQ's node is several times as much, and falls only slowly; it has no
row. Against both stands how much our server process has grown in resident memory, which is everything.

RabbitMQ has its defaults: a classic queue, not durable, transient messages without properties. Only its
memory watermark is raised, so that it does not begin to move messages to disk; that it did not is checked
(`message_bytes_ram`). It is asked until its figures have come to rest.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from amqplab.wire.frames import encode_content, encode_method
from amqplab.wire.methods import Basic, Queue, decode_method
from amqplab.wire.parser import FrameParser
from amqplab.wire.properties import NO_PROPERTIES
from bench.broker import BODY, FRAME_MAX, READ, AmqplabServer, RabbitMQNode, call, opened
from bench.table import Row

MESSAGES = 1_000_000
BATCH = 1000
QUEUE = "waiting"
GOAL = 2.0
MB = 1e6
REST_S = 3.0
ASKINGS = 40
COLLECTED_TOTAL = "[garbage_collect(P) || P <- processes()], erlang:memory(total)."
ALL_MEMORY = {"vm_memory_high_watermark.relative": "0.9", "vm_memory_high_watermark_paging_ratio": "0.9"}


def run() -> list[Row]:
    ours = _ours()
    queue, node = _theirs()
    return [
        Row("memory, 1M queued, queue", "MB", ours, "RabbitMQ 3.10", queue, queue / ours, GOAL, 1),
        Row("memory, 1M queued, node", "MB", ours, "RabbitMQ 3.10", node, node / ours, GOAL, 1),
    ]


def _ours() -> float:
    """By how many MB the server process grows."""
    with AmqplabServer() as server, opened(server.port) as peer:
        before = _resident(server.process.pid)
        fill(peer)
        return (_resident(server.process.pid) - before) / MB


def _theirs() -> tuple[float, float]:
    """The memory that RabbitMQ reports for the queue, and by how much its node grows, in MB."""
    with RabbitMQNode(settings=ALL_MEMORY) as node, opened(node.port) as peer:

        def total() -> int:
            return int(node.control("eval", COLLECTED_TOTAL))

        def queue() -> int:
            columns = ("messages", "message_bytes_ram", "memory")
            listed = node.control("list_queues", "--no-table-headers", *columns)
            messages, in_memory, memory = map(int, listed.split())
            assert (messages, in_memory) == (MESSAGES, MESSAGES * len(BODY)), "RabbitMQ has some on disk"
            return memory

        before = at_rest(total)
        fill(peer)
        return at_rest(queue) / MB, (at_rest(total) - before) / MB


def at_rest(figure: Callable[[], int]) -> int:
    """The figure when two looks at it agree within a hundredth."""
    last = figure()
    for _ in range(ASKINGS):
        time.sleep(REST_S)
        now = figure()
        if abs(now - last) <= max(now, last) / 100:
            return now
        last = now
    raise RuntimeError(f"{figure.__name__} did not come to rest: {last}")


def fill(peer: socket.socket) -> None:
    """Put the messages into a new queue, and wait until it has them."""
    call(peer, Queue.Declare(queue=QUEUE))
    publish = encode_content(1, Basic.Publish(routing_key=QUEUE), NO_PROPERTIES, BODY, FRAME_MAX)
    batch = publish * BATCH
    for _ in range(MESSAGES // BATCH):
        peer.sendall(batch)
    while _waiting(peer) < MESSAGES:
        time.sleep(0.1)


def _waiting(peer: socket.socket) -> int:
    peer.sendall(encode_method(1, Queue.Declare(queue=QUEUE, passive=True)))
    parser = FrameParser(FRAME_MAX)
    while not (frames := parser.feed(peer.recv(READ))):
        pass
    reply = decode_method(frames[0][2])
    assert isinstance(reply, Queue.DeclareOk)
    return int(reply.message_count)


def _resident(process: int) -> int:
    """Octets of memory that the process holds."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
