"""What hosts, calls, TCP and arriving contents change in the state.

Theory
------
Segments, frames and commands are no entities: where they are at a moment is read from what crossed
(:mod:`amqplab.trace.traffic`). TCP is in the state by what it makes of its connection. The body of a publish
and its properties are in frames, and the broker's record of the message does not repeat them, so the
beginning of a body is kept while its frames arrive, and what the header says, for the message that it becomes.

A connection leaves the state when the broker has closed it and no end's TCP has anything left to do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.arguments import in_words, value_in_words
from amqplab.trace.draft import Draft
from amqplab.trace.entities import edit_connection, edit_host
from amqplab.trace.keys import client_host, connection_key, content_key
from amqplab.trace.recorder import Record
from amqplab.wire.errors import DecodeError
from amqplab.wire.frames import FRAME_BODY, FRAME_HEADER, FRAME_METHOD, read_frame
from amqplab.wire.properties import Properties

__all__ = ["HANDLERS", "forget_connection_if_over"]

PREVIEW_OCTETS = 32
PROPERTY_LETTERS = 80
PROPERTIES_AT = 12
"""Where in a content header the properties begin: behind class, weight and the size of the body."""
OVER = (None, "CLOSED", "TIME-WAIT")
BASIC_PUBLISH = b"\x00\x3c\x00\x28"
"""The class and the method that a basic.publish begins with."""


# --- hosts -----------------------------------------------------------------------------------------------


def program_started(draft: Draft, record: Record, event: e.ProgramStarted) -> None:
    edit_host(draft, record.where).update(program=event.program, status="running", crashed=False)


def program_finished(draft: Draft, record: Record, event: e.ProgramFinished) -> None:
    host = edit_host(draft, record.where)
    host["status"] = event.outcome
    if event.outcome not in ("returned", "cancelled"):
        host["calls"] = []  # with its process


def call_made(draft: Draft, record: Record, event: e.CallMade) -> None:
    host = edit_host(draft, record.where)
    if host["crashed"]:
        host["status"] = ""  # whoever calls here is a new process; what became of the one before is past
    host.update(calls=[*host["calls"], [record.seq, event.call]], crashed=False)


def call_over(draft: Draft, record: Record, event: e.CallReturned | e.CallFailed) -> None:
    host = edit_host(draft, record.where)
    host["calls"] = [call for call in host["calls"] if call[0] != event.call_seq]


def intervened(draft: Draft, record: Record, event: e.Intervened) -> None:
    """What an intervention changes at its target for as long as it lasts."""
    change = INTERVENTIONS.get(event.action)
    if change is None:
        return
    host = edit_host(draft, event.target)
    if event.action == "freeze" and host["crashed"]:
        return  # what is dead stands still already
    if event.action == "power on" and not host["status"]:
        change = {**change, "crashed": False}  # a server starts with its machine; a program has to be started
    if change.get("crashed") and host["status"] in ALIVE[event.action]:
        host["status"] = STOPPED[event.action]
    host.update(change)
    if event.action == "half-open":
        host["silent"] = event.detail.removeprefix("nothing passes ")


INTERVENTIONS: dict[str, dict[str, Any]] = {
    "power off": {"crashed": True, "off": True, "frozen": False, "calls": []},
    "power on": {"off": False},
    "kill": {"crashed": True, "frozen": False, "calls": []},
    "freeze": {"frozen": True},
    "thaw": {"frozen": False},
    "cut": {"link": "cut", "silent": "both ways"},
    "half-open": {"link": "half-open"},
    "heal": {"link": "", "silent": ""},
}


STOPPED = {"power off": "lost its power", "kill": "was killed"}
"""What becomes of a program that ran."""

ALIVE = {"power off": ("running",), "kill": ("running", "returned")}
"""Of whom it is told. A program that has returned is finished, whatever happens to its machine; only who is killed
afterwards was killed, for its process had stayed.
"""


# --- TCP -------------------------------------------------------------------------------------------------


def forget_connection_if_over(draft: Draft, connection: str) -> None:
    """A connection stays as long as anything may still move on it."""
    key = connection_key(connection)
    entity = draft.get(key)
    if entity is None or entity["tcp"] not in OVER or entity["tcp_server"] not in OVER:
        return
    spoke_tcp = entity["tcp"] is not None or entity["tcp_server"] is not None
    if entity["state"] == "closed" or (entity["state"] is None and spoke_tcp):
        draft.drop(key)


def tcp_state_changed(draft: Draft, record: Record, event: e.TcpStateChanged) -> None:
    if event.state in OVER and draft.get(connection_key(event.connection)) is None:
        return
    end = "tcp" if record.where == client_host(event.connection) else "tcp_server"
    edit_connection(draft, event.connection)[end] = event.state
    edit_host(draft, record.where)
    forget_connection_if_over(draft, event.connection)


def segment_sent(draft: Draft, record: Record, event: e.SegmentSent) -> None:
    """The first one tells whom the client wants to speak to."""
    connection = draft.get(connection_key(event.connection))
    if connection is not None and connection["server"] is None and event.source == event.connection:
        edit_connection(draft, event.connection)["server"] = client_host(event.destination)


def timed_out(draft: Draft, record: Record, event: e.RetransmissionTimedOut) -> None:
    connection = draft.edit(connection_key(event.connection))
    if connection is not None:
        connection["timeouts"] += 1


def window_closed(draft: Draft, record: Record, event: e.WindowClosed) -> None:
    connection = draft.edit(connection_key(event.connection))
    if connection is not None and event.host not in connection["closed_windows"]:
        connection["closed_windows"] = [*connection["closed_windows"], event.host]


def window_opened(draft: Draft, record: Record, event: e.WindowOpened) -> None:
    connection = draft.edit(connection_key(event.connection))
    if connection is not None:
        connection["closed_windows"] = [host for host in connection["closed_windows"] if host != event.host]


# --- arriving contents -----------------------------------------------------------------------------------


def frame_received(draft: Draft, record: Record, event: e.FrameReceived) -> None:
    """Keep the beginning of a publish's body until the broker says which message it became."""
    if event.host == client_host(event.connection):
        return
    type, channel, payload = read_frame(event.data)
    key = content_key(event.connection, channel)
    if type == FRAME_METHOD:
        if payload.startswith(BASIC_PUBLISH):
            empty: dict[str, Any] = {
                "size": None,
                "received": 0,
                "preview": "",
                "priority": None,
                "properties": {},
            }
            draft.put(key, empty)
    elif type in (FRAME_HEADER, FRAME_BODY):
        content = draft.edit(key)
        if content is None:
            return
        if type == FRAME_HEADER:
            content["size"] = int.from_bytes(payload[4:12], "big")
            content["priority"], content["properties"] = properties_in(payload[PROPERTIES_AT:])
        else:
            if not content["received"]:
                content["preview"] = preview(payload)
            content["received"] += len(payload)


