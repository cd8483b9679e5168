"""Recordings that nobody would make on purpose: cut, shuffled, with holes, at a clock that jumps, with odd names.

A recording is only a list. It may come from a file that was cut, from a tap that was late, from a broker with names
in any script. Whoever reads it must make of it what can be made.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from amqplab.trace.recorder import Record, Recorder

__all__ = ["NAMES", "WAYS", "recorder_of", "spoiled"]

NAMES = (
    "ж" * 127,
    "名" * 85,
    "مرحبا" * 25,
    "e\u0301" * 85,
    "\u202eleft\u202c to right",
    "a/b%2F\\ \t\n\r\x00\x7f",
    "</script><b>&amp;\"'`${x}",
    "🐇" * 63,
    "",
    " ",
    "-",
)
"""Names of up to 255 bytes, in any script, and what a picture may trip over."""

BODIES = (b"\xff\xfe\x00", b"", bytes(range(256)), "🐇".encode()[:3], b"\x1b[31m", b"\x00" * 70)


def recorder_of(records: Sequence[Record]) -> Recorder:
    """A recorder that holds these records, numbered anew; what they say of others is left as it is."""
    now = 0
    recorder = Recorder(lambda: now)
    for record in records:
        now = record.at
        values = [getattr(record.event, field.name) for field in fields(record.event)]  # type: ignore[arg-type]
        recorder.record_because(record.cause, record.where, type(record.event), *values)  # type: ignore[arg-type]
    return recorder


# --- ways to spoil a recording ---------------------------------------------------------------------------


def cut(records: list[Record], chance: random.Random) -> list[Record]:
    """It ends in the middle of anything."""
    return records[: chance.randrange(len(records) + 1)]


def begun_late(records: list[Record], chance: random.Random) -> list[Record]:
    """It begins in the middle of anything."""
    return renumbered(records[chance.randrange(len(records)) :])


def holes(records: list[Record], chance: random.Random) -> list[Record]:
    """Some records are missing."""
    share = chance.random()
    return renumbered([record for record in records if chance.random() < share])


def kinds_missing(records: list[Record], chance: random.Random) -> list[Record]:
    """Whole kinds are missing: no tap, no broker that talks, no link."""
    kinds = {type(record.event) for record in records}
    gone = {kind for kind in sorted(kinds, key=lambda kind: kind.__name__) if chance.random() < 0.3}
    return renumbered([record for record in records if type(record.event) not in gone])


def twice(records: list[Record], chance: random.Random) -> list[Record]:
    """Some records come twice."""
    return renumbered([one for record in records for one in [record] * (1 + (chance.random() < 0.2))])


def shuffled(records: list[Record], chance: random.Random) -> list[Record]:
    """Effects before their causes."""
    some = records[:200]
    chance.shuffle(some)
    return renumbered(some)


def stirred(records: list[Record], chance: random.Random) -> list[Record]:
    """The order is only roughly right."""
    return renumbered(sorted(records, key=lambda record: record.seq + chance.randrange(12)))


def pointing_anywhere(records: list[Record], chance: random.Random) -> list[Record]:
    """Records are missing, and those that are left name them all the same."""
    kept = [record for record in records if chance.random() < 0.7]
    return [record._replace(seq=seq, cause=earlier(record.cause, seq)) for seq, record in enumerate(kept)]


def jumping_clock(records: list[Record], chance: random.Random) -> list[Record]:
    """Time runs backwards, stands still, and leaps over years."""
    jumps = (0, 0, -5 * 10**9, 10**17, -(10**17))
    found, offset = [], 0
    for record in records:
        offset += chance.choice(jumps) if chance.random() < 0.05 else 0
        found.append(record._replace(at=record.at + offset))
    return found


def odd_names(records: list[Record], chance: random.Random) -> list[Record]:
    """Every name is one that a picture may trip over."""
    names: dict[str, str] = {}

    def renamed(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(renamed(one) for one in value)
        if not isinstance(value, str) or value in ("", "/", "broker"):
            return value
        host, _, port = value.rpartition(":")
        if port.isdigit():
            return f"{names.setdefault(host, chance.choice(NAMES))}:{port}"
        return names.setdefault(value, chance.choice(NAMES))

    return [
        record._replace(where=renamed(record.where), event=changed(record.event, renamed, WORDS))
        for record in records
    ]


WORDS = {"flags", "state", "name", "type", "mode", "outcome", "mechanism", "by", "kind", "action"}
"""Fields whose values are words of the protocol, not names that somebody gave."""


def odd_octets(records: list[Record], chance: random.Random) -> list[Record]:
    """Payloads that are no text, no frame, and nothing at all."""

    def spoiled_octets(value: Any) -> Any:
        return chance.choice(BODIES) if isinstance(value, bytes) and chance.random() < 0.3 else value

    return [record._replace(event=changed(record.event, spoiled_octets, set())) for record in records]


WAYS: tuple[Callable[[list[Record], random.Random], list[Record]], ...] = (
    cut,
    begun_late,
    holes,
    kinds_missing,
    twice,
    shuffled,
    stirred,
    pointing_anywhere,
    jumping_clock,
    odd_names,
    odd_octets,
)


def spoiled(records: Sequence[Record], seeds: range) -> Iterator[tuple[str, list[Record]]]:
    """The recording in every way, for every seed: (what was done to it, what is left)."""
    for way in WAYS:
        for seed in seeds:
            yield f"{way.__name__} {seed}", way(list(records), random.Random(seed))


def changed(event: Any, change: Callable[[Any], Any], but: set[str]) -> Any:
    values = [getattr(event, field.name) for field in fields(event)]
    names = [field.name for field in fields(event)]
    new = [value if name in but else change(value) for name, value in zip(names, values, strict=True)]
    return type(event)(*new)


def earlier(cause: int | None, seq: int) -> int | None:
    return None if cause is None or cause >= seq else cause


def renumbered(records: list[Record]) -> list[Record]:
    """Numbers, causes and frames as they are now; what is missing or comes later is not named."""
    place = {record.seq: seq for seq, record in reversed(list(enumerate(records)))}
    found = []
    for seq, record in enumerate(records):
        cause = None if record.cause is None else place.get(record.cause)
        event: Any = record.event
        if hasattr(event, "frames"):
            frames = tuple(place[one] for one in event.frames if place.get(one, seq) < seq)
            event = type(event)(*[getattr(event, one.name) for one in fields(event)][:-1], frames)
        found.append(Record(seq, record.at, record.where, earlier(cause, seq), event))
    return found
