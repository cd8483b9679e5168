"""Where everything stands: fixed, meaningful columns, and integers only.

Theory
------
A message travels from left to right, so the columns are in the order of its journey::

    applications | connections | exchanges | queues | connections | applications
        (P)      ====pipes====     <X>    --  [|||]  --  ====pipes====    (C)

    ----------------------------- lost & returned ---------------------------------

The middle is a server's ground. With several servers there is a band for each, one below the other; a host
that speaks another protocol is a box without exchanges. Nothing is found by physics or chance. Rows keep the
order of first appearance, except that queues and consumers are sorted by the mean row of what they hang on
(one barycentre pass each: enough to take the crossings out of a classroom's topologies, and stable). The same
columns laid on their side serve a narrow page: "tall" is "wide" with the axes swapped, so one algorithm makes
both. Its words: *main* is the direction of the journey, *cross* the other one.

A pipe holds two tubes, one per direction of TCP's two byte streams; each tube has a lane per channel. Edges
are bindings, from exchange to queue; *subscriptions* lead on from the queue to the pipe of whoever consumes
from it. Many of a kind are drawn *dense*: smaller, and with their names beside them.

All of it depends on the participants and their needs, never on the records, so it takes time in proportion to
who takes part, however long the run was. Shape of the result: :mod:`amqplab.stage.contract_layout`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from amqplab.stage.contract_layout import (
    Anchor,
    AppPlace,
    Box,
    Layout,
    NodePlace,
    PipePlace,
    Point,
    RowPlace,
    ServerPlace,
    WordsPlace,
)
from amqplab.stage.edges import Board, Edges, bezier
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.lettering import abridged, cut, width
from amqplab.stage.needs import Life, Needs
from amqplab.trace.participants import App, Participants

__all__ = ["METRICS", "Metrics", "layout"]

DENSE_APPS = 6
"""With more connections than this on one side, applications are drawn dense; the rest likewise."""
DENSE_NODES = 8
MOST_BERTHS = 12
"""Connections of one application that exist at the same time, and have a pipe each."""
TITLE = 34
BETWEEN_SERVERS = 28
BROKER = "broker"
Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")


@dataclass(frozen=True)
class Metrics:
    """Sizes in SVG user units. The first row runs along the journey; the others across it."""

    app: int
    dense_app: int
    pipe: int
    dock: int
    exchange: int
    gap: int
    queue: int
    way_out: int
    pad: int
    above_pipe: int
    below_pipe: int
    app_pitch: int
    exchange_pitch: int
    queue_pitch: int
    spare: int
    least: int
    least_other: int


METRICS = {
    "wide": Metrics(
        app=124, dense_app=176, pipe=184, dock=44, exchange=132, gap=124, queue=184, way_out=76, pad=20,
        above_pipe=30, below_pipe=30, app_pitch=132, exchange_pitch=100, queue_pitch=100, spare=60, least=236,
        least_other=110,
    ),
    "tall": Metrics(
        app=96, dense_app=96, pipe=88, dock=36, exchange=116, gap=64, queue=74, way_out=52, pad=24,
        above_pipe=22, below_pipe=22, app_pitch=124, exchange_pitch=152, queue_pitch=190, spare=24, least=420,
        least_other=200,
    ),
}  # fmt: skip


def layout(participants: Participants, orientation: str, needs: Needs | None = None) -> Layout:
    """Places for the whole run, "wide" or "tall". `needs` is what :func:`~amqplab.stage.needs.needs_of` found."""
    return Setting(participants, orientation, needs or Needs()).build()


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


class Setting:
    """One layout being made. Coordinates are (main, cross) until the very end."""

    def __init__(self, participants: Participants, orientation: str, needs: Needs) -> None:
        self.participants = participants
        self.needs = needs
        self.wide = orientation == "wide"
        self.m = METRICS[orientation]
        self.hands = self.rows_of(needs.hands)
        self.strips = self.rows_of(needs.strips)
        self.dense = {
            side: self.wide
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

    # --- who stands in which band ------------------------------------------------------------------------

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

    # --- columns -----------------------------------------------------------------------------------------

    def build(self) -> Layout:
        m = self.m
        cross = self.stack()
        left, right = self.depth("left"), self.depth("right")
        has_left, has_right = (any(band.sides[side] for band in self.bands) for side in SIDES)
        wall0 = left + m.pipe if has_left else m.pad
        dock = m.dock if has_left else 0
        exchange = wall0 + dock + m.exchange // 2
        queue0 = wall0 + dock + m.exchange + m.gap
        wall1 = queue0 + m.queue + (m.way_out if has_right else m.pad)
        main = wall1 + (m.pipe + right if has_right else m.pad)
        length, breadth = (main, cross) if self.wide else (cross, main)
        gutter = G.gutter if self.needs.loses else 0
        first = next((band for band in self.bands if band.kind == BROKER), self.bands[0])
        out: Layout = {
            "orientation": "wide" if self.wide else "tall",
            "width": length,
            "height": breadth + gutter,
            "broker": self.box(wall0, first.start, wall1 - wall0, first.size),
            "servers": {},
            "gutter": {"x": 0, "y": breadth + 6, "w": length, "h": max(0, gutter - 6)},
            "apps": {},
            "pipes": {},
            "nodes": {},
            "edges": {},
            "folds": {},
            "policies": {},
            "subscriptions": {},
        }
        for band in self.bands:
            self.place_server(out, band, wall0, wall1)
            self.place_apps(out, band, "left", left, wall0)
            self.place_apps(out, band, "right", main - right, wall1)
            self.place_exchanges(out, band, exchange)
            self.place_queues(out, band, queue0 + m.queue // 2)
        edges = Edges(out["nodes"], self.board(out), self.wide)
        edges.bind(self.participants.edges.values())
        edges.police(self.needs.policies.values())
        out["edges"], out["folds"], out["policies"] = edges.edges, edges.folds, edges.policies
        self.place_subscriptions(out)
        return out

    def stack(self) -> int:
        """Lay out every band's blocks, and the bands one after the other; returns the extent across."""
        at = 0
        for band in self.bands:
            extents = [self.arrange(band.sides[side], side) for side in SIDES]
            extents.append(len(band.exchanges) * self.exchange_pitch(band) + self.m.spare)
            extents.append(len(band.queues) * self.queue_pitch(band) + self.m.spare)
            least = self.m.least if band.kind == BROKER else self.m.least_other
            band.start, band.size = at, max(least, *extents)
            at += band.size + BETWEEN_SERVERS
        return at - BETWEEN_SERVERS

    def exchange_pitch(self, band: Band) -> int:
        return 80 if self.wide and len(band.exchanges) > DENSE_NODES else self.m.exchange_pitch

    def queue_pitch(self, band: Band) -> int:
        return 78 if self.wide and len(band.queues) > DENSE_NODES else self.m.queue_pitch

    def depth(self, side: Side) -> int:
        """How much room the applications of one side need along the journey. Laid on their side, what hangs
        under their names needs it.
        """
        if self.wide:
            return self.m.dense_app if self.dense[side] else self.m.app
        apps = [app for app in self.participants.apps.values() if app.side == side]
        return self.m.app + max((self.below(app) - 56 for app in apps), default=0)

    # --- applications and pipes --------------------------------------------------------------------------

    def arrange(self, blocks: Sequence[Block], side: Side) -> int:
        """Give every block of one side its centre and the rows of its pipes; returns where the last one ends."""
        dense = self.dense[side]
        above, below = (20, 6) if dense else (self.m.above_pipe, self.m.below_pipe)
        at = 0
        for block in blocks:
            sizes = [above + berth.thickness + below for berth in block.berths]
            pipes = sum(sizes)
            if self.wide:
                top, under = (33 if dense else 41), self.below(block.app)
                centre = max(top, pipes // 2) if block.at_home else pipes // 2
                size = max(centre + under, centre + pipes // 2) if block.at_home else pipes
            else:
                size = max(self.m.app_pitch, pipes) if block.at_home else pipes
                centre = size // 2
            row = at + centre - pipes // 2
            for berth, room in zip(block.berths, sizes, strict=True):
                block.rows.append(row + above + berth.thickness // 2)
                row += room
            block.centre = at + centre
            at = block.end = at + size
        return at

    def below(self, app: App) -> int:
        """How far an application reaches under its centre: its name, its hands, its numbers to be confirmed."""
        hands, strips = self.rows(self.hands, app), self.rows(self.strips, app)
        rows = G.hand_row * hands + G.strip_row * strips
        if self.dense[side_of(app)]:
            return max(22, 10 + rows + 6)
        return 48 + rows + 8

    def rows(self, places: dict[str, dict[str, int]], app: App) -> int:
        return min(G.rows_shown, 1 + max(places.get(app.name, {}).values(), default=-1))

    def place_apps(self, out: Layout, band: Band, side: Side, mouth: int, wall: int) -> None:
        blocks = band.sides[side]
        if not blocks:
            return
        shift = band.start + (band.size - blocks[-1].end) // 2
        for block in blocks:
            if block.at_home:
                out["apps"][block.app.name] = self.app_place(block, side, mouth, shift)
        for block in blocks:
            for berth, row in zip(block.berths, block.rows, strict=True):
                for connection in berth.connections:
                    app = out["apps"].get(block.app.name)
                    out["pipes"][connection] = self.pipe_place(
                        (block.app.name, band.host, side), berth, (mouth, wall, row + shift), app
                    )

    def app_place(self, block: Block, side: Side, mouth: int, shift: int) -> AppPlace:
        app, dense = block.app, self.dense[side]
        sign = -1 if side == "left" else 1
        if self.wide:
            main = mouth + sign * (30 if dense else self.m.app // 2)
        else:
            main = 34 if side == "left" else mouth + 38
        at = self.point(main, block.centre + shift)
        r, room = (16, 112) if dense else (25, 118)
        hands, strips = self.hand_places(app, at, r, side)
        everyone = len(self.hands.get(app.name, {})) + len(self.strips.get(app.name, {}))
        return {
            "x": at["x"], "y": at["y"], "r": r, "side": side, "name": app.name,
            "roles": "P" * app.publishes + "C" * app.consumes,
            "label": abridged(app.name, room, G.name, bold=True),
            "words": self.name_place(app, at, r, side, room), "hands": hands, "strips": strips,
            "left_out": everyone - len(hands) - len(strips), "tray": self.tray(at, r, sign),
        }  # fmt: skip

    def beside(self, at: Point, r: int, side: Side) -> tuple[int, Anchor]:
        """Where an application's words run from: its middle; drawn dense, its outer rim."""
        if not self.dense[side]:
            return at["x"], "middle"
        return (at["x"] - r - 8, "end") if side == "left" else (at["x"] + r + 8, "start")

    def name_place(self, app: App, at: Point, r: int, side: Side, room: int) -> WordsPlace:
        x, anchor = self.beside(at, r, side)
        down = 40
        if self.dense[side]:
            down = -2 if self.rows(self.hands, app) + self.rows(self.strips, app) else 4
        return {"x": x, "y": at["y"] + down, "anchor": anchor, "room": room}

    def hand_places(
        self, app: App, at: Point, r: int, side: Side
    ) -> tuple[dict[str, RowPlace], dict[str, RowPlace]]:
        """Its hands under its name, its strips under its hands."""
        x, anchor = self.beside(at, r, side)
        top = at["y"] + (14 if self.dense[side] else 56)
        hands, strips = self.hands.get(app.name, {}), self.strips.get(app.name, {})
        below = top + G.hand_row * self.rows(self.hands, app) - (0 if hands else 2)
        many = self.rows(self.strips, app)

        def row(y: int, label: str) -> RowPlace:
            return {"x": x, "y": y, "anchor": anchor, "room": 112, "label": label}

        return (
            {key: row(top + G.hand_row * n, "") for key, n in hands.items() if n < G.rows_shown},
            {
                key: row(below + G.strip_row * n, self.strip_label(key, many))
                for key, n in strips.items()
                if n < G.rows_shown
            },
        )

    def tray(self, at: Point, r: int, sign: int) -> Point:
        """On the side of the pipes."""
        away = -sign * (r + (0 if r < 20 else 18))
        if self.wide:
            return {"x": at["x"] + away, "y": at["y"] - (0 if r >= 20 else 14)}
        return {"x": at["x"] + r + 18, "y": at["y"]}

    def strip_label(self, key: str, strips: int) -> str:
        """What a strip is of; with several, of which channel."""
        return "to confirm" if strips < 2 else f"to confirm, ch {key.rpartition('/')[2]}"

    def pipe_place(
        self, who: tuple[str, str, Side], berth: Berth, where: tuple[int, int, int], app: AppPlace | None
    ) -> PipePlace:
        name, server, side = who
        mouth, wall, row = where
        start, end = self.point(mouth, row), self.point(wall, row)
        inward = 1 if side == "left" else -1
        half = berth.thickness // 2
        dense = self.dense[side]
        words: WordsPlace
        if self.wide:
            words = {
                "x": (mouth + wall) // 2, "y": row - half - (7 if dense else 21), "anchor": "middle",
                "room": self.m.pipe,
            }  # fmt: skip
        else:
            words = {"x": row + half + 5, "y": (mouth + wall) // 2 + 4, "anchor": "start", "room": 40}
        return {
            "app": name, "server": server, "side": side,
            "x0": start["x"], "y0": start["y"], "x1": end["x"], "y1": end["y"],
            "lanes": berth.lanes, "left_out": berth.left_out, "thickness": berth.thickness, "words": words,
            "lead": self.lead(app, start, inward), "dock": self.point(wall + inward * self.m.dock // 2, row),
        }  # fmt: skip

    def lead(self, app: AppPlace | None, mouth: Point, inward: int) -> list[int]:
        """From the application's rim to the mouth of its pipe."""
        end = (mouth["x"], mouth["y"])
        if app is None:
            return [*end] * 4
        if self.wide:
            return bezier((app["x"] + inward * app["r"], app["y"]), end, wide=True)
        return bezier((app["x"], app["y"] + inward * app["r"]), end, wide=False)

    # --- servers and what stands in them -----------------------------------------------------------------

    def place_server(self, out: Layout, band: Band, wall0: int, wall1: int) -> None:
        box = self.box(wall0, band.start, wall1 - wall0, band.size)
        left, right, base = box["x"] + 16, box["x"] + box["w"] - 16, box["y"] + 24
        room = (box["w"] - 44) // 2
        out["servers"][band.host] = {
            "x": box["x"], "y": box["y"], "w": box["w"], "h": box["h"], "kind": band.kind,
            "label": cut(band.host, room, G.title, bold=True),
            "title": {"x": left, "y": base, "anchor": "start", "room": room},
            "note": {"x": right, "y": base, "anchor": "end", "room": room},
        }  # fmt: skip

    def place_exchanges(self, out: Layout, band: Band, main: int) -> None:
        pitch = self.exchange_pitch(band)
        dense = pitch != self.m.exchange_pitch
        first = band.start + (band.size - len(band.exchanges) * pitch) // 2 + pitch // 2
        first += 4 if self.wide else -36
        room = 124 if self.wide else 84
        for row, key in enumerate(band.exchanges):
            at = self.point(main, first + row * pitch)
            x, y, size = at["x"], at["y"], 44 if dense else 56
            ghost = is_default(key)
            name = "(default)" if ghost else self.participants.exchanges[key]
            down = 34 if dense else 43
            words: WordsPlace = {"x": x, "y": y + down - 8, "anchor": "middle", "room": room}
            more: WordsPlace = {"x": x, "y": y + down + 6, "anchor": "middle", "room": room}
            if not self.wide:
                words = {"x": x + 35, "y": y - 1, "anchor": "start", "room": room}
                more = {"x": x + 35, "y": y + 13, "anchor": "start", "room": room}
            out["nodes"][key] = {
                "x": x, "y": y - (8 if self.wide else 0), "w": size, "h": size, "kind": "exchange",
                "server": band.host, "ghost": ghost, "label": abridged(name, room, G.name, bold=True),
                "words": words, "more": more, "cells": 0,
            }  # fmt: skip

    def place_queues(self, out: Layout, band: Band, main: int) -> None:
        pitch = self.queue_pitch(band)
        dense = pitch != self.m.queue_pitch
        first = (
            band.start + (band.size - len(band.queues) * pitch) // 2 + pitch // 2 + (4 if self.wide else 0)
        )
        w, h = (self.m.queue, 32 if dense else 40) if self.wide else (pitch - 22, 40)
        for row, key in enumerate(band.queues):
            at = self.point(main, first + row * pitch)
            x, y = at["x"], at["y"]
            top, bottom = y - h // 2 - (6 if dense else 9), y + h // 2 + (14 if dense else 17)
            out["nodes"][key] = {
                "x": x, "y": y, "w": w, "h": h, "kind": "queue", "server": band.host, "ghost": False,
                "label": abridged(self.participants.queues[key], w - 40, G.name, bold=True),
                "words": {"x": x - w // 2 + 3, "y": top, "anchor": "start",
                          "room": w - 6 if self.wide else w - 34},
                "more": {"x": x, "y": bottom, "anchor": "middle", "room": w + 40},
                "cells": max(1, (w - G.cell_margin) // G.cell),
            }  # fmt: skip

    def board(self, out: Layout) -> Board:
        """What no label may cover: nodes with their words, and the servers' titles."""
        board = Board()
        for node in out["nodes"].values():
            for box in boxes_of(node):
                board.take(box)
        for server in out["servers"].values():
            board.take((server["x"], server["y"], server["x"] + server["w"], server["y"] + TITLE))
        return board

    def place_subscriptions(self, out: Layout) -> None:
        """From each queue to the pipes of its consumers; where they stand at the left, back to there."""
        rows: dict[str, int] = {}
        for key, (connection, queue) in self.participants.consumers.items():
            pipe, node = out["pipes"][connection], out["nodes"].get(queue)
            if node is None:
                continue
            row = rows[connection] = rows.get(connection, -1) + 1
            down = min(4 + 6 * row, max(4, pipe["thickness"] // 2 - 3))
            if pipe["side"] == "left":
                curve = self.way_back(node, pipe, down, out["servers"][pipe["server"]])
            elif self.wide:
                curve = bezier(
                    (node["x"] + node["w"] // 2, node["y"]), (pipe["x1"], pipe["y1"] + down), wide=True
                )
            else:
                start = (node["x"], node["y"] + node["h"] // 2 + 22)
                curve = bezier(start, (pipe["x1"] + down, pipe["y1"]), wide=False)
            out["subscriptions"][key] = {"queue": queue, "connection": connection, "curve": curve}

    def way_back(self, node: NodePlace, pipe: PipePlace, down: int, server: ServerPlace) -> list[int]:
        """From a queue to who consumes at the left, along the server's edge, for exchanges stand in between."""
        if self.wide:
            a, b = (node["x"] - node["w"] // 2, node["y"] + node["h"] // 4), (pipe["x1"], pipe["y1"] + down)
            edge = server["y"] + server["h"] - 14
            low = (8 * edge - a[1] - b[1]) // 6
            return [*a, a[0] - 90, low, b[0] + 60, low, *b]
        a, b = (node["x"] + node["w"] // 2, node["y"]), (pipe["x1"] + down, pipe["y1"])
        edge = server["x"] + server["w"] - 12
        far = (8 * edge - a[0] - b[0]) // 6
        return [*a, far, a[1] - 60, far, b[1] + 40, *b]

    # --- axes --------------------------------------------------------------------------------------------

    def point(self, main: int, cross: int) -> Point:
        return {"x": main, "y": cross} if self.wide else {"x": cross, "y": main}

    def box(self, main: int, cross: int, length: int, breadth: int) -> Box:
        if self.wide:
            return {"x": main, "y": cross, "w": length, "h": breadth}
        return {"x": cross, "y": main, "w": breadth, "h": length}


# --- small helpers ---------------------------------------------------------------------------------------


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


def boxes_of(node: NodePlace) -> Iterable[tuple[int, int, int, int]]:
    """A node and its words, as labels see them."""
    x, y, w, h = node["x"], node["y"], node["w"] // 2, node["h"] // 2
    if node["kind"] == "queue":
        yield x - w - 2, node["words"]["y"] - 13, x + w + 2, node["more"]["y"] + 5
        return
    yield x - w, y - h, x + w, y + h
    long = max(width(node["label"], G.name, bold=True), 84)
    words, more = node["words"], node["more"]
    left = words["x"] - (long // 2 if words["anchor"] == "middle" else 0)
    yield left, words["y"] - 12, left + long, more["y"] + 4


def by_mean(keys: Iterable[str], hangs: dict[str, list[int]]) -> list[str]:
    """Stable sort by the mean row of what each hangs on; those that hang on nothing come last."""
    order = {key: row for row, key in enumerate(keys)}
    ranks = {key: sum(rows) / len(rows) for key, rows in hangs.items()}
    return sorted(order, key=lambda key: (ranks.get(key, 1e9), order[key]))