@lru_cache(maxsize=1024)  # publishers tend to send the same ones over and over
def properties_in(octets: bytes) -> tuple[int | None, dict[str, str]]:
    """What the end of a content header says: the priority, and every property that is set, as short text."""
    try:
        properties = Properties.decode(octets)
    except DecodeError:
        return None, {}
    return properties.priority, {
        name: shortened(in_words(value) if name == "headers" else value_in_words(value))
        for name, value in properties.set_fields().items()
    }


def shortened(text: str) -> str:
    return text if len(text) <= PROPERTY_LETTERS else text[: PROPERTY_LETTERS - 1] + "…"


def preview(octets: bytes) -> str:
    """The beginning of a body for people: as text if it is text, else in hexadecimal."""
    head = octets[: PREVIEW_OCTETS + 1]
    try:
        text = octets[: 4 * PREVIEW_OCTETS].decode("utf-8")
    except UnicodeDecodeError as error:
        cut_short = error.end == min(len(octets), 4 * PREVIEW_OCTETS) and error.start >= PREVIEW_OCTETS
        text = octets[: error.start].decode("utf-8") if cut_short else ""
    if text and text.isprintable():
        return text if len(text) <= PREVIEW_OCTETS else text[: PREVIEW_OCTETS - 1] + "…"
    shown = head[: PREVIEW_OCTETS // 2].hex(" ")
    return f"{shown} …" if len(octets) > PREVIEW_OCTETS // 2 else shown


HANDLERS: dict[type[e.Event], Callable[[Draft, Record, Any], None]] = {
    e.ProgramStarted: program_started,
    e.ProgramFinished: program_finished,
    e.CallMade: call_made,
    e.CallReturned: call_over,
    e.CallFailed: call_over,
    e.Intervened: intervened,
    e.TcpStateChanged: tcp_state_changed,
    e.SegmentSent: segment_sent,
    e.RetransmissionTimedOut: timed_out,
    e.WindowClosed: window_closed,
    e.WindowOpened: window_opened,
    e.FrameReceived: frame_received,
}
