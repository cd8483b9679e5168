"""Bytes of a protocol that nobody here knows: shown as they are.

Theory
------
To call them a broken frame would be a guess. A unit is what was written or read at once; it has no fields.
"""

from __future__ import annotations

from collections.abc import Sequence

from amqplab.wire.spans import Span, octets_text

__all__ = ["Plain", "byte_count"]

PREVIEWED = 40


class Plain:
    """No rules."""

    name = "bytes"

    def size(self, data: bytes, at: int) -> int:
        """All that is there."""
        return len(data) - at

    def next(self, unit: bytes) -> str:
        """Plain bytes stay plain."""
        return self.name

    def title(self, unit: bytes) -> str:
        """ "bytes"."""
        return self.name

    def summarise(self, unit: bytes) -> str:
        """How many, and how they begin."""
        return f"{byte_count(len(unit))}: {preview(unit)}"

    def dissect(self, unit: bytes) -> Sequence[Span]:
        """One span for all."""
        if not unit:
            return []
        return [Span(0, len(unit), "bytes", preview(unit), "of a protocol that is not known here")]


def preview(data: bytes) -> str:
    shown = octets_text(data[:PREVIEWED])
    return shown + "…" if len(data) > PREVIEWED else shown


def byte_count(number: int) -> str:
    """ "1 byte", "2 bytes"."""
    return f"{number} byte" if number == 1 else f"{number} bytes"
