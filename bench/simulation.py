"""A simulated run (real client, real broker, real octets, real TCP) against an abstract SimPy model of it.

The system: a publisher sends messages over a link to a broker, which puts them into a queue and pushes them
over a second link to a consumer, which acknowledges each. The SimPy model has the same hosts, links and
queue, with links written as SimPy's own documentation writes them: a process per message in transit. It has
no octets, frames, segments, acknowledgements by TCP, channels or routing; ours has all of them.

The last row holds the same run against itself, recorded and not: recording may cost as much again as the run.
"""

from __future__ import annotations

import asyncio
from time import perf_counter

import simpy

from amqplab.broker.broker import Broker
from amqplab.client import connect
from amqplab.net.server import BrokerServer
from amqplab.net.tapped import TappedProtocol
from amqplab.sim.loop import SimLoop
from amqplab.sim.network import Network
from amqplab.trace.recorder import ACTOR, Recorder
from amqplab.trace.tap import Tap
from bench.table import Row, faster

MESSAGES = 3_000
BURST = 10  # messages that the publisher sends at one time
PAUSE_S = 0.001
LATENCY_S = 0.001
BODY = b"x" * 100


def run() -> list[Row]:
    peer = f"SimPy {simpy.__version__}, no octets"
    return [
        faster(
            "simulation, fully traced", "messages/s", lambda: simulated(True), peer, abstract, MESSAGES, 1.0
        ),
        faster(
            "simulation, not traced", "messages/s", lambda: simulated(False), peer, abstract, MESSAGES, 4.0
        ),
        faster(
            "recording: traced against not traced",
            "messages/s",
            lambda: simulated(True),
            "not traced",
            lambda: simulated(False),
            MESSAGES,
            0.5,
            runs=11,
        ),
    ]


def simulated(traced: bool, messages: int = MESSAGES) -> SimLoop:
    """Our run; returns its loop (whose recorder holds the records, if traced)."""
    loop = SimLoop()
    network = Network(loop, 1)
    report = None
    if traced:
        recorder = loop.recorder = Recorder(loop.time_ns)
        report = recorder.reporter("broker")
        network.wrap_protocol = lambda protocol, connection, host: TappedProtocol(
            protocol, Tap(recorder, connection, host)
        )
    server = BrokerServer(Broker(report=report))
    loop.run_until_complete(loop.create_server(server.protocol, "broker", 5672))
    loop.run_until_complete(_programs(messages // BURST * BURST))
    return loop


async def _programs(messages: int) -> None:
    async with asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        group.create_task(_consume(messages, ready))
        await ready.wait()
        group.create_task(_publish(messages))


async def _publish(messages: int) -> None:
    ACTOR.set("publisher")
    connection = await connect("amqp://broker")
    channel = await connection.channel()
    for _ in range(messages // BURST):
        for _ in range(BURST):
            await channel.basic_publish("", "work", BODY)
        await asyncio.sleep(PAUSE_S)
    await asyncio.sleep(1)
    await connection.close()


async def _consume(messages: int, ready: asyncio.Event) -> None:
    ACTOR.set("consumer")
    connection = await connect("amqp://broker")
    channel = await connection.channel()
    await channel.queue_declare("work")
    done = asyncio.get_running_loop().create_future()
    left = messages

    def handle(channel, method, properties, body) -> None:
        nonlocal left
        channel.basic_ack(method.delivery_tag)
        left -= 1
        if not left:
            done.set_result(None)

    await channel.basic_consume("work", handle)
    ready.set()
    await done
    await connection.close()


def abstract() -> None:
    """The same system as SimPy users model it."""
    environment = simpy.Environment()
    to_broker, to_consumer, acks, queue = (simpy.Store(environment) for _ in range(4))

    def carry(message: int, end: simpy.Store):
        yield environment.timeout(LATENCY_S)
        yield end.put(message)

    def publisher():
        for number in range(0, MESSAGES, BURST):
            for message in range(number, number + BURST):
                environment.process(carry(message, to_broker))
            yield environment.timeout(PAUSE_S)

    def broker():
        while True:
            yield queue.put((yield to_broker.get()))

    def pump():
        while True:
            environment.process(carry((yield queue.get()), to_consumer))

    def consumer():
        while True:
            environment.process(carry((yield to_consumer.get()), acks))

    def settle():
        for _ in range(MESSAGES):
            yield acks.get()

    for process in (publisher, broker, pump, consumer):
        environment.process(process())
    environment.run(environment.process(settle()))


if __name__ == "__main__":
    start = perf_counter()
    simulated(True)
    print(f"{MESSAGES / (perf_counter() - start):,.0f} messages/s")
