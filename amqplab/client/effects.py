"""What comes out of the client's protocol machine.

Theory
------
The machine does nothing itself. It answers every input with a list of *effects*. Three of them are orders to
whoever holds the socket and the clock: `Send`, `CloseTransport`, `WakeAt`. All others are news for whoever
uses the connection. `Send` always stands first in a list: when the news are read, the machine has already
answered what had to be answered, and new requests may be made at once.

They are tuples: cheap to make, typed, and they print as what they are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from amqplab.wire.content import Command
from amqplab.wire.methods import Method

__all__ = [
    "Blocked",
    "CancelledByBroker",
    "ChannelGone",
    "CloseTransport",
    "ConnectionGone",
    "Delivered",
    "Effect",
    "Failed",
    "FlowChanged",
    "Opened",
    "Replied",
    "Returned",
    "Send",
    "Settled",
    "Silence",
    "Unblocked",
    "WakeAt",
]


# --- orders ---


class Send(NamedTuple):
    """Write these octets."""

    data: bytes


class CloseTransport(NamedTuple):
    """End the TCP connection: at once and with a reset (`abort`), or when all is written."""

    abort: bool


class WakeAt(NamedTuple):
    """Call `tick` at this time (ns); replaces the time ordered before. None: no more."""

    when: int | None


# --- news ---


class Opened(NamedTuple):
    """connection.open-ok: the connection can be used."""


class Replied(NamedTuple):
    """The reply to a request; `call` is the object that came with the request. `command` is the whole
    command when the reply has content (basic.get-ok), else None.
    """

    call: Any
    method: Method
    command: Command | None


class Failed(NamedTuple):
    """A request that will never be answered, and why."""

    call: Any
    error: Exception


class Delivered(NamedTuple):
    """basic.deliver with its content."""

    channel: int
    command: Command


class Returned(NamedTuple):
    """basic.return with its content (CLIENT-05). `sequence` is the publish it belongs to, 0 if unknown."""

    channel: int
    sequence: int
    command: Command


class Settled(NamedTuple):
    """The broker confirmed (or refused) these publishes, in order; `multiple` is resolved (CLIENT-06)."""

    channel: int
    sequences: tuple[int, ...]
    positive: bool


class CancelledByBroker(NamedTuple):
    """basic.cancel from the broker: the consumer is gone (CLIENT-07)."""

    channel: int
    consumer_tag: str


class FlowChanged(NamedTuple):
    """channel.flow from the broker; answered already."""

    channel: int
    active: bool


class ChannelGone(NamedTuple):
    """The channel is closed; `error` is None when that was our wish."""

    channel: int
    error: Exception | None


class Blocked(NamedTuple):
    """connection.blocked: the broker reads no more publishes, and says why."""

    reason: str


class Unblocked(NamedTuple):
    """connection.unblocked."""


class Silence(NamedTuple):
    """Nothing came from the broker for two heartbeat timeouts: what follows here comes of that."""


class ConnectionGone(NamedTuple):
    """The connection is over; `error` is None when that was our wish."""

    error: Exception | None


Effect = (
    Send
    | CloseTransport
    | WakeAt
    | Opened
    | Replied
    | Failed
    | Delivered
    | Returned
    | Settled
    | CancelledByBroker
    | FlowChanged
    | ChannelGone
    | Blocked
    | Unblocked
    | Silence
    | ConnectionGone
)
