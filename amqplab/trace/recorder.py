"""The recorder: one totally ordered stream of everything that happened.

Theory
------
History is the product. Every picture, table, check and export is a function of the stream kept here, and
what is not in the stream did not happen. A record answers five questions:

    seq    which one (its place in the total order)
    at     when, in integer nanoseconds of the clock in charge
    where  at whose place: a host such as "producer" or "broker"
    cause  why: the seq of the record whose processing made this one, or None
    event  what: a frozen dataclass from :mod:`amqplab.trace.events`

The cause travels by itself. Whoever processes a record runs inside ``because(seq)``; a context variable
carries it into callbacks, and the simulated event loop carries it across futures into the tasks that wait
for them. Nobody passes it by hand.

Recording is a hot path, and most records are never looked at. So

* the recorder keeps plain tuples, *rows*, and builds :class:`Record` and its event only when somebody looks.
  That is why reporters pass the event's *class and fields*, not an event;
* one row may stand for a whole run of records that can be worked out from each other, as the frames and
  commands in some octets can (:class:`Packed`, made by :mod:`amqplab.trace.tap`). It stands in the list once
  for each of them, so the number of records, and the place of each, are right at any time. At the first look
  it is replaced by the very rows that would have been kept one by one, and nobody can tell the difference;
* observers say which kinds they want to hear of. As long as nobody wants to hear of a frame by itself, frames
  are packed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeAlias, cast, overload

from amqplab.trace.events import CommandReceived, CommandSent, Event, FrameReceived, FrameSent
from amqplab.trace.report import Report, report_at, report_because

__all__ = ["ACTOR", "CAUSE", "Packed", "Record", "Recorder", "Report", "Row", "because"]

CAUSE: ContextVar[int | None] = ContextVar("amqplab.cause", default=None)
"""The seq of the record being processed now; None outside any."""

ACTOR: ContextVar[str] = ContextVar("amqplab.actor", default="main")
"""The host on whose behalf code runs: a program's name, or "main" for a notebook's own cells."""


class Record(NamedTuple):
    """One line of history."""

    seq: int
    at: int
    where: str
    cause: int | None
    event: Event


Row: TypeAlias = tuple[int, str, int | None, type[Event], tuple[Any, ...]]
"""What is kept of one record: (at, where, cause, class of the event, its fields)."""

Observer: TypeAlias = Callable[[int], None]
"""Called with the seq of a new record."""

OctetsObserver: TypeAlias = Callable[[type[Event], str, str, int, bytes], None]
"""Called with (FrameSent or FrameReceived, connection, host, offset, octets) for one or more whole frames."""

PACKED_KINDS = (FrameSent, CommandSent, FrameReceived, CommandReceived)


Packed: TypeAlias = tuple["Unpack", int, int | None, int, int, bytes]
"""A row that stands for several records: (its unpack, at, cause, seq of the first, offset, octets)."""

Unpack: TypeAlias = Callable[[Packed], Iterable[tuple[int, Row]]]
"""``unpack(packed)`` yields (seq, row) of each record that it stands for, and perhaps of others whose turn is
before it.
"""

PLAIN = 5
"""The length of a row that stands for one record."""


class Recorder:
    """Keeps the stream. ``now`` is asked for the time, in nanoseconds, of each record.

    Reading is by position (``recorder[3]``), slice or iteration. Observers are called with each new
    record's seq right after it is kept; they must not change the run.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.rows: list[Any] = []  # of Row and Packed, which are told apart by their length
        self._everyone: list[Observer] = []  # who hears of every kind
        self._hearers: dict[type[Event], list[Observer]] = {}  # who hears of a kind that somebody chose
        self.octets_observers: list[OctetsObserver] = []
        self._patient: set[Observer] = set()  # who takes octets in place of frames and commands
        self.packs = True  # whether frames and commands may be packed: nobody wants each by itself

    @report_at
    def record(self, where: str, kind: type[Event], *fields: Any) -> int:
        """Keep one event of class `kind` with the given field values, and return its seq."""
        rows = self.rows
        seq = len(rows)
        rows.append((self.now(), where, CAUSE.get(), kind, fields))
        for observer in self._hearers.get(kind, self._everyone):
            observer(seq)
        return seq

    @report_because
    def record_because(self, cause: int, where: str, kind: type[Event], *fields: Any) -> int:
        """The same, with a cause given by the caller."""
        rows = self.rows
        seq = len(rows)
        rows.append((self.now(), where, cause, kind, fields))
        for observer in self._hearers.get(kind, self._everyone):
            observer(seq)
        return seq

    def unpack(self, packed: Packed) -> None:
        """Put plain rows in the place of a packed one."""
        rows = self.rows
        for seq, row in packed[0](packed):
            rows[seq] = row

    def reporter(self, where: str) -> Report:
        """A :class:`Report` bound to the place `where`: :meth:`record` with all that never changes at hand."""
        rows, now, cause, hearers, everyone = (
            self.rows,
            self.now,
            CAUSE.get,
            self._hearers.get,
            self._everyone,
        )

        def report(kind: type[Event], *fields: Any) -> int:
            seq = len(rows)
            rows.append((now(), where, cause(), kind, fields))
            for observer in hearers(kind, everyone):
                observer(seq)
            return seq

        return cast(Report, report)

    def observe(
        self,
        observer: Observer,
        kinds: Iterable[type[Event]] | None = None,
        *,
        octets: OctetsObserver | None = None,
    ) -> None:
        """Call `observer(seq)` after each record of one of `kinds` (all, if not given) from now on.

        Who asks for frames or commands has them recorded one by one, unless it takes their `octets` instead
        when they are packed: as many whole frames as were written at once, and each frame that is received.
        """
        if kinds is None:
            self._everyone.append(observer)
            for hearers in self._hearers.values():
                hearers.append(observer)
        else:
            for kind in kinds:
                self._hearers.setdefault(kind, list(self._everyone)).append(observer)
        if octets is not None:
            self.octets_observers.append(octets)
            self._patient.add(observer)
        self._decide()

    def ignore(self, observer: Observer) -> None:
        """Do not call `observer` any more."""
        for hearers in (self._everyone, *self._hearers.values()):
            if observer in hearers:
                hearers.remove(observer)
        self._decide()

    def _decide(self) -> None:
        self.packs = all(
            observer in self._patient
            for kind in PACKED_KINDS
            for observer in self._hearers.get(kind, self._everyone)
        )

    def kind_of(self, seq: int) -> type[Event]:
        """The event class of one record, without building the event (cheap)."""
        row: Row = self.rows[seq]
        return (row if len(row) == PLAIN else self._unpacked(seq))[3]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Record]:
        for seq in range(len(self.rows)):
            yield self._build(seq)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        positions = range(len(self.rows))[index]
        if isinstance(positions, range):
            return [self._build(seq) for seq in positions]
        return self._build(positions)

    def _build(self, seq: int) -> Record:
        row = self.rows[seq]
        at, where, cause, kind, fields = row if len(row) == PLAIN else self._unpacked(seq)
        return Record(seq, at, where, cause, kind(*fields))

    def _unpacked(self, seq: int) -> Row:
        """Put plain rows in the place of the packed one that stands for `seq`; returns that of `seq`."""
        rows = self.rows
        self.unpack(rows[seq])
        return cast(Row, rows[seq])

    def __repr__(self) -> str:
        return f"<Recorder: {len(self.rows)} records>"


class because:
    """``with because(seq):`` everything recorded inside has record `seq` as its cause; None is no cause.

    Entered for every frame, so it is a class: a generator would cost three times as much.
    """

    __slots__ = ("_seq", "_token")

    def __init__(self, seq: int | None) -> None:
        self._seq = seq

    def __enter__(self) -> None:
        self._token = CAUSE.set(self._seq)

    def __exit__(self, *_: object) -> None:
        CAUSE.reset(self._token)
