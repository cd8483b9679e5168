"""The async face: AMQP for ``async def`` code.

Theory
------
One connection is one TCP connection with channels in it. This face is a thin layer on the protocol machine:
it opens the transport on whatever loop is running, real or simulated, and finds for each piece of news the
one who waits for it. There is no task of its own behind a connection, so nothing is left running when it
ends::

    async with await connect("amqp://localhost:5672") as connection:
        channel = await connection.channel()
        await channel.queue_declare("app")
        await channel.basic_publish("", "app", "Hello, Rabbit!")
        async for message in channel.consume("app"):
            await message.ack()
            break

A lost connection fails everything that waits, with the reason. Whether it is brought back is the program's
decision: ``connect(…, recovery=Recovery())``, see :mod:`amqplab.client.recovery`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from amqplab.client.aio_channel import AsyncChannel
from amqplab.client.calls import find_report, reported
from amqplab.client.checks import short
from amqplab.client.effects import (
    Blocked,
    CancelledByBroker,
    ChannelGone,
    ConnectionGone,
    Delivered,
    Effect,
    Failed,
    FlowChanged,
    Opened,
    Replied,
    Returned,
    Settled,
    Silence,
    Unblocked,
)
from amqplab.client.lifeline import Lifeline
from amqplab.client.parameters import ConnectionParameters, Target, targets_from
from amqplab.client.patience import SILENT_INTERVALS
from amqplab.client.recovery import Recovery
from amqplab.client.states import ConnectionState
from amqplab.client.waiting import DONE, Waiting
from amqplab.trace.events import HeartbeatMissed
from amqplab.trace.recorder import Report
from amqplab.wire.methods import Connection

__all__ = ["AsyncConnection", "connect"]

UNREPORTED = "unreported"  # for the blocking face, which reports its own calls


async def connect(
    target: Target | Sequence[Target] = None,
    *,
    report: Report | str | None = None,
    recovery: Recovery | None = None,
    **changes: Any,
) -> AsyncConnection:
    """Connect, log in and open the virtual host; `target` is an AMQP URI or ConnectionParameters, or a list
    of these that are tried in order.

    ``changes`` replace single parameters: ``connect("amqp://localhost", heartbeat=5)``. With ``recovery`` the
    connection comes back after a loss (:mod:`amqplab.client.recovery`). Raises ConnectionLost when nobody
    answers, and the broker's own error when it refuses; for several hosts, ConnectionLost that names each.
    """
    targets = targets_from(target, **changes)
    found = find_report() if report is None else report
    connection = AsyncConnection(targets, None if isinstance(found, str) else found, recovery)
    await connection.establish()
    return connection


class AsyncConnection(Lifeline):
    """Made by :func:`connect`. Usable with ``async with``: leaving closes it."""

    spoken = "connection"

    def __init__(
        self,
        targets: Sequence[ConnectionParameters],
        report: Report | None,
        recovery: Recovery | None = None,
    ) -> None:
        self._report = report
        self._tell = find_report()
        self._on_blocked: list[Callable[[AsyncConnection, str], Any]] = []
        self._on_unblocked: list[Callable[[AsyncConnection], Any]] = []
        super().__init__(targets, recovery)

    # --- the end ---

    @reported
    def close(self, reply_code: int = 200, reply_text: str = "Normal shutdown") -> Awaitable[None]:
        """Close the connection and wait for its end; a closed one stays closed. It ends a recovery, too."""
        if self.is_recovering:
            self._stop_recovering()
            return DONE
        if not self.is_open:
            return DONE if self._protocol.ended.done() else self.wait_closed()
        answer: Waiting[None] = Waiting("connection.close-ok", self.loop)
        text = short("reply_text", reply_text)
        end = self.wait_closed()
        self.apply(self.machine.close(reply_code, text, self._protocol.now(), answer))
        return end

    def wait_closed(self) -> Waiting[None]:
        """Wait for the end of the connection; raises the error that ended it, if one did."""
        waiting: Waiting[None] = Waiting("the end of the connection", self.loop)
        self._closed.append(waiting)
        if self._protocol.ended.done() or not self._protocol.name:  # ended, or never begun
            self._tell_the_end()
        return waiting

    # --- calls ---

    @reported
    def channel(self, channel_number: int | None = None) -> Waiting[AsyncChannel]:
        """Open a channel, on the lowest free number unless one is given."""
        chosen: list[int] = []
        opened: Waiting[AsyncChannel] = Waiting(
            "channel.open-ok", self.loop, lambda _: self._channels[chosen[0]]
        )
        if self.is_recovering:
            self.hold(lambda: self._open_channel(channel_number, opened, chosen), opened)
        else:
            self._open_channel(channel_number, opened, chosen)
        return opened

    def _open_channel(self, wished: int | None, opened: Waiting[AsyncChannel], chosen: list[int]) -> None:
        number, effects = self.machine.open_channel(wished, opened)
        chosen.append(number)
        opened.waiting_for = f"channel.open-ok on channel {number}"
        self._channels[number] = AsyncChannel(self, self.machine.channels[number], self._report)
        self.apply(effects)

    @reported
    def update_secret(self, new_secret: str, reason: str) -> Waiting[Any]:
        """Give the broker a new secret, such as a renewed token."""
        waiting: Waiting[Any] = Waiting("connection.update-secret-ok", self.loop)
        method = Connection.UpdateSecret(new_secret=new_secret.encode(), reason=short("reason", reason))
        if self.is_recovering:
            self.hold(lambda: self.apply(self.machine.request(0, method, waiting)), waiting)
        else:
            self.apply(self.machine.request(0, method, waiting))
        return waiting

    @reported
    def send_raw(self, data: bytes) -> Awaitable[None]:
        """Send any octets, sense or nonsense, with no check at all."""
        self.apply(self.machine.send_raw(data))
        return self.room()

    def apply(self, effects: list[Effect]) -> None:
        """Carry out what the machine wants done."""
        self._protocol.apply(effects)

    def room(self) -> Awaitable[None]:
        """Room in the TCP buffer; usually there is."""
        return self._protocol.room()

    # --- news ---

    def _on_news(self, effect: Effect) -> None:
        NEWS[type(effect)](self, effect)

    def _on_silence(self, name: str) -> int | None:
        """The broker is taken for dead: tell it where the program runs, whoever reports its calls."""
        return None if self._tell is None else self._tell(HeartbeatMissed, name, SILENT_INTERVALS)

    def _on_replied(self, news: Replied) -> None:
        news.call.answered(news.method, news.command)

    def _on_failed(self, news: Failed) -> None:
        if news.call is not None:
            news.call.fail(news.error)

    def _on_opened(self, _: Opened) -> None:
        self._opened.succeed()

    def _on_blocked_news(self, news: Blocked) -> None:
        for callback in self._on_blocked:
            self.tell(callback, news.reason)

    def _on_unblocked_news(self, _: Unblocked) -> None:
        for callback in self._on_unblocked:
            self.tell(callback)

    # --- state and callbacks ---

    @property
    def is_open(self) -> bool:
        return self.machine.state is ConnectionState.OPEN

    @property
    def is_closed(self) -> bool:
        return self._over or (self.machine.state is ConnectionState.CLOSED and not self.is_recovering)

    @property
    def error(self) -> Exception | None:
        """What ended the connection, if it was not our wish."""
        return None if self.is_recovering else self._error or self.machine.error

    @property
    def server_properties(self) -> Any:
        """What the broker says of itself in connection.start."""
        return self.machine.server_properties

    def add_on_connection_blocked_callback(self, callback: Callable[[AsyncConnection, str], Any]) -> None:
        """Call ``callback(connection, reason)`` when the broker stops reading publishes (LIMIT-03)."""
        self._on_blocked.append(callback)

    def add_on_connection_unblocked_callback(self, callback: Callable[[AsyncConnection], Any]) -> None:
        """Call ``callback(connection)`` when it reads again."""
        self._on_unblocked.append(callback)

    def add_on_close_callback(self, callback: Callable[[AsyncConnection, Exception | None], Any]) -> None:
        """Call ``callback(connection, error)`` when the connection has ended, however."""
        self._on_close.append(callback)

    async def __aenter__(self) -> AsyncConnection:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.is_usable:
            await self.close()

    def __repr__(self) -> str:
        return f"<connection {self.name} to {self.parameters.url}, {self.machine.state.value}>"


def _to_channel(function: Callable[[AsyncChannel, Any], None]) -> Callable[[AsyncConnection, Any], None]:
    """News that name a channel go to that channel, if it still exists."""

    def hand_on(connection: AsyncConnection, news: Any) -> None:
        channel = connection._channels.get(news.channel)
        if channel is not None:
            function(channel, news)

    return hand_on


def _on_delivered(connection: AsyncConnection, news: Delivered) -> None:
    channel = connection._channels.get(news.channel)
    if channel is not None and connection.is_open:  # after our close nobody can acknowledge it
        channel.on_delivered(news)


def _on_channel_gone(connection: AsyncConnection, news: ChannelGone) -> None:
    channel = connection._channels.get(news.channel)
    if channel is None:
        return
    if connection.breaks_with(news.error):
        channel.on_broken(news.error)
        return
    del connection._channels[news.channel]
    connection.topology.forget_channel(news.channel)
    channel.on_gone(news.error)


NEWS: dict[type, Callable[[AsyncConnection, Any], None]] = {
    Delivered: _on_delivered,
    Replied: AsyncConnection._on_replied,
    Settled: _to_channel(AsyncChannel.on_settled),
    Returned: _to_channel(AsyncChannel.on_returned),
    Failed: AsyncConnection._on_failed,
    CancelledByBroker: _to_channel(AsyncChannel.on_cancelled),
    ChannelGone: _on_channel_gone,
    FlowChanged: lambda connection, news: None,  # answered already; nothing is held back
    Silence: lambda connection, news: None,  # told before
    Opened: AsyncConnection._on_opened,
    ConnectionGone: AsyncConnection._on_gone,
    Blocked: AsyncConnection._on_blocked_news,
    Unblocked: AsyncConnection._on_unblocked_news,
}
