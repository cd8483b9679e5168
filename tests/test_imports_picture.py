"""The picture of the imports shows what the circle test reads: of this checkout, and of one with a circle."""

from __future__ import annotations

from pathlib import Path

import pytest
from imports_picture import FLOORS, Floor, main
from PIL import Image

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", FLOORS)
def test_every_import_points_to_the_left(name: str) -> None:
    floor = Floor(CHECKOUT / "amqplab", name)
    assert all(
        floor.column[module] > floor.column[other]
        for module, others in floor.imports.items()
        for other in others
    )
    places = [(floor.column[module], floor.height[module]) for module in floor.imports]
    assert len(set(places)) == len(places) > 20


@pytest.mark.parametrize("name", FLOORS)
def test_the_lines_lead_wherever_the_imports_lead(name: str) -> None:
    floor = Floor(CHECKOUT / "amqplab", name)
    drawn: dict[str, set[str]] = {}
    for module, other in floor.lines:
        drawn.setdefault(module, set()).add(other)
    reached: dict[str, set[str]] = {}
    for module in sorted(floor.imports, key=floor.column.__getitem__):
        there = drawn.get(module, set())
        reached[module] = there.union(*(reached[other] for other in there))
        assert floor.imports[module] <= reached[module]
        assert there <= floor.imports[module]


def test_this_checkout_is_drawn_without_a_circle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "imports.png"
    assert main([str(CHECKOUT), "--out", str(target)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == list(FLOORS)
    assert all(line.endswith(", no circle") for line in said)
    with Image.open(target) as picture:
        assert min(picture.size) > 800


def test_a_circle_is_named_and_red(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    floor = tmp_path / "amqplab" / "lab"
    floor.mkdir(parents=True)
    (floor / "there.py").write_text("from amqplab.lab import back\n")
    (floor / "back.py").write_text("def f():\n    from amqplab.lab.there import f\n")
    (floor / "words.py").write_text("")
    target = tmp_path / "imports.png"
    assert main([str(tmp_path), "--out", str(target), "--floor", "lab"]) == 1
    assert capsys.readouterr().out.strip().endswith("1 circle: back ⇄ there")
    with Image.open(target) as picture:
        colours = picture.convert("RGB").getcolors() or []
    assert any(red > 150 and green < 60 and blue < 100 for _, (red, green, blue) in colours)
