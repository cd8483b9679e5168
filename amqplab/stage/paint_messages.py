"""Paints of messages: envelopes, badges on what carries them, trays, and what is said about them.

Theory
------
A message is an envelope in its own colour with its number in it. Where it is decides how: hatched in a
consumer's hand, a ghost where its queue still owns it, crossed out with the reason where it was lost. Between
two places it is a badge on what carries it.
"""

from __future__ import annotations

from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.ink import circle, path, rect, text
from amqplab.stage.lettering import cut, width
from amqplab.stage.mark import Mark
from amqplab.stage.marks_messages import signal_width
from amqplab.stage.palette import LIGHT as C
from amqplab.stage.sheet import Paint, Sheet
from amqplab.stage.signs import colours, cross, squeezed
from amqplab.trace.rides import OVER

__all__ = ["PAINTS"]


def tray(sheet: Sheet, mark: Mark) -> str:
    """An open box for what a transaction holds."""
    answer = str(mark.more.get("answer", ""))
    x, y, high = mark.spot.x, mark.spot.y, G.dock * int(mark.more["shown"])
    told = text(x, y + 4 - high, answer, fill=C.good, anchor="middle", bold=True) if answer else ""
    high += G.dock if answer else 0
    return path(f"M{x - 14} {y + 13 - high}v{high - 1}h28v{1 - high}", C.x_line, stroke_width=2) + text(
        x, y + 26, mark.state, fill=C.ink2, anchor="middle"
    ) + told  # fmt: skip


def message(sheet: Sheet, mark: Mark) -> str:
    if mark.more.get("covered"):
        return ""
    if mark.more.get("badge"):
        return badge(sheet, mark)
    x, y = mark.spot
    if mark.place in ("lost", "returned"):
        reason = cut(str(mark.more["reason"]), int(mark.more["room"]) - 18, G.small)
        return envelope(mark, x, y) + cross(x + 10, y - 8, 4, 2) + text(x + 18, y + 4, reason, fill=C.ink2)
    return envelope(mark, x, y) + (cross(x, y - 14, 5, 2.5) if mark.state in (*OVER, "gone") else "")


def signal(sheet: Sheet, mark: Mark) -> str:
    bad = mark.more["signal"] in ("nack", "reject", "confirm-nack")
    w = signal_width(mark.label)
    x, y = mark.spot
    return rect(x - w // 2, y - 8, w, 16, C.bad if bad else C.good, C.paper, 8) + text(
        x, y + 4, mark.label, fill=C.paper, anchor="middle", bold=True
    ) + (cross(x, y - 14, 5, 2.5) if mark.state in OVER else "")  # fmt: skip


def badge(sheet: Sheet, mark: Mark) -> str:
    """A message's number on what carries it."""
    (x, y), label = mark.spot, mark.label
    fill, ink, line = colours(int(mark.more["root"]))
    w = max(14, width(label, G.small, bold=True) + 4)
    lost = cross(x, y - 11, 4, 2) if mark.state in OVER and mark.place not in sheet.lost_slabs else ""
    return rect(x - w // 2, y - 7, w, 14, fill, ink if fill != C.line else line, 7) + text(
        x, y + 4, label, fill=ink, anchor="middle", bold=True
    ) + lost  # fmt: skip


def envelope(mark: Mark, x: int, y: int) -> str:
    """A message: in its own colour, with its number; hatched in a hand, a ghost in the queue."""
    fill, ink, line = colours(int(mark.more["root"]))
    ghost = mark.place.endswith(":ghost") or mark.state == "gone"
    raised = int(mark.more.get("raised") or 0)
    y -= raised
    half = G.message_w // 2
    parts = []
    if raised:
        parts.append(rect(x - half, y + 8, G.message_w, raised, line))
    parts.append(rect(x - half, y - 8, G.message_w, G.message_h, C.paper if ghost else fill,
                      C.ink2 if ghost else line, 3, stroke_dasharray="2 2" if ghost else None))  # fmt: skip
    if not ghost:
        parts.append(path(f"M{x - half} {y - 7}l10 7l11 -7", ink, stroke_opacity=0.3))
    if mark.place.startswith("consumer:") and mark.state == "unacked":
        lines = f"M{x - 4} {y - 7}l-6 7M{x - 5} {y + 1}l-5 6M{x + 10} {y - 7}l-5 6M{x + 10} {y}l-6 7"
        parts.append(path(lines, ink, stroke_opacity=0.55, stroke_width=1.5))
    colour = C.ink if ghost else ink
    label = mark.label
    parts.append(
        text(x, y + 4, label, fill=colour, anchor="middle", bold=True, **squeezed(label, 19, bold=True))
    )
    if mark.more.get("redelivered") and not ghost:
        parts.append(
            circle(x + 6, y - 9, 6, C.paper) + text(x + 6, y - 5, "↻", fill=C.ink, anchor="middle", bold=True)
        )
    return "".join(parts)


PAINTS: dict[str, Paint] = {
    "tray": tray,
    "message": message,
    "signal": signal,
    "load": lambda sheet, mark: (signal if "signal" in mark.more else message)(sheet, mark),
}
