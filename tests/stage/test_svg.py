"""The static picture: well-formed, the same octets every time, readable, and as committed for the README."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from scenes import names, recording
from stage_picture import PICTURE, picture
from stage_runs import RUNS

from amqplab.stage import paint_fixtures, paint_messages, paint_wire
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.lettering import width
from amqplab.stage.marks import marks
from amqplab.stage.svg import MARGIN, MOST, key_steps, moments, to_svg
from amqplab.trace import events as e
from amqplab.trace.narrate import Narrator
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.traffic import Traffic

Recordings = Mapping[str, Recorder]
SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "title", "desc", "g", "rect", "circle", "path", "text"}


@cache
def svg_of(scene: str, orientation: str = "wide") -> str:
    return to_svg(recording(scene), title="a <run> & more", orientation=orientation)


class Words:
    """One text of a picture: its size, its words, and the box that they take at most."""

    def __init__(self, node: ElementTree.Element, dx: float, dy: float, kinds: tuple[str, ...]) -> None:
        self.words = "".join(node.itertext())
        self.size = int(node.get("font-size", "16"))
        self.kinds = kinds
        fixed = node.get("textLength")
        wide = (
            float(fixed) if fixed
            else width(self.words, self.size, bold=node.get("font-weight") is not None,
                       mono="mono" in node.get("font-family", ""))
        )  # fmt: skip
        x, self.y = dx + float(node.get("x", 0)), dy + float(node.get("y", 0))
        anchor = node.get("text-anchor", "start")
        self.left = x - wide / 2 if anchor == "middle" else x - wide if anchor == "end" else x
        self.right = self.left + wide

    def __repr__(self) -> str:
        return f"{self.words!r} at {self.left:.0f},{self.y:.0f}"


def texts(svg: str) -> Iterator[Words]:
    """Every text of the picture."""
    yield from texts_in(ElementTree.fromstring(svg), 0, 0, ())


def texts_in(node: ElementTree.Element, dx: float, dy: float, kinds: tuple[str, ...]) -> Iterator[Words]:
    moved = re.match(r"translate\((-?[\d.]+) (-?[\d.]+)\)", node.get("transform", ""))
    if moved:
        dx, dy = dx + float(moved[1]), dy + float(moved[2])
    kinds = (*kinds, node.get("data-kind", "")) if node.get("data-kind") else kinds
    if node.tag == f"{SVG}text":
        yield Words(node, dx, dy, kinds)
    for child in node:
        yield from texts_in(child, dx, dy, kinds)


def said(svg: str) -> str:
    """The sentences, as those hear them who do not see the picture."""
    return ElementTree.fromstring(svg).findtext(f"{SVG}desc", "")


# --- every scene -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scene", names())
def test_the_picture_is_well_formed_and_needs_nobody(scene: str) -> None:
    svg = svg_of(scene)
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg" and root.get("role") == "img"
    assert root.get("aria-label") == root.findtext(f"{SVG}title") == "a <run> & more"
    assert re.findall(r"https?://[^\"' ]*", svg) == ["http://www.w3.org/2000/svg"]


def test_every_kind_of_mark_has_one_paint() -> None:
    kinds = [kind for room in (paint_fixtures, paint_messages, paint_wire) for kind in room.PAINTS]
    assert len(kinds) == len(set(kinds)), "one would hide the other"


@pytest.mark.parametrize("scene", names())
def test_it_has_no_style_sheet_no_ids_and_no_classes(scene: str) -> None:
    """So nothing is lost where a style sheet is stripped, and nothing restyles its neighbours."""
    for node in ElementTree.fromstring(svg_of(scene)).iter():
        assert node.tag.removeprefix(SVG) in ALLOWED
        assert not {"id", "class", "href"} & set(node.keys())
        if node.tag in (f"{SVG}rect", f"{SVG}circle", f"{SVG}path", f"{SVG}text"):
            assert node.get("fill"), ElementTree.tostring(node)


@pytest.mark.parametrize("orientation", ["wide", "tall"])
@pytest.mark.parametrize("scene", names())
def test_no_letter_is_smaller_than_eleven_and_no_words_leave_the_picture(
    scene: str, orientation: str
) -> None:
    svg = svg_of(scene, orientation)
    whole = float(ElementTree.fromstring(svg).get("viewBox", "").split()[2])
    for one in texts(svg):
        assert one.size >= G.smallest, one
        assert one.left >= 0 and one.right <= whole - MARGIN / 3, one


@pytest.mark.parametrize("scene", names())
def test_no_words_lie_on_other_words(scene: str) -> None:
    placed = sorted((one for one in texts(svg_of(scene)) if one.words.strip()), key=lambda one: one.y)
    for i, one in enumerate(placed):
        for other in placed[i + 1 :]:
            if other.y - one.y >= 9:
                break
            if covers(one, other) or covers(other, one):
                continue
            assert one.left >= other.right or other.left >= one.right, f"{one} and {other}"


def covers(one: Words, other: Words) -> bool:
    """An envelope is opaque: it may stand on an exchange's X, and on the name of its lane."""
    opaque = {"message", "signal", "more", "command", "frame"}
    return bool(opaque & set(one.kinds)) and bool({"exchange", "channel", "message"} & set(other.kinds))


