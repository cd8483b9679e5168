"""Shared by the wire's tests: the catalogue's facts, and the frames of one real session with RabbitMQ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.fixture(scope="session")
def facts() -> dict[str, Any]:
    """The compact copy of the catalogue of methods, properties and field types."""
    found: dict[str, Any] = json.loads((DATA / "methods.json").read_text(encoding="utf-8"))
    return found
