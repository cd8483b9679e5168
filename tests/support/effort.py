"""Work counted in calls, which are the same each time: so a test can ask for speed without looking at a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def work(action: Callable[[], Any]) -> int:
    """How many functions an action calls."""
    count = 0

    def called(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count
