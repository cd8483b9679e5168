"""The broker: the life of a message.

Theory
------
A message is published once and routed once; each queue that is to get it gets a copy, and each copy has a
life of its own: ready, unacked, and then acknowledged, requeued, dropped or dead-lettered.
"""

from __future__ import annotations

from amqplab.trace.events.declaring import Event, event

__all__ = [
    "Acknowledged",
    "Confirmed",
    "DeadLettered",
    "Delivered",
    "Discarded",
    "Enqueued",
    "PublishRefused",
    "Published",
    "Rejected",
    "Replied",
    "Requeued",
    "Returned",
    "Routed",
    "SettlementHeld",
    "Unroutable",
]


def _elsewhere(routed: Routed) -> str:
    return "who waits for it" if routed.asked else "no queue"


@event(chapter="message", level="milestone", label="message {message} published", mark="pub")
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


@event(
    chapter="message",
    level="milestone",
    label=lambda x: f"message {x.message} routed to {', '.join(x.queues) or _elsewhere(x)}",
)
class Routed(Event):
    """Which bindings matched. `matched` holds (source, kind, destination, routing_key) for each; `queues`
    the queues that get one copy each; `alternates` the alternate exchanges asked on the way; `asked` the
    (connection, channel) of those who wait for it as an answer, past all queues (direct reply-to).
    """

    vhost: str
    message: int
    exchange: str
    routing_key: str
    matched: tuple[tuple[str, str, str, str], ...]
    queues: tuple[str, ...]
    alternates: tuple[str, ...]
    asked: tuple[tuple[str, int], ...] = ()


@event(chapter="message", level="milestone", label="message {message} unroutable", mark="bad")
class Unroutable(Event):
    """No queue was found; `returned` tells whether the publisher hears of it."""

    vhost: str
    message: int
    exchange: str
    routing_key: str
    returned: bool


@event(chapter="message", level="milestone", label="message {message} refused", mark="bad")
class PublishRefused(Event):
    """The message raised an error or the queue refused it, and was not taken."""

    vhost: str
    message: int
    reason: str


@event(chapter="message", level="milestone", label="message {message} ready in {queue}", mark="enq")
class Enqueued(Event):
    """One copy stands in the queue now; `position` counts from its head, 0 = next."""

    vhost: str
    queue: str
    message: int
    position: int


@event(chapter="message", level="milestone", label="message {message} delivered by {queue}", mark="del")
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


@event(chapter="message", level="milestone", label="message {message} delivered as a reply", mark="del")
class Replied(Event):
    """An answer went straight to the channel that asked, past all queues (direct reply-to)."""

    vhost: str
    message: int
    connection: str
    channel: int
    consumer_tag: str
    delivery_tag: int


@event(chapter="message", level="milestone", label="message {message} acknowledged in {queue}", mark="ack")
class Acknowledged(Event):
    """The copy is forgotten; it `stays` where it is in a stream."""

    vhost: str
    queue: str
    message: int
    connection: str
    channel: int
    delivery_tag: int
    stays: bool = False


@event(chapter="message", level="milestone", label="message {message} rejected")
class Rejected(Event):
    """basic.reject or basic.nack named the copy."""

    vhost: str
    queue: str
    message: int
    connection: str
    channel: int
    delivery_tag: int
    requeue: bool


@event(chapter="message", level="milestone", label="message {message} settled at commit")
class SettlementHeld(Event):
    """In a transaction a client has settled this copy: it is noted, and done at tx.commit. `outcome` is
    "acknowledged", "rejected" or "requeued".
    """

    vhost: str
    queue: str
    message: int
    connection: str
    channel: int
    delivery_tag: int
    outcome: str


@event(chapter="message", level="milestone", label="message {message} back in {queue}")
class Requeued(Event):
    """The copy is back in the queue; `reason` e.g. "rejected", "recover", "channel closed"."""

    vhost: str
    queue: str
    message: int
    position: int
    reason: str


@event(chapter="message", level="milestone", label="message {message} dropped: {reason}", mark="bad")
class Discarded(Event):
    """The copy is gone without an acknowledgement; `reason` e.g. "rejected", "expired", "maxlen",
    "purged", "queue deleted".
    """

    vhost: str
    queue: str
    message: int
    reason: str


@event(chapter="message", level="milestone", label="message {message} dead-lettered as {successor}")
class DeadLettered(Event):
    """The copy leaves `queue` for the dead-letter exchange, as the new message `successor`."""

    vhost: str
    queue: str
    message: int
    reason: str
    exchange: str
    routing_key: str
    successor: int


@event(chapter="message", level="milestone", label="message {message} returned: {code}")
class Returned(Event):
    """basic.return went to the publisher."""

    vhost: str
    message: int
    connection: str
    channel: int
    code: int
    text: str


@event(
    chapter="message",
    level="milestone",
    label=lambda x: (
        f"{'confirms' if x.positive else 'refuses'} {'up to ' if x.multiple else ''}#{x.sequence}"
    ),
)
class Confirmed(Event):
    """basic.ack (or nack) of publishes; `multiple` covers all up to `sequence`."""

    connection: str
    channel: int
    sequence: int
    multiple: bool
    positive: bool
