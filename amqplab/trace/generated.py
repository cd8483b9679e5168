"""Names that the broker made up, short enough to be read.

Theory
------
A queue without a name gets one of 30 characters (``amq.gen-`` and 22 at random), so that it is nobody else's. In a
sentence that is noise, and two of them are two lines of it. A sentence keeps the end, by which the picture knows
such a queue, too; State and inspector have the whole name.
"""

from __future__ import annotations

import re

__all__ = ["MADE_UP", "shortened"]

MADE_UP = "amq."
"""So begins what the broker named, and nobody else may: who has many sentences need look for no more."""

GENERATED = re.compile(r"(amq\.(?:gen|ctag)-)[\w-]{16}([\w-]{6})(?![\w-])", re.ASCII)


def shortened(sentence: str) -> str:
    """The sentence with `amq.gen-…I6-6qw` in place of a whole generated name. What people named stays as it is."""
    return GENERATED.sub(r"\1…\2", sentence)
