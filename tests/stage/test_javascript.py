"""The stage's scripts are type-checked against the contract, and linted; and both checks would find a slip."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from javascript import lint, strict_modules, type_errors

from amqplab.stage import esm

SCRIPTS = esm.SCRIPTS
MODULES = {module.name for module in SCRIPTS.glob("*.js")}


def test_the_types_of_every_module_are_right() -> None:
    assert type_errors(SCRIPTS) == []


def test_what_all_others_build_on_is_strict() -> None:
    """And a module that has become strict by itself is taken in."""
    strict = strict_modules(SCRIPTS)
    errors = type_errors(SCRIPTS, "tsconfig.strict.json")
    assert [error for error in errors if module_of(error) in strict] == []
    assert MODULES - {module_of(error) for error in errors} == strict


def test_eslint_finds_nothing_in_any_module() -> None:
    assert lint(SCRIPTS) == []


def test_no_module_is_let_off() -> None:
    """Whoever silences a checker says why, and for one line only."""
    for module in sorted(SCRIPTS.glob("*.js")):
        for number, line in enumerate(module.read_text(encoding="utf-8").splitlines(), 1):
            assert "@ts-nocheck" not in line and "@ts-ignore" not in line, f"{module.name}:{number}"
            for silencer in ("@ts-expect-error", "eslint-disable"):
                if silencer in line:
                    reason = line.partition(silencer)[2].removeprefix("-next-line").partition("--")[2]
                    assert len(reason.split()) > 2, f"{module.name}:{number} says no reason"


# --- the checks bite ---

MISTYPED = {
    "scene.js": ("TS2551", "\nexport const slipA = (/** @type {Scene} */ scene) => scene.record.at;\n"),
    "story.js": ("TS2339", "\nexport const slipB = (/** @type {Sent.Life} */ life) => life.patience;\n"),
    "player.js": ("TS2305", '\nimport { seekTo } from "./state.js";\nexport const slipC = seekTo;\n'),
    "legend.js": ("TS2554", "\nexport const slipD = () => closeButton(1, 2, 3);\n"),
}
NOT_STRICT = {
    "state.js": ("TS7006", "\nexport const slipE = (world) => world;\n"),
    "lifetimes.js": ("TS2532", "\nexport const slipF = (/** @type {number[]} */ list) => list.at(-1) + 1;\n"),
}
UNTIDY = {
    "text.js": ("no-unused-vars", "\nconst slipG = 1;\n"),
    "keys.js": ("eqeqeq", "\nexport const slipH = (key) => key == 1;\n"),
    "ride.js": ("no-shadow", "\nexport const slipI = (LOST_AT) => LOST_AT;\n"),
    "clock.js": ("no-undef", '\nexport const slipJ = () => fetch("clock");\n'),
    "dock.js": ("prefer-const", "\nexport function slipK() {\n  let one = 1;\n  return one;\n}\n"),
}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SCRIPTS, tmp_path / "js"))


def test_a_wrong_type_is_found_in_any_module(copied: Path) -> None:
    spoil(copied, MISTYPED)
    errors = type_errors(copied)
    assert {(module_of(error), code_of(error)) for error in errors} == expected(MISTYPED)


def test_what_is_not_strict_is_found_where_it_must_be(copied: Path) -> None:
    spoil(copied, NOT_STRICT)
    errors = [
        error for error in type_errors(copied, "tsconfig.strict.json") if module_of(error) in NOT_STRICT
    ]
    assert {(module_of(error), code_of(error)) for error in errors} == expected(NOT_STRICT)


def test_an_untidy_line_is_found(copied: Path) -> None:
    spoil(copied, UNTIDY)
    found = {tuple(complaint.replace(":", " ").split()[::2][:2]) for complaint in lint(copied)}
    assert found == expected(UNTIDY)


def spoil(folder: Path, lines: dict[str, tuple[str, str]]) -> None:
    for name, (_, line) in lines.items():
        with (folder / name).open("a", encoding="utf-8") as module:
            module.write(line)


def expected(lines: dict[str, tuple[str, str]]) -> set[tuple[str, str]]:
    return {(name, rule) for name, (rule, _) in lines.items()}


def module_of(error: str) -> str:
    return error.partition("(")[0]


def code_of(error: str) -> str:
    return error.partition("error ")[2].partition(":")[0]
