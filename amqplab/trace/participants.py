"""The participants: everything and everyone that ever appears in a recording.

Theory
------
A picture in which things jump about cannot be read as a history. So the stage is set once for the whole run:
every host, connection, exchange, queue and binding that *ever* exists gets its place before the play begins,
stays there, and is simply not drawn while it does not exist. That is what this module collects, in order of
first appearance, and why stepping back gives the identical picture.

Hosts take part in two ways, and one host may do both. A *server* answers: somebody connects to it. It is a
*broker* if it says what only AMQP brokers say; a run may have web servers beside it, or no broker at all. An
*application* asks: a host that connects, or on which a program runs that serves nobody. What an application
does gives it its *role* and its *side*:

    left     who publishes, or has not done anything yet
    right    who consumes; also one that answers what it consumed, by publishing something else

A queue of one's own, exclusive, makes nobody a consumer in this sense: the client of an RPC asks, and stands
where those who ask stand.

Names are those of :mod:`amqplab.trace.names`.

Keys are those of :mod:`amqplab.trace.fold`, so the state at any moment can be laid over the participants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.arguments import argument
from amqplab.trace.keys import binding_key, client_host, consumer_key, exchange_key, queue_key
from amqplab.trace.names import Names
from amqplab.trace.recorder import Record

__all__ = ["App", "Edge", "Participants", "Pipe", "Server", "participants_of"]

UNKNOWN = "server"
"""What a server is called of which nothing was heard."""


@dataclass(slots=True)
class Server:
    """A host that others connect to. `kind` is "broker" if it speaks AMQP, else "server" or "HTTP server"."""

    host: str
    kind: str = "server"


@dataclass(slots=True)
class App:
    """An application: one host that connects to others, or one live client that names itself."""

    name: str
    connections: list[str] = field(default_factory=list)
    publishes: bool = False
    consumes: bool = False
    confirms: bool = False
    side: str = ""

    @property
    def role(self) -> str:
        """What it does in this run: "publisher", "consumer", "publisher and consumer", or "client"."""
        roles = ["publisher"] * self.publishes + ["consumer"] * self.consumes
        return " and ".join(roles) or "client"


@dataclass(slots=True)
class Pipe:
    """A connection, with the numbers of every channel it ever opened (0 is the connection's own). `server` is
    the host at its other end; `heard` tells whether the client's end is recorded.
    """

    connection: str
    app: str
    server: str = ""
    heard: bool = False
    channels: list[int] = field(default_factory=lambda: [0])


@dataclass(slots=True)
class Edge:
    """One binding. `label` is what it compares: a key, or in a headers exchange arguments; `match` is how
    Routed names it; `ghost` marks the default exchange's implicit ones.
    """

    key: str
    source: str
    target: str
    label: str
    match: tuple[str, str, str, str]
    ghost: bool = False


@dataclass
class Participants:
    """All of them, each dict in order of first appearance."""

    servers: dict[str, Server] = field(default_factory=dict)
    apps: dict[str, App] = field(default_factory=dict)
    pipes: dict[str, Pipe] = field(default_factory=dict)
    exchanges: dict[str, str] = field(default_factory=dict)
    queues: dict[str, str] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)
    consumers: dict[str, tuple[str, str]] = field(default_factory=dict)
    """consumer's key -> (connection, queue's key)"""
    by_headers: set[str] = field(default_factory=set)
    """keys of the exchanges that compare headers"""
    addressed: set[str] = field(default_factory=set)
    """keys of the exchanges that somebody published to"""
    owners: dict[str, str] = field(default_factory=dict)
    """exclusive queue's key -> the connection that it belongs to"""
    naming: Names = field(default_factory=Names)

    @property
    def names(self) -> dict[str, str]:
        """Connection, or consumer's key -> the name that people know it by."""
        return self.naming.called

    @property
    def broker(self) -> str:
        """The host of the first broker; of the first server if there is no broker; "" if there is none."""
        brokers = [host for host, server in self.servers.items() if server.kind == "broker"]
        return next(iter([*brokers, *self.servers]), "")

    def columns(self) -> list[str]:
        """Everybody with a lifeline, left to right: applications on the left, servers, those on the right."""
        left, right = (
            [app.name for app in self.apps.values() if app.side == side and app.name not in self.servers]
            for side in ("left", "right")
        )
        return [*left, *self.servers, *right]

    def ends(self, connection: str) -> tuple[str, str]:
        """The lifelines of a connection: its client's, its server's."""
        pipe = self.pipes[connection]
        return pipe.app, pipe.server

    # --- meeting them ------------------------------------------------------------------------------------

    def server(self, host: str) -> Server:
        """The server at `host`, met now if it is new."""
        return self.servers.setdefault(host, Server(host))

    def app(self, name: str) -> App:
        """The application of that name, met now if it is new."""
        return self.apps.setdefault(name, App(name))

    def pipe(self, connection: str) -> Pipe:
        """The pipe of a connection, met now if it is new."""
        pipe = self.pipes.get(connection)
        if pipe is None:
            name = self.naming.program(connection)
            pipe = self.pipes[connection] = Pipe(connection, name)
            self.app(name).connections.append(connection)
        return pipe

    def app_of(self, connection: str) -> App:
        """Whose connection it is."""
        return self.apps[self.pipe(connection).app]

    def lane(self, connection: str, channel: int) -> Pipe:
        """The pipe of a connection, which has this channel."""
        pipe = self.pipe(connection)
        if channel not in pipe.channels:
            pipe.channels.append(channel)
            pipe.channels.sort()
        return pipe


