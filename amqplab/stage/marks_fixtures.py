"""The marks of what stands: servers, exchanges, queues, bindings, connections, clients, hands.

Theory
------
Everything that ever exists has its place from the start (:mod:`amqplab.stage.layout`) and is a mark only while
it exists in the state. States are said in the words that operators use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from amqplab.stage import places
from amqplab.stage.contract_layout import NodePlace, PipePlace, PolicyPlace, RowPlace
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.mark import NOTHING, Entity, Mark, Moment, app_of, more_mark, name_of
from amqplab.stage.places import Spot
from amqplab.stage.tubes import connections_in_use
from amqplab.trace import keys
from amqplab.trace.arguments import argument
from amqplab.trace.lives import root_of
from amqplab.trace.policies import GOES
from amqplab.trace.tokens import had_key

__all__ = ["FIXTURES", "badges_of", "connection_state", "host_state", "limit_of"]

RAISED = 5
CURSOR_W = 10
"""How high the most urgent message stands in a queue with priorities."""

# --- the ground ------------------------------------------------------------------------------------------


def servers(m: Moment) -> Iterator[Mark]:
    """A ground for each server, its alarms and virtual hosts."""
    vhosts = dict.fromkeys(
        keys.unescape(key.split("/")[1]) for key in m.state if key.startswith(("exchange/", "queue/"))
    )
    for host, place in m.layout["servers"].items():
        entity = m.state.get(keys.host_key(host), NOTHING)
        broker = place["kind"] == "broker"
        names = list(vhosts) or ["/"]
        words = f"virtual host {names[0]}" if len(names) == 1 else f"virtual hosts {', '.join(names)}"
        yield Mark("server", host, "", host_state(entity), host, Spot(place["x"], place["y"]),
                   {"words": words if broker else "no AMQP broker", "broker": broker})  # fmt: skip
        if broker:
            for number, resource in enumerate(alarms_at(m, host)):
                spot = Spot(place["x"] + place["w"] - 70, place["y"] + 44 + 24 * number)
                yield Mark("alarm", resource, host, "on", f"{resource} alarm", spot)


def alarms_at(m: Moment, host: str) -> list[str]:
    """What this broker lacks. An alarm of which nobody knows where it is, is the first broker's."""
    brokers = [name for name, one in m.layout["servers"].items() if one["kind"] == "broker"]
    alarms = [one for key, one in m.state.items() if key.startswith("alarm/")]
    return [
        str(one.get("resource", ""))
        for one in alarms
        if host == (one.get("node") if one.get("node") in brokers else brokers[0])
    ]


CUT_SHORT = "lost its power"
KILLED = ("", "running", "was killed")


def host_state(host: Entity) -> str:
    """How a machine or a program is, in a word. Once a machine has its power back, its program has not, until it is
    started again; what had ended before it lost it has ended as it did.
    """
    if host.get("off"):
        return "powered off"
    status = str(host.get("status") or "")
    if host.get("crashed") and status == CUT_SHORT:
        return "not running"
    if host.get("crashed") and status in KILLED:
        return "killed"
    if host.get("frozen"):
        return "frozen"
    if status in ("", "running"):
        return status
    return "finished" if status == "returned" else "failed"


# --- edges -----------------------------------------------------------------------------------------------


def bindings(m: Moment) -> Iterator[Mark]:
    """Bindings that exist, lit where they matched; the default exchange's own only when they do."""
    folds: dict[str, list[bool]] = {}
    for key, edge in m.layout["edges"].items():
        lit = key in m.matched or (m.zoom == "story" and key in m.taken)
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
    """Where dead letters go and what could not be routed, while both ends exist and it is so."""
    for key, edge in m.layout["policies"].items():
        if leads(m, edge) and exists(m, edge["target"]):
            state = f"{edge['kind']} taken" if key in m.matched else edge["kind"]
            yield Mark("policy", key, "", state, edge["words"], Spot(*edge["curve"][:2]), {"place": edge})


def leads(m: Moment, edge: PolicyPlace) -> bool:
    """Whether an argument or a policy says so now."""
    field = GOES["queue" if edge["kind"] == "dead-letter" else "exchange"]
    return bool(m.state.get(edge["source"], NOTHING).get(field) == name_of(edge["target"]))


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


FORGOTTEN: Entity = {"state": "closed"}
"""What is left of a connection that both ends have forgotten: its link, with what is still on it."""


def connections(m: Moment) -> Iterator[Mark]:
    """Pipes with their channels; also those that both ends have forgotten, with what is still on their links."""
    in_use = connections_in_use(m)
    for name, pipe in m.layout["pipes"].items():
        entity = m.state.get(keys.connection_key(name), FORGOTTEN if name in in_use else None)
        if entity is None:
            continue
        host = m.state.get(keys.host_key(keys.client_host(name)), NOTHING)
        state = connection_state(entity, host)
        server = m.layout["servers"].get(pipe["server"])
        label = str(
            entity.get("client_name") or f":{name.rpartition(':')[2]}"
        )  # its client's name for it, or a port
        yield Mark("connection", name, "", state, label, Spot(pipe["x0"], pipe["y0"]),
                   {"pipe": pipe, "blocked": bool(entity.get("blocked")),
                    "silent": host.get("silent", "")})  # fmt: skip
        if server is None or server["kind"] == "broker":
            yield from channels(m, name, pipe, entity)


