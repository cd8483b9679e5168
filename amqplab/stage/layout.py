"""Where everything stands: fixed, meaningful columns, and integers only.

Theory
------
A message travels from left to right, so the columns are in the order of its journey::

    applications | connections | exchanges | queues | connections | applications
        (P)      ====pipes====     <X>    --  [|||]  --  ====pipes====    (C)

    ----------------------------- lost & returned ---------------------------------

The middle is a server's ground, and with several servers there is a band for each, one below the other; a host
that speaks another protocol is a box without exchanges. Nothing is found by physics or chance. It is done in
steps, and each knows only the ones before it:

    seating      who stands in which band, on which side, in which order
    arranging    how much room that takes across, and so how large each band is
    columns      how much it takes along the journey: one ruler for all bands
    placing      applications with their pipes, servers, exchanges, queues
    labels       edges, which are bindings and policies, where nothing covers their keys

"tall" is "wide" with the axes swapped (:mod:`amqplab.stage.metrics`).

All of it depends on the participants and their needs, never on the records, so it takes time in proportion to
who takes part, however long the run was. Shape of the result: :mod:`amqplab.stage.contract_layout`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from amqplab.stage.app_places import Applications
from amqplab.stage.contract_layout import Layout, NodePlace
from amqplab.stage.edges import Board, Edges
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.lettering import width
from amqplab.stage.metrics import METRICS
from amqplab.stage.needs import Needs
from amqplab.stage.node_places import Nodes
from amqplab.stage.seating import BROKER, SIDES, Seating
from amqplab.trace.participants import Participants

__all__ = ["layout"]

TITLE = 34
BETWEEN_SERVERS = 28


def layout(participants: Participants, orientation: str, needs: Needs | None = None) -> Layout:
    """Places for the whole run, "wide" or "tall". `needs` is what :func:`~amqplab.stage.needs.needs_of` found."""
    return Setting(participants, orientation, needs or Needs()).build()


class Columns(NamedTuple):
    """Where things stand along the journey: the middles of exchanges and queues, the rest as edges."""

    left_mouth: int
    left_wall: int
    exchanges: int
    queues: int
    right_wall: int
    right_mouth: int
    end: int


class Setting:
    """One layout being made. Coordinates are (main, cross) until the very end."""

    def __init__(self, participants: Participants, orientation: str, needs: Needs) -> None:
        self.participants = participants
        self.needs = needs
        self.metrics = METRICS[orientation]
        self.seating = Seating(participants, needs, wide=self.metrics.wide)
        self.bands = self.seating.bands
        self.applications = Applications(self.seating, self.metrics)
        self.nodes = Nodes(participants, self.metrics)

    def build(self) -> Layout:
        """The whole of it."""
        cross, at = self.stack(), self.columns()
        out = self.frame(at, cross)
        for band in self.bands:
            self.nodes.place_server(out, band, at.left_wall, at.right_wall)
            self.applications.place(out, band, "left", at.left_mouth, at.left_wall)
            self.applications.place(out, band, "right", at.right_mouth, at.right_wall)
            self.nodes.place_exchanges(out, band, at.exchanges)
            self.nodes.place_queues(out, band, at.queues)
        edges = Edges(out["nodes"], self.board(out), self.metrics.wide)
        edges.bind(self.participants.edges.values())
        edges.police(self.needs.policies.values())
        out["edges"], out["folds"], out["policies"] = edges.edges, edges.folds, edges.policies
        self.nodes.place_subscriptions(out)
        return out

    def columns(self) -> Columns:
        """How much room each column needs, one after the other."""
        m = self.metrics
        left, right = self.applications.depth("left"), self.applications.depth("right")
        has_left, has_right = (any(band.sides[side] for band in self.bands) for side in SIDES)
        wall0 = left + m.pipe if has_left else m.pad
        exchanges = wall0 + (m.dock if has_left else 0)
        queues = exchanges + m.exchange + m.gap
        wall1 = queues + m.queue + (m.way_out if has_right else m.pad)
        end = wall1 + (m.pipe + right if has_right else m.pad)
        return Columns(
            left, wall0, exchanges + m.exchange // 2, queues + m.queue // 2, wall1, end - right, end
        )

    def frame(self, at: Columns, cross: int) -> Layout:
        """A layout with nothing in it yet."""
        m = self.metrics
        length, breadth = (at.end, cross) if m.wide else (cross, at.end)
        gutter = G.gutter if self.needs.loses else 0
        first = next((band for band in self.bands if band.kind == BROKER), self.bands[0])
        return {
            "orientation": "wide" if m.wide else "tall",
            "width": length,
            "height": breadth + gutter,
            "broker": m.box(at.left_wall, first.start, at.right_wall - at.left_wall, first.size),
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

    def stack(self) -> int:
        """Lay out every band's blocks, and the bands one after the other; returns the extent across."""
        at = 0
        for band in self.bands:
            extents = [self.applications.arrange(band.sides[side], side) for side in SIDES]
            extents.append(len(band.exchanges) * self.nodes.exchange_pitch(band) + self.metrics.spare)
            extents.append(len(band.queues) * self.nodes.queue_pitch(band) + self.metrics.spare)
            least = self.metrics.least if band.kind == BROKER else self.metrics.least_other
            band.start, band.size = at, max(least, *extents)
            at += band.size + BETWEEN_SERVERS
        return at - BETWEEN_SERVERS

    def board(self, out: Layout) -> Board:
        """What no label may cover: nodes with their words, and the servers' titles."""
        board = Board()
        for node in out["nodes"].values():
            for box in boxes_of(node):
                board.take(box)
        for server in out["servers"].values():
            board.take((server["x"], server["y"], server["x"] + server["w"], server["y"] + TITLE))
        return board


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
