"""What a channel of the blocking face hears, and how its calls are made.

Theory
------
News come while a call lasts, in the middle of the async face. They are noted on the connection and handed
to the program's callbacks later, when no call is under way. The public methods, one per method of pika's,
are in :mod:`amqplab.client.blocking_channel`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amqplab.client.aio_channel import AsyncChannel
from amqplab.client.consuming import Arrival
from amqplab.errors import UsageError
from amqplab.trace.recorder import CAUSE, Report
from amqplab.wire.content import Command
from amqplab.wire.methods import Basic, Method

if TYPE_CHECKING:
    from amqplab.client.blocking import BlockingConnection

__all__ = ["TICK_S", "BlockingConsumer", "BlockingCore", "MethodFrame", "OnMessage"]

TICK_S = 1e-9  # no clock is finer
OnMessage = Callable[[Any, Basic.Deliver, Any, bytes], Any]


@dataclass(frozen=True)
class MethodFrame:
    """A reply in pika's shape: ``frame.method.queue``, ``frame.channel_number``."""

    channel_number: int
    method: Any


@dataclass
class BlockingConsumer:
    """The place where deliveries go: they wait on the connection until callbacks may be called."""

    channel: BlockingCore
    callback: OnMessage | None
    auto_ack: bool
    tag: str = ""

    def deliver(self, command: Command) -> None:
        self.channel.arrived(self, command)

    def ended(self, error: Exception | None) -> bool:
        self.channel.consumer_ended(self)
        return False


class BlockingCore:
    """State, news and callbacks of one channel."""

    spoken = "channel"

    def __init__(self, channel_impl: AsyncChannel, connection: BlockingConnection) -> None:
        self._aio = channel_impl
        self._connection = connection
        self._consumers: dict[str, BlockingConsumer] = {}
        self._generator: BlockingConsumer | None = None
        self._generator_for: tuple[str, bool, bool] | None = None
        self._arrived: deque[Arrival] = deque()
        channel_impl.add_on_close_callback(lambda *_: connection._wake())

    # --- driving ---

    @property
    def _report(self) -> Report | None:
        return self._connection._report

    @property
    def _cause(self) -> int | None:
        return self._connection._cause

    def _drive(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self._connection._drive(function, *args, **kwargs)

    def _frame(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> MethodFrame:
        """The same for a request whose reply is the result."""
        method: Method = self._drive(function, *args, **kwargs)
        return MethodFrame(self.channel_number, method)

    # --- what the async face tells ---

    def arrived(self, consumer: BlockingConsumer, command: Command) -> None:
        """A delivery: keep it until callbacks may be called."""
        if consumer.callback is None:
            self._arrived.append((CAUSE.get(), command))
            self._connection._wake()
        else:
            tag = getattr(command.method, "consumer_tag", "")
            self._connection.post(self.channel_number, tag, lambda: self._handle(consumer, command), command)

    def _handle(self, consumer: BlockingConsumer, command: Command) -> None:
        assert consumer.callback is not None
        method: Any = command.method
        cause = CAUSE.get()
        consumer.callback(self, method, command.properties, command.body)
        self._aio.handled(method.delivery_tag, cause)

    def consumer_ended(self, consumer: BlockingConsumer) -> None:
        """A consumer is over; its deliveries that came before are handled first."""

        def forget() -> None:
            if self._consumers.get(consumer.tag) is consumer:  # by then another may have taken its tag
                del self._consumers[consumer.tag]

        self._connection.post(self.channel_number, "", forget)

    def add_on_return_callback(self, callback: Callable[[Any, Any, Any, bytes], Any]) -> None:
        """Call ``callback(channel, method, properties, body)`` for each message that comes back."""

        def returned(_: Any, method: Any, properties: Any, body: bytes) -> None:
            self._connection.post(self.channel_number, "", lambda: callback(self, method, properties, body))

        self._aio.add_on_return_callback(returned)

    def add_on_confirm_callback(self, callback: Callable[[Any, int, bool], Any]) -> None:
        """Call ``callback(channel, number, positive)`` when the broker confirms or refuses a publish."""

        def confirmed(_: Any, number: int, positive: bool) -> None:
            self._connection.post(self.channel_number, "", lambda: callback(self, number, positive))

        self._aio.add_on_confirm_callback(confirmed)

    def add_on_cancel_callback(self, callback: Callable[[MethodFrame], Any]) -> None:
        """Call ``callback(frame)`` when the broker cancels a consumer; ``frame.method.consumer_tag``."""

        def cancelled(consumer_tag: str) -> None:
            frame = MethodFrame(self.channel_number, Basic.Cancel(consumer_tag=consumer_tag, nowait=True))
            self._connection.post(self.channel_number, "", lambda: callback(frame))

        self._aio.add_on_cancel_callback(cancelled)

    # --- state ---

    def _check_open(self, what: str) -> None:
        self._aio.raise_untold()
        if not self._aio.is_usable:
            why = f": {str(self._aio.error).rstrip('.')}" if self._aio.error else ""
            raise UsageError(f"{what}: this channel was closed{why}. Open another with connection.channel().")

    @property
    def channel_number(self) -> int:
        return self._aio.channel_number

    @property
    def connection(self) -> BlockingConnection:
        return self._connection

    @property
    def is_open(self) -> bool:
        return self._aio.is_usable

    @property
    def is_closed(self) -> bool:
        return not self._aio.is_usable

    @property
    def consumer_tags(self) -> list[str]:
        """The tags of the consumers of this channel."""
        return list(self._consumers)

    def __int__(self) -> int:
        return self.channel_number

    def __repr__(self) -> str:
        return f"<BlockingChannel {self.channel_number} of {self._connection!r}>"
