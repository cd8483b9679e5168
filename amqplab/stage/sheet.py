"""What is painted on: one moment, with its marks.

Theory
------
A paint draws one mark, but not without looking left and right: whether a segment that holds a frame is lost,
what all consumers of an application do, whether a caption was written where the next one would stand. All of
that is here, and everything else a paint needs is in its mark.
"""

from __future__ import annotations

from collections.abc import Callable

from amqplab.stage.mark import Mark, Moment
from amqplab.stage.marks import marks
from amqplab.trace.rides import OVER

__all__ = ["Paint", "Sheet"]


class Sheet:
    """The marks of a moment, what they tell together, and the captions that stand already."""

    def __init__(self, moment: Moment) -> None:
        self.place = moment.layout
        self.wide = moment.wide
        self.marks = marks(moment)
        self.lost_slabs = {one.place for one in self.marks if one.kind == "segment" and one.state in OVER}
        self.has_lost = any(mark.place in ("lost", "returned") for mark in self.marks)
        self.captions: list[tuple[int, int, int]] = []
        """(middle, base line, half the width) of each."""


Paint = Callable[[Sheet, Mark], str]
"""One mark as ink; nothing where it is covered."""
