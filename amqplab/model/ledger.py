"""The ledger of unacknowledged deliveries: what a channel's client holds in its hands.

Theory
------
Every delivery on a channel gets the next **delivery tag**, 1, 2, 3, …; gets and consumers share
one counter (CHAN-14). A delivery that must be acknowledged is written into the channel's ledger under its
tag. An ack, nack or reject names one tag, or with ``multiple`` everything up to and including it, or with tag
0 and ``multiple`` everything there is (BASIC-50). A tag that is not outstanding is an error even with
``multiple``, and then nothing is settled at all (BASIC-49).

The ledger belongs to the channel, not to the queue: one ack may cover deliveries from several queues, and
tags mean nothing outside their channel (BASIC-59).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from amqplab.errors import PreconditionFailed
from amqplab.model.consumer import Consumer
from amqplab.model.message import Copy
from amqplab.model.queue import Queue

__all__ = ["Ledger", "Outstanding"]


class Outstanding(NamedTuple):
    """One delivery in the client's hands since then (ns); `consumer` is None for basic.get."""

    tag: int
    queue: Queue
    copy: Copy
    consumer: Consumer | None
    since: int


class Ledger:
    """Outstanding deliveries in the order of their tags."""

    __slots__ = ("_by_tag",)

    def __init__(self) -> None:
        # An OrderedDict: unlike dict, finding its first entry stays cheap after many removals at the front.
        self._by_tag: OrderedDict[int, Outstanding] = OrderedDict()

    def add(self, outstanding: Outstanding) -> None:
        """Write a delivery down."""
        self._by_tag[outstanding.tag] = outstanding

    def settle(self, tag: int, multiple: bool) -> list[Outstanding]:
        """Strike out and return what an ack, nack or reject names, in tag order.

        Raises 406 "unknown delivery tag" and strikes nothing if `tag` is not outstanding (BASIC-48).
        """
        if tag == 0 and multiple:
            return self.settle_all()
        if tag not in self._by_tag:
            raise PreconditionFailed(f"unknown delivery tag {tag}")
        if not multiple:
            return [self._by_tag.pop(tag)]
        settled = []
        while True:
            outstanding = self._by_tag.popitem(last=False)[1]
            settled.append(outstanding)
            if outstanding.tag == tag:
                return settled

    def settle_all(self) -> list[Outstanding]:
        """Strike out everything."""
        settled = list(self._by_tag.values())
        self._by_tag.clear()
        return settled

    def restore(self, settled: list[Outstanding]) -> None:
        """Undo a settlement: tx.rollback makes the tags outstanding again (TX-05)."""
        both = sorted([*settled, *self._by_tag.values()], key=lambda one: one.tag)
        self._by_tag = OrderedDict((one.tag, one) for one in both)

    def __iter__(self) -> Iterator[Outstanding]:
        return iter(self._by_tag.values())

    def __len__(self) -> int:
        return len(self._by_tag)

    def __contains__(self, tag: object) -> bool:
        return tag in self._by_tag
