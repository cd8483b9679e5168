"""Delivery tags that stay unique when a channel is opened again.

Theory
------
A delivery tag is a number on one channel, from 1 (BASIC-35). After a recovery the channel is a new one for
the broker, and counts from 1 again; but the program may still hold messages of the old one. Were the same
tag used twice, acknowledging an old message would acknowledge a new one.

So what the program sees is the broker's tag plus an *offset*: the highest tag that it has seen before the
connection broke. A tag up to the offset is *stale*: its message was put back into its queue when the old
channel ended and comes again, so settling it means nothing any more, and nothing is sent.
"""

from __future__ import annotations

from typing import Any

from amqplab.wire.content import Command

__all__ = ["TagShift"]


class TagShift:
    """The tags of one channel: shown = broker's + offset."""

    __slots__ = ("_highest", "_offset")

    def __init__(self) -> None:
        self._offset = 0
        self._highest = 0

    def broke(self) -> None:
        """The channel ended: every tag shown so far is stale."""
        self._offset = self._highest

    def shown(self, command: Command) -> Command:
        """A delivery (or get-ok) with the tag that the program shall see."""
        method: Any = command.method
        tag = method.delivery_tag + self._offset
        self._highest = max(self._highest, tag)
        if not self._offset:
            return command
        return Command(method.replace(delivery_tag=tag).encode(), command.header, command.body)

    def real(self, tag: int) -> int | None:
        """The broker's tag for one that the program names; None for a stale one. 0 ("all") stays 0."""
        if tag == 0:
            return 0
        return tag - self._offset if tag > self._offset else None
