"""Why did this happen? The chain of causes, the tree of effects, and the life of one message.

Theory
------
Every record came of another (:mod:`amqplab.trace.causes`). So the answer to "why?" is a chain,

    a call -> a frame handed to TCP -> a segment -> its arrival -> the frame at the broker -> the command
    -> published -> routed -> enqueued -> delivered -> …

and the answer to "what came of it?" is the tree of all chains that go through a record. Causes are always
earlier than effects, so both are read in one pass. A chain ends at a record without a cause: a program's
first act, a timer, or somebody's intervention.

The order of events alone proves nothing: what merely happened before is not in the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from amqplab.trace import events as e
from amqplab.trace.causes import Causes
from amqplab.trace.narrate import Narrator
from amqplab.trace.query import command_at
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.table import Rows
from amqplab.trace.words import duration
from amqplab.wire.methods import Basic

__all__ = ["LifeRow", "effects_of", "lifecycle", "outcome_of", "story", "why"]


def why(recorder: Recorder, seq: int) -> list[Record]:
    """The chain of causes, from the first one to the record itself. Raises IndexError for no such record."""
    return chain_to(seq, recorder, Causes(list(recorder)))


def chain_to(seq: int, recorder: Recorder, causes: Causes) -> list[Record]:
    """The same for who asks more than once."""
    return [recorder[one] for one in causes.chain(seq)][::-1]


def effects_of(recorder: Recorder, seq: int) -> list[Record]:
    """What record `seq` caused directly, in order."""
    return effects_in(seq, recorder, Causes(list(recorder)))


def effects_in(seq: int, recorder: Recorder, causes: Causes) -> list[Record]:
    """The same for who has the causes."""
    return [
        recorder[later]
        for later in range(seq + 1, len(recorder))
        if seq in (causes.of(later), causes.above_segments(later))
    ]


def outcome_of(recorder: Recorder, seq: int) -> list[tuple[int, Record]]:
    """Everything that goes back to record `seq`: (depth, record), itself first, causes before effects."""
    causes = Causes(list(recorder))
    effects: dict[int | None, list[int]] = {seq: []}
    for later in range(seq + 1, len(recorder)):
        cause = causes.above_segments(later)
        if cause in effects:
            effects[cause].append(later)
            effects[later] = []
    found, waiting = [], [(0, seq)]
    while waiting:
        depth, at = waiting.pop()
        found.append((depth, recorder[at]))
        waiting += [(depth + 1, effect) for effect in reversed(effects[at])]
    return found


# --- as text ---------------------------------------------------------------------------------------------


def story(recorder: Recorder, seq: int, *, effects: bool = True) -> str:
    """The causes of record `seq` and, unless told otherwise, its direct effects, one sentence a line.

    Each cause stands one step further in than the one before; the record itself is marked with ">".
    """
    told = Narrator(recorder)
    chain = chain_to(seq, recorder, told.causes)
    lines = [
        _line(told, depth, record, ">" if record.seq == seq else " ") for depth, record in enumerate(chain)
    ]
    if effects:
        lines += [_line(told, len(chain), record, " ") for record in effects_in(seq, recorder, told.causes)]
    return "\n".join(lines)


def _line(told: Narrator, depth: int, record: Record, mark: str) -> str:
    return f"{mark}{record.seq:>5}  {duration(record.at):>12}  {'  ' * depth}{told.sentence(record.seq)}"


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

    With the broker's own records stand the call and the command that brought the message, its confirm, the
    arrival of each delivery, and the commands that answered them. Raises LookupError for an unknown message.
    """
    told = Narrator(recorder)
    steps = sorted(_steps(recorder, message, told.causes), key=lambda step: step[0].seq)
    if not steps:
        raise LookupError(f"no message {message} in this recording")
    rows, before = [], steps[0][0].at
    for record, queue in steps:
        after = duration(record.at - before) if record.at > before else ""
        before = record.at
        name = type(record.event).__name__
        rows.append(
            LifeRow(
                record.seq,
                record.at,
                duration(record.at),
                after,
                record.where,
                name,
                queue,
                told.sentence(record.seq),
            )
        )
    return Rows(rows, ("seq", "time", "after", "where", "event", "queue", "what"))


