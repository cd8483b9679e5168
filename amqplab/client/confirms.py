"""Publisher confirms, seen from the publisher.

Theory
------
After confirm.select both sides count the publishes of the channel, from 1 (CONF-02). No number travels with a
publish: *counting* is the whole agreement. The broker answers basic.ack or basic.nack with a number, alone or
with all up to it (`multiple`), in any order (CONF-06).

The count begins when confirm.select is *sent*: the broker works through a channel in order, so a publish
right behind it is number 1 already, select-ok or not.

An unroutable mandatory publish is first returned and then acked (CONF-03, CONF-04). basic.return carries no
number either. But the broker routes in order, so it belongs to the oldest mandatory publish that is still
unsettled and looks the same.
"""

from __future__ import annotations

__all__ = ["ConfirmLedger"]

Looks = tuple[str, str, bytes]  # exchange, routing key, body


class ConfirmLedger:
    """The outstanding publish numbers of one channel."""

    __slots__ = ("_returned", "next", "outstanding")

    def __init__(self) -> None:
        self.next = 1
        self.outstanding: dict[int, Looks | None] = {}
        self._returned: set[int] = set()

    def published(self, looks: Looks | None) -> int:
        """A publish went out; `looks` only when it is mandatory and may come back. Returns its number."""
        sequence = self.next
        self.next = sequence + 1
        self.outstanding[sequence] = looks
        return sequence

    def returned(self, looks: Looks) -> int:
        """The number of the publish that came back, 0 if there is none like it."""
        for sequence, known in self.outstanding.items():
            if known == looks and sequence not in self._returned:
                self._returned.add(sequence)
                return sequence
        return 0

    def settle(self, tag: int, multiple: bool) -> tuple[int, ...]:
        """The numbers that an ack or nack of `tag` settles, in order; they are outstanding no more."""
        outstanding = self.outstanding
        if not multiple:
            settled: tuple[int, ...] = (tag,) if tag in outstanding else ()
        else:
            settled = tuple(self._up_to(tag))
        for sequence in settled:
            del outstanding[sequence]
            self._returned.discard(sequence)
        return settled

    def _up_to(self, tag: int) -> list[int]:
        found = []
        for sequence in self.outstanding:  # ascending: numbers are handed out in order
            if tag and sequence > tag:
                break
            found.append(sequence)
        return found

    def __repr__(self) -> str:
        return f"<ConfirmLedger: next {self.next}, outstanding {list(self.outstanding)}>"
