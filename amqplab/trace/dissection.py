"""A dissection that can be read and asked: every octet of some frames, as text and by name.

Theory
------
A learner reads the text. A question to the run ("which number does the header frame announce?") needs the
value itself, and should not count octets to get it: ``dissection.field("size of body")``. A property that is
not there has a name, too, because its flag has one; its value is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from amqplab.trace.asking import LabError, suggestion
from amqplab.wire.dissect import Span, dissect, render

__all__ = ["Dissection", "Text", "frames_of"]


class Text(str):
    """A text that a notebook shows as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Dissection(Text):
    """The text of a dissection. ``octets`` are the octets, ``spans`` the tree that the text shows."""

    octets: bytes
    spans: list[Span]

    def __new__(cls, octets: bytes) -> Dissection:
        spans = dissect(octets)
        made = super().__new__(cls, render(spans, octets))
        made.octets, made.spans = octets, spans
        return made

    def field(self, name: str) -> Any:
        """The value of the field called `name`, the first of that name; None for a property that is absent.

        Raises LabError if no field has that name.
        """
        found = list(fields(self.spans))
        values = [value for known, value in found if known == name]
        if not values:
            known = dict.fromkeys(name for name, _ in found)
            near = suggestion(name, known) or f" It has: {', '.join(known)}."
            raise LabError(f"This dissection has no field {name!r}.{near}")
        return next((value for value in values if value is not None), None)


def fields(spans: Iterable[Span]) -> Iterator[tuple[str, Any]]:
    """(name, value) of every span; a property's flag says only whether the property is there."""
    for span in spans:
        yield span.name, span.value
        if span.name == FLAGS:
            yield from ((flag.name, None) for flag in span.children)
        else:
            yield from fields(span.children)


FLAGS = "property flags"


def frames_of(octets: bytes) -> list[bytes]:
    """The octets of each frame in `octets`."""
    return [octets[span.start : span.end] for span in dissect(octets)]
