"""In a queue with priorities it is told who overtakes whom; in any other nobody does."""

from __future__ import annotations

from scenes import build

from amqplab import Lab
from amqplab.trace import events as e
from amqplab.trace.chapters import chapters
from amqplab.trace.narrate import Narrator
from amqplab.trace.priorities import overtaken
from amqplab.wire.properties import Properties


def test_it_is_told_why_a_message_comes_before_older_ones() -> None:
    lab = build("priorities")
    narrator = Narrator(lab.recorder)
    handed = [narrator.sentence(record.seq) for record in lab.find(e.Delivered)]
    ahead = [one.partition(", ahead of ")[2].partition(":")[0] for one in handed]
    lower = "older ones of lower priority"
    one_lower = "an older one of lower priority"
    assert ahead == [one_lower, f"2 {lower}", f"3 {lower}", one_lower, "", ""]
    stands = narrator.sentence(lab.find(e.Enqueued)[-1].seq)
    assert stands.endswith(f"stands in queue 'tasks', with 2 ready before it, ahead of 3 {lower}.")
    story = [one.sentence for one in chapters(lab.recorder)]
    assert f"Queue 'tasks' hands message 2 to consumer worker, ahead of {one_lower}." in story


def pushed(*priorities: int, limit: int | None) -> Lab:
    """One message is handed out and given back; then come others, each with a priority."""
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    channel.queue_declare("orders", arguments={} if limit is None else {"x-max-priority": limit})
    for priority in priorities:
        channel.basic_publish("", "orders", "tea", properties=Properties(priority=priority))
    method, _, _ = channel.basic_get("orders")
    channel.basic_nack(method.delivery_tag, requeue=True)
    while channel.basic_get("orders", auto_ack=True)[0] is not None:
        pass
    lab.run()
    return lab


def test_who_is_given_back_keeps_its_age() -> None:
    lab = pushed(0, 1, limit=1)
    handed = [record.seq for record in lab.find(e.Delivered)]
    assert [overtaken(lab.recorder).get(seq, 0) for seq in handed] == [1, 1, 0]


def test_without_priorities_nobody_overtakes() -> None:
    assert not overtaken(pushed(0, 5, limit=None).recorder)
    assert not overtaken(pushed(3, 3, 3, limit=9).recorder)


def test_what_is_purged_waits_no_more() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    channel.queue_declare("orders", arguments={"x-max-priority": 1})
    channel.basic_publish("", "orders", "tea")
    channel.queue_purge("orders")
    channel.basic_publish("", "orders", "espresso", properties=Properties(priority=1))
    channel.basic_get("orders", auto_ack=True)
    lab.run()
    assert not overtaken(lab.recorder)
