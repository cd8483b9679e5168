"""What only a simulation can show: exact times, faults at will, deadlocks, causes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from client_worlds import Connect, SimulatedWorld

from amqplab.client import BlockingConnection
from amqplab.errors import ConnectionLost, UsageError
from amqplab.net.tapped import TappedProtocol
from amqplab.sim.loop import Deadlock
from amqplab.trace.events import (
    CallFailed,
    CallMade,
    CallReturned,
    CommandReceived,
    FrameSent,
    MessageHandled,
)
from amqplab.trace.labels import label_of
from amqplab.trace.narrate import Narrator
from amqplab.trace.recorder import ACTOR, Recorder
from amqplab.trace.tap import Tap
from amqplab.wire.methods import Queue


class RecordedWorld(SimulatedWorld):
    """The same with a recorder, and a tap on each end of each connection."""

    def __init__(self) -> None:
        super().__init__()
        self.recorder = Recorder(self.loop.time_ns)
        self.loop.report_for = self.recorder.reporter
        self.network.wrap_protocol = lambda inner, connection, host: TappedProtocol(
            inner, Tap(self.recorder, connection, host)
        )

    def of(self, *kinds: type) -> list[Any]:
        return [record for record in self.recorder if isinstance(record.event, kinds)]


@pytest.fixture
def producer() -> Any:
    token = ACTOR.set("producer")
    yield
    ACTOR.reset(token)


def test_who_waits_in_vain_is_named_with_what_for() -> None:
    async def program(connect: Connect) -> None:
        channel = await (await connect(heartbeat=0)).channel()
        await channel.queue_declare("empty")
        async for _ in channel.consume("empty"):
            pass

    with pytest.raises(Deadlock) as caught:
        SimulatedWorld().run(program)
    assert "waiting for a message from queue 'empty'" in str(caught.value)


def test_a_silent_link_is_noticed_after_two_heartbeat_intervals() -> None:
    world = SimulatedWorld()

    async def program(connect: Connect) -> Any:
        connection = await connect(heartbeat=10)
        await asyncio.sleep(100)  # heartbeats keep it alive
        alive = connection.is_open
        world.network.cut("main", "broker")
        before = asyncio.get_running_loop().time()
        with pytest.raises(ConnectionLost) as caught:
            await connection.wait_closed()
        return alive, asyncio.get_running_loop().time() - before, str(caught.value)

    alive, took, sentence = world.run(program)
    assert alive and 15 <= took <= 20
    assert "two heartbeat timeouts of 10 s" in sentence


def test_a_crashed_broker_fails_everything_that_waits() -> None:
    world = SimulatedWorld()

    async def program(connect: Connect) -> Any:
        connection = await connect(heartbeat=4)
        channel = await connection.channel()
        await channel.confirm_delivery()
        world.network.crash("broker")
        waiting = [channel.basic_publish("", "q", "x"), channel.queue_declare("q"), connection.channel()]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        with pytest.raises(UsageError, match="was lost"):
            connection.channel()
        return [type(outcome) for outcome in outcomes]

    assert world.run(program) == [ConnectionLost] * 3


def test_nobody_at_home_is_a_lost_connection_with_advice() -> None:
    async def program(connect: Connect) -> None:
        await connect("amqp://nowhere", connection_attempts=2, retry_delay=1)

    world = SimulatedWorld()
    with pytest.raises(ConnectionLost) as caught:
        world.run(program)
    assert "amqp://nowhere:5672" in str(caught.value) and "serve" in str(caught.value)
    assert world.loop.time() >= 1


def test_a_cancelled_connect_leaves_no_connection() -> None:
    world = SimulatedWorld()

    async def program(connect: Connect) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.0035):
                await connect()
        await asyncio.sleep(1)

    world.run(program)
    assert world.server.connections == ()
    assert world.network.endpoints == {}


def test_calls_are_reported_as_typed_with_what_they_caused(producer: None) -> None:
    world = RecordedWorld()
    channel = BlockingConnection("amqp://broker", runner=world.loop.run_until_complete).channel()
    channel.exchange_declare("logs", exchange_type="direct")
    channel.basic_publish(exchange="logs", routing_key="info", body="Hello, Rabbit!")
    channel.basic_publish("logs", "info", b"x" * 1000)
    calls = world.of(CallMade)
    assert [record.event.call for record in calls] == [
        "connection.channel()",
        "channel.exchange_declare('logs', exchange_type='direct')",
        "channel.basic_publish(exchange='logs', routing_key='info', body='Hello, Rabbit!')",
        f"channel.basic_publish('logs', 'info', {b'x' * 40!r}… (1000 octets))",
    ]
    assert {record.where for record in calls} == {"producer"}
    publish = calls[2]
    frames = [record for record in world.of(FrameSent) if record.cause == publish.seq]
    assert [record.event.data[0] for record in frames] == [1, 2, 3]
    returned = [record for record in world.of(CallReturned) if record.event.call_seq == calls[1].seq]
    cause = world.recorder[returned[0].cause].event
    assert isinstance(cause, CommandReceived) and cause.name == "exchange.declare-ok"


def test_an_awaited_call_has_its_reply_as_the_cause_of_its_end_and_of_the_next_call(producer: None) -> None:
    world = RecordedWorld()

    async def program(connect: Connect) -> None:
        channel = await (await connect()).channel()
        await channel.queue_declare("q")
        await channel.queue_declare("q", passive=True)
        await channel.basic_publish("", "q", "x")
        message = await channel.get("q")
        await message.ack()

    world.run(program)
    calls = {record.event.call: record for record in world.of(CallMade)}
    ends = {record.event.call_seq: record for record in world.of(CallReturned)}
    first, second = calls["channel.queue_declare('q')"], calls["channel.queue_declare('q', passive=True)"]
    assert world.recorder[ends[first.seq].cause].event.name == "queue.declare-ok"
    assert second.cause == ends[first.seq].seq
    declared = Queue.DeclareOk(queue="q", message_count=0, consumer_count=0)
    assert ends[first.seq].event.result == repr(declared)


def test_who_does_not_await_a_publish_where_it_stands_goes_on_and_its_confirm_is_an_answer() -> None:
    world = RecordedWorld()

    async def program(connect: Connect) -> None:
        channel = await (await connect()).channel()
        await channel.confirm_delivery()
        await channel.queue_declare("q")
        await channel.basic_publish("", "q", "awaited")
        channel.basic_publish("", "q", "left alone")
        await asyncio.sleep(1)
        later = channel.basic_publish("", "q", "looked at later")
        await channel.queue_declare("q")
        await later
        await asyncio.gather(channel.basic_publish("", "q", "gathered"))

    world.run(program)
    calls = {record.seq: record.event.call for record in world.of(CallMade)}
    returned = [calls[one.event.call_seq] for one in world.of(CallReturned) if one.event.awaited]
    answered = [calls[one.event.call_seq] for one in world.of(CallReturned) if not one.event.awaited]
    assert "channel.basic_publish('', 'q', 'awaited')" in returned
    assert answered == [
        f"channel.basic_publish('', 'q', {body!r})" for body in ("left alone", "looked at later", "gathered")
    ]
    [first, *_] = [one for one in world.of(CallReturned) if not one.event.awaited]
    assert label_of(first) == "is answered: None"
    assert Narrator(world.recorder).sentence(first.seq) == (
        "The answer to channel.basic_publish('', 'q', 'left alone') has come: what it had to do is done."
    )


def test_a_call_that_fails_is_reported_with_its_error(producer: None) -> None:
    world = RecordedWorld()
    connection = BlockingConnection("amqp://broker", runner=world.loop.run_until_complete)
    channel = connection.channel()
    with pytest.raises(Exception, match="no queue"):
        channel.queue_declare("q", passive=True)
    with pytest.raises(UsageError):
        channel.basic_publish("", "q", {"not": "octets"})
    errors = [record.event.error for record in world.of(CallFailed)]
    assert errors[0] == "NotFound: (404) NOT_FOUND - no queue 'q' in vhost '/'"
    assert errors[1].startswith("UsageError: ")


def test_handled_messages_are_reported_by_each_way_of_consuming(producer: None) -> None:
    world = RecordedWorld()

    async def program(connect: Connect) -> None:
        channel = await (await connect()).channel()
        done = asyncio.get_running_loop().create_future()

        async def slow(ch: Any, method: Any, properties: Any, body: bytes) -> None:
            await asyncio.sleep(1)
            done.set_result(None)

        for queue in ("a", "b", "c"):
            await channel.queue_declare(queue)
            await channel.basic_publish("", queue, queue)
        await channel.basic_consume("a", lambda *_: None, auto_ack=True)
        await channel.basic_consume("b", slow, auto_ack=True)
        async for _ in channel.consume("c", auto_ack=True):
            break
        await done
        await asyncio.sleep(0)

    world.run(program)
    handled = [record.event for record in world.of(MessageHandled)]
    assert [(event.channel, event.delivery_tag) for event in handled] == [(1, 1), (1, 3), (1, 2)]
    assert {event.connection for event in handled} == {"producer:49152"}


def test_recording_does_not_change_what_crosses_the_wire(producer: None) -> None:
    async def program(connect: Connect) -> list[int]:
        loop = asyncio.get_running_loop()
        connection = await connect()
        channel = await connection.channel()
        await channel.confirm_delivery()
        await channel.queue_declare("q")
        times = []
        for number in range(20):
            await channel.basic_publish("", "q", b"x" * number * 100)
        async for message in channel.consume("q"):
            times.append(loop.time_ns())  # type: ignore[attr-defined]
            await message.ack()
            if len(times) == 20:
                break
        return times

    assert RecordedWorld().run(program) == SimulatedWorld().run(program)
