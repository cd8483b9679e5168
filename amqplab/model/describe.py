"""How the model speaks of things: resource names and argument tables as text.

Theory
------
RabbitMQ names a resource in its reply texts as ``queue 'q' in vhost '/'``; nearly every error text ends that
way, so it is written down once. Argument tables appear in the event stream as compact text, in the order the
client gave them, so that equal declarations print equally everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amqplab.wire.table import Table

__all__ = ["describe", "describe_arguments", "shown"]


def describe(kind: str, name: str, vhost: str) -> str:
    """ "queue 'q' in vhost '/'", as every RabbitMQ reply text has it."""
    return f"{kind} '{name}' in vhost '{vhost}'"


def shown(value: Any) -> str:
    """One argument value as text: as RabbitMQ prints it inside quotes (EXCH-03, QUEUE-11)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if value is None:
        return "undefined"
    return str(value)


def describe_arguments(arguments: Mapping[str, Any]) -> str:
    """ "x-max-length=10, x-overflow=reject-publish", or "" for none."""
    pairs = arguments.pairs if isinstance(arguments, Table) else tuple(arguments.items())
    return ", ".join(f"{name}={shown(value)}" for name, value in pairs)
