"""Sentences for how a program's calls end.

Theory
------
See :mod:`amqplab.trace.narrate`. Every function here tells one kind of event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.context import Context
from amqplab.trace.names import as_start, party
from amqplab.trace.narrate_link import sentence_end
from amqplab.trace.no_connection import asks_for_one
from amqplab.trace.recorder import Record

__all__ = ["IN_CONTEXT"]


def call_returned(record: Record, event: e.CallReturned, known: Context) -> str:
    call = known.calls.get(event.call_seq, f"The call of record {event.call_seq}")
    came, colon = (f"{call} returns", "") if event.awaited else (f"The answer to {call} has come", ":")
    if event.result in ("", "None") and record.seq in known.handed_over:
        what = "the message" if known.handed_over[record.seq] == "basic.publish" else "what it says"
        return f"{came}: {what} is handed to TCP, and no more is known yet."
    if event.result in ("", "None"):
        return f"{came}: what it had to do is done."
    return f"{came}{colon} {sentence_end(event.result)}"


def call_failed(record: Record, event: e.CallFailed, known: Context) -> str:
    call = known.calls.get(event.call_seq, f"The call of record {event.call_seq}")
    does = "raises an error" if event.awaited else "has failed, for whoever waits for its answer"
    fails = f"{call} {does}: {sentence_end(event.error)}"
    if record.seq not in known.no_connection:
        return fails
    who = party(record.where)
    why = f"{as_start(who)} gets no connection" if asks_for_one(call) else f"The connection of {who} is over"
    return f"{why}: {fails}"


IN_CONTEXT: dict[type[e.Event], Callable[[Record, Any, Context], str]] = {
    e.CallReturned: call_returned,
    e.CallFailed: call_failed,
}
"""Sentences that say more where the records around them are known."""
