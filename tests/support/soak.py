"""A soak: fifty clients that come and go for minutes, and not a message too many or too few.

    python tests/support/soak.py [--seconds 120] [--connections 50] [--seed 1]

Theory
------
Each client publishes with confirms, gets, consumes and cancels, acknowledges, gives back, and now and then
just hangs up. Every message has a number. In the end the queues are emptied, and the books must balance:

    confirmed = acknowledged for certain + still there + acknowledged perhaps

An acknowledgement is certain once a reply came after it on the same channel; what was under way when a client
hung up may have arrived or not. Nothing may be there twice, nothing that was certainly acknowledged may be
there at all, and the server's memory must not grow.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

from amqplab_server import AmqplabServer

from amqplab.client import connect
from amqplab.errors import AMQPError, ConnectionLost, UsageError

__all__ = ["main"]

QUEUES = [f"soak-{number}" for number in range(5)]
GROWTH = 1.25


class Books:
    """What became of every message."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.confirmed: set[int] = set()
        self.perhaps_published: set[int] = set()
        self.acknowledged: set[int] = set()
        self.perhaps: set[int] = set()
        self.lives = 0

    def mistakes(self, left: list[int]) -> list[str]:
        """Everything that does not balance, given what is left in the queues."""
        there = set(left)
        lost = self.confirmed - self.acknowledged - self.perhaps - there
        strange = there - self.confirmed - self.perhaps_published
        return [
            f"{what}: {sorted(numbers)[:10]}"
            for what, numbers in (
                ("lost", lost),
                ("from nowhere", strange),
                ("acknowledged, and still there", there & self.acknowledged),
            )
            if numbers
        ] + ([f"{len(left) - len(there)} are there twice"] if len(left) != len(there) else [])


async def one_life(url: str, chance: random.Random, books: Books) -> None:
    """Connect, do this and that, and leave, politely or not."""
    connection = await connect(url)
    channel = await connection.channel()
    await channel.confirm_delivery()
    await channel.basic_qos(prefetch_count=chance.choice((1, 10, 100)))
    pending: set[int] = set()  # acknowledged, and no reply since
    books.lives += 1
    for _ in range(chance.randrange(1, 40)):
        queue = chance.choice(QUEUES)
        if chance.random() < 0.05:
            wanted = chance.randrange(1, 20)
            ready = (await channel.queue_declare(queue, passive=True)).message_count
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    async for message in channel.consume(queue):  # leaving the loop cancels
                        books.perhaps.add(int(message.body))
                        pending.add(int(message.body))
                        message.ack()
                        wanted -= 1
                        if not wanted or not ready:
                            break
        elif chance.random() < 0.5:
            number = next(books.numbers)
            books.perhaps_published.add(number)
            await channel.basic_publish("", queue, b"%d" % number)
            books.confirmed.add(number)
        else:
            method, _, body = await channel.basic_get(queue)
            if method is None:
                continue
            if chance.random() < 0.8:
                books.perhaps.add(int(body))
                pending.add(int(body))
                channel.basic_ack(method.delivery_tag)
            else:
                channel.basic_nack(method.delivery_tag, requeue=True)
        if chance.random() < 0.2:
            await channel.queue_declare(queue, passive=True)  # whatever was said before has arrived
            books.acknowledged |= pending
            books.perhaps -= pending
            pending.clear()
    if chance.random() < 0.3:
        connection._protocol.abort()  # hang up
        await connection._protocol.ended
    else:
        await connection.close()
        books.acknowledged |= pending
        books.perhaps -= pending


async def client(url: str, seed: int, until: float, books: Books) -> None:
    chance = random.Random(seed)
    while time.monotonic() < until:
        with suppress(AMQPError, ConnectionLost):
            await one_life(url, chance, books)


async def watch(pid: int, until: float) -> list[int]:
    """The server's memory in octets, once a second."""
    page, seen = resource.getpagesize(), []
    while time.monotonic() < until:
        await asyncio.sleep(1)
        seen.append(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page)
    return seen


async def soak(server: AmqplabServer, seconds: float, connections: int, seed: int) -> int:
    url = f"amqp://{server.host}:{server.port}"
    books = Books()
    connection = await connect(url)
    channel = await connection.channel()
    for queue in QUEUES:
        await channel.queue_declare(queue)
    until = time.monotonic() + seconds
    clients = [client(url, seed * 1000 + number, until, books) for number in range(connections)]
    memory, *_ = await asyncio.gather(watch(server.process.pid, until), *clients)
    left = []
    for queue in QUEUES:
        while (got := await channel.basic_get(queue, auto_ack=True))[0] is not None:
            left.append(int(got[2]))
    await connection.close()
    early, late = max(memory[: len(memory) // 2]), max(memory[len(memory) // 2 :])
    mistakes = books.mistakes(left)
    if late > early * GROWTH:
        mistakes.append(f"memory grew from {early >> 20} to {late >> 20} MiB")
    print(
        f"{connections} connections, {books.lives} lives, {len(books.confirmed)} messages confirmed, "
        f"{len(books.acknowledged)} acknowledged, {len(books.perhaps)} perhaps, {len(left)} left; "
        f"memory at most {early >> 20} MiB in the first half, {late >> 20} MiB in the second"
    )
    for mistake in mistakes:
        print(f"WRONG: {mistake}")
    return 1 if mistakes else 0


def main(arguments: list[str] | None = None) -> int:
    """Exit status 1 when the books do not balance."""
    parser = argparse.ArgumentParser(description="Fifty clients that come and go for minutes.")
    parser.add_argument("--seconds", type=float, default=120, help="how long (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=50, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="for other clients (default: %(default)s)")
    options = parser.parse_args(arguments)
    if not 0 < options.seconds <= 600:
        raise UsageError("A soak takes up to 600 seconds.")
    with AmqplabServer() as server:
        return asyncio.run(soak(server, options.seconds, options.connections, options.seed))


if __name__ == "__main__":
    sys.exit(main())
