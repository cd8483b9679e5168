"""The marks: everything that is on the picture after one record, said once.

Theory
------
The picture is drawn in two languages. So that both tell the same, what is *on* it is decided here, as a flat
list of :class:`Mark`: a kind, an id, where it is, in which state, and what is written on it. The static SVG
draws this list and nothing else; the browser's picture carries the same five things in its attributes
(``data-kind``, ``data-id``, ``data-place``, ``data-state``, and the label), and a test compares the two as
sets.

A :class:`Moment` is all that a picture depends on: the state after the record with its tokens
(:mod:`amqplab.trace.whereabouts`), the layout, the wire, the zoom. Marks are a pure function of it. Reading is
total: what a state lacks is left out, and nothing raises.

Where a message is, is said by ``place``:

    client:NAME    link:NAME    broker    exchange:NAME    consumer:NAME    lost    returned
    queue:NAME:ready            queue:NAME:ghost    delivered and not settled: the queue still owns it
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from amqplab.stage import places
from amqplab.stage.contract_layout import Layout, NodePlace, PipePlace, RowPlace
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.lettering import width
from amqplab.stage.needs import argument
from amqplab.stage.places import Spot
from amqplab.trace import keys
from amqplab.trace.rides import progress, ride, segments_under_way
from amqplab.trace.subjects import Subject
from amqplab.trace.traffic import Command, Frame, Segment, Traffic

__all__ = [
    "ZOOMS",
    "Mark",
    "Moment",
    "badges_of",
    "connection_state",
    "marks",
    "root_of",
    "signal_width",
    "written",
]

Entity = Mapping[str, Any]
State = Mapping[str, Entity]
ZOOMS = ("segment", "frame", "command", "milestone", "story")
FRAME_LETTERS = {1: "M", 2: "H", 3: "B", 8: "♥", 65: "A"}
NOTHING: Entity = {}
ORIGIN = Spot(0, 0)
NOBODY = Subject((), None, None, None, None)
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Mark:
    """One thing on the picture. `spot` is where it stands; `more` holds what only its drawing needs."""

    kind: str
    id: str
    place: str = ""
    state: str = ""
    label: str = ""
    spot: Spot = ORIGIN
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def said(self) -> tuple[str, str, str, str, str]:
        """What every form of the picture must agree on."""
        return self.kind, self.id, self.place, self.state, self.label


@dataclass(frozen=True)
class Moment:
    """What a picture depends on. `now` is a time in ns; `matched` are the keys of bindings that matched in
    this record; `labels` what is written on messages that are more than their number (dead letters); `subject`
    is what the record speaks of, which is shown at its end if it is just over.
    """

    state: State
    layout: Layout
    traffic: Traffic
    seq: int = -1
    now: int = 0
    zoom: str = "milestone"
    matched: Collection[str] = ()
    labels: Callable[[int], str] = str
    subject: Subject = NOBODY

    @property
    def wide(self) -> bool:
        """Whether the journey runs from left to right."""
        return self.layout["orientation"] == "wide"

    def fine(self, zoom: str) -> bool:
        """Whether things of this size are seen."""
        return ZOOMS.index(self.zoom) <= ZOOMS.index(zoom)


def marks(moment: Moment) -> list[Mark]:
    """All marks, lowest layer first."""
    return [mark for layer in LAYERS for mark in layer(moment)]


# --- the ground ------------------------------------------------------------------------------------------


def servers(m: Moment) -> Iterator[Mark]:
    """A ground for each server, its alarms and virtual hosts."""
    vhosts = dict.fromkeys(
        keys.unescape(key.split("/")[1]) for key in m.state if key.startswith(("exchange/", "queue/"))
    )
    alarms = [str(one.get("resource", "")) for key, one in m.state.items() if key.startswith("alarm/")]
    for host, place in m.layout["servers"].items():
        entity = m.state.get(keys.host_key(host), NOTHING)
        broker = place["kind"] == "broker"
        names = list(vhosts) or ["/"]
        words = f"virtual host {names[0]}" if len(names) == 1 else f"virtual hosts {', '.join(names)}"
        yield Mark("server", host, "", host_state(entity), host, Spot(place["x"], place["y"]),
                   {"words": words if broker else "no AMQP broker", "broker": broker})  # fmt: skip
        if broker and place == first_broker(m.layout):
            for number, resource in enumerate(alarms):
                spot = Spot(place["x"] + place["w"] - 70, place["y"] + 44 + 24 * number)
                yield Mark("alarm", resource, host, "on", f"{resource} alarm", spot)


def first_broker(layout: Layout) -> Any:
    return next((one for one in layout["servers"].values() if one["kind"] == "broker"), None)


def host_state(host: Entity) -> str:
    """How a machine or a program is, in a word."""
    if host.get("off"):
        return "powered off"
    if host.get("crashed"):
        return "crashed"
    if host.get("frozen"):
        return "frozen"
    status = str(host.get("status") or "")
    if status in ("", "running"):
        return status
    return "finished" if status == "returned" else "failed"


# --- edges -----------------------------------------------------------------------------------------------


def bindings(m: Moment) -> Iterator[Mark]:
    """Bindings that exist, lit where they matched; the default exchange's own only when they do."""
    folds: dict[str, list[bool]] = {}
    for key, edge in m.layout["edges"].items():
        lit = key in m.matched
        if (edge["ghost"] and not lit) or (not edge["ghost"] and key not in m.state):
            continue
        yield Mark("binding", key, "", "matched" if lit else "", edge["label"], Spot(*edge["curve"][:2]),
                   {"place": edge})  # fmt: skip
        if edge["fold"] is not None:
            folds.setdefault(edge["fold"], []).append(lit)
    for key, lits in folds.items():
        words = f"{sum(lits)} of {len(lits)}" if any(lits) else f"×{len(lits)}"
        at = m.layout["folds"][key]
        yield Mark("fold", key, "", "matched" if any(lits) else "", words, Spot(*at["at"]), {"place": at})


