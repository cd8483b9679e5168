"""The lab's broker on a real socket."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sys
import zlib
from typing import Any

import aio_pika
import pytest

from amqplab import Lab
from amqplab.lab import LabError
from amqplab.lab.following import INTERVAL_S
from amqplab.trace.events import ConnectionClosed, ConnectionOpened, FrameReceived, SegmentSent

PUBLISH_WITH_PIKA = """
import sys, pika
connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
channel.basic_publish(exchange="logs", routing_key="info", body="Hello, Rabbit!")
connection.close()
"""


def furnished() -> Lab:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.exchange_declare("logs", exchange_type="direct")
    channel.queue_declare("app")
    channel.queue_bind("app", "logs", routing_key="info")
    return lab


async def run_python(code: str, *args: str) -> int:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, *args)
    return await process.wait()


def test_pika_in_another_process_publishes_to_a_simulated_consumer() -> None:
    lab = furnished()
    got: list[bytes] = []

    @lab.program("consumer")
    async def consume(client: Any) -> None:
        channel = await (await client.connect()).channel()
        async for message in channel.consume("app"):
            got.append(message.body)
            await message.ack()

    async def scene() -> None:
        async with await lab.serve(port=0, name="pika") as server:
            assert await run_python(PUBLISH_WITH_PIKA, server.url) == 0
            assert repr(server) == "<LiveServer: open>"
        assert repr(server) == "<LiveServer: closed>"

    asyncio.run(scene())
    lab.run()
    assert got == [b"Hello, Rabbit!"]
    assert [record.event.connection for record in lab.find(ConnectionOpened)][-1] == "pika:1"
    body = lab.find(FrameReceived, connection="pika:1", host="broker")
    assert b"\x03\x00\x01\x00\x00\x00\x0eHello, Rabbit!\xce" in [record.event.data for record in body]
    assert not lab.find(
        SegmentSent, connection="pika:1"
    )  # real segments are the kernel's: not seen, not shown
    assert not lab.checks.at_rest()
    times = [record.at for record in lab.records]
    assert times == sorted(times)


def test_a_server_is_awaited_or_entered_and_says_so_when_it_is_neither() -> None:
    lab = furnished()
    assert "write 'await lab.serve(…)'" in repr(lab.serve(port=0))
    assert not lab.was_live

    async def scene() -> None:
        async with lab.serve(port=0) as server:
            assert server.is_open
        assert not server.is_open
        server = await lab.serve(port=0)
        assert server.is_open
        await server.close()

    asyncio.run(scene())
    assert lab.was_live


def test_closing_the_server_says_goodbye_to_real_clients_only() -> None:
    lab = furnished()

    async def scene() -> str:
        server = await lab.serve(port=0)
        connection = await aio_pika.connect(server.url)
        gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        connection.close_callbacks.add(lambda _, error: gone.done() or gone.set_result(str(error)))
        await server.close()
        await server.close()
        return await asyncio.wait_for(gone, 5)

    assert "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'" in asyncio.run(
        scene()
    )
    assert [record.event.connection for record in lab.find(ConnectionClosed)] == ["visitor:1"]
    assert lab.connect("producer").is_open
    assert lab.run_for("1 h")


def test_a_taken_port_is_told_in_one_sentence() -> None:
    lab = furnished()

    async def scene() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            await lab.serve(port=taken.getsockname()[1])

    with pytest.raises(LabError, match=r"^Port \d+ on 127\.0\.0\.1 is taken"):
        asyncio.run(scene())


def test_simulated_heartbeats_keep_pace_with_real_time() -> None:
    lab = Lab(seed=1)
    lab.connect("patient", heartbeat=1)

    async def scene() -> None:
        async with await lab.serve(port=0):
            await asyncio.sleep(1.2)

    asyncio.run(scene())
    assert lab.find(FrameReceived, host="patient", data=b"\x08\0\0\0\0\0\0\xce")


def test_closing_the_lab_closes_the_socket_and_leaves_no_task() -> None:
    lab = furnished()

    async def scene() -> None:
        server = await lab.serve(port=0)
        reader, writer = await asyncio.open_connection(server.host, server.port)
        lab.close()
        with pytest.raises(OSError):
            await asyncio.open_connection(server.host, server.port)
        with pytest.raises(ConnectionError):
            if await reader.read() == b"":
                raise ConnectionResetError
        writer.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())


def test_a_run_with_real_clients_cannot_be_forked() -> None:
    lab = furnished()

    async def scene() -> None:
        async with await lab.serve(port=0):
            pass

    asyncio.run(scene())
    with pytest.raises(LabError, match="nobody can make them do the same again"):
        lab.fork(at=0, do=lambda _: None)


# --- stages that follow ----------------------------------------------------------------------------------


async def say_hello(port: int) -> asyncio.StreamWriter:
    """Connect as a raw client does, so that something is recorded."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"AMQP\x00\x00\x09\x01")
    await reader.read(100)
    return writer


def records_shown(stage: Any) -> int:
    return len(json.loads(zlib.decompress(stage.scene))["labels"])


async def all_is_shown(stage: Any, lab: Lab) -> None:
    async with asyncio.timeout(60):
        while records_shown(stage) < len(lab.records) or not lab.records:
            await asyncio.sleep(0.02)


def test_a_stage_follows_while_the_lab_is_live_and_no_longer() -> None:
    lab = Lab(seed=1)
    stage = lab.stage()
    assert records_shown(stage) == 0
    sent: list[int] = []
    stage.observe(lambda _: sent.append(len(lab.records)), "scene")

    async def scene() -> None:
        async with lab.serve(port=0) as server:
            clock = asyncio.get_running_loop().time
            writer = await say_hello(server.port)
            await all_is_shown(stage, lab)
            before = len(sent)
            await asyncio.sleep(2 * INTERVAL_S)
            assert len(sent) == before, "nothing was recorded, so nothing is sent"
            began = clock()
            writers = [await say_hello(server.port) for _ in range(20)]
            await all_is_shown(stage, lab)
            looks = (clock() - began) / INTERVAL_S + 1
            assert len(sent) - before <= looks, "what many clients do between two looks is one look's"
            for each in (writer, *writers):
                each.close()
        assert records_shown(stage) == len(lab.records), "also of what the closing brought"

    asyncio.run(scene())
    shown = stage.scene
    lab.connect("later")
    assert stage.scene is shown


def test_a_stage_of_another_history_is_left_alone_and_a_broken_one_stops_nobody() -> None:
    lab = Lab(seed=1)
    other, broken, good = lab.stage(), lab.stage(), lab.stage()
    other.show(furnished().recorder)
    shown = other.scene
    complaints: list[str] = []

    def refuse() -> None:
        raise RuntimeError("no room")

    broken.refresh = refuse

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
        async with lab.serve(port=0) as server:
            (await say_hello(server.port)).close()
            await asyncio.sleep(0.4)
        assert records_shown(good) == len(lab.records)

    asyncio.run(scene())
    assert other.scene is shown
    assert complaints and all("cannot follow" in one for one in complaints)


def test_a_lab_forgets_stages_that_nobody_shows() -> None:
    lab = Lab(seed=1)
    stage = lab.stage()
    assert len(lab._stages) == 1
    stage.close()
    del stage
    gc.collect()
    assert len(lab._stages) == 0
