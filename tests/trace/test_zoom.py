"""Zoom levels: every kind of record has exactly one, and coarser zooms show less."""

from __future__ import annotations

from itertools import pairwise

import pytest

from amqplab.trace import events as e
from amqplab.trace.recorder import Recorder
from amqplab.trace.zoom import LEVELS, ZOOMS, kinds_at, level_of, shown, visible

KINDS = set(e.ABOUT)


def test_every_kind_of_record_has_one_level() -> None:
    assert set(LEVELS) == KINDS
    by_zoom = [kind for zoom in ZOOMS for kind in kinds_at(zoom)]
    assert len(by_zoom) == len(KINDS)


def test_each_zoom_shows_its_own_level_and_all_coarser_ones(recorder: Recorder) -> None:
    steps = [{record.seq for record in shown(recorder, zoom)} for zoom in ZOOMS]
    assert steps[0] == set(range(len(recorder)))
    for finer, coarser in pairwise(steps):
        assert coarser < finer


def test_some_levels() -> None:
    assert (level_of(e.SegmentLost), level_of(e.FrameSent)) == ("segment", "frame")
    assert (level_of(e.CommandSent), level_of(e.Routed)) == ("command", "milestone")
    assert visible(e.Routed, "segment") and not visible(e.SegmentSent, "frame")


def test_an_unknown_zoom_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="segment, frame, command, milestone"):
        visible(e.Routed, "packet")
