"""The scene: a recording turned into one JSON-able dict, from which every picture is drawn.

Theory
------
Python sends the whole run once; the browser plays it, forward and back, without asking again. So the scene
holds everything a picture needs and nothing else, as plain data. Its types are in
:mod:`amqplab.stage.contract`; the JavaScript is checked against the same ones.

    layouts      where everything stands, wide and tall              (layout.py)
    records      the stream as columns: at, where, cause, kind, zoom, and what each speaks of
    sentences    one per record, with its reason                     (trace.narrate)
    story        the coarsest steps: chapters and their sentences    (trace.chapters)
    patches      what each record changes in the state               (trace.fold, trace.whereabouts)
    segments, frames, commands                                       (trace.traffic)
    routes       which bindings matched, and at which word           (trace.routing_words)
    lives        what a dead letter was before
    again        what a segment that is sent again carries, and why (trace.repeats)
    spans        every byte of every frame explained                 (wire.dissect)

Patches are symmetric: a change keeps the old value beside the new one, so stepping back is the same work as
stepping forward. Lists inside an entity are patched as splices, because a queue of 10,000 messages that
gains one must not be written down twice per step.

`zoom` is a set of bits, one for each zoom at which a record is a step: 1 segment, 2 frame, 4 command,
8 milestone, 16 story. The scene is deterministic: same recording, same dict, same JSON.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from operator import is_not, ne
from typing import Any, TypeVar, cast

from amqplab._collector import without_collections
from amqplab.stage import contract
from amqplab.stage.contract import Scene
from amqplab.stage.geometry import GEOMETRY
from amqplab.stage.layout import layout
from amqplab.stage.needs import needs_of
from amqplab.stage.palette import as_json as palette
from amqplab.trace import events as e
from amqplab.trace.chapters import chapters, first_publish
from amqplab.trace.context import Context
from amqplab.trace.fold import Patch, State, step
from amqplab.trace.labels import label_of
from amqplab.trace.narrate import Narrator
from amqplab.trace.participants import participants_of
from amqplab.trace.recorder import Record
from amqplab.trace.repeat_words import repeated_words
from amqplab.trace.routing_words import all_routes
from amqplab.trace.subjects import subject_of
from amqplab.trace.traffic import Command, Frame, Segment, Traffic
from amqplab.trace.until import METHOD_NAMES
from amqplab.trace.whereabouts import Whereabouts
from amqplab.trace.zoom import ZOOMS, level_of_record
from amqplab.wire.dialects import dialect_named
from amqplab.wire.spans import Span

__all__ = ["FORMAT", "encode_change", "packed", "scene", "to_json", "zoom_of"]

FORMAT = 2
Value = TypeVar("Value")
NOT_SHOWN = ("content/",)  # only the fold's own bookkeeping
LINKS = {
    *("before", "after", "held_before", "held_after"),
    *("tx_before", "tx_after", "settling_before", "settling_after"),
}
LISTS = (list, tuple)
COMPRESSION = 3  # a sixth larger than with 5, in two thirds of the time


def scene(recorder: Iterable[Record], *, title: str = "") -> Scene:
    """Everything the stage needs to play `recorder`, or some records of one."""
    with without_collections():
        return made(list(recorder), title)


def made(records: list[Record], title: str) -> Scene:
    """The scene of these records."""
    traffic = Traffic(records)
    narrator = Narrator(records, traffic)
    participants = participants_of(records, narrator.context.names)
    needs = needs_of(records)
    story = chapters(records, narrator)
    names = numbered([record.where for record in records] + [kind_of(record) for record in records])
    subjects = [subject_of(record, traffic) for record in records]
    keys, spans = numbered(subject.keys for subject in subjects), Interned()
    return {
        "format": FORMAT,
        "title": title,
        "broker": participants.broker,
        "servers": [{"host": one.host, "kind": one.kind} for one in participants.servers.values()],
        "hosts": participants.columns(),
        "who": dict(participants.names),
        "roles": {app.name: "P" * app.publishes + "C" * app.consumes for app in participants.apps.values()},
        "kinds": cast(dict[str, contract.Kind], e.as_json()),
        "methods": sorted(METHOD_NAMES),
        "zooms": list(ZOOMS),
        "geometry": GEOMETRY.as_json(),
        "palette": palette(),
        "layouts": {name: layout(participants, name, needs) for name in ("wide", "tall")},
        "records": {
            "at": [record.at for record in records],
            "where": [names[record.where] for record in records],
            "cause": column(narrator.causes.nearest),
            "kind": [names[kind_of(record)] for record in records],
            "zoom": [zoom_of(record, traffic, narrator.context) for record in records],
            "keys": [keys[subject.keys] for subject in subjects],
            "frame": column(subject.frame for subject in subjects),
            "command": column(subject.command for subject in subjects),
            "segment": column(subject.segment for subject in subjects),
            "message": column(subject.message for subject in subjects),
        },
        "names": list(names),
        "keys": list(map(list, keys)),
        "labels": [label_of(record) for record in narrator.records],
        "sentences": [narrator.sentence(seq) for seq in range(len(records))],
        "story": [[one.last, one.first, one.sentence] for one in story],
        "opening": first_publish(records, narrator, story),
        "patches": patches(records, traffic),
        "routes": routes(records),
        "lives": lives(records),
        "again": {str(number): repeated_words(one) for number, one in narrator.context.again.items()},
        "segments": [segment_json(segment) for segment in traffic.segments.values()],
        "frames": [frame_json(frame, spans) for frame in traffic.frames],
        "commands": [command_json(command) for command in traffic.commands],
        "spans": spans.values,
    }


def to_json(value: Any) -> str:
    """Compact, deterministic JSON text. A scene is a tree, so nobody has to look for circles."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), check_circular=False)


