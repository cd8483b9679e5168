"""Fixtures for everybody: the reference broker, our server as users start it, and golden texts.

The first two are processes of the tests' own on loopback, started when first asked for and ended with the session. A
missing `rabbitmq-server` skips the tests that need it, with a sentence that says what to install, or fails
them where nothing may be skipped (see `needs`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from brokers import RemoteBroker, rabbitmq_node
from brokers import amqplab_server as configured_server
from hypothesis import settings
from needs import program

# A law is tried on the same examples everywhere and however busy the machine is; what fails can be tried again.
settings.register_profile("amqplab", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("amqplab")

DATA = Path(__file__).resolve().parent / "data"


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RemoteBroker]:
    """A RabbitMQ 3.10 node: `.host`, `.port`, `.connect()` for raw conversations, `.process` for control."""
    program("rabbitmq-server", "compare the broker with RabbitMQ")
    with rabbitmq_node() as node:
        yield RemoteBroker("rabbitmq", node)


@pytest.fixture(scope="session")
def amqplab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteBroker]:
    """`python -m amqplab serve --config …` in a process of its own: `.host`, `.port`, `.connect()`,
    `.process`.
    """
    with configured_server(tmp_path_factory.mktemp("amqplab")) as server:
        yield RemoteBroker("amqplab", server)
    assert "Traceback" not in server.errors, server.errors


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with a file of tests/data; UPDATE=1 rewrites the file, to be read in the diff."""

    def compare(name: str, text: str) -> None:
        path = DATA / name
        if os.environ.get("UPDATE"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text + "\n"

    return compare
