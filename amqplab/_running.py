"""Run an event loop inside another one that is already running in this thread.

Theory
------
asyncio allows one running loop per thread, and keeps a marker of which it is, so that
``get_running_loop()`` works and two loops do not trip over each other. In a Jupyter cell the kernel's loop
*is* running: a notebook that wants to drive a second loop (virtual time, or a private one for blocking
calls) finds the place taken.

The marker only says whose turn it is. While the outer loop waits for the cell to return, the inner loop may
have it: take the marker away, run, put it back. From Python 3.12 on the same holds for the *current task*,
which the outer loop has (the cell runs in a task), and which from 3.14 on is kept once per thread and would
be in the inner loop's way.
"""

from __future__ import annotations

import asyncio
from asyncio import events, tasks
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["without_running_loop"]


@contextmanager
def without_running_loop() -> Iterator[None]:
    """Inside, this thread has no running loop and no current task; afterwards it has them again."""
    outer = events._get_running_loop()
    if outer is None:
        yield
        return
    task = asyncio.current_task(outer)
    if task is not None:
        _leave(outer, task)
    events._set_running_loop(None)
    try:
        yield
    finally:
        events._set_running_loop(outer)
        if task is not None:
            _enter(outer, task)


def _leave(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    tasks._leave_task(loop, task)


def _enter(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    tasks._enter_task(loop, task)
