"""The story: a recording in as few steps as tell what became of the messages.

Theory
------
Half of a short run is preparation: TCP, login, limits, channels, declarations. Who follows a message wants
that told in one breath. So the coarsest zoom folds:

    connecting       from the first SYN to the open connection: "waiter connects". That its first channel is opened
                     is no step, for without one it could say nothing
    other plumbing   one step for each thing declared, bound, deleted, consumed from or closed, and for each
                     promise that later steps rest on: prefetch, confirms, transactions
    a message        published, routed and ready in its queues, if that is one instant
    a timeout        with the segments that it sends again
    a lost           with all the calls that fail in that instant for want of it; or one that could not be made
    connection

and leaves as steps of their own what a tale of the messages must not miss: delivered, arrived, acknowledged,
refused, back in its queue, dropped, dead-lettered, returned, confirmed, lost on its way; alarms,
transactions, errors, interventions and remarks.

A :class:`Chapter` ends at its `last` record, and the state after that is its picture. `first` is where it
began; chapters of several programs may overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from amqplab.trace import events as e
from amqplab.trace.causes import Causes
from amqplab.trace.generated import shortened
from amqplab.trace.keys import client_host
from amqplab.trace.narrate import Narrator
from amqplab.trace.recorder import Record
from amqplab.trace.story_words import Step, sentence_of

__all__ = ["STORY_KINDS", "Chapter", "chapters", "first_publish", "is_alarming"]

ALARMING = ("connection.blocked", "connection.unblocked")
LONGEST_WAY = 16
"""No step has more causes between its beginning and its end."""


def is_alarming(event: e.Event) -> bool:
    """Whether it tells a client that its publishes are not read, or are read again."""
    return isinstance(event, e.CommandReceived) and event.name in ALARMING


class Chapter(NamedTuple):
    """One step of the story: from record `first` to record `last`, in a short sentence."""

    first: int
    last: int
    sentence: str


def chapters(records: Iterable[Record], narrator: Narrator | None = None) -> list[Chapter]:
    """The story of a recording, in the order in which its steps end."""
    narrator = narrator or Narrator(records)
    steps = Folding(narrator).steps
    told = [Chapter(step.first, step.last, shortened(sentence_of(step, narrator))) for step in steps]
    return sorted(told, key=lambda chapter: chapter.last)


def first_publish(
    records: Iterable[Record], narrator: Narrator | None = None, story: list[Chapter] | None = None
) -> int:
    """Where a stage opens: the last step of the story that is over when the first message is published; -1,
    the very beginning, if there is none.
    """
    narrator = narrator or Narrator(records)
    story = chapters((), narrator) if story is None else story
    for record in narrator.records:
        event = record.event
        if isinstance(event, COMMANDS) and event.name == "basic.publish":
            begin = beginning(narrator.causes, record)
            return max([chapter.last for chapter in story if chapter.last < begin], default=-1)
    return -1


def beginning(causes: Causes, record: Record, others: frozenset[type[e.Event]] | None = None) -> int:
    """Where it began that ended in `record`: back along its causes to a call, or to one of the `others`."""
    others = OTHER_BEGINNINGS if others is None else others
    first = record.seq
    if isinstance(record.event, COMMANDS):
        first = min([first, *record.event.frames])
    cause = causes.above_segments(first)
    for _ in range(LONGEST_WAY):
        if cause is None or type(causes.event(cause)) in others:
            break
        first = min(first, cause)
        if isinstance(causes.event(cause), e.CallMade):
            break
        cause = causes.above_segments(cause)
    return first


class Folding:
    """Reads a recording once and folds it into `steps`."""

    def __init__(self, narrator: Narrator) -> None:
        self.steps: list[Step] = []
        self._records = narrator.records
        self._known = narrator.context
        self._causes = narrator.causes
        self._begun: dict[str, Record] = {}  # connection -> the first record of it
        self._latest: dict[str, Record] = {}  # of those that are not open yet
        self._without_channel: set[str] = set()  # connections that are open and have had no channel yet
        self._timed_out: dict[int | None, Step] = {}  # by the record of the timeout
        self._closing: set[tuple[str, int]] = set()  # what a client closes; channel 0 is the whole connection
        self._hears_confirms = {
            one.connection for one in self._known.arrivals.values() if one.kind == "confirm"
        }
        for record in self._records:
            self._read(record)
        for connection, record in self._latest.items():
            self._add("connecting", record, self._begin(connection))

    def _read(self, record: Record) -> None:
        event = record.event
        connection = getattr(event, "connection", None)
        if connection is not None and connection not in self._begun:
            self._begun[connection] = record
        if isinstance(event, OF_CONNECTING) and (
            self._begun[event.connection] is record or event.connection in self._latest
        ):
            self._latest[event.connection] = record
        if record.seq in self._known.arrivals:
            self._add("as told", record, beginning(self._causes, record, ANY_BEGINNING))
            return
        if type(event) is e.TcpStateChanged:  # not one of FOLDS: whoever steps stops at those
            self._tcp_changed(record, event)
        fold = FOLDS.get(type(event))
        if fold is not None:
            fold(self, record, event)
        elif isinstance(event, e.RetransmissionTimedOut) and record.seq in self._known.cargo:
            self._timed_out[record.seq] = self._add("timed out", record)
        elif record.cause in self._timed_out and isinstance(event, e.SegmentSent):
            self._timed_out[record.cause].told.append(record)
        elif isinstance(event, e.SegmentSent) and record.seq in self._known.cargo:
            self._add("sent again", record)
        elif is_alarming(event) or type(event) in AS_TOLD or record.seq in self._known.cargo:
            self._add("as told", record)

    def _add(self, kind: str, record: Record, first: int | None = None) -> Step:
        begin = beginning(self._causes, record) if first is None else first
        step = Step(kind, begin, [record])
        self.steps.append(step)
        return step

    def _join(self, kind: str, record: Record, fits: Callable[[Record], bool]) -> bool:
        """Make the record part of the step just before, if that is of this kind and fits."""
        before = self.steps[-1] if self.steps else None
        if before is None or before.kind != kind or not fits(before.told[-1]):
            return False
        before.told.append(record)
        return True

    # --- connections and channels ------------------------------------------------------------------------

    def _begin(self, connection: str) -> int:
        first = self._begun[connection]
        cause = first.cause
        return first.seq if cause is None else min(first.seq, beginning(self._causes, first))

    def _connected(self, record: Record, event: e.ConnectionOpened) -> None:
        self._latest.pop(event.connection, None)
        self._without_channel.add(event.connection)
        self._add("connect", record, self._begin(event.connection))

    def _unit(self, record: Record, event: e.UnitSent | e.UnitReceived) -> None:
        """Another protocol: its connection is ready as soon as something is said on it."""
        latest = self._latest.pop(event.connection, None)
        if latest is not None:
            self._add("connect", latest, self._begin(event.connection))
        if isinstance(event, e.UnitReceived):
            self._add("as told", record, beginning(self._causes, record, ANY_BEGINNING))

    def _channel_opened(self, record: Record, event: e.ChannelOpened) -> None:
        if event.connection not in self._without_channel:
            self._add("channel", record)
        self._without_channel.discard(event.connection)

    def _closes(self, record: Record, event: e.ConnectionClosing | e.ChannelClosing) -> None:
        if event.by != "client":
            self._add("as told", record)
            return
        self._closing.add((event.connection, event.channel if isinstance(event, e.ChannelClosing) else 0))

    def _channel_closed(self, record: Record, event: e.ChannelClosed) -> None:
        if (event.connection, event.channel) in self._closing:
            self._closing.discard((event.connection, event.channel))
            self._add("channel closed", record)

    def _connection_closed(self, record: Record, event: e.ConnectionClosed) -> None:
        self._without_channel.discard(event.connection)
        self._latest.pop(event.connection, None)
        if (event.connection, 0) in self._closing:
            self._closing.discard((event.connection, 0))
            self._add("connection closed", record)
        else:
            self._add("as told", record)

    def _call_failed(self, record: Record, event: e.CallFailed) -> None:
        """Without a connection. All that waited for the same one fail with it, in one step."""

        def fits(before: Record) -> bool:
            other: Any = before.event
            return (before.at, before.where, other.error) == (record.at, record.where, event.error)

        if record.seq in self._known.no_connection and not self._join("no connection", record, fits):
            self._add("no connection", record)

    def _tcp_changed(self, record: Record, event: e.TcpStateChanged) -> None:
        """Who gives a connection up before it is open is not connecting any more; mostly his call's failure tells."""
        if event.state == "CLOSED" and record.where == client_host(event.connection):
            self._latest.pop(event.connection, None)
        if record.seq in self._known.no_connection:
            self._add("given up", record, self._begin(event.connection))

    def _program_finished(self, record: Record, event: e.ProgramFinished) -> None:
        if event.outcome != "returned":
            self._add("as told", record)

    # --- topology ----------------------------------------------------------------------------------------

    def _plumbing(self, record: Record, event: e.Event) -> None:
        self._add("plumbing", record)

    def _unbound(self, record: Record, event: e.Unbound) -> None:
        """Of a binding that went with its queue or exchange, the end of that tells."""
        if getattr(self._command(record), "name", "").endswith(".unbind"):
            self._add("plumbing", record)

    def _activated(self, record: Record, event: e.ConsumerActivated) -> None:
        """Who consumes as the only one is active at once; where another one has left, it is news."""

        def fits(before: Record) -> bool:
            other = before.event
            return isinstance(other, e.ConsumerAdded) and consumer_of(other) == consumer_of(event)

        if not self._join("plumbing", record, fits):
            self._add("as told", record)

    def _consumer_removed(self, record: Record, event: e.ConsumerRemoved) -> None:
        if event.reason in ("cancelled", "queue deleted"):
            self._add("plumbing", record)

    def _command(self, record: Record) -> e.Event | None:
        """The command that made the broker do it."""
        return None if record.cause is None else self._records[record.cause].event

    # --- messages ----------------------------------------------------------------------------------------

    def _published(self, record: Record, event: e.Published | e.DeadLettered) -> None:
        self._add("message", record)

    def _delivered(self, record: Record, event: e.Delivered) -> None:
        self._add("delivered", record)

    def _on_its_way(self, record: Record, event: Any) -> None:
        """What happens to a message in the instant in which it is published belongs to that step."""

        def fits(before: Record) -> bool:
            return before.at == record.at and number_of(before.event) == event.message

        if not self._join("message", record, fits):
            self._add("message", record)

    def _confirmed(self, record: Record, event: e.Confirmed) -> None:
        """Where the publisher is seen to get it, that tells it."""
        if event.connection not in self._hears_confirms:
            self._add("as told", record)

    def _alike(self, record: Record, event: Any) -> None:
        """The same thing done to several messages of one queue in one instant is one step."""

        def fits(before: Record) -> bool:
            other: Any = before.event
            return (
                type(other) is type(event)
                and (before.at, before.cause) == (record.at, record.cause)
                and other.queue == event.queue
                and getattr(other, "reason", "") == getattr(event, "reason", "")
            )

        if not self._join("alike", record, fits):
            self._add("alike", record)


