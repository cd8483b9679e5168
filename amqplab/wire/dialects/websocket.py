"""WebSocket: frames with a small head, in both directions, after an HTTP request has asked for them.

Theory
------
RFC 6455, section 5.2. A frame's head is two bytes, or up to fourteen::

     0               1               2 …
    +-+-+-+-+-------+-+-------------+-------------------------------+----------+---------+
    |F|R|R|R| opcode|M| length      | 16 or 64 bits more, if length | masking  | payload |
    |I|S|S|S|  (4)  |A|   (7)       | is 126 or 127                 | key (32) |         |
    |N|V|V|V|       |S|             |                               | if M     |         |
    +-+-+-+-+-------+-+-------------+-------------------------------+----------+---------+

What a client sends is masked: each byte of the payload is exclusive-ored with one of the key's four, so that
no proxy takes a payload for something else. Nothing here says which message an answer belongs to, nothing
acknowledges, and there are no queues: that is for the two ends to invent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from amqplab.wire.dialects.plain import byte_count, preview
from amqplab.wire.spans import Span

__all__ = ["WebSocket"]

OPCODES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
WIDE, WIDEST = 126, 127
LARGEST = 1 << 32


class WebSocket:
    """Frames, after the handshake."""

    name = "websocket"

    def size(self, data: bytes, at: int) -> int:
        """Head, masking key and payload."""
        if len(data) - at < 2:
            return 2
        if data[at] & 0x0F not in OPCODES:
            return 0
        head, length = head_of(data, at)
        return head + length if length < LARGEST else 0

    def next(self, unit: bytes) -> str:
        """It never changes again."""
        return self.name

    def title(self, unit: bytes) -> str:
        """The opcode's name."""
        return OPCODES.get(unit[0] & 0x0F, "frame") if unit else "frame"

    def summarise(self, unit: bytes) -> str:
        """The opcode, and how much payload."""
        if len(unit) < 2:
            return "WebSocket, incomplete"
        masked = ", masked" if unit[1] & 0x80 else ""
        return f"WebSocket {self.title(unit)} ({byte_count(len(unit) - head_of(unit, 0)[0])}{masked})"

    def dissect(self, unit: bytes) -> Sequence[Span]:
        """Bits, lengths, key and payload, the payload as it was before masking."""
        return list(dissected(unit))


def head_of(data: bytes, at: int) -> tuple[int, int]:
    """(bytes before the payload, bytes of it). While the length is not there, more than there are."""
    short, mask = data[at + 1] & 0x7F, 4 if data[at + 1] & 0x80 else 0
    more = {WIDE: 2, WIDEST: 8}.get(short, 0)
    if len(data) - at < 2 + more:
        return 2 + more + mask, 0
    length = int.from_bytes(data[at + 2 : at + 2 + more], "big") if more else short
    return 2 + more + mask, length


def unmasked(payload: bytes, key: bytes) -> bytes:
    """Masking is its own inverse (section 5.3)."""
    if len(key) < 4:
        return payload
    stream = (key * (len(payload) // 4 + 1))[: len(payload)]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return number.to_bytes(len(payload), "big")


def dissected(unit: bytes) -> Iterator[Span]:
    """The spans of one frame, as far as its bytes are there."""
    if not unit:
        return
    yield Span(0, 1, "flags and opcode", unit[0], "", tuple(first_byte(unit[0])))
    if len(unit) < 2:
        return
    masked, short = bool(unit[1] & 0x80), unit[1] & 0x7F
    kinds = {WIDE: "the length is in the next 2 bytes", WIDEST: "the length is in the next 8 bytes"}
    yield Span(1, 2, "mask and length", short, ("masked; " if masked else "") + kinds.get(short, "bytes"))
    at = 2 + {WIDE: 2, WIDEST: 8}.get(short, 0)
    if at > 2 and len(unit) > 2:
        stop = min(at, len(unit))
        yield Span(2, stop, "extended length", int.from_bytes(unit[2:stop], "big"), "bytes of payload")
    key = b""
    if masked and len(unit) > at:
        key = unit[at : at + 4]
        yield Span(at, at + len(key), "masking key", key.hex(" "), "what the client hides its payload with")
        at += len(key)
    if len(unit) > at:
        payload = unmasked(unit[at:], key)
        said = byte_count(len(payload)) + (", shown unmasked" if key else "")
        yield Span(at, len(unit), "payload", preview(payload), said)


def first_byte(octet: int) -> Iterator[Span]:
    yield Span(
        0, 1, "fin", bool(octet & 0x80), "the message ends here" if octet & 0x80 else "more follows", bit=0
    )
    for bit in (1, 2, 3):
        yield Span(0, 1, f"rsv{bit}", bool(octet & (0x80 >> bit)), bit=bit)
    yield Span(0, 1, "opcode", octet & 0x0F, OPCODES.get(octet & 0x0F, "unknown"), bit=4)
