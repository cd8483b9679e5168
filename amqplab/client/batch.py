"""Waiting for the confirms of many publishes at once.

Theory
------
Waiting for each confirm costs a round trip per message. Confirms need no such waiting: publish many, then
wait for all. What is lost is which one failed; whoever needs that keeps the future of each publish, or
listens with ``add_on_confirm_callback``.

A message that was returned *is* confirmed: the broker has dealt with it (CONF-03). A refused one (basic.nack)
makes the answer False. A closed channel or a lost connection leaves it open what became of them: an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from amqplab.client.exceptions import NackError, UnroutableError
from amqplab.client.waiting import Waiting

__all__ = ["Batch"]


class Settling(Protocol):
    """The channel of a batch."""

    loop: Any

    def take_refused(self) -> int: ...


class Batch:
    """Some confirms that are due, and the one who waits for all of them."""

    def __init__(self, channel: Settling, due: Sequence[Waiting[None]], waiting: Waiting[bool]) -> None:
        self._channel = channel
        self._due = due
        self._left = len(due)
        self._waiting = waiting

    def watch(self, timeout: float | None) -> None:
        """Answer when the last one is settled; TimeoutError after `timeout` seconds."""
        for each in self._due:
            each.add_done_callback(self._settled)
        if not self._due:
            self._waiting.succeed(self._channel.take_refused() == 0)
        elif timeout is not None:
            late = TimeoutError(f"Not all of {len(self._due)} publishes were confirmed within {timeout:g} s.")
            timer = self._channel.loop.call_later(timeout, self._waiting.fail, late)
            self._waiting.add_done_callback(lambda _: timer.cancel())

    def _settled(self, confirm: Any) -> None:
        self._left -= 1
        error = None if confirm.cancelled() else confirm.exception()
        if error is not None and not isinstance(error, NackError | UnroutableError):
            self._waiting.fail(error)
        elif not self._left and not self._waiting.done():
            self._waiting.succeed(self._channel.take_refused() == 0)
