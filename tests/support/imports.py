"""Who imports whom in a floor of the house, read from the source; and which modules go round in circles.

Theory
------
Two modules that need each other are one module in two files: neither can be read, tested or replaced alone. So
the imports of a floor shall be a hierarchy. What counts is every import, wherever it stands in the file: one
inside a function or for the type checker only delays a circle, and does not open it.
"""

from __future__ import annotations

import ast
from pathlib import Path

__all__ = ["circles", "imported_modules", "imports_within", "module_name", "modules"]


def modules(package: Path, floor: str) -> list[Path]:
    """The files of a floor."""
    return sorted((package / floor).rglob("*.py"))


def module_name(package: Path, path: Path) -> str:
    """As it is imported: amqplab.trace.fold."""
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path) -> set[str]:
    """All that a file imports, wherever in it, also for the type checker only; and names that may be modules."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imports_within(package: Path, floor: str) -> dict[str, set[str]]:
    """For each module of a floor, those of the same floor that it imports."""
    paths = {module_name(package, path): path for path in modules(package, floor)}
    return {name: (imported_modules(path) & paths.keys()) - {name} for name, path in paths.items()}


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Modules that reach each other by their imports."""
    reach = {name: set(there) for name, there in imports.items()}
    grown = True
    while grown:
        grown = False
        for name, there in reach.items():
            more = there.union(*(reach[one] for one in there))
            if more != there:
                reach[name], grown = more, True
    groups = {
        frozenset([name, *(one for one in reach[name] if name in reach[one])])
        for name in imports
        if name in reach[name]
    }
    return sorted(sorted(group) for group in groups)
