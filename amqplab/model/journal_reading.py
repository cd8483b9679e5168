"""Frames of the journal back into entries.

Theory
------
The frames of a record are read as a broker reads those of a connection: cut by their sizes, a method and its
content put together per channel. Then the conversation is followed with a very short memory: which virtual
host is open, which queues were named since, and what happened to them.

    connection.open                 a new entry begins; if nothing follows, that was it
    queue.declare passive           remembered
    basic.publish + content         Stored in all queues remembered
    basic.ack …, basic.nack …       Removed, Returned: all of one kind that follow one another are one entry
    anything else                   an entry by itself

Octets that no journal has (a method that means nothing here, a number that is none) are a
:class:`DecodeError` with a reason, and never any other exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from amqplab.errors import PreconditionFailed
from amqplab.model.binding import EXCHANGE, QUEUE, bind
from amqplab.model.crash import Crash
from amqplab.model.exchange import KINDS
from amqplab.model.journal_entries import (
    CHANNEL,
    DEATHS,
    PRODUCT,
    STOP_TEXT,
    VHOST_TEXT,
    Begun,
    Bound,
    Entry,
    ExchangeDeclared,
    ExchangeDeleted,
    Purged,
    QueueDeclared,
    QueueDeleted,
    Removed,
    Returned,
    Setting,
    Standing,
    Stopped,
    Stored,
    StoredMessage,
    Unbound,
    VhostDeclared,
    VhostDeleted,
)
from amqplab.model.queue_types import check_arguments
from amqplab.wire.content import Command, ContentAssembler
from amqplab.wire.errors import DecodeError
from amqplab.wire.methods import Basic, Connection, Exchange, Method, Queue
from amqplab.wire.parser import FrameParser
from amqplab.wire.properties import Properties
from amqplab.wire.table import Table

__all__ = ["read_entries"]

M = TypeVar("M", bound=Method)
LARGEST = 2**63 - 1


def read_entries(frames: bytes) -> list[Entry]:
    """The entries that these frames are, in order. Raises DecodeError."""
    parser = FrameParser(max_payload=0)
    assemblers = {0: ContentAssembler(), CHANNEL: ContentAssembler()}
    reader = _Reader()
    for kind, channel, payload in parser.feed(frames):
        if channel not in assemblers:
            raise DecodeError(f"a frame on channel {channel}; a journal has channels 0 and {CHANNEL} only")
        command = assemblers[channel].feed(kind, payload)
        if command is not None:
            reader.take(channel, command)
    if parser.error is not None:
        raise DecodeError(parser.error.reply_text_detail)
    if parser.held or not all(one.idle for one in assemblers.values()):
        raise DecodeError("the last frame or the last message is not whole")
    reader.end_entry()
    return reader.entries


Handler = Callable[["_Reader", Any, Command], Entry | None]
HANDLERS: dict[tuple[int, type[Method]], Handler] = {}


def on(channel: int, kind: type[M]) -> Callable[[Callable[[_Reader, M, Command], Entry | None]], Handler]:
    """What to do about this method on this channel; the result is the entry it completes, if it does."""

    def enter(handler: Callable[[_Reader, M, Command], Entry | None]) -> Handler:
        HANDLERS[channel, kind] = handler
        return handler

    return enter


class _Reader:
    """The memory of the conversation: one entry that is being read."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._vhost: str | None = None
        self._said = False  # something followed the connection.open
        self._named: list[tuple[str, Mapping[str, Any]]] = []
        self._settled: list[int] = []
        self._settles: type[Removed] | type[Returned] = Removed

    def take(self, channel: int, command: Command) -> None:
        """One command. Raises DecodeError."""
        method = command.method
        handler = HANDLERS.get((channel, type(method)))
        if handler is None:
            raise DecodeError(f"{method.name} on channel {channel} means nothing in a journal")
        entry = handler(self, method, command)
        if entry is not None:
            self.flush()
            self._said = True
            self._named.clear()
            self.entries.append(entry)

    @property
    def vhost(self) -> str:
        """The open virtual host. Raises DecodeError."""
        if self._vhost is None:
            raise DecodeError("no virtual host is open")
        return self._vhost

    def open(self, vhost: str) -> None:
        """Another entry begins."""
        self.end_entry()
        self._vhost = vhost

    def close_vhost(self) -> Entry:
        """The virtual host that is open is gone."""
        entry = VhostDeleted(self.vhost)
        self._said = True
        self.end_entry()
        return entry

    def name(self, queue: str, arguments: Mapping[str, Any]) -> None:
        """A queue is named; what follows concerns it."""
        self.flush()
        self._said = True
        self._named.append((queue, arguments))

    def settle(self, kind: type[Removed] | type[Returned], place: int) -> None:
        """One copy of the queue named last was settled."""
        if not self._named:
            raise DecodeError("copies are settled of a queue that was not named")
        if self._settled and kind is not self._settles:
            raise DecodeError("an ack and a nack in one entry")
        self._settles = kind
        self._settled.append(place)

    def flush(self) -> None:
        """The settlements so far are an entry."""
        if self._settled:
            queue, _ = self._named[-1]
            self.entries.append(self._settles(self.vhost, queue, tuple(self._settled)))
            self._settled.clear()
            self._named.clear()

    def end_entry(self) -> None:
        """The entry is over, and with it the virtual host."""
        self.flush()
        if self._named:
            raise DecodeError(f"queue {self._named[-1][0]!r} is named, and nothing said of it")
        if self._vhost is not None and not self._said:
            self.entries.append(VhostDeclared(self._vhost))
        self._vhost = None
        self._said = False
        self._named.clear()

    @property
    def named(self) -> list[tuple[str, Mapping[str, Any]]]:
        """The queues named since the last entry."""
        return self._named


