"""Moments: how a lesson says which record it means.

Theory
------
The record is a list, so a place in it is a number. Nobody wants to count, though. A moment is therefore
whatever a learner would point at:

    lab.table(at="Delivered")         the last event of that kind
    lab.frames(since="basic.publish") the last time that this method was sent
    lab.table(at="21 ms")             the first record at or after that time
    lab.why(record)                   a record that some other question returned
    lab.why(-1)                       a number; negative ones count from the end, as in every list

For the first, or one of many, there are ``lab.first(…)`` and ``lab.find(…)``, which return records.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace import query
from amqplab.trace.asking import LabError, suggestion
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.units import as_nanoseconds
from amqplab.trace.until import EVENT_CLASSES, METHOD_NAMES, event_class

__all__ = ["Moment", "find_records", "is_named", "only", "place_of", "start_of"]

Moment = int | str | Record | None
"""A place in the record: see above; None for the end."""

Kind = type[e.Event] | str
COMMANDS = (e.CommandSent, e.CommandReceived)


def find_records(recorder: Recorder, kinds: Iterable[Kind], **fields: Any) -> list[Record]:
    """All records of these kinds, with these field values.

    A method is found where it was sent; where only its arrival was seen, as from a client on a real socket,
    where it arrived.
    """
    methods = [kind for kind in kinds if isinstance(kind, str) and kind in METHOD_NAMES]
    if methods:
        sent, received = (
            [
                record
                for record in query.find(recorder, kind, **fields)
                if getattr(record.event, "name", None) in methods
            ]
            for kind in COMMANDS
        )
        return sent or received
    return query.find(recorder, *(event_class(k) if isinstance(k, str) else k for k in kinds), **fields)


def only(found: list[Record], index: int, kinds: Iterable[Kind], recorder: Recorder) -> Record:
    """The first or last record found. Raises LabError if there is none."""
    if not found:
        names = " or ".join(kind if isinstance(kind, str) else kind.__name__ for kind in kinds)
        raise LabError(f"No {names or 'record'} like that is in this run, which has {len(recorder)} records.")
    return found[index]


def is_named(moment: object) -> bool:
    """Whether `moment` is the name of a method or of an event (or was meant as one), not a time."""
    return isinstance(moment, str) and moment.strip()[:1].isalpha()


def place_of(recorder: Recorder, moment: Moment) -> int:
    """The seq that `moment` means; for a time, that of the first record at or after it, which may be the one
    after the last. Raises LabError for what is no place in this run.
    """
    count = len(recorder)
    if moment is None:
        return count - 1
    if isinstance(moment, Record):
        moment = moment.seq
    if isinstance(moment, str):
        if is_named(moment):
            return _last_named(recorder, moment).seq
        when = as_nanoseconds(moment)
        return next((seq for seq in range(count) if recorder[seq].at >= when), count)
    if not isinstance(moment, int):
        raise LabError(
            f"{moment!r} is no place in a run: give a record, its number, a name such as 'basic.publish' or "
            "'Delivered', or a time like '5 ms'."
        )
    if not count:
        raise LabError(f"There is no record {moment}: nothing has happened yet. Connect a client first.")
    if not -count <= moment <= count:
        raise LabError(f"There is no record {moment}: this run has {count} records, 0 to {count - 1}.")
    return moment if moment >= 0 else count + moment


def _last_named(recorder: Recorder, name: str) -> Record:
    if name not in METHOD_NAMES and name not in EVENT_CLASSES:
        near = suggestion(name, METHOD_NAMES | set(EVENT_CLASSES))
        raise LabError(
            f"{name!r} is no place in a run: no method like 'basic.deliver', no event like 'Delivered', no "
            f"time like '5 ms'.{near}"
        )
    return only(find_records(recorder, [name]), -1, [name], recorder)


def start_of(recorder: Recorder, moment: Moment) -> int:
    """The seq to begin at for `moment`: a command begins with its first frame."""
    place = place_of(recorder, moment)
    frames = getattr(recorder[place].event, "frames", ()) if place < len(recorder) else ()
    return min(frames, default=place)
