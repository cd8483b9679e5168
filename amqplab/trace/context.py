"""What one record does not say of itself, but the records around it do.

Theory
------
A record is short: a call returns *to record 145*, a segment with *these octets* is lost, a command named
*basic.deliver* has arrived. What that means to somebody who follows a message stands elsewhere in the stream:
which call that was, which message was in those octets, which delivery this is. A :class:`Context` reads a
whole recording once and answers such questions; :mod:`amqplab.trace.narrate` puts the answers into sentences
and :mod:`amqplab.trace.zoom` makes steps of them.

An *arrival* is the moment at which a client has all of what the broker sent it about a message: a delivery, a
return, a confirm. What lost segments carried is the subject of :mod:`amqplab.trace.cargo`, what is sent again
that of :mod:`amqplab.trace.repeats`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import takewhile
from typing import Any, NamedTuple

from amqplab.trace import events as e
from amqplab.trace.actives import Actives, OfConsumer
from amqplab.trace.cargo import Cargo, Hold
from amqplab.trace.company import company
from amqplab.trace.entities import PREDECLARED
from amqplab.trace.handed_over import handed_over
from amqplab.trace.kept_back import kept_back
from amqplab.trace.keys import client_host
from amqplab.trace.names import Names
from amqplab.trace.no_connection import without_connection
from amqplab.trace.no_power import dark
from amqplab.trace.priorities import overtaken
from amqplab.trace.recorder import Record
from amqplab.trace.repeats import Again, Repeats, Taken
from amqplab.trace.tags import delivery_tag, is_multiple
from amqplab.trace.traffic import Traffic
from amqplab.wire.frames import FRAME_HEARTBEAT

__all__ = ["Arrival", "Context"]

Channel = tuple[str, int]
HANDED_OUT = ("basic.deliver", "basic.get-ok")
CONFIRMS = ("basic.ack", "basic.nack")
OF_LOSSES = (e.SegmentLost, e.SegmentDiscarded, e.RetransmissionTimedOut)


class Arrival(NamedTuple):
    """What a client got: `kind` is "delivery", "reply", "return" or "confirm" (`positive` or not) of these
    `messages`. `no_ack`: nobody will acknowledge it. `tag` is the delivery tag or the confirm number, and
    `multiple` that of the confirm, which is of these `publishes`; `reply` is code and text of a return.
    """

    kind: str
    connection: str
    messages: tuple[int, ...]
    tag: int = 0
    no_ack: bool = False
    positive: bool = True
    multiple: bool = False
    reply: str = ""
    publishes: tuple[int, ...] = ()


class Context:
    """What is known of a whole recording; of nothing, without records."""

    def __init__(self, records: Sequence[Record] = (), traffic: Traffic | None = None) -> None:
        self._records, self._known_traffic = records, traffic
        self.names = Names(records)
        self.dark = dark(records)
        """What is recorded at a machine without power."""
        self.goes_on: set[int] = set()
        """seq of a ProgramFinished where something that the program has left running is heard of later."""
        self.stays_open: dict[int, int] = {}
        """seq of a ProgramFinished -> how many connections its process keeps, at least for that instant."""
        self.calls: dict[int, str] = {}
        """seq of a CallMade -> the call's text."""
        self.no_connection: set[int] = without_connection(records)
        """seq of a CallFailed that came of a lost connection, or of one that could not be made; and of the end of a
        TCP connection that says so where no call does.
        """
        self.handed_over: dict[int, str] = handed_over(records)
        """seq of a CallReturned that came as soon as this command, which has no answer, was handed to TCP."""
        self.arrivals: dict[int, Arrival] = {}
        """seq of a CommandReceived at a client -> what arrived."""
        self.cargo: dict[int, Cargo] = {}
        """seq of a SegmentLost, SegmentDiscarded or RetransmissionTimedOut, or of a SegmentSent that brings again
        what the other end misses -> what was in the segment.
        """
        self.again: dict[int, Again] = {}
        """number of a segment that is sent again -> whose octets those are, and why."""
        self.taken_for_lost: dict[int, Taken] = {}
        """seq of a RetransmissionTimedOut -> what TCP takes for lost."""
        self.probes: set[int] = set()
        """The numbers of segments that probe a closed window, and the seqs of the timeouts that send them."""
        self.probing: set[int | None] = set()
        self.unanswered: dict[int, str] = {}
        """number of a segment with nothing that is ever acknowledged -> "ACK" or "RST"; of one whose sender has given
        its end up before it is lost -> "gone".
        """
        self.resets: dict[int, str] = {}
        """number of an RST -> "given up" by an end that knew the connection, or "unknown" to its sender."""
        self.useless: set[int] = set()
        """The numbers of segments that arrived for nothing."""
        self.waiting: set[int] = set()
        """The messages that were published in a transaction."""
        self.unroutable: set[int] = set()
        """The messages that no queue is to get."""
        self.overtaken: dict[int, int] = overtaken(records)
        """seq of an Enqueued or Delivered -> how many older messages of a lower priority must wait for it."""
        self.actives = Actives()
        """Who waits in line for a queue with a single active consumer."""
        self.kept_out: set[tuple[str, str, int]] = set()
        """(virtual host, queue, message) of copies that never got into their queue."""
        self.stood: dict[tuple[str, str, int], int] = {}
        """(virtual host, queue, message) of copies that expired -> how long each was there (ns)."""
        self.confirmed: dict[int, dict[int, int]] = {}
        """seq of a Confirmed -> the publishes that were still open, with their messages."""
        self.handed_out: dict[tuple[str, int, int], e.Delivered | e.Replied] = {}
        """(connection, channel, delivery tag) -> the delivery."""
        self.exchange_types: dict[tuple[str, str], str] = {}
        """(virtual host, exchange) -> its type, as it was declared last."""
        self._running: defaultdict[str, set[str]] = defaultdict(set)  # host -> its programs
        self._finished: dict[str, list[Record]] = {}  # host -> where they finished, while none runs there
        self._open: defaultdict[str, set[str]] = defaultdict(set)  # host -> its connections, as it knows them
        self._last_end: dict[str, Record] = {}  # host -> where a program there finished last
        self._modes: dict[Channel, str] = {}
        self._unconfirmed: dict[Channel, dict[int, int]] = defaultdict(dict)  # as the publisher sees it
        self._owed: dict[Channel, dict[int, int]] = defaultdict(dict)  # as the broker sees it
        self._met: set[int] = set()  # messages that the recording has from their beginning
        self._was_in: dict[tuple[str, str, int], int] = {}  # copy -> since when (ns)
        self._returned: dict[Channel, list[e.Returned]] = defaultdict(list)
        self._frames: dict[int, bytes] = {}
        self._senders: dict[int, tuple[str, str]] = {}  # number of a segment -> (host, connection)
        self._over: set[tuple[str | None, str]] = set()  # (host, connection) of ends that are over
        self._resets: dict[tuple[str, str], Record] = {}  # (host, connection) -> the last RST from there
        for record in records:
            read = READERS.get(type(record.event))
            if read is not None:
                read(self, record, record.event)
        if any(isinstance(record.event, OF_LOSSES) for record in records):
            self._losses(records, self._traffic)

    @cached_property
    def _traffic(self) -> Traffic:
        return self._known_traffic or Traffic(self._records)

    @cached_property
    def kept_back(self) -> dict[int, str]:
        """seq of a CommandSent -> how much of it TCP has to keep for now: "all", or "a part". Nothing is known of a
        connection whose segments nobody sees, and of the instant in which the recording ends.
        """
        return kept_back(self._records, self._traffic)

    @cached_property
    def _company(self) -> dict[int, tuple[str, ...]]:
        return company(self._records)

    def company(self, seq: int) -> str:
        """What goes with what ends at this record: " with its bindings and its messages"; "" if nothing does."""
        those = self._company.get(seq)
        return f" with {' and '.join(those)}" if those else ""

    def _losses(self, records: Sequence[Record], traffic: Traffic) -> None:
        """What was lost, and what TCP does about it."""
        repeats = Repeats(records, traffic)
        self.again, self.taken_for_lost = repeats.again, repeats.taken
        self.probes, self.probing = repeats.probes, repeats.probing
        self.cargo = Hold(records, traffic, self.handed_out, self.taken_for_lost, self.again).lost()

    # --- one method per kind of record -------------------------------------------------------------------

    def _started(self, record: Record, event: e.ProgramStarted) -> None:
        self._running[record.where].add(event.program)
        self._finished.pop(record.where, None)

    def _program_finished(self, record: Record, event: e.ProgramFinished) -> None:
        running = self._running[record.where]
        running.discard(event.program)
        self._last_end[record.where] = record
        self.stays_open[record.seq] = len(self._open[record.where])
        if not running:
            self._finished.setdefault(record.where, []).append(record)

    def _said(self, record: Record, event: e.Event) -> None:
        """Somebody there does something later, though no program runs: a server, a callback. Heartbeats are none."""
        if isinstance(event, e.FrameSent) and event.data[:1] == HEARTBEAT:
            return
        finished = self._finished.get(record.where)
        if finished and finished[-1].at < record.at:
            self.goes_on.update(one.seq for one in self._finished.pop(record.where))

    def _call(self, record: Record, event: e.CallMade) -> None:
        self.calls[record.seq] = event.call

    def _segment(self, record: Record, event: e.SegmentSent) -> None:
        flags = event.flags.split("|")
        if "RST" in flags:
            self._resets[record.where, event.connection] = record
        if "RST" in flags or not (event.payload or "SYN" in flags or "FIN" in flags):
            self.unanswered[event.number] = "RST" if "RST" in flags else "ACK"
        self._senders[event.number] = (record.where, event.connection)

    def _lost(self, record: Record, event: e.SegmentLost) -> None:
        """Who has given up its end since it sent this does not notice."""
        if self._senders.get(event.number) in self._over:
            self.unanswered[event.number] = "gone"

    def _reset_by(self, record: Record, event: e.TcpStateChanged | e.SegmentDiscarded, why: str) -> None:
        """Why this host has just sent an RST, if it has."""
        sent: Any = self._resets.pop((record.where, event.connection), None)
        if sent is not None and sent.at == record.at:
            self.resets[sent.event.number] = why

    def _tcp(self, record: Record, event: e.TcpStateChanged) -> None:
        if record.where == client_host(event.connection):
            self._client_tcp(record, event)
        if event.state == "CLOSED":
            self._reset_by(record, event, "given up")
            self._over.add((record.where, event.connection))

    def _client_tcp(self, record: Record, event: e.TcpStateChanged) -> None:
        """A client has a connection until it is the first to close, or the other has closed. What closes in the
        very instant in which the program finished had been told to close before.
        """
        ours = self._open[record.where]
        if event.state == "ESTABLISHED":
            ours.add(event.connection)
        elif event.connection in ours:
            ours.discard(event.connection)
            finished = self._last_end.get(record.where)
            if finished is not None and finished.at == record.at:
                self.stays_open[finished.seq] -= 1

    def _exchange(self, record: Record, event: e.ExchangeDeclared) -> None:
        self.exchange_types[event.vhost, event.exchange] = event.type

    def _line_changes(self, record: Record, event: OfConsumer) -> None:
        self.actives.read(record, event)

    def exchange_type(self, vhost: str, exchange: str) -> str:
        """The type of an exchange; "" if nothing tells it."""
        return self.exchange_types.get((vhost, exchange)) or PREDECLARED.get(exchange, "")

    def _discarded(self, record: Record, event: e.SegmentDiscarded) -> None:
        self.useless.add(event.number)
        if event.reason == "no such connection":
            self._reset_by(record, event, "unknown")

    def _mode(self, record: Record, event: e.ModeSelected) -> None:
        self._modes[event.connection, event.channel] = event.mode

    def _channel_over(self, record: Record, event: e.ChannelOpened | e.ChannelClosed) -> None:
        lane = (event.connection, event.channel)
        self._modes.pop(lane, None)
        self._unconfirmed.pop(lane, None)
        self._owed.pop(lane, None)
        self._returned.pop(lane, None)

    def _published(self, record: Record, event: e.Published) -> None:
        lane = (event.connection, event.channel)
        if self._modes.get(lane) == "tx":
            self.waiting.add(event.message)
        if event.sequence:
            self._unconfirmed[lane][event.sequence] = self._owed[lane][event.sequence] = event.message

    def _routed(self, record: Record, event: e.Routed) -> None:
        self._met.add(event.message)

    def _unroutable(self, record: Record, event: e.Unroutable) -> None:
        self.unroutable.add(event.message)

    def _enqueued(self, record: Record, event: e.Enqueued) -> None:
        self._was_in[event.vhost, event.queue, event.message] = record.at

    def _gone(self, record: Record, event: e.Discarded | e.DeadLettered) -> None:
        copy = event.vhost, event.queue, event.message
        if event.message in self._met and copy not in self._was_in:
            self.kept_out.add(copy)
        if event.reason == "expired" and copy in self._was_in:
            self.stood[copy] = record.at - self._was_in[copy]

    def _confirmed(self, record: Record, event: e.Confirmed) -> None:
        owed = self._owed[event.connection, event.channel]
        self.confirmed[record.seq] = covered(owed, event.sequence, multiple=event.multiple)

    def _delivered(self, record: Record, event: e.Delivered | e.Replied) -> None:
        self.handed_out[event.connection, event.channel, event.delivery_tag] = event

    def _went_back(self, record: Record, event: e.Returned) -> None:
        self._returned[event.connection, event.channel].append(event)

    def _frame(self, record: Record, event: e.FrameReceived) -> None:
        self._frames[record.seq] = event.data

    def _received(self, record: Record, event: e.CommandReceived) -> None:
        if not event.name.startswith("basic.") or event.host != client_host(event.connection):
            return
        arrival = self._arrival(event)
        if arrival is not None:
            self.arrivals[record.seq] = arrival

    def _arrival(self, event: e.CommandReceived) -> Arrival | None:
        lane = (event.connection, event.channel)
        if event.name == "basic.return":
            back = self._returned[lane].pop(0) if self._returned[lane] else None
            reply = f"{back.code} {back.text}" if back else ""
            return Arrival("return", event.connection, (back.message,) if back else (), reply=reply)
        if event.name in HANDED_OUT:
            tag = delivery_tag(event.name, self._octets(event))
            sent = self.handed_out.get((*lane, tag))
            if sent is None:
                return None
            reply_to = isinstance(sent, e.Replied)
            no_ack = isinstance(sent, e.Replied) or sent.no_ack
            return Arrival("reply" if reply_to else "delivery", lane[0], (sent.message,), tag, no_ack)
        return self._confirm(lane, event) if event.name in CONFIRMS else None

    def _confirm(self, lane: Channel, event: e.CommandReceived) -> Arrival:
        data = self._octets(event)
        tag, multiple = delivery_tag(event.name, data), is_multiple(data)
        those = covered(self._unconfirmed[lane], tag, multiple=multiple)
        return Arrival(
            "confirm",
            lane[0],
            tuple(those.values()),
            tag,
            positive=event.name == "basic.ack",
            multiple=multiple,
            publishes=tuple(those),
        )

    def _octets(self, event: e.CommandReceived) -> bytes:
        """The method frame of a command; b"" if it is not in the recording."""
        return self._frames.get(event.frames[0], b"") if event.frames else b""


