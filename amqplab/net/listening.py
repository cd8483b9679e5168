"""A broker that listens on a real address.

Theory
------
To listen is to ask the operating system for an address and a port, and it may say no: another program has the
port, it is not ours to take, no network of this machine has that address. Each is told in one sentence that says
what to do. What happens on the connections that come is :mod:`amqplab.net.server`'s.

Opening goes in this order: first what survived on the disk is read, then the port is opened. Whoever can connect
finds everything there.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from amqplab.broker.broker import Broker
from amqplab.errors import UsageError
from amqplab.net.server import BrokerServer, Log, Wrap

if TYPE_CHECKING:
    import ssl

__all__ = ["RunningServer", "serve", "why_not_listening"]


class RunningServer:
    """A broker that listens. ``url`` is where; ``await close()`` ends it and leaves nothing behind."""

    def __init__(
        self, server: BrokerServer, listener: asyncio.Server, host: str, port: int, secure: bool = False
    ) -> None:
        self.server = server
        self.broker = server.broker
        self.host = host
        self.port = port
        self.secure = secure
        self._listener: asyncio.Server | None = listener
        self.failed: asyncio.Future[UsageError] | None = None

    @property
    def url(self) -> str:
        """The address to connect to, as an AMQP URI."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'amqps' if self.secure else 'amqp'}://{host}:{self.port}"

    async def close(self) -> None:
        """Stop listening and close all connections as RabbitMQ does (CONN-62). Again is harmless."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.close()
        await self.server.shut_down()
        await listener.wait_closed()

    async def __aenter__(self) -> RunningServer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<RunningServer: {self.url}>" if self._listener else "<RunningServer: closed>"


async def serve(
    broker: Broker | BrokerServer,
    host: str = "127.0.0.1",
    port: int = 5672,
    *,
    ssl_context: ssl.SSLContext | None = None,
    wrap: Wrap | None = None,
    log: Log | None = None,
    data: str | Path | None = None,
    login_from: str = "common_name",
) -> RunningServer:
    """Put `broker` on a socket of the running loop; port 0 picks a free one (see ``.port``). With `data`, a
    directory, durable things survive there; the broker must then be a durable one.

    Raises UsageError when the address cannot be listened on or the directory cannot be used, with a sentence
    that says what to do. ``.failed`` is set when the disk fails later.
    """
    server = broker if isinstance(broker, BrokerServer) else BrokerServer(broker, wrap=wrap, log=log)
    loop = asyncio.get_running_loop()
    if not hasattr(loop, "time_ns"):
        server.broker.epoch_ns = time.time_ns() - time.monotonic_ns()
    failed = None if data is None else server.keep(data)
    try:
        running = await _listen(server, loop, host, port, ssl_context, login_from)
    except BaseException:
        await server.shut_down()
        raise
    running.failed = failed
    return running


async def _listen(
    server: BrokerServer,
    loop: asyncio.AbstractEventLoop,
    host: str,
    port: int,
    ssl_context: ssl.SSLContext | None,
    login_from: str,
) -> RunningServer:
    if not host:  # asyncio would take it for all addresses
        raise UsageError("An empty host is no address: try 127.0.0.1, or 0.0.0.0 for all of them.")
    try:
        listener = await loop.create_server(
            partial(server.protocol, login_from),
            host,
            port,
            ssl=ssl_context,
            backlog=1024,
            ssl_handshake_timeout=server.broker.config.handshake_timeout_s if ssl_context else None,
        )
    except (OSError, OverflowError, UnicodeError) as error:
        raise UsageError(why_not_listening(error, host, port)) from error
    sockets = getattr(listener, "sockets", ())
    return RunningServer(
        server, listener, host, sockets[0].getsockname()[1] if sockets else port, ssl_context is not None
    )


def why_not_listening(error: Exception, host: str, port: int) -> str:
    """One sentence for a listener that could not be opened."""
    code = getattr(error, "errno", None)
    if isinstance(error, OverflowError):
        return f"There is no port {port}: choose one from 1 to 65535, or 0 for any free one."
    if code == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program (a RabbitMQ, perhaps): "
            "choose another port, or port 0 for any free one."
        )
    if code in (errno.EACCES, errno.EPERM):
        return f"Listening on port {port} is not permitted here: choose a port above 1023, or 0."
    nowhere = code == errno.EADDRNOTAVAIL or "could not bind on any address" in str(error)  # Python 3.13
    if nowhere or isinstance(error, socket.gaierror | UnicodeError):
        return f"{host!r} is not an address of this machine: try 127.0.0.1, or 0.0.0.0 for all of them."
    return f"Listening on {host}:{port} failed: {error}"