def connection_state(connection: Entity, host: Entity) -> str:
    """A connection's state in a word or two, as an operator would say it. What is closed cares for no cable."""
    if only_end(connection):
        return only_end(connection)
    if connection.get("state") == "closed" or both_lost_it(connection):
        return "closed"
    if host.get("link"):
        return str(host["link"])
    if is_ending(connection):
        return "closing"
    if connection.get("blocked"):
        return "blocked"
    known = (connection.get(name) for name in ("state", "tcp", "tcp_server"))
    return str(next(filter(None, known), "connecting"))


def only_end(connection: Entity) -> str:
    """Which end alone still has a connection, while the other one has lost it and nobody has told: "" if that is not
    so. What was asked to be closed is no surprise to anybody.
    """
    client, server = connection.get("tcp"), connection.get("tcp_server")
    closed = connection.get("state") == "closed"
    if client == "ESTABLISHED" and (server in OVER or closed) and not connection.get("closing"):
        return "only its client has it"
    return "only its server has it" if server not in (None, *OVER) and client in OVER and not closed else ""


def both_lost_it(connection: Entity) -> bool:
    """Whether both ends have lost it: then it is closed, whatever the broker's books still say."""
    return connection.get("tcp") in OVER and connection.get("tcp_server") in OVER


def is_ending(connection: Entity) -> bool:
    """Whether TCP takes leave at an end of what had carried AMQP, though nobody has said so in AMQP."""
    ends = (connection.get("tcp"), connection.get("tcp_server"))
    return bool(connection.get("state")) and any(end not in (None, "ESTABLISHED") for end in ends)


OVER = ("CLOSED", "TIME-WAIT")


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
    label = str(entity.get("label") or message)
    more = {
        "root": root_of(label),
        "raised": raised(entity.get("priority"), m.state[key]),
        "persistent": bool(entity.get("persistent")),
        "redelivered": bool(copy.get("redelivered")),
    }
    place = f"queue:{name_of(key)}:{'ghost' if ghost else 'ready'}"
    return Mark("message", str(message), place, "unacked" if ghost else "ready", label,
                places.cell_spot(node, number), more)  # fmt: skip


def raised(priority: int | None, queue: Entity) -> int:
    """How high a message stands in a queue with priorities: 0 … RAISED, for 0 … the queue's highest."""
    highest = argument(str(queue.get("arguments") or ""), "x-max-priority") or ""
    if not priority or not highest.isdecimal() or not int(highest):
        return 0
    return RAISED * min(priority, int(highest)) // int(highest)


def cursors(m: Moment, key: str, node: NodePlace, cells: Sequence[places.Cell]) -> Iterator[Mark]:
    """Where each reader of a stream is, beside each other if they are at one place."""
    vhost, name = (keys.unescape(part) for part in key.split("/")[1:3])
    readers: list[tuple[str, Spot | None]] = []
    for consumer, entity in m.state.items():
        if not consumer.startswith("consumer/") or (entity.get("vhost"), entity.get("queue")) != (
            vhost,
            name,
        ):
            continue
        if entity.get("cursor") is not None or entity.get("start") is not None:
            readers.append((consumer, reader_spot(entity, m.state[key], node, cells)))
    for row, (consumer, spot) in enumerate(readers):
        mates = [one for one, other in readers if other == spot]
        x, y = spot or places.cell_spot(node, 0)
        beside = Spot(x + CURSOR_W * (2 * mates.index(consumer) - len(mates) + 1) // 2, y)
        yield Mark("cursor", consumer, "", "" if spot else "hidden", app_of(m, consumer), beside,
                   {"row": row, "shown": spot is not None, "node": node})  # fmt: skip


def reader_spot(reader: Entity, queue: Entity, node: NodePlace, cells: Sequence[places.Cell]) -> Spot | None:
    """Under the message that it got last; before its first one, between those that it does not get and that one;
    None where these are only counted.
    """
    if reader.get("cursor") is not None:
        found = [number for number, cell in enumerate(cells) if cell.message == reader["cursor"]]
        return places.cell_spot(node, found[0]) if found else None
    before = places.before_cell(cells, reader["start"] - queue["first"])
    if before is None:
        return None
    x, y = places.cell_spot(node, before)
    return Spot(x + G.cell // 2, y)


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
        elif key.startswith("token/") and token.get("place") == "client":
            there.add(str(token["at"]))
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
    """A consumer with its slots; or a channel that holds messages without one: asked for, or its consumer is gone."""
    entity = m.state[key]
    is_consumer = key.startswith("consumer/")
    if not is_consumer and not held:
        return
    is_reader = entity.get("cursor") is not None or entity.get("start") is not None
    holding = int(entity.get("holding_count") or 0) if is_consumer and not is_reader else held
    limit = limit_of(m, key)
    words = f"{holding}" if not is_consumer else f"{holding} of {limit}" if limit else f"{holding}, no limit"
    had = int(m.state.get(had_key(key), NOTHING).get("count") or 0) if is_consumer else 0
    if had:
        words += f", {had} done"
    yield Mark("consumer" if is_consumer else "hand", key, app, consumer_state(m, key), words,
               Spot(row["x"], row["y"]),
               {"row": row, "hand": places.hand_of(limit, held), "limit": limit, "held": held,
                "had": had})  # fmt: skip


def limit_of(m: Moment, key: str) -> int:
    """A consumer's prefetch; a channel that asks for messages one by one has none."""
    return int(m.state.get(key, NOTHING).get("prefetch") or 0) if key.startswith("consumer/") else 0


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


FIXTURES = (servers, bindings, policies, subscriptions, connections, exchanges, queues, clients)
"""Lowest first."""
