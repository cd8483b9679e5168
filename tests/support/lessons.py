"""The lessons, read and run without Jupyter. As a script: ``lessons.py NOTEBOOK`` prints the labs' digests.

Theory
------
A lesson is ordinary Python in cells. Run here, in any Python that has nothing but the standard library, it
must leave the same records as in a notebook. Two kinds of cells are left out, for they are not the
simulation's: those that wait for the real world (a top-level ``await``), and those that use what only such a
cell has made. Pictures need the widget's libraries and change nothing, so they are not drawn.
"""

from __future__ import annotations

import ast
import json
import linecache
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["LESSONS", "NOTEBOOKS", "SHOWN", "cells", "code", "digests", "read", "run_plainly"]

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
SHOWN = "__shown__"
Cell = dict[str, Any]


def read(path: Path) -> dict[str, Any]:
    """A notebook as stored."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def cells(path: Path, *kinds: str) -> list[Cell]:
    """The cells of these kinds, "code" or "markdown"; code if none is named."""
    return [cell for cell in read(path)["cells"] if cell["cell_type"] in (kinds or ("code",))]


def code(cell: Cell) -> str:
    """A cell's text."""
    return "".join(cell["source"])


def run_plainly(path: Path) -> dict[str, Any]:
    """Run the cells that need only the simulation; returns their names and values.

    ``names[SHOWN]`` maps the text of each cell that ends with an expression to what it would show.
    """
    from amqplab import Lab

    names: dict[str, Any] = {"__name__": path.stem, SHOWN: {}}
    draw = Lab.stage
    Lab.stage = lambda *_, **__: None  # type: ignore[method-assign,assignment]
    try:
        for number, text in enumerate(simulated(path)):
            file = f"<{path.stem} {number}>"
            linecache.cache[file] = (len(text), None, text.splitlines(True), file)  # for inspect
            tree = ast.parse(text)
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, file, "exec"), names)
            if isinstance(last, ast.Expr):
                names[SHOWN][text] = eval(compile(ast.Expression(last.value), file, "eval"), names)
    finally:
        Lab.stage = draw  # type: ignore[method-assign]
    return names


def simulated(path: Path) -> Iterator[str]:
    """The texts of the cells that need only the simulation."""
    missing: set[str] = set()
    for cell in cells(path):
        text = code(cell)
        tree = compile(text, path.name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        used, made = names_in(tree)
        if used & missing or any(isinstance(node, ast.Await | ast.AsyncWith) for node in outside(tree)):
            missing |= made
        else:
            missing -= made
            yield text


def names_in(tree: ast.AST) -> tuple[set[str], set[str]]:
    """The names that a cell reads, and those that it sets."""
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    defined = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {node.id for node in names if isinstance(node.ctx, ast.Load)}, made | defined


def outside(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that is in no function."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from outside(node)


def digests(names: dict[str, Any]) -> dict[str, str]:
    """The fingerprint of each lab that met no real client."""
    from amqplab import Lab

    labs = {name: value for name, value in names.items() if isinstance(value, Lab) and name[0] != "_"}
    return {name: lab.digest() for name, lab in sorted(labs.items()) if not lab.was_live}


if __name__ == "__main__":
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()):
        found = digests(run_plainly(Path(sys.argv[1])))
    print(json.dumps(found))
