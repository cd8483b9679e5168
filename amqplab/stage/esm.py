"""The stage's script and its styles: many small files, joined into the one of each that a widget may have.

Theory
------
A Jupyter widget brings exactly one ES module, and may ask nobody for another. People read small files. So the
script is written as small modules with ordinary imports, which node can run one by one, and joined here
without any build tool: each module once, after everything it imports, its import lines left out.

That works because all modules then share one scope, which asks for two rules, checked while joining: a name
is declared at the top of one module only, and imports are plain, ``import { a, b } from "./c.js";``.

Styles are joined in the order of `STYLES`, for in CSS the later rule wins: what depends on the reader and the
page comes last.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from amqplab.stage.palette import css_variables

__all__ = ["SCRIPTS", "STYLES", "script", "styles"]

SCRIPTS = Path(__file__).parent / "js"
SHEETS = Path(__file__).parent / "css"
STYLES = (
    *(
        "palette",
        "frame",
        "bar",
        "picture",
        "marks",
        "sentence",
        "time",
        "docks",
        "ladder",
        "inspector",
        "tables",
    ),
    *("panels", "sheets", "presenting", "conditions"),
)
ENTRY = "stage.js"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z]+\.js)";\n', re.MULTILINE)
DECLARATION = re.compile(
    r"^(?:export )?(?:async )?(?:function|const|let|class) ([A-Za-z_$][\w$]*)", re.MULTILINE
)


@cache
def script() -> str:
    """The whole script as one ES module. Raises ValueError where two modules declare the same name."""
    order: list[str] = []
    visit(ENTRY, order, ())
    parts, owners = [], {}
    for name in order:
        text = read(name)
        for declared in DECLARATION.findall(text):
            if declared in owners:
                raise ValueError(f"{name} and {owners[declared]} both declare {declared}")
            owners[declared] = name
        parts.append(IMPORT.sub("", text).strip())
    return "\n\n".join(parts) + "\n"


def visit(name: str, order: list[str], path: tuple[str, ...]) -> None:
    """Depth first: what a module imports comes before it. Raises ValueError for a circle."""
    if name in path:
        raise ValueError(f"a circle of imports: {' -> '.join([*path, name])}")
    if name in order:
        return
    for imported in IMPORT.findall(read(name)):
        visit(imported, order, (*path, name))
    order.append(name)


@cache
def read(name: str) -> str:
    return (SCRIPTS / name).read_text(encoding="utf-8")


@cache
def styles() -> str:
    """The whole style sheet: the palette's colours, then the sheets."""
    return css_variables() + "\n".join(
        (SHEETS / f"{name}.css").read_text(encoding="utf-8") for name in STYLES
    )
