"""Leave the garbage collector out of work that makes many objects and no garbage.

Theory
------
Python looks for unreachable circles each time so many objects have been made. Whoever builds something large that
stays (a scene, a recovered broker) makes it look again and again at what is all in use: a quarter to a third of
the time. Inside this block it does not look; afterwards it does as before.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without_collections"]


@contextmanager
def without_collections() -> Iterator[None]:
    """Inside, nobody looks for garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
