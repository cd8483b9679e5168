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

from amqplab.client.batch import Batch
from amqplab.client.channel import ChannelMachine
from amqplab.client.consuming import Consumer
from amqplab.client.effects import CancelledByBroker, Delivered, Returned, Settled
from amqplab.client.exceptions import NackError, ReturnedMessage, UnroutableError
from amqplab.client.stale import TagShift
from amqplab.client.states import ChannelState
from amqplab.client.waiting import DONE, Waiting
from amqplab.errors import UsageError
from amqplab.trace.events import MessageHandled
from amqplab.trace.recorder import Report, because
from amqplab.wire.content import Command
from amqplab.wire.methods import Basic, Method

if TYPE_CHECKING:
    from amqplab.client.aio import AsyncConnection
    from amqplab.client.machine import ClientMachine
    from amqplab.client.rpc import RpcClient

__all__ = ["ChannelCore"]

UNWRITABLE = (TypeError, ValueError, OverflowError, AttributeError, ArithmeticError, struct.error)
OnReturn = Callable[[Any, Basic.Return, Any, bytes], Any]
Publication = tuple[Basic.Publish, bytes, bytes]  # method, properties, body
T = TypeVar("T")


class Asked(Waiting[T]):
    """The answer to a request on a channel; a basic.consume brings a place for its deliveries along."""

    def __init__(self, channel: ChannelCore, due: str, shape: Callable[[Any], T] | None) -> None:
        super().__init__(f"{due} on channel {channel.channel_number}", channel.loop, shape)
        self.consumer: Consumer | None = None
        self.request: Method | None = None
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
        self._tags = TagShift() if connection.recovery is not None else None
        self._sent: dict[int, Publication] = {}
        self._rpc: RpcClient | None = None
        self._refused = 0  # publishes that the broker refused since the last wait_for_confirms
        self._on_confirm: list[Callable[[Any, int, bool], Any]] = []
        self._unconfirmed: list[tuple[Publication, Waiting[None]]] = []
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
        if call is not None:
            call.request = method
        if self.connection.is_recovering:
            self._check_mine(method.name)
            self.connection.hold(lambda: self._send(method, call), call)
            return
        number = self._own(method.name)
        try:
            effects = self._machine.request(number, method, call)
        except UNWRITABLE as error:
            raise UsageError(f"{method.name} cannot be written with these values: {error}") from error
        if isinstance(method, Basic.Cancel):  # whether it is answered or not, nobody wants it back
            self.connection.topology.forget_consumer(number, method.consumer_tag)
        self._apply(effects)

    def _check_mine(self, what: str) -> None:
        """While recovering: a channel that was closed before does not come back."""
        if self.channel_number not in self.connection.channel_numbers():
            self._channel.check_open(what)

    def _settle(self, method: Any) -> Awaitable[None]:
        """Acknowledge or refuse; of a delivery from before a recovery, nothing is left to settle."""
        if self._tags is None:
            return self._tell(method)
        real = self._tags.real(method.delivery_tag)
        if real is None:
            return DONE
        if self.connection.is_recovering:  # the tag may be stale by then
            self.connection.hold(lambda: self._settle(method), None)
            return DONE
        return self._tell(method.replace(delivery_tag=real))

    def publish(self, publication: Publication) -> Awaitable[None]:
        """Publish now, or when the connection is back. For :meth:`AsyncChannel.basic_publish` and calls."""
        if not self.connection.is_recovering:
            return self._publish_now(publication, None)
        self._check_mine("basic.publish")
        due: Waiting[None] = Waiting(f"basic.publish on channel {self.channel_number}", self.loop)
        self.connection.hold(lambda: self._publish_now(publication, due), due)
        return due

    def _publish_now(self, publication: Publication, call: Waiting[None] | None) -> Awaitable[None]:
        sequence, effects = self._machine.publish(self._own("basic.publish"), *publication)
        if not sequence:
            self._apply(effects)
            if call is not None:
                call.succeed()
            return self.connection.room()
        due = f"the confirm of publish {sequence} on channel {self.channel_number}"
        confirm = call or Waiting(due, self.loop)
        confirm.waiting_for = due
        self._confirms[sequence] = confirm
        if self.connection.republishes:
            self._sent[sequence] = publication
        self._apply(effects)
        return confirm

    # --- news ---

    def on_replied(self, asked: Asked[Any], method: Method, command: Command | None) -> None:
        """The reply to one of our requests. A consumer is in place before its first delivery (BASIC-16)."""
        if isinstance(method, Basic.ConsumeOk) and asked.consumer is not None:
            self._consumers[method.consumer_tag] = asked.consumer
        if self.connection.recovery is not None:
            self.connection.topology.answered(self.channel_number, asked.request, method)
            if command is not None and self._tags is not None:
                command = self._tags.shown(command)
        asked.succeed(method if command is None else command)
        if isinstance(method, Basic.CancelOk):
            self._end_consumer(method.consumer_tag)

    def on_delivered(self, news: Delivered) -> None:
        """A message for one of the consumers."""
        method: Any = news.command.method
        consumer = self._consumers.get(method.consumer_tag)
        if consumer is not None:
            consumer.deliver(news.command if self._tags is None else self._tags.shown(news.command))

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
            self._refused += not news.positive
            for callback in self._on_confirm:
                self._call(callback, self, sequence, news.positive)
            returned = self._returned.pop(sequence, None)
            self._sent.pop(sequence, None)
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
        self.connection.topology.forget_consumer(self.channel_number, news.consumer_tag, queue_gone=True)
        self.consumer_lost(news.consumer_tag)

    def consumer_lost(self, tag: str) -> None:
        """A consumer has ended, and not by our wish."""
        self._end_consumer(tag)
        for callback in self._on_cancel:
            self._call(callback, tag)

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

    def all_settled(self, timeout: float | None) -> Waiting[bool]:
        """Wait until no publish of now is unconfirmed: whether none was refused since the last time."""
        due = list(self._confirms.values()) + [confirm for _, confirm in self._unconfirmed]
        waiting: Waiting[bool] = Waiting(
            f"the confirms of {len(due)} publishes on channel {self.channel_number}", self.loop
        )
        Batch(self, due, waiting).watch(timeout)
        return waiting

    def take_refused(self) -> int:
        """How many publishes were refused since this was asked last."""
        refused, self._refused = self._refused, 0
        return refused

    # --- the connection breaks and comes back ---

    def on_broken(self, error: Exception | None) -> None:
        """The connection broke and will be brought back: what was under way fails, what is set up stays."""
        confirms, self._confirms = self._confirms, {}
        sent, self._sent = self._sent, {}
        self._returned.clear()
        for sequence, confirm in confirms.items():
            if sequence in sent:
                confirm.waiting_for += " (to be published again)"
                self._unconfirmed.append((sent[sequence], confirm))
            else:
                confirm.fail(error or self._channel.unanswered(f"publish {sequence}"))
        if self._rpc is not None:
            self._rpc.fail(error)
        if self._tags is not None:
            self._tags.broke()

    def reborn(self, machine: ClientMachine) -> None:
        """The channel is open again, on another connection."""
        self._machine, self._channel = machine, machine.channels[self.channel_number]
        self.told, self._untold = False, None
        if self._tags is not None:
            self._tags.broke()
        setup = self.connection.topology.channels.get(self.channel_number)
        wanted = {each.consumer_tag for each in setup.consumers} if setup is not None else set()
        for tag in [tag for tag in self._consumers if tag not in wanted]:
            self._end_consumer(tag)

    def publish_again(self) -> None:
        """Publish what was never confirmed, in its order."""
        unconfirmed, self._unconfirmed = self._unconfirmed, []
        for publication, confirm in unconfirmed:
            try:
                self._publish_now(publication, confirm)
            except UsageError as error:
                confirm.fail(error)

    def fail_unconfirmed(self, error: Exception) -> None:
        """It will not be published again."""
        unconfirmed, self._unconfirmed = self._unconfirmed, []
        for _, confirm in unconfirmed:
            confirm.fail(error)

    # --- the end ---

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

    def handled(self, delivery_tag: int, cause: int | None) -> None:
        """The program's own code is through with a delivery; `cause` is the record of its arrival."""
        if self._report is not None:
            with because(cause):
                self._report(MessageHandled, self.connection.name, self.channel_number, delivery_tag)

    def add_on_return_callback(self, callback: OnReturn) -> None:
        """Call ``callback(channel, method, properties, body)`` for each message that comes back."""
        self._on_return.append(callback)

    def add_on_confirm_callback(self, callback: Callable[[Any, int, bool], Any]) -> None:
        """Call ``callback(channel, number, positive)`` when the broker confirms (or refuses) a publish; the
        number is what `next_publish_number` was before it.
        """
        self._on_confirm.append(callback)

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
    def is_usable(self) -> bool:
        """Open, or about to be again."""
        if self.connection.is_recovering:
            return self.channel_number in self.connection.channel_numbers()
        return self.is_open

    @property
    def is_closed(self) -> bool:
        return not self.is_usable

    @property
    def error(self) -> Exception | None:
        """Why it was closed, if the broker did it."""
        return None if self.connection.is_recovering else self._channel.error

    @property
    def confirms(self) -> bool:
        """Whether the broker answers each publish."""
        return self._channel.confirms is not None

    @property
    def next_publish_number(self) -> int:
        """In confirm mode: the number that the next publish will have (CONF-02); otherwise 0."""
        confirms = self._channel.confirms
        return 0 if confirms is None else confirms.next

    @property
    def unconfirmed_count(self) -> int:
        """How many publishes wait for their confirm."""
        return len(self._confirms) + len(self._unconfirmed)

    @property
    def consumer_tags(self) -> list[str]:
        """The tags of the consumers of this channel."""
        return list(self._consumers)

    def __repr__(self) -> str:
        return f"<channel {self.channel_number} of {self.connection.name}, {self._channel.state.value}>"