def consumer_of(event: e.ConsumerAdded | e.ConsumerActivated) -> tuple[str, int, str]:
    """Which consumer it is."""
    return event.connection, event.channel, event.consumer_tag


def number_of(event: e.Event) -> int | None:
    """The message that goes on after this event."""
    return event.successor if isinstance(event, e.DeadLettered) else getattr(event, "message", None)


FOLDS: dict[type[e.Event], Callable[[Folding, Record, Any], None]] = {
    e.UnitSent: Folding._unit,
    e.UnitReceived: Folding._unit,
    e.CallFailed: Folding._call_failed,
    e.ProgramFinished: Folding._program_finished,
    e.ConnectionOpened: Folding._connected,
    e.ChannelOpened: Folding._channel_opened,
    e.ConnectionClosing: Folding._closes,
    e.ChannelClosing: Folding._closes,
    e.ChannelClosed: Folding._channel_closed,
    e.ConnectionClosed: Folding._connection_closed,
    e.ExchangeDeclared: Folding._plumbing,
    e.ExchangeDeleted: Folding._plumbing,
    e.QueueDeclared: Folding._plumbing,
    e.QueueDeleted: Folding._plumbing,
    e.QueuePurged: Folding._plumbing,
    e.Bound: Folding._plumbing,
    e.Unbound: Folding._unbound,
    e.PrefetchSet: Folding._plumbing,
    e.ModeSelected: Folding._plumbing,
    e.ConsumerAdded: Folding._plumbing,
    e.ConsumerActivated: Folding._activated,
    e.ConsumerRemoved: Folding._consumer_removed,
    e.Published: Folding._published,
    e.DeadLettered: Folding._published,
    e.Routed: Folding._on_its_way,
    e.Enqueued: Folding._on_its_way,
    e.Unroutable: Folding._on_its_way,
    e.Returned: Folding._on_its_way,
    e.Delivered: Folding._delivered,
    e.Confirmed: Folding._confirmed,
    e.Acknowledged: Folding._alike,
    e.Rejected: Folding._alike,
    e.SettlementHeld: Folding._alike,
    e.Requeued: Folding._alike,
    e.Discarded: Folding._alike,
}

