"""Ctrl-C, and the kernel's stop button, between two callbacks.

Theory
------
A keyboard interrupt may strike between any two instructions, and half a callback leaves half a state: a
segment taken out of one buffer and not put into the next. So while the lab drives the world, the first
interrupt only leaves a note, and the run ends after the callback that is being made: world and kernel stay
usable. If that callback never ends (somebody wrote ``while True: pass``), a second interrupt strikes at
once.

Signals can be handled in the main thread only, and not everywhere; elsewhere nothing is changed.
"""

from __future__ import annotations

import signal
import threading
from typing import Any

__all__ = ["Interrupts"]


class Interrupts:
    """Inside the `with`, the first interrupt sets ``pending``."""

    def __init__(self) -> None:
        self.pending = False
        self._before: Any = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):
                self._before = before
                signal.signal(signal.SIGINT, self._noted)
        return self

    def _noted(self, number: int, frame: Any) -> None:
        if self.pending:
            self._before(number, frame)
        self.pending = True

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
