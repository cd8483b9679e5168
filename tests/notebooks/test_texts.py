"""The lessons as they are stored: complete, in order, and without anything that only one machine has."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import pytest
from lessons import LESSONS, NOTEBOOKS, SHOWN, cells, code, read, run_plainly

from amqplab.lab import predict

ROOT = NOTEBOOKS.parent
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
PARTS = (
    "After this lesson you will be able to",
    "## First, predict",
    "## Exercise",
    "## Where this lives in the code",
    "## The same on RabbitMQ",
    "## What you know now",
    "## Play with it",
)
LONGEST_CELL = 30  # lines
# What no stored output may show, as it would differ on the next machine.
ONE_MACHINES_OWN = re.compile(r"0x[0-9a-f]{7,}|/home/|/root/|/tmp/|/Users/|127\.0\.0\.1:\d|\d{4}-\d\d-\d\dT")


def texts(value: Any) -> list[str]:
    """Every text in an output."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in texts(part)]


def ends_with_a_value(cell: dict[str, Any]) -> bool:
    """Whether a notebook shows something below the cell because it ends with an expression."""
    tree = compile(code(cell), "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return bool(tree.body) and isinstance(tree.body[-1], ast.Expr)


def prose(path: Path) -> str:
    return "\n".join(code(cell) for cell in cells(path, "markdown"))


def test_the_lessons_are_numbered_without_a_gap() -> None:
    assert [path.name[:3] for path in LESSONS] == [f"{number:02}-" for number in range(len(LESSONS))]


@each_lesson
def test_every_notebook_is_in_the_readme(path: Path) -> None:
    assert f"notebooks/{path.name}" in (ROOT / "README.md").read_text(encoding="utf-8")


@each_lesson
def test_nothing_is_stored_but_text_code_and_outputs(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook["metadata"] == METADATA
    for cell in notebook["cells"]:
        assert set(cell["metadata"]) <= {"tags"}
        for output in cell.get("outputs", []):
            assert not output.get("metadata")
            assert not [kind for kind in output.get("data", {}) if "widget" in kind]


@each_lesson
def test_the_cells_were_run_in_order_and_without_a_complaint(path: Path) -> None:
    ran = cells(path)
    assert [cell["execution_count"] for cell in ran] == list(range(1, len(ran) + 1))
    for cell in ran:
        for output in cell["outputs"]:
            assert output["output_type"] != "error", code(cell)
            assert output.get("name", "stdout") == "stdout", code(cell)


@each_lesson
def test_a_cell_that_ends_with_a_value_shows_it_and_others_are_silent_on_purpose(path: Path) -> None:
    for cell in cells(path):
        shown = [output for output in cell["outputs"] if output["output_type"] == "execute_result"]
        prints = [output for output in cell["outputs"] if output["output_type"] == "stream"]
        assert bool(shown or prints) == ends_with_a_value(cell), code(cell)
        for output in shown:
            assert "text/plain" in output["data"]  # readable everywhere


@each_lesson
def test_no_output_is_one_machines_own(path: Path) -> None:
    for cell in cells(path):
        for text in texts(cell["outputs"]):
            assert not ONE_MACHINES_OWN.search(text), code(cell)


@each_lesson
def test_cells_are_short_and_compile(path: Path) -> None:
    for cell in cells(path):
        assert len(code(cell).splitlines()) <= LONGEST_CELL, code(cell)
        assert code(cell) == code(cell).strip()
        ends_with_a_value(cell)


@each_lesson
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", prose(path)):
        assert target.startswith("https://") or (NOTEBOOKS / target).is_file(), target


@pytest.mark.parametrize("path", LESSONS[1:], ids=lambda path: path.stem)
def test_a_lesson_has_all_its_parts_in_order(path: Path) -> None:
    text = prose(path)
    places = [text.find(part) for part in PARTS]
    assert -1 not in places, PARTS[places.index(-1)]
    assert places == sorted(places)
    asked = [number for number, cell in enumerate(cells(path)) if "predict(" in code(cell)]
    first_run = next(number for number, cell in enumerate(cells(path)) if "Lab(" in code(cell))
    assert asked and max(asked) < first_run  # asked before anything is shown
    assert "exercise.check(" in "\n".join(code(cell) for cell in cells(path))


@each_lesson
def test_no_stored_answer_stands_below_its_question(path: Path) -> None:
    revealing = [cell for cell in cells(path) if ".reveal(" in code(cell)]
    assert revealing
    assert {shown(cell) for cell in revealing} == {repr(predict("?", ["1", "2"]).reveal(1))}


CALL = """\
channel.basic_publish(
    exchange="logs",
    routing_key="info",
    body="Hello, Rabbit!"
)
"""


def test_lesson_01_runs_the_notes_own_call_as_written() -> None:
    calls = [code(cell) for cell in cells(LESSONS[1]) if CALL in code(cell)]
    assert calls[0].startswith(CALL)


def test_lesson_01_corrects_each_of_the_notes_mistakes() -> None:
    said = {code(cell): shown(cell) for cell in cells(LESSONS[1])}
    outcomes = {
        cell.partition(".reveal(")[0].split()[-1]: value.truth
        for cell, value in run_plainly(LESSONS[1])[SHOWN].items()
        if ".reveal(" in cell
    }
    assert outcomes == {"how_many": "3", "how_long": "14", "carried": "none of them", "where_to": "to app"}
    notes = next(text for cell, text in said.items() if "beside_the_notes(lab)" in cell)
    verdicts = Counter(re.split("  +", line)[-1] for line in notes.splitlines()[2:])
    assert verdicts == {"the same": 20, "only if given": 3, "one more": 1}


def test_pikas_publish_is_ours_octet_for_octet_and_its_run_agrees_with_the_notes_as_ours_does() -> None:
    said = {code(cell): shown(cell) for cell in cells(LESSONS[1])}
    beside = next(
        text for cell, text in said.items() if cell.startswith("from amqplab.lab import side_by_side")
    )
    assert "Basic.Publish x=logs rk=info" in beside and "≠" not in beside
    ours = next(text for cell, text in said.items() if "beside_the_notes(lab)" in cell)
    theirs = next(text for cell, text in said.items() if "beside_the_notes(real" in cell)
    rows = [[line.split("  ")[0] for line in text.splitlines()] for text in (ours, theirs)]
    assert rows[0] == rows[1]
    differing = [line for line in theirs.splitlines() if line not in ours.splitlines()]
    assert [line.split()[0] for line in differing] == ["TCP"]


def shown(cell: dict[str, Any]) -> str:
    """What stands below a cell, as text."""
    return "\n".join("".join(output.get("data", {}).get("text/plain", "")) for output in cell["outputs"])
