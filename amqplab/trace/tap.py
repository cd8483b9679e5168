"""The tap: what crosses one end of a connection, as frames and commands.

Theory
------
Nobody who speaks AMQP reports its own frames. A tap sits between an endpoint's protocol and its transport,
reads the octets that pass in both directions, and reports what they say. So our client, our broker and a
third party's client are all recorded by the same few lines, in virtual time and on real sockets.

A connection has two ends, and each has a tap of its own: the same frame is *sent* at one host and *received*
at the other, later. A *command* is what a frame was part of: a method, with its header and body frames if it
carries content. It is reported after its last frame.

Receiving is piecewise: :meth:`Tap.received` yields one whole frame at a time, after it was recorded, so that
whoever feeds the protocol can do so *because of* that frame (:func:`amqplab.trace.recorder.because`).
"""

from __future__ import annotations

from collections.abc import Iterator

from amqplab.trace.events import BytesUnreadable, CommandReceived, CommandSent, FrameReceived, FrameSent
from amqplab.trace.recorder import Recorder
from amqplab.wire.frames import (
    FRAME_BODY,
    FRAME_END,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    PROTOCOL_HEADER,
)
from amqplab.wire.methods import METHODS, method_name

__all__ = ["Tap"]

FRAME_TYPES = frozenset((FRAME_METHOD, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT))
LARGEST_FRAME = 1 << 28
"""No sensible frame is larger; a size beyond it means that these octets are no frames."""

CONTENT = frozenset(kind.ids for kind in METHODS.values() if kind.has_content)


class Tap:
    """Listens at one end of one connection. `host` is where; `client` whether it is the client's end."""

    def __init__(self, recorder: Recorder, connection: str, host: str, *, client: bool) -> None:
        self._recorder = recorder
        self._connection = connection
        self._host = host
        self._out = _Cutter(header=client)
        self._in = _Cutter(header=not client, answer=client)
        self._sending: dict[int, _Gathering] = {}
        self._receiving: dict[int, _Gathering] = {}

    def sent(self, data: bytes) -> None:
        """The protocol wrote `data`: record every frame that is whole now."""
        for offset, octets in self._out.cut(data):
            self._record(offset, octets, self._out, self._sending, FrameSent, CommandSent)

    def received(self, data: bytes) -> Iterator[tuple[int | None, bytes]]:
        """Yield (seq of the record to act because of, octets) for each whole frame in `data`, in order.

        Octets that are not a whole frame yet are kept back; octets that will never be one are passed on as
        they are, with the seq of a BytesUnreadable.
        """
        for offset, octets in self._in.cut(data):
            yield (
                self._record(offset, octets, self._in, self._receiving, FrameReceived, CommandReceived),
                octets,
            )

    def _record(
        self,
        offset: int,
        octets: bytes,
        cutter: _Cutter,
        gatherings: dict[int, _Gathering],
        frame: type[FrameSent] | type[FrameReceived],
        command: type[CommandSent] | type[CommandReceived],
    ) -> int | None:
        """Record one frame, and its command if it is the last of one; returns what to act because of."""
        record = self._recorder.record
        if cutter.broken:
            if cutter.reported:
                return None
            cutter.reported = True
            detail = f"{len(octets)} octets that form no AMQP frame"
            return record(self._host, BytesUnreadable, self._connection, self._host, offset, detail)
        seq = record(self._host, frame, self._connection, self._host, offset, octets)
        channel = int.from_bytes(octets[1:3], "big") if octets[0] in FRAME_TYPES else 0
        gathering = gatherings.get(channel)
        if gathering is None:
            gathering = gatherings[channel] = _Gathering()
        if gathering.add(seq, octets):
            frames, name = tuple(gathering.frames), gathering.name
            gathering.frames = []
            return self._recorder.record_because(
                seq, self._host, command, self._connection, self._host, channel, name, frames
            )
        return seq


class _Cutter:
    """Cuts one direction's octets into (offset, octets of one frame)."""

    def __init__(self, header: bool = False, answer: bool = False) -> None:
        self._header = header
        self._answer = answer  # a broker may answer with its own protocol header
        self._rest = b""
        self._needed = 0
        self._offset = 0
        self.broken = False
        self.reported = False

    def cut(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Every whole frame, lazily; after garbage, all octets as they come."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        position = 0
        while position < len(data):
            size = len(data) - position if self.broken else self._size(data, position)
            if size == 0:
                self.broken = True
                size = len(data) - position
            if position + size > len(data):
                break
            offset = self._offset
            self._offset += size
            yield offset, data[position : position + size]
            position += size
        self._rest = data[position:]

    def _size(self, data: bytes, position: int) -> int:
        """Octets of the frame at `position`; more than there are while it is unknown; 0 for garbage."""
        enough = len(data) - position
        if self._header or (self._answer and data[position] == PROTOCOL_HEADER[0]):
            if enough >= 8:
                self._header = self._answer = False
            return 8
        if enough < 7:
            return 8
        self._answer = False
        size = int.from_bytes(data[position + 3 : position + 7], "big")
        if data[position] not in FRAME_TYPES or size > LARGEST_FRAME:
            return 0
        end = position + 7 + size
        if end < len(data) and data[end] != FRAME_END:
            return 0
        return size + 8


class _Gathering:
    """The frames of the command that is being put together on one channel."""

    __slots__ = ("frames", "missing", "name")

    def __init__(self) -> None:
        self.frames: list[int] = []
        self.name = ""
        self.missing = 0

    def add(self, seq: int, octets: bytes) -> bool:
        """Take one frame; whether it completes a command."""
        self.frames.append(seq)
        kind = octets[0]
        if kind == FRAME_METHOD and len(octets) >= 12:
            ids = int.from_bytes(octets[7:9], "big"), int.from_bytes(octets[9:11], "big")
            self.frames, self.name = [seq], method_name(*ids)
            return ids not in CONTENT
        if kind == FRAME_HEADER and len(octets) >= 22:
            self.missing = int.from_bytes(octets[11:19], "big")
            return self.missing == 0
        if kind == FRAME_BODY:
            self.missing -= len(octets) - 8
            return self.missing <= 0
        self.name = "heartbeat" if kind == FRAME_HEARTBEAT else "protocol-header"
        return True
