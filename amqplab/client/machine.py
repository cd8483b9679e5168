"""The client's side of AMQP 0-9-1, without I/O: octets and the time in, effects out.

Theory
------
A connection begins with eight octets and six methods, and ends with two (CONN):

    client                                        broker
      "AMQP" 0 0 9 1                          ->
                                              <-  connection.start     mechanisms, capabilities
      connection.start-ok   user, password    ->
                                              <-  connection.tune      channel_max, frame_max, heartbeat
      connection.tune-ok    what we agree to  ->
      connection.open       virtual host      ->                       (both in one go: CONN-37)
                                              <-  connection.open-ok
      ... channels: see `channel.py` ...
      connection.close                        <-> connection.close-ok  (either side may begin)

This machine knows that order (the table is in `states.py`), the limits that were agreed, and the channels. How
long it waits for what is in `patience.py`.

Three kinds of error, never mixed: the broker's own (it sends a close: the class of its reply code), a lost
transport (`ConnectionLost`, with a guess at the reason: RabbitMQ says nothing when it refuses a handshake),
and a local mistake (`UsageError`, raised before a byte is sent).

Nonsense can be sent on purpose with :meth:`ClientMachine.send_raw`; from then on unexpected answers are
dropped instead of being held against the broker.
"""

from __future__ import annotations

from typing import Any

from amqplab import __version__
from amqplab.client.channel import ChannelMachine, Pending
from amqplab.client.effects import (
    Blocked,
    CloseTransport,
    ConnectionGone,
    Effect,
    Failed,
    Opened,
    Replied,
    Send,
    Silence,
    Unblocked,
    WakeAt,
)
from amqplab.client.parameters import ConnectionParameters, negotiate
from amqplab.client.patience import Patience
from amqplab.client.states import CONNECTION_TRANSITIONS, ConnectionState, likely_reason
from amqplab.errors import (
    AccessRefused,
    AMQPError,
    ChannelError,
    CommandInvalid,
    ConnectionLost,
    FrameError,
    UsageError,
    error_for,
)
from amqplab.wire.errors import DecodeError
from amqplab.wire.frames import (
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    FRAME_PROTOCOL_HEADER,
    HEARTBEAT,
    PROTOCOL_HEADER,
    encode_method,
)
from amqplab.wire.methods import Basic, Connection, Method, decode_method
from amqplab.wire.parser import FrameParser

__all__ = ["CLIENT_PROPERTIES", "ClientMachine"]

FIRST_FRAME_LIMIT = 131072  # octets; what connection.start and connection.tune may take

CLIENT_PROPERTIES: dict[str, Any] = {
    "capabilities": {
        "authentication_failure_close": True,
        "basic.nack": True,
        "connection.blocked": True,
        "consumer_cancel_notify": True,
        "exchange_exchange_bindings": True,
        "publisher_confirms": True,
    },
    "information": "An AMQP 0-9-1 laboratory",
    "platform": "Python",
    "product": "amqplab",
    "version": __version__,
}
"""What we say of ourselves in start-ok (CONN-12); the same on every Python and platform."""


