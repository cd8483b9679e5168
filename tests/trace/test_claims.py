"""Claims: what a sentence promises or explains is what the records around it show."""

from __future__ import annotations

from itertools import pairwise

from scenes import recording

from amqplab.trace import events as e
from amqplab.trace.narrate import Narrator
from amqplab.wire.frames import HEARTBEAT

SECOND = 1_000_000_000


def test_a_heartbeat_timeout_is_not_how_often_a_heartbeat_is_sent() -> None:
    recorder = recording("heartbeats")
    tuned = next(one for one in recorder if isinstance(one.event, e.ConnectionTuned))
    sentence = Narrator(recorder).sentence(tuned.seq)
    assert "a heartbeat timeout of 60 s" in sentence and "about every 30 s" in sentence
    beats = [one for one in recorder if isinstance(one.event, e.FrameSent) and one.event.data == HEARTBEAT]
    for sender in {one.where for one in beats}:
        times = [one.at for one in beats if one.where == sender]
        assert {round((b - a) / SECOND) for a, b in pairwise(times)} == {30}
