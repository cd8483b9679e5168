"""Which calls failed for want of a connection: it was lost, or could never be made.

Theory
------
To who follows the messages a call is a detail: what the broker did because of it tells the rest. But what was called
without a connection never comes to the broker, and nobody else tells of it: a message simply does not appear. So
such a failure is a milestone and a step of the story; unless the program stops with that very error in that instant,
which says the same. A program may also catch what came of its own asking for a connection, and then only its TCP
tells that it has given it up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record

__all__ = ["asks_for_one", "without_connection"]

READ = {e.ConnectionOpened, e.UnitSent, e.Intervened, e.TcpStateChanged, e.ProgramFinished, e.CallFailed}

LOST = "ConnectionLost: "
"""How an error begins that ended a call while it waited for its connection."""

ENDED = "connection is closed: "
"""What is said to a call on a connection that has ended, before the reason. Who has closed it himself has none."""


def without_connection(records: Iterable[Record]) -> set[int]:
    """The seqs of the CallFailed that came of a connection that was lost, or that could not be made; and of the
    TcpStateChanged of who gave one up before it was open, where nothing else tells it.
    """
    found: set[int] = set()
    given_up: defaultdict[tuple[str, int], list[int]] = defaultdict(list)  # (host, time) -> TcpStateChanged
    failed: defaultdict[tuple[str, int, str], list[int]] = defaultdict(
        list
    )  # (host, time, error) -> CallFailed
    asked: set[str] = set()  # the connections that are not open yet
    acts: set[int | None] = set()  # what somebody does to a connection tells its end, too
    for record in records:
        if type(record.event) not in READ:  # as most records are not
            continue
        event, here = record.event, (record.where, record.at)
        if isinstance(event, e.ConnectionOpened | e.UnitSent):
            asked.discard(event.connection)
        elif isinstance(event, e.Intervened):
            acts.add(record.seq)
        elif isinstance(event, e.TcpStateChanged):
            if event.state == "SYN-SENT":
                asked.add(event.connection)
            gone = event.state == "CLOSED" and record.where == client_host(event.connection)
            if gone and event.connection in asked and record.cause not in acts:
                found.add(record.seq)
                given_up[here].append(record.seq)
        elif isinstance(event, e.ProgramFinished):
            found.difference_update(failed.pop((*here, event.outcome), ()))
            if event.outcome != "returned":
                found.difference_update(given_up.pop(here, ()))
        elif isinstance(event, e.CallFailed):
            found.difference_update(given_up.pop(here, ()))
            if event.error.startswith(LOST) or ENDED in event.error:
                found.add(record.seq)
                failed[(*here, event.error)].append(record.seq)
    return found


def asks_for_one(call: str) -> bool:
    """Whether it is a connection that the call was to bring: "lab.connect('waiter')", "BlockingConnection(…)"."""
    return "connect" in call.partition("(")[0].rpartition(".")[2].lower()
