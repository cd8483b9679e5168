"""How wide words are, and how they are cut where there is too little room.

Theory
------
Python has no fonts, so a width is an estimate, and it errs to the wide side: the advance widths are those of
DejaVu Sans, the widest of the fonts that a page may fall back to. Names are up to 255 octets in any script,
and a number of characters says little about width: a Chinese character takes one em, a combining accent
nothing, an emoji made of four code points the room of one. So names are cut by *width*, between characters as
people see them, and the cut is marked with an ellipsis.

A right-to-left name stands in a picture whose words run left to right. It is wrapped in Unicode's isolates
(FSI ... PDI), so that its ellipsis comes at *its* end and it does not mix with numbers beside it.

What a name may hold but XML may not (control characters, lone surrogates) is shown by a sign of its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

__all__ = ["abridged", "cut", "isolated", "presentable", "width", "wrapped"]

ELLIPSIS = "…"
FSI, PDI = "\u2068", "\u2069"
JOINER = "\u200d"
MONO = 0.61
BOLD = 1.1

EMS = {
    " ": 0.32, "…": 1.0, "·": 0.32, "—": 1.0, "×": 0.84,
    **dict.fromkeys("ijl'|", 0.28), **dict.fromkeys("fIrt()[]!.,:;/\\-\"", 0.42),
    **dict.fromkeys("mwMW@%", 1.0), **dict.fromkeys("ABCDEFGHKNOPQRSTUVXYZL&#+=<>~J", 0.79),
    **dict.fromkeys("ceksvxyz_*?", 0.6), **dict.fromkeys("abdghnopqu0123456789$", 0.64),
}  # fmt: skip


def em_of(character: str) -> float:
    """The width of one code point in ems."""
    known = EMS.get(character)
    if known is not None:
        return known
    if character in (JOINER, FSI, PDI) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0 if ord(character) < 0x1F000 else 1.35
    return 0.7 if ord(character) < 0x2000 else 1.0


def width(words: str, size: int, *, bold: bool = False, mono: bool = False) -> int:
    """About how many units the words take at a font size; never less than they do."""
    ems = sum(max(MONO, em_of(one)) if mono and em_of(one) else em_of(one) for one in words)
    return int(ems * size * (BOLD if bold else 1.0) + 0.999)


def clusters(words: str) -> Iterator[str]:
    """The characters as people see them: a base with all that is drawn on it or joined to it."""
    found = ""
    for one in words:
        joins = em_of(one) == 0.0 or 0x1F3FB <= ord(one) <= 0x1F3FF or found.endswith(JOINER)
        if found and not joins:
            yield found
            found = ""
        found += one
    if found:
        yield found


@lru_cache(maxsize=4096)
def cut(words: str, room: int, size: int, *, bold: bool = False, mono: bool = False) -> str:
    """The words if there is room for them, else their beginning with an ellipsis."""
    shown = presentable(words)
    if width(shown, size, bold=bold, mono=mono) <= room:
        return isolated(shown)
    left = room - width(ELLIPSIS, size, bold=bold, mono=mono)
    kept = ""
    for one in clusters(shown):
        left -= width(one, size, bold=bold, mono=mono)
        if left < 0:
            break
        kept += one
    return isolated(kept.rstrip() + ELLIPSIS)


@lru_cache(maxsize=4096)
def abridged(name: str, room: int, size: int, *, bold: bool = False) -> str:
    """A name with its end kept: names that a server made, such as amq.gen-…, differ there."""
    shown = presentable(name)
    if width(shown, size, bold=bold) <= room or len(shown) < 12:
        return cut(name, room, size, bold=bold)
    end = "".join(list(clusters(shown))[-6:])
    left = room - width(ELLIPSIS + end, size, bold=bold)
    head = ""
    for one in clusters(shown):
        left -= width(one, size, bold=bold)
        if left < 0:
            break
        head += one
    return isolated(head + ELLIPSIS + end) if head else cut(name, room, size, bold=bold)


def isolated(words: str) -> str:
    """Words that run from right to left, kept to themselves; others as they are."""
    if any(unicodedata.bidirectional(one) in ("R", "AL", "AN") for one in words):
        return FSI + words + PDI
    return words


def presentable(words: str) -> str:
    """The words with a sign for whatever can be in a name, but not in XML or on paper."""
    return "".join(map(sign_for, words)) if not words.isprintable() else words


def sign_for(one: str) -> str:
    code = ord(one)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0x80 <= code < 0xA0 or 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE:
        return "\ufffd"
    overrides = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029"
    return "\ufffd" if one in overrides else one


def wrapped(words: str, room: int, size: int, *, bold: bool = False, most: int = 3) -> list[str]:
    """The words in at most `most` lines of that width; a word longer than a line is cut."""
    lines = [""]
    for word in presentable(words).split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(longer, size, bold=bold) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [cut(line, room, size, bold=bold) for line in lines]
