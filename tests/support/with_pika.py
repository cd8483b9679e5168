"""pika on a broker of the tests."""

from __future__ import annotations

from typing import Any

import pika
from brokers import RemoteBroker

__all__ = ["connect"]


def connect(
    broker: RemoteBroker, user: str = "guest", password: str = "guest", vhost: str = "/", **more: Any
) -> pika.BlockingConnection:
    """A `BlockingConnection`; `more` are further `ConnectionParameters`."""
    login = pika.PlainCredentials(user, password)
    return pika.BlockingConnection(pika.ConnectionParameters(broker.host, broker.port, vhost, login, **more))
