"""One test body, two brokers: RabbitMQ, and `python -m amqplab serve` as users start it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from brokers import RemoteBroker

BROKERS = ("rabbitmq", "amqplab")


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> RemoteBroker:
    """One of the two, listening on a real socket."""
    fixture = "rabbitmq" if request.param == "rabbitmq" else "amqplab_server"
    return request.getfixturevalue(fixture)


@pytest.fixture
def name(broker: RemoteBroker) -> str:
    """A name that no other test uses on this broker."""
    return broker.fresh("thing")


@pytest.fixture(params=BROKERS)
def strict(request: pytest.FixtureRequest) -> Iterator[RemoteBroker]:
    """A broker with several users, virtual hosts and limits; ours on a thread, as only it is configurable."""
    if request.param == "rabbitmq":
        yield request.getfixturevalue("rabbitmq")
        return
    from threaded_broker import ThreadedBroker

    with ThreadedBroker() as server:
        yield RemoteBroker("amqplab", server)
