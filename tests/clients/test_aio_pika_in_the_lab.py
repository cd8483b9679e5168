"""aio-pika, unmodified, as a program of a lab: its whole life on the simulated link is on the stage."""

from __future__ import annotations

import asyncio
from typing import Any

import aio_pika

from amqplab import Lab
from amqplab.stage.scene import scene


def app(lab: Lab, got: list[bytes]) -> None:
    @lab.program("app")
    async def app(client: Any) -> None:
        connection = await aio_pika.connect("amqp://guest:guest@broker/?heartbeat=10")
        channel = await connection.channel(publisher_confirms=True)
        queue = await channel.declare_queue("work")
        await channel.default_exchange.publish(aio_pika.Message(b"hello"), "work")
        async with queue.iterator() as messages:
            async for message in messages:
                got.append(message.body)
                await message.ack()
                break
        lost = asyncio.Event()
        connection.close_callbacks.add(lambda *_: lost.set())
        await lost.wait()
        client.note("lost")


def test_its_frames_are_on_the_stage_and_a_silent_link_ends_it() -> None:
    got: list[bytes] = []
    with Lab(seed=1) as lab:
        app(lab, got)
        lab.run_for("1 min")
        assert got == [b"hello"]
        lab.cut("app")
        lab.run_for("2 min")
        assert lab.first("NoteMade", text="lost")
        picture = scene(lab.recorder)
    said = [frame["summary"].split()[0] for frame in picture["frames"] if frame["up"]]
    heard = [frame["summary"].split()[0] for frame in picture["frames"] if not frame["up"]]
    opening = [
        "Protocol-Header",
        "Connection.Start-Ok",
        "Connection.Tune-Ok",
        "Connection.Open",
        "Channel.Open",
    ]
    publishing = ["Confirm.Select", "Queue.Declare", "Basic.Publish", "Content-Header", "Content-Body"]
    for summary in [*opening, *publishing, "Basic.Consume", "Basic.Ack", "Basic.Cancel", "Heartbeat"]:
        assert summary in said, said
    for summary in ["Connection.Tune", "Basic.Ack", "Basic.Consume-Ok", "Basic.Deliver", "Heartbeat"]:
        assert summary in heard, heard
    places = {
        change["+"]["place"]
        for patch in picture["patches"]
        for key, change in patch
        if "+" in change and "place" in change["+"]
    }
    assert "link" in places
