"""The numbers that every form of the picture shares.

Theory
------
The layout is made in Python and drawn twice, in the browser and as static SVG. Both must agree on how wide a
lane is and how far apart the slots of a hand are, so such numbers stand here and nowhere else; the scene
carries them to the browser as ``scene.geometry``. All are SVG user units, which are pixels when the picture is
shown at its natural size; so no letter is smaller than :attr:`Geometry.smallest`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["GEOMETRY", "Geometry"]


@dataclass(frozen=True)
class Geometry:
    """Sizes, by the thing they belong to."""

    # letters
    title: int = 13
    name: int = 13
    body: int = 12
    small: int = 11
    letter: int = 17
    smallest: int = 11

    # a message and a frame
    message_w: int = 21
    message_h: int = 16
    chip: int = 18
    """From one frame to the next inside a segment."""
    chip_w: int = 15
    chip_h: int = 13
    frames_shown: int = 7

    # a pipe: two tubes, one per direction of TCP; in each a lane per channel
    lane: int = 16
    tube_gap: int = 8
    max_lanes: int = 6
    mouth: int = 12
    """How far from a pipe's ends things on it stay."""

    # a queue: places in a row
    cell: int = 24
    cell_w: int = 22
    cell_h: int = 28
    cell_margin: int = 12

    # an application: hands with slots, strips of numbers to be confirmed, trays of transactions
    slot: int = 22
    most_slots: int = 5
    hand_row: int = 22
    strip_row: int = 34
    strip_chip: int = 20
    strip_shown: int = 4
    rows_shown: int = 6
    """At most so many hands (or strips) of one application are drawn."""

    # inside a server: where messages stand that no exchange has yet
    dock: int = 24
    dock_shown: int = 3

    # a binding's key
    capsule_h: int = 18
    capsule_pad: int = 7
    capsule_most: int = 118

    # lost & returned
    gutter: int = 56
    lost_left: int = 140
    lost_pitch: int = 172

    def as_json(self) -> dict[str, Any]:
        """As the scene carries it."""
        return asdict(self)


GEOMETRY = Geometry()
"""The one geometry there is."""
