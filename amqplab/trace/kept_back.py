"""What TCP has to keep for now, although it was handed to it.

Theory
------
A program writes and goes on; what becomes of the octets is TCP's affair. They leave in the very instant in which
they were written, or they wait: the other end has no room, or too much is under way already. So "has sent" is true of
a command only if a segment took it along at once; of a long one perhaps the beginning is on its way, and the rest
waits.
"""

from __future__ import annotations

from collections.abc import Sequence

from amqplab.trace.recorder import Record
from amqplab.trace.traffic import Traffic

__all__ = ["kept_back"]


def kept_back(records: Sequence[Record], traffic: Traffic) -> dict[int, str]:
    """What does not leave in the very instant in which it is written: how much of it."""
    found: dict[int, str] = {}
    times = {record.seq: record.at for record in records}
    seen = {segment.connection for segment in traffic.segments.values()}
    for command in traffic.commands:
        seq, connection = command.sent, command.connection
        if seq is None or connection not in seen or times[seq] == records[-1].at:
            continue
        first, last = traffic.frames[command.frames[0]], traffic.frames[command.frames[-1]]
        begins = first.carriers[0][0] if first.carriers else None
        if begins is None or times[traffic.segments[begins].sent] > times[seq]:
            found[seq] = "all"
            continue
        size = len(last.data)
        if last.carriers and last.carriers[0][0] == begins and last.carriers[0][2] == size:
            continue  # the segment with its beginning has all of it
        ends = next((number for number, _, end in last.carriers if end == size), None)
        if ends is None or times[traffic.segments[ends].sent] > times[seq]:
            found[seq] = "a part"
    return found
