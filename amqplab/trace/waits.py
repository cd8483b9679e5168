"""Whose waiting it was that ended: what time has brought, and since when it was coming.

Theory
------
A timer is nobody's act, so what it does is recorded without a cause: the machine knows that time was up, and no
more. But a timer was set by something, and a reader of the whole recording can tell by what:

    a copy expires           it entered its queue, and its time began
    a queue expires          it was used for the last time
    a delivery goes out      its copy came back in that very instant, by such a timer
    a peer is not heard      somebody has taken the power from who should speak, made it stand still, or cut the
                             link; or else the first octets that should have been heard were lost
    a consumer is given up   it got the oldest delivery that it has not acknowledged
    a connection is          it began, and was never opened; or its end was asked for, and nobody agreed
    given up
    a reset is sent          its connection was given up in that very instant, by such a timer

What follows from that in the same instant came of it. Heartbeats are sent for no other reason than that it is time,
and have no cause at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record
from amqplab.trace.traffic import Lane, Traffic
from amqplab.wire.frames import FRAME_HEARTBEAT

__all__ = ["ENDS", "Waits"]

Copy = tuple[str, str, int]
"""A message in a queue: virtual host, queue, message."""

HEARTBEAT = bytes((FRAME_HEARTBEAT,))

SILENCES = {"power off": True, "freeze": True, "power on": False, "thaw": False}
"""Whether somebody is silent after that was done to it."""

USING = ("basic.get", "queue.declare")
"""The commands that use a queue, beside consuming from it."""


class Waits:
    """Reads a recording once: `since` has for each record that a timer made the one by which it was set."""

    def __init__(self, records: Sequence[Record], traffic: Traffic) -> None:
        self.since: dict[int, int] = {}
        self._traffic = traffic
        self._entered: dict[Copy, int] = {}
        self._stands: dict[Copy, Record] = {}  # since when it is Ready
        self._held: dict[Copy, tuple[tuple[str, int], int]] = {}  # by which channel, and since when
        self._used: dict[tuple[str, str], int] = {}  # queue -> its last use
        self._began: dict[str, int] = {}  # connection -> what its end, or its opening, is waited for since
        self._vhosts: dict[str, str] = {}  # connection -> its virtual host
        self._brokers: dict[str, str] = {}  # connection -> the host at its other end
        self._silenced: dict[str, int] = {}  # host -> by what
        self._cut: dict[str, int] = {}  # host -> by what its link is cut
        self._ended: Record | None = None  # the channel that was given up last
        self._given_up: dict[str, Record] = {}  # connection -> where it was
        for record in records:
            end = MAKES.get(type(record.event)) if record.cause is None else None
            since = None if end is None else end(self, record, record.event)
            if since is not None:
                self.since[record.seq] = since
            note = NOTES.get(type(record.event))
            if note is not None:
                note(self, record, record.event)

    # --- what a timer ends -------------------------------------------------------------------------------

    def _copy_ended(self, record: Record, event: e.Discarded | e.DeadLettered) -> int | None:
        if event.reason == "expired":
            return self._entered.get(copy_of(event))
        return self._used.get((event.vhost, event.queue)) if event.reason == "queue deleted" else None

    def _queue_ended(self, record: Record, event: e.QueueDeleted) -> int | None:
        return self._used.get((event.vhost, event.queue))

    def _unbound(self, record: Record, event: e.Unbound) -> int | None:
        return self._used.get((event.vhost, event.destination)) if event.kind == "queue" else None

    def _handed_out(self, record: Record, event: e.Delivered) -> int | None:
        stands = self._stands.get(copy_of(event))
        return stands.seq if stands is not None and stands.at == record.at else None

    def _silence(self, record: Record, event: e.HeartbeatMissed) -> int | None:
        up = record.where != client_host(event.connection)
        speaker = client_host(event.connection) if up else self._brokers.get(event.connection, "")
        by_act = self._silencer(speaker, event.connection)
        return (
            by_act if by_act is not None else min(self._missing((event.connection, up), record), default=None)
        )

    def _silencer(self, speaker: str, connection: str) -> int | None:
        """What somebody did, so that nothing is heard of `speaker` any more: to that host, or to the cable."""
        return self._silenced.get(speaker, self._cut.get(client_host(connection)))

    def _missing(self, lane: Lane, record: Record) -> list[int]:
        """Where octets of the lane were lost that have not come since."""
        frames, segments = self._traffic.frames, self._traffic.segments.values()
        ends = [one.end for one in frames if one.lane == lane and is_before(one.received, record)]
        heard = max(ends, default=0)
        loaded = [one for one in segments if one.lane == lane and one.end > max(heard, one.start)]
        came = {one.start for one in loaded if is_before(one.arrived, record)}
        lost = [one.lost_seq for one in loaded if one.start not in came]
        return [seq for seq in lost if seq is not None and seq < record.seq]

    def _channel_ended(self, record: Record, event: e.ChannelClosing) -> int | None:
        self._ended = record
        lane = (event.connection, event.channel)
        return min([since for holder, since in self._held.values() if holder == lane], default=None)

    def _connection_ended(self, record: Record, event: e.ConnectionClosed) -> int | None:
        by_act = self._silencer(client_host(event.connection), event.connection)
        return by_act if by_act is not None else self._began.get(event.connection)

    def _at_once(self, record: Record, event: e.Event) -> int | None:
        """A channel was given up in this very instant, and this follows."""
        ended = self._ended
        same = ended is not None and (ended.at, ended.where) == (record.at, record.where)
        is_heartbeat = isinstance(event, e.FrameSent) and event.data[:1] == HEARTBEAT
        return ended.seq if ended is not None and same and not is_heartbeat else None

    def _reset(self, record: Record, event: e.SegmentSent | e.TcpStateChanged) -> int | None:
        given_up = self._given_up.get(event.connection)
        same = given_up is not None and (given_up.at, given_up.where) == (record.at, record.where)
        is_end = "RST" in event.flags if isinstance(event, e.SegmentSent) else event.state == "CLOSED"
        return given_up.seq if given_up is not None and same and is_end else None

    # --- what timers are set by --------------------------------------------------------------------------

    def _note_enqueued(self, record: Record, event: e.Enqueued) -> None:
        self._entered[copy_of(event)], self._stands[copy_of(event)] = record.seq, record

    def _note_requeued(self, record: Record, event: e.Requeued) -> None:
        self._stands[copy_of(event)] = record
        self._held.pop(copy_of(event), None)

    def _note_delivered(self, record: Record, event: e.Delivered) -> None:
        if not event.no_ack:
            self._held[copy_of(event)] = ((event.connection, event.channel), record.seq)

    def _note_settled(self, record: Record, event: Any) -> None:
        self._held.pop(copy_of(event), None)

    def _note_use(self, record: Record, event: e.QueueDeclared | e.ConsumerRemoved) -> None:
        self._used[event.vhost, event.queue] = record.seq

    def _note_command(self, record: Record, event: e.CommandReceived) -> None:
        if event.name in USING and record.seq in self._traffic.command_at:
            method = self._traffic.method_of(self._traffic.commands[self._traffic.command_at[record.seq]])
            queue = (self._vhosts.get(event.connection, "/"), str(getattr(method, "queue", "")))
            self._used[queue] = record.seq

    def _note_opened(self, record: Record, event: e.ConnectionOpened) -> None:
        self._vhosts[event.connection] = event.vhost
        self._brokers[event.connection] = record.where

    def _note_tcp(self, record: Record, event: e.TcpStateChanged) -> None:
        if event.state == "ESTABLISHED" and record.where != client_host(event.connection):
            self._began[event.connection] = record.seq

    def _note_closed(self, record: Record, event: e.ConnectionClosed) -> None:
        self._given_up[event.connection] = record

    def _note_closing(self, record: Record, event: e.ConnectionClosing) -> None:
        self._began[event.connection] = record.seq

    def _note_act(self, record: Record, event: e.Intervened) -> None:
        if SILENCES.get(event.action):
            self._silenced[event.target] = record.seq
        elif event.action in SILENCES:
            self._silenced.pop(event.target, None)
        elif event.action == "cut":
            self._cut[event.target] = record.seq
        elif event.action == "heal":
            self._cut.pop(event.target, None)


def copy_of(event: Any) -> Copy:
    """Which copy an event tells of."""
    return event.vhost, event.queue, event.message


def is_before(seq: int | None, record: Record) -> bool:
    """Whether that has happened, and before the record."""
    return seq is not None and seq < record.seq


ENDS: dict[type[e.Event], Callable[[Waits, Record, Any], int | None]] = {
    e.Discarded: Waits._copy_ended,
    e.DeadLettered: Waits._copy_ended,
    e.QueueDeleted: Waits._queue_ended,
    e.Unbound: Waits._unbound,
    e.Delivered: Waits._handed_out,
    e.HeartbeatMissed: Waits._silence,
    e.ChannelClosing: Waits._channel_ended,
    e.ConnectionClosed: Waits._connection_ended,
}
"""What a timer may do, and how to find by what that timer was set."""

MAKES = ENDS | {
    e.ConsumerRemoved: Waits._at_once,
    e.ConsumerActivated: Waits._at_once,
    e.Requeued: Waits._at_once,
    e.TransactionEnded: Waits._at_once,
    e.FrameSent: Waits._at_once,
    e.SegmentSent: Waits._reset,
    e.TcpStateChanged: Waits._reset,
}
"""The same, and what may follow."""

NOTES: dict[type[e.Event], Callable[[Waits, Record, Any], None]] = {
    e.Enqueued: Waits._note_enqueued,
    e.Requeued: Waits._note_requeued,
    e.Delivered: Waits._note_delivered,
    e.Acknowledged: Waits._note_settled,
    e.Rejected: Waits._note_settled,
    e.QueueDeclared: Waits._note_use,
    e.ConsumerRemoved: Waits._note_use,
    e.CommandReceived: Waits._note_command,
    e.ConnectionOpened: Waits._note_opened,
    e.TcpStateChanged: Waits._note_tcp,
    e.ConnectionClosing: Waits._note_closing,
    e.ConnectionClosed: Waits._note_closed,
    e.Intervened: Waits._note_act,
}
"""What a timer may be set by."""
