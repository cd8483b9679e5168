"""What a queue's arguments and policy come to: the settings it lives by.

Theory
------
The same option can be set twice: by the client that declares the queue, as an ``x-`` argument, and by an
operator, as a policy. Of two limits the smaller counts (TTL, expiry, lengths); everything else is the
argument's word, and the policy's only where there is no argument (LIMIT-18).

:class:`Settings` is what comes of it: plain numbers and words, read once. It also answers the questions that
follow from them alone, without looking at the queue: when does a copy of this message expire, which priority
has it here.

    arguments ──┐
                ├─→ settings ─→ expiry of a copy, its priority, what to do when there is no room
    policy ─────┘
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from amqplab.model.message import Message

__all__ = ["NOTHING_SET", "Settings", "settings_from"]

MILLISECOND = 1_000_000  # ns

SMALLER = {"message-ttl", "expires", "max-length", "max-length-bytes", "delivery-limit"}
"""Options of which the smaller value counts."""


class Settings(NamedTuple):
    """None means "not set". Times are in milliseconds, lengths in messages and octets of bodies.

    `dead_letter_exchange` may be "", the default exchange. `max_priority` None is a queue without
    priorities. `delivery_limit` belongs to quorum queues.
    """

    message_ttl: int | None = None
    expires: int | None = None
    dead_letter_exchange: str | None = None
    dead_letter_routing_key: str | None = None
    dead_letter_strategy: str = "at-most-once"
    max_length: int | None = None
    max_length_bytes: int | None = None
    overflow: str = "drop-head"
    max_priority: int | None = None
    single_active_consumer: bool = False
    delivery_limit: int | None = None

    @property
    def limited(self) -> bool:
        """There is a limit on its length."""
        return self.max_length is not None or self.max_length_bytes is not None

    @property
    def refuses(self) -> bool:
        """A publish that would not fit is refused, instead of dropping the head (QUEUE-64, QUEUE-65)."""
        return self.overflow != "drop-head"

    @property
    def careful(self) -> bool:
        """Dead letters have to arrive, so that they wait in the queue until they have (QUEUE-52)."""
        return (
            self.dead_letter_strategy == "at-least-once"
            and self.overflow == "reject-publish"
            and self.dead_letter_exchange is not None
        )

    @property
    def plain(self) -> bool:
        """Taking a message in needs no thought: no limit, no expiry, no priorities."""
        return not self.limited and self.message_ttl is None and self.max_priority is None

    def expiry(self, message: Message, now: int) -> int | None:
        """When a copy of `message` that arrives at `now` (ns) expires: the smaller TTL counts (QUEUE-67)."""
        ttl = self.message_ttl
        own = message.expiration_ms
        if own is not None and (ttl is None or own < ttl):
            ttl = own
        return None if ttl is None else now + ttl * MILLISECOND

    def priority(self, message: Message) -> int:
        """The message's priority here: 0 if it has none, and no more than the queue knows (QUEUE-71)."""
        return min(message.properties.priority or 0, self.max_priority or 0)

    def too_long(self, count: int, octets: int) -> bool:
        """So many ready messages with so many octets are more than allowed (QUEUE-60)."""
        return (self.max_length is not None and count > self.max_length) or (
            self.max_length_bytes is not None and octets > self.max_length_bytes
        )


NOTHING_SET = Settings()


def settings_from(arguments: Mapping[str, Any], policy: Mapping[str, Any] | None = None) -> Settings:
    """The settings of a queue with these arguments, under this policy (names without ``x-``)."""
    policy = policy or {}
    values: dict[str, Any] = {}
    for field in Settings._fields:
        option = field.replace("_", "-")
        if option == "single-active-consumer" or option == "max-priority":
            value = arguments.get(f"x-{option}")  # only the client can ask for these
        else:
            value = _combine(option, arguments.get(f"x-{option}"), policy.get(option))
        if value is not None:
            values[field] = value
    limit = values.get("delivery_limit")
    if limit is not None and not (isinstance(limit, int) and not isinstance(limit, bool)):
        del values["delivery_limit"]  # accepted without a check, and never reached (QUEUE-51)
    return Settings(**values) if values else NOTHING_SET


def _combine(option: str, argument: Any, policy: Any) -> Any:
    if argument is None or policy is None:
        return policy if argument is None else argument
    if option in SMALLER and isinstance(argument, int):
        return min(argument, policy)
    return argument
