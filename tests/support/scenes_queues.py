"""What exchanges and queues can do beyond the tutorials, as scenes.

Theory
------
Each of these is drawn by something of its own (a policy's edge, a held tray, a cursor, a mark for who is
active), and each was once drawn wrongly or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from scene_book import consumer, publish, scene

from amqplab import Lab
from amqplab.client import BasicProperties, NackError, UnroutableError
from amqplab.errors import PreconditionFailed
from amqplab.wire.frames import encode_content, encode_method
from amqplab.wire.methods import Basic
from amqplab.wire.properties import Properties

# --- routing --------------------------------------------------------------------------------------------


@scene("routing", seed=11, title="Headers exchange")
def headers(lab: Lab) -> None:
    """A headers exchange: one binding wants all of its headers, the other any."""
    channel = lab.connect("scanner").channel()
    channel.exchange_declare("documents", exchange_type="headers")
    for queue, match in (("both", "all"), ("either", "any")):
        channel.queue_declare(queue)
        wanted = {"x-match": match, "format": "pdf", "type": "report"}
        channel.queue_bind(queue, "documents", arguments=wanted)
        consumer(lab, f"reader_{match}", queue)
    lab.run()
    for body, properties in (
        ("report.pdf", {"format": "pdf", "type": "report"}),
        ("letter.pdf", {"format": "pdf", "type": "letter"}),
        ("letter.txt", {"format": "txt", "type": "letter"}),
        ("no headers", None),
    ):
        channel.basic_publish("documents", "", body, BasicProperties(headers=properties))
    lab.run()


@scene("routing", seed=12, title="Exchange to exchange, and alternate")
def exchange_to_exchange(lab: Lab) -> None:
    """An exchange bound to an exchange, and an alternate exchange for what neither of them can route."""
    channel = lab.connect("shop").channel()
    channel.exchange_declare("strays", exchange_type="fanout")
    channel.exchange_declare("orders", exchange_type="direct", arguments={"alternate-exchange": "strays"})
    channel.exchange_declare("regions", exchange_type="topic")
    channel.exchange_bind(destination="regions", source="orders", routing_key="eu.de")
    for queue, exchange, key in (
        ("berlin", "regions", "eu.*"),
        ("everything", "regions", "#"),
        ("overseas", "orders", "us"),
        ("lost_and_found", "strays", ""),
    ):
        channel.queue_declare(queue)
        channel.queue_bind(queue, exchange, routing_key=key)
    publish(channel, "orders", ("eu.de", "a chair"), ("us", "a table"), ("mars", "a lamp"))
    lab.run()


# --- queues with arguments ------------------------------------------------------------------------------


@scene("dead letters", seed=13, title="Retry with dead letters")
def dead_letter_retry(lab: Lab) -> None:
    """Refused without requeue, a job waits a second in a second queue, dies there, and comes back; the third
    try succeeds.
    """
    channel = lab.connect("producer").channel()
    channel.exchange_declare("retry", exchange_type="fanout")
    channel.queue_declare("work", arguments={"x-dead-letter-exchange": "retry"})
    back = {"x-message-ttl": 1000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work"}
    channel.queue_declare("waiting", arguments=back)
    channel.queue_bind("waiting", "retry", routing_key="")

    @lab.program("worker")
    async def work(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.basic_qos(prefetch_count=1)
        async for message in channel.consume("work"):
            deaths = (message.properties.headers or {}).get("x-death", [])
            refused = sum(death["count"] for death in deaths if death["reason"] == "rejected")
            await (message.ack() if refused >= 2 else message.nack(requeue=False))

    publish(channel, "", ("work", "job 1"), ("work", "job 2"))
    lab.run_for("2.5 s")  # the clock of a message's life alone keeps no run going


@scene("dead letters", seed=14, title="Maximum length")
def max_length(lab: Lab) -> None:
    """A queue for three messages gets six: the oldest three fall out, as dead letters."""
    channel = lab.connect("producer").channel()
    channel.queue_declare("overflowed")
    short = {"x-max-length": 3, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "overflowed"}
    channel.queue_declare("short", arguments=short)
    publish(channel, "", *(("short", f"message {number}") for number in range(1, 7)))
    lab.run()
    consumer(lab, "reader", "overflowed")
    lab.run()


@scene(seed=15, title="Priorities")
def priorities(lab: Lab) -> None:
    """Six messages of mixed priority wait; the consumer gets the urgent ones first."""
    channel = lab.connect("producer").channel()
    channel.queue_declare("tasks", arguments={"x-max-priority": 5})
    for body, priority in (("a", 0), ("b", 5), ("c", 1), ("d", 5), ("e", None), ("f", 3)):
        channel.basic_publish("", "tasks", body, BasicProperties(priority=priority))
    lab.run()
    consumer(lab, "worker", "tasks", prefetch=1, seconds=0.1)
    lab.run()


@scene("fault", seed=16, title="Single active consumer")
def single_active_consumer(lab: Lab) -> None:
    """Two consumers, one of them active. It is killed, and the other takes over where it was."""
    channel = lab.connect("producer").channel()
    channel.queue_declare("orders", arguments={"x-single-active-consumer": True})
    for start, name in enumerate(("first", "second")):
        consumer(lab, name, "orders", prefetch=1, seconds=1, start=f"{10 * start} ms")
    lab.run_for("50 ms")
    publish(channel, "", *(("orders", f"order {number}") for number in range(1, 5)))
    lab.run_for("1.5 s")
    lab.kill("first")
    lab.run()


@scene(seed=17, title="Prefetch 3, three consumers")
def prefetch(lab: Lab) -> None:
    """Three consumers with a prefetch of three share twelve messages; one of them is slow."""
    channel = lab.connect("producer").channel()
    channel.queue_declare("jobs")
    for name, seconds in (("quick", 0.1), ("steady", 0.2), ("slow", 1.0)):
        consumer(lab, name, "jobs", prefetch=3, seconds=seconds)
    lab.run_for("50 ms")
    publish(channel, "", *(("jobs", f"job {number}") for number in range(1, 13)))
    lab.run()


@scene(seed=18, title="A stream, two readers")
def stream(lab: Lab) -> None:
    """A log of six messages and two readers, each with a place of its own; nothing is taken away."""
    channel = lab.connect("producer").channel()
    channel.queue_declare("log", durable=True, arguments={"x-queue-type": "stream"})
    publish(channel, "", *(("log", f"entry {number}") for number in range(6)))
    lab.run()
    for name, offset in (("from_the_start", "first"), ("from_four_on", 4)):
        consumer(lab, name, "log", prefetch=2, seconds=0.01, arguments={"x-stream-offset": offset})
    lab.run()
    publish(channel, "", ("log", "entry 6"))
    lab.run()


@scene("ends badly", seed=19, title="Expired")
def ttl_at_the_end(lab: Lab) -> None:
    """A message that lives for 20 ms and is not read: its death is the last thing that is recorded."""
    channel = lab.connect("producer").channel()
    channel.queue_declare("fresh", arguments={"x-message-ttl": 20})
    channel.basic_publish("", "fresh", "news")
    lab.run(until="Discarded")


@scene("ends badly", seed=20, title="Nowhere to go")
def until_unroutable(lab: Lab) -> None:
    """The run ends in the middle of things: right where a message turned out to have nowhere to go."""

    @lab.program("producer")
    async def send(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.exchange_declare("logs", exchange_type="direct")
        await channel.basic_publish("logs", "nobody", "Anyone?")
        await asyncio.sleep(0.0005)
        await channel.basic_publish("logs", "nobody", "Anyone at all?")

    lab.run(until="Unroutable")


# --- channels -------------------------------------------------------------------------------------------


@scene("confirms", seed=21, title="Returned, refused, rejected")
def returned_and_rejected(lab: Lab) -> None:
    """A mandatory message comes back, a full queue refuses one, and a consumer rejects one, twice."""

    @lab.program("producer")
    async def send(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("small", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        await channel.confirm_delivery()
        await channel.basic_publish("", "small", "fits")
        with contextlib.suppress(NackError):
            await channel.basic_publish("", "small", "one too many")
        with contextlib.suppress(UnroutableError):
            await channel.basic_publish("", "nobody", "Anyone?", mandatory=True)

    @lab.program("picky", start="50 ms")
    async def refuse(client: Any) -> None:
        channel = await (await client.connect()).channel()
        async for message in channel.consume("small"):
            await message.reject(requeue=not message.redelivered)

    lab.run()


@scene(seed=22, title="Transactions")
def transactions(lab: Lab) -> None:
    """Two messages and an acknowledgement count with the commit; what came after is rolled back."""
    channel = lab.connect("bank").channel()
    channel.queue_declare("orders")
    channel.queue_declare("bookings")
    channel.basic_publish("", "orders", "move 10")
    lab.run()
    channel.tx_select()
    order, _, _ = channel.basic_get("orders")
    publish(channel, "", ("bookings", "minus 10"), ("bookings", "plus 10"))
    channel.basic_ack(order.delivery_tag)
    lab.run()
    channel.tx_commit()
    publish(channel, "", ("bookings", "minus 1000"), ("bookings", "plus 1000"))
    channel.tx_rollback()
    lab.run()


@scene("ends badly", seed=23, title="An error closes a channel")
def channel_error(lab: Lab) -> None:
    """The queue exists with other arguments: 406, the channel is closed, what it held goes back, another
    channel of the same connection goes on.
    """
    connection = lab.connect("app")
    careful, careless = connection.channel(), connection.channel()
    careful.queue_declare("jobs", durable=True)
    careful.basic_publish("", "jobs", "job 1")
    careless.basic_get("jobs")
    with contextlib.suppress(PreconditionFailed):
        careless.queue_declare("jobs", durable=False)
    careful.basic_publish("", "jobs", "job 2")
    lab.run()


@scene(seed=24, title="Direct reply-to")
def direct_reply_to(lab: Lab) -> None:
    """A call without a queue for the answer: the broker hands it straight to the caller's channel."""

    @lab.program("server")
    async def serve(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("capitals")
        async for request in channel.consume("capitals", auto_ack=True):
            answer = BasicProperties(correlation_id=request.properties.correlation_id)
            await channel.basic_publish("", request.properties.reply_to, request.body.upper(), answer)

    @lab.program("caller", start="20 ms")
    async def call(client: Any) -> None:
        channel = await (await client.connect()).channel()
        for word in ("rabbit", "carrot"):
            answer = await channel.rpc_call("", "capitals", word)
            client.note(f"{word} is {answer.body.decode()} in capitals")

    lab.run()


@scene(seed=25, title="Two channels, interleaved")
def two_channels(lab: Lab) -> None:
    """Two messages on two channels of one connection, their frames interleaved one by one, as AMQP allows and
    few clients do.
    """

    @lab.program("producer")
    async def send(client: Any) -> None:
        connection = await client.connect()
        one, two = await connection.channel(), await connection.channel()
        await one.queue_declare("left")
        await two.queue_declare("right")
        pairs = zip(frames_of(one, "left", b"L" * 9000), frames_of(two, "right", b"R" * 9000), strict=True)
        for left, right in pairs:
            for channel, frame in ((one, left), (two, right)):
                channel._apply(channel._machine.send_raw(frame))
            await asyncio.sleep(0.001)

    lab.run()
    for name, queue in (("lefty", "left"), ("righty", "right")):
        consumer(lab, name, queue)
    lab.run()


def frames_of(channel: Any, queue: str, body: bytes) -> list[bytes]:
    """The frames of a publish, its body in pieces that fit a frame of 4096 octets."""
    method = Basic.Publish(exchange="", routing_key=queue)
    whole = encode_content(channel.channel_number, method, Properties(), body, 4096)
    frames = [encode_method(channel.channel_number, method)]
    at = len(frames[0])
    while at < len(whole):
        end = at + 8 + int.from_bytes(whole[at + 3 : at + 7], "big")
        frames.append(whole[at:end])
        at = end
    return frames


@scene("alarm", seed=26, title="A blocked connection")
def blocked_connection(lab: Lab) -> None:
    """Memory runs low: the publisher is blocked, the consumer goes on, and when there is memory again what
    waited arrives.
    """
    producer = lab.connect("producer").channel()
    producer.queue_declare("jobs")
    consumer(lab, "worker", "jobs", prefetch=1, seconds=0.2)
    publish(producer, "", ("jobs", "before"))
    lab.run()
    lab.raise_alarm("memory")
    publish(producer, "", ("jobs", "during 1"), ("jobs", "during 2"))
    lab.run_for("1 s")
    lab.clear_alarm("memory")
    lab.run()