@pytest.mark.parametrize("zoom", ["segment", "frame", "command", "milestone"])
@pytest.mark.parametrize("scene", names())
def test_it_never_raises_whatever_the_step_and_the_zoom(scene: str, zoom: str) -> None:
    count = len(recording(scene))
    steps = [-1, *range(0, count, max(1, count // 4)), count - 1]
    ElementTree.fromstring(to_svg(recording(scene), steps=steps, zoom=zoom))


@pytest.mark.parametrize("scene", names(without=("big", "live", "crowd")))
def test_it_never_raises_where_a_recording_ends_in_the_middle(scene: str) -> None:
    records = list(recording(scene))
    for end in range(1, len(records), max(1, len(records) // 5)):
        ElementTree.fromstring(to_svg(records[:end], zoom="segment", steps=[end - 1]))
        ElementTree.fromstring(to_svg(records[:end]))


@pytest.mark.parametrize("scene", names(without=("big", "live", "crowd")))
def test_it_never_raises_where_a_recording_begins_in_the_middle(scene: str) -> None:
    records = list(recording(scene))
    for start in range(1, len(records), max(1, len(records) // 3)):
        rest = [one for one in records[start:] if min(frames_of(one), default=start) >= start]
        ElementTree.fromstring(to_svg(numbered_anew(rest)))


def frames_of(record: Record) -> tuple[int, ...]:
    return getattr(record.event, "frames", ())


def numbered_anew(records: list[Record]) -> list[Record]:
    """As a recorder that began with the first of them would have numbered them."""
    new = {record.seq: seq for seq, record in enumerate(records)}
    return [
        record._replace(
            seq=new[record.seq], cause=new.get(record.cause) if record.cause is not None else None,
            event=replace(record.event, frames=tuple(new[one] for one in frames_of(record)))
            if frames_of(record) else record.event,
        )
        for record in records
    ]  # fmt: skip


@pytest.mark.parametrize("scene", names())
def test_what_is_drawn_is_what_is_marked(scene: str) -> None:
    """Each thing in the picture says of itself what the marks say."""
    records = list(recording(scene))
    seq = len(records) * 2 // 3
    root = ElementTree.fromstring(to_svg(records, steps=[seq]))
    drawn = {
        (node.get("data-kind"), node.get("data-id"), node.get("data-place", ""), node.get("data-state", ""))
        for node in root.iter() if node.get("data-kind")
    }  # fmt: skip
    from amqplab.stage.layout import layout
    from amqplab.stage.needs import needs_of
    from amqplab.trace.participants import participants_of

    place = layout(participants_of(records), "wide", needs_of(records))
    moment = moments(records, Traffic(records), place, [seq], "milestone")[seq]
    marked = {mark.said[:4] for mark in marks(moment)}
    assert drawn <= marked
    assert {one for one in marked - drawn if one[0] != "channel"} <= {
        mark.said[:4] for mark in marks(moment) if mark.more.get("covered") or mark.kind == "cursor"
    }


# --- the same, and bounded -------------------------------------------------------------------------------


def test_the_same_octets_come_out_whatever_the_hash_seed_is() -> None:
    code = (
        "from stage_runs import crowd; from amqplab.stage.svg import to_svg; import hashlib;"
        "print(hashlib.sha256(to_svg(crowd().recorder).encode()).hexdigest())"
    )
    path = os.pathsep.join([str(Path(__file__).parents[1] / "support"), *sys.path])
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(printed) == 1


def test_a_crowd_beyond_all_measure_is_bounded_and_says_what_is_left_out() -> None:
    recorder = Recorder(lambda: 0)
    for number in range(300):
        recorder.record("broker", e.QueueDeclared, "/", f"queue-{number}", False, None, False, "")
        recorder.record("broker", e.ConnectionOpened, f"client-{number}:1", "guest", "/", "")
    svg = to_svg(recorder)
    assert f"Not drawn: {300 - MOST['apps']} clients, {300 - MOST['queues']} queues" in svg
    assert len(svg) < 200_000


@pytest.mark.parametrize("scene", names())
def test_its_size_stays_within_bounds(scene: str) -> None:
    assert len(svg_of(scene).encode()) < 400_000


# --- which steps -----------------------------------------------------------------------------------------


def kinds_shown(recorder: Recorder) -> list[type[e.Event]]:
    records = list(recorder)
    return [type(records[seq].event) for seq in key_steps(records, Traffic(records))]


def test_the_key_steps_of_one_message_are_routed_held_acknowledged(recordings: Recordings) -> None:
    assert kinds_shown(recordings["journey"]) == [e.Routed, e.CommandReceived, e.Acknowledged]


def test_where_nobody_consumes_the_confirm_is_the_end_of_the_story() -> None:
    assert kinds_shown(recording("publisher_confirms"))[:2] == [e.Routed, e.Confirmed]


@pytest.mark.parametrize(
    ("scene", "trouble"),
    [("blocked_connection", e.ConnectionBlocked), ("cut", e.Intervened), ("channel_error", e.ChannelClosing),
     ("dead_letter_retry", e.DeadLettered), ("hello", None)],
)  # fmt: skip
def test_the_first_trouble_is_a_key_step(scene: str, trouble: type[e.Event] | None) -> None:
    shown = kinds_shown(recording(scene))
    assert len(shown) <= 4 and (trouble in shown if trouble else not {e.Intervened} & set(shown))


def test_a_loss_is_seen_with_its_reason(recordings: Recordings) -> None:
    svg = to_svg(recordings["trouble"])
    assert "lost &amp; returned" in svg and "unroutable" in svg


def test_the_steps_can_be_chosen(recordings: Recordings) -> None:
    recorder = recordings["journey"]
    narrator = Narrator(recorder)
    svg = to_svg(recorder, steps=[len(recorder) - 1, 10_000, -7])
    last = narrator.sentence(len(recorder) - 1)
    assert said(svg) == f"1. {last} 2. {last} 3. Nothing has happened yet."


def test_before_the_first_record_there_is_a_picture() -> None:
    svg = to_svg(Recorder(lambda: 0))
    assert "Nothing has happened yet." in svg
    assert key_steps([], Traffic([])) == [-1]


def test_names_of_any_script_do_not_break_it() -> None:
    recorder = Recorder(lambda: 0)
    for name in ("שם " * 60, "待ち行列" * 20, "\x00\x1b[31m<b>&\"'", "👩\u200d💻" * 20, "\u202eevil"):
        recorder.record("broker", e.QueueDeclared, "/", name, False, None, False, name)
        recorder.record("broker", e.ExchangeDeclared, "/", name, "topic", False, False, False, "")
        recorder.record("broker", e.Bound, "/", name, "queue", name, name, "")
    ElementTree.fromstring(to_svg(recorder))


@pytest.mark.parametrize("run", sorted(RUNS))
def test_it_is_readable_without_any_colour_scheme(run: str, recordings: Recordings) -> None:
    """It brings its own paper, and it does not follow the reader's scheme half-way."""
    svg = to_svg(recordings[run])
    root = ElementTree.fromstring(svg)
    paper = root.find(f"{SVG}rect")
    assert paper is not None and paper.get("fill") == "#ffffff"
    assert (paper.get("width"), paper.get("height")) == (root.get("width"), root.get("height"))
    assert "prefers-color-scheme" not in svg and "light-dark" not in svg and "var(" not in svg


def test_the_readme_s_picture_is_that_of_the_first_lesson() -> None:
    again = f"make it again with: {Path(sys.executable).name} tests/support/stage_picture.py"
    assert PICTURE.exists(), again
    assert PICTURE.read_bytes() == picture().encode(), again
