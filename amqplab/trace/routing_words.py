"""Routing explained: for one message, binding by binding and word by word, what matched and what did not.

Theory
------
:class:`~amqplab.trace.events.Routed` tells which bindings a message took. Why it took these and not the
others is a comparison of two texts, and this module writes the comparison down:

    direct    the whole binding key with the whole routing key
    topic     the pattern's words with the key's words, ``*`` for one word and ``#`` for any number of them
    headers   each argument of the binding with the header of that name
    fanout    nothing is compared
    default   the name of the queue with the routing key

A pattern that does not fit is laid against the key so that as few words as possible are wrong: those are the
reason. (That is the alignment of two texts with the smallest edit distance, where ``#`` costs nothing.)

All of it is a function of the state before the record, and the record. A message's headers are in no record
of the broker's, but in its frames: :class:`Headers` finds them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from amqplab.trace import events as e
from amqplab.trace.arguments import value_in_words
from amqplab.trace.draft import Entity, State
from amqplab.trace.fold import step
from amqplab.trace.keys import binding_key, escape, exchange_key
from amqplab.trace.recorder import Record
from amqplab.wire.errors import DecodeError
from amqplab.wire.properties import Properties

__all__ = ["Checked", "Headers", "Word", "all_routes", "routes"]

HEADER_FRAME = 2
PROPERTIES_AT = 19  # octets of a content header frame before its properties
PAIR = re.compile(r"(?:^|, )([^=,]+)=")


class Word(NamedTuple):
    """A part of a binding beside the part of the message that it is compared with, "" where there is none."""

    wanted: str
    found: str
    ok: bool


class Checked(NamedTuple):
    """One binding that was asked: its key in the state, whether the message took it, and why."""

    binding: str
    matched: bool
    words: tuple[Word, ...]


def routes(state: State, record: Record, headers: Mapping[str, Any] | None = None) -> list[Checked]:
    """What each binding that was asked said to the message of a Routed `record`, in the `state` before it.

    `headers` are the message's; without them a headers exchange is not explained. Raises TypeError for a
    record of another kind.
    """
    event = record.event
    if not isinstance(event, e.Routed):
        raise TypeError(f"record {record.seq} is a {type(event).__name__}, not a Routed")
    if not event.exchange:
        return _by_name(state, event)
    asked = dict.fromkeys([event.exchange, *event.alternates])
    asked.update(dict.fromkeys(name for _, kind, name, _ in event.matched if kind == "exchange"))
    keys = (event.routing_key, *_more_keys(headers))
    found = []
    for key, entity in state.items():
        source = entity.get("source")
        if source in asked and key.startswith(f"binding/{escape(event.vhost)}/{escape(source)}/"):
            type_of = state.get(exchange_key(event.vhost, source), {}).get("type", "?")
            found.append(_checked(key, entity, type_of, event, keys, headers))
    return found


def all_routes(records: Sequence[Record]) -> dict[int, list[Checked]]:
    """:func:`routes` of every Routed record of a recording, by its seq."""
    topology: State = {}  # no more of the state is needed, and this part stays small
    headers = Headers(records)
    found = {}
    for record in records:
        if isinstance(record.event, TOPOLOGY):
            step(topology, record)
        elif isinstance(record.event, e.Routed):
            found[record.seq] = routes(topology, record, headers.of(record.event.message))
    return found


TOPOLOGY = (
    e.ExchangeDeclared,
    e.ExchangeDeleted,
    e.QueueDeclared,
    e.QueueDeleted,
    e.Bound,
    e.Unbound,
)


def _checked(
    key: str, entity: Entity, type_of: str, event: e.Routed, keys: Sequence[str], headers: Any
) -> Checked:
    taken = (entity["source"], entity["kind"], entity["destination"], entity["routing_key"]) in event.matched
    if type_of == "headers":
        if headers is None:
            return Checked(key, taken, ())
        words, some_will_do = _header_words(entity["arguments"], headers)
        fits = any(word.ok for word in words) if some_will_do else all(word.ok for word in words)
        if fits and not taken:  # a number and a text may read alike, and are not equal
            words = tuple(word._replace(ok=word.ok and not _may_be_a_number(word.wanted)) for word in words)
        return Checked(key, taken and fits, words)
    if type_of not in ("direct", "topic"):
        return Checked(key, taken, ())
    wanted = entity["routing_key"]
    ways = [_by_words(wanted, one) if type_of == "topic" else _whole(wanted, one) for one in keys]
    fitting = [words for words in ways if all(word.ok for word in words)]
    return Checked(key, taken, fitting[0] if taken and fitting else () if taken else ways[0])


def _by_name(state: State, event: e.Routed) -> list[Checked]:
    """The default exchange looks for queues of that name, and asks no others."""
    found = []
    for name in event.queues:
        key = binding_key(event.vhost, "", "queue", name, name, "")
        words = (Word(name, event.routing_key, True),) if name == event.routing_key else ()
        found += [Checked(key, True, words)] if key in state else []
    return found


# --- comparing -------------------------------------------------------------------------------------------


def _whole(wanted: str, key: str) -> tuple[Word, ...]:
    return (Word(wanted, key, wanted == key),)


@lru_cache(maxsize=4096)
def _by_words(pattern: str, key: str) -> tuple[Word, ...]:
    """The pattern laid against the key with as few wrong words as possible."""
    wanted, found = pattern.split(".") if pattern else [], key.split(".") if key else []

    @cache
    def best(i: int, j: int) -> tuple[int, tuple[Word, ...]]:
        """(how many words are wrong, the words) of the pattern from word `i` and the key from word `j`."""
        if i == len(wanted):
            rest = found[j:]
            return len(rest), tuple(Word("", word, False) for word in rest)
        ways = []
        if wanted[i] == "#":
            for end in range(j, len(found) + 1):
                wrong, words = best(i + 1, end)
                ways.append((wrong, (Word("#", ".".join(found[j:end]), True), *words)))
        else:
            if j < len(found):
                ok = wanted[i] in ("*", found[j])
                wrong, words = best(i + 1, j + 1)
                ways.append((wrong + (not ok), (Word(wanted[i], found[j], ok), *words)))
            wrong, words = best(i + 1, j)
            ways.append((wrong + 1, (Word(wanted[i], "", False), *words)))
            if j < len(found):
                wrong, words = best(i, j + 1)
                ways.append((wrong + 1, (Word("", found[j], False), *words)))
        return min(ways, key=lambda way: way[0])

    return best(0, 0)[1]


def _header_words(arguments: str, headers: Mapping[str, Any]) -> tuple[tuple[Word, ...], bool]:
    """(header by header, whether one is enough)."""
    marks = list(PAIR.finditer(arguments))
    ends = [mark.start() for mark in marks[1:]] + [len(arguments)]
    wanted = {mark[1]: arguments[mark.end() : end] for mark, end in zip(marks, ends, strict=True)}
    how = wanted.pop("x-match", "all")
    words = []
    for name, value in wanted.items():
        if name.startswith("x-") and not how.endswith("-with-x"):
            continue
        here = name in headers
        found = value_in_words(headers[name]) if here else ""
        words.append(
            Word(f"{name}={value}", f"{name}={found}" if here else "", here and value in (found, "undefined"))
        )
    return tuple(words), how.startswith("any")


def _may_be_a_number(pair: str) -> bool:
    value = pair.partition("=")[2]
    return value in ("true", "false") or bool(re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", value))


def _more_keys(headers: Mapping[str, Any] | None) -> list[str]:
    """A message may have more routing keys, in the headers CC and BCC."""
    more = [(headers or {}).get(name) for name in ("CC", "BCC")]
    return [key for keys in more if isinstance(keys, list | tuple) for key in keys if isinstance(key, str)]


# --- the headers of a message ----------------------------------------------------------------------------


class Headers:
    """The headers of every message of a recording, from the frames in which it came."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._published: dict[int, int | None] = {}
        self._lives: dict[int, int] = {}  # a dead letter -> what it was before
        for record in records:
            if isinstance(record.event, e.Published):
                self._published[record.event.message] = record.cause
            elif isinstance(record.event, e.DeadLettered):
                self._lives[record.event.successor] = record.event.message

    def of(self, message: int) -> Mapping[str, Any] | None:
        """A message's headers, for a dead letter those of its first life; None if its frames are unknown."""
        while message in self._lives:
            message = self._lives[message]
        cause = self._published.get(message)
        command = None if cause is None else self._records[cause].event
        if not isinstance(command, e.CommandReceived):
            return None
        for seq in command.frames:
            frame = self._records[seq].event
            if isinstance(frame, e.FrameReceived) and frame.data[:1] == bytes((HEADER_FRAME,)):
                try:
                    return Properties.decode(frame.data[PROPERTIES_AT:-1]).headers or {}
                except DecodeError:
                    return None
        return None
