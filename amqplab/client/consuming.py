"""What happens with a delivery: a callback, an async callback, or an async loop.

Theory
------
The broker *pushes*. basic.consume registers an interest, and from then on deliveries come without being
asked for, until the consumer is cancelled by either side. So a consumer is a place where deliveries go:

    CallbackConsumer   calls a function, at once, in the callback of the transport
    TaskConsumer       hands them, in order, to one task that awaits an async function for each
    Consumption        keeps them until ``async for`` asks for the next one

A delivery may wait for its program, so it brings the record of its arrival along: what the program does with
it is because of that, not of whatever woke the program up.

None of them makes a task per message. Back-pressure is the broker's prefetch window (basic.qos), not these
inboxes: what has not been acknowledged counts against the window, wherever it waits.

Leaving an ``async for`` loop cancels its consumer. Messages that had come but were not looked at go back to
the queue, so that nobody waits for an acknowledgement that never comes.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from amqplab.client.calls import reported
from amqplab.client.waiting import Waiting
from amqplab.errors import ConnectionLost, UsageError
from amqplab.trace.recorder import CAUSE
from amqplab.wire.content import Command
from amqplab.wire.methods import Basic, Method
from amqplab.wire.properties import Properties

if TYPE_CHECKING:
    from amqplab.client.aio_channel import AsyncChannel

__all__ = [
    "CallbackConsumer",
    "Consumer",
    "Consumption",
    "Message",
    "TaskConsumer",
    "consumer_for",
    "fetched",
]

Arrival = tuple[int | None, Command]
"""A delivery that waits, with the record of its arrival."""

OnMessage = Callable[["AsyncChannel", Basic.Deliver, Properties, bytes], Any]


class Message:
    """A delivered (or fetched) message, and what can be done with it. Unpacks as method, properties, body."""

    __slots__ = ("_command", "channel")

    def __init__(self, channel: AsyncChannel, command: Command) -> None:
        self.channel = channel
        self._command = command

    @property
    def method(self) -> Any:
        """basic.deliver, or basic.get-ok."""
        return self._command.method

    @property
    def properties(self) -> Properties:
        return self._command.properties

    @property
    def body(self) -> bytes:
        return self._command.body

    @property
    def delivery_tag(self) -> int:
        """Its number on this channel, by which it is acknowledged."""
        return int(self.method.delivery_tag)

    @property
    def exchange(self) -> str:
        return str(self.method.exchange)

    @property
    def routing_key(self) -> str:
        return str(self.method.routing_key)

    @property
    def redelivered(self) -> bool:
        """It was handed out before, to whomever (BASIC-58)."""
        return bool(self.method.redelivered)

    def ack(self, multiple: bool = False) -> Awaitable[None]:
        """Done with it: the broker forgets it."""
        return self.channel.basic_ack(self.delivery_tag, multiple=multiple)

    def nack(self, multiple: bool = False, requeue: bool = True) -> Awaitable[None]:
        """Not done: back into the queue, or discard."""
        return self.channel.basic_nack(self.delivery_tag, multiple=multiple, requeue=requeue)

    def reject(self, requeue: bool = True) -> Awaitable[None]:
        """The same for one message, in plain AMQP."""
        return self.channel.basic_reject(self.delivery_tag, requeue=requeue)

    def __iter__(self) -> Any:
        return iter((self.method, self.properties, self.body))

    def __repr__(self) -> str:
        return f"<Message, delivery tag {self.delivery_tag}: {self.body[:40]!r}, {len(self.body)} octets>"


def fetched(answer: Method | Command) -> tuple[Any, Any, bytes | None]:
    """What basic.get brought, in the shape of pika's basic_get."""
    if isinstance(answer, Command):
        return answer.method, answer.properties, answer.body
    return None, None, None


class Consumer(Protocol):
    """A place where deliveries go."""

    def deliver(self, command: Command) -> None:
        """One more."""

    def ended(self, error: Exception | None) -> bool:
        """No more will come; with an error when something broke. Returns whether anybody hears of it."""


class CallbackConsumer:
    """Calls ``callback(channel, method, properties, body)`` for each delivery."""

    def __init__(self, channel: AsyncChannel, callback: OnMessage) -> None:
        self._channel = channel
        self._callback = callback

    def deliver(self, command: Command) -> None:
        method: Any = command.method
        cause = CAUSE.get()
        try:
            result = self._callback(self._channel, method, command.properties, command.body)
            if inspect.iscoroutine(result):
                result.close()
                raise UsageError("This callback returns a coroutine: write it with `async def`.")
        except Exception as error:
            self._channel.complain("A consumer's callback failed", error)
        else:
            self._channel.handled(method.delivery_tag, cause)

    def ended(self, error: Exception | None) -> bool:
        return False


