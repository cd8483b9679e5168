"""Standard input, output and error, when there is something wrong with them.

Theory
------
A program is given three open streams, as a rule. An operator's script may close one (``>&-``), fill the disk
that one goes to, or read only the first lines of one (``| head``). Of the first the program should notice
nothing; and what is lost of the other two is lines, which is no reason for a broker to end, or to disturb its
clients.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

__all__ = ["open_closed_streams", "silence", "tell"]


def open_closed_streams() -> None:
    """Streams that were closed before the start lead nowhere. Their numbers are taken, too, or the next file
    to be opened would be taken for one of them.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
            setattr(sys, name, os.fdopen(nowhere, "w" if number else "r", encoding="utf-8"))


def tell(line: str, stream: TextIO) -> None:
    """Print a line at once, if there is somebody to read it."""
    try:
        print(line, file=stream, flush=True)
    except (OSError, ValueError):
        silence(stream)


def silence(stream: TextIO) -> None:
    """From now on what is written leads nowhere; so does what waits to be."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
