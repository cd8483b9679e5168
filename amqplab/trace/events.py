"""Every kind of thing that can happen, as a frozen dataclass.

Theory
------
This is the vocabulary of the whole laboratory. The link reports segments, the tap reports frames and
commands, the broker reports what it did with messages, the lab reports programs and interventions. Losses,
drops and non-matches are events too: a learner has to be able to see why nothing happened.

Conventions
* ``connection`` is the client's end of a TCP connection, ``"host:port"``; unique for the life of a run.
* ``message`` is the broker's own number for one published message, from 1; all its copies share it.
* times are integer nanoseconds, sizes are octets, names end in their unit where they have one.
* fields hold only values that print the same everywhere: str, int, bool, bytes, None and tuples of these.

Events are built lazily (see :mod:`amqplab.trace.recorder`): positional order of the fields is the contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import dataclass_transform


class Event:
    """Base of all events."""

    __slots__ = ()


@dataclass_transform(frozen_default=True)
def event(cls: type) -> type:
    """Make `cls` a frozen, slotted dataclass."""
    return dataclass(frozen=True, slots=True)(cls)


# --- The lab: programs, calls, interventions -------------------------------------------------------------


@event
class ProgramStarted(Event):
    """A program began to run at its host."""

    program: str


@event
class ProgramFinished(Event):
    """A program ended: `outcome` is "returned", "cancelled" or the error's text."""

    program: str
    outcome: str


@event
class CallMade(Event):
    """A learner's code called the client: the text is the call as it could be typed."""

    call: str


@event
class CallReturned(Event):
    """That call returned; `call_seq` is the seq of its CallMade."""

    call_seq: int
    result: str


@event
class CallFailed(Event):
    """That call raised."""

    call_seq: int
    error: str


@event
class MessageHandled(Event):
    """A program's own code finished with a delivered message."""

    connection: str
    channel: int
    delivery_tag: int


@event
class NoteMade(Event):
    """A remark of the lesson, shown as a milestone."""

    text: str


@event
class Intervened(Event):
    """Somebody changed the world: a fault injected or healed."""

    action: str
    target: str
    detail: str


@event
class CheckFailed(Event):
    """An invariant was seen broken."""

    check: str
    detail: str


# --- The link: TCP segments between two hosts ------------------------------------------------------------


@event
class TcpStateChanged(Event):
    """One end of a connection changed its TCP state (RFC 9293 names, e.g. "SYN-SENT")."""

    connection: str
    state: str


@event
class SegmentSent(Event):
    """One TCP segment left `source` for `destination` (both "host:port"). `number` is unique per run;
    `sequence` and `acknowledgement` are the 32-bit TCP numbers; `flags` is e.g. "SYN|ACK"; `arrives_at`
    is the planned arrival in ns, None when it will be lost; `departs_at`..`arrives_at` includes the
    serialisation delay.
    """

    connection: str
    number: int
    source: str
    destination: str
    flags: str
    sequence: int
    acknowledgement: int
    window: int
    payload: bytes
    retransmission: bool
    departs_at: int
    arrives_at: int | None


@event
class SegmentArrived(Event):
    """The segment reached the other host and was taken by its TCP."""

    connection: str
    number: int


@event
class SegmentLost(Event):
    """The network dropped the segment; `reason` is e.g. "loss", "cut", "injected"."""

    connection: str
    number: int
    reason: str


@event
class SegmentDiscarded(Event):
    """The receiving TCP had no use for it: a duplicate, outside the window, or no such connection."""

    connection: str
    number: int
    reason: str


@event
class RetransmissionTimedOut(Event):
    """No acknowledgement within the retransmission timeout."""

    connection: str
    host: str
    rto_ns: int


@event
class WindowClosed(Event):
    """The receiver at `host` advertises a window of zero: the sender must stop."""

    connection: str
    host: str


@event
class WindowOpened(Event):
    """The receiver at `host` has room again."""

    connection: str
    host: str


# --- The tap: frames and commands at one end of a connection ---------------------------------------------


@event
class FrameSent(Event):
    """A whole frame (or protocol header) was handed to TCP at `host`. `offset` is its first octet's place
    in this direction's byte stream; `data` the whole frame.
    """

    connection: str
    host: str
    offset: int
    data: bytes


@event
class FrameReceived(Event):
    """A whole frame came out of TCP at `host`."""

    connection: str
    host: str
    offset: int
    data: bytes


