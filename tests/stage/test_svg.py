"""The static picture: well-formed, the same octets every time, readable, and as committed for the README."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest
from stage_picture import PICTURE, picture
from stage_runs import RUNS

from amqplab.stage.svg import MARGIN, key_steps, to_svg
from amqplab.trace import events as e
from amqplab.trace.narrate import narrate
from amqplab.trace.recorder import Recorder

Recordings = Mapping[str, Recorder]
SVG = "{http://www.w3.org/2000/svg}"
WIDTHS = {"said": 8.6, "name": 8.2, "title": 8.2, "counts": 6.2, "quiet": 6.4, "lanename": 6.0, "mono": 6.7}
MIDDLE = {"name", "counts", "mono", "letter", "more", "number", "stepno", "mid"}


def texts(svg: str) -> Iterator[tuple[str, str, float, float, float]]:
    """(class, words, left, right, baseline) of every text, as wide as it is drawn at most."""
    yield from texts_in(ElementTree.fromstring(svg), 0, 0)


def texts_in(
    node: ElementTree.Element, dx: float, dy: float
) -> Iterator[tuple[str, str, float, float, float]]:
    moved = re.match(r"translate\((-?[\d.]+) (-?[\d.]+)\)", node.get("transform", ""))
    if moved:
        dx, dy = dx + float(moved[1]), dy + float(moved[2])
    if node.tag == f"{SVG}text":
        kinds = set(node.get("class", "").split())
        words = "".join(node.itertext())
        width = len(words) * next((WIDTHS[kind] for kind in kinds if kind in WIDTHS), 8.0)
        x, y = dx + float(node.get("x", 0)), dy + float(node.get("y", 0))
        left = x - width / 2 if kinds & MIDDLE else x - width if "end" in kinds else x
        yield " ".join(sorted(kinds)), words, left, left + width, y
    for child in node:
        yield from texts_in(child, dx, dy)


@pytest.mark.parametrize("run", sorted(RUNS))
def test_the_picture_is_well_formed_and_needs_nobody(run: str, recordings: Recordings) -> None:
    svg = to_svg(recordings[run], title="a <run> & more")
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg" and root.get("role") == "img"
    assert root.get("aria-label") == "a <run> & more"
    assert re.findall(r"https?://[^\"' ]*", svg) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in svg and "href" not in svg


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


@pytest.mark.parametrize("run", sorted(RUNS))
def test_no_words_lie_on_other_words(run: str, recordings: Recordings) -> None:
    placed = [text for text in texts(to_svg(recordings[run])) if text[1].strip()]
    for i, (kind, words, left, right, y) in enumerate(placed):
        for other_kind, other, a, b, baseline in placed[i + 1 :]:
            covered = "letter" in kind and "number" in other_kind  # an opaque envelope on the exchange's X
            apart = covered or left >= b or a >= right or abs(y - baseline) >= 9
            assert apart, f"{kind} {words!r} and {other_kind} {other!r} near {left:.0f},{y:.0f}"


@pytest.mark.parametrize("run", sorted(RUNS))
def test_no_words_leave_the_picture(run: str, recordings: Recordings) -> None:
    svg = to_svg(recordings[run])
    width = float(ElementTree.fromstring(svg).get("viewBox", "").split()[2])
    for kind, words, left, right, _ in texts(svg):
        assert left >= 0 and right <= width - MARGIN / 2, f"{kind} {words!r}"


def test_the_key_steps_of_one_message_are_routed_delivered_acknowledged(recordings: Recordings) -> None:
    recorder = recordings["journey"]
    said = " ".join(words for kind, words, *_ in texts(to_svg(recorder)) if kind == "said")
    shown = [record.seq for record in recorder if narrate(record) in said]
    kinds = {type(recorder[step].event) for step in shown}
    assert {e.Routed, e.CommandReceived, e.Acknowledged} <= kinds


def test_trouble_is_a_key_step(recordings: Recordings) -> None:
    svg = to_svg(recordings["trouble"])
    assert "lost &amp; returned" in svg and "No queue is to get message 2" in svg


def test_the_steps_can_be_chosen(recordings: Recordings) -> None:
    recorder = recordings["journey"]
    one = to_svg(recorder, steps=[len(recorder) - 1])
    assert one.count('class="stepno"') == 1


def test_before_the_first_record_there_is_a_picture() -> None:
    svg = to_svg(Recorder(lambda: 0))
    assert "Nothing has happened yet." in svg
    assert key_steps([], None) == [-1]  # type: ignore[arg-type]


def test_the_readme_s_picture_is_that_of_the_first_lesson() -> None:
    again = f"make it again with: {Path(sys.executable).name} tests/support/stage_picture.py"
    assert PICTURE.exists(), again
    assert PICTURE.read_bytes() == picture().encode(), again
