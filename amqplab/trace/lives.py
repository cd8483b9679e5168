"""The lives of a message: a dead letter goes on under its first number, with a mark for how often it died.

Theory
------
The broker counts publishes, and a dead letter is published again: what was message 1 is now message 4. To
somebody who follows it, it is the same message. So people are told of messages 1, 1′ and 1″, in sentences as on
the picture, while records keep the broker's numbers. Nobody can count three primes at the size of a label: from
the third death on their number is written out, 1·3.

A :class:`Name` *is* that number and only prints otherwise; so whoever writes a sentence about
``event.message`` need not know of any of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.recorder import Record

__all__ = ["Name", "name_of_next", "names_of_lives", "renamed", "root_of"]

PRIMES = ("", "′", "″")
DOT = "·"
FIELDS = ("message", "successor", "messages")


class Name(int):
    """A message's number that prints as the name people know it by."""

    name: str

    def __new__(cls, number: int, name: str) -> Name:
        made = super().__new__(cls, number)
        made.name = name
        return made

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__


def names_of_lives(records: Iterable[Record]) -> dict[int, str]:
    """number -> name, for every message that is a dead letter's next life."""
    found: dict[int, str] = {}
    for record in records:
        event = record.event
        if isinstance(event, e.DeadLettered):
            found[event.successor] = name_of_next(found.get(event.message, str(event.message)))
    return found


def name_of_next(name: str) -> str:
    """The name of the next life of a message with this one."""
    root, deaths = parts_of(name)
    return root + past(deaths + 1)


def root_of(name: str) -> int:
    """The number of its first life, whose colours a message keeps. 0 if it has none yet."""
    root, _ = parts_of(name)
    return int(root) if root.isdecimal() else 0


def parts_of(name: str) -> tuple[str, int]:
    """A message's first name, and how often it has died since."""
    root, _, deaths = name.partition(DOT)
    if root and deaths.isdecimal():
        return root, int(deaths)
    root = name.rstrip("".join(PRIMES))
    return root, PRIMES.index(name[len(root) :])


def past(deaths: int) -> str:
    """What a name says of deaths: a prime for each, and of many their number."""
    return PRIMES[deaths] if deaths < len(PRIMES) else f"{DOT}{deaths}"


def renamed(records: Sequence[Record], names: Mapping[int, str]) -> Sequence[Record]:
    """The same records, whose events call such messages by their names."""
    return [rename(record, names) for record in records] if names else records


def rename(record: Record, names: Mapping[int, str]) -> Record:
    changes: dict[str, Any] = {}
    for field in FIELDS:
        value = getattr(record.event, field, None)
        if isinstance(value, int) and value in names:
            changes[field] = Name(value, names[value])
        elif isinstance(value, tuple) and not names.keys().isdisjoint(value):
            changes[field] = tuple(Name(one, names[one]) if one in names else one for one in value)
    event: Any = record.event
    return record._replace(event=replace(event, **changes)) if changes else record
