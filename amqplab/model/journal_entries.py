"""What a broker writes down: the entries of the journal, and their octets.

Theory
------
A broker that shall survive its own end writes down everything that changes what must survive. AMQP has words
for all of it already, so an *entry* is a few ordinary AMQP frames, those that a client would have sent to
bring about the change, and a student reads a disk with the same dissector as a wire::

    channel 0   connection.open   vhost=/                   every entry begins so: it stands on its own
    channel 1   queue.declare     q=jobs passive            (only where a queue is to be named)
    channel 1   …                 what happened

    entry             frames on channel 1 (on channel 0 where there is no virtual host to open)
    ---------------   --------------------------------------------------------------------------------
    ExchangeDeclared  exchange.declare          ExchangeDeleted   exchange.delete
    QueueDeclared     queue.declare             QueueDeleted      queue.delete
    Bound             queue.bind, exchange.bind Unbound           queue.unbind, exchange.unbind
    Stored            queue.declare passive for each queue the message stands in,
                      then basic.publish, header, body: the message itself, once for all queues
    Removed           queue.declare passive, then basic.ack for each copy that is gone
    Returned          queue.declare passive, then basic.nack requeue for each copy that came back
    Purged            queue.declare passive, then queue.purge: all copies are gone but those kept
    VhostDeclared     nothing more than the connection.open  VhostDeleted     connection.close on channel 0
    Begun             connection.start          Stopped           connection.close, no virtual host
    Setting           connection.start-ok: one property, whatever the owner means by it

A passive declaration is AMQP's way of naming a queue without changing it. Here it carries in its arguments
what only a broker knows about a copy in that queue, all of it numbers:

    x-place        where it stands; copies of a queue are ordered by it, and it is the delivery tag of the
                   acks and nacks that come later
    x-message      the broker's number of the message
    x-expires-ms   when the copy expires, in Unix milliseconds, if it does (DUR-11: while the broker is down
                   time goes on)
    x-returned     how often the copy came back, if it did
    x-redelivered  1 if it may have been handed out before a crash (DUR-07)
    x-died         why it died, if it is a dead letter that has to arrive: its place in :data:`DEATHS`

Only what survives is an entry: durable exchanges, durable queues that are not exclusive, bindings between
two of these, persistent messages in such queues, and in quorum queues and streams all messages (DUR-01,
DUR-02, DUR-05). Who makes the entries sees to that.

Making the entries of messages is on the road of every publish and every ack, so :func:`stored` and
:func:`removed` put the octets together by hand; a test compares them with what the frames' own encoders make.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from amqplab.model.binding import QUEUE, Binding
from amqplab.wire.frames import encode_content, encode_method
from amqplab.wire.methods import Basic, Connection, Exchange, Method, Queue
from amqplab.wire.table import EMPTY_TABLE, Table

__all__ = [
    "Begun",
    "Bound",
    "Entry",
    "ExchangeDeclared",
    "ExchangeDeleted",
    "Purged",
    "QueueDeclared",
    "QueueDeleted",
    "Removed",
    "Returned",
    "Setting",
    "Standing",
    "Stopped",
    "Stored",
    "StoredMessage",
    "Unbound",
    "VhostDeclared",
    "VhostDeleted",
    "removed",
    "returned",
    "stored",
]

CHANNEL = 1
REMEMBERED = 4096
DEATHS = ("", "rejected", "expired", "delivery_limit", "maxlen")
"""Why a dead letter that has to arrive died, by number; the first is no death."""
"""Queues and virtual hosts whose opening octets are remembered."""

PRODUCT = "amqplab journal"
FORCED = 320
STOP_TEXT = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
VHOST_TEXT = "CONNECTION_FORCED - vhost is down"


class StoredMessage(NamedTuple):
    """A message as it is kept: `octets` are the property flags and values as they came."""

    number: int
    exchange: str
    routing_key: str
    octets: bytes
    body: bytes


class Standing(NamedTuple):
    """One copy of a message: the queue, the place in it, and what is known of the copy."""

    queue: str
    place: int
    expires_ms: int | None = None
    returned: int = 0
    redelivered: bool = False
    died: str = ""


# --- the octets ---------------------------------------------------------------------------------------------


@lru_cache(REMEMBERED)
def opening(vhost: str) -> bytes:
    """The frame that begins an entry."""
    return encode_method(0, Connection.Open(vhost))


def naming(queue: str, arguments: Mapping[str, Any] = EMPTY_TABLE) -> bytes:
    """The frame that names a queue without changing it."""
    return encode_method(CHANNEL, Queue.Declare(queue=queue, passive=True, arguments=arguments))


@lru_cache(REMEMBERED)
def _opening_and_naming(vhost: str, queue: str) -> bytes:
    return opening(vhost) + naming(queue)


_SETTLE = struct.Struct("!BHIHHQBB")  # a whole frame of basic.ack or basic.nack: tag, bits, end
_ACK_OCTETS, _NACK_OCTETS = 13, 13
_REQUEUE = 0b10


def removed(vhost: str, queue: str, places: Iterable[int]) -> bytes:
    """The entry :class:`Removed`: these copies are gone from the queue, for whatever reason."""
    acks = [_SETTLE.pack(1, CHANNEL, _ACK_OCTETS, 60, 80, place, 0, 0xCE) for place in places]
    return _opening_and_naming(vhost, queue) + b"".join(acks) if acks else b""


def returned(vhost: str, queue: str, places: Iterable[int]) -> bytes:
    """The entry :class:`Returned`: these copies were handed out and came back."""
    nacks = [_SETTLE.pack(1, CHANNEL, _NACK_OCTETS, 60, 120, place, _REQUEUE, 0xCE) for place in places]
    return _opening_and_naming(vhost, queue) + b"".join(nacks) if nacks else b""


def _field(name: str) -> bytes:
    """A name in a table, and the tag of the 64-bit number that follows."""
    return bytes((len(name),)) + name.encode() + b"l"


_PLACE, _MESSAGE, _EXPIRES = _field("x-place"), _field("x-message"), _field("x-expires-ms")
_RETURNED, _REDELIVERED, _DIED = _field("x-returned"), _field("x-redelivered"), _field("x-died")
_number = struct.Struct("!q").pack


def _facts(number: int, copy: Standing) -> bytes:
    """The pairs of the table in which a passive declaration says where a message stands."""
    facts = _MESSAGE + _number(number) + _PLACE + _number(copy.place)
    if copy.expires_ms is not None:
        facts += _EXPIRES + _number(copy.expires_ms)
    if copy.returned:
        facts += _RETURNED + _number(copy.returned)
    if copy.redelivered:
        facts += _REDELIVERED + _number(1)
    if copy.died:
        facts += _DIED + _number(DEATHS.index(copy.died))
    return facts


@lru_cache(REMEMBERED)
def _naming_head(queue: str, facts_size: int) -> bytes:
    """A passive declaration up to and with the length of its table, for a table of that many octets."""
    bare = naming(queue)
    payload = int.from_bytes(bare[3:7], "big") + facts_size
    return bare[:3] + payload.to_bytes(4, "big") + bare[7:-5] + facts_size.to_bytes(4, "big")


def stored(vhost: str, message: StoredMessage, standing: Iterable[Standing]) -> bytes:
    """The entry :class:`Stored`: the message stands in these queues now."""
    parts = [opening(vhost)]
    for copy in standing:
        facts = _facts(message.number, copy)
        parts += (_naming_head(copy.queue, len(facts)), facts, b"\xce")
    publish = Basic.Publish(exchange=message.exchange, routing_key=message.routing_key)
    parts.append(encode_content(CHANNEL, publish, message.octets, message.body, 0))
    return b"".join(parts)


# --- the entries as values ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begun:
    """The first entry of every file, and of every run of the broker.

    `segment` is the file's number, `follows` that of the file it continues (0 for none). With `anew` the
    file says everything that was known so far once more, in place of all files up to `replaces`. `run` counts
    the runs of the broker; `messages` is the highest number given to a message so far.
    """

    segment: int
    follows: int = 0
    anew: bool = False
    replaces: int = 0
    run: int = 1
    messages: int = 0

    def encode(self) -> bytes:
        """connection.start: who speaks."""
        facts = {"product": PRODUCT, "segment": self.segment, "follows": self.follows, "anew": self.anew}
        facts |= {"replaces": self.replaces, "run": self.run, "messages": self.messages}
        return encode_method(0, Connection.Start(server_properties=Table(facts), mechanisms=b"", locales=b""))


@dataclass(frozen=True, slots=True)
class Stopped:
    """The broker stopped in good order: what was unacked has come back, with an entry for it (DUR-06)."""

    def encode(self) -> bytes:
        """connection.close, as all clients get it then (CONN-62)."""
        return encode_method(0, Connection.Close(FORCED, STOP_TEXT))


@dataclass(frozen=True, slots=True)
class Setting:
    """`key` has the value `value` from now on; None takes it away. Any value of a field table (DUR-14)."""

    key: str
    value: Any = None

    def encode(self) -> bytes:
        """connection.start-ok with one property."""
        return encode_method(
            0, Connection.StartOk(client_properties=Table({self.key: self.value}), mechanism="", locale="")
        )


@dataclass(frozen=True, slots=True)
class VhostDeclared:
    """The virtual host is there, if it was not (DUR-14)."""

    vhost: str

    def encode(self) -> bytes:
        """connection.open."""
        return opening(self.vhost)


@dataclass(frozen=True, slots=True)
class VhostDeleted:
    """The virtual host is gone with all it held."""

    vhost: str

    def encode(self) -> bytes:
        """connection.open, connection.close."""
        return opening(self.vhost) + encode_method(0, Connection.Close(FORCED, VHOST_TEXT))


@dataclass(frozen=True, slots=True)
class ExchangeDeclared:
    """A durable exchange was declared."""

    vhost: str
    name: str
    type: str = "direct"
    auto_delete: bool = False
    internal: bool = False
    arguments: Mapping[str, Any] = EMPTY_TABLE

    def encode(self) -> bytes:
        """connection.open, exchange.declare."""
        declare = Exchange.Declare(
            exchange=self.name,
            type=self.type,
            durable=True,
            auto_delete=self.auto_delete,
            internal=self.internal,
            arguments=self.arguments,
        )
        return opening(self.vhost) + encode_method(CHANNEL, declare)


@dataclass(frozen=True, slots=True)
class ExchangeDeleted:
    """A durable exchange is gone, with all bindings from and to it."""

    vhost: str
    name: str

    def encode(self) -> bytes:
        """connection.open, exchange.delete."""
        return opening(self.vhost) + encode_method(CHANNEL, Exchange.Delete(exchange=self.name))


@dataclass(frozen=True, slots=True)
class QueueDeclared:
    """A durable queue that is not exclusive was declared."""

    vhost: str
    name: str
    auto_delete: bool = False
    arguments: Mapping[str, Any] = EMPTY_TABLE

    def encode(self) -> bytes:
        """connection.open, queue.declare."""
        declare = Queue.Declare(
            queue=self.name, durable=True, auto_delete=self.auto_delete, arguments=self.arguments
        )
        return opening(self.vhost) + encode_method(CHANNEL, declare)


@dataclass(frozen=True, slots=True)
class QueueDeleted:
    """A durable queue is gone, with all bindings to it and all copies in it."""

    vhost: str
    name: str

    def encode(self) -> bytes:
        """connection.open, queue.delete."""
        return opening(self.vhost) + encode_method(CHANNEL, Queue.Delete(queue=self.name))


@dataclass(frozen=True, slots=True)
class Bound:
    """A binding between two durable ends was made."""

    vhost: str
    binding: Binding

    def encode(self) -> bytes:
        """connection.open, queue.bind or exchange.bind."""
        return opening(self.vhost) + _about(self.binding, Queue.Bind, Exchange.Bind)


@dataclass(frozen=True, slots=True)
class Unbound:
    """A binding between two durable ends is gone."""

    vhost: str
    binding: Binding

    def encode(self) -> bytes:
        """connection.open, queue.unbind or exchange.unbind."""
        return opening(self.vhost) + _about(self.binding, Queue.Unbind, Exchange.Unbind)


def _about(
    binding: Binding,
    of_queue: type[Queue.Bind | Queue.Unbind],
    of_exchange: type[Exchange.Bind | Exchange.Unbind],
) -> bytes:
    source, kind, destination, routing_key, _ = binding
    arguments = binding.arguments
    if kind == QUEUE:
        ends: Method = of_queue(
            queue=destination, exchange=source, routing_key=routing_key, arguments=arguments
        )
    else:
        ends = of_exchange(
            destination=destination, source=source, routing_key=routing_key, arguments=arguments
        )
    return encode_method(CHANNEL, ends)


@dataclass(frozen=True, slots=True)
class Stored:
    """A message stands in these queues."""

    vhost: str
    message: StoredMessage
    standing: tuple[Standing, ...]

    def encode(self) -> bytes:
        """See :func:`stored`."""
        return stored(self.vhost, self.message, self.standing)


@dataclass(frozen=True, slots=True)
class Removed:
    """These copies are gone from the queue."""

    vhost: str
    queue: str
    places: tuple[int, ...]

    def encode(self) -> bytes:
        """See :func:`removed`."""
        return removed(self.vhost, self.queue, self.places)


@dataclass(frozen=True, slots=True)
class Returned:
    """These copies were handed out and came back to their places: redelivered, once more."""

    vhost: str
    queue: str
    places: tuple[int, ...]

    def encode(self) -> bytes:
        """See :func:`returned`."""
        return returned(self.vhost, self.queue, self.places)


@dataclass(frozen=True, slots=True)
class Purged:
    """All copies are gone from the queue but those at the places `kept` (a purge leaves the unacked)."""

    vhost: str
    queue: str
    kept: tuple[int, ...] = ()

    def encode(self) -> bytes:
        """connection.open, queue.declare passive with x-kept, queue.purge."""
        facts = Table({"x-kept": list(self.kept)}) if self.kept else EMPTY_TABLE
        named = naming(self.queue, facts)
        return opening(self.vhost) + named + encode_method(CHANNEL, Queue.Purge(queue=self.queue))


Entry = (
    Begun
    | Stopped
    | Setting
    | VhostDeclared
    | VhostDeleted
    | ExchangeDeclared
    | ExchangeDeleted
    | QueueDeclared
    | QueueDeleted
    | Bound
    | Unbound
    | Stored
    | Removed
    | Returned
    | Purged
)
