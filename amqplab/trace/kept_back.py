"""What TCP has to keep for now, although it was handed to it.

Theory
------
A program writes and goes on; what becomes of the octets is TCP's affair. They leave in the very instant in which
they were written, or they wait: the other end has no room, or too much is under way already. So "has sent" is true of
a command only if a segment took it along at once; of a long one perhaps the beginning is on its way, and the rest
waits. And if the machine loses its power in that very instant, nothing leaves any more.
"""

from __future__ import annotations

from collections.abc import Sequence

from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record
from amqplab.trace.traffic import Traffic

__all__ = ["kept_back"]


def kept_back(records: Sequence[Record], traffic: Traffic) -> dict[int, str]:
    """What does not leave in the very instant in which it is written: how much of it; "never" if that end is over
    then.
    """
    found: dict[int, str] = {}
    times = {record.seq: record.at for record in records}
    over = {end_of(one) for one in records if type(one.event) is e.TcpStateChanged}
    seen = {segment.connection for segment in traffic.segments.values()}
    for command in traffic.commands:
        seq, connection = command.sent, command.connection
        if seq is None or connection not in seen:
            continue
        is_over = (connection, command.up, times[seq]) in over
        if times[seq] == records[-1].at and not is_over:
            continue  # a segment may take it along yet
        first, last = traffic.frames[command.frames[0]], traffic.frames[command.frames[-1]]
        begins = first.carriers[0][0] if first.carriers else None
        if begins is None or times[traffic.segments[begins].sent] > times[seq]:
            found[seq] = "never" if begins is None and is_over else "all"
            continue
        size = len(last.data)
        if last.carriers and last.carriers[0][0] == begins and last.carriers[0][2] == size:
            continue  # the segment with its beginning has all of it
        ends = next((number for number, _, end in last.carriers if end == size), None)
        if ends is None or times[traffic.segments[ends].sent] > times[seq]:
            found[seq] = "a part"
    return found


def end_of(record: Record) -> tuple[str, bool, int] | None:
    """Which end of which connection is over, and when: the client's, or not."""
    event = record.event
    if not isinstance(event, e.TcpStateChanged) or event.state != "CLOSED":
        return None
    return event.connection, record.where == client_host(event.connection), record.at
