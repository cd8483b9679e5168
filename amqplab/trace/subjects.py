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
    find = FINDERS.get(type(event))
    if find is None:
        find = FINDERS[type(event)] = finder_for(type(event))
    return Subject(
        tuple(find(record, event)), frame, command,
        getattr(event, "number", None), getattr(event, "message", None),
    )  # fmt: skip


Finder = Callable[[Record, Any], Iterator[str]]


def finder_for(kind: type[e.Event]) -> Finder:
    """Which keys the fields of an event class name, the most telling first."""
    fields = set(getattr(kind, "__dataclass_fields__", ()))

    def find(record: Record, event: Any) -> Iterator[str]:
        if "message" in fields:
            yield keys.message_key(event.message)
        if "destination" in fields and "routing_key" in fields:
            yield keys.binding_key(
                event.vhost, event.source, event.kind, event.destination, event.routing_key, event.arguments
            )
        if "queue" in fields:
            yield keys.queue_key(event.vhost, event.queue)
        if "exchange" in fields:
            yield keys.exchange_key(event.vhost, event.exchange)
        if "consumer_tag" in fields and event.consumer_tag:
            yield keys.consumer_key(event.connection, event.channel, event.consumer_tag)
        if "channel" in fields:
            yield keys.channel_key(event.connection, event.channel)
        if "connection" in fields:
            yield keys.connection_key(event.connection)
        if "resource" in fields:
            yield f"alarm/{keys.escape(event.resource)}"
        yield keys.host_key(event.target if "target" in fields else record.where)

    return find


FINDERS: dict[type[e.Event], Finder] = {}
