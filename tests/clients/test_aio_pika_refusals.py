"""aiormq, aio-pika's protocol floor, unmodified: every mistake is answered with RabbitMQ's code and text.

aiormq reports the broker's complaint as the reason for which its channel or connection has closed, whether
or not somebody waits for an answer at that moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiormq
import pytest
from aiormq import exceptions, spec
from aiormq.abc import ChannelFrame
from brokers import RemoteBroker
from pamqp.header import ContentHeader
from refusals import AE, LOGIN_REFUSED, REFUSALS

PATIENCE_S = 10.0
CLASSES = {
    403: exceptions.ChannelAccessRefused,
    404: exceptions.ChannelNotFoundEntity,
    405: exceptions.ChannelLockedResource,
    406: exceptions.ChannelPreconditionFailed,
    503: exceptions.ConnectionCommandInvalid,
    504: exceptions.ConnectionChannelError,
    505: exceptions.ConnectionUnexpectedFrame,
    530: exceptions.ConnectionNotAllowed,
    540: exceptions.ConnectionNotImplemented,
    541: exceptions.ConnectionInternalError,
}


async def connect(broker: RemoteBroker, login: str = "guest:guest", vhost: str = "") -> aiormq.Connection:
    return await aiormq.connect(f"amqp://{login}@{broker.host}:{broker.port}/{vhost}")


class Scene:
    """An open channel, a name for what the mistake is about, and another connection if one is needed."""

    channel: Any

    def __init__(self, broker: RemoteBroker, name: str) -> None:
        self.broker, self.name = broker, name
        self.connections: list[aiormq.Connection] = []

    async def __aenter__(self) -> Scene:
        self.channel = await self.elsewhere()
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self.connections:
            with suppress(exceptions.AMQPError):
                await connection.close()

    async def elsewhere(self) -> Any:
        self.connections.append(await connect(self.broker))
        return await self.connections[-1].channel(publisher_confirms=False)

    async def send(self, *frames: Any, channel: int = 1) -> None:
        """Frames as they are, without waiting for an answer."""
        await self.channel.write_queue.put(ChannelFrame.marshall(channel, frames))

    async def exchange(self, **options: Any) -> None:
        await self.channel.exchange_declare(self.name, **options)

    async def queue(self, **options: Any) -> None:
        await self.channel.queue_declare(self.name, **options)

    async def publish(self, exchange: str = "", **properties: Any) -> None:
        await self.channel.basic_publish(
            b"", exchange=exchange, routing_key=self.name, properties=spec.Basic.Properties(**properties)
        )


class Garbage(spec.Basic.Properties):
    """A content header that announces a content type and does not hold one."""

    def marshal(self) -> bytes:
        return b"\x80\x00\xff"


Mistake = Callable[[Scene], Awaitable[object]]
MISTAKES: dict[str, Mistake] = {}


def mistake(number: str) -> Callable[[Mistake], Mistake]:
    def note(make: Mistake) -> Mistake:
        MISTAKES[number] = make
        return make

    return note


def calls(number: str, *steps: tuple[str, dict[str, Any]], somebody_first: bool = False) -> None:
    """A mistake in method calls; NAME in their arguments is the name. The first may be somebody else's."""

    async def make(scene: Scene) -> None:
        for at, (method, arguments) in enumerate(steps):
            channel = await scene.elsewhere() if somebody_first and at == 0 else scene.channel
            filled = {key: scene.name if value is NAME else value for key, value in arguments.items()}
            await getattr(channel, method)(**filled)

    MISTAKES[number] = make


def sends(number: str, *frames: Any, channel: int = 1) -> None:
    async def make(scene: Scene) -> None:
        await scene.send(*frames, channel=channel)

    MISTAKES[number] = make


NAME = object()
EXCHANGE = {"exchange": NAME}
QUEUE = {"queue": NAME}
MAKE_EXCHANGE = ("exchange_declare", EXCHANGE)
MAKE_QUEUE = ("queue_declare", QUEUE)
LOCK_QUEUE = ("queue_declare", QUEUE | {"exclusive": True})


async def ignore(message: Any) -> None:
    """A consumer."""


CONSUME = ("basic_consume", QUEUE | {"consumer_callback": ignore})
CONSUME_ALONE = ("basic_consume", CONSUME[1] | {"exclusive": True})

