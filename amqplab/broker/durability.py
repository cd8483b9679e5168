"""Durability: the broker's side of the journal.

Theory
------
What must survive is written to a journal (:mod:`amqplab.model.journal`), and nothing that a client waits for
is said before it is safe there: a publisher's confirm, a commit-ok (CONF-05, TX-07). The broker does not
write itself. It collects the entries of one call, hands them out as one
:class:`~amqplab.broker.effects.Persist` effect, and goes on; when the world reports back, who waits hears of
it.

    publish ─→ copy in the queue ─→ entry ─┐                                   ┌─→ confirm
    publish ─→ copy in the queue ─→ entry ─┼─ Persist(7) ···· persisted(7) ────┼─→ confirm
    commit  ─→ …                    entry ─┘                                   └─→ commit-ok

Meanwhile the messages may be delivered already, even acknowledged: that does not depend on the disk.

:func:`restore` is the way back: from what a journal stands for to a broker that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from amqplab.broker.content import facts_of
from amqplab.broker.effects import Persist
from amqplab.errors import PreconditionFailed
from amqplab.model import journal_entries as entries
from amqplab.model.arguments import QueueArguments
from amqplab.model.message import Copy, Message
from amqplab.wire.table import Table

if TYPE_CHECKING:
    from amqplab.broker.broker import Broker
    from amqplab.broker.channel import Channel
    from amqplab.broker.confirms import Confirms
    from amqplab.model.binding import Binding
    from amqplab.model.exchange import Exchange
    from amqplab.model.journal_entries import StoredMessage
    from amqplab.model.journal_state import KeptQueue, KeptVhost, State
    from amqplab.model.queue import Queue
    from amqplab.model.vhost import VirtualHost

__all__ = ["JournalKeeper", "restore"]

MILLISECOND = 1_000_000  # ns


class JournalKeeper:
    """Collects journal entries, and who waits for them (see :class:`amqplab.model.keeper.Keeper`)."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._entries: list[bytes] = []
        self._message: Message | None = None
        self._vhost = ""
        self._standing: list[entries.Standing] = []
        self._stored: set[int] = set()
        self._confirms: list[tuple[Channel, Confirms, int]] = []
        self._actions: list[Callable[[], None]] = []
        self._waiting: dict[int, tuple[list[tuple[Channel, Confirms, int]], list[Callable[[], None]]]] = {}
        self._token = 0

    # --- who waits -------------------------------------------------------------------------------------

    def holds(self, message: Message) -> bool:
        """Whether some copy of the message was written down in this call."""
        return message.number in self._stored

    def confirm_later(self, channel: Channel, confirms: Confirms, sequence: int) -> None:
        """Confirm this publish when all that was written down so far is safe."""
        confirms.wait(sequence)
        self._confirms.append((channel, confirms, sequence))

    def do_later(self, action: Callable[[], None]) -> None:
        """Do this when all that was written down so far is safe."""
        self._actions.append(action)

    def take(self) -> Persist | None:
        """The effect for everything since the last call, None if there is nothing."""
        self._finish_message()
        if not self._entries:
            return None
        self._token += 1
        self._waiting[self._token] = (self._confirms, self._actions)
        effect = Persist(self._token, tuple(self._entries))
        self._entries, self._confirms, self._actions = [], [], []
        self._stored.clear()
        return effect

    def persisted(self, token: int) -> None:
        """It is safe: tell those who waited."""
        confirms, actions = self._waiting.pop(token, ([], []))
        for channel, ledger, sequence in confirms:
            if channel.confirms is ledger:
                ledger.accept(sequence)
                self._broker.confirming[channel] = None
        for action in actions:
            action()

    # --- what happens ----------------------------------------------------------------------------------

    def stored(self, queue: Queue, message: Message, copy: Copy) -> None:
        """Copies of one message that come together are written together."""
        if message is not self._message or queue.vhost != self._vhost:
            self._finish_message()
            self._message, self._vhost = message, queue.vhost
            self._stored.add(message.number)
        expires_ms = None if copy.expires_at is None else self._unix_ms(copy.expires_at)
        facts = (copy.returned, copy.redelivered, copy.died)
        standing = entries.Standing(queue.name, copy.place, expires_ms, *facts)
        self._standing.append(standing)

    def _unix_ms(self, moment: int) -> int:
        return (self._broker.epoch_ns + moment) // MILLISECOND

    def _finish_message(self) -> None:
        one = self._message
        if one is not None:
            kept = entries.StoredMessage(one.number, one.exchange, one.routing_key, one.octets, one.body)
            self._entries.append(entries.stored(self._vhost, kept, self._standing))
            self._message = None
            self._standing = []

    def _add(self, entry: bytes) -> None:
        self._finish_message()
        if entry:
            self._entries.append(entry)

    def removed(self, queue: Queue, copies: Iterable[Copy]) -> None:
        self._add(entries.removed(queue.vhost, queue.name, [copy.place for copy in copies]))

    def returned(self, queue: Queue, copies: Iterable[Copy]) -> None:
        self._add(entries.returned(queue.vhost, queue.name, [copy.place for copy in copies]))

    def queue_declared(self, queue: Queue) -> None:
        table = queue.arguments.table
        self._add(entries.QueueDeclared(queue.vhost, queue.name, queue.auto_delete, table).encode())

    def queue_deleted(self, queue: Queue) -> None:
        self._add(entries.QueueDeleted(queue.vhost, queue.name).encode())

    def exchange_declared(self, vhost: str, exchange: Exchange) -> None:
        flags = (exchange.auto_delete, exchange.internal)
        declared = entries.ExchangeDeclared(vhost, exchange.name, exchange.type, *flags, exchange.arguments)
        self._add(declared.encode())

    def exchange_deleted(self, vhost: str, exchange: Exchange) -> None:
        self._add(entries.ExchangeDeleted(vhost, exchange.name).encode())

    def bound(self, vhost: str, binding: Binding) -> None:
        self._add(entries.Bound(vhost, binding).encode())

    def unbound(self, vhost: str, binding: Binding) -> None:
        self._add(entries.Unbound(vhost, binding).encode())


