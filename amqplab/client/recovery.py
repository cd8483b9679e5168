"""Connection recovery: connect again, declare again, go on.

Theory
------
A lost connection takes with it what was in flight, and the broker forgets what was the connection's own. A
client that is to survive that has to do four things, in this order:

1. **connect again**, but not at once and not all clients together: *exponential backoff* doubles the pause
   after each failure, up to a limit, and *jitter* takes a random part off it, so that a thousand clients of
   a restarted broker do not come in step;
2. **declare again** what the connection had set up (:mod:`amqplab.client.topology`);
3. **open the channels again**, with their numbers, modes, windows and consumers;
4. **go on**: calls made meanwhile have waited, and are sent now.

What it cannot do is make the loss unseen. A call that was under way *fails* with the error that broke the
connection: whether the broker carried it out is unknown, and only the program can know whether doing it
twice is harmless. The same holds for a publish that was not confirmed; with ``republish_unconfirmed`` it is
published again, which turns "at most once" into "at least once": there may be duplicates. Deliveries of
before come again, and acknowledging an old one is ignored (:mod:`amqplab.client.stale`).

Where a thing cannot be restored (the queue exists meanwhile, but is another kind of queue) it is reported,
forgotten, and the rest goes on.

Only what breaks a connection from outside is recovered from: a lost transport and a forced close (CONN-62 …
CONN-66). A close that the program has earned with an error of its own would come again at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amqplab.client.waiting import Waiting
from amqplab.errors import AMQPError, ConnectionForced, ConnectionLost, ResourceLocked, SoftError, UsageError
from amqplab.wire.methods import Basic, Method, Queue

if TYPE_CHECKING:
    from amqplab.client.lifeline import Lifeline

__all__ = ["RECOVERABLE", "Backoff", "Recoverer", "Recovery"]

RECOVERABLE = (ConnectionLost, ConnectionForced)
FAILED_ATTEMPT = (ConnectionLost, AMQPError, UsageError)
LOCKED_TRIES = 8
"""How often an exclusive queue is asked for that the broker still keeps for the connection that broke."""

OnLost = Callable[[Any, Exception], Any]
OnRecovered = Callable[[Any], Any]
OnProblem = Callable[[Any, Method, Exception], Any]
OnRenamed = Callable[[Any, str, str], Any]


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """How to recover. Pauses are in seconds.

    ``first_pause`` doubles up to ``longest_pause``; ``jitter`` is the part of a pause, 0 to 1, that chance
    may take off. ``attempts`` limits how often in a row it is tried, None is for ever.
    ``chance() -> [0, 1)`` and ``sleep(seconds)`` are the only sources of randomness and time; without
    ``chance`` a simulated loop gets a generator seeded with the connection's first name, so that a
    simulation repeats itself.

    Callbacks: ``on_lost(connection, error)``, ``on_recovered(connection)``, ``on_problem(connection, method,
    error)`` for what could not be restored, ``on_queue_renamed(connection, old, new)`` for queues that the
    broker names. Raises UsageError for impossible values.
    """

    first_pause: float = 1.0
    longest_pause: float = 30.0
    jitter: float = 0.5
    attempts: int | None = None
    republish_unconfirmed: bool = False
    chance: Callable[[], float] | None = None
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    on_lost: OnLost | None = None
    on_recovered: OnRecovered | None = None
    on_problem: OnProblem | None = None
    on_queue_renamed: OnRenamed | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.first_pause <= self.longest_pause:
            raise UsageError("The pauses of a recovery must be 0 <= first_pause <= longest_pause seconds.")
        if not 0 <= self.jitter <= 1:
            raise UsageError(
                f"jitter is the part of a pause that chance may take off, 0 to 1: {self.jitter!r}."
            )
        if self.attempts is not None and self.attempts < 1:
            raise UsageError("attempts must be 1 or more, or None for no limit.")


class Backoff:
    """The pauses of one recovery: each twice the one before, within the limit, less the jitter."""

    def __init__(self, recovery: Recovery, chance: Callable[[], float]) -> None:
        self._recovery = recovery
        self._chance = chance
        self._pause = recovery.first_pause

    def next(self) -> float:
        """The next pause, in seconds."""
        pause = self._pause
        self._pause = min(2 * pause, self._recovery.longest_pause)
        return pause * (1 - self._recovery.jitter * self._chance())


def chance_for(loop: asyncio.AbstractEventLoop, name: str) -> Callable[[], float]:
    """Where jitter comes from: on a simulated loop always the same numbers for the same connection."""
    return random.Random(name if hasattr(loop, "time_ns") else None).random


class Recoverer:
    """Brings one connection back. `run` is the task of one recovery."""

    def __init__(self, connection: Lifeline, recovery: Recovery) -> None:
        self.connection = connection
        self.recovery = recovery
        self._chance = recovery.chance or chance_for(connection.loop, connection.name)
        self._spare: int | None = None

    async def run(self, error: Exception) -> None:
        """Try until the connection is back, or the attempts are used up; then it ends with the last error."""
        backoff = Backoff(self.recovery, self._chance)
        failures = 0
        while True:
            await self.recovery.sleep(backoff.next())
            try:
                await self.connection.dial()
                await self._restore(backoff)
            except FAILED_ATTEMPT as failure:
                await self._drop()
                error, failures = failure, failures + 1
                if self.recovery.attempts is not None and failures >= self.recovery.attempts:
                    self.connection.give_up(error)
                    return
            else:
                self.connection.recovered()
                return

    async def _drop(self) -> None:
        """A try failed half-way: end its transport before the next one."""
        self.connection.abort()
        with suppress(*FAILED_ATTEMPT):
            await self.connection.transport_ended()

    async def _restore(self, backoff: Backoff) -> None:
        """Declare again, then open the channels again."""
        topology = self.connection.topology
        self._spare = None
        for name, declared in topology.declarations():
            if isinstance(declared, Queue.Declare):
                await self._declare_queue(name, declared, backoff)
            else:
                await self._again(declared)
        for binding in topology.bindings_again():
            await self._again(binding)
        if self._spare is not None:
            await self.connection.close_number(self._spare)
        for number in self.connection.channel_numbers():
            await self._restore_channel(number)

    # --- declaring ---

    async def _declare_queue(self, name: str, declared: Queue.Declare, backoff: Backoff) -> None:
        """A queue that was exclusive may be kept for the broken connection a while longer (CONN-60)."""
        for _ in range(LOCKED_TRIES):
            try:
                reply = await self._on_spare(declared)
            except ResourceLocked as error:
                locked: SoftError = error
                await self.recovery.sleep(backoff.next())
            except SoftError as error:
                return self._problem(declared, error, name)
            else:
                return self._declared(name, reply.queue)
        return self._problem(declared, locked, name)

    def _declared(self, old: str, new: str) -> None:
        if old != new:
            self.connection.topology.rename_queue(old, new)
            self.connection.tell(self.recovery.on_queue_renamed, old, new)

    async def _again(self, method: Method) -> None:
        try:
            await self._on_spare(method)
        except SoftError as error:
            self._problem(method, error)

    async def _on_spare(self, method: Method) -> Any:
        """Send on a channel of our own, which an error may close without harm; returns the reply."""
        if self._spare is None:
            self._spare = await self.connection.open_number(None)
        try:
            return await self.connection.ask_number(self._spare, method)
        except SoftError:
            self._spare = None
            raise

    def _problem(self, method: Any, error: Exception, name: str = "") -> None:
        """It cannot be restored: never mind it, and tell."""
        if isinstance(method, Queue.Declare):
            self.connection.topology.queues.pop(name, None)
        else:
            self.connection.topology.forget(method)
        self.connection.tell(self.recovery.on_problem, method, error)

    # --- channels ---

    async def _restore_channel(self, number: int) -> None:
        """Open it again and repeat its steps; without the step that closes it, if one does."""
        while True:
            await self.connection.reopen(number)
            setup = self.connection.topology.channels.get(number)
            if setup is None:
                return
            failed = await self._repeat(number, [*filter(None, [setup.mode]), *setup.steps])
            if failed is None:
                return
            method, error = failed
            if isinstance(method, Basic.Consume):
                self.connection.consumer_lost(number, method.consumer_tag)
            self._problem(method, error)

    async def _repeat(self, number: int, steps: list[Any]) -> tuple[Any, Exception] | None:
        for method in steps:
            try:
                await self.connection.ask_number(number, method)
            except SoftError as error:
                return method, error
        return None


class Held:
    """Calls that wait for the connection to come back, in the order in which they were made."""

    def __init__(self) -> None:
        self._calls: list[tuple[Callable[[], Any], Waiting[Any] | None]] = []

    def add(self, send: Callable[[], Any], call: Waiting[Any] | None) -> None:
        """`send()` is due later; `call` is told if it fails."""
        if call is not None:
            call.waiting_for += " (held until the connection is back)"
        self._calls.append((send, call))

    def release(self) -> None:
        """Send them all."""
        calls, self._calls = self._calls, []
        for send, call in calls:
            try:
                send()
            except Exception as error:  # told to whoever made the call
                if call is not None:
                    call.fail(error)

    def fail(self, error: Exception) -> None:
        """They will never be sent."""
        calls, self._calls = self._calls, []
        for _, call in calls:
            if call is not None:
                call.fail(error)
