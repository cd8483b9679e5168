"""A consumer that is read in a loop begins with a call of its own, in both faces: nothing else made it begin."""

from __future__ import annotations

from typing import Any

import pytest

from amqplab import Lab
from amqplab.trace import events as e
from amqplab.trace.why import why


def in_a_task() -> Lab:
    lab = Lab(seed=1)

    @lab.program("reader")
    async def read(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("work")
        channel.basic_publish("", "work", "job")
        async for message in channel.consume("work", auto_ack=True, consumer_tag="reader"):
            assert message.body == b"job"
            break

    lab.run()
    return lab


def in_a_notebook() -> Lab:
    lab = Lab(seed=1)
    channel = lab.connect("reader").channel()
    channel.queue_declare("work")
    channel.basic_publish("", "work", "job")
    for _, _, body in channel.consume("work", auto_ack=True, consumer_tag="reader"):
        assert body == b"job"
        break
    return lab


@pytest.mark.parametrize("make", [in_a_task, in_a_notebook])
def test_a_loop_over_messages_is_told_as_the_call_that_it_is(make: Any) -> None:
    lab = make()
    [added] = lab.find(e.ConsumerAdded)
    calls = [record for record in why(lab.recorder, added.seq) if isinstance(record.event, e.CallMade)]
    assert "channel.consume('work'" in calls[-1].event.call  # type: ignore[attr-defined]
    [returned] = [one for one in lab.find(e.CallReturned) if one.event.call_seq == calls[-1].seq]  # type: ignore[attr-defined]
    assert "0x" not in returned.event.result  # type: ignore[attr-defined]
