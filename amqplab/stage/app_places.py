"""Places of applications and of their pipes.

Theory
------
An application is a circle with its name; under it a row for each *hand*, which holds what it has not
acknowledged, and for each *strip* of publishes to be confirmed. From its rim a *lead* runs to the mouth of each
of its pipes. A pipe holds two tubes, one per direction of TCP's two byte streams; each tube has a lane per
channel. At its other end, inside the server, is the *dock*: there messages stand that no exchange has yet.

First everybody of one side is arranged across (:meth:`Applications.arrange`), so that the band can be made large
enough; when the columns are known, they are placed in its middle (:meth:`Applications.place`).
"""

from __future__ import annotations

from collections.abc import Sequence

from amqplab.stage.contract_layout import Anchor, AppPlace, Layout, PipePlace, Point, RowPlace, WordsPlace
from amqplab.stage.edges import bezier
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.lettering import abridged
from amqplab.stage.metrics import Metrics
from amqplab.stage.seating import Band, Berth, Block, Seating, Side, side_of
from amqplab.trace.participants import App

__all__ = ["Applications"]


class Applications:
    """Those on both sides of every band."""

    def __init__(self, seating: Seating, metrics: Metrics) -> None:
        self.seating = seating
        self.metrics = metrics

    def depth(self, side: Side) -> int:
        """How much room the applications of one side need along the journey. Laid on their side, what hangs
        under their names needs it.
        """
        if self.metrics.wide:
            return self.metrics.dense_app if self.seating.dense[side] else self.metrics.app
        apps = [app for app in self.seating.participants.apps.values() if app.side == side]
        return self.metrics.app + max((self.below(app) - 56 for app in apps), default=0)

    def arrange(self, blocks: Sequence[Block], side: Side) -> int:
        """Give every block of one side its centre and the rows of its pipes; returns where the last one ends."""
        dense = self.seating.dense[side]
        above, below = (20, 6) if dense else (self.metrics.above_pipe, self.metrics.below_pipe)
        at = 0
        for block in blocks:
            sizes = [above + berth.thickness + below for berth in block.berths]
            pipes = sum(sizes)
            if self.metrics.wide:
                top, under = (33 if dense else 41), self.below(block.app)
                centre = max(top, pipes // 2) if block.at_home else pipes // 2
                size = max(centre + under, centre + pipes // 2) if block.at_home else pipes
            else:
                size = max(self.metrics.app_pitch, pipes) if block.at_home else pipes
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
        hands, strips = self.rows(self.seating.hands, app), self.rows(self.seating.strips, app)
        rows = G.hand_row * hands + G.strip_row * strips
        if self.seating.dense[side_of(app)]:
            return max(22, 10 + rows + 6)
        return 48 + rows + 8

    def rows(self, places: dict[str, dict[str, int]], app: App) -> int:
        return min(G.rows_shown, 1 + max(places.get(app.name, {}).values(), default=-1))

    def place(self, out: Layout, band: Band, side: Side, mouth: int, wall: int) -> None:
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
        app, dense = block.app, self.seating.dense[side]
        sign = -1 if side == "left" else 1
        if self.metrics.wide:
            main = mouth + sign * (30 if dense else self.metrics.app // 2)
        else:
            main = 34 if side == "left" else mouth + 38
        at = self.metrics.point(main, block.centre + shift)
        r, room = (16, 112) if dense else (25, 118)
        hands, strips = self.hand_places(app, at, r, side)
        everyone = len(self.seating.hands.get(app.name, {})) + len(self.seating.strips.get(app.name, {}))
        return {
            "x": at["x"], "y": at["y"], "r": r, "side": side, "name": app.name,
            "roles": "P" * app.publishes + "C" * app.consumes,
            "label": abridged(app.name, room, G.name, bold=True),
            "words": self.name_place(app, at, r, side, room), "hands": hands, "strips": strips,
            "left_out": everyone - len(hands) - len(strips), "tray": self.tray(at, r, sign),
        }  # fmt: skip

    def beside(self, at: Point, r: int, side: Side) -> tuple[int, Anchor]:
        """Where an application's words run from: its middle; drawn dense, its outer rim."""
        if not self.seating.dense[side]:
            return at["x"], "middle"
        return (at["x"] - r - 8, "end") if side == "left" else (at["x"] + r + 8, "start")

    def name_place(self, app: App, at: Point, r: int, side: Side, room: int) -> WordsPlace:
        x, anchor = self.beside(at, r, side)
        down = 40
        if self.seating.dense[side]:
            down = -2 if self.rows(self.seating.hands, app) + self.rows(self.seating.strips, app) else 4
        return {"x": x, "y": at["y"] + down, "anchor": anchor, "room": room}

    def hand_places(
        self, app: App, at: Point, r: int, side: Side
    ) -> tuple[dict[str, RowPlace], dict[str, RowPlace]]:
        """Its hands under its name, its strips under its hands."""
        x, anchor = self.beside(at, r, side)
        top = at["y"] + (14 if self.seating.dense[side] else 56)
        hands, strips = self.seating.hands.get(app.name, {}), self.seating.strips.get(app.name, {})
        below = top + G.hand_row * self.rows(self.seating.hands, app) - (0 if hands else 2)
        many = self.rows(self.seating.strips, app)

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
        """What its program has in mind stands over its head: away from pipes, names and hands."""
        if not self.metrics.wide:
            return {"x": at["x"] + r + 18, "y": at["y"]}
        if r < 20:  # drawn dense: the next one is close above, so it stands at the side of the pipes
            return {"x": at["x"] - sign * r, "y": at["y"] - 14}
        return {"x": at["x"], "y": at["y"] - r - 12}

    def strip_label(self, key: str, strips: int) -> str:
        """What a strip is of, so that its numbers are not taken for counts; with several, of which channel."""
        return "broker owes confirm #" if strips < 2 else f"owes confirm #, ch {key.rpartition('/')[2]}"

    def pipe_place(
        self, who: tuple[str, str, Side], berth: Berth, where: tuple[int, int, int], app: AppPlace | None
    ) -> PipePlace:
        name, server, side = who
        mouth, wall, row = where
        start, end = self.metrics.point(mouth, row), self.metrics.point(wall, row)
        inward = 1 if side == "left" else -1
        half = berth.thickness // 2
        dense = self.seating.dense[side]
        words: WordsPlace
        if self.metrics.wide:
            words = {
                "x": (mouth + wall) // 2, "y": row - half - (7 if dense else 21), "anchor": "middle",
                "room": self.metrics.pipe,
            }  # fmt: skip
        else:
            words = {"x": row + half + 5, "y": (mouth + wall) // 2 + 4, "anchor": "start", "room": 40}
        return {
            "app": name, "server": server, "side": side,
            "x0": start["x"], "y0": start["y"], "x1": end["x"], "y1": end["y"],
            "lanes": berth.lanes, "left_out": berth.left_out, "thickness": berth.thickness, "words": words,
            "lead": self.lead(app, start, inward),
            "dock": self.metrics.point(wall + inward * self.metrics.dock // 2, row),
        }  # fmt: skip

    def lead(self, app: AppPlace | None, mouth: Point, inward: int) -> list[int]:
        """From the application's rim to the mouth of its pipe."""
        end = (mouth["x"], mouth["y"])
        if app is None:
            return [*end] * 4
        if self.metrics.wide:
            return bezier((app["x"] + inward * app["r"], app["y"]), end, wide=True)
        return bezier((app["x"], app["y"] + inward * app["r"]), end, wide=False)
