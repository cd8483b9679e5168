"""The two orientations: sizes along and across the journey, and which axis is which.

Theory
------
The columns of a layout laid on their side serve a narrow page. So one algorithm makes both: it knows *main*, the
direction of the journey, and *cross*, the other one, and asks here for sizes in these terms and for what they
are in x and y. Only letters do not turn, so where words stand is decided for each orientation by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from amqplab.stage.contract_layout import Box, Point

__all__ = ["METRICS", "Metrics"]


@dataclass(frozen=True)
class Metrics:
    """Sizes in SVG user units. The first row runs along the journey; the others across it."""

    wide: bool
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

    def point(self, main: int, cross: int) -> Point:
        return {"x": main, "y": cross} if self.wide else {"x": cross, "y": main}

    def box(self, main: int, cross: int, length: int, breadth: int) -> Box:
        if self.wide:
            return {"x": main, "y": cross, "w": length, "h": breadth}
        return {"x": cross, "y": main, "w": breadth, "h": length}


METRICS = {
    "wide": Metrics(
        wide=True, app=124, dense_app=176, pipe=184, dock=44, exchange=132, gap=124, queue=184, way_out=76, pad=20,
        above_pipe=30, below_pipe=30, app_pitch=132, exchange_pitch=100, queue_pitch=100, spare=60, least=236,
        least_other=110,
    ),
    "tall": Metrics(
        wide=False, app=96, dense_app=96, pipe=88, dock=36, exchange=116, gap=64, queue=74, way_out=52, pad=24,
        above_pipe=22, below_pipe=22, app_pitch=124, exchange_pitch=152, queue_pitch=190, spare=24, least=420,
        least_other=200,
    ),
}  # fmt: skip