@event
class CommandSent(Event):
    """The last frame of a command was sent: method, or method + header + bodies. `name` is e.g.
    "basic.publish"; `frames` are the seqs of its frame records.
    """

    connection: str
    host: str
    channel: int
    name: str
    frames: tuple[int, ...]


@event
class CommandReceived(Event):
    """The last frame of a command was received."""

    connection: str
    host: str
    channel: int
    name: str
    frames: tuple[int, ...]


@event
class BytesUnreadable(Event):
    """Octets that form no frame; from here on this direction is not parsed."""

    connection: str
    host: str
    offset: int
    detail: str


# --- The broker: connections and channels ----------------------------------------------------------------


@event
class ConnectionAuthenticated(Event):
    """A user logged in."""

    connection: str
    user: str
    mechanism: str


@event
class ConnectionTuned(Event):
    """Limits were agreed: channels, frame octets, heartbeat seconds."""

    connection: str
    channel_max: int
    frame_max: int
    heartbeat_s: int


@event
class ConnectionOpened(Event):
    """connection.open was accepted."""

    connection: str
    user: str
    vhost: str
    client_name: str


@event
class ConnectionClosing(Event):
    """A close handshake began; `by` is "client" or "broker"."""

    connection: str
    by: str
    code: int
    text: str


@event
class ConnectionClosed(Event):
    """The broker forgot the connection; `reason` e.g. "closed by client", "reset", "missed heartbeats"."""

    connection: str
    reason: str


@event
class ChannelOpened(Event):
    """channel.open was accepted."""

    connection: str
    channel: int


@event
class ChannelClosing(Event):
    """A channel close handshake began."""

    connection: str
    channel: int
    by: str
    code: int
    text: str


@event
class ChannelClosed(Event):
    """The channel number is free again."""

    connection: str
    channel: int


@event
class PrefetchSet(Event):
    """basic.qos: `count` 0 is unlimited; `shared` is the global flag."""

    connection: str
    channel: int
    count: int
    shared: bool


@event
class ModeSelected(Event):
    """The channel is now in "confirm" or "tx" mode."""

    connection: str
    channel: int
    mode: str


@event
class TransactionEnded(Event):
    """`outcome` is "committed" or "rolled back"."""

    connection: str
    channel: int
    outcome: str


@event
class HeartbeatMissed(Event):
    """The broker found a client silent for a whole interval; the second time it gives up."""

    connection: str
    missed: int


@event
class ConnectionBlocked(Event):
    """An alarm stopped reading from this publisher."""

    connection: str
    reason: str


@event
class ConnectionUnblocked(Event):
    """All alarms are gone; reading goes on."""

    connection: str


@event
class AlarmChanged(Event):
    """A resource alarm ("memory" or "disk") was set or cleared."""

    resource: str
    active: bool


# --- The disk --------------------------------------------------------------------------------------------


@event
class DiskWriting(Event):
    """Octets were written to a file; until the disk has synced them, a crash may take them away."""

    file: str
    octets: int


@event
class DiskSynced(Event):
    """What was written is safe: it survives every crash."""

    file: str
    octets: int


@event
class DiskFailed(Event):
    """The disk could not take what was written."""

    file: str
    octets: int
    reason: str


@event
class DiskForgot(Event):
    """A crash came before the sync: of so many octets, `kept` are still there, perhaps with holes."""

    file: str
    octets: int
    kept: int


# --- The broker: topology --------------------------------------------------------------------------------


@event
class ExchangeDeclared(Event):
    """A new exchange exists."""

    vhost: str
    exchange: str
    type: str
    durable: bool
    auto_delete: bool
    internal: bool
    arguments: str


@event
class ExchangeDeleted(Event):
    """The exchange and its bindings are gone; `reason` e.g. "deleted", "auto-delete"."""

    vhost: str
    exchange: str
    reason: str


@event
class QueueDeclared(Event):
    """`owner` is the connection of an exclusive queue, else None."""

    vhost: str
    queue: str
    durable: bool
    owner: str | None
    auto_delete: bool
    arguments: str


@event
class QueueDeleted(Event):
    """The queue and its bindings are gone; `reason` e.g. "deleted", "auto-delete", "exclusive owner left",
    "expired".
    """

    vhost: str
    queue: str
    reason: str


@event
class QueuePurged(Event):
    """These ready messages were removed."""

    vhost: str
    queue: str
    messages: tuple[int, ...]


