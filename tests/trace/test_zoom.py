"""Zoom levels: every kind of record has exactly one, and coarser zooms show less."""

from __future__ import annotations

from itertools import pairwise

import pytest

from amqplab.trace import events as e
from amqplab.trace.chapters import chapters
from amqplab.trace.context import Context
from amqplab.trace.recorder import Recorder
from amqplab.trace.zoom import LEVELS, ZOOMS, kinds_at, level_of, level_of_record, shown, visible

KINDS = set(e.ABOUT)


def test_every_kind_of_record_has_one_level() -> None:
    assert set(LEVELS) == KINDS
    by_zoom = [kind for zoom in ZOOMS for kind in kinds_at(zoom)]
    assert len(by_zoom) == len(KINDS)


def test_each_zoom_shows_its_own_level_and_all_coarser_ones(recorder: Recorder) -> None:
    steps = [{record.seq for record in shown(recorder, zoom)} for zoom in ZOOMS[:-1]]
    assert steps[0] == set(range(len(recorder)))
    for finer, coarser in pairwise(steps):
        assert coarser < finer


def test_some_levels() -> None:
    assert (level_of(e.SegmentLost), level_of(e.FrameSent)) == ("segment", "frame")
    assert (level_of(e.CommandSent), level_of(e.Routed)) == ("command", "milestone")
    assert visible(e.Routed, "segment") and not visible(e.SegmentSent, "frame")


def test_an_unknown_zoom_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="segment, frame, command, milestone, story"):
        visible(e.Routed, "packet")


def test_the_story_has_a_step_for_each_chapter(recorder: Recorder) -> None:
    assert ZOOMS[-1] == "story" and kinds_at("story") == ()
    assert [record.seq for record in shown(recorder, "story")] == [one.last for one in chapters(recorder)]


def test_what_brings_or_loses_a_message_is_a_milestone(recorder: Recorder) -> None:
    known = Context(list(recorder))
    raised = [record for record in recorder if level_of_record(record, known) != level_of(type(record.event))]
    milestones = [record for record in raised if level_of_record(record, known) == "milestone"]
    assert [type(record.event) for record in milestones] == [
        e.SegmentLost,
        e.RetransmissionTimedOut,
        e.SegmentSent,  # what it sends again
        e.CommandReceived,  # a confirm
        e.CommandReceived,  # a delivery
        e.CommandReceived,  # and again
        e.CommandReceived,  # a return
        e.CommandReceived,  # a confirm
    ]
    others = {(type(record.event), level_of_record(record, known)) for record in raised} - {
        (type(record.event), "milestone") for record in milestones
    }
    assert others == {(e.TcpStateChanged, "command")}


def test_every_step_of_the_story_is_a_step_of_the_milestones(recorder: Recorder) -> None:
    known = Context(list(recorder))
    assert {level_of_record(recorder[one.last], known) for one in chapters(recorder)} == {"milestone"}
