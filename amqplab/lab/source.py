"""Where it lives in the code: the source of a function or class, as it is now.

Theory
------
A lesson that pastes code shows what the code once was. This shows what runs: the text is read by ``inspect``
from the imported object, so it cannot be out of date.
"""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

from amqplab.lab.errors import LabError

__all__ = ["Source", "source"]


class Source:
    """The text of a function or class, and where it stands. A notebook shows it in colour."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    def __repr__(self) -> str:
        return f"# {self.path}\n{self.text}"

    def _repr_markdown_(self) -> str:
        return f"`{self.path}`\n\n```python\n{self.text}\n```"


def source(thing: Any) -> Source:
    """The source of `thing`. Raises LabError if it has none."""
    thing = inspect.unwrap(thing) if callable(thing) else thing
    try:
        text = textwrap.dedent(inspect.getsource(thing)).rstrip()
    except (TypeError, OSError) as error:
        raise LabError(
            f"{thing!r} has no Python source to show: give a function, a class or a module."
        ) from error
    module = thing.__name__ if inspect.ismodule(thing) else thing.__module__
    return Source(module.replace(".", "/") + ".py", text)
