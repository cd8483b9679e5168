"""The story: plumbing is folded, what becomes of a message is not."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any

import pytest
from scenes import build
from stage_runs import journey

from amqplab import Lab
from amqplab.errors import ConnectionLost
from amqplab.lab import PowerOff
from amqplab.trace import events as e
from amqplab.trace.chapters import STORY_KINDS, chapters, first_publish
from amqplab.trace.context import Context
from amqplab.trace.fold import Fold
from amqplab.trace.keys import connection_key
from amqplab.trace.narrate import Narrator
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.story_words import asked_of, route_of
from amqplab.trace.zoom import level_of_record


def told(lab: Lab) -> list[str]:
    return [chapter.sentence for chapter in chapters(lab.recorder)]


def coffee() -> Lab:
    """A waiter orders, a barista consumes and acknowledges, both with a channel; the waiter leaves."""
    lab = Lab(seed=1)
    waiter = lab.connect("waiter")
    channel = waiter.channel()
    channel.exchange_declare(exchange="bar", exchange_type="direct")
    channel.queue_declare(queue="orders")
    channel.queue_bind(queue="orders", exchange="bar", routing_key="hot")
    channel.basic_qos(prefetch_count=1)
    channel.confirm_delivery()
    channel.basic_publish(exchange="bar", routing_key="hot", body="espresso")
    lab.run()
    barista = lab.connect("barista").channel()
    barista.basic_consume(
        "orders", lambda ch, method, properties, body: ch.basic_ack(method.delivery_tag), consumer_tag="b"
    )
    barista.connection.process_data_events()
    lab.run()
    waiter.close()
    lab.run()
    return lab


def test_the_story_of_one_message() -> None:
    assert told(coffee()) == [
        "waiter connects.",
        "waiter declares the direct exchange 'bar'.",
        "waiter declares the queue 'orders'.",
        "waiter binds the queue 'orders' to the exchange 'bar' with the key 'hot'.",
        "waiter asks for at most 1 unacknowledged message at a time.",
        "The broker will confirm every publish on channel 1 of waiter, numbered from 1.",
        "Message 1 of waiter goes through the exchange 'bar' to queue 'orders'.",
        "The confirm of publish 1 (message 1) arrives at waiter: the broker has taken responsibility.",
        "barista connects.",
        "barista begins to consume from the queue 'orders'.",
        "Queue 'orders' hands message 1 to consumer 'b' of barista.",
        "Message 1 arrives at barista, who has yet to acknowledge it.",
        "barista has acknowledged message 1: queue 'orders' forgets it.",
        "waiter closes its connection.",
    ]


def test_the_stage_opens_just_before_the_first_publish() -> None:
    lab = coffee()
    opens = first_publish(lab.recorder)
    (step,) = [chapter for chapter in chapters(lab.recorder) if chapter.last == opens]
    assert step.sentence.startswith("The broker will confirm every publish")
    assert first_publish(Lab(seed=1).recorder) == -1


def test_steps_are_in_order_and_begin_before_they_end(recorder: Recorder) -> None:
    story = chapters(recorder)
    lasts = [chapter.last for chapter in story]
    assert lasts == sorted(set(lasts))
    assert all(0 <= chapter.first <= chapter.last < len(recorder) for chapter in story)


def test_every_prefix_of_a_recording_has_a_story(recorder: Recorder) -> None:
    records = list(recorder)
    for end in range(0, len(records), 7):
        story = chapters(records[:end])
        assert all(chapter.last < end for chapter in story)
        assert first_publish(records[:end]) < max(end, 1)


def test_a_connection_that_is_not_open_yet_is_connecting() -> None:
    lab = Lab(seed=1)
    lab.connect("waiter")
    records = list(lab.recorder)
    assert [chapter.sentence for chapter in chapters(records[:20])] == ["waiter is connecting."]


def test_who_connects_has_connected_when_the_connection_is_open_and_not_with_its_first_channel() -> None:
    lab = Lab(seed=1)
    connection = lab.connect("waiter")
    lab.run_for("5 s")
    connection.channel()
    (step,) = chapters(lab.recorder)
    assert (step.sentence, step.last) == ("waiter connects.", lab.first(e.ConnectionOpened).seq)
    fold, key = Fold(lab.recorder), connection_key("waiter:49152")
    assert [fold.at(seq)[key]["state"] for seq in (step.last, step.last + 1)] == ["tuned", "open"]


def test_the_way_of_a_message_names_every_exchange_that_it_went_through() -> None:
    story = told(build("exchange_to_exchange"))
    assert story[-3:] == [
        "Message 1 of shop goes through the exchange 'orders' and then 'regions' to the queues 'berlin' and "
        "'everything'.",
        "Message 2 of shop goes through the exchange 'orders' to queue 'overseas'.",
        "Message 3 of shop goes through the exchange 'orders' and then the alternate exchange 'strays' to queue "
        "'lost_and_found'.",
    ]


def test_a_queue_is_told_behind_the_exchange_that_it_is_bound_to() -> None:
    matched = (
        ("a", "queue", "q", ""),
        ("a", "exchange", "b", ""),
        ("b", "queue", "r", ""),
        ("b", "queue", "q", ""),
    )
    routed = e.Routed("/", 1, "a", "k", matched, ("q", "r"), ())
    assert route_of(routed) == "through the exchange 'a' to queue 'q', and through 'b' to queue 'r'"
    nowhere = (("a", "exchange", "b", ""),)
    asked = asked_of(e.Routed("/", 1, "a", "k", nowhere, (), ("c",)))
    assert asked == "the exchange 'a' and then 'b' and then the alternate exchange 'c'"
    by_name = e.Routed("/", 1, "", "q", (), ("q",), ())
    assert route_of(by_name) == "through the default exchange to queue 'q'"


def test_a_second_channel_is_a_step_of_its_own() -> None:
    lab = Lab(seed=1)
    connection = lab.connect("waiter")
    first = connection.channel()
    connection.channel()
    first.close()
    lab.run()
    assert told(lab) == ["waiter connects.", "waiter opens channel 2.", "waiter closes channel 1."]


def test_deleting_a_queue_is_one_step_whatever_goes_with_it() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    channel.queue_declare(queue="orders")
    channel.queue_bind(queue="orders", exchange="amq.fanout")
    channel.queue_bind(queue="orders", exchange="amq.topic", routing_key="#")
    channel.queue_delete(queue="orders")
    lab.run()
    assert told(lab)[-1] == "waiter deletes the queue 'orders'." and len(told(lab)) == 5


def test_many_messages_with_one_fate_are_one_step() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    channel.queue_declare(queue="orders")
    for _ in range(3):
        channel.basic_publish(exchange="", routing_key="orders", body="espresso")
    for _ in range(3):
        tag = channel.basic_get("orders")[0].delivery_tag
    channel.basic_nack(tag, multiple=True, requeue=True)
    lab.run()
    assert told(lab)[-2:] == [
        "waiter refuses messages 1 to 3: they go back into queue 'orders'.",
        "Messages 1 to 3 are back in queue 'orders': rejected.",
    ]


def test_a_dead_letter_goes_on_under_its_first_number() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    channel.queue_declare(queue="dead")
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    channel.queue_declare(queue="orders", arguments=arguments)
    channel.basic_publish(exchange="", routing_key="orders", body="espresso")
    tag = channel.basic_get("orders")[0].delivery_tag
    channel.basic_reject(tag, requeue=False)
    lab.run()
    left, came = told(lab)[-1].split("; ")
    assert left == "Message 1 is gone from queue 'orders' (rejected)"
    assert came == "as message 1′ it goes through the default exchange to queue 'dead'."


@pytest.mark.parametrize("name", ["dead_letter_retry", "ttl_at_the_end"])
def test_a_dead_letter_is_said_to_leave_its_queue_when_the_counts_say_so(name: str) -> None:
    lab, before = build(name), {}
    for chapter in chapters(lab.recorder):
        now = {row.queue: row.total for row in lab.table(chapter.last)}
        told = re.match(r"Message \S+ (leaves|is gone from) queue '(\w+)'", chapter.sentence)
        if told is not None:
            assert (told[1] == "leaves") == (now[told[2]] < before[told[2]]), chapter
        before = now


def test_losses_interventions_and_remarks_are_in_the_story() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("waiter").channel()
    lab.note("Now it gets difficult.")
    lab.lose_next("waiter")
    channel.basic_publish(exchange="", routing_key="nowhere", body="espresso")
    lab.run()
    kinds = [type(lab.recorder[chapter.last].event) for chapter in chapters(lab.recorder)]
    assert kinds == [
        e.ConnectionOpened, e.NoteMade, e.Intervened, e.SegmentLost, e.SegmentSent, e.Unroutable
    ]  # fmt: skip


def test_a_timeout_in_the_story_is_over_when_it_has_sent_again_what_it_takes_for_lost() -> None:
    """So that the picture of the step has the message on the link."""
    lab = build("lost_batch")
    steps = [one for one in chapters(lab.recorder) if " for lost and " in one.sentence]
    assert steps
    for step in steps:
        last = lab.recorder[step.last]
        assert isinstance(last.event, e.SegmentSent) and last.cause is not None
        assert isinstance(lab.recorder[last.cause].event, e.RetransmissionTimedOut)


def test_a_lab_steps_through_the_story() -> None:
    lab = Lab(seed=1)

    @lab.program("waiter")
    async def waiter(client):  # type: ignore[no-untyped-def]
        connection = await client.connect()
        channel = await connection.channel()
        await channel.queue_declare("orders")

    found = [type(lab.step("story").event) for _ in range(3)]
    assert found == [e.ConnectionOpened, e.ChannelOpened, e.QueueDeclared]
    assert set(found) <= set(STORY_KINDS)


def test_the_story_is_told_of_what_a_narrator_has_read(recorder: Recorder) -> None:
    assert chapters((), Narrator(recorder)) == chapters(recorder)


@pytest.mark.parametrize("kind", [e.ConnectionTuned, e.MessageHandled])
def test_small_things_are_no_step_of_the_story(kind: type[e.Event], recorder: Recorder) -> None:
    assert kind not in {type(recorder[chapter.last].event) for chapter in chapters(recorder)}


@pytest.mark.parametrize(
    ("name", "sentence", "before"),
    [
        (
            "transactions",
            "Channel 1 of bank is now transactional: what it publishes and acknowledges waits for tx.commit.",
            "Message 2 of bank is kept aside",
        ),
        (
            "half_open",
            "worker asks for at most 1 unacknowledged message at a time.",
            "worker begins to consume",
        ),
        ("publisher_confirms", "The broker will confirm every publish on channel 1 of ", "Message 1 of "),
    ],
)
def test_what_later_steps_rest_on_is_a_step_before_them(name: str, sentence: str, before: str) -> None:
    story = told(build(name))
    at = next(place for place, one in enumerate(story) if one.startswith(sentence))
    assert at < next(place for place, one in enumerate(story) if one.startswith(before))


def test_a_prefetch_of_the_whole_channel_and_none_at_all_are_said() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("worker").channel()
    channel.basic_qos(prefetch_count=5, global_qos=True)
    channel.basic_qos(prefetch_count=0)
    story = told(lab)
    assert (
        "worker asks for at most 5 unacknowledged messages at a time, for all consumers of channel 1 together."
        in story
    )
    assert "worker asks for any number of unacknowledged messages." in story


def test_who_becomes_active_at_once_is_no_news_but_who_takes_over_is() -> None:
    lab = Lab(seed=1)
    for name in ("first", "second"):
        channel = lab.connect(name).channel()
        channel.queue_declare(queue="q", arguments={"x-single-active-consumer": True})
        channel.basic_consume("q", lambda *delivery: None)
        lab.run()
        if name == "first":
            leaving = channel
    leaving.close()
    lab.run()
    story = told(lab)
    assert "first begins to consume from the queue 'q'." in story
    assert [one for one in story if "active" in one] == [
        "second asks to consume from the queue 'q', and waits while consumer first is active.",
        "second has waited in line, and is now the active consumer of queue 'q': it gets everything.",
    ]


# --- no connection ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "seq", "steps"),
    [
        (
            "cut",
            20,
            ["producer gets no connection: lab.connect('producer') raises an error: ConnectionLost: "],
        ),
        (
            "reset",
            137,
            [
                "The connection of producer is over: channel.queue_bind(",
                "The connection of producer is over: channel.basic_publish(",
            ],
        ),
    ],
)
def test_who_has_no_connection_says_so_in_the_story_and_at_the_milestones(
    fault: str, seq: int, steps: list[str]
) -> None:
    """Called from a cell, so no program stops; and what was called never comes to the broker."""
    lab = journey()._breaking({"fault": fault, "client": "producer", "at": seq})
    failed = [
        chapter
        for chapter in chapters(lab.recorder)
        if isinstance(lab.recorder[chapter.last].event, e.CallFailed)
    ]
    assert [one.sentence.startswith(step) for one, step in zip(failed, steps, strict=True)] == [True] * len(
        steps
    )
    known = Context(list(lab.recorder))
    assert {level_of_record(lab.recorder[one.last], known) for one in failed} == {"milestone"}


def test_a_program_that_stops_with_that_very_error_tells_it_alone() -> None:
    lab = Lab(seed=1)

    @lab.program("app")
    async def app(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await asyncio.sleep(1)
        await channel.queue_declare("work")

    lab.run_for("500 ms")
    lab.reset("app")
    with pytest.raises(ConnectionLost):
        lab.run_for("1 s")
    [failed] = [one for one in lab.recorder if isinstance(one.event, e.CallFailed)]
    told_by = [one for one in chapters(lab.recorder) if failed.event.error in one.sentence]
    assert [type(lab.recorder[one.last].event) for one in told_by] == [e.ProgramFinished]
    assert level_of_record(failed, Context(list(lab.recorder))) == "command"


def test_calls_that_fail_together_for_want_of_a_connection_are_one_step() -> None:
    lost = e.CallFailed(0, "ConnectionLost: gone", awaited=False)
    records = [Record(0, 0, "app", None, e.CallMade("channel.basic_publish('', 'q', b'')"))]
    records += [Record(seq, 5, "app", None, lost) for seq in (1, 2)]
    [step] = chapters(records)
    assert step.sentence == "2 calls of app fail for want of a connection: ConnectionLost: gone."


def test_who_has_given_its_connection_up_is_not_connecting_any_more() -> None:
    lab = journey().fork(at=159, do=PowerOff("broker"))
    assert not [one for one in told(lab) if one.endswith("is connecting.")]
    assert told(lab)[-1].startswith("consumer gets no connection: ")


def test_a_program_that_catches_it_gets_no_connection_all_the_same() -> None:
    lab = Lab(seed=1)

    @lab.program("app")
    async def app(client: Any) -> None:
        with contextlib.suppress(ConnectionLost):
            await client.connect()

    lab.power_off("broker")
    lab.run_for("30 s")
    [step] = [one for one in chapters(lab.recorder) if one.sentence.startswith("app ")]
    assert step.sentence == "app gets no connection."
    assert level_of_record(lab.recorder[step.last], Context(list(lab.recorder))) == "milestone"


def test_what_outlives_its_time_says_how_long_that_was() -> None:
    [leaves] = [one for one in told(build("dead_letter_retry")) if one.startswith("Message 1′ leaves")]
    assert "(expired after 1 s)" in leaves
    assert "Message 1 is dropped from queue 'fresh': expired after 20 ms." in told(build("ttl_at_the_end"))
