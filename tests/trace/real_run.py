"""A whole run of the laboratory, for the readers to read. As a script it prints the run's digest.

Two publishers and three consumers over slow, jittery and lossy links: every exchange kind, confirms, a
returned message, prefetch, acks, rejects, basic.get, a purge, a killed consumer, a heartbeat, orderly ends.
"""

from __future__ import annotations

from typing import Any

from amqplab import Lab
from amqplab.trace import events as e

BODY = "Hello, Rabbit! " * 400  # 6,000 octets: several segments


def run() -> Lab:
    """The finished lab."""
    lab = Lab(seed=42, latency="2 ms")
    lab.link("producer", latency="5 ms", jitter="1 ms", bandwidth="2 Mbit/s")
    producer = lab.connect("producer")
    channel = producer.channel()
    topology(channel)
    workers(lab)
    lab.run(until=e.ConsumerAdded)
    lab.run_for("50 ms")
    publish_with_losses(lab, channel)
    by_hand(lab)
    lab.kill("careless")
    lab.run_for("130 s")  # heartbeats on every idle connection
    channel.queue_delete("archive")
    producer.close()
    lab.run()
    return lab


def topology(channel: Any) -> None:
    """One exchange of each kind, three queues."""
    for kind in ("direct", "fanout", "topic", "headers"):
        channel.exchange_declare(exchange=f"logs.{kind}", exchange_type=kind)
    for queue in ("work", "audit", "archive"):
        channel.queue_declare(queue, durable=True)
    channel.queue_bind("work", "logs.direct", "info")
    channel.queue_bind("work", "logs.topic", "*.warn")
    channel.queue_bind("audit", "logs.fanout")
    channel.queue_bind("archive", "logs.fanout")
    channel.queue_bind("archive", "logs.headers", arguments={"x-match": "all", "kind": "old"})
    channel.exchange_bind("logs.direct", "logs.topic", "info")
    channel.confirm_delivery()


def workers(lab: Lab) -> None:
    """One that acknowledges, one that rejects the first and keeps the rest, one without acknowledgements."""

    @lab.program("worker")
    async def worker(client: Any) -> None:
        connection = await client.connect()
        channel = await connection.channel()
        await channel.basic_qos(prefetch_count=2)
        done = 0
        async for message in channel.consume("work"):
            await message.ack()
            done += 1
            if done == 4:
                break
        await connection.close()

    @lab.program("careless", start="7 ms")
    async def careless(client: Any) -> None:
        connection = await client.connect()
        channel = await connection.channel()
        await channel.basic_qos(prefetch_count=3)
        refused = 0
        async for message in channel.consume("audit"):
            if not refused:
                await message.reject(requeue=True)
                refused = 1

    @lab.program("auditor", start="400 ms")
    async def auditor(client: Any) -> None:
        connection = await client.connect()
        channel = await connection.channel()
        async for _ in channel.consume("audit", auto_ack=True):
            break
        await connection.close()


def publish_with_losses(lab: Lab, channel: Any) -> None:
    """Every kind of exchange, two lost segments, and a message that no queue is to get."""
    channel.basic_publish(exchange="logs.direct", routing_key="info", body="one")
    lab.lose_next("producer")
    channel.basic_publish(exchange="logs.direct", routing_key="info", body=BODY)
    channel.basic_publish(exchange="logs.topic", routing_key="disk.warn", body="three")
    lab.lose_next("producer", direction="from broker")
    channel.basic_publish(exchange="logs.topic", routing_key="info", body="four")
    for number in range(5):
        channel.basic_publish(exchange="logs.fanout", routing_key="", body=f"to all {number}")
    try:
        channel.basic_publish(exchange="", routing_key="nowhere", body="?", mandatory=True)
    except Exception as error:
        lab.note(f"The publish came back: {type(error).__name__}.")


def by_hand(lab: Lab) -> None:
    """A third client looks into the archive, then empties it."""
    channel = lab.connect("clerk", heartbeat=20).channel()
    method, _, body = channel.basic_get("archive")
    assert body == b"to all 0"
    channel.basic_nack(method.delivery_tag, requeue=False)
    channel.basic_get("archive", auto_ack=True)
    lab.run_for("5 ms")
    channel.queue_purge("archive")


if __name__ == "__main__":
    finished = run()
    print(finished.digest(), len(finished.records))
