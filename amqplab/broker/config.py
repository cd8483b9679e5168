"""What can be set about a broker, with RabbitMQ 3.10's defaults.

Theory
------
A broker configured differently is still a broker: tests and lessons shorten timers, offer other
limits, or add users. Everything that RabbitMQ's ``rabbitmq.conf`` would hold and that a client can notice
stands here (CONN-24, LIMIT-13 … LIMIT-16). Times are in seconds, sizes in octets, 0 means "no limit" where
the protocol says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from amqplab.model.policy import Policy

__all__ = ["BrokerConfig", "Permission", "User"]

HARD_MAX_MESSAGE_SIZE = 536_870_912


@dataclass(frozen=True, slots=True)
class Permission:
    """Three regular expressions, searched for (not anchored) in a resource's name (PERM-02)."""

    configure: str = ".*"
    write: str = ".*"
    read: str = ".*"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in. `permissions` is by virtual host; `topics` by (virtual host, exchange) holds
    the write and read patterns for routing keys (PERM-18).
    """

    name: str
    password: str
    tags: tuple[str, ...] = ()
    permissions: dict[str, Permission] = field(default_factory=dict)
    topics: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    loopback_only: bool = False
    max_connections: int | None = None
    max_channels: int | None = None


def _guest() -> tuple[User, ...]:
    return (User("guest", "guest", ("administrator",), permissions={"/": Permission()}, loopback_only=True),)


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """The settings of one broker; `platform`, `cluster_name`, `version` only appear in connection.start.

    `max_connections` is for who listens on a socket: so many TCP connections at once, logged in or not.
    """

    channel_max: int = 2047
    frame_max: int = 131_072
    heartbeat_s: int = 60
    handshake_timeout_s: float = 10
    max_message_size: int = 134_217_728
    consumer_timeout_ms: int | None = 1_800_000
    channel_tick_ms: int = 60_000
    dead_letter_timeout_ms: int = 180_000
    mechanisms: tuple[str, ...] = ("PLAIN", "AMQPLAIN")
    users: tuple[User, ...] = field(default_factory=_guest)
    vhosts: tuple[str, ...] = ("/",)
    max_connections: int | None = None
    policies: tuple[Policy, ...] = ()
    vhost_max_connections: dict[str, int] = field(default_factory=dict)
    vhost_max_queues: dict[str, int] = field(default_factory=dict)
    cluster_name: str = "rabbit@broker"
    platform: str = "Erlang/OTP 25.2.3"
    version: str = "3.10.8"
