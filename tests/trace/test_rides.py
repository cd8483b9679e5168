"""How far something is on its way."""

from __future__ import annotations

import pytest
from scenes import recording

from amqplab.trace.rides import progress, segment_end
from amqplab.trace.traffic import Traffic

ENDS = [
    ("power_off", "the machine is off", 1.0),
    ("cut", "the link is cut", 0.5),
    ("loss_20_percent", "by chance", 0.5),
]


@pytest.mark.parametrize(("name", "reason", "place"), ENDS)
def test_a_lost_segment_comes_as_far_as_it_is_known_to_have_come(
    name: str, reason: str, place: float
) -> None:
    records = list(recording(name))
    lost = [one for one in Traffic(records).segments.values() if one.lost == reason]
    assert lost
    for segment in lost:
        end = segment_end(segment)
        assert end is not None and progress(segment, records[end].at) == place
