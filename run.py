#!/usr/bin/env python3
"""Set everything up and run it: `python3 run.py lesson` or `python3 run.py test`.

Needs only Python 3.11 or newer. Everything is installed into the folder `.venv` beside this file, nowhere
else; delete that folder to start afresh. Runs again without installing as long as pyproject.toml is the same.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("AMQPLAB_VENV", ROOT / ".venv"))
FIRST_LESSON = "notebooks/01-journey-of-one-message.ipynb"
PROGRAMS = {
    "chromium": "shows the widget in a real browser",
    "rabbitmq-server": "is the reference that the broker is compared with",
    "tshark": "reads the exported captures",
    "node": "tests the widget's pure functions",
    "npm": "fetches axe-core and Pyodide, once, for the tests that need them",
}


def main() -> int:
    arguments = parse(sys.argv[1:])
    if sys.version_info < (3, 11):  # noqa: UP036 - an older Python reads this line, and its reader the next
        return complain(f"amqplab needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    try:
        python = set_up("lab" if arguments.task == "lesson" else "test")
    except (OSError, subprocess.CalledProcessError) as error:
        return complain(
            f"Setting up {VENV} failed: {error}. On Debian and Ubuntu, `apt install python3-venv` may be "
            "what is missing; otherwise read the lines above."
        )
    if arguments.task == "lesson":
        return lesson(python, arguments.rest)
    return test(python, arguments.rest)


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=["lesson", "test"], help="open the first lesson, or run all tests")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="passed on to jupyter lab or pytest")
    return parser.parse_args(words)


def complain(sentence: str) -> int:
    print(f"run.py: {sentence}", file=sys.stderr)
    return 2


def set_up(extra: str) -> str:
    """Make the virtual environment hold amqplab with `extra`; returns its Python."""
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = VENV / f"amqplab-{extra}.stamp"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return str(python)
    if not python.exists():
        print(f"Making a virtual environment in {VENV} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    print(f"Installing amqplab[{extra}] (a minute or two, only the first time) …", flush=True)
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "on"]
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    subprocess.run([*pip, *quiet, "--editable", f"{ROOT}[{extra}]"], check=True)
    stamp.write_text(wanted)
    return str(python)


def lesson(python: str, rest: list[str]) -> int:
    print("Opening the first lesson in JupyterLab; press Ctrl-C twice here to stop it.", flush=True)
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # containers often are
    there = [f"--ServerApp.root_dir={ROOT}", f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}"]
    command = [python, "-m", "jupyterlab", *there, *as_root, *rest]
    if os.name == "nt":
        return subprocess.call(command, cwd=ROOT)
    os.chdir(ROOT)
    os.execv(python, command)  # whoever stops this process then stops JupyterLab, and nothing is left behind


def test(python: str, rest: list[str]) -> int:
    for program, purpose in PROGRAMS.items():
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"):
            print(f"note: {program} is not on this machine; it {purpose}. Its tests will be skipped.")
    sys.stdout.flush()
    return subprocess.call([python, "-m", "pytest", *rest], cwd=ROOT)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
