"""One behind the other: what rides in a tube, and counts of what has no room in it.

Theory
------
A tube is as long as the picture has room for, and anything may ride in it. The farthest has room first, and each
lane counts what has none, run by run: a count stands behind what was sent before those that it counts, and before
what was sent after them. What the step speaks of always has room, whatever else must go for it: a sentence about a
message that is hidden in "+6" could not be checked.
``js/geometry.js`` (``roomFor``, ``linedUp``) says the same, and a test compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from amqplab.stage.places import Filling, Wish, lined_up
from amqplab.trace.rides import Ride

__all__ = ["Rider", "Thing", "one_behind_the_other"]

Thing = TypeVar("Thing")


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
        its octets; then what was sent earlier, octets or none. Segments are numbered as they are sent.
        """
        has_come = self.ride.state in ("arrived", "discarded")
        sent = math.inf if self.ride.segment is None else self.ride.segment
        return -self.ride.progress, not has_come, 0 if has_come else sent, self.octet


def one_behind_the_other(
    riders: Sequence[Rider[Thing]], length: int, count: int, meant: Callable[[Rider[Thing]], bool],
    wish: Callable[[Rider[Thing]], int],
) -> tuple[list[tuple[Rider[Thing], int]], list[tuple[list[Rider[Thing]], int]]]:  # fmt: skip
    """Riders, the farthest first, each with the middle of its place, which it wishes for, along `length`; and those
    who are counted instead, lane by lane, with the middle of a count that is `count` long.
    """
    shown = room_for(riders, length, count, meant)
    hidden = runs_of(riders, {id(rider) for rider in shown})
    wanted = {id(rider): Wish(wish(rider), rider.room, rider.lane) for rider in shown}
    for those in hidden:
        wanted[id(those[0])] = Wish(wish(those[0]), count, those[0].lane)
    in_turn = [id(rider) for rider in riders if id(rider) in wanted]
    middles = dict(zip(in_turn, lined_up([wanted[one] for one in in_turn], length), strict=False))
    return (
        [(rider, middles[id(rider)]) for rider in shown if id(rider) in middles],
        [(those, middles[id(those[0])]) for those in hidden if id(those[0]) in middles],
    )


def room_for(
    riders: Sequence[Rider[Thing]], length: int, count: int, meant: Callable[[Rider[Thing]], bool]
) -> list[Rider[Thing]]:
    """Who has room, the farthest first. What is meant has, whatever must go for it, and so has a count of what comes
    behind it: nothing is counted before what was sent before it.
    """
    filled = Filling()
    for rider in riders:
        filled.fill(rider.lane, filled.of(rider.lane) + rider.room)
    if filled.of(None) <= length:
        return list(riders)
    filled, full = Filling(), Filling()
    wanted = [rider for rider in riders if meant(rider)]
    behind = counts_behind(riders, {id(rider) for rider in wanted})
    own = first_within(wanted, length - count - behind * count)
    kept = counts_behind(riders, own) * count + sum(rider.room for rider in wanted if id(rider) in own)
    shown = []
    for number, rider in enumerate(riders):
        kept -= rider.room if id(rider) in own else 0
        free = length - count - kept - filled.of(rider.lane)
        fits = not full.of(rider.lane) and rider.room <= free
        if id(rider) in own or (number == 0 and not kept) or fits:
            filled.fill(rider.lane, filled.of(rider.lane) + rider.room)
            shown.append(rider)
        else:
            full.fill(rider.lane, 1)
    return shown


def first_within(riders: Sequence[Rider[Thing]], room: int) -> set[int]:
    """As many as have room, and the first of all; by identity."""
    found: set[int] = set()
    for rider in riders:
        if found and rider.room > room:
            break
        found.add(id(rider))
        room -= rider.room
    return found


def counts_behind(riders: Sequence[Rider[Thing]], own: set[int]) -> int:
    """In how many places something of the same lane comes behind them."""
    goes_on: set[int | None] = set()
    count = 0
    for rider in riders:
        if id(rider) in own:
            goes_on.add(rider.lane)
        elif rider.lane in goes_on:
            goes_on.remove(rider.lane)
            count += 1
    return count


def runs_of(riders: Sequence[Rider[Thing]], shown: set[int]) -> list[list[Rider[Thing]]]:
    """Who has no room, lane by lane, in runs between those who have."""
    standing: dict[int | None, list[Rider[Thing]]] = {}
    runs = []
    for rider in riders:
        if id(rider) in shown:
            for lane in list(standing) if rider.lane is None else (rider.lane, None):
                standing.pop(lane, None)
        elif rider.lane in standing:
            standing[rider.lane].append(rider)
        else:
            standing[rider.lane] = [rider]
            runs.append(standing[rider.lane])
    return runs
