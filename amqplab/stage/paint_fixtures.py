"""Paints of what stands: servers, edges, connections, exchanges, queues, applications.

Theory
------
What is where was decided by the layout; how it is, by the marks. A thing that is not there for long, or not
well, is drawn in broken lines: a cut connection, a killed application, a server without power.
"""

from __future__ import annotations

from collections.abc import Iterator

from amqplab.stage import places
from amqplab.stage.contract_layout import PipePlace
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.ink import circle, group, path, rect, text, tip
from amqplab.stage.lettering import abridged, cut, width
from amqplab.stage.mark import Mark
from amqplab.stage.palette import LIGHT as C
from amqplab.stage.places import Spot
from amqplab.stage.sheet import Paint, Sheet
from amqplab.stage.signs import counted, cross, curved, squeezed, words

__all__ = ["PAINTS", "keys"]


GONE = ("killed", "powered off")


def server(sheet: Sheet, mark: Mark) -> str:
    place = sheet.place["servers"][mark.id]
    down = mark.state in (*GONE, "frozen", "not running")
    return (
        rect(place["x"] + 1, place["y"] + 1, place["w"] - 2, place["h"] - 2, C.sunk, C.line_strong, 14,
             stroke_dasharray="6 5" if down else None)
        + words(place["title"], place["label"] + (f" · {mark.state}" if down else ""), G.title, C.ink, bold=True)
        + words(place["note"], cut(str(mark.more["words"]), place["note"]["room"], G.small), G.small, C.ink2)
    )  # fmt: skip


def alarm(sheet: Sheet, mark: Mark) -> str:
    label = f"⚠ {mark.label}"
    w = width(label, G.body, bold=True) + 16
    x, y = mark.spot
    return rect(x - w // 2, y - 10, w, 20, C.bad, rx=10) + text(
        x, y + 4, label, size=G.body, fill=C.paper, anchor="middle", bold=True
    )


# --- edges -----------------------------------------------------------------------------------------------
def binding(sheet: Sheet, mark: Mark) -> str:
    curve, lit = mark.more["place"]["curve"], mark.state == "matched"
    colour = C.accent if lit else C.line_strong
    return path(curved(curve), colour, stroke_width=2.75 if lit else 1.5) + tip(curve, colour)


def policy(sheet: Sheet, mark: Mark) -> str:
    curve = mark.more["place"]["curve"]
    taken = mark.state.endswith("taken")
    colour = C.accent if taken else policy_colour(mark)
    wide = 2.75 if taken else 1.5
    return path(curved(curve), colour, stroke_width=wide, stroke_dasharray="6 4") + tip(curve, colour)


def policy_colour(mark: Mark) -> str:
    """Of dead letters, or of what was not routed."""
    return C.bad if mark.state.startswith("dead-letter") else C.x_line


