"""Remote procedure calls over a broker, with direct reply-to.

Theory
------
A call is two messages. The request carries two properties: ``reply_to``, where the answer shall go, and
``correlation_id``, which the answer repeats, so that several calls can be under way at once and each answer
finds its own. In between the broker knows nothing of calls; it moves messages.

A queue for answers costs a declaration. RabbitMQ needs none: whoever consumes from the pseudo-queue
``amq.rabbitmq.reply-to`` without acknowledgements may publish, *on the same channel*, with that name as
``reply_to``. The broker replaces it by an address that leads straight back to this channel, no queue between.
Answers are lost when the channel is gone, which is right: so is whoever asked.

Requests are published as mandatory. One that reaches no queue has nobody who could answer it; it comes back,
and the call fails at once instead of waiting for its timeout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amqplab.client.checks import body_octets, like_ours, properties_octets, short
from amqplab.client.consuming import Message
from amqplab.client.exceptions import ReturnedMessage, UnroutableError
from amqplab.client.waiting import Waiting
from amqplab.errors import UsageError
from amqplab.wire.content import Command
from amqplab.wire.methods import Basic
from amqplab.wire.properties import Properties

if TYPE_CHECKING:
    from amqplab.client.aio_channel import AsyncChannel

__all__ = ["REPLY_TO", "RpcClient"]

REPLY_TO = "amq.rabbitmq.reply-to"


class RpcClient:
    """The calls of one channel. The channel's `rpc_call` makes one when it is needed first."""

    def __init__(self, channel: AsyncChannel) -> None:
        self._channel = channel
        self._pending: dict[str, Waiting[Message]] = {}
        self._last = 0
        self._begun: Waiting[str] | None = None
        channel.add_on_return_callback(self._on_return)
        channel.add_on_close_callback(lambda _, error: self.fail(error))

    def call(
        self, exchange: str, routing_key: str, body: bytes | str, properties: Any, timeout: float | None
    ) -> Waiting[Message]:
        """Publish a request; the future of its answer. Fails with UnroutableError when no queue gets it, and
        TimeoutError after `timeout` seconds.
        """
        self._begin()
        self._last += 1
        number = str(self._last)
        asked = Properties() if properties is None else like_ours(properties)
        asked = asked.replace(reply_to=REPLY_TO, correlation_id=number)
        method = Basic.Publish(
            exchange=short("exchange", exchange),
            routing_key=short("routing_key", routing_key),
            mandatory=True,
        )
        due = f"the answer to call {number} on channel {self._channel.channel_number}"
        answer: Waiting[Message] = Waiting(due, self._channel.loop)
        self._pending[number] = answer
        answer.add_done_callback(lambda _: self._pending.pop(number, None))
        if timeout is not None:
            self._limit(answer, timeout)
        try:
            sent = self._channel.publish((method, properties_octets(asked), body_octets(body)))
        except Exception:
            answer.cancel()
            raise
        if isinstance(sent, Waiting):  # a confirm, or a held publish: if it fails, so does the call
            sent.add_done_callback(lambda done: self._sent(done, answer))
        return answer

    def _begin(self) -> None:
        """Consume the answers, unless begun. The request may follow at once: a channel is worked in order."""
        begun = self._begun
        if begun is not None and not (begun.done() and (begun.cancelled() or begun.exception())):
            return
        self._begun = self._channel.start_consumer(self, REPLY_TO, auto_ack=True)
        self._begun.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _limit(self, answer: Waiting[Message], timeout: float) -> None:
        late = TimeoutError(f"There was no answer within {timeout:g} s.")
        timer = self._channel.loop.call_later(timeout, answer.fail, late)
        answer.add_done_callback(lambda _: timer.cancel())

    # --- what comes back ---

    def deliver(self, command: Command) -> None:
        """An answer; one that nobody waits for any more is dropped."""
        answer = self._pending.get(command.properties.correlation_id or "")
        if answer is not None:
            answer.succeed(Message(self._channel, command))

    def ended(self, error: Exception | None) -> bool:
        """No more answers will come."""
        self._begun = None
        return self.fail(error)

    def fail(self, error: Exception | None) -> bool:
        """None of the calls under way will be answered. Returns whether anybody hears of it."""
        waiting = list(self._pending.values())
        for each in waiting:
            each.fail(error or UsageError("The channel was closed before the call was answered."))
        return bool(waiting)

    def _on_return(self, _: Any, method: Any, properties: Properties, body: bytes) -> None:
        answer = self._pending.get(properties.correlation_id or "")
        if answer is not None and properties.reply_to is not None:
            answer.fail(UnroutableError([ReturnedMessage(method, properties, body)]))

    def _sent(self, done: Any, answer: Waiting[Message]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            answer.fail(error)
