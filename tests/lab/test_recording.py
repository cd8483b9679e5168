"""What recording costs, counted and not timed: rows kept for each message. And that nobody can tell how it was
done.
"""

from __future__ import annotations

from typing import Any

import pytest
from scenes import SCENES

from amqplab import Lab
from amqplab.broker.broker import Broker
from amqplab.trace.recorder import Recorder

SMALL = [name for name, scene in SCENES.items() if not scene.tags & {"big", "live"}]


def counts(messages: int) -> tuple[int, int]:
    """(records, rows) of a run in which so many messages are published, delivered and acknowledged."""
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")

    @lab.program("consumer")
    async def consumer(client: Any) -> None:
        channel = await (await client.connect()).channel()
        async for message in channel.consume("q"):
            await message.ack()

    @lab.program("publisher")
    async def publisher(client: Any) -> None:
        channel = await (await client.connect()).channel()
        for _ in range(messages):
            await channel.basic_publish("", "q", b"x" * 100)

    lab.run()
    recorder = lab.recorder
    assert lab.checks.failures == []
    rows = len({id(row) for row in recorder.rows})
    return len(recorder), rows


def test_a_message_takes_no_more_than_eighteen_rows() -> None:
    (few, few_rows), (many, many_rows) = counts(20), counts(120)
    assert (many - few) / 100 > 25  # records of each message: frames, commands, and what came of them
    assert (many_rows - few_rows) / 100 <= 18


def test_looking_makes_rows_of_all_records_and_changes_none() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    channel.basic_publish("", "q", "hello")
    before = len(lab.recorder)
    digest = lab.digest()
    assert len({id(row) for row in lab.recorder.rows}) == len(lab.recorder) == before
    assert lab.digest() == digest


@pytest.mark.parametrize("name", SMALL)
def test_every_scene_is_the_same_when_each_frame_is_recorded_and_fed_by_itself(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = SCENES[name].build()
    make = Recorder.__init__

    def plainly(self: Recorder, *args: Any) -> None:
        make(self, *args)
        self.observe(lambda seq: None)  # somebody wants to hear of every record

    monkeypatch.setattr(Recorder, "__init__", plainly)
    monkeypatch.setattr(Broker, "fast_lane", False)
    slow = SCENES[name].build()
    assert not slow.recorder.packs
    assert quick.digest() == slow.digest()
