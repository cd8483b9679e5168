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

The same gate stops a client that asks for more than it takes: thousands of small basic.gets in one read could
make the broker write gigabytes of answers at once. It goes on when the socket has taken what there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqplab.broker.effects import Reading, Room
from amqplab.trace import events
from amqplab.wire.frames import FRAME_HEADER
from amqplab.wire.methods import Connection

if TYPE_CHECKING:
    from amqplab.broker.session import Session

__all__ = ["MOST_QUEUED", "RESOURCES", "Gate", "reason"]

RESOURCES = ("disk", "memory")
MOST_QUEUED = 1 << 25  # octets that one call may queue for one client

Frame = tuple[int, int, bytes]


def reason(alarms: set[str]) -> str:
    """ "low on memory", "low on disk" or "low on disk & memory" (LIMIT-03)."""
    return "low on " + " & ".join(name for name in RESOURCES if name in alarms)


class Gate:
    """Lets the frames of one session pass. It closes for two reasons: the session publishes during an alarm
    (`blocked`), or it asks for so much at once that the answers would fill the memory (`flooded`).
    """

    __slots__ = ("_session", "blocked", "flooded", "held")

    def __init__(self, session: Session) -> None:
        self._session = session
        self.blocked = False
        self.flooded = False
        self.held: list[Frame] = []

    @property
    def closed(self) -> bool:
        """Nothing passes."""
        return self.blocked or self.flooded

    def pass_on(self, frames: list[Frame]) -> None:
        """Let the session have these frames, or those before the gate closes."""
        session = self._session
        for at, frame in enumerate(frames):
            if self.closed:
                self.held += frames[at:]
                return
            session.frame(*frame)
            if frame[0] == FRAME_HEADER and frame[1] and session.state == "running" and session.broker.alarms:
                self._block()
            if session.queued > MOST_QUEUED:
                self.flood()

    def flood(self) -> None:
        """What is queued for the client has to leave first."""
        session = self._session
        self.flooded = True
        session.broker.later.append(Reading(session.connection, False))
        session.broker.later.append(Room(session.connection))

    def drain(self) -> None:
        """The client has taken what was queued for it."""
        if self.flooded:
            self.flooded = False
            self._go_on()

    def _block(self) -> None:
        session = self._session
        self.blocked = True
        session.broker.later.append(Reading(session.connection, False))
        why = reason(session.broker.alarms)
        if "connection.blocked" in session.capabilities:
            session.send(Connection.Blocked(reason=why))
        if session.report is not None:
            session.report(events.ConnectionBlocked, session.connection, why)

    def unblock(self) -> None:
        """All alarms are gone: go on where reading stopped."""
        if not self.blocked:
            return
        session = self._session
        self.blocked = False
        if "connection.blocked" in session.capabilities:
            session.send(Connection.Unblocked())
        if session.report is not None:
            session.report(events.ConnectionUnblocked, session.connection)
        self._go_on()

    def _go_on(self) -> None:
        session = self._session
        if self.closed:
            return
        session.broker.later.append(Reading(session.connection, True))
        held, self.held = self.held, []
        self.pass_on(held)
        session.check_parser()

    def release(self) -> None:
        """Read again, whatever happens to be said now."""
        if self.closed:
            self.blocked = self.flooded = False
            self._session.broker.later.append(Reading(self._session.connection, True))
