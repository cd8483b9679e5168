"""Putting a message on the wire: basic.deliver, and the content that follows it.

Theory
------
A delivery is a method frame, a header frame, and body frames. Between two deliveries to the
same consumer of messages with the same address hardly anything differs: the delivery tag, the redelivered
bit, the content. So the unchanging octets around them are prepared once per (consumer, exchange, routing
key), and a delivery is assembled from parts; nobody builds a ``Basic.Deliver`` object for it. Property octets
and body leave as they came (CODEC-52).

    01 chan size 003c 003c tag-of-consumer | delivery-tag bits | exchange routing-key ce
    02 chan | size 003c 0000 body-size | property octets | ce  03 chan | size | body | ce
    └────── head ──────┘                     address ┘
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from amqplab.wire.frames import FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_METHOD, encode_frame

if TYPE_CHECKING:
    from amqplab.model.message import Message

__all__ = ["DeliveryWriter"]

REMEMBERED_ADDRESSES = 1024

_METHOD_HEAD = struct.Struct(">BHIHH")
_TAG = struct.Struct(">QB")
_HEADER_HEAD = struct.Struct(">IIQ")
_SIZE = struct.Struct(">I")
_END = bytes((FRAME_END,))
_BASIC_WEIGHT_0 = 60 << 16


def _shortstr(text: str) -> bytes:
    octets = text.encode("utf-8", "surrogateescape")
    return bytes((len(octets),)) + octets


class DeliveryWriter:
    """Writes deliveries of one consumer on one channel."""

    __slots__ = ("_body_max", "_channel", "_consumer_tag", "_header_frame", "_known", "_next_frame")

    def __init__(self, channel: int, consumer_tag: str, frame_max: int) -> None:
        number = channel.to_bytes(2, "big")
        self._channel = channel
        self._consumer_tag = _shortstr(consumer_tag)
        self._header_frame = bytes((FRAME_HEADER,)) + number
        self._next_frame = _END + bytes((FRAME_BODY,)) + number
        self._body_max = frame_max - 8 if frame_max else 1 << 62
        self._known: dict[tuple[str, str], tuple[bytes, bytes]] = {}

    def parts(self, message: Message, tag: int, redelivered: bool) -> tuple[bytes, ...]:
        """The octets of one delivery, in pieces to be joined."""
        key = (message.exchange, message.routing_key)
        prepared = self._known.get(key)
        if prepared is None:
            prepared = self._prepare(*key)
        octets = message.octets
        body = message.body
        size = len(body)
        if 0 < size <= self._body_max:
            return (
                prepared[0],
                _TAG.pack(tag, redelivered),
                prepared[1],
                _HEADER_HEAD.pack(12 + len(octets), _BASIC_WEIGHT_0, size),
                octets,
                self._next_frame,
                _SIZE.pack(size),
                body,
                _END,
            )
        header = _HEADER_HEAD.pack(12 + len(octets), _BASIC_WEIGHT_0, size) + octets + _END
        return (prepared[0], _TAG.pack(tag, redelivered), prepared[1], header, *self._bodies(body))

    def _bodies(self, body: bytes) -> list[bytes]:
        """Body frames: none for an empty body, several for one that is larger than a frame (CODEC-25)."""
        piece = self._body_max
        starts = range(0, len(body), piece)
        return [encode_frame(FRAME_BODY, self._channel, body[at : at + piece]) for at in starts]

    def _prepare(self, exchange: str, routing_key: str) -> tuple[bytes, bytes]:
        address = _shortstr(exchange) + _shortstr(routing_key)
        size = 4 + len(self._consumer_tag) + _TAG.size + len(address)
        head = _METHOD_HEAD.pack(FRAME_METHOD, self._channel, size, 60, 60) + self._consumer_tag
        if len(self._known) >= REMEMBERED_ADDRESSES:
            self._known.clear()
        prepared = self._known[exchange, routing_key] = (head, address + _END + self._header_frame)
        return prepared
