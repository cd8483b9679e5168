"""Run the lessons again and store their outputs: ``python notebooks/refresh.py [NOTEBOOK …]``.

Theory
------
A lesson is committed with its outputs, and every test run compares them with what the cells say today. When
the program's own texts or pictures change on purpose, this writes the new ones. Read the difference before
committing it: it is what a learner will see.

What would differ from run to run is left out: widget state, timings, and which Python it was.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def strip(notebook: nbformat.NotebookNode) -> None:
    """Leave only what is the same after every run."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            for kind in [kind for kind in data if kind.startswith("application/vnd.jupyter.widget")]:
                del data[kind]
            output.get("metadata", {}).clear()


def refresh(path: Path) -> None:
    """Run one notebook in place."""
    os.environ["AMQPLAB_PROGRESS"] = "off"
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", record_timing=False, store_widget_state=False
    ).execute()
    strip(notebook)
    nbformat.write(notebook, path)
    print(path.name)


if __name__ == "__main__":
    for each in map(Path, sys.argv[1:] or sorted(HERE.glob("*.ipynb"))):
        refresh(each)
