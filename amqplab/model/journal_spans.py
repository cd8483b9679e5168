"""The dissection of a journal: every octet of a file with its name, its value and its meaning.

Theory
------
A file of the journal is a header and records; inside a record stand ordinary frames, which the dissector of
the wire explains (:mod:`amqplab.wire.dissect`). Here is only what is around them. What cannot be read is
shown as what it is, and reading goes on behind it where that is possible: a student may look at any file,
whole, torn or damaged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from amqplab.model.journal import HEAD_OCTETS, HEADER_OCTETS, Problem, Record, walk
from amqplab.wire.dissect import Span, dissect
from amqplab.wire.spans import octets_text

__all__ = ["journal_spans"]

PREVIEWED_OCTETS = 40
HEADER_FIELDS = (
    ("magic", 4, "a journal of amqplab"),
    ("protocol", 3, "the frames are those of AMQP 0-9-1"),
    ("format", 1, "of the records"),
    ("salt", 4, "the checksums of this file begin with it"),
    ("checksum", 4, "CRC-32 of the header so far"),
)
HEAD_FIELDS = (
    ("length", 4, "octets of frames"),
    ("number", 4, "of the record in this file"),
    ("checksum", 4, "CRC-32 of length, number and frames: right"),
)


def journal_spans(data: bytes) -> Iterator[Span]:
    """A span for the header, then one for each record or piece that is none; together all of `data`.
    Raises ForeignJournal at the first step.
    """
    at = 0
    for item in walk(data, salvage=True):
        if at == 0 and item.offset >= HEADER_OCTETS:
            yield _header(data)
            at = HEADER_OCTETS
        if isinstance(item, Record):
            yield _record(data, item)
            at = item.end
        else:
            end = len(data) if item.resumes_at in (None, item.offset) else item.resumes_at
            assert end is not None
            if item.resumes_at != item.offset:
                yield _problem(data, item, end)
                at = end
    if at == 0 and len(data) >= HEADER_OCTETS:
        yield _header(data)


def _header(data: bytes) -> Span:
    children = tuple(_fields(data, 0, HEADER_FIELDS))
    return Span(0, HEADER_OCTETS, "journal header", None, f"{HEADER_OCTETS} octets", children)


def _fields(data: bytes, at: int, layout: tuple[tuple[str, int, str], ...]) -> Iterator[Span]:
    for name, count, meaning in layout:
        octets = data[at : at + count]
        value: int | str = int.from_bytes(octets, "big")
        if name == "magic":
            value = octets_text(octets)
        elif name == "protocol":
            value = "-".join(map(str, octets))
        elif name in ("salt", "checksum"):
            value = f"0x{octets.hex()}"
        yield Span(at, at + count, name, value, meaning)
        at += count


def _record(data: bytes, record: Record) -> Span:
    start = record.offset + HEAD_OCTETS
    frames = [_moved(span, start) for span in dissect(data[start : record.end])]
    kinds = Counter(type(entry).__name__ for entry in record.entries)
    told = ", ".join(f"{kind} × {count}" if count > 1 else kind for kind, count in kinds.items())
    children = (*_fields(data, record.offset, HEAD_FIELDS), *frames)
    return Span(record.offset, record.end, f"record {record.number}", None, told or "nothing", children)


def _moved(span: Span, by: int) -> Span:
    """The same span where it stands in the file."""
    children = tuple(_moved(child, by) for child in span.children)
    return span._replace(start=span.start + by, end=span.end + by, children=children)


def _problem(data: bytes, problem: Problem, end: int) -> Span:
    shown = octets_text(data[problem.offset : min(end, problem.offset + PREVIEWED_OCTETS)])
    return Span(problem.offset, end, problem.kind, shown, problem.text)
