"""Which routed copies wait for a tx.commit.

Theory
------
In a transaction a message is routed when it is published, and stands in its queues only when it is committed
(TX). So whoever watches where copies are must know which of them may not be there yet: those whose publisher's
channel is in transaction mode and has not asked to commit. A rollback ends their waiting, too.
"""

from __future__ import annotations

from amqplab.lab.checks.check import CopyName, Lane
from amqplab.trace import events as e
from amqplab.trace.recorder import Record
from amqplab.wire.frames import read_frame

__all__ = ["Transactions"]


class Transactions:
    """Which routed copies wait for a tx.commit. A part of a check, which reads and never complains."""

    def __init__(self) -> None:
        self._in_tx: set[Lane] = set()
        self._committing: set[Lane] = set()
        self._publisher: dict[tuple[str, int], Lane] = {}
        self._waiting: dict[Lane, list[CopyName]] = {}
        self._held: dict[CopyName, Lane] = {}

    def mode_selected(self, record: Record, event: e.ModeSelected) -> None:
        lane = (event.connection, event.channel)
        (self._in_tx.add if event.mode == "tx" else self._in_tx.discard)(lane)

    def command(self, record: Record, event: e.CommandReceived) -> None:
        if event.name == "tx.commit":
            self._committing.add((event.connection, event.channel))

    def take_commit(self, connection: str, host: str, octets: bytes) -> None:
        """A tx.commit was received."""
        self._committing.add((connection, read_frame(octets)[1]))

    def published(self, record: Record, event: e.Published) -> None:
        lane = (event.connection, event.channel)
        if lane in self._in_tx:
            self._publisher[record.where, event.message] = lane

    def hold(self, where: str, message: int, names: list[CopyName]) -> None:
        """These copies of a message wait, if it was published in a transaction."""
        lane = self._publisher.pop((where, message), None)
        if lane is not None:
            self._waiting.setdefault(lane, []).extend(names)
            self._held.update(dict.fromkeys(names, lane))

    def holds(self, name: CopyName) -> bool:
        """Whether this copy must not be in its queue yet."""
        lane = self._held.get(name)
        return lane is not None and lane not in self._committing

    def end(self, lane: Lane) -> list[CopyName]:
        """The transaction on this channel is over: all that waited for that."""
        self._committing.discard(lane)
        names = self._waiting.pop(lane, [])
        for name in names:
            self._held.pop(name, None)
        return names
