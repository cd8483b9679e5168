"""Processes: who runs, at which host, and whether it runs at all.

Theory
------
In the simulation everything is a callback of one event loop, so nothing says by itself on whose behalf a
callback runs. A context variable does. Each host of the lab has one *process*; its number is set in the
context of its programs, and asyncio copies that context into every task and timer that they make. Callbacks
of the network (octets have arrived) belong to nobody's context, so a :class:`AtHome` enters the process on
their behalf.

That is all it takes to stop a process in the middle of whatever it does:

    frozen    calls made for it are kept back, and made, in their order, when it is thawed
    dead      calls made for it are dropped, for ever; a new process may live at the same host

A frozen process does not read its sockets. Its operating system goes on: it acknowledges what comes in
until the receive window is full.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Any, cast

from amqplab.trace.recorder import ACTOR, CAUSE

__all__ = ["PROCESS", "AtHome", "Process"]

PROCESS: ContextVar[Process | None] = ContextVar("amqplab.process", default=None)
"""The process on whose behalf code runs; None for the network and the broker."""


class Process:
    """What runs at one host."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.frozen = False
        self.dead = False
        self.at_prompt = False
        """A cell has connected from here: the process is the notebook's, too."""
        self.ending = False
        """It dies with a change that comes after this very callback."""
        self.held: list[Callable[[], Any]] = []
        self._context = copy_context()
        self._context.run(ACTOR.set, host)
        self._context.run(CAUSE.set, None)
        self._context.run(PROCESS.set, self)

    @property
    def stopped(self) -> bool:
        """Frozen or dead."""
        return self.frozen or self.dead

    def context(self) -> Context:
        """A context to run in on behalf of this process, with the cause that is in charge now."""
        context = self._context.copy()
        context.run(CAUSE.set, CAUSE.get())
        return context

    def enter(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call `function` on behalf of this process; later if it is frozen, never if it is dead."""
        if self.dead:
            return None
        if self.frozen:
            cause = CAUSE.get()
            self.held.append(lambda: self._call(cause, function, args))
            return None
        return self._call(CAUSE.get(), function, args)

    def _call(self, cause: int | None, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        context = self._context.copy()
        context.run(CAUSE.set, cause)
        return context.run(function, *args)

    def __repr__(self) -> str:
        state = "dead" if self.dead else "frozen" if self.frozen else "running"
        return f"<Process at {self.host}: {state}>"


class AtHome(asyncio.Protocol):
    """A protocol whose callbacks run on behalf of the process that it belongs to."""

    def __init__(self, inner: asyncio.BaseProtocol, process: Process) -> None:
        self.inner = cast(asyncio.Protocol, inner)
        self._enter = process.enter

    @property
    def transport(self) -> Any:
        """The transport that the inner protocol writes to."""
        return getattr(self.inner, "transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._enter(self.inner.connection_made, transport)

    def data_received(self, data: bytes) -> None:
        self._enter(self.inner.data_received, data)

    def eof_received(self) -> bool | None:
        return cast("bool | None", self._enter(self.inner.eof_received))

    def connection_lost(self, exc: Exception | None) -> None:
        self._enter(self.inner.connection_lost, exc)

    def pause_writing(self) -> None:
        self._enter(self.inner.pause_writing)

    def resume_writing(self) -> None:
        self._enter(self.inner.resume_writing)

    def __repr__(self) -> str:
        return f"<AtHome: {self.inner!r}>"
