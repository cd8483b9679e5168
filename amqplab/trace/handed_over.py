"""Which calls returned as soon as what they say was handed to TCP.

Theory
------
Some methods have no answer: a message is published, and settled, without one. The call returns at once, and then
nobody knows yet whether the broker will ever read it. Where the call waits for a confirm, it returns later.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.recorder import Record

__all__ = ["handed_over"]

UNANSWERED = ("basic.publish", "basic.ack", "basic.nack", "basic.reject")


def handed_over(records: Iterable[Record]) -> dict[int, str]:
    """The seqs of the CallReturned of such calls, each with the name of the last command of the call."""
    made: dict[int | None, Record] = {}
    asked: dict[int, Record] = {}  # frame -> the call that has sent it
    said: dict[int, str] = {}
    found: dict[int, str] = {}
    for record in records:
        event: Any = record.event
        kind = type(event)
        if kind is e.CallMade:
            made[record.seq] = record
        elif kind is e.FrameSent and record.cause in made:
            asked[record.seq] = made[record.cause]
        elif kind is e.CommandSent and event.frames and event.frames[0] in asked:
            said[asked[event.frames[0]].seq] = event.name
        elif kind is e.CallReturned and event.call_seq in said:
            call, name = made[event.call_seq], said[event.call_seq]
            if name in UNANSWERED and (record.cause, record.at) == (call.seq, call.at):
                found[record.seq] = name
    return found