def policies(m: Moment) -> Iterator[Mark]:
    """Where dead letters go and what could not be routed, while both ends exist."""
    for key, edge in m.layout["policies"].items():
        if exists(m, edge["source"]) and exists(m, edge["target"]):
            yield Mark(
                "policy", key, "", edge["kind"], edge["words"], Spot(*edge["curve"][:2]), {"place": edge}
            )


def exists(m: Moment, key: str) -> bool:
    node = m.layout["nodes"].get(key)
    return key in m.state or (node is not None and node["ghost"])


def subscriptions(m: Moment) -> Iterator[Mark]:
    """From each queue to its consumers' connections."""
    for key, way in m.layout["subscriptions"].items():
        if key in m.state and way["queue"] in m.state:
            yield Mark("subscription", key, "", consumer_state(m, key), "", Spot(*way["curve"][:2]),
                       {"curve": way["curve"]})  # fmt: skip


# --- connections -----------------------------------------------------------------------------------------


def connections(m: Moment) -> Iterator[Mark]:
    """Pipes with their channels."""
    for name, pipe in m.layout["pipes"].items():
        entity = m.state.get(keys.connection_key(name))
        if entity is None:
            continue
        state = connection_state(entity, m.state.get(keys.host_key(keys.client_host(name)), NOTHING))
        server = m.layout["servers"].get(pipe["server"])
        yield Mark("connection", name, "", state, f":{name.rpartition(':')[2]}", Spot(pipe["x0"], pipe["y0"]),
                   {"pipe": pipe, "blocked": bool(entity.get("blocked"))})  # fmt: skip
        if server is None or server["kind"] == "broker":
            yield from channels(m, name, pipe, entity)


