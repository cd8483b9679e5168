"""Tables as text: "x-max-length=10, x-overflow=drop-head", and one argument out of such a text.

Theory
------
An event holds plain text where the protocol has a table, so that equal declarations print equally everywhere
(:mod:`amqplab.model.describe`). A reader who wants one argument looks for its name. And what a reader itself
finds in a table, it writes in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from amqplab.wire.table import Table

__all__ = ["argument", "in_words", "value_in_words"]


def argument(text: str, name: str) -> str | None:
    """One argument out of such a text; None if it is not there."""
    found = re.search(rf"(?:^|, ){re.escape(name)}=(.*?)(?=, [\w-]+=|$)", text, re.DOTALL)
    return found[1] if found else None


def in_words(table: Mapping[str, Any]) -> str:
    """A table as such a text."""
    pairs = table.pairs if isinstance(table, Table) else table.items()
    return ", ".join(f"{name}={value_in_words(value)}" for name, value in pairs)


def value_in_words(value: Any) -> str:
    """One value of a table, as the broker writes those of a binding."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return f"{{{in_words(value)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_in_words, value))}]"
    return "undefined" if value is None else str(value)
