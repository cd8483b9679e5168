"""The brokers that one test body runs against, behind one face.

Theory
------
``rabbitmq`` is the reference, ``amqplab`` our server process as users start it, ``in-memory`` the same
broker object without any socket, in virtual time, where waiting costs nothing and delays are exact. All
have the users, virtual hosts and limits below, except the server process, which has RabbitMQ's defaults
only; tests that need more say so.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from amqplab_server import AmqplabServer
from byte_pipes import SocketPipe, VirtualTime
from peer import Peer
from rabbitmq_node import RabbitMQNode, definitions

from amqplab.broker.config import BrokerConfig, Permission, User

__all__ = [
    "IN_MEMORY_CONFIG",
    "UNLIMITED_CONFIG",
    "InMemoryBroker",
    "RemoteBroker",
    "rabbitmq_node",
    "unlimited_node",
]

ALL = (".*", ".*", ".*")
VHOSTS: dict[str, dict[str, int]] = {
    "/": {},
    "small": {"max-connections": 1, "max-queues": 1},
    "doomed": {},
    "down": {},
}
USERS = dict.fromkeys(("limited", "outsider", "doomed", "impostor"), "secret") | {"guest": "guest"}
TAGS = {"guest": "administrator", "impostor": "impersonator"}
USER_LIMITS = {"limited": {"max-connections": 1, "max-channels": 2}}
PERMISSIONS = {("guest", vhost): ALL for vhost in VHOSTS} | {
    ("limited", "/"): ALL,
    ("doomed", "/"): ALL,
    ("impostor", "/"): ALL,
}


def rabbitmq_node() -> RabbitMQNode:
    """A node with RabbitMQ's defaults and the users and virtual hosts above."""
    return RabbitMQNode(define=definitions(USERS, VHOSTS, PERMISSIONS, USER_LIMITS, TAGS))


def unlimited_node() -> RabbitMQNode:
    """A node that offers no limits and no heartbeat, and one more mechanism."""
    return RabbitMQNode(
        settings={
            "channel_max": "0",
            "frame_max": "0",
            "heartbeat": "0",
            "auth_mechanisms.1": "PLAIN",
            "auth_mechanisms.2": "AMQPLAIN",
            "auth_mechanisms.3": "RABBIT-CR-DEMO",
        }
    )


def _user(name: str, password: str) -> User:
    limits = USER_LIMITS.get(name, {})
    return User(
        name,
        password,
        tuple(TAGS.get(name, "").split()),
        permissions={
            vhost: Permission(*three) for (user, vhost), three in PERMISSIONS.items() if user == name
        },
        loopback_only=name == "guest",
        max_connections=limits.get("max-connections"),
        max_channels=limits.get("max-channels"),
    )


IN_MEMORY_CONFIG = BrokerConfig(
    users=tuple(_user(name, password) for name, password in USERS.items()),
    vhosts=tuple(VHOSTS),
    vhost_max_connections={name: one["max-connections"] for name, one in VHOSTS.items() if one},
    vhost_max_queues={name: one["max-queues"] for name, one in VHOSTS.items() if one},
)
UNLIMITED_CONFIG = replace(
    BrokerConfig(),
    channel_max=0,
    frame_max=0,
    heartbeat_s=0,
    mechanisms=("PLAIN", "AMQPLAIN", "RABBIT-CR-DEMO"),
)


class _Face:
    """What tests see of a broker."""

    name: str
    virtual: bool

    def __init__(self) -> None:
        self._serial = count(1)

    def fresh(self, stem: str) -> str:
        """A name that no other test uses."""
        return f"{stem}{next(self._serial)}"

    def dial(self) -> Peer:
        """A TCP connection on which nothing has been said."""
        raise NotImplementedError

    def connect(self, vhost: str = "/", **options: Any) -> Peer:
        """An open connection with channel 1 open; see :meth:`Peer.open`."""
        peer = self.dial()
        try:
            return peer.open(vhost, **options)
        except BaseException:
            peer.abort()
            raise


class RemoteBroker(_Face):
    """A broker behind a socket: RabbitMQ or our server process."""

    virtual = False

    def __init__(self, name: str, process: RabbitMQNode | AmqplabServer) -> None:
        super().__init__()
        self.name = name
        self.process = process

    @property
    def host(self) -> str:
        """Where it listens."""
        return self.process.host

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.process.port

    def dial(self) -> Peer:
        """A TCP connection on which nothing has been said."""
        return Peer(SocketPipe(self.host, self.port))


class InMemoryBroker(_Face):
    """A broker object in virtual time."""

    name = "in-memory"
    virtual = True

    def __init__(self, config: BrokerConfig = IN_MEMORY_CONFIG) -> None:
        super().__init__()
        self.world = VirtualTime(config)

    def dial(self, loopback: bool = True) -> Peer:
        """A connection on which nothing has been said."""
        return Peer(self.world.dial(loopback))
