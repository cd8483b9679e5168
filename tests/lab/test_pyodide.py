"""The same octets in a browser's Python: Pyodide, that is CPython compiled to WebAssembly, run here by node.

Theory
------
The lessons are to run in JupyterLite, where the interpreter is Pyodide: 32 bits wide, without threads,
processes or sockets, with an event loop of the browser's. Nothing of that may be seen in a record, and what
the lab needs must be in the standard library, because nothing else is installed there.
"""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from needs import program
from npm import package
from scenes import build

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"
WHY = "run the lab in a browser's Python"
VERSION = "314.0.6"
SCENES = (
    "hello",
    "work_queues",
    "topics",
    "rpc",
    "publisher_confirms",
    "dead_letter_retry",
    "stream",
    "loss_20_percent",
    "cut",
    "websocket",
)
"""Something of everything: programs and cells, chance, time, hashes, octets that are no AMQP."""

RUN = """
import json, sys
from scenes import SCENES, build
assert sys.platform == "emscripten"
print(json.dumps({{name: build(name).digest() for name in {names!r}}}))
"""
LOOK = """
import asyncio
from scenes import build
lab = build("topics")
assert str(lab.table()) and str(lab.ladder()) and str(lab.why()) and lab.dissect("basic.publish")
branch = lab.fork(at="basic.publish", do=lambda world: world.lose_next("emit_log_topic"))
assert branch.digest() != lab.digest()
from amqplab.stage.html import page
from amqplab.stage.svg import to_svg
print(len(page(lab.recorder)) > 100_000, to_svg(lab.recorder).startswith("<svg"))
"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and the scenes in a zip, as an installer would unpack them."""
    archive = tmp_path_factory.mktemp("pyodide") / "modules.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted((ROOT / "amqplab").rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                packed.write(file, file.relative_to(ROOT))
        for file in sorted(SUPPORT.glob("scene*.py")):
            packed.write(file, file.name)
    return archive


def in_pyodide(code: str, modules: Path, folder: Path) -> str:
    """What `code` prints there."""
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    words = [program("node", WHY), str(SUPPORT / "pyodide_run.mjs"), str(package("pyodide", VERSION, WHY))]
    done = subprocess.run([*words, str(modules), str(script)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_scenes_have_the_same_digests_there(modules: Path, tmp_path: Path) -> None:
    there = json.loads(in_pyodide(RUN.format(names=SCENES), modules, tmp_path).splitlines()[-1])
    assert there == {name: build(name).digest() for name in SCENES}


def test_what_a_lesson_shows_is_shown_there_with_nothing_installed(modules: Path, tmp_path: Path) -> None:
    assert in_pyodide(LOOK, modules, tmp_path).splitlines()[-1] == "True True"