class ClientMachine:
    """One connection. Inputs from the network: `connected`, `received`, `disconnected`, `tick`. Inputs from
    the user: `open_channel`, `request`, `publish`, `close_channel`, `close`, `send_raw`. All return effects.
    """

    def __init__(self, parameters: ConnectionParameters) -> None:
        self.parameters = parameters
        self.state = ConnectionState.IDLE
        self.error: Exception | None = None
        self.channels: dict[int, ChannelMachine] = {}
        self.channel_max = 0
        self.frame_max = 0
        self.heartbeat_s = 0
        self.server_properties: Any = {}
        self.blocked: str | None = None
        self._parser = FrameParser(max_payload=FIRST_FRAME_LIMIT, header_possible=True)
        self._requests: list[Pending] = []  # on channel 0: close and update-secret
        self._lenient = False
        self._patience = Patience(parameters)

    # --- the network's inputs ---

    def connected(self, now: int) -> list[Effect]:
        """TCP is connected: say which protocol we speak."""
        self.state = ConnectionState.START
        self._patience.connected(now)
        return [Send(PROTOCOL_HEADER), self._patience.wake()]

    def received(self, data: bytes, now: int) -> list[Effect]:
        """Octets came."""
        self._patience.heard(now)
        news: list[Effect] = []
        out: list[bytes] = []
        try:
            for kind, channel, payload in self._parser.feed(data):
                self._on_frame(kind, channel, payload, now, news, out)
            if self._parser.error is not None:
                self._on_unreadable()
        except AMQPError as error:
            self._give_up(error, news, out)
        except DecodeError as error:
            ids = getattr(error, "class_id", 0), getattr(error, "method_id", 0)
            self._give_up(FrameError(str(error), *ids), news, out)
        except ConnectionLost as error:
            self._ended(error, news)
            news.append(CloseTransport(abort=True))
        return self._joined(out, news)

    def gathers(self, number: int, method: bytes, header: bytes, largest: int) -> bool:
        """Whether all frames of this content but the last would only be gathered, if they came now."""
        channel = self.channels.get(number)
        return (
            channel is not None
            and self.state is not ConnectionState.CLOSED
            and self._parser.takes(largest)
            and channel.gathers(method, header)
        )

    def disconnected(self, now: int, reason: str = "") -> list[Effect]:
        """TCP is gone. After a close that is how it ends (CLIENT-10); otherwise the connection is lost."""
        if self.state is ConnectionState.CLOSED:
            return []
        news: list[Effect] = []
        closing = self.state is ConnectionState.CLOSING
        why = likely_reason(self.state, self.parameters.url, reason)
        self._ended(self.error if closing else ConnectionLost(why), news)
        return news

    def tick(self, now: int) -> list[Effect]:
        """Time has passed: see what is due."""
        news: list[Effect] = []
        if (reason := self._patience.over(now, self.state.value)) is not None:
            if self._patience.is_silent(now):
                news.append(Silence())
            self._ended(ConnectionLost(reason) if reason else None, news)
            news.append(CloseTransport(abort=True))
            return news
        if self._patience.beat(now):
            news.append(Send(HEARTBEAT))
        news.append(self._patience.wake())
        return news

    # --- the user's inputs ---

    def open_channel(self, number: int | None, call: Any) -> tuple[int, list[Effect]]:
        """Open a channel, on the lowest free number unless one is wished for; returns (number, effects)."""
        self._check_open("channel.open")
        if number is None:
            number = self._free_number()
        elif not isinstance(number, int) or not 1 <= number <= 65535:
            raise UsageError(f"A channel number is a whole number from 1 to 65535, not {number!r}.")
        elif number in self.channels:
            raise UsageError(f"Channel {number} is open already; leave the number out to get a free one.")
        channel = self.channels[number] = ChannelMachine(number, self.frame_max)
        return number, self._sent(channel.open(call))

    def request(self, channel: int, method: Method, call: Any = None) -> list[Effect]:
        """Send a method without content; its reply, if one is due, comes as Replied or Failed with `call`."""
        if channel:
            return self._sent(self.channel(channel, method.name).request(method, call))
        self._check_open(method.name)
        self._requests.append(Pending(method, call))
        return self._sent(encode_method(0, method))

    def publish(
        self, channel: int, method: Basic.Publish, properties: bytes, body: bytes
    ) -> tuple[int, list[Effect]]:
        """Send a message; returns (its number in confirm mode or 0, effects)."""
        sequence, octets = self.channel(channel, "basic.publish").publish(method, properties, body)
        return sequence, self._sent(octets)

    def close_channel(self, number: int, code: int, text: str, call: Any) -> list[Effect]:
        """Begin to close a channel; the number is free when close-ok has come (CLIENT-08)."""
        return self._sent(self.channel(number, "channel.close").close(code, text, call))

    def close(self, code: int, text: str, now: int, call: Any) -> list[Effect]:
        """Begin to close the connection."""
        self._check_open("connection.close")
        method = Connection.Close(reply_code=code, reply_text=text, class_id=0, method_id=0)
        octets = encode_method(0, method)
        self._requests.append(Pending(method, call))
        self.state = ConnectionState.CLOSING
        self._patience.closing(now)
        return [*self._sent(octets), self._patience.wake()]

    def send_raw(self, data: bytes) -> list[Effect]:
        """Send any octets, sense or nonsense."""
        if self.state in (ConnectionState.IDLE, ConnectionState.CLOSED):
            raise UsageError(f"Nothing can be sent: the connection is {self.state.value}.")
        self._lenient = True
        return self._sent(data)

    def channel(self, number: int, what: str) -> ChannelMachine:
        """An open channel, or UsageError."""
        self._check_open(what)
        channel = self.channels.get(number)
        if channel is None:
            raise UsageError(
                f"{what} cannot be sent: channel {number} is not open. Open one with connection.channel()."
            )
        return channel

    # --- frames ---

    def _on_frame(
        self, kind: int, channel: int, payload: bytes, now: int, news: list[Effect], out: list[bytes]
    ) -> None:
        if self.state is ConnectionState.CLOSED:
            return
        if kind == FRAME_HEARTBEAT:
            return
        if kind == FRAME_PROTOCOL_HEADER:
            version = ".".join(map(str, payload[4:]))
            raise ConnectionLost(
                f"The server at {self.parameters.url} does not speak AMQP 0-9-1: it offers version {version}."
            )
        if channel:
            self._on_channel_frame(kind, channel, payload, news, out)
        elif kind == FRAME_METHOD:
            self._on_connection_method(decode_method(payload), now, news, out)
        else:
            raise CommandInvalid("content on channel 0")

    def _on_channel_frame(
        self, kind: int, number: int, payload: bytes, news: list[Effect], out: list[bytes]
    ) -> None:
        channel = self.channels.get(number)
        if channel is None:
            if self._lenient:
                return
            raise ChannelError(f"a frame on channel {number}, which is not open")
        try:
            channel.received(kind, payload, news, out)
        except CommandInvalid:
            if not self._lenient:
                raise
        if channel.state.value == "closed":
            del self.channels[number]

    def _on_connection_method(self, method: Method, now: int, news: list[Effect], out: list[bytes]) -> None:
        following = CONNECTION_TRANSITIONS.get((self.state, type(method)))
        if following is None:
            if self._lenient:
                return
            raise CommandInvalid(f"{method.name} while {self.state.value}")
        self.state = following
        match method:
            case Connection.Start():
                out.append(encode_method(0, self._start_ok(method)))
            case Connection.Secure():
                raise AccessRefused(f"the broker wants more than {self.parameters.credentials.mechanism}")
            case Connection.Tune():
                self._on_tune(method, now, out)
            case Connection.OpenOk():
                self._patience.opened()
                news += (Opened(), self._patience.wake())
            case Connection.Blocked() | Connection.Unblocked():
                self._on_blocked(method, now, news)
            case Connection.Close():
                self._on_close(method, news, out)
            case _:  # close-ok, update-secret-ok
                self._on_reply(method, news)

    def _start_ok(self, start: Connection.Start) -> Connection.StartOk:
        credentials = self.parameters.credentials
        offered = start.mechanisms.decode("utf-8", "replace").split()
        if credentials.mechanism not in offered:
            raise AccessRefused(
                f"the broker offers {' and '.join(offered) or 'no mechanism'}, not {credentials.mechanism}; "
                "choose credentials of a kind that it offers"
            )
        self.server_properties = start.server_properties
        properties = CLIENT_PROPERTIES | dict(self.parameters.client_properties or {})
        return Connection.StartOk(
            client_properties=properties,
            mechanism=credentials.mechanism,
            response=credentials.response(),
            locale=self.parameters.locale,
        )

    def _on_tune(self, tune: Connection.Tune, now: int, out: list[bytes]) -> None:
        """Agree on the limits (CLIENT-02). Our own heartbeat 0 means off: the client decides (CONN-28)."""
        wish = self.parameters.heartbeat
        self.channel_max = negotiate(self.parameters.channel_max, tune.channel_max)
        self.frame_max = negotiate(self.parameters.frame_max, tune.frame_max)
        self.heartbeat_s = tune.heartbeat if wish is None else wish and negotiate(wish, tune.heartbeat)
        # A header is never split, so the broker may send one of any size that it accepts itself (CODEC-26).
        self._parser.max_payload = tune.frame_max
        self._patience.tuned(self.heartbeat_s, now)
        limits = Connection.TuneOk(
            channel_max=self.channel_max, frame_max=self.frame_max, heartbeat=self.heartbeat_s
        )
        out.append(encode_method(0, limits))
        out.append(encode_method(0, Connection.Open(virtual_host=self.parameters.virtual_host)))

    def _on_blocked(self, method: Method, now: int, news: list[Effect]) -> None:
        if isinstance(method, Connection.Blocked):
            self.blocked = method.reason
            self._patience.blocked(method.reason, now)
            news += (Blocked(method.reason), self._patience.wake())
        else:
            self.blocked = None
            self._patience.unblocked()
            news += (Unblocked(), self._patience.wake())

    def _on_close(self, method: Connection.Close, news: list[Effect], out: list[bytes]) -> None:
        """The broker closes; answer, and stop (CLIENT-01)."""
        out.append(encode_method(0, Connection.CloseOk()))
        error = error_for(method.reply_code, method.reply_text, method.class_id, method.method_id)
        if self.state is ConnectionState.CLOSING:  # both closed at once: our own close-ok is still to come
            self.error = error
            return
        self._ended(error, news)
        news.append(CloseTransport(abort=False))

    def _on_reply(self, method: Method, news: list[Effect]) -> None:
        for index, (request, call) in enumerate(self._requests):
            if method.name in request.expects:
                del self._requests[index]
                news.append(Replied(call, method, None))
                break
        if isinstance(method, Connection.CloseOk):
            self._ended(None, news)
            news.append(CloseTransport(abort=False))

    # --- endings ---

    def _on_unreadable(self) -> None:
        fault = self._parser.error
        if self.state is ConnectionState.START:
            raise ConnectionLost(
                f"What answers at {self.parameters.url} does not speak AMQP 0-9-1. Is it a RabbitMQ, on the "
                "port for AMQP (5672) and not the one for its web pages?"
            )
        raise FrameError(getattr(fault, "reply_text_detail", str(fault)))

    def _give_up(self, error: AMQPError, news: list[Effect], out: list[bytes]) -> None:
        """The broker did what it may not: tell it why, and end."""
        if self.state is not ConnectionState.CLOSED:
            close = Connection.Close(
                reply_code=error.code,
                reply_text=error.reply_text,
                class_id=error.class_id,
                method_id=error.method_id,
            )
            out.append(encode_method(0, close))
            self._ended(error, news)
            news.append(CloseTransport(abort=False))

    def _ended(self, error: Exception | None, news: list[Effect]) -> None:
        """No more will be heard: fail what is pending, forget the deadlines."""
        self.state = ConnectionState.CLOSED
        self.error = error
        self._patience.ended()
        for channel in self.channels.values():
            channel.ended(error, news)
        self.channels.clear()
        for request, call in self._requests:
            if isinstance(request, Connection.Close):
                news.append(Replied(call, Connection.CloseOk(), None))  # any end will do: CLIENT-10
            else:
                news.append(Failed(call, error or UsageError(f"Closed before {request.name} was answered.")))
        self._requests.clear()
        news += (ConnectionGone(error), WakeAt(None))

    # --- helpers ---

    def _check_open(self, what: str) -> None:
        if self.state is ConnectionState.OPEN:
            return
        why = f": {str(self.error).rstrip('.')}" if self.error else ""
        raise UsageError(f"{what} cannot be sent: the connection is {self.state.value}{why}. Connect again.")

    def _free_number(self) -> int:
        limit = self.channel_max or 65535
        for number in range(1, limit + 1):
            if number not in self.channels:
                return number
        raise UsageError(f"All {limit} channels of this connection are open; close one, or connect again.")

    def _sent(self, octets: bytes) -> list[Effect]:
        self._patience.sent()
        return [Send(octets)]

    def _joined(self, out: list[bytes], news: list[Effect]) -> list[Effect]:
        """The effects of one input: what is to be sent comes first."""
        if out:
            self._patience.sent()
            news.insert(0, Send(b"".join(out)))
        return news

    def __repr__(self) -> str:
        return f"<ClientMachine: {self.state.value}, channels {list(self.channels)}>"
