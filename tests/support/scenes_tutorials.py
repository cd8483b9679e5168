"""RabbitMQ's seven tutorials, as scenes: the same names, the same messages.

Theory
------
Most learners have just done these, or are about to. What the stage shows of them must be what the tutorials
say: who gets which message, and who does not.
"""

from __future__ import annotations

import asyncio
from typing import Any

from scene_book import consumer, publish, scene

from amqplab import Lab
from amqplab.client import BasicProperties


@scene("tutorial", seed=1, title="Hello World!")
def hello(lab: Lab) -> None:
    """Tutorial 1: one message through the default exchange to the queue of the same name."""
    channel = lab.connect("send").channel()
    channel.queue_declare(queue="hello")
    channel.basic_publish(exchange="", routing_key="hello", body="Hello World!")
    consumer(lab, "receive", "hello", auto_ack=True)
    lab.run()


@scene("tutorial", seed=2, title="Work queues")
def work_queues(lab: Lab) -> None:
    """Tutorial 2: five persistent tasks for two workers, one at a time; a dot is a second of work."""
    channel = lab.connect("new_task").channel()
    channel.queue_declare(queue="task_queue", durable=True)
    for name in ("worker_1", "worker_2"):
        worker(lab, name)
    for body in ("First.", "Second..", "Third...", "Fourth.", "Fifth."):
        channel.basic_publish("", "task_queue", body, BasicProperties(delivery_mode=2))
    lab.run()


def worker(lab: Lab, name: str) -> None:
    """A worker of tutorial 2."""

    @lab.program(name)
    async def work(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare(queue="task_queue", durable=True)
        await channel.basic_qos(prefetch_count=1)
        async for message in channel.consume("task_queue"):
            await asyncio.sleep(message.body.count(b"."))
            await message.ack()


@scene("tutorial", seed=3, title="Publish/Subscribe")
def publish_subscribe(lab: Lab) -> None:
    """Tutorial 3: a fanout exchange copies each log line into a private queue of each reader."""
    channel = lab.connect("emit_log").channel()
    channel.exchange_declare(exchange="logs", exchange_type="fanout")
    for name in ("to_file", "to_screen"):
        subscriber(lab, name, "logs", "")
    lab.run()
    publish(channel, "logs", ("", "info: Hello World!"), ("", "info: again"))
    lab.run()


def subscriber(lab: Lab, name: str, exchange: str, *keys: str) -> None:
    """Whoever listens to an exchange through a queue of its own, as in tutorials 3 to 5."""

    @lab.program(name)
    async def listen(client: Any) -> None:
        channel = await (await client.connect()).channel()
        queue = (await channel.queue_declare(queue="", exclusive=True)).queue
        for key in keys:
            await channel.queue_bind(queue, exchange, routing_key=key)
        async for _ in channel.consume(queue, auto_ack=True):
            pass


@scene("tutorial", seed=4, title="Routing")
def routing(lab: Lab) -> None:
    """Tutorial 4: a direct exchange; errors go to the file and to the screen, the rest to the screen only."""
    channel = lab.connect("emit_log_direct").channel()
    channel.exchange_declare(exchange="direct_logs", exchange_type="direct")
    subscriber(lab, "to_file", "direct_logs", "error")
    subscriber(lab, "to_screen", "direct_logs", "info", "warning", "error")
    lab.run()
    publish(
        channel,
        "direct_logs",
        ("info", "started"),
        ("warning", "low on carrots"),
        ("error", "out of carrots"),
        ("debug", "nobody hears this"),
    )
    lab.run()


@scene("tutorial", seed=5, title="Topics")
def topics(lab: Lab) -> None:
    """Tutorial 5: speed.colour.species. Q1 wants all orange animals, Q2 rabbits and whatever is lazy."""
    channel = lab.connect("emit_log_topic").channel()
    channel.exchange_declare(exchange="animals", exchange_type="topic")
    for queue, *patterns in (("Q1", "*.orange.*"), ("Q2", "*.*.rabbit", "lazy.#")):
        channel.queue_declare(queue=queue)
        for pattern in patterns:
            channel.queue_bind(queue=queue, exchange="animals", routing_key=pattern)
        consumer(lab, f"reader_{queue}", queue, auto_ack=True)
    lab.run()
    for key in (
        "quick.orange.rabbit",
        "lazy.orange.elephant",
        "quick.orange.fox",
        "lazy.brown.fox",
        "lazy.pink.rabbit",  # both patterns of Q2 match: one copy all the same
        "quick.brown.fox",
        "orange",
        "quick.orange.new.rabbit",
        "lazy.orange.new.rabbit",
    ):
        channel.basic_publish("animals", key, f"a {key.replace('.', ' ')}")
    lab.run()


@scene("tutorial", seed=6, title="Remote procedure call")
def rpc(lab: Lab) -> None:
    """Tutorial 6: a call is two messages; fib(6) and fib(7), answered through a private queue."""

    @lab.program("rpc_server")
    async def serve(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare(queue="rpc_queue")
        await channel.basic_qos(prefetch_count=1)
        async for request in channel.consume("rpc_queue"):
            asked = request.properties
            answer = BasicProperties(correlation_id=asked.correlation_id)
            await channel.basic_publish("", asked.reply_to, str(fib(int(request.body))), answer)
            await request.ack()

    @lab.program("rpc_client", start="20 ms")
    async def call(client: Any) -> None:
        channel = await (await client.connect()).channel()
        callback_queue = (await channel.queue_declare(queue="", exclusive=True)).queue
        async with channel.consume(callback_queue, auto_ack=True) as answers:
            for number in (6, 7):
                asked = BasicProperties(reply_to=callback_queue, correlation_id=f"call-{number}")
                await channel.basic_publish("", "rpc_queue", str(number), asked)
                answer = await answers.next()
                assert answer.properties.correlation_id == f"call-{number}"
                client.note(f"fib({number}) is {answer.body.decode()}")

    lab.run()


def fib(number: int) -> int:
    return number if number < 2 else fib(number - 1) + fib(number - 2)


@scene("tutorial", "confirms", seed=7, title="Publisher confirms")
def publisher_confirms(lab: Lab) -> None:
    """Tutorial 7: wait for each confirm, then for a batch of five, then let them come by themselves."""

    @lab.program("publisher")
    async def send(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare(queue="orders")
        await channel.confirm_delivery()
        client.note("one by one")
        for number in (1, 2):
            await channel.basic_publish("", "orders", f"single {number}")
        client.note("in a batch")
        for number in range(1, 6):
            channel.basic_publish("", "orders", f"batch {number}")
        await channel.wait_for_confirms()
        client.note("asynchronously")
        channel.add_on_confirm_callback(lambda _, number, positive: None)
        for number in range(1, 6):
            channel.basic_publish("", "orders", f"async {number}")
            await asyncio.sleep(0.0005)

    lab.run()
