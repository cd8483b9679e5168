"""Who waits in line for a queue with a single active consumer.

Theory
------
A queue with `x-single-active-consumer` has a line of consumers, and gives everything to the first. That a
consumer was added does not tell whether it is the one: another one may be active. So this reader keeps who is
active at each queue, and notes of each that comes behind whom it waits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.recorder import Record

__all__ = ["Actives", "OfConsumer"]

Consumer = tuple[str, int, str]
OfConsumer = e.ConsumerAdded | e.ConsumerActivated | e.ConsumerRemoved


class Actives:
    """The lines of one recording, read record by record."""

    def __init__(self) -> None:
        self.waits: dict[int, Consumer] = {}
        """seq of a ConsumerAdded -> the consumer that is active, so that this one waits."""
        self.waited: set[int] = set()
        """The seqs of ConsumerActivated by which one that has waited takes its turn."""
        self.behind: dict[int, int] = {}
        """seq of a ConsumerActivated -> how many others are in line there."""
        self._active: dict[tuple[str, str], Consumer] = {}
        self._waiting: defaultdict[tuple[str, str], set[Consumer]] = defaultdict(set)  # queue -> its line

    def read(self, record: Record, event: OfConsumer) -> None:
        """What happens to a consumer."""
        READERS[type(event)](self, record, event)

    def _added(self, record: Record, event: e.ConsumerAdded) -> None:
        active = self._active.get((event.vhost, event.queue))
        if active is not None:
            self.waits[record.seq] = active
            self._waiting[event.vhost, event.queue].add(consumer_of(event))

    def _activated(self, record: Record, event: e.ConsumerActivated) -> None:
        self._active[event.vhost, event.queue] = consumer_of(event)
        line = self._waiting[event.vhost, event.queue]
        if consumer_of(event) in line:
            line.discard(consumer_of(event))
            self.waited.add(record.seq)
        self.behind[record.seq] = len(line)

    def _removed(self, record: Record, event: e.ConsumerRemoved) -> None:
        self._waiting[event.vhost, event.queue].discard(consumer_of(event))
        for queue in [queue for queue, active in self._active.items() if active == consumer_of(event)]:
            del self._active[queue]


def consumer_of(event: OfConsumer) -> Consumer:
    """Which consumer it is."""
    return event.connection, event.channel, event.consumer_tag


READERS: dict[type[e.Event], Callable[[Actives, Record, Any], None]] = {
    e.ConsumerAdded: Actives._added,
    e.ConsumerActivated: Actives._activated,
    e.ConsumerRemoved: Actives._removed,
}
