"""Lines of messages in a state: long ones at a constant price per step.

Theory
------
A queue may hold a hundred thousand messages. If its entity held them all in one list, every step would have
to copy that list, and reading a run would take time and memory proportional to its square. So a line is kept
like a real queue of people, each of whom knows who stands before and after:

    owner (a queue or a consumer)                 a copy of a message, "copy/<vhost>/<queue>/<message>"
        ready        the first SHOWN of the line       before   the one ahead in the line, or None
        ready_count  how many there are in all         after    the one behind, or None
        ready_last   who stands at the end

Nothing is lost: following ``after`` from the last one shown gives the whole line (:func:`everyone`).
Joining at the end and leaving from anywhere touch three entities at most. Only squeezing in far behind the
shown part (a priority queue, a late requeue) has to walk there, from the nearer end.

A copy stands in one line of its queue, ready or unacked, and may also stand in the line of what one consumer
holds; that one has its own pair of names. The messages that a channel's transaction holds stand in a line,
too, whose members are messages; and so do the copies whose settlement it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from amqplab.trace.draft import Draft, State

__all__ = [
    "HOLDING",
    "IN_TX",
    "READY",
    "SETTLING",
    "SHOWN",
    "UNACKED",
    "Line",
    "Place",
    "everyone",
    "join",
    "leave",
]

SHOWN = 100
"""How many of a line its owner lists itself."""


class Line(NamedTuple):
    """What a line is called at its owner, and what its links are called at its members."""

    name: str
    before: str
    after: str

    @property
    def counter(self) -> str:
        """The owner's field for the number of members."""
        return f"{self.name}_count"

    @property
    def tail(self) -> str:
        """The owner's field for the last member."""
        return f"{self.name}_last"

    def empty(self) -> dict[str, Any]:
        """The owner's three fields at the start."""
        return {self.name: [], self.counter: 0, self.tail: None}


READY = Line("ready", "before", "after")
UNACKED = Line("unacked", "before", "after")
HOLDING = Line("holding", "held_before", "held_after")
IN_TX = Line("in_tx", "tx_before", "tx_after")
SETTLING = Line("settling", "settling_before", "settling_after")

Member = int | str
"""Who stands in a line: the number of a message, or in a line of many queues' copies the key of one."""


class Place(NamedTuple):
    """One line of one owner. `members` is the key of its members without their number."""

    owner: str
    line: Line
    members: str

    def key(self, member: Member) -> str:
        """The key of one member."""
        return f"{self.members}{member}"


def join(draft: Draft, place: Place, member: Member, position: int | None = None) -> None:
    """Let `member`, whose entity exists, stand at `position` (from 0), or at the end."""
    owner, line = draft.edit(place.owner), place.line
    if owner is None:
        return
    count: int = owner[line.counter]
    at = count if position is None else max(0, min(position, count))
    before, after = _neighbours(draft, place, at)
    _tie(draft, place, before, member)
    _tie(draft, place, member, after)
    shown: list[Member] = owner[line.name]
    if at <= len(shown) and at < SHOWN:
        owner[line.name] = [*shown[:at], member, *shown[at:]][:SHOWN]
    owner[line.counter] = count + 1
    if after is None:
        owner[line.tail] = member


def leave(draft: Draft, place: Place, member: Member) -> None:
    """Let `member` go; those around it close up. It must stand in this line."""
    owner, line = draft.edit(place.owner), place.line
    entity = draft.get(place.key(member))
    if owner is None or entity is None:
        return
    before, after = entity[line.before], entity[line.after]
    shown: list[Member] = owner[line.name]
    if member in shown:
        following = draft.get(place.key(shown[-1]))
        successor = following[line.after] if following else None
        rest = [one for one in shown if one != member]
        owner[line.name] = rest if successor is None else [*rest, successor]
    owner[line.counter] -= 1
    if after is None:
        owner[line.tail] = before
    _tie(draft, place, before, after)
    _tie(draft, place, None, member)
    _tie(draft, place, member, None)


def everyone(state: State, place: Place) -> Iterator[Any]:
    """All members of a line, first to last."""
    owner = state.get(place.owner)
    shown = owner[place.line.name] if owner else []
    member = shown[0] if shown else None
    while member is not None:
        yield member
        member = state[place.key(member)][place.line.after]


def _tie(draft: Draft, place: Place, before: Member | None, after: Member | None) -> None:
    """Let `before` and `after` be neighbours; None is an end of the line."""
    if before is not None and (entity := draft.edit(place.key(before))) is not None:
        entity[place.line.after] = after
    if after is not None and (entity := draft.edit(place.key(after))) is not None:
        entity[place.line.before] = before


def _neighbours(draft: Draft, place: Place, at: int) -> tuple[Any, Any]:
    """Who stands before and after the gap at `at`."""
    owner = draft.get(place.owner)
    assert owner is not None
    shown, count, last = owner[place.line.name], owner[place.line.counter], owner[place.line.tail]
    if at == count:
        return last, None
    if at < len(shown):
        return (shown[at - 1] if at else None), shown[at]
    if at - len(shown) < count - at:
        before = shown[-1]
        for _ in range(at - len(shown)):
            before = _link(draft, place, before, place.line.after)
        return before, _link(draft, place, before, place.line.after)
    after = last
    for _ in range(count - 1 - at):
        after = _link(draft, place, after, place.line.before)
    return _link(draft, place, after, place.line.before), after


def _link(draft: Draft, place: Place, member: Member, name: str) -> Any:
    entity = draft.get(place.key(member))
    assert entity is not None
    return entity[name]
