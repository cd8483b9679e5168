"""What a run says when it is over: how late it is, and who still waits for what.

Theory
------
A run without a given end is over when nothing more can happen. That is often just right: the consumer has
done its work and waits for more. It may also be the clue to a mistake: two programs that wait for each
other. Only the author can tell which, so the lab does not judge, but always says it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from amqplab.lab.programs import Program
from amqplab.lab.world import World, waiting_for
from amqplab.trace.words import duration

__all__ = ["RunReport", "report_on"]


class RunReport(NamedTuple):
    """`now` is the virtual time in words; `waiting` maps each unfinished program to what it waits for."""

    now: str
    waiting: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return " ".join([f"It is {self.now}.", *(f"{name!r} {what}." for name, what in self.waiting)])


def report_on(world: World, programs: Mapping[str, Program]) -> RunReport:
    """How things stand now."""
    unfinished = [(name, one.task) for name, one in programs.items() if not one.finished]
    waiting = tuple((name, _state(world, name, task)) for name, task in unfinished if task is not None)
    return RunReport(duration(world.now), waiting)


def _state(world: World, name: str, task: asyncio.Task[object]) -> str:
    process = world.process_at(name)
    if process.frozen:
        return "is frozen"
    what = waiting_for(task)
    if what:
        return f"waits for {what}"
    frames = task.get_stack(limit=1)
    place = f" in line {frames[0].f_lineno} of {frames[0].f_code.co_name}()" if frames else ""
    return f"waits{place}"
