"""Every fault of the table is found by the law that is there to find it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from scenes import recording
from stage_mutations import MUTATIONS, Mutation
from truth import LAWS, run_node, write_case

import amqplab
from amqplab.stage import esm

ROOT = Path(amqplab.__file__).parents[1]
TOLD = pytest.mark.parametrize("mutation", MUTATIONS, ids=[one.fault for one in MUTATIONS])
FEW_STEPS = {"STEPS": "130", "PAGES": "3"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], Path]:
    """A folder for each scene that is used, with the case of it as it should be."""
    folders = {}
    for scene, page in {(one.scene, one.page) for one in MUTATIONS}:
        folder = folders[scene, page] = tmp_path_factory.mktemp(scene)
        write_case(folder, scene, list(recording(scene)), whole=page)
    return folders


@TOLD
def test_a_mutation_changes_what_is_there(mutation: Mutation) -> None:
    assert (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.old) == 1
    assert mutation.law in LAWS and mutation.old != mutation.new


@TOLD
def test_a_fault_that_is_put_back_is_found(
    mutation: Mutation, written: dict[tuple[str, bool], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "stage.mjs"
    cases = written[mutation.scene, mutation.page]
    script = esm.script()
    if mutation.file.endswith(".js"):
        part = esm.IMPORT.sub("", esm.read(Path(mutation.file).name)).strip()
        assert part in script
        script = script.replace(part, part.replace(mutation.old, mutation.new))
    else:
        cases = tmp_path / "cases"
        cases.mkdir()
        write_mutated(mutation, cases, monkeypatch)
    module.write_text(script, encoding="utf-8")
    [told] = run_node(module, cases, ONLY=mutation.law, ZOOMS=mutation.zooms, **FEW_STEPS)
    assert told["count"].get(mutation.law), f"nobody noticed: {told['drawn']}"


def write_mutated(mutation: Mutation, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The case as it is with the fault in the Python that makes it."""
    name = mutation.file.removesuffix(".py").replace("/", ".")
    loaded = {name: load(name, mutation.old, mutation.new, monkeypatch)}
    for other in mutation.again:
        loaded[other] = load(other, "", "", monkeypatch)
    told = {}
    if "amqplab.stage.scene" in loaded:
        told["make"] = loaded["amqplab.stage.scene"].scene
    if "amqplab.stage.marks" in loaded:
        told["draw"] = loaded["amqplab.stage.marks"].marks
    write_case(folder, mutation.scene, list(recording(mutation.scene)), whole=False, **told)


def load(name: str, old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module made anew from its text, changed; until the test ends, others that are loaded find it."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    text = Path(spec.origin).read_text(encoding="utf-8")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text.replace(old, new) if old else text, spec.origin, "exec"), module.__dict__)
    return module
