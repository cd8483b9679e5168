"""A tap on one end of a connection: every frame seen, nothing changed.

Theory
------
Frames are observed at the *ends* of a link, by the same code for our client, our broker and anybody else's
asyncio client. :class:`TappedProtocol` stands between a transport and the protocol that uses it:

    transport --octets--> TappedProtocol --frame by frame--> protocol
    transport <-one write- TappedProtocol <----writes------- protocol

Two things need care.

*Causes.* A chunk from TCP may hold many frames, and a learner wants to know which of them caused an answer.
So the inner protocol is fed frame by frame, each because of that frame's record (``CAUSE`` is set and set
back by hand: this is done for every frame, and is what ``with because(seq)`` does). What it writes
meanwhile is shown to the tap at once, under the right cause, but handed to TCP in one piece at the end of
the chunk, as it would have been without a tap: *recording must not change the segments*.

*Pausing.* A protocol that stops reading in the middle of a chunk (an alarm: LIMIT-02) gets the rest of that
chunk when it reads again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, cast

from amqplab.trace.recorder import CAUSE
from amqplab.trace.tap import Tap

__all__ = ["TappedProtocol", "TappedTransport"]

Piece = tuple[int | None, bytes]
NONE_LEFT: Piece = (None, b"")


class TappedProtocol(asyncio.Protocol):
    """Wraps `protocol` and shows its octets, both ways, to `tap`.

    ``tap`` may be a function of the transport that makes the tap, for ends whose name is known only once
    they are connected. ``transport`` is what the inner protocol writes to: hand this one out, not the raw
    one.
    """

    def __init__(
        self, protocol: asyncio.BaseProtocol, tap: Tap | Callable[[asyncio.BaseTransport], Tap]
    ) -> None:
        self.inner = cast(asyncio.Protocol, protocol)
        self._tap = tap
        self.transport: TappedTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tap = self._tap(transport) if callable(self._tap) else self._tap
        self.transport = TappedTransport(cast(asyncio.Transport, transport), tap, self)
        self.inner.connection_made(self.transport)

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.feed(data)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.transport is not None:
            self.transport.lost()
        self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()

    def __repr__(self) -> str:
        return f"<TappedProtocol of {type(self.inner).__name__}>"


class TappedTransport(asyncio.Transport):
    """The transport as the inner protocol sees it: the raw one, with the tap on `write`."""

    def __init__(self, transport: asyncio.Transport, tap: Tap, protocol: TappedProtocol) -> None:
        super().__init__()
        self.raw = transport
        self._tap = tap
        self._protocol = protocol
        self._pieces: Iterator[Piece] = iter(())
        self._feeding = False
        self._paused = False
        self._ended = False
        self._held: list[bytes] = []

    # --- inwards ---

    def feed(self, data: bytes) -> None:
        """One chunk from TCP: give it to the inner protocol frame by frame."""
        fresh = self._tap.received(data, getattr(self._protocol.inner, "gathers", None))
        self._pieces = chain(self._pieces, fresh) if self._paused else fresh
        self._pump()

    def _pump(self) -> None:
        if self._feeding:
            return
        self._feeding = True
        outer = CAUSE.get()
        try:
            while not self._paused and not self._ended:
                seq, octets = next(self._pieces, NONE_LEFT)
                if not octets:
                    break
                if seq is not None:
                    CAUSE.set(seq)
                self._protocol.inner.data_received(octets)
                CAUSE.set(outer)
        finally:
            CAUSE.set(outer)
            self._feeding = False
            self._flush()

    def pause_reading(self) -> None:
        self._paused = True
        self.raw.pause_reading()

    def resume_reading(self) -> None:
        """Feed what is left of the last chunk, then read on."""
        self._paused = False
        self._pump()
        if not self._paused and not self._ended:
            self.raw.resume_reading()

    def is_reading(self) -> bool:
        return self.raw.is_reading()

    # --- outwards ---

    def write(self, data: bytes | bytearray | memoryview) -> None:
        octets = bytes(data)
        if not octets or self.raw.is_closing():
            return
        self._tap.sent(octets)
        if self._feeding:
            self._held.append(octets)
        else:
            self.raw.write(octets)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def _flush(self) -> None:
        if self._held:
            held, self._held = b"".join(self._held), []
            self.raw.write(held)

    def write_eof(self) -> None:
        self._flush()
        self.raw.write_eof()

    def close(self) -> None:
        self._ended = True
        self._flush()
        self.raw.close()

    def abort(self) -> None:
        self._ended = True
        self._flush()
        self.raw.abort()

    def lost(self) -> None:
        """The raw connection is gone."""
        self._ended = True
        self._held.clear()

    # --- the rest is the raw transport's ---

    def can_write_eof(self) -> bool:
        return self.raw.can_write_eof()

    def is_closing(self) -> bool:
        return self.raw.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.raw.get_extra_info(name, default)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol.inner

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol.inner = cast(asyncio.Protocol, protocol)

    def get_write_buffer_size(self) -> int:
        return self.raw.get_write_buffer_size() + sum(map(len, self._held))

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self.raw.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.raw.set_write_buffer_limits(high, low)

    def __repr__(self) -> str:
        return f"<TappedTransport of {type(self.raw).__name__}>"
