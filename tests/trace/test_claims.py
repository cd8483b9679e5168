"""Claims: what a sentence promises or explains is what the records around it show."""

from __future__ import annotations

from itertools import pairwise

from scenes import recording

from amqplab.trace import events as e
from amqplab.trace.chapters import chapters
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


def test_who_waits_in_line_for_a_queue_does_not_consume_from_it_yet() -> None:
    recorder = recording("single_active_consumer")
    narrator = Narrator(recorder)
    told = [
        narrator.sentence(one.seq)
        for one in recorder
        if isinstance(one.event, e.ConsumerAdded | e.ConsumerActivated)
    ]
    assert "first now consumes" in told[0] and "all others wait" in told[1]
    assert "second is now in line" in told[2] and "waits while consumer first is its active" in told[2]
    assert told[3].startswith("second has waited in line, and is now the active consumer")
    story = [chapter.sentence for chapter in chapters(recorder, narrator)]
    assert [one for one in story if "begins to consume" in one] == [
        "first begins to consume from the queue 'orders'."
    ]
    assert any("second asks to consume" in one and "waits while" in one for one in story)


def test_a_fanout_does_not_ask_what_matches() -> None:
    for name, words in (("publish_subscribe", "a copy of every message"), ("routing", "matching messages")):
        recorder = recording(name)
        narrator = Narrator(recorder)
        bindings = [one for one in recorder if isinstance(one.event, e.Bound) and one.event.source]
        assert bindings and all(f"so {words} also go" in narrator.sentence(one.seq) for one in bindings)
