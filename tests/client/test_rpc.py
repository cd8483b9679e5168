"""Remote calls with direct reply-to, on both faces."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from client_worlds import Connect, SimulatedWorld, World

from amqplab.client import BasicProperties, BlockingConnection, Recovery, UnroutableError, connect
from amqplab.errors import ConnectionLost, UsageError

Fresh = Callable[[str], str]


async def answering(channel: Any, queue: str) -> None:
    """Answer every request in `queue` with its body doubled; the last request of a pair first."""
    await channel.queue_declare(queue, exclusive=True)
    kept: list[Any] = []

    def on_request(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        kept.append((properties, body))
        if len(kept) == 2:
            for asked, question in reversed(kept):
                answer = BasicProperties(correlation_id=asked.correlation_id)
                ch.basic_publish("", asked.reply_to, question * 2, answer)
            kept.clear()

    await channel.basic_consume(queue, on_request, auto_ack=True)


@pytest.mark.parametrize("confirms", [False, True], ids=["plain", "confirming"])
def test_each_answer_finds_its_call(world: World, fresh: Fresh, confirms: bool) -> None:
    queue = fresh("rpc")

    async def program(connect: Connect) -> Any:
        await answering(await (await connect()).channel(), queue)
        channel = await (await connect()).channel()
        if confirms:
            await channel.confirm_delivery()
        asked = BasicProperties(content_type="text/plain")
        calls = [channel.rpc_call("", queue, body, asked, timeout=10) for body in ("a", "b", "c", "d")]
        return [answer.body for answer in await asyncio.gather(*calls)], len(channel.consumer_tags)

    assert world.run(program) == ([b"aa", b"bb", b"cc", b"dd"], 1)


def test_a_request_that_reaches_nobody_fails_at_once(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        with pytest.raises(UnroutableError, match="NO_ROUTE"):
            await channel.rpc_call("", fresh("nobody"), "?")
        return channel.is_open

    assert world.run(program)


def test_no_answer_in_time_is_a_timeout_and_a_closed_channel_an_error(world: World, fresh: Fresh) -> None:
    queue = fresh("silent")

    async def program(connect: Connect) -> None:
        channel = await (await connect()).channel()
        await channel.queue_declare(queue, exclusive=True)
        with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
            await channel.rpc_call("", queue, "?", timeout=0.05)
        waiting = channel.rpc_call("", queue, "?")
        assert waiting.waiting_for == "the answer to call 2 on channel 1"
        await channel.close()
        with pytest.raises(UsageError, match="closed before"):
            await waiting

    world.run(program)


def test_after_a_recovery_calls_go_on_and_those_under_way_fail(world: World, fresh: Fresh) -> None:
    queue = fresh("rpc")

    async def program(connect: Connect) -> Any:
        await answering(await (await connect()).channel(), queue)
        back = asyncio.Event()
        connection = await connect(recovery=Recovery(first_pause=0.01, on_recovered=lambda _: back.set()))
        channel = await connection.channel()
        lost = channel.rpc_call("", queue, "lost")
        await channel.basic_qos(prefetch_count=1)
        connection.abort()
        with pytest.raises(ConnectionLost):
            await lost
        held = channel.rpc_call("", queue, "held", timeout=10)
        answers = {(await held).body}
        await back.wait()
        return answers

    assert world.run(program) == {b"heldheld"}


def test_the_blocking_face_calls_too() -> None:
    run = SimulatedWorld().loop.run_until_complete

    async def serve() -> None:
        channel = await (await connect("amqp://broker")).channel()
        await channel.queue_declare("double")

        def on_request(ch: Any, method: Any, asked: Any, body: bytes) -> None:
            answer = BasicProperties(correlation_id=asked.correlation_id, type="doubled")
            ch.basic_publish("", asked.reply_to, body * 2, answer)

        await channel.basic_consume("double", on_request, auto_ack=True)

    run(serve())
    client = BlockingConnection("amqp://broker", runner=run).channel()
    method, properties, body = client.rpc_call("", "double", "x", timeout=1)
    assert (method.exchange, properties.type, body) == ("", "doubled", b"xx")
    client.queue_declare("silent")
    with pytest.raises(TimeoutError):
        client.rpc_call("", "silent", "x", timeout=0.05)
    with pytest.raises(UnroutableError):
        client.rpc_call("", "nobody", "x")
    assert client.is_open