def connection_state(connection: Entity, host: Entity) -> str:
    """A connection's state in a word or two, as an operator would say it."""
    if host.get("link"):
        return str(host["link"])
    if connection.get("blocked"):
        return "blocked"
    return str(
        connection.get("state") or connection.get("tcp") or connection.get("tcp_broker") or "connecting"
    )


def channels(m: Moment, name: str, pipe: PipePlace, connection: Entity) -> Iterator[Mark]:
    """The lanes of channels that are open; the connection's own, 0, has no name."""
    shown = set(pipe["lanes"])
    for number in connection.get("channels") or ():
        entity = m.state.get(keys.channel_key(name, number))
        if entity is not None:
            mode = {"confirm": "confirms", "tx": "transactional"}.get(str(entity.get("mode")), "")
            words = " ".join(word for word in (str(entity.get("state") or "open"), mode) if word)
            yield Mark("channel", f"{name}/{number}", "", words, f"ch {number}", Spot(pipe["x0"], pipe["y0"]),
                       {"pipe": pipe, "number": number, "shown": number in shown})  # fmt: skip


# --- nodes -----------------------------------------------------------------------------------------------


def exchanges(m: Moment) -> Iterator[Mark]:
    """Exchanges that exist; the default exchange always, as a ghost."""
    for key, node in m.layout["nodes"].items():
        if node["kind"] == "exchange" and exists(m, key):
            kind = str(m.state.get(key, NOTHING).get("type", "direct"))
            words = "key = queue name" if node["ghost"] else kind
            yield Mark("exchange", key, "", "default" if node["ghost"] else kind, name_of(key),
                       Spot(node["x"], node["y"]), {"node": node, "words": words})  # fmt: skip


def queues(m: Moment) -> Iterator[Mark]:
    """Queues with their numbers and badges, what stands in them, and their readers' cursors."""
    for key, node in m.layout["nodes"].items():
        queue = m.state.get(key)
        if node["kind"] != "queue" or queue is None:
            continue
        ready, unacked = queue["ready_count"], queue["unacked_count"]
        numbers = f"Ready {ready} · Unacked {unacked} · Total {ready + unacked}"
        cells = places.cells_of(queue, node["cells"])
        yield Mark("queue", key, "", numbers, name_of(key), Spot(node["x"], node["y"]),
                   {"node": node, "badges": badges_of(queue),
                    "numbers": (ready, unacked, ready + unacked)})  # fmt: skip
        for number, cell in enumerate(cells):
            if cell.message is not None:
                yield standing(m, key, node, cell, number)
            else:
                yield more_mark(key, cell.line, cell.more, places.cell_spot(node, number))
        yield from cursors(m, key, node, cells)


def standing(m: Moment, key: str, node: NodePlace, cell: places.Cell, number: int) -> Mark:
    """A message in a queue's cell."""
    ghost = cell.line == "unacked"
    message = cell.message or 0
    entity = m.state.get(keys.message_key(message), NOTHING)
    copy = m.state.get(f"copy/{key[len('queue/') :]}/{message}", NOTHING)
    more = {
        "root": root_of(m.labels(message)),
        "priority": entity.get("priority"),
        "persistent": bool(entity.get("persistent")),
        "redelivered": bool(copy.get("redelivered")),
    }
    place = f"queue:{name_of(key)}:{'ghost' if ghost else 'ready'}"
    return Mark("message", str(message), place, "unacked" if ghost else "ready", m.labels(message),
                places.cell_spot(node, number), more)  # fmt: skip


