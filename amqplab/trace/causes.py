"""What a record came of: the cause that was recorded, or a nearer one that follows from what is around it.

Theory
------
Every record names the record whose processing made it (:mod:`amqplab.trace.recorder`). That is how the machine
worked, and mostly what a reader means by "because". Eleven times it is not:

    a segment       is planned when the first of its octets is written, and others may join it. It is sent because
                    they were handed to TCP; or because an acknowledgement has made room for it, if that was later
    what is read    came in a segment with much else. It is there because *it* was written, whatever else was
    what is said    the broker decides, and writes all of it when it is done with what it was given: a delivery, a
                    return and a confirm came of that decision. A server that answers had read a question
    a timeout       is silence, and silence has no cause of its own. But the timer stands for a segment, and it ran
                    out because that was lost, or for want of an answer to it. Whoever is asked again and again
                    for the same octets sends them again because they were lost, too
    an end          of a stream, and a beginning, came of what ended or began it, however often TCP has sent it: so
                    that it arrives came of its first sending, and of no timer. If it came before octets that were
                    sent again, it ends the stream when those come, but not because of them
    an RST          answers a segment, for want of a connection; and that came of the end which it had had there.
                    For the same want a segment is thrown away, and not because somebody has sent it
    a block         comes with the next publish; but because of the alarm that is set
    what time brings has no recorded cause; but its timer was set by something (:mod:`amqplab.trace.waits`)
    a refusal       of a publish answers the publish; but it came of the queue that was full
    a confirm       answers the publish, too; but it came of what the broker has done with the message since: the last
                    queue that was to get it has it, or it is found that none is to
    a program ends  in what it slept or waited for; but because of what it called there, in that very instant

So what is here is worked out, never recorded; a recording keeps what happened. Causes are always earlier than
their effects, and :meth:`Causes.chain` ends at a program's act, at somebody's intervention, or at a timer.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record
from amqplab.trace.tags import delivery_tag, is_multiple
from amqplab.trace.traffic import NOBODY_THERE, Frame, Segment, Traffic
from amqplab.trace.waits import ENDS, Waits
from amqplab.wire.frames import FRAME_METHOD
from amqplab.wire.methods import METHODS, Basic

__all__ = ["Causes"]

Lane = tuple[str, int]
"""A channel: its connection and number."""

Octet = tuple[str, str, int]
"""One octet of a stream: its connection, the end that sends it, and its number."""

READ = (e.FrameReceived, e.UnitReceived)


class Causes:
    """The causes in one recording, each by the seq of its effect."""

    def __init__(self, records: Sequence[Record], traffic: Traffic | None = None) -> None:
        self._records = records
        self._first = records[0].seq if records else 0
        self._traffic = Traffic(records) if traffic is None else traffic
        self._deliveries: dict[tuple[str, int, int], int] = {}
        self._calls: dict[str, Record] = {}  # host -> its last call, or what came of one
        self._refused: dict[int | None, int] = {}  # publish -> the refusal of a queue
        self._settled: dict[int, int] = {}  # message -> where its last queue took it, or none was found to
        self._open: defaultdict[Lane, dict[int, int]] = defaultdict(dict)  # the publishes not confirmed yet
        self._confirms: dict[tuple[str, int, int, bool], int] = {}
        self._returns: defaultdict[Lane, deque[int]] = defaultdict(deque)
        self._saying: dict[Lane, int | None] = {}  # why the command is written whose frames come now
        self._ended: dict[tuple[str, str], int] = {}  # (connection, host) -> what ended it there
        self._alarms: dict[str, int] = {}  # by resource, where each was set
        self._cleared: Record | None = None  # the last alarm that was over
        self._heard: dict[tuple[str, str], Record] = {}  # (connection, host) -> the last unit read there
        self._last_sent: dict[Octet, int] = {}  # by which segment
        self._boundaries: dict[Octet, int] = {}  # where a SYN or FIN was sent first
        self._fins: dict[tuple[str, str], int] = {}  # (connection, host) -> where a FIN arrived
        self._closed: dict[int | None, int] = {}  # what brought the last octets -> the FIN that was there
        self._dark: defaultdict[str, list[int]] = defaultdict(list)  # host -> when its machine lost power
        self._behind: dict[int, Segment] = {}  # timeout -> the segment for which it stands
        self._lost: defaultdict[str, list[tuple[int, Segment]]] = defaultdict(list)  # by connection
        for segment in self._traffic.segments.values():
            if segment.lost_seq is not None:
                self._lost[segment.connection].append((segment.lost_seq, segment))
        self.nearest: list[int | None] = [self._read(record) for record in records]
        """For each record in turn the seq of the one that it came of; None if nobody did it."""
        for timeout, before in self._behind.items():
            self._explain(timeout, before)
        self._explain_waits()

    def of(self, seq: int) -> int | None:
        """What record `seq` came of; None for nothing that is in the recording."""
        cause = self.nearest[seq - self._first]
        return None if cause is None or cause < self._first else cause

    def above_segments(self, seq: int) -> int | None:
        """The same for who sees no segments: a frame is read because it was written."""
        frame = self._traffic.frame_at.get(seq) if isinstance(self.event(seq), READ) else None
        written = None if frame is None else self._traffic.frames[frame].sent
        return self.of(seq) if written is None or written >= seq else written

    def event(self, seq: int) -> e.Event:
        """What record `seq` tells."""
        return self._records[seq - self._first].event

    def chain(self, seq: int) -> Iterator[int]:
        """The record itself, what it came of, what that came of, …

        On the way back through segments a frame is followed, not the segment: what else it carried is another
        story. Raises IndexError for no such record.
        """
        frame: Frame | None = None
        at: int | None = self._records[seq].seq
        while at is not None:
            yield at
            event = self.event(at)
            if isinstance(event, READ) and at in self._traffic.frame_at:
                frame = self._traffic.frames[self._traffic.frame_at[at]]
            at = self._before(at, event, frame)

    def _before(self, at: int, event: e.Event, frame: Frame | None) -> int | None:
        cause = self.of(at)
        if frame is None or frame.sent is None or frame.sent >= at:
            return cause
        if isinstance(event, e.SegmentLost) and event.number in self._traffic.segments:
            return self._traffic.segments[event.number].sent
        if isinstance(event, e.RetransmissionTimedOut):
            return self._before_sent_again(at, frame)
        if isinstance(event, e.SegmentSent) and any(event.number == number for number, *_ in frame.carriers):
            timed_out = cause is not None and isinstance(self.event(cause), e.RetransmissionTimedOut)
            return cause if timed_out else self._before_sent_again(at, frame)
        return cause

    def _before_sent_again(self, at: int, frame: Frame) -> int | None:
        """Why octets of the frame are sent at `at`: they were lost, or have been written."""
        carriers = [self._traffic.segments[number] for number, *_ in frame.carriers]
        lost = [one.lost_seq for one in carriers if one.lost_seq is not None and one.lost_seq < at]
        return max(lost, default=frame.sent)

    # --- one pass, record by record ----------------------------------------------------------------------

    def _read(self, record: Record) -> int | None:
        read = READERS.get(type(record.event))
        cause = record.cause if read is None else read(self, record, record.event)
        return self._closed.get(cause, cause)

    def _segment(self, record: Record, event: e.SegmentSent) -> int | None:
        place = (event.connection, event.source, event.sequence)
        before, self._last_sent[place] = self._last_sent.get(place), event.number
        if is_boundary(event):
            self._boundaries.setdefault(place, record.seq)
        if event.retransmission:
            return record.cause if before is None else self._again(record, self._traffic.segments[before])
        if event.flags == "RST":
            return self._ended.get((event.connection, record.where), record.cause)
        frames = self._traffic.segments[event.number].frames
        handed = self._traffic.frames[frames[0]].sent if frames else None
        return latest(record, handed)

    def _arrived(self, record: Record, event: e.SegmentArrived) -> int | None:
        """A SYN or FIN that was sent again is followed to where it was sent first, as a frame is through segments."""
        sent = None if record.cause is None or record.cause < self._first else self.event(record.cause)
        if not isinstance(sent, e.SegmentSent) or not is_boundary(sent):
            return record.cause
        if "FIN" in sent.flags:
            self._fins[event.connection, record.where] = record.seq
        return self._boundaries[sent.connection, sent.source, sent.sequence]

    def _tcp_changed(self, record: Record, event: e.TcpStateChanged) -> int | None:
        """Who closes first has ended his end by that, whatever the other end sends after it."""
        end = event.connection, record.where
        if event.state in ("SYN-SENT", "SYN-RECEIVED"):
            self._ended.pop(end, None)
            self._fins.pop(end, None)
        elif event.state == "CLOSE-WAIT" and end in self._fins:
            return self._close(record, self._fins[end])
        elif event.state in ("FIN-WAIT-1", "CLOSED"):
            self._ended.setdefault(end, record.seq)
        return record.cause

    def _close(self, record: Record, fin: int) -> int | None:
        """What comes from now on of the octets that were missing comes of the FIN, which had been there before."""
        cause = record.cause
        if cause is not None and isinstance(self.event(cause), e.SegmentArrived) and cause != fin:
            self._closed[cause] = fin
        return cause

    def _thrown_away(self, record: Record, event: e.SegmentDiscarded) -> int | None:
        if event.reason not in NOBODY_THERE:
            return record.cause
        return self._ended.get((event.connection, record.where), record.cause)

    def _alarm(self, record: Record, event: e.AlarmChanged) -> int | None:
        if event.active:
            self._alarms[event.resource] = record.seq
        else:
            self._alarms.pop(event.resource, None)
            self._cleared = record
        return record.cause

    def _intervened(self, record: Record, event: e.Intervened) -> int | None:
        if event.action == "power off":
            self._dark[event.target].append(record.seq)
        return record.cause

    def _blocked(self, record: Record, event: e.ConnectionBlocked) -> int | None:
        named = [seq for resource, seq in self._alarms.items() if resource in event.reason]
        return max(named or self._alarms.values(), default=record.cause)

    def _unblocked(self, record: Record, event: e.ConnectionUnblocked) -> int | None:
        cleared = self._cleared
        return latest(record, cleared.seq if cleared is not None and cleared.at == record.at else None)

    def _again(self, record: Record, before: Segment) -> int | None:
        """A timer sends it again, and stands for `before`; else the other end has asked for what was lost."""
        cause = record.cause
        if cause is None or cause < self._first:
            return None
        if isinstance(self.event(cause), e.RetransmissionTimedOut):
            self._behind.setdefault(cause, before)
            return cause
        return cause if before.lost_seq is None or before.lost_seq > record.seq else before.lost_seq

    def _explain(self, timeout: int, before: Segment) -> None:
        """A timeout came of a loss: of its segment; else of one after it, or of what acknowledged them. Else it came
        of its segment's having been sent, and nobody answered in time, or nobody could.
        """
        if before.lost_seq is not None and before.lost_seq < timeout:
            self.nearest[timeout - self._first] = before.lost_seq
            return
        lost = [
            seq
            for seq, segment in self._lost[before.connection]
            if before.sent < seq < timeout and (segment.up != before.up or segment.end > segment.start)
        ]
        self.nearest[timeout - self._first] = min(lost, default=self._fell_silent(before, timeout))

    def _fell_silent(self, segment: Segment, timeout: int) -> int:
        """Where the machine that had it lost its power before it acknowledged it; else where it was sent."""
        sent = self.event(segment.sent)
        host = sent.destination.rpartition(":")[0] if isinstance(sent, e.SegmentSent) else ""
        came = segment.arrived or timeout
        return next((off for off in self._dark[host] if came < off < timeout), segment.sent)

    def _explain_waits(self) -> None:
        """What a timer did came of what had set it."""
        if [one for one in self._records if one.cause is None and type(one.event) in ENDS]:
            for seq, since in Waits(self._records, self._traffic).since.items():
                if self.nearest[seq - self._first] is None:
                    self.nearest[seq - self._first] = since

    def _delivered(self, record: Record, event: e.Delivered | e.Replied) -> int | None:
        self._deliveries[event.connection, event.channel, event.delivery_tag] = record.seq
        return record.cause

    def _returned(self, record: Record, event: e.Returned) -> int | None:
        self._returns[event.connection, event.channel].append(record.seq)
        return record.cause

    def _confirmed(self, record: Record, event: e.Confirmed) -> int | None:
        self._confirms[event.connection, event.channel, event.sequence, event.multiple] = record.seq
        done = self._done_with(event)
        return latest(record, done if event.positive else self._refused.get(record.cause))

    def _done_with(self, event: e.Confirmed) -> int | None:
        """What the broker did last with the messages that it confirms."""
        publishes = self._open[event.connection, event.channel]
        those = [event.sequence]
        if event.multiple:
            those = [one for one in publishes if one <= event.sequence]
        messages = [publishes.pop(one) for one in those if one in publishes]
        return max((self._settled[one] for one in messages if one in self._settled), default=None)

    def _published(self, record: Record, event: e.Published) -> int | None:
        if event.sequence:
            self._open[event.connection, event.channel][event.sequence] = event.message
        return record.cause

    def _taken(self, record: Record, event: e.Enqueued | e.Unroutable) -> int | None:
        self._settled[event.message] = record.seq
        return record.cause

    def _discarded(self, record: Record, event: e.Discarded) -> int | None:
        """A queue takes no copy: what its publish is answered with comes of that."""
        if event.reason.startswith("refused"):
            self._refused[self._publish_of(record)] = record.seq
        return record.cause

    def _publish_of(self, record: Record) -> int | None:
        """The command with which a message came that is being routed."""
        cause = record.cause
        while cause is not None and cause >= self._first:
            if type(self.event(cause)) not in (e.Published, e.Routed):
                break
            cause = self._records[cause - self._first].cause
        return cause

    def _called(self, record: Record, event: e.CallMade | e.CallReturned | e.CallFailed) -> int | None:
        """An answer that comes where nobody waits for it lets no code go on."""
        if getattr(event, "awaited", True):
            self._calls[record.where] = record
        return record.cause

    def _program_finished(self, record: Record, event: e.ProgramFinished) -> int | None:
        """Its last call in that very instant has ended it, and not what the program had waited for before."""
        call = self._calls.get(record.where)
        return latest(record, call.seq if call is not None and call.at == record.at else None)

    def _frame_sent(self, record: Record, event: e.FrameSent) -> int | None:
        if event.host == client_host(event.connection):
            return record.cause
        lane = event.connection, int.from_bytes(event.data[1:3], "big")
        if event.data[:1] == METHOD:
            self._saying[lane] = self._decision(lane, event.data)
        return latest(record, self._saying.get(lane))

    def _decision(self, lane: Lane, data: bytes) -> int | None:
        """What the broker had decided that it says by this method; None for what is no decision of its own."""
        name = DECIDED.get(data[7:11])
        if name in ("basic.deliver", "basic.get-ok"):
            return self._deliveries.get((*lane, delivery_tag(name, data)))
        if name in ("basic.ack", "basic.nack"):
            return self._confirms.get((*lane, delivery_tag(name, data), is_multiple(data)))
        if name == "basic.return" and self._returns[lane]:
            return self._returns[lane].popleft()
        return None

    def _unit_received(self, record: Record, event: e.UnitReceived) -> int | None:
        self._heard[event.connection, event.host] = record
        return record.cause

    def _unit_sent(self, record: Record, event: e.UnitSent) -> int | None:
        heard = self._heard.get((event.connection, event.host))
        return latest(record, heard.seq if heard is not None and heard.at == record.at else None)


def latest(record: Record, other: int | None) -> int | None:
    """The later of the record's own cause and another, if that is before it."""
    if other is None or other >= record.seq:
        return record.cause
    return other if record.cause is None else max(record.cause, other)