sends("CONN-38", spec.Connection.Open(), channel=0)
sends("CONN-39", spec.Queue.Purge(), channel=0)
sends("CONN-40", spec.Connection.TuneOk())
sends("CONN-41", spec.Queue.DeclareOk("", 0, 0))
sends("CONN-46", spec.Basic.Publish(), ContentHeader(0, 0, Garbage()))
sends("CODEC-16", spec.Basic.Publish(), spec.Queue.Declare())
sends("CHAN-02", spec.Queue.Purge(queue="q"), channel=9)
sends("CHAN-03", spec.Channel.Open())
sends("CHAN-06", spec.Channel.CloseOk())
calls("CHAN-16", ("flow", {"active": False}))
calls("CHAN-20", ("queue_purge", {"queue": ""}))
calls("EXCH-03 type", MAKE_EXCHANGE, ("exchange_declare", EXCHANGE | {"exchange_type": "fanout"}))
for field in ("durable", "auto_delete", "internal"):
    calls(f"EXCH-03 {field}", MAKE_EXCHANGE, ("exchange_declare", EXCHANGE | {field: True}))
WITH_AE = ("exchange_declare", EXCHANGE | {"arguments": {AE: "amq.fanout"}})
calls("EXCH-05 new", MAKE_EXCHANGE, WITH_AE)
calls("EXCH-05 missing", WITH_AE, MAKE_EXCHANGE)
calls("EXCH-05 different", WITH_AE, ("exchange_declare", EXCHANGE | {"arguments": {AE: "amq.topic"}}))
calls("EXCH-09", ("exchange_declare", EXCHANGE | {"passive": True}))
calls("EXCH-10 declare", ("exchange_declare", {"exchange": ""}))
calls("EXCH-10 passive", ("exchange_declare", {"exchange": "", "passive": True}))
calls("EXCH-10 delete", ("exchange_delete", {"exchange": ""}))
calls("EXCH-12", ("exchange_delete", {"exchange": "amq.direct"}))
calls(
    "EXCH-14",
    MAKE_EXCHANGE,
    MAKE_QUEUE,
    ("queue_bind", QUEUE | EXCHANGE),
    ("exchange_delete", EXCHANGE | {"if_unused": True}),
)
calls("EXCH-20 bind", MAKE_QUEUE, ("queue_bind", QUEUE | {"exchange": ""}))
calls("EXCH-20 unbind", MAKE_QUEUE, ("queue_unbind", QUEUE | {"exchange": ""}))
calls("EXCH-20 e2e", ("exchange_bind", {"destination": "amq.fanout", "source": ""}))
calls("EXCH-42 exchange", MAKE_QUEUE, ("queue_bind", QUEUE | EXCHANGE))
calls("EXCH-42 queue", ("queue_bind", QUEUE | {"exchange": "amq.direct"}))
calls("EXCH-42 e2e", ("exchange_bind", {"destination": "amq.fanout", "source": NAME}))
calls("EXCH-45", LOCK_QUEUE, ("queue_bind", QUEUE | {"exchange": "amq.direct"}), somebody_first=True)
WITH_MATCH = {"exchange": "amq.headers", "arguments": {"x-match": "some"}}
calls("EXCH-34", MAKE_QUEUE, ("queue_bind", QUEUE | WITH_MATCH))
calls("QUEUE-03", ("queue_declare", {"queue": "", "passive": True}))
calls("QUEUE-06", ("queue_declare", QUEUE | {"passive": True}))
calls("QUEUE-09 durable", MAKE_QUEUE, ("queue_declare", QUEUE | {"durable": True}))
calls("QUEUE-09 auto_delete", MAKE_QUEUE, ("queue_declare", QUEUE | {"auto_delete": True}))
calls("QUEUE-10", MAKE_QUEUE, LOCK_QUEUE)
calls("QUEUE-18 declare", LOCK_QUEUE, LOCK_QUEUE, somebody_first=True)
calls("QUEUE-18 passive", LOCK_QUEUE, ("queue_declare", QUEUE | {"passive": True}), somebody_first=True)
calls("QUEUE-18 get", LOCK_QUEUE, ("basic_get", QUEUE), somebody_first=True)
calls("QUEUE-18 consume", LOCK_QUEUE, CONSUME, somebody_first=True)
calls("QUEUE-18 purge", LOCK_QUEUE, ("queue_purge", QUEUE), somebody_first=True)
calls("QUEUE-18 delete", LOCK_QUEUE, ("queue_delete", QUEUE), somebody_first=True)
calls("QUEUE-25 purge", ("queue_purge", QUEUE))
calls("QUEUE-25 get", ("basic_get", QUEUE))
calls("QUEUE-25 consume", CONSUME)
calls("BASIC-20 exclusive", MAKE_QUEUE, CONSUME, CONSUME_ALONE)
calls("BASIC-20 other", MAKE_QUEUE, CONSUME_ALONE, CONSUME)
calls("BASIC-23", MAKE_QUEUE, ("basic_consume", CONSUME[1] | {"arguments": {"x-priority": "1"}}))
calls("BASIC-37", ("basic_qos", {"prefetch_size": 10}))
for verb in ("ack", "nack", "reject"):
    calls(f"BASIC-48 {verb}", (f"basic_{verb}", {"delivery_tag": 7}))
