"""aio-pika, unmodified, works with us as it does with RabbitMQ."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from typing import Any

import aio_pika
import pytest
from aio_pika import ExchangeType, Message
from aio_pika.exceptions import DeliveryError
from brokers import RemoteBroker

HEADERS = {
    "text": "grüße",
    "small": 7,
    "negative": -1,
    "medium": 100_000,
    "large": 2**40,
    "true": True,
    "false": False,
    "half": 0.5,
    "when": datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC),
    "nothing": None,
    "table": {"inner": {"deep": 1}},
    "array": [1, "two", [3.0], {"four": 4}, None],
}
PROPERTIES: dict[str, Any] = {
    "content_type": "text/plain",
    "content_encoding": "utf-8",
    "headers": HEADERS,
    "delivery_mode": aio_pika.DeliveryMode.PERSISTENT,
    "priority": 9,
    "correlation_id": "c-1",
    "reply_to": "answers",
    "expiration": 60,
    "message_id": "m-1",
    "timestamp": datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC),
    "type": "greeting",
    "user_id": "guest",
    "app_id": "tests",
}

Play = Callable[[Any, Any], Awaitable[None]]


def url(broker: RemoteBroker, **query: object) -> str:
    words = "&".join(f"{key}={value}" for key, value in query.items())
    return f"amqp://guest:guest@{broker.host}:{broker.port}/?{words}"


def run(broker: RemoteBroker, play: Play, **query: object) -> None:
    """Run `play(connection, channel)` with a fresh connection."""

    async def main() -> None:
        async with asyncio.timeout(20):
            async with await aio_pika.connect(url(broker, **query)) as connection:
                await play(connection, await connection.channel())

    asyncio.run(main())


async def fill(channel: Any, queue: Any, count: int) -> None:
    for number in range(count):
        await channel.default_exchange.publish(Message(b"%d" % number), queue.name)


async def left(channel: Any, queue: Any) -> int:
    return (await channel.declare_queue(queue.name, passive=True)).declaration_result.message_count


def test_what_the_broker_says_of_itself(broker: RemoteBroker) -> None:
    async def play(connection: Any, channel: Any) -> None:
        said = connection.transport.connection.server_properties
        assert (said["product"], said["version"]) == ("RabbitMQ", "3.10.8")
        assert all(value is True for value in said["capabilities"].values())
        tune = connection.transport.connection.connection_tune
        assert (tune.channel_max, tune.frame_max, tune.heartbeat) == (2047, 131072, 30)
        await connection.update_secret("another", reason="rotation")

    run(broker, play, heartbeat=30)


CASES: dict[ExchangeType, tuple[str, dict, list[tuple[str, dict]], list[bytes]]] = {
    ExchangeType.DIRECT: ("info", {}, [("info", {}), ("Info", {}), ("", {})], [b"0"]),
    ExchangeType.FANOUT: ("info", {}, [("info", {}), ("x", {}), ("", {})], [b"0", b"1", b"2"]),
    ExchangeType.TOPIC: (
        "#.orange.*",
        {},
        [("orange.a", {}), ("orange", {}), ("a.orange.b", {})],
        [b"0", b"2"],
    ),
    ExchangeType.HEADERS: (
        "",
        {"x-match": "any", "size": 5, "colour": "red"},
        [("", {"size": 5.0, "colour": "blue"}), ("", {"colour": "red"}), ("", {})],
        [b"0", b"1"],
    ),
}


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.value)
def test_each_kind_of_exchange_routes(broker: RemoteBroker, name: str, kind: ExchangeType) -> None:
    key, arguments, sent, arrive = CASES[kind]

    async def play(connection: Any, channel: Any) -> None:
        exchange = await channel.declare_exchange(name, kind, durable=True)
        outer = await channel.declare_exchange(name + ".outer", ExchangeType.FANOUT, auto_delete=True)
        queue = await channel.declare_queue(exclusive=True)
        await exchange.bind(outer)
        await queue.bind(exchange, key, arguments=arguments)
        for number, (routing_key, headers) in enumerate(sent):
            await outer.publish(Message(b"%d" % number, headers=headers), routing_key, mandatory=False)
        got = [await queue.get(timeout=5) for _ in arrive]
        assert [(message.body, message.exchange) for message in got] == [
            (body, outer.name) for body in arrive
        ]
        assert await queue.get(fail=False) is None
        await queue.unbind(exchange, key, arguments=arguments)
        await exchange.unbind(outer)
        await exchange.delete(if_unused=True)

    run(broker, play)


def test_all_properties_arrive(broker: RemoteBroker) -> None:
    async def play(connection: Any, channel: Any) -> None:
        queue = await channel.declare_queue(exclusive=True)
        body = "Grüße, 世界".encode()
        await channel.default_exchange.publish(Message(body, **PROPERTIES), queue.name)
        message = await queue.get(timeout=5)
        assert message.body == body
        assert {key: getattr(message, key) for key in PROPERTIES} == PROPERTIES
        assert (message.delivery_tag, message.redelivered, message.routing_key) == (1, False, queue.name)

    run(broker, play)


@pytest.mark.parametrize("size", [0, 1, 131064, 131065, 1_000_000])
def test_bodies_of_any_size_arrive(broker: RemoteBroker, size: int) -> None:
    async def play(connection: Any, channel: Any) -> None:
        body = bytes(range(256)) * (size // 256) + bytes(size % 256)
        queue = await channel.declare_queue("", exclusive=True)
        await channel.default_exchange.publish(Message(body), queue.name)
        assert (await queue.get(timeout=5)).body == body

    run(broker, play)


def test_messages_are_consumed_acknowledged_and_given_back(broker: RemoteBroker) -> None:
    async def play(connection: Any, channel: Any) -> None:
        await channel.set_qos(prefetch_count=3)
        queue = await channel.declare_queue(exclusive=True)
        await fill(channel, queue, 5)
        seen: list[tuple[bytes, bool]] = []
        async with queue.iterator() as messages:
            async for message in messages:
                seen.append((message.body, message.redelivered))
                if message.body == b"1" and not message.redelivered:
                    await message.nack(requeue=True)
                elif message.body == b"2":
                    await message.reject(requeue=False)
                else:
                    await message.ack()
                if len(seen) == 6:
                    break
        assert sorted(seen) == [
            (b"0", False),
            (b"1", False),
            (b"1", True),
            (b"2", False),
            (b"3", False),
            (b"4", False),
        ]
        assert await left(channel, queue) == 0

    run(broker, play)


def test_prefetch_limits_what_is_under_way(broker: RemoteBroker) -> None:
    async def play(connection: Any, channel: Any) -> None:
        await channel.set_qos(prefetch_count=2)
        queue = await channel.declare_queue(exclusive=True)
        await fill(channel, queue, 5)
        got: list[Any] = []

        async def keep(message: Any) -> None:
            got.append(message)

        tag = await queue.consume(keep)
        await asyncio.sleep(0.2)
        assert [message.body for message in got] == [b"0", b"1"]
        await got[1].ack(multiple=True)
        await asyncio.sleep(0.2)
        assert [message.body for message in got] == [b"0", b"1", b"2", b"3"]
        await queue.cancel(tag)
        await got[3].nack(multiple=True)
        again = [await queue.get(timeout=5) for _ in range(3)]
        assert [(one.body, one.redelivered) for one in again] == [(b"2", True), (b"3", True), (b"4", False)]

    run(broker, play)


def test_counts_purge_and_delete(broker: RemoteBroker, name: str) -> None:
    async def play(connection: Any, channel: Any) -> None:
        queue = await channel.declare_queue(name, auto_delete=True)
        assert queue.name == name
        await fill(channel, queue, 4)
        assert await left(channel, queue) == 4
        await queue.get(no_ack=True)
        assert (await queue.purge()).message_count == 3
        await fill(channel, queue, 2)
        assert (await queue.delete(if_empty=False)).message_count == 2

    run(broker, play)


def test_unroutable_messages_come_back_before_their_confirm(broker: RemoteBroker) -> None:
    async def play(connection: Any, channel: Any) -> None:
        strict = await connection.channel(on_return_raises=True)
        exchange = await strict.get_exchange("amq.topic")
        with pytest.raises(DeliveryError) as undelivered:
            await exchange.publish(Message(b"lost", **PROPERTIES), "nowhere", mandatory=True)
        returned = undelivered.value.message
        assert (returned.delivery.reply_code, returned.delivery.reply_text) == (312, "NO_ROUTE")
        assert returned.body == b"lost"
        confirm = await exchange.publish(Message(b"dropped"), "nowhere", mandatory=False)
        assert confirm.delivery_tag == 2

    run(broker, play)


def test_many_confirms_at_once(broker: RemoteBroker) -> None:
    async def play(connection: Any, channel: Any) -> None:
        queue = await channel.declare_queue(exclusive=True)
        publish = channel.default_exchange.publish
        persistent = aio_pika.DeliveryMode.PERSISTENT
        confirms = await asyncio.gather(
            *(publish(Message(b"x", delivery_mode=persistent), queue.name) for _ in range(200))
        )
        assert {type(one).__name__ for one in confirms} == {"Ack"}
        assert await left(channel, queue) == 200

    run(broker, play)


def test_a_transaction_is_seen_when_committed(broker: RemoteBroker) -> None:
    async def play(connection: Any, channel: Any) -> None:
        queue = await channel.declare_queue(exclusive=True)
        transacted = await connection.channel(publisher_confirms=False)
        async with transacted.transaction():
            await transacted.default_exchange.publish(Message(b"kept"), queue.name)
            assert await left(channel, queue) == 0
        assert await left(channel, queue) == 1
        transaction = transacted.transaction()
        await transaction.select()
        await transacted.default_exchange.publish(Message(b"dropped"), queue.name)
        await transaction.rollback()
        assert await left(channel, queue) == 1

    run(broker, play)


def test_a_robust_connection_works(broker: RemoteBroker, name: str) -> None:
    async def main() -> None:
        connection = await aio_pika.connect_robust(url(broker))
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(name, exclusive=True)
            await fill(channel, queue, 3)
            async with queue.iterator(no_ack=True) as messages:
                assert [(await anext(messages)).body for _ in range(3)] == [b"0", b"1", b"2"]

    asyncio.run(main())


def test_several_clients_work_side_by_side(broker: RemoteBroker, name: str) -> None:
    async def main() -> None:
        got: list[int] = []

        async def produce(number: int) -> None:
            async with await aio_pika.connect(url(broker)) as connection:
                channel = await connection.channel()
                for at in range(50):
                    await channel.default_exchange.publish(Message(b"%d" % (number * 50 + at)), name)

        async def consume() -> None:
            async with await aio_pika.connect(url(broker)) as connection:
                channel = await connection.channel()
                await channel.set_qos(prefetch_count=5)
                queue = await channel.declare_queue(name, passive=True)
                async with queue.iterator() as messages:
                    async for message in messages:
                        async with message.process():
                            got.append(int(message.body))
                        if len(got) == 200:
                            done.set()

        async with await aio_pika.connect(url(broker)) as connection:
            control = await connection.channel()
            queue = await control.declare_queue(name)
            done = asyncio.Event()
            consumers = [asyncio.create_task(consume()) for _ in range(3)]
            await asyncio.gather(*(produce(number) for number in range(4)))
            async with asyncio.timeout(15):
                await done.wait()
            for consumer in consumers:
                consumer.cancel()
            await asyncio.gather(*consumers, return_exceptions=True)
            assert sorted(got) == list(range(200))
            await queue.delete()

    asyncio.run(main())
