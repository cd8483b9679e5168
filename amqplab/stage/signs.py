"""Small signs that many marks share: colours of a message, words where they belong, curves, crosses.

Theory
------
A message has one colour wherever it is, by its number; what belongs to no message is grey. Words stand where the
layout says, and fit: they are cut where they may be, and where they may not, their letters become narrower.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amqplab.stage.contract_layout import WordsPlace
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.ink import path, text
from amqplab.stage.lettering import width
from amqplab.stage.palette import LIGHT as C
from amqplab.stage.palette import hue_of

__all__ = ["colours", "counted", "cross", "curved", "squeezed", "words"]


def colours(root: int) -> tuple[str, str, str]:
    """Fill, ink and outline for a message's number; grey for what belongs to none."""
    if not root:
        return C.line, C.ink, C.ink2
    hue = hue_of(root)
    return hue.fill, hue.ink, hue.light_edge


def squeezed(words_: str, room: int, *, bold: bool = False) -> dict[str, Any]:
    """What makes words fit where they must: narrower letters, of the same height."""
    if width(words_, G.small, bold=bold) <= room + 2:
        return {}
    return {"textLength": room, "lengthAdjust": "spacingAndGlyphs"}


def counted(numbers: tuple[int, int, int], room: int) -> str:
    """RabbitMQ's three words, as widely spaced as there is room for."""
    ready, unacked, total = numbers
    for gap in ("  ·  ", " · "):
        said = gap.join((f"Ready {ready}", f"Unacked {unacked}", f"Total {total}")).replace("  ", "\u00a0 ")
        if width(said, G.small) <= room:
            return said
    return f"{ready} + {unacked} = {total}"


def words(at: WordsPlace, said: str, size: int, fill: str, *, bold: bool = False) -> str:
    """Words at their place in the layout."""
    return text(at["x"], at["y"], said, size=size, fill=fill, anchor=at["anchor"], bold=bold)


def curved(c: Sequence[int]) -> str:
    """A cubic Bezier as path data."""
    return f"M{c[0]} {c[1]}C{' '.join(map(str, c[2:]))}"


def cross(x: int, y: int, r: int, stroke: float = 3) -> str:
    """The sign of what is lost."""
    return path(f"M{x - r} {y - r}l{2 * r} {2 * r}m0 {-2 * r}l{-2 * r} {2 * r}", C.bad, stroke_width=stroke,
                stroke_linecap="round")  # fmt: skip
