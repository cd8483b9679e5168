"""A learner's calls, as they could be typed, in the event stream.

Theory
------
What a program *asked for* belongs into history as much as what then crossed the wire: it is the first
cause. So each public call of a face reports `CallMade` with its text, runs with that record as the cause of
all it sends, and reports `CallReturned` or `CallFailed` when it ends.

Where to report is found by the loop: the simulated one has ``report_for(host)``. On an ordinary loop there
is no such thing, nothing is reported, and the price is one ``is None``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from amqplab.client.waiting import DONE, LAST_CALL, Waiting, describe
from amqplab.trace.events import CallFailed, CallMade, CallReturned, Event
from amqplab.trace.recorder import ACTOR, Report, because

__all__ = ["call_text", "find_report", "reported"]

P = ParamSpec("P")
R = TypeVar("R")


class Reporting(Protocol):
    """Something whose calls are reported: `spoken` is what a learner calls it."""

    spoken: str
    _report: Report | None


S = TypeVar("S", bound=Reporting)


def find_report() -> Report | None:
    """Where the program that runs now reports, or None outside a laboratory."""
    report_for: Callable[[str], Report | None] | None
    report_for = getattr(asyncio.get_running_loop(), "report_for", None)
    return None if report_for is None else report_for(ACTOR.get())


def call_text(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """A call as it could be typed, e.g. ``channel.queue_declare('app', durable=True)``."""
    given = [describe(value) for value in args]
    given += [f"{key}={describe(value)}" for key, value in kwargs.items()]
    return f"{name}({', '.join(given)})"


def reported(function: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Report each call of this method of the async face."""

    @wraps(function)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        report = self._report
        if report is None:
            return function(self, *args, **kwargs)
        seq = report(CallMade, call_text(f"{self.spoken}.{function.__name__}", args, kwargs))
        with because(seq):
            try:
                result = function(self, *args, **kwargs)
            except Exception as error:
                report(CallFailed, seq, describe(error))
                raise
            if isinstance(result, Waiting) and not result.done():
                result.report_to(report, seq)  # it reports its own end
            else:
                LAST_CALL.set(None)
                report(CallReturned, seq, describe(None if result is DONE else result))
        return result

    return call


class Telling(Protocol):
    """The same for the blocking face; `_cause` is what made the last call end. `_report` may be gone when a call
    ends: whose process was stopped in the middle of it, to him it has neither returned nor failed.
    """

    spoken: str

    @property
    def _report(self) -> Report | None: ...

    @property
    def _cause(self) -> int | None: ...


B = TypeVar("B", bound=Telling)


def told(function: Callable[Concatenate[B, P], R]) -> Callable[Concatenate[B, P], R]:
    """Report each call of this method of the blocking face."""

    @wraps(function)
    def call(self: B, /, *args: P.args, **kwargs: P.kwargs) -> R:
        report = self._report
        if report is None:
            return function(self, *args, **kwargs)
        seq = report(CallMade, call_text(f"{self.spoken}.{function.__name__}", args, kwargs))
        try:
            with because(seq):
                result = function(self, *args, **kwargs)
        except Exception as error:
            _tell_end(self, CallFailed, seq, error)
            raise
        _tell_end(self, CallReturned, seq, result)
        return result

    return call


def _tell_end(face: Telling, kind: Callable[[int, str], Event], seq: int, outcome: object) -> None:
    report = face._report
    if report is None:
        return
    with because(seq if face._cause is None else face._cause):
        report(kind, seq, describe(outcome))