def cursors(m: Moment, key: str, node: NodePlace, cells: Sequence[places.Cell]) -> Iterator[Mark]:
    """Where each reader of a stream is: under the message that it got last."""
    vhost, name = (keys.unescape(part) for part in key.split("/")[1:3])
    at = {cell.message: number for number, cell in enumerate(cells) if cell.message is not None}
    row = 0
    for consumer, entity in m.state.items():
        if not consumer.startswith("consumer/") or (entity.get("vhost"), entity.get("queue")) != (
            vhost,
            name,
        ):
            continue
        cursor = entity.get("cursor")
        if cursor is not None:
            spot = places.cell_spot(node, at.get(cursor, 0))
            yield Mark("cursor", consumer, f"queue:{name}", "", app_of(m, consumer), spot,
                       {"row": row, "shown": cursor in at, "node": node})  # fmt: skip
            row += 1


BADGES: tuple[tuple[str, str], ...] = (
    ("x-max-priority", "Pri"),
    ("x-message-ttl", "TTL"),
    ("x-expires", "Exp"),
    ("x-max-length", "Lim"),
    ("x-max-length-bytes", "LimB"),
    ("x-single-active-consumer", "SAC"),
    ("x-dead-letter-exchange", "DLX"),
)
"""Arguments and the letters that RabbitMQ's management pages have for them."""


def badges_of(queue: Entity) -> list[str]:
    """What a queue is: its type, if it is no classic one, then RabbitMQ's letters for its features."""
    text = str(queue.get("arguments") or "")
    found = [kind for kind in (argument(text, "x-queue-type"),) if kind and kind != "classic"]
    found += ["D"] * bool(queue.get("durable")) + ["Excl"] * bool(queue.get("exclusive"))
    found += ["AD"] * bool(queue.get("auto_delete"))
    for name, letters in BADGES:
        value = argument(text, name)
        if value is not None and value != "false":
            found.append(f"{letters} {value}" if letters == "Pri" else letters)
    return found


# --- applications ----------------------------------------------------------------------------------------


def clients(m: Moment) -> Iterator[Mark]:
    """Applications, with their consumers' hands and their strips of numbers to be confirmed."""
    there = {pipe["app"] for name, pipe in m.layout["pipes"].items() if keys.connection_key(name) in m.state}
    held: dict[str, int] = {}
    for key, token in m.state.items():
        if key.startswith("token/") and token.get("place") == "consumer":
            at = str(token.get("at", ""))
            held[at] = held.get(at, 0) + 1
    for name, app in m.layout["apps"].items():
        state = host_state(m.state.get(keys.host_key(name), NOTHING))
        yield Mark("client", name, "", state, name, Spot(app["x"], app["y"]),
                   {"app": app, "away": name not in there})  # fmt: skip
        for key, row in app["hands"].items():
            if key in m.state:
                yield from hand(m, name, key, row, held.get(key, 0))
        for key, row in app["strips"].items():
            yield from strip(m, key, row)


def hand(m: Moment, app: str, key: str, row: RowPlace, held: int) -> Iterator[Mark]:
    """A consumer with its slots; or a channel that holds what it got by basic.get."""
    entity = m.state[key]
    is_consumer = key.startswith("consumer/")
    if not is_consumer and not held:
        return
    limit, holding = limit_of(m, key), int(entity.get("holding_count") or 0) if is_consumer else held
    words = f"{holding} of {limit}" if limit else f"{holding}, no limit"
    yield Mark("consumer" if is_consumer else "hand", key, app, consumer_state(m, key), words,
               Spot(row["x"], row["y"]),
               {"row": row, "hand": places.hand_of(limit, held), "limit": limit, "held": held})  # fmt: skip


def consumer_state(m: Moment, key: str) -> str:
    """Of a queue with a single active consumer: who is it, and who waits."""
    active = m.state.get(key, NOTHING).get("active")
    return "" if active is None else "active" if active else "waiting"


def strip(m: Moment, key: str, row: RowPlace) -> Iterator[Mark]:
    """Numbers that the broker took and has not confirmed."""
    entity = m.state.get(key, NOTHING)
    numbers, count = list(entity.get("outstanding") or ()), int(entity.get("count") or 0)
    if count:
        shown = numbers if count <= G.strip_shown else numbers[: G.strip_shown - 1]
        yield Mark("confirms", key, "", f"{count} to confirm", ", ".join(map(str, numbers)),
                   Spot(row["x"], row["y"]), {"row": row, "shown": shown, "more": count - len(shown)})  # fmt: skip


