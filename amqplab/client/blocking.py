"""The blocking face: pika's BlockingConnection, line by line, on our machine.

Theory
------
A blocking call is an asynchronous one that somebody waits for. So this face has no protocol code: each call
runs a coroutine of the async face to its end, and *who* runs it is a parameter, the ``runner``:

    an ordinary program    a private event loop, turned only while a call lasts
    a Jupyter cell         the same; the kernel's own loop is running in the thread and has to be looked past
    a simulation           the lab's runner: virtual time goes on until the answer is there

Between calls nothing runs: as with pika, heartbeats are only sent, and deliveries only come in, while a
call lasts. A program that computes for long calls :meth:`BlockingConnection.process_data_events` now and
then.

Callbacks are called by `process_data_events` and `start_consuming`, never in the middle of another call, so
a callback may itself make calls.

On a simulated link `basic_publish` without confirms returns when its octets were given to TCP. No virtual
time has passed then: the message is on its way when time goes on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from amqplab._running import without_running_loop
from amqplab.client.aio import UNREPORTED, AsyncConnection, connect
from amqplab.client.blocking_channel import BlockingChannel
from amqplab.client.blocking_core import TICK_S, MethodFrame
from amqplab.client.calls import find_report, told
from amqplab.client.parameters import Target
from amqplab.client.recovery import Recovery
from amqplab.client.waiting import DONE, Waiting
from amqplab.errors import UsageError
from amqplab.trace.recorder import CAUSE, Report, because
from amqplab.wire.methods import Connection

__all__ = ["BlockingConnection", "PrivateLoop", "Runner"]

T = TypeVar("T")
Runner = Callable[[Coroutine[Any, Any, Any]], Any]


TURN_AFTER_CALLS = 32
TURN_AFTER_S = 0.005


class PrivateLoop:
    """The default runner: an event loop of its own, turned only inside calls, also in a Jupyter cell."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._calls = 0
        self._turned_at = self.loop.time()

    def may_skip_a_turn(self) -> bool:
        """A call that has no answer needs no turn of the loop: its octets are with TCP at once. But what
        comes in has to be looked at now and then.
        """
        self._calls += 1
        return self._calls % TURN_AFTER_CALLS > 0 and self.loop.time() - self._turned_at < TURN_AFTER_S

    def __call__(self, coroutine: Coroutine[Any, Any, T]) -> T:
        self._turned_at = self.loop.time()
        with without_running_loop():
            task = self.loop.create_task(coroutine)
            try:
                return self.loop.run_until_complete(task)
            except BaseException:
                if not task.done():  # a keyboard interrupt: the call ends, the connection lives on
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        self.loop.run_until_complete(task)
                raise

    def close(self) -> None:
        """Let go of the loop's own sockets."""
        with without_running_loop():
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()


class Event(NamedTuple):
    """Something that a program's callback is due for: called later, with what caused it."""

    cause: int | None
    channel: int
    consumer_tag: str
    run: Callable[[], Any]
    content: Any


