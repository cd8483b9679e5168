"""What a token is: a copy of a message that is not in its queue's line, as an entity of the state.

Theory
------
Tokens are kept beside the entities of the fold and come and go by patches like them, under the key
``token/<message>/<leg>``. A message may be in many hands at once, one for each queue that took a copy; the
leg tells which of them is meant. A publish whose message never got a number goes by that of its command.

:mod:`amqplab.trace.whereabouts` moves them; here stands how they are named and what they are asked.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace import keys
from amqplab.trace.draft import Entity, State
from amqplab.trace.recorder import Record
from amqplab.trace.traffic import Command

__all__ = [
    "SETTLING",
    "Delivery",
    "buried_later",
    "connection_of",
    "delivery_in",
    "delivery_of",
    "had_key",
    "holder",
    "holder_of",
    "new_signal",
    "new_token",
    "publish_key",
    "queue_leg",
    "server_of",
    "tellers",
    "token_key",
    "told_of",
]

Delivery = tuple[str, int, int]
"""A connection, a channel and a delivery tag."""


def new_token(message: int | None, label: str, place: str, at: str) -> dict[str, Any]:
    """One at this place: what is not known of it yet is empty."""
    return {
        "message": message,
        "label": label,
        "text": "",
        "place": place,
        "at": at,
        "state": "",
        "up": None,
        "command": None,
        "queue": None,
        "target": "",
        "channel": None,
        "delivery": None,
        "redelivered": False,
        "reason": "",
    }


SETTLING = {"basic.ack": "ack", "basic.nack": "nack", "basic.reject": "reject"}


def new_signal(command: Command, words: str, messages: list[int]) -> dict[str, Any]:
    """What answers messages, on its way: their consumer's acknowledgement or refusal, or the broker's confirm."""
    positive = command.name == "basic.ack"
    return {
        "kind": SETTLING[command.name] if command.up else "confirm" if positive else "confirm-nack",
        "label": f"{'✓' if positive else '✗'} {words}",
        "place": "link",
        "at": command.connection,
        "up": command.up,
        "command": command.number,
        "messages": messages,
    }


def token_key(message: int | None, leg: str) -> str:
    """`leg` tells the copies of a message apart: a queue's, a consumer's of a stream, "-" before it has any."""
    return f"token/{message}/{leg}"


def publish_key(command: Command, message: int | None) -> str:
    """A message that never gets a number goes by that of its command."""
    return token_key(message, "-") if message is not None else f"token/p{command.number}/-"


def queue_leg(vhost: str, queue: str) -> str:
    """The leg of the copy in a queue."""
    return f"{keys.escape(vhost)}/{keys.escape(queue)}"


def holder(state: State, connection: str, channel: int, tag: str) -> str:
    """The key of whoever gets it: the consumer, or for basic.get the channel."""
    key = keys.consumer_key(connection, channel, tag)
    return key if tag and key in state else keys.channel_key(connection, channel)


def buried_later(token: Entity, copy: Entity | None) -> bool:
    """Whether a copy has been refused and is out of its queue, but its end has not been told."""
    return copy is None and token["state"] == "refused" and token["place"] == "broker"


def server_of(state: State, connection: str) -> str:
    """The host at the other end of a connection."""
    return str(state.get(keys.connection_key(connection), {}).get("server") or "")


def holder_of(copy: Entity) -> str:
    """The key of whoever has an unacked copy: the consumer, or once it has left, or for basic.get, the channel."""
    return str(copy["consumer"] or keys.channel_key(str(copy["connection"]), int(copy["channel"])))


def connection_of(key: str) -> str:
    """The connection in the key of a consumer or channel; a connection itself is what it is."""
    return keys.unescape(key.split("/")[1]) if key.startswith(("consumer/", "channel/")) else key


def delivery_in(event: Any) -> Delivery:
    """The delivery that an event tells of."""
    return event.connection, event.channel, event.delivery_tag


def delivery_of(token: Entity) -> Delivery:
    """The delivery by which a token is with its consumer, or with its channel."""
    _, connection, channel, *_ = token["at"].split("/")
    return keys.unescape(connection), int(channel), token["delivery"]


def had_key(consumer: str) -> str:
    """How many messages a consumer has done with."""
    return f"had/{consumer.partition('/')[2]}"


def told_of(records: Iterable[Record]) -> dict[Delivery, int]:
    """The deliveries with which a program's code has finished, and at which record its client tells so."""
    told: list[Any] = [one for one in records if type(one.event) is e.MessageHandled]
    return {delivery_in(one.event): one.seq for one in told}


def tellers(records: Iterable[Record], told: Container[Delivery]) -> set[str]:
    """The consumers that tell when they have finished with a message."""
    given: list[Any] = [one.event for one in records if type(one.event) in (e.Delivered, e.Replied)]
    return {
        keys.consumer_key(event.connection, event.channel, event.consumer_tag)
        for event in given
        if delivery_in(event) in told
    }