# --- tokens ----------------------------------------------------------------------------------------------

Token = tuple[str, Entity]


def tokens(m: Moment) -> Iterator[Mark]:
    """Messages that stand in no queue's line; and what is said about them on the wire, where that is not seen as
    the command or the frame that it is.
    """
    groups: dict[tuple[str, str], list[Token]] = {}
    wanted = ("token/",) if m.fine("command") else ("token/", "signal/")
    for key, one in m.state.items():
        if key.startswith(wanted):
            groups.setdefault(group_of(one), []).append((key, one))
    for group in sorted(groups):
        place, at = group
        crowd = sorted(groups[group], key=by_turn)
        yield from CROWDS.get(place, nowhere)(m, at, crowd)


def by_turn(item: Token) -> tuple[int, int, str]:
    """Who went first stands first: by command, then by message."""
    key, token = item
    command, message = token.get("command"), token.get("message")
    return (-1 if command is None else command, message or 0, key)


def group_of(token: Entity) -> tuple[str, str]:
    """Those of one group must share a place."""
    place = str(token.get("place", ""))
    if place in ("lost", "returned"):
        return "lost", ""
    if place in ("broker", "reply"):
        return "broker", str(token.get("channel") or "")
    return place, str(token.get("at", ""))


def message_mark(key: str, token: Entity, place: str, spot: Spot, state: str = "", **more: Any) -> Mark:
    """A message as its token says."""
    label = str(token.get("label") or "·")
    message = token.get("message")
    details = {
        "root": root_of(label), "text": str(token.get("text") or ""), "reason": str(token.get("reason") or ""),
        "redelivered": bool(token.get("redelivered")), **more,
    }  # fmt: skip
    identity = str(message) if message is not None else key.split("/")[1]
    return Mark("message", identity, place, state or str(token.get("state", "")), label, spot, details)


def more_mark(owner: str, state: str, count: int, spot: Spot) -> Mark:
    """What has no place of its own: "+n"."""
    label = f"+{count}" if count < 1000 else f"+{count // 100 / 10:g}k"
    return Mark("more", owner, "", state, label, spot)


