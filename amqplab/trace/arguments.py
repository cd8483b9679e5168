"""Arguments as events tell them: "x-max-length=10, x-overflow=drop-head".

Theory
------
An event holds plain text where the protocol has a table, so that equal declarations print equally everywhere
(:mod:`amqplab.model.describe`). A reader who wants one argument looks for its name.
"""

from __future__ import annotations

import re

__all__ = ["argument"]


def argument(text: str, name: str) -> str | None:
    """One argument out of such a text; None if it is not there."""
    found = re.search(rf"(?:^|, ){re.escape(name)}=(.*?)(?=, [\w-]+=|$)", text, re.DOTALL)
    return found[1] if found else None