def number_in(facts: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """A number from a table, never negative. Raises DecodeError."""
    value = facts.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST:
        raise DecodeError(f"{name} is {value!r}, not a number")
    return int(value)


# --- channel 0 ----------------------------------------------------------------------------------------------


@on(0, Connection.Start)
def _begun(reader: _Reader, method: Connection.Start, command: Command) -> Entry:
    reader.end_entry()
    facts = method.server_properties
    if facts.get("product") != PRODUCT or not isinstance(facts.get("anew"), bool):
        raise DecodeError("connection.start does not tell of a journal")
    return Begun(
        segment=number_in(facts, "segment"),
        follows=number_in(facts, "follows"),
        anew=facts["anew"],
        replaces=number_in(facts, "replaces"),
        run=number_in(facts, "run"),
        messages=number_in(facts, "messages"),
    )


@on(0, Connection.StartOk)
def _setting(reader: _Reader, method: Connection.StartOk, command: Command) -> Entry:
    reader.end_entry()
    pairs = Table(method.client_properties).pairs
    if len(pairs) != 1:
        raise DecodeError(f"a setting is one property, not {len(pairs)}")
    return Setting(*pairs[0])


@on(0, Connection.Open)
def _open(reader: _Reader, method: Connection.Open, command: Command) -> None:
    reader.open(method.virtual_host)


@on(0, Connection.Close)
def _close(reader: _Reader, method: Connection.Close, command: Command) -> Entry:
    if method.reply_text == VHOST_TEXT:
        return reader.close_vhost()
    if method.reply_text != STOP_TEXT:
        raise DecodeError(f"a connection.close with the text {method.reply_text!r}")
    reader.end_entry()
    return Stopped()


# --- channel 1: topology ------------------------------------------------------------------------------------


@on(CHANNEL, Exchange.Declare)
def _exchange_declared(reader: _Reader, method: Exchange.Declare, command: Command) -> Entry:
    if method.type not in KINDS:
        raise DecodeError(f"an exchange of type {method.type!r}")
    return ExchangeDeclared(
        reader.vhost, method.exchange, method.type, method.auto_delete, method.internal, method.arguments
    )


@on(CHANNEL, Exchange.Delete)
def _exchange_deleted(reader: _Reader, method: Exchange.Delete, command: Command) -> Entry:
    return ExchangeDeleted(reader.vhost, method.exchange)


@on(CHANNEL, Queue.Declare)
def _queue_declared(reader: _Reader, method: Queue.Declare, command: Command) -> Entry | None:
    if method.passive:
        reader.name(method.queue, method.arguments)
        return None
    try:
        check_arguments(method.arguments, f"queue '{method.queue}'")
    except (PreconditionFailed, Crash) as error:  # no broker has declared it so
        raise DecodeError(str(error)) from error
    return QueueDeclared(reader.vhost, method.queue, method.auto_delete, method.arguments)


@on(CHANNEL, Queue.Delete)
def _queue_deleted(reader: _Reader, method: Queue.Delete, command: Command) -> Entry:
    return QueueDeleted(reader.vhost, method.queue)


@on(CHANNEL, Queue.Bind)
def _queue_bound(reader: _Reader, method: Queue.Bind, command: Command) -> Entry:
    binding = bind(method.exchange, QUEUE, method.queue, method.routing_key, method.arguments)
    return Bound(reader.vhost, binding)


@on(CHANNEL, Queue.Unbind)
def _queue_unbound(reader: _Reader, method: Queue.Unbind, command: Command) -> Entry:
    binding = bind(method.exchange, QUEUE, method.queue, method.routing_key, method.arguments)
    return Unbound(reader.vhost, binding)


@on(CHANNEL, Exchange.Bind)
def _exchange_bound(reader: _Reader, method: Exchange.Bind, command: Command) -> Entry:
    binding = bind(method.source, EXCHANGE, method.destination, method.routing_key, method.arguments)
    return Bound(reader.vhost, binding)


@on(CHANNEL, Exchange.Unbind)
def _exchange_unbound(reader: _Reader, method: Exchange.Unbind, command: Command) -> Entry:
    binding = bind(method.source, EXCHANGE, method.destination, method.routing_key, method.arguments)
    return Unbound(reader.vhost, binding)


# --- channel 1: messages ------------------------------------------------------------------------------------


@on(CHANNEL, Basic.Publish)
def _stored(reader: _Reader, method: Basic.Publish, command: Command) -> Entry:
    if not reader.named:
        raise DecodeError("a message that stands in no queue")
    octets = command.header or b""
    Properties.decode(octets)  # a header that nobody could deliver again is no header
    number = number_in(reader.named[0][1], "x-message")
    message = StoredMessage(number, method.exchange, method.routing_key, octets, command.body)
    return Stored(reader.vhost, message, tuple(_standing(*named) for named in reader.named))


def _standing(queue: str, facts: Mapping[str, Any]) -> Standing:
    expires = number_in(facts, "x-expires-ms") if "x-expires-ms" in facts else None
    return Standing(
        queue,
        number_in(facts, "x-place"),
        expires,
        number_in(facts, "x-returned", 0),
        bool(number_in(facts, "x-redelivered", 0)),
        _death(number_in(facts, "x-died", 0)),
    )


def _death(number: int) -> str:
    if number >= len(DEATHS):
        raise DecodeError(f"there is no death number {number}")
    return DEATHS[number]


@on(CHANNEL, Basic.Ack)
def _removed(reader: _Reader, method: Basic.Ack, command: Command) -> None:
    reader.settle(Removed, method.delivery_tag)


@on(CHANNEL, Basic.Nack)
def _returned(reader: _Reader, method: Basic.Nack, command: Command) -> None:
    reader.settle(Returned, method.delivery_tag)


@on(CHANNEL, Queue.Purge)
def _purged(reader: _Reader, method: Queue.Purge, command: Command) -> Entry:
    if not reader.named:
        raise DecodeError("a purge of a queue that was not named")
    kept = reader.named[-1][1].get("x-kept", [])
    if not isinstance(kept, list):
        raise DecodeError("x-kept is no list of places")
    places = tuple(number_in({"x-kept": place}, "x-kept") for place in kept)
    return Purged(reader.vhost, method.queue, places)
