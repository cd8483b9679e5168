"""Programs: async functions on virtual time, ours and other people's."""

from __future__ import annotations

import asyncio
from typing import Any

import aio_pika
import pytest

from amqplab import Lab
from amqplab.errors import NotFound
from amqplab.lab import LabError
from amqplab.trace.context import Context
from amqplab.trace.events import (
    Confirmed,
    ConnectionClosed,
    FrameSent,
    NoteMade,
    ProgramFinished,
    ProgramStarted,
    SegmentSent,
)
from amqplab.trace.narrate import narrate


def test_a_program_runs_when_time_goes_on_and_an_hour_takes_no_time() -> None:
    lab = Lab(seed=1)
    seen = []

    @lab.program("clock")
    async def clock(client: Any) -> None:
        seen.append(asyncio.get_running_loop().time())
        await asyncio.sleep(3600)
        seen.append(asyncio.get_running_loop().time())

    assert seen == []
    lab.run()
    assert seen == [0.0, 3600.0]
    assert lab.programs["clock"].finished
    assert lab.first(ProgramFinished).event.outcome == "returned"


def test_programs_meet_over_the_broker() -> None:
    lab = Lab(seed=1)
    got = []

    @lab.program("consumer")
    async def consume(client: Any) -> None:
        async with await client.connect() as connection:
            channel = await connection.channel()
            await channel.queue_declare("work")
            async for message in channel.consume("work"):
                got.append(message.body)
                await message.ack()
                if len(got) == 2:
                    break

    @lab.program("producer", start="100 ms")
    async def produce(client: Any) -> None:
        async with await client.connect() as connection:
            channel = await connection.channel()
            await channel.confirm_delivery()
            await asyncio.gather(*(channel.basic_publish("", "work", f"job {i}") for i in range(2)))
            client.note("both confirmed")

    report = lab.run()
    assert got == [b"job 0", b"job 1"]
    assert report.waiting == ()
    assert lab.first(ProgramStarted, program="producer").at == 100_000_000
    assert lab.first(NoteMade).event.text == "both confirmed"
    assert not lab.checks.at_rest()


