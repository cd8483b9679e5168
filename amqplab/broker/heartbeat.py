"""Heartbeats: proof of life when there is nothing else to say.

Theory
------
TCP alone may take very long to notice that the other side is gone. So both sides promise to
send *something* in every interval, and to give up on a peer that does not.

* Sending: every half interval the broker looks whether it wrote anything since it last looked; if not, it
  writes a heartbeat frame. The first look always does (CONN-47).
* Watching: every whole interval it looks whether anything at all arrived, heartbeat or not (CONN-50). After
  two silent looks in a row it gives up and resets the connection without a word (CONN-48, CONN-49): between
  two and three intervals after the last octet.

Both compare octet counters, so the hot path only has to count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqplab.broker.timers import SECOND, Deadline
from amqplab.trace import events
from amqplab.trace.recorder import because
from amqplab.wire.frames import HEARTBEAT

if TYPE_CHECKING:
    from amqplab.broker.session import Session

__all__ = ["Heartbeats"]

PATIENCE = 2
"""Silent looks in a row before the peer is given up."""


class Heartbeats:
    """The heartbeat duties of one session. `interval_s` 0 means neither to send nor to watch (CONN-51)."""

    def __init__(self, session: Session, interval_s: int, now: int) -> None:
        self._session = session
        self._interval = interval_s * SECOND
        self._sent = 0
        self._received = 0
        self._silent = 0
        self._sender: Deadline | None = None
        self._watcher: Deadline | None = None
        if interval_s:
            self._sender = session.broker.deadlines.at(now + self._interval // 2, self._send)
            self._watcher = session.broker.deadlines.at(now + self._interval, self._watch)

    def stop(self) -> None:
        """The connection is gone."""
        for deadline in (self._sender, self._watcher):
            if deadline is not None:
                deadline.cancel()

    def _send(self, now: int) -> None:
        session = self._session
        self._sender = session.broker.deadlines.at(now + self._interval // 2, self._send)
        if self._sent in (0, session.octets_sent):
            session.write(HEARTBEAT)
            self._sent = session.octets_sent + len(HEARTBEAT)
        else:
            self._sent = session.octets_sent

    def _watch(self, now: int) -> None:
        session = self._session
        self._watcher = session.broker.deadlines.at(now + self._interval, self._watch)
        if session.octets_received != self._received or session.gate.closed:  # nobody reads (LIMIT-07)
            self._received = session.octets_received
            self._silent = 0
            return
        if session.state in ("closed", "silenced"):
            return  # another deadline ends the connection
        self._silent += 1
        silence = None
        if session.report is not None:
            silence = session.report(events.HeartbeatMissed, session.connection, self._silent)
        if self._silent >= PATIENCE:
            with because(silence):
                session.abort("missed heartbeats")
