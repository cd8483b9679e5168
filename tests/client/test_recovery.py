"""Recovery: a connection that breaks comes back with all that it had set up, in every world."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import pytest
from brokers import rabbitmq_node
from client_worlds import Connect, SimulatedWorld, World
from hypothesis import given
from hypothesis import strategies as st
from needs import program
from rabbitmq_node import RabbitMQNode

from amqplab.broker.broker import Broker
from amqplab.client import BlockingConnection, Recovery, connect
from amqplab.client.recovery import Backoff
from amqplab.errors import ConnectionForced, ConnectionLost, NotFound, PreconditionFailed, UsageError
from amqplab.net.listening import serve
from amqplab.net.server import BrokerServer
from amqplab.sim.loop import Deadlock, SimLoop
from amqplab.sim.network import Network

Fresh = Callable[[str], str]
QUICK: dict[str, Any] = {"first_pause": 0.01, "longest_pause": 0.2}


class Told:
    """The callbacks of a recovery, and what they were told."""

    def __init__(self) -> None:
        self.lost: list[Exception] = []
        self.problems: list[tuple[str, Exception]] = []
        self.renamed: list[tuple[str, str]] = []
        self.back = asyncio.Event()

    def recovery(self, **changes: Any) -> Recovery:
        return Recovery(
            **(QUICK | changes),
            on_lost=lambda _, error: self.lost.append(error),
            on_recovered=lambda _: self.back.set(),
            on_problem=lambda _, method, error: self.problems.append((method.name, error)),
            on_queue_renamed=lambda _, old, new: self.renamed.append((old, new)),
        )


async def broken_and_back(connection: Any, told: Told) -> None:
    """Break the TCP connection and wait until all is as before."""
    told.back.clear()
    connection.abort()
    await told.back.wait()


def test_exclusive_things_bindings_and_consumers_are_there_again(world: World, fresh: Fresh) -> None:
    first, second, queue = fresh("x"), fresh("x"), fresh("q")

    async def program(connect: Connect) -> Any:
        told = Told()
        connection = await connect(recovery=told.recovery())
        channel = await connection.channel()
        await channel.exchange_declare(first, auto_delete=True)
        await channel.exchange_declare(second, "fanout", auto_delete=True)
        await channel.exchange_bind(second, first, "in")
        await channel.queue_declare(queue, exclusive=True)
        await channel.queue_bind(queue, second)
        consumption = channel.consume(queue)
        await consumption.start()
        await broken_and_back(connection, told)
        await channel.basic_publish(first, "in", "after")
        message = await consumption.next()
        await message.ack()
        await consumption.cancel()
        left = (await channel.queue_declare(queue, passive=True)).message_count
        return message.body, left, [type(error) for error in told.lost], told.problems

    assert world.run(program) == (b"after", 0, [ConnectionLost], [])


def test_a_queue_named_by_the_broker_gets_a_new_name_that_everything_follows(
    world: World, fresh: Fresh
) -> None:
    exchange = fresh("x")

    async def program(connect: Connect) -> Any:
        told = Told()
        connection = await connect(recovery=told.recovery())
        channel = await connection.channel(7)
        await channel.exchange_declare(exchange, auto_delete=True)
        old = (await channel.queue_declare("", exclusive=True)).queue
        await channel.queue_bind(old, exchange, "k")
        seen: asyncio.Queue[bytes] = asyncio.Queue()
        await channel.basic_consume(old, lambda c, m, p, body: seen.put_nowait(body), auto_ack=True)
        await broken_and_back(connection, told)
        await broken_and_back(connection, told)
        await channel.basic_publish(exchange, "k", "found")
        body = await asyncio.wait_for(seen.get(), 5)
        return body, channel.channel_number, old, told.renamed

    body, number, old, renamed = world.run(program)
    assert (body, number) == (b"found", 7)
    assert renamed[0][0] == old and renamed[0][1] == renamed[1][0] != renamed[1][1]


def test_acknowledging_a_delivery_of_before_is_ignored(world: World, fresh: Fresh) -> None:
    queue = fresh("q")

    async def program(connect: Connect) -> Any:
        told = Told()
        connection = await connect(recovery=told.recovery())
        channel = await connection.channel()
        await channel.queue_declare(queue)
        for number in range(3):
            await channel.basic_publish("", queue, b"%d" % number)
        while (await channel.queue_declare(queue, passive=True)).message_count < 3:
            await asyncio.sleep(0.01)
        old = [await channel.get(queue) for _ in range(3)]
        await broken_and_back(connection, told)
        while (await channel.queue_declare(queue, passive=True)).message_count < 3:
            await asyncio.sleep(0.01)
        new = [await channel.get(queue) for _ in range(3)]
        await old[2].ack(multiple=True)
        await old[0].nack()
        await new[0].ack()
        await new[1].reject(requeue=False)
        left = (await channel.queue_declare(queue, passive=True)).message_count
        with pytest.raises(PreconditionFailed):
            channel.basic_ack(99)
            await channel.queue_declare(queue, passive=True)
        await (await connection.channel()).queue_delete(queue)
        return [m.delivery_tag for m in old], [m.delivery_tag for m in new], left

    assert world.run(program) == ([1, 2, 3], [4, 5, 6], 0)


def test_calls_under_way_fail_and_calls_made_meanwhile_wait(world: World, fresh: Fresh) -> None:
    queue = fresh("q")

    async def program(connect: Connect) -> Any:
        told = Told()
        connection = await connect(recovery=told.recovery())
        channel = await connection.channel()
        await channel.confirm_delivery()
        await channel.queue_declare(queue, exclusive=True)
        under_way = channel.queue_declare(queue, passive=True)
        connection.abort()
        with pytest.raises(ConnectionLost):
            await under_way
        assert connection.is_recovering and not connection.is_open and not connection.is_closed
        declared = channel.queue_declare(queue, passive=True)
        confirmed = channel.basic_publish("", queue, "meanwhile")
        other = connection.channel()
        assert "held until the connection is back" in declared.waiting_for
        count = (await declared).message_count
        await confirmed
        body = (await (await other).get(queue, auto_ack=True)).body
        return count, body, told.back.is_set()

    assert world.run(program) == (0, b"meanwhile", True)


def test_what_was_deleted_does_not_come_back(world: World, fresh: Fresh) -> None:
    queue, exchange = fresh("q"), fresh("x")

    async def program(connect: Connect) -> Any:
        told = Told()
        connection = await connect(recovery=told.recovery())
        channel = await connection.channel()
        await channel.exchange_declare(exchange, auto_delete=True)
        await channel.queue_declare(queue, auto_delete=True)
        await channel.queue_bind(queue, exchange)
        tag = await channel.basic_consume(queue, lambda *_: None)
        await channel.basic_cancel(tag)  # the queue goes, the binding with it, and so the exchange
        await broken_and_back(connection, told)
        missing = []
        for declare in (
            lambda c: c.queue_declare(queue, passive=True),
            lambda c: c.exchange_declare(exchange, passive=True),
        ):
            with pytest.raises(NotFound) as caught:
                await declare(await connection.channel())
            missing.append(caught.value.code)
        return missing, told.problems

    assert world.run(program) == ([404, 404], [])


def test_what_cannot_be_restored_is_reported_and_the_rest_goes_on(world: World, fresh: Fresh) -> None:
    mine, other = fresh("q"), fresh("q")

    async def program(connect: Connect) -> Any:
        told = Told()
        connection = await connect(recovery=told.recovery(first_pause=0.3, jitter=0.0, longest_pause=0.3))
        channel = await connection.channel()
        await channel.queue_declare(mine, arguments={"x-max-length": 5})
        await channel.queue_declare(other, exclusive=True)
        await channel.basic_qos(prefetch_count=3)
        seen: asyncio.Queue[bytes] = asyncio.Queue()
        await channel.basic_consume(mine, lambda *_: None, consumer_tag="mine")
        await channel.basic_consume(other, lambda c, m, p, body: seen.put_nowait(body), auto_ack=True)
        cancelled: list[str] = []
        channel.add_on_cancel_callback(cancelled.append)
        second = await (await connect()).channel()
        connection.abort()
        while True:  # the queue goes while its owner is away, and comes back as another kind
            try:
                await second.queue_delete(mine)
                break
            except NotFound:
                await asyncio.sleep(0.01)
        await told.back.wait()
        await channel.basic_publish("", other, "goes on")
        body = await asyncio.wait_for(seen.get(), 5)
        declared = (await channel.queue_declare(mine, passive=True)).consumer_count
        await channel.queue_delete(mine)
        # and now the same with another queue in its place
        await channel.queue_declare(mine, arguments={"x-max-length": 5})
        await channel.basic_consume(mine, lambda *_: None, consumer_tag="mine")
        told.back.clear()
        connection.abort()
        await second.queue_delete(mine)
        await second.queue_declare(mine, arguments={"x-max-length": 6}, auto_delete=False)
        await told.back.wait()
        await channel.queue_delete(mine)
        return body, declared, [(name, type(error)) for name, error in told.problems], cancelled

    body, declared, problems, cancelled = world.run(program)
    assert (body, declared) == (b"goes on", 1)
    assert problems == [("queue.declare", PreconditionFailed)]
    assert cancelled == ["mine", "mine"]  # by our own queue.delete, also the one restored on another queue


def test_closing_ends_a_recovery_and_fails_what_waits(world: World) -> None:
    async def program(connect: Connect) -> Any:
        told = Told()
        connection = await connect(recovery=told.recovery(first_pause=5, longest_pause=5))
        channel = await connection.channel()
        ended: list[Any] = []
        connection.add_on_close_callback(lambda _, error: ended.append(error))
        connection.abort()
        while not connection.is_recovering:
            await asyncio.sleep(0.01)
        waiting = channel.queue_declare("never")
        await connection.close()
        with pytest.raises(UsageError, match="closed while it was being recovered"):
            await waiting
        await connection.wait_closed()
        with pytest.raises(UsageError):
            channel.queue_declare("never")
        return ended, connection.is_closed, channel.is_closed, connection.error

    assert world.run(program) == ([None], True, True, None)


def test_unconfirmed_publishes_are_published_again_only_if_asked_for() -> None:
    def confirmed(republish: bool) -> Any:
        world = SimulatedWorld()

        async def program(connect: Connect) -> Any:
            told = Told()
            connection = await connect(recovery=told.recovery(republish_unconfirmed=republish))
            channel = await connection.channel()
            await channel.confirm_delivery()
            await channel.queue_declare("q")
            world.network.cut("main", "broker")
            publishes = [channel.basic_publish("", "q", b"%d" % n) for n in range(3)]
            connection.abort()
            await asyncio.sleep(0)
            world.network.heal("main", "broker")
            outcomes = await asyncio.gather(*publishes, return_exceptions=True)
            await told.back.wait()
            bodies = []
            while (message := await channel.get("q", auto_ack=True)) is not None:
                bodies.append(message.body)
            return [type(outcome) for outcome in outcomes], bodies

        return world.run(program)

    assert confirmed(True) == ([type(None)] * 3, [b"0", b"1", b"2"])
    assert confirmed(False) == ([ConnectionLost] * 3, [])


def test_a_cut_link_is_noticed_by_heartbeats_and_recovered_from_at_the_same_time_each_time() -> None:
    def history() -> list[float]:
        world = SimulatedWorld()

        async def program(connect: Connect) -> list[float]:
            loop, times = asyncio.get_running_loop(), []
            told = Told()
            connection = await connect(
                heartbeat=10, socket_timeout=3, recovery=told.recovery(first_pause=1, longest_pause=30)
            )
            channel = await connection.channel()
            await channel.queue_declare("mine", exclusive=True)
            world.network.cut("main", "broker")
            while not told.lost:
                await asyncio.sleep(1)
            times.append(loop.time())
            await asyncio.sleep(20)
            world.network.heal("main", "broker")
            await told.back.wait()
            times.append(loop.time())
            assert (await channel.queue_declare("mine", exclusive=True)).queue == "mine"
            assert told.problems == []
            return times

        return world.run(program)  # type: ignore[no-any-return]

    times = history()
    assert 15 <= times[0] <= 21 and times[1] > times[0] + 20
    assert history() == times


def test_an_exclusive_queue_is_waited_for_while_the_broker_keeps_it_for_the_dead_connection() -> None:
    world = SimulatedWorld()

    async def program(connect: Connect) -> Any:
        told = Told()
        connection = await connect(heartbeat=10, recovery=told.recovery(first_pause=1, longest_pause=10))
        channel = await connection.channel()
        await channel.queue_declare("mine", exclusive=True)
        await channel.queue_declare("", exclusive=True)
        await asyncio.sleep(1)
        world.network.cut("main", "broker")  # the broker does not hear that the connection ends
        connection.abort()
        await asyncio.sleep(0.1)
        world.network.heal("main", "broker")
        await told.back.wait()
        return (await channel.queue_declare("mine", exclusive=True)).queue, told.problems, len(told.renamed)

    assert world.run(program) == ("mine", [], 1)
    assert world.loop.time() > 5  # when the next heartbeat of the broker meets nobody


def test_what_waits_for_a_recovery_is_told_in_a_deadlock_report() -> None:
    world = SimulatedWorld()

    async def program(connect: Connect) -> None:
        never = asyncio.get_running_loop().create_future()
        connection = await connect(recovery=Recovery(sleep=lambda _: never))
        channel = await connection.channel()
        connection.abort()
        while not connection.is_recovering:
            await asyncio.sleep(0.001)
        await channel.queue_declare("q")

    with pytest.raises(Deadlock) as caught:
        world.run(program)
    assert "queue.declare-ok on channel 1 (held until the connection is back)" in str(caught.value)


class Restartable(Protocol):
    """A broker that can be stopped and started again at the same address."""

    url: str

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class SimulatedBroker(Restartable):
    """In virtual time; it forgets everything."""

    url = "amqp://broker:5672"

    def __init__(self, network: Network) -> None:
        self._network = network

    async def start(self) -> None:
        self._server = BrokerServer(Broker())
        self._listener = await self._network.listen(self._server.protocol, "broker", 5672)

    async def stop(self) -> None:
        self._listener.close()
        await self._server.shut_down()


class SocketBroker(Restartable):
    """On a socket; it forgets everything."""

    _port = 0

    async def start(self) -> None:
        self._running = await serve(Broker(), port=self._port)
        self._port, self.url = self._running.port, self._running.url

    async def stop(self) -> None:
        await self._running.close()


class RabbitMQ(Restartable):
    """A RabbitMQ node, which keeps what is durable."""

    def __init__(self, node: RabbitMQNode) -> None:
        self._node = node
        self.url = f"amqp://127.0.0.1:{node.port}"

    async def start(self) -> None:
        await asyncio.to_thread(self._node.start)

    async def stop(self) -> None:
        await asyncio.to_thread(self._node.terminate)


async def lives_through_a_restart(broker: Restartable) -> None:
    await broker.start()
    told = Told()
    connection = await connect(broker.url, recovery=told.recovery())
    channel = await connection.channel()
    await channel.confirm_delivery()
    await channel.exchange_declare("transient")
    await channel.queue_declare("kept", durable=True)
    await channel.queue_bind("kept", "transient", "k")
    consumption = channel.consume("kept")
    await consumption.start()
    await channel.basic_publish("transient", "k", "before")
    before = await consumption.next()
    await before.ack()
    await channel.queue_declare("kept", passive=True)
    await broker.stop()
    waiting = channel.basic_publish("transient", "k", "after", mandatory=True)
    await broker.start()
    await waiting
    after = await consumption.next()
    assert (before.body, after.body, after.redelivered) == (b"before", b"after", False)
    assert [type(error) for error in told.lost] == [ConnectionForced]
    assert told.problems == []
    await connection.close()
    await broker.stop()


def test_a_stopped_and_started_broker_in_virtual_time() -> None:
    loop = SimLoop()
    loop.run_until_complete(lives_through_a_restart(SimulatedBroker(Network(loop))))


def test_a_stopped_and_started_broker_on_a_socket() -> None:
    asyncio.run(asyncio.wait_for(lives_through_a_restart(SocketBroker()), 30))


def test_a_stopped_and_started_rabbitmq() -> None:
    program("rabbitmq-server", "stop and start RabbitMQ under a client")
    node = rabbitmq_node()
    try:
        asyncio.run(asyncio.wait_for(lives_through_a_restart(RabbitMQ(node)), 150))
    finally:
        node.stop()


def test_used_up_attempts_end_the_connection_with_the_last_error() -> None:
    world = SimulatedWorld()

    async def program(connect: Connect) -> Any:
        told = Told()
        connection = await connect(socket_timeout=1, recovery=told.recovery(attempts=3))
        channel = await connection.channel()
        world.network.cut("main", "broker")
        connection.abort()
        while not connection.is_recovering:
            await asyncio.sleep(0.001)
        waiting = channel.queue_declare("q")
        with pytest.raises(ConnectionLost, match="No broker could be reached"):
            await waiting
        with pytest.raises(ConnectionLost):
            await connection.wait_closed()
        return connection.is_closed, connection.is_recovering, str(connection.error)

    closed, recovering, error = world.run(program)
    assert closed and not recovering and "no answer in time" in error


@given(
    st.floats(0, 10),
    st.floats(1, 10),
    st.floats(0, 1),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=12),
)
def test_pauses_double_up_to_the_limit_and_jitter_only_takes_off(
    first: float, factor: float, jitter: float, chances: list[float]
) -> None:
    recovery = Recovery(first_pause=first, longest_pause=first * factor, jitter=jitter)
    numbers = iter(chances)
    backoff = Backoff(recovery, lambda: next(numbers))
    for turn, chance in enumerate(chances):
        whole = min(first * 2**turn, first * factor)
        assert backoff.next() == pytest.approx(whole * (1 - jitter * chance))


@pytest.mark.parametrize(
    "wrong", [{"first_pause": -1}, {"first_pause": 40}, {"jitter": 2}, {"attempts": 0}], ids=str
)
def test_impossible_recoveries_are_refused_at_once(wrong: Any) -> None:
    with pytest.raises(UsageError):
        Recovery(**wrong)


def test_the_blocking_face_recovers_while_calls_last() -> None:
    world = SimulatedWorld()
    connection = BlockingConnection(
        "amqp://broker", runner=world.loop.run_until_complete, recovery=Recovery(**QUICK)
    )
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    seen: list[bytes] = []
    channel.basic_consume(queue, lambda c, m, p, body: seen.append(body), auto_ack=True)
    connection._aio.abort()
    connection.sleep(1)
    channel.exchange_declare("x")
    (renamed,) = connection._aio.topology.queues
    channel.basic_publish("", renamed, "again")
    connection.process_data_events(1)
    assert seen == [b"again"] and connection.is_open
    connection.close()
    assert connection.is_closed
