"""A way to a broker that can be cut: from then on nothing passes, and neither side is told."""

from __future__ import annotations

import asyncio
from types import TracebackType

__all__ = ["BreakableWay"]


class BreakableWay:
    """Listens on loopback and hands octets on, both ways, until :meth:`cut`. Use with ``async with``."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._whole = True
        self._pumps: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> BreakableWay:
        self._listener = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> None:
        """Hand on nothing any more."""
        self._whole = False

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._target)
        for source, sink in ((reader, back), (there, writer)):
            self._pumps.add(asyncio.create_task(self._pump(source, sink)))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while octets := await source.read(65536):
                if self._whole:
                    sink.write(octets)
        except ConnectionError:
            pass
        finally:
            if self._whole:
                sink.transport.abort()
