"""Two conversations side by side: which frames are the same, and in which fields others differ.

Theory
------
"The same, for real" is a claim, and octets settle it. Two lists of frames are lined up as a text comparison
lines up two files, by what each frame is (its one-line summary, numbers left out); then frames that stand
beside each other are compared octet by octet, and where they differ, the dissector says in which fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from amqplab.trace.table import Rows
from amqplab.wire.dissect import Span, dissect, summarise

__all__ = ["CompareRow", "compare"]


class CompareRow(NamedTuple):
    """One frame of either side. `verdict` is "the same octets", "differs in …", "only the first", …"""

    frame: str
    verdict: str
    first: bytes | None
    second: bytes | None


def compare(
    first: Sequence[bytes], second: Sequence[bytes], names: tuple[str, str] = ("ours", "theirs")
) -> Rows[CompareRow]:
    """Line up two lists of frames, and say of each whether the other side has the same octets."""
    titles = [[_title(frame) for frame in frames] for frames in (first, second)]
    matcher = SequenceMatcher(None, titles[0], titles[1], autojunk=False)
    rows = []
    for _, start, end, other_start, other_end in matcher.get_opcodes():
        ours: list[bytes | None] = list(first[start:end])
        theirs: list[bytes | None] = list(second[other_start:other_end])
        if end - start != other_end - other_start or titles[0][start:end] != titles[1][other_start:other_end]:
            ours, theirs = ours + [None] * len(theirs), [None] * len(ours) + theirs
        rows += [_row(one, other, names) for one, other in zip(ours, theirs, strict=True)]
    return Rows(rows, ("frame", "verdict"))


def _row(one: bytes | None, other: bytes | None, names: tuple[str, str]) -> CompareRow:
    frame = summarise(one if one is not None else other or b"")
    if one is None or other is None:
        verdict = f"only {names[0] if other is None else names[1]}"
    elif one == other:
        verdict = "the same octets"
    else:
        verdict = f"differs in {', '.join(dict.fromkeys(_differing(dissect(one), dissect(other))))}"
    return CompareRow(frame, verdict, one, other)


def _differing(ours: Sequence[Span], theirs: Sequence[Span]) -> Iterator[str]:
    """The names of the outermost fields that differ, but for the frame's own size."""
    for one, other in zip(ours, theirs, strict=False):
        if one.name in ("size", "frame-end") or (_same(one) == _same(other)):
            continue
        if one.name in GROUPS and one.children and other.children:
            yield from _differing(one.children, other.children)
        else:
            yield one.name


GROUPS = ("method frame", "content header frame", "content body frame", "payload", "bits")


def _same(span: Span) -> object:
    """What makes a span equal to another, wherever it stands."""
    return (span.name, span.value, span.meaning, tuple(map(_same, span.children)))


def _title(frame: bytes) -> str:
    return re.sub(r"\d+", "#", summarise(frame))
