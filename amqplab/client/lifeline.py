"""What a connection is beyond one TCP connection: the hosts to try, and coming back.

Theory
------
To a program a connection is one thing. Underneath it may be several, one after the other: hosts are tried in
turn until one answers, and with a :class:`~amqplab.client.recovery.Recovery` a connection that broke is
replaced. Each try is a fresh protocol machine on a fresh transport, for a machine never starts over; what
stays is here: the list of hosts, the channels' numbers, the topology, and the calls that wait meanwhile.

The states of a lifeline::

    dialling --- open-ok ---> up --- broken, recovery asked for ---> recovering --- restored ---> up
        |                     |                                         |
        +--- nobody there     +--- closed, or broken for good --> over <+--- closed, or attempts used up
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from amqplab.client.effects import ConnectionGone, Effect
from amqplab.client.machine import ClientMachine
from amqplab.client.parameters import ConnectionParameters
from amqplab.client.protocol import ClientProtocol
from amqplab.client.recovery import RECOVERABLE, Held, Recoverer, Recovery
from amqplab.client.states import ConnectionState
from amqplab.client.topology import Topology
from amqplab.client.waiting import Waiting
from amqplab.errors import AMQPError, ConnectionLost, UsageError
from amqplab.trace.recorder import ACTOR
from amqplab.wire.methods import Method

if TYPE_CHECKING:
    from amqplab.client.aio_channel import AsyncChannel

__all__ = ["Lifeline"]


class Lifeline(ABC):
    """The machine and transport of now, and how to get the next ones."""

    machine: ClientMachine
    _protocol: ClientProtocol
    _opened: Waiting[None]

    def __init__(self, targets: Sequence[ConnectionParameters], recovery: Recovery | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.targets = tuple(targets)
        self.recovery = recovery
        self.topology = Topology()
        self._channels: dict[int, AsyncChannel] = {}
        self._closed: list[Waiting[None]] = []
        self._on_close: list[Callable[[Any, Exception | None], Any]] = []
        self._held = Held()
        self._task: asyncio.Task[None] | None = None
        self._established = False
        self._over = False
        self._error: Exception | None = None
        self._actor = ACTOR.get()
        self._begin(self.targets[0])

    def _begin(self, parameters: ConnectionParameters) -> None:
        """A fresh machine and transport for one try."""
        self.parameters = parameters
        self.machine = ClientMachine(parameters)
        self._protocol = ClientProtocol(self.machine, self.loop, self._on_news, self._on_silence)
        self._opened = Waiting(f"connection.open-ok from {parameters.url}", self.loop)
        self._protocol.ended.add_done_callback(self._tell_the_end)

    @abstractmethod
    def _on_news(self, effect: Effect) -> None:
        """What the machine has to tell. A connection that recovers and one that does not each have their own."""

    @abstractmethod
    def _on_silence(self, name: str) -> int | None:
        """The broker is given up because it is silent; returns the seq of the record that says so."""

    # --- dialling ---

    async def establish(self) -> None:
        """The first time: all hosts in turn, as many rounds as the last one's `connection_attempts` say."""
        patience = self.targets[-1]
        for attempt in range(1, patience.connection_attempts + 1):
            try:
                await self.dial()
                break
            except (ConnectionLost, AMQPError) as error:
                in_vain = not isinstance(error.__cause__, OSError | TimeoutError) and len(self.targets) == 1
                if in_vain or attempt == patience.connection_attempts:
                    raise
                await asyncio.sleep(patience.retry_delay)
        self._established = True

    async def dial(self) -> None:
        """Try each host once, in order. Raises what went wrong: for several hosts, of every one."""
        failures: list[Exception] = []
        for parameters in self.targets:
            try:
                await self._dial_one(parameters)
            except (ConnectionLost, AMQPError) as error:
                failures.append(error)
            else:
                return
        if len(failures) == 1:
            raise failures[0]
        each = "\n".join(f"  {p.url}: {_plain(e)}" for p, e in zip(self.targets, failures, strict=True))
        raise ConnectionLost(f"None of the {len(failures)} hosts could be used:\n{each}") from failures[-1]

    async def _dial_one(self, parameters: ConnectionParameters) -> None:
        self._begin(parameters)
        try:
            await self._connect_tcp()
        except (OSError, TimeoutError) as error:
            raise ConnectionLost(self._nobody_there(error)) from error
        try:
            await self._opened
        except asyncio.CancelledError:
            self._protocol.abort()
            raise
        except Exception:
            await self._protocol.ended
            raise

    async def _connect_tcp(self) -> None:
        where = self.parameters
        protocol = self._protocol
        tls: dict[str, Any] = {"ssl": where.ssl_options or None}
        if where.ssl_options and where.server_hostname is not None:
            tls["server_hostname"] = where.server_hostname
        async with asyncio.timeout(where.socket_timeout):
            await self.loop.create_connection(lambda: protocol, where.host, where.port, **tls)

    def _nobody_there(self, error: Exception) -> str:
        why = "no answer in time" if isinstance(error, TimeoutError) else error
        return (
            f"No broker could be reached at {self.parameters.url} ({why}). "
            "Is one running there? `python -m amqplab serve` starts one."
        )

    # --- the end, or not ---

    def abort(self) -> None:
        """End the TCP connection without a word, as a crash would."""
        self._protocol.abort()

    @property
    def name(self) -> str:
        """Our end of the TCP connection, "host:port", by which the broker names the connection."""
        return self._protocol.name

    @property
    def is_recovering(self) -> bool:
        """Whether the connection broke and is being brought back; calls wait meanwhile."""
        return self._task is not None

    @property
    def is_usable(self) -> bool:
        """Open, or about to be again: calls can be made."""
        return self.machine.state is ConnectionState.OPEN or self.is_recovering

    @property
    def republishes(self) -> bool:
        """Whether what was not confirmed is published again."""
        return self.recovery is not None and self.recovery.republish_unconfirmed

    def breaks_with(self, error: Exception | None) -> bool:
        """Whether this is the end of a transport that will be replaced."""
        if self.recovery is None or not self._established or self._over:
            return False
        if self.is_recovering:
            return True
        return error is self.machine.error and isinstance(error, RECOVERABLE)

    def _on_gone(self, news: ConnectionGone) -> None:
        self._opened.fail(news.error or ConnectionLost("Closed before it was open."))
        if self.is_recovering or self._over or not self._established:
            return
        if self.recovery is not None and news.error is not None and self.breaks_with(news.error):
            self._task = self.loop.create_task(
                self._recover(self.recovery, news.error), name="recovery of a connection"
            )
            self.tell(self.recovery.on_lost, news.error)
        else:
            self._finish(news.error)

    async def _recover(self, recovery: Recovery, error: Exception) -> None:
        ACTOR.set(self._actor)  # this task lives where the program does
        await Recoverer(self, recovery).run(error)

    def recovered(self) -> None:
        """All is as before: what waited is sent."""
        self._task = None
        for channel in list(self._channels.values()):
            channel.publish_again()
        self._held.release()
        if self.recovery is not None:
            self.tell(self.recovery.on_recovered)

    def give_up(self, error: Exception | None) -> None:
        """End a recovery for good: by the user's wish (None), or because the attempts are used up."""
        self._task = None
        self.machine.state, self.machine.error = ConnectionState.CLOSED, error
        self._over, self._error = True, error
        ended = error or UsageError("The connection was closed while it was being recovered.")
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            channel.fail_unconfirmed(ended)
            channel.on_gone(error)
        self._held.fail(ended)
        self._finish(error)
        self._tell_the_end()

    def _finish(self, error: Exception | None) -> None:
        self._over, self._error = True, error
        for callback in self._on_close:
            self.tell(callback, error)

    def _stop_recovering(self) -> None:
        """The user closes a connection that is not there at the moment."""
        if self._task is not None:
            self._task.cancel()
        self.give_up(None)
        self._protocol.abort()

    def _tell_the_end(self, _: object = None) -> None:
        if not self._over:
            return
        waiting, self._closed = self._closed, []
        for each in waiting:
            if self._error is None:
                each.succeed()
            else:
                each.fail(self._error)

    def tell(self, callback: Callable[..., Any] | None, *args: Any) -> None:
        """Call a callback of the program; its error goes where the loop sends such errors."""
        if callback is None:
            return
        try:
            callback(self, *args)
        except Exception as error:
            self.loop.call_exception_handler(
                {"message": f"A callback failed on {self!r}", "exception": error}
            )

    # --- what a recovery does with the new machine ---

    async def open_number(self, number: int | None) -> int:
        """Open a channel that no face knows, on a free number unless one is given; returns the number."""
        opened: Waiting[Any] = Waiting("channel.open-ok of a recovery", self.loop)
        number, effects = self.machine.open_channel(number, opened)
        self._protocol.apply(effects)
        await opened
        return number

    async def close_number(self, number: int) -> None:
        """Close such a channel."""
        closed: Waiting[Any] = Waiting("channel.close-ok of a recovery", self.loop)
        self._protocol.apply(self.machine.close_channel(number, 200, "Normal shutdown", closed))
        await closed

    async def ask_number(self, number: int, method: Method) -> Any:
        """Send a request on a channel, by its number; returns the reply."""
        due = " or ".join(method.expects)
        asked: Waiting[Any] = Waiting(f"{due} on channel {number}, for a recovery", self.loop)
        self._protocol.apply(self.machine.request(number, method, asked))
        return await asked

    async def reopen(self, number: int) -> None:
        """Open a channel of the program again, with its number."""
        await self.open_number(number)
        if (channel := self._channels.get(number)) is not None:
            channel.reborn(self.machine)

    def channel_numbers(self) -> list[int]:
        """The numbers of the program's channels."""
        return list(self._channels)

    def drop_channel(self, channel: AsyncChannel) -> None:
        """The user closes a channel while it is not there: it does not come back."""
        self._channels.pop(channel.channel_number, None)
        self.topology.forget_channel(channel.channel_number)
        channel.fail_unconfirmed(UsageError("The channel was closed before its publishes were confirmed."))
        channel.on_gone(None)

    def consumer_lost(self, number: int, tag: str) -> None:
        """A consumer could not be restored: to the program it is cancelled, as by the broker."""
        if (channel := self._channels.get(number)) is not None:
            channel.consumer_lost(tag)

    async def transport_ended(self) -> None:
        """Wait for the end of the TCP connection, if there was one."""
        if self._protocol.name:
            await asyncio.shield(self._protocol.ended)

    def hold(self, send: Callable[[], Any], call: Waiting[Any] | None) -> None:
        """Keep a call until the connection is back."""
        self._held.add(send, call)


def _plain(error: Exception) -> str:
    """The reason alone, without the advice that a single host gets."""
    cause = error.__cause__
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    return str(cause or error)
