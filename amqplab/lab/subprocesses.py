"""Another process: a function from a notebook, run by a Python of its own.

Theory
------
"Works with pika" is easily said of a client that lives in the same process as the broker: who knows what
they share? So a lesson that wants to be believed runs pika elsewhere. What crosses over is text: the source
of one function, its arguments, and back what it printed. The function must therefore import what it needs
itself.

The other process never outlives the call: it is killed when it takes too long and when the cell is
interrupted, and it ends itself when the notebook is gone, which it learns from its standard input: that is
a pipe whose other end only the notebook has.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import textwrap
from collections.abc import Callable
from typing import Any

from amqplab.lab.errors import LabError
from amqplab.trace.dissection import Text
from amqplab.trace.units import Time, as_nanoseconds

__all__ = ["in_another_process"]


async def in_another_process(function: Callable[..., Any], *args: Any, timeout: Time = "30 s") -> Text:
    """Run ``function(*args)`` in a Python process of its own, and return what it printed.

    Only the function's source and the reprs of the arguments go there, so it must import what it uses.
    Raises LabError, with its last words, if it fails, or if it takes longer than `timeout` of real time.
    """
    program = END_WITH_THE_NOTEBOOK + program_text(function, args)
    seconds = as_nanoseconds(timeout, "timeout") / 1e9
    process = await started(program)
    assert process.stdout is not None and process.stderr is not None
    try:
        async with asyncio.timeout(seconds):
            said, complaint, _ = await asyncio.gather(
                process.stdout.read(), process.stderr.read(), process.wait()
            )
    except TimeoutError:
        raise LabError(
            f"{function.__name__}() did not end within {timeout} and was stopped: does it wait for something "
            "that nobody sends?"
        ) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise LabError(f"{function.__name__}() failed in its own process: {last_words(complaint)}")
    return Text(said.decode(errors="replace").rstrip())


END_WITH_THE_NOTEBOOK = """\
import os, sys, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
"""


def program_text(function: Callable[..., Any], args: tuple[Any, ...]) -> str:
    """A program that defines `function` and calls it."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (TypeError, OSError) as error:
        raise LabError(f"{function!r} has no source to run elsewhere: define it in a cell.") from error
    name = function.__name__
    if not name.isidentifier():
        raise LabError("A lambda cannot be run elsewhere: write it as a function, with 'def'.")
    call = f"{name}(*{args!r})"
    if inspect.iscoroutinefunction(function):
        call = f"__import__('asyncio').run({call})"
    return f"{source}\n\n{call}\n"


async def started(program: str) -> asyncio.subprocess.Process:
    """A Python that runs `program`. Raises LabError where there can be no second process."""
    pipe = asyncio.subprocess.PIPE
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdin=pipe, stdout=pipe, stderr=pipe
        )
    except (OSError, NotImplementedError) as error:  # the second is what a browser's loop says
        raise LabError(
            "No other process can be started here (in a browser there is none): run this lesson in "
            "JupyterLab on a computer."
        ) from error


def last_words(complaint: bytes) -> str:
    """The last line of a traceback; and what to install, if that was the matter."""
    lines = complaint.decode(errors="replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing").rstrip(".")
    missing = said.removeprefix("ModuleNotFoundError: No module named ")
    return f"{said}." if missing == said else f"{said}. Install it: pip install {missing.strip(chr(39))}"
