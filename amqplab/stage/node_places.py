"""Places of servers, of the exchanges and queues in them, and of the ways on to consumers.

Theory
------
A server's ground is a box. In a broker's stand two columns: exchanges as diamonds, queues as rows of cells with
their name above and their numbers below. Many of a kind are drawn *dense*: smaller, and closer together.

Edges from exchanges to queues are drawn elsewhere (:mod:`amqplab.stage.edges`); *subscriptions* lead on from a
queue to the pipe of whoever consumes from it. They need no label, and so no room of their own.
"""

from __future__ import annotations

from amqplab.stage.contract_layout import Layout, NodePlace, PipePlace, ServerPlace, WordsPlace
from amqplab.stage.edges import bezier
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.lettering import abridged, cut
from amqplab.stage.metrics import Metrics
from amqplab.stage.seating import Band, is_default
from amqplab.trace.participants import Participants

__all__ = ["Nodes"]

DENSE_NODES = 8
"""With more exchanges (or queues) than this, those of a band are drawn dense."""


class Nodes:
    """What stands on the servers' grounds."""

    def __init__(self, participants: Participants, metrics: Metrics) -> None:
        self.participants = participants
        self.metrics = metrics

    def exchange_pitch(self, band: Band) -> int:
        return 80 if self.metrics.wide and len(band.exchanges) > DENSE_NODES else self.metrics.exchange_pitch

    def queue_pitch(self, band: Band) -> int:
        return 78 if self.metrics.wide and len(band.queues) > DENSE_NODES else self.metrics.queue_pitch

    def place_server(self, out: Layout, band: Band, wall0: int, wall1: int) -> None:
        box = self.metrics.box(wall0, band.start, wall1 - wall0, band.size)
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
        dense = pitch != self.metrics.exchange_pitch
        first = band.start + (band.size - len(band.exchanges) * pitch) // 2 + pitch // 2
        first += 4 if self.metrics.wide else -36
        room = 124 if self.metrics.wide else 84
        for row, key in enumerate(band.exchanges):
            at = self.metrics.point(main, first + row * pitch)
            x, y, size = at["x"], at["y"], 44 if dense else 56
            ghost = is_default(key)
            name = "(default)" if ghost else self.participants.exchanges[key]
            down = 34 if dense else 43
            words: WordsPlace = {"x": x, "y": y + down - 8, "anchor": "middle", "room": room}
            more: WordsPlace = {"x": x, "y": y + down + 6, "anchor": "middle", "room": room}
            if not self.metrics.wide:
                words = {"x": x + 35, "y": y - 1, "anchor": "start", "room": room}
                more = {"x": x + 35, "y": y + 13, "anchor": "start", "room": room}
            out["nodes"][key] = {
                "x": x, "y": y - (8 if self.metrics.wide else 0), "w": size, "h": size, "kind": "exchange",
                "server": band.host, "ghost": ghost, "label": abridged(name, room, G.name, bold=True),
                "words": words, "more": more, "cells": 0,
            }  # fmt: skip

    def place_queues(self, out: Layout, band: Band, main: int) -> None:
        pitch = self.queue_pitch(band)
        dense = pitch != self.metrics.queue_pitch
        first = (
            band.start
            + (band.size - len(band.queues) * pitch) // 2
            + pitch // 2
            + (4 if self.metrics.wide else 0)
        )
        w, h = (self.metrics.queue, 32 if dense else 40) if self.metrics.wide else (pitch - 22, 40)
        for row, key in enumerate(band.queues):
            at = self.metrics.point(main, first + row * pitch)
            x, y = at["x"], at["y"]
            top, bottom = y - h // 2 - (6 if dense else 9), y + h // 2 + (15 if dense else 20)
            out["nodes"][key] = {
                "x": x, "y": y, "w": w, "h": h, "kind": "queue", "server": band.host, "ghost": False,
                "label": abridged(self.participants.queues[key], w - 40, G.name, bold=True),
                "words": {"x": x - w // 2 + 3, "y": top, "anchor": "start",
                          "room": w - 6 if self.metrics.wide else w - 34},
                "more": {"x": x, "y": bottom, "anchor": "middle", "room": w + 40},
                "cells": max(1, (w - G.cell_margin) // G.cell),
            }  # fmt: skip

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
            elif self.metrics.wide:
                curve = bezier(
                    (node["x"] + node["w"] // 2, node["y"]), (pipe["x1"], pipe["y1"] + down), wide=True
                )
            else:
                start = (node["x"], node["y"] + node["h"] // 2 + 25)
                curve = bezier(start, (pipe["x1"] + down, pipe["y1"]), wide=False)
            out["subscriptions"][key] = {"queue": queue, "connection": connection, "curve": curve}

    def way_back(self, node: NodePlace, pipe: PipePlace, down: int, server: ServerPlace) -> list[int]:
        """From a queue to who consumes at the left, along the server's edge, for exchanges stand in between."""
        if self.metrics.wide:
            a, b = (node["x"] - node["w"] // 2, node["y"] + node["h"] // 4), (pipe["x1"], pipe["y1"] + down)
            edge = server["y"] + server["h"] - 14
            low = (8 * edge - a[1] - b[1]) // 6
            return [*a, a[0] - 90, low, b[0] + 60, low, *b]
        a, b = (node["x"] + node["w"] // 2, node["y"]), (pipe["x1"] + down, pipe["y1"])
        edge = server["x"] + server["w"] - 12
        far = (8 * edge - a[0] - b[0]) // 6
        return [*a, far, a[1] - 60, far, b[1] + 40, *b]
