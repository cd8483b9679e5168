"""Where everything stands: fixed, meaningful columns, and integers only.

Theory
------
A message travels from left to right, so the columns are in the order of its journey::

    applications | connections | exchanges | queues | connections | applications
        (P)      ====pipes====     <X>    --  [|||]  --  ====pipes====    (C)

    ----------------------------- lost & returned ---------------------------------

Nothing is found by physics or chance. Rows keep the order of first appearance, except that queues and
consumers are sorted by the mean row of what they hang on (one barycentre pass each: enough to take the
crossings out of a classroom's topologies, and stable). The same columns laid on their side serve a narrow
page: "tall" is "wide" with the axes swapped, so one algorithm makes both. Its words: *main* is the
direction of the journey, *cross* the other one.

A pipe holds two tubes, one per direction of TCP's two byte streams; each tube has a lane per channel. Edges
are bindings, from exchange to queue; *subscriptions* lead on from the queue to the pipe of whoever consumes
from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from amqplab.trace.participants import App, Edge, Participants

__all__ = ["METRICS", "Metrics", "layout"]

LANE = 16
TUBE_GAP = 8
MAX_LANES = 6
LETTER = 6.4
CELL = 24
HAND = 22
NAME = 48
"""From an application's centre to below its name; its hands, HAND each, come under it."""
CONFIRMS = 34
PLACES = (0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74, 0.2, 0.8)
"""Where along its curve a label may stand, best first."""


@dataclass(frozen=True)
class Metrics:
    """Sizes in SVG user units. `app`, `pipe`, `exchange`, `gap`, `queue`, `way_out` run along the journey;
    the others across it.
    """

    app: int
    pipe: int
    exchange: int
    gap: int
    queue: int
    way_out: int
    pad: int
    connection_margin: int
    app_pitch: int
    exchange_pitch: int
    queue_pitch: int
    spare: int
    least: int


METRICS = {
    "wide": Metrics(
        app=124, pipe=184, exchange=132, gap=124, queue=184, way_out=76, pad=20, connection_margin=60,
        app_pitch=132, exchange_pitch=100, queue_pitch=100, spare=60, least=236,
    ),
    "tall": Metrics(
        app=96, pipe=88, exchange=116, gap=64, queue=74, way_out=52, pad=24, connection_margin=44,
        app_pitch=124, exchange_pitch=152, queue_pitch=190, spare=24, least=420,
    ),
}  # fmt: skip


def layout(participants: Participants, orientation: str) -> dict[str, Any]:
    """Boxes, pipes and edges of all participants, JSON-able. Keys of `nodes`, `pipes`, `edges` are those of
    the state.
    """
    return Setting(participants, orientation).build()


