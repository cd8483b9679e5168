"""A session: the broker's side of one connection.

Theory
------
A session turns octets into frames, and decides for each frame who gets it. Frames on channel 0 concern the
connection itself (:mod:`amqplab.broker.control`). All others belong to a channel. Which of it is legal depends
on the connection's state and is a table, ``states.CONNECTION``.

Three ways to end, from polite to abrupt (CONN-07: all of them end in a TCP reset):

    fail      connection.close with the error's code; then wait for close-ok, but not for ever (CONN-58)
    silence   a bad peer hears nothing for three seconds, then the reset (CONN-35)
    abort     the reset at once: what RabbitMQ does where its own process crashes (CODEC-35)

Whatever a peer sends, it can only ever end its own session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqplab.broker.alarms import MOST_QUEUED, Gate
from amqplab.broker.channel import Channel
from amqplab.broker.control import control, is_channel_frame, is_heartbeat
from amqplab.broker.decoding import MalformedText
from amqplab.broker.effects import Close, Reading, Room
from amqplab.broker.fastlane import Lane, drive
from amqplab.broker.heartbeat import Heartbeats
from amqplab.broker.states import CONNECTION
from amqplab.broker.timers import SECOND, Deadline
from amqplab.errors import (
    AMQPError,
    FrameError,
    NotAllowed,
    UnexpectedFrame,
)
from amqplab.trace import events
from amqplab.wire import methods
from amqplab.wire.content import UnexpectedContent
from amqplab.wire.erlang import frame_snippet
from amqplab.wire.errors import ArgumentsUndecodable, UnknownMethod
from amqplab.wire.frames import (
    FRAME_MIN_SIZE,
    encode_method,
)
from amqplab.wire.parser import FrameParser

if TYPE_CHECKING:
    from amqplab.broker.broker import Broker
    from amqplab.broker.config import User
    from amqplab.model.vhost import VirtualHost

__all__ = ["Session"]

SILENCE = 3 * SECOND
PATIENCE_S = 30
MOST_PUSHED = 1 << 20  # octets of deliveries that one call may send to a connection
FRAMING = 64  # about what a delivery takes beside its body
EMPTY = b""


class Session:
    """One connection. `state` is a row of ``states.CONNECTION``."""

    vhost: VirtualHost
    user: User

    def __init__(
        self, broker: Broker, connection: str, now: int, loopback: bool, certified: str | None = None
    ) -> None:
        self.broker = broker
        self.connection = connection
        self.loopback = loopback
        self.certified = certified
        self.report = broker.report
        self.state = "pre_init"
        self.parser = FrameParser(max_payload=FRAME_MIN_SIZE, expect_header=True, any_type=True)
        self.channels: dict[int, Channel] = {}
        self.lanes: dict[bytes, Lane] = {}  # by the first three octets of a method frame on the channel
        self.capabilities: frozenset[str] = frozenset()
        self.client_name = ""
        self.user_claimed = ""  # while a challenge is out (CONN-20)
        self.opened = False  # connection.open succeeded: vhost, access and user are known
        self.channel_max = 0
        self.frame_max = FRAME_MIN_SIZE
        self.close_timeout_s = 3  # until tune-ok has told the heartbeat (CONN-17, CONN-56)
        self.octets_received = 0
        self.heard_at = now
        self.octets_sent = 0
        self.out: list[bytes] = []
        self.queued = 0  # octets of replies in it
        self.pushed = 0  # octets of deliveries in it, about
        self.stalled = False  # the socket takes no more for now (BASIC-34)
        self.heartbeats: Heartbeats | None = None
        self.gate = Gate(self)
        self.ending_reason = ""
        self._unread: bytearray | None = None  # what has come while a guess stands in line
        limit = int(broker.config.handshake_timeout_s * SECOND)
        self._handshake: Deadline | None = broker.deadlines.at(now + limit, self._handshake_timed_out)
        self._ending: Deadline | None = None

    # --- out -------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Queue octets; all of one call into the broker leave as one chunk."""
        if not self.out:
            self.broker.writers.append(self)
        self.out.append(data)
        self.queued += len(data)

    def push(self, parts: tuple[bytes, ...], body_size: int) -> None:
        """Queue a delivery, in pieces. A backlog does not leave in one go: enough is enough until the socket
        has taken it.
        """
        if not self.out:
            self.broker.writers.append(self)
        self.out += parts
        self.pushed += body_size + FRAMING
        if self.pushed > MOST_PUSHED and not self.stalled:
            self.stall(True)
            self.broker.later.append(Room(self.connection))

    def stall(self, on: bool) -> None:
        """Let deliveries rest, or flow again (BASIC-34)."""
        self.stalled = on
        for channel in self.channels.values():
            channel.window.stalled = on
            if not on:
                channel.unblock_consumers()

    def send(self, method: methods.Method) -> None:
        """Queue a method on channel 0."""
        self.write(encode_method(0, method))

    def take_output(self) -> bytes:
        """Everything queued, joined."""
        data = EMPTY.join(self.out)
        self.out.clear()
        self.queued = self.pushed = 0
        self.octets_sent += len(data)
        return data

    # --- in --------------------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Octets arrived."""
        self.octets_received += len(data)
        self.heard_at = self.broker.now
        if self.lanes and not self.broker.alarms and not self.gate.closed:
            drive(self, data)
        elif self.opened or self.state == "closed":
            self.frames(data)
        else:
            self.frames(self._handshake_octets(data))

    def _handshake_octets(self, data: bytes) -> bytes:
        """Feed octet by octet until the limits are agreed, because each frame may change what the next may be
        (CODEC-07, CONN-37); return what is left.
        """
        for at in range(len(data)):
            if self._unread is not None:
                self._unread += data[at:]
                return EMPTY
            if self.state in ("running", "blocked", "silenced", "gone", "closed"):
                return data[at:]
            self.frames(data[at : at + 1])
        return EMPTY

    def pause(self) -> None:
        """Read nothing more until :meth:`go_on`: what it means depends on who the client is."""
        self._unread = bytearray()
        self.broker.later.append(Reading(self.connection, False))

    def go_on(self) -> None:
        """Read on, first what has come already."""
        unread, self._unread = self._unread, None
        if unread is not None:
            self.broker.later.append(Reading(self.connection, True))
            self.octets_received -= len(unread)  # they count once, when they are read
            self.received(bytes(unread))

    def frames(self, data: bytes) -> None:
        """The ordinary road: cut into frames, and hand each to whom it concerns."""
        found = self.parser.feed(data)
        if self.broker.alarms or self.gate.closed:
            self.gate.pass_on(found)
        else:
            for at, (kind, number, payload) in enumerate(found, 1):
                self.frame(kind, number, payload)
                if self.queued > MOST_QUEUED:
                    self.gate.flood()
                    self.gate.pass_on(found[at:])
                    break
        self.check_parser()

    def gathers(self, number: int, method: bytes, header: bytes, largest: int) -> bool:
        """Whether all frames of this content but the last would only be gathered, if they came now."""
        channel = self.channels.get(number)
        return (
            channel is not None
            and self.state == "running"
            and not self.gate.closed
            and self._unread is None
            and self.parser.takes(largest)
            and channel.gathers(method, header)
        )

    def frame(self, kind: int, number: int, payload: bytes) -> None:
        """One frame, to whom it concerns."""
        if number == 0:
            control(self, kind, payload)
        else:
            self._channel_frame(kind, number, payload)

    def check_parser(self) -> None:
        """Octets that are no frame end the connection, after all that came before them."""
        error = self.parser.error
        if error is not None and not self.gate.closed and self.state not in ("silenced", "gone"):
            self.fail(FrameError(error.reply_text_detail))
            self.silence("unreadable frame")

    def _channel_frame(self, kind: int, number: int, payload: bytes) -> None:
        """A frame on a channel above 0."""
        action = CONNECTION[self.state].otherwise.other_channel
        if action != "dispatch":
            if action != "ignore":
                self.fail(UnexpectedFrame(frame_snippet(kind, payload)))
            return
        if is_heartbeat(kind, payload):
            self.fail(UnexpectedFrame(frame_snippet(kind, payload)))
            return
        if not is_channel_frame(kind, payload):
            self.fail(FrameError(f"{frame_snippet(kind, payload)}: unknown_frame"))
            return
        channel = self.channels.get(number)
        if channel is None:
            channel = self._new_channel(number)
            if channel is None:
                return
        try:
            channel.frame(kind, payload)
        except UnknownMethod:
            self.abort("unknown method")
        except ArgumentsUndecodable as error:
            if error.in_table:
                self.abort("undecodable table")
            else:
                self.fail(FrameError(error.detail, error.class_id, error.method_id))
        except UnexpectedContent as error:
            self.fail(UnexpectedFrame(str(error), error.class_id, error.method_id))
        except MalformedText as error:
            self.fail(error)

    def _new_channel(self, number: int) -> Channel | None:
        """Room for one more channel, unless the limit is reached: it counts channels, not numbers
        (CONN-43).
        """
        count, user_max = len(self.channels), self.user.max_channels
        if self.channel_max and count >= self.channel_max:
            self.fail(
                NotAllowed(
                    f"number of channels opened ({count}) has reached the negotiated channel_max "
                    f"({self.channel_max})"
                )
            )
            return None
        if user_max is not None and self.broker.channels_of(self.user.name) >= user_max:
            self.fail(
                NotAllowed(
                    f"number of channels opened for user '{self.user.name}' has reached the maximum allowed "
                    f"user limit of ({user_max})"
                )
            )
            return None
        channel = self.channels[number] = Channel(self, number)
        if self.broker.fast_lane:
            self.lanes[channel.lane_key] = channel.lane = Lane(channel)
        return channel

    def forget_channel(self, channel: Channel) -> None:
        """The channel number is free again; what the client still held goes back."""
        self.channels.pop(channel.number, None)
        self.lanes.pop(channel.lane_key, None)
        channel.release("channel closed")
        if self.report is not None:
            self.report(events.ChannelClosed, self.connection, channel.number)

    # --- endings ---------------------------------------------------------------------------------------

    def fail(self, error: AMQPError) -> None:
        """An error that ends the connection, in the way the state allows."""
        action = CONNECTION[self.state].otherwise.fault
        if action == "silence":
            self.silence(str(error))
        elif action == "close":
            self._announce_closing("broker", error.code, error.reply_text)
            self._release_everything("connection closed")
            self.send(
                methods.Connection.Close(
                    reply_code=error.code,
                    reply_text=error.reply_text,
                    class_id=error.class_id,
                    method_id=error.method_id,
                )
            )
            self._closed("closed by broker")

    def refuse_login(self, error: AMQPError, say_so: bool) -> None:
        """Wrong credentials: close politely if the client understands it, else without a word (CONN-17,
        -18).
        """
        self._announce_closing("broker", error.code, error.reply_text)
        if say_so:
            self.send(methods.Connection.Close(reply_code=error.code, reply_text=error.reply_text))
        self._closed("login refused")

    def close_by_client(self, code: int, text: str) -> None:
        """The client's connection.close: everything goes, then close-ok (CONN-55, CONN-60)."""
        self._announce_closing("client", code, text)
        self._release_everything("connection closed")
        self.send(methods.Connection.CloseOk())
        self._closed("closed by client")

    def _announce_closing(self, by: str, code: int, text: str) -> None:
        if self.report is not None:
            self.report(events.ConnectionClosing, self.connection, by, code, text)

    def _closed(self, reason: str) -> None:
        """A close is agreed or announced: wait for the end of TCP, but not for ever (CONN-56, CONN-58)."""
        self.state = "closed"
        self.gate.release()
        self.ending_reason = reason
        self._cancel(self._handshake)
        wait = self.close_timeout_s if 0 < self.close_timeout_s < PATIENCE_S else PATIENCE_S
        self._end_at(self.broker.now + wait * SECOND)

    def silence(self, reason: str) -> None:
        """Read and say nothing for three seconds, then reset."""
        self.state = "silenced"
        self.ending_reason = reason
        self._cancel(self._handshake)
        self._end_at(self.broker.now + SILENCE)

    def _end_at(self, when: int) -> None:
        self._cancel(self._ending)
        self._ending = self.broker.deadlines.at(when, lambda now: self.abort(self.ending_reason))

    def handshake_done(self) -> None:
        """connection.open succeeded in time (CONN-06)."""
        self._cancel(self._handshake)

    def _handshake_timed_out(self, now: int) -> None:
        self.abort("handshake timeout")

    def finish(self) -> None:
        """The close handshake is complete: reset at once (CONN-58)."""
        self.abort(self.ending_reason)

    def abort(self, reason: str) -> None:
        """Reset the TCP connection now."""
        if self.state != "gone":
            self.broker.later.append(Close(self.connection, True))
            self.gone(reason, aborting=True)

    def gone(self, reason: str, *, aborting: bool = False) -> None:
        """The TCP connection is no more (CONN-61): clean up and be forgotten."""
        if self.state == "gone":
            return
        self._release_everything(reason)
        self.state = "gone"
        if not aborting:
            self.out.clear()
        for deadline in (self._handshake, self._ending):
            self._cancel(deadline)
        if self.heartbeats is not None:
            self.heartbeats.stop()
        self.broker.forget(self)
        if self.report is not None:
            self.report(events.ConnectionClosed, self.connection, reason)

    def _release_everything(self, reason: str) -> None:
        """All channels end: first every consumer leaves, then copies return, then exclusive queues go."""
        if not self.opened:
            return
        channels, self.channels = list(self.channels.values()), {}
        self.lanes.clear()
        for channel in channels:
            channel.state = "closing"
        for channel in channels:
            channel.release(reason)
            if self.report is not None:
                self.report(events.ChannelClosed, self.connection, channel.number)
        self.vhost.delete_exclusive_queues(self.connection)

    @staticmethod
    def _cancel(deadline: Deadline | None) -> None:
        if deadline is not None:
            deadline.cancel()
