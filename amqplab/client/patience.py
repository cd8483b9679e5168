"""How long a client waits, for what, and when it shows that it is there.

Theory
------
Silence says nothing of its reason. So there are four deadlines: the handshake must finish; something must come in
within two heartbeat timeouts, or the broker is taken for dead (CONN-54); a connection must not stay blocked for
too long, if the user says how long that is; and a close must be answered. The other side waits in the same way, so
every half interval in which nothing else was sent a heartbeat goes out.

There is one timer: `WakeAt` orders it for the earliest of all this, and ringing too early is harmless.
"""

from __future__ import annotations

from amqplab.client.effects import WakeAt
from amqplab.client.parameters import ConnectionParameters

__all__ = ["SILENT_INTERVALS", "Patience"]

S = 1_000_000_000  # nanoseconds
SILENT_INTERVALS = 2
CLOSE_PATIENCE_S = 10  # how long we wait for the answer to our connection.close


class Patience:
    """The deadlines of one connection. Times are in nanoseconds."""

    def __init__(self, parameters: ConnectionParameters) -> None:
        self._parameters = parameters
        self._handshake_by: int | None = None
        self._closed_by: int | None = None
        self._unblocked_by: int | None = None
        self._blocked_for = ""
        self._beat_at: int | None = None
        self._interval_s = 0
        self._heard_at = 0
        self._quiet = True  # nothing was sent since the last beat

    # --- what happens ---

    def connected(self, now: int) -> None:
        """The handshake begins."""
        self._heard_at = now
        if self._parameters.stack_timeout is not None:
            self._handshake_by = now + int(self._parameters.stack_timeout * S)

    def heard(self, now: int) -> None:
        """Octets came: any are a sign of life (CONN-50)."""
        self._heard_at = now

    def sent(self) -> None:
        """Octets go out: they are a sign of life, too."""
        self._quiet = False

    def tuned(self, interval_s: int, now: int) -> None:
        """A heartbeat timeout is agreed; 0 is none."""
        self._interval_s = interval_s
        if interval_s:
            self._beat_at = now + interval_s * S // 2

    def opened(self) -> None:
        """The handshake is finished."""
        self._handshake_by = None

    def blocked(self, reason: str, now: int) -> None:
        """The broker does not take publishes for now."""
        patience = self._parameters.blocked_connection_timeout
        self._blocked_for = reason
        self._unblocked_by = None if patience is None else now + int(patience * S)

    def unblocked(self) -> None:
        """It takes them again."""
        self._unblocked_by = None

    def closing(self, now: int) -> None:
        """We said that we close."""
        self._closed_by = now + CLOSE_PATIENCE_S * S

    def ended(self) -> None:
        """There is nothing more to wait for."""
        self._handshake_by = self._closed_by = self._unblocked_by = self._beat_at = None

    # --- what is due ---

    def wake(self) -> WakeAt:
        """When to look again."""
        deadlines = [self._handshake_by, self._closed_by, self._unblocked_by]
        if self._beat_at is not None:
            deadlines += (self._beat_at, self._dead_at)
        return WakeAt(min((each for each in deadlines if each is not None), default=None))

    def beat(self, now: int) -> bool:
        """Whether a heartbeat is to go out now."""
        if self._beat_at is None or now < self._beat_at:
            return False
        was_quiet, self._quiet = self._quiet, True
        self._beat_at = now + self._interval_s * S // 2
        return was_quiet

    def over(self, now: int, state: str) -> str | None:
        """Why the connection ends now: a sentence, "" after our own close, or None."""
        if self._closed_by is not None and now >= self._closed_by:
            return ""
        if self._handshake_by is not None and now >= self._handshake_by:
            return (
                f"The handshake with {self._parameters.url} was not finished within "
                f"{self._parameters.stack_timeout:g} s ({state})."
            )
        if self._unblocked_by is not None and now >= self._unblocked_by:
            return f"The broker kept the connection blocked for too long ({self._blocked_for})."
        if self.is_silent(now):
            return (
                f"Nothing came from the broker for two heartbeat timeouts of {self._interval_s} s: "
                "it, or the network, is taken for dead."
            )
        return None

    def is_silent(self, now: int) -> bool:
        """Whether nothing came for so long that the broker is taken for dead."""
        return self._beat_at is not None and now >= self._dead_at

    @property
    def _dead_at(self) -> int:
        return self._heard_at + SILENT_INTERVALS * self._interval_s * S
