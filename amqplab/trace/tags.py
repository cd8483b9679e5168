"""The tag in a method frame: of a delivery, of what settles one, of a confirm.

Theory
------
Who follows a message over the wire needs of a whole method only its tag. It stands at a fixed place, in
basic.deliver behind the consumer tag. A frame that was recorded may be cut short or none at all, so reading is
total.
"""

from __future__ import annotations

__all__ = ["delivery_tag", "is_multiple"]

ARGUMENTS = 11
"""Where a method frame's arguments begin: behind type, channel, size, class and method."""
TAG = 8
"""How many octets a tag has."""


def delivery_tag(name: str, data: bytes) -> int:
    """The tag in the frame of this method; 0 in one that is cut short."""
    at = ARGUMENTS
    if name == "basic.deliver" and len(data) > at:
        at += 1 + data[at]  # the consumer tag, a short string
    tag = data[at : at + TAG]
    return int.from_bytes(tag, "big") if len(tag) == TAG else 0


def is_multiple(data: bytes) -> bool:
    """Whether a basic.ack or basic.nack is for all up to its tag."""
    flags = data[ARGUMENTS + TAG : ARGUMENTS + TAG + 1]
    return bool(flags and flags[0] & 1)
