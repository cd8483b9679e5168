"""Pictures that follow: while a lab is live, its stages show what has happened since.

Theory
------
Nobody presses a key for what a real client does, so somebody has to look. Four times a second is as good as
at once for the eye. It costs nothing when nothing was recorded, and no thread: the timer is one of the loop that
the socket lives in, a notebook's own. Making a long run's scene anew takes a while, and the loop stands still
meanwhile; so what a look has cost is multiplied before the next one, and most of the time is always the clients'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from amqplab.trace.recorder import Recorder

__all__ = ["Following", "Picture"]

INTERVAL_S = 0.25
RESTS = 4
"""How many times longer than it took a picture is left alone afterwards."""


class Picture(Protocol):
    """What can follow: a stage."""

    @property
    def recorder(self) -> Recorder:
        """The recording that it shows; it may be another than its lab's."""

    def refresh(self) -> None:
        """Show what was recorded since."""


class Following:
    """Refreshes the pictures of one recording on `loop`, from :meth:`start` to :meth:`stop`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, recorder: Recorder, pictures: Iterable[Picture]
    ) -> None:
        self._loop = loop
        self._recorder = recorder
        self._pictures = pictures
        self._seen = len(recorder)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look."""
        self._timer = self._loop.call_later(INTERVAL_S, self._look)

    def stop(self) -> None:
        """Look once more, for what came last, and no more. Again is harmless."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._refresh()

    def _look(self) -> None:
        began = self._loop.time()
        self._refresh()
        took = self._loop.time() - began
        self._timer = self._loop.call_later(max(INTERVAL_S, RESTS * took), self._look)

    def _refresh(self) -> None:
        if len(self._recorder) == self._seen:
            return
        self._seen = len(self._recorder)
        for picture in list(self._pictures):
            if picture.recorder is self._recorder:
                self._refresh_one(picture)

    def _refresh_one(self, picture: Picture) -> None:
        try:
            picture.refresh()
        except Exception as error:  # a picture must not stop the traffic
            self._loop.call_exception_handler({"message": f"{picture!r} cannot follow", "exception": error})
