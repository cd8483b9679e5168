"""A broker that runs low blocks publishers: both faces are told, and patience can end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from client_worlds import Connect, SimulatedWorld

from amqplab.client import BlockingConnection
from amqplab.errors import ConnectionLost


def alarm(world: SimulatedWorld, on: bool) -> None:
    """Let the broker run low on memory, or no more."""
    world.server.apply(world.server.broker.set_alarm("memory", on, world.loop.time_ns()))


def test_the_async_face_is_told_and_publishes_go_on_afterwards() -> None:
    world = SimulatedWorld()

    async def program(connect: Connect) -> Any:
        connection = await connect()
        channel = await connection.channel()
        await channel.confirm_delivery()
        told: list[Any] = []
        connection.add_on_connection_blocked_callback(lambda c, reason: told.append(reason))
        connection.add_on_connection_unblocked_callback(lambda c: told.append("unblocked"))
        alarm(world, True)
        confirm = channel.basic_publish("", "q", "x")
        await asyncio.sleep(1)
        blocked = confirm.done(), list(told), connection.machine.blocked
        alarm(world, False)
        await confirm
        return blocked, told

    assert world.run(program) == (
        (False, ["low on memory"], "low on memory"),
        ["low on memory", "unblocked"],
    )


def test_the_blocking_face_is_told_in_its_callbacks() -> None:
    world = SimulatedWorld()
    connection = BlockingConnection("amqp://broker", runner=world.loop.run_until_complete)
    channel = connection.channel()
    told: list[Any] = []
    connection.add_on_connection_blocked_callback(lambda c, frame: told.append(frame.method.reason))
    connection.add_on_connection_unblocked_callback(lambda c, frame: told.append(frame.method.name))
    alarm(world, True)
    channel.basic_publish("", "q", "x")
    connection.process_data_events(1)
    alarm(world, False)
    connection.process_data_events(1)
    assert told == ["low on memory", "connection.unblocked"]


def test_patience_with_a_blocked_connection_ends_after_its_timeout() -> None:
    world = SimulatedWorld()

    async def program(connect: Connect) -> float:
        loop = asyncio.get_running_loop()
        connection = await connect(blocked_connection_timeout=7)
        channel = await connection.channel()
        alarm(world, True)
        before = loop.time()
        await channel.basic_publish("", "q", "x")
        with pytest.raises(ConnectionLost, match="blocked for too long"):
            await connection.wait_closed()
        return loop.time() - before

    assert 7 <= world.run(program) < 7.1
