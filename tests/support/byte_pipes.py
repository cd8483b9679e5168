"""Byte pipes to a broker: a real socket, or a broker object in virtual time.

Theory
------
A conversation needs three things of its transport: write octets, read what came within some time, and tell
whether the other side ended it by a FIN or by a reset (CONN-07 makes that difference visible). Both pipes
here offer just that, so that one test body runs over either; only a socket really waits.
"""

from __future__ import annotations

import heapq
import socket
import struct
import time
from itertools import count

from amqplab.broker.broker import Broker
from amqplab.broker.config import BrokerConfig
from amqplab.broker.effects import Close, Effect, Persist, Reading, Room, Send, WakeAt

__all__ = ["Ended", "MemoryPipe", "SocketPipe", "VirtualTime"]

SECOND = 1_000_000_000
DISK_NS = 1_000_000  # how long the imagined disk of the in-memory broker takes
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Ended(Exception):
    """The other side ended the TCP connection; `how` is "reset" or "end of file"."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class SocketPipe:
    """A blocking TCP socket."""

    virtual = False

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reset = False

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
        self.broker = Broker(config=config)
        self.now_ns = 0
        self._pipes: dict[str, MemoryPipe] = {}
        self._names = count(1)
        self._wake: int | None = None
        self._disk: list[tuple[int, int]] = []

    def dial(self, loopback: bool = True) -> MemoryPipe:
        """A new connection."""
        name = f"peer:{next(self._names)}"
        pipe = self._pipes[name] = MemoryPipe(self, name)
        self.apply(self.broker.connected(name, self.now_ns, loopback=loopback))
        return pipe

    def apply(self, effects: list[Effect]) -> None:
        """Carry out effects, in order."""
        for effect in effects:
            match effect:
                case Send(connection, data):
                    self._pipes[connection].inbox += data
                case Close(connection, abort):
                    self._pipes[connection].end = "reset" if abort else "end of file"
                case Reading(connection, on):
                    self._pipes[connection].read(on)
                case Room(connection):
                    self.apply(self.broker.writable(connection, True, self.now_ns))
                case WakeAt(when):
                    self._wake = when
                case Persist(token, _):
                    heapq.heappush(self._disk, (self.now_ns + DISK_NS, token))

    def advance(self, limit_ns: int) -> bool:
        """Let the next thing happen that is due by `limit_ns`; false when nothing is, and then it is that
        time.
        """
        due = [when for when in (self._wake, self._disk[0][0] if self._disk else None) if when is not None]
        if not due or min(due) > limit_ns:
            self.now_ns = max(self.now_ns, limit_ns)
            return False
        self.now_ns = max(self.now_ns, min(due))
        if self._disk and self._disk[0][0] <= self.now_ns:
            self.apply(self.broker.persisted(heapq.heappop(self._disk)[1], self.now_ns))
        else:
            self._wake = None
            self.apply(self.broker.tick(self.now_ns))
        return True


class MemoryPipe:
    """A pipe to a broker object: sending is a call, waiting lets virtual time pass."""

    virtual = True

    def __init__(self, world: VirtualTime, name: str) -> None:
        self.world = world
        self.name = name
        self.inbox = b""
        self.end = ""
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
        if not data and self.end:
            raise Ended(self.end)
        return data

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
