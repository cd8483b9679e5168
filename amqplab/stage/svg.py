"""The static picture: key steps of a run, one below the other, as the stage would show them.

Theory
------
Where there is no widget (GitHub, nbviewer, a printed page) a run is told as a strip: the moment a message was
routed, the moment the consumer held it, the moment it was forgotten, and whatever went wrong first. Layout
(:mod:`amqplab.stage.layout`) and marks (:mod:`amqplab.stage.marks`) are those of the stage; here each kind of
marks is painted by :mod:`amqplab.stage.painter`.

Same recording, same octets: only integers, no hash order, no time of day. The picture brings its own paper and
the light colours, so that it can be read on any page, whatever is stripped from it. Its size is bounded: of
a very large run the first so many participants are drawn, and a line of text says what is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from amqplab.stage.contract_layout import Layout
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.ink import circle, element, group, quoted, rect, text
from amqplab.stage.layout import layout
from amqplab.stage.lettering import wrapped
from amqplab.stage.mark import Moment
from amqplab.stage.needs import needs_of
from amqplab.stage.painter import Painter
from amqplab.stage.palette import LIGHT
from amqplab.stage.passing import passing, taken
from amqplab.trace import events as e
from amqplab.trace.fold import step
from amqplab.trace.narrate import Narrator
from amqplab.trace.participants import Participants, participants_of
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.subjects import subject_of
from amqplab.trace.tags import delivery_tag
from amqplab.trace.traffic import Traffic
from amqplab.trace.whereabouts import Whereabouts
from amqplab.trace.zoom import level_of

__all__ = ["key_steps", "moments", "to_svg"]

MARGIN, HEAD, LINE = 18, 42, 20
SAID = 15
MOST_STEPS = 4
MOST = {"apps": 48, "exchanges": 24, "queues": 48, "edges": 400}
"""How many of each are drawn at most."""
TROUBLE = (
    e.Unroutable,
    e.Discarded,
    e.DeadLettered,
    e.PublishRefused,
    e.ChannelClosing,
    e.ConnectionClosing,
    e.HeartbeatMissed,
    e.ConnectionBlocked,
    e.Intervened,
)
TO_COME = ("raise alarm", "clear alarm")
"""Interventions that change nothing at once; what comes of them is told by another record."""
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
C = LIGHT


def to_svg(
    recorder: Recorder | Sequence[Record], *, title: str = "", steps: Sequence[int] | None = None,
    zoom: str = "milestone", orientation: str = "wide",
) -> str:  # fmt: skip
    """The strip as SVG text. `steps` are the seqs to show (-1 is before the first); by default the key steps."""
    records = list(recorder)
    traffic = Traffic(records)
    participants, left_out = bounded(participants_of(records))
    wanted = (
        key_steps(records, traffic) if steps is None else [max(-1, min(s, len(records) - 1)) for s in steps]
    )
    place = layout(participants, orientation, needs_of(records))
    found = moments(records, traffic, place, wanted, zoom)
    narrator = Narrator(records, traffic)
    said = {seq: narrator.sentence(seq) if seq >= 0 else "Nothing has happened yet." for seq in wanted}
    return strip(title, [(found[seq], said[seq]) for seq in wanted], left_out)


# --- which steps -----------------------------------------------------------------------------------------


def key_steps(records: Sequence[Record], traffic: Traffic) -> list[int]:
    """Up to four seqs that tell the run: a message routed, held, settled; and the first trouble."""
    if not records:
        return [-1]
    told: dict[int, dict[str, int]] = {}
    numbered: dict[tuple[str, int, int], int] = {}
    held = arrivals(traffic)
    for record in records:
        event = record.event
        if isinstance(event, e.Published) and event.sequence:
            numbered[event.connection, event.channel, event.sequence] = event.message
        elif isinstance(event, e.Routed):
            told.setdefault(event.message, {}).setdefault("routed", record.seq)
        elif isinstance(event, e.Delivered):
            arrived = held.get((event.connection, event.channel, event.delivery_tag), record.seq)
            told.setdefault(event.message, {}).setdefault("held", max(arrived, record.seq))
        elif isinstance(event, e.Acknowledged):
            told.setdefault(event.message, {}).setdefault("settled", record.seq)
        elif isinstance(event, e.Confirmed):
            message = numbered.get((event.connection, event.channel, event.sequence))
            if message is not None and "held" not in told.get(message, {}):
                told.setdefault(message, {}).setdefault("confirmed", record.seq)
    steps = sorted(max(told.values(), key=len, default={}).values())
    trouble = [record.seq for record in records if isinstance(record.event, TROUBLE) and not_the_end(record)][
        :1
    ]
    found = sorted({*steps[: MOST_STEPS - 1], *trouble})
    return found or [latest_milestone(records)]


def not_the_end(record: Record) -> bool:
    """A connection or channel that is closed as it should be is no trouble; nor is what has yet to work."""
    event: Any = record.event
    return getattr(event, "code", 1) != 200 and getattr(event, "action", "") not in TO_COME


def arrivals(traffic: Traffic) -> dict[tuple[str, int, int], int]:
    """When the consumer had all of each delivery: (connection, channel, tag) -> seq."""
    found: dict[tuple[str, int, int], int] = {}
    for command in traffic.commands:
        if command.name in ("basic.deliver", "basic.get-ok") and command.received is not None:
            data = traffic.frames[command.frames[0]].data
            tag = delivery_tag(command.name, data)
            found.setdefault((command.connection, command.channel, tag), command.received)
    return found


def latest_milestone(records: Sequence[Record]) -> int:
    """The seq of the last record that is a step at the milestones' zoom; the last of all if none is."""
    milestones = (one.seq for one in reversed(records) if level_of(type(one.event)) == "milestone")
    return next(milestones, len(records) - 1)