class TaskConsumer:
    """One task that awaits ``callback(channel, method, properties, body)`` for each delivery, in order."""

    def __init__(self, channel: AsyncChannel, callback: OnMessage) -> None:
        self._channel = channel
        self._callback = callback
        self._inbox: deque[Arrival] = deque()
        self._waiting: Waiting[None] | None = None
        self._over = False
        self._task = channel.loop.create_task(self._work(), name="consumer callback")

    def deliver(self, command: Command) -> None:
        self._inbox.append((CAUSE.get(), command))
        self._wake()

    def ended(self, error: Exception | None) -> bool:
        self._over = True
        if error is not None:
            self._inbox.clear()
        self._wake()
        return False

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.succeed()

    async def _work(self) -> None:
        while True:
            while self._inbox:
                await self._handle(*self._inbox.popleft())
            if self._over:
                return
            self._waiting = Waiting(
                "a message for a consumer's callback", self._channel.loop, for_message=True
            )
            await self._waiting

    async def _handle(self, cause: int | None, command: Command) -> None:
        method: Any = command.method
        CAUSE.set(cause)
        try:
            await self._callback(self._channel, method, command.properties, command.body)
        except Exception as error:
            self._channel.complain("A consumer's callback failed", error)
        else:
            self._channel.handled(method.delivery_tag, cause)


class Consumption:
    """``async for message in channel.consume("q")``; also ``async with``. Leaving it cancels the consumer."""

    spoken = "channel"

    def __init__(self, channel: AsyncChannel, queue: str, auto_ack: bool, **options: Any) -> None:
        self._channel = channel
        self._report = channel._report
        self._queue = queue
        self._auto_ack = auto_ack
        self._options = options
        self._inbox: deque[Arrival] = deque()
        self._waiting: Waiting[None] | None = None
        self._over = False
        self._error: Exception | None = None
        self.consumer_tag: str | None = None

    # --- the consumer's side ---

    def deliver(self, command: Command) -> None:
        self._inbox.append((CAUSE.get(), command))
        self._wake()

    def ended(self, error: Exception | None) -> bool:
        self._over = True
        self._error = error
        self._wake()
        return True

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.succeed()

    # --- the program's side ---

    async def start(self) -> None:
        """Begin to consume, unless begun."""
        if self.consumer_tag is None:
            given = {name: value for name, value in self._options.items() if value}
            if self._auto_ack:
                given["auto_ack"] = True
            self.consumer_tag = await self.consume(self._queue, **given)

    @reported
    def consume(self, /, queue: str, **given: Any) -> Waiting[str]:
        """The call as it is told: it was written some time ago, and is made when somebody begins to read."""
        return self._channel.start_consumer(self, queue, **given)

    async def next(self) -> Message | None:
        """The next message; None when the consumer was cancelled. What the program does from here on it does
        because of that message, however long it has waited here.
        """
        while not self._inbox:
            if self._error is not None:
                raise self._error
            if self._over:
                return None
            self._waiting = Waiting(
                f"a message from queue {self._queue!r}", self._channel.loop, for_message=True
            )
            await self._waiting
        cause, command = self._inbox.popleft()
        CAUSE.set(cause)
        return Message(self._channel, command)

    async def cancel(self) -> None:
        """End it; what had come but was not looked at goes back to the queue. Again is harmless."""
        if self.consumer_tag is None or not self._channel.is_usable:
            return
        try:
            if not self._over:
                await self._channel.basic_cancel(self.consumer_tag)
            while self._inbox and not self._auto_ack:
                unseen: Any = self._inbox.popleft()[1].method
                await self._channel.basic_nack(unseen.delivery_tag)
        except (UsageError, ConnectionLost):
            pass  # the channel went first, and took the consumer with it

    def __aiter__(self) -> AsyncIterator[Message]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[Message]:
        await self.start()
        try:
            while (message := await self.next()) is not None:
                cause = CAUSE.get()
                try:
                    yield message
                finally:
                    self._channel.handled(message.delivery_tag, cause)
        finally:
            await self.cancel()

    async def __aenter__(self) -> Consumption:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cancel()


def consumer_for(channel: AsyncChannel, callback: OnMessage) -> Consumer:
    """The consumer that a callback needs."""
    if not callable(callback):
        raise UsageError("on_message_callback must be a function (channel, method, properties, body).")
    asynchronous = inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(
        getattr(callback, "__call__", None)  # noqa: B004
    )
    return (TaskConsumer if asynchronous else CallbackConsumer)(channel, callback)
