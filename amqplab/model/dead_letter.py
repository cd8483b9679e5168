"""Dead letters: what becomes of a copy that nobody took.

Theory
------
A copy *dies* when it is rejected, expires, finds no room, or came back too often (DLX-01). If its queue names
a dead-letter exchange, the message is published there anew: a new message with the old body, the address of
the dead-letter exchange, and the story of its death in its headers.

    x-death   an array, one table per (queue, reason): how often, when first, published where (DLX-08, -09)
    x-first-death-queue, -reason, -exchange   of the first death; never changed again (DLX-07)

`expiration` is taken off, or the message would die again at once; x-death keeps it (DLX-06). With a
dead-letter routing key only that key counts, without one all the original ones do (DLX-02).

Queues may feed each other. A cycle is fine as long as somebody rejects on the way; a message that would go
round by itself, by expiry or overflow alone, is dropped instead (DLX-14): :func:`cycles` tells where.

RabbitMQ keeps header tables sorted by name whenever it writes into them, and a first death unsorted
(DLX-10). So does this module, octet for octet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from amqplab.model.crash import Crash
from amqplab.model.message import Copy, Message, lean
from amqplab.wire.table import Int64, Table, Timestamp

if TYPE_CHECKING:
    from amqplab.model.outbox import Pending
    from amqplab.model.queue import Queue

__all__ = ["Dying", "buried", "cycles"]

TWO_63 = 1 << 63
Pairs = list[tuple[str, Any]]


class Dying(NamedTuple):
    """A copy on its way from `queue` to the dead letters; `pending` if it has to arrive (see outbox.py)."""

    queue: Queue
    copy: Copy
    reason: str
    pending: Pending | None = None


def buried(
    message: Message,
    number: int,
    *,
    queue: str,
    reason: str,
    exchange: str,
    routing_key: str | None,
    time_s: int,
) -> Message:
    """The message as it is published to the dead-letter `exchange`; `number` is the new message's own.

    `routing_key` None keeps the original keys. `time_s` is Unix time in seconds. Raises Crash for an x-death
    of the publisher's own that RabbitMQ cannot read.
    """
    properties = message.full_properties
    headers = Table(properties.headers or {})
    event: Pairs = [
        ("reason", reason),
        ("queue", queue),
        ("time", Timestamp(time_s)),
        ("exchange", message.exchange),
        ("routing-keys", [message.routing_key, *_visible_keys(headers)]),
    ]
    if properties.expiration is not None:
        event.append(("original-expiration", properties.expiration))
    pairs = _with_death(list(headers.pairs), event)
    if routing_key is not None:
        pairs = [pair for pair in pairs if pair[0] != "CC"]
    told = properties.replace(headers=Table(pairs), expiration=None)
    octets = told.encode()
    return Message(
        number,
        exchange,
        message.routing_key if routing_key is None else routing_key,
        lean(told, octets),
        octets,
        message.body,
        extra_keys=message.extra_keys if routing_key is None else (),
    )


def _visible_keys(headers: Mapping[str, Any]) -> list[str]:
    """The keys in CC; those in BCC were taken off when the message came (DLX-09)."""
    keys = headers.get("CC")
    return [key for key in keys if isinstance(key, str)] if isinstance(keys, list | tuple) else []


# --- x-death ---------------------------------------------------------------------------------------------


def _with_death(headers: Pairs, event: Pairs) -> Pairs:
    """The headers with one more death in them."""
    before = Table(headers).get("x-death")
    fresh = Table([("count", Int64(1)), *event])
    if before is None and "x-death" not in Table(headers):
        story = dict(event)
        for field in ("reason", "queue", "exchange"):
            headers = _set(headers, f"x-first-death-{field}", story[field])
        return _set(headers, "x-death", [fresh])
    if not isinstance(before, list | tuple):
        return _set(headers, "x-death", [fresh])
    if not all(isinstance(one, Mapping) for one in before):
        raise Crash("x-death holds something that is no table")
    return _set(headers, "x-death", _one_more(before, event))


def _one_more(deaths: Iterable[Mapping[str, Any]], event: Pairs) -> list[Table]:
    """The death tables with this one counted, at the front (DLX-11)."""
    key = _queue_and_reason(dict(event))
    tables = _grouped([Table(death) for death in deaths])
    same = [table for table in tables if _queue_and_reason(table) == key]
    others = [table for table in tables if _queue_and_reason(table) != key]
    told = _counted_again(same[0]) if same else [("count", Int64(1)), *event]
    return [Table(sorted(told, key=_name)), *others]


def _grouped(tables: list[Table]) -> list[Table]:
    """One table per queue and reason. RabbitMQ's way of looking for doubles turns the order round."""
    if len(tables) < 2:
        return tables
    first: dict[tuple[Any, Any], Table] = {}
    count: dict[tuple[Any, Any], int] = {}
    for table in tables:
        key = _queue_and_reason(table)
        first.setdefault(key, table)
        count[key] = count.get(key, 0) + 1
    grouped = [
        table if "count" in table else Table([("count", Int64(count[key])), *table.pairs])
        for key, table in first.items()
    ]
    return grouped[::-1]


def _counted_again(table: Table) -> Pairs:
    count = table.get("count")
    if count is None:
        return [("count", Int64(1)), *table.pairs]
    if not isinstance(count, int) or isinstance(count, bool):
        raise Crash(f"{count!r} deaths cannot be counted on")
    again = Int64((count + 1 + TWO_63) % (2 * TWO_63) - TWO_63)  # it wraps, as the octets do
    return [(name, again if name == "count" else value) for name, value in table.pairs]


def _queue_and_reason(table: Mapping[str, Any]) -> tuple[Any, Any]:
    return table.get("queue"), table.get("reason")


def _set(pairs: Pairs, name: str, value: Any) -> Pairs:
    """Replace or add an entry, and sort by name."""
    if any(each == name for each, _ in pairs):
        first = next(at for at, (each, _) in enumerate(pairs) if each == name)
        changed = [*pairs[:first], (name, value), *pairs[first + 1 :]]
    else:
        changed = [*pairs, (name, value)]
    return sorted(changed, key=_name)


def _name(pair: tuple[str, Any]) -> bytes:
    return pair[0].encode("utf-8", "surrogateescape")


# --- cycles ----------------------------------------------------------------------------------------------


def cycles(headers: Mapping[str, Any], queue: str, reason: str) -> bool:
    """Whether the (already buried) message with these headers was dead-lettered from `queue` before without
    anybody having rejected it since: then it must not go there again (DLX-14, DLX-15).
    """
    if reason == "rejected":
        return False
    deaths = headers.get("x-death")
    if not isinstance(deaths, list | tuple):
        return False
    for death in deaths:
        if not isinstance(death, Mapping):
            continue
        if death.get("reason") == "rejected":
            return False
        if death.get("queue") == queue:
            return True
    return False
