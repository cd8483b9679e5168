"""Publisher confirms: which publishes the broker has taken responsibility for.

Theory
------
After confirm.select every publish on the channel has a sequence number, 1, 2, 3, … (CONF-02);
nothing of it is on the wire, both sides count. When all queues a message was routed to have taken it, the
broker sends basic.ack with that number; ``multiple`` covers everything up to it. A queue that refuses makes
it basic.nack.

Settled numbers are collected and sent together when a batch of input has been handled, before any other reply
of the channel, and before the channel closes: :meth:`Confirms.flush`. One publish gives one plain ack; of
several, those below the smallest number still waiting go out as one multiple ack, the rest one by one
(CONF-07). The same rule, with a quirk that is RabbitMQ's own, applies to nacks: a lone nack is sent as
multiple (CONF-08).
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Confirms"]


class Confirms:
    """The confirm ledger of one channel."""

    __slots__ = ("_accepted", "_refused", "_waiting", "last")

    def __init__(self) -> None:
        self.last = 0
        self._accepted: list[int] = []
        self._refused: list[int] = []
        self._waiting: dict[int, None] = {}  # an ordered set: numbers that somebody still has to take

    def next(self) -> int:
        """The sequence number of the publish at hand."""
        self.last += 1
        return self.last

    def wait(self, sequence: int) -> None:
        """It will take a while: until then no multiple confirm may cover it."""
        self._waiting[sequence] = None

    def accept(self, sequence: int) -> None:
        """Everybody has taken it."""
        self._waiting.pop(sequence, None)
        self._accepted.append(sequence)

    def refuse(self, sequence: int) -> None:
        """Some queue refused it (CONF-09)."""
        self._waiting.pop(sequence, None)
        self._refused.append(sequence)

    @property
    def pending(self) -> bool:
        """There is something to send."""
        return bool(self._accepted or self._refused)

    def flush(self) -> Iterator[tuple[int, bool, bool]]:
        """(sequence, multiple, positive) of each ack or nack to send now, in order."""
        accepted, refused = sorted(self._accepted), sorted(self._refused)
        self._accepted, self._refused = [], []
        if len(accepted) == 1:
            yield accepted[0], False, True
        elif accepted:
            yield from self._coalesce(accepted, refused, True)
        if refused:
            yield from self._coalesce(refused, accepted, False)

    def _coalesce(
        self, numbers: list[int], others: list[int], positive: bool
    ) -> Iterator[tuple[int, bool, bool]]:
        smallest_waiting = next(iter(self._waiting), numbers[-1] + 1)
        cutoff = min([smallest_waiting, *others])
        together = [number for number in numbers if number < cutoff]
        if together:
            yield together[-1], True, positive
        for number in numbers[len(together) :]:
            yield number, False, positive
