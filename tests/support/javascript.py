"""What tsc and eslint find wrong in the stage's scripts.

Theory
------
The scripts are plain modules without a build step, so nobody reads their types but these two: TypeScript's checker,
which holds them to the contract that Python declares (js/types.d.ts) and to what their comments say, and eslint.
What they look for stands beside the scripts, in js/tsconfig.json, js/tsconfig.strict.json and js/eslint.config.mjs.

*Strict* is a checker that believes nothing: everything must have a type, and whatever may be missing must be asked
for. The modules that everything else is built on are held to that; js/tsconfig.strict.json names them.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from needs import program
from npm import package

__all__ = ["lint", "strict_modules", "type_errors"]

TYPESCRIPT = "5.9.3"
ESLINT = "9.39.2"
WHY = "check the stage's scripts"


def type_errors(folder: Path, config: str = "tsconfig.json") -> list[str]:
    """A line for each error: `module.js(line,column): error TS…: what`."""
    tsc = package("typescript", TYPESCRIPT, WHY) / "bin" / "tsc"
    run = node(folder, tsc, "--project", config, "--pretty", "false")
    found = [line for line in run.stdout.splitlines() if re.match(r"\S.*error TS\d+: ", line)]
    assert run.returncode == 0 or found, run.stdout + run.stderr
    return found


def strict_modules(folder: Path) -> set[str]:
    """The modules that are held to everything."""
    return set(json.loads((folder / "tsconfig.strict.json").read_text(encoding="utf-8"))["files"])


def lint(folder: Path) -> list[str]:
    """A line for each complaint: `module.js:line: rule: what`."""
    eslint = package("eslint", ESLINT, WHY) / "bin" / "eslint.js"
    run = node(
        folder, eslint, "--config", "eslint.config.mjs", "--format", "json", "--max-warnings", "0", "."
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return [
        f"{Path(file['filePath']).name}:{message.get('line')}: {message['ruleId']}: {message['message']}"
        for file in json.loads(run.stdout)
        for message in file["messages"]
    ]


def node(folder: Path, script: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [program("node", WHY), str(script), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
