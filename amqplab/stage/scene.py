"""The scene: a recording turned into one JSON-able dict, from which every picture is drawn.

Theory
------
Python sends the whole run once; the browser plays it, forward and back, without asking again. So the scene
holds everything a picture needs and nothing else, as plain data:

    layouts      where everything stands, wide and tall              (layout.py)
    records      the stream as columns: at, where, cause, kind, zoom
    sentences    one per record, with its reason                     (trace.narrate)
    patches      what each record changes in the state               (trace.fold)
    segments, frames, commands                                       (traffic.py)
    flights      the legs of each message's journey                  (flights.py)
    spans        every octet of every frame explained                (wire.dissect)

Patches are symmetric: a change keeps the old value beside the new one, so stepping back is the same work as
stepping forward. Lists inside an entity are patched as splices, because a queue of 10,000 messages that
gains one must not be written down twice per step.

`zoom` is a set of bits, one for each zoom at which a record is a step: 1 segment, 2 frame, 4 command,
8 milestone. The scene is deterministic: same recording, same dict, same JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from amqplab.stage.flights import Flights
from amqplab.stage.layout import layout
from amqplab.trace import events as e
from amqplab.trace.fold import step
from amqplab.trace.keys import client_host
from amqplab.trace.labels import label_of
from amqplab.trace.narrate import narrate
from amqplab.trace.participants import Participants, participants_of
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.traffic import Frame, Traffic
from amqplab.trace.zoom import ZOOMS, level_of
from amqplab.wire.dissect import Span, dissect, summarise

__all__ = ["FORMAT", "encode_change", "scene", "to_json", "zoom_of"]

FORMAT = 1
NOT_SHOWN = ("segment/", "content/")  # the stage draws these from the records themselves
LINKS = {"before", "after", "held_before", "held_after"}


def scene(recorder: Recorder, *, title: str = "") -> dict[str, Any]:
    """Everything the stage needs to play `recorder`."""
    records = list(recorder)
    participants = participants_of(records)
    traffic = Traffic(records)
    flights = Flights(records, participants, traffic)
    names = Interned()
    spans = Interned()
    return {
        "format": FORMAT,
        "title": title,
        "broker": participants.broker,
        "hosts": hosts(participants),
        "layouts": {name: layout(participants, name) for name in ("wide", "tall")},
        "records": columns(records, traffic, names),
        "names": names.values,
        "roles": {app.name: "P" * app.publishes + "C" * app.consumes for app in participants.apps.values()},
        "briefs": [label_of(record) for record in records],
        "sentences": [narrate(record) for record in records],
        "patches": patches(records),
        "segments": [segment_json(segment) for segment in traffic.segments.values()],
        "frames": [frame_json(frame, spans) for frame in traffic.frames],
        "commands": [command_json(command) for command in traffic.commands],
        "flights": [flight_json(leg) for leg in flights.legs],
        "spans": spans.values,
    }


def to_json(value: Mapping[str, Any]) -> str:
    """Compact, deterministic JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=False)


class Interned:
    """Numbers for values that come again and again, in order of first use."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}

    def number(self, value: Any, key: str | None = None) -> int:
        key = value if key is None else key
        if key not in self._numbers:
            self._numbers[key] = len(self.values)
            self.values.append(value)
        return self._numbers[key]


def hosts(participants: Participants) -> list[str]:
    """The ladder's columns: publishers, the broker, consumers."""
    left = [host for app in participants.apps.values() if app.side == "left" for host in machines(app)]
    right = [host for app in participants.apps.values() if app.side == "right" for host in machines(app)]
    return list(dict.fromkeys([*left, participants.broker, *right]))


def machines(app: Any) -> list[str]:
    return list(dict.fromkeys(client_host(connection) for connection in app.connections))


def columns(records: list[Record], traffic: Traffic, names: Interned) -> dict[str, list[int]]:
    """The stream as columns of integers; `where` and `kind` index `names`."""
    return {
        "at": [record.at for record in records],
        "where": [names.number(record.where) for record in records],
        "cause": [-1 if record.cause is None else record.cause for record in records],
        "kind": [names.number(type(record.event).__name__) for record in records],
        "zoom": [zoom_of(record, traffic) for record in records],
    }


