"""How far a run goes: goals, steps, ends; and that nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import warnings
import weakref
from typing import Any

import pytest

from amqplab import Lab
from amqplab.lab import LabError
from amqplab.trace.chapters import STORY_KINDS
from amqplab.trace.events import CommandSent, Delivered, Enqueued, FrameReceived
from amqplab.trace.recorder import Record
from amqplab.trace.zoom import ZOOMS, kinds_at


def with_a_message_under_way() -> Lab:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    channel.basic_publish("", "q", "x")
    return lab


def test_a_run_until_a_time_ends_exactly_there() -> None:
    lab = with_a_message_under_way()
    lab.run(until="1 s")
    assert lab.now == "1 s"
    lab.run_for("500 ms")
    assert lab.now == "1.5 s"


def test_a_run_until_an_event_ends_right_after_it() -> None:
    for until in (Enqueued, "Enqueued", lambda record: isinstance(record.event, Enqueued)):
        lab = with_a_message_under_way()
        lab.run(until=until)
        assert isinstance(lab.records[-1].event, Enqueued)


def test_a_run_until_a_method_ends_when_anyone_sends_it() -> None:
    lab = Lab(seed=1)

    @lab.program("app")
    async def app(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("q")

    lab.run(until="queue.declare-ok")
    last = lab.last(CommandSent).event
    assert (last.name, last.host) == ("queue.declare-ok", "broker")


def test_what_never_comes_is_told_after_an_hour_of_virtual_time() -> None:
    lab = with_a_message_under_way()
    with pytest.raises(LabError, match=r"^No Delivered came\. It is 36\d\d\.\d+ s\.$"):
        lab.run(until=Delivered)


def test_in_a_world_where_nothing_is_planned_what_never_comes_is_told_at_once() -> None:
    lab = Lab(seed=1)
    with pytest.raises(LabError, match=r"No Delivered came\. It is 0 s"):
        lab.run(until=Delivered)


@pytest.mark.parametrize("unit", ZOOMS)
def test_a_step_ends_at_the_next_record_of_its_size(unit: str) -> None:
    lab = with_a_message_under_way()
    before = len(lab.records)
    record = lab.step(unit)
    kinds = STORY_KINDS if unit == "story" else kinds_at(unit)
    assert type(record.event) in kinds
    between = lab.records[before : record.seq]
    assert not any(type(each.event) in kinds for each in between)


def test_steps_go_through_the_same_run_as_run_does() -> None:
    lab, other = with_a_message_under_way(), with_a_message_under_way()
    for _ in range(3):
        lab.step("segment")
    lab.run()
    other.run()
    assert lab.digest() == other.digest()


@pytest.mark.parametrize(
    ("until", "sentence"),
    [
        (5, "has no unit: write '5 ms' or '5 s'"),
        ("-1 s", "is negative"),
        ("basic.delivr", "Did you mean 'basic.deliver'"),
        ("Deliverd", "Did you mean 'Delivered'"),
        ("1 ms", "time only moves forward"),
    ],
)
def test_a_wrong_goal_is_answered_with_what_to_type(until: Any, sentence: str) -> None:
    lab = with_a_message_under_way()
    with pytest.raises(LabError, match=sentence):
        lab.run(until=until)


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(LabError, match="the steps are segment, frame, command, milestone"):
        Lab().step("jump")


def test_finding_and_first_and_last() -> None:
    lab = with_a_message_under_way()
    lab.run()
    assert [record.event.name for record in lab.find("basic.publish")] == ["basic.publish"]
    assert lab.first(FrameReceived, host="broker").event.data == b"AMQP\x00\x00\x09\x01"
    assert lab.last("FrameReceived", host="broker").event.data[0] == 3
    with pytest.raises(LabError, match="No Delivered like that"):
        lab.last(Delivered)
    with pytest.raises(LabError, match="Did you mean 'FrameSent'"):
        lab.find("FrameSend")


def test_the_table_can_be_asked_for_any_moment() -> None:
    lab = with_a_message_under_way()
    lab.run()
    enqueued = lab.first(Enqueued)
    assert lab.table(at=enqueued)[0].ready == 1
    assert lab.table(at=enqueued.seq - 1)[0].ready == 0
    assert lab.table(at=0) == []


def test_a_condition_must_not_run_the_lab() -> None:
    lab = with_a_message_under_way()

    def greedy(record: Record) -> bool:
        lab._world.drive(lambda: True)
        return False

    with pytest.raises(LabError, match="must not run the lab"):
        lab.run(until=greedy)


# --- the end ---------------------------------------------------------------------------------------------


def busy_lab() -> Lab:
    lab = Lab(seed=1)

    @lab.program("worker")
    async def work(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("q")
        try:
            async for message in channel.consume("q"):
                await message.ack()
        finally:
            await asyncio.sleep(1)

    lab.connect("producer").channel().queue_declare("q")
    lab.run()
    return lab


def test_closing_leaves_no_task_thread_or_warning() -> None:
    threads = threading.active_count()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with busy_lab() as lab:
            loop = lab._world.loop
        assert loop.tasks() == []
        assert loop.is_closed()
        del lab
        gc.collect()
    assert threading.active_count() == threads


def test_a_forgotten_lab_closes_itself() -> None:
    lab = busy_lab()
    lab.fork(at=3, do=lambda _: None)
    loops = [lab._world.loop, lab.branches[0]._world.loop]
    gone = weakref.ref(lab)
    del lab
    gc.collect()
    assert gone() is None
    assert all(loop.is_closed() for loop in loops)


def test_an_interrupt_ends_the_run_and_leaves_the_lab_usable() -> None:
    lab = Lab(seed=1)
    lab.connect("producer").channel().queue_declare("q")

    @lab.program("impatient", start="1 s")
    async def impatient(client: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(1)
        client.note("still here")

    with pytest.raises(KeyboardInterrupt):
        lab.run()
    lab.run()
    assert lab.last("NoteMade").event.text == "still here"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(LabError, match=r"run\(\) was interrupted from the keyboard"):
        lab.fork(at=0, do=lambda _: None)


def test_a_second_interrupt_strikes_at_once() -> None:
    lab = Lab(seed=1)

    @lab.program("stuck")
    async def stuck(client: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        client.note("not reached")

    with pytest.raises(KeyboardInterrupt):
        lab.run()
    assert not lab.find("NoteMade")


def test_it_works_where_another_loop_is_running() -> None:
    async def cell() -> str:
        lab = busy_lab()
        await asyncio.sleep(0)
        assert asyncio.get_running_loop() is not lab._world.loop
        return lab.digest()

    assert asyncio.run(cell()) == busy_lab().digest()
