"""Regular expressions that an operator wrote: in permissions and policies.

Theory
------
They are Python's, searched for in names and not anchored. What is no regular expression is refused when it is
read, not when the first client comes; and Python has more ways than one to say that it is none: a repetition
that no counter can hold, or groups within groups beyond its stack.
"""

from __future__ import annotations

import re

__all__ = ["problem_of"]


def problem_of(pattern: str) -> str:
    """Why this is no regular expression; "" if it is one."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError) as error:
        return str(error)
    except RecursionError:
        return "it is nested too deep"
    return ""
