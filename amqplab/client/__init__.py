"""The client: one protocol machine without I/O, an async face and a blocking face with pika's names.

    connection = await connect("amqp://localhost:5672")      # in `async def` code: see `aio.py`
    connection = BlockingConnection(URLParameters("amqp://localhost:5672"))    # in a cell: see `blocking.py`

Read in this order: `states.py` (what is legal when), `machine.py` and `channel.py` (the protocol),
`protocol.py` (on asyncio), then the faces.
"""

from __future__ import annotations

from amqplab.client.aio import AsyncConnection, connect
from amqplab.client.aio_channel import AsyncChannel
from amqplab.client.blocking import BlockingConnection
from amqplab.client.blocking_channel import BlockingChannel
from amqplab.client.consuming import Message
from amqplab.client.exceptions import NackError, ReturnedMessage, UnroutableError
from amqplab.client.parameters import (
    AMQPlainCredentials,
    ConnectionParameters,
    ExternalCredentials,
    PlainCredentials,
    URLParameters,
)
from amqplab.client.recovery import Recovery
from amqplab.wire.properties import BasicProperties

__all__ = [
    "AMQPlainCredentials",
    "AsyncChannel",
    "AsyncConnection",
    "BasicProperties",
    "BlockingChannel",
    "BlockingConnection",
    "ConnectionParameters",
    "ExternalCredentials",
    "Message",
    "NackError",
    "PlainCredentials",
    "Recovery",
    "ReturnedMessage",
    "URLParameters",
    "UnroutableError",
    "connect",
]
