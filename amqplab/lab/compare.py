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
from itertools import zip_longest
from typing import NamedTuple

from amqplab.trace.dissection import Text, frames_of
from amqplab.trace.query import FrameRow
from amqplab.trace.table import Rows
from amqplab.wire.dissect import Span, dissect, summarise

__all__ = ["CompareRow", "compare", "side_by_side"]

OCTETS_A_LINE = 8


class CompareRow(NamedTuple):
    """One frame of either side. `verdict` is "the same bytes", "differs in …", "only the first", …"""

    frame: str
    verdict: str
    first: bytes | None
    second: bytes | None


def compare(
    first: Sequence[bytes | FrameRow],
    second: Sequence[bytes | FrameRow],
    names: tuple[str, str] = ("ours", "theirs"),
) -> Rows[CompareRow]:
    """Line up two lists of frames (octets, or rows of ``lab.frames``), and say of each whether the other side
    has the same octets.
    """
    first, second = _octets_of(first), _octets_of(second)
    titles = [[_title(frame) for frame in frames] for frames in (first, second)]
    matcher = SequenceMatcher(None, titles[0], titles[1], autojunk=False)
    rows = []
    for _, start, end, other_start, other_end in matcher.get_opcodes():
        ours: list[bytes | None] = list(first[start:end])
        theirs: list[bytes | None] = list(second[other_start:other_end])
        if end - start != other_end - other_start or titles[0][start:end] != titles[1][other_start:other_end]:
            ours, theirs = [*ours, *(None for _ in theirs)], [*(None for _ in ours), *theirs]
        rows += [_row(one, other, names) for one, other in zip(ours, theirs, strict=True)]
    return Rows(rows, ("frame", "verdict"))


def side_by_side(first: bytes, second: bytes, names: tuple[str, str] = ("ours", "theirs")) -> Text:
    """The octets of two pieces of wire beside each other, eight on a line, frame by frame; a line that
    differs is marked with "≠".
    """
    width = OCTETS_A_LINE * 3
    lines = [f"      {names[0]:<{width}}   {names[1]}"]
    for one, other in zip_longest(frames_of(first), frames_of(second), fillvalue=b""):
        titles = dict.fromkeys(summarise(frame) for frame in (one, other) if frame)
        lines += ["", " / ".join(titles)]
        for at in range(0, max(len(one), len(other)), OCTETS_A_LINE):
            ours, theirs = one[at : at + OCTETS_A_LINE], other[at : at + OCTETS_A_LINE]
            mark = " " if ours == theirs else "≠"
            text = _readable(theirs or ours)
            lines.append(f"{at:04x}  {ours.hex(' '):<{width}} {mark} {theirs.hex(' '):<{width}} {text}")
    return Text("\n".join(line.rstrip() for line in lines))


def _readable(octets: bytes) -> str:
    return "".join(chr(octet) if 32 <= octet < 127 else "·" for octet in octets)


def _octets_of(frames: Sequence[bytes | FrameRow]) -> list[bytes]:
    return [frame.data if isinstance(frame, FrameRow) else frame for frame in frames]


def _row(one: bytes | None, other: bytes | None, names: tuple[str, str]) -> CompareRow:
    frame = summarise(one if one is not None else other or b"")
    if one is None or other is None:
        verdict = f"only {names[0] if other is None else names[1]}"
    elif one == other:
        verdict = "the same bytes"
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