# --- the way back ------------------------------------------------------------------------------------------


def restore(broker: Broker, state: State, now: int) -> None:
    """Give a fresh broker everything that survived."""
    for name, kept in state.vhosts.items():
        vhost = broker.vhosts.get(name)
        if vhost is not None:  # a virtual host that is not configured any more stays in the journal
            _restore_vhost(broker, vhost, kept, now)
    broker.last_message = max(broker.last_message, state.messages)


def _restore_vhost(broker: Broker, vhost: VirtualHost, kept: KeptVhost, now: int) -> None:
    for declared in kept.exchanges.values():
        vhost.declare_exchange(
            declared.name,
            declared.type,
            durable=True,
            auto_delete=declared.auto_delete,
            internal=declared.internal,
            arguments=declared.arguments,
        )
    for name, one in kept.queues.items():
        vhost.declare_queue(
            name,
            durable=True,
            owner=None,
            auto_delete=one.declared.auto_delete,
            arguments=QueueArguments(Table(one.declared.arguments)),
            now=now,
        )
    for binding in kept.bindings:
        with suppress(PreconditionFailed):  # what its source would not have taken was never there
            vhost.add_binding(binding, "")
    if broker.keeper is not None:
        vhost.keep(broker.keeper)  # what follows is news: something may have expired meanwhile
    messages: dict[int, Message] = {}
    for name, one in kept.queues.items():
        _restore_copies(broker, vhost.queues[name], one, messages, now)


def _restore_copies(
    broker: Broker, queue: Queue, kept: KeptQueue, messages: dict[int, Message], now: int
) -> None:
    copies = []
    for one in kept.in_order:
        message = messages.get(one.message.number)
        if message is None:
            message = messages[one.message.number] = _message(one.message)
        expires_at = None if one.expires_ms is None else one.expires_ms * MILLISECOND - broker.epoch_ns
        copies.append(queue.revive(message, one, expires_at))
    queue.resume(copies, kept.next_place, now)


def _message(kept: StoredMessage) -> Message:
    facts = facts_of(kept.octets)
    return Message(
        kept.number,
        kept.exchange,
        kept.routing_key,
        facts.kept,
        kept.octets,
        kept.body,
        facts.expiration_ms,
        facts.extra_keys,
    )
