"""The participants: everything and everyone that ever appears in a recording.

Theory
------
A picture in which things jump about cannot be read as a history. So the stage is set once for the whole run:
every host, connection, exchange, queue and binding that *ever* exists gets its place before the play begins,
stays there, and is simply not drawn while it does not exist. That is what this module collects, in order of
first appearance, and why stepping back gives the identical picture.

Keys are those of :mod:`amqplab.trace.fold`, so the state at any moment can be laid over the participants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.keys import binding_key, client_host, consumer_key, exchange_key, queue_key
from amqplab.trace.recorder import Record

__all__ = ["App", "Edge", "Participants", "Pipe", "participants_of"]


@dataclass
class App:
    """An application: one client host, or one live client that names itself."""

    name: str
    connections: list[str] = field(default_factory=list)
    publishes: bool = False
    consumes: bool = False
    confirms: bool = False
    side: str = ""


@dataclass
class Pipe:
    """A connection, with the numbers of every channel it ever opened (0 is the connection's own)."""

    connection: str
    app: str
    channels: list[int] = field(default_factory=lambda: [0])
    consumers: list[str] = field(default_factory=list)


@dataclass
class Edge:
    """One binding. `match` is how Routed names it; `ghost` marks the default exchange's implicit ones."""

    key: str
    source: str
    target: str
    label: str
    match: tuple[str, str, str, str]
    ghost: bool = False


@dataclass
class Participants:
    """All of them, each dict in order of first appearance."""

    broker: str = "broker"
    apps: dict[str, App] = field(default_factory=dict)
    pipes: dict[str, Pipe] = field(default_factory=dict)
    exchanges: dict[str, str] = field(default_factory=dict)
    queues: dict[str, str] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)
    consumers: dict[str, tuple[str, str]] = field(default_factory=dict)
    addressed: set[str] = field(default_factory=set)


def participants_of(records: Iterable[Record]) -> Participants:
    """Read a recording once and list who appears."""
    participants = Participants()
    for record in records:
        event = record.event
        meet = MEETINGS.get(type(event))
        if meet is not None:
            meet(participants, event)
        elif (connection := getattr(event, "connection", None)) is not None:
            pipe_of(participants, connection)
    participants.exchanges.setdefault(exchange_key("/", ""), "")
    leave_out_the_idle(participants)
    for app in participants.apps.values():
        app.side = app.side or "left"
    return participants


def leave_out_the_idle(participants: Participants) -> None:
    """The predeclared amq.* exchanges appear only when something is bound to them or published there."""
    busy = {
        end for edge in participants.edges.values() for end in (edge.source, edge.target)
    } | participants.addressed
    idle = [
        key for key, name in participants.exchanges.items() if name.startswith("amq.") and key not in busy
    ]
    for key in idle:
        del participants.exchanges[key]


def pipe_of(participants: Participants, connection: str) -> Pipe:
    """The pipe of a connection, met now if it is new."""
    pipe = participants.pipes.get(connection)
    if pipe is None:
        host = client_host(connection)
        pipe = participants.pipes[connection] = Pipe(connection, host)
        participants.apps.setdefault(host, App(host)).connections.append(connection)
    return pipe


def lane(participants: Participants, connection: str, channel: int) -> Pipe:
    pipe = pipe_of(participants, connection)
    if channel not in pipe.channels:
        pipe.channels.append(channel)
        pipe.channels.sort()
    return pipe


def meet_segment(participants: Participants, event: e.SegmentSent) -> None:
    pipe_of(participants, event.connection)
    peer = event.destination if event.source == event.connection else event.source
    participants.broker = client_host(peer)


def meet_opened(participants: Participants, event: e.ConnectionOpened) -> None:
    """A live client comes from an address that says nothing; then its own name is better."""
    pipe = pipe_of(participants, event.connection)
    if event.client_name and pipe.app[:1].isdigit():
        participants.apps[pipe.app].connections.remove(event.connection)
        if not participants.apps[pipe.app].connections:
            del participants.apps[pipe.app]
        pipe.app = event.client_name
        participants.apps.setdefault(pipe.app, App(pipe.app)).connections.append(event.connection)


def meet_exchange(participants: Participants, event: e.ExchangeDeclared) -> None:
    participants.exchanges.setdefault(exchange_key(event.vhost, event.exchange), event.exchange)


def meet_queue(participants: Participants, event: e.QueueDeclared) -> None:
    key = queue_key(event.vhost, event.queue)
    participants.queues.setdefault(key, event.queue)
    source = exchange_key(event.vhost, "")
    participants.exchanges.setdefault(source, "")
    implicit = binding_key(event.vhost, "", "queue", event.queue, event.queue, "")
    match = ("", "queue", event.queue, event.queue)
    participants.edges.setdefault(implicit, Edge(implicit, source, key, event.queue, match, ghost=True))


def meet_binding(participants: Participants, event: e.Bound) -> None:
    if event.source == "":
        return
    key = binding_key(
        event.vhost, event.source, event.kind, event.destination, event.routing_key, event.arguments
    )
    source = exchange_key(event.vhost, event.source)
    participants.exchanges.setdefault(source, event.source)
    if event.kind == "queue":
        target = queue_key(event.vhost, event.destination)
        participants.queues.setdefault(target, event.destination)
    else:
        target = exchange_key(event.vhost, event.destination)
        participants.exchanges.setdefault(target, event.destination)
    match = (event.source, event.kind, event.destination, event.routing_key)
    label = event.routing_key or event.arguments
    participants.edges.setdefault(key, Edge(key, source, target, label, match))


def meet_channel(participants: Participants, event: e.ChannelOpened) -> None:
    lane(participants, event.connection, event.channel)


def meet_consumer(participants: Participants, event: e.ConsumerAdded) -> None:
    pipe = lane(participants, event.connection, event.channel)
    key = consumer_key(event.connection, event.channel, event.consumer_tag)
    if key not in participants.consumers:
        participants.consumers[key] = (event.connection, queue_key(event.vhost, event.queue))
        pipe.consumers.append(key)
    app = participants.apps[pipe.app]
    app.consumes = True
    app.side = app.side or "right"


def meet_published(participants: Participants, event: e.Published) -> None:
    app = participants.apps[pipe_of(participants, event.connection).app]
    app.publishes = True
    app.side = app.side or "left"
    key = exchange_key(event.vhost, event.exchange)
    participants.exchanges.setdefault(key, event.exchange)
    participants.addressed.add(key)


def meet_mode(participants: Participants, event: e.ModeSelected) -> None:
    if event.mode == "confirm":
        participants.apps[pipe_of(participants, event.connection).app].confirms = True


def meet_delivered(participants: Participants, event: e.Delivered) -> None:
    app = participants.apps[lane(participants, event.connection, event.channel).app]
    app.consumes = True
    app.side = app.side or "right"


MEETINGS: dict[type[e.Event], Callable[[Participants, Any], None]] = {
    e.SegmentSent: meet_segment,
    e.ConnectionOpened: meet_opened,
    e.ExchangeDeclared: meet_exchange,
    e.QueueDeclared: meet_queue,
    e.Bound: meet_binding,
    e.ChannelOpened: meet_channel,
    e.ConsumerAdded: meet_consumer,
    e.Published: meet_published,
    e.Delivered: meet_delivered,
    e.ModeSelected: meet_mode,
}
