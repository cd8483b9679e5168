"""tx and confirm: the two modes a channel can be put into.

Theory
------
Both answer "did the broker take it?", in opposite styles. In **confirm** mode publishes stream
on and acknowledgements come back as they can. In **tx** mode publishes and settlements are collected, and
commit does all of them: publishes first, then settlements, then commit-ok (TX-03, TX-04). It is not a
database transaction: routing is decided when the message is published, and nothing is isolated or atomic
across queues (TX-09). A channel can be in one mode only (CONF-01, TX-01), and never leaves it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from amqplab.broker.channel import Channel
from amqplab.broker.confirms import Confirms
from amqplab.broker.publish import Accepted, put
from amqplab.broker.registry import on
from amqplab.errors import PreconditionFailed
from amqplab.model.ledger import Outstanding
from amqplab.trace import events
from amqplab.wire.methods import Confirm, Tx

__all__ = ["Transaction"]

Settlement = Callable[[Channel, list[Outstanding]], None]


class Transaction:
    """What a channel in tx mode has said since the last commit or rollback."""

    __slots__ = ("publishes", "settlements")

    def __init__(self) -> None:
        self.publishes: list[Accepted] = []
        self.settlements: list[tuple[Settlement, list[Outstanding]]] = []

    def note(self, action: Settlement, settled: list[Outstanding]) -> None:
        """Do `action` with these deliveries at commit."""
        self.settlements.append((action, settled))

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said yet."""
        return not (self.publishes or self.settlements)

    def noted(self) -> list[Outstanding]:
        """All deliveries that commit would settle."""
        return [one for _, settled in self.settlements for one in settled]


@on(Confirm.Select)
def select_confirms(channel: Channel, method: Confirm.Select) -> None:
    """From now on publishes are numbered and confirmed (CONF-01)."""
    if channel.transaction is not None:
        raise PreconditionFailed("cannot switch from tx to confirm mode")
    if channel.confirms is None:
        channel.confirms = Confirms()
        _report_mode(channel, "confirm")
    if not method.nowait:
        channel.reply(Confirm.SelectOk())


@on(Tx.Select)
def select_transactions(channel: Channel, method: Tx.Select) -> None:
    """From now on nothing counts before commit (TX-01)."""
    if channel.confirms is not None:
        raise PreconditionFailed("cannot switch from confirm to tx mode")
    if channel.transaction is None:
        channel.transaction = Transaction()
        _report_mode(channel, "tx")
    channel.reply(Tx.SelectOk())


def _report_mode(channel: Channel, mode: str) -> None:
    if channel.report is not None:
        channel.report(events.ModeSelected, channel.connection, channel.number, mode)


@on(Tx.Commit)
def commit(channel: Channel, method: Tx.Commit) -> None:
    """Do everything that was said; returns go out before commit-ok (TX-03)."""
    transaction = _transaction(channel)
    channel.transaction = Transaction()
    taken = [put(channel, accepted) for accepted in transaction.publishes]
    for action, settled in transaction.settlements:
        action(channel, settled)
    _report_end(channel, "committed")
    if not all(taken):
        raise PreconditionFailed("partial tx completion")  # what was taken stays (TX-08)
    keeper = channel.broker.keeper
    if keeper is not None and any(keeper.holds(one.message) for one in transaction.publishes):
        channel.committing = True
        keeper.do_later(partial(_committed, channel))
    else:
        channel.reply(Tx.CommitOk())


def _committed(channel: Channel) -> None:
    """The disk has it (TX-07)."""
    if channel.committing and channel.state == "open":
        channel.committing = False
        channel.reply(Tx.CommitOk())


@on(Tx.Rollback)
def rollback(channel: Channel, method: Tx.Rollback) -> None:
    """Forget everything that was said; the tags are outstanding again (TX-05)."""
    transaction = _transaction(channel)
    channel.transaction = Transaction()
    channel.ledger.restore(transaction.noted())
    _report_end(channel, "rolled back")
    channel.reply(Tx.RollbackOk())


def _transaction(channel: Channel) -> Transaction:
    if channel.transaction is None:
        raise PreconditionFailed("channel is not transactional")
    return channel.transaction


def _report_end(channel: Channel, outcome: str) -> None:
    if channel.report is not None:
        channel.report(events.TransactionEnded, channel.connection, channel.number, outcome)
