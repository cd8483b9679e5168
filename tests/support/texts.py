"""Reply texts that several conformance tests expect."""

from __future__ import annotations

__all__ = ["locked", "no_exchange", "no_queue"]


def locked(queue: str, vhost: str = "/") -> str:
    """405: an exclusive queue of another connection, or the flag differs (QUEUE-10, QUEUE-18)."""
    return (
        f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}' in vhost '{vhost}'. "
        "It could be originally declared on another connection or the exclusive property value does not "
        "match that of the original declaration."
    )


def no_queue(queue: str, vhost: str = "/") -> str:
    """404: there is no such queue."""
    return f"NOT_FOUND - no queue '{queue}' in vhost '{vhost}'"


def no_exchange(exchange: str, vhost: str = "/") -> str:
    """404: there is no such exchange."""
    return f"NOT_FOUND - no exchange '{exchange}' in vhost '{vhost}'"