def moments(
    records: Sequence[Record], traffic: Traffic, place: Layout, wanted: Iterable[int], zoom: str
) -> dict[int, Moment]:
    """What the picture depends on at each of the `wanted` seqs, found in one pass."""
    whereabouts = Whereabouts(records, traffic)
    blank = Moment({}, place, traffic, zoom=zoom)
    asked = set(wanted)
    found = {-1: blank}
    state: dict[str, Mapping[str, Any]] = {}
    routed: dict[int, e.Routed] = {}
    at_once: set[int] = (
        set()
    )  # the messages routed just now, with nothing since but copies that come to their queues
    deaths: dict[int, e.DeadLettered] = {}
    for record in records[: max(asked, default=-1) + 1]:
        patch = step(state, record)
        whereabouts.step(record, patch, state)
        if isinstance(record.event, e.Routed):
            routed[record.event.message] = record.event
            at_once.add(record.event.message)
        elif not isinstance(record.event, e.Enqueued):
            at_once.clear()
        if isinstance(record.event, e.DeadLettered):
            deaths[record.event.successor] = record.event
        if record.seq in asked:
            found[record.seq] = replace(
                blank, state={**state, **whereabouts.tokens}, seq=record.seq, now=record.at,
                matched=passing(record, state, whereabouts.tokens, routed, place, deaths),
                taken=taken(record, routed, at_once, place),
                subject=subject_of(record, traffic),
            )  # fmt: skip
    return found


def bounded(participants: Participants) -> tuple[Participants, str]:
    """The first so many of each kind, and in words how many are left out."""
    kept, words = replace(participants), []
    for name, most in MOST.items():
        found = getattr(participants, name)
        if len(found) > most:
            words.append(
                f"{len(found) - most} {'clients' if name == 'apps' else 'bindings' if name == 'edges' else name}"
            )
            setattr(kept, name, dict(list(found.items())[:most]))
    kept.pipes = {name: pipe for name, pipe in participants.pipes.items() if pipe.app in kept.apps}
    kept.consumers = {key: one for key, one in participants.consumers.items() if one[0] in kept.pipes}
    return kept, f"Not drawn: {', '.join(words)}." if words else ""


# --- the strip -------------------------------------------------------------------------------------------


def strip(title: str, panels: Sequence[tuple[Moment, str]], left_out: str) -> str:
    """Panels one below the other, each under its sentence."""
    place = panels[0][0].layout
    inside: list[str] = []
    height = MARGIN
    for number, (moment, said) in enumerate(panels, 1):
        lines = wrapped(said, max(200, place["width"] - 60), SAID, bold=True, most=5)
        top = HEAD + LINE * (len(lines) - 1)
        painter = Painter(moment)
        inside.append(group([
            circle(14, 14, 12, C.ink),
            text(14, 14, str(number), size=G.title, fill=C.paper, anchor="middle", bold=True,
                 dominant_baseline="central"),
            *(text(36, 19 + LINE * row, line, size=SAID, fill=C.ink, bold=True) for row, line in enumerate(lines)),
            group([painter.draw()], transform=f"translate(0 {top})"),
        ], transform=f"translate({MARGIN} {height})"))  # fmt: skip
        height += top + painter.height + MARGIN
    if left_out:
        inside.append(text(MARGIN, height + 4, left_out, size=G.body, fill=C.ink2))
        height += 24
    return framed(
        title or "AMQP run, step by step", place["width"] + 2 * MARGIN, height, inside, [s for _, s in panels]
    )


def framed(title: str, wide: int, high: int, inside: Iterable[str], said: Sequence[str]) -> str:
    """The whole document: paper, title and a description for those who hear it."""
    described = " ".join(f"{number}. {words}" for number, words in enumerate(said, 1))
    head = element("title", {}, quoted(title)) + element("desc", {}, quoted(described))
    paper = rect(0, 0, wide, high, C.paper, C.line, 14)
    return element("svg", {
        "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {wide} {high}", "width": wide, "height": high,
        "style": "max-width:100%;height:auto", "role": "img", "aria_label": title, "font_family": FONTS,
    }, head + paper + "".join(inside))  # fmt: skip
