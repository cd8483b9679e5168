"""Runs in which somebody does harm at a place that nobody thought of: seeded faults, done to two small runs.

Theory
------
A scene is thought out, and so shows what its author had in mind. Who plays with the buttons of a stage does harm in
the middle of a handshake, with an acknowledgement on the way, to a program that has finished. So faults are drawn by
lot: which run, which record, which fault, to whom; and in half of the runs a second one later, which takes the first
back. A seed names a run for good.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
from collections.abc import Callable
from functools import cache
from typing import Any

from amqplab import Lab
from amqplab.lab import Cut, Fault, Freeze, HalfOpen, Heal, Kill, LoseNext, PowerOff, PowerOn, Reset, Thaw
from amqplab.trace.recorder import Record

__all__ = ["coffees", "faulted", "harmed", "logs"]

FAULTS: tuple[tuple[Callable[[str], Fault], Callable[[str], Fault] | None], ...] = (
    (Cut, Heal),
    (HalfOpen, Heal),
    (Freeze, Thaw),
    (PowerOff, PowerOn),
    (lambda _: PowerOff("broker"), lambda _: PowerOn("broker")),
    (Kill, None),
    (Reset, None),
    (LoseNext, None),
)
"""What may be done to a client or to the broker, and what takes it back."""


def coffees() -> Lab:
    """A waiter's three orders, and a barista who takes one at a time."""
    lab = Lab(seed=7)

    @lab.program("waiter")
    async def waiter(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("orders")
        for coffee in ("espresso", "cappuccino", "lungo"):
            await channel.basic_publish(exchange="", routing_key="orders", body=coffee)

    @lab.program("barista", start="5 ms")
    async def barista(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.basic_qos(prefetch_count=1)
        async for order in channel.consume("orders"):
            await asyncio.sleep(0.005)
            await order.ack()

    lab.run()
    return lab


def logs() -> Lab:
    """Logs by way of a direct exchange: one consumer, one message that nobody wants, one straight to the queue."""
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.exchange_declare(exchange="logs", exchange_type="direct")
    for queue, key in (("app", "info"), ("info", "error")):
        channel.queue_declare(queue=queue)
        channel.queue_bind(queue=queue, exchange="logs", routing_key=key)
    channel.basic_publish(exchange="logs", routing_key="info", body="Hello, Rabbit!")
    lab.run()
    consumer = lab.connect("consumer").channel()
    consumer.basic_consume(
        queue="app", on_message_callback=lambda ch, method, *_: ch.basic_ack(method.delivery_tag)
    )
    lab.run()
    for exchange, key in (("logs", "info"), ("logs", "app"), ("", "app")):
        channel.basic_publish(exchange=exchange, routing_key=key, body=f"to {exchange} {key}")
        lab.run()
    return lab


RUNS = (cache(coffees), cache(logs))


def faulted(seed: int) -> tuple[Record, ...]:
    """The records of the run with this seed."""
    chance = random.Random(seed)
    lab = chance.choice(RUNS)()
    at = chance.randrange(20, len(lab.recorder) - 5)
    harm, remedy = chance.choice(FAULTS)
    target = chance.choice(list(lab.clients))
    child = harmed(lab, at, harm(target))
    if remedy is not None and chance.random() < 0.5:
        child = harmed(child, chance.randrange(at + 1, len(child.recorder)), remedy(target))
    return tuple(child.recorder)


def harmed(lab: Lab, at: int, fault: Fault) -> Lab:
    """The fork in which this is done after record `at`, and time goes on, as after a button of the stage."""
    with contextlib.redirect_stdout(io.StringIO()):
        child = lab.fork(at=at, do=fault)
        with contextlib.suppress(Exception):  # a program that hears of it may fail
            child._go_on()
    return child
