"""The stage's script: its modules fit together, and its pure functions keep their laws (under node)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from node_suites import run_suite
from scenes import recording
from stage_runs import RUNS

from amqplab.stage import esm
from amqplab.trace.recorder import Recorder

ON_EVERY_RUN = ("geometry", "state", "picture", "frame")
ON_THE_STORY = ("panels", "player")
Recordings = Mapping[str, Recorder]
MODULES = sorted(esm.SCRIPTS.glob("*.js"))


@pytest.mark.parametrize("suite", [*ON_EVERY_RUN, *ON_THE_STORY])
def test_the_pure_functions_keep_their_laws(suite: str, tmp_path: Path, journey_recorder: Recorder) -> None:
    run_suite(suite, tmp_path, journey_recorder)


@pytest.mark.parametrize("run", sorted(RUNS))
@pytest.mark.parametrize("suite", ON_EVERY_RUN)
def test_the_laws_hold_for_every_run(suite: str, run: str, tmp_path: Path, recordings: Recordings) -> None:
    run_suite(suite, tmp_path, recordings[run])


def test_a_picture_is_true_also_where_much_is_sent_again(tmp_path: Path) -> None:
    run_suite("picture", tmp_path, recording("loss_20_percent"), AGAIN="1")


def test_of_an_alarm_nothing_is_said_that_comes_later(tmp_path: Path) -> None:
    run_suite("picture", tmp_path, recording("blocked_connection"))


def test_every_module_is_part_of_the_script() -> None:
    script = esm.script()
    for module in MODULES:
        theory = module.read_text(encoding="utf-8").splitlines()[0]
        assert theory.startswith("// ") and theory in script, module.name


def test_the_script_imports_nothing_and_fetches_nothing() -> None:
    script = esm.script()
    assert not re.search(r"^\s*import\b", script, re.MULTILINE)
    for word in ("fetch(", "XMLHttpRequest", "new WebSocket", "import(", "eval(", "innerHTML"):
        assert word not in script, word
    assert set(re.findall(r"https?://[^\"'\s]*", script)) == {"http://www.w3.org/2000/svg"}


def test_the_script_has_one_default_export_at_its_end() -> None:
    assert esm.script().rstrip().endswith("export default { render };")
    assert esm.script().count("export default") == 1


def test_modules_stay_small_enough_to_read() -> None:
    long = {module.name: len(module.read_text(encoding="utf-8").splitlines()) for module in MODULES}
    assert not {name: lines for name, lines in long.items() if lines > 450}


def test_two_modules_that_declare_one_name_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_modules(
        tmp_path,
        stage='import { a } from "./one.js";\nconst b = a;\n',
        one="export const a = 1;\nconst b = 2;\n",
    )
    with pytest.raises(ValueError, match="both declare b"):
        joined(tmp_path, monkeypatch)


def test_a_circle_of_imports_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_modules(tmp_path, stage='import { a } from "./one.js";\n', one='import { b } from "./stage.js";\n')
    with pytest.raises(ValueError, match="circle"):
        joined(tmp_path, monkeypatch)


def test_what_a_module_imports_comes_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_modules(
        tmp_path, stage='import { a } from "./one.js";\nexport const c = a;\n', one="export const a = 1;\n"
    )
    assert joined(tmp_path, monkeypatch) == "export const a = 1;\n\nexport const c = a;\n"


def write_modules(folder: Path, **modules: str) -> None:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")


def joined(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(esm, "SCRIPTS", folder)
    esm.read.cache_clear()
    try:
        return esm.script.__wrapped__()
    finally:
        esm.read.cache_clear()
