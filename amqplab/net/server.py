"""The broker on an event loop: transports on one side, bytes and effects on the other.

Theory
------
The broker's core holds no socket, no clock and no timer. It is told what happened (`connected`, `received`,
`disconnected`, `tick`) together with the time, and answers with *effects*: send these octets, close that
connection, stop reading, wake me at. This module is the whole of the other side. It is small because it
decides nothing:

    asyncio calls                 the core is told            effects are carried out
    connection_made(transport) -> connected(name, now)        Send     -> transport.write
    data_received(octets)      -> received(name, octets, now) Close    -> transport.abort or .close
    connection_lost(error)     -> disconnected(name, now)     Reading  -> pause_reading / resume_reading
    the one timer              -> tick(now)                   WakeAt   -> the one timer
    the journal says "safe"    -> persisted(token, now)       Persist  -> the journal, or the next turn
    pause_, resume_writing     -> writable(name, on, now)     Room     -> the next turn, or resume_writing

The same adapter runs in two worlds. On an ordinary loop time is the monotonic clock. The simulated loop has a
`time_ns` of its own, and its transports are simulated TCP; nothing here knows the difference.

A connection is named by the client's end, ``"host:port"``. There is one timer for the whole broker, and one
write per connection for each chunk that arrives: the core joins what it has to say.

A client that does not read makes no heap of unsent octets here: its consumers get nothing more until it does
(BASIC-34), and in the end it is not read from either.

Every close by the broker is a TCP reset (CONN-07): the socket lingers for 0 seconds and is aborted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from amqplab.broker.broker import Broker
from amqplab.broker.effects import Close, Effect, Persist, Reading, Room, Send, WakeAt
from amqplab.errors import UsageError
from amqplab.net.journal_files import JournalDirectory
from amqplab.net.sockets import clock_of, like_rabbitmq, name_of
from amqplab.net.tls import client_name
from amqplab.trace.recorder import because

__all__ = ["BrokerProtocol", "BrokerServer", "Log", "Wrap"]

MUCH_UNSENT = 1 << 20  # octets; deliveries rest until a quarter is left
TOO_MUCH_UNSENT = 1 << 25  # octets of replies to a client that asks and asks and does not read
GOODBYE_S = 3.0  # how long a shutdown waits for the clients' close-ok (CONN-62)

Log = Callable[[str], None]
Wrap = Callable[["BrokerProtocol"], asyncio.Protocol]
Keep = Callable[[Sequence[bytes], Callable[[], None]], None]


class BrokerServer:
    """Drives one broker: makes a protocol per connection, and carries out the broker's effects.

    ``loop`` keeps the broker's timer; by default the running one. ``now`` gives the time in integer
    nanoseconds; by default the running loop's own ``time_ns`` (simulated loops have one) or else the
    monotonic clock. ``wrap``, when given, gets each new protocol and returns the one that the transport
    shall feed; a recording tap is put in that way. ``log`` gets one line per event of a connection's
    life. ``persist(entries, then)`` makes entries safe and calls ``then()`` when they are, as the `append` of
    a journal does; by default nothing is written and everything counts as safe.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        now: Callable[[], int] | None = None,
        wrap: Wrap | None = None,
        log: Log | None = None,
        persist: Keep | None = None,
    ) -> None:
        self.broker = broker
        self._now = now
        self._persist = persist or self._forget
        self._wrap = wrap
        self._log = log
        self._loop = loop
        self._ends: dict[str, BrokerProtocol] = {}
        self._wake_at: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_one_left: asyncio.Future[None] | None = None
        self._stopping = False
        self._journal: JournalDirectory | None = None

    def keep(self, path: str | Path) -> asyncio.Future[UsageError]:
        """Open the journal in a directory, give the (durable) broker what survived there, and write down what
        must survive from now on. The future is the journal's failure, if it fails one day.

        Raises UsageError with one sentence when the directory cannot be used.
        """
        journal, state, notes = JournalDirectory.open(path)
        for note in notes:
            self.log(note)
        failed = self.loop.create_future()
        self._journal, self._persist = journal, journal.append
        journal.journal.on_note = self.log
        journal.journal.on_failure = lambda error: None if failed.done() else failed.set_result(error)
        self.apply(self.broker.restore(state, self.now()))
        return failed

    def protocol(self, login_from: str = "common_name") -> asyncio.Protocol:
        """A protocol for one new connection: the factory that `create_server` asks for. `login_from` says
        what in a client's certificate is the user's name.
        """
        protocol = BrokerProtocol(self, login_from)
        return protocol if self._wrap is None else self._wrap(protocol)

    def now(self) -> int:
        """The time in nanoseconds, by the clock in charge."""
        if self._now is None:
            self._now = clock_of(self.loop)
        return self._now()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the timer runs on: the first one that a connection was made on."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    @property
    def connections(self) -> tuple[str, ...]:
        """The names of the connections open now, oldest first."""
        return tuple(self._ends)

    # --- what the protocols tell ---

    def arrived(self, protocol: BrokerProtocol, name: str, loopback: bool, certified: str | None) -> str:
        """A transport is connected; returns the name that the connection goes by."""
        unique, again = name, 2
        while unique in self._ends:  # the old socket's end has not been noticed yet
            unique, again = f"{name}#{again}", again + 1
        self._ends[unique] = protocol
        self.log(f"{unique} connected")
        most = self.broker.config.max_connections
        if most is not None and len(self._ends) > most:
            self.log(f"{unique} is reset: there are {most} connections already")
            protocol.close(abort=True)
            return unique
        if self._stopping:  # it was on its way when the shutdown began
            protocol.close(abort=True)
            return unique
        self.apply(self.broker.connected(unique, self.now(), loopback=loopback, certified=certified))
        return unique

    def left(self, name: str, reason: str) -> None:
        """A transport is gone, for whatever reason."""
        del self._ends[name]
        self.log(f"{name} disconnected: {reason}")
        self.apply(self.broker.disconnected(name, self.now(), reason))
        if not self._ends and self._last_one_left is not None:
            self._last_one_left.set_result(None)
            self._last_one_left = None

    def log(self, line: str) -> None:
        if self._log is not None:
            self._log(line)

    # --- what the core wants done ---

    def apply(self, effects: list[Effect]) -> None:
        """Carry out effects, in order."""
        for effect in effects:
            kind = type(effect)
            if kind is Send:
                end = self._ends.get(effect.connection)  # type: ignore[union-attr]
                if end is not None:
                    end.write(effect.data)  # type: ignore[union-attr]
            else:
                self._apply_rare(effect)

    def _apply_rare(self, effect: Effect) -> None:
        match effect:
            case Close(connection, abort):
                if (end := self._ends.get(connection)) is not None:
                    end.close(abort)
            case Reading(connection, on):
                if (end := self._ends.get(connection)) is not None:
                    end.read(on)
            case WakeAt(when):
                self._wake(when)
            case Room(connection):
                if (end := self._ends.get(connection)) is not None and not end.full:
                    self.loop.call_soon(self.room, connection, end)
            case Persist(token, entries):
                self._persist(entries, partial(self._persisted, token))

    def _forget(self, entries: Sequence[bytes], then: Callable[[], None]) -> None:
        """Without a journal everything counts as safe at once, and nothing survives."""
        self.loop.call_soon(then)

    def room(self, connection: str, end: BrokerProtocol) -> None:
        """The connection can take more, unless that has changed since."""
        if self._ends.get(connection) is end and not end.full:
            self.apply(self.broker.writable(connection, True, self.now()))

    def _persisted(self, token: Any) -> None:
        self.apply(self.broker.persisted(token, self.now()))

    def _wake(self, when: int | None) -> None:
        """Have `tick` called at `when` (ns), or not at all."""
        self._wake_at = when
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when is not None:
            delay_ns = max(0, when - self.now())
            with because(None):  # what time brings is nobody's doing
                self._timer = self.loop.call_later(delay_ns / 1e9, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._wake_at is None:
            return
        now = self.now()
        if now < self._wake_at:  # the loop's float clock rang a little early
            self._wake(self._wake_at)
            return
        self._wake_at = None
        self.apply(self.broker.tick(now))

    # --- a power failure, in a simulated world ---

    def power_lost(self) -> None:
        """Everybody is gone without a word, and nothing happens by itself any more."""
        self._ends.clear()
        self.broker.power_lost(self.now())
        self._wake(None)

    def power_restored(self) -> None:
        """What is left goes on; what expired in the dark goes at once (DUR-11)."""
        self.apply(self.broker.tick(self.now()))
        self._wake(self.broker.deadlines.earliest())

    # --- the end ---

    async def shut_down(self) -> None:
        """Close every connection as RabbitMQ does when it stops (CONN-62); afterwards none is left.

        Clients have three seconds to answer; who has not is reset, and so is whoever still comes.
        """
        self._stopping = True
        self.apply(self.broker.shutdown(self.now()))
        if not await self._all_gone(GOODBYE_S):
            for end in list(self._ends.values()):
                end.close(abort=True)
            await self._all_gone(None)
        self._wake(None)
        journal, self._journal = self._journal, None
        if journal is not None:
            await journal.close()

    async def _all_gone(self, patience_s: float | None) -> bool:
        if not self._ends:
            return True
        self._last_one_left = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(patience_s):
                await self._last_one_left
        except TimeoutError:
            self._last_one_left = None
            return False
        return True

    def __repr__(self) -> str:
        return f"<BrokerServer: {len(self._ends)} connections>"


class BrokerProtocol(asyncio.Protocol):
    """The broker's end of one connection."""

    def __init__(self, server: BrokerServer, login_from: str = "common_name") -> None:
        self._server = server
        self._login_from = login_from
        self._received = server.broker.received
        self._apply = server.apply
        self.name = ""
        self.full = False  # much is unsent
        self._wants_octets = True
        self._choked = False  # too much is unsent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        name, _ = name_of(transport.get_extra_info("peername"))
        _, loopback = name_of(transport.get_extra_info("sockname"))  # who dialled loopback must be here
        like_rabbitmq(transport)
        self._transport.set_write_buffer_limits(MUCH_UNSENT)
        self._closing = "the client closed the TCP connection unexpectedly"
        secured = transport.get_extra_info("ssl_object")
        certificate = secured.getpeercert() if secured is not None else None
        certified = client_name(certificate, self._login_from)
        self.name = self._server.arrived(self, name, loopback, certified)

    def data_received(self, data: bytes) -> None:
        if effects := self._received(self.name, data, self._server.now()):
            self._apply(effects)

    def gathers(self, channel: int, method: bytes, header: bytes, largest: int) -> bool:
        """What a tap asks: see :meth:`amqplab.broker.broker.Broker.gathers`."""
        broker, now = self._server.broker, self._server.now()
        return broker.gathers(self.name, channel, method, header, largest, now)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.left(self.name, self._closing if exc is None else "reset")

    def pause_writing(self) -> None:
        self.full = True
        self._apply(self._server.broker.writable(self.name, False, self._server.now()))

    def resume_writing(self) -> None:
        self.full = False
        if self._choked:
            self._choked = False
            self.read(self._wants_octets)
        self._server.room(self.name, self)

    def write(self, data: bytes) -> None:
        if self._transport.is_closing():  # lost a moment ago, and about to tell
            return
        self._transport.write(data)
        if self.full and not self._choked and self._transport.get_write_buffer_size() > TOO_MUCH_UNSENT:
            self._choked = True
            self.read(self._wants_octets)

    def read(self, on: bool) -> None:
        """Go on reading, or stop; but who does not read is not read from."""
        self._wants_octets = on
        if self._transport.is_closing():
            return
        if on and not self._choked:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def close(self, abort: bool) -> None:
        """End the connection: with a reset, or after all that was written has gone out."""
        self._closing = "closed by the broker"
        if not abort:
            self._transport.close()
            return
        self._transport.abort()
