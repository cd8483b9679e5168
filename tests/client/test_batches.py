"""Confirms of many publishes at once, and one by one as they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from client_worlds import Connect, SimulatedWorld, World

from amqplab.client import BlockingConnection, UnroutableError
from amqplab.errors import NotFound, UsageError

Fresh = Callable[[str], str]


def test_a_batch_is_waited_for_at_once_and_tells_of_a_refusal(world: World, fresh: Fresh) -> None:
    queue = fresh("full")

    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        await channel.queue_declare(
            queue, exclusive=True, arguments={"x-max-length": 2, "x-overflow": "reject-publish"}
        )
        with pytest.raises(UsageError, match="confirm_delivery"):
            channel.wait_for_confirms()
        assert channel.next_publish_number == 0
        await channel.confirm_delivery()
        told: list[tuple[int, bool]] = []
        channel.add_on_confirm_callback(lambda ch, number, positive: told.append((number, positive)))
        empty = await channel.wait_for_confirms()
        fitting = [channel.basic_publish("", queue, b"%d" % n) for n in range(2)]
        assert channel.unconfirmed_count == 2
        first = await channel.wait_for_confirms(timeout=10)
        assert all(each.done() for each in fitting)
        number = channel.next_publish_number
        channel.basic_publish("", queue, "too many")
        second = await channel.wait_for_confirms(timeout=10)
        third = await channel.wait_for_confirms()
        return (empty, first, second, third), sorted(told), number

    assert world.run(program) == ((True, True, False, True), [(1, True), (2, True), (3, False)], 3)


def test_a_returned_message_counts_as_confirmed_and_a_closed_channel_is_an_error(
    world: World, fresh: Fresh
) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        await channel.confirm_delivery()
        lost = channel.basic_publish("", fresh("nobody"), "x", mandatory=True)
        good = await channel.wait_for_confirms()
        with pytest.raises(UnroutableError):
            await lost
        channel.basic_publish(fresh("missing"), "", "x")
        with pytest.raises(NotFound):
            await channel.wait_for_confirms()
        return good

    assert world.run(program) is True


def test_a_batch_that_takes_too_long_is_a_timeout() -> None:
    world = SimulatedWorld()

    async def program(connect: Connect) -> None:
        channel = await (await connect()).channel()
        await channel.confirm_delivery()
        world.network.cut("main", "broker")
        waiting = channel.basic_publish("", "q", "x")
        with pytest.raises(TimeoutError, match="within 2 s"):
            await channel.wait_for_confirms(timeout=2)
        assert not waiting.done()
        world.network.heal("main", "broker")
        assert await channel.wait_for_confirms()

    world.run(program)


def test_the_blocking_face_publishes_without_waiting_and_waits_later() -> None:
    run = SimulatedWorld().loop.run_until_complete
    channel = BlockingConnection("amqp://broker", runner=run).channel()
    channel.queue_declare("q", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.confirm_delivery()
    told: list[tuple[int, bool]] = []
    channel.add_on_confirm_callback(lambda ch, number, positive: told.append((number, positive)))
    channel.basic_publish("", "q", "fits", wait=False)
    assert channel.wait_for_confirms()
    channel.basic_publish("", "q", "does not", wait=False)
    assert not channel.wait_for_confirms(timeout=5)
    channel.connection.process_data_events(0)
    assert told == [(1, True), (2, False)]
