"""The incremental parser: octets in, whole frames out.

Theory
------
TCP promises octets in order and nothing else: a read may bring half a frame or forty. The parser keeps what
is not whole yet and hands out what is. Any way of cutting the same octets gives the same frames, and any
octets at all give frames followed by at most one fault; after a fault the stream has no known places left,
so nothing more is read.

A fault is not raised: for the parser it is a fact about the stream, and what it is worth (RabbitMQ: reply
code 501, then a reset) is decided elsewhere. The size is judged as soon as the seven octets of the frame's
head are there (CODEC-05), before its payload has come; type and end octet when it is whole.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from amqplab.wire.erlang import frame_complaint, frame_snippet
from amqplab.wire.frames import (
    FRAME_END,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    FRAME_MIN_SIZE,
    FRAME_OVERHEAD,
    FRAME_PROTOCOL_HEADER,
    PROTOCOL_HEADER,
)

__all__ = ["FrameFault", "FrameParser", "RawFrame"]

RawFrame = tuple[int, int, bytes]
"""(type, channel, payload)."""

_HEAD = struct.Struct("!BHI")
NO_LIMIT = 1 << 32
_CONTENT_TYPES = frozenset((2, 3))


@dataclass(frozen=True, slots=True)
class FrameFault:
    """Why the stream cannot be read on. ``kind`` is "unknown_frame", "frame_too_large" or
    "invalid_frame_end_marker"."""

    kind: str
    type: int
    channel: int
    payload: bytes = b""
    size: int = 0
    limit: int = 0
    end_octet: int = FRAME_END

    @property
    def reply_text_detail(self) -> str:
        """RabbitMQ's words after ``FRAME_ERROR - `` (CODEC-02 … CODEC-05)."""
        if self.kind == "frame_too_large":
            return f"{frame_snippet(self.type, b'')}: {{frame_too_large,{self.size},{self.limit}}}"
        if self.kind == "invalid_frame_end_marker":
            return frame_complaint(self.type, self.payload, self.kind, self.end_octet)
        return f"{frame_snippet(self.type, self.payload)}: {self.kind}"


class FrameParser:
    """Cuts one direction of a connection into frames.

    `max_payload` is the agreed frame-max; a payload may be that long, eight octets more than the letter
    allows (CODEC-06); 0 or None means no limit. With `expect_header` the first eight octets are a protocol
    header and come as a frame of type 65. A client that may be answered by a protocol header sets
    `header_possible`.

    With `any_type`, whole frames of a type or size that no frame has come out like all others: RabbitMQ
    complains about them but reads on, because the stream has not lost its places.
    """

    def __init__(
        self,
        max_payload: int | None = FRAME_MIN_SIZE,
        expect_header: bool = False,
        header_possible: bool = False,
        any_type: bool = False,
    ) -> None:
        self.max_payload = max_payload
        self.error: FrameFault | None = None
        self._expect_header = expect_header
        self._header_possible = header_possible
        self._any_type = any_type
        self._held: list[bytes] = []
        self._held_size = 0
        self._needed = 0

    def feed(self, data: bytes) -> list[RawFrame]:
        """All frames that `data` completes; none after a fault."""
        if self.error is not None:
            return []
        if self._held:
            self._held.append(data)
            self._held_size += len(data)
            if self._held_size < self._needed:
                return []
            data = b"".join(self._held)
            self._held = []
        frames: list[RawFrame] = []
        position = 0
        if self._expect_header or self._header_possible:
            position = self._take_header(data, frames)
        self._take_frames(data, position, frames)
        return frames

    def takes(self, largest: int) -> bool:
        """Whether whole frames of up to `largest` octets of payload, if they came now, would come out."""
        return not self._held and self.error is None and largest <= (self.max_payload or NO_LIMIT)

    @property
    def held(self) -> bytes:
        """Octets that came but form no whole frame yet."""
        return b"".join(self._held)

    @property
    def missing(self) -> int:
        """Octets that are missing to the frame (or to its head) that has begun; 0 between two frames."""
        return self._needed - self._held_size if self._held else 0

    def _take_header(self, data: bytes, frames: list[RawFrame]) -> int:
        """A protocol header at the start of the stream, if there must or may be one; returns its end."""
        if not self._expect_header and not PROTOCOL_HEADER.startswith(data[:4]):
            self._header_possible = False
            return 0
        if len(data) < 8:
            return 0
        self._expect_header = self._header_possible = False
        frames.append((FRAME_PROTOCOL_HEADER, 0, bytes(data[:8])))
        return 8

    def _take_frames(self, data: bytes, position: int, frames: list[RawFrame]) -> None:
        """The hot loop: every whole frame from `position` on; what is left is held."""
        if self._expect_header or self._header_possible:
            self._hold(data, position, 8)
            return
        total = len(data)
        limit = self.max_payload or NO_LIMIT
        unpack = _HEAD.unpack_from
        add = frames.append
        while total - position >= 7:
            kind, channel, size = unpack(data, position)
            start = position + 7
            end = start + size
            if end < total and data[end] == FRAME_END and 0 < kind < 4 <= size <= limit:
                pass  # the straight road: a whole method, header or body
            elif not self._acceptable(data, position, kind, channel, size):
                return
            add((kind, channel, data[start:end]))
            position = end + 1
        if position < total:
            self._hold(data, position, 7)

    def _acceptable(self, data: bytes, position: int, kind: int, channel: int, size: int) -> bool:
        """Whether what is no usual frame is a frame all the same; if not, it is held or a fault."""
        limit = self.max_payload or NO_LIMIT
        end = position + 7 + size
        if size > limit:
            self._fault(FrameFault("frame_too_large", kind, channel, size=size, limit=limit - FRAME_OVERHEAD))
        elif end >= len(data):
            self._hold(data, position, size + FRAME_OVERHEAD)
        elif data[end] != FRAME_END or not (self._any_type or _plausible(kind, size)):
            self._fault(_fault_of(kind, channel, data[position + 7 : end], data[end]))
        else:
            return True
        return False

    def _hold(self, data: bytes, position: int, needed: int) -> None:
        rest = data[position:]
        self._held = [rest] if rest else []
        self._held_size = len(rest)
        self._needed = needed

    def _fault(self, fault: FrameFault) -> None:
        self.error = fault
        self._held = []


def _plausible(kind: int, size: int) -> bool:
    """Whether a frame of this type may have this size (CODEC-02, CODEC-09, CODEC-10)."""
    if kind == FRAME_METHOD:
        return size >= 4
    return kind in _CONTENT_TYPES or (kind == FRAME_HEARTBEAT and size == 0)


def _fault_of(kind: int, channel: int, payload: bytes, end_octet: int) -> FrameFault:
    if end_octet != FRAME_END:
        return FrameFault("invalid_frame_end_marker", kind, channel, payload, end_octet=end_octet)
    return FrameFault("unknown_frame", kind, channel, payload)
