"""The static picture: key steps of a run, one below the other, as the stage would show them.

Theory
------
Where there is no widget (GitHub, nbviewer, a printed page) a run is told as a strip: the moment a message was
routed, the moment the consumer held it, the moment it was forgotten, and whatever went wrong. The layout is
the widget's own; the drawing is done again here, because a picture must not need a browser to be made.

Same recording, same octets: only integers, no hash order, no time of day. Colours are written once per scheme
and chosen by the reader's own light or dark setting; the picture brings its own ground, so that it can be
read on any page. Nothing in it needs CSS variables, which renderers for print do not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape as quoted
from typing import Any

from amqplab.stage.flights import Flight, Flights
from amqplab.stage.layout import CELL, HAND, LANE, TUBE_GAP, layout
from amqplab.stage.style import style
from amqplab.trace import events as e
from amqplab.trace.fold import Fold
from amqplab.trace.keys import channel_key, connection_key, unescape
from amqplab.trace.narrate import narrate
from amqplab.trace.participants import Participants, participants_of
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.traffic import Traffic
from amqplab.trace.zoom import level_of

__all__ = ["key_steps", "to_svg"]

SLOT, HEAD, MARGIN = 22, 42, 18
MOST_STEPS, MOST_SLOTS = 4, 5
LOST_PITCH, LOST_LEFT = 172, 140
MOST_ON_THE_WIRE, LANE_NAME = 4, 34
TROUBLE = (
    e.Unroutable,
    e.Discarded,
    e.DeadLettered,
    e.ChannelClosing,
    e.ConnectionClosing,
    e.HeartbeatMissed,
    e.Intervened,
)
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
State = Mapping[str, Mapping[str, Any]]


def to_svg(recorder: Recorder, *, title: str = "", steps: Sequence[int] | None = None) -> str:
    """The strip as SVG text. `steps` are the seqs to show; by default the key steps."""
    records = list(recorder)
    participants = participants_of(records)
    flights = Flights(records, participants, Traffic(records))
    fold = Fold(recorder)
    place = layout(participants, "wide")
    panels = []
    for seq in key_steps(records, flights) if steps is None else steps:
        state = fold.at(seq + 1)
        panels.append((seq, Panel(participants, place, state, records, seq, flights)))
    return strip(title, place, panels, records)


def key_steps(records: Sequence[Record], flights: Flights) -> list[int]:
    """Up to four seqs that tell the run: routed, held, acknowledged; and the first trouble."""
    if not records:
        return [-1]
    told: dict[int, list[int]] = {}
    for leg in flights.legs:
        if leg.kind == "route":
            told.setdefault(leg.message, []).append(leg.start)
        elif leg.kind in ("deliver", "ack") and leg.end is not None:
            told.setdefault(leg.message, []).append(leg.end)
    steps = max(told.values(), key=len, default=[])[: MOST_STEPS - 1]
    trouble = [record.seq for record in records if isinstance(record.event, TROUBLE)][:1]
    return sorted(dict.fromkeys([*steps, *trouble])) or [latest_milestone(records)]


def latest_milestone(records: Sequence[Record]) -> int:
    """The seq of the last record that is a step at the coarsest zoom; the last of all if none is."""
    milestones = (one.seq for one in reversed(records) if level_of(type(one.event)) == "milestone")
    return next(milestones, len(records) - 1)


def strip(
    title: str, place: Mapping[str, Any], panels: Sequence[tuple[int, Panel]], records: Sequence[Record]
) -> str:
    """Panels one below the other, each under its sentence."""
    width, height = place["width"] + 2 * MARGIN, MARGIN
    inside = []
    for number, (seq, panel) in enumerate(panels, 1):
        said = narrate(records[seq]) if seq >= 0 else "Nothing has happened yet."
        lines = wrapped(said, place["width"] - 60, 8.3)
        inside.append(f'<g transform="translate({MARGIN} {height})">')
        inside.append(f'<circle class="step" cx="14" cy="14" r="12"/>{text(14, 14, str(number), "stepno")}')
        inside += [text(36, 19 + 20 * row, line, "said") for row, line in enumerate(lines)]
        top = HEAD + 20 * (len(lines) - 1)
        inside.append(f'<g transform="translate(0 {top})">{panel.draw()}</g></g>')
        height += top + panel.height + 18
    label = quoted(title or "AMQP run, step by step")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'style="width:100%;max-width:{width}px;height:auto" role="img" aria-label="{label}" '
        f'font-family="{FONTS}"><title>{label}</title><style>{style()}</style>'
        f'<rect class="paper" width="{width}" height="{height}" rx="14"/>{"".join(inside)}</svg>'
    )


class Panel:
    """One step of the strip: the stage as it stood after record `seq`."""

    def __init__(
        self, participants: Participants, place: Mapping[str, Any], state: State, records: Sequence[Record],
        seq: int, flights: Flights,
    ) -> None:  # fmt: skip
        self.participants, self.place, self.state, self.seq = participants, place, state, seq
        self.commands = flights.traffic.commands
        self.legs = [leg for leg in flights.legs if leg.start <= seq and (leg.end is None or leg.end > seq)]
        self.used = {key for leg in self.legs if leg.kind == "route" for key in leg.edges}
        self.lost = sorted(
            (int(key.split("/")[1]), entity) for key, entity in state.items() if key.startswith("lost/")
        ) if any(key.startswith("lost/") for key in state) else []  # fmt: skip
        self.height = place["height"] if self.lost else place["height"] - place["gutter"]["h"] - 6

    def draw(self) -> str:
        place = self.place
        broker = place["broker"]
        parts = [
            rect(broker["x"] + 1, 1, broker["w"] - 2, broker["h"] - 2, "ground", 14),
            text(broker["x"] + 16, 24, self.participants.broker, "title"),
            text(broker["x"] + broker["w"] - 16, 24, "virtual host /", "quiet end"),
            *(self.edge(key, edge) for key, edge in place["edges"].items() if key not in self.used),
            *(self.edge(key, edge) for key, edge in place["edges"].items() if key in self.used),
            *(self.subscription(key, way) for key, way in place["subscriptions"].items()),
            *(self.pipe(name, pipe) for name, pipe in place["pipes"].items()),
            *(self.edge_label(key, edge) for key, edge in place["edges"].items()),
            *(self.node(key, node) for key, node in place["nodes"].items()),
            *(self.app(app) for app in place["apps"].values()),
            *dict.fromkeys(self.inside(leg) for leg in self.legs),
            *(self.on_the_wire(name) for name in place["pipes"]),
            self.gutter(),
        ]
        return "".join(parts)

    # --- broker ------------------------------------------------------------------------------------------

    def edge(self, key: str, edge: Mapping[str, Any]) -> str:
        used = key in self.used
        if not used and (edge.get("ghost") or key not in self.state):
            return ""
        c = edge["curve"]
        path = f"M{c[0]} {c[1]}C{' '.join(map(str, c[2:]))}"
        x, y = c[6], c[7]
        dx, dy = x - c[4], y - c[5]
        if abs(dx) >= abs(dy):
            tip = f"M{x} {y}l{-9 if dx > 0 else 9} -5v10z"
        else:
            tip = f"M{x} {y}l-5 {-9 if dy > 0 else 9}h10z"
        kind = "edge used" if used else "edge"
        return f'<path class="{kind}" d="{path}"/><path class="{kind} tip" d="{tip}"/>'

    def subscription(self, key: str, way: Mapping[str, Any]) -> str:
        if key not in self.state or way["queue"] not in self.state:
            return ""
        c = way["curve"]
        return f'<path class="edge sub" d="M{c[0]} {c[1]}C{" ".join(map(str, c[2:]))}"/>'

    def edge_label(self, key: str, edge: Mapping[str, Any]) -> str:
        if edge.get("ghost") or key not in self.state:
            return ""
        label = shortened(edge["label"] or "—", 18)
        width = round(len(label) * 6.6 + 14)
        x, y = edge["at"]
        kind = "key used" if key in self.used else "key"
        return rect(x - width // 2, y - 9, width, 18, kind, 9) + text(x, y, label, "mono")

    def node(self, key: str, node: Mapping[str, Any]) -> str:
        if node["kind"] == "queue":
            return self.queue(key, node) if key in self.state else ""
        name = unescape(key.rpartition("/")[2])
        if name and key not in self.state:
            return ""
        kind = "exchange" if name else "exchange default"
        shape = f'<rect class="{kind}" x="-20" y="-20" width="40" height="40" rx="7" transform="rotate(45)"/>'
        words = (
            (shortened(name, 15), self.state[key].get("type", ""))
            if name
            else ("(default)", "key = queue name")
        )
        quiet = "" if name else " faint"
        return (
            f'<g transform="translate({node["x"]} {node["y"]})">{shape}{text(0, 0, "X", "letter" + quiet)}'
            f"{text(0, 43, words[0], 'name' + quiet)}{text(0, 57, words[1], 'quiet mid' + quiet)}</g>"
        )

    def queue(self, key: str, node: Mapping[str, Any]) -> str:
        queue = self.state[key]
        ready, unacked = list(queue["ready"]), list(queue["unacked"])
        r, u = queue.get("ready_count", len(ready)), queue.get("unacked_count", len(unacked))
        left, top = node["x"] - node["w"] // 2, node["y"] - node["h"] // 2
        room = max(1, (node["w"] - 12) // CELL)
        places = [node["x"] + room * CELL // 2 - CELL // 2 - i * CELL for i in range(room)]
        parts = [
            text(node["x"], top - 9, abridged(unescape(key.rpartition("/")[2]), 22), "name"),
            rect(left, top, node["w"], node["h"], "queue", 9),
            *(rect(x - 11, node["y"] - 14, 22, 28, "cell", 3) for x in places),
        ]
        line = [*((message, "ghosted") for message in unacked), *((message, "ready") for message in ready)]
        shown = room - 1 if r + u > room else room
        for x, (message, kind) in zip(places, line[:shown], strict=False):
            parts.append(envelope(message, x, node["y"], kind))
        if r + u > room:
            parts.append(text(places[-1], node["y"] + 4, f"+{r + u - shown}", "more"))
        words = f"Ready {r}  ·  Unacked {u}  ·  Total {r + u}"
        parts.append(text(node["x"], node["y"] + node["h"] // 2 + 17, words, "counts"))
        return "".join(parts)

    # --- connections and applications --------------------------------------------------------------------

    def pipe(self, name: str, pipe: Mapping[str, Any]) -> str:
        connection = self.state.get(connection_key(name))
        if connection is None:
            return ""
        lanes = len(pipe["lanes"]) * LANE
        x, length, axis = min(pipe["x0"], pipe["x1"]), abs(pipe["x1"] - pipe["x0"]), pipe["y0"]
        parts = []
        for up in (True, False):
            top = axis - TUBE_GAP // 2 - lanes if up else axis + TUBE_GAP // 2
            parts.append(rect(x, top, length, lanes, "tube", 6))
            for i, channel in enumerate(pipe["lanes"]):
                if channel == 0 or channel_key(name, channel) in self.state:
                    parts.append(rect(x + 1, top + i * LANE + 1, length - 2, LANE - 2, "lane", 5))
                if channel:
                    end = (pipe["side"] == "left") == up
                    at = x + length - 6 if end else x + 6
                    parts.append(text(at, top + i * LANE + 12, f"ch {channel}", "lanename" + " end" * end))
        port = name.rpartition(":")[2]
        words = connection.get("state") or "TCP"
        parts.append(
            text(x + length // 2, axis - TUBE_GAP // 2 - lanes - 10, f":{port} · {words}", "quiet mid")
        )
        return "".join(parts)

    def app(self, app: Mapping[str, Any]) -> str:
        known = self.participants.apps[app["name"]]
        roles = "P" * known.publishes + "C" * known.consumes
        kind = "consumer" if roles == "C" else "producer"
        x, y = app["x"], app["y"]
        parts = [
            f'<circle class="{kind}" cx="{x}" cy="{y}" r="25"/>',
            text(x, y, {"PC": "P C", "": "A"}.get(roles, roles), "letter"),
            text(x, y + 40, shortened(app["name"], 14), "name"),
        ]
        for row, consumer in enumerate(self.consumers(app["name"])):
            parts.append(self.hand(consumer, x, y + 56 + row * HAND))
        there = any(connection_key(name) in self.state for name in known.connections)
        return f'<g class="{"app" if there else "absent"}">{"".join(parts)}</g>'

    def hand(self, consumer: Mapping[str, Any], x: int, y: int) -> str:
        """A slot for every message that the consumer may hold; if they are too many, for the first few."""
        held = list(consumer["holding"])
        wanted = consumer["prefetch"] or max(1, consumer["holding_count"])
        slots = wanted if wanted <= MOST_SLOTS else MOST_SLOTS - 1
        left = x - (slots - 1) * SLOT // 2 - (0 if slots == wanted else SLOT // 2)
        coming = {leg.message for leg in self.legs if leg.kind == "deliver"}
        parts = []
        for i in range(slots):
            at = left + i * SLOT
            parts.append(rect(at - 10, y - 8, 21, 16, "slot", 3))
            if i < len(held) and held[i] not in coming:
                parts.append(envelope(held[i], at, y, "held"))
        if slots < wanted:
            parts.append(text(left + slots * SLOT - 7, y + 4, f"+{wanted - slots}", "quiet"))
        return "".join(parts)

    def consumers(self, app: str) -> list[Mapping[str, Any]]:
        mine = self.participants.apps[app].connections
        keys = [key for name in mine for key in self.participants.pipes[name].consumers if key in self.state]
        return [self.state[key] for key in sorted(keys)]

    # --- what moves --------------------------------------------------------------------------------------

    def inside(self, leg: Flight) -> str:
        """A message that the broker is handling stands at its exchange."""
        if leg.kind not in ("route", "drop") or leg.source not in self.place["nodes"]:
            return ""
        node = self.place["nodes"][leg.source]
        return envelope(leg.message, node["x"], node["y"] - 2, "ready")

    def on_the_wire(self, name: str) -> str:
        """The messages between one client and the broker, spread along their pipe in their order."""
        pipe = self.place["pipes"][name]
        parts = []
        for up in (True, False):
            legs = [leg for leg in self.legs if wire_of(leg) == (name, up)]
            start, end = (pipe["x0"], pipe["x1"]) if up else (pipe["x1"], pipe["x0"])
            way = end - start - (LANE_NAME if end > start else -LANE_NAME)
            shown = legs[:MOST_ON_THE_WIRE]
            places = len(shown) + 1 + (len(legs) > len(shown))
            for row, leg in enumerate(shown, 1):
                at = start + way * (places - row) // places
                parts.append(envelope(leg.message, at, self.lane(pipe, leg, up), "ready"))
            if len(legs) > len(shown):
                y = self.lane(pipe, legs[-1], up) + 4
                parts.append(text(start + way // places, y, f"+{len(legs) - len(shown)}", "more"))
        return "".join(parts)

    def lane(self, pipe: Mapping[str, Any], leg: Flight, up: bool) -> int:
        """The middle of the lane of the channel that carries this leg."""
        channel = self.commands[leg.command].channel if leg.command is not None else 0
        lanes = pipe["lanes"]
        row = lanes.index(channel) if channel in lanes else len(lanes) - 1
        top = -TUBE_GAP // 2 - len(lanes) * LANE if up else TUBE_GAP // 2
        return pipe["y0"] + top + row * LANE + LANE // 2

    def gutter(self) -> str:
        if not self.lost:
            return ""
        g = self.place["gutter"]
        middle = g["y"] + g["h"] // 2
        parts = [
            rect(1, g["y"] + 1, g["w"] - 2, g["h"] - 2, "gutter", 10),
            text(16, middle + 4, "lost & returned", "quiet"),
        ]
        for i, (message, entity) in enumerate(self.lost[: (g["w"] - LOST_LEFT) // LOST_PITCH]):
            x = LOST_LEFT + i * LOST_PITCH
            parts.append(envelope(message, x, middle, "ready"))
            parts.append(f'<path class="cross" d="M{x + 6} {middle - 12}l8 8m0 -8l-8 8"/>')
            parts.append(text(x + 18, middle + 4, shortened(str(entity.get("reason", "")), 22), "quiet"))
        return "".join(parts)


def wire_of(leg: Flight) -> tuple[str, bool] | None:
    """The connection that a leg passes, and whether towards the broker."""
    if leg.kind == "publish":
        return leg.source, True
    return (leg.target, False) if leg.kind in ("deliver", "return") else None


# --- marks -----------------------------------------------------------------------------------------------


def envelope(message: int, x: int, y: int, kind: str) -> str:
    """A message: in its own colour, with its number; hatched in a hand, a ghost in the queue."""
    hue = f"m{(message - 1) % 7}"
    hatch = "".join(f"M{8 - 6 * i} -7l-6 14" for i in range(3)) if kind == "held" else ""
    return (
        f'<g class="{kind}" transform="translate({x} {y})"><rect class="{hue}" x="-10" y="-8" width="21" '
        f'height="16" rx="3"/><path class="flap {hue}i" d="M-10 -6L0 1L11 -6"/>'
        + (f'<path class="hatch" d="{hatch}"/>' if hatch else "")
        + f"{text(0, 0, str(message), f'number {hue}i')}</g>"
    )


def rect(x: int, y: int, w: int, h: int, kind: str, radius: int) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{w}" height="{h}" rx="{radius}"/>'


def text(x: int, y: int, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{quoted(words)}</text>'


def shortened(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def abridged(name: str, most: int) -> str:
    """A name with its end kept: names that a server made differ there."""
    return name if len(name) <= most else f"{name[: most - 7]}…{name[-6:]}"


def wrapped(words: str, width: int, letter: float) -> list[str]:
    """The words in lines of about `width` units."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) * letter > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
