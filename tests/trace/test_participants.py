"""Who takes part: servers and applications, sides and roles, and the names that people gave."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from amqplab import Lab
from amqplab.client import BasicProperties
from amqplab.lab import Client
from amqplab.trace import events as e
from amqplab.trace.keys import client_host, consumer_key
from amqplab.trace.participants import Participants, participants_of
from amqplab.trace.recorder import Recorder
from amqplab.wire.frames import PROTOCOL_HEADER

HERE = "127.0.0.1:50000"


def ignore(*delivery: object) -> None:
    """A callback that does nothing."""


# --- servers ---------------------------------------------------------------------------------------------


def test_a_host_is_a_broker_only_if_a_broker_runs_there() -> None:
    found = participants_of(two_servers())
    assert {host: server.kind for host, server in found.servers.items()} == {
        "web": "server",
        "broker": "broker",
    }
    assert found.broker == "broker"
    assert {pipe.app: pipe.server for pipe in found.pipes.values()} == {
        "browser": "web",
        "producer": "broker",
    }
    assert "web" not in found.apps
    assert found.columns() == ["browser", "producer", "web", "broker"]


def two_servers() -> Recorder:
    """A program that serves something of its own, somebody who asks it, and a producer."""
    lab = Lab(seed=1)

    @lab.program("web")
    async def web(client: Client) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"hello\n")
            writer.close()

        server = await asyncio.start_server(answer, "web", 80)
        await asyncio.sleep(1)
        server.close()

    @lab.program("browser", start="10 ms")
    async def browser(client: Client) -> None:
        reader, writer = await asyncio.open_connection("web", 80)
        writer.write(b"who are you?\n")
        assert await reader.readline() == b"hello\n"
        writer.close()

    lab.run()
    lab.connect("producer")
    recorder = lab.recorder
    lab.close()
    return recorder


def test_who_says_connection_start_is_a_broker_though_nobody_may_log_in(story: Any) -> None:
    story.broker(e.FrameReceived, HERE, "broker", 0, PROTOCOL_HEADER)
    story.broker(e.CommandSent, HERE, "broker", 0, "connection.start", ())
    assert participants_of(story.recorder).servers["broker"].kind == "broker"


def test_what_only_its_client_knows_of_is_an_unknown_server(story: Any) -> None:
    story.tell("producer", e.FrameSent, "producer:1", "producer", 0, PROTOCOL_HEADER)
    found = participants_of(story.recorder)
    assert found.ends("producer:1") == ("producer", "server")
    assert found.columns() == ["producer", "server"]


def test_nobody_takes_part_in_nothing() -> None:
    found = participants_of([])
    assert (found.broker, found.columns()) == ("", [])


def test_every_beginning_of_a_recording_has_participants(recorder: Recorder) -> None:
    for length in range(len(recorder)):
        found = participants_of(recorder[:length])
        columns = found.columns()
        assert len(columns) == len(set(columns))
        for connection in found.pipes:
            assert set(found.ends(connection)) <= set(columns)


# --- roles and sides -------------------------------------------------------------------------------------


def rpc() -> Lab:
    """A client that asks and hears the answer on a queue of its own; a server that answers."""
    lab = Lab(seed=1)
    connection = lab.connect("server")
    server = connection.channel()
    server.queue_declare(queue="rpc")
    server.basic_consume(
        queue="rpc",
        on_message_callback=lambda channel, method, properties, body: channel.basic_publish(
            exchange="", routing_key=properties.reply_to, body=body
        ),
        auto_ack=True,
    )
    client = lab.connect("client").channel()
    answers = client.queue_declare(queue="", exclusive=True).method.queue
    client.basic_consume(queue=answers, on_message_callback=ignore, auto_ack=True)
    client.basic_publish(
        exchange="", routing_key="rpc", body="21", properties=BasicProperties(reply_to=answers)
    )
    connection.process_data_events(time_limit=1)
    lab.run()
    return lab


def test_who_asks_stands_left_and_who_answers_right() -> None:
    lab = rpc()
    found = participants_of(lab.recorder)
    assert {app.name: app.side for app in found.apps.values()} == {"server": "right", "client": "left"}
    assert {app.role for app in found.apps.values()} == {"publisher and consumer"}
    assert found.columns() == ["client", "broker", "server"]
    lab.close()


def test_who_does_neither_is_a_client_on_the_left() -> None:
    with Lab(seed=1) as lab:
        lab.connect("admin").channel().queue_declare(queue="q")
        app = participants_of(lab.recorder).apps["admin"]
        assert (app.role, app.side) == ("client", "left")


def test_a_program_that_has_not_connected_yet_is_there() -> None:
    with Lab(seed=1) as lab:

        @lab.program("late")
        async def late(client: Client) -> None:
            await asyncio.sleep(1)

        lab.run_for("1 ms")
        found = participants_of(lab.recorder)
        assert list(found.apps) == ["late"]


def test_a_publish_that_is_still_under_way_makes_a_publisher() -> None:
    with Lab(seed=1) as lab:
        channel = lab.connect("producer").channel()
        channel.basic_publish(exchange="", routing_key="q", body="x")
        assert not lab.find(e.Published)
        assert participants_of(lab.recorder).apps["producer"].role == "publisher"


# --- names -----------------------------------------------------------------------------------------------


def names_of_consumers(found: Participants) -> list[str]:
    return [found.names[key] for key in found.consumers]


def test_consumers_are_called_by_their_program_and_numbered_where_there_are_several() -> None:
    with Lab(seed=1) as lab:
        channel = lab.connect("barista").channel()
        channel.queue_declare(queue="orders")
        for _ in range(2):
            channel.basic_consume(queue="orders", on_message_callback=ignore)
        lab.connect("waiter").channel().basic_consume(queue="orders", on_message_callback=ignore)
        assert names_of_consumers(participants_of(lab.recorder)) == ["barista", "barista 2", "waiter"]


def test_who_comes_back_has_its_name_again() -> None:
    with Lab(seed=1) as lab:
        for _ in range(2):
            connection = lab.connect("barista")
            channel = connection.channel()
            channel.queue_declare(queue="orders")
            channel.basic_consume(queue="orders", on_message_callback=ignore)
            connection.close()
        found = participants_of(lab.recorder)
        assert names_of_consumers(found) == ["barista", "barista"]
        assert [found.names[connection] for connection in found.pipes] == ["barista", "barista"]


def test_a_connection_has_the_name_that_its_client_gave_it() -> None:
    with Lab(seed=1) as lab:
        lab.connect("barista", client_properties={"connection_name": "orders in"})
        lab.connect("barista")
        found = participants_of(lab.recorder)
        assert list(found.names.values()) == ["orders in", "barista"]
        assert list(found.apps) == ["barista"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_live_client_goes_by_its_own_name_and_not_by_its_address(story: Any, address: str) -> None:
    connection = f"{address}:50000"
    story.broker(e.FrameReceived, connection, "broker", 0, PROTOCOL_HEADER)
    story.broker(e.ConnectionOpened, connection, "guest", "/", "pika")
    story.broker(e.ConsumerAdded, "/", "q", connection, 1, "t", False, False, 0, 0)
    found = participants_of(story.recorder)
    assert client_host(connection) == address
    assert list(found.apps) == ["pika"]
    assert found.names == {connection: "pika", consumer_key(connection, 1, "t"): "pika"}


# --- bindings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchange", "key", "arguments", "label"),
    [
        ("documents", "", "x-match=all, format=pdf, type=report", "format=pdf, type=report"),
        ("documents", "ignored", "format=pdf, x-match=any", "any: format=pdf"),
        ("documents", "", "x-match=any-with-x, format=pdf", "any-with-x: format=pdf"),
        ("documents", "", "format=pdf", "format=pdf"),
        ("documents", "", "x-match=any", "any: no headers"),
        ("documents", "", "", "all: no headers"),
        ("amq.match", "k", "a=1", "a=1"),
        ("logs", "info", "note=mine", "info"),
        ("logs", "", "note=mine", ""),
    ],
)
def test_a_binding_is_labelled_by_what_it_compares(
    story: Any, exchange: str, key: str, arguments: str, label: str
) -> None:
    for name, type_ in (("documents", "headers"), ("logs", "direct")):
        story.broker(e.ExchangeDeclared, "/", name, type_, False, False, False, "")
    story.broker(e.Bound, "/", exchange, "queue", "q", key, arguments)
    (edge,) = participants_of(story.recorder).edges.values()
    assert edge.label == label
