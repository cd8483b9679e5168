"""A listening port, and what a program may ask its sockets, as asyncio has them.

Theory
------
A program that listens holds an :class:`asyncio.Server` and asks it for its sockets, mostly to learn the port. Here
is what answers in a simulated world. To listen is to have an entry among the network's listeners, nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from amqplab.sim.segment import endpoint_name

__all__ = ["SimServer", "SimSocket"]


class SimSocket:
    """What ``get_extra_info("socket")`` gives: knows its addresses, ignores options."""

    family, type, proto = 2, 1, 6

    def __init__(self, local: tuple[str, int], remote: tuple[str, int] | None) -> None:
        self._local = local
        self._remote = remote

    def getsockname(self) -> tuple[str, int]:
        """(host, port) of this end."""
        return self._local

    def getpeername(self) -> tuple[str, int] | None:
        """(host, port) of the other end."""
        return self._remote

    def setsockopt(self, *_: Any) -> None:
        """Options have no effect on a simulated link."""

    def getsockopt(self, *_: Any) -> int:
        """Every option is 0."""
        return 0

    def fileno(self) -> int:
        """There is no file."""
        return -1

    def __repr__(self) -> str:
        return f"<SimSocket {endpoint_name(*self._local)}>"


class SimServer(asyncio.AbstractServer):
    """A listening port."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listeners: dict[tuple[str, int], SimServer],
        host: str,
        port: int,
        factory: Callable[[], asyncio.BaseProtocol],
    ) -> None:
        self._loop = loop
        self._listeners = listeners
        self.host = host
        self.port = port
        self.factory = factory
        self.sockets = (SimSocket((host, port), None),)

    def close(self) -> None:
        """Stop listening; connections stay."""
        self._listeners.pop((self.host, self.port), None)

    def is_serving(self) -> bool:
        """Whether connections are taken."""
        return self._listeners.get((self.host, self.port)) is self

    async def start_serving(self) -> None:
        """It does from the start."""

    async def serve_forever(self) -> None:
        """Wait until cancelled."""
        await self._loop.create_future()

    async def wait_closed(self) -> None:
        """Nothing to wait for."""

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The simulated loop."""
        return self._loop

    def __repr__(self) -> str:
        return f"<SimServer {self.host}:{self.port}>"
