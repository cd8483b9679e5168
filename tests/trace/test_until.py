"""Goals: one grammar, held to the same examples as the browser's (js/goals.js)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from amqplab import Lab
from amqplab.trace import events as e
from amqplab.trace.asking import LabError
from amqplab.trace.recorder import Recorder
from amqplab.trace.until import goal_for, parse

EXAMPLES = json.loads((Path(__file__).parent.parent / "data" / "goals.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("example", EXAMPLES, ids=[repr(example["text"]) for example in EXAMPLES])
def test_a_text_means_what_the_table_says(example: dict[str, Any]) -> None:
    if example["means"] is None:
        with pytest.raises(LabError):
            parse(example["text"])
    else:
        assert list(parse(example["text"])) == example["means"]


@pytest.fixture(scope="module")
def run() -> Recorder:
    """Three messages into a queue, and one acknowledgement."""
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare("app")
    for number in range(3):
        channel.basic_publish("", "app", f"message {number}")
    lab.run()
    [delivery] = [channel.basic_get("app")[0]]
    channel.basic_ack(delivery.delivery_tag)
    lab.run()
    lab.close()
    return lab.recorder


def reached(recorder: Recorder, until: Any) -> Any:
    """The event of the record that reaches the goal, or None."""
    goal = goal_for(until)
    for seq in range(len(recorder)):
        goal.see(recorder, seq)
    return None if goal.reached is None else recorder[goal.reached].event


def test_a_message_is_reached_where_it_changes(run: Recorder) -> None:
    event = reached(run, "#2")
    assert isinstance(event, e.Published) and event.message == 2


def test_a_queue_is_reached_when_it_holds_so_many(run: Recorder) -> None:
    event = reached(run, "app ready = 2")
    assert isinstance(event, e.Enqueued) and event.message == 2
    assert isinstance(reached(run, "app unacked > 0"), e.Delivered)
    assert reached(run, "app ready > 3") is None
    assert reached(run, "other ready = 0") is None


def test_a_method_is_reached_where_it_is_sent(run: Recorder) -> None:
    event = reached(run, "basic.ack")
    assert isinstance(event, e.CommandSent) and event.host == "producer"


def test_a_method_whose_sending_nobody_recorded_is_reached_where_it_arrives(story: Any) -> None:
    story.broker(e.CommandReceived, "127.0.0.1:5000", "broker", 1, "basic.publish", ())
    event = reached(story.recorder, "basic.publish")
    assert isinstance(event, e.CommandReceived)


def test_what_was_sent_before_is_not_reached_by_its_arrival(run: Recorder) -> None:
    goal = goal_for("basic.ack")
    sent = next(record for record in run if getattr(record.event, "name", "") == "basic.ack")
    for seq in range(sent.seq + 1, len(run)):
        goal.see(run, seq)
    assert goal.reached is None


def test_words_in_quotes_are_looked_for_in_labels(run: Recorder) -> None:
    assert isinstance(reached(run, '"channel 1 open"'), e.ChannelOpened)


def test_an_event_class_and_a_condition_are_goals_too(run: Recorder) -> None:
    assert isinstance(reached(run, e.Routed), e.Routed)
    assert isinstance(reached(run, lambda record: isinstance(record.event, e.QueueDeclared)), e.QueueDeclared)


def test_a_lab_runs_until_a_queue_holds_so_many() -> None:
    with Lab(seed=1) as lab:
        channel = lab.connect("producer").channel()
        channel.queue_declare("app")
        for number in range(3):
            channel.basic_publish("", "app", f"message {number}")
        lab.run(until="app ready = 2")
        assert lab.first("Enqueued", message=2)
        assert not lab.find("Enqueued", message=3)
