"""One test body, several brokers: a test that asks for `world` runs in each of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from client_worlds import RabbitMQWorld, SimulatedWorld, SocketWorld, World

SERIAL = itertools.count(1)


@pytest.fixture(params=["simulated", "socket", "rabbitmq"])
def world(request: pytest.FixtureRequest) -> World:
    """A place to run programs in."""
    match request.param:
        case "simulated":
            return SimulatedWorld()
        case "socket":
            return SocketWorld()
        case _:
            node: Any = request.getfixturevalue("rabbitmq")
            return RabbitMQWorld(node.port)


@pytest.fixture
def fresh() -> Callable[[str], str]:
    """Names that no other test has used on the shared RabbitMQ."""
    return lambda stem: f"client-{stem}-{next(SERIAL)}"
