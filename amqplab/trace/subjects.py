"""What a record is about: the things that its sentence speaks of.

Theory
------
"Queue 'app' hands message 1 to the waiter" speaks of a queue, a message, a consumer and a channel. A reader
who follows the sentence wants to see just those lit, in the picture, the ladder and the tables. Events name
them in fields of the same names everywhere (see :mod:`amqplab.trace.events`), so one function finds them all.

A subject is a value: ``keys`` of entities (:mod:`amqplab.trace.keys`), the first the most important; and the
numbers of the frame, command, segment and message meant, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from amqplab.trace import events as e
from amqplab.trace import keys
from amqplab.trace.recorder import Record
from amqplab.trace.traffic import Traffic

__all__ = ["Subject", "subject_of"]


class Subject(NamedTuple):
    """What one record is about."""

    keys: tuple[str, ...]
    frame: int | None
    command: int | None
    segment: int | None
    message: int | None


def subject_of(record: Record, traffic: Traffic) -> Subject:
    """The things that `record` speaks of."""
    event: Any = record.event
    command = traffic.command_at.get(record.seq)
    frame = traffic.frame_at.get(record.seq)
    if command is not None and frame is None:
        frame = traffic.commands[command].frames[0]
    about = about_of(type(event))
    where = "" if isinstance(event, e.SegmentLost) else record.where  # whoever waits for it hears nothing
    named = keys_named(about.fields, about.values(event), where)
    segment = event.number if about.is_segment else None
    return Subject(named, frame, command, segment, event.message if about.is_message else None)


TELLING = (
    *("vhost", "message", "source", "kind", "destination", "routing_key", "arguments"),
    *("queue", "exchange", "connection", "channel", "consumer_tag", "resource", "target", "operator"),
)
"""The fields that name things."""


class Telling(NamedTuple):
    """What an event class tells of: the fields that name things, how to read them all, and whether it has the
    number of a segment or of a message.
    """

    fields: tuple[str, ...]
    values: Callable[[e.Event], Any]
    is_segment: bool
    is_message: bool


def about_of(kind: type[e.Event]) -> Telling:
    """What an event class tells of; it is asked once."""
    found = KNOWN.get(kind)
    if found is None:
        found = KNOWN[kind] = told_by(kind)
    return found


KNOWN: dict[type[e.Event], Telling] = {}


def told_by(kind: type[e.Event]) -> Telling:
    fields = fields_of(kind)
    values = attrgetter(*fields) if fields else lambda event: ()
    return Telling(fields, values, hasattr(kind, "number"), hasattr(kind, "message"))


def fields_of(kind: type[e.Event]) -> tuple[str, ...]:
    """The fields of an event class that name things; a routing key alone names nothing."""
    found = [name for name in TELLING if name in getattr(kind, "__dataclass_fields__", ())]
    if "destination" in found and "routing_key" in found:
        return tuple(found)
    return tuple(one for one in found if one not in OF_BINDINGS)


OF_BINDINGS = ("source", "kind", "destination", "routing_key", "arguments")


@lru_cache(maxsize=4096)  # most records are segments and frames, of a few connections
def keys_named(fields: tuple[str, ...], values: Any, where: str) -> tuple[str, ...]:
    """The keys of all that these fields name, the most telling first. A single field comes without a tuple."""
    of = dict(zip(fields, values, strict=True)) if len(fields) != 1 else {fields[0]: values}
    return tuple(named(of, where))


def named(of: dict[str, Any], where: str) -> Iterator[str]:
    if "message" in of:
        yield keys.message_key(of["message"])
    if "destination" in of:
        ends = (of["source"], of["kind"], of["destination"])
        yield keys.binding_key(of["vhost"], *ends, of["routing_key"], of["arguments"])
    if "queue" in of:
        yield keys.queue_key(of["vhost"], of["queue"])
    if "exchange" in of:
        yield keys.exchange_key(of["vhost"], of["exchange"])
    if of.get("consumer_tag"):
        yield keys.consumer_key(of["connection"], of["channel"], of["consumer_tag"])
    if "channel" in of:
        yield keys.channel_key(of["connection"], of["channel"])
    if "connection" in of:
        yield keys.connection_key(of["connection"])
    if "resource" in of:
        yield f"alarm/{keys.escape(of['resource'])}"
    if "operator" in of:
        yield keys.policies_key(of["vhost"])
    if host := of.get("target", where):
        yield keys.host_key(host)
