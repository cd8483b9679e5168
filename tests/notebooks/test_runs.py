"""The lessons' records: the same in a notebook, in plain Python, on every Python, with any hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from lessons import LESSONS, NOTEBOOKS, SHOWN, cells, code, digests, run_plainly
from nbclient import NotebookClient

ROOT = NOTEBOOKS.parent
SCRIPT = ROOT / "tests" / "support" / "lessons.py"
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def pythons() -> list[str]:
    """This Python and every other from 3.11 on that pyenv or the system has."""
    found = sorted(Path.home().glob(".pyenv/versions/3.1[1-9].*/bin/python"))
    found += [Path(f"/usr/bin/python3.{minor}") for minor in range(11, 20)]
    return [sys.executable, *(str(path) for path in found if path.exists())]


def plainly(python: str, path: Path, hash_seed: str) -> dict[str, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
    command = [python, str(SCRIPT), str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    found: dict[str, str] = json.loads(done.stdout)
    return found


def stored(path: Path) -> str:
    """The fingerprint that stands in the notebook."""
    [shown] = [cell for cell in cells(path) if code(cell) == "lab.digest()"]
    return "".join(shown["outputs"][0]["data"]["text/plain"]).strip("'")


@each_lesson
def test_the_same_on_every_python_and_with_any_hash_seed(path: Path) -> None:
    expected = plainly(sys.executable, path, "0")
    assert "lab" in expected
    assert len(set(expected.values())) == len(expected)
    for number, python in enumerate(pythons()):
        assert plainly(python, path, str(number + 1)) == expected, python


@each_lesson
def test_the_same_in_a_notebook_as_in_plain_python(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    look = f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); from lessons import digests"
    notebook.cells.append(
        nbformat.v4.new_code_cell(f"{look}\nprint(__import__('json').dumps(digests(globals())))")
    )
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert json.loads(notebook.cells[-1].outputs[-1]["text"]) == digests(run_plainly(path))


@each_lesson
def test_the_fingerprint_that_a_lesson_shows_is_that_of_plain_python(path: Path) -> None:
    assert stored(path) == run_plainly(path)[SHOWN]["lab.digest()"]


@each_lesson
def test_the_forks_of_a_lesson_share_their_past_record_for_record(path: Path) -> None:
    names = run_plainly(path)
    branches = names["lab"].branches
    assert branches
    for branch in branches:
        assert branch.forked_at > 0
        for seq in range(branch.forked_at):
            assert branch.records[seq] == names["lab"].records[seq]


def test_the_lessons_pass_in_the_reverse_order_too() -> None:
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider"]
    files = [str(path) for path in reversed(LESSONS)]
    done = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-3000:]
