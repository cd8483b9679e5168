"""``python -m bench [name …]``: run all comparisons, or those named, and print one table.

Goals that are missed are said so in the table; docs/decisions.md says why. Takes a few minutes; close other
programs.
"""

from __future__ import annotations

import importlib
import sys

from bench.table import Row, show

NAMES = ["codec", "clock", "simulation", "memory", "topic", "broker", "backlog", "stage"]


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"bench: no comparison is called {unknown[0]!r}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for name in names or NAMES:
        print(f"running {name} …", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"bench.{name}").run()
    print(show(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
