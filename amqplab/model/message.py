"""A message, and the copies of it that stand in queues.

Theory
------
A publisher sends one **message**: an address (exchange and routing key), properties, and a body. The broker
never looks into the body, and into the properties only where it must (persistence, expiration, priority, the
headers that a headers exchange compares). So a :class:`Message` keeps properties and body as the octets that
came in, and they leave exactly as they came (CODEC-52). The properties are there decoded, too, but for a
large header table: that takes twenty times the memory of its octets, and is decoded again if it is needed.

Routing does not move the message: it puts one **copy** into every queue that matched. A :class:`Copy` is what
has a life of its own: a place in one queue, a "was handed out before" flag, a moment when it expires. All
copies of one message share the one :class:`Message`, so a fan-out to a thousand queues stores one body.

A copy keeps the place it got when it arrived. That is how a rejected or recovered copy finds its way back to
its original position (BASIC-53): the ready copies of a queue are ordered by ``place``, always.
"""

from __future__ import annotations

from amqplab.wire.properties import Properties

__all__ = ["LARGE", "Copy", "Message", "lean"]

LARGE = 512  # octets of properties


def lean(properties: Properties, octets: bytes) -> Properties:
    """What a message keeps of its decoded properties: all, or all but a large header table."""
    if len(octets) <= LARGE or properties.headers is None:
        return properties
    return properties.replace(headers=None)


class Message:
    """One published message.

    ``number`` is the broker's own count of published messages, from 1. ``properties`` is decoded, but see
    :func:`lean`, and shared between messages with equal octets; ``octets`` are the property flags and values
    as they came. ``extra_keys`` are the routing keys of the CC and BCC headers (BASIC-10). ``expiration_ms``
    is the expiration property or None.
    """

    __slots__ = (
        "body",
        "exchange",
        "expiration_ms",
        "extra_keys",
        "number",
        "octets",
        "properties",
        "routing_key",
    )

    def __init__(
        self,
        number: int,
        exchange: str,
        routing_key: str,
        properties: Properties,
        octets: bytes,
        body: bytes,
        expiration_ms: int | None = None,
        extra_keys: tuple[str, ...] = (),
    ) -> None:
        self.number = number
        self.exchange = exchange
        self.routing_key = routing_key
        self.properties = properties
        self.octets = octets
        self.body = body
        self.expiration_ms = expiration_ms
        self.extra_keys = extra_keys

    @property
    def persistent(self) -> bool:
        """Delivery mode 2: it survives the broker, in a durable queue."""
        return self.properties.delivery_mode == 2

    @property
    def full_properties(self) -> Properties:
        """All properties, a large header table included."""
        return self.properties if len(self.octets) <= LARGE else Properties.decode(self.octets)

    def with_properties(self, properties: Properties) -> Message:
        """The same message, told differently."""
        octets = properties.encode()
        return Message(
            self.number,
            self.exchange,
            self.routing_key,
            lean(properties, octets),
            octets,
            self.body,
            self.expiration_ms,
            self.extra_keys,
        )

    def __repr__(self) -> str:
        return (
            f"Message({self.number}, exchange={self.exchange!r}, routing_key={self.routing_key!r}, "
            f"{len(self.body)} octets)"
        )


class Copy:
    """One queue's copy of a message.

    ``place`` orders the copies of one queue by arrival. ``redelivered`` means "was handed out before", not
    "was processed" (BASIC-58). ``expires_at`` is in nanoseconds, None for never.
    ``returned`` is how often it came back, where that is counted (QUORUM-03), and ``died`` why it did, where
    the dead are kept: not here.

    A queue may hold millions of copies, so this is all there is of each.
    """

    __slots__ = ("expires_at", "message", "place", "redelivered")

    returned: int = 0
    died: str = ""

    def __init__(self, message: Message, place: int, expires_at: int | None = None) -> None:
        self.message = message
        self.place = place
        self.redelivered = False
        self.expires_at = expires_at

    def __repr__(self) -> str:
        flag = ", redelivered" if self.redelivered else ""
        return f"Copy(of message {self.message.number}, place {self.place}{flag})"
