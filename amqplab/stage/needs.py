"""What a run needs room for, besides those who take part in it.

Theory
------
The participants (:mod:`amqplab.trace.participants`) say who ever appears. The layout must also know

    policies    where dead letters go, and what an exchange could not route: edges that no binding draws
    hands       who takes messages on a channel: consumers, and channels that call basic.get
    strips      which channels number their publishes to have them confirmed
    lives       from when to when each connection and each consumer exists; two that never meet may
                stand in the same place, so that a client which reconnects ten times is not ten pipes tall
    loses       whether any message is ever lost or returned, for else there is no gutter; also one that is
                still on its way when its connection ends, which no event of its own tells

All of it is found in one pass over the records; what depends on it is settled before the play begins.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from amqplab.trace import events as e
from amqplab.trace.journeys import DELIVERING
from amqplab.trace.keys import (
    channel_key,
    client_host,
    confirm_key,
    consumer_key,
    escape,
    exchange_key,
    queue_key,
)
from amqplab.trace.policies import GOES, apply, policies_after
from amqplab.trace.recorder import Record

__all__ = ["FOREVER", "Life", "Needs", "PolicyEdge", "needs_of"]

FOREVER = 1 << 62
OVER = ("CLOSED", "TIME-WAIT")


@dataclass(frozen=True)
class PolicyEdge:
    """From a queue to its dead-letter exchange, or from an exchange to its alternate."""

    key: str
    source: str
    target: str
    kind: Literal["dead-letter", "alternate"]


@dataclass
class Life:
    """Something that is there from record `first` to record `last`."""

    first: int
    last: int = FOREVER


@dataclass
class Needs:
    """See the theory above. Lives are by connection name, and by the key of the consumer or channel."""

    policies: dict[str, PolicyEdge] = field(default_factory=dict)
    hands: dict[str, str] = field(default_factory=dict)
    """Consumer or channel key -> connection."""
    strips: dict[str, str] = field(default_factory=dict)
    """Confirm key -> connection."""
    lives: dict[str, Life] = field(default_factory=dict)
    vhosts: list[str] = field(default_factory=list)
    loses: bool = False


def needs_of(records: Iterable[Record]) -> Needs:
    """Read a recording once."""
    reader = Reader()
    for record in records:
        handle = HANDLERS.get(type(record.event))
        if handle is not None:
            handle(reader, record, record.event)
    reader.needs.loses = reader.needs.loses or any(map(reader.leaves_something, reader.dead))
    return reader.needs


class Reader:
    """The pass over the records: what is needed so far, and what must be remembered to know it."""

    def __init__(self) -> None:
        self.needs = Needs()
        self.filled: set[tuple[str, str]] = set()
        self.ends: dict[str, dict[bool, str]] = {}
        self.closed: set[str] = set()
        self.known: set[str] = set()
        """Connections that a broker has spoken of."""
        self.on: dict[str, list[str]] = {}
        """Connection -> the hands on it that are there now."""
        self.standing: dict[tuple[str, str, str], str] = {}
        """Queues and exchanges (kind, virtual host, name) that were declared -> their arguments."""
        self.set: dict[str, list[Any]] = {}
        """Virtual host -> its policies."""
        self.published: Counter[str] = Counter()
        """Connection -> how many publishes are on it."""
        self.handed_out: defaultdict[str, deque[bool]] = defaultdict(deque)
        """Connection -> for each message on it to the client, whether it is lost if it does not get there."""
        self.dead: set[str] = set()
        """Connections of which one end has forgotten all."""

    def leaves_something(self, connection: str) -> bool:
        """Whether something was on its way on it that is lost for good."""
        return self.published[connection] > 0 or any(self.handed_out[connection])

    def met(self, key: str, seq: int) -> None:
        life = self.needs.lives.setdefault(key, Life(seq))
        life.last = FOREVER

    def gone(self, key: str, seq: int) -> None:
        life = self.needs.lives.get(key)
        if life is not None and life.last == FOREVER:
            life.last = seq

    def vhost(self, vhost: str) -> None:
        if vhost not in self.needs.vhosts:
            self.needs.vhosts.append(vhost)

    def policy(self, source: str, target: str, kind: Literal["dead-letter", "alternate"]) -> None:
        key = f"policy/{kind}/{escape(source)}/{escape(target)}"
        self.needs.policies.setdefault(key, PolicyEdge(key, source, target, kind))

    def stands(self, kind: str, vhost: str, name: str, arguments: str) -> None:
        self.standing[kind, vhost, name] = arguments
        self.leads(kind, vhost, name, arguments)

    def leads(self, kind: str, vhost: str, name: str, arguments: str) -> None:
        """Where its messages go on, by an argument or a policy."""
        entity = {"arguments": arguments}
        apply(entity, kind, name, self.set.get(vhost, ()))
        target = entity[GOES[kind]]
        if target is None:
            return
        if kind == "queue":
            self.policy(queue_key(vhost, name), exchange_key(vhost, target), "dead-letter")
        else:
            self.policy(exchange_key(vhost, name), exchange_key(vhost, target), "alternate")

    def hand(self, key: str, connection: str, seq: int) -> None:
        self.needs.hands.setdefault(key, connection)
        self.met(key, seq)
        mine = self.on.setdefault(connection, [])
        if key not in mine:
            mine.append(key)

    def over(self, connection: str, seq: int) -> None:
        """The connection leaves the picture: its broker has closed it and no end of TCP has anything to do."""
        ends = self.ends.get(connection, {})
        if all(state in OVER for state in ends.values()) and (
            connection in self.closed or connection not in self.known
        ):
            self.gone(connection, seq)


# --- one function per kind of record ---------------------------------------------------------------------


def tcp_state(reader: Reader, record: Record, event: e.TcpStateChanged) -> None:
    ends = reader.ends.setdefault(event.connection, {})
    ends[record.where == client_host(event.connection)] = event.state
    if event.state == "CLOSED":
        reader.dead.add(event.connection)
    if event.state in OVER:
        reader.over(event.connection, record.seq)
    else:
        reader.met(event.connection, record.seq)


def authenticated(reader: Reader, record: Record, event: e.ConnectionAuthenticated) -> None:
    reader.known.add(event.connection)
    reader.met(event.connection, record.seq)


def connection_closed(reader: Reader, record: Record, event: e.ConnectionClosed) -> None:
    connection = event.connection
    reader.closed.add(connection)
    for key in reader.on.pop(connection, []):
        reader.gone(key, record.seq)
    reader.over(connection, record.seq)


def channel_closed(reader: Reader, record: Record, event: e.ChannelClosed) -> None:
    channel = channel_key(event.connection, event.channel)
    prefix = f"consumer/{escape(event.connection)}/{event.channel}/"
    for key in list(reader.on.get(event.connection, [])):
        if key == channel or key.startswith(prefix):
            reader.on[event.connection].remove(key)
            reader.gone(key, record.seq)


def consumer_added(reader: Reader, record: Record, event: e.ConsumerAdded) -> None:
    key = consumer_key(event.connection, event.channel, event.consumer_tag)
    reader.hand(key, event.connection, record.seq)


def consumer_removed(reader: Reader, record: Record, event: e.ConsumerRemoved) -> None:
    """What it holds stays with its channel, and is still to be seen."""
    key = consumer_key(event.connection, event.channel, event.consumer_tag)
    mine = reader.on.get(event.connection, [])
    if key in mine:
        mine.remove(key)
    reader.gone(key, record.seq)


def command_sent(reader: Reader, record: Record, event: e.CommandSent) -> None:
    if event.name == "basic.publish":
        reader.published[event.connection] += 1


def command_received(reader: Reader, record: Record, event: e.CommandReceived) -> None:
    if event.name == "basic.publish":
        reader.published[event.connection] -= 1
    elif event.name in DELIVERING and reader.handed_out[event.connection]:
        reader.handed_out[event.connection].popleft()


def replied(reader: Reader, record: Record, event: e.Replied) -> None:
    reader.handed_out[event.connection].append(True)


def delivered(reader: Reader, record: Record, event: e.Delivered) -> None:
    reader.handed_out[event.connection].append(event.no_ack)
    if not event.consumer_tag:
        reader.hand(channel_key(event.connection, event.channel), event.connection, record.seq)


def mode(reader: Reader, record: Record, event: e.ModeSelected) -> None:
    if event.mode == "confirm":
        reader.needs.strips.setdefault(confirm_key(event.connection, event.channel), event.connection)


def exchange_declared(reader: Reader, record: Record, event: e.ExchangeDeclared) -> None:
    reader.vhost(event.vhost)
    reader.stands("exchange", event.vhost, event.exchange, event.arguments)


def queue_declared(reader: Reader, record: Record, event: e.QueueDeclared) -> None:
    reader.vhost(event.vhost)
    reader.stands("queue", event.vhost, event.queue, event.arguments)


def exchange_deleted(reader: Reader, record: Record, event: e.ExchangeDeleted) -> None:
    reader.standing.pop(("exchange", event.vhost, event.exchange), None)


def policy_changed(reader: Reader, record: Record, event: e.PolicySet | e.PolicyDeleted) -> None:
    reader.set[event.vhost] = policies_after(reader.set.get(event.vhost, []), event)
    for (kind, vhost, name), arguments in reader.standing.items():
        if vhost == event.vhost:
            reader.leads(kind, vhost, name, arguments)


def dead_lettered(reader: Reader, record: Record, event: e.DeadLettered) -> None:
    """Also where a policy says so that was set before the recording began."""
    source, target = queue_key(event.vhost, event.queue), exchange_key(event.vhost, event.exchange)
    reader.policy(source, target, "dead-letter")


def routed(reader: Reader, record: Record, event: e.Routed) -> None:
    """Also where such a policy names an alternate. Where bindings matched on the way, the record does not say
    whose alternate it was.
    """
    if event.matched:
        return
    for source, target in zip((event.exchange, *event.alternates), event.alternates, strict=False):
        reader.policy(exchange_key(event.vhost, source), exchange_key(event.vhost, target), "alternate")


def enqueued(reader: Reader, record: Record, event: e.Enqueued) -> None:
    reader.filled.add((event.vhost, event.queue))


def queue_deleted(reader: Reader, record: Record, event: e.QueueDeleted) -> None:
    """A queue that ever held something may have taken it along."""
    reader.standing.pop(("queue", event.vhost, event.queue), None)
    if (event.vhost, event.queue) in reader.filled:
        reader.needs.loses = True


def purged(reader: Reader, record: Record, event: e.QueuePurged) -> None:
    reader.needs.loses = reader.needs.loses or bool(event.messages)


def transaction_ended(reader: Reader, record: Record, event: e.TransactionEnded) -> None:
    reader.needs.loses = reader.needs.loses or not event.outcome.startswith("commit")


def lost(reader: Reader, record: Record, event: e.Event) -> None:
    reader.needs.loses = True


HANDLERS: dict[type[e.Event], Callable[[Reader, Record, Any], None]] = {
    e.TcpStateChanged: tcp_state,
    e.ConnectionAuthenticated: authenticated,
    e.ConnectionClosed: connection_closed,
    e.ChannelClosed: channel_closed,
    e.ConsumerAdded: consumer_added,
    e.ConsumerRemoved: consumer_removed,
    e.Delivered: delivered,
    e.Replied: replied,
    e.CommandSent: command_sent,
    e.CommandReceived: command_received,
    e.ModeSelected: mode,
    e.ExchangeDeclared: exchange_declared,
    e.ExchangeDeleted: exchange_deleted,
    e.PolicySet: policy_changed,
    e.PolicyDeleted: policy_changed,
    e.QueueDeclared: queue_declared,
    e.DeadLettered: dead_lettered,
    e.Routed: routed,
    e.Enqueued: enqueued,
    e.QueueDeleted: queue_deleted,
    e.QueuePurged: purged,
    e.TransactionEnded: transaction_ended,
    e.Unroutable: lost,
    e.Returned: lost,
    e.PublishRefused: lost,
    e.Discarded: lost,
}
