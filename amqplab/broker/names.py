"""Names that the broker makes up, for whoever declares or consumes without one.

Theory
------
Such a name has to be different from every other, and hard to guess where it is an address. Both come from 16
octets, by a function that the owner of the broker gives: on a network they are random. Without one they come from
a counter, so that the same conversation gives the same names.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

__all__ = ["Names"]


class Names:
    """Where the names of one broker come from. :attr:`unique` gives 16 octets, other ones each time."""

    def __init__(self, unique: Callable[[], bytes] | None = None) -> None:
        self.unique: Callable[[], bytes] = unique or self._count
        self._counted = 0

    def fresh(self, prefix: str) -> str:
        """The prefix and 22 characters of the base64url alphabet (QUEUE-01, BASIC-14)."""
        text = base64.urlsafe_b64encode(self.unique()).decode().rstrip("=")
        return f"{prefix}-{text}"

    def _count(self) -> bytes:
        self._counted += 1
        return hashlib.sha256(b"amqplab name %d" % self._counted).digest()[:16]