class Setting:
    """One layout being made. Coordinates are (main, cross) until the very end."""

    def __init__(self, participants: Participants, orientation: str) -> None:
        self.participants = participants
        self.wide = orientation == "wide"
        self.m = METRICS[orientation]
        self.sides = {
            side: [app for app in participants.apps.values() if app.side == side]
            for side in ("left", "right")
        }
        self.exchanges = [k for k in participants.exchanges if not is_default(k)] + [
            k for k in participants.exchanges if is_default(k)
        ]
        self.queues = self.sorted_queues()
        self.sides["right"] = self.sorted_apps(self.sides["right"])

    # --- order -------------------------------------------------------------------------------------------

    def sorted_queues(self) -> list[str]:
        rows = {key: row for row, key in enumerate(self.exchanges)}
        hangs: dict[str, list[int]] = {}
        for edge in self.participants.edges.values():
            if not edge.ghost and edge.source in rows:
                hangs.setdefault(edge.target, []).append(rows[edge.source])
        return by_mean(self.participants.queues, hangs)

    def sorted_apps(self, apps: list[Any]) -> list[Any]:
        rows = {key: row for row, key in enumerate(self.queues)}
        hangs: dict[str, list[int]] = {}
        for connection, queue in self.participants.consumers.values():
            hangs.setdefault(self.participants.pipes[connection].app, []).append(rows.get(queue, 0))
        names = by_mean([app.name for app in apps], hangs)
        return [self.participants.apps[name] for name in names]

    # --- columns -----------------------------------------------------------------------------------------

    def build(self) -> dict[str, Any]:
        m = self.m
        crosses = {
            "left": self.blocks(self.sides["left"]),
            "right": self.blocks(self.sides["right"]),
        }
        extents = [blocks[-1][3] if blocks else 0 for blocks in crosses.values()]
        extents += [
            len(self.exchanges) * m.exchange_pitch + m.spare,
            len(self.queues) * m.queue_pitch + m.spare,
        ]
        cross = max(m.least, *extents)
        left, right = self.depth("left"), self.depth("right")
        broker0 = left + m.pipe if self.sides["left"] else m.pad
        exchange = broker0 + m.exchange // 2 + 6
        queue0 = broker0 + m.exchange + m.gap
        broker1 = queue0 + m.queue + (m.way_out if self.sides["right"] else m.pad)
        main = broker1 + (m.pipe + right if self.sides["right"] else m.pad)
        gutter = 56
        out: dict[str, Any] = {
            "orientation": "wide" if self.wide else "tall",
            "width": main if self.wide else cross,
            "height": (cross if self.wide else main) + gutter,
            "broker": self.box(broker0, 0, broker1 - broker0, cross),
            "gutter": {"x": 0, "y": (cross if self.wide else main) + 6, "h": gutter - 6},
            "apps": {},
            "pipes": {},
            "nodes": {},
            "edges": {},
            "subscriptions": {},
        }
        out["gutter"]["w"] = out["width"]
        self.place_apps(out, "left", crosses["left"], cross, left, broker0)
        self.place_apps(out, "right", crosses["right"], cross, main - right, broker1)
        self.place_column(out, self.exchanges, exchange, cross, m.exchange_pitch, "exchange")
        self.place_column(out, self.queues, queue0 + m.queue // 2, cross, m.queue_pitch, "queue")
        self.place_edges(out)
        self.place_subscriptions(out)
        return out

    def depth(self, side: str) -> int:
        """How much room the applications of one side need along the journey. Laid on their side, what hangs
        under their names needs it.
        """
        if self.wide:
            return self.m.app
        return self.m.app + max((below(app, self.participants) - NAME for app in self.sides[side]), default=0)

    def blocks(self, apps: Sequence[Any]) -> list[tuple[Any, int, list[tuple[str, int]], int]]:
        """(app, its cross centre, [(connection, centre)], end so far) down one side."""
        found = []
        at = 0
        for app in apps:
            start = at
            pipes = []
            for connection in app.connections:
                size = self.thickness(connection) + self.m.connection_margin
                pipes.append((connection, at + size // 2))
                at += size
            least = (
                max(self.m.app_pitch, 2 * below(app, self.participants) + 12)
                if self.wide
                else self.m.app_pitch
            )
            at = max(at, start + least)
            shift = (at - start - (pipes[-1][1] - start + pipes[0][1] - start)) // 2 if pipes else 0
            pipes = [(name, centre + shift) for name, centre in pipes]
            found.append((app, (start + at) // 2, pipes, at))
        return found

    def thickness(self, connection: str) -> int:
        lanes = min(len(self.participants.pipes[connection].channels), MAX_LANES)
        return 2 * lanes * LANE + TUBE_GAP

    def place_apps(
        self,
        out: dict[str, Any],
        side: str,
        blocks: Sequence[Any],
        cross: int,
        mouth: int,
        wall: int,
    ) -> None:
        if not blocks:
            return
        shift = (cross - blocks[-1][3]) // 2
        if self.wide:
            centre = mouth - self.m.app // 2 if side == "left" else mouth + self.m.app // 2
        else:
            centre = 34 if side == "left" else mouth + 38
        for app, middle, pipes, _ in blocks:
            out["apps"][app.name] = {**self.point(centre, middle + shift), "side": side, "name": app.name}
            for connection, row in pipes:
                lanes = self.participants.pipes[connection].channels[:MAX_LANES]
                start, end = self.point(mouth, row + shift), self.point(wall, row + shift)
                out["pipes"][connection] = {
                    "app": app.name,
                    "side": side,
                    "x0": start["x"],
                    "y0": start["y"],
                    "x1": end["x"],
                    "y1": end["y"],
                    "lanes": lanes,
                    "thickness": self.thickness(connection),
                }

    def place_column(
        self, out: dict[str, Any], keys: Sequence[str], main: int, cross: int, pitch: int, kind: str
    ) -> None:
        shift = (cross - len(keys) * pitch) // 2
        if kind == "exchange" and not self.wide:
            shift -= 36  # its name stands beside it
        for row, key in enumerate(keys):
            at = self.point(main, shift + row * pitch + pitch // 2)
            if kind == "queue":
                w, h = (self.m.queue, 40) if self.wide else (pitch - 22, 40)
            else:
                w = h = 56
            out["nodes"][key] = {**at, "w": w, "h": h, "kind": kind}

    # --- edges -------------------------------------------------------------------------------------------

    def place_edges(self, out: dict[str, Any]) -> None:
        """Curves from source to target; bindings between one pair lie side by side; labels avoid each
        other.
        """
        nodes = out["nodes"]
        pairs: dict[tuple[str, str], list[Edge]] = {}
        for edge in self.participants.edges.values():
            if edge.source in nodes and edge.target in nodes and not edge.ghost:
                pairs.setdefault((edge.source, edge.target), []).append(edge)
        taken: list[tuple[float, float, float, float]] = []
        for (source, target), edges in pairs.items():
            for index, edge in enumerate(edges):
                spread = 2 * index - (len(edges) - 1)
                curve = self.curve(nodes[source], nodes[target], spread)
                out["edges"][edge.key] = self.labelled(edge, curve, taken)
        for edge in self.participants.edges.values():
            if edge.ghost and edge.source in nodes and edge.target in nodes:
                curve = self.curve(nodes[edge.source], nodes[edge.target], 0)
                out["edges"][edge.key] = {"source": edge.source, "target": edge.target, "ghost": True,
                                          "label": edge.label, "curve": curve}  # fmt: skip

    def curve(self, source: dict[str, Any], target: dict[str, Any], spread: int) -> list[int]:
        """Eight numbers: a cubic Bezier x0 y0 x1 y1 x2 y2 x3 y3."""
        if target["kind"] == "exchange":
            return self.loop(source, target, spread)
        if self.wide:
            a, b = (source["x"] + 30, source["y"]), (target["x"] - target["w"] // 2, target["y"] + spread * 7)
            reach = (b[0] - a[0]) // 2
            bend = spread * 17
            return [*a, a[0] + reach, a[1] + bend, b[0] - reach, b[1] + bend, *b]
        a, b = (
            (source["x"], source["y"] + 30),
            (target["x"] + target["w"] // 4 + spread * 10, target["y"] - target["h"] // 2),
        )
        reach = (b[1] - a[1]) // 2
        bend = spread * 22
        return [*a, a[0] + bend, a[1] + reach, b[0] + bend, b[1] - reach, *b]

    def loop(self, source: dict[str, Any], target: dict[str, Any], spread: int) -> list[int]:
        """Exchange to exchange: an arc that leaves and enters on the queues' side."""
        out = 62 + 10 * abs(spread)
        if self.wide:
            down = 1 if target["y"] >= source["y"] else -1
            ys, yt = source["y"] + 14 * down, target["y"] - 14 * down
            x = source["x"] + 16
            return [x, ys, x + out, ys + 8 * down, x + out, yt - 8 * down, x, yt]
        right = 1 if target["x"] >= source["x"] else -1
        xs, xt = source["x"] + 14 * right, target["x"] - 14 * right
        y = source["y"] + 16
        return [xs, y, xs + 8 * right, y + out, xt - 8 * right, y + out, xt, y]

    def labelled(
        self, edge: Edge, curve: list[int], taken: list[tuple[float, float, float, float]]
    ) -> dict[str, Any]:
        half = min(len(edge.label), 18) * LETTER / 2 + 8
        best = None
        for t in PLACES:
            x, y = on_curve(curve, t)
            box = (x - half, y - 10, x + half, y + 10)
            if best is None:
                best = box
            if not any(overlap(box, other) for other in taken):
                best = box
                break
        assert best is not None
        taken.append(best)
        at = [round((best[0] + best[2]) / 2), round((best[1] + best[3]) / 2)]
        return {"source": edge.source, "target": edge.target, "label": edge.label, "curve": curve, "at": at}

    def place_subscriptions(self, out: dict[str, Any]) -> None:
        """From each queue to the pipes of its consumers, on the side where they are."""
        ends: dict[str, int] = {}
        for key, (connection, queue) in self.participants.consumers.items():
            pipe, node = out["pipes"][connection], out["nodes"].get(queue)
            if node is None or pipe["side"] == "left":
                continue
            row = ends[connection] = ends.get(connection, -1) + 1
            a = (node["x"] + node["w"] // 2, node["y"]) if self.wide else (node["x"], node["y"] + 42)
            b = (
                (pipe["x1"], pipe["y1"] + 4 + 6 * row)
                if self.wide
                else (pipe["x1"] + 4 + 6 * row, pipe["y1"])
            )
            reach = (b[0] - a[0]) // 2 if self.wide else (b[1] - a[1]) // 2
            bends = (
                [a[0] + reach, a[1], b[0] - reach, b[1]]
                if self.wide
                else [a[0], a[1] + reach, b[0], b[1] - reach]
            )
            out["subscriptions"][key] = {"queue": queue, "connection": connection, "curve": [*a, *bends, *b]}

    # --- axes --------------------------------------------------------------------------------------------

    def point(self, main: int, cross: int) -> dict[str, int]:
        return {"x": main, "y": cross} if self.wide else {"x": cross, "y": main}

    def box(self, main: int, cross: int, length: int, breadth: int) -> dict[str, int]:
        if self.wide:
            return {"x": main, "y": cross, "w": length, "h": breadth}
        return {"x": cross, "y": main, "w": breadth, "h": length}


def below(app: App, participants: Participants) -> int:
    """How far an application reaches under its centre: its name, its hands, its numbers to be confirmed."""
    hands = sum(len(participants.pipes[name].consumers) for name in app.connections)
    if app.consumes:
        hands = max(1, hands)
    return NAME + HAND * hands + (CONFIRMS if app.confirms else 0)


def is_default(key: str) -> bool:
    return key.endswith("/")


def by_mean(keys: Iterable[str], hangs: dict[str, list[int]]) -> list[str]:
    """Stable sort by the mean row of what each hangs on; those that hang on nothing come last."""
    order = list(keys)
    ranks = {key: sum(rows) / len(rows) for key, rows in hangs.items()}
    return sorted(order, key=lambda key: (ranks.get(key, 1e9), order.index(key)))


def on_curve(curve: Sequence[float], t: float) -> tuple[float, float]:
    """The point of a cubic Bezier at `t`."""
    x0, y0, x1, y1, x2, y2, x3, y3 = curve
    u = 1 - t
    a, b, c, d = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


def overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