def packed(recorder: Iterable[Record], *, title: str = "") -> bytes:
    """The scene as the page gets it: JSON, compressed (zlib, RFC 1950)."""
    with without_collections():  # until the scene is gone again: writing it down makes objects, too
        return zlib.compress(to_json(scene(recorder, title=title)).encode("utf-8", "replace"), COMPRESSION)


class Interned:
    """Numbers for values that come again and again, in order of first use."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, value: Any, key: Any = None) -> int:
        key = value if key is None else key
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.values)
            self.values.append(value)
        return number

    def knows(self, key: Any) -> bool:
        return key in self._numbers


def column(numbers: Iterable[int | None]) -> list[int]:
    """Numbers as they are sent: -1 for none."""
    return [-1 if number is None else number for number in numbers]


def kind_of(record: Record) -> str:
    """The name of its event's class."""
    return type(record.event).__name__


def numbered(values: Iterable[Value]) -> dict[Value, int]:
    """Numbers for values that come again and again, in order of first use."""
    return {value: number for number, value in enumerate(dict.fromkeys(values))}


def zoom_of(record: Record, traffic: Traffic, known: Context) -> int:
    """At which zooms this record is a step: bit 0 for segment … bit 3 for milestone. (The story's steps are
    its chapters.)

    The levels are trace.zoom's, and a coarser level is a step at every finer zoom. Two records are told apart
    by more than that: a command of one frame is no news beside its frame, and a frame that no command speaks
    for (protocol header, heartbeat) counts as a command.
    """
    event = record.event
    bits = UP_TO[level_of_record(record, known)]
    if isinstance(event, COMMANDS) and len(event.frames) == 1:
        return bits & ~UP_TO["frame"]
    if isinstance(event, FRAMES):
        frame = traffic.frames[traffic.frame_at[record.seq]]
        return UP_TO["command"] if frame.command is None else bits
    return bits


UP_TO = {level: (2 << finer) - 1 for finer, level in enumerate(ZOOMS)}
"""The bits of a level and of every finer zoom."""
COMMANDS, FRAMES = (e.CommandSent, e.CommandReceived), (e.FrameSent, e.FrameReceived)


# --- state -----------------------------------------------------------------------------------------------


def patches(records: Sequence[Record], traffic: Traffic) -> list[list[list[Any]]]:
    """For each record its changes, as [key, change]; what the fold says, then where the messages are.

    On the way, the commands and frames of `traffic` learn which messages they carry or speak of.
    """
    state: State = {}
    whereabouts = Whereabouts(records, traffic)
    found = []
    for record in records:
        patch = step(state, record)
        moves = whereabouts.step(record, patch, state)
        found.append(encoded([*patch, *moves]) if patch or moves else [])
        for _, _, token in moves:
            if token is not None and token.get("command") is not None:
                load(traffic, traffic.commands[token["command"]], token)
    return found


def encoded(patch: Patch) -> list[list[Any]]:
    """A patch as it is sent, without what only the fold's own bookkeeping needs."""
    changes = []
    for key, old, new in patch:
        if key.startswith(NOT_SHOWN):
            continue
        change = encode_change(old, new)
        if change and key.startswith("copy/"):
            change = unlinked(change)
        if change:
            changes.append([key, change])
    return changes


def load(traffic: Traffic, command: Command, token: Mapping[str, Any]) -> None:
    """The command carries what the token stands for, and so do its frames."""
    for message in token.get("messages") or [token.get("message")]:
        if message is not None and message not in command.messages:
            command.messages.append(message)
            for number in command.frames:
                traffic.frames[number].messages.append(message)


