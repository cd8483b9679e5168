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

One row for many records. A message's way from publish to ack is 14 frames and 6 commands at the two ends of
two links, and all that is said of them follows from the octets. What must be known at once is only *how many*
records there are, because later ones are numbered after them: two for the last frame of a command, one for
any other. That takes the sizes in the frames' heads, and for each channel the octets of body that are still
missing. So what was written at once is kept as one packed row, and so is what was read and acted upon at
once; frames and commands are told apart when somebody looks, in the order in which they were recorded, because
a command's first frame may stand in an earlier row.

The straight road knows only whole frames of the four types. Protocol headers, cut frames and garbage are
recorded one by one, on the road that was there first and says what all of it means: :meth:`_Direction.tell`.
Both roads give the same records, and a property test holds them against each other.

Other protocols. How a direction begins tells what it is (:func:`amqplab.wire.dialects.recognise`). What is no
AMQP is passed on as it comes, and its units (:class:`_Units`) are recorded as they are complete.

Frames that do nothing. A method that carries content leads to nothing before the last frame of its content:
the frames are only gathered. Where a protocol promises that (:data:`Gathers`), it is given the whole command
at once, because of the command's record, as it would have acted in any case.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from struct import Struct
from typing import TypeAlias

from amqplab.trace.events import (
    BytesUnreadable,
    CommandReceived,
    CommandSent,
    FrameReceived,
    FrameSent,
    UnitReceived,
    UnitSent,
)
from amqplab.trace.recorder import CAUSE, Packed, Recorder, Row
from amqplab.wire.content import CONTENT_PREFIXES
from amqplab.wire.dialects import dialect_named, recognise
from amqplab.wire.dialects.amqp import FRAME_TYPES, LARGEST_FRAME, Amqp
from amqplab.wire.frames import (
    FRAME_BODY,
    FRAME_END,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
)
from amqplab.wire.methods import METHODS, method_name

__all__ = ["Tap"]

CONTENT = frozenset(kind.ids for kind in METHODS.values() if kind.has_content)

_head = Struct("!BHI").unpack_from
_body_size = Struct("!Q").unpack_from
_cause = CAUSE.get


Gathers: TypeAlias = Callable[[int, bytes, bytes, int], bool]
"""``gathers(channel, method, header, largest)``: whether a protocol that is given a command with content
frame by frame would do nothing before the last one; `method` and `header` are payloads, `largest` the size of
the largest payload.
"""


class Tap:
    """Listens at one end of one connection. `host` is where."""

    def __init__(self, recorder: Recorder, connection: str, host: str) -> None:
        end = recorder, connection, host
        self._out = _Direction(*end, FrameSent, CommandSent, _Cutter())
        self._in = _Direction(*end, FrameReceived, CommandReceived, _Cutter())

    def sent(self, data: bytes) -> None:
        """The protocol wrote `data`: record every frame that is whole now."""
        self._out.written(data)

    def received(self, data: bytes, gathers: Gathers | None = None) -> Iterator[tuple[int | None, bytes]]:
        """Yield (seq of the record to act because of, octets) for each whole frame in `data`, in order.

        Octets that are not a whole frame yet are kept back; octets that will never be one are passed on as
        they are, with the seq of a BytesUnreadable. The frames of a command may come together, where
        `gathers` says that it makes no difference.
        """
        return self._in.read(data, gathers)


