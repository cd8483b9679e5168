"""The link: octets come out of a TCP stream as they went in.

Theory
------
TCP promises one thing: what one end reads is what the other wrote, in order, none changed, none invented;
however often its segments are lost, repeated or overtaken. So for each direction the octets under way are kept
from where they are sent until they are received, and compared there.
"""

from __future__ import annotations

from amqplab.lab.checks.check import Check, Complaint
from amqplab.trace import events as e
from amqplab.trace.keys import client_host
from amqplab.trace.recorder import Record

__all__ = ["Link"]


class Link(Check):
    """What TCP hands out at one end is what went in at the other: same octets, same order, nothing new.

    Octets are compared, not frames: the two ends may cut the stream differently, above all where it is no
    AMQP. Where the sending end is not tapped, nothing is known of what went in.
    """

    name = "the link"
    sentence = "Octets come out of the link as they went in: in order, none changed, none invented."

    def __init__(self) -> None:
        super().__init__()
        self._under_way: dict[tuple[str, bool], UnderWay] = {}
        self._simulated: set[str] = set()
        self.reads = {e.SegmentSent: self._segment, e.FrameSent: self._frame, e.FrameReceived: self._frame}

    def _segment(self, record: Record, event: e.SegmentSent) -> Complaint:
        self._simulated.add(event.connection)
        return None

    def _frame(self, record: Record, event: e.FrameSent | e.FrameReceived) -> Complaint:
        return self.octets(type(event), event.connection, event.host, event.offset, event.data)

    def octets(
        self, kind: type[e.Event], connection: str, host: str, offset: int, octets: bytes
    ) -> Complaint:
        """Whole frames were sent, or received, at `host`."""
        if connection not in self._simulated:
            return None  # a real socket: its far end is not ours to see
        sent = kind is e.FrameSent
        way = connection, (host == client_host(connection)) is sent
        under_way = self._under_way.get(way)
        if sent:
            if under_way is None:
                under_way = self._under_way[way] = UnderWay()
            under_way.put(offset, octets)
            return None
        if under_way is None:
            return None  # its far end is not tapped
        found = under_way.take(offset, len(octets))
        if found == octets:
            return None
        what = "was never sent" if len(found) < len(octets) else "is not what was sent"
        return f"the frame at byte {offset} of {connection}, received by {host}, {what}"


class UnderWay:
    """The octets of one direction that went in and did not come out yet, from octet `start` on."""

    def __init__(self) -> None:
        self._start = 0
        self._octets = bytearray()

    def put(self, offset: int, data: bytes) -> None:
        """More went in; between what is known and `offset` may be a gap that nobody reported."""
        end = self._start + len(self._octets)
        if offset > end:
            self._octets.clear()
            self._start = offset
        self._octets[offset - self._start :] = data

    def take(self, offset: int, size: int) -> bytes:
        """These came out; the octets that went in at the same place, as far as there are any."""
        if offset < self._start:
            return b""
        first = offset - self._start
        found = bytes(self._octets[first : first + size])
        del self._octets[: first + size]
        self._start = offset + len(found)
        return found