AS_TOLD = (
    e.NoteMade,
    e.Intervened,
    e.CheckFailed,
    e.TransactionEnded,
    e.HeartbeatMissed,
    e.ConnectionBlocked,
    e.ConnectionUnblocked,
    e.AlarmChanged,
    e.PolicySet,
    e.PolicyDeleted,
    e.DiskFailed,
    e.DiskForgot,
    e.PublishRefused,
    e.Replied,
)
"""What is told in the story as it is at the milestones."""

COMMANDS = (e.CommandSent, e.CommandReceived)

OF_CONNECTING = (
    e.TcpStateChanged,
    e.SegmentSent,
    e.SegmentArrived,
    e.FrameSent,
    e.FrameReceived,
    e.CommandSent,
    e.CommandReceived,
    e.ConnectionAuthenticated,
    e.ConnectionTuned,
)

STORY_KINDS: tuple[type[e.Event], ...] = (*FOLDS, *AS_TOLD)
"""The kinds of record in which a step of the story may end."""

OTHER_BEGINNINGS = frozenset(STORY_KINDS) | {e.MessageHandled, e.ProgramStarted, e.CallReturned}
"""What comes of one of these is something else."""

ANY_BEGINNING = OTHER_BEGINNINGS | {e.CommandReceived}
"""What arrives began when it was sent."""