@event
class Bound(Event):
    """A binding appeared. `kind` is "queue" or "exchange": what the destination is."""

    vhost: str
    source: str
    kind: str
    destination: str
    routing_key: str
    arguments: str


@event
class Unbound(Event):
    """A binding is gone."""

    vhost: str
    source: str
    kind: str
    destination: str
    routing_key: str
    arguments: str


@event
class ConsumerAdded(Event):
    """`prefetch` is its own window, 0 unlimited."""

    vhost: str
    queue: str
    connection: str
    channel: int
    consumer_tag: str
    no_ack: bool
    exclusive: bool
    prefetch: int
    priority: int


@event
class ConsumerRemoved(Event):
    """A consumer is gone; `reason` e.g. "cancelled", "channel closed", "queue deleted"."""

    vhost: str
    queue: str
    connection: str
    channel: int
    consumer_tag: str
    reason: str


# --- The broker: the life of a message -------------------------------------------------------------------


@event
class Published(Event):
    """The broker took a whole message in. `sequence` is its confirm number, 0 without confirms."""

    vhost: str
    message: int
    connection: str
    channel: int
    exchange: str
    routing_key: str
    size: int
    mandatory: bool
    persistent: bool
    sequence: int


@event
class Routed(Event):
    """Which bindings matched. `matched` holds (source, kind, destination, routing_key) for each; `queues`
    the queues that get one copy each; `alternates` the alternate exchanges asked on the way; `asked` the
    (connection, channel) of those for whom it is the answer, past all queues (direct reply-to).
    """

    vhost: str
    message: int
    exchange: str
    routing_key: str
    matched: tuple[tuple[str, str, str, str], ...]
    queues: tuple[str, ...]
    alternates: tuple[str, ...]
    asked: tuple[tuple[str, int], ...] = ()


@event
class Unroutable(Event):
    """No queue was found; `returned` tells whether the publisher hears of it."""

    vhost: str
    message: int
    exchange: str
    routing_key: str
    returned: bool


@event
class PublishRefused(Event):
    """The message raised an error or the queue refused it, and was not taken."""

    vhost: str
    message: int
    reason: str


@event
class Enqueued(Event):
    """One copy stands in the queue now; `position` counts from its head, 0 = next."""

    vhost: str
    queue: str
    message: int
    position: int


@event
class Delivered(Event):
    """One copy was handed out; `consumer_tag` is "" for basic.get; with `no_ack` it is gone from the
    queue; it `stays` where it is in a stream.
    """

    vhost: str
    queue: str
    message: int
    connection: str
    channel: int
    consumer_tag: str
    delivery_tag: int
    redelivered: bool
    no_ack: bool
    stays: bool = False


@event
class Replied(Event):
    """An answer went straight to the channel that asked, past all queues (direct reply-to)."""

    vhost: str
    message: int
    connection: str
    channel: int
    consumer_tag: str
    delivery_tag: int


@event
class Acknowledged(Event):
    """The copy is forgotten; it `stays` where it is in a stream."""

    vhost: str
    queue: str
    message: int
    connection: str
    channel: int
    delivery_tag: int
    stays: bool = False


@event
class Rejected(Event):
    """basic.reject or basic.nack named the copy."""

    vhost: str
    queue: str
    message: int
    connection: str
    channel: int
    delivery_tag: int
    requeue: bool


@event
class Requeued(Event):
    """The copy is back in the queue; `reason` e.g. "rejected", "recover", "channel closed"."""

    vhost: str
    queue: str
    message: int
    position: int
    reason: str


@event
class Discarded(Event):
    """The copy is gone without an acknowledgement; `reason` e.g. "rejected", "expired", "maxlen",
    "purged", "queue deleted".
    """

    vhost: str
    queue: str
    message: int
    reason: str


@event
class DeadLettered(Event):
    """The copy leaves `queue` for the dead-letter exchange, as the new message `successor`."""

    vhost: str
    queue: str
    message: int
    reason: str
    exchange: str
    routing_key: str
    successor: int


@event
class Returned(Event):
    """basic.return went to the publisher."""

    vhost: str
    message: int
    connection: str
    channel: int
    code: int
    text: str


@event
class Confirmed(Event):
    """basic.ack (or nack) of publishes; `multiple` covers all up to `sequence`."""

    connection: str
    channel: int
    sequence: int
    multiple: bool
    positive: bool
