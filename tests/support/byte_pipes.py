"""Byte pipes to a broker: a real socket, or a broker object in virtual time.

Theory
------
A conversation needs three things of its transport: write octets, read what came within some time, and tell
whether the other side ended it by a FIN or by a reset (CONN-07 makes that difference visible). Both pipes
here offer just that, so that one test body runs over either; only a socket really waits.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any

from amqplab.broker.broker import Broker
from amqplab.broker.config import BrokerConfig
from amqplab.broker.effects import Close, Effect, Persist, Reading, Room, Send, WakeAt
from amqplab.model.journal_log import Journal
from amqplab.sim.clock import Clock
from amqplab.sim.disk import Disk

__all__ = ["DurableTime", "Ended", "MemoryPipe", "SocketPipe", "VirtualTime"]

SECOND = 1_000_000_000
DISK_NS = 1_000_000  # how long the imagined disk of the in-memory broker takes
MUCH_UNREAD = 1 << 20  # octets in virtual time; a socket has room for some more
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Ended(Exception):
    """The other side ended the TCP connection; `how` is "reset" or "end of file"."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class SocketPipe:
    """A blocking TCP socket."""

    virtual = False

    def __init__(self, host: str, port: int, source: str = "") -> None:
        self._socket = socket.create_connection((host, port), timeout=10, source_address=(source, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reset = False

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def now(self) -> float:
        """Seconds, from an arbitrary start."""
        return time.monotonic()

    def send(self, data: bytes) -> None:
        """Write everything; that the broker has gone is noticed by the next read."""
        try:
            self._socket.settimeout(10)
            self._socket.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            self._reset = True

    def receive(self, timeout_s: float) -> bytes:
        """What has come, waiting for it at most that long; empty when nothing did. Raises Ended."""
        self._socket.settimeout(max(timeout_s, 0.001))
        try:
            data = self._socket.recv(1 << 20)
        except TimeoutError:
            return b""
        except ConnectionResetError:
            raise Ended("reset") from None
        if not data:
            raise Ended("reset" if self._reset else "end of file")
        return data

    def close(self) -> None:
        """End with a FIN."""
        self._socket.close()

    def abort(self) -> None:
        """End with a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._socket.close()


class VirtualTime:
    """Drives one :class:`Broker`: its effects, its one timer and its disk, in time that only passes on
    demand.
    """

    def __init__(self, config: BrokerConfig | None = None) -> None:
        self.config = config
        self.clock = Clock()
        self._pipes: dict[str, MemoryPipe] = {}
        self._names = count(1)
        self._wake: int | None = None
        self.broker = self.make_broker()

    def make_broker(self) -> Broker:
        """The broker object."""
        return Broker(config=self.config)

    @property
    def now_ns(self) -> int:
        """The time, in nanoseconds."""
        return self.clock.now

    def dial(self, loopback: bool = True) -> MemoryPipe:
        """A new connection."""
        name = f"peer:{next(self._names)}"
        pipe = self._pipes[name] = MemoryPipe(self, name)
        self.apply(self.broker.connected(name, self.now_ns, loopback=loopback))
        return pipe

    def operate(self, action: Callable[[Broker, int], list[Effect]]) -> None:
        """Do something to the broker, told the time, and carry out what it causes."""
        self.apply(action(self.broker, self.now_ns))

    def apply(self, effects: list[Effect]) -> None:
        """Carry out effects, in order."""
        for effect in effects:
            match effect:
                case Send(connection, data):
                    self._pipes[connection].take(data)
                case Close(connection, abort):
                    self._pipes[connection].end = "reset" if abort else "end of file"
                case Reading(connection, on):
                    self._pipes[connection].read(on)
                case Room(connection):
                    self._pipes[connection].offer_room()
                case WakeAt(when):
                    self._plan(when)
                case Persist(token, entries):
                    self.persist(entries, partial(self._persisted, token))

    def persist(self, entries: Sequence[bytes], then: Callable[[], None]) -> None:
        """A disk that only takes its time."""
        self.clock.after(DISK_NS, then)

    def _persisted(self, token: Any) -> None:
        self.apply(self.broker.persisted(token, self.now_ns))

    def _plan(self, when: int | None) -> None:
        if self._wake is not None:
            self.clock.cancel(self._wake)
        self._wake = None if when is None else self.clock.at(when, self._ring)

    def _ring(self) -> None:
        self._wake = None
        self.apply(self.broker.tick(self.now_ns))

    def advance(self, limit_ns: int) -> bool:
        """Let the next thing happen that is due by `limit_ns`; false when nothing is, and then it is that
        time.
        """
        due = self.clock.next_time()
        if due is None or due > limit_ns:
            self.clock.run(limit_ns)
            return False
        return self.clock.run_one()


class DurableTime(VirtualTime):
    """The same with a journal on a simulated disk, so that the broker can go and come back."""

    def __init__(self, config: BrokerConfig | None = None) -> None:
        super().__init__(config)
        self.disk = Disk(self.clock)
        self.start()

    def make_broker(self) -> Broker:
        """A broker that says what must survive."""
        return Broker(config=self.config, durable=True)

    def persist(self, entries: Sequence[bytes], then: Callable[[], None]) -> None:
        """Into the journal."""
        self._journal.append(entries, then)

    def start(self) -> None:
        """A new broker, with what survived on the disk."""
        self._journal, state, _ = Journal.open(self.disk)
        self.broker = self.make_broker()
        self.apply(self.broker.restore(state, self.now_ns))

    def terminate(self) -> None:
        """The broker stops in good order. What it did not write in doing so is forgotten."""
        self.operate(Broker.shutdown)
        for pipe in self._pipes.values():
            pipe.abort()
        written: list[bool] = []
        self._journal.close(lambda: written.append(True))
        while not written:
            self.clock.run_one()
        self._end()

    def kill(self) -> None:
        """The power fails: all connections end without a word, and the disk forgets what is not safe."""
        for pipe in self._pipes.values():
            pipe.end = pipe.end or "reset"
        self._end()

    def _end(self) -> None:
        self._plan(None)
        self._pipes.clear()
        self.disk.crash()


class MemoryPipe:
    """A pipe to a broker object: sending is a call, waiting lets virtual time pass."""

    virtual = True

    def __init__(self, world: VirtualTime, name: str) -> None:
        self.world = world
        self.name = name
        self.inbox = b""
        self.end = ""
        self._full = False
        self._reading = True
        self._unread = b""

    def now(self) -> float:
        """Virtual seconds."""
        return self.world.now_ns / SECOND

    def send(self, data: bytes) -> None:
        """Hand octets to the broker, unless it has stopped reading or ended the connection."""
        if not self._reading:
            self._unread += data
        elif not self.end:
            self.world.apply(self.world.broker.received(self.name, data, self.world.now_ns))

    def read(self, on: bool) -> None:
        """The broker stops reading, or goes on with what has come meanwhile."""
        self._reading = on
        if on:
            unread, self._unread = self._unread, b""
            self.send(unread)

    def receive(self, timeout_s: float) -> bytes:
        """What has come, letting virtual time pass until something does."""
        limit = self.world.now_ns + int(timeout_s * SECOND) + 1
        while not self.inbox and not self.end and self.world.advance(limit):
            pass
        data, self.inbox = self.inbox, b""
        if self._full:
            self._full = False
            self.offer_room()
        if not data and self.end:
            raise Ended(self.end)
        return data

    def take(self, data: bytes) -> None:
        """Octets from the broker. When many are unread it is told so, as the server tells it of a socket."""
        self.inbox += data
        if not self._full and len(self.inbox) > MUCH_UNREAD:
            self._full = True
            self.world.apply(self.world.broker.writable(self.name, False, self.world.now_ns))

    def offer_room(self) -> None:
        """Tell the broker that there is room, if there is."""
        if not self._full:
            self.world.apply(self.world.broker.writable(self.name, True, self.world.now_ns))

    def close(self) -> None:
        """End with a FIN."""
        self._leave("closed by peer")

    def abort(self) -> None:
        """End with a reset."""
        self._leave("reset")

    def _leave(self, reason: str) -> None:
        if not self.end:
            self.end = "end of file"
            self.world.apply(self.world.broker.disconnected(self.name, self.world.now_ns, reason))
