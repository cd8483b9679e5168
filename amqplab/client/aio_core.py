"""What a channel of the async face hears, and how its requests go out.

Theory
------
The protocol machine tells news: a reply, a delivery, a return, a confirm, an end. Here each finds the one
who waits for it: the future of the call, the consumer of that tag, the callbacks. The public methods, one
per AMQP method, are in :mod:`amqplab.client.aio_channel`.
"""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from amqplab.client.channel import ChannelMachine
from amqplab.client.consuming import Consumer
from amqplab.client.effects import CancelledByBroker, Delivered, Returned, Settled
from amqplab.client.exceptions import NackError, ReturnedMessage, UnroutableError
from amqplab.client.states import ChannelState
from amqplab.client.waiting import Waiting
from amqplab.errors import UsageError
from amqplab.trace.events import MessageHandled
from amqplab.trace.recorder import Report
from amqplab.wire.content import Command
from amqplab.wire.methods import Basic, Method

if TYPE_CHECKING:
    from amqplab.client.aio import AsyncConnection

__all__ = ["ChannelCore"]

UNWRITABLE = (TypeError, ValueError, OverflowError, AttributeError, ArithmeticError, struct.error)
OnReturn = Callable[[Any, Basic.Return, Any, bytes], Any]
T = TypeVar("T")


class Asked(Waiting[T]):
    """The answer to a request on a channel; a basic.consume brings a place for its deliveries along."""

    def __init__(self, channel: ChannelCore, due: str, shape: Callable[[Any], T] | None) -> None:
        super().__init__(f"{due} on channel {channel.channel_number}", channel.loop, shape)
        self.consumer: Consumer | None = None
        self._channel = channel

    def answered(self, method: Method, command: Command | None) -> None:
        self._channel.on_replied(self, method, command)

    def fail(self, error: Exception) -> None:
        self._channel.told = True
        super().fail(error)


