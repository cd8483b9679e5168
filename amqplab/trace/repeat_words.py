"""What TCP sends again, in words: for the sentence of the segment, and for whoever looks into it.

Theory
------
Which segments' octets those are, and the five reasons, is found out in :mod:`amqplab.trace.repeats`.
"""

from __future__ import annotations

from amqplab.trace.repeats import Again
from amqplab.trace.words import numbered

__all__ = ["repeated_words"]


def repeated_words(again: Again) -> str:
    """What is in a segment once more, and why: "segments 38 and 47 again in one, because …"."""
    part = "bytes of " if again.part else ""
    together = " in one" if len(again.segments) > 1 and not again.part else ""
    new = " and more" if again.more else ""
    why = AGAIN_WORDS.get(again.reason, "it was not acknowledged")
    return f"{part}{numbered('segment', again.segments)} again{together}{new}, because {why}"


AGAIN_WORDS = {
    "timeout": "it was not acknowledged in time",
    "after timeout": "TCP took this for lost, too, when nothing was acknowledged in time",
    "repeated": "the same acknowledgement came again and again and asks for it",
    "asked": "the acknowledgement that came asks for it",
    "SYN": "the other end's SYN came again",
}
"""Why TCP sends something again (:mod:`amqplab.trace.repeats`)."""
