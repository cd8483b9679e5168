"""Differences: where two runs part."""

from __future__ import annotations

from amqplab.trace import events as e
from amqplab.trace.diff import first_difference, same_until
from amqplab.trace.recorder import Recorder


def test_the_same_run_has_no_difference(recorder: Recorder) -> None:
    assert first_difference(recorder, list(recorder)) is None


def test_the_first_difference_is_shown_with_what_is_around_it(recorder: Recorder) -> None:
    ours = list(recorder)
    theirs = [*ours[:20], ours[20]._replace(at=ours[20].at + 1), *ours[21:]]
    difference = first_difference(ours, theirs, context=2)
    assert difference is not None
    assert (difference.seq, len(difference.before), len(difference.ours)) == (20, 2, 2)
    assert difference.ours[0] == ours[20] and difference.theirs[0] == theirs[20]
    text = str(difference).splitlines()
    assert text[0] == "The two runs are the same up to record 20."
    assert [line[0] for line in text[1:]] == [" ", " ", "-", "-", "+", "+"]


def test_a_run_that_ends_early_differs_there(recorder: Recorder) -> None:
    ours = list(recorder)
    difference = first_difference(ours, ours[:10])
    assert difference is not None and difference.seq == 10
    assert difference.theirs == ()
    assert str(difference).endswith("+ (the run ends here)")


def test_equal_values_of_different_types_differ() -> None:
    one, other = Recorder(lambda: 0), Recorder(lambda: 0)
    one.record("h", e.ChannelOpened, "c:1", 1)
    other.record("h", e.ChannelOpened, "c:1", True)
    assert same_until(one, other) == 0
