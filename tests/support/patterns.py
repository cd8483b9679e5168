"""Stand-ins for values that RabbitMQ itself varies, to be put into an expected method.

Theory
------
An expectation is an ordinary method, compared with ``==``. Where a field may be anything of a certain form
(a generated name, the order of a list), a pattern stands in its place: it is equal to everything it allows,
and prints what that is, so that a failed comparison still reads well.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["ANY", "collapsed", "matching", "one_of"]


class Pattern:
    """Equal to every value it allows."""

    def __init__(self, description: str) -> None:
        self.description = description

    def allows(self, value: Any) -> bool:
        """Whether `value` fits."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return self.allows(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return self.description


class _Any(Pattern):
    def allows(self, value: Any) -> bool:
        return True


class _Matching(Pattern):
    def allows(self, value: Any) -> bool:
        return isinstance(value, str) and re.fullmatch(self.description, value, re.DOTALL) is not None


class _Collapsed(Pattern):
    def allows(self, value: Any) -> bool:
        return isinstance(value, str) and _squeeze(value) == _squeeze(self.description)


class _OneOf(Pattern):
    def __init__(self, *choices: Any) -> None:
        super().__init__(" or ".join(map(repr, choices)))
        self.choices = choices

    def allows(self, value: Any) -> bool:
        return value in self.choices


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)


ANY = _Any("anything")


def matching(regular_expression: str) -> Pattern:
    """Any text that the regular expression matches as a whole."""
    return _Matching(regular_expression)


def collapsed(text: str) -> Pattern:
    """The text, blanks and line breaks aside: the Erlang printer breaks long terms (CODEC-04)."""
    return _Collapsed(text)


def one_of(*choices: Any) -> Pattern:
    """Any of several values."""
    return _OneOf(*choices)