def participants_of(records: Iterable[Record], names: Names | None = None) -> Participants:
    """Read a recording and list who appears. `names` are those of the same recording, if they are known."""
    records = list(records)
    found = Participants(naming=names or Names(records))
    for record in records:
        event = record.event
        kind = type(event)
        if kind in TOLD_BY_BROKERS:
            meet_broker(found, record.where, getattr(event, "connection", None))
        meet = MEETINGS.get(kind)
        if meet is not None:
            meet(found, record, event)
        elif (connection := getattr(event, "connection", None)) is not None:
            found.pipe(connection)
    found.exchanges.setdefault(exchange_key("/", ""), "")
    find_missing_servers(found)
    leave_out_the_idle(found)
    choose_sides(found)
    return found


def find_missing_servers(found: Participants) -> None:
    """Where only the client's end was heard, it spoke to the broker, or to a server whose name is unknown."""
    for pipe in found.pipes.values():
        if not pipe.server:
            pipe.server = found.server(found.broker or UNKNOWN).host


def leave_out_the_idle(found: Participants) -> None:
    """The predeclared amq.* exchanges appear only when something is bound to them or published there; and a
    program that only serves is seen as the server that it is.
    """
    busy = {end for edge in found.edges.values() for end in (edge.source, edge.target)} | found.addressed
    for key, name in list(found.exchanges.items()):
        if name.startswith("amq.") and key not in busy:
            del found.exchanges[key]
    for name, app in list(found.apps.items()):
        if name in found.servers and not app.connections:
            del found.apps[name]


def choose_sides(found: Participants) -> None:
    """Whoever has not chosen one stands with those who do alike."""
    for app in found.apps.values():
        only_consumes = app.consumes and not app.publishes
        app.side = app.side or ("right" if only_consumes else "left")


# --- hosts and connections -------------------------------------------------------------------------------


def meet_broker(found: Participants, host: str, connection: str | None) -> None:
    """Somebody says what only a broker says."""
    if connection is not None:
        if host == client_host(connection):
            return
        found.pipe(connection).server = host
    found.server(host).kind = "broker"


def meet_program(found: Participants, record: Record, event: Any) -> None:
    found.app(record.where)


def meet_segment(found: Participants, record: Record, event: e.SegmentSent) -> None:
    pipe = found.pipe(event.connection)
    up = event.source == event.connection
    pipe.server = pipe.server or client_host(event.destination if up else event.source)
    pipe.heard = pipe.heard or up
    found.server(pipe.server)


def meet_tcp_state(found: Participants, record: Record, event: e.TcpStateChanged) -> None:
    meet_end(found, event.connection, record.where)


def meet_frame(found: Participants, record: Record, event: e.FrameSent | e.FrameReceived) -> None:
    meet_end(found, event.connection, event.host)


def meet_unit(found: Participants, record: Record, event: e.UnitSent | e.UnitReceived) -> None:
    """Whoever speaks another protocol is a server of that."""
    meet_end(found, event.connection, event.host)
    pipe = found.pipe(event.connection)
    if pipe.server and found.server(pipe.server).kind == "server" and event.dialect in SERVES:
        found.server(pipe.server).kind = SERVES[event.dialect]


SERVES = {"http": "HTTP server", "websocket": "HTTP server"}


def meet_end(found: Participants, connection: str, host: str) -> None:
    """Something happened at one end of a connection."""
    pipe = found.pipe(connection)
    if host == client_host(connection):
        pipe.heard = True
    else:
        pipe.server = pipe.server or host
        found.server(host)


def meet_command(found: Participants, record: Record, event: e.CommandSent | e.CommandReceived) -> None:
    """What somebody asked for shows what they are, even if no answer is recorded."""
    meet_end(found, event.connection, event.host)
    if event.name == "connection.start":
        pipe = found.pipe(event.connection)
        if pipe.server:
            found.server(pipe.server).kind = "broker"
    app = found.app_of(event.connection)
    app.publishes = app.publishes or event.name == "basic.publish"
    app.consumes = app.consumes or event.name in ("basic.consume", "basic.get")


# --- topology --------------------------------------------------------------------------------------------


PREDECLARED_HEADERS = ("amq.headers", "amq.match")