ANSWERS = ("basic.ack", "basic.nack", "basic.reject")
HANDED_OUT = ("basic.deliver", "basic.get-ok")


def _steps(recorder: Recorder, message: int, causes: Causes) -> Iterator[tuple[Record, str]]:
    """(record, queue or "") of all that belongs to a message, each once."""
    arrivals = _arrivals(recorder)
    seen: set[int] = set()
    for record in recorder:
        if not _is_about(record.event, message):
            continue
        queue = getattr(record.event, "queue", "")
        around = [] if seen else [(link, "") for link in _how_it_came(recorder, record, causes)]
        around.append((record, queue))
        around += [(link, queue) for link in _what_belongs_to(recorder, record, arrivals, causes)]
        for step in around:
            if step[0].seq not in seen:
                seen.add(step[0].seq)
                yield step


def _how_it_came(recorder: Recorder, record: Record, causes: Causes) -> Iterator[Record]:
    """The last call before the message, and the publish that it made."""
    chain = chain_to(record.seq, recorder, causes)[:-1]
    calls = [link for link in chain if isinstance(link.event, e.CallMade)]
    yield from calls[-1:]
    yield from [link for link in chain if getattr(link.event, "name", "") == "basic.publish"]


def _what_belongs_to(
    recorder: Recorder,
    record: Record,
    arrivals: dict[tuple[str, int, int], list[Record]],
    causes: Causes,
) -> Iterator[Record]:
    """Of a publish its confirm; of a delivery its arrival; of an acknowledgement the command it came in."""
    event = record.event
    if isinstance(event, e.Published) and event.sequence:
        yield from _confirm_of(recorder, record.seq, event)
    elif isinstance(event, e.Delivered):
        later = arrivals.get((event.connection, event.channel, event.delivery_tag), [])
        yield from [arrival for arrival in later if arrival.seq > record.seq][:1]
    elif isinstance(event, e.Acknowledged | e.Rejected):
        chain = chain_to(record.seq, recorder, causes)[:-1]
        yield from [link for link in chain if getattr(link.event, "name", "") in ANSWERS][-1:]


def _confirm_of(recorder: Recorder, seq: int, published: e.Published) -> Iterator[Record]:
    """The first confirm after record `seq` that covers the publish."""
    lane, number = (published.connection, published.channel), published.sequence
    for later in range(seq + 1, len(recorder)):
        if recorder.kind_of(later) is not e.Confirmed:
            continue
        event = recorder[later].event
        assert isinstance(event, e.Confirmed)
        covers = event.sequence >= number if event.multiple else event.sequence == number
        if (event.connection, event.channel) == lane and covers:
            yield recorder[later]
            return


def _arrivals(recorder: Recorder) -> dict[tuple[str, int, int], list[Record]]:
    """The deliveries that reached their client, by connection, channel and delivery tag."""
    found: dict[tuple[str, int, int], list[Record]] = {}
    for seq in range(len(recorder)):
        if recorder.kind_of(seq) is e.CommandReceived:
            record = recorder[seq]
            assert isinstance(record.event, e.CommandReceived)
            if record.event.name in HANDED_OUT:
                method = command_at(recorder, seq).method
                if isinstance(method, Basic.Deliver | Basic.GetOk):
                    key = (record.event.connection, record.event.channel, method.delivery_tag)
                    found.setdefault(key, []).append(record)
    return found


def _is_about(event: e.Event, message: int) -> bool:
    """Whether an event names the message, alone, in a purge, or as the successor of a dead letter."""
    if isinstance(event, e.QueuePurged):
        return message in event.messages
    if isinstance(event, e.DeadLettered):
        return message in (event.message, event.successor)
    return getattr(event, "message", None) == message
