"""The client's end of a conversation in raw frames: send this, expect that.

Theory
------
A conformance test is a conversation. A :class:`Peer` holds one end of it and judges nothing: it sends any
octets, also wrong ones, and compares what comes back with what the test expects, frame by frame. It fails
with both sides of the comparison when they differ, when nothing comes, and, on leaving its ``with`` block,
when something came that the test did not ask for. So "and nothing else happens" is part of every test.

Frames of different channels may overtake each other (CHAN-15), so they are looked for by channel.
Heartbeats are set aside; the tests about them read :attr:`Peer.heartbeats`.

Frames are taken apart here by hand, methods by :mod:`amqplab.wire`, whose own tests hold golden frames.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from byte_pipes import Ended, MemoryPipe, SocketPipe
from patterns import Pattern

from amqplab.wire.frames import (
    FRAME_BODY,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    PROTOCOL_HEADER,
    encode_content,
    encode_frame,
    encode_method,
)
from amqplab.wire.methods import Basic, Channel, Connection, Exchange, Method, Queue, decode_method
from amqplab.wire.properties import Properties

__all__ = ["ALL_CAPABILITIES", "Message", "Peer"]

TIMEOUT_S = 10.0  # for what is due now; a limit for waiting, not a measure
AT_ONCE_S = 2.5  # for a reset that comes at once, as opposed to RST(3s)
SLACK_S = 0.3  # real clocks of two processes
HEAD = struct.Struct(">BHI")
ALL_CAPABILITIES = {
    "authentication_failure_close": True,
    "basic.nack": True,
    "connection.blocked": True,
    "consumer_cancel_notify": True,
    "publisher_confirms": True,
}


@dataclass(frozen=True)
class Message:
    """A method with its content: `header` is the raw property octets, `pieces` the sizes of the body
    frames.
    """

    method: Any
    header: bytes
    body: bytes
    pieces: tuple[int, ...]

    @property
    def properties(self) -> Properties:
        """The properties, decoded."""
        return Properties.decode(self.header)

    @property
    def tag(self) -> int:
        """The delivery tag."""
        return int(self.method.delivery_tag)


class Peer:
    """One connection to a broker, in frames. Use as a context manager."""

    def __init__(self, pipe: SocketPipe | MemoryPipe) -> None:
        self.pipe = pipe
        self.frame_max = 131072
        self.opened = False
        self.ended = ""
        self.heartbeats: list[float] = []
        self.last_sent = pipe.now()
        self._octets = b""
        self._frames: list[tuple[int, int, bytes]] = []

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        try:
            if kind is None and self.opened and not self.ended:
                self.close()
        finally:
            self.abort()

    # -- sending --------------------------------------------------------------------------------------------

    def send_octets(self, data: bytes) -> None:
        """Anything."""
        self.pipe.send(data)
        self.last_sent = self.pipe.now()

    def send_frame(self, kind: int, channel: int, payload: bytes = b"") -> None:
        """One frame, whatever the type and payload."""
        self.send_octets(encode_frame(kind, channel, payload))

    def send(self, *methods: Method, channel: int | None = None) -> None:
        """Method frames in one write; connection methods go to channel 0, others to 1, unless told."""
        self.send_octets(b"".join(encode_method(_channel(one, channel), one) for one in methods))

    def publish(
        self,
        routing_key: str = "",
        body: bytes = b"x",
        *,
        exchange: str = "",
        mandatory: bool = False,
        channel: int = 1,
        raw: bytes | None = None,
        **properties: Any,
    ) -> None:
        """basic.publish with its content; `raw` replaces the encoded properties."""
        method = Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=mandatory)
        octets = Properties(**properties).encode() if raw is None else raw
        self.send_octets(encode_content(channel, method, octets, body, self.frame_max))

    # -- receiving ------------------------------------------------------------------------------------------

    def frame(self, channel: int | None = None, timeout_s: float = TIMEOUT_S) -> tuple[int, int, bytes]:
        """The next frame (of a channel): type, channel, payload. Fails when none comes."""
        deadline = self.pipe.now() + timeout_s
        while True:
            for at, found in enumerate(self._frames):
                if channel is None or found[1] == channel:
                    return self._frames.pop(at)
                if found[1] == 0 and found[0] == FRAME_METHOD:
                    raise AssertionError(f"instead of a frame on channel {channel}: {describe(found)}")
            remaining = deadline - self.pipe.now()
            if remaining <= 0:
                raise AssertionError(f"no frame came on channel {channel} in {timeout_s} s{self._others()}")
            self._read(remaining)

    def expect(
        self, expected: Method | type[Method], channel: int | None = None, timeout_s: float = TIMEOUT_S
    ) -> Any:
        """The next method on the channel, which must equal `expected` (or be of that type)."""
        number = _channel(expected, channel)
        kind, _, payload = found = self.frame(number, timeout_s)
        assert kind == FRAME_METHOD, f"expected {expected}, got {describe(found)}"
        method = decode_method(payload)
        if isinstance(expected, type):
            assert type(method) is expected, f"expected a {expected.name}, got {method}"
        else:
            assert type(method) is type(expected) and expected == method, f"expected {expected}, got {method}"
        return method

    def expect_message(
        self, expected: Method | type[Method] = Basic.Deliver, channel: int = 1, body: bytes | None = None
    ) -> Message:
        """The next method on the channel, and its header and body."""
        method = self.expect(expected, channel)
        kind, _, payload = found = self.frame(channel)
        assert kind == FRAME_HEADER, f"expected a content header, got {describe(found)}"
        class_id, weight, size = struct.unpack(">HHQ", payload[:12])
        assert (class_id, weight) == (60, 0)
        pieces: list[bytes] = []
        while sum(map(len, pieces)) < size:
            kind, _, piece = found = self.frame(channel)
            assert kind == FRAME_BODY, f"expected a body frame, got {describe(found)}"
            pieces.append(piece)
        message = Message(method, payload[12:], b"".join(pieces), tuple(map(len, pieces)))
        assert body is None or message.body == body, f"expected body {body!r}, got {message.body!r}"
        return message

    def expect_octets(self, expected: bytes) -> None:
        """Exactly these octets, which need not be a frame."""
        assert not self._frames, f"expected {expected!r}, got {describe(self._frames[0])}"
        while len(self._octets) < len(expected):
            got = self.pipe.receive(TIMEOUT_S)
            assert got, f"expected {expected!r}, got only {self._octets!r}"
            self._octets += got
        assert self._octets[: len(expected)] == expected
        self._octets = self._octets[len(expected) :]

    def expect_silence(self, seconds: float) -> None:
        """Nothing comes for that long, heartbeats aside. Prefer an answer that proves it."""
        deadline = self.pipe.now() + seconds
        while not self._frames and (remaining := deadline - self.pipe.now()) > 0:
            self._read(remaining)
        assert not self._frames, f"expected silence, got {describe(self._frames[0])}"

    def expect_reset(self, after_s: float = 0, timeout_s: float | None = None) -> None:
        """A TCP reset and not a frame more: at once, or not before `after_s` seconds from the last sending.

        In virtual time the delay must be exact.
        """
        limit = timeout_s or (after_s + TIMEOUT_S if after_s else AT_ONCE_S)
        deadline = self.pipe.now() + limit
        while not self.ended:
            assert not self._frames, f"expected a reset, got {describe(self._frames[0])}"
            remaining = deadline - self.pipe.now()
            assert remaining > 0, f"expected a reset, but the connection is still open after {limit} s"
            self._read(remaining, may_end=True)
        assert not self._frames, f"expected a reset, got {describe(self._frames[0])}"
        assert self.ended == "reset", f"expected a reset, got {self.ended}"
        elapsed = self.pipe.now() - self.last_sent
        if self.pipe.virtual:
            assert abs(elapsed - after_s) < 1e-6, f"the reset came after {elapsed} s instead of {after_s} s"
        else:
            assert elapsed > after_s - SLACK_S, f"the reset came after {elapsed:.2f} s, before {after_s} s"

    def call(self, method: Method, reply: Method | type[Method], channel: int | None = None) -> Any:
        """Send a method and expect its reply."""
        self.send(method, channel=channel)
        return self.expect(reply, channel=channel)

    def _read(self, timeout_s: float, may_end: bool = False) -> None:
        try:
            self._octets += self.pipe.receive(timeout_s)
        except Ended as end:
            self.ended = end.how
            if not may_end:
                raise AssertionError(f"the broker ended the connection: {end.how}{self._others()}") from None
        octets, at = self._octets, 0
        while len(octets) >= at + 8:
            kind, channel, size = HEAD.unpack_from(octets, at)
            end = at + size + 8
            if len(octets) < end:
                break
            assert octets[end - 1] == 0xCE, f"no frame end in {octets[at:end]!r}"
            payload = octets[at + 7 : end - 1]
            at = end
            if kind == FRAME_HEARTBEAT:
                assert (channel, size) == (0, 0)
                self.heartbeats.append(self.pipe.now())
            else:
                self._frames.append((kind, channel, payload))
        self._octets = octets[at:]

    def _others(self) -> str:
        return f"; unread: {', '.join(map(describe, self._frames))}" if self._frames else ""

    # -- the life of a connection ---------------------------------------------------------------------------

    def greet(self) -> Connection.Start:
        """Send the protocol header; returns the broker's connection.start."""
        self.send_octets(PROTOCOL_HEADER)
        return self.expect(Connection.Start)

    def log_in(
        self,
        user: str = "guest",
        password: str = "guest",
        capabilities: dict[str, Any] | None = None,
        properties: dict[str, Any] | None = None,
    ) -> Connection.Tune:
        """Greet and authenticate; returns the broker's connection.tune."""
        self.greet()
        table = {"capabilities": ALL_CAPABILITIES if capabilities is None else capabilities} | (
            properties or {}
        )
        return self.call(
            Connection.StartOk(
                client_properties=table, mechanism="PLAIN", response=f"\0{user}\0{password}".encode()
            ),
            Connection.Tune,
        )

    def open(
        self,
        vhost: str = "/",
        *,
        tune: tuple[int, int, int] = (2047, 131072, 0),
        channels: int = 1,
        **login: Any,
    ) -> Peer:
        """The whole handshake, then as many channels; `tune` is channel-max, frame-max, heartbeat."""
        self.log_in(**login)
        self.send(Connection.TuneOk(*tune), Connection.Open(virtual_host=vhost))
        self.expect(Connection.OpenOk())
        self.opened, self.frame_max = True, tune[1]
        for number in range(1, channels + 1):
            self.call(Channel.Open(), Channel.OpenOk(), channel=number)
        return self

    def open_channel(self, channel: int) -> None:
        """One more channel."""
        self.call(Channel.Open(), Channel.OpenOk(), channel=channel)

    def close(self) -> None:
        """The client's goodbye; fails when there is something the test has not read."""
        self.send(Connection.Close(reply_code=200, reply_text="done"))
        while True:
            found = self.frame()
            if found == (FRAME_METHOD, 0, Connection.CloseOk().encode()):
                break
            raise AssertionError(f"the test ends, but unread is: {describe(found)}{self._others()}")
        self.abort()

    def hang_up(self) -> None:
        """End TCP with a FIN and without a word."""
        self.ended = self.ended or "left"
        self.pipe.close()

    def abort(self) -> None:
        """End TCP with a reset, if it has not ended."""
        if self.ended != "left":
            self.ended = "left"
            self.pipe.abort()

    # -- errors ---------------------------------------------------------------------------------------------

    def expect_channel_error(
        self, code: int, text: str | Pattern, ids: tuple[int, int], channel: int = 1, reopen: bool = True
    ) -> None:
        """channel.close with code, text, class and method id; answers it and opens the channel again."""
        self.expect(Channel.Close(code, text, *ids), channel=channel)  # type: ignore[arg-type]
        if reopen:
            self.send(Channel.CloseOk(), Channel.Open(), channel=channel)
            self.expect(Channel.OpenOk(), channel=channel)

    def expect_connection_error(self, code: int, text: str | Pattern, ids: tuple[int, int]) -> None:
        """connection.close with code, text, class and method id; answers it and sees the reset at once."""
        self.expect(Connection.Close(code, text, *ids))  # type: ignore[arg-type]
        self.send(Connection.CloseOk())
        self._frames.clear()  # deliveries, say, that were on their way
        self.expect_reset()

    # -- shorthands for what most tests need ----------------------------------------------------------------

    def queue(self, name: str = "", *, exclusive: bool = True, channel: int = 1, **flags: Any) -> str:
        """Declare a queue, exclusive unless told; returns its name."""
        method = Queue.Declare(queue=name, exclusive=exclusive, **flags)
        return str(self.call(method, Queue.DeclareOk, channel=channel).queue)

    def counts(self, queue: str, channel: int = 1) -> tuple[int, int]:
        """(ready messages, consumers); everything the queue had sent to this channel before has arrived."""
        reply = self.call(Queue.Declare(queue=queue, passive=True), Queue.DeclareOk, channel=channel)
        return reply.message_count, reply.consumer_count

    def await_counts(self, queue: str, expected: tuple[int, int], channel: int = 1) -> None:
        """The queue's counts become these. RabbitMQ's queues answer how full they are before they take in
        what was published before the question.
        """
        for _ in range(500):
            if self.counts(queue, channel) == expected:
                return
            self.expect_silence(0.02)
        assert self.counts(queue, channel) == expected

    def exchange(self, name: str, kind: str = "direct", **flags: Any) -> str:
        """Declare an exchange; returns its name."""
        self.call(Exchange.Declare(exchange=name, type=kind, **flags), Exchange.DeclareOk())
        return name

    def bind(self, queue: str, exchange: str, key: str = "", arguments: dict[str, Any] | None = None) -> None:
        """Bind a queue."""
        method = Queue.Bind(queue=queue, exchange=exchange, routing_key=key, arguments=arguments or {})
        self.call(method, Queue.BindOk())

    def bind_exchange(self, destination: str, source: str, key: str = "") -> None:
        """Bind an exchange to an exchange."""
        method = Exchange.Bind(destination=destination, source=source, routing_key=key)
        self.call(method, Exchange.BindOk())

    def get(self, queue: str, *, no_ack: bool = True, channel: int = 1) -> Message | None:
        """basic.get: the message, or None when the queue is empty."""
        self.send(Basic.Get(queue=queue, no_ack=no_ack), channel=channel)
        kind, _, payload = self.frame(channel)
        if (kind, payload) == (FRAME_METHOD, Basic.GetEmpty().encode()):
            return None
        self._frames.insert(0, (kind, channel, payload))
        return self.expect_message(Basic.GetOk, channel)

    def drain(self, queue: str, channel: int = 1) -> list[bytes]:
        """The bodies of all ready messages, taken out."""
        bodies = []
        while (message := self.get(queue, channel=channel)) is not None:
            bodies.append(message.body)
        return bodies

    def consume(self, queue: str, tag: str = "", *, channel: int = 1, **flags: Any) -> str:
        """Subscribe; returns the consumer tag."""
        reply = self.call(
            Basic.Consume(queue=queue, consumer_tag=tag, **flags), Basic.ConsumeOk, channel=channel
        )
        return str(reply.consumer_tag)

    def deliveries(self, number: int, channel: int = 1) -> list[Message]:
        """That many basic.deliver."""
        return [self.expect_message(Basic.Deliver, channel) for _ in range(number)]

    def sync(self, channel: int = 1) -> None:
        """A round trip: the broker has dealt with everything sent on the channel, and says nothing but
        this.
        """
        self.call(Channel.Flow(active=True), Channel.FlowOk(active=True), channel=channel)


def _channel(method: Method | type[Method], channel: int | None) -> int:
    if channel is not None:
        return channel
    return 0 if method.ids[0] == Connection.Start.ids[0] else 1


def describe(frame: tuple[int, int, bytes]) -> str:
    """A frame as one line of a failure's text."""
    kind, channel, payload = frame
    if kind == FRAME_METHOD:
        return f"{decode_method(payload)} on channel {channel}"
    return f"frame of type {kind} with {payload[:40]!r} on channel {channel}"
