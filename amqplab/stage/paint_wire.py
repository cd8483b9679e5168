"""Paints of what crosses: commands, frames, segments.

Theory
------
Each zoom shows one of the three: a command as a pill with its name, a frame as a letter in a shape of its own, a
segment as a slab across its tube with the frames in it. What was lost is crossed out once, on the outermost.
"""

from __future__ import annotations

from amqplab.stage import places
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.ink import rect, text
from amqplab.stage.lettering import width
from amqplab.stage.mark import Mark
from amqplab.stage.palette import LIGHT as C
from amqplab.stage.sheet import Paint, Sheet
from amqplab.stage.signs import colours, cross, squeezed
from amqplab.trace.rides import OVER

__all__ = ["PAINTS"]


def segment(sheet: Sheet, mark: Mark) -> str:
    """A slab across its tube; the frames of which it carries bytes are marks of their own."""
    box = places.tube_span(mark.more["pipe"], sheet.wide, bool(mark.more["up"]))
    long = int(mark.more["long"])
    x, y = mark.spot
    bad = mark.state in OVER
    if sheet.wide:
        drawn = rect(x - long // 2, box["y"], long, box["h"], C.line, C.bad if bad else C.ink2, 5)
        half = (width(mark.label, G.small) + 1) // 2
        at = max(box["x"] + half, min(box["x"] + box["w"] - half, x))
        base = box["y"] - 4 if mark.more["up"] else box["y"] + box["h"] + 12
        if any(y0 == base and abs(at - x0) < half + h0 + 4 for x0, y0, h0 in sheet.captions):
            half = 0  # two captions that would overlap are one too many
        else:
            sheet.captions.append((at, base, half))
        if half:
            drawn += text(at, base, mark.label, fill=C.bad if bad else C.ink2, anchor="middle")
    else:
        drawn = rect(box["x"], y - long // 2, box["w"], long, C.line, C.bad if bad else C.ink2, 5)
    return drawn + (cross(x, box["y"] + 9, 5, 2.5) if bad and sheet.wide else "")


def frame(sheet: Sheet, mark: Mark) -> str:
    """A letter in a shape of its own; dashed if only a part of it is there."""
    x, y = mark.spot
    fill, ink, line = colours(int(mark.more["root"]))
    w = 22 if mark.more["group"] else G.chip_w
    shape = rect(x - w // 2, y - 6, w, G.chip_h, fill, line, {"M": 3, "H": 6}.get(mark.more["letter"], 0),
                 stroke_dasharray="2 2" if mark.kind == "part" else None)  # fmt: skip
    label = mark.label
    words_ = text(x, y + 4, label, fill=ink, anchor="middle", bold=True, **squeezed(label, w - 2, bold=True))
    alone = not mark.more["root"] and mark.place not in sheet.lost_slabs
    return shape + words_ + (cross(x, y - 9, 3, 2) if mark.state in OVER and alone else "")


def command(sheet: Sheet, mark: Mark) -> str:
    fill, ink, line = colours(int(mark.more["root"]))
    (x, y), w = mark.spot, int(mark.more["w"])
    shift = -11 if mark.more["badge"] and sheet.wide else 0
    pill = (
        rect(x - w // 2, y - 8, w, 16, fill, line, 8)
        if sheet.wide
        else rect(x - 7, y - 8, 14, 16, fill, line, 7)
    )
    if not sheet.wide:
        return pill
    return pill + text(x + shift, y + 4, str(mark.more["words"]), fill=ink, anchor="middle")


PAINTS: dict[str, Paint] = {
    "segment": segment,
    "frame": frame,
    "part": frame,
    "command": command,
}
