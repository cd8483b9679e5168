"""Runs in which the broker does everything right: one for each way of using it that a check might misread.

Every run has a lab of its own, from its own seed. What is asked of the record elsewhere (that no check
cries wolf, that causes make sense, that readers survive any part of it) is asked of each of these.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from amqplab import Lab
from amqplab.client import BasicProperties
from amqplab.client.exceptions import NackError, UnroutableError
from amqplab.errors import AMQPError, ConnectionLost

__all__ = ["RUNS"]

RUNS: dict[str, Callable[[], Lab]] = {}
Play = Callable[[Lab], None]


def run(seed: int, *, to_its_end: bool = True, **options: Any) -> Callable[[Play], Play]:
    """Keep a run under its name, in words: what is played in a lab of its own, and then everything that will happen
    (unless it shall stop in the middle of things).
    """

    def keep(play: Play) -> Play:
        def made() -> Lab:
            lab = Lab(seed=seed, **options)
            play(lab)
            if to_its_end:
                lab.run_for("5 s")
            return lab

        RUNS[play.__name__.replace("_", " ")] = made
        return play

    return keep


def publish(channel: Any, queue: str, *bodies: str, **properties: Any) -> None:
    for body in bodies:
        channel.basic_publish("", queue, body, BasicProperties(**properties))


def settle(how: str, **options: Any) -> Callable[..., None]:
    """A callback that acknowledges, rejects or nacks."""

    def on_message(channel: Any, method: Any, *_: Any) -> None:
        getattr(channel, f"basic_{how}")(method.delivery_tag, **options)

    return on_message


def ignore(*_: Any) -> None:
    """A callback that settles nothing."""


def listen(channel: Any, seconds: float = 2) -> None:
    """Let callbacks be called for a while."""
    channel.connection.sleep(seconds)


def filled(lab: Lab, *bodies: str, client: str = "app") -> Any:
    """The channel of a client, and a queue "q" with these messages."""
    channel = lab.connect(client).channel()
    channel.queue_declare("q")
    publish(channel, "q", *bodies)
    return channel


# --- settling --------------------------------------------------------------------------------------------


@run(1)
def retry_with_dead_letters(lab: Lab) -> None:
    """The standard pattern: nack without requeue, a dead-letter exchange, a retry queue with a TTL."""
    channel = lab.connect("producer").channel()
    channel.exchange_declare("dead", "fanout")
    retry = {"x-message-ttl": 20, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work"}
    channel.queue_declare("retry", arguments=retry)
    channel.queue_bind("retry", "dead")
    channel.queue_declare("work", arguments={"x-dead-letter-exchange": "dead"})
    publish(channel, "work", "one", "two", "three")
    worker = lab.connect("worker").channel()
    worker.basic_qos(prefetch_count=1)
    seen: dict[bytes, int] = {}

    def on_message(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        seen[body] = seen.get(body, 0) + 1
        if seen[body] < 3:
            ch.basic_nack(method.delivery_tag, requeue=False)
        else:
            ch.basic_ack(method.delivery_tag)

    worker.basic_consume("work", on_message)
    listen(worker)


@run(2)
def reject_and_requeue(lab: Lab) -> None:
    channel = filled(lab, "a", "b", "c")
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume("q", lambda ch, m, *_: ch.basic_reject(m.delivery_tag, requeue=not m.redelivered))
    listen(channel)


@run(3)
def multiple_acks_and_nacks(lab: Lab) -> None:
    channel = filled(lab, *"abcdefghij")
    channel.basic_qos(prefetch_count=4)
    tags: list[int] = []

    def on_message(ch: Any, method: Any, *_: Any) -> None:
        tags.append(method.delivery_tag)
        if len(tags) == 4:
            ch.basic_ack(method.delivery_tag, multiple=True)
        if len(tags) == 8:
            ch.basic_nack(method.delivery_tag, multiple=True, requeue=True)
        if len(tags) == 12:
            ch.basic_ack(0, multiple=True)

    channel.basic_consume("q", on_message)
    listen(channel)


@run(4)
def recover_everything(lab: Lab) -> None:
    channel = filled(lab, "a", "b", "c")
    channel.basic_qos(prefetch_count=2)
    channel.basic_consume("q", ignore)
    lab.run_for("50 ms")
    channel.basic_recover(requeue=True)
    lab.run_for("50 ms")
    channel.basic_ack(3)


@run(5)
def get_without_a_consumer(lab: Lab) -> None:
    channel = lab.connect("app").channel()
    channel.basic_qos(prefetch_count=1)
    channel.basic_qos(prefetch_count=1, global_qos=True)
    channel.queue_declare("q")
    publish(channel, "q", "a", "b", "c", "d")
    tags = [channel.basic_get("q")[0].delivery_tag for _ in range(3)]
    channel.basic_get("q", auto_ack=True)
    channel.basic_ack(tags[0])
    channel.basic_reject(tags[1], requeue=True)
    channel.close()


@run(6)
def automatic_acknowledgement(lab: Lab) -> None:
    channel = lab.connect("app").channel()
    channel.basic_qos(prefetch_count=1)
    channel.queue_declare("q")
    channel.basic_consume("q", ignore, auto_ack=True)
    publish(channel, "q", *"abcdef")
    listen(channel)


# --- windows ---------------------------------------------------------------------------------------------


@run(7)
def shared_window_with_two_consumers(lab: Lab) -> None:
    channel = filled(lab)
    channel.queue_declare("r")
    channel.basic_qos(prefetch_count=3, global_qos=True)
    channel.basic_qos(prefetch_count=2)
    publish(channel, "q", *"abcd")
    publish(channel, "r", *"abcd")
    channel.basic_consume("q", settle("ack"))
    channel.basic_consume("r", settle("nack", requeue=False))
    listen(channel)
    channel.basic_qos(prefetch_count=3, global_qos=True)
    publish(channel, "q", *"efgh")
    publish(channel, "r", *"efgh")
    listen(channel)


@run(8)
def windows_that_change(lab: Lab) -> None:
    channel = filled(lab, *"abcdefghijkl")
    channel.basic_qos(prefetch_count=4)
    channel.basic_consume("q", ignore, consumer_tag="first")
    lab.run_for("20 ms")
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume("q", ignore, consumer_tag="second")
    lab.run_for("20 ms")
    channel.basic_qos(prefetch_count=8, global_qos=True)
    lab.run_for("20 ms")
    channel.basic_qos(prefetch_count=2, global_qos=True)
    lab.run_for("20 ms")
    channel.basic_ack(2, multiple=True)
    lab.run_for("20 ms")
    channel.basic_qos(prefetch_count=0, global_qos=True)
    channel.basic_qos(prefetch_count=0)
    channel.basic_ack(0, multiple=True)


@run(9)
def cancelled_consumers_come_again(lab: Lab) -> None:
    """A consumer is cancelled with messages in its hands; another takes its tag."""
    channel = filled(lab, *"abcdef")
    channel.basic_qos(prefetch_count=2)
    for _ in range(2):
        channel.basic_consume("q", ignore, consumer_tag="again")
        listen(channel, 0.02)
        channel.basic_cancel("again")
    channel.basic_nack(1, requeue=True)
    channel.basic_ack(2)
    channel.basic_consume("q", settle("ack"), consumer_tag="again")
    listen(channel)


@run(10)
def single_active_consumer_fails_over(lab: Lab) -> None:
    channel = lab.connect("producer").channel()
    channel.queue_declare("q", arguments={"x-single-active-consumer": True})
    for name in ("first", "second"):
        worker = lab.connect(name, heartbeat=5).channel()
        worker.basic_qos(prefetch_count=2)
        worker.basic_consume("q", ignore if name == "first" else settle("ack"))
    publish(channel, "q", "a", "b", "c")
    lab.run_for("50 ms")
    lab.kill("first")
    listen(worker)


# --- ends ------------------------------------------------------------------------------------------------


@run(11)
def redelivery_after_a_lost_connection(lab: Lab) -> None:

    @lab.program("producer")
    async def produce(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("q")
        await channel.confirm_delivery()
        for number in range(6):
            await channel.basic_publish("", "q", f"{number}")

    for name in ("careless", "careful"):

        @lab.program(name, start="20 ms")
        async def consume(client: Any) -> None:
            channel = await (await client.connect(heartbeat=2)).channel()
            await channel.basic_qos(prefetch_count=2)
            async for message in channel.consume("q"):
                await asyncio.sleep(0.1 if client.name == "careful" else 3600)
                await message.ack()

    lab.run_for("100 ms")
    lab.cut("careless")
    lab.run_for("10 s")
    lab.heal("careless")


@run(12)
def power_fails_at_both_ends(lab: Lab) -> None:

    @lab.program("worker", start="50 ms")
    async def work(client: Any) -> None:
        try:
            channel = await (await client.connect(heartbeat=2)).channel()
            await channel.basic_qos(prefetch_count=1)
            async for message in channel.consume("q"):
                await asyncio.sleep(0.5)
                await message.ack()
        except ConnectionLost:
            return  # it hears nothing of the broker any more

    channel = lab.connect("producer", heartbeat=2).channel()
    channel.queue_declare("q", durable=True)
    channel.queue_declare("t")
    publish(channel, "q", "a", "b", "c", delivery_mode=2)
    publish(channel, "q", "d")
    publish(channel, "t", "e")
    lab.run_for("200 ms")
    lab.power_off("worker")
    lab.run_for("10 s")
    lab.power_on("worker")
    lab.run_for("1 s")
    lab.power_off("broker")
    lab.run_for("10 s")
    lab.power_on("broker")
    lab.kill("worker")
    again = lab.connect("worker").channel()
    again.basic_consume("q", settle("ack"))
    listen(again)


@run(13)
def deleted_purged_and_declared_again(lab: Lab) -> None:
    channel = lab.connect("app").channel()
    reader = lab.connect("reader").channel()
    for _ in range(2):
        channel.queue_declare("q")
        publish(channel, "q", "a", "b", "c")
        reader.basic_qos(prefetch_count=1)
        reader.basic_consume("q", ignore)
        lab.run_for("20 ms")
        channel.queue_purge("q")
        publish(channel, "q", "d")
        channel.queue_delete("q")
        lab.run_for("20 ms")


@run(14)
def exclusive_auto_delete_and_expiring_queues(lab: Lab) -> None:
    connection = lab.connect("app")
    channel = connection.channel()
    channel.queue_declare("mine", exclusive=True)
    channel.queue_declare("while-used", auto_delete=True)
    channel.queue_declare("lease", arguments={"x-expires": 100})
    for queue in ("mine", "while-used", "lease"):
        publish(channel, queue, "a", "b")
    channel.basic_consume("while-used", ignore, consumer_tag="ct")
    lab.run_for("20 ms")
    channel.basic_cancel("ct")
    lab.run_for("200 ms")
    connection.close()


@run(15)
def an_error_closes_a_channel_that_holds_messages(lab: Lab) -> None:
    connection = lab.connect("app")
    channel = connection.channel()
    channel.queue_declare("q")
    publish(channel, "q", "a", "b")
    channel.basic_consume("q", ignore)
    lab.run_for("20 ms")
    channel.basic_ack(99)
    try:
        listen(channel, 0.02)
        channel.queue_declare("refused")
    except AMQPError:
        pass  # the acknowledgement was wrong
    again = connection.channel()
    again.basic_consume("q", settle("ack"))
    listen(again)


# --- limits, deaths and other queues ----------------------------------------------------------------------


@run(16)
def limits_of_every_kind(lab: Lab) -> None:
    channel = lab.connect("app").channel()
    channel.confirm_delivery()
    channel.exchange_declare("dead", "fanout")
    channel.queue_declare("graveyard")
    channel.queue_bind("graveyard", "dead")
    for name, arguments in {
        "head": {"x-max-length": 2},
        "head-dlx": {"x-max-length": 2, "x-dead-letter-exchange": "dead"},
        "octets": {"x-max-length-bytes": 3},
        "refuse": {"x-max-length": 2, "x-overflow": "reject-publish"},
        "refuse-dlx": {
            "x-max-length": 2,
            "x-overflow": "reject-publish-dlx",
            "x-dead-letter-exchange": "dead",
        },
        "ttl": {"x-message-ttl": 30, "x-dead-letter-exchange": "dead"},
        "ttl-0": {"x-message-ttl": 0},
        "urgent": {"x-max-priority": 3, "x-max-length": 3},
        "itself": {"x-message-ttl": 50, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "itself"},
    }.items():
        channel.queue_declare(name, arguments=arguments)
        for priority, body in enumerate("abcd"):
            try:
                publish(channel, name, body, priority=priority)
            except NackError:
                continue  # the queue is full
    publish(channel, "graveyard", "late", expiration="40")


@run(17)
def quorum_queue_with_a_delivery_limit(lab: Lab) -> None:
    channel = lab.connect("app").channel()
    channel.queue_declare("dead")
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": 2, "x-dead-letter-exchange": ""}
    arguments["x-dead-letter-routing-key"] = "dead"
    channel.queue_declare("q", durable=True, arguments=arguments)
    publish(channel, "q", "a", "b", "c")
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume("q", settle("nack", requeue=True))
    listen(channel)


@run(18)
def letters_that_have_to_arrive(lab: Lab) -> None:
    """Dead letters at least once: their target refuses them for a while."""
    channel = lab.connect("app").channel()
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare("letters", durable=True, arguments=full)
    source = {
        "x-queue-type": "quorum",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "letters",
    }
    channel.queue_declare("q", durable=True, arguments=source)
    publish(channel, "q", "a", "b", "c")
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume("q", settle("reject", requeue=False))
    listen(channel)
    for _ in range(3):
        channel.basic_get("letters", auto_ack=True)
        lab.run_for("4 min")


@run(19)
def stream_with_two_readers_on_one_channel(lab: Lab) -> None:
    channel = lab.connect("app").channel()
    arguments = {"x-queue-type": "stream", "x-max-length-bytes": 10_000}
    channel.queue_declare("s", durable=True, arguments=arguments)
    publish(channel, "s", *"abcdef")
    readers = lab.connect("readers").channel()
    readers.basic_qos(prefetch_count=2)
    for _ in range(2):
        readers.basic_consume("s", settle("ack"), arguments={"x-stream-offset": "first"})
    listen(readers)
    publish(channel, "s", *"ghi")
    listen(readers)


# --- publishing ------------------------------------------------------------------------------------------


@run(20)
def transactions_of_publishes_and_acks(lab: Lab) -> None:
    channel = filled(lab)
    channel.tx_select()
    publish(channel, "q", "a", "b")
    channel.tx_commit()
    publish(channel, "q", "never")
    channel.basic_publish("", "nowhere", "returned", mandatory=True)
    channel.tx_rollback()
    channel.basic_publish("", "nowhere", "returned", mandatory=True)
    publish(channel, "q", "c")
    channel.tx_commit()
    channel.basic_qos(prefetch_count=2)
    channel.basic_consume("q", ignore)
    listen(channel, 0.02)
    channel.basic_ack(1)
    channel.basic_nack(2, requeue=True)
    channel.tx_rollback()
    channel.basic_ack(1)
    channel.basic_nack(2, requeue=False)
    channel.tx_commit()
    lab.run_for("20 ms")
    publish(channel, "q", "d", "e")
    channel.basic_ack(0, multiple=True)
    channel.close()


@run(21, to_its_end=False)
def a_transaction_that_never_ends(lab: Lab) -> None:
    channel = filled(lab)
    channel.tx_select()
    publish(channel, "q", "a", "b")
    lab.run()


@run(22)
def a_transaction_whose_queue_is_deleted(lab: Lab) -> None:
    connection = lab.connect("app")
    channel, other = connection.channel(), connection.channel()
    channel.queue_declare("q")
    channel.queue_declare("r", arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
    channel.tx_select()
    publish(channel, "q", "a")
    publish(channel, "r", "b")
    other.queue_delete("q")
    with contextlib.suppress(AMQPError):  # partial tx completion
        channel.tx_commit()


@run(23)
def unroutable_alternate_and_returned(lab: Lab) -> None:
    channel = lab.connect("app").channel()
    channel.confirm_delivery()
    channel.exchange_declare("alt", "fanout")
    channel.exchange_declare("x", "topic", arguments={"alternate-exchange": "alt"})
    channel.exchange_declare("inner", "fanout")
    channel.queue_declare("q")
    channel.exchange_bind("inner", "x", "deep.#")
    channel.queue_bind("q", "inner")
    channel.basic_publish("x", "deep.down", "a")
    channel.basic_publish("x", "nobody", "b")
    channel.queue_bind("q", "alt")
    channel.basic_publish("x", "nobody", "c")
    with contextlib.suppress(UnroutableError):
        channel.basic_publish("", "nowhere", "d", mandatory=True)


@run(24)
def copies_for_many(lab: Lab) -> None:
    """CC and BCC, one message in several queues, and one queue bound twice."""
    channel = lab.connect("app").channel()
    channel.exchange_declare("f", "fanout")
    for queue in ("q", "r"):
        channel.queue_declare(queue)
        channel.queue_bind(queue, "f")
        channel.queue_bind(queue, "f", "again")
    publish(channel, "q", "a", headers={"CC": ["r"], "BCC": ["q"]})
    channel.basic_publish("f", "", "b")
    channel.basic_consume("q", settle("ack"))
    channel.basic_consume("r", settle("ack"))
    listen(channel)


@run(25)
def direct_reply_to(lab: Lab) -> None:

    @lab.program("server")
    async def serve(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("rpc")
        async for request in channel.consume("rpc"):
            await channel.basic_publish("", request.properties.reply_to, request.body.upper())
            await request.ack()

    @lab.program("client", start="20 ms")
    async def ask(client: Any) -> None:
        connection = await client.connect()
        channel = await connection.channel()
        await channel.queue_declare("own")
        answered = asyncio.Event()
        reply = "amq.rabbitmq.reply-to"
        await channel.basic_consume(reply, lambda *_: answered.set(), auto_ack=True)
        await channel.basic_consume("own", lambda ch, m, *_: ch.basic_ack(m.delivery_tag))
        for text in ("one", "two"):
            await channel.basic_publish("", "own", text)
            await channel.basic_publish("", "rpc", text, BasicProperties(reply_to=reply))
            await answered.wait()
            answered.clear()
        address = "amq.rabbitmq.reply-to.g1gAAAAA.nobody"
        await channel.basic_publish("", address, "too late")


@run(26, loss="5 %", jitter="3 ms")
def several_channels_and_connections_interleave(lab: Lab) -> None:

    for name in ("left", "right"):

        @lab.program(name)
        async def chat(client: Any) -> None:
            connection = await client.connect()
            one, two = await connection.channel(), await connection.channel()
            await one.queue_declare(client.name)
            await one.confirm_delivery()
            await two.basic_qos(prefetch_count=2)
            done = asyncio.Event()
            seen: list[bytes] = []

            def on_message(ch: Any, method: Any, properties: Any, body: bytes) -> None:
                seen.append(body)
                ch.basic_ack(method.delivery_tag)
                if len(seen) == 5:
                    done.set()

            await two.basic_consume(client.name, on_message)
            await asyncio.gather(*(one.basic_publish("", client.name, "x" * 3000) for _ in range(5)))
            await done.wait()
            await connection.close()


@run(27)
def alarm_and_frozen_consumer(lab: Lab) -> None:
    channel = filled(lab, client="producer")
    reader = lab.connect("reader", heartbeat=5).channel()
    reader.basic_qos(prefetch_count=3)
    reader.basic_consume("q", settle("ack"))
    lab.run_for("50 ms")
    lab.freeze("reader")
    publish(channel, "q", *"abcdef")
    lab.run_for("1 s")
    lab.thaw("reader")
    listen(reader)
    lab.freeze("reader")
    publish(channel, "q", *"ghi")
    lab.run_for("30 s")


@run(28)
def segments_lost_and_a_reset(lab: Lab) -> None:
    channel = filled(lab, client="producer")
    lab.lose_next("producer")
    publish(channel, "q", "a" * 5000)
    reader = lab.connect("reader").channel()
    reader.basic_consume("q", ignore)
    lab.lose_next("reader", direction="from broker")
    lab.run_for("2 s")
    lab.half_open("reader", "from broker")
    publish(channel, "q", "b")
    lab.run_for("2 s")
    lab.reset("reader")
    with contextlib.suppress(ConnectionLost):
        reader.queue_declare("nobody hears this")
