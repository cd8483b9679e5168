"""Names: what is one thing has one name, on the picture as in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from amqplab.trace import events as e
from amqplab.trace.keys import consumer_key
from amqplab.trace.names import Names
from amqplab.trace.narrate import Narrator
from amqplab.trace.participants import participants_of

MADE = "amq.ctag-Ej4nXfEhGnsBvA"


def opened(story: Any, connection: str, name: str = "") -> None:
    story.broker(e.ConnectionOpened, connection, "guest", "/", name)


def consumes(story: Any, connection: str, tag: str = MADE, channel: int = 1) -> None:
    story.broker(e.ConsumerAdded, "/", "q", connection, channel, tag, False, False, 0, 0)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "[fe80::1]"])
def test_who_comes_from_an_address_is_called_by_its_own_name(story: Any, address: str) -> None:
    opened(story, f"{address}:50000", "pika")
    opened(story, f"{address}:50001")
    names = Names(story.recorder)
    assert names.client(f"{address}:50000") == "pika"
    assert names.client_name(f"{address}:50001") == f"{address}:50001"
    assert list(participants_of(story.recorder).apps) == ["pika", address]


def test_several_connections_have_the_same_numbers_in_both(story: Any) -> None:
    for port in (1, 2):
        opened(story, f"waiter:{port}", "waiter")
    names = Names(story.recorder)
    assert names.called == {"waiter:1": "waiter", "waiter:2": "waiter 2"}
    assert names.connection("waiter:1") == "connection 1 of waiter"
    assert names.lane("waiter:2", 3) == "channel 3 of connection 2 of waiter"


def test_who_comes_back_is_no_second_one(story: Any) -> None:
    for port in (1, 2):
        opened(story, f"waiter:{port}", "waiter")
        consumes(story, f"waiter:{port}")
        story.broker(e.ConnectionClosed, f"waiter:{port}", "reset")
    names = Names(story.recorder)
    assert set(names.called.values()) == {"waiter"}
    assert names.connection("waiter:2") == "the connection of waiter"
    assert names.consumer("waiter:2", 1, MADE) == "consumer waiter"


def test_a_connection_with_a_name_of_its_own_goes_by_it(story: Any) -> None:
    opened(story, "barista:1", "orders in")
    names = Names(story.recorder)
    assert names.called["barista:1"] == "orders in"
    assert names.connection("barista:1") == "connection 'orders in' of barista"
    assert names.client("barista:1") == "barista"


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        (MADE, "consumer barista"),
        ("", "consumer barista"),
        ("barista", "consumer barista"),
        ("ctag1.0123abcd", "consumer barista"),
        ("hot drinks", "consumer 'hot drinks' of barista"),
    ],
)
def test_a_tag_is_told_where_somebody_chose_it(tag: str, words: str) -> None:
    assert Names().consumer("barista:1", 1, tag) == words


def test_consumers_of_one_program_have_the_same_numbers_in_both(story: Any) -> None:
    consumes(story, "barista:1")
    consumes(story, "barista:1", channel=2)  # with the same tag, which is free on another channel
    narrator = Narrator(story.recorder)
    assert narrator.sentence(0).startswith("Consumer barista now consumes")
    assert narrator.sentence(1).startswith("Consumer barista 2 now consumes")
    called = participants_of(story.recorder).names
    assert [called[consumer_key("barista:1", channel, MADE)] for channel in (1, 2)] == [
        "barista",
        "barista 2",
    ]
