"""Ctrl-C on `python -m amqplab serve` with clients connected: they are told why, as RabbitMQ tells them."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator

import aiormq
import pika
import pytest
import with_pika
import with_py_amqp
from amqp import Connection
from amqp.exceptions import ConnectionForced
from amqplab_server import AmqplabServer
from brokers import RemoteBroker
from pika.exceptions import ConnectionClosedByBroker
from refusals import SHUTDOWN


@pytest.fixture
def server() -> Iterator[AmqplabServer]:
    with AmqplabServer() as server:
        yield server


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_every_client_is_told_and_the_server_ends_well(server: AmqplabServer, how: signal.Signals) -> None:
    broker = RemoteBroker("amqplab", server)
    first = with_pika.connect(broker)
    consuming = first.channel()
    consuming.basic_consume(consuming.queue_declare("", exclusive=True).method.queue, lambda *_: None)
    second = with_py_amqp.connect(broker)
    told: list[BaseException] = []
    threads = [
        threading.Thread(target=until_closed, args=(consuming.start_consuming, told)),
        threading.Thread(target=until_closed, args=(lambda: drain(second), told)),
        threading.Thread(target=until_closed, args=(lambda: asyncio.run(wait_in_aiormq(server)), told)),
    ]
    unfinished = socket.create_connection((server.host, server.port))
    for thread in threads:
        thread.start()
    control = with_pika.connect(broker)
    wait_for_queue(control, "aiormq")
    control.close()
    assert server.stop(how) == 0
    for thread in threads:
        thread.join()
    unfinished.close()
    second.collect()
    assert server.errors == ""
    texts = {type(error): error for error in told}
    assert (texts[ConnectionClosedByBroker].reply_code, texts[ConnectionClosedByBroker].reply_text) == (
        320,
        SHUTDOWN,
    )
    assert (texts[ConnectionForced].code, texts[ConnectionForced].reply_text) == (320, SHUTDOWN)
    assert texts[aiormq.exceptions.ConnectionClosed].args == (320, SHUTDOWN)


def until_closed(action: object, told: list[BaseException]) -> None:
    try:
        action()  # type: ignore[operator]
    except BaseException as error:
        told.append(error)


def drain(connection: Connection) -> None:
    while True:
        connection.drain_events()


async def wait_in_aiormq(server: AmqplabServer) -> None:
    connection = await aiormq.connect(f"amqp://guest:guest@{server.host}:{server.port}/")
    channel = await connection.channel()
    await channel.queue_declare("aiormq")
    await connection.closing


def wait_for_queue(control: pika.BlockingConnection, name: str) -> None:
    for _ in range(500):
        try:
            control.channel().queue_declare(name, passive=True)
            return
        except pika.exceptions.ChannelClosedByBroker:
            control.sleep(0.02)
    raise AssertionError(f"queue {name} was never declared")
