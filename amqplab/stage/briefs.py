"""Each kind of record in three or four words: for the ladder's rungs, where a sentence has no room.

Theory
------
A sentence explains (:mod:`amqplab.trace.narrate`); a brief *names*, so that a column of them can be scanned.
Both are functions of one record and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.recorder import Record
from amqplab.wire.dissect import summarise

__all__ = ["brief"]

BRIEFS: dict[type[e.Event], Callable[[Any], str]] = {
    e.ProgramStarted: lambda x: f"program {x.program} starts",
    e.ProgramFinished: lambda x: f"program {x.program}: {x.outcome}",
    e.CallMade: lambda x: x.call,
    e.CallReturned: lambda x: f"returns {x.result}",
    e.CallFailed: lambda x: f"raises {x.error}",
    e.NoteMade: lambda x: x.text,
    e.Intervened: lambda x: f"{x.action} {x.target}",
    e.TcpStateChanged: lambda x: x.state,
    e.SegmentSent: lambda x: f"{x.flags.replace('|', ' ')} {len(x.payload)} B",
    e.SegmentLost: lambda x: f"segment {x.number} lost: {x.reason}",
    e.RetransmissionTimedOut: lambda x: "retransmission timeout",
    e.FrameSent: lambda x: f"{summarise(x.data)} to TCP",
    e.FrameReceived: lambda x: f"{summarise(x.data)} is here",
    e.CommandSent: lambda x: x.name,
    e.CommandReceived: lambda x: x.name,
    e.ConnectionAuthenticated: lambda x: f"{x.user} logged in",
    e.ConnectionTuned: lambda x: f"tuned: frame-max {x.frame_max}",
    e.ConnectionOpened: lambda x: f"connection open on {x.vhost}",
    e.ConnectionClosing: lambda x: f"{x.by} closes: {x.code}",
    e.ConnectionClosed: lambda x: f"connection gone: {x.reason}",
    e.ChannelOpened: lambda x: f"channel {x.channel} open",
    e.ChannelClosing: lambda x: f"{x.by} closes channel {x.channel}: {x.code}",
    e.ChannelClosed: lambda x: f"channel {x.channel} gone",
    e.PrefetchSet: lambda x: f"prefetch {x.count or 'unlimited'}",
    e.ModeSelected: lambda x: f"{x.mode} mode",
    e.ExchangeDeclared: lambda x: f"exchange {x.exchange} ({x.type})",
    e.ExchangeDeleted: lambda x: f"exchange {x.exchange} gone",
    e.QueueDeclared: lambda x: f"queue {x.queue}",
    e.QueueDeleted: lambda x: f"queue {x.queue} gone",
    e.QueuePurged: lambda x: f"{x.queue} purged",
    e.Bound: lambda x: f"{x.source} –{x.routing_key}→ {x.destination}",
    e.Unbound: lambda x: f"{x.source} –{x.routing_key}→ {x.destination} gone",
    e.ConsumerAdded: lambda x: f"consumer on {x.queue}",
    e.ConsumerRemoved: lambda x: f"consumer gone: {x.reason}",
    e.Published: lambda x: f"{x.message} published",
    e.Routed: lambda x: f"{x.message} routed to {', '.join(x.queues) or 'nowhere'}",
    e.Unroutable: lambda x: f"{x.message} unroutable",
    e.PublishRefused: lambda x: f"{x.message} refused",
    e.Enqueued: lambda x: f"{x.message} enqueued in {x.queue}",
    e.Delivered: lambda x: f"{x.message} delivered",
    e.Replied: lambda x: f"{x.message} delivered as a reply",
    e.Acknowledged: lambda x: f"{x.message} acknowledged",
    e.Rejected: lambda x: f"{x.message} rejected",
    e.Requeued: lambda x: f"{x.message} requeued",
    e.Discarded: lambda x: f"{x.message} discarded: {x.reason}",
    e.DeadLettered: lambda x: f"{x.message} dead-lettered as {x.successor}",
    e.Returned: lambda x: f"{x.message} returned: {x.code}",
    e.Confirmed: lambda x: f"confirms {'up to ' if x.multiple else ''}{x.sequence}",
}


def brief(record: Record) -> str:
    """A few words for one record; kinds without words of their own are named as they are."""
    words = BRIEFS.get(type(record.event))
    if words is not None:
        return words(record.event)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(record.event).__name__).lower()
