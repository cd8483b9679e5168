"""Prefetch: no consumer, and no channel with a shared window, holds more than its window.

Theory
------
basic.qos bounds how many deliveries may be unacknowledged: for each consumer that is added afterwards, or for
the channel as a whole (BASIC-41). So what counts is who holds what, from each delivery until it is settled,
given back, or its channel ends.
"""

from __future__ import annotations

from amqplab.lab.checks.check import Check, Complaint, CopyName, Lane, copy_of
from amqplab.trace import events as e
from amqplab.trace.recorder import Record

__all__ = ["Prefetch"]

NOBODY = -1
"""A consumer that no record has added."""


class Prefetch(Check):
    """Counts what each consumer, and each channel with a shared window, holds.

    A consumer is known by the record that added it: another may take its tag while its own messages are still
    unsettled. What basic.get took is in no window.
    """

    name = "prefetch"
    sentence = "A consumer never holds more unacknowledged messages than its window."

    def __init__(self) -> None:
        super().__init__()
        self._consumers: dict[tuple[Lane, str], tuple[int, int]] = {}
        self._shared: dict[Lane, int] = {}
        self._held: dict[Lane, dict[int, tuple[int, CopyName]]] = {}
        self._holds: dict[int, int] = {}
        self._holder: dict[CopyName, tuple[Lane, int]] = {}
        self.reads = {
            e.ConsumerAdded: self._added,
            e.ConsumerRemoved: self._removed,
            e.PrefetchSet: self._set,
            e.Delivered: self._delivered,
            e.Acknowledged: self._settled,
            e.Rejected: self._settled,
            e.Requeued: self._let_go,
            e.Discarded: self._let_go,
            e.DeadLettered: self._let_go,
            e.ChannelClosed: self._closed,
        }

    def _added(self, record: Record, event: e.ConsumerAdded) -> Complaint:
        self._consumers[(event.connection, event.channel), event.consumer_tag] = record.seq, event.prefetch
        return None

    def _removed(self, record: Record, event: e.ConsumerRemoved) -> Complaint:
        self._consumers.pop(((event.connection, event.channel), event.consumer_tag), None)
        return None

    def _set(self, record: Record, event: e.PrefetchSet) -> Complaint:
        """The last basic.qos counts; one that is not global takes a shared window away (BASIC-41)."""
        self._shared[event.connection, event.channel] = event.count if event.shared else 0
        return None

    def _delivered(self, record: Record, event: e.Delivered) -> Complaint:
        if event.no_ack or not event.consumer_tag:
            return None
        lane = (event.connection, event.channel)
        consumer, window = self._consumers.get((lane, event.consumer_tag), (NOBODY, 0))
        self._hold(lane, event.delivery_tag, consumer, copy_of(record), stays=event.stays)
        own = self._holds[consumer]
        if window and own > window:
            return f"consumer '{event.consumer_tag}' holds {own} messages, its window is {window}"
        all_held, shared = len(self._held[lane]), self._shared.get(lane, 0)
        if shared and all_held > shared:
            return f"channel {event.channel} holds {all_held} messages, its shared window is {shared}"
        return None

    def _hold(self, lane: Lane, tag: int, consumer: int, name: CopyName, *, stays: bool) -> None:
        self._held.setdefault(lane, {})[tag] = consumer, name
        self._holds[consumer] = self._holds.get(consumer, 0) + 1
        if not stays:  # a stream's copy is in many hands
            self._holder[name] = lane, tag

    def _settled(self, record: Record, event: e.Acknowledged | e.Rejected) -> Complaint:
        self._release((event.connection, event.channel), event.delivery_tag)
        return None

    def _let_go(self, record: Record, event: e.Requeued | e.Discarded | e.DeadLettered) -> Complaint:
        place = self._holder.get(copy_of(record))
        if place is not None:
            self._release(*place)
        return None

    def _release(self, lane: Lane, tag: int) -> None:
        held = self._held.get(lane, {}).pop(tag, None)
        if held is not None:
            consumer, name = held
            self._holds[consumer] -= 1
            self._holder.pop(name, None)

    def _closed(self, record: Record, event: e.ChannelClosed) -> Complaint:
        lane = (event.connection, event.channel)
        for tag in list(self._held.get(lane, ())):
            self._release(lane, tag)
        self._held.pop(lane, None)
        self._shared.pop(lane, None)
        return None
