"""Causes and effects: chains, trees, stories, and the life of one message."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from amqplab.trace import events as e
from amqplab.trace.causes import Causes
from amqplab.trace.query import first, last
from amqplab.trace.recorder import Recorder
from amqplab.trace.why import effects_of, lifecycle, outcome_of, story, why


def kinds(records: list) -> list[str]:
    return [type(record.event).__name__ for record in records]


def test_the_chain_goes_back_to_the_call(recorder: Recorder) -> None:
    chain = why(recorder, first(recorder, e.Enqueued, queue="app").seq)
    assert kinds(chain) == [
        "CallMade",
        "FrameSent",
        "SegmentSent",
        "SegmentArrived",
        "FrameReceived",
        "CommandReceived",
        "Enqueued",
    ]
    assert chain[0].cause is None
    assert all(earlier.seq < later.seq for earlier, later in pairwise(chain))


def test_a_record_without_a_cause_is_its_own_chain(recorder: Recorder) -> None:
    assert [record.seq for record in why(recorder, 0)] == [0]
    with pytest.raises(IndexError):
        why(recorder, len(recorder))


def test_effects_are_what_a_record_caused_itself(recorder: Recorder) -> None:
    cause = first(recorder, e.Published).cause
    assert cause is not None
    effects = effects_of(recorder, cause)
    assert kinds(effects) == ["Published", "Routed", "Enqueued", "Enqueued"]
    assert kinds(effects_of(recorder, effects[-1].seq)) == ["Confirmed"]


def test_the_outcome_is_the_tree_of_all_effects(recorder: Recorder) -> None:
    call = first(recorder, e.CallMade, call=last(recorder, e.CallMade).event.call)  # type: ignore[attr-defined]
    tree = outcome_of(recorder, call.seq)
    assert tree[0] == (0, call)
    assert {record.seq for _, record in tree} == {
        record.seq for record in recorder if call in why(recorder, record.seq)
    }
    depth_of = {record.seq: depth for depth, record in tree}
    causes = Causes(list(recorder))
    parents = {record.seq: causes.above_segments(record.seq) for _, record in tree}
    assert all(depth == 0 or depth_of[parents[record.seq]] == depth - 1 for depth, record in tree)


def test_the_story_is_indented(recorder: Recorder, golden: Callable[[str, str], None]) -> None:
    golden("stories/enqueued.txt", story(recorder, first(recorder, e.Enqueued).seq))
    command = first(recorder, e.Published).cause
    assert command is not None
    golden("stories/published.txt", story(recorder, command))
    assert story(recorder, command, effects=False).count("\n") == len(why(recorder, command)) - 1


def test_the_life_of_a_message(recorder: Recorder, golden: Callable[[str, str], None]) -> None:
    rows = lifecycle(recorder, 1)
    in_app = [row.event for row in rows if row.queue == "app" and row.event != "CommandReceived"]
    assert in_app == [
        "Enqueued",
        "Delivered",
        "Rejected",
        "Requeued",
        "Delivered",
        "Acknowledged",
    ]
    assert rows[0].event == "CallMade" and "Hello" in rows[0].what
    assert [row.event for row in rows].count("CommandReceived") == 5  # publish, deliver, reject, deliver, ack
    assert [row.event for row in rows].count("Confirmed") == 1
    golden("stories/life.txt", repr(rows))


def test_a_message_that_is_not_there_has_no_life(recorder: Recorder) -> None:
    with pytest.raises(LookupError, match="no message 99"):
        lifecycle(recorder, 99)
