"""The brokers that one test body runs against, behind one face.

Theory
------
``rabbitmq`` is the reference, ``amqplab`` our server on a socket, ``in-memory`` the same broker object
without any socket, in virtual time, where waiting costs nothing and delays are exact. All have the users,
virtual hosts, limits and policies below.

Our server is the process that users start, told of them by a configuration file. Only where a test needs an
operator's hand in it, it is a thread (see threaded_broker.py). And three of them are *mortal*: they can be
stopped or killed, and come back with what they kept.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from typing import Any

from amqplab_server import AmqplabServer
from byte_pipes import DurableTime, SocketPipe, VirtualTime
from configuration_file import as_file
from peer import Peer
from rabbitmq_node import RabbitMQNode, definitions
from threaded_broker import ThreadedBroker

from amqplab.broker.broker import Broker
from amqplab.broker.config import BrokerConfig, Permission, User
from amqplab.broker.effects import Effect
from amqplab.model.policy import Policy

__all__ = [
    "CAPABILITIES",
    "CONFIG",
    "UNLIMITED_CONFIG",
    "InMemoryBroker",
    "MortalAmqplab",
    "MortalInMemory",
    "MortalRabbitMQ",
    "RemoteBroker",
    "amqplab_server",
    "rabbitmq_node",
    "unlimited_node",
]

CAPABILITIES = [
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "consumer_priorities",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
]
"""What RabbitMQ says of itself in connection.start that it can do."""

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
POLICIES = (Policy("one", "^ruled from the start", {"max-length": 1}, apply_to="queues"),)

Action = Callable[[Broker, int], list[Effect]]
"""What an operator does to a broker object, told the time."""


def rabbitmq_node() -> RabbitMQNode:
    """A node with RabbitMQ's defaults and the users, virtual hosts and policies above."""
    policies = [
        {key.replace("_", "-"): value for key, value in asdict(policy).items()} for policy in POLICIES
    ]
    defined = definitions(USERS, VHOSTS, PERMISSIONS, USER_LIMITS, TAGS)
    return RabbitMQNode(define=defined | {"policies": policies})


def amqplab_server(folder: Path, *options: str) -> AmqplabServer:
    """Our server process with the same; `folder` is for its configuration file."""
    path = folder / "broker.toml"
    path.write_text(as_file(CONFIG), encoding="utf-8")
    return AmqplabServer("--config", str(path), *options)


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


CONFIG = BrokerConfig(
    users=tuple(_user(name, password) for name, password in USERS.items()),
    vhosts=tuple(VHOSTS),
    policies=POLICIES,
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
    """A broker behind a socket: RabbitMQ, our server process, or our server in a thread."""

    virtual = False

    def __init__(self, name: str, process: RabbitMQNode | AmqplabServer | ThreadedBroker) -> None:
        super().__init__()
        self.name = name
        self.process: Any = process

    @property
    def host(self) -> str:
        """Where it listens."""
        return str(self.process.host)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.process.port)

    def dial(self) -> Peer:
        """A TCP connection on which nothing has been said."""
        return Peer(SocketPipe(self.host, self.port))

    def operate(self, words: tuple[str, ...], action: Action) -> None:
        """What an operator does: a `rabbitmqctl` command, or a call of our broker."""
        if isinstance(self.process, ThreadedBroker):
            self.process.operate(action)
        else:
            self.process.control(*words)

    def begin_to_stop(self) -> None:
        """Have it stop in good order, and do not wait for that."""
        self.process.terminate(wait=False)

    def come_back(self) -> None:
        """Stop, if it has not stopped, and start again."""
        self.process.terminate()
        self.process.start()


class InMemoryBroker(_Face):
    """A broker object in virtual time."""

    name = "in-memory"
    virtual = True

    def __init__(self, config: BrokerConfig = CONFIG, world: type[VirtualTime] = VirtualTime) -> None:
        super().__init__()
        self.world: Any = world(config)

    def dial(self, loopback: bool = True) -> Peer:
        """A connection on which nothing has been said."""
        return Peer(self.world.dial(loopback))

    def operate(self, words: tuple[str, ...], action: Action) -> None:
        """What an operator does: a call of the broker; `words` are for RabbitMQ."""
        self.world.operate(action)

    def begin_to_stop(self) -> None:
        """Have it stop in good order."""
        self.world.operate(Broker.shutdown)

    def come_back(self) -> None:
        """Nothing: the next test has a new one."""


class MortalRabbitMQ(RemoteBroker):
    """A node that can be ended. Only its first start reads the definitions, so what is there later is what
    it kept.
    """

    def __init__(self) -> None:
        super().__init__("mortal rabbitmq", rabbitmq_node().__enter__())
        self.process.define = None

    def end(self, way: str) -> None:
        """It is "stopped" or "killed"."""
        if way == "killed":
            self.process.kill()
        else:
            self.process.terminate()

    def start(self) -> None:
        """It comes back with what it kept."""
        self.process.start()


class MortalAmqplab(RemoteBroker):
    """Our server process with a directory for what it has to keep; `folder` is for all its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__("mortal amqplab", self._make())

    def _make(self) -> AmqplabServer:
        return amqplab_server(self.folder, "--data", str(self.folder / "data")).__enter__()

    def end(self, way: str) -> None:
        """It is "stopped" or "killed"."""
        self.process.stop(signal.SIGKILL if way == "killed" else signal.SIGINT)
        assert self.process.errors == ""

    def start(self) -> None:
        """It comes back with what it kept."""
        self.process = self._make()


class MortalInMemory(InMemoryBroker):
    """A broker object with a simulated disk. When it is killed, the disk loses its power, too."""

    def __init__(self) -> None:
        super().__init__(CONFIG, DurableTime)

    def end(self, way: str) -> None:
        """It is "stopped" or "killed"."""
        if way == "killed":
            self.world.kill()
        else:
            self.world.terminate()

    def start(self) -> None:
        """It comes back with what it kept."""
        self.world.start()