def zoom_of(record: Record, traffic: Traffic) -> int:
    """At which zooms this record is a step: bit 0 for segment … bit 3 for milestone.

    The levels are trace.zoom's, and a coarser level is a step at every finer zoom. Three records are told
    apart by more than their kind: a command of one frame is no news beside its frame; a frame that no command
    speaks for (protocol header, heartbeat) counts as a command; and so does the birth of a connection.
    """
    event = record.event
    if isinstance(event, e.CommandSent | e.CommandReceived) and len(event.frames) == 1:
        return 1 << ZOOMS.index("command")
    bits = up_to(level_of(type(event)))
    if isinstance(event, e.FrameSent | e.FrameReceived):
        frame = traffic.frames[traffic.frame_at[record.seq]]
        return up_to("command") if frame.command is None else bits
    if isinstance(event, e.TcpStateChanged) and event.state == "ESTABLISHED":
        return up_to("command")
    return bits


def up_to(level: str) -> int:
    """The bits of a level and of every finer zoom."""
    return (2 << ZOOMS.index(level)) - 1


# --- state -----------------------------------------------------------------------------------------------


def patches(records: list[Record]) -> list[list[list[Any]]]:
    """For each record its changes, as [key, change]."""
    state: dict[str, Mapping[str, Any]] = {}
    found = []
    for record in records:
        changes = [
            [key, encode_change(shown(key, old), shown(key, new))]
            for key, old, new in step(state, record)
            if not key.startswith(NOT_SHOWN)
        ]
        found.append([change for change in changes if change[1]])
    return found


def shown(key: str, entity: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The entity without the links that only the fold's own bookkeeping needs."""
    if entity is None or not key.startswith("copy/"):
        return entity
    return {name: value for name, value in entity.items() if name not in LINKS}


def encode_change(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    """{"+": entity} appeared, {"-": entity} went, {"=": {field: [old, new] | [at, removed, inserted]}}."""
    if old is None:
        return {} if new is None else {"+": new}
    if new is None:
        return {"-": old}
    fields: dict[str, list[Any]] = {}
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if isinstance(before, list | tuple) and isinstance(after, list | tuple):
            fields[name] = splice(list(before), list(after))
        else:
            fields[name] = [before, after]
    return {"=": fields} if fields else {}


def splice(before: list[Any], after: list[Any]) -> list[Any]:
    """[position, removed, inserted]: the common head and tail are left out."""
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return [head, before[head : len(before) - tail], after[head : len(after) - tail]]


# --- traffic ---------------------------------------------------------------------------------------------


def segment_json(segment: Any) -> dict[str, Any]:
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
        "departs": segment.departs_at,
        "arrives": segment.arrives_at,
        "again": segment.retransmission,
        "seq": segment.sequence,
        "ack": segment.acknowledgement,
        "window": segment.window,
    }


def frame_json(frame: Frame, spans: Interned) -> dict[str, Any]:
    """`spans` is shared by frames of equal octets."""
    text = frame.data.hex()
    if text not in spans._numbers:
        spans.number([span_json(span) for span in fields_of(frame.data)], text)
    return {
        "conn": frame.connection,
        "up": frame.up,
        "channel": int.from_bytes(frame.data[1:3], "big") if frame.data[:1] != b"A" else 0,
        "type": frame.data[0] if frame.data else 0,
        "offset": frame.offset,
        "hex": text,
        "sent": frame.sent,
        "received": frame.received,
        "summary": summarise(frame.data),
        "spans": spans.number(None, text),
        "carriers": [list(carrier) for carrier in frame.carriers],
        "command": frame.command,
        "messages": frame.messages,
    }


def fields_of(data: bytes) -> Sequence[Span]:
    """What is inside the frame: that it is one, the panel around it says already."""
    spans = dissect(data)
    return spans[0].children or spans if len(spans) == 1 else spans


def span_json(span: Span) -> list[Any]:
    return span.to_json()


def command_json(command: Any) -> dict[str, Any]:
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


def flight_json(leg: Any) -> dict[str, Any]:
    return {
        "kind": leg.kind,
        "message": leg.message,
        "start": leg.start,
        "end": leg.end,
        "source": leg.source,
        "target": leg.target,
        "command": leg.command,
        "edges": leg.edges,
        "note": leg.note,
    }
