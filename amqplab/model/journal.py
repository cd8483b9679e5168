"""The journal: what a broker knows that must survive, as octets that survive the end of the broker.

Theory
------
A file of the journal is a header and records, one after another. Nothing in it is ever changed; a record is
added at the end, and made safe (``fsync``) before the next one is begun::

    0                       8          12         16
    +------+----+---+---+---+----------+----------+----------+----------+--
    | AMQJ |  0 | 9 | 1 | 1 |   salt   | checksum | record 0 | record 1 | …
    +------+----+---+---+---+----------+----------+----------+----------+--
      magic  0-9-1 frames |              CRC-32 of what stands before it
                          the format of the records: 1

    0          4          8          12                                         12+length
    +----------+----------+----------+------------------------------------------+
    | length   | number   | checksum | AMQP frames: the entries of this record  |
    +----------+----------+----------+------------------------------------------+
     octets of   0, 1, 2,   CRC-32 of length, number and frames, begun with the
     frames      …          salt instead of 0 (all numbers big-endian, 4 octets)

The frames are ordinary AMQP frames (:mod:`amqplab.model.journal_entries` says which mean what), so whoever
reads a wire reads a disk.

**One record is one trip to the disk.** All entries that wait while the disk is busy go into the next record
together: that is *group commit*, one ``fsync`` for many confirms. And a record is there as a whole or not at
all, so what belongs together (a transaction) stays together.

**Reading after a crash.** The last record may be half written: cut short, or with holes, because a disk
writes its sectors in any order. Nothing in it was ever confirmed, since a confirm waits for the ``fsync``; it
is cut off, and said to be. But a record that does not check while a whole one stands *behind* it is another
thing: the one behind was begun after this one was safe, so what was safe is safe no more. That is
damage, and never passed over in silence. (The salt is there for this search: a message whose body holds the
octets of a record is not taken for one.) ::

    record 0 ✓   record 1 ✓   record 2 ✗                  torn: it was being written; go on after record 1
    record 0 ✓   record 1 ✗   record 2 ✓                  damaged: refuse, or salvage what is readable

A header that is not this one is somebody else's file: :class:`ForeignJournal`, the only exception here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from amqplab.errors import UsageError
from amqplab.model.journal_entries import Entry
from amqplab.model.journal_reading import read_entries
from amqplab.wire.errors import DecodeError

__all__ = [
    "FORMAT",
    "ForeignJournal",
    "Problem",
    "Reading",
    "Record",
    "encode_header",
    "encode_record",
    "looks_like_a_journal",
    "pack",
    "read",
    "salt_of",
    "walk",
]

FORMAT = 1
MAGIC = b"AMQJ"
KIND = MAGIC + bytes((0, 9, 1, FORMAT))
HEADER_OCTETS = 16

_FIELD = struct.Struct("!I")
_HEAD = struct.Struct("!III")
_COUNTED = struct.Struct("!II")  # the part of the head that the checksum covers
HEAD_OCTETS = _HEAD.size
RECORD_OCTETS = 1 << 20
"""How many octets of frames one record should have when there is a choice."""
LARGEST_RECORD = (1 << 32) - 1
SEARCHED_OCTETS = 1 << 26
"""How many octets the search behind a bad record may check; beyond it the worse is assumed: damage."""


class ForeignJournal(UsageError):
    """The octets are no journal, or one in a format that is not known here."""


class Record(NamedTuple):
    """One whole record: where it stands (octets), its number, and its entries in order."""

    offset: int
    end: int
    number: int
    entries: tuple[Entry, ...]


class Problem(NamedTuple):
    """Why reading stopped, at which octet. ``kind`` is "torn" (the end of a journal after a crash, and no
    loss), "damaged" (something that was safe is not) or "unreadable" (whole, but not understood).
    ``resumes_at`` is where the next whole record begins, for who wants to go on all the same.
    """

    kind: str
    offset: int
    text: str
    resumes_at: int | None = None


class Reading(NamedTuple):
    """What a file holds: its whole records, how many octets of it are good, and what stopped the reading."""

    records: tuple[Record, ...]
    good_length: int
    problem: Problem | None


def looks_like_a_journal(data: bytes) -> bool:
    """Whether the octets begin as a journal does, in whichever format."""
    return data[:4] == MAGIC


# --- writing ------------------------------------------------------------------------------------------------


def encode_header(salt: int = 0) -> bytes:
    """The first octets of a file; `salt` is any number of 32 bits that no publisher can know."""
    octets = KIND + _FIELD.pack(salt)
    return octets + _FIELD.pack(zlib.crc32(octets))


def encode_record(number: int, entries: Iterable[bytes], salt: int = 0) -> bytes:
    """A record of these encoded entries, for a file with this salt. ValueError for more than 4 GiB."""
    frames = b"".join(entries)
    if len(frames) > LARGEST_RECORD:
        raise ValueError(f"{len(frames)} octets do not fit into one record")
    checksum = zlib.crc32(frames, zlib.crc32(_COUNTED.pack(len(frames), number), salt))
    return _HEAD.pack(len(frames), number, checksum) + frames


def pack(entries: Iterable[bytes], salt: int = 0, octets: int = RECORD_OCTETS) -> Iterator[bytes]:
    """A file, piece by piece: the header, and records of about so many octets with all these entries."""
    yield encode_header(salt)
    number = 0
    held: list[bytes] = []
    size = 0
    for entry in entries:
        held.append(entry)
        size += len(entry)
        if size >= octets:
            yield encode_record(number, held, salt)
            number += 1
            held, size = [], 0
    if held:
        yield encode_record(number, held, salt)


# --- reading ------------------------------------------------------------------------------------------------


def read(data: bytes) -> Reading:
    """Everything that can be read, up to the first problem. Raises ForeignJournal, and nothing else."""
    records: list[Record] = []
    problem = None
    for item in walk(data):
        if isinstance(item, Problem):
            problem = item
        else:
            records.append(item)
    start = 0 if problem is not None and problem.offset == 0 else min(len(data), HEADER_OCTETS)
    return Reading(tuple(records), records[-1].end if records else start, problem)


def walk(data: bytes, *, salvage: bool = False) -> Iterator[Record | Problem]:
    """The records one by one, then the problem if there is one. With `salvage` reading goes on after a
    problem wherever the next whole record begins. Raises ForeignJournal at the first step.
    """
    misfortune = check_header(data)
    if misfortune is not None:
        yield misfortune
        return
    at = min(len(data), HEADER_OCTETS)
    salt = salt_of(data)
    number = 0
    while at < len(data):
        item = _record(data, at, number, salt)
        yield item
        if isinstance(item, Record):
            at, number = item.end, item.number + 1
        elif salvage and item.resumes_at is not None:
            at = item.resumes_at
            number = _HEAD.unpack_from(data, at)[1]
        else:
            return


def check_header(data: bytes) -> Problem | None:
    """What is wrong with the header, if anything. Raises ForeignJournal if it is not that of a journal.

    A file without a single octet is a journal that nobody has begun.
    """
    kind = bytes(data[: len(KIND)])
    if not KIND.startswith(kind):
        raise ForeignJournal(_foreign(kind))
    if data and len(data) < HEADER_OCTETS:
        return Problem("torn", 0, f"the header is cut short: {len(data)} of {HEADER_OCTETS} octets")
    if data and _FIELD.pack(zlib.crc32(data[:12])) != data[12:HEADER_OCTETS]:
        return Problem("damaged", 0, "the checksum of the header does not match")
    return None


def salt_of(data: bytes) -> int:
    """The salt in a header; 0 if there is none."""
    return int.from_bytes(data[8:12], "big")


def _foreign(kind: bytes) -> str:
    if not kind.startswith(MAGIC[: len(kind)]):
        return f"this is no journal: it begins with {kind!r} instead of {MAGIC!r}"
    if kind[:-1] == KIND[:-1]:
        return f"this journal has format {kind[-1]}; this program knows format {FORMAT} only"
    return f"this journal is of an unknown kind: its first octets are {kind.hex(' ')}"


def _record(data: bytes, at: int, number: int, salt: int) -> Record | Problem:
    """The record at this offset, which should have this number."""
    complaint = _complaint(data, at, number, salt)
    if complaint:
        return _misfortune(data, at, number, salt, complaint)
    start = at + HEAD_OCTETS
    end = start + int.from_bytes(data[at : at + 4], "big")
    try:
        entries = read_entries(data[start:end])
    except DecodeError as error:
        behind = end if end < len(data) and not _complaint(data, end, number + 1, salt) else None
        text = f"record {number} is whole, but is not what this program writes: {error}"
        return Problem("unreadable", at, text, behind)
    return Record(at, end, number, tuple(entries))


def _complaint(data: bytes, at: int, number: int, salt: int) -> str:
    """What is wrong with the record at this offset, or "" when it is whole."""
    if len(data) - at < HEAD_OCTETS:
        return f"the last {len(data) - at} octets are less than the head of a record"
    length, found, checksum = _HEAD.unpack_from(data, at)
    start = at + HEAD_OCTETS
    if length > len(data) - start:
        return f"record {number} has {len(data) - start} of {length} octets"
    if found != number:
        return f"record {found} stands where record {number} should"
    if zlib.crc32(data[start : start + length], zlib.crc32(data[at : at + 8], salt)) != checksum:
        return f"the checksum of record {number} does not match"
    return ""


def _misfortune(data: bytes, at: int, number: int, salt: int, complaint: str) -> Problem:
    """Is this the end of a journal after a crash, or damage? A whole record further on makes it damage."""
    behind, sure = _search(data, at, number, salt)
    if behind is None and sure:
        return Problem("torn", at, f"{complaint}; it was being written when the broker ended")
    if behind is None:
        text = f"{complaint}; it is no usual end of a journal"
    else:
        text = f"{complaint}, and the next whole record is at octet {behind}"
    return Problem("damaged", at, text, behind)


def _search(data: bytes, at: int, number: int, salt: int) -> tuple[int | None, bool]:
    """Where the next whole record begins, if anywhere; and whether the search was complete.

    What it looks for are the first octets of a record's frames: a method frame on channel 0. The search
    begins at the bad record itself, which may be whole and only in the wrong place.
    """
    budget = SEARCHED_OCTETS
    while True:
        found = data.find(b"\x01\x00\x00", at + HEAD_OCTETS)
        if found < 0:
            return None, True
        at = found - HEAD_OCTETS
        length, here, _ = _HEAD.unpack_from(data, at)
        fits = length <= len(data) - found
        if fits and here <= number + len(data) // HEAD_OCTETS:
            if budget < 0:
                return None, False
            budget -= length
            if not _complaint(data, at, here, salt):
                return at, True
        at += 1
