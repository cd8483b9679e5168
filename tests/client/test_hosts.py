"""Several hosts: tried in order, and every failure is named."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from client_worlds import Connect, SimulatedWorld

from amqplab.client import BlockingConnection, ConnectionParameters, PlainCredentials
from amqplab.errors import AccessRefused, ConnectionLost, UsageError

WRONG = ConnectionParameters("broker", credentials=PlainCredentials("guest", "wrong"))


def test_the_first_host_that_answers_is_used() -> None:
    async def program(connect: Connect) -> Any:
        connection = await connect(["amqp://nowhere", WRONG, "amqp://broker", "amqp://also-nowhere"])
        return connection.is_open, connection.parameters.url

    assert SimulatedWorld().run(program) == (True, "amqp://broker:5672")


def test_when_none_answers_each_host_is_named_with_its_reason() -> None:
    async def program(connect: Connect) -> None:
        await connect(["amqp://nowhere", WRONG])

    with pytest.raises(ConnectionLost) as caught:
        SimulatedWorld().run(program)
    first, nowhere, refused = str(caught.value).splitlines()
    assert first == "None of the 2 hosts could be used:"
    assert nowhere.startswith("  amqp://nowhere:5672: ")
    assert refused.startswith("  amqp://broker:5672: ") and "ACCESS_REFUSED" in refused


def test_rounds_and_their_pause_are_those_of_the_last_host() -> None:
    world = SimulatedWorld()

    async def program(connect: Connect) -> float:
        loop = asyncio.get_running_loop()
        patient = ConnectionParameters("nobody", connection_attempts=3, retry_delay=5)
        with pytest.raises(ConnectionLost):
            await connect(["amqp://nowhere", patient])
        return loop.time()

    assert 10 <= world.run(program) < 10.5


def test_a_refused_login_on_the_only_host_is_not_tried_again() -> None:
    world = SimulatedWorld()

    async def program(connect: Connect) -> None:
        with pytest.raises(AccessRefused):
            await connect(WRONG, connection_attempts=5, retry_delay=100)

    world.run(program)
    assert world.loop.time() < 1


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(UsageError, match="empty list"):
        BlockingConnection([], runner=SimulatedWorld().loop.run_until_complete)


def test_the_blocking_face_takes_a_list_as_well() -> None:
    run = SimulatedWorld().loop.run_until_complete
    assert BlockingConnection(["amqp://nowhere", "amqp://broker"], runner=run).is_open
