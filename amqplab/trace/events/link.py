"""The link: TCP segments between two hosts.

Theory
------
TCP carries octets, not frames. What its segments carry, where one is lost, and how TCP finds that out, is
told here; what the octets mean is told in :mod:`amqplab.trace.events.wire`.
"""

from __future__ import annotations

from amqplab.trace.events.declaring import Event, event

__all__ = [
    "RetransmissionTimedOut",
    "SegmentArrived",
    "SegmentDiscarded",
    "SegmentLost",
    "SegmentSent",
    "TcpStateChanged",
    "WindowClosed",
    "WindowOpened",
]


def segment_label(sent: SegmentSent) -> str:
    """Its flags, and how many bytes it carries."""
    return f"{sent.flags.replace('|', ' ')} {len(sent.payload)} B"


@event(chapter="link", level="segment", label="{state}", hold=90)
class TcpStateChanged(Event):
    """One end of a connection changed its TCP state (RFC 9293 names, e.g. "SYN-SENT")."""

    connection: str
    state: str


@event(chapter="link", level="segment", label=segment_label)
class SegmentSent(Event):
    """One TCP segment left `source` for `destination` (both "host:port"). `number` is unique per run;
    `sequence` and `acknowledgement` are the 32-bit TCP numbers; `flags` is e.g. "SYN|ACK"; `arrives_at`
    is the planned arrival in ns, None when it will be lost; `departs_at`..`arrives_at` includes the
    serialisation delay.
    """

    connection: str
    number: int
    source: str
    destination: str
    flags: str
    sequence: int
    acknowledgement: int
    window: int
    payload: bytes
    retransmission: bool
    departs_at: int
    arrives_at: int | None


@event(chapter="link", level="segment", label="segment {number} arrives")
class SegmentArrived(Event):
    """The segment reached the other host and was taken by its TCP."""

    connection: str
    number: int


@event(chapter="link", level="segment", label="segment {number} lost: {reason}", mark="bad", hold=600)
class SegmentLost(Event):
    """The network dropped the segment; `reason` is e.g. "loss", "the link is cut", "on purpose"."""

    connection: str
    number: int
    reason: str


@event(chapter="link", level="segment", label="segment {number} discarded: {reason}")
class SegmentDiscarded(Event):
    """The receiving TCP had no use for it: a duplicate, outside the window, or no such connection."""

    connection: str
    number: int
    reason: str


@event(chapter="link", level="segment", label="retransmission timeout", hold=460)
class RetransmissionTimedOut(Event):
    """No acknowledgement within the retransmission timeout."""

    connection: str
    host: str
    rto_ns: int


@event(chapter="link", level="segment", label="window of {host} closed", hold=460)
class WindowClosed(Event):
    """The receiver at `host` advertises a window of zero: the sender must stop."""

    connection: str
    host: str


@event(chapter="link", level="segment", label="window of {host} open", hold=460)
class WindowOpened(Event):
    """The receiver at `host` has room again."""

    connection: str
    host: str
