"""The broker: connections, channels, and what may stop them.

Theory
------
A connection is opened in steps (login, limits, virtual host), has channels with modes of their own, and ends
in order or not. Alarms stop the publishers among the connections.
"""

from __future__ import annotations

from amqplab.trace.events.declaring import Event, event

__all__ = [
    "AlarmChanged",
    "ChannelClosed",
    "ChannelClosing",
    "ChannelOpened",
    "ConnectionAuthenticated",
    "ConnectionBlocked",
    "ConnectionClosed",
    "ConnectionClosing",
    "ConnectionOpened",
    "ConnectionTuned",
    "ConnectionUnblocked",
    "HeartbeatMissed",
    "ModeSelected",
    "PrefetchSet",
    "TransactionEnded",
]


@event(chapter="session", level="milestone", label="{user} logged in")
class ConnectionAuthenticated(Event):
    """A user logged in."""

    connection: str
    user: str
    mechanism: str


@event(chapter="session", level="milestone", label="tuned: frame-max {frame_max}")
class ConnectionTuned(Event):
    """Limits were agreed: channels, frame octets, heartbeat seconds."""

    connection: str
    channel_max: int
    frame_max: int
    heartbeat_s: int


@event(chapter="session", level="milestone", label="connection open on {vhost}")
class ConnectionOpened(Event):
    """connection.open was accepted."""

    connection: str
    user: str
    vhost: str
    client_name: str


@event(chapter="session", level="milestone", label="{by} closes: {code}")
class ConnectionClosing(Event):
    """A close handshake began; `by` is "client" or "broker"."""

    connection: str
    by: str
    code: int
    text: str


@event(chapter="session", level="milestone", label="connection gone: {reason}", mark="end")
class ConnectionClosed(Event):
    """The broker forgot the connection; `reason` e.g. "closed by client", "reset", "missed heartbeats"."""

    connection: str
    reason: str


@event(chapter="session", level="milestone", label="channel {channel} open")
class ChannelOpened(Event):
    """channel.open was accepted."""

    connection: str
    channel: int


@event(chapter="session", level="milestone", label="{by} closes channel {channel}: {code}")
class ChannelClosing(Event):
    """A channel close handshake began."""

    connection: str
    channel: int
    by: str
    code: int
    text: str


@event(chapter="session", level="milestone", label="channel {channel} gone", mark="end")
class ChannelClosed(Event):
    """The channel number is free again."""

    connection: str
    channel: int


@event(chapter="session", level="milestone", label=lambda x: f"prefetch {x.count or 'unlimited'}")
class PrefetchSet(Event):
    """basic.qos: `count` 0 is unlimited; `shared` is the global flag."""

    connection: str
    channel: int
    count: int
    shared: bool


@event(chapter="session", level="milestone", label="{mode} mode")
class ModeSelected(Event):
    """The channel is now in "confirm" or "tx" mode."""

    connection: str
    channel: int
    mode: str


@event(chapter="session", level="milestone", label="transaction {outcome}")
class TransactionEnded(Event):
    """`outcome` is "committed" or "rolled back", or how it was lost."""

    connection: str
    channel: int
    outcome: str


@event(chapter="session", level="milestone", label="heartbeat missed: {missed}")
class HeartbeatMissed(Event):
    """The broker found a client silent for a whole interval; the second time it gives up. Or a client, which
    does not count but waits for two, gives up the broker.
    """

    connection: str
    missed: int


@event(chapter="session", level="milestone", label="publisher blocked: {reason}")
class ConnectionBlocked(Event):
    """An alarm stopped reading from this publisher."""

    connection: str
    reason: str


@event(chapter="session", level="milestone", label="publisher unblocked")
class ConnectionUnblocked(Event):
    """All alarms are gone; reading goes on."""

    connection: str


@event(
    chapter="session",
    level="milestone",
    label=lambda x: f"{x.resource} alarm {'set' if x.active else 'over'}",
)
class AlarmChanged(Event):
    """A resource alarm ("memory" or "disk") was set or cleared."""

    resource: str
    active: bool
