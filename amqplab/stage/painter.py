"""The painter: every mark of one picture as ink.

Theory
------
Each kind of mark has one method, and nothing is painted that is no mark. What is where, and how it is, was
decided before (:mod:`amqplab.stage.marks`); here is only how it looks: the same shapes as in the browser, in
the light scheme. Lines lie lowest, what is written on them above all lines, things above that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from amqplab.stage import places
from amqplab.stage.contract_layout import PipePlace, WordsPlace
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.ink import circle, element, group, path, rect, text, tip
from amqplab.stage.lettering import abridged, cut, width
from amqplab.stage.mark import Mark, Moment
from amqplab.stage.marks import marks
from amqplab.stage.marks_messages import signal_width
from amqplab.stage.palette import LIGHT, hue_of
from amqplab.stage.places import Spot

__all__ = ["Painter"]

C = LIGHT


class Painter:
    """One step of the strip: every mark painted, in the order of the marks."""

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.place = moment.layout
        self.wide = moment.wide
        self.marks = marks(moment)
        self.lost_slabs = {one.place for one in self.marks if one.kind == "segment" and one.state == "lost"}
        self.captions: list[tuple[int, int, int]] = []
        self.has_lost = any(mark.place in ("lost", "returned") for mark in self.marks)
        gutter = self.place["gutter"]["h"]
        self.height = self.place["height"] - (0 if self.has_lost or not gutter else G.gutter)

    def draw(self) -> str:
        """The picture without its frame."""
        layers: tuple[list[Mark], ...] = ([], [], [])
        for mark in self.marks:
            layers[0 if mark.kind == "server" else 1 if mark.kind in LINES else 2].append(mark)
        ground, lines, things = ("".join(map(self.thing, layer)) for layer in layers)
        return "".join((ground, self.gutter(), lines, *self.keys(), things))

    def thing(self, mark: Mark) -> str:
        """One mark with what every form of the picture says of it."""
        inside = PAINTS[mark.kind](self, mark)
        attributes = {"data_kind": mark.kind, "data_id": mark.id, "data_place": mark.place or None,
                      "data_state": mark.state or None}  # fmt: skip
        return element("g", {**attributes}, inside) if inside else ""

    # --- the ground ----------------------------------------------------------------------------------

    def server(self, mark: Mark) -> str:
        place = self.place["servers"][mark.id]
        down = mark.state in ("crashed", "powered off", "frozen")
        return (
            rect(place["x"] + 1, place["y"] + 1, place["w"] - 2, place["h"] - 2, C.sunk, C.line_strong, 14,
                 stroke_dasharray="6 5" if down else None)
            + words(place["title"], place["label"] + (f" · {mark.state}" if down else ""), G.title, C.ink, bold=True)
            + words(place["note"], cut(str(mark.more["words"]), place["note"]["room"], G.small), G.small, C.ink2)
        )  # fmt: skip

    def alarm(self, mark: Mark) -> str:
        label = f"⚠ {mark.label}"
        w = width(label, G.body, bold=True) + 16
        x, y = mark.spot
        return rect(x - w // 2, y - 10, w, 20, C.bad, rx=10) + text(
            x, y + 4, label, size=G.body, fill=C.paper, anchor="middle", bold=True
        )

    def gutter(self) -> str:
        g = self.place["gutter"]
        if not self.has_lost or not g["h"]:
            return ""
        return rect(
            1, g["y"] + 1, g["w"] - 2, g["h"] - 2, "none", C.line_strong, 10, stroke_dasharray="3 4"
        ) + text(16, g["y"] + g["h"] // 2 + 4, "lost & returned", fill=C.ink2)

    # --- edges ---------------------------------------------------------------------------------------

    def binding(self, mark: Mark) -> str:
        curve, lit = mark.more["place"]["curve"], mark.state == "matched"
        colour = C.accent if lit else C.line_strong
        return path(curved(curve), colour, stroke_width=2.75 if lit else 1.5) + tip(curve, colour)

    def policy(self, mark: Mark) -> str:
        curve = mark.more["place"]["curve"]
        colour = C.bad if mark.state == "dead-letter" else C.x_line
        return path(curved(curve), colour, stroke_width=1.5, stroke_dasharray="6 4") + tip(curve, colour)

    def keys(self) -> Iterator[str]:
        """What is written on the lines, above all of them."""
        for mark in self.marks:
            place = mark.more.get("place")
            if place is None or place["at"] is None:
                continue
            x, y = place["at"]
            if mark.kind == "policy":
                colour = C.bad if mark.state == "dead-letter" else C.x_line
                box = rect(x - place["w"] // 2, y - 8, place["w"], 16, C.sunk, rx=8)
                yield box + text(x, y + 4, place["words"], fill=colour, anchor="middle")
            elif mark.kind == "binding":
                yield self.key(mark, place["words"])

    def fold(self, mark: Mark) -> str:
        return self.key(mark, mark.label)

    def key(self, mark: Mark, label: str) -> str:
        """A capsule with a binding's key, or the number of several."""
        (x, y), w, lit = mark.more["place"]["at"], mark.more["place"]["w"], mark.state == "matched"
        colour = C.accent if lit else C.line_strong
        box = rect(x - w // 2, y - 9, w, G.capsule_h, C.paper, colour, 9, stroke_width=2 if lit else None)
        return box + text(x, y + 4, label, fill=C.ink, anchor="middle", mono=True)

    def subscription(self, mark: Mark) -> str:
        waits = mark.state == "waiting"
        return path(curved(mark.more["curve"]), C.line_strong, stroke_width=1.25 if waits else 1.75,
                    stroke_dasharray="1 6" if waits else "2 4", stroke_linecap="round")  # fmt: skip

    # --- connections ---------------------------------------------------------------------------------

    def connection(self, mark: Mark) -> str:
        pipe: PipePlace = mark.more["pipe"]
        state = mark.state
        pale = state in ("SYN-SENT", "SYN-RECEIVED", "connecting", "closed", "cut", "half-open")
        parts = [path(curved(pipe["lead"]), C.line_strong, stroke_width=1.25, stroke_dasharray="1 3")]
        for up in (True, False):
            box = places.tube_span(pipe, self.wide, up)
            parts.append(rect(box["x"], box["y"], box["w"], box["h"], C.sunk, C.line_strong, 6,
                              stroke_dasharray="4 4" if pale else None))  # fmt: skip
            if 0 in pipe["lanes"]:
                parts.append(self.lane(pipe, up, 0))
        at = pipe["words"]
        said = f"{mark.label} · {state}" if self.wide else state
        bad = state in ("cut", "half-open", "blocked", "closing")
        parts.append(words(at, cut(said, at["room"], G.small), G.small, C.bad if bad else C.ink2))
        middle = Spot((pipe["x0"] + pipe["x1"]) // 2, (pipe["y0"] + pipe["y1"]) // 2)
        if state == "cut":
            parts.append(circle(*middle, 12, C.paper) + cross(*middle, 9))
        if mark.more["blocked"]:
            parts.append(self.valve(pipe))
        return "".join(parts)

    def valve(self, pipe: PipePlace) -> str:
        """The broker reads no more from this connection."""
        box = places.tube_span(pipe, self.wide, True)
        x = pipe["x1"] if self.wide else box["x"] + box["w"] // 2
        y = box["y"] + box["h"] // 2 if self.wide else pipe["y1"]
        bar = f"M{x} {y - 9}v18" if self.wide else f"M{x - 9} {y}h18"
        return circle(x, y, 9, C.paper, C.bad, stroke_width=2) + path(bar, C.bad, stroke_width=3)

    def lane(self, pipe: PipePlace, up: bool, channel: int) -> str:
        box = places.tube_span(pipe, self.wide, up)
        middle = places.lane_spot(pipe, self.wide, up, channel, 0.5)
        if self.wide:
            return rect(box["x"] + 1, middle.y - 7, box["w"] - 2, G.lane - 2, C.paper, rx=5)
        return rect(middle.x - 7, box["y"] + 1, G.lane - 2, box["h"] - 2, C.paper, rx=5)

    def channel(self, mark: Mark) -> str:
        """Its lane in both tubes, with its name in the middle: at the ends are those who wait."""
        pipe: PipePlace = mark.more["pipe"]
        number, parts = int(mark.more["number"]), []
        if not mark.more["shown"]:
            return ""
        for up in (True, False):
            parts.append(self.lane(pipe, up, number))
            if self.wide:
                spot = places.lane_spot(pipe, True, up, number, 0.5)
                closing = mark.state.startswith("closing")
                label = (
                    mark.label
                    + (" tx" if up and "transactional" in mark.state else "")
                    + " closing" * closing
                )
                parts.append(
                    text(spot.x, spot.y + 4, label, fill=C.bad if closing else C.ink3, anchor="middle")
                )
        return "".join(parts)

    # --- nodes ---------------------------------------------------------------------------------------

    def exchange(self, mark: Mark) -> str:
        node = mark.more["node"]
        x, y, side = node["x"], node["y"], node["w"] * 5 // 7
        ghost = node["ghost"]
        shape = rect(-side // 2, -side // 2, side, side, C.sunk if ghost else C.x,
                     C.line_strong if ghost else C.x_line, 7, stroke_width=1.75,
                     stroke_dasharray="4 4" if ghost else None, transform="rotate(45)")  # fmt: skip
        quiet = C.ink3 if ghost else C.ink
        return (
            group([shape], transform=f"translate({x} {y})")
            + text(
                x, y, "X", size=G.letter, fill=quiet, anchor="middle", bold=True, dominant_baseline="central"
            )
            + words(node["words"], node["label"], G.name, quiet, bold=True)
            + words(
                node["more"], cut(str(mark.more["words"]), node["more"]["room"], G.small), G.small, C.ink2
            )
        )

    def queue(self, mark: Mark) -> str:
        node = mark.more["node"]
        x, y, w, h = node["x"], node["y"], node["w"], node["h"]
        at = node["words"]
        badges = cut(" ".join(mark.more["badges"]), at["room"] // 2, G.small)
        name = abridged(
            mark.label, at["room"] - (width(badges, G.small) + 10 if badges else 0), G.name, bold=True
        )
        parts = [
            words(at, name, G.name, C.ink, bold=True),
            text(at["x"] + at["room"], at["y"], badges, fill=C.ink2, anchor="end"),
            rect(x - w // 2, y - h // 2, w, h, C.q, C.q_line, 9, stroke_width=1.75),
        ]
        high = min(G.cell_h, h - 8)
        for number in range(node["cells"]):
            spot = places.cell_spot(node, number)
            parts.append(
                rect(spot.x - 11, spot.y - high // 2, G.cell_w, high, "none", C.q_line, 3, stroke_opacity=0.3)
            )
        parts.append(
            words(node["more"], counted(mark.more["numbers"], node["more"]["room"]), G.small, C.ink2)
        )
        return "".join(parts)

    def more(self, mark: Mark) -> str:
        """ "+n": between head and tail of a line as a stack, dashed if they are not acknowledged; else plain."""
        x, y = mark.spot
        if mark.state not in ("ready", "unacked"):
            w = width(mark.label, G.small, bold=True)
            return rect(x - w // 2, y - 8, w, 16, C.paper, rx=3, fill_opacity=0.8) + text(
                x, y + 4, mark.label, fill=C.ink, anchor="middle", bold=True
            )
        ghost = mark.state == "unacked"
        stack = path(f"M{x - 8} {y - 10}h16M{x - 8} {y + 10}h16", C.q_line, stroke_width=2,
                     stroke_dasharray="2 2" if ghost else None)  # fmt: skip
        fitted = squeezed(mark.label, 22, bold=not ghost)
        return stack + text(x, y + 4, mark.label, fill=C.ink, anchor="middle", bold=not ghost, **fitted)

    def cursor(self, mark: Mark) -> str:
        """A reader of a stream: a triangle under its message, and its name below."""
        node, row = mark.more["node"], int(mark.more["row"])
        if row > 1:
            return ""
        fill = C.c_line if row == 0 else C.paper
        below = node["more"]["y"] + 14
        left = node["x"] - node["w"] // 2 + row * node["w"] // 2
        named = path(f"M{left} {below}l5 -8 5 8z", C.c_line, fill) + text(
            left + 14, below, cut(mark.label, node["w"] // 2 - 18, G.small), fill=C.ink2
        )
        if not mark.more["shown"]:
            return named
        return path(f"M{mark.spot.x - 5} {mark.spot.y + 20}l5 -8 5 8z", C.c_line, fill) + named

    # --- applications --------------------------------------------------------------------------------

    def client(self, mark: Mark) -> str:
        app = mark.more["app"]
        x, y, r = app["x"], app["y"], app["r"]
        dead, away = mark.state in ("crashed", "powered off", "failed"), mark.more["away"]
        consumer = app["roles"] == "C"
        fill, line = (C.c, C.c_line) if consumer else (C.p, C.p_line)
        dash = "3 4" if dead or away else "1 4" if mark.state == "frozen" else None
        shape = circle(x, y, r, C.paper if dead or away else fill, C.bad if dead else line,
                       stroke_width=2.5 if dash == "1 4" else 1.75, stroke_dasharray=dash)  # fmt: skip
        letters = {"PC": "P C", "": "A"}.get(app["roles"], app["roles"])
        size = G.letter if r > 20 else G.title
        size = size if len(letters) < 2 or r > 20 else G.small
        letter = text(x, y, letters, size=size, fill=C.ink3 if away else C.ink, anchor="middle", bold=True,
                      dominant_baseline="central")  # fmt: skip
        said = text(x, y - r - 5, self.word_of(mark), fill=C.bad if dead else C.ink2, anchor="middle")
        named = words(app["words"], app["label"], G.name, C.ink, bold=True)
        left_out = text(x, y + r + 12, f"+{app['left_out']} more", anchor="middle") if app["left_out"] else ""
        return (
            shape + letter + (cross(x, y, r - 8) if mark.state == "crashed" else "") + said + named + left_out
        )

    def word_of(self, mark: Mark) -> str:
        """What stands above an application, if it is news."""
        if mark.state in ("crashed", "powered off", "frozen", "failed", "finished"):
            return mark.state
        states = {
            one.state for one in self.marks if one.kind == "consumer" and one.place == mark.id and one.state
        }
        return states.pop() if len(states) == 1 else ""

    def consumer(self, mark: Mark) -> str:
        """A slot for every message that it may hold; dashed ones without a limit."""
        row, hand = mark.more["row"], mark.more["hand"]
        parts = []
        for number in range(hand.slots):
            spot = places.slot_spot(row, number, hand)
            parts.append(rect(spot.x - 10, spot.y - 8, G.message_w, G.message_h, C.paper, C.c_line, 3,
                              stroke_dasharray=None if mark.more["limit"] else "1 3"))  # fmt: skip
        if hand.more and mark.more["held"] <= hand.slots:
            spot = places.slot_spot(row, hand.slots, hand)
            parts.append(text(spot.x - 9, spot.y + 4, f"+{hand.more}", fill=C.ink2))
        if mark.more["had"]:
            anchor = "end" if row["anchor"] == "end" else "start"
            spot = places.had_spot(row, hand)
            parts.append(text(*spot, f"✓ {mark.more['had']}", fill=C.good, anchor=anchor))
        if mark.state:
            spot = places.slot_spot(row, 0, hand)
            parts.append(
                circle(spot.x - 19, spot.y, 4, C.c_line if mark.state == "active" else C.paper, C.c_line)
            )
        return "".join(parts)

    def confirms(self, mark: Mark) -> str:
        row, shown, rest = mark.more["row"], mark.more["shown"], mark.more["more"]
        of = len(shown) + bool(rest)
        parts = [text(row["x"], row["y"] + 3, row["label"], fill=C.ink2, anchor=row["anchor"])]
        for number, value in enumerate([*map(str, shown), *([f"+{rest}"] if rest else [])]):
            spot = places.strip_spot(row, number, of)
            box = rect(spot.x - 9, spot.y - 8, 18, 16, C.paper, C.p_line, 3, stroke_dasharray="3 2")
            parts.append((box if number < len(shown) else "") + text(
                spot.x, spot.y + 4, value, fill=C.ink, anchor="middle", **squeezed(value, 16)
            ))  # fmt: skip
        return "".join(parts)

    # --- messages ------------------------------------------------------------------------------------

    def tray(self, mark: Mark) -> str:
        """An open box for what a transaction holds."""
        x, y, high = mark.spot.x, mark.spot.y, G.dock * int(mark.more["shown"])
        return path(f"M{x - 14} {y + 13 - high}v{high - 1}h28v{1 - high}", C.x_line, stroke_width=2) + text(
            x, y + 26, mark.state, fill=C.ink2, anchor="middle"
        )

    def message(self, mark: Mark) -> str:
        if mark.more.get("covered"):
            return ""
        if mark.more.get("badge"):
            return self.badge(mark)
        x, y = mark.spot
        if mark.place in ("lost", "returned"):
            reason = cut(str(mark.more["reason"]), G.lost_reason, G.small)
            return (
                envelope(mark, x, y) + cross(x + 10, y - 8, 4, 2) + text(x + 18, y + 4, reason, fill=C.ink2)
            )
        return envelope(mark, x, y) + (cross(x, y - 14, 5, 2.5) if mark.state == "lost" else "")

    def signal(self, mark: Mark) -> str:
        bad = mark.more["signal"] in ("nack", "reject", "confirm-nack")
        w = signal_width(mark.label)
        x, y = mark.spot
        return rect(x - w // 2, y - 8, w, 16, C.bad if bad else C.good, C.paper, 8) + text(
            x, y + 4, mark.label, fill=C.paper, anchor="middle", bold=True
        ) + (cross(x, y - 14, 5, 2.5) if mark.state == "lost" else "")  # fmt: skip

    # --- the wire ------------------------------------------------------------------------------------

    def segment(self, mark: Mark) -> str:
        """A slab across its tube; the frames of which it carries bytes are marks of their own."""
        box, long = (
            places.tube_span(mark.more["pipe"], self.wide, bool(mark.more["up"])),
            int(mark.more["long"]),
        )
        x, y = mark.spot
        bad = mark.state in ("lost", "discarded")
        if self.wide:
            drawn = rect(x - long // 2, box["y"], long, box["h"], C.line, C.bad if bad else C.ink2, 5)
            half = (width(mark.label, G.small) + 1) // 2
            at = max(box["x"] + half, min(box["x"] + box["w"] - half, x))
            base = box["y"] - 4 if mark.more["up"] else box["y"] + box["h"] + 12
            if any(y0 == base and abs(at - x0) < half + h0 + 4 for x0, y0, h0 in self.captions):
                half = 0  # two captions that would overlap are one too many
            else:
                self.captions.append((at, base, half))
            if half:
                drawn += text(at, base, mark.label, fill=C.bad if bad else C.ink2, anchor="middle")
        else:
            drawn = rect(box["x"], y - long // 2, box["w"], long, C.line, C.bad if bad else C.ink2, 5)
        return drawn + (cross(x, box["y"] + 9, 5, 2.5) if bad and self.wide else "")

    def frame(self, mark: Mark) -> str:
        """A letter in a shape of its own; dashed if only a part of it is there."""
        x, y = mark.spot
        fill, ink, line = colours(int(mark.more["root"]))
        w = 22 if mark.more["group"] else G.chip_w
        shape = rect(x - w // 2, y - 6, w, G.chip_h, fill, line, {"M": 3, "H": 6}.get(mark.more["letter"], 0),
                     stroke_dasharray="2 2" if mark.kind == "part" else None)  # fmt: skip
        label = mark.label
        words_ = text(
            x, y + 4, label, fill=ink, anchor="middle", bold=True, **squeezed(label, w - 2, bold=True)
        )
        alone = not mark.more["root"] and mark.place not in self.lost_slabs
        return shape + words_ + (cross(x, y - 9, 3, 2) if mark.state == "lost" and alone else "")

    def command(self, mark: Mark) -> str:
        fill, ink, line = colours(int(mark.more["root"]))
        (x, y), w = mark.spot, int(mark.more["w"])
        shift = -11 if mark.more["badge"] and self.wide else 0
        pill = (
            rect(x - w // 2, y - 8, w, 16, fill, line, 8)
            if self.wide
            else rect(x - 7, y - 8, 14, 16, fill, line, 7)
        )
        if not self.wide:
            return pill
        return pill + text(x + shift, y + 4, str(mark.more["words"]), fill=ink, anchor="middle")

    def badge(self, mark: Mark) -> str:
        """A message's number on what carries it."""
        (x, y), label = mark.spot, mark.label
        fill, ink, line = colours(int(mark.more["root"]))
        w = max(14, width(label, G.small, bold=True) + 4)
        lost = cross(x, y - 11, 4, 2) if mark.state == "lost" and mark.place not in self.lost_slabs else ""
        return rect(x - w // 2, y - 7, w, 14, fill, ink if fill != C.line else line, 7) + text(
            x, y + 4, label, fill=ink, anchor="middle", bold=True
        ) + lost  # fmt: skip


LINES = ("binding", "policy", "subscription")
PAINTS: Mapping[str, Callable[[Painter, Mark], str]] = {
    "server": Painter.server,
    "alarm": Painter.alarm,
    "binding": Painter.binding,
    "fold": Painter.fold,
    "policy": Painter.policy,
    "subscription": Painter.subscription,
    "connection": Painter.connection,
    "channel": Painter.channel,
    "exchange": Painter.exchange,
    "queue": Painter.queue,
    "cursor": Painter.cursor,
    "client": Painter.client,
    "consumer": Painter.consumer,
    "hand": Painter.consumer,
    "confirms": Painter.confirms,
    "more": Painter.more,
    "tray": Painter.tray,
    "message": Painter.message,
    "signal": Painter.signal,
    "segment": Painter.segment,
    "frame": Painter.frame,
    "part": Painter.frame,
    "command": Painter.command,
}


# --- small signs -----------------------------------------------------------------------------------------


def envelope(mark: Mark, x: int, y: int) -> str:
    """A message: in its own colour, with its number; hatched in a hand, a ghost in the queue."""
    fill, ink, line = colours(int(mark.more["root"]))
    ghost = mark.place.endswith(":ghost")
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
    if mark.place.startswith("consumer:") and mark.state != "done":
        lines = f"M{x - 4} {y - 7}l-6 7M{x - 5} {y + 1}l-5 6M{x + 10} {y - 7}l-5 6M{x + 10} {y}l-6 7"
        parts.append(path(lines, ink, stroke_opacity=0.55, stroke_width=1.5))
    colour = C.ink if ghost else ink
    label = mark.label
    parts.append(
        text(x, y + 4, label, fill=colour, anchor="middle", bold=True, **squeezed(label, 19, bold=True))
    )
    if mark.more.get("redelivered") and not ghost:
        parts.append(
            circle(x + 10, y - 7, 6, C.paper)
            + text(x + 10, y - 3, "↻", fill=C.ink, anchor="middle", bold=True)
        )
    return "".join(parts)


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
