"""The fast lane: publishes and acks that look like the last one, without taking them apart.

Theory
------
The ordinary road cuts octets into frames, assembles frames into commands, decodes, checks,
routes. Nearly all of that has the same outcome for every message of a stream: a publisher sends the same
basic.publish over and over, and often the same content header, too. So each channel remembers the octets of
its last publish, and when the next ones *start with the same octets*, one comparison stands in for all that
work:

    01 …  basic.publish  ce | 02 …  header  ce | 03 chan size | body | ce
    └───── method_frame ────┘                                 │      │
    └──────────────────────── head ───────────────────────────┘      only this differs

If only the method frame is the same, the header is read with one ``struct`` and the rest is remembered anew.
A basic.ack is always 21 octets and recognised by its first 11.

The lane decides nothing. It uses the routing that the ordinary road found, as long as the topology has not
changed since, and hands over to the same queues, ledgers and confirms. At the first surprise (other octets, a
cut frame, a property that wants a look, a closed channel, an unknown tag) it steps aside and the ordinary
road takes that command from its first octet. A property test holds the two against each other, octet for
octet.

The lane tells what the ordinary road tells, in the same order and with the same causes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from amqplab.broker.content import facts_of
from amqplab.broker.publish import confirm, report_publish
from amqplab.broker.registry import Crash
from amqplab.broker.settle import acknowledge
from amqplab.model.message import Message
from amqplab.trace.recorder import because
from amqplab.wire.frames import FRAME_END, FRAME_METHOD, encode_frame

if TYPE_CHECKING:
    from amqplab.broker.channel import Channel
    from amqplab.broker.content import Facts
    from amqplab.broker.publish import Accepted
    from amqplab.broker.session import Session
    from amqplab.model.queue import Queue
    from amqplab.model.routing import Routing

__all__ = ["Lane", "drive"]

SURPRISE = 0
MAX_SURPRISES = 16
"""After so many in one chunk of input the rest of it takes the ordinary road."""

_ACK_HEAD = struct.Struct(">BHIHH")
_TAG_AND_BITS = struct.Struct(">QBB")
_HEADER = struct.Struct(">BHIIQ")
_BODY = struct.Struct(">BBHI")
_BASIC_WEIGHT_0 = 60 << 16
ACK_SIZE = 21


def drive(session: Session, data: bytes) -> None:
    """Take the lane as far as it goes, the ordinary road for what it leaves, and so on to the end of
    `data`.
    """
    position, surprises, total = 0, 0, len(data)
    parser = session.parser
    while position < total:
        if not parser.missing:
            position = _take_all(session, data, position)
            if position == total:
                return
        if session.gate.closed:
            session.frames(data[position:])
            return
        surprises += 1
        if surprises > MAX_SURPRISES or session.state != "running":
            step = total
        else:
            step = parser.missing or 8 + int.from_bytes(data[position + 3 : position + 7], "big")
        session.frames(data[position : position + step])
        position += step


def _take_all(session: Session, data: bytes, position: int) -> int:
    """Everything from `position` that looks familiar; the place of the first thing that does not."""
    lanes = session.lanes
    while True:
        lane = lanes.get(data[position : position + 3])
        if lane is None:
            return position
        after = lane.take(data, position)
        if after == SURPRISE:
            return position
        position = after


class Lane:
    """What one channel remembers."""

    __slots__ = (
        "_ack_head",
        "_body_size",
        "_channel",
        "_facts",
        "_head",
        "_limit",
        "_mandatory",
        "_method_frame",
        "_queues",
        "_routing",
        "_topology",
    )

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._ack_head = _ACK_HEAD.pack(FRAME_METHOD, channel.number, 13, 60, 80)
        self._method_frame = self._head = b"\x00no publish yet"
        self._topology = -1
        self._queues: tuple[Queue, ...] = ()
        self._facts: Facts | None = None
        self._body_size = 0
        self._routing: Routing | None = None
        self._mandatory = False
        limit = channel.session.frame_max
        self._limit = min(limit - 8 if limit else 1 << 62, channel.broker.config.max_message_size)

    def remember(self, method_payload: bytes, accepted: Accepted) -> None:
        """The ordinary road has taken this publish: expect more like it."""
        routing, vhost = accepted.routing, self._channel.vhost
        queues = tuple(vhost.queues[name] for name in routing.queues)
        thoughtless = queues and all(queue.plain for queue in queues)
        if routing.headers_read or accepted.message.extra_keys or not thoughtless:
            self._topology = -1
            return
        if self._topology == vhost.topology and self._method_frame[7:-1] == method_payload:
            return
        self._topology = vhost.topology
        self._queues = queues
        self._routing, self._mandatory = routing, accepted.mandatory
        self._method_frame = encode_frame(FRAME_METHOD, self._channel.number, method_payload)
        self._head = b"\x00no header yet"

    def forget(self) -> None:
        """Let the ordinary road take the next publish, whatever it looks like."""
        self._topology = -1

    def take(self, data: bytes, position: int) -> int:
        """The command at `position` if it is familiar, and the place after it; SURPRISE if it is not."""
        channel = self._channel
        if channel.state != "open" or channel.transaction is not None or not channel.assembler.idle:
            return SURPRISE
        if data.startswith(self._ack_head, position):
            return self._ack(data, position)
        if self._topology != channel.vhost.topology:
            return SURPRISE
        if data.startswith(self._head, position):
            start = position + len(self._head)
        else:
            start = self._read_header(data, position)
            if start == SURPRISE:
                return SURPRISE
        end = start + self._body_size
        if end >= len(data) or data[end] != FRAME_END:
            return SURPRISE
        self._publish(data[start:end])
        return end + 1

    def _read_header(self, data: bytes, position: int) -> int:
        """Another header after the same method: the place where the body starts, or SURPRISE."""
        if not data.startswith(self._method_frame, position):
            return SURPRISE
        header = position + len(self._method_frame)
        if len(data) < header + 30:
            return SURPRISE
        kind, number, size, basic, body_size = _HEADER.unpack_from(data, header)
        end = header + 7 + size
        start: int = end + 8
        if kind != 2 or number != self._channel.number or basic != _BASIC_WEIGHT_0 or start > len(data):
            return SURPRISE
        if not 0 < body_size <= self._limit or _BODY.unpack_from(data, end) != (
            FRAME_END,
            3,
            number,
            body_size,
        ):
            return SURPRISE
        try:
            facts = facts_of(data[header + 19 : end])
        except Crash:
            return SURPRISE
        if facts.wants_a_look:
            return SURPRISE
        self._facts = facts if facts.properties is facts.kept else facts._replace(properties=facts.kept)
        self._body_size = body_size
        self._head = data[position:start]
        return start

    def _publish(self, body: bytes) -> None:
        """What publish.publish does with a message that passes all checks."""
        channel, facts, routing = self._channel, self._facts, self._routing
        assert facts is not None and routing is not None
        broker = channel.broker
        broker.last_message = number = broker.last_message + 1
        message = Message(
            number,
            routing.exchange,
            routing.routing_key,
            facts.kept,
            facts.octets,
            body,
            facts.expiration_ms,
        )
        sequence = channel.confirms.next() if channel.confirms is not None else 0
        if channel.report is None:
            self._put(message, sequence)
        else:
            with because(report_publish(channel, message, routing, self._mandatory, sequence, ())):
                self._put(message, sequence)

    def _put(self, message: Message, sequence: int) -> None:
        """What publish.put does with it."""
        channel = self._channel
        broker = channel.broker
        for queue in self._queues:
            queue.enqueue(message, broker.now)
        if channel.confirms is not None:
            confirm(channel, channel.confirms, sequence, message, True)
            broker.confirming[channel] = None

    def _ack(self, data: bytes, position: int) -> int:
        """A basic.ack of a tag that is outstanding."""
        end = position + ACK_SIZE
        if end > len(data):
            return SURPRISE
        tag, bits, mark = _TAG_AND_BITS.unpack_from(data, position + 11)
        channel = self._channel
        if mark != FRAME_END or tag not in channel.ledger:
            return SURPRISE
        acknowledge(channel, channel.ledger.settle(tag, bits & 1 == 1))
        if channel.vhost.unsettled:
            channel.vhost.settle(channel.broker.now)
        return end
