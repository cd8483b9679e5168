"""The recorder: total order, causes that travel by themselves, records built when looked at."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from amqplab.trace import events as e
from amqplab.trace.recorder import CAUSE, Record, Recorder, because


def test_records_are_numbered_and_timed(story: Any) -> None:
    story.now = 5
    assert story.tell("here", e.NoteMade, "one") == 0
    story.now = 9
    assert story.tell("there", e.NoteMade, "two") == 1
    assert list(story.recorder) == [
        Record(0, 5, "here", None, e.NoteMade("one")),
        Record(1, 9, "there", None, e.NoteMade("two")),
    ]
    assert story.recorder[-1] == story.recorder[1:][0]
    assert (len(story.recorder), repr(story.recorder)) == (2, "<Recorder: 2 records>")
    with pytest.raises(IndexError):
        story.recorder[2]


def test_the_cause_is_whatever_is_being_processed(story: Any) -> None:
    first = story.tell("h", e.NoteMade, "a")
    with because(first):
        second = story.tell("h", e.NoteMade, "b")
        with because(second):
            story.tell("h", e.NoteMade, "c")
        story.tell("h", e.NoteMade, "d")
    story.tell("h", e.NoteMade, "e")
    assert [record.cause for record in story.recorder] == [None, 0, 1, 0, None]
    assert CAUSE.get() is None


def test_the_cause_travels_into_tasks_and_ends_with_an_error(story: Any) -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        story.tell("h", e.NoteMade, "in a task")

    async def run() -> None:
        with because(41):
            task = asyncio.create_task(work())
        await task

    asyncio.run(run())
    assert story.recorder[0].cause == 41
    with pytest.raises(ZeroDivisionError), because(7):
        raise ZeroDivisionError
    assert CAUSE.get() is None


def test_a_reporter_is_bound_to_its_place_and_observers_see_every_record() -> None:
    recorder = Recorder(lambda: 0)
    seen: list[tuple[int, str]] = []
    recorder.observe(lambda seq: seen.append((seq, recorder.kind_of(seq).__name__)))
    report = recorder.reporter("broker")
    assert report(e.ChannelOpened, "c:1", 1) == 0
    report(e.ChannelClosed, "c:1", 1)
    assert seen == [(0, "ChannelOpened"), (1, "ChannelClosed")]
    assert recorder[0].where == "broker"
