"""Many: clients, bindings, messages, records, as scenes; and one with a real client.

Theory
------
Some pictures hold until there is too much of something, and some promises are about time (stage.md, 5). The
two large runs are made the fast way, one program at each end and many messages in a segment, because they
are only there to be shown.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from scene_book import consumer, publish, scene

from amqplab import Lab

RECORDS_PER_MESSAGE = 30  # or a few more


@scene("crowd", seed=61, title="10 × 10 × 20")
def crowd_10_10_20(lab: Lab) -> None:
    """Ten publishers, ten consumers, twenty queues with twenty bindings: each consumer reads two queues."""
    setup = lab.connect("publisher_0").channel()
    setup.exchange_declare("events", exchange_type="topic")
    for number in range(20):
        setup.queue_declare(f"queue_{number}")
        setup.queue_bind(f"queue_{number}", "events", routing_key=f"*.area_{number}")
    for number in range(10):
        reader_of_two(lab, f"reader_{number}", f"queue_{2 * number}", f"queue_{2 * number + 1}")
    lab.run()
    publishers = [setup, *(lab.connect(f"publisher_{number}").channel() for number in range(1, 10))]
    for number, channel in enumerate(publishers):
        publish(channel, "events", *((f"p{number}.area_{2 * number + odd}", f"{odd}") for odd in (0, 1)))
    lab.run()


def reader_of_two(lab: Lab, name: str, *queues: str) -> None:
    """A program that consumes from several queues with callbacks."""

    @lab.program(name)
    async def read(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.basic_qos(prefetch_count=2)
        for queue in queues:
            await channel.basic_consume(queue, lambda ch, method, *_: ch.basic_ack(method.delivery_tag))


@scene("crowd", seed=62, title="500 in a queue")
def queue_of_500(lab: Lab) -> None:
    """Five hundred messages wait in one queue; a consumer takes ten of them in hand and stops there."""
    fill(lab, 500)
    lab.run()
    reader = lab.connect("reader").channel()
    reader.basic_qos(prefetch_count=10)
    reader.basic_consume("work", lambda *delivery: None)
    lab.run()


def fill(lab: Lab, count: int, batch: int = 10) -> None:
    """A program that publishes `count` small messages into the queue "work", `batch` at a time."""

    @lab.program("producer")
    async def send(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("work")
        for first in range(0, count, batch):
            for number in range(first, first + batch):
                channel.basic_publish("", "work", f"job {number}")
            await asyncio.sleep(0.01)


def long_run(lab: Lab, records: int) -> None:
    """About so many records: published, delivered, acknowledged."""
    fill(lab, records // RECORDS_PER_MESSAGE)
    consumer(lab, "worker", "work", prefetch=20, start="20 ms")
    lab.run()


@scene("big", seed=63, title="10,000 records")
def records_10_000(lab: Lab) -> None:
    """More than 10,000 records."""
    long_run(lab, 10_000)


@scene("big", seed=64, title="100,000 records")
def records_100_000(lab: Lab) -> None:
    """More than 100,000 records."""
    long_run(lab, 100_000)


@scene("live", seed=65, title="A real pika")
def live_pika(lab: Lab) -> None:
    """pika, in a thread and on a real socket, declares, publishes and consumes; no segment of it is seen."""

    async def serve() -> None:
        async with lab.serve(port=0, name="pika") as server:
            thread = threading.Thread(target=talk_with_pika, args=(server.url,))
            thread.start()
            while thread.is_alive():
                await asyncio.sleep(0.005)

    asyncio.run(serve())
    lab.run()


def talk_with_pika(url: str) -> None:
    """What the user of a real client writes."""
    import pika  # only here: the other scenes need nothing but the lab

    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.queue_declare("hello")
        channel.basic_publish("", "hello", "Hello from pika")
        for method, _, _ in channel.consume("hello"):
            channel.basic_ack(method.delivery_tag)
            break
        channel.cancel()
