"""One behind the other: what rides in a tube, and counts of what has no room in it.

Theory
------
A tube is as long as the picture has room for, and anything may ride in it. The farthest has room first, and each
lane counts what has none, at the place where the first of those would stand. What the step speaks of always has
room, whatever else must go for it: a sentence about a message that is hidden in "+6" could not be checked.
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
    shown, hidden = room_for(riders, length, count, meant)
    counted: dict[int | None, list[Rider[Thing]]] = {}
    for rider in hidden:
        counted.setdefault(rider.lane, []).append(rider)
    wanted = {id(rider): Wish(wish(rider), rider.room, rider.lane) for rider in shown}
    for lane, those in counted.items():
        wanted[id(those[0])] = Wish(0, count, lane)
    in_turn = [id(rider) for rider in riders if id(rider) in wanted]
    middles = dict(zip(in_turn, lined_up([wanted[one] for one in in_turn], length), strict=False))
    return (
        [(rider, middles[id(rider)]) for rider in shown if id(rider) in middles],
        [(those, middles[id(those[0])]) for those in counted.values() if id(those[0]) in middles],
    )


def room_for(
    riders: Sequence[Rider[Thing]], length: int, count: int, meant: Callable[[Rider[Thing]], bool]
) -> tuple[list[Rider[Thing]], list[Rider[Thing]]]:
    """Who has room, the farthest first, and who has not. What is meant has room, whatever must go for it."""
    filled = Filling()
    for rider in riders:
        filled.fill(rider.lane, filled.of(rider.lane) + rider.room)
    if filled.of(None) <= length:
        return list(riders), []
    filled, full = Filling(), Filling()
    kept = sum(rider.room for rider in riders if meant(rider))
    shown, hidden = [], []
    for number, rider in enumerate(riders):
        own = meant(rider)
        kept -= rider.room if own else 0
        free = length - count - kept - filled.of(rider.lane)
        if own or (number == 0 and not kept) or (not full.of(rider.lane) and rider.room <= free):
            filled.fill(rider.lane, filled.of(rider.lane) + rider.room)
            shown.append(rider)
        else:
            full.fill(rider.lane, 1)
            hidden.append(rider)
    return shown, hidden