class ChannelCore:
    """State, news and callbacks of one channel."""

    spoken = "channel"

    def __init__(self, connection: AsyncConnection, machine: ChannelMachine, report: Report | None) -> None:
        self.connection = connection
        self.channel_number = machine.number
        self.loop = connection.loop
        self._report = report
        self._channel = machine
        self._machine = connection.machine
        self._apply = connection.apply
        self._consumers: dict[str, Consumer] = {}
        self._confirms: dict[int, Waiting[None]] = {}
        self._returned: dict[int, ReturnedMessage] = {}
        self.told = False
        self._untold: Exception | None = None
        self._on_return: list[OnReturn] = []
        self._on_cancel: list[Callable[[str], Any]] = []
        self._on_close: list[Callable[[Any, Exception | None], Any]] = []

    # --- requests ---

    def _ask(self, method: Method, shape: Callable[[Any], Any] | None = None) -> Asked[Any]:
        """Send a request; the future of its reply."""
        asked: Asked[Any] = Asked(self, " or ".join(method.expects), shape)
        self._send(method, asked)
        return asked

    def _tell(self, method: Method) -> Awaitable[None]:
        """Send a method that has no reply."""
        self._send(method, None)
        return self.connection.room()

    def _own(self, what: str) -> int:
        """Our number, if it is still ours: a closed channel's number goes to another one."""
        self.raise_untold()
        if self._channel.state is not ChannelState.OPEN and self.connection.is_open:
            self._channel.check_open(what)
        return self.channel_number

    def _send(self, method: Method, call: Asked[Any] | None) -> None:
        number = self._own(method.name)
        try:
            effects = self._machine.request(number, method, call)
        except UNWRITABLE as error:
            raise UsageError(f"{method.name} cannot be written with these values: {error}") from error
        self._apply(effects)

    # --- news ---

    def on_replied(self, asked: Asked[Any], method: Method, command: Command | None) -> None:
        """The reply to one of our requests. A consumer is in place before its first delivery (BASIC-16)."""
        if isinstance(method, Basic.ConsumeOk) and asked.consumer is not None:
            self._consumers[method.consumer_tag] = asked.consumer
        asked.succeed(method if command is None else command)
        if isinstance(method, Basic.CancelOk):
            self._end_consumer(method.consumer_tag)

    def on_delivered(self, news: Delivered) -> None:
        """A message for one of the consumers."""
        method: Any = news.command.method
        consumer = self._consumers.get(method.consumer_tag)
        if consumer is not None:
            consumer.deliver(news.command)

    def on_returned(self, news: Returned) -> None:
        """A message came back."""
        command = news.command
        method: Any = command.method
        if news.sequence:
            self._returned[news.sequence] = ReturnedMessage(method, command.properties, command.body)
        for callback in self._on_return:
            self._call(callback, self, method, command.properties, command.body)

    def on_settled(self, news: Settled) -> None:
        """The broker confirmed, or refused, some of our publishes."""
        for sequence in news.sequences:
            returned = self._returned.pop(sequence, None)
            confirm = self._confirms.pop(sequence, None)
            if confirm is None:
                continue
            if not news.positive:
                confirm.fail(NackError([returned] if returned else []))
            elif returned is not None:
                confirm.fail(UnroutableError([returned]))
            else:
                confirm.succeed()

    def on_cancelled(self, news: CancelledByBroker) -> None:
        """The broker ended a consumer: its queue is gone (BASIC-27)."""
        self._end_consumer(news.consumer_tag)
        for callback in self._on_cancel:
            self._call(callback, news.consumer_tag)

    def on_gone(self, error: Exception | None) -> None:
        """The channel is closed; the futures of its requests have been failed already."""
        for consumer in self._consumers.values():
            self.told |= consumer.ended(error)
        self._consumers.clear()
        confirms, self._confirms = self._confirms, {}
        for sequence, confirm in confirms.items():
            self.told = True
            confirm.fail(error or self._channel.unanswered(f"publish {sequence}"))
        self._untold = None if self.told else error
        for callback in self._on_close:
            self._call(callback, self, error)

    def raise_untold(self) -> None:
        """Raise the error that closed this channel if nobody has heard of it yet.

        Most errors find a call that waits. One that comes behind a publish finds nobody, so it is kept for
        the next call, whenever it may have come.
        """
        error, self._untold = self._untold, None
        if error is not None:
            raise error

    def _end_consumer(self, tag: str) -> None:
        consumer = self._consumers.pop(tag, None)
        if consumer is not None:
            consumer.ended(None)

    # --- callbacks of the program ---

    def _call(self, callback: Callable[..., Any], *args: Any) -> None:
        try:
            callback(*args)
        except Exception as error:
            self.complain("A callback failed", error)

    def complain(self, what: str, error: Exception) -> None:
        """An error in a program's own callback goes where the loop sends such errors; the rest goes on."""
        self.loop.call_exception_handler({"message": f"{what} on {self!r}", "exception": error})

    def handled(self, delivery_tag: int) -> None:
        """The program's own code is through with a delivery."""
        if self._report is not None:
            self._report(MessageHandled, self.connection.name, self.channel_number, delivery_tag)

    def add_on_return_callback(self, callback: OnReturn) -> None:
        """Call ``callback(channel, method, properties, body)`` for each message that comes back."""
        self._on_return.append(callback)

    def add_on_cancel_callback(self, callback: Callable[[str], Any]) -> None:
        """Call ``callback(consumer_tag)`` when the broker cancels a consumer."""
        self._on_cancel.append(callback)

    def add_on_close_callback(self, callback: Callable[[Any, Exception | None], Any]) -> None:
        """Call ``callback(channel, error)`` when the channel is closed, by whomever."""
        self._on_close.append(callback)

    # --- state ---

    @property
    def is_open(self) -> bool:
        return self.connection.is_open and self._channel.state is ChannelState.OPEN

    @property
    def is_closed(self) -> bool:
        return not self.is_open

    @property
    def error(self) -> Exception | None:
        """Why it was closed, if the broker did it."""
        return self._channel.error

    @property
    def confirms(self) -> bool:
        """Whether the broker answers each publish."""
        return self._channel.confirms is not None

    @property
    def consumer_tags(self) -> list[str]:
        """The tags of the consumers of this channel."""
        return list(self._consumers)

    def __repr__(self) -> str:
        return f"<channel {self.channel_number} of {self.connection.name}, {self._channel.state.value}>"
