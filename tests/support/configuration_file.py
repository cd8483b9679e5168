"""Writes a broker's configuration as the TOML file that `serve --config` reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from amqplab.broker.config import BrokerConfig, User

__all__ = ["as_file"]


def as_file(config: BrokerConfig) -> str:
    """The users, virtual hosts and policies of `config`; whatever else it sets is left at its default."""
    lines: list[str] = []
    for name in config.vhosts:
        limits = {
            "max_connections": config.vhost_max_connections.get(name),
            "max_queues": config.vhost_max_queues.get(name),
        }
        lines += ["[[vhosts]]", *_entries({"name": name} | limits)]
    for user in config.users:
        lines += ["[[users]]", *_entries(_user(user))]
    for policy in config.policies:
        names = ("name", "pattern", "vhost", "apply_to", "priority", "definition")
        lines += ["[[policies]]", *_entries({name: getattr(policy, name) for name in names})]
    return "\n".join(lines) + "\n"


def _user(user: User) -> dict[str, Any]:
    rights = [
        {"vhost": vhost, "configure": three.configure, "write": three.write, "read": three.read}
        for vhost, three in user.permissions.items()
    ]
    topics = [
        {"vhost": vhost, "exchange": exchange, "write": write, "read": read}
        for (vhost, exchange), (write, read) in user.topics.items()
    ]
    names = ("name", "password", "tags", "loopback_only", "max_connections", "max_channels")
    return {name: getattr(user, name) for name in names} | {"permissions": rights, "topics": topics}


def _entries(table: Mapping[str, Any]) -> Iterable[str]:
    return (f"{_value(key)} = {_value(value)}" for key, value in table.items() if value is not None)


def _value(value: Any) -> str:
    """As TOML, which writes strings, numbers and lists as JSON does, but not tables."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(_entries(value)) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)
