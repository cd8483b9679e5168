"""asyncio's transport over a simulated TCP endpoint.

Theory
------
A protocol never sees TCP; it sees a transport: write, close, abort, and a buffer that may fill up. The
contract is asyncio's own (PEP 3156): ``connection_made`` once, then ``data_received`` any number of times,
perhaps ``eof_received``, and ``connection_lost`` once at the end; ``pause_writing`` when more is buffered
than the high-water mark.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from amqplab.sim.tcp import Endpoint

if TYPE_CHECKING:
    from amqplab.sim.loop import SimLoop

__all__ = ["SimTransport"]

HIGH_WATER = 64 * 1024


class SimTransport(asyncio.Transport):
    """One end of a simulated connection, as asyncio wants it."""

    def __init__(
        self, loop: SimLoop, endpoint: Endpoint, protocol: asyncio.BaseProtocol, extra: dict[str, Any]
    ) -> None:
        super().__init__(extra)
        self._loop = loop
        self._endpoint = endpoint
        self._protocol: Any = protocol
        self._closing = False
        self._lost = False
        self._paused_protocol = False
        self._high, self._low = HIGH_WATER, HIGH_WATER // 4
        endpoint.on_data = self._data
        endpoint.on_eof = self._eof
        endpoint.on_lost = self._lose
        endpoint.on_room = self._room

    # --- reading --------------------------------------------------------------------------------------

    def _data(self, data: bytes) -> None:
        try:
            self._protocol.data_received(data)
        except Exception as error:
            self._fatal(error)

    def _eof(self) -> None:
        try:
            keep_open = self._protocol.eof_received()
        except Exception as error:
            self._fatal(error)
            return
        if not keep_open:
            self.close()

    def pause_reading(self) -> None:
        """Octets stay with TCP; its window closes when they are too many."""
        self._endpoint.pause()

    def resume_reading(self) -> None:
        """Go on reading."""
        if not self._lost:
            self._endpoint.resume()

    def is_reading(self) -> bool:
        """Whether octets are handed up."""
        return self._endpoint.reading and not self._closing

    # --- writing --------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hand octets to TCP; they leave within this instant if the windows allow."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if not data or self._lost or self._endpoint.state == "CLOSED" or self._endpoint.fin_wanted:
            return
        self._endpoint.write(bytes(data))
        if self._endpoint.unsent > self._high and not self._paused_protocol:
            self._paused_protocol = True
            self._protocol.pause_writing()

    def _room(self) -> None:
        if self._paused_protocol and self._endpoint.unsent <= self._low:
            self._paused_protocol = False
            self._protocol.resume_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As in asyncio."""
        self._high = (HIGH_WATER if low is None else 4 * low) if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        """Octets written and not acknowledged by the other end."""
        return self._endpoint.unsent

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """(low, high)."""
        return self._low, self._high

    def can_write_eof(self) -> bool:
        """TCP can close one direction."""
        return True

    def write_eof(self) -> None:
        """No more octets from here; the other direction stays open."""
        self._endpoint.finish()

    # --- the end --------------------------------------------------------------------------------------

    def is_closing(self) -> bool:
        """Whether :meth:`close` or :meth:`abort` was called, or the connection is lost."""
        return self._closing or self._lost

    def close(self) -> None:
        """Send what is written, then FIN. The protocol hears connection_lost(None) soon."""
        if self._closing or self._lost:
            return
        self._closing = True
        self._endpoint.finish()
        self._endpoint.detach()
        self._loop.call_soon(self._report_lost, None)

    def abort(self) -> None:
        """Send RST; what was written and not sent is dropped."""
        if self._lost:
            return
        self._closing = True
        self._endpoint.abort()
        self._endpoint.detach()
        self._loop.call_soon(self._report_lost, None)

    def _lose(self, error: OSError | None) -> None:
        self._closing = True
        self._loop.call_soon(self._report_lost, error)

    def _report_lost(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self._endpoint.detach()
            self._protocol.connection_lost(error)

    def _fatal(self, error: Exception) -> None:
        self._loop.call_exception_handler(
            {"message": "Fatal error: protocol call failed.", "exception": error, "protocol": self._protocol}
        )
        self._closing = True
        self._endpoint.abort()
        self._endpoint.detach()
        self._loop.call_soon(self._report_lost, error)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who is called."""
        return self._protocol  # type: ignore[no-any-return]

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Call somebody else from now on."""
        self._protocol = protocol

    def __repr__(self) -> str:
        return f"<SimTransport {self._endpoint.local} to {self._endpoint.remote}>"
