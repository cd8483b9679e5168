"""A progress bar, and only for whoever waits long enough to want one.

Theory
------
Virtual hours are short: most runs end before a bar could be drawn, and a lesson's output must be the same
on every machine. So nothing appears in the first second and a half of *real* time, the only real time that
the lab ever looks at; what appears then is gone again when the run is done. Where not even that may be seen,
as in a notebook that is compared with its stored outputs, the environment says ``AMQPLAB_PROGRESS=off``.
"""

from __future__ import annotations

import os
import time
from typing import Any

__all__ = ["Progress"]

PATIENCE_S = 1.5
BETWEEN_S = 0.2
WITHOUT_END = "{desc}: {n:.3f} s of virtual time"
WITH_END = "{desc}: {percentage:3.0f}%|{bar}| {n:.3f} of {total:.3f} s of virtual time"
NEVER = float("inf")
LOOK_EVERY = 2048  # callbacks between two looks at the real clock


class Progress:
    """Told of each callback; shows a bar of virtual time when a run takes long. Use it in a `with`."""

    def __init__(self, what: str, start: int, end: int | None) -> None:
        self._what = what
        self._start = start
        self._end = end
        self._next_look = time.monotonic() + PATIENCE_S
        self._count = 0
        self._bar: Any = None
        if os.environ.get("AMQPLAB_PROGRESS") == "off":
            self._next_look = NEVER

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, now: int) -> None:
        """One more callback was run; the virtual time is `now` in ns."""
        self._count += 1
        if self._count % LOOK_EVERY == 0 and time.monotonic() > self._next_look:
            self._next_look = time.monotonic() + BETWEEN_S
            self._show(now)

    def _show(self, now: int) -> None:
        if self._bar is None:
            try:
                from tqdm.auto import tqdm  # type: ignore[import-untyped]
            except ImportError:
                self._next_look = NEVER
                return
            total = None if self._end is None else (self._end - self._start) / 1e9
            shape = WITHOUT_END if total is None else WITH_END
            self._bar = tqdm(desc=self._what, total=total, leave=False, bar_format=shape)
        self._bar.n = (now - self._start) / 1e9
        self._bar.refresh()
