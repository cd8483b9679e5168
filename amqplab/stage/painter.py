"""The painter: every mark of one picture as ink.

Theory
------
Each kind of mark has one *paint*, a function of the sheet and the mark, and nothing is painted that is no mark.
What is where, and how it is, was decided before (:mod:`amqplab.stage.marks`); a paint is only how it looks: the
same shapes as in the browser, in the light scheme. Lines lie lowest, what is written on them above all lines,
things above that.
"""

from __future__ import annotations

from amqplab.stage import paint_fixtures, paint_messages, paint_wire
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.ink import element, rect, text
from amqplab.stage.mark import Mark, Moment
from amqplab.stage.palette import LIGHT as C
from amqplab.stage.sheet import Paint, Sheet

__all__ = ["PAINTS", "Painter"]

PAINTS: dict[str, Paint] = {**paint_fixtures.PAINTS, **paint_messages.PAINTS, **paint_wire.PAINTS}
LINES = ("binding", "policy", "subscription")


class Painter:
    """One step of the strip: every mark painted, in the order of the marks."""

    def __init__(self, moment: Moment) -> None:
        self.sheet = Sheet(moment)
        gutter = self.sheet.place["gutter"]["h"]
        self.height = self.sheet.place["height"] - (0 if self.sheet.has_lost or not gutter else G.gutter)

    def draw(self) -> str:
        """The picture without its frame."""
        layers: tuple[list[Mark], ...] = ([], [], [])
        for mark in self.sheet.marks:
            layers[0 if mark.kind == "server" else 1 if mark.kind in LINES else 2].append(mark)
        ground, lines, things = ("".join(map(self.thing, layer)) for layer in layers)
        return "".join((ground, self.gutter(), lines, *paint_fixtures.keys(self.sheet), things))

    def thing(self, mark: Mark) -> str:
        """One mark with what every form of the picture says of it."""
        inside = PAINTS[mark.kind](self.sheet, mark)
        attributes = {"data_kind": mark.kind, "data_id": mark.id, "data_place": mark.place or None,
                      "data_state": mark.state or None}  # fmt: skip
        return element("g", {**attributes}, inside) if inside else ""

    def gutter(self) -> str:
        g = self.sheet.place["gutter"]
        if not self.sheet.has_lost or not g["h"]:
            return ""
        return rect(
            1, g["y"] + 1, g["w"] - 2, g["h"] - 2, "none", C.line_strong, 10, stroke_dasharray="3 4"
        ) + text(16, g["y"] + g["h"] // 2 + 4, "lost & returned", fill=C.ink2)