class _Direction:
    """What one end writes, or what it reads."""

    def __init__(
        self,
        recorder: Recorder,
        connection: str,
        host: str,
        frame: type[FrameSent] | type[FrameReceived],
        command: type[CommandSent] | type[CommandReceived],
        cutter: _Cutter,
    ) -> None:
        self._recorder = recorder
        self.connection = connection
        self.host = host
        self.frame = frame
        self.command = command
        self._cutter = cutter
        self._missing: dict[int, int] = {}  # octets of body that a channel still misses: what is counted by
        self._gatherings: dict[int, _Gathering] = {}  # the commands begun: what is told by
        self._packed: deque[Packed] = deque()  # rows nobody has looked at yet, oldest first
        self._unpack = self.unpack
        self._beginning: bytes | None = b""  # what came while it is not known what it is; None: it is known
        self._units: _Units | None = None  # if it is no AMQP

    def _recognised(self, data: bytes) -> bytes | None:
        """What is to be read as AMQP; None if it is another protocol; nothing while that is not known."""
        begun = (self._beginning or b"") + data
        dialect = recognise(begun)
        self._beginning = begun if dialect is None else None
        if dialect is None:
            return b""
        if dialect == "amqp":
            return begun
        kind = UnitSent if self.frame is FrameSent else UnitReceived
        self._units = _Units(self._recorder, self.connection, self.host, kind, dialect)
        self._units.add(begun)
        return None

    # --- counting: when it happens --------------------------------------------------------------------------

    def written(self, data: bytes) -> None:
        """Record what `data` completes: as one row, as far as the straight road goes."""
        if self._units is not None:
            self._units.add(data)
            return
        if self._beginning is not None:
            begun = self._recognised(data)
            if begun is None:
                return
            data = begun
        recorder, cutter = self._recorder, self._cutter
        if recorder.packs and cutter.straight:
            if cutter.rest:
                data, cutter.rest = cutter.rest + data, b""
            position, records, total = 0, 0, len(data)
            while total - position >= 8:
                kind, channel, size = _head(data, position)
                end = position + 7 + size
                if end >= total or data[end] != FRAME_END or kind not in FRAME_TYPES or size > LARGEST_FRAME:
                    break
                records += self._records(kind, channel, size, data, position)
                position = end + 1
            if records:
                self._pack(data[:position], records)
                if position == total:
                    return
                data = data[position:]
        for offset, octets in cutter.cut(data):
            self.tell(offset, octets)

    def read(self, data: bytes, gathers: Gathers | None) -> Iterator[tuple[int | None, bytes]]:
        """Record and yield frame after frame, or whole commands: a row for each."""
        if self._units is not None:
            yield self._units.add(data), data
            return
        if self._beginning is not None:
            held = self._beginning
            begun = self._recognised(data)
            if begun is None:
                yield self._units.latest if self._units else None, held + data
                return
            data = begun
        recorder, cutter, position = self._recorder, self._cutter, 0
        if cutter.rest:
            data, cutter.rest = cutter.rest + data, b""
        total = len(data)
        while total - position >= 8 and recorder.packs and cutter.straight:
            kind, channel, size = _head(data, position)
            end = position + 7 + size
            if end >= total or data[end] != FRAME_END or kind not in FRAME_TYPES or size > LARGEST_FRAME:
                break
            records = self._records(kind, channel, size, data, position)
            end += 1
            if gathers is not None and kind == FRAME_METHOD and records == 1:
                after, more = self._content(data, end, channel, data[position + 7 : end - 1], gathers)
                if more:
                    end, records = after, more
            octets = data[position:end]
            yield self._pack(octets, records) + records - 1, octets
            position = end
        for offset, octets in cutter.cut(data[position:]):
            yield self.tell(offset, octets), octets

    def _pack(self, octets: bytes, records: int) -> int:
        """Keep a row for so many records; returns the seq of the first."""
        recorder, cutter = self._recorder, self._cutter
        rows, offset = recorder.rows, cutter.offset
        cutter.offset = offset + len(octets)
        seq = len(rows)
        row = self._unpack, recorder.now(), _cause(), seq, offset, octets
        rows += (row,) * records
        self._packed.append(row)
        for observer in recorder.octets_observers:
            observer(self.frame, self.connection, self.host, offset, octets)
        return seq

    def _content(
        self, data: bytes, position: int, channel: int, method: bytes, gathers: Gathers
    ) -> tuple[int, int]:
        """The same for a whole command with content, whose header frame is at `position`."""
        total = len(data)
        wanted, records, missing, largest, header = FRAME_HEADER, 2, 1, len(method), b""
        while missing > 0:
            if total - position < 8:
                return 0, 0
            kind, number, size = _head(data, position)
            end = position + 7 + size
            if end >= total or data[end] != FRAME_END or kind != wanted or number != channel:
                return 0, 0
            if kind == FRAME_BODY:
                missing -= size
            elif size < 14:
                return 0, 0
            else:
                missing = _body_size(data, position + 11)[0]
                header = data[position + 7 : end]
                wanted = FRAME_BODY
            largest = max(largest, size)
            records += 1
            position = end + 1
        if missing or not gathers(channel, method, header, largest):
            return 0, 0
        self._missing[channel] = 0
        return position, records

    def _records(self, kind: int, channel: int, size: int, data: bytes, position: int) -> int:
        """How many records this frame makes: 2 if it is the last of its command, which is whenever
        :meth:`_Gathering.add` will say so.
        """
        if kind == FRAME_METHOD:
            return 1 if data[position + 7 : position + 11] in CONTENT_PREFIXES and size >= 4 else 2
        if kind == FRAME_HEADER and size >= 14:
            missing = self._missing[channel] = _body_size(data, position + 11)[0]
        elif kind == FRAME_BODY:
            missing = self._missing[channel] = self._missing.get(channel, 0) - size
        else:
            return 2
        return 1 if missing > 0 else 2

    # --- telling: at once, or when somebody looks ---------------------------------------------------------

    def tell(self, offset: int, octets: bytes) -> int | None:
        """Record one frame, and its command if it is the last of one; returns what to act because of."""
        recorder, cutter = self._recorder, self._cutter
        if cutter.broken:
            if cutter.reported:
                return None
            cutter.reported = True
            detail = f"{len(octets)} octets that form no AMQP frame"
            return recorder.record(self.host, BytesUnreadable, self.connection, self.host, offset, detail)
        if self._packed:
            recorder.unpack(self._packed[-1])
        kind, channel, _ = _head(octets)
        self._records(kind, channel, len(octets) - 8, octets, 0)
        seq = recorder.record(self.host, self.frame, self.connection, self.host, offset, octets)
        command = self._gather(seq, octets)
        if command is None:
            return seq
        connection, host, channel, name, frames = command
        return recorder.record_because(seq, host, self.command, connection, host, channel, name, frames)

    def unpack(self, last: Packed) -> Iterator[tuple[int, Row]]:
        """Tell what packed rows stand for, up to and including `last`."""
        packed: Packed | None = None
        while self._packed and packed is not last:
            packed = self._packed.popleft()
            _, at, cause, seq, offset, octets = packed
            for start, frame in _frames(octets):
                fields = (self.connection, self.host, offset + start, frame)
                yield seq, (at, self.host, cause, self.frame, fields)
                command = self._gather(seq, frame)
                if command is not None:
                    yield seq + 1, (at, self.host, seq, self.command, command)
                    seq += 1
                seq += 1

    def _gather(self, seq: int, octets: bytes) -> tuple[str, str, int, str, tuple[int, ...]] | None:
        """The fields of the command that this frame completes."""
        channel = int.from_bytes(octets[1:3], "big") if octets[0] in FRAME_TYPES else 0
        gathering = self._gatherings.get(channel)
        if gathering is None:
            gathering = self._gatherings[channel] = _Gathering()
        if not gathering.add(seq, octets):
            return None
        frames, gathering.frames = tuple(gathering.frames), []
        return self.connection, self.host, channel, gathering.name, frames


