"""A broker process that is killed while clients publish: what it confirmed is there when it runs again."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from amqplab.client import AsyncChannel, connect
from amqplab.errors import AMQPError, ConnectionLost
from amqplab.wire.properties import Properties

ROOT = Path(__file__).resolve().parents[2]
PERSISTENT = Properties(delivery_mode=2)
WINDOW = 40  # publishes that wait for their confirm at the same time
KILLS = 12


@contextmanager
def serving(data: Path, largest: int | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """(process, url) of `python -m amqplab serve --data`, whose files have at most `largest` octets."""

    def limit() -> None:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    command = [sys.executable, "-m", "amqplab", "serve", "--port", "0", "--data", str(data)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, preexec_fn=limit
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert re.fullmatch(r"listening on amqp://127\.0\.0\.1:\d+\n", first), first
            yield process, first.split()[-1]
        finally:
            process.kill()


async def take_all(channel: AsyncChannel) -> list[tuple[int, bool]]:
    """(number, redelivered) of all messages in the queue, acknowledged."""
    found = []
    while True:
        method, _, body = await channel.basic_get("q")
        if method is None:
            return found
        found.append((int(body), method.redelivered))
        await channel.basic_ack(method.delivery_tag)


async def publish_until_killed(
    channel: AsyncChannel, process: subprocess.Popen[str], first: int, delay: float
) -> tuple[list[int], int]:
    """Which numbers were confirmed, and how many were sent at least in part."""
    confirmed: list[int] = []
    numbers = itertools.count(first)
    last = first - 1

    async def publisher() -> None:
        nonlocal last
        for number in numbers:
            last = max(last, number)
            await channel.basic_publish("", "q", b"%d" % number, PERSISTENT)
            confirmed.append(number)

    asyncio.get_running_loop().call_later(delay, process.kill)
    await asyncio.gather(*(publisher() for _ in range(WINDOW)), return_exceptions=True)
    return confirmed, last


async def one_life(
    data: Path, first: int, expected: list[int], settled: int, delay: float
) -> tuple[list[int], int]:
    """Start the broker, look for what was confirmed in the life before, publish, and kill it. Nothing before
    the number `settled` may come back: its acknowledgement was written before something that was confirmed.
    """
    with serving(data) as (process, url):
        connection = await connect(url)
        channel = await connection.channel()
        await channel.queue_declare("q", durable=True)
        found = await take_all(channel)
        numbers = [number for number, _ in found]
        assert numbers == sorted(set(numbers))
        assert set(expected) <= set(numbers)
        assert all(number >= settled for number in numbers)
        assert all(redelivered for _, redelivered in found)  # DUR-07
        await channel.confirm_delivery()
        result = await publish_until_killed(channel, process, first, delay)
        with suppress(AMQPError, ConnectionLost):
            await connection.close()
        return result


def test_what_was_confirmed_survives_kill_9_in_order_and_once(tmp_path: Path) -> None:
    chance = random.Random(4)
    confirmed: list[int] = []
    first, settled, total = 1, 1, 0
    for _ in range(KILLS):
        life = one_life(tmp_path, first, confirmed, settled, chance.random() * 0.3)
        confirmed, last = asyncio.run(asyncio.wait_for(life, 60))
        if confirmed:
            settled = first
        first, total = last + 1, total + len(confirmed)
    assert total > 10 * KILLS


async def publish_until_it_ends(url: str, data: list[int]) -> None:
    connection = await connect(url)
    channel = await connection.channel()
    await channel.queue_declare("q", durable=True)
    await channel.confirm_delivery()
    with suppress(AMQPError, ConnectionLost):
        for number in itertools.count(1):
            await channel.basic_publish("", "q", b"%d" % number + bytes(1000), PERSISTENT)
            data.append(number)


async def what_is_there(url: str) -> list[int]:
    connection = await connect(url)
    channel = await connection.channel()
    found = []
    while (got := await channel.basic_get("q", auto_ack=True))[0] is not None:
        found.append(int(got[2].rstrip(b"\0")))
    await connection.close()
    return found


def test_a_disk_that_takes_no_more_ends_the_broker_with_one_sentence_and_keeps_what_was_confirmed(
    tmp_path: Path,
) -> None:
    confirmed: list[int] = []
    with serving(tmp_path, largest=50_000) as (process, url):
        asyncio.run(asyncio.wait_for(publish_until_it_ends(url, confirmed), 60))
        assert process.wait(30) == 2
        assert process.stderr is not None
        assert process.stderr.read() == (
            f"amqplab: {tmp_path / 'journal-00000001.amqj'} cannot be written: File too large. "
            "What was confirmed is safe; what was not yet confirmed may be lost.\n"
        )
    assert 30 < len(confirmed) < 50
    with serving(tmp_path) as (_, url):
        found = asyncio.run(asyncio.wait_for(what_is_there(url), 60))
    assert found[: len(confirmed)] == confirmed and len(found) - len(confirmed) <= 1
