"""One test body, three brokers.

A test that takes `broker` runs against RabbitMQ, against our server process, and against our broker object
in virtual time; ``@pytest.mark.brokers("rabbitmq", …)`` narrows that. ``@pytest.mark.waits`` marks
conversations that take seconds: they run side by side (see overlap.py), and so may take nothing but
`broker`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from brokers import UNLIMITED_CONFIG, InMemoryBroker, RemoteBroker, unlimited_node
from overlap import Overlap

BROKERS = ("rabbitmq", "amqplab", "in-memory")
OVERLAP = pytest.StashKey[Overlap]()
LONGEST_WAIT_S = 120.0


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "brokers(*names): run against these brokers only")
    config.addinivalue_line("markers", "waits: takes seconds of real time; run beside the others")
    config.stash[OVERLAP] = Overlap()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "broker" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("brokers")
        metafunc.parametrize("broker", marker.args if marker else BROKERS, indirect=True)


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> RemoteBroker | InMemoryBroker:
    """One of the brokers; in memory a new one for each test."""
    if request.param == "in-memory":
        return InMemoryBroker()
    found: RemoteBroker = request.getfixturevalue(
        "rabbitmq" if request.param == "rabbitmq" else "amqplab_server"
    )
    for item in request.session.items:
        if _waits(item) and item.callspec.params.get("broker") == request.param:
            arguments = item.callspec.params | {"broker": found}
            request.config.stash[OVERLAP].start(item.nodeid, item.obj, **arguments)
    return found


@pytest.fixture(scope="session")
def unlimited_rabbitmq() -> Iterator[RemoteBroker]:
    """A RabbitMQ node that offers no limits and no heartbeat; a test may stop it and start it again."""
    with unlimited_node() as node:
        yield RemoteBroker("unlimited rabbitmq", node)


@pytest.fixture(params=["rabbitmq", "in-memory"])
def unlimited(request: pytest.FixtureRequest) -> RemoteBroker | InMemoryBroker:
    """A broker configured to offer 0/0/0."""
    if request.param == "in-memory":
        return InMemoryBroker(UNLIMITED_CONFIG)
    return request.getfixturevalue("unlimited_rabbitmq")


def _waits(item: pytest.Item) -> bool:
    return item.get_closest_marker("waits") is not None and hasattr(item, "callspec")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if _waits(pyfuncitem) and not pyfuncitem.funcargs["broker"].virtual:
        pyfuncitem.config.stash[OVERLAP].collect(pyfuncitem.nodeid, LONGEST_WAIT_S)
        return True
    return None
