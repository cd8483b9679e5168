"""Who watches: calls each check with what it reads, and keeps what they complain of.

Theory
------
A recorder tells of every record, but most kinds concern no check. So a table from kinds of events to their
readers is made once, and only those kinds are asked for. Frames that are packed many to a record come as octets;
the few methods that a check must know of are found by their first octets, so nothing is decoded for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from amqplab.lab.checks.ack_first import AckFirst
from amqplab.lab.checks.check import Check, Complaint
from amqplab.lab.checks.conservation import Conservation
from amqplab.lab.checks.link import Link
from amqplab.lab.checks.prefetch import Prefetch
from amqplab.lab.checks.time import Time
from amqplab.trace import events as e
from amqplab.trace.recorder import Record, Recorder
from amqplab.wire.frames import FRAME_METHOD

__all__ = ["Checks", "Failure"]

METHOD_IDS = slice(7, 11)
"""Where a method frame says which method it is."""


class Failure(NamedTuple):
    """One broken invariant: after which record, which check, and what was seen."""

    seq: int
    check: str
    detail: str


class Checks:
    """All checks of one lab, reading along. ``failures`` is empty as long as all is well."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._time = Time()
        self._link = Link()
        self.checks: tuple[Check, ...] = (
            Conservation(),
            AckFirst(recorder),
            Prefetch(),
            self._link,
            self._time,
        )
        self.failures: list[Failure] = []
        self._readers: dict[type[e.Event], list[tuple[Check, Callable[[Record, Any], Complaint]]]] = {}
        for check in self.checks:
            for kind, read in check.reads.items():
                self._readers.setdefault(kind, []).append((check, read))
        self._takers = {ids: take for check in self.checks for ids, take in check.takes.items()}
        recorder.observe(self._see, self._readers, octets=self._take)

    def _see(self, seq: int) -> None:
        record = self._recorder[seq]
        complaint = self._time.read(seq, record.at, record.cause)
        if complaint:
            self._fail(seq, self._time, complaint)
        event = record.event
        for check, read in self._readers[type(event)]:
            complaint = read(record, event)
            if complaint:
                self._fail(seq, check, complaint)

    def _take(self, kind: type[e.Event], connection: str, host: str, offset: int, octets: bytes) -> None:
        """Octets of whole frames, where no record of each was told apart."""
        complaint = self._link.octets(kind, connection, host, offset, octets)
        if complaint:
            self._fail(len(self._recorder) - 1, self._link, complaint)
        if kind is e.FrameReceived and octets[0] == FRAME_METHOD:
            take = self._takers.get(octets[METHOD_IDS])
            if take is not None:
                take(connection, host, octets)

    def _fail(self, seq: int, check: Check, complaint: str) -> None:
        self.failures.append(Failure(seq, check.name, complaint))
        self._recorder.record("lab", e.CheckFailed, check.name, complaint)

    def at_rest(self) -> list[Failure]:
        """All failures, with those that show only when nothing is being processed."""
        seq = len(self._recorder) - 1
        late = [Failure(seq, check.name, text) for check in self.checks for text in check.at_rest()]
        return self.failures + late

    def __repr__(self) -> str:
        failures = self.at_rest()
        if not failures:
            return f"{len(self.checks)} checks, all kept: {', '.join(check.name for check in self.checks)}"
        return "\n".join(f"record {f.seq}: {f.check}: {f.detail}" for f in failures)
