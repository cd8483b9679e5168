"""Chance belongs to the seed, also for programs that do not know it.

Theory
------
Clients draw random numbers: aio-pika gives every message a random id, others invent consumer tags. On the
wire such octets differ from run to run, and with them everything that depends on their digest; a fork of
such a run could never prove that it shares its past. So while the world is driven, Python's two sources of
chance, the operating system's (``os.urandom``, from which UUIDs and secrets are made) and the module
``random``, are replaced by generators of the world's own, made from its seed. Between drives, and in other
threads, they are what they always are.

What is *not* replaced is the wall clock. A program that reads ``time.time()`` brings the outside world in.
"""

from __future__ import annotations

import os
import random
import threading
from typing import Any

__all__ = ["Randomness"]


class Randomness:
    """Inside the `with`, chance comes from `seed`. The next `with` goes on where this one ended."""

    def __init__(self, seed: int) -> None:
        self._octets = random.Random(f"octets of {seed}")
        self._state: Any = random.Random(f"numbers of {seed}").getstate()
        self._outside: Any = None
        self._urandom: Any = None
        self._thread = 0

    def __enter__(self) -> Randomness:
        self._thread = threading.get_ident()
        self._urandom, os.urandom = os.urandom, self._draw
        self._outside = random.getstate()
        random.setstate(self._state)
        return self

    def __exit__(self, *_: object) -> None:
        self._state = random.getstate()
        random.setstate(self._outside)
        os.urandom = self._urandom

    def _draw(self, size: int, /) -> bytes:
        if threading.get_ident() != self._thread:
            return bytes(self._urandom(size))
        return self._octets.randbytes(size)
