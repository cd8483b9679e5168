"""Frames: the envelopes in which everything crosses the wire.

Theory
------
A connection is a stream of octets; frames cut it into pieces::

    0      1         3               7                  7+size    8+size
    +------+---------+---------------+------------------+----------+
    | type | channel | payload size  |  payload         |  0xCE    |
    +------+---------+---------------+------------------+----------+
      1      2         4               size               1 octets

Type 1 carries a method, 2 a content header, 3 a piece of body, 8 is a heartbeat. The end octet lets a
receiver notice at once that it has lost its place. A message is *three kinds* of frame: the method, one
header, and as many body frames as the agreed frame size needs; an empty body has none at all (CODEC-25).

Before the first frame the client sends eight octets that are no frame: the protocol header.

Source: AMQP 0-9-1 sections 2.3 and 4.2; CODEC-01, CODEC-15.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from amqplab.wire.errors import DecodeError
from amqplab.wire.methods import Method, decode_method
from amqplab.wire.properties import NO_PROPERTIES, Properties

__all__ = [
    "FRAME_BODY",
    "FRAME_END",
    "FRAME_HEADER",
    "FRAME_HEARTBEAT",
    "FRAME_METHOD",
    "FRAME_MIN_SIZE",
    "FRAME_OVERHEAD",
    "FRAME_PROTOCOL_HEADER",
    "HEARTBEAT",
    "NO_FRAME",
    "PROTOCOL_HEADER",
    "BodyFrame",
    "Frame",
    "HeaderFrame",
    "HeartbeatFrame",
    "MethodFrame",
    "ProtocolHeader",
    "decode_frame",
    "encode_content",
    "encode_frame",
    "encode_header",
    "encode_method",
    "read_frame",
    "split_header_payload",
]

FRAME_METHOD = 1
FRAME_HEADER = 2
FRAME_BODY = 3
FRAME_HEARTBEAT = 8
FRAME_END = 0xCE
FRAME_MIN_SIZE = 4096
FRAME_OVERHEAD = 8

PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
FRAME_PROTOCOL_HEADER = 65
"""Not a frame type of AMQP: the 'A' that a protocol header begins with, where a frame has its type."""

NO_FRAME = 0
"""Not a frame type of AMQP either: what :func:`read_frame` calls octets that form no frame."""

END = bytes((FRAME_END,))
_HEAD = struct.Struct("!BHI")
_CONTENT_HEAD = struct.Struct("!HHQ")
_HEADER_FRAME = struct.Struct("!BHIHHQ")

HEARTBEAT = _HEAD.pack(FRAME_HEARTBEAT, 0, 0) + END


def encode_frame(type: int, channel: int, payload: bytes) -> bytes:
    """A whole frame around `payload`."""
    return _HEAD.pack(type, channel, len(payload)) + payload + END


def encode_method(channel: int, method: Method) -> bytes:
    """A method frame."""
    return method.encode_frame(channel)


def encode_header(
    channel: int, body_size: int, properties: bytes | Properties, class_id: int = 60, weight: int = 0
) -> bytes:
    """A content header frame; `properties` as values or as octets (flags and values) that pass through."""
    octets = properties if isinstance(properties, bytes) else properties.encode()
    size = _CONTENT_HEAD.size + len(octets)
    return _HEADER_FRAME.pack(FRAME_HEADER, channel, size, class_id, weight, body_size) + octets + END


def encode_content(
    channel: int, method: bytes | Method, properties: bytes | Properties, body: bytes, frame_max: int
) -> bytes:
    """A method with its content: method frame, header frame, body frames of at most ``frame_max - 8`` octets.

    `frame_max` 0 means no limit (CODEC-08). An empty body has no body frame (CODEC-21).
    """
    opening = (
        encode_frame(FRAME_METHOD, channel, method)
        if isinstance(method, bytes)
        else method.encode_frame(channel)
    )
    octets = properties if isinstance(properties, bytes) else properties.encode()
    size = len(body)
    header = _HEADER_FRAME.pack(FRAME_HEADER, channel, _CONTENT_HEAD.size + len(octets), 60, 0, size)
    if not size:
        return b"".join((opening, header, octets, END))
    piece = frame_max - FRAME_OVERHEAD if frame_max else size
    if size <= piece:
        return b"".join((opening, header, octets, END, _HEAD.pack(FRAME_BODY, channel, size), body, END))
    pieces = [encode_frame(FRAME_BODY, channel, body[at : at + piece]) for at in range(0, size, piece)]
    return b"".join((opening, header, octets, END, *pieces))


def read_frame(octets: bytes) -> tuple[int, int, bytes]:
    """(type, channel, payload) of one whole frame.

    Whatever is no frame is its own payload on channel 0: the protocol header has the type
    :data:`FRAME_PROTOCOL_HEADER`, and everything else :data:`NO_FRAME`. Never raises.
    """
    if len(octets) >= FRAME_OVERHEAD and octets[-1] == FRAME_END:
        type, channel, size = _HEAD.unpack_from(octets)
        if size == len(octets) - FRAME_OVERHEAD:
            return type, channel, octets[_HEAD.size : -1]
    if len(octets) == len(PROTOCOL_HEADER) and octets.startswith(b"AMQP"):
        return FRAME_PROTOCOL_HEADER, 0, octets
    return NO_FRAME, 0, octets


def split_header_payload(payload: bytes) -> tuple[int, int, int, bytes]:
    """(class id, weight, body size, property octets) of a header frame's payload; raises DecodeError."""
    if len(payload) < 12:
        raise DecodeError(f"a content header has at least 12 octets, this one has {len(payload)}")
    class_id, weight, body_size = _CONTENT_HEAD.unpack_from(payload)
    return class_id, weight, body_size, payload[12:]


