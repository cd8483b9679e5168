"""AMQP 0-9-1 as one dialect among others: units are frames, and the protocol header before them.

Theory
------
A frame says its size in its head, and 0xCE at its end proves that it was no accident (section 2.3.5 of the
specification). A client begins with the protocol header; a server with a method frame, or, when it refuses,
with a protocol header of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from amqplab.wire.dissect import dissect, summarise
from amqplab.wire.frames import (
    FRAME_BODY,
    FRAME_END,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    FRAME_OVERHEAD,
    PROTOCOL_HEADER,
)
from amqplab.wire.methods import method_name
from amqplab.wire.spans import Span

__all__ = ["Amqp"]

FRAME_TYPES = frozenset((FRAME_METHOD, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT))
LITERAL = b"AMQP"
HEAD = 7
LARGEST_FRAME = 1 << 28
"""No sensible frame is larger; a size beyond it means that these bytes are no frames."""
LIKELY_FRAME = 1 << 20
"""So large may a frame be that is taken for one although nothing was said before."""


class Amqp:
    """Frames."""

    name = "amqp"

    def __init__(self) -> None:
        self._begun = False

    @staticmethod
    def begins(data: bytes) -> bool | None:
        """Whether `data` is how AMQP begins, or goes on where a recording begins in the middle; None while it
        may be.
        """
        if LITERAL.startswith(data[:4]):
            return True if len(data) >= 4 else None
        if data[0] not in FRAME_TYPES:
            return False
        return int.from_bytes(data[3:HEAD], "big") <= LIKELY_FRAME if len(data) >= HEAD else None

    def size(self, data: bytes, at: int) -> int:
        """The frame's, from its head."""
        enough = len(data) - at
        if not self._begun and LITERAL.startswith(data[at : at + 4]):
            return len(PROTOCOL_HEADER)
        if enough < HEAD:
            return FRAME_OVERHEAD
        size = int.from_bytes(data[at + 3 : at + HEAD], "big")
        if data[at] not in FRAME_TYPES or size > LARGEST_FRAME:
            return 0
        end = at + HEAD + size
        if end < len(data) and data[end] != FRAME_END:
            return 0
        return size + FRAME_OVERHEAD

    def next(self, unit: bytes) -> str:
        """AMQP stays AMQP."""
        self._begun = True
        return self.name

    def title(self, unit: bytes) -> str:
        """The method's name; what else there is has names of its own."""
        if unit[:4] == LITERAL:
            return "protocol-header"
        if unit[:1] == bytes((FRAME_METHOD,)) and len(unit) >= HEAD + 4:
            return method_name(int.from_bytes(unit[7:9], "big"), int.from_bytes(unit[9:11], "big"))
        kinds = {FRAME_HEADER: "content-header", FRAME_BODY: "content-body", FRAME_HEARTBEAT: "heartbeat"}
        return kinds.get(unit[0], "frame") if unit else "frame"

    def summarise(self, unit: bytes) -> str:
        """In Wireshark's words."""
        return summarise(unit)

    def dissect(self, unit: bytes) -> Sequence[Span]:
        """Every field."""
        return dissect(unit)
