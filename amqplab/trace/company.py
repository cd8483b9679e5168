"""What goes with something that ends: the bindings and messages of a queue, the channels of a connection.

Theory
------
A sentence must not speak of what was never there: an empty queue loses no messages. Whatever ends with something else
is told before it, one by one, in the same instant and by the same cause. So what goes with it has just gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.recorder import Record

__all__ = ["company"]

Owned = tuple[str, ...]
"""A kind of thing, and whose: ("channel", connection)."""


def company(records: Iterable[Record]) -> dict[int, tuple[str, ...]]:
    """seq of a QueueDeleted, ExchangeDeleted or ConnectionClosed -> in words what goes with it, if anything does."""
    known = Company()
    for record in records:
        read = READERS.get(type(record.event))
        if read is not None:
            read(known, record, record.event)
    return known.found


class Company:
    """What has just gone, record by record."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[str, ...]] = {}
        self._gone: dict[Owned, tuple[tuple[int, int | None], int]] = {}  # when and by what -> how many

    def _goes(self, record: Record, *owned: str) -> None:
        """One more of these."""
        self._gone[owned] = (record.at, record.cause), self._many(record, *owned) + 1

    def _many(self, record: Record, *owned: str) -> int:
        """How many of these have gone in this instant, by the same cause."""
        moment, many = self._gone.get(owned, (None, 0))
        return many if moment == (record.at, record.cause) else 0

    def _tell(self, record: Record, *those: tuple[int, str, str]) -> None:
        words = tuple(one if many == 1 else more for many, one, more in those if many)
        if words:
            self.found[record.seq] = words

    # --- one method per kind of record -------------------------------------------------------------------

    def _discarded(self, record: Record, event: e.Discarded) -> None:
        self._goes(record, "message", event.vhost, event.queue)

    def _unbound(self, record: Record, event: e.Unbound) -> None:
        self._goes(record, "binding", event.vhost, "exchange", event.source)
        self._goes(record, "binding", event.vhost, event.kind, event.destination)

    def _channel_closed(self, record: Record, event: e.ChannelClosed) -> None:
        self._goes(record, "channel", event.connection)

    def _queue_deleted(self, record: Record, event: e.QueueDeleted) -> None:
        bindings = self._many(record, "binding", event.vhost, "queue", event.queue)
        messages = self._many(record, "message", event.vhost, event.queue)
        self._tell(
            record, (bindings, "its binding", "its bindings"), (messages, "its message", "its messages")
        )

    def _exchange_deleted(self, record: Record, event: e.ExchangeDeleted) -> None:
        """An exchange that deletes itself does so because its last binding had gone."""
        if event.reason != "auto-delete":
            bindings = self._many(record, "binding", event.vhost, "exchange", event.exchange)
            self._tell(record, (bindings, "its binding", "its bindings"))

    def _connection_closed(self, record: Record, event: e.ConnectionClosed) -> None:
        channels = self._many(record, "channel", event.connection)
        self._tell(record, (channels, "its channel", "all its channels"))


READERS: dict[type[e.Event], Callable[[Company, Record, Any], None]] = {
    e.Discarded: Company._discarded,
    e.Unbound: Company._unbound,
    e.ChannelClosed: Company._channel_closed,
    e.QueueDeleted: Company._queue_deleted,
    e.ExchangeDeleted: Company._exchange_deleted,
    e.ConnectionClosed: Company._connection_closed,
}
