"""The watch: what this process uses of the machine, told to the broker once a second.

Theory
------
The broker decides when memory or disk run low, but it cannot look (see broker/watermarks.py). Here is who
looks. *Memory* is what RabbitMQ takes by default: the resident set, the pages of this process that are really
in memory. An allocator keeps pages that were freed, in the hope of using them again; before a broker stops
its publishers for the sake of such pages, they are given back. *Disk* is what is free where the journal is,
if there is one.

Only Linux tells a process its resident set without a library. Elsewhere memory is not watched.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from amqplab.broker.broker import Broker
    from amqplab.net.server import BrokerServer

__all__ = ["machine_memory", "memory_used", "watch"]

STATM = Path("/proc/self/statm")  # sizes in pages; the second is the resident set (proc(5))
EVERY_S = 1.0


async def watch(
    server: BrokerServer,
    data: Path | None = None,
    *,
    every_s: float = EVERY_S,
    say: Callable[[str], None] | None = None,
) -> None:
    """Measure until cancelled, and have the broker judge it. `data` is the journal's directory; `say` gets a
    line when an alarm begins or ends.
    """
    broker, told = server.broker, set[str]()
    while True:
        used, free = measure(broker, data)
        server.apply(broker.measured(used, free, server.now()))
        if say is not None and broker.alarms != told:
            told = set(broker.alarms)
            say(sentence(broker, used, free))
        await asyncio.sleep(every_s)


def measure(broker: Broker, data: Path | None) -> tuple[int | None, int | None]:
    """(memory used, disk free) in octets."""
    used = memory_used()
    if broker.watermarks.exceeded_by(used):
        give_back()
        used = memory_used()
    return used, disk_free(data)


def memory_used() -> int | None:
    """The resident set of this process, in octets."""
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def machine_memory() -> int | None:
    """The memory of this machine, in octets."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def disk_free(directory: Path | None) -> int | None:
    """What is free on the disk of that directory, in octets."""
    with suppress(OSError):
        return None if directory is None else shutil.disk_usage(directory).free
    return None


def give_back() -> None:
    """Return free pages to the system, where the C library can (glibc)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def sentence(broker: Broker, used: int | None, free: int | None) -> str:
    """What the alarms of the moment are, for people."""
    marks, causes = broker.watermarks, []
    if "memory" in broker.alarms:
        causes.append(f"memory is low ({_mb(used)} used, {_mb(marks.memory)} allowed)")
    if "disk" in broker.alarms:
        causes.append(f"disk is low ({_mb(free)} free, {_mb(marks.free_disk)} wanted)")
    if not causes:
        return "there is enough memory and disk again: publishers go on"
    return f"{' and '.join(causes)}: connections that publish are blocked until that changes"


def _mb(octets: int | None) -> str:
    return "unknown" if octets is None else f"{octets / 1e6:,.1f} MB"
