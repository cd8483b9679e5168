"""A peer for tests: speaks to a sans-I/O Broker in methods, and reads back methods, contents and effects.

It judges nothing and keeps no state of the protocol, so a test can say anything in any state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from amqplab.broker.broker import Broker
from amqplab.broker.config import BrokerConfig
from amqplab.broker.effects import Close, Effect, Reading, Room, Send, WakeAt
from amqplab.wire import methods as m
from amqplab.wire.content import Command, ContentAssembler
from amqplab.wire.frames import FRAME_HEARTBEAT, PROTOCOL_HEADER, encode_content, encode_method
from amqplab.wire.parser import FrameParser
from amqplab.wire.properties import Properties

SECOND = 1_000_000_000
CAPABLE = {
    "consumer_cancel_notify": True,
    "authentication_failure_close": True,
    "connection.blocked": True,
}


@dataclass
class Message:
    """A method with content, as it came back."""

    method: Any
    properties: Properties
    body: bytes


@dataclass
class World:
    """One broker, its peers, and the time."""

    config: BrokerConfig = field(default_factory=BrokerConfig)
    report: Any = None
    now: int = 0

    def __post_init__(self) -> None:
        self.broker = Broker(config=self.config, report=self.report)
        self.peers: dict[str, Peer] = {}
        self.wake: int | None = None

    def apply(self, effects: Iterable[Effect]) -> None:
        """Carry effects out."""
        for effect in effects:
            if isinstance(effect, WakeAt):
                self.wake = effect.when
            elif isinstance(effect, Send):
                self.peers[effect.connection].take(effect.data)
            elif isinstance(effect, Close):
                self.peers[effect.connection].closed = effect
            elif isinstance(effect, Reading):
                self.peers[effect.connection].reading = effect.on
            elif isinstance(effect, Room):
                self.apply(self.broker.writable(effect.connection, True, self.now))

    def sleep(self, seconds: float) -> None:
        """Let time pass, waking the broker whenever it asked for it."""
        end = self.now + int(seconds * SECOND)
        while self.wake is not None and self.wake <= end:
            self.now = max(self.now, self.wake)
            self.wake = None
            self.apply(self.broker.tick(self.now))
        self.now = end

    def tcp(self, name: str = "c1:1", *, loopback: bool = True) -> Peer:
        """A TCP connection on which nothing was said yet."""
        peer = self.peers[name] = Peer(self, name)
        self.apply(self.broker.connected(name, self.now, loopback=loopback))
        return peer

    def connect(self, name: str = "c1:1", **options: Any) -> Peer:
        """An open connection."""
        peer = self.tcp(name)
        peer.handshake(**options)
        return peer


class Peer:
    """The client's end of one connection."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.closed: Close | None = None
        self.reading = True
        self.raw = b""
        self._parser = FrameParser(max_payload=0)
        self._assemblers: dict[int, ContentAssembler] = {}
        self.inbox: list[tuple[int, Any]] = []

    # --- saying ----------------------------------------------------------------------------------------

    def octets(self, data: bytes) -> None:
        self.world.apply(self.world.broker.received(self.name, data, self.world.now))

    def send(self, channel: int, *methods: m.Method) -> None:
        """All methods in one chunk."""
        self.octets(b"".join(encode_method(channel, method) for method in methods))

    def publish(
        self,
        channel: int = 1,
        exchange: str = "",
        key: str = "",
        body: bytes = b"hi",
        properties: Properties | bytes | None = None,
        **flags: bool,
    ) -> None:
        method = m.Basic.Publish(exchange=exchange, routing_key=key, **flags)
        content = properties if properties is not None else Properties()
        self.octets(encode_content(channel, method, content, body, 131072))

    def call(self, channel: int, method: m.Method) -> Any:
        """Send a method and return the last thing that came back on its channel."""
        self.send(channel, method)
        answers = [got for number, got in self.drain() if number == channel]
        return answers[-1] if answers else None

    def vanish(self) -> None:
        """The TCP connection is gone."""
        self.world.apply(self.world.broker.disconnected(self.name, self.world.now))

    # --- hearing ---------------------------------------------------------------------------------------

    def take(self, data: bytes) -> None:
        assert self.closed is None, "the broker wrote to a connection that it had ended"
        self.raw += data
        if data == PROTOCOL_HEADER:
            self.inbox.append((0, data))
            return
        for kind, channel, payload in self._parser.feed(data):
            if kind == FRAME_HEARTBEAT:
                self.inbox.append((channel, "heartbeat"))
                continue
            assembler = self._assemblers.setdefault(channel, ContentAssembler())
            command = assembler.feed(kind, payload)
            if command is not None:
                self.inbox.append((channel, _readable(command)))
        assert self._parser.error is None, "the broker wrote an unreadable frame"

    def drain(self) -> list[tuple[int, Any]]:
        """What came since the last look: (channel, method or Message)."""
        inbox, self.inbox = self.inbox, []
        return inbox

    def on(self, channel: int = 1) -> list[Any]:
        """What came on one channel since the last look; other channels are forgotten."""
        return [got for number, got in self.drain() if number == channel]

    def bodies(self, channel: int = 1) -> list[bytes]:
        """The bodies of the messages that came on a channel."""
        return [got.body for got in self.on(channel) if isinstance(got, Message)]

    # --- conversations ---------------------------------------------------------------------------------

    def handshake(
        self,
        *,
        user: str = "guest",
        password: str = "guest",
        vhost: str = "/",
        heartbeat: int = 0,
        channel_max: int = 2047,
        frame_max: int = 131072,
        capabilities: dict[str, Any] | None = None,
    ) -> None:
        self.octets(PROTOCOL_HEADER)
        self.login(user, password, capabilities)
        self.send(0, m.Connection.TuneOk(channel_max=channel_max, frame_max=frame_max, heartbeat=heartbeat))
        self.send(0, m.Connection.Open(virtual_host=vhost))
        self.drain()

    def login(
        self, user: str = "guest", password: str = "guest", capabilities: dict[str, Any] | None = None
    ) -> None:
        properties = {"capabilities": CAPABLE if capabilities is None else capabilities}
        response = b"\x00" + user.encode() + b"\x00" + password.encode()
        self.send(0, m.Connection.StartOk(client_properties=properties, mechanism="PLAIN", response=response))

    def channel(self, number: int = 1) -> int:
        assert self.call(number, m.Channel.Open()) == m.Channel.OpenOk()
        return number

    def declare(self, name: str = "q", channel: int = 1, **flags: Any) -> Any:
        return self.call(channel, m.Queue.Declare(queue=name, **flags))

    def consume(self, queue: str = "q", tag: str = "t", channel: int = 1, **flags: Any) -> list[Any]:
        self.send(channel, m.Basic.Consume(queue=queue, consumer_tag=tag, **flags))
        return self.on(channel)


def _readable(command: Command) -> Any:
    if command.header is None:
        return command.method
    return Message(command.method, command.properties, command.body)
