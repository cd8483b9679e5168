"""The lab's broker on a real socket: two times joined into one.

Theory
------
The broker in a lab lives in virtual time; a real client lives in the kernel's. They can share one broker,
and one history, if virtual time keeps pace with the real one while the socket is open:

    an octet arrives        first let the simulated world catch up to "now", then give the broker the octet
    a virtual timer is due  a real timer was set for it: wake up, and let the simulated world catch up

So heartbeats of simulated and real clients count the same seconds, a real publisher feeds a simulated
consumer, and every record has one time, counted from the lab's beginning. Real clients appear as hosts with
a name of the lab's choosing (their real port is different in every run and would say nothing). Only the
broker's end can be tapped; what the operating system does between the two ends is not seen, and therefore
not shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from typing import Any, cast

from amqplab.lab.errors import LabError
from amqplab.lab.following import Following, Picture
from amqplab.lab.processes import AtHome
from amqplab.lab.world import BROKER_HOST, World
from amqplab.net.server import GOODBYE_S, BrokerProtocol, why_not_listening
from amqplab.net.sockets import name_of
from amqplab.net.tapped import TappedProtocol
from amqplab.trace.tap import Tap

__all__ = ["LiveServer", "Opening", "Pacer", "open_live"]


class Pacer:
    """Keeps the virtual clock of `world` level with real time, from now until :meth:`stop`."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop) -> None:
        self._world = world
        self._loop = loop
        self._offset = world.now - time.monotonic_ns()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def catch_up(self) -> None:
        """Let the simulated world run until "now"; if it is ahead already, it stays there."""
        target = time.monotonic_ns() + self._offset
        if target > self._world.now:
            self._world.run_to(target)

    def enter(self, callback: Callable[..., Any], *args: Any) -> Any:
        """Run `callback` at the real time that it is, and look afterwards when to wake up next."""
        if self._world.closed:
            return None
        self.catch_up()
        try:
            return callback(*args)
        finally:
            self._world.run_to(self._world.now)
            self._arrange()

    def _arrange(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._world.next_due()
        if due is None or self._stopped or self._world.closed:
            return
        delay_ns = due - self._offset - time.monotonic_ns()
        self._timer = self._loop.call_later(max(0, delay_ns) / 1e9, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if not self._world.closed:
            self.catch_up()
            self._arrange()

    def start(self) -> None:
        """Begin to keep pace."""
        self._arrange()

    def stop(self) -> None:
        """Leave the virtual clock where it is."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class LiveProtocol(asyncio.Protocol):
    """The broker's end of a real connection: every callback is entered through the pacer."""

    def __init__(self, pacer: Pacer, inner: asyncio.Protocol, name: str) -> None:
        self._pacer = pacer
        self._inner = inner
        self._name = name
        self._transport: asyncio.Transport | None = None
        self.ended = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        """Between the two: connected, and not ended."""
        return self._transport is not None and not self.ended.is_set()

    def abort(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        named = NamedTransport(cast(asyncio.Transport, transport), self._name)
        self._pacer.enter(self._inner.connection_made, named)

    def data_received(self, data: bytes) -> None:
        self._pacer.enter(self._inner.data_received, data)

    def eof_received(self) -> bool | None:
        return cast("bool | None", self._pacer.enter(self._inner.eof_received))

    def connection_lost(self, exc: Exception | None) -> None:
        self._pacer.enter(self._inner.connection_lost, exc)
        self.ended.set()

    def pause_writing(self) -> None:
        self._pacer.enter(self._inner.pause_writing)

    def resume_writing(self) -> None:
        self._pacer.enter(self._inner.resume_writing)


class NamedTransport:
    """A real transport whose far end goes by a name of the lab's choosing; all else is the transport's."""

    def __init__(self, transport: asyncio.Transport, name: str) -> None:
        self._transport = transport
        self._name = name

    def get_extra_info(self, key: str, default: Any = None) -> Any:
        """As the transport's own, but for the peer's address."""
        if key != "peername":
            return self._transport.get_extra_info(key, default)
        _, local = name_of(self._transport.get_extra_info("peername"))
        return (self._name, 1) if local else self._transport.get_extra_info("peername")

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._transport, attribute)


class LiveServer:
    """The lab's broker on a real socket. Close it with ``await close()``, or use it in ``async with``."""

    def __init__(self, world: World, pacer: Pacer, names: Iterator[str], following: Following) -> None:
        self._world = world
        self._pacer = pacer
        self._following = following
        self._names = names
        self._listener: asyncio.Server | None = None
        self._ends: dict[str, LiveProtocol] = {}
        self.host = ""
        self.port = 0

    @property
    def url(self) -> str:
        """Where clients connect, e.g. ``amqp://guest:guest@127.0.0.1:5672``."""
        return f"amqp://guest:guest@{self.host}:{self.port}"

    @property
    def is_open(self) -> bool:
        """False once closed."""
        return self._listener is not None

    async def open(self, host: str, port: int) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._protocol, host, port)
        except (OSError, OverflowError) as error:
            raise LabError(why_not_listening(error, host, port)) from error
        self.host, self.port = self._listener.sockets[0].getsockname()[:2]
        self._pacer.start()
        self._following.start()

    def _protocol(self) -> LiveProtocol:
        name = next(self._names)
        connection = f"{name}:1"
        tap = Tap(self._world.recorder, connection, BROKER_HOST)
        inner = AtHome(
            TappedProtocol(BrokerProtocol(self._world.server), tap), self._world.process_at(BROKER_HOST)
        )
        end = self._ends[connection] = LiveProtocol(self._pacer, inner, name)
        return end

    async def close(self) -> None:
        """Close the real connections as RabbitMQ does when it stops (CONN-62); simulated ones stay. Clients
        that do not answer within three seconds are reset. Again is harmless.
        """
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.close()
        for connection in self._open_ends():
            self._pacer.enter(self._dismiss, connection)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await asyncio.gather(
                    *(self._ends[connection].ended.wait() for connection in self._open_ends())
                )
        for connection in self._open_ends():
            self._ends[connection].abort()
            await self._ends[connection].ended.wait()
        await listener.wait_closed()
        self._pacer.stop()
        self._following.stop()

    def _open_ends(self) -> list[str]:
        return [name for name, end in self._ends.items() if end.is_connected]

    def _dismiss(self, connection: str) -> None:
        world = self._world
        text = "broker forced connection closure with reason 'shutdown'"
        world.server.apply(world.broker.close_connection(connection, text, world.now))

    def abort(self) -> None:
        """Let go of everything at once, without a word to anybody."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.close()
        for connection in self._open_ends():
            self._ends[connection].abort()
        self._pacer.stop()
        self._following.stop()

    async def __aenter__(self) -> LiveServer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return "<LiveServer: open>" if self.is_open else "<LiveServer: closed>"


class Opening:
    """A server about to be opened: ``server = await lab.serve(…)`` or ``async with lab.serve(…) as server:``,
    which closes it at the end.
    """

    def __init__(self, open_it: Callable[[], Coroutine[Any, Any, LiveServer]]) -> None:
        self._open_it = open_it
        self._server: LiveServer | None = None

    def __await__(self) -> Generator[Any, None, LiveServer]:
        return self._open_it().__await__()

    async def __aenter__(self) -> LiveServer:
        self._server = await self
        return self._server

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await self._server.close()

    def __repr__(self) -> str:
        return (
            "<LiveServer: not open yet; write 'await lab.serve(…)' or 'async with lab.serve(…) as server:'>"
        )


async def open_live(
    world: World, host: str, port: int, names: Iterator[str], pictures: Iterable[Picture] = ()
) -> LiveServer:
    """Put the broker of `world` on a socket of the running loop; `pictures` of it follow meanwhile. Raises
    LabError if that cannot be.
    """
    loop = asyncio.get_running_loop()
    server = LiveServer(world, Pacer(world, loop), names, Following(loop, world.recorder, pictures))
    await server.open(host, port)
    return server
