"""Alarms: how a broker that runs out of memory or disk stops those who fill it.

Theory
------
When a resource runs low, publishing must stop and consuming must not: consumers are what empties the queues.
AMQP has no command for that, so the broker stops *reading* from connections that publish. The octets then
stay in the client's socket, and in the end its writes block (LIMIT-10).

Who publishes is found out in the act: the first content header that arrives during an alarm blocks its
connection, and from then on nothing at all is read from it, not even acknowledgements or a close (LIMIT-02,
LIMIT-05). That is why publishers and consumers had better not share a connection (LIMIT-09). A client that
announced the capability is told by connection.blocked, and by connection.unblocked once *all* alarms are gone
(LIMIT-03, LIMIT-06).

What had been read already when the connection was blocked waits in :attr:`Gate.held` and goes on in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqplab.broker.effects import Reading
from amqplab.trace import events
from amqplab.wire.frames import FRAME_HEADER
from amqplab.wire.methods import Connection

if TYPE_CHECKING:
    from amqplab.broker.session import Session

__all__ = ["RESOURCES", "Gate", "reason"]

RESOURCES = ("disk", "memory")

Frame = tuple[int, int, bytes]


def reason(alarms: set[str]) -> str:
    """ "low on memory", "low on disk" or "low on disk & memory" (LIMIT-03)."""
    return "low on " + " & ".join(name for name in RESOURCES if name in alarms)


class Gate:
    """Lets the frames of one session pass, until it publishes during an alarm."""

    __slots__ = ("_session", "closed", "held")

    def __init__(self, session: Session) -> None:
        self._session = session
        self.closed = False
        self.held: list[Frame] = []

    def pass_on(self, frames: list[Frame]) -> None:
        """Let the session have these frames, or those before the gate closes."""
        session = self._session
        for at, frame in enumerate(frames):
            if self.closed:
                self.held += frames[at:]
                return
            session.frame(*frame)
            if frame[0] == FRAME_HEADER and frame[1] and session.state == "running" and session.broker.alarms:
                self._close()

    def _close(self) -> None:
        session = self._session
        self.closed = True
        session.broker.later.append(Reading(session.connection, False))
        why = reason(session.broker.alarms)
        if "connection.blocked" in session.capabilities:
            session.send(Connection.Blocked(reason=why))
        if session.report is not None:
            session.report(events.ConnectionBlocked, session.connection, why)

    def open(self) -> None:
        """All alarms are gone: go on where reading stopped."""
        if not self.closed:
            return
        session = self._session
        self.release()
        if "connection.blocked" in session.capabilities:
            session.send(Connection.Unblocked())
        if session.report is not None:
            session.report(events.ConnectionUnblocked, session.connection)
        held, self.held = self.held, []
        self.pass_on(held)
        session.check_parser()

    def release(self) -> None:
        """Read again, whatever happens to be said now."""
        if self.closed:
            self.closed = False
            self._session.broker.later.append(Reading(self._session.connection, True))
