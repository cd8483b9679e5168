"""What a stream makes of a message.

Theory
------
RabbitMQ writes a stream in the format of another protocol, AMQP 1.0, because several protocols read it. On
the way there and back a message changes a little, and every reader sees the same:

* The header ``x-stream-offset`` tells where in the log the message stands (STREAM-04); headers come sorted.
* Headers that are arrays or tables are left behind, and so is the property cluster-id: the other format has
  no place for them.
* A decimal header cannot be written at all: the channel that publishes it crashes.
* ``type`` and ``app-id`` travel as headers of their own, ``x-basic-type`` and ``x-basic-app-id``; a
  publisher's header of that name becomes the property.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from amqplab.model.crash import Crash
from amqplab.model.message import Message
from amqplab.wire.properties import Properties
from amqplab.wire.table import Int64, Table

__all__ = ["OFFSET", "as_streamed"]

OFFSET = "x-stream-offset"
TRAVELLING = {"x-basic-type": "type", "x-basic-app-id": "app_id"}
SHORTEST_TOO_LONG = 256  # octets of a short string

Pair = tuple[str, Any]


def as_streamed(message: Message, offset: int) -> Message:
    """The message as readers get it. Raises Crash if it cannot be written."""
    properties = message.full_properties
    pairs, arrived = _after_the_journey(properties)
    pairs.append((OFFSET, Int64(offset)))
    pairs.sort(key=lambda pair: pair[0].encode("utf-8", "surrogateescape"))
    return message.with_properties(properties.replace(headers=Table(pairs), cluster_id=None, **arrived))


def _after_the_journey(properties: Properties) -> tuple[list[Pair], dict[str, str]]:
    """The headers that arrive, and the properties that some of them turned into."""
    pairs: list[Pair] = []
    arrived: dict[str, str] = {}
    for name, value in Table(properties.headers or {}).pairs:
        if isinstance(value, Decimal):
            raise Crash("a stream has no place for decimals")
        field = TRAVELLING.get(name)
        if field and field not in arrived and getattr(properties, field) is None and _is_short(value):
            arrived[field] = value
        elif name != OFFSET and not isinstance(value, (list, tuple, dict, Table)):
            pairs.append((name, value))
    return pairs, arrived


def _is_short(value: Any) -> bool:
    return isinstance(value, str) and len(value.encode("utf-8", "surrogateescape")) < SHORTEST_TOO_LONG
