"""One test body, three brokers.

A test that takes `broker` runs against RabbitMQ, against our server process, and against our broker object
in virtual time; ``@pytest.mark.brokers("rabbitmq", …)`` narrows that. ``@pytest.mark.waits`` marks
conversations that take seconds: they run side by side (see overlap.py), and so may take nothing but
`broker`.

Three kinds of brokers are for tests that do more to them than talk: `unlimited` offers no limits, `operated`
has an operator, `mortal` may be stopped and killed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from brokers import (
    CONFIG,
    UNLIMITED_CONFIG,
    InMemoryBroker,
    MortalAmqplab,
    MortalInMemory,
    MortalRabbitMQ,
    RemoteBroker,
    rabbitmq_node,
    unlimited_node,
)
from overlap import Overlap
from threaded_broker import ThreadedBroker

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


def one_of_three(request: pytest.FixtureRequest, kind: str) -> RemoteBroker | InMemoryBroker:
    """The broker that the test's parameter names, of this kind."""
    return request.getfixturevalue(f"{kind}_{request.param.replace('-', '_')}")


@pytest.fixture(scope="session")
def unlimited_rabbitmq() -> Iterator[RemoteBroker]:
    """A RabbitMQ node that offers no limits and no heartbeat."""
    with unlimited_node() as node:
        yield RemoteBroker("unlimited rabbitmq", node)


@pytest.fixture(scope="session")
def unlimited_amqplab() -> Iterator[RemoteBroker]:
    """The same of ours, in a thread."""
    with ThreadedBroker(UNLIMITED_CONFIG) as server:
        yield RemoteBroker("unlimited amqplab", server)


@pytest.fixture
def unlimited_in_memory() -> InMemoryBroker:
    """The same in virtual time."""
    return InMemoryBroker(UNLIMITED_CONFIG)


@pytest.fixture(params=BROKERS)
def unlimited(request: pytest.FixtureRequest) -> RemoteBroker | InMemoryBroker:
    """A broker configured to offer 0/0/0; a test may stop it and start it again."""
    return one_of_three(request, "unlimited")


@pytest.fixture(scope="session")
def operated_rabbitmq() -> Iterator[RemoteBroker]:
    """A RabbitMQ node that nobody else uses."""
    with rabbitmq_node() as node:
        yield RemoteBroker("operated rabbitmq", node)


@pytest.fixture(scope="session")
def operated_amqplab() -> Iterator[RemoteBroker]:
    """The same of ours, in a thread."""
    with ThreadedBroker(CONFIG) as server:
        yield RemoteBroker("operated amqplab", server)


@pytest.fixture
def operated_in_memory() -> InMemoryBroker:
    """The same in virtual time."""
    return InMemoryBroker(CONFIG)


@pytest.fixture(params=BROKERS)
def operated(request: pytest.FixtureRequest) -> RemoteBroker | InMemoryBroker:
    """A broker under an operator's hand: it has `operate`."""
    return one_of_three(request, "operated")


@pytest.fixture(scope="session")
def mortal_rabbitmq() -> Iterator[MortalRabbitMQ]:
    """A RabbitMQ node that may be killed."""
    broker = MortalRabbitMQ()
    yield broker
    broker.process.stop()


@pytest.fixture(scope="session")
def mortal_amqplab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalAmqplab]:
    """The same of ours, a process."""
    broker = MortalAmqplab(tmp_path_factory.mktemp("mortal"))
    yield broker
    broker.process.stop()


@pytest.fixture
def mortal_in_memory() -> MortalInMemory:
    """The same in virtual time."""
    return MortalInMemory()


@pytest.fixture(params=BROKERS)
def mortal(request: pytest.FixtureRequest) -> MortalRabbitMQ | MortalAmqplab | MortalInMemory:
    """A broker that is gone after `end("stopped")` or `end("killed")`, and back after `start()`."""
    return one_of_three(request, "mortal")


def _waits(item: pytest.Item) -> bool:
    return item.get_closest_marker("waits") is not None and hasattr(item, "callspec")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if _waits(pyfuncitem) and not pyfuncitem.funcargs["broker"].virtual:
        pyfuncitem.config.stash[OVERLAP].collect(pyfuncitem.nodeid, LONGEST_WAIT_S)
        return True
    return None
