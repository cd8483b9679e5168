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

Recording is a hot path, so the recorder keeps plain tuples and builds :class:`Record` and its event only
when somebody looks. That is why reporters pass the event's *class and fields*, not an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple, overload

from amqplab.trace.events import Event
from amqplab.trace.report import Report, report_at, report_because

__all__ = ["ACTOR", "CAUSE", "Record", "Recorder", "Report", "because"]

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


class Recorder:
    """Keeps the stream. ``now`` is asked for the time, in nanoseconds, of each record.

    Reading is by position (``recorder[3]``), slice or iteration. Observers are called with each new
    record's seq right after it is kept; they must not change the run.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._rows: list[tuple[int, str, int | None, type[Event], tuple[Any, ...]]] = []
        self._observers: list[Callable[[int], None]] = []

    @report_at
    def record(self, where: str, kind: type[Event], *fields: Any) -> int:
        """Keep one event of class `kind` with the given field values, and return its seq."""
        rows = self._rows
        seq = len(rows)
        rows.append((self._now(), where, CAUSE.get(), kind, fields))
        if self._observers:
            for observer in self._observers:
                observer(seq)
        return seq

    @report_because
    def record_because(self, cause: int, where: str, kind: type[Event], *fields: Any) -> int:
        """The same, with a cause given by the caller."""
        seq = len(self._rows)
        self._rows.append((self._now(), where, cause, kind, fields))
        for observer in self._observers:
            observer(seq)
        return seq

    def reporter(self, where: str) -> Report:
        """A :class:`Report` bound to the place `where`."""
        return partial(self.record, where)

    def observe(self, observer: Callable[[int], None]) -> None:
        """Call `observer(seq)` after each record from now on."""
        self._observers.append(observer)

    def kind_of(self, seq: int) -> type[Event]:
        """The event class of one record, without building the event (cheap)."""
        return self._rows[seq][3]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Record]:
        for seq in range(len(self._rows)):
            yield self._build(seq)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        positions = range(len(self._rows))[index]
        if isinstance(positions, range):
            return [self._build(seq) for seq in positions]
        return self._build(positions)

    def _build(self, seq: int) -> Record:
        at, where, cause, kind, fields = self._rows[seq]
        return Record(seq, at, where, cause, kind(*fields))

    def __repr__(self) -> str:
        return f"<Recorder: {len(self._rows)} records>"


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
