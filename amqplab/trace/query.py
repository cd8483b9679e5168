"""Questions to a recording: find records; list the frames, the commands, the messages.

Theory
------
The stream is a list, so any question can be asked with a loop. The few functions here save the loop:

    find(recorder, Delivered, queue="q")        records of a kind with given fields
    frames(recorder, connection="c:49152")      every frame, once for each end that saw it
    commands(recorder, name="basic.publish")    every command, with its method decoded
    messages(recorder)                          every message, with what became of it

All but the first print as tables. ``.where(field=value)`` filters them further.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

from amqplab.trace import events as e
from amqplab.trace.draft import State
from amqplab.trace.fold import step
from amqplab.trace.lives import Name
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.table import Rows
from amqplab.trace.words import duration
from amqplab.wire.dialects import dialect_named
from amqplab.wire.errors import DecodeError
from amqplab.wire.frames import FRAME_BODY, FRAME_HEADER, FRAME_METHOD, read_frame, split_header_payload
from amqplab.wire.methods import Method, decode_method
from amqplab.wire.properties import Properties

__all__ = [
    "CommandRow",
    "FrameRow",
    "MessageRow",
    "command_at",
    "commands",
    "find",
    "first",
    "frames",
    "last",
    "messages",
]

AnyRow = TypeVar("AnyRow")


def find(recorder: Recorder, *kinds: type[e.Event], where: str | None = None, **fields: Any) -> list[Record]:
    """The records of any of `kinds` (or of any kind), at `where`, whose event has these field values.

    An event that lacks one of the fields is not found. ``find(recorder, Delivered, Acknowledged, queue="q")``
    """
    found = []
    for seq in range(len(recorder)):
        if kinds and recorder.kind_of(seq) not in kinds:
            continue
        record = recorder[seq]
        if where is not None and record.where != where:
            continue
        if all(getattr(record.event, name, MISSING) == value for name, value in fields.items()):
            found.append(record)
    return found


MISSING = object()


def first(recorder: Recorder, *kinds: type[e.Event], **fields: Any) -> Record:
    """The first record that :func:`find` finds. Raises LookupError if there is none."""
    return _only(find(recorder, *kinds, **fields), 0, kinds, fields)


def last(recorder: Recorder, *kinds: type[e.Event], **fields: Any) -> Record:
    """The last record that :func:`find` finds. Raises LookupError if there is none."""
    return _only(find(recorder, *kinds, **fields), -1, kinds, fields)


def _only(
    found: list[Record], index: int, kinds: tuple[type[e.Event], ...], fields: dict[str, Any]
) -> Record:
    if found:
        return found[index]
    names = " or ".join(kind.__name__ for kind in kinds) or "event"
    values = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    raise LookupError(f"no {names}{f' with {values}' if values else ''} in this recording")


# --- frames ----------------------------------------------------------------------------------------------


class FrameRow(NamedTuple):
    """One frame as one end saw it. `at` is in ns; `what` is "sent" or "received"; `octets` the whole size."""

    seq: int
    at: int
    time: str
    host: str
    what: str
    connection: str
    channel: int
    octets: int
    summary: str
    data: bytes


def frames(recorder: Recorder, **fields: Any) -> Rows[FrameRow]:
    """Every frame, at each end that saw it; `fields` are values of :class:`FrameRow` to choose by."""
    rows = [_frame_row(record, record.event) for record in find(recorder, *CROSSING)]
    columns = ("seq", "time", "host", "what", "connection", "channel", "octets", "summary")
    return Rows(_chosen(rows, fields), columns)


CROSSING = (e.FrameSent, e.FrameReceived, e.UnitSent, e.UnitReceived)


def _frame_row(record: Record, event: Any) -> FrameRow:
    data: bytes = event.data
    dialect = dialect_named(getattr(event, "dialect", "amqp"))
    return FrameRow(
        record.seq,
        record.at,
        duration(record.at),
        event.host,
        "sent" if isinstance(event, e.FrameSent | e.UnitSent) else "received",
        event.connection,
        read_frame(data)[1] if dialect.name == "amqp" else 0,
        len(data),
        dialect.summarise(data),
        data,
    )


# --- commands --------------------------------------------------------------------------------------------


class CommandRow(NamedTuple):
    """One command as one end saw it. `method` is None for a heartbeat, a protocol header, or octets that
    decode to no method; `properties` and `body` are None without content.
    """

    seq: int
    at: int
    time: str
    host: str
    what: str
    connection: str
    channel: int
    name: str
    frames: tuple[int, ...]
    method: Method | None
    properties: Properties | None
    body: bytes | None


def commands(recorder: Recorder, **fields: Any) -> Rows[CommandRow]:
    """Every command, at each end that saw it; `fields` are values of :class:`CommandRow` to choose by."""
    found = find(recorder, e.CommandSent, e.CommandReceived)
    columns = ("seq", "time", "host", "what", "connection", "channel", "method", "body")
    return Rows(_chosen([_command_row(recorder, record) for record in found], fields), columns)


def command_at(recorder: Recorder, seq: int) -> CommandRow:
    """The command of one record. Raises LookupError if that record is not a command."""
    if recorder.kind_of(seq) not in (e.CommandSent, e.CommandReceived):
        raise LookupError(f"record {seq} is not a command but {recorder.kind_of(seq).__name__}")
    return _command_row(recorder, recorder[seq])


def _command_row(recorder: Recorder, record: Record) -> CommandRow:
    event = record.event
    assert isinstance(event, e.CommandSent | e.CommandReceived)
    there = [seq for seq in event.frames if 0 <= seq < len(recorder)]  # in a part of a recording not all are
    parts = [read_frame(getattr(recorder[seq].event, "data", b"")) for seq in there]
    methods, headers, bodies = (
        [payload for type, _, payload in parts if type == wanted]
        for wanted in (FRAME_METHOD, FRAME_HEADER, FRAME_BODY)
    )
    return CommandRow(
        record.seq,
        record.at,
        duration(record.at),
        event.host,
        "sent" if isinstance(event, e.CommandSent) else "received",
        event.connection,
        event.channel,
        event.name,
        event.frames,
        _method(methods[0]) if methods else None,
        _properties(headers[0]) if headers else None,
        b"".join(bodies) if headers else None,
    )


def _method(payload: bytes) -> Method | None:
    try:
        return decode_method(payload)
    except DecodeError:
        return None


def _properties(payload: bytes) -> Properties | None:
    try:
        return Properties.decode(split_header_payload(payload)[3])
    except DecodeError:
        return None


# --- messages --------------------------------------------------------------------------------------------


class MessageRow(NamedTuple):
    """One message at the end of the recording. `message` is the broker's number, which prints as people know the
    message: what became of 1 as a dead letter is 1′. `at` and `seq` are those of its first record; `copies` tells
    what became of it in each queue, as (queue, what).
    """

    message: int
    seq: int
    at: int
    time: str
    publisher: str | None
    exchange: str
    routing_key: str
    size: int
    body: str
    status: str
    copies: tuple[tuple[str, str], ...]


def messages(recorder: Recorder, **fields: Any) -> Rows[MessageRow]:
    """Every message the broker has heard of; `fields` are values of :class:`MessageRow` to choose by."""
    state: State = {}
    begin: dict[str, Record] = {}
    for record in recorder:
        for key, old, _ in step(state, record):
            if old is None and key.startswith("message/"):
                begin[key] = record
    rows = []
    for key, record in begin.items():
        entity = state[key]
        number, copies = int(key.partition("/")[2]), tuple(entity["where"].items())
        values = [entity[name] for name in MessageRow._fields[4:-1]]
        name = Name(number, entity["label"])
        rows.append(MessageRow._make([name, record.seq, record.at, duration(record.at), *values, copies]))
    columns = ("message", "time", "publisher", "exchange", "routing_key", "size", "body", "status")
    return Rows(_chosen(rows, fields), columns)


def _chosen(rows: Iterable[AnyRow], fields: dict[str, Any]) -> list[AnyRow]:
    return [row for row in rows if all(getattr(row, name) == value for name, value in fields.items())]
