"""A TCP segment, and the profile of the link that carries it.

Theory
------
TCP cuts its stream of octets wherever it likes, so segments and AMQP frames do not align: a frame may need
several segments, and one segment may carry the end of one frame and the beginning of the next.

Sequence numbers count octets. SYN and FIN count as one each, so that they can be acknowledged. On the wire
the numbers are 32 bits and wrap; inside the simulation they do not, and are cut to 32 bits where they are
shown.

Source: RFC 9293 section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["LinkProfile", "Segment", "endpoint_name"]

MILLISECOND = 1_000_000


class Segment:
    """One segment under way. ``flags`` holds the names that are set, joined by "|"."""

    __slots__ = (
        "ack",
        "connection",
        "departs",
        "destination",
        "flags",
        "number",
        "payload",
        "retransmission",
        "seq",
        "source",
        "window",
    )

    def __init__(
        self,
        connection: str,
        source: str,
        destination: str,
        flags: str,
        seq: int,
        ack: int,
        window: int,
        payload: bytes = b"",
        retransmission: bool = False,
    ) -> None:
        self.number = 0
        self.departs = 0
        self.connection = connection
        self.source = source
        self.destination = destination
        self.flags = flags
        self.seq = seq
        self.ack = ack
        self.window = window
        self.payload = payload
        self.retransmission = retransmission

    @property
    def length(self) -> int:
        """Sequence numbers that it uses up: its octets, and one each for SYN and FIN."""
        return len(self.payload) + ("SYN" in self.flags) + ("FIN" in self.flags)


@dataclass(frozen=True, slots=True)
class LinkProfile:
    """How one direction of a link behaves. Times in ns, sizes in octets."""

    latency_ns: int = MILLISECOND
    jitter_ns: int = 0
    """Each segment takes up to so much longer, uniformly; order is kept."""
    bandwidth_bps: int | None = None
    """Bits per second; None means that sending takes no time."""
    loss: float = 0.0
    """Probability that a segment is lost."""
    mss: int = 1460
    """Octets of payload that one segment carries at most."""
    window: int = 65535
    """Octets that a receiver takes in before its program reads them."""
    ack_delay_ns: int = 200_000
    """How long a receiver waits for data to send an acknowledgement along with."""

    def __post_init__(self) -> None:
        for name in ("latency_ns", "jitter_ns", "ack_delay_ns"):
            if getattr(self, name) < 0:
                raise ValueError(
                    f"{name} must not be negative, got {getattr(self, name)}: time does not run backwards"
                )
        if not 0 <= self.loss <= 1:
            raise ValueError(f"loss is a probability between 0 and 1, got {self.loss}")
        if self.bandwidth_bps is not None and self.bandwidth_bps <= 0:
            raise ValueError(
                f"bandwidth_bps must be positive, got {self.bandwidth_bps}; use None for no limit"
            )
        if self.mss < 1 or self.window < self.mss:
            raise ValueError(
                f"mss must be at least 1 and window at least mss, got mss={self.mss}, window={self.window}"
            )

    def changed(self, **changes: object) -> LinkProfile:
        """The same profile with some values replaced."""
        return replace(self, **changes)  # type: ignore[arg-type]


def endpoint_name(host: str, port: int) -> str:
    """``"producer:49152"``."""
    return f"{host}:{port}"
