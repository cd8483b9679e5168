"""How events are reported, as types: what a reporter may say is what the event's fields allow.

Theory
------
A reporter passes an event's class and the values of its fields, not an event, because events are built only
when somebody looks (:mod:`amqplab.trace.recorder`). A plain ``Callable[..., int]`` would let any values
through, and a wrong one would be found when a picture is drawn, far from its cause. The protocols here say:
*these are the arguments with which you would make the event*. A type checker compares each report with the
event's fields; at run time there is nothing of it.

The fields are given by position. (The types would allow names too, the recorder does not.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, cast

from amqplab.trace.events import Event

__all__ = ["Report", "ReportAt", "ReportBecause", "TellAt", "report_at", "report_because"]

P = ParamSpec("P")


class Report(Protocol):
    """``report(EventClass, *fields) -> seq``: what every floor is given, already bound to its place."""

    def __call__(self, kind: Callable[P, Event], /, *fields: P.args, **named: P.kwargs) -> int: ...


class ReportAt(Protocol):
    """``report(place, EventClass, *fields) -> seq``."""

    def __call__(
        self, where: str, kind: Callable[P, Event], /, *fields: P.args, **named: P.kwargs
    ) -> int: ...


class TellAt(Protocol):
    """The same where it may be that nothing is recorded: then there is no seq."""

    def __call__(
        self, where: str, kind: Callable[P, Event], /, *fields: P.args, **named: P.kwargs
    ) -> int | None: ...


class ReportBecause(Protocol):
    """``report(cause, place, EventClass, *fields) -> seq``."""

    def __call__(
        self, cause: int, where: str, kind: Callable[P, Event], /, *fields: P.args, **named: P.kwargs
    ) -> int: ...


def report_at(method: Callable[..., int]) -> ReportAt:
    """The method itself, known to the type checker as a :class:`ReportAt`."""
    return cast(ReportAt, method)


def report_because(method: Callable[..., int]) -> ReportBecause:
    """The method itself, known to the type checker as a :class:`ReportBecause`."""
    return cast(ReportBecause, method)
