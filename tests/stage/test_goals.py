"""Run until: the browser's goals are Python's, in what they mean and in what they reach."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from node_suites import run_suite
from stage_runs import RUNS

from amqplab.trace.recorder import Recorder
from amqplab.trace.until import goal_for

EXAMPLES = json.loads((Path(__file__).parent.parent / "data" / "goals.json").read_text(encoding="utf-8"))
LOOKED_FOR = (
    *("#1", "#2", "delivered", "SegmentLost", "routed", '"ack"', '"app"'),
    *("basic.publish", "basic.ack", "Basic.Deliver", "connection.tune"),
    *("app ready = 1", "app Ready > 0", "app unacked >= 1", "all total < 2", "work total > 3"),
)


@pytest.mark.parametrize("run", sorted(RUNS))
def test_the_browser_reaches_a_goal_where_python_does(
    run: str, tmp_path: Path, recordings: Mapping[str, Recorder]
) -> None:
    recorder = recordings[run]
    goals = {"examples": EXAMPLES, "reached": {text: all_reached(recorder, text) for text in LOOKED_FOR}}
    (tmp_path / "goals.json").write_text(json.dumps(goals), encoding="utf-8")
    run_suite("goals", tmp_path, recorder, GOALS=str(tmp_path / "goals.json"))


def test_each_of_them_is_reached_somewhere(recordings: Mapping[str, Recorder]) -> None:
    for text in LOOKED_FOR:
        assert any(all_reached(recorder, text) for recorder in recordings.values()), text


def all_reached(recorder: Recorder, text: str) -> list[int]:
    """The records that reach a goal, one after the other."""
    goal = goal_for(text)
    found = []
    for seq in range(len(recorder)):
        goal.see(recorder, seq)
        if goal.reached is not None:
            found.append(goal.reached)
            goal.reached = None
    return found
