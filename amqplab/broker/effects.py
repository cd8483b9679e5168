"""What the broker asks the world to do.

Theory
------
The broker is a pure machine: bytes and the time go in, *effects* come out. It holds no socket, clock or file.
Whoever drives it (an asyncio server, the simulation, a test) carries the effects out, in their order.

    Send(connection, data)      write these octets; one joined chunk per connection and call
    Close(connection, abort)    end the TCP connection; abort means a reset instead of a FIN (CONN-07)
    Reading(connection, on)     stop or resume reading this socket (how a blocked publisher is stopped)
    Persist(token, entries)     write to disk, then call ``broker.persisted(token, now)``
    Room(connection)            call ``broker.writable(connection, True, now)`` once what was sent has left
    WakeAt(when)                call ``broker.tick(now)`` at `when`; replaces the previous one; None for never

There is one timer for the whole broker; it is only mentioned when it changes.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Close", "Effect", "Persist", "Reading", "Room", "Send", "WakeAt"]


class Send(NamedTuple):
    """Write `data` to the connection."""

    connection: str
    data: bytes


class Close(NamedTuple):
    """End the TCP connection; with `abort` by a reset. Nothing is to be reported back about it."""

    connection: str
    abort: bool


class Reading(NamedTuple):
    """Stop (`on` false) or resume reading from the connection."""

    connection: str
    on: bool


class Persist(NamedTuple):
    """Make `entries` safe on disk, then report `token` to :meth:`Broker.persisted`."""

    token: int
    entries: tuple[bytes, ...]


class Room(NamedTuple):
    """Deliveries to the connection rest until there is room for more: report that by
    :meth:`Broker.writable`, at once if nothing stands in the way.
    """

    connection: str


class WakeAt(NamedTuple):
    """The next moment (ns) at which the broker wants a tick, or None."""

    when: int | None


Effect = Send | Close | Reading | Persist | Room | WakeAt