def meet_exchange(found: Participants, record: Record, event: e.ExchangeDeclared) -> None:
    key = exchange_key(event.vhost, event.exchange)
    found.exchanges.setdefault(key, event.exchange)
    (found.by_headers.add if event.type == "headers" else found.by_headers.discard)(key)


def meet_queue(found: Participants, record: Record, event: e.QueueDeclared) -> None:
    """A queue brings its implicit binding to the default exchange."""
    key, source = queue_key(event.vhost, event.queue), exchange_key(event.vhost, "")
    found.queues.setdefault(key, event.queue)
    found.exchanges.setdefault(source, "")
    found.owners.pop(key, None)
    if event.owner is not None:
        found.owners[key] = event.owner
    match = ("", "queue", event.queue, event.queue)
    implicit = binding_key(event.vhost, *match, "")
    found.edges.setdefault(implicit, Edge(implicit, source, key, event.queue, match, ghost=True))


def meet_binding(found: Participants, record: Record, event: e.Bound) -> None:
    match = (event.source, event.kind, event.destination, event.routing_key)
    if event.source == "":
        return
    source = exchange_key(event.vhost, event.source)
    found.exchanges.setdefault(source, event.source)
    if event.kind == "queue":
        target = queue_key(event.vhost, event.destination)
        found.queues.setdefault(target, event.destination)
    else:
        target = exchange_key(event.vhost, event.destination)
        found.exchanges.setdefault(target, event.destination)
    key = binding_key(event.vhost, *match, event.arguments)
    by_headers = source in found.by_headers or event.source in PREDECLARED_HEADERS
    label = what_counts(event.arguments) if by_headers else event.routing_key
    found.edges.setdefault(key, Edge(key, source, target, label, match))


def what_counts(arguments: str) -> str:
    """The arguments of a binding to a headers exchange, which compares these and no key; that all of them must
    fit is usual, and need not be said.
    """
    how = argument(arguments, "x-match")
    wanted = arguments if how is None else without(arguments, f"x-match={how}")
    return wanted if how in (None, "all") and wanted else f"{how or 'all'}: {wanted or 'no headers'}"


def without(arguments: str, pair: str) -> str:
    """The text without this pair and the comma beside it."""
    if f", {pair}" in arguments:
        return arguments.replace(f", {pair}", "", 1)
    return arguments.replace(pair, "", 1).removeprefix(", ")


# --- who publishes, who consumes -------------------------------------------------------------------------


def meet_channel(found: Participants, record: Record, event: e.ChannelOpened) -> None:
    found.lane(event.connection, event.channel)


def meet_consumer(found: Participants, record: Record, event: e.ConsumerAdded) -> None:
    pipe = found.lane(event.connection, event.channel)
    key = consumer_key(event.connection, event.channel, event.consumer_tag)
    queue = queue_key(event.vhost, event.queue)
    if key not in found.consumers:
        found.consumers[key] = (event.connection, queue)
    consumes(found, pipe, queue)


def meet_delivered(found: Participants, record: Record, event: e.Delivered) -> None:
    pipe = found.lane(event.connection, event.channel)
    consumes(found, pipe, queue_key(event.vhost, event.queue))


def consumes(found: Participants, pipe: Pipe, queue: str) -> None:
    """An application takes messages out of a queue."""
    app = found.apps[pipe.app]
    app.consumes = True
    owner = found.owners.get(queue)
    if owner is None or found.pipe(owner).app != app.name:
        app.side = app.side or "right"


def meet_published(found: Participants, record: Record, event: e.Published) -> None:
    app = found.app_of(event.connection)
    app.publishes = True
    app.side = app.side or "left"
    key = exchange_key(event.vhost, event.exchange)
    found.exchanges.setdefault(key, event.exchange)
    found.addressed.add(key)


def meet_mode(found: Participants, record: Record, event: e.ModeSelected) -> None:
    if event.mode == "confirm":
        found.app_of(event.connection).confirms = True


MEETINGS: dict[type[e.Event], Callable[[Participants, Record, Any], None]] = {
    e.ProgramStarted: meet_program,
    e.CallMade: meet_program,
    e.SegmentSent: meet_segment,
    e.TcpStateChanged: meet_tcp_state,
    e.FrameSent: meet_frame,
    e.UnitSent: meet_unit,
    e.UnitReceived: meet_unit,
    e.FrameReceived: meet_frame,
    e.CommandSent: meet_command,
    e.CommandReceived: meet_command,
    e.ExchangeDeclared: meet_exchange,
    e.QueueDeclared: meet_queue,
    e.Bound: meet_binding,
    e.ChannelOpened: meet_channel,
    e.ConsumerAdded: meet_consumer,
    e.Published: meet_published,
    e.Delivered: meet_delivered,
    e.ModeSelected: meet_mode,
}

TOLD_BY_BROKERS = frozenset(
    kind for kind, about in e.ABOUT.items() if about.chapter in ("session", "topology", "message")
)
"""Whoever reports one of these runs a broker."""
