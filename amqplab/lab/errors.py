"""What a lesson's author did wrong, in one sentence that says what to do.

Theory
------
A learner meets two kinds of no. The broker's no is part of the subject: it has a reply code, crosses the
wire and is raised as a class of :mod:`amqplab.errors`. The lab's own no is about how the lab is used: a
client that does not exist, a time without a unit, a program that never ends. Those are all
:class:`LabError`, and the text is written for the person at the keyboard: what is wrong, with their own
values in it, and what to type instead.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["LabError", "NothingMoreComes", "listed", "suggestion"]


class LabError(Exception):
    """The lab cannot do what was asked; the text says why and what to do instead."""


class NothingMoreComes(LabError):
    """A call waits for something that nobody in this world will ever send."""

    nothing_left_to_do = True  # for who waits in a loop, and may just as well end it

    nothing_left_to_do = True
    """By this the blocking client's ``start_consuming`` knows that it may return."""


def listed(names: Iterable[str]) -> str:
    """Names as a phrase: ``'a', 'b' and 'c'``; ``nothing`` if there are none."""
    quoted = [repr(name) for name in names]
    if not quoted:
        return "nothing"
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]


def suggestion(name: str, names: Iterable[str]) -> str:
    """A closing `` Did you mean 'x'?`` if `name` looks like one of `names`, else nothing."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
