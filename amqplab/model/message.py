"""A message, and the copies of it that stand in queues.

Theory
------
A publisher sends one **message**: an address (exchange and routing key), properties, and a body. The broker
never looks into the body, and into the properties only where it must (persistence, expiration, priority, the
headers that a headers exchange compares). So a :class:`Message` keeps properties and body as the octets that
came in, and they leave exactly as they came (CODEC-52).

Routing does not move the message: it puts one **copy** into every queue that matched. A :class:`Copy` is what
has a life of its own: a place in one queue, a "was handed out before" flag, a moment when it expires. All
copies of one message share the one :class:`Message`, so a fan-out to a thousand queues stores one body.

Publishers tend to say the same over and over: same address, same properties. So all of a message but its
number and body is an :class:`Envelope`, and the messages of such a stream share one. What is not shared is
what a million waiting messages cost, so :class:`Message` and :class:`Copy` have no field that can be done
without.

A copy keeps the place it got when it arrived. That is how a rejected or recovered copy finds its way back to
its original position (BASIC-53): the ready copies of a queue are ordered by ``place``, always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from amqplab.wire.properties import Properties

__all__ = ["Copy", "Envelope", "Message"]


class Envelope(NamedTuple):
    """All of a message but its body.

    ``octets`` are the property flags and values as they came, ``properties`` the same decoded.
    ``persistent`` is delivery-mode 2; ``expiration_ms`` is the expiration property or None. ``extra_keys``
    are the routing keys of the CC and BCC headers (BASIC-10).
    """

    exchange: str
    routing_key: str
    properties: Properties
    octets: bytes
    persistent: bool = False
    expiration_ms: int | None = None
    extra_keys: tuple[str, ...] = ()


class Message:
    """One published message. ``number`` is the broker's own count of published messages, from 1."""

    __slots__ = ("body", "envelope", "number")

    def __init__(self, number: int, envelope: Envelope, body: bytes) -> None:
        self.number = number
        self.envelope = envelope
        self.body = body

    @property
    def exchange(self) -> str:
        """Where it was published to."""
        return self.envelope.exchange

    @property
    def routing_key(self) -> str:
        """What it was published with."""
        return self.envelope.routing_key

    @property
    def properties(self) -> Properties:
        """The properties, decoded."""
        return self.envelope.properties

    @property
    def octets(self) -> bytes:
        """The properties as they came."""
        return self.envelope.octets

    @property
    def persistent(self) -> bool:
        """Whether it shall survive the broker."""
        return self.envelope.persistent

    @property
    def expiration_ms(self) -> int | None:
        """For how long it is good, or None."""
        return self.envelope.expiration_ms

    @property
    def extra_keys(self) -> tuple[str, ...]:
        """More routing keys."""
        return self.envelope.extra_keys

    def with_properties(self, properties: Properties) -> Message:
        """The same message, told differently."""
        envelope = self.envelope._replace(properties=properties, octets=properties.encode())
        return Message(self.number, envelope, self.body)

    def __repr__(self) -> str:
        return (
            f"Message({self.number}, exchange={self.exchange!r}, routing_key={self.routing_key!r}, "
            f"{len(self.body)} octets)"
        )


class Copy:
    """One queue's copy of a message.

    ``place`` orders the copies of one queue by arrival. ``redelivered`` means "was handed out before", not
    "was processed" (BASIC-58). ``expires_at`` is in nanoseconds, None for never.
    ``returned`` is how often it came back, where that is counted (QUORUM-03); here it is not.
    """

    __slots__ = ("expires_at", "message", "place", "redelivered")
    returned: int = 0

    def __init__(self, message: Message, place: int, expires_at: int | None = None) -> None:
        self.message = message
        self.place = place
        self.redelivered = False
        self.expires_at = expires_at

    def __repr__(self) -> str:
        flag = ", redelivered" if self.redelivered else ""
        return f"Copy(of message {self.message.number}, place {self.place}{flag})"
