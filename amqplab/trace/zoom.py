"""Zoom: which records are steps, from the segment's size to the milestone's.

Theory
------
A run of one message has some hundred records. Who studies TCP wants every segment; who studies routing wants
"published, routed, enqueued, delivered". So every event class has one level, and a zoom shows its own level
and every coarser one:

    segment     everything: TCP states, segments, windows, timers
    frame       + frames as they are handed to TCP and come out of it
    command     + whole commands: method with header and bodies; calls and their results
    milestone   what the broker, the programs and the interventions have done

``LEVELS`` is the table; the lab steps by it and the stage plays by it.
"""

from __future__ import annotations

from collections.abc import Iterator

from amqplab.trace import events as e
from amqplab.trace.recorder import Record, Recorder

__all__ = ["LEVELS", "ZOOMS", "kinds_at", "level_of", "shown", "visible"]

ZOOMS = ("segment", "frame", "command", "milestone")
"""The zooms, finest first."""

SEGMENT_EVENTS: tuple[type[e.Event], ...] = (
    e.TcpStateChanged,
    e.SegmentSent,
    e.SegmentArrived,
    e.SegmentLost,
    e.SegmentDiscarded,
    e.RetransmissionTimedOut,
    e.WindowClosed,
    e.WindowOpened,
)
FRAME_EVENTS: tuple[type[e.Event], ...] = (e.FrameSent, e.FrameReceived, e.BytesUnreadable)
COMMAND_EVENTS: tuple[type[e.Event], ...] = (
    e.CommandSent,
    e.CommandReceived,
    e.CallMade,
    e.CallReturned,
    e.CallFailed,
    e.DiskWriting,
)
MILESTONE_EVENTS: tuple[type[e.Event], ...] = (
    e.ProgramStarted,
    e.ProgramFinished,
    e.MessageHandled,
    e.NoteMade,
    e.Intervened,
    e.CheckFailed,
    e.ConnectionAuthenticated,
    e.ConnectionTuned,
    e.ConnectionOpened,
    e.ConnectionClosing,
    e.ConnectionClosed,
    e.ChannelOpened,
    e.ChannelClosing,
    e.ChannelClosed,
    e.PrefetchSet,
    e.ModeSelected,
    e.TransactionEnded,
    e.HeartbeatMissed,
    e.ConnectionBlocked,
    e.ConnectionUnblocked,
    e.AlarmChanged,
    e.DiskSynced,
    e.DiskFailed,
    e.DiskForgot,
    e.ExchangeDeclared,
    e.ExchangeDeleted,
    e.QueueDeclared,
    e.QueueDeleted,
    e.QueuePurged,
    e.Bound,
    e.Unbound,
    e.ConsumerAdded,
    e.ConsumerRemoved,
    e.Published,
    e.Routed,
    e.Unroutable,
    e.PublishRefused,
    e.Enqueued,
    e.Delivered,
    e.Replied,
    e.Acknowledged,
    e.Rejected,
    e.Requeued,
    e.Discarded,
    e.DeadLettered,
    e.Returned,
    e.Confirmed,
)

LEVELS: dict[type[e.Event], str] = {
    kind: zoom
    for zoom, kinds in zip(
        ZOOMS, (SEGMENT_EVENTS, FRAME_EVENTS, COMMAND_EVENTS, MILESTONE_EVENTS), strict=True
    )
    for kind in kinds
}
"""Event class -> its level."""


def level_of(kind: type[e.Event]) -> str:
    """The level of an event class; one that is not in the table is a milestone."""
    return LEVELS.get(kind, "milestone")


def visible(kind: type[e.Event], zoom: str) -> bool:
    """Whether records of this kind are steps at `zoom`. Raises ValueError for an unknown zoom."""
    return ZOOMS.index(level_of(kind)) >= _index(zoom)


def kinds_at(zoom: str) -> tuple[type[e.Event], ...]:
    """The event classes of exactly this level. Raises ValueError for an unknown zoom."""
    _index(zoom)
    return tuple(kind for kind, level in LEVELS.items() if level == zoom)


def shown(recorder: Recorder, zoom: str) -> Iterator[Record]:
    """The records that are steps at `zoom`, in order. Raises ValueError for an unknown zoom."""
    wanted = {kind for kind in LEVELS if visible(kind, zoom)}
    for seq in range(len(recorder)):
        if recorder.kind_of(seq) in wanted:
            yield recorder[seq]


def _index(zoom: str) -> int:
    if zoom not in ZOOMS:
        raise ValueError(f"there is no zoom {zoom!r}: choose one of {', '.join(ZOOMS)}")
    return ZOOMS.index(zoom)
