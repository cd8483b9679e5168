"""The places where a client program can run: one test body, several brokers.

Theory
------
A *world* runs `async def` programs that get a `connect`: in virtual time on a simulated link, on a real
loop against our broker on a socket, and on a real loop against RabbitMQ. Whatever a program sees has to be
the same in all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from amqplab.broker.broker import Broker
from amqplab.client import AsyncConnection, connect
from amqplab.net.listening import serve
from amqplab.net.server import BrokerServer
from amqplab.sim.loop import SimLoop
from amqplab.sim.network import Network

__all__ = ["RabbitMQWorld", "SimulatedWorld", "SocketWorld", "World"]

Connect = Callable[..., Awaitable[AsyncConnection]]
Program = Callable[[Connect], Awaitable[Any]]


class World:
    """Runs programs; `connect` leads to this world's broker, and what it opened is closed afterwards."""

    name: str

    def run(self, program: Program) -> Any:
        raise NotImplementedError

    async def _with_connections(self, url: str, program: Program) -> Any:
        opened: list[AsyncConnection] = []

        async def to_here(target: Any = url, **changes: Any) -> AsyncConnection:
            connection = await connect(target, **changes)
            opened.append(connection)
            return connection

        try:
            return await program(to_here)
        finally:
            for connection in opened:
                if connection.is_open:
                    await connection.close()


class SimulatedWorld(World):
    """Virtual time, simulated TCP, our broker."""

    name = "simulated"

    def __init__(self) -> None:
        self.loop = SimLoop()
        self.network = Network(self.loop)
        self.server = BrokerServer(Broker())
        self.loop.run_until_complete(self.network.listen(self.server.protocol, "broker", 5672))

    def run(self, program: Program) -> Any:
        try:
            return self.loop.run_until_complete(self._with_connections("amqp://broker:5672", program))
        finally:
            self.end_what_waits()

    def end_what_waits(self) -> None:
        """Cancel the tasks that a deadlock left over."""
        tasks = self.loop.tasks()
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(self._all(tasks))

    @staticmethod
    async def _all(tasks: list[asyncio.Task[Any]]) -> None:
        await asyncio.gather(*tasks, return_exceptions=True)


class SocketWorld(World):
    """A real loop, a real socket, our broker."""

    name = "socket"

    def run(self, program: Program) -> Any:
        async def main() -> Any:
            async with await serve(Broker(), port=0) as running:
                return await self._with_connections(running.url, program)

        return asyncio.run(asyncio.wait_for(main(), 30))


class RabbitMQWorld(World):
    """A real loop, a real socket, RabbitMQ."""

    name = "rabbitmq"

    def __init__(self, port: int) -> None:
        self.url = f"amqp://127.0.0.1:{port}"

    def run(self, program: Program) -> Any:
        return asyncio.run(asyncio.wait_for(self._with_connections(self.url, program), 30))