class BlockingConnection:
    """pika's names, signatures and results.

    ``parameters`` is ConnectionParameters, an AMQP URI, or a sequence of these that are tried in turn. With
    ``recovery`` the connection comes back after a loss, while calls last (see `process_data_events`).
    """

    spoken = "connection"
    channel_class = BlockingChannel

    def __init__(
        self,
        parameters: Target | Sequence[Target] = None,
        _impl_class: Any = None,
        *,
        runner: Runner | None = None,
        recovery: Recovery | None = None,
    ) -> None:
        self._runner: Runner = PrivateLoop() if runner is None else runner
        self._report: Report | None = None
        self._cause: int | None = None
        self._events: deque[Event] = deque()
        self._something: Waiting[None] | None = None
        self._dispatching = False
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._last_timer = 0
        self._channels: dict[int, BlockingChannel] = {}
        try:
            self._aio: AsyncConnection = self._drive(self._connect, parameters, recovery)
        except BaseException:
            self._let_go()
            raise

    async def _connect(self, target: Target | Sequence[Target], recovery: Recovery | None) -> AsyncConnection:
        self._report = find_report()
        connection = await connect(target, report=UNREPORTED, recovery=recovery)
        self._loop = asyncio.get_running_loop()
        connection.add_on_close_callback(lambda *_: self._wake())
        return connection

    # --- driving ---

    def _drive(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run ``await function(…)`` to its end; remembers what caused the end."""

        async def run() -> Any:
            try:
                return await function(*args, **kwargs)
            finally:
                self._cause = CAUSE.get()

        return self._runner(run())

    def _tell(self, function: Callable[..., Any], *args: Any) -> None:
        """The same for a call that may have no answer. Then, on a private loop, making it is enough."""
        if not isinstance(self._runner, PrivateLoop) or not self._runner.may_skip_a_turn():
            self._drive(function, *args)
            return
        answer = function(*args)
        if answer is not DONE:
            self._drive(_wait_for, answer)

    def _let_go(self) -> None:
        """Once the connection has ended, so does the private loop."""
        if isinstance(self._runner, PrivateLoop) and not self._runner.loop.is_closed():
            self._runner.close()

    def _check_open(self, what: str) -> None:
        if not self._aio.is_usable:
            why = f": {str(self._aio.error).rstrip('.')}" if self._aio.error else ""
            raise UsageError(f"{what}: this connection is closed{why}. Connect again.")

    # --- events for callbacks ---

    def post(self, channel: int, tag: str, run: Callable[[], Any], content: Any = None) -> None:
        """A callback is due."""
        self._events.append(Event(CAUSE.get(), channel, tag, run, content))
        self._wake()

    def withdraw(self, channel: int, tag: str) -> list[Any]:
        """Take back what was posted for a consumer; returns the contents."""
        taken = [each.content for each in self._events if (each.channel, each.consumer_tag) == (channel, tag)]
        self._events = deque(e for e in self._events if (e.channel, e.consumer_tag) != (channel, tag))
        return taken

    def _wake(self) -> None:
        if self._something is not None:
            self._something.succeed()

    async def _wait(self, time_limit: float | None) -> None:
        """Until an event is there, or the connection has ended, or the time is over."""
        await asyncio.sleep(0)
        if self._events or not self._aio.is_usable or time_limit == 0:
            return
        self._something = Waiting("a message or another event", self._loop, for_message=True)
        try:
            async with asyncio.timeout(time_limit):
                await self._something
        except TimeoutError:
            pass
        finally:
            self._something = None

    def process_data_events(self, time_limit: float | None = 0) -> None:
        """Take in what has come, and call the callbacks that are due.

        Waits up to `time_limit` seconds for something to happen: 0 looks once, None waits without limit.
        """
        self._check_open("process_data_events()")
        self._drive(self._wait, time_limit)
        if not self._dispatching:
            self._dispatch()
        if not self._aio.is_usable:
            self._let_go()
            if self._aio.error is not None:
                raise self._aio.error

    def _dispatch(self) -> None:
        self._dispatching = True
        try:
            while self._events:
                event = self._events.popleft()
                if event.cause is None:
                    event.run()
                else:
                    with because(event.cause):
                        event.run()
        finally:
            self._dispatching = False

    # --- calls ---

    @told
    def channel(self, channel_number: int | None = None) -> BlockingChannel:
        """Open a channel, on the lowest free number unless one is given."""
        self._check_open("channel()")
        opened = self._drive(self._aio.channel, channel_number)
        return self.channel_class(opened, self)

    @told
    def close(self, reply_code: int = 200, reply_text: str = "Normal shutdown") -> None:
        """Close the connection."""
        self._check_open("close()")
        self._drive(self._aio.close, reply_code, reply_text)
        for timer in self._timers.values():
            timer.cancel()
        self._let_go()

    @told
    def update_secret(self, new_secret: str, reason: str) -> None:
        """Give the broker a new secret, such as a renewed token."""
        self._check_open("update_secret()")
        self._drive(self._aio.update_secret, new_secret, reason)

    @told
    def send_raw(self, data: bytes) -> None:
        """Send any octets, sense or nonsense, with no check at all. (Not in pika.)"""
        self._check_open("send_raw()")
        self._drive(self._aio.send_raw, data)

    def sleep(self, duration: float) -> None:
        """Wait, but take in what comes and call callbacks meanwhile."""
        if duration < 0:
            raise UsageError(f"Nobody can sleep for {duration} s; give 0 or more.")
        end = self.time() + duration
        while True:
            self.process_data_events(max(0.0, end - self.time()))
            if end - self.time() < TICK_S:
                return

    def time(self) -> float:
        """The seconds of the loop's clock."""
        return self._loop.time()

    def call_later(self, delay: float, callback: Callable[[], Any]) -> int:
        """Have `callback()` called in `delay` seconds by `process_data_events`; returns the timer's id."""
        self._check_open("call_later()")
        self._last_timer += 1
        timer = self._last_timer

        def ring() -> None:
            del self._timers[timer]
            self.post(0, "", callback)

        self._timers[timer] = self._loop.call_later(delay, ring)
        return timer

    def remove_timeout(self, timeout_id: int) -> None:
        """Forget that timer."""
        timer = self._timers.pop(timeout_id, None)
        if timer is not None:
            timer.cancel()

    def add_callback_threadsafe(self, callback: Callable[[], Any]) -> None:
        """Have `callback()` called in the connection's thread; the only call that other threads may make."""
        if not self._aio.is_usable:
            raise UsageError("add_callback_threadsafe(): this connection is closed. Connect again.")
        self._loop.call_soon_threadsafe(self.post, 0, "", callback)

    def add_on_connection_blocked_callback(self, callback: Callable[[Any, MethodFrame], Any]) -> None:
        """Call ``callback(connection, frame)`` when the broker stops reading publishes."""

        def blocked(_: AsyncConnection, reason: str) -> None:
            frame = MethodFrame(0, Connection.Blocked(reason=reason))
            self.post(0, "", lambda: callback(self, frame))

        self._aio.add_on_connection_blocked_callback(blocked)

    def add_on_connection_unblocked_callback(self, callback: Callable[[Any, MethodFrame], Any]) -> None:
        """Call ``callback(connection, frame)`` when it reads again."""

        def unblocked(_: AsyncConnection) -> None:
            self.post(0, "", lambda: callback(self, MethodFrame(0, Connection.Unblocked())))

        self._aio.add_on_connection_unblocked_callback(unblocked)

    # --- state ---

    @property
    def is_open(self) -> bool:
        """Whether calls can be made; while a recovery is going on they wait."""
        return self._aio.is_usable

    @property
    def is_closed(self) -> bool:
        return not self._aio.is_usable

    @property
    def name(self) -> str:
        """Our end of the TCP connection, "host:port", by which the broker names the connection."""
        return self._aio.name

    def _capability(self, name: str) -> bool:
        capabilities = dict(self._aio.server_properties).get("capabilities", {})
        return dict(capabilities).get(name) is True

    @property
    def basic_nack_supported(self) -> bool:
        return self._capability("basic.nack")

    @property
    def consumer_cancel_notify_supported(self) -> bool:
        return self._capability("consumer_cancel_notify")

    @property
    def exchange_exchange_bindings_supported(self) -> bool:
        return self._capability("exchange_exchange_bindings")

    @property
    def publisher_confirms_supported(self) -> bool:
        return self._capability("publisher_confirms")

    basic_nack = basic_nack_supported
    consumer_cancel_notify = consumer_cancel_notify_supported
    exchange_exchange_bindings = exchange_exchange_bindings_supported
    publisher_confirms = publisher_confirms_supported

    def __enter__(self) -> BlockingConnection:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_open:
            self.close()

    def __repr__(self) -> str:
        return f"<BlockingConnection {self._aio.name}, {'open' if self.is_open else 'closed'}>"


async def _wait_for(answer: Awaitable[Any]) -> Any:
    return await answer
