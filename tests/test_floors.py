"""The house has an order: a floor may import the floors above it, never one below (see `amqplab.__doc__`)."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from imports import circles, imports_within, modules

PACKAGE = Path(__file__).resolve().parent.parent / "amqplab"

# floor -> what of amqplab it may import, besides itself and what is open to all
MAY_IMPORT: dict[str, set[str]] = {
    "wire": set(),
    "trace": {"wire"},
    "model": {"wire", "trace"},
    "broker": {"wire", "trace", "model"},
    "client": {"wire", "trace"},
    "sim": {"trace"},
    "net": {"wire", "trace", "model", "broker", "client"},
    "stage": {"wire", "trace"},
    "lab": {"wire", "trace", "model", "broker", "client", "sim", "net", "stage"},
}
OPEN_TO_ALL = {"errors", "_collector", "_running", "__version__"}
CORE = ("wire", "trace", "model", "broker", "client", "sim")
# Broker, model, client and network are still known from inside: their circles are to go, too.
WITHOUT_CIRCLES = ("wire", "trace", "net", "stage", "lab")
# Core modules that use a library when asked for it: inside a function, and saying so when it is missing.
LAZY_LIBRARIES = {"trace/pcap.py": {"dpkt"}}

NEEDED_BY_SOME_VIEWS = {
    "IPython",
    "anywidget",
    "dpkt",
    "ipywidgets",
    "matplotlib",
    "networkx",
    "numpy",
    "pandas",
}


def imports_of(path: Path) -> list[tuple[str, bool]]:
    """(absolute module name, at top level?) of every import in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        node
        for scope in ast.walk(tree)
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(scope)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node not in inside) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which floor is meant"
            module = node.module or ""
            if module == "amqplab":
                found += [(f"amqplab.{alias.name}", node not in inside) for alias in node.names]
            else:
                found.append((module, node not in inside))
    return found


@pytest.mark.parametrize("floor", MAY_IMPORT)
def test_a_floor_imports_only_the_floors_above_it(floor: str) -> None:
    allowed = MAY_IMPORT[floor] | OPEN_TO_ALL | {floor}
    wrong = []
    for path in modules(PACKAGE, floor):
        for name, _ in imports_of(path):
            parts = name.split(".")
            if parts[0] != "amqplab" or len(parts) < 2:
                continue
            if parts[1] not in allowed:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("floor", CORE)
def test_the_core_needs_only_the_standard_library(floor: str) -> None:
    wrong = []
    for path in modules(PACKAGE, floor):
        lazy = LAZY_LIBRARIES.get(str(path.relative_to(PACKAGE)), set())
        for name, top_level in imports_of(path):
            top = name.split(".")[0]
            if top == "amqplab" or top in sys.stdlib_module_names or (top in lazy and not top_level):
                continue
            wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("floor", WITHOUT_CIRCLES)
def test_no_module_of_a_floor_needs_one_that_needs_it(floor: str) -> None:
    assert circles(imports_within(PACKAGE, floor)) == []


def test_every_floor_is_a_room_of_the_house() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == set(MAY_IMPORT)


@pytest.mark.parametrize("floor", MAY_IMPORT)
def test_every_module_opens_with_its_theory(floor: str) -> None:
    bare = [
        str(path.relative_to(PACKAGE))
        for path in modules(PACKAGE, floor)
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert bare == []


def modules_after(statement: str) -> set[str]:
    """What a new interpreter has imported after a statement."""
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout.split()
    )


def test_the_package_opens_no_floor_before_it_is_asked() -> None:
    bare = modules_after("import amqplab")
    assert {name for name in bare if name.startswith("amqplab.")} == set()
    assert "asyncio" not in bare


def test_the_lab_opens_without_what_only_some_views_need() -> None:
    opened = modules_after("from amqplab import Lab")
    assert opened & NEEDED_BY_SOME_VIEWS == set()
