"""A channel of the async face.

Theory
------
Each method is one AMQP method under pika's name. It sends its octets at once and returns something to await:

    await channel.queue_declare("app")           the reply: Queue.DeclareOk
    await channel.basic_publish("logs", "info", body)
                                                 in confirm mode: the broker's confirm; otherwise: nothing, or
                                                 room in the TCP buffer when the broker reads too slowly
    channel.basic_ack(tag)                       no answer exists in AMQP; awaiting it is optional

Not awaiting at once is pipelining: ``[channel.basic_publish(…) for …]`` and then ``asyncio.gather`` sends a
whole batch before the first confirm is due.

Errors of the broker arrive where the answer was awaited, as the class of their reply code. An error that
nobody awaits (publishing to a missing exchange, say) closes the channel; the next call tells so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from amqplab.client.aio_core import ChannelCore
from amqplab.client.calls import reported
from amqplab.client.checks import (
    body_octets,
    flag,
    number,
    properties_octets,
    short,
    short_or_empty,
    table,
    tag_number,
)
from amqplab.client.consuming import Consumer, Consumption, Message, consumer_for, fetched
from amqplab.client.rpc import RpcClient
from amqplab.client.waiting import DONE, Waiting
from amqplab.errors import UsageError
from amqplab.wire.content import Command
from amqplab.wire.frames import encode_method
from amqplab.wire.methods import Access, Basic, Channel, Confirm, Exchange, Method, Queue, Tx

__all__ = ["AsyncChannel"]


class AsyncChannel(ChannelCore):
    """Made by ``await connection.channel()``. Usable with ``async with``: leaving closes it."""

    # --- exchanges ---

    @reported
    def exchange_declare(
        self,
        exchange: str,
        exchange_type: str = "direct",
        passive: bool = False,
        durable: bool = False,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: Any = None,
    ) -> Waiting[Exchange.DeclareOk]:
        """Make an exchange, or assert that it is so (`passive`: only that it exists)."""
        return self._ask(
            Exchange.Declare(
                exchange=short("exchange", exchange),
                type=short("exchange_type", exchange_type),
                passive=flag("passive", passive),
                durable=flag("durable", durable),
                auto_delete=flag("auto_delete", auto_delete),
                internal=flag("internal", internal),
                arguments=table(arguments),
            )
        )

    @reported
    def exchange_delete(
        self, exchange: str | None = None, if_unused: bool = False
    ) -> Waiting[Exchange.DeleteOk]:
        """Delete an exchange and its bindings; a missing one is no error (REF-06)."""
        return self._ask(
            Exchange.Delete(
                exchange=short_or_empty("exchange", exchange), if_unused=flag("if_unused", if_unused)
            )
        )

    @reported
    def exchange_bind(
        self, destination: str, source: str, routing_key: str = "", arguments: Any = None
    ) -> Waiting[Exchange.BindOk]:
        """Let what reaches exchange `source` with this key go on to exchange `destination`."""
        return self._ask(
            Exchange.Bind(
                destination=short("destination", destination),
                source=short("source", source),
                routing_key=short_or_empty("routing_key", routing_key),
                arguments=table(arguments),
            )
        )

    @reported
    def exchange_unbind(
        self,
        destination: str | None = None,
        source: str | None = None,
        routing_key: str = "",
        arguments: Any = None,
    ) -> Waiting[Exchange.UnbindOk]:
        """Remove that binding."""
        return self._ask(
            Exchange.Unbind(
                destination=short_or_empty("destination", destination),
                source=short_or_empty("source", source),
                routing_key=short_or_empty("routing_key", routing_key),
                arguments=table(arguments),
            )
        )

    # --- queues ---

    @reported
    def queue_declare(
        self,
        queue: str = "",
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
        arguments: Any = None,
    ) -> Waiting[Queue.DeclareOk]:
        """Make a queue, or assert that it is so. An empty name lets the broker choose one."""
        return self._ask(
            Queue.Declare(
                queue=short_or_empty("queue", queue),
                passive=flag("passive", passive),
                durable=flag("durable", durable),
                exclusive=flag("exclusive", exclusive),
                auto_delete=flag("auto_delete", auto_delete),
                arguments=table(arguments),
            )
        )

    @reported
    def queue_bind(
        self, queue: str, exchange: str, routing_key: str | None = None, arguments: Any = None
    ) -> Waiting[Queue.BindOk]:
        """Bind the queue to the exchange. Without a key the queue's name is the key, as in pika."""
        key = queue if routing_key is None else routing_key
        return self._ask(
            Queue.Bind(
                queue=short("queue", queue),
                exchange=short("exchange", exchange),
                routing_key=short("routing_key", key),
                arguments=table(arguments),
            )
        )

    @reported
    def queue_unbind(
        self, queue: str, exchange: str, routing_key: str | None = None, arguments: Any = None
    ) -> Waiting[Queue.UnbindOk]:
        """Remove that binding."""
        key = queue if routing_key is None else routing_key
        return self._ask(
            Queue.Unbind(
                queue=short("queue", queue),
                exchange=short("exchange", exchange),
                routing_key=short("routing_key", key),
                arguments=table(arguments),
            )
        )

    @reported
    def queue_purge(self, queue: str) -> Waiting[Queue.PurgeOk]:
        """Remove all ready messages."""
        return self._ask(Queue.Purge(queue=short("queue", queue)))

    @reported
    def queue_delete(
        self, queue: str, if_unused: bool = False, if_empty: bool = False
    ) -> Waiting[Queue.DeleteOk]:
        """Delete the queue and what is in it."""
        return self._ask(
            Queue.Delete(
                queue=short("queue", queue),
                if_unused=flag("if_unused", if_unused),
                if_empty=flag("if_empty", if_empty),
            )
        )

    # --- publishing ---

    @reported
    def basic_publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes | str,
        properties: Any = None,
        mandatory: bool = False,
        *,
        immediate: bool = False,
    ) -> Awaitable[None]:
        """Publish a message; a str is sent as UTF-8.

        In confirm mode the awaited result is the broker's confirm: UnroutableError when a mandatory message
        came back, NackError when it was refused.
        """
        method = Basic.Publish(
            exchange=short("exchange", exchange),
            routing_key=short("routing_key", routing_key),
            mandatory=flag("mandatory", mandatory),
            immediate=flag("immediate", immediate),
        )
        return self.publish((method, properties_octets(properties), body_octets(body)))

    @reported
    def confirm_delivery(self) -> Awaitable[Any]:
        """Confirm mode: from now on the broker answers each publish. It cannot be switched off (CONF-01)."""
        if self._channel.confirms is not None:
            return DONE
        return self._ask(Confirm.Select())

    @reported
    def wait_for_confirms(self, timeout: float | None = None) -> Waiting[bool]:
        """Wait until all that was published is confirmed: True, or False when the broker refused any since
        the last time. TimeoutError after `timeout` seconds.
        """
        if self._channel.confirms is None:
            raise UsageError("Nothing is confirmed on this channel; call confirm_delivery() first.")
        return self.all_settled(timeout)

    @reported
    def rpc_call(
        self,
        exchange: str,
        routing_key: str,
        body: bytes | str,
        properties: Any = None,
        timeout: float | None = None,
    ) -> Waiting[Message]:
        """Publish a request and wait for its answer (:mod:`amqplab.client.rpc`).

        UnroutableError when no queue gets it, TimeoutError after `timeout` seconds. Who answers publishes to
        the request's `reply_to`, through the default exchange, with its `correlation_id`.
        """
        if self._rpc is None:
            self._rpc = RpcClient(self)
        return self._rpc.call(exchange, routing_key, body, properties, timeout)

    # --- consuming ---

    @reported
    def basic_consume(
        self,
        queue: str,
        on_message_callback: Callable[[AsyncChannel, Basic.Deliver, Any, bytes], Any] | None = None,
        auto_ack: bool = False,
        exclusive: bool = False,
        consumer_tag: str | None = None,
        arguments: Any = None,
        *,
        no_local: bool = False,
    ) -> Waiting[str]:
        """Have ``on_message_callback(channel, method, properties, body)``, sync or async, called for each
        message of the queue. The result is the consumer's tag.
        """
        if on_message_callback is None:
            raise UsageError("basic_consume needs on_message_callback; for `async for`, use consume().")
        consumer = consumer_for(self, on_message_callback)
        return self.start_consumer(consumer, queue, auto_ack, exclusive, consumer_tag, arguments, no_local)

    def consume(
        self,
        queue: str,
        auto_ack: bool = False,
        exclusive: bool = False,
        arguments: Any = None,
        consumer_tag: str | None = None,
    ) -> Consumption:
        """``async for message in channel.consume("q")``. Leaving the loop cancels the consumer."""
        return Consumption(
            self, queue, auto_ack, exclusive=exclusive, arguments=arguments, consumer_tag=consumer_tag
        )

    def start_consumer(
        self,
        consumer: Consumer,
        queue: str,
        auto_ack: bool = False,
        exclusive: bool = False,
        consumer_tag: str | None = None,
        arguments: Any = None,
        no_local: bool = False,
    ) -> Waiting[str]:
        """basic.consume with any :class:`Consumer` at its end."""
        asked = self._ask(
            Basic.Consume(
                queue=short("queue", queue),
                consumer_tag=short_or_empty("consumer_tag", consumer_tag),
                no_local=flag("no_local", no_local),
                no_ack=flag("auto_ack", auto_ack),
                exclusive=flag("exclusive", exclusive),
                arguments=table(arguments),
            ),
            lambda ok: str(ok.consumer_tag),
        )
        asked.consumer = consumer
        return asked

    @reported
    def basic_cancel(self, consumer_tag: str) -> Waiting[None]:
        """End a consumer. What it has not acknowledged stays with this channel (BASIC-26)."""
        return self._ask(Basic.Cancel(consumer_tag=short("consumer_tag", consumer_tag)), lambda _: None)

    @reported
    def basic_get(self, queue: str, auto_ack: bool = False) -> Waiting[tuple[Any, Any, bytes | None]]:
        """Fetch one message: (method, properties, body), or three times None when there is none."""
        return self._ask(Basic.Get(queue=short("queue", queue), no_ack=flag("auto_ack", auto_ack)), fetched)

    @reported
    def get(self, queue: str, auto_ack: bool = False) -> Waiting[Message | None]:
        """The same as a :class:`Message`, or None."""
        return self._ask(
            Basic.Get(queue=short("queue", queue), no_ack=flag("auto_ack", auto_ack)),
            lambda answer: Message(self, answer) if isinstance(answer, Command) else None,
        )

    @reported
    def basic_qos(
        self, prefetch_size: int = 0, prefetch_count: int = 0, global_qos: bool = False
    ) -> Waiting[Basic.QosOk]:
        """How many unacknowledged messages a new consumer (`global_qos`: the channel) may hold; 0: any."""
        return self._ask(
            Basic.Qos(
                prefetch_size=number("prefetch_size", prefetch_size, 2**32 - 1),
                prefetch_count=number("prefetch_count", prefetch_count, 65535),
                global_=flag("global_qos", global_qos),
            )
        )

    # --- acknowledging ---

    @reported
    def basic_ack(self, delivery_tag: int = 0, multiple: bool = False) -> Awaitable[None]:
        """Acknowledge a delivery, or all up to it."""
        tag = tag_number(delivery_tag)
        return self._settle(Basic.Ack(delivery_tag=tag, multiple=flag("multiple", multiple)))

    @reported
    def basic_nack(
        self, delivery_tag: int = 0, multiple: bool = False, requeue: bool = True
    ) -> Awaitable[None]:
        """Refuse a delivery, or all up to it: back into the queue, or discard."""
        return self._settle(
            Basic.Nack(
                delivery_tag=tag_number(delivery_tag),
                multiple=flag("multiple", multiple),
                requeue=flag("requeue", requeue),
            )
        )

    @reported
    def basic_reject(self, delivery_tag: int = 0, requeue: bool = True) -> Awaitable[None]:
        """Refuse one delivery."""
        tag = tag_number(delivery_tag)
        return self._settle(Basic.Reject(delivery_tag=tag, requeue=flag("requeue", requeue)))

    @reported
    def basic_recover(self, requeue: bool = False) -> Waiting[Basic.RecoverOk]:
        """Put all that this channel has not acknowledged back into the queues (requeue must be True)."""
        return self._ask(Basic.Recover(requeue=flag("requeue", requeue)))

    @reported
    def basic_recover_async(self, requeue: bool = False) -> Awaitable[None]:
        """The same without an answer, from AMQP 0-8."""
        return self._tell(Basic.RecoverAsync(requeue=flag("requeue", requeue)))

    # --- transactions, flow, closing ---

    @reported
    def tx_select(self) -> Waiting[Tx.SelectOk]:
        """Transaction mode: publishes and acknowledgements count from the next commit."""
        return self._ask(Tx.Select())

    @reported
    def tx_commit(self) -> Waiting[Tx.CommitOk]:
        """Let what was published and acknowledged since the last commit count."""
        return self._ask(Tx.Commit())

    @reported
    def tx_rollback(self) -> Waiting[Tx.RollbackOk]:
        """Forget what was published and acknowledged since the last commit."""
        return self._ask(Tx.Rollback())

    @reported
    def flow(self, active: bool) -> Waiting[bool]:
        """channel.flow; RabbitMQ accepts only True (CHAN-16)."""
        return self._ask(Channel.Flow(active=flag("active", active)), lambda ok: bool(ok.active))

    @reported
    def access_request(
        self,
        realm: str = "/data",
        exclusive: bool = False,
        passive: bool = True,
        active: bool = True,
        write: bool = True,
        read: bool = True,
    ) -> Waiting[Access.RequestOk]:
        """Ask for a ticket, from AMQP 0-8: RabbitMQ answers and ignores it."""
        return self._ask(
            Access.Request(
                realm=short("realm", realm),
                exclusive=flag("exclusive", exclusive),
                passive=flag("passive", passive),
                active=flag("active", active),
                write=flag("write", write),
                read=flag("read", read),
            )
        )

    @reported
    def close(self, reply_code: int = 200, reply_text: str = "Normal shutdown") -> Awaitable[None]:
        """Close the channel; a closed one stays closed."""
        if self.connection.is_recovering and self.is_usable:
            self.connection.drop_channel(self)
            return DONE
        if not self.is_open:
            return DONE
        waiting: Waiting[None] = Waiting(
            f"channel.close-ok on channel {self.channel_number}", self.loop, lambda _: None
        )
        text = short("reply_text", reply_text)
        code = number("reply_code", reply_code, 65535)
        self._apply(self._machine.close_channel(self.channel_number, code, text, waiting))
        return waiting

    @reported
    def send(self, method: Method) -> Awaitable[None]:
        """Send any method, sense or nonsense, with no check at all and without waiting for an answer."""
        self._apply(self._machine.send_raw(encode_method(self.channel_number, method)))
        return self.connection.room()

    async def __aenter__(self) -> AsyncChannel:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
