"""The state at any moment: the stream, folded.

Theory
------
A state is what a series of events has made of the world. So it is never kept beside the stream: it is worked
out from it, record by record,

    state(n) = step(step(… step(empty, record 0) …), record n - 1)

and each step can be taken back. :func:`step` changes a few entities (:mod:`amqplab.trace.entities`) and
returns the patch; :func:`undo` takes a patch back; so a reader steps forward and back through a run at the
same price. To jump, :class:`Fold` keeps *keyframes*: whole states from time to time, which share their
entities with each other. Keyframes are further apart the larger the state is, so that they cost no more
than the steps themselves.

``Fold(recorder).at(n)`` is the state after the first n records: before record n happened.

Folding is total: a record that fits nothing (its queue was never declared, its message is unknown) is
understood as well as it can be, and never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from amqplab.trace import state_copies, state_link, state_sessions
from amqplab.trace.draft import Draft, Entity, Patch, State, undo
from amqplab.trace.events import Event
from amqplab.trace.recorder import Record, Recorder

__all__ = ["Entity", "Fold", "Patch", "State", "redo", "step", "undo"]

HANDLERS: dict[type[Event], Callable[[Draft, Record, Any], None]] = {
    **state_link.HANDLERS,
    **state_sessions.HANDLERS,
    **state_copies.HANDLERS,
}

KEYFRAME_EVERY = 256


def step(state: State, record: Record) -> Patch:
    """Let `record` happen to `state`; the patch tells what changed, and is empty if nothing did."""
    handle = HANDLERS.get(type(record.event))
    if handle is None:
        return []
    draft = Draft(state, record.where)
    handle(draft, record, record.event)
    return draft.commit()


def redo(state: State, patch: Patch) -> None:
    """Apply a patch that :func:`step` made in this very state."""
    for key, _, new in patch:
        if new is None:
            del state[key]
        else:
            state[key] = new


class Fold:
    """The states of one recording. The recording may still be growing."""

    def __init__(self, recorder: Recorder | Sequence[Record]) -> None:
        self._records = recorder
        self._keyframes: list[tuple[int, State]] = [(0, {})]
        self._state: State = {}
        self._next = 0

    def at(self, seq: int) -> State:
        """The state before record `seq`: after 0 … `seq` - 1. Yours to change. Raises IndexError outside."""
        if not 0 <= seq <= len(self._records):
            raise IndexError(f"there are {len(self._records)} records, so no state before record {seq}")
        if seq >= self._next:
            self._advance(seq)
            return dict(self._state)
        start, keyframe = self._keyframe_before(seq)
        state = dict(keyframe)
        for number in range(start, seq):
            step(state, self._records[number])
        return state

    def now(self) -> State:
        """The state after everything recorded so far."""
        return self.at(len(self._records))

    def patches(self) -> Iterator[Patch]:
        """The patch of every record, in order. Nothing is kept, so keep what you need."""
        state: State = {}
        for record in self._records:
            yield step(state, record)

    def _advance(self, seq: int) -> None:
        while self._next < seq:
            step(self._state, self._records[self._next])
            self._next += 1
            if self._next - self._keyframes[-1][0] >= max(KEYFRAME_EVERY, len(self._state)):
                self._keyframes.append((self._next, dict(self._state)))

    def _keyframe_before(self, seq: int) -> tuple[int, State]:
        low, high = 0, len(self._keyframes)
        while high - low > 1:
            middle = (low + high) // 2
            if self._keyframes[middle][0] <= seq:
                low = middle
            else:
                high = middle
        return self._keyframes[low]
