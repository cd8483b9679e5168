"""Our broker with the tests' users and limits, on a real socket and a thread of its own.

Theory
------
What users start is a process, and nobody reaches into it. But RabbitMQ has operators, who set policies, raise
alarms and close connections while it runs, and ours has them, too: by Python. So this is the same server on
the same kind of socket, in a thread, with a hand reaching in: :meth:`ThreadedBroker.operate`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rabbitmq_node import free_port

from amqplab.broker.broker import Broker
from amqplab.broker.config import BrokerConfig
from amqplab.broker.effects import Effect
from amqplab.net.listening import serve
from amqplab.net.watch import watch

__all__ = ["ThreadedBroker"]

PATIENCE_S = 30.0
WATCH_S = 0.1


class ThreadedBroker:
    """Listens on a port of loopback, or of another address, until the ``with`` block ends."""

    def __init__(self, config: BrokerConfig, host: str = "127.0.0.1") -> None:
        self.config = config
        self.host, self.port = host, free_port()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> ThreadedBroker:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.terminate()

    def start(self) -> ThreadedBroker:
        """Listen, on the same port as the last time, and wait until that is so."""
        self._listening = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self._thread.start()
        assert self._listening.wait(PATIENCE_S), "the broker's thread did not begin to listen"
        return self

    def terminate(self, *, wait: bool = True) -> None:
        """Stop in good order; clients are told (CONN-62). `wait` until it has. Twice is as once: the second
        time the loop may be closed already.
        """
        if self._thread is None:
            return
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop.set)
        if wait:
            self._thread.join(PATIENCE_S)
            assert not self._thread.is_alive(), "the broker's thread did not stop"
            self._thread = None

    def operate(self, action: Callable[[Broker, int], list[Effect]]) -> None:
        """Do something to the broker, told the time, and carry out what it causes; waits until it is done."""

        async def act() -> None:
            self._running.server.apply(action(self._running.broker, self._running.server.now()))

        asyncio.run_coroutine_threadsafe(act(), self._loop).result(PATIENCE_S)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with await serve(Broker(config=self.config), self.host, self.port) as self._running:
            watching = asyncio.create_task(watch(self._running.server, Path.cwd(), every_s=WATCH_S))
            self._listening.set()
            await self._stop.wait()
            watching.cancel()
