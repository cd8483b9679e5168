"""The clock makes every planned call once, in order of time, then of planning; and no cancelled one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqplab.sim.clock import SWEEP_AT, Clock

plans = st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=60)


@given(plans)
def test_calls_are_made_in_order_of_time_then_of_planning_and_cancelled_ones_never(plan) -> None:
    clock, made = Clock(), []
    tickets = [
        clock.at(when, lambda n=number: made.append((clock.now, n))) for number, (when, _) in enumerate(plan)
    ]
    for ticket, (_, cancelled) in zip(tickets, plan, strict=True):
        if cancelled:
            clock.cancel(ticket)
    clock.run()
    kept = [(when, number) for number, (when, cancelled) in enumerate(plan) if not cancelled]
    assert made == sorted(kept)


@given(plans)
def test_one_by_one_is_the_same_as_all_at_once(plan) -> None:
    def play(run) -> list[tuple[int, int]]:
        clock, made = Clock(), []
        tickets = []
        for number, (when, again) in enumerate(plan):

            def call(n=number, more=again) -> None:
                made.append((clock.now, n))
                if more:
                    clock.soon(made.append, (clock.now, -n))
                    clock.at(clock.now, made.append, (clock.now, 1000 + n))
                    clock.after(3, made.append, (clock.now + 3, 2000 + n))

            tickets.append(clock.at(when, call))
        for ticket in tickets[::5]:
            clock.cancel(ticket)
        run(clock)
        return made

    def one_by_one(clock: Clock) -> None:
        while clock.run_one():
            pass

    assert play(one_by_one) == play(Clock.run)


def test_what_is_due_at_one_time_keeps_the_order_of_planning_even_across_heap_and_queue() -> None:
    clock, made = Clock(), []
    clock.at(5, lambda: (made.append("first"), clock.soon(made.append, "third")))
    clock.at(5, made.append, "second")
    clock.run()
    assert made == ["first", "second", "third"]


def test_running_until_a_time_stops_there_and_the_clock_shows_it() -> None:
    clock, made = Clock(), []
    for when in (10, 20, 30):
        clock.at(when, made.append, when)
    clock.run(until=20)
    assert (made, clock.now, clock.next_time()) == ([10, 20], 20, 30)
    clock.run(until=25)
    assert (made, clock.now) == ([10, 20], 25)


def test_a_cancelled_call_does_not_move_time() -> None:
    clock = Clock()
    clock.cancel(clock.at(1_000, lambda: None))
    assert clock.next_time() is None
    clock.run()
    assert clock.now == 0


def test_cancelled_calls_do_not_pile_up() -> None:
    clock = Clock()
    for number in range(20 * SWEEP_AT):
        clock.cancel(clock.after(1_000_000 + number, print))
    assert len(clock._heap) <= 2 * SWEEP_AT
    assert list(clock.planned()) == []


def test_a_call_that_raises_leaves_the_rest_planned() -> None:
    clock, made = Clock(), []
    clock.at(1, lambda: 1 / 0)
    clock.at(2, made.append, "after")
    with pytest.raises(ZeroDivisionError):
        clock.run()
    assert (clock.now, made) == (1, [])
    clock.run()
    assert made == ["after"]
