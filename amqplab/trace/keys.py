"""The names of the things that a state is made of.

Theory
------
The state of the world at one moment is a flat map from keys to entities (see :mod:`amqplab.trace.fold`).
Flat, because then a change is a short list of keys with their old and new entities, and can be taken back.
A key reads like a path, ``queue/%2F/app``: what it is, then what tells it from its like. A "/" inside a
name is written ``%2F`` and a "%" is written ``%25``, so no two things share a key.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = [
    "binding_key",
    "channel_key",
    "client_host",
    "confirm_key",
    "connection_key",
    "consumer_key",
    "content_key",
    "copy_key",
    "escape",
    "exchange_key",
    "host_key",
    "lost_key",
    "message_key",
    "policies_key",
    "queue_key",
    "unescape",
]


@lru_cache(maxsize=4096)  # a run has few names, and says them often
def escape(name: str) -> str:
    """A name as one part of a key."""
    return name.replace("%", "%25").replace("/", "%2F")


def unescape(part: str) -> str:
    """The name that a part of a key stands for."""
    return part.replace("%2F", "/").replace("%25", "%")


def client_host(connection: str) -> str:
    """The client's host of a connection ``"host:port"``."""
    return connection.rpartition(":")[0] or connection


def host_key(name: str) -> str:
    """A machine or process with a name on the network."""
    return f"host/{escape(name)}"


def connection_key(connection: str) -> str:
    """A TCP connection, with the AMQP connection on it."""
    return f"connection/{escape(connection)}"


def channel_key(connection: str, channel: int) -> str:
    """One channel of a connection."""
    return f"channel/{escape(connection)}/{channel}"


def confirm_key(connection: str, channel: int) -> str:
    """The publisher confirms of one channel."""
    return f"confirm/{escape(connection)}/{channel}"


def content_key(connection: str, channel: int) -> str:
    """The publish whose frames are arriving on one channel."""
    return f"content/{escape(connection)}/{channel}"


def consumer_key(connection: str, channel: int, consumer_tag: str) -> str:
    """A consumer: a subscription of a channel to a queue."""
    return f"consumer/{escape(connection)}/{channel}/{escape(consumer_tag)}"


def exchange_key(vhost: str, exchange: str) -> str:
    """An exchange of a virtual host."""
    return f"exchange/{escape(vhost)}/{escape(exchange)}"


def queue_key(vhost: str, queue: str) -> str:
    """A queue of a virtual host."""
    return f"queue/{escape(vhost)}/{escape(queue)}"


def policies_key(vhost: str) -> str:
    """The operators' policies of a virtual host."""
    return f"policies/{escape(vhost)}"


def binding_key(
    vhost: str, source: str, kind: str, destination: str, routing_key: str, arguments: str
) -> str:
    """A binding; two between the same pair differ in routing key or arguments."""
    return "binding/" + "/".join(map(escape, (vhost, source, kind, destination, routing_key, arguments)))


def message_key(message: int) -> str:
    """A published message."""
    return f"message/{message}"


def copy_key(vhost: str, queue: str, message: int) -> str:
    """The copy of a message in one queue."""
    return f"copy/{escape(vhost)}/{escape(queue)}/{message}"


def lost_key(message: int, queue: str | None) -> str:
    """The end of a message, or of its copy in `queue`, without an acknowledgement."""
    return f"lost/{message}/{'-' if queue is None else escape(queue)}"
