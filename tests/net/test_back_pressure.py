"""Clients that do not read: what they have not taken waits where it can wait, and not in a buffer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from amqplab.broker.broker import Broker
from amqplab.client import connect
from amqplab.net.listening import RunningServer, serve
from amqplab.net.server import MUCH_UNSENT, TOO_MUCH_UNSENT
from amqplab.wire.frames import PROTOCOL_HEADER, encode_method
from amqplab.wire.methods import Basic, Channel, Connection, Method
from amqplab.wire.methods import Queue as Q
from amqplab.wire.parser import FrameParser

BODY = bytes(100_000)
COUNT = 200


def served(program: Callable[[RunningServer], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with asyncio.timeout(30), await serve(Broker(), port=0) as running:
            return await program(running)

    return asyncio.run(main())


class Deaf:
    """A client that writes and reads only when told to; its end of the socket holds little."""

    async def open(self, running: RunningServer) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        await asyncio.get_running_loop().sock_connect(self.socket, (running.host, running.port))
        self.name = "{}:{}".format(*self.socket.getsockname())
        self.server = running.server
        handshake = [
            Connection.StartOk(response=b"\0guest\0guest"),
            Connection.TuneOk(channel_max=2047, frame_max=131072),
            Connection.Open(),
        ]
        octets = b"".join(encode_method(0, method) for method in handshake)
        await self.write(PROTOCOL_HEADER + octets)
        await self.say(Channel.Open())

    async def write(self, octets: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, octets)

    async def say(self, *methods: Method) -> None:
        await self.write(b"".join(encode_method(1, method) for method in methods))

    @property
    def unsent(self) -> int:
        """How many octets wait in the server's memory for this client."""
        return self.server._ends[self.name]._transport.get_write_buffer_size()

    async def read_bodies(self, count: int) -> int:
        """Read until so many body frames have come; how many octets they held."""
        parser, octets = FrameParser(max_payload=None), 0
        while count:
            for kind, _, payload in parser.feed(
                await asyncio.get_running_loop().sock_recv(self.socket, 1 << 18)
            ):
                if kind == 3:
                    count -= 1
                    octets += len(payload)
        return octets


async def flood(running: RunningServer, queue: str) -> None:
    async with await connect(running.url) as connection:
        channel = await connection.channel()
        await channel.confirm_delivery()
        for _ in range(COUNT):
            await channel.basic_publish("", queue, BODY)


async def depth(running: RunningServer, queue: str) -> int:
    async with await connect(running.url) as connection:
        channel = await connection.channel()
        return (await channel.queue_declare(queue, passive=True)).message_count


def test_a_consumer_that_does_not_read_leaves_the_messages_in_the_queue() -> None:
    async def program(running: RunningServer) -> None:
        deaf = Deaf()
        await deaf.open(running)
        await deaf.say(Q.Declare(queue="q"), Basic.Consume(queue="q", no_ack=True))
        await flood(running, "q")
        assert MUCH_UNSENT < deaf.unsent < 3 * MUCH_UNSENT
        assert await depth(running, "q") > COUNT / 2
        assert await deaf.read_bodies(COUNT) == COUNT * len(BODY), "all of it comes once it reads"
        deaf.socket.close()

    served(program)


def test_a_backlog_does_not_leave_the_queue_in_one_go() -> None:
    async def program(running: RunningServer) -> None:
        deaf = Deaf()
        await deaf.open(running)
        await deaf.say(Q.Declare(queue="q"))
        await asyncio.sleep(0.05)
        await flood(running, "q")
        await deaf.say(Basic.Consume(queue="q", no_ack=True))
        await asyncio.sleep(0.2)
        assert deaf.unsent < 4 * MUCH_UNSENT
        assert await depth(running, "q") > COUNT / 2
        assert await deaf.read_bodies(COUNT) == COUNT * len(BODY)
        deaf.socket.close()

    served(program)


def test_another_consumer_gets_what_the_deaf_one_does_not_take() -> None:
    async def program(running: RunningServer) -> None:
        deaf = Deaf()
        await deaf.open(running)
        await deaf.say(Q.Declare(queue="q"), Basic.Consume(queue="q", no_ack=True))
        await flood(running, "q")
        waiting = await depth(running, "q")
        async with await connect(running.url) as connection:
            channel = await connection.channel()
            got = 0
            async for message in channel.consume("q"):
                await message.ack()
                got += 1
                if got == waiting:
                    break
        deaf.socket.close()

    served(program)


def test_who_asks_and_asks_and_does_not_read_is_not_read_from() -> None:
    async def program(running: RunningServer) -> None:
        deaf = Deaf()
        await deaf.open(running)
        await deaf.say(Q.Declare(queue="q"))
        await asyncio.sleep(0.05)
        async with await connect(running.url) as connection:
            channel = await connection.channel()
            await channel.basic_publish("", "q", BODY)
        asks = Basic.Get(queue="q"), Basic.Recover(requeue=True)
        rounds = 3 * TOO_MUCH_UNSENT // len(BODY)

        async def ask() -> None:
            for _ in range(rounds):
                await deaf.say(*asks)
                await asyncio.sleep(0)

        asking = asyncio.create_task(ask())
        await asyncio.sleep(0.5)
        assert deaf.unsent < 2 * TOO_MUCH_UNSENT
        end = running.server._ends[deaf.name]
        assert not end._transport.is_reading()
        assert await deaf.read_bodies(rounds) == rounds * len(BODY), "nothing was lost"
        await asking
        deaf.socket.close()

    served(program)
