"""Programs: ``async def`` functions that live at a host of the simulated network.

Theory
------
A program is a function, not a running thing, so that a fork can start it again. What it gets is a
:class:`Client`: the name of its host and a ``connect()`` that knows where the broker is. Everything else is
ordinary asyncio: sleep, gather, timeout, TaskGroup, Queue mean what they mean everywhere, on virtual time.
A third party's client needs no adapter: ``await aio_pika.connect("amqp://guest:guest@broker/")`` opens a
connection of the running loop, and the running loop is the simulation.

A program ends by returning, by raising, or with its host. Its end is a record; an error of a program is
shown by ``lab.run()`` once nothing else is left to do. Who raises ends like any process: its kernel closes its
connections. Who returns may have left something running (a server, a callback that waits for messages), so its
process stays, as a Python at its prompt does, and its connections with it. When a machine gets its power back,
the program that the failure cut short begins anew.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from amqplab.client.aio import AsyncConnection, connect
from amqplab.lab.changes import Ended
from amqplab.lab.errors import LabError
from amqplab.trace import events as e
from amqplab.trace.recorder import because
from amqplab.trace.report import TellAt

if TYPE_CHECKING:
    from amqplab.lab.world import World

__all__ = ["BROKER_URL", "Client", "Program", "ProgramFunction", "begin", "begin_again"]

BROKER_URL = "amqp://guest:guest@broker"
ProgramFunction = Callable[["Client"], Awaitable[Any]]


class Client:
    """What a program knows: who it is and where the broker is."""

    def __init__(self, name: str, report: TellAt) -> None:
        self.name = name
        self.url = BROKER_URL
        self._report = report

    async def connect(self, url: str = BROKER_URL, **options: Any) -> AsyncConnection:
        """Connect to the broker with the lab's own async client; `options` as for
        :func:`amqplab.client.connect`, e.g. ``heartbeat=5``.
        """
        return await connect(url, **options)

    def note(self, text: str) -> None:
        """Leave a remark in the record, shown as a milestone."""
        self._report(self.name, e.NoteMade, str(text))

    def __repr__(self) -> str:
        return f"<Client {self.name}>"


class Program:
    """One program and what became of it."""

    def __init__(self, name: str, function: ProgramFunction, start: int) -> None:
        if not inspect.iscoroutinefunction(function):
            raise LabError(
                f"The program {name!r} must be an async function with one argument: "
                f"write 'async def {getattr(function, '__name__', 'program')}(client):'."
            )
        self.name = name
        self.function = function
        self.start = start
        self.task: asyncio.Task[Any] | None = None
        self.started = False
        self.told = False
        """Whether its error has been raised by a run."""

    async def life(self, world: World) -> Any:
        """Wait for the start, run, and record both ends. Of a process that is ended from outside there is no end."""
        try:
            return await self._life(world)
        except Ended:
            await asyncio.get_running_loop().create_future()

    async def _life(self, world: World) -> Any:
        report = world.report
        if self.start:
            await asyncio.sleep(self.start / 1e9)
        self.started = True
        report(self.name, e.ProgramStarted, self.name)
        try:
            result = await self.function(Client(self.name, report))
        except asyncio.CancelledError:
            report(self.name, e.ProgramFinished, self.name, "cancelled")
            raise
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            with because(report(self.name, e.ProgramFinished, self.name, words)):
                world.fail(self.name)
            raise
        report(self.name, e.ProgramFinished, self.name, "returned")
        return result

    @property
    def finished(self) -> bool:
        """True once it has returned, raised or died with its host."""
        return self.task is None or self.task.done()

    @property
    def error(self) -> BaseException | None:
        """What it raised, if it did."""
        if self.task is None or not self.task.done() or self.task.cancelled():
            return None
        return self.task.exception()

    @property
    def state(self) -> str:
        """In words: not started, running, returned, or the error."""
        if self.finished:
            error = self.error
            return "returned" if error is None else f"{type(error).__name__}: {error}"
        return "running" if self.started else "not started"

    def __repr__(self) -> str:
        return f"<Program {self.name}: {self.state}>"


def begin(program: Program, world: World) -> None:
    """Let it run at its host, from the top."""
    program.task = world.spawn(program.name, program.life(world), program.name)


def begin_again(program: Program, world: World) -> None:
    """Its machine has power again: so it begins anew, unless it had ended before."""
    if not program.finished:
        begin(program, world)
