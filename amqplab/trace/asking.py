"""How a question that makes no sense is answered: in one sentence that says what to do.

Theory
------
A learner meets two kinds of no. The broker's no is part of the subject: it has a reply code, crosses the
wire and is raised as a class of :mod:`amqplab.errors`. The laboratory's own no is about how it is used: a
client that does not exist, a time without a unit, a message that was never published. Those are all
:class:`LabError`, and the text is written for the person at the keyboard: what is wrong, with their own
values in it, and what to type instead.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = ["LabError", "check_choice", "listed", "said_plainly", "suggestion"]


class LabError(Exception):
    """The laboratory cannot do what was asked; the text says why and what to do instead."""


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


def check_choice(value: object, choices: Iterable[str], what: str) -> None:
    """Raise LabError if `value` is none of `choices`; `what` says what they are: "zoom"."""
    known = list(choices)
    if value not in known:
        near = suggestion(value, known) if isinstance(value, str) else ""
        raise LabError(f"There is no {what} {value!r}: choose one of {', '.join(known) or 'none'}.{near}")


@contextmanager
def said_plainly() -> Iterator[None]:
    """What the readers of a record and the file system refuse, as a LabError in a sentence of its own."""
    try:
        yield
    except OSError as error:
        raise LabError(
            f"{str(error.filename)!r} cannot be written: {error.strerror}. Give a path in a folder that is "
            "there and that you may write to."
        ) from error
    except (ValueError, LookupError, ImportError) as error:
        text = str(error.args[0]) if error.args else type(error).__name__
        raise LabError(text[:1].upper() + text[1:].rstrip(".") + ".") from error
