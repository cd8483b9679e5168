"""CONN-54, BASIC-52: what clients do by convention, shown by ours, whatever broker is at the other end."""

from __future__ import annotations

import asyncio

import pytest
from breakable import BreakableWay
from client_worlds import RabbitMQWorld, SimulatedWorld

from amqplab.client import connect
from amqplab.errors import ConnectionLost

FIRST_LIFE_S = 3.5  # the broker would have given up after 3 (CONN-48)


async def live_and_be_cut_off(connection, cut):
    """Idle for long enough to be taken for dead, then cut off; returns how long that took to be noticed."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(FIRST_LIFE_S)
    assert connection.is_open
    cut()
    began = loop.time()
    with pytest.raises(ConnectionLost, match="Nothing came from the broker for two heartbeat timeouts"):
        await connection.wait_closed()
    return loop.time() - began


def over_a_socket(broker):
    async def program():
        async with BreakableWay(broker.host, broker.port) as way:
            connection = await connect(f"amqp://127.0.0.1:{way.port}", heartbeat=1)
            return await live_and_be_cut_off(connection, way.cut)

    return asyncio.run(asyncio.wait_for(program(), 30))


def in_virtual_time():
    world = SimulatedWorld()

    async def program(connect):
        connection = await connect(heartbeat=1)
        return await live_and_be_cut_off(connection, lambda: world.network.cut("main", "broker"))

    return world.run(program)


@pytest.mark.waits
def test_CONN_54_a_client_shows_that_it_lives_and_notices_that_the_broker_does_not(broker):
    """Two intervals after the last that came, which was a heartbeat in the half second before the cut; on a
    busy machine later.
    """
    if broker.virtual:
        assert 1.5 <= in_virtual_time() <= 2
    else:
        assert over_a_socket(broker) > 1


def test_BASIC_52_a_refused_message_goes_back_unless_told_otherwise(broker):
    world = SimulatedWorld() if broker.virtual else RabbitMQWorld(broker.port)

    async def program(connect):
        channel = await (await connect()).channel()
        queue = (await channel.queue_declare("", exclusive=True)).queue
        await channel.confirm_delivery()
        await channel.basic_publish("", queue, b"x")
        for refuse in (channel.basic_reject, channel.basic_nack):
            method, _, _ = await channel.basic_get(queue)
            await refuse(method.delivery_tag)
        method, _, _ = await channel.basic_get(queue)
        assert method.redelivered
        await channel.basic_reject(method.delivery_tag, requeue=False)
        assert (await channel.basic_get(queue))[0] is None

    world.run(program)
