"""Why did this happen? The chain of causes, the tree of effects, and the life of one message.

Theory
------
Every record names its cause: the record whose processing made it. So the answer to "why?" is a chain,

    a call -> a frame handed to TCP -> a segment -> its arrival -> the frame at the broker -> the command
    -> published -> routed -> enqueued -> delivered -> …

and the answer to "what came of it?" is the tree of all chains that go through a record. Causes are always
earlier than effects, so both are read in one pass. A chain ends at a record without a cause: a program's
first act, a timer, or somebody's intervention.

The order of events alone proves nothing: what merely happened before is not in the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from amqplab.trace import events as e
from amqplab.trace.narrate import narrate
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.table import Rows
from amqplab.trace.words import duration

__all__ = ["LifeRow", "effects_of", "lifecycle", "outcome_of", "story", "why"]


def why(recorder: Recorder, seq: int) -> list[Record]:
    """The chain of causes, from the first one to the record itself. Raises IndexError for no such record."""
    chain: list[Record] = []
    cause: int | None = seq
    while cause is not None:
        record = recorder[cause]
        chain.append(record)
        cause = record.cause
    return chain[::-1]


def effects_of(recorder: Recorder, seq: int) -> list[Record]:
    """What record `seq` caused directly, in order."""
    return [record for record in recorder[seq + 1 :] if record.cause == seq]


def outcome_of(recorder: Recorder, seq: int) -> list[tuple[int, Record]]:
    """Everything that goes back to record `seq`: (depth, record), itself first, causes before effects."""
    effects: dict[int, list[Record]] = {seq: []}
    for record in recorder[seq + 1 :]:
        if record.cause in effects:
            effects[record.cause].append(record)
            effects[record.seq] = []
    found, waiting = [], [(0, recorder[seq])]
    while waiting:
        depth, record = waiting.pop()
        found.append((depth, record))
        waiting += [(depth + 1, effect) for effect in reversed(effects[record.seq])]
    return found


# --- as text ---------------------------------------------------------------------------------------------


def story(recorder: Recorder, seq: int, *, effects: bool = True) -> str:
    """The causes of record `seq` and, unless told otherwise, its direct effects, one sentence a line.

    Each cause stands one step further in than the one before; the record itself is marked with ">".
    """
    chain = why(recorder, seq)
    lines = [_line(depth, record, ">" if record.seq == seq else " ") for depth, record in enumerate(chain)]
    if effects:
        lines += [_line(len(chain), record, " ") for record in effects_of(recorder, seq)]
    return "\n".join(lines)


def _line(depth: int, record: Record, mark: str) -> str:
    return f"{mark}{record.seq:>5}  {duration(record.at):>12}  {'  ' * depth}{narrate(record)}"


# --- the life of a message -------------------------------------------------------------------------------


class LifeRow(NamedTuple):
    """One thing that happened to a message. `after` is the time since the row before, in words."""

    seq: int
    at: int
    time: str
    after: str
    where: str
    event: str
    queue: str
    what: str


def lifecycle(recorder: Recorder, message: int) -> Rows[LifeRow]:
    """Everything that happened to one message, from the call that published it to its last acknowledgement.

    Before the broker's own records stand the links of the chain that brought it there; after a delivery, the
    arrival at the consumer. Raises LookupError for a message that is not in the recording.
    """
    steps = sorted(_steps(recorder, message), key=lambda step: step[0].seq)
    if not steps:
        raise LookupError(f"no message {message} in this recording")
    rows, before = [], steps[0][0].at
    for record, queue in steps:
        after = duration(record.at - before) if record.at > before else ""
        before = record.at
        name = type(record.event).__name__
        rows.append(
            LifeRow(
                record.seq, record.at, duration(record.at), after, record.where, name, queue, narrate(record)
            )
        )
    return Rows(rows, ("seq", "time", "after", "where", "event", "queue", "what"))


MILESTONES_BEFORE = (e.CallMade, e.CommandSent, e.CommandReceived)


def _steps(recorder: Recorder, message: int) -> Iterator[tuple[Record, str]]:
    """(record, queue or "") of all that belongs to a message, each once."""
    seen: set[int] = set()
    for record in recorder:
        if not _is_about(record.event, message):
            continue
        if not seen:
            for cause in why(recorder, record.seq)[:-1]:
                if isinstance(cause.event, MILESTONES_BEFORE) and _same_cause(recorder, cause, record):
                    seen.add(cause.seq)
                    yield cause, ""
        if record.seq not in seen:
            seen.add(record.seq)
            yield record, getattr(record.event, "queue", "")
        if isinstance(record.event, e.Acknowledged | e.Rejected):
            for cause in _way_back(recorder, record):
                if cause.seq not in seen:
                    seen.add(cause.seq)
                    yield cause, ""


def _same_cause(recorder: Recorder, cause: Record, record: Record) -> bool:
    """Whether a link of the chain still is about this publish: the last call, and the commands after it."""
    chain = why(recorder, record.seq)
    calls = [link.seq for link in chain if isinstance(link.event, e.CallMade)]
    publishes = [link.seq for link in chain if getattr(link.event, "name", "") == "basic.publish"]
    if isinstance(cause.event, e.CallMade):
        return bool(calls) and cause.seq == calls[-1]
    return cause.seq in publishes


def _way_back(recorder: Recorder, record: Record) -> Iterator[Record]:
    """The commands that brought an acknowledgement to the broker."""
    for link in why(recorder, record.seq)[:-1]:
        if getattr(link.event, "name", "") in ("basic.ack", "basic.nack", "basic.reject"):
            yield link


def _is_about(event: Any, message: int) -> bool:
    """Whether an event names the message, alone, in a purge, or as the successor of a dead letter."""
    if isinstance(event, e.QueuePurged):
        return message in event.messages
    if isinstance(event, e.DeadLettered):
        return message in (event.message, event.successor)
    return getattr(event, "message", None) == message
