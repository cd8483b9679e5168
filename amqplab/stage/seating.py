"""Who stands where: bands of servers, and in them applications, exchanges and queues, in their order.

Theory
------
With several servers there is a *band* for each, one below the other; an application that talks to two stands in
the band of the first, and has pipes in both. Rows keep the order of first appearance, except that queues and
consumers are sorted by the mean row of what they hang on (one barycentre pass each: enough to take the
crossings out of a classroom's topologies, and stable).

Connections of one application that never meet share a *berth*, one after the other, and so do hands and strips
their rows; so who reconnects ten times is not ten pipes tall. Of many applications on one side all are drawn
*dense*. No coordinate is known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.needs import Life, Needs
from amqplab.trace.participants import App, Participants

__all__ = ["BROKER", "SIDES", "Band", "Berth", "Block", "Seating", "Side", "is_default", "side_of"]

DENSE_APPS = 6
"""With more connections than this on one side, applications are drawn dense."""
MOST_BERTHS = 12
"""Connections of one application that exist at the same time, and have a pipe each."""
BROKER = "broker"
Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")


@dataclass
class Berth:
    """The place of one pipe; connections that never meet share it, one after the other."""

    connections: list[str] = field(default_factory=list)
    free_from: int = -1
    lanes: list[int] = field(default_factory=lambda: [0])
    left_out: int = 0
    thickness: int = 0


@dataclass
class Block:
    """One application on one side of a band: where, across, are its centre and its berths. An application whose
    first connection is to another server stands there, and only its pipes are here.
    """

    app: App
    at_home: bool
    berths: list[Berth]
    centre: int = 0
    rows: list[int] = field(default_factory=list)
    end: int = 0


@dataclass
class Band:
    """One server with what belongs to it."""

    host: str
    kind: str
    sides: dict[Side, list[Block]] = field(default_factory=lambda: {"left": [], "right": []})
    exchanges: list[str] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    start: int = 0
    size: int = 0


class Seating:
    """Everybody's band, side and row."""

    def __init__(self, participants: Participants, needs: Needs, *, wide: bool) -> None:
        self.participants = participants
        self.needs = needs
        self.hands = self.rows_of(needs.hands)
        self.strips = self.rows_of(needs.strips)
        self.dense = {
            side: wide
            and sum(len(app.connections) for app in participants.apps.values() if app.side == side)
            > DENSE_APPS
            for side in SIDES
        }
        self.bands = self.make_bands()

    def rows_of(self, keys: dict[str, str]) -> dict[str, dict[str, int]]:
        """Application -> key of a hand or strip -> its row. Those that never meet share a row."""
        found: dict[str, dict[str, int]] = {}
        ends: dict[str, list[int]] = {}
        for key, connection in keys.items():
            if connection not in self.participants.pipes:
                continue
            app = self.participants.pipes[connection].app
            life = self.needs.lives.get(key) or self.needs.lives.get(connection) or Life(0)
            rows = ends.setdefault(app, [])
            found.setdefault(app, {})[key] = take_place(rows, life)
        return found

    def make_bands(self) -> list[Band]:
        bands = {host: Band(host, kind) for host, kind in servers_of(self.participants).items()}
        brokers = [band for band in bands.values() if band.kind == BROKER]
        for key in sorted(self.participants.exchanges, key=is_default):
            if brokers:
                brokers[0].exchanges.append(key)
        for key in self.participants.queues if brokers else ():
            brokers[0].queues.append(key)
        for band in bands.values():
            band.queues = self.sorted_queues(band)
        for app in self.participants.apps.values():
            self.seat(app, bands)
        for band in bands.values():
            band.sides["right"] = self.sorted_blocks(band)
        return list(bands.values())

    def seat(self, app: App, bands: dict[str, Band]) -> None:
        """A block in every band that the application is connected to; the application itself in the first."""
        by_host: dict[str, list[str]] = {}
        for connection in app.connections:
            host = self.participants.pipes[connection].server
            by_host.setdefault(host if host in bands else next(iter(bands)), []).append(connection)
        side = side_of(app)
        for number, (host, connections) in enumerate(by_host.items()):
            bands[host].sides[side].append(Block(app, number == 0, self.berths(connections, side)))
        if not by_host:
            next(iter(bands.values())).sides[side].append(Block(app, True, []))

    def berths(self, connections: Sequence[str], side: Side) -> list[Berth]:
        """Pipes for connections; those that never meet share one."""
        ends: list[int] = []
        found: list[Berth] = []
        for connection in connections:
            row = take_place(ends, self.needs.lives.get(connection) or Life(0), MOST_BERTHS)
            if row == len(found):
                found.append(Berth())
            found[row].connections.append(connection)
        for berth in found:
            used = {n for name in berth.connections for n in self.participants.pipes[name].channels}
            lanes = sorted(used - {0}) if self.dense[side] and len(used) > 1 else sorted(used)
            berth.lanes, berth.left_out = lanes[: G.max_lanes], max(0, len(lanes) - G.max_lanes)
            berth.thickness = 2 * len(berth.lanes) * G.lane + G.tube_gap
        return found

    def sorted_queues(self, band: Band) -> list[str]:
        rows = {key: row for row, key in enumerate(band.exchanges)}
        hangs: dict[str, list[int]] = {}
        for edge in self.participants.edges.values():
            if not edge.ghost and edge.source in rows:
                hangs.setdefault(edge.target, []).append(rows[edge.source])
        return by_mean(band.queues, hangs)

    def sorted_blocks(self, band: Band) -> list[Block]:
        rows = {key: row for row, key in enumerate(band.queues)}
        hangs: dict[str, list[int]] = {}
        for connection, queue in self.participants.consumers.values():
            hangs.setdefault(self.participants.pipes[connection].app, []).append(rows.get(queue, 0))
        blocks = {block.app.name: block for block in band.sides["right"]}
        return [blocks[name] for name in by_mean(blocks, hangs)]


def servers_of(participants: Participants) -> dict[str, str]:
    """Host -> "broker", or "server" for one that speaks no AMQP; in order of first appearance."""
    found = {server.host: server.kind for server in participants.servers.values()}
    return found or {BROKER: BROKER}


def side_of(app: App) -> Side:
    """Where an application stands."""
    return "right" if app.side == "right" else "left"


def is_default(key: str) -> bool:
    """Whether this is the key of a default exchange."""
    return key.endswith("/")


def take_place(ends: list[int], life: Life, most: int = 1 << 30) -> int:
    """The first place whose last holder is gone, or a new one; `ends` says when each is free. If there are
    `most` already, the one that is free soonest.
    """
    for place, end in enumerate(ends):
        if end < life.first:
            ends[place] = life.last
            return place
    if len(ends) >= most:
        place = ends.index(min(ends))
        ends[place] = max(ends[place], life.last)
        return place
    ends.append(life.last)
    return len(ends) - 1


def by_mean(keys: Iterable[str], hangs: dict[str, list[int]]) -> list[str]:
    """Stable sort by the mean row of what each hangs on; those that hang on nothing come last."""
    order = {key: row for row, key in enumerate(keys)}
    ranks = {key: sum(rows) / len(rows) for key, rows in hangs.items()}
    return sorted(order, key=lambda key: (ranks.get(key, 1e9), order[key]))