def on_link(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    """On a link: one behind the other in each lane, the farthest first."""
    pipe = m.layout["pipes"].get(at)
    if pipe is None:
        return
    lanes: dict[tuple[bool, int], list[tuple[float, Token, int, str]]] = {}
    for key, token in crowd:
        command = command_of(m, token)
        part, state = 0.0, ""
        channel = 0 if command is None else command.channel
        if command is not None:
            part, state, _ = ride(m.traffic, command, m.seq, m.now)
        lane = pipe["lanes"].index(channel) if channel in pipe["lanes"] else len(pipe["lanes"]) - 1
        riders = lanes.setdefault((bool(token.get("up")), lane), [])
        riders.append((part, (key, token), channel, "lost" if state == "lost" else ""))
    for (up, _), riders in lanes.items():
        riders.sort(key=lambda rider: -rider[0])
        yield from in_lane(m, at, pipe, up, riders)


def in_lane(
    m: Moment, name: str, pipe: PipePlace, up: bool, riders: Sequence[tuple[float, Token, int, str]]
) -> Iterator[Mark]:
    """Those that share a lane; what has no room is counted at its beginning."""
    size = (G.message_w if m.wide else G.message_h) + 2
    ends = (pipe["x0"], pipe["x1"]) if m.wide else (pipe["y0"], pipe["y1"])
    length = abs(ends[1] - ends[0]) - 4
    fits = max(1, length // size)
    shown = riders if len(riders) <= fits else riders[: fits - 1]
    wanted = [
        (G.mouth + round(part * (length - 2 * G.mouth)), breadth_of(item, size) if m.wide else size)
        for part, item, *_ in shown
    ]
    hidden = len(riders) - len(shown)
    middles = places.lined_up([*wanted, (0, size)] if hidden else wanted, length)
    for middle, (_, (key, token), channel, state) in zip(middles, shown, strict=False):
        spot = places.lane_spot(pipe, m.wide, up, channel, middle / length, 2)
        if key.startswith("signal/"):
            yield signal_mark(key, token, pipe, spot, state)
        else:
            yield message_mark(key, token, f"link:{pipe['app']}", spot, state, up=up)
    if hidden:
        channel = riders[-1][2]
        yield more_mark(
            f"connection/{name}",
            "link",
            hidden,
            places.lane_spot(pipe, m.wide, up, channel, middles[-1] / length, 2),
        )


def breadth_of(item: Token, size: int) -> int:
    """A message's envelope is as broad as the next; what is said of one is as broad as its words."""
    key, token = item
    if not key.startswith("signal/"):
        return size
    return signal_width(str(token.get("label", ""))) + 2


def signal_width(label: str) -> int:
    """How broad the capsule of a signal is."""
    return width(label, G.small, bold=True) + 10


def signal_mark(key: str, signal: Entity, pipe: PipePlace, spot: Spot, state: str) -> Mark:
    """An acknowledgement, a refusal or a confirm on its way."""
    return Mark("signal", key.partition("/")[2], f"link:{pipe['app']}", state or "under way",
                str(signal.get("label", "")), spot, {"signal": str(signal.get("kind", ""))})  # fmt: skip


def command_of(m: Moment, token: Entity) -> Command | None:
    number = token.get("command")
    known = isinstance(number, int) and 0 <= number < len(m.traffic.commands)
    return m.traffic.commands[number] if known else None  # type: ignore[index]


def at_broker(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    """Inside the wall, where it came in."""
    pipe = m.layout["pipes"].get(keys.unescape(at.split("/")[1])) if "/" in at else None
    broker = m.layout["broker"]
    middle = Spot(broker["x"] + broker["w"] // 2, broker["y"] + broker["h"] // 2)
    for number, (key, token) in enumerate(crowd):
        spot = middle if pipe is None else places.dock_spot(pipe, number)
        yield message_mark(key, token, "broker", spot, covered=number >= G.dock_shown)


def on_exchange(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    node = m.layout["nodes"].get(at)
    for number, (key, token) in enumerate(crowd):
        if node is not None:
            spot = places.node_spot(node, number, len(crowd))
            yield message_mark(key, token, f"exchange:{name_of(at)}", spot, covered=number >= G.dock_shown)


def with_consumer(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    """In the hand of a consumer, or of a channel that asked with basic.get; else beside its application."""
    app = m.layout["apps"].get(app_of(m, at))
    if app is None:
        return
    row = app["hands"].get(at)
    hand = places.hand_of(limit_of(m, at), len(crowd))
    place = f"consumer:{app['name']}"
    for number, (key, token) in enumerate(crowd[: hand.slots]):
        spot = places.tray_spot(app, number) if row is None else places.slot_spot(row, number, hand)
        yield message_mark(key, token, place, spot)
    if len(crowd) > hand.slots:
        last = places.tray_spot(app, hand.slots) if row is None else places.slot_spot(row, hand.slots, hand)
        yield more_mark(at, "held", len(crowd) - hand.slots, last)


def limit_of(m: Moment, key: str) -> int:
    """A consumer's prefetch; a channel that asks for messages one by one has none."""
    return int(m.state.get(key, NOTHING).get("prefetch") or 0) if key.startswith("consumer/") else 0


def with_client(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    app = m.layout["apps"].get(at)
    for number, (key, token) in enumerate(crowd):
        if app is not None:
            yield message_mark(
                key,
                token,
                f"client:{at}",
                places.tray_spot(app, number),
                str(token.get("state") or "sending"),
            )


def in_gutter(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    """Lost and returned: the newest, from left to right, and how many are older."""
    room = places.lost_room(m.layout)
    shown = crowd if len(crowd) <= room else crowd[-max(1, room - 1) :]
    for number, (key, token) in enumerate(shown):
        yield message_mark(key, token, str(token.get("place")), places.lost_spot(m.layout, number))
    if len(shown) < len(crowd):
        gutter = m.layout["gutter"]
        spot = Spot(gutter["x"] + gutter["w"] - 24, gutter["y"] + gutter["h"] // 2)
        yield more_mark("gutter", "lost", len(crowd) - len(shown), spot)


def nowhere(m: Moment, at: str, crowd: Sequence[Token]) -> Iterator[Mark]:
    """A place that this version does not know."""
    yield from ()


CROWDS: Mapping[str, Callable[[Moment, str, Sequence[Token]], Iterator[Mark]]] = {
    "link": on_link,
    "broker": at_broker,
    "exchange": on_exchange,
    "consumer": with_consumer,
    "client": with_client,
    "lost": in_gutter,
}


def app_of(m: Moment, key: str) -> str:
    """The program that a consumer, a channel or a connection belongs to."""
    parts = key.split("/")
    connection = keys.unescape(parts[1]) if len(parts) > 1 else key
    pipe = m.layout["pipes"].get(connection)
    return connection if pipe is None else pipe["app"]


def trays(m: Moment) -> Iterator[Mark]:
    """What a transaction holds until it is committed, at the door where it came in."""
    held: dict[str, int] = {}
    for key, token in m.state.items():
        if key.startswith("token/") and token.get("state") == "held in tx":
            channel = str(token.get("channel") or "")
            held[channel] = held.get(channel, 0) + 1
    for channel, count in held.items():
        name = keys.unescape(channel.split("/")[1]) if "/" in channel else ""
        pipe = m.layout["pipes"].get(name)
        if pipe is not None:
            yield Mark("tray", channel, "broker", f"{count} held", "tx", places.dock_spot(pipe, 0),
                       {"shown": min(count, G.dock_shown)})  # fmt: skip


def name_of(key: str) -> str:
    """The name at the end of a key."""
    return keys.unescape(key.rpartition("/")[2])


def written(label: str) -> str:
    """What is written on an envelope, which is small: primes as one letter, many of them as a number."""
    digits = label.rstrip("′")
    primes = len(label) - len(digits)
    if primes < 4:
        return digits + ("", "′", "″", "‴")[primes]
    return f"{digits}′{str(primes).translate(RAISED)}"


def root_of(label: str) -> int:
    """The number whose colours a message has: dead letters keep theirs. 0 if it has none yet."""
    digits = label.rstrip("′")
    return int(digits) if digits.isdecimal() else 0


# --- the wire, by zoom -----------------------------------------------------------------------------------


def wire(m: Moment) -> Iterator[Mark]:
    """Segments at the finest zoom, frames at the next, commands at the third."""
    if m.zoom == "segment":
        there = segments_under_way(m.traffic.segments.values(), m.seq)
        own = m.traffic.segments.get(m.subject.segment) if m.subject.segment is not None else None
        for segment in there if own is None or own in there else [*there, own]:
            yield from segment_marks(m, segment)
    if m.zoom in ("segment", "frame"):
        yield from frames(m)
    elif m.zoom == "command":
        yield from commands(m)


def own_frames(m: Moment) -> list[int]:
    """The frames that the record speaks of; of a command, all."""
    command = m.subject.command
    mates = m.traffic.commands[command].frames if command is not None else []
    return mates if m.subject.frame is None else [*mates, m.subject.frame]


def segment_marks(m: Moment, segment: Segment) -> Iterator[Mark]:
    pipe = m.layout["pipes"].get(segment.connection)
    if pipe is None:
        return
    over = segment.lost_seq is not None and m.seq >= segment.lost_seq
    lost = segment.lost or getattr(segment, "discarded", "")
    state = f"lost: {lost}" if over else "arrived" if segment.arrived == m.seq else "under way"
    length = segment.end - segment.start
    words = segment.flags.replace("|", " ") + (f" {length} B" if length else "")
    words += " again" if segment.retransmission else ""
    inside = frames_in(m.traffic, segment)
    part = progress(segment, m.now)
    spot = places.lane_spot(pipe, m.wide, segment.up, 0, part, G.mouth)
    yield Mark("segment", str(segment.number), f"link:{pipe['app']}", state, words, spot,
               {"pipe": pipe, "up": segment.up, "part": part, "frames": inside, "lost": over})  # fmt: skip


def frames_in(traffic: Traffic, segment: Segment) -> list[Frame]:
    """The frames of which a segment carries a part, first byte first."""
    return [traffic.frames[number] for number in segment.frames]


def under_way(m: Moment, first: int | None, received: int | None, connection: str) -> bool:
    """Handed over and not yet read at the other end; a connection that is gone carries nothing."""
    if first is None or first > m.seq or (received is not None and received <= m.seq):
        return False
    return keys.connection_key(connection) in m.state


def frames(m: Moment) -> Iterator[Mark]:
    """Frames that are not yet read: where the segment with their last byte is."""
    waiting: dict[tuple[str, bool, float], int] = {}
    own = own_frames(m)
    for frame in m.traffic.frames:
        pipe = m.layout["pipes"].get(frame.connection)
        there = frame.number in own or under_way(m, frame.sent, frame.received, frame.connection)
        if pipe is None or not there:
            continue
        part, state, number = frame_ride(m, frame)
        channel = int.from_bytes(frame.data[1:3], "big") if frame.data[:1] != b"A" else 0
        group = (frame.connection, frame.up, part)
        behind = waiting[group] = waiting.get(group, -1) + 1
        letter = FRAME_LETTERS.get(frame.data[0] if frame.data else 0, "?")
        yield Mark("frame", str(frame.number), f"link:{pipe['app']}", state, letter,
                   places.lane_spot(pipe, m.wide, frame.up, channel, part, G.mouth),
                   {"pipe": pipe, "up": frame.up, "behind": behind, "segment": number,
                    "root": root_of(m.labels(frame.messages[0])) if frame.messages else 0})  # fmt: skip


def frame_ride(m: Moment, frame: Frame) -> tuple[float, str, int | None]:
    """A frame is as far as its last byte."""
    alone = Command(-1, frame.connection, frame.up, 0, "", [frame.number])
    return tuple(ride(m.traffic, alone, m.seq, m.now))  # type: ignore[return-value]


def commands(m: Moment) -> Iterator[Mark]:
    """Commands as wholes."""
    for command in m.traffic.commands:
        pipe = m.layout["pipes"].get(command.connection)
        first = m.traffic.frames[command.frames[0]].sent
        there = under_way(m, first, command.received, command.connection)
        if pipe is None or not (there or command.number == m.subject.command):
            continue
        part, state, _ = ride(m.traffic, command, m.seq, m.now)
        yield Mark("command", str(command.number), f"link:{pipe['app']}", state, command.name,
                   places.lane_spot(pipe, m.wide, command.up, command.channel, part, G.mouth),
                   {"pipe": pipe, "up": command.up,
                    "root": root_of(m.labels(command.messages[0])) if command.messages else 0})  # fmt: skip


LAYERS: tuple[Callable[[Moment], Iterator[Mark]], ...] = (
    servers,
    bindings,
    policies,
    subscriptions,
    connections,
    exchanges,
    queues,
    clients,
    wire,
    trays,
    tokens,
)
"""Lowest first."""
