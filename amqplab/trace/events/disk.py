"""The disk: what is written, what is safe, and what a crash takes away.

Theory
------
A write is a promise of nobody until the disk has synced it. Each step of that is an event of its own, because
a confirm may not be sent earlier.
"""

from __future__ import annotations

from amqplab.trace.events.declaring import Event, event

__all__ = [
    "DiskFailed",
    "DiskForgot",
    "DiskSynced",
    "DiskWriting",
]


@event(chapter="disk", level="command", label="{octets} B to {file}", hold=460)
class DiskWriting(Event):
    """Octets were written to a file; until the disk has synced them, a crash may take them away."""

    file: str
    octets: int


@event(chapter="disk", level="milestone", label="{octets} B of {file} synced")
class DiskSynced(Event):
    """What was written is safe: it survives every crash."""

    file: str
    octets: int


@event(chapter="disk", level="milestone", label="{file} not written: {reason}")
class DiskFailed(Event):
    """The disk could not take what was written."""

    file: str
    octets: int
    reason: str


@event(chapter="disk", level="milestone", label="{kept} of {octets} B kept")
class DiskForgot(Event):
    """A crash came before the sync: of so many octets, `kept` are still there, perhaps with holes."""

    file: str
    octets: int
    kept: int
