"""Our broker with the tests' users and limits, on a real socket and a thread of its own."""

from __future__ import annotations

import asyncio
import threading

from brokers import IN_MEMORY_CONFIG

from amqplab.broker.broker import Broker
from amqplab.broker.config import BrokerConfig
from amqplab.net.server import serve

__all__ = ["ThreadedBroker"]


class ThreadedBroker:
    """Listens on a free port of loopback until the ``with`` block ends."""

    def __init__(self, config: BrokerConfig = IN_MEMORY_CONFIG) -> None:
        self.config = config
        self.host, self.port = "127.0.0.1", 0
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> ThreadedBroker:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with await serve(Broker(config=self.config), self.host, 0) as running:
            self.port = running.port
            self._listening.set()
            await self._stop.wait()