def covered(open_ones: dict[int, int], number: int, *, multiple: bool) -> dict[int, int]:
    """Take those out of the publishes that are still open which a confirm of this number is about."""
    up_to = takewhile(lambda one: one <= number, open_ones)  # they are numbered in order
    numbers = list(up_to) if multiple else [number] if number in open_ones else []
    return {one: open_ones.pop(one) for one in numbers}


HEARTBEAT = bytes((FRAME_HEARTBEAT,))

READERS: dict[type[e.Event], Callable[[Context, Record, Any], None]] = {
    e.ExchangeDeclared: Context._exchange,
    e.ConsumerAdded: Context._line_changes,
    e.ConsumerActivated: Context._line_changes,
    e.ConsumerRemoved: Context._line_changes,
    e.ProgramStarted: Context._started,
    e.ProgramFinished: Context._program_finished,
    e.FrameSent: Context._said,
    e.MessageHandled: Context._said,
    e.UnitSent: Context._said,
    e.CallMade: Context._call,
    e.SegmentSent: Context._segment,
    e.SegmentLost: Context._lost,
    e.TcpStateChanged: Context._tcp,
    e.SegmentDiscarded: Context._discarded,
    e.ModeSelected: Context._mode,
    e.ChannelOpened: Context._channel_over,
    e.ChannelClosed: Context._channel_over,
    e.Published: Context._published,
    e.Routed: Context._routed,
    e.Unroutable: Context._unroutable,
    e.Enqueued: Context._enqueued,
    e.Discarded: Context._gone,
    e.DeadLettered: Context._gone,
    e.Confirmed: Context._confirmed,
    e.Delivered: Context._delivered,
    e.Replied: Context._delivered,
    e.Returned: Context._went_back,
    e.FrameReceived: Context._frame,
    e.CommandReceived: Context._received,
}