def keys(sheet: Sheet) -> Iterator[str]:
    """What is written on the lines, above all of them."""
    for mark in sheet.marks:
        place = mark.more.get("place")
        if place is None or place["at"] is None:
            continue
        x, y = place["at"]
        if mark.kind == "policy":
            colour = policy_colour(mark)
            box = rect(x - place["w"] // 2, y - 8, place["w"], 16, C.sunk, rx=8)
            yield box + text(x, y + 4, place["words"], fill=colour, anchor="middle")
        elif mark.kind == "binding":
            yield key(mark, place["words"])


def fold(sheet: Sheet, mark: Mark) -> str:
    return key(mark, mark.label)


def key(mark: Mark, label: str) -> str:
    """A capsule with a binding's key, or the number of several."""
    (x, y), w, lit = mark.more["place"]["at"], mark.more["place"]["w"], mark.state == "matched"
    colour = C.accent if lit else C.line_strong
    box = rect(x - w // 2, y - 9, w, G.capsule_h, C.paper, colour, 9, stroke_width=2 if lit else None)
    return box + text(x, y + 4, label, fill=C.ink, anchor="middle", mono=True)


def subscription(sheet: Sheet, mark: Mark) -> str:
    waits = mark.state == "waiting"
    return path(curved(mark.more["curve"]), C.line_strong, stroke_width=1.25 if waits else 1.75,
                stroke_dasharray="1 6" if waits else "2 4", stroke_linecap="round")  # fmt: skip


# --- connections -----------------------------------------------------------------------------------------
def connection(sheet: Sheet, mark: Mark) -> str:
    pipe: PipePlace = mark.more["pipe"]
    state = mark.state
    pale = state in ("SYN-SENT", "SYN-RECEIVED", "connecting", "closed")
    parts = [path(curved(pipe["lead"]), C.line_strong, stroke_width=1.25, stroke_dasharray="1 3")]
    for up in (True, False):
        box = places.tube_span(pipe, sheet.wide, up)
        parts.append(rect(box["x"], box["y"], box["w"], box["h"], C.sunk, C.line_strong, 6,
                          stroke_dasharray="4 4" if pale or is_silent(mark, up) else None))  # fmt: skip
        if 0 in pipe["lanes"]:
            parts.append(lane(sheet, pipe, up, 0))
    at = pipe["words"]
    said = f"{mark.label} · {state}" if sheet.wide else state
    bad = state in ("cut", "half-open", "blocked", "closing")
    parts.append(words(at, cut(said, at["room"], G.small), G.small, C.bad if bad else C.ink2))
    for box in (places.tube_span(pipe, sheet.wide, up) for up in (True, False) if is_silent(mark, up)):
        middle = Spot(box["x"] + box["w"] // 2, box["y"] + box["h"] // 2)
        parts.append(circle(*middle, 9, C.paper) + cross(*middle, 6))
    if mark.more["blocked"]:
        parts.append(valve(sheet, pipe))
    return "".join(parts)


def is_silent(mark: Mark, up: bool) -> bool:
    """Whether nothing passes in a direction."""
    return mark.more["silent"] in ("both ways", "to broker" if up else "from broker")


def valve(sheet: Sheet, pipe: PipePlace) -> str:
    """The broker reads no more from this connection."""
    box = places.tube_span(pipe, sheet.wide, True)
    x = pipe["x1"] if sheet.wide else box["x"] + box["w"] // 2
    y = box["y"] + box["h"] // 2 if sheet.wide else pipe["y1"]
    bar = f"M{x} {y - 9}v18" if sheet.wide else f"M{x - 9} {y}h18"
    return circle(x, y, 9, C.paper, C.bad, stroke_width=2) + path(bar, C.bad, stroke_width=3)


def lane(sheet: Sheet, pipe: PipePlace, up: bool, channel: int) -> str:
    box = places.tube_span(pipe, sheet.wide, up)
    middle = places.lane_spot(pipe, sheet.wide, up, channel, 0.5)
    if sheet.wide:
        return rect(box["x"] + 1, middle.y - 7, box["w"] - 2, G.lane - 2, C.paper, rx=5)
    return rect(middle.x - 7, box["y"] + 1, G.lane - 2, box["h"] - 2, C.paper, rx=5)


def channel(sheet: Sheet, mark: Mark) -> str:
    """Its lane in both tubes, with its name in the middle: at the ends are those who wait."""
    pipe: PipePlace = mark.more["pipe"]
    number, parts = int(mark.more["number"]), []
    if not mark.more["shown"]:
        return ""
    for up in (True, False):
        parts.append(lane(sheet, pipe, up, number))
        if sheet.wide:
            spot = places.lane_spot(pipe, True, up, number, 0.5)
            closing = mark.state.startswith("closing")
            label = (
                mark.label + (" tx" if up and "transactional" in mark.state else "") + " closing" * closing
            )
            parts.append(text(spot.x, spot.y + 4, label, fill=C.bad if closing else C.ink3, anchor="middle"))
    return "".join(parts)


# --- nodes -----------------------------------------------------------------------------------------------
def exchange(sheet: Sheet, mark: Mark) -> str:
    node = mark.more["node"]
    x, y, side = node["x"], node["y"], node["w"] * 5 // 7
    ghost = node["ghost"]
    shape = rect(-side // 2, -side // 2, side, side, C.sunk if ghost else C.x,
                 C.line_strong if ghost else C.x_line, 7, stroke_width=1.75,
                 stroke_dasharray="4 4" if ghost else None, transform="rotate(45)")  # fmt: skip
    quiet = C.ink3 if ghost else C.ink
    return (
        group([shape], transform=f"translate({x} {y})")
        + text(x, y, "X", size=G.letter, fill=quiet, anchor="middle", bold=True, dominant_baseline="central")
        + words(node["words"], node["label"], G.name, quiet, bold=True)
        + words(node["more"], cut(str(mark.more["words"]), node["more"]["room"], G.small), G.small, C.ink2)
    )


def queue(sheet: Sheet, mark: Mark) -> str:
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
    parts.append(words(node["more"], counted(mark.more["numbers"], node["more"]["room"]), G.small, C.ink2))
    return "".join(parts)


def more(sheet: Sheet, mark: Mark) -> str:
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


def cursor(sheet: Sheet, mark: Mark) -> str:
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


# --- applications ----------------------------------------------------------------------------------------
def client(sheet: Sheet, mark: Mark) -> str:
    app = mark.more["app"]
    x, y, r = app["x"], app["y"], app["r"]
    dead = mark.state in (*GONE, "failed")
    away = mark.more["away"] or mark.state == "not running"
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
    said = text(x, over(sheet, mark), word_of(sheet, mark), fill=C.bad if dead else C.ink2, anchor="middle")
    named = words(app["words"], app["label"], G.name, C.ink, bold=True)
    left_out = text(x, y + r + 12, f"+{app['left_out']} more", anchor="middle") if app["left_out"] else ""
    return shape + letter + (cross(x, y, r - 8) if mark.state == "killed" else "") + said + named + left_out


def over(sheet: Sheet, mark: Mark) -> int:
    """Over an application's head, and over what stands there."""
    app = mark.more["app"]
    many = sum(one.place == f"client:{mark.id}" for one in sheet.marks)
    if many:
        return places.tray_spot(app, many - 1).y - G.message_h // 2 - 4
    return int(app["y"] - app["r"] - 5)


def word_of(sheet: Sheet, mark: Mark) -> str:
    """What stands above an application, if it is news."""
    if mark.state in (*GONE, "frozen", "failed", "finished", "not running"):
        return mark.state
    states = {
        one.state for one in sheet.marks if one.kind == "consumer" and one.place == mark.id and one.state
    }
    return states.pop() if len(states) == 1 else ""


def consumer(sheet: Sheet, mark: Mark) -> str:
    """A slot for every message that it may hold; dashed ones without a limit."""
    row, hand = mark.more["row"], mark.more["hand"]
    parts = []
    for number in range(hand.slots):
        spot = places.slot_spot(row, number, hand)
        parts.append(rect(spot.x - 10, spot.y - 8, G.message_w, G.message_h, C.paper, C.c_line, 3,
                          stroke_dasharray=None if mark.more["limit"] or mark.kind == "hand" else "1 3"))  # fmt: skip
    if hand.more and mark.more["held"] <= hand.slots:
        spot = places.slot_spot(row, hand.slots, hand)
        parts.append(text(spot.x - 9, spot.y + 4, f"+{hand.more}", fill=C.ink2))
    if mark.more["had"]:
        anchor = "end" if row["anchor"] == "end" else "start"
        spot = places.had_spot(row, hand)
        parts.append(text(*spot, f"{mark.more['had']} done", fill=C.good, anchor=anchor))
    if mark.state:
        spot = places.slot_spot(row, 0, hand)
        parts.append(
            circle(spot.x - 19, spot.y, 4, C.c_line if mark.state == "active" else C.paper, C.c_line)
        )
    return "".join(parts)


def confirms(sheet: Sheet, mark: Mark) -> str:
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


PAINTS: dict[str, Paint] = {
    "server": server,
    "alarm": alarm,
    "binding": binding,
    "fold": fold,
    "policy": policy,
    "subscription": subscription,
    "connection": connection,
    "channel": channel,
    "exchange": exchange,
    "queue": queue,
    "cursor": cursor,
    "client": client,
    "consumer": consumer,
    "hand": consumer,
    "confirms": confirms,
    "more": more,
}
