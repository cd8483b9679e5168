"""What a lesson says about a link, as a profile of the simulated network.

Theory
------
A link has four properties that a learner plays with: *latency* (how long an octet travels), *jitter*
(by how much that varies), *bandwidth* (how fast octets can be put on the line; a frame of 125 octets at
1 Mbit/s takes 1 ms to leave), and *loss* (the share of segments that never arrive). They are given in
words with units (:mod:`amqplab.trace.units`), and one that is not given stays what it was.
"""

from __future__ import annotations

from typing import Any

from amqplab.sim.segment import LinkProfile
from amqplab.trace.units import Time, as_nanoseconds, as_rate, as_share

__all__ = ["KEEP", "changed"]

KEEP: Any = object()
"""An option that is left as it is."""


def changed(
    profile: LinkProfile,
    latency: Time = KEEP,
    jitter: Time = KEEP,
    bandwidth: str | None = KEEP,
    loss: str | float = KEEP,
) -> LinkProfile:
    """The profile with what is given changed. Raises LabError for what makes no sense."""
    changes: dict[str, Any] = {}
    if latency is not KEEP:
        changes["latency_ns"] = as_nanoseconds(latency, "latency")
    if jitter is not KEEP:
        changes["jitter_ns"] = as_nanoseconds(jitter, "jitter")
    if bandwidth is not KEEP:
        changes["bandwidth_bps"] = as_rate(bandwidth)
    if loss is not KEEP:
        changes["loss"] = as_share(loss)
    return profile.changed(**changes)
