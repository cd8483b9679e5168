"""Conservation: a copy in a queue is in one place, and none appears or vanishes without a reason.

Theory
------
Every copy is ready, held, rejected or gone, and each event of a queue moves it from one of these to another; a
move from where the copy was not is a complaint. What was routed to a queue is *owed* to it until it stands there
or is refused: a debt that is left when nothing moves any more is a message that vanished.
"""

from __future__ import annotations

from collections.abc import Iterator

from amqplab.lab.checks.check import Check, Complaint, CopyName, copy_of
from amqplab.lab.checks.transactions import Transactions
from amqplab.trace import events as e
from amqplab.trace.recorder import Record
from amqplab.wire.methods import Tx

__all__ = ["Conservation"]


class Conservation(Check):
    """No copy of a message appears from nothing, doubles, or vanishes without a reason."""

    name = "conservation"
    sentence = "Every copy in a queue is ready, held by a consumer, or gone for a named reason."

    def __init__(self) -> None:
        super().__init__()
        self._copies: dict[CopyName, str] = {}
        self._owed: dict[CopyName, int] = {}
        self._letters: set[tuple[str, int]] = set()
        self._transactions = Transactions()
        self.takes = {Tx.Commit.prefix: self._transactions.take_commit}
        self.reads = {
            e.ModeSelected: self._transactions.mode_selected,
            e.CommandReceived: self._transactions.command,
            e.Published: self._transactions.published,
            e.Routed: self._routed,
            e.TransactionEnded: self._transaction_ended,
            e.Enqueued: self._enqueued,
            e.Delivered: self._delivered,
            e.Acknowledged: self._acknowledged,
            e.Rejected: lambda record, _: self._move(record, ("held",), "rejected"),
            e.Requeued: lambda record, _: self._move(record, ("held", "rejected"), "ready"),
            e.Discarded: self._discarded,
            e.DeadLettered: self._dead_lettered,
            e.QueuePurged: self._purged,
        }

    def _routed(self, record: Record, event: e.Routed) -> Complaint:
        names = [(record.where, event.vhost, queue, event.message) for queue in event.queues]
        self._owed.update(dict.fromkeys(names, record.seq))
        self._transactions.hold(record.where, event.message, names)
        if len(set(event.queues)) != len(event.queues):
            return f"message {event.message} was routed twice to one queue: {', '.join(event.queues)}"
        return None

    def _transaction_ended(self, record: Record, event: e.TransactionEnded) -> Complaint:
        """What was rolled back is owed to nobody; what was committed stands in its queues by now."""
        names = self._transactions.end((event.connection, event.channel))
        if event.outcome != "committed":
            for name in names:
                self._owed.pop(name, None)
            return None
        missing = next((name for name in names if name in self._owed), None)
        return None if missing is None else never_came(missing, self._owed.pop(missing))

    def _enqueued(self, record: Record, event: e.Enqueued) -> Complaint:
        """A copy comes from a routing, or from the disk of a broker that begins again."""
        name = copy_of(record)
        if self._transactions.holds(name):
            return f"message {name[3]} stands in queue '{name[2]}' before its transaction is committed"
        known = name in self._owed or name in self._copies
        complaint = self._move(record, ("never there",), "ready")
        if complaint or known:
            return complaint
        return f"Enqueued: message {name[3]} was never routed to queue '{name[2]}'"

    def _delivered(self, record: Record, event: e.Delivered) -> Complaint:
        return self._move(record, ("ready",), "ready" if event.stays else "gone" if event.no_ack else "held")

    def _acknowledged(self, record: Record, event: e.Acknowledged) -> Complaint:
        return None if event.stays else self._move(record, ("held",), "gone")

    def _discarded(self, record: Record, event: e.Discarded) -> Complaint:
        """What the queue did not take was never there, and may yet come."""
        name = copy_of(record)
        was = self._copies.get(name, "never there")
        expected = name in self._owed or name in self._copies or (record.where, name[3]) in self._letters
        allowed = ("ready", "held", "rejected", "never there") if expected else ()
        return self._move(record, allowed, "never there" if was == "never there" else "gone")

    def _dead_lettered(self, record: Record, event: e.DeadLettered) -> Complaint:
        """Also what a full queue did not take goes to the dead letters; and a letter that would go round in
        circles ends where it would have come next.
        """
        self._letters.add((record.where, event.successor))
        allowed: tuple[str, ...] = ("ready", "held", "rejected", "gone")
        name = copy_of(record)
        if name in self._owed:
            allowed = (*allowed, "never there")
        return self._move(record, allowed, "gone")

    def _purged(self, record: Record, event: e.QueuePurged) -> Complaint:
        for message in event.messages:
            name: CopyName = (record.where, event.vhost, event.queue, message)
            was = self._copies.get(name, "never there")
            self._copies[name] = "gone"
            if was != "ready":
                return f"QueuePurged: message {message} in queue '{event.queue}' was {was}"
        return None

    def _move(self, record: Record, allowed: tuple[str, ...], to: str) -> Complaint:
        name: CopyName = copy_of(record)
        self._owed.pop(name, None)
        was = self._copies.get(name, "never there")
        self._copies[name] = to
        if was in allowed:
            return None
        return f"{type(record.event).__name__}: message {name[3]} in queue '{name[2]}' was {was}"

    def at_rest(self) -> Iterator[str]:
        for name, routed in self._owed.items():
            if not self._transactions.holds(name):
                yield never_came(name, routed)


def never_came(name: CopyName, routed: int) -> str:
    """The complaint about a copy that is owed since record `routed`."""
    _, _, queue, message = name
    return f"message {message} was routed to queue '{queue}' (record {routed}) and never stood in it"
