"""py-amqp on a broker of the tests."""

from __future__ import annotations

from typing import Any

from amqp import Connection
from brokers import RemoteBroker

__all__ = ["connect"]


def connect(broker: RemoteBroker, password: str = "guest", **more: Any) -> Connection:
    """A `Connection` as guest, connected; `more` are its further arguments."""
    options = {"login_method": "PLAIN"} | more
    connection = Connection(f"{broker.host}:{broker.port}", password=password, **options)
    try:
        connection.connect()
    except BaseException:
        connection.collect()
        raise
    return connection
