"""A channel of the blocking face: pika's BlockingChannel.

Theory
------
Every method has pika's name, parameters and result, so a line written here runs there. Replies come as
pika's frames: ``channel.queue_declare("app").method.message_count``.

In confirm mode `basic_publish` waits for the confirm, and raises UnroutableError or NackError.
`start_consuming` calls callbacks until the last consumer is cancelled; in a simulation it also returns, and
says so, when nothing is left that could ever happen.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any

from amqplab.client.blocking_core import TICK_S, BlockingConsumer, BlockingCore, MethodFrame, OnMessage
from amqplab.client.calls import told
from amqplab.errors import UsageError
from amqplab.wire.content import Command

__all__ = ["BlockingChannel", "MethodFrame"]

Content = tuple[Any, Any, bytes | None]


class BlockingChannel(BlockingCore):
    """Made by ``connection.channel()``. Usable with ``with``: leaving closes it."""

    # --- exchanges and queues ---

    @told
    def exchange_declare(
        self,
        exchange: str,
        exchange_type: Any = "direct",
        passive: bool = False,
        durable: bool = False,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: Any = None,
    ) -> MethodFrame:
        """Make an exchange, or assert that it is so."""
        return self._frame(
            self._aio.exchange_declare,
            exchange,
            exchange_type,
            passive,
            durable,
            auto_delete,
            internal,
            arguments,
        )

    @told
    def exchange_delete(self, exchange: str | None = None, if_unused: bool = False) -> MethodFrame:
        """Delete an exchange and its bindings."""
        return self._frame(self._aio.exchange_delete, exchange, if_unused)

    @told
    def exchange_bind(
        self, destination: str, source: str, routing_key: str = "", arguments: Any = None
    ) -> MethodFrame:
        """Bind one exchange to another."""
        return self._frame(self._aio.exchange_bind, destination, source, routing_key, arguments)

    @told
    def exchange_unbind(
        self,
        destination: str | None = None,
        source: str | None = None,
        routing_key: str = "",
        arguments: Any = None,
    ) -> MethodFrame:
        """Remove that binding."""
        return self._frame(self._aio.exchange_unbind, destination, source, routing_key, arguments)

    @told
    def queue_declare(
        self,
        queue: str,
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
        arguments: Any = None,
    ) -> MethodFrame:
        """Make a queue, or assert that it is so; ``.method`` has queue, message_count, consumer_count."""
        return self._frame(
            self._aio.queue_declare, queue, passive, durable, exclusive, auto_delete, arguments
        )

    @told
    def queue_bind(
        self, queue: str, exchange: str, routing_key: str | None = None, arguments: Any = None
    ) -> MethodFrame:
        """Bind the queue to the exchange. Without a key the queue's name is the key."""
        return self._frame(self._aio.queue_bind, queue, exchange, routing_key, arguments)

    @told
    def queue_unbind(
        self, queue: str, exchange: str, routing_key: str | None = None, arguments: Any = None
    ) -> MethodFrame:
        """Remove that binding."""
        return self._frame(self._aio.queue_unbind, queue, exchange, routing_key, arguments)

    @told
    def queue_purge(self, queue: str) -> MethodFrame:
        """Remove all ready messages."""
        return self._frame(self._aio.queue_purge, queue)

    @told
    def queue_delete(self, queue: str, if_unused: bool = False, if_empty: bool = False) -> MethodFrame:
        """Delete the queue and what is in it."""
        return self._frame(self._aio.queue_delete, queue, if_unused, if_empty)

    # --- messages ---

    @told
    def basic_publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes | str,
        properties: Any = None,
        mandatory: bool = False,
        *,
        immediate: bool = False,
        wait: bool = True,
    ) -> None:
        """Publish a message; a str is sent as UTF-8. In confirm mode, wait for the confirm, unless `wait` is
        False: then `wait_for_confirms` tells later. (`immediate` and `wait` are not in pika.)
        """
        publish = partial(self._aio.basic_publish, immediate=immediate)
        if wait or self._aio.next_publish_number == 0:
            self._connection._tell(publish, exchange, routing_key, body, properties, mandatory)
        else:
            self._drive(self._unwaited, publish, exchange, routing_key, body, properties, mandatory)

    @staticmethod
    async def _unwaited(publish: Any, *args: Any) -> None:
        publish(*args).add_done_callback(lambda done: done.cancelled() or done.exception())

    @told
    def wait_for_confirms(self, timeout: float | None = None) -> bool:
        """Wait until all that was published is confirmed; False when the broker refused any since the last
        time, TimeoutError after `timeout` seconds. (Not in pika.)
        """
        return bool(self._drive(self._aio.wait_for_confirms, timeout))

    @told
    def rpc_call(
        self,
        exchange: str,
        routing_key: str,
        body: bytes | str,
        properties: Any = None,
        timeout: float | None = None,
    ) -> Content:
        """Publish a request and wait for its answer: (method, properties, body). UnroutableError when no
        queue gets it, TimeoutError after `timeout` seconds. (Not in pika.)
        """
        answer = self._drive(self._aio.rpc_call, exchange, routing_key, body, properties, timeout)
        return answer.method, answer.properties, answer.body

    @told
    def confirm_delivery(self) -> None:
        """Confirm mode: from now on the broker answers each publish."""
        self._drive(self._aio.confirm_delivery)

    @told
    def basic_get(self, queue: str, auto_ack: bool = False) -> Content:
        """Fetch one message: (method, properties, body), or three times None when there is none."""
        content: Content = self._drive(self._aio.basic_get, queue, auto_ack)
        return content

    @told
    def basic_ack(self, delivery_tag: int = 0, multiple: bool = False) -> None:
        """Acknowledge a delivery, or all up to it."""
        self._connection._tell(self._aio.basic_ack, delivery_tag, multiple)

    @told
    def basic_nack(self, delivery_tag: int = 0, multiple: bool = False, requeue: bool = True) -> None:
        """Refuse a delivery, or all up to it."""
        self._connection._tell(self._aio.basic_nack, delivery_tag, multiple, requeue)

    @told
    def basic_reject(self, delivery_tag: int = 0, requeue: bool = True) -> None:
        """Refuse one delivery."""
        self._connection._tell(self._aio.basic_reject, delivery_tag, requeue)

    @told
    def basic_recover(self, requeue: bool = False) -> None:
        """Put all that this channel has not acknowledged back into the queues."""
        self._drive(self._aio.basic_recover, requeue)

    @told
    def basic_recover_async(self, requeue: bool = False) -> None:
        """The same without an answer, from AMQP 0-8. (Not in pika.)"""
        self._connection._tell(self._aio.basic_recover_async, requeue)

    @told
    def access_request(
        self,
        realm: str = "/data",
        exclusive: bool = False,
        passive: bool = True,
        active: bool = True,
        write: bool = True,
        read: bool = True,
    ) -> MethodFrame:
        """Ask for a ticket, from AMQP 0-8. (Not in pika.)"""
        return self._frame(self._aio.access_request, realm, exclusive, passive, active, write, read)

    @told
    def send(self, method: Any) -> None:
        """Send any method, sense or nonsense, without a check or an answer. (Not in pika.)"""
        self._connection._tell(self._aio.send, method)

    @told
    def basic_qos(self, prefetch_size: int = 0, prefetch_count: int = 0, global_qos: bool = False) -> None:
        """How many unacknowledged messages a new consumer (`global_qos`: the channel) may hold."""
        self._drive(self._aio.basic_qos, prefetch_size, prefetch_count, global_qos)

    @told
    def tx_select(self) -> MethodFrame:
        """Transaction mode."""
        return self._frame(self._aio.tx_select)

    @told
    def tx_commit(self) -> MethodFrame:
        """Commit, and begin the next transaction."""
        return self._frame(self._aio.tx_commit)

    @told
    def tx_rollback(self) -> MethodFrame:
        """Roll back, and begin the next transaction."""
        return self._frame(self._aio.tx_rollback)

    @told
    def flow(self, active: bool) -> bool:
        """channel.flow; RabbitMQ accepts only True."""
        return bool(self._drive(self._aio.flow, active))

    @told
    def close(self, reply_code: int = 0, reply_text: str = "Normal shutdown") -> None:
        """Close the channel."""
        self._check_open("close()")
        self._drive(self._aio.close, reply_code, reply_text)
        self._consumers.clear()

    # --- consuming ---

    @told
    def basic_consume(
        self,
        queue: str,
        on_message_callback: OnMessage,
        auto_ack: bool = False,
        exclusive: bool = False,
        consumer_tag: str | None = None,
        arguments: Any = None,
        *,
        no_local: bool = False,
    ) -> str:
        """Have ``on_message_callback(channel, method, properties, body)`` called for each message, by
        `start_consuming` or `process_data_events`. Returns the consumer's tag.
        """
        if not callable(on_message_callback):
            raise UsageError("on_message_callback must be a function (channel, method, properties, body).")
        consumer = BlockingConsumer(self, on_message_callback, auto_ack)
        return self._begin(consumer, queue, exclusive, consumer_tag, arguments, no_local)

    def _begin(
        self,
        consumer: BlockingConsumer,
        queue: str,
        exclusive: bool,
        tag: str | None,
        arguments: Any,
        no_local: bool = False,
    ) -> str:
        if tag in self._consumers:
            raise UsageError(f"Consumer tag {tag!r} is in use on this channel; choose another one.")
        consumer.tag = self._drive(
            self._aio.start_consumer, consumer, queue, consumer.auto_ack, exclusive, tag, arguments, no_local
        )
        if consumer.tag in self._aio.consumer_tags:  # it may be over already: its queue was deleted
            self._consumers[consumer.tag] = consumer
        return consumer.tag

    @told
    def basic_cancel(self, consumer_tag: str) -> list[Content]:
        """End a consumer. What had come but was not handled goes back to the queue, or is returned here if
        it needs no acknowledgement.
        """
        consumer = self._consumers.get(consumer_tag)
        if consumer is None:
            return []
        return self._end(consumer)

    def _end(self, consumer: BlockingConsumer) -> list[Content]:
        if consumer.tag in self._aio.consumer_tags:
            self._drive(self._aio.basic_cancel, consumer.tag)
        self._consumers.pop(consumer.tag, None)
        unhandled: list[Command] = self._connection.withdraw(self.channel_number, consumer.tag)
        unhandled = [each for each in unhandled if each is not None]
        if consumer is self._generator:
            unhandled += [command for _, command in self._arrived]
            self._arrived.clear()
        if consumer.auto_ack:
            return [(each.method, each.properties, each.body) for each in unhandled]
        for each in unhandled:
            method: Any = each.method
            self._drive(self._aio.basic_reject, method.delivery_tag, True)
        return []

    def start_consuming(self) -> None:
        """Call callbacks until the last consumer of this channel is cancelled."""
        if self._connection._dispatching:
            raise UsageError("start_consuming() cannot be called from a callback: it is running already.")
        self._check_open("start_consuming()")
        while self._consumers:
            if not self._wait_for_more("start_consuming()", None):
                return

    def stop_consuming(self, consumer_tag: str | None = None) -> None:
        """Cancel one consumer, or all: `start_consuming` returns then."""
        if consumer_tag:
            self.basic_cancel(consumer_tag)
            return
        if self._generator is not None:
            self.cancel()
        for tag in list(self._consumers):
            self.basic_cancel(tag)

    @told
    def consume(
        self,
        queue: str,
        auto_ack: bool = False,
        exclusive: bool = False,
        arguments: Any = None,
        inactivity_timeout: float | None = None,
        consumer_tag: str | None = None,
    ) -> Generator[Content, None, None]:
        """Yield (method, properties, body) for each message, until :meth:`cancel`; three times None after
        `inactivity_timeout` seconds without one.
        """
        self._check_open("consume()")
        wanted = (queue, auto_ack, exclusive)
        if self._generator is None:
            consumer = BlockingConsumer(self, None, auto_ack)
            self._begin(consumer, queue, exclusive, consumer_tag, arguments)
            self._generator, self._generator_for = consumer, wanted
        elif wanted != self._generator_for:
            raise UsageError("Another consume() is going on with other parameters; call cancel() first.")
        return self._yield_messages(inactivity_timeout)

    def _yield_messages(self, inactivity_timeout: float | None) -> Generator[Content, None, None]:
        while self._generator is not None:
            if self._arrived:
                cause, command = self._arrived.popleft()
                yield command.method, command.properties, command.body
                self._aio.handled(getattr(command.method, "delivery_tag", 0), cause)
            elif self._generator.tag not in self._consumers:  # the broker cancelled it
                self._generator = None
            elif inactivity_timeout is None:
                if not self._wait_for_more("consume()", None):
                    return
            elif not self._wait_for_arrival(inactivity_timeout):
                yield None, None, None

    def _wait_for_arrival(self, time_limit: float) -> bool:
        """Wait until `consume` has something to yield, or is over; False when the time is over first."""
        end = self._connection.time() + time_limit
        while not self._arrived and self._generator is not None and self._generator.tag in self._consumers:
            left = end - self._connection.time()
            if left < TICK_S or not self._wait_for_more("consume()", left):
                return False
        return True

    def _wait_for_more(self, what: str, time_limit: float | None) -> bool:
        """Wait for an event and handle it. False when a simulation has nothing left that could happen."""
        try:
            self._connection.process_data_events(time_limit)
        except Exception as error:
            if not getattr(error, "nothing_left_to_do", False):
                raise
            print(
                f"{what} returned: nothing is left to happen in the simulation. "
                "Publish something, and call it again."
            )
            return False
        if self._aio.error is not None:
            self._aio.raise_untold()
            raise self._aio.error
        return True

    def cancel(self) -> int:
        """End :meth:`consume`; what was not yielded goes back to the queue. Returns 0, as pika does."""
        consumer = self._generator
        if consumer is not None:
            self._end(consumer)
            self._generator = None
        return 0

    def get_waiting_message_count(self) -> int:
        """How many messages :meth:`consume` can yield without waiting."""
        return len(self._arrived)

    def __enter__(self) -> BlockingChannel:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_open:
            self.close()
