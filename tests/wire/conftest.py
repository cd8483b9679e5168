"""Shared by the wire's tests: a golden text file, and the frames of one real session with RabbitMQ."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.fixture(scope="session")
def facts() -> dict[str, Any]:
    """The compact copy of the catalogue of methods, properties and field types."""
    found: dict[str, Any] = json.loads((DATA / "methods.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with a file of tests/data; UPDATE=1 rewrites the file, to be read in the diff."""

    def compare(name: str, text: str) -> None:
        path = DATA / name
        if os.environ.get("UPDATE"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text + "\n"

    return compare
