"""Consumer timeout: deliveries that nobody acknowledges.

Theory
------
An unacknowledged delivery keeps its message from everybody else. A consumer that hangs would keep it for
ever, so once a minute each channel looks at its oldest unacknowledged delivery, basic.get's included. One
that is older than the limit, half an hour unless configured, costs the channel (LIMIT-13).

The minutes (`channel_tick_ms`) are counted from the opening of the channel. As long as nothing is outstanding
there is nothing to look at, and no deadline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqplab.broker.timers import MILLISECOND, Deadline
from amqplab.errors import PreconditionFailed

if TYPE_CHECKING:
    from amqplab.broker.channel import Channel

__all__ = ["Patience"]


class Patience:
    """One channel's patience with its client; `limit_ms` None is endless. While `idle`, no look is planned,
    and one has to be as soon as something is outstanding.
    """

    __slots__ = ("_channel", "_deadline", "_limit_ms", "_opened", "_tick", "idle")

    def __init__(self, channel: Channel, limit_ms: int | None) -> None:
        self._channel = channel
        self._limit_ms = limit_ms
        self._opened = channel.broker.now
        self._tick = channel.broker.config.channel_tick_ms * MILLISECOND
        self._deadline: Deadline | None = None
        self.idle = limit_ms is not None

    def begin(self, since: int) -> None:
        """Something is outstanding since then (ns): plan the look that may find it too old."""
        assert self._limit_ms is not None
        too_old = since + self._limit_ms * MILLISECOND + 1
        ticks = -((self._opened - too_old) // self._tick)
        self._deadline = self._channel.broker.deadlines.at(self._opened + ticks * self._tick, self._look)
        self.idle = False

    def _look(self, now: int) -> None:
        assert self._limit_ms is not None
        channel = self._channel
        self._deadline = None
        self.idle = True
        oldest = next(iter(channel.ledger), None)
        if oldest is None or channel.state != "open":
            return
        if now - oldest.since <= self._limit_ms * MILLISECOND:
            self.begin(oldest.since)
            return
        channel.fail(
            PreconditionFailed(
                f"delivery acknowledgement on channel {channel.number} timed out. "
                f"Timeout value used: {self._limit_ms} ms. "
                "This timeout value can be configured, see consumers doc guide to learn more"
            )
        )

    def end(self) -> None:
        """The channel ends."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
