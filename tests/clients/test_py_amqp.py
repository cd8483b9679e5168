"""py-amqp, the client below Celery and kombu, unmodified, works with us as it does with RabbitMQ."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from amqp import Channel, Connection, Message
from amqp.exceptions import AMQPError
from brokers import RemoteBroker
from with_py_amqp import connect

HEADERS = {
    "text": "grüße",
    "small": 7,
    "negative": -1,
    "large": 2**40,
    "true": True,
    "false": False,
    "half": 0.5,
    "money": Decimal("12.34"),
    "when": datetime.datetime(2024, 2, 29, 12, 0, 0),
    "nothing": None,
    "table": {"inner": {"deep": 1}},
    "array": [1, "two", [3.0], {"four": 4}, None],
}
PROPERTIES: dict[str, Any] = {
    "content_type": "text/plain",
    "content_encoding": "utf-8",
    "application_headers": HEADERS,
    "delivery_mode": 2,
    "priority": 9,
    "correlation_id": "c-1",
    "reply_to": "answers",
    "expiration": "60000",
    "message_id": "m-1",
    "timestamp": 1_700_000_000,
    "type": "greeting",
    "user_id": "guest",
    "app_id": "tests",
    "cluster_id": "cluster",
}
PATIENCE_S = 10.0


@pytest.fixture
def connection(broker: RemoteBroker) -> Iterator[Connection]:
    connection = connect(broker)
    yield connection
    connection.close()


@pytest.fixture
def channel(connection: Connection) -> Channel:
    return connection.channel()


@pytest.fixture
def queue(channel: Channel) -> str:
    """An exclusive queue with a name from the broker."""
    name = channel.queue_declare(exclusive=True, auto_delete=False).queue
    assert name.startswith("amq.gen-") and len(name) == 30
    return name


def fill(channel: Channel, queue: str, count: int) -> None:
    for number in range(count):
        channel.basic_publish(Message(str(number)), "", queue)


def fetch(channel: Channel, queue: str, **options: Any) -> Message:
    deadline = time.monotonic() + PATIENCE_S
    while (message := channel.basic_get(queue, **options)) is None:
        assert time.monotonic() < deadline, "no message came"
        time.sleep(0.005)  # basic.get does not wait, and asking without a pause would slow the broker down
    return message


def drain(connection: Connection, until: Any, seconds: float = PATIENCE_S) -> None:
    """Handle what comes until `until()` holds, or the time is over."""
    deadline = time.monotonic() + seconds
    while not until() and time.monotonic() < deadline:
        with suppress(TimeoutError):
            connection.drain_events(timeout=0.02)


def left(channel: Channel, queue: str) -> int:
    return channel.queue_declare(queue, passive=True).message_count


# --- the connection --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mechanism", ["PLAIN", "AMQPLAIN"])
def test_it_connects_by_both_mechanisms_and_learns_what_the_broker_can(
    broker: RemoteBroker, mechanism: str
) -> None:
    connection = connect(broker, login_method=mechanism)
    assert (connection.version_major, connection.version_minor) == (0, 9)
    assert sorted(connection.mechanisms) == [b"AMQPLAIN", b"PLAIN"]
    assert connection.server_properties["product"] == "RabbitMQ"
    assert connection.server_properties["version"] == "3.10.8"
    assert all(connection.server_capabilities.values()) and len(connection.server_capabilities) == 9
    assert (connection.channel_max, connection.frame_max) == (2047, 131072)
    connection.close()


@pytest.mark.parametrize(("wished", "agreed"), [(0, 0), (5, 5), (600, 60)])
def test_the_heartbeat_is_negotiated(broker: RemoteBroker, wished: int, agreed: int) -> None:
    connection = connect(broker, heartbeat=wished)
    assert connection.heartbeat == agreed
    connection.close()


def test_heartbeats_keep_a_quiet_connection_alive(broker: RemoteBroker) -> None:
    connection = connect(broker, heartbeat=1)
    for _ in range(14):
        drain(connection, lambda: False, seconds=0.25)
        connection.heartbeat_tick()
    assert connection.bytes_recv > 0
    connection.channel().queue_declare(exclusive=True)
    connection.close()


def test_a_silent_client_is_dropped_by_its_heartbeat(broker: RemoteBroker) -> None:
    connection = connect(broker, heartbeat=1)
    started = time.monotonic()
    with pytest.raises((ConnectionResetError, OSError)):
        while True:
            connection.drain_events(timeout=10)
    assert 2 <= time.monotonic() - started < 10
    connection.collect()


def test_channels_close_and_are_used_again(connection: Connection) -> None:
    first = connection.channel()
    number = first.channel_id
    queue = first.queue_declare(exclusive=True).queue
    first.close()
    again = connection.channel(number)
    assert left(again, queue) == 0
    again.flow(True)


# --- exchanges and bindings ------------------------------------------------------------------------------


def routed(channel: Channel, exchange: str, queue: str, sent: list[tuple[str, dict]]) -> list[str]:
    """Which of the messages (routing key, headers), numbered from 0, reach the queue."""
    for number, (key, headers) in enumerate(sent):
        message = Message(str(number), application_headers=headers)
        channel.basic_publish(message, exchange, key)
    channel.basic_publish(Message("end"), "", queue)
    arrived = []
    while (body := fetch(channel, queue).body) != "end":
        arrived.append(body)
    return arrived


CASES: dict[str, tuple[str, dict, list[tuple[str, dict]], list[str]]] = {
    "direct": ("info", {}, [("info", {}), ("Info", {}), ("", {})], ["0"]),
    "fanout": ("info", {}, [("info", {}), ("x", {}), ("", {})], ["0", "1", "2"]),
    "topic": ("*.orange.#", {}, [("a.orange", {}), ("orange", {}), ("a.orange.b", {})], ["0", "2"]),
    "headers": (
        "",
        {"x-match": "all", "size": 5, "colour": None},
        [("", {"size": 5.0, "colour": "red"}), ("", {"size": 5}), ("", {})],
        ["0"],
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_each_kind_of_exchange_routes(channel: Channel, queue: str, name: str, kind: str) -> None:
    key, arguments, sent, arrive = CASES[kind]
    channel.exchange_declare(name, kind, durable=True, auto_delete=False)
    channel.queue_bind(queue, name, key, arguments=arguments)
    assert routed(channel, name, queue, sent) == arrive
    channel.queue_unbind(queue, name, key, arguments=arguments)
    assert routed(channel, name, queue, sent) == []
    channel.exchange_delete(name, if_unused=True)


def test_exchanges_are_bound_to_exchanges(channel: Channel, queue: str, name: str) -> None:
    channel.exchange_declare(name, "topic")
    channel.exchange_bind(name, "amq.direct", name)
    channel.queue_bind(queue, name, "#")
    assert routed(channel, "amq.direct", queue, [(name, {}), ("other", {})]) == ["0"]
    channel.exchange_unbind(name, "amq.direct", name)
    assert routed(channel, "amq.direct", queue, [(name, {})]) == []
    channel.exchange_delete(name)


# --- messages --------------------------------------------------------------------------------------------


def test_all_fourteen_properties_arrive(channel: Channel, queue: str) -> None:
    channel.basic_publish(Message("Grüße, 世界", **PROPERTIES), "", queue)
    message = fetch(channel, queue)
    assert message.body == "Grüße, 世界"
    assert message.properties == PROPERTIES
    assert (message.delivery_tag, message.delivery_info["redelivered"]) == (1, False)
    assert (message.delivery_info["exchange"], message.delivery_info["routing_key"]) == ("", queue)
    assert message.delivery_info["message_count"] == 0


@pytest.mark.parametrize("size", [0, 1, 131064, 131065, 1_000_000])
def test_bodies_of_any_size_arrive(channel: Channel, queue: str, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    channel.basic_publish(Message(body), "", queue)
    received = fetch(channel, queue).body
    assert (received.encode() if isinstance(received, str) else received) == body


def test_counts_purge_and_delete(channel: Channel, name: str) -> None:
    name += " 世界"
    assert channel.queue_declare(name, auto_delete=False) == (name, 0, 0)
    fill(channel, name, 4)
    assert fetch(channel, name, no_ack=True).body == "0"
    assert channel.queue_purge(name) == 3
    fill(channel, name, 2)
    assert channel.queue_delete(name) == 2
    assert channel.queue_delete(name) == 0
    assert channel.queue_declare(name, exclusive=True).message_count == 0


# --- consuming and settling ------------------------------------------------------------------------------


def test_prefetch_limits_what_is_under_way(connection: Connection, channel: Channel, queue: str) -> None:
    got: list[Message] = []
    channel.basic_qos(0, 2, False)
    fill(channel, queue, 5)
    channel.basic_consume(queue, "me", callback=got.append)
    drain(connection, lambda: len(got) == 3, seconds=0.3)
    assert [message.body for message in got] == ["0", "1"]
    got[1].channel.basic_ack(got[1].delivery_tag, multiple=True)
    drain(connection, lambda: len(got) == 4)
    assert [(message.body, message.delivery_info["consumer_tag"]) for message in got[2:]] == [
        ("2", "me"),
        ("3", "me"),
    ]
    channel.basic_cancel("me")
    channel.basic_reject(3, requeue=True)
    channel.basic_reject(4, requeue=False)
    again = fetch(channel, queue)
    assert (again.body, again.delivery_info["redelivered"], again.delivery_tag) == ("2", True, 5)
    channel.basic_recover(requeue=True)
    assert [fetch(channel, queue).body for _ in range(2)] == ["2", "4"]


def test_a_server_named_consumer_gets_everything_unasked(
    connection: Connection, channel: Channel, queue: str
) -> None:
    got: list[Message] = []
    tag = channel.basic_consume(queue, no_ack=True, callback=got.append)
    assert tag.startswith("amq.ctag-") and len(tag) == 31
    fill(channel, queue, 50)
    drain(connection, lambda: len(got) == 50)
    assert [message.body for message in got] == [str(number) for number in range(50)]
    assert left(channel, queue) == 0


def test_consumers_are_told_when_their_queue_is_deleted(
    connection: Connection, channel: Channel, queue: str
) -> None:
    told: list[str] = []
    channel.basic_consume(queue, "widow", on_cancel=told.append)
    channel.queue_delete(queue)
    drain(connection, lambda: told)
    assert told == ["widow"]


# --- what publishers are told ----------------------------------------------------------------------------


def test_an_unroutable_message_comes_back(connection: Connection, channel: Channel) -> None:
    returned: list[tuple] = []
    channel.events["basic_return"].add(lambda *what: returned.append(what))
    channel.basic_publish(Message(b"lost", **PROPERTIES), "amq.direct", "nowhere", mandatory=True)
    drain(connection, lambda: returned)
    [(error, exchange, key, message)] = returned
    assert isinstance(error, AMQPError)
    assert (error.reply_code, error.reply_text, exchange, key) == (312, "NO_ROUTE", "amq.direct", "nowhere")
    assert message.properties == PROPERTIES


def test_confirms_come_for_everything(broker: RemoteBroker) -> None:
    connection = connect(broker, confirm_publish=True)
    channel = connection.channel()
    queue = channel.queue_declare(exclusive=True).queue
    order: list[str] = []
    channel.events["basic_ack"].add(lambda *_: order.append("ack"))
    channel.events["basic_return"].add(lambda *_: order.append("return"))
    for _ in range(10):
        channel.basic_publish(Message(b"x", delivery_mode=2), "", queue)
    assert left(channel, queue) == 10
    order.clear()
    channel.basic_publish(Message(b"x"), "", "nowhere", mandatory=True)
    assert order == ["return", "ack"]
    connection.close()


def test_a_transaction_is_seen_when_committed(channel: Channel, queue: str) -> None:
    channel.tx_select()
    fill(channel, queue, 2)
    assert left(channel, queue) == 0
    channel.tx_rollback()
    fill(channel, queue, 3)
    channel.tx_commit()
    assert left(channel, queue) == 3
