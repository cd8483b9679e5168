"""The scene of a run costs what is due to its length: so much work for each record, however many there are.

Work is counted in calls; nothing here looks at a clock.
"""

from __future__ import annotations

from functools import cache

import pytest
from effort import work
from scenes_large import long_run

from amqplab import Lab
from amqplab.stage.scene import packed, scene
from amqplab.trace.recorder import Recorder

MOST_CALLS = 183
"""A record's share of the work, measured with 179. Whoever adds a reader of all records finds it here."""

MOST_CHANGES = 0.9
"""Entities that change with a record, measured with 0.83."""

LINEAR = 1.05


@cache
def run(records: int) -> Recorder:
    lab = Lab(seed=63)
    long_run(lab, records)
    return lab.recorder


@pytest.fixture(scope="module", autouse=True)
def everything_is_imported() -> None:
    packed(run(300))


def calls_a_record(records: int) -> float:
    recorder = run(records)
    return work(lambda: packed(recorder)) / len(recorder)


def test_a_record_costs_so_many_calls_and_no_more_in_a_longer_run() -> None:
    short, long = calls_a_record(1_000), calls_a_record(4_000)
    assert long <= MOST_CALLS
    assert long <= short * LINEAR


def test_a_record_changes_little_of_the_state() -> None:
    patches = scene(run(4_000))["patches"]
    assert sum(map(len, patches)) <= len(patches) * MOST_CHANGES