calls("BASIC-49", ("basic_ack", {"delivery_tag": 7, "multiple": True}))
calls("BASIC-50", ("basic_ack", {"delivery_tag": 0}))
calls("BASIC-57", ("basic_recover", {"requeue": False}))
calls("CONF-01", ("tx_select", {}), ("confirm_delivery", {}))
calls("TX-01", ("confirm_delivery", {}), ("tx_select", {}))
calls("TX-02 commit", ("tx_commit", {}))
calls("TX-02 rollback", ("tx_rollback", {}))


@mistake("EXCH-06")
async def _(scene: Scene) -> None:
    """pamqp writes a number in as few octets as it can; a signedint is one that needs four."""
    await scene.exchange(arguments={AE: 100_000})


@mistake("EXCH-08")
async def _(scene: Scene) -> None:
    await scene.exchange(exchange_type="x-" + scene.name)


@mistake("EXCH-11")
async def _(scene: Scene) -> None:
    await scene.channel.exchange_declare("amq." + scene.name)


@mistake("EXCH-19")
async def _(scene: Scene) -> None:
    await scene.exchange(internal=True)
    await scene.publish(scene.name)


@mistake("QUEUE-04")
async def _(scene: Scene) -> None:
    await scene.channel.queue_declare("amq." + scene.name)


@mistake("QUEUE-28")
async def _(scene: Scene) -> None:
    await scene.queue()
    await (await scene.elsewhere()).basic_consume(scene.name, ignore)
    await scene.channel.queue_delete(scene.name, if_unused=True)


@mistake("QUEUE-29")
async def _(scene: Scene) -> None:
    await scene.queue()
    await scene.publish()
    await scene.channel.queue_delete(scene.name, if_empty=True)


@mistake("BASIC-03")
async def _(scene: Scene) -> None:
    await scene.publish(scene.name)


@mistake("BASIC-04")
async def _(scene: Scene) -> None:
    await scene.channel.basic_publish(b"", routing_key=scene.name, immediate=True)


@mistake("BASIC-08")
async def _(scene: Scene) -> None:
    await scene.publish(user_id="mallory")


@mistake("BASIC-09")
async def _(scene: Scene) -> None:
    await scene.publish(expiration="soon")


@mistake("BASIC-10")
async def _(scene: Scene) -> None:
    await scene.publish(headers={"CC": "x"})


@mistake("BASIC-15")
async def _(scene: Scene) -> None:
    """aiormq itself refuses the tag that it knows."""
    await scene.queue()
    await scene.channel.basic_consume(scene.name, ignore, consumer_tag=scene.name)
    await scene.send(spec.Basic.Consume(queue=scene.name, consumer_tag=scene.name))


def test_every_mistake_is_made_except_those_that_aiormq_cannot_make() -> None:
    """It takes the broker's channel-max as it comes, and writes the number 1 in one octet."""
    assert REFUSALS.keys() - MISTAKES.keys() == {"CONN-42", "EXCH-34 type"}


@pytest.mark.parametrize("number", MISTAKES)
def test_a_mistake_is_refused_with_code_and_text(broker: RemoteBroker, name: str, number: str) -> None:
    refusal = REFUSALS[number]

    async def play() -> BaseException | None:
        async with Scene(broker, name) as scene:
            ending = scene.channel if refusal.closes == "channel" else scene.connections[0]
            complaint = ending.closing
            with suppress(exceptions.AMQPError, asyncio.CancelledError, exceptions.ChannelInvalidStateError):
                await MISTAKES[number](scene)
            await asyncio.wait([complaint], timeout=PATIENCE_S)
            if refusal.closes == "channel":
                channel = await scene.connections[0].channel()
                await channel.queue_declare("", exclusive=True)
            return complaint.exception()

    complaint = asyncio.run(play())
    assert (type(complaint), complaint.args) == (CLASSES[refusal.code], (refusal.about(name),))


def test_a_wrong_password_is_refused(broker: RemoteBroker) -> None:
    with pytest.raises(exceptions.ProbableAuthenticationError) as refused:
        asyncio.run(connect(broker, "guest:wrong"))
    assert refused.value.args == (LOGIN_REFUSED,)


def test_a_missing_virtual_host_is_refused(broker: RemoteBroker) -> None:
    """aiormq does not look into the connection.close that it gets here."""
    with pytest.raises(exceptions.InvalidFrameError, match=r"Connection\.Close"):
        asyncio.run(connect(broker, vhost="nowhere"))
