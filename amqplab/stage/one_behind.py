"""One behind the other: what rides in a tube, and counts of what has no room in it.

Theory
------
A tube is as long as the picture has room for, and anything may ride in it. Nothing stands before the place where it
is, and nothing that is under way ever goes back. So things that are at one point stand one behind the other, each as
near to its place as the one before it allows; and who has no room behind the others, because the tube begins there,
is counted at its mouth. Nobody is pushed ahead to make room: only who is meant has a place at the mouth in any case,
and what is counted before it: a sentence about a message that is hidden in "+6" could not be checked.

What was lost stands where it was lost and moves no more. What passes it waits behind it until it is past, and is no
reason for it to give way. And as it is not on the way any more, it is never counted together with what is.
``js/crowd.js`` says the same, and a test compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from amqplab.trace.rides import Ride

__all__ = ["Rider", "Thing", "mouth_of", "one_behind_the_other", "wish_of"]

Thing = TypeVar("Thing")
HAIR = 0.01
SHORT_TUBE = 5


@dataclass
class Rider(Generic[Thing]):
    """Something in a tube: how far it is, how much room it takes, where it ends in the stream of octets, and which
    lane it uses (None: all of them).
    """

    thing: Thing
    ride: Ride
    room: int
    octet: int
    lane: int | None

    @property
    def turn(self) -> tuple[float, bool, float, int]:
        """The farthest first; of those that are equally far what has come before what is under way, in the order of
        its octets; then what was sent earlier, octets or none.
        """
        has_come = self.ride.state in ("arrived", "discarded")
        return -self.ride.progress, not has_come, 0 if has_come else self.sent, self.octet

    @property
    def sent(self) -> float:
        """Segments are numbered as they are sent. What has come was before all of them, and what none carries yet
        comes after.
        """
        if self.ride.progress == 1 and self.ride.state != "under way":
            return -1
        return math.inf if self.ride.segment is None else self.ride.segment


class Filling:
    """How far the lanes of a tube are filled, from one of its ends. What has no lane of its own fills all."""

    def __init__(self) -> None:
        self.whole = 0.0
        self.lanes: dict[int, float] = {}

    def of(self, lane: int | None) -> float:
        if lane is None:
            return max(self.whole, *self.lanes.values()) if self.lanes else self.whole
        return max(self.whole, self.lanes.get(lane, 0.0))

    def fill(self, lane: int | None, to: float) -> None:
        if lane is None:
            self.whole = to
        else:
            self.lanes[lane] = to


def mouth_of(length: int, room: int) -> int:
    """How far inside its tube a way begins: before it there is `room` for what waits, or its count. A short tube has
    none to spare.
    """
    return 0 if length < SHORT_TUBE * room else room


def wish_of(rider: Rider[Thing], length: int, mouth: int) -> float:
    """Where the middle of something would stand that is alone."""
    return mouth + rider.room / 2 + rider.ride.progress * max(0, length - mouth - rider.room)


@dataclass
class Run(Generic[Thing]):
    """Who has no room, one after the other in one lane; the room of their count begins at `low`."""

    those: list[Rider[Thing]]
    low: float


Place = tuple[Rider[Thing], float]
"""Something, and where its middle is."""


def one_behind_the_other(
    riders: Sequence[Rider[Thing]], length: int, count: int, meant: Callable[[Rider[Thing]], bool],
    wish: Callable[[Rider[Thing]], float],
) -> tuple[list[tuple[Rider[Thing], int]], list[tuple[list[Rider[Thing]], int]]]:  # fmt: skip
    """Riders, the farthest first, each with the middle of its place, which it wishes for, along `length`; and those
    who are counted instead, lane by lane, with the middle of a count that is `count` long.
    """
    middles = middles_of(riders, length, wish)
    in_turn = sorted(riders, key=lambda rider: -middles[id(rider)])  # as they stand
    turn = {id(rider): number for number, rider in enumerate(in_turn)}
    shown, runs = room_for(in_turn, middles, count, meant)
    counts = []
    for run in reversed(runs):
        first = run.those[0]
        alone = len(run.those) == 1 and not run.low and first.room <= count  # as much room as its count
        width = first.room if alone else count
        back = middles[id(first)] - first.room / 2
        middle = max(run.low + width / 2, back + width / 2 + first.ride.progress * (first.room - width))
        middle = min(middle, length - width / 2)
        if alone:
            shown.append((first, middle))
        else:
            counts.append((run.those, round(middle)))
    shown.sort(key=lambda place: turn[id(place[0])])
    return [(rider, round(middle)) for rider, middle in shown], counts


def room_for(
    in_turn: Sequence[Rider[Thing]],
    middles: dict[int, float],
    count: int,
    meant: Callable[[Rider[Thing]], bool],
) -> tuple[list[Place[Thing]], list[Run[Thing]]]:
    """Who has room where it stands, and who is counted instead, lane by lane; seen from the mouth, for there it is
    missing.
    """
    needed, behind = Filling(), Filling()
    standing: dict[int | None, Run[Thing]] = {}
    runs: list[Run[Thing]] = []
    shown: list[Place[Thing]] = []
    for rider in reversed(in_turn):
        lane, half, middle = rider.lane, rider.room / 2, middles[id(rider)]
        is_last = not behind.of(lane)
        low = max(needed.of(lane), 0 if is_last else count)
        behind.fill(lane, 1)
        has_room = middle - half >= low - HAIR
        if has_room or meant(rider):
            if not has_room:
                needed.fill(lane, low + rider.room)
            shown.append((rider, middle if has_room else low + half))
            for one in list(standing) if lane is None else (lane, None):
                standing.pop(one, None)
            continue
        run = standing.get(lane)
        if run is None or run.those[0].ride.stuck != rider.ride.stuck:
            run = standing[lane] = Run([], 0 if is_last else low)
            runs.append(run)
            needed.fill(lane, run.low + count)
        run.those.insert(0, rider)
    return shown, runs


class InTheWay(NamedTuple):
    """What is stuck, where it stands."""

    lane: int | None
    middle: float
    half: float


def middles_of(
    riders: Sequence[Rider[Thing]], length: int, wish: Callable[[Rider[Thing]], float]
) -> dict[int, float]:
    """By identity: each as near to where it is as those before it allow; what passes something that is stuck stands
    behind that until it is past.
    """
    moving, stuck = Filling(), Filling()
    in_the_way: list[InTheWay] = []
    found: dict[int, float] = {}
    waiting = [rider for rider in riders if rider.ride.stuck]

    def stick(those: Iterable[Rider[Thing]]) -> None:
        for rider in those:
            lane, half = rider.lane, rider.room / 2
            middle = min(wish(rider), length - max(moving.of(lane), stuck.of(lane)) - half)
            stuck.fill(lane, length - middle + half)
            in_the_way.append(InTheWay(lane, middle, half))
            found[id(rider)] = middle

    for rider in riders:
        if rider.ride.stuck:
            continue
        lane, half = rider.lane, rider.room / 2
        while waiting and waiting[0].sent < rider.sent:
            stick([waiting.pop(0)])
        middle = min(wish(rider), length - moving.of(lane) - half)
        for other in in_the_way:
            shares = lane is None or other.lane is None or lane == other.lane
            if shares and abs(middle - other.middle) < half + other.half - HAIR:
                middle = other.middle - other.half - half
        moving.fill(lane, length - middle + half)
        found[id(rider)] = middle
    stick(waiting)
    return found
