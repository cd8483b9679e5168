"""The broker: exchanges, queues, bindings and consumers come and go.

Theory
------
The topology is what decides where a message goes. It is told as changes, each by one record; what vanishes
together (the bindings of a deleted queue) is told one by one.
"""

from __future__ import annotations

from amqplab.trace.events.declaring import Event, event

__all__ = [
    "Bound",
    "ConsumerActivated",
    "ConsumerAdded",
    "ConsumerRemoved",
    "ExchangeDeclared",
    "ExchangeDeleted",
    "PolicyDeleted",
    "PolicySet",
    "QueueDeclared",
    "QueueDeleted",
    "QueuePurged",
    "Unbound",
]


def binding_label(binding: Bound | Unbound) -> str:
    """From where by what to where."""
    return f"{binding.source} –{binding.routing_key or binding.arguments}→ {binding.destination}"


@event(chapter="topology", level="milestone", label="exchange {exchange} ({type})")
class ExchangeDeclared(Event):
    """A new exchange exists."""

    vhost: str
    exchange: str
    type: str
    durable: bool
    auto_delete: bool
    internal: bool
    arguments: str


@event(chapter="topology", level="milestone", label="exchange {exchange} gone")
class ExchangeDeleted(Event):
    """The exchange and its bindings are gone; `reason` e.g. "deleted", "auto-delete"."""

    vhost: str
    exchange: str
    reason: str


@event(chapter="topology", level="milestone", label="queue {queue}")
class QueueDeclared(Event):
    """`owner` is the connection of an exclusive queue, else None."""

    vhost: str
    queue: str
    durable: bool
    owner: str | None
    auto_delete: bool
    arguments: str


@event(chapter="topology", level="milestone", label="queue {queue} gone")
class QueueDeleted(Event):
    """The queue and its bindings are gone; `reason` e.g. "deleted", "auto-delete", "exclusive owner left",
    "expired".
    """

    vhost: str
    queue: str
    reason: str


@event(chapter="topology", level="milestone", label="queue {queue} purged")
class QueuePurged(Event):
    """These ready messages were removed."""

    vhost: str
    queue: str
    messages: tuple[int, ...]


@event(chapter="topology", level="milestone", label=binding_label)
class Bound(Event):
    """A binding appeared. `kind` is "queue" or "exchange": what the destination is."""

    vhost: str
    source: str
    kind: str
    destination: str
    routing_key: str
    arguments: str


@event(chapter="topology", level="milestone", label=lambda x: f"{binding_label(x)} gone")
class Unbound(Event):
    """A binding is gone."""

    vhost: str
    source: str
    kind: str
    destination: str
    routing_key: str
    arguments: str


@event(chapter="topology", level="milestone", label="consumer on {queue}")
class ConsumerAdded(Event):
    """`prefetch` is its own window, 0 unlimited; `start` the first offset that a reader of a stream wants, None
    for other queues.
    """

    vhost: str
    queue: str
    connection: str
    channel: int
    consumer_tag: str
    no_ack: bool
    exclusive: bool
    prefetch: int
    priority: int
    start: int | None = None


@event(chapter="topology", level="milestone", label="active consumer of {queue}")
class ConsumerActivated(Event):
    """Of a queue with a single active consumer: from now on this one gets everything, all others wait."""

    vhost: str
    queue: str
    connection: str
    channel: int
    consumer_tag: str


@event(chapter="topology", level="milestone", label="consumer gone: {reason}")
class ConsumerRemoved(Event):
    """A consumer is gone; `reason` e.g. "cancelled", "channel closed", "queue deleted"."""

    vhost: str
    queue: str
    connection: str
    channel: int
    consumer_tag: str
    reason: str


@event(chapter="topology", level="milestone", label="policy {name}")
class PolicySet(Event):
    """An operator's policy holds from now on, in place of any of that name, for all that it `apply_to` ("all",
    "queues", "exchanges") and whose name fits the `pattern`. `definition` is text, as arguments are; with
    `operator` it only sets bounds to what the other policies say.
    """

    vhost: str
    name: str
    pattern: str
    apply_to: str
    definition: str
    priority: int
    operator: bool


@event(chapter="topology", level="milestone", label="policy {name} gone")
class PolicyDeleted(Event):
    """A policy was taken back."""

    vhost: str
    name: str
    operator: bool
