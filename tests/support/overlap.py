"""Let tests that mostly wait do so at the same time.

Theory
------
RabbitMQ makes bad peers wait three seconds, handshakes ten, closes thirty. Forty such conversations one
after the other would take minutes, side by side they take as long as the longest. So the tests marked
``waits`` are started together, each in a thread, as soon as their broker is first used; the test itself
then only collects its outcome. In virtual time nothing waits, and they run as all others.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any

__all__ = ["Overlap"]


class Overlap:
    """The running conversations, by test id."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Future[None]] = {}

    def start(self, name: str, conversation: Callable[..., None], **arguments: Any) -> None:
        """Run a test's body in a thread of its own, unless it was started before."""
        if name in self._outcomes:
            return
        outcome = self._outcomes[name] = Future[None]()

        def run() -> None:
            try:
                conversation(**arguments)
            except BaseException as error:
                outcome.set_exception(error)
            else:
                outcome.set_result(None)

        Thread(target=run, name=name, daemon=True).start()

    def collect(self, name: str, timeout_s: float) -> None:
        """Wait for the outcome, and fail as the conversation failed."""
        self._outcomes[name].result(timeout_s)
