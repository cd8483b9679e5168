"""Waiting for an answer, in a way that says what for.

Theory
------
A call of the async face sends its octets *at once* and returns something to await. So calls can be
pipelined by nothing more than not awaiting them yet. What comes back is a :class:`Waiting`: a future that
knows, in words, what it waits for ("queue.declare-ok on channel 1"). When a simulation has nothing left to
do and somebody still waits, those words are the report.

A call without an answer (basic.ack, an unconfirmed publish) returns :data:`DONE`, which is awaitable and
does not wait, unless TCP has asked for a pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any, TypeVar

from amqplab.trace.events import CallFailed, CallReturned
from amqplab.trace.recorder import Report, because

__all__ = ["DONE", "LAST_CALL", "Done", "Waiting"]

T = TypeVar("T")


class Done:
    """Nothing to wait for."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield  # makes this a generator that ends at once

    def __repr__(self) -> str:
        return "DONE"


DONE = Done()

LAST_CALL: ContextVar[tuple[int, tuple[object, float]] | None] = ContextVar("amqplab.last_call", default=None)
"""The call that the running code has made last, if it is waited for: its record, by which task, and when."""


class Waiting(asyncio.Future[T]):
    """A future with ``waiting_for``: what is due, in words. It is `for_message` if what is due is nobody's
    answer, but a message that somebody may publish.

    ``shape`` turns the raw answer into the call's result. When the call is reported (`report`, `call_seq`),
    its end is reported before whoever waits goes on, so that what they do next has that end as its cause.

    ``await channel.call()`` returns with the answer. Who does not await a call where it stands has its future at once
    and goes on, and the answer comes when it comes: so the report says whether it was `awaited`.
    """

    def __init__(
        self,
        waiting_for: str,
        loop: asyncio.AbstractEventLoop,
        shape: Callable[[Any], T] | None = None,
        *,
        for_message: bool = False,
    ) -> None:
        super().__init__(loop=loop)
        self.waiting_for = waiting_for
        self.for_message = for_message
        self.report: Report | None = None
        self.call_seq = 0
        self.awaited = False
        self._shape = shape

    def __await__(self) -> Generator[Any, None, T]:
        if self.report is not None and not self.done():
            self.awaited = self.awaited or (self.call_seq, self._here()) == LAST_CALL.get()
        return super().__await__()

    def report_to(self, report: Report, call_seq: int) -> None:
        """Report the end of the call that has just been made."""
        self.report, self.call_seq = report, call_seq
        LAST_CALL.set((call_seq, self._here()))

    def _here(self) -> tuple[object, float]:
        """Whose code runs, and when."""
        return asyncio.current_task(self.get_loop()), self.get_loop().time()

    def answered(self, method: Any, command: Any) -> None:
        """The reply came: `command` when it has content, `method` always."""
        self.succeed(method if command is None else command)

    def succeed(self, answer: Any = None) -> None:
        """The answer is here. Nobody waits any more if the future was cancelled."""
        if self.done():
            return
        result = answer if self._shape is None else self._shape(answer)
        if self.report is None:
            self.set_result(result)
            return
        with because(self.report(CallReturned, self.call_seq, describe(result), self.awaited)):
            self.set_result(result)

    def fail(self, error: Exception) -> None:
        """There will be no answer, because of `error`."""
        if self.done():
            return
        if self.report is None:
            self.set_exception(error)
            return
        with because(self.report(CallFailed, self.call_seq, describe(error), self.awaited)):
            self.set_exception(error)


def describe(value: object) -> str:
    """A value in one short line that prints the same everywhere: no addresses, long bodies cut."""
    if isinstance(value, bytes | str) and len(value) > LONGEST:
        unit = "octets" if isinstance(value, bytes) else "characters"
        return f"{value[:SHOWN]!r}… ({len(value)} {unit})"
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        inside = ", ".join(map(describe, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    if type(value).__repr__ is object.__repr__ or isinstance(value, Generator):
        return f"<{type(value).__name__}>"
    return repr(value)


LONGEST = 60  # octets or characters that are shown whole
SHOWN = 40