def is_boundary(segment: e.SegmentSent) -> bool:
    """Whether it begins or ends its stream, and carries nothing else that could be followed."""
    return not segment.payload and ("SYN" in segment.flags or "FIN" in segment.flags)


METHOD = bytes((FRAME_METHOD,))

DECIDED = {
    method.ids[0].to_bytes(2, "big") + method.ids[1].to_bytes(2, "big"): method.name
    for method in METHODS.values()
    if method in (Basic.Deliver, Basic.GetOk, Basic.Return, Basic.Ack, Basic.Nack)
}
"""The methods by which a broker says what it has decided, by the octets with which their payloads begin."""

READERS: dict[type[e.Event], Callable[[Causes, Record, Any], int | None]] = {
    e.SegmentSent: Causes._segment,
    e.SegmentArrived: Causes._arrived,
    e.TcpStateChanged: Causes._tcp_changed,
    e.SegmentDiscarded: Causes._thrown_away,
    e.Intervened: Causes._intervened,
    e.AlarmChanged: Causes._alarm,
    e.ConnectionBlocked: Causes._blocked,
    e.ConnectionUnblocked: Causes._unblocked,
    e.Delivered: Causes._delivered,
    e.Replied: Causes._delivered,
    e.Returned: Causes._returned,
    e.Confirmed: Causes._confirmed,
    e.Published: Causes._published,
    e.Enqueued: Causes._taken,
    e.Unroutable: Causes._taken,
    e.Discarded: Causes._discarded,
    e.FrameSent: Causes._frame_sent,
    e.CallMade: Causes._called,
    e.CallReturned: Causes._called,
    e.CallFailed: Causes._called,
    e.ProgramFinished: Causes._program_finished,
    e.UnitReceived: Causes._unit_received,
    e.UnitSent: Causes._unit_sent,
}
