"""One channel of the client's protocol machine.

Theory
------
A channel is an independent conversation inside a connection, and it is strictly ordered: requests are worked
through in the order in which they were sent, and replies come in that order (CHAN-15). So a queue of pending
requests is all the bookkeeping that replies need. Requests may be *pipelined*, sent without waiting, with two
exceptions: nothing may follow channel.close or an unanswered tx.commit (CLIENT-08).

Between a request and its reply anything unasked may arrive: deliveries, returns, confirms, a broker's cancel
(CLIENT-04). So an arriving method is told apart by its id, never by its place.

Requests are checked before a byte is sent; a mistake raises UsageError. What the broker does wrong raises an
AMQPError, which the connection answers with connection.close.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from amqplab.client.confirms import ConfirmLedger
from amqplab.client.effects import (
    CancelledByBroker,
    ChannelGone,
    Delivered,
    Effect,
    Failed,
    FlowChanged,
    Replied,
    Returned,
    Settled,
)
from amqplab.client.states import CHANNEL_TRANSITIONS, UNASKED, ChannelState
from amqplab.errors import CommandInvalid, UnexpectedFrame, UsageError, error_for
from amqplab.wire.content import Command, ContentAssembler, UnexpectedContent
from amqplab.wire.frames import encode_content, encode_method
from amqplab.wire.methods import Basic, Channel, Confirm, Method, Tx

__all__ = ["ChannelMachine", "Pending"]


class Pending(NamedTuple):
    """A request whose reply is due."""

    method: Method
    call: Any


class ChannelMachine:
    """State of one channel: octets to send come back from the request methods, news from `received`."""

    __slots__ = (
        "_assembler",
        "_closing_error",
        "_pending",
        "confirms",
        "error",
        "frame_max",
        "number",
        "state",
        "transactional",
    )

    def __init__(self, number: int, frame_max: int) -> None:
        self.number = number
        self.frame_max = frame_max
        self.state = ChannelState.OPENING
        self.error: Exception | None = None
        self.confirms: ConfirmLedger | None = None
        self.transactional = False
        self._assembler = ContentAssembler()
        self._pending: deque[Pending] = deque()
        self._closing_error: Exception | None = None

    # --- requests: octets out ---

    def open(self, call: Any) -> bytes:
        """channel.open; the reply is due to `call`."""
        return self._ask(Channel.Open(), call)

    def close(self, code: int, text: str, call: Any) -> bytes:
        """channel.close; from now on only close-ok matters."""
        self.check_open("close")
        octets = self._ask(Channel.Close(reply_code=code, reply_text=text, class_id=0, method_id=0), call)
        self.state = ChannelState.CLOSING
        return octets

    def request(self, method: Method, call: Any) -> bytes:
        """Any other method without content; a reply, if one is due, goes to `call`."""
        self.check_open(method.name)
        octets = self._ask(method, call)
        match method:
            case Confirm.Select():
                self.confirms = self.confirms or ConfirmLedger()
            case Tx.Select():
                self.transactional = True
        return octets

    def publish(self, method: Basic.Publish, properties: bytes, body: bytes) -> tuple[int, bytes]:
        """basic.publish with its content; returns (sequence number or 0, octets)."""
        self.check_open("basic.publish")
        if len(properties) > self._room - 12:
            raise UsageError(
                f"The properties take {len(properties)} octets, but a content header is one frame of at most "
                f"{self._room} octets; put large data into the body."
            )
        octets = encode_content(self.number, method.encode(), properties, body, self.frame_max)
        if self.confirms is None:
            return 0, octets
        looks = (method.exchange, method.routing_key, body) if method.mandatory else None
        return self.confirms.published(looks), octets

    def _ask(self, method: Method, call: Any) -> bytes:
        octets = encode_method(self.number, method)
        if len(octets) - 8 > self._room:
            raise UsageError(
                f"{method.name} takes {len(octets) - 8} octets, but a method is one frame of at most "
                f"{self._room} octets; use smaller arguments."
            )
        if method.synchronous and not getattr(method, "nowait", False):
            self._pending.append(Pending(method, call))
        return octets

    @property
    def _room(self) -> int:
        """The largest payload of a frame."""
        return self.frame_max - 8 if self.frame_max else 2**32 - 1

    def check_open(self, what: str) -> None:
        """Raise UsageError unless a request may be sent now."""
        if self.state is not ChannelState.OPEN:
            raise UsageError(self._why_not(what))
        if self.transactional and self._pending and type(self._pending[-1].method) is Tx.Commit:
            raise UsageError(
                f"{what} has to wait: tx.commit on channel {self.number} is not answered yet, and the broker "
                "closes the connection when anything follows it (TX-10). Await the commit first."
            )

    def _why_not(self, what: str) -> str:
        if self.state is ChannelState.OPENING:
            return f"{what} has to wait: channel {self.number} is not open yet. Await channel() first."
        why = f": {str(self.error).rstrip('.')}" if self.error else ""
        return (
            f"{what} cannot be sent: channel {self.number} was closed{why}. "
            "Open another one with connection.channel()."
        )

    # --- frames in ---

    def received(self, kind: int, payload: bytes, news: list[Effect], out: list[bytes]) -> None:
        """One frame for this channel. Raises AMQPError for what a broker may not send."""
        try:
            command = self._assembler.feed(kind, payload)
        except UnexpectedContent as error:
            raise UnexpectedFrame(str(error), error.class_id, error.method_id) from error
        if command is not None:
            _ = command.properties  # unreadable ones are found out here, not in a program's hands
            self._on_command(command, news, out)

    def gathers(self, method: bytes, header: bytes) -> bool:
        """Whether this method and header, if they came now, would only be kept."""
        return self._assembler.gathers(method, header)

    def _on_command(self, command: Command, news: list[Effect], out: list[bytes]) -> None:
        method = command.method
        kind = type(method)
        if kind is Basic.Deliver:
            if self.state is ChannelState.OPEN:  # else it was on its way before the broker saw our close
                news.append(Delivered(self.number, command))
        elif kind in UNASKED:
            self._on_unasked(method, command, news, out)
        elif (following := CHANNEL_TRANSITIONS.get((self.state, kind))) is not None:
            self._on_transition(method, following, news, out)
        else:
            self._on_reply(method, command, news)

    def _on_unasked(self, method: Method, command: Command, news: list[Effect], out: list[bytes]) -> None:
        match method:
            case (
                Basic.Ack(delivery_tag=tag, multiple=multiple)
                | Basic.Nack(delivery_tag=tag, multiple=multiple)
            ):
                if self.confirms is None:
                    raise CommandInvalid(f"{method.name} on a channel without confirms")
                if settled := self.confirms.settle(tag, multiple):
                    news.append(Settled(self.number, settled, type(method) is Basic.Ack))
            case Basic.Return(exchange=exchange, routing_key=routing_key):
                looks = (exchange, routing_key, command.body)
                sequence = self.confirms.returned(looks) if self.confirms is not None else 0
                news.append(Returned(self.number, sequence, command))
            case Basic.Cancel(consumer_tag=consumer_tag):
                news.append(CancelledByBroker(self.number, consumer_tag))  # and no answer: CLIENT-07
            case Channel.Flow(active=active):
                out.append(encode_method(self.number, Channel.FlowOk(active=active)))
                news.append(FlowChanged(self.number, active))

    def _on_transition(
        self, method: Method, following: ChannelState, news: list[Effect], out: list[bytes]
    ) -> None:
        if isinstance(method, Channel.Close):
            out.append(encode_method(self.number, Channel.CloseOk()))
            error = error_for(method.reply_code, method.reply_text, method.class_id, method.method_id)
            self._closing_error = self._closing_error or error
        else:  # open-ok and close-ok are replies
            self._on_reply(method, None, news)
        self.state = following
        if following is ChannelState.CLOSED:
            self.ended(self._closing_error, news)

    def _on_reply(self, method: Method, command: Command | None, news: list[Effect]) -> None:
        if not self._pending or method.name not in self._pending[0].method.expects:
            raise CommandInvalid(f"unexpected {method.name} on channel {self.number}")
        content = command if method.has_content else None
        news.append(Replied(self._pending.popleft().call, method, content))

    def ended(self, error: Exception | None, news: list[Effect]) -> None:
        """The channel is gone, with or without an error: nothing pending will be answered."""
        self.state = ChannelState.CLOSED
        self.error = error
        while self._pending:
            method, call = self._pending.popleft()
            news.append(Failed(call, error or self.unanswered(method.name)))
        news.append(ChannelGone(self.number, error))

    def unanswered(self, what: str) -> UsageError:
        """Why something was not answered on a channel that we closed ourselves."""
        return UsageError(
            f"Channel {self.number} was closed before {what} was answered; await answers before you close."
        )

    def __repr__(self) -> str:
        return f"<ChannelMachine {self.number}: {self.state.value}, {len(self._pending)} pending>"
