"""Small things about sockets and clocks that the server needs."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

__all__ = ["clock_of", "like_rabbitmq", "name_of"]

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger: on, 0 seconds


def clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], int]:
    """The clock, in integer nanoseconds, that `loop` lives by."""
    return getattr(loop, "time_ns", None) or time.monotonic_ns


def name_of(end: Any) -> tuple[str, bool]:
    """(name, is it loopback?) of the address of one end of a connection. Simulated hosts count as loopback,
    so that guest may log in there (CONN-22).
    """
    if not isinstance(end, tuple) or len(end) < 2:
        return "local", True
    host, port = end[0], end[1]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"{host}:{port}", True
    if isinstance(address, ipaddress.IPv4Address):
        return f"{host}:{port}", address.is_loopback
    return f"[{host}]:{port}", (address.ipv4_mapped or address).is_loopback


def like_rabbitmq(transport: asyncio.BaseTransport) -> None:
    """Small frames do not wait for more to come, and every end is a reset, also a sudden one (CONN-66)."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