def unlinked(change: dict[str, Any]) -> dict[str, Any]:
    """A copy's change without the links that keep it in its lines."""
    shown = {
        sign: {name: fields[name] for name in fields if name not in LINKS} for sign, fields in change.items()
    }
    return {sign: fields for sign, fields in shown.items() if fields}


def encode_change(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    """{"+": entity} appeared, {"-": entity} went, {"=": {field: [old, new] | [at, removed, inserted]}}."""
    if old is None:
        return {} if new is None else {"+": new}
    if new is None:
        return {"-": old}
    fields: dict[str, list[Any]] = {}
    for name in replaced(old, new):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if isinstance(before, LISTS) and isinstance(after, LISTS):
            fields[name] = splice(before, after)
        else:
            fields[name] = [before, after]
    return {"=": fields} if fields else {}


def replaced(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[str]:
    """The fields whose values are not one object: mostly `new` is a copy of `old` in which a few were replaced."""
    names = tuple(old)
    if names != tuple(new):
        return dict.fromkeys([*names, *new])
    return compress(names, map(is_not, old.values(), new.values()))


def splice(before: Sequence[Any], after: Sequence[Any]) -> list[Any]:
    """[position, removed, inserted]: the common head and tail are left out."""
    most = min(len(before), len(after))
    head = next(compress(range(most), map(ne, before, after)), most)
    most -= head
    tail = next(compress(range(most), map(ne, reversed(before), reversed(after))), most)
    return [head, list(before[head : len(before) - tail]), list(after[head : len(after) - tail])]


# --- messages --------------------------------------------------------------------------------------------


def routes(records: Sequence[Record]) -> dict[str, list[contract.Checked]]:
    """For each Routed record, by its seq, what every binding that was asked said."""
    return {
        str(seq): [
            [one.binding, one.matched, [[word.wanted, word.found, word.ok] for word in one.words]]
            for one in checked
        ]
        for seq, checked in all_routes(records).items()
    }


def lives(records: Sequence[Record]) -> dict[str, contract.Life]:
    """For each dead letter, by its number, what it was before, and where and why that life ended."""
    return {
        str(record.event.successor): {
            "message": record.event.message,
            "seq": record.seq,
            "queue": record.event.queue,
            "reason": record.event.reason,
            "exchange": record.event.exchange,
            "routing_key": record.event.routing_key,
        }
        for record in records
        if isinstance(record.event, e.DeadLettered)
    }


# --- traffic ---------------------------------------------------------------------------------------------


def segment_json(segment: Segment) -> contract.Segment:
    return {
        "n": segment.number,
        "conn": segment.connection,
        "up": segment.up,
        "flags": segment.flags,
        "start": segment.start,
        "end": segment.end,
        "sent": segment.sent,
        "arrived": segment.arrived,
        "lost": segment.lost,
        "lost_seq": segment.lost_seq,
        "lost_at": segment.lost_at,
        "discarded": segment.discarded,
        "discarded_seq": segment.discarded_seq,
        "refused": segment.refused,
        "departs": segment.departs_at,
        "arrives": segment.arrives_at,
        "again": segment.retransmission,
        "seq": segment.sequence,
        "ack": segment.acknowledgement,
        "window": segment.window,
    }


def frame_json(frame: Frame, spans: Interned) -> contract.Frame:
    """`spans` is shared by frames of equal bytes."""
    text = frame.data.hex()
    key = f"{frame.dialect} {text}"
    if not spans.knows(key):
        spans.number([span.to_json() for span in fields_of(frame)], key)
    return {
        "conn": frame.connection,
        "up": frame.up,
        "channel": frame.channel,
        "type": frame.type,
        "offset": frame.offset,
        "hex": text,
        "sent": frame.sent,
        "received": frame.received,
        "dialect": frame.dialect,
        "summary": frame.summary,
        "spans": spans.number(None, key),
        "carriers": [list(carrier) for carrier in frame.carriers],
        "command": frame.command,
        "messages": frame.messages,
    }


def fields_of(frame: Frame) -> Sequence[Span]:
    """What is inside the frame: that it is one, the panel around it says already."""
    spans = dialect_named(frame.dialect).dissect(frame.data)
    return spans[0].children or spans if len(spans) == 1 else spans


def command_json(command: Command) -> contract.Command:
    return {
        "conn": command.connection,
        "up": command.up,
        "channel": command.channel,
        "name": command.name,
        "frames": command.frames,
        "sent": command.sent,
        "received": command.received,
        "messages": command.messages,
    }
