"""aio-pika, unmodified, lives in virtual time: it works, and notices a silent link by its heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import aio_pika
import pytest

from amqplab.broker.broker import Broker
from amqplab.net.server import BrokerServer
from amqplab.net.tapped import TappedProtocol
from amqplab.sim.loop import SimLoop
from amqplab.sim.network import Network
from amqplab.trace.events import CommandReceived, CommandSent, HeartbeatMissed, SegmentLost
from amqplab.trace.recorder import ACTOR, Recorder
from amqplab.trace.tap import Tap


@pytest.fixture
def world() -> Iterator[SimLoop]:
    """A loop with a network and a broker on it; left as `asyncio.run` leaves its loop."""
    loop = SimLoop()
    network = Network(loop, 1)
    recorder = loop.recorder = Recorder(loop.time_ns)
    network.wrap_protocol = lambda protocol, connection, host: TappedProtocol(
        protocol, Tap(recorder, connection, host)
    )
    server = BrokerServer(Broker(report=recorder.reporter("broker")))
    loop.run_until_complete(loop.create_server(server.protocol, "broker", 5672))
    yield loop
    while tasks := asyncio.all_tasks(loop):
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.wait(tasks))
    loop.close()


def commands(loop: SimLoop, kind: type, host: str) -> list[str]:
    return [r.event.name for r in loop.recorder if isinstance(r.event, kind) and r.event.host == host]


def test_it_declares_publishes_with_confirms_consumes_and_acknowledges(world: SimLoop) -> None:
    async def play() -> list[bytes]:
        ACTOR.set("app")
        connection = await aio_pika.connect("amqp://guest:guest@broker/")
        async with connection:
            channel = await connection.channel(publisher_confirms=True)
            exchange = await channel.declare_exchange("logs", "topic")
            queue = await channel.declare_queue("app")
            await queue.bind(exchange, "logs.*")
            for number in range(3):
                await exchange.publish(aio_pika.Message(b"%d" % number), f"logs.{number}")
            bodies = []
            async with queue.iterator() as messages:
                async for message in messages:
                    async with message.process():
                        bodies.append(message.body)
                    if len(bodies) == 3:
                        break
            return bodies

    assert world.run_until_complete(play()) == [b"0", b"1", b"2"]
    sent = commands(world, CommandSent, "app")
    assert sent[:3] == ["protocol-header", "connection.start-ok", "connection.tune-ok"]
    assert sent.count("basic.publish") == sent.count("basic.ack") == 3
    received = commands(world, CommandReceived, "app")
    assert received.count("basic.deliver") == received.count("basic.ack") == 3
    assert sent == commands(world, CommandReceived, "broker")


def test_it_loses_its_connection_by_heartbeat_when_the_link_goes_silent(world: SimLoop) -> None:
    async def play() -> float:
        ACTOR.set("app")
        connection = await aio_pika.connect("amqp://guest:guest@broker/?heartbeat=10")
        await connection.channel()
        await asyncio.sleep(60)
        assert not connection.is_closed, "heartbeats keep it alive"
        world.network.cut("app", "broker")
        cut_at = world.time()
        lost = world.create_future()
        connection.close_callbacks.add(lambda *_: lost.done() or lost.set_result(None))
        await lost
        return world.time() - cut_at

    silent_for = world.run_until_complete(play())
    assert 10 <= silent_for <= 60
    kinds = {type(record.event) for record in world.recorder}
    assert {SegmentLost, HeartbeatMissed} <= kinds
    assert commands(world, CommandSent, "app").count("heartbeat") >= 10
