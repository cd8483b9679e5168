"""Who waits for what, when nothing can happen any more.

Theory
------
In virtual time a wait that nobody will end is visible at once: the clock has nothing planned. That is the
moment to say which task stands where, in the words of the learner's own code, instead of hanging as a real
program would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

__all__ = ["Deadlock", "waiting_tasks"]


class Deadlock(Exception):
    """Nothing is left to do, and somebody still waits: the text says who, at which line, and for what."""

    nothing_left_to_do = True  # for who waits in a loop, and may just as well end it


def waiting_tasks(tasks: Iterable[asyncio.Task[Any]], now: int) -> str:
    """The report: one line a task."""
    lines = [f"  {_describe(task)}" for task in tasks if not task.done()]
    head = f"Nothing is left to do at {now / 1e9:.9g} s of virtual time, but these still wait:"
    return "\n".join([head, *lines])


def _describe(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack()
    place = ""
    if frames:
        frame = frames[0]
        file, function = PurePath(frame.f_code.co_filename).name, frame.f_code.co_name
        place = f" at line {frame.f_lineno} of {file} in {function}()"
    future = getattr(task, "_fut_waiter", None)
    what = getattr(future, "waiting_for", None)
    waits = (
        f", waiting for {what}"
        if what
        else ", waiting for a future that nobody will resolve"
        if future
        else ""
    )
    return f"{task.get_name()}{place}{waits}"
