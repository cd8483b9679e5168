"""Places: the rules that turn a place and a number into a point."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqplab.stage.contract_layout import PipePlace
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.one_behind import Rider, mouth_of, one_behind_the_other, wish_of
from amqplab.stage.places import cells_of, hand_of, lane_spot, slot_spot, tube_span
from amqplab.trace.rides import Ride

SHOWN = 100
PIPE: PipePlace = {
    "app": "a", "server": "b", "side": "left", "x0": 100, "y0": 50, "x1": 300, "y1": 50, "lanes": [0, 1, 4],
    "left_out": 0, "thickness": 104, "words": {"x": 0, "y": 0, "anchor": "start", "room": 0}, "lead": [0] * 8,
    "dock": {"x": 0, "y": 0},
}  # fmt: skip


def queue(ready: int, unacked: int) -> dict[str, Any]:
    """Unacked from 1 on, then ready."""
    numbers = list(range(1, ready + unacked + 1))
    return {
        "ready": numbers[unacked:][:SHOWN], "ready_count": ready, "ready_last": numbers[-1] if ready else None,
        "unacked": numbers[:unacked][:SHOWN], "unacked_count": unacked,
    }  # fmt: skip


@given(st.integers(0, 600), st.integers(0, 600), st.integers(1, 30))
def test_cells_are_honest(ready: int, unacked: int, room: int) -> None:
    cells = cells_of(queue(ready, unacked), room)
    assert len(cells) <= room
    for line, count in (("ready", ready), ("unacked", unacked)):
        mine = [cell for cell in cells if cell.line == line]
        if mine:
            assert sum(cell.more or 1 for cell in mine) == count
    assert [cell.line for cell in cells] == sorted((cell.line for cell in cells), reverse=True)


@given(st.integers(1, 600), st.integers(1, 600), st.integers(7, 30))
def test_ghosts_never_hide_what_is_ready(ready: int, unacked: int, room: int) -> None:
    cells = cells_of(queue(ready, unacked), room)
    seen = sum(cell.line == "ready" for cell in cells)
    assert seen >= min(ready, room - room * 3 // 7) and 2 * seen >= min(2 * ready, room)


def test_five_hundred_in_a_queue_are_a_head_a_number_and_a_tail() -> None:
    shown = [cell.message or f"+{cell.more}" for cell in cells_of(queue(500, 0), 7)]
    assert shown == [1, 2, 3, 4, 5, "+494", 500]
    shown = [cell.message or f"+{cell.more}" for cell in cells_of(queue(490, 10), 7)]
    assert shown == [1, 2, "+8", 11, 12, "+487", 500]


@pytest.mark.parametrize(
    ("limit", "held", "slots", "more"), [(0, 0, 1, 0), (1, 0, 1, 0), (5, 2, 5, 0), (6, 0, 4, 2), (0, 9, 4, 5)]
)
def test_a_hand_has_a_slot_for_each_message_it_may_hold(limit: int, held: int, slots: int, more: int) -> None:
    assert hand_of(limit, held) == (slots, more)


@pytest.mark.parametrize("anchor", ["start", "middle", "end"])
def test_slots_stay_in_the_room_of_their_row(anchor: Any) -> None:
    row = {"x": 200, "y": 10, "anchor": anchor, "room": 112, "label": ""}
    hand = hand_of(100, 0)
    xs = [slot_spot(row, number, hand).x for number in range(hand.slots + 1)]  # type: ignore[arg-type]
    low, high = {"start": (200, 312), "middle": (144, 256), "end": (88, 200)}[anchor]
    assert low <= xs[0] - G.slot // 2 and xs[-1] + G.slot // 2 <= high
    assert {b - a for a, b in pairwise(xs)} == {G.slot}


def test_each_channel_has_its_lane_in_both_tubes() -> None:
    for up in (True, False):
        box = tube_span(PIPE, True, up)
        ys = [lane_spot(PIPE, True, up, channel, 0.5).y for channel in PIPE["lanes"]]
        assert all(box["y"] < y < box["y"] + box["h"] for y in ys)
        assert len(set(ys)) == 3
    assert lane_spot(PIPE, True, True, 99, 0.5) == lane_spot(PIPE, True, True, 4, 0.5)


def test_up_leads_to_the_server_and_down_to_the_client() -> None:
    assert lane_spot(PIPE, True, True, 0, 0).x == lane_spot(PIPE, True, False, 0, 1).x == 100
    assert lane_spot(PIPE, True, True, 0, 1).x == lane_spot(PIPE, True, False, 0, 0).x == 300


LANES = st.one_of(st.none(), st.integers(0, 2))
STATES = st.sampled_from([("under way", 1.0), ("lost", 0.5), ("waiting", 0.0)])
RIDES = st.tuples(STATES, st.floats(0, 1), st.integers(0, 40)).map(
    lambda one: Ride(one[0][1] * (one[1] if one[0][0] == "under way" else 1), one[0][0], one[2])
)
RIDERS = st.lists(
    st.builds(Rider, st.none(), RIDES, st.integers(2, 60), st.integers(0, 99), LANES), max_size=30
)
LENGTH, COUNT = 180, 24


def in_tube(
    riders: list[Rider[None]],
) -> tuple[list[tuple[Rider[None], int]], list[tuple[list[Rider[None]], int]]]:
    mouth = mouth_of(LENGTH, COUNT)
    ordered = sorted(riders, key=lambda rider: rider.turn)
    return one_behind_the_other(
        ordered, LENGTH, COUNT, lambda rider: False, lambda rider: wish_of(rider, LENGTH, mouth)
    )


@given(RIDERS)
def test_what_moves_in_a_lane_stands_one_behind_the_other_and_nothing_before_where_it_is(
    riders: list[Rider[None]],
) -> None:
    """What has no lane of its own fills all, so nothing stands beside it."""
    shown, _ = in_tube(riders)
    moving = [(rider, middle) for rider, middle in shown if not rider.ride.stuck]
    for (one, middle), (other, behind) in combinations(moving, 2):
        if one.lane is None or other.lane is None or one.lane == other.lane:
            assert middle - one.room / 2 >= behind + other.room / 2 - 1
    for rider, middle in shown:
        assert middle <= wish_of(rider, LENGTH, COUNT) + 0.5
        assert middle - rider.room / 2 >= -1 and middle + rider.room / 2 <= LENGTH + 1


@given(RIDERS)
def test_what_is_lost_is_never_counted_together_with_what_is_on_its_way(riders: list[Rider[None]]) -> None:
    shown, counts = in_tube(riders)
    assert len(shown) + sum(len(those) for those, _ in counts) == len(riders)
    for those, _ in counts:
        assert len({rider.ride.stuck for rider in those}) == 1


def test_no_letter_of_the_geometry_is_smaller_than_eleven() -> None:
    sizes = (G.title, G.name, G.body, G.small, G.letter)
    assert min(sizes) >= G.smallest == 11
    assert all(isinstance(value, int) for value in G.as_json().values())


def test_where_a_tube_is_full_counts_stand_between_what_was_sent_before_and_after_those_they_count() -> None:
    """As in js/geometry.mjs: what is meant has room, and nothing that comes behind it is counted before it."""
    riders = [Rider(number, Ride(0.0, "waiting", None), 20, number, 0) for number in range(9)]
    shown, counts = one_behind_the_other(riders, 100, 24, lambda rider: rider.thing == 6, lambda rider: 34)
    assert [(rider.thing, middle) for rider, middle in shown] == [(6, 34)]
    assert [([rider.thing for rider in those], middle) for those, middle in counts] == [
        ([0, 1, 2, 3, 4, 5], 56), ([7, 8], 12)
    ]  # fmt: skip