class _Units:
    """Cuts and records what is no AMQP: one direction of one connection, at one of its ends."""

    def __init__(
        self,
        recorder: Recorder,
        connection: str,
        host: str,
        kind: type[UnitSent] | type[UnitReceived],
        dialect: str,
    ) -> None:
        self._recorder, self._connection, self._host, self._kind = recorder, connection, host, kind
        self._dialect = dialect_named(dialect)
        self._rest = b""
        self._offset = 0
        self.latest: int | None = None
        """seq of the last unit that was completed by the bytes added last"""

    def add(self, data: bytes) -> int | None:
        """Record the units that are whole now; returns :attr:`latest`."""
        self.latest = None
        data = self._rest + data
        at = 0
        while at < len(data):
            size = self._dialect.size(data, at)
            if size == 0:  # whatever it was, it is that no more
                self._dialect = dialect_named("bytes")
                size = len(data) - at
            if at + size > len(data):
                break
            self._tell(data[at : at + size])
            at += size
        self._rest = data[at:]
        return self.latest

    def _tell(self, unit: bytes) -> None:
        self.latest = self._recorder.record(
            self._host, self._kind, self._connection, self._host, self._offset, self._dialect.name, unit
        )
        self._offset += len(unit)
        following = self._dialect.next(unit)
        if following != self._dialect.name:
            self._dialect = dialect_named(following)


def _frames(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames in `octets`, which holds nothing but whole ones, each with its place."""
    position = 0
    while position < len(octets):
        end = position + 8 + int.from_bytes(octets[position + 3 : position + 7], "big")
        yield position, octets[position:end]
        position = end


class _Cutter:
    """Cuts one direction's octets into (offset, octets of one frame)."""

    def __init__(self) -> None:
        self._amqp = Amqp()
        self.rest = b""
        self.offset = 0
        self.broken = False
        self.reported = False
        self.straight = False
        """Whether nothing but frames is to be expected: a protocol header can only be first."""

    def cut(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Every whole frame, lazily; after garbage, all octets as they come."""
        if self.rest:
            data = self.rest + data
            self.rest = b""
        position, total = 0, len(data)
        while position < total:
            size = total - position if self.broken else self._amqp.size(data, position)
            if size == 0:
                self.broken = True
                size = total - position
            if position + size > total:
                break
            offset = self.offset
            self.offset += size
            unit = data[position : position + size]
            self._amqp.next(unit)
            self.straight = not self.broken
            yield offset, unit
            position += size
        self.rest = data[position:]


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
