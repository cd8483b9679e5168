"""Changing the past: the shared past is the same, record for record, and then one thing is different."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import uuid
from typing import Any

import pytest

from amqplab import Lab
from amqplab.errors import NotFound
from amqplab.lab import (
    Alarm,
    Crash,
    Cut,
    Fault,
    Freeze,
    HalfOpen,
    Heal,
    Kill,
    LabError,
    LoseNext,
    LoseSegment,
    PowerOff,
    PowerOn,
    Reset,
    Thaw,
)
from amqplab.lab.fork import Divergence
from amqplab.trace.events import (
    Acknowledged,
    CallFailed,
    CallMade,
    CallReturned,
    CommandSent,
    Delivered,
    FrameSent,
    Intervened,
    NoteMade,
    ProgramFinished,
    QueueDeclared,
    RetransmissionTimedOut,
    SegmentLost,
    SegmentSent,
)


def journey() -> Lab:
    """One message, cell by cell, from the producer to the consumer's ack."""
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare("app")
    channel.basic_publish("", "app", "Hello, Rabbit!")

    def on_message(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        print("got", body)
        ch.basic_ack(method.delivery_tag)

    consumer = lab.connect("consumer").channel()
    consumer.basic_consume("app", on_message)
    consumer.start_consuming()
    lab.run()
    return lab


def shared_past(lab: Lab, branch: Lab) -> bool:
    assert branch.forked_at is not None
    return list(lab.records[: branch.forked_at]) == list(branch.records[: branch.forked_at])


def test_a_fork_that_changes_nothing_is_the_same_run() -> None:
    lab = journey()
    branch = lab.fork(at=20, do=lambda _: None)
    assert branch.digest() == lab.digest()
    assert branch.parent is lab
    assert lab.branches == [branch]


@pytest.mark.parametrize(
    "fault",
    [
        Cut("consumer"),
        Crash("consumer"),
        Kill("consumer"),
        Freeze("consumer"),
        Reset("consumer"),
        HalfOpen("consumer"),
    ],
    ids=lambda fault: fault.action,
)
def test_a_consumer_lost_before_its_ack_leaves_the_message_in_the_queue(fault: Any) -> None:
    lab = journey()
    delivered = lab.last(Delivered)
    branch = lab.fork(at=delivered, do=fault)
    assert shared_past(lab, branch)
    assert branch.forked_at is not None and branch.forked_at > delivered.seq
    assert isinstance(branch.records[branch.forked_at].event, Intervened)
    branch.run_for("5 min")
    [row] = branch.table()
    assert (row.ready, row.unacked, row.consumers) == (1, 0, 0)
    assert not branch.checks.at_rest()
    assert lab.table()[0].total == 0  # the first run is untouched


EVERY_FAULT = [
    Alarm(),
    Cut("consumer"),
    Freeze("consumer"),
    HalfOpen("consumer"),
    Heal("consumer"),
    Kill("consumer"),
    LoseNext("consumer"),
    LoseSegment("consumer", 30),
    PowerOff("consumer"),
    PowerOn("consumer"),
    Reset("consumer"),
    Thaw("consumer"),
]


@pytest.mark.parametrize("fault", EVERY_FAULT, ids=lambda fault: fault.action)
def test_a_fault_comes_of_nobody_in_the_run_not_even_of_the_call_that_is_waited_for(fault: Any) -> None:
    assert {type(one) for one in EVERY_FAULT} == set(Fault.__subclasses__())
    lab = journey()
    branch = lab.fork(at="basic.consume", do=fault)
    intervened = branch.last(Intervened)
    assert lab.records[intervened.seq - 1].cause is not None, "in the middle of the call"
    assert intervened.cause is None
    assert str(branch.why(intervened)).startswith(">")


def test_a_lost_segment_is_sent_again_and_only_time_is_lost() -> None:
    lab = journey()
    publish = next(r for r in lab.find(SegmentSent) if b"Hello, Rabbit!" in r.event.payload)
    branch = lab.fork(at=publish, do=LoseSegment("producer", publish.event.number))
    assert shared_past(lab, branch)
    assert branch.first(SegmentLost).event.number == publish.event.number
    assert branch.find(RetransmissionTimedOut)
    assert branch.table()[0].total == 0
    assert branch.last(Acknowledged).at > lab.last(Acknowledged).at


def test_what_callbacks_print_in_a_fork_is_kept_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    lab = journey()
    capsys.readouterr()
    branch = lab.fork(at=0, do=lambda _: None)
    assert capsys.readouterr().out == ""
    assert branch.printed.startswith("got b'Hello, Rabbit!'\n")


def test_the_moment_may_be_a_time_or_the_end() -> None:
    lab = journey()
    branch = lab.fork(at="5 ms", do=Cut("producer"))
    assert branch.records[branch.forked_at].at == 5_000_000  # type: ignore[index]
    assert shared_past(lab, branch)
    last = lab.fork(at=-1, do=Cut("producer"))
    assert last.forked_at == len(lab.records)
    assert isinstance(last.records[-1].event, Intervened)


def test_a_fault_done_live_is_done_again_by_a_fork() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    lab.lose_next("producer")
    channel.queue_declare("q")
    lab.link("producer", latency="3 ms")
    lab.note("slower now")
    channel.queue_declare("r")
    assert lab.find(SegmentLost)
    assert lab.fork(at=30, do=lambda _: None).digest() == lab.digest()


def test_a_fork_of_a_fork_keeps_the_first_change() -> None:
    lab = journey()
    delivered = lab.last(Delivered)
    once = lab.fork(at=delivered, do=Cut("consumer"))
    once.run_for("1 s")
    twice = once.fork(at=len(once.records) - 1, do=lambda world: world.heal("consumer"))
    assert [record.event.action for record in twice.find(Intervened)] == ["cut", "heal"]
    assert shared_past(once, twice)
    early = once.fork(at=10, do=LoseNext("producer"))
    assert early.find(Intervened)[0].event.action == "lose next"


def programs(lab: Lab) -> None:
    @lab.program("producer")
    async def produce(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("q")
        await channel.confirm_delivery()
        for number in range(random.randrange(2, 6)):
            await asyncio.sleep(random.random())
            await channel.basic_publish("", "q", f"{number} {uuid.uuid4()}")

    @lab.program("consumer", start="1 s")
    async def consume(client: Any) -> None:
        channel = await (await client.connect(heartbeat=5)).channel()
        await channel.queue_declare("q")
        async for message in channel.consume("q"):
            await asyncio.sleep(0.5)
            await message.ack()


def test_programs_run_again_with_the_same_chance() -> None:
    lab = Lab(seed=7)
    programs(lab)
    lab.run()
    branch = lab.fork(at="2 s", do=Crash("consumer"))
    assert shared_past(lab, branch)
    branch.run_for("1 min")
    assert branch.table()[0].ready > 0
    assert lab.table()[0].total == 0


def test_chance_outside_is_left_alone() -> None:
    lab = Lab(seed=7)
    random.seed(5)
    expected = random.Random(5).random()
    programs(lab)
    lab.run()
    assert random.random() == expected
    assert uuid.uuid4() != uuid.uuid4()


def test_a_past_that_does_not_repeat_itself_is_refused_with_the_first_difference() -> None:
    lab = Lab(seed=1)
    calls: list[int] = []

    @lab.program("forgetful")
    async def forgetful(client: Any) -> None:
        calls.append(1)
        client.note(f"this is run {len(calls)}")

    lab.run()
    with pytest.raises(Divergence, match="did not repeat") as caught:
        lab.fork(at=1, do=lambda _: None)
    assert "this is run 1" in str(caught.value)
    assert "this is run 2" in str(caught.value)
    assert lab.branches == []


def test_a_callback_that_reaches_for_the_first_run_is_told_so() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("app").channel()
    channel.queue_declare("q")
    channel.basic_publish("", "q", "x")
    channel.basic_consume("q", lambda ch, method, *_: channel.basic_ack(method.delivery_tag))
    channel.start_consuming()
    with pytest.raises(LabError, match="must use the channel that they are given"):
        lab.fork(at=5, do=lambda _: None)


@pytest.mark.parametrize(
    ("at", "do", "sentence"),
    [
        (10_000, Cut("producer"), "There is no record 10000"),
        ("1 h", Cut("producer"), "This run ends at"),
        (0, Cut("producre"), "Did you mean 'producer'"),
        (0, "cut", "cannot be done: give a fault"),
        (5.5, Cut("producer"), "is no place in a run"),
    ],
)
def test_a_fork_that_makes_no_sense_is_refused(at: Any, do: Any, sentence: str) -> None:
    lab = journey()
    with pytest.raises(LabError, match=sentence):
        lab.fork(at=at, do=do)


def test_a_fault_must_not_drive_the_world() -> None:
    lab = journey()
    with pytest.raises(LabError, match="must not run the lab"):
        lab.fork(at=30, do=lambda world: world.run())


def test_arguments_are_kept_as_they_were() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("app").channel()
    arguments: dict[str, Any] = {"x-max-length": 10}
    channel.queue_declare("q", arguments=arguments)
    arguments["x-max-length"] = 99
    assert lab.fork(at=0, do=lambda _: None).digest() == lab.digest()


def chatty() -> Lab:
    """A program that does all it does in one turn, with a helper of its own."""
    lab = Lab(seed=7)

    @lab.program("waiter")
    async def waiter(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("orders")
        for number in range(3):
            try:
                await channel.basic_publish("", "orders", f"coffee {number}")
            finally:
                client.note(f"written {number}")

    lab.run()
    return lab


@pytest.mark.parametrize("fault", [Kill, PowerOff])
def test_a_process_ends_at_the_very_record_though_its_code_has_yet_to_wait(fault: type[Fault]) -> None:
    lab = chatty()
    [begun] = (one for one in lab.records if isinstance(one.event, QueueDeclared))
    turn = [one for one in lab.records if one.where == "waiter" and one.seq > begun.seq + 8]
    assert sum(isinstance(one.event, NoteMade) for one in turn) == 3
    for record in turn[:-1]:
        branch = lab.fork(at=record, do=fault("waiter"))
        [ended] = (one for one in branch.records if isinstance(one.event, Intervened))
        between = [type(one.event) for one in branch.records[record.seq + 1 : ended.seq]]
        assert set(between) <= {FrameSent, CommandSent}, "it only finishes what it hands to TCP"
        branch.run()
        after = [type(one.event) for one in branch.records[ended.seq :] if one.where == "waiter"]
        assert not {CallMade, CallReturned, NoteMade, ProgramFinished} & set(after)


def test_a_process_that_ended_in_the_middle_of_its_turn_begins_anew_with_its_machine() -> None:
    lab = chatty()
    second = [one for one in lab.records if isinstance(one.event, NoteMade)][1]
    branch = lab.fork(at=second, do=PowerOff("waiter"))
    branch.run_for("1 ms")
    branch.power_on("waiter")
    branch.run()
    assert [queue.ready for queue in branch.table()] == [3]


def test_between_two_calls_of_a_cell_there_is_room_for_a_change() -> None:
    lab = journey()
    returned = [one for one in lab.records if isinstance(one.event, CallReturned)]
    for record in returned:
        branch = lab.fork(at=record, do=Freeze("consumer"))
        assert branch.forked_at == record.seq + 1
        again = branch.fork(at=branch.records[-1], do=Cut("producer"))
        assert [one.event.action for one in again.records if isinstance(one.event, Intervened)] == [
            "freeze",
            "cut",
        ]


@pytest.mark.parametrize(("freeze_at", "thaw_at", "done_at"), [(2, 4, 6), (2, 9, 9)])
def test_the_timers_of_a_frozen_process_run_on(freeze_at: int, thaw_at: int, done_at: int) -> None:
    lab = Lab(seed=1)

    @lab.program("sleeper")
    async def sleeper(client: Any) -> None:
        await asyncio.sleep(0.006)

    lab.run(until="3 ms")
    frozen = lab.fork(at=f"{freeze_at} ms", do=Freeze("sleeper"))
    frozen.run(until=f"{thaw_at} ms")
    frozen.thaw("sleeper")
    frozen.run()
    assert frozen.first(ProgramFinished).at == done_at * 10**6


@pytest.mark.parametrize(
    "fault", [Kill("asker"), Freeze("asker"), PowerOff("asker")], ids=lambda one: one.words
)
@pytest.mark.parametrize("later", [-1, 0])
def test_an_error_on_its_way_to_code_that_runs_no_more_is_no_trouble(
    fault: Fault, later: int, caplog: pytest.LogCaptureFixture
) -> None:
    lab = Lab(seed=1)

    @lab.program("asker")
    async def ask(client: Any) -> None:
        channel = await (await client.connect()).channel()
        with contextlib.suppress(NotFound):
            await channel.queue_declare("there is none", passive=True)

    lab.run()
    branch = lab.fork(at=lab.last(CallFailed).seq + later, do=fault)
    branch.run_for("1 s")
    branch.close()
    lab.branches.clear()
    del branch
    gc.collect()
    assert not caplog.records