def test_a_run_ends_when_everybody_only_waits_and_says_for_what() -> None:
    lab = Lab(seed=1)

    @lab.program("consumer")
    async def consume(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("work")
        async for message in channel.consume("work"):
            await message.ack()

    assert repr(lab.run()) == "It is 15.2 ms. 'consumer' waits for a message from queue 'work'."


def test_a_program_that_never_finishes_is_told_about() -> None:
    lab = Lab(seed=1)

    @lab.program("ticker")
    async def tick(client: Any) -> None:
        while True:
            await asyncio.sleep(1)

    with pytest.raises(LabError, match=r"still goes on: the program 'ticker'\. Give the run an end"):
        lab.run()
    lab.run_for("1 s")


def test_a_program_that_spins_without_waiting_is_told_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amqplab.lab.world.MOST_IN_AN_INSTANT", 1000)
    lab = Lab(seed=1)

    @lab.program("spinner")
    async def spin(client: Any) -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(LabError, match="Time stands still"):
        lab.run()


def test_the_error_of_a_program_is_raised_once_by_the_run() -> None:
    lab = Lab(seed=1)

    @lab.program("clumsy")
    async def clumsy(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("missing", passive=True)

    with pytest.raises(NotFound) as caught:
        lab.run()
    assert caught.value.__notes__ == ["(in the program 'clumsy')"]
    lab.run()
    assert "NotFound" in repr(lab.programs["clumsy"])


def test_who_raises_an_error_ends_as_a_process_does() -> None:
    """Its kernel closes its connection, without a word of AMQP; nobody sends heartbeats for it."""
    lab = Lab(seed=1)

    @lab.program("clumsy")
    async def clumsy(client: Any) -> None:
        channel = await (await client.connect(heartbeat=1)).channel()
        asyncio.ensure_future(asyncio.sleep(0.5)).add_done_callback(lambda _: client.note("still here"))
        await channel.queue_declare("missing", passive=True)

    with pytest.raises(NotFound):
        lab.run()
    lab.run_for("5 s")
    [failed] = lab.find(ProgramFinished)
    after = [one for one in lab.records if one.seq > failed.seq]
    fin = next(one for one in after if isinstance(one.event, SegmentSent) and "FIN" in one.event.flags)
    assert (fin.where, fin.cause) == ("clumsy", failed.seq)
    assert not [one for one in after if one.where == "clumsy" and isinstance(one.event, FrameSent | NoteMade)]
    [closed] = lab.find(ConnectionClosed)
    assert "unexpectedly" in closed.event.reason
    assert lab.connect("clumsy").is_open, "a new process"


def test_a_cell_that_is_connected_from_there_keeps_the_process() -> None:
    lab = Lab(seed=1)
    connection = lab.connect("clumsy")

    @lab.program("clumsy")
    async def clumsy(client: Any) -> None:
        raise ValueError

    with pytest.raises(ValueError):
        lab.run()
    assert connection.channel().is_open


def test_of_who_returns_it_is_said_what_stays_open() -> None:
    lab = Lab(seed=1)

    @lab.program("tidy")
    async def tidy(client: Any) -> None:
        async with await client.connect():
            pass

    @lab.program("waiter")
    async def waiter(client: Any) -> None:
        await client.connect(heartbeat=1)

    lab.run()
    lab.run_for("5 s")
    told = {one.where: narrate(one, Context(lab.records)) for one in lab.find(ProgramFinished)}
    returned = "is finished, because its function returned"
    assert told == {
        "tidy": f"The program tidy {returned}.",
        "waiter": f"The program waiter {returned}; its process stays, and keeps its connection.",
    }


def test_a_program_may_be_typed_again_until_it_has_begun() -> None:
    lab = Lab(seed=1)
    ran = []

    def define(number: int) -> None:
        @lab.program("app")
        async def app(client: Any) -> None:
            ran.append(number)

    define(1)
    define(2)
    lab.run()
    assert ran == [2]
    with pytest.raises(LabError, match="has begun already"):
        define(3)


def test_two_programs_of_one_name_are_a_mistake() -> None:
    lab = Lab(seed=1)

    @lab.program("app")
    async def one(client: Any) -> None: ...

    with pytest.raises(LabError, match="called 'app' already: give this one another name"):

        @lab.program("app")
        async def two(client: Any) -> None: ...


def test_a_program_must_be_async() -> None:
    lab = Lab(seed=1)
    with pytest.raises(LabError, match=r"write 'async def app\(client\):'"):

        @lab.program("app")  # type: ignore[arg-type]
        def app(client: Any) -> None: ...


def with_aio_pika(lab: Lab, got: list[bytes]) -> None:
    @lab.program("foreign")
    async def foreign(client: Any) -> None:
        connection = await aio_pika.connect("amqp://guest:guest@broker/?heartbeat=10")
        channel = await connection.channel(publisher_confirms=True)
        queue = await channel.declare_queue("q")
        await channel.default_exchange.publish(aio_pika.Message(b"hello"), "q")
        async with queue.iterator(consumer_tag="c") as messages:
            async for message in messages:
                got.append(message.body)
                await message.ack()
                break
        lost = asyncio.Event()
        connection.close_callbacks.add(lambda *_: lost.set())
        await asyncio.sleep(60)
        client.note("cut now")
        await lost.wait()
        client.note("lost")


def test_aio_pika_unmodified_is_a_program_and_loses_its_connection_when_the_link_falls_silent() -> None:
    lab = Lab(seed=1)
    got: list[bytes] = []
    with_aio_pika(lab, got)
    lab.run(until=lambda record: getattr(record.event, "text", "") == "cut now")
    assert got == [b"hello"]
    assert lab.first("basic.ack", host="foreign")
    assert lab.find(Confirmed)
    assert len(lab.find(FrameSent, host="foreign")) > 10
    lab.cut("foreign")
    lab.run_for("3 min")
    closed = lab.first("ConnectionClosed")
    assert "heartbeat" in closed.event.reason
    lost = lab.first(NoteMade, text="lost")
    assert 10e9 < lost.at - lab.last("Intervened").at < 60e9
    assert not lab.checks.at_rest()


def test_two_runs_with_aio_pika_are_the_same_although_it_draws_random_ids() -> None:
    digests = set()
    for _ in range(2):
        lab = Lab(seed=1)
        with_aio_pika(lab, [])
        lab.run_for("10 s")
        digests.add(lab.digest())
    assert len(digests) == 1


@pytest.mark.parametrize("way", ["async for", "async callback", "callback"])
def test_what_a_program_does_with_a_message_it_does_because_of_its_delivery(way: str) -> None:
    """The message is there when the consumer begins, so it comes together with basic.consume-ok."""
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    channel.queue_declare(queue="orders")
    for _ in range(2):
        channel.basic_publish(exchange="", routing_key="orders", body="espresso")
    lab.run()

    @lab.program("barista")
    async def barista(client: Any) -> None:
        channel = await (await client.connect()).channel()

        async def later(channel: Any, method: Any, *_: Any) -> None:
            await channel.basic_ack(method.delivery_tag)

        if way == "async for":
            async for message in channel.consume("orders"):
                await message.ack()
        elif way == "async callback":
            await channel.basic_consume("orders", later)
        else:
            await channel.basic_consume("orders", lambda ch, method, *_: ch.basic_ack(method.delivery_tag))

    lab.run(until="1 s")
    arrivals = [
        record.seq
        for record in lab.find("CommandReceived", where="barista")
        if getattr(record.event, "name", "") == "basic.deliver"
    ]
    calls = [r for r in lab.find("CallMade", where="barista") if "ack" in getattr(r.event, "call", "")]
    assert len(arrivals) == 2 and [call.cause for call in calls] == arrivals
    handled = lab.first("MessageHandled")
    assert handled.cause in (arrivals[0], calls[0].seq)