# --- frames as values, for whoever would rather look than parse ---------------------------------------------


@dataclass(frozen=True, slots=True)
class ProtocolHeader:
    """The eight octets before the first frame; a broker refuses a version by answering with its own."""

    octets: bytes = PROTOCOL_HEADER

    def encode(self) -> bytes:
        """The octets themselves."""
        return self.octets


@dataclass(frozen=True, slots=True)
class MethodFrame:
    """A method on a channel."""

    channel: int
    method: Method

    def encode(self) -> bytes:
        """The whole frame."""
        return encode_method(self.channel, self.method)


@dataclass(frozen=True, slots=True)
class HeaderFrame:
    """A content header: how long the body is, and the message's properties."""

    channel: int
    body_size: int
    properties: Properties = NO_PROPERTIES
    class_id: int = 60
    weight: int = 0

    def encode(self) -> bytes:
        """The whole frame."""
        return encode_header(self.channel, self.body_size, self.properties, self.class_id, self.weight)


@dataclass(frozen=True, slots=True)
class BodyFrame:
    """A piece of a message's body."""

    channel: int
    payload: bytes

    def encode(self) -> bytes:
        """The whole frame."""
        return encode_frame(FRAME_BODY, self.channel, self.payload)


@dataclass(frozen=True, slots=True)
class HeartbeatFrame:
    """A sign of life; on channel 0, without payload."""

    channel: int = 0

    def encode(self) -> bytes:
        """The whole frame."""
        return encode_frame(FRAME_HEARTBEAT, self.channel, b"")


Frame = ProtocolHeader | MethodFrame | HeaderFrame | BodyFrame | HeartbeatFrame


def decode_frame(type: int, channel: int, payload: bytes) -> Frame:
    """A parsed frame as a value; raises a :class:`DecodeError` when the payload makes none."""
    if type == FRAME_METHOD:
        return MethodFrame(channel, decode_method(payload))
    if type == FRAME_HEADER:
        class_id, weight, body_size, octets = split_header_payload(payload)
        return HeaderFrame(channel, body_size, Properties.decode(octets), class_id, weight)
    if type == FRAME_BODY:
        return BodyFrame(channel, payload)
    if type == FRAME_HEARTBEAT and not payload:
        return HeartbeatFrame(channel)
    if type == FRAME_PROTOCOL_HEADER:
        return ProtocolHeader(payload)
    raise DecodeError(f"no frame has type {type} with {len(payload)} octets of payload")
