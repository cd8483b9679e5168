"""CLIENT-01 … CLIENT-13: what a well-behaved client does, on the wire to each broker.

The client's octets are noted where they leave its protocol, and what it gets where that comes in.
"""

from __future__ import annotations

import asyncio

import pytest
from client_worlds import RabbitMQWorld, SimulatedWorld, SocketWorld

from amqplab.client import URLParameters
from amqplab.client.effects import Send
from amqplab.client.protocol import ClientProtocol
from amqplab.errors import CommandInvalid, NotFound, PreconditionFailed, UsageError
from amqplab.wire.frames import FRAME_BODY, FRAME_METHOD
from amqplab.wire.methods import decode_method
from amqplab.wire.parser import FrameParser


@pytest.fixture(params=["rabbitmq", "amqplab", "in-memory"])
def world(request):
    """A place for client programs; each leads to another broker."""
    if request.param == "rabbitmq":
        return RabbitMQWorld(request.getfixturevalue("rabbitmq").port)
    return SocketWorld() if request.param == "amqplab" else SimulatedWorld()


class Wire:
    """Everything that passes, in order: ">" out or "<" in, channel, and a method's name or a frame's size."""

    def __init__(self):
        self.notes = []
        self.methods = []
        self._parsers = {}

    def note(self, protocol, direction, octets):
        parser = self._parsers.setdefault((protocol, direction), FrameParser(max_payload=0))
        if octets.startswith(b"AMQP"):
            octets = octets[8:]
        for kind, channel, payload in parser.feed(octets):
            if kind == FRAME_METHOD:
                method = decode_method(payload)
                self.methods.append(method)
                self.notes.append((direction, channel, method.name))
            else:
                self.notes.append((direction, channel, len(payload) if kind == FRAME_BODY else "header"))

    def of(self, channel):
        """What passed on one channel."""
        return [(direction, what) for direction, number, what in self.notes if number == channel]


@pytest.fixture
def wire(monkeypatch):
    """A look at all that the client sends and gets."""
    seen = Wire()
    received, apply = ClientProtocol.data_received, ClientProtocol.apply

    def data_received(self, data):
        seen.note(self, "<", data)
        received(self, data)

    def applied(self, effects):
        for effect in effects:
            if isinstance(effect, Send):
                seen.note(self, ">", effect.data)
        apply(self, effects)

    monkeypatch.setattr(ClientProtocol, "data_received", data_received)
    monkeypatch.setattr(ClientProtocol, "apply", applied)
    return seen


def test_CLIENT_01_a_close_is_answered_and_ends_what_waits(world, wire):
    async def program(connect):
        channel = await (await connect()).channel()
        calls = [channel.queue_declare("no such queue", passive=True), channel.basic_qos(prefetch_count=1)]
        errors = await asyncio.gather(*calls, return_exceptions=True)
        with pytest.raises(UsageError, match="404"):  # and so does all that comes later
            await channel.basic_qos(prefetch_count=1)
        return errors

    errors = world.run(program)
    assert [type(error) for error in errors] == [NotFound, NotFound]
    assert "no queue 'no such queue'" in str(errors[1])
    assert wire.of(1)[-2:] == [("<", "channel.close"), (">", "channel.close-ok")]


def test_CLIENT_01_the_whole_connection(world, wire):
    async def program(connect):
        connection = await connect()
        one, other = await connection.channel(), await connection.channel()
        calls = [one.exchange_declare("odd", exchange_type="odd"), other.queue_declare("", exclusive=True)]
        errors = await asyncio.gather(*calls, return_exceptions=True)
        return errors, connection.is_open

    (error, _), is_open = world.run(program)
    assert isinstance(error, CommandInvalid) and "odd" in str(error) and not is_open
    assert wire.of(0)[-2:] == [("<", "connection.close"), (">", "connection.close-ok")]


@pytest.mark.parametrize(
    ("wish", "agreed"),
    [
        ({"channel_max": 0, "heartbeat": None}, (2047, 131072, 60)),
        ({"channel_max": 5, "frame_max": 4096, "heartbeat": 7}, (5, 4096, 7)),
        ({"channel_max": 65535, "frame_max": 131072, "heartbeat": 600}, (2047, 131072, 60)),
    ],
)
def test_CLIENT_02_limits_are_agreed_on(world, wire, wish, agreed):
    async def program(connect):
        await connect(**wish)

    world.run(program)
    ok = next(method for method in wire.methods if method.name == "connection.tune-ok")
    assert (ok.channel_max, ok.frame_max, ok.heartbeat) == agreed


@pytest.mark.parametrize(
    ("size", "pieces"), [(0, []), (1, [1]), (4088, [4088]), (4089, [4088, 1]), (9000, [4088, 4088, 824])]
)
def test_CLIENT_03_bodies_fit_into_frames(world, wire, size, pieces):
    async def program(connect):
        channel = await (await connect(frame_max=4096)).channel()
        queue = (await channel.queue_declare("", exclusive=True)).queue
        await channel.basic_publish("", queue, bytes(size))
        return (await channel.basic_get(queue, auto_ack=True))[2]

    assert world.run(program) == bytes(size)
    assert [what for direction, what in wire.of(1) if direction == ">" and isinstance(what, int)] == pieces


def test_CLIENT_04_CLIENT_05_a_return_comes_before_the_reply(world, wire):
    async def program(connect):
        connection = await connect()
        publisher, other = await connection.channel(), await connection.channel()
        returned, astray = [], []
        publisher.add_on_return_callback(lambda *content: returned.append(content))
        other.add_on_return_callback(lambda *content: astray.append(content))
        await publisher.basic_publish("", "nowhere", "Hello, Rabbit!", mandatory=True)
        declared = await publisher.queue_declare("", exclusive=True)
        return returned, astray, declared

    returned, astray, declared = world.run(program)
    ((_, method, _, body),) = returned
    assert (method.reply_code, body, astray) == (312, b"Hello, Rabbit!", [])
    assert declared.queue.startswith("amq.gen-")
    assert wire.of(1)[-5:] == [
        (">", "queue.declare"), ("<", "basic.return"), ("<", "header"), ("<", 14), ("<", "queue.declare-ok"),
    ]  # fmt: skip


def test_CLIENT_06_confirms_are_counted_from_one(world, wire):
    async def program(connect):
        channel = await (await connect()).channel()
        await channel.confirm_delivery()
        queue = (await channel.queue_declare("", exclusive=True)).queue
        await asyncio.gather(*(channel.basic_publish("", queue, str(number)) for number in range(1, 201)))
        return (await channel.queue_declare(queue, passive=True)).message_count

    assert world.run(program) == 200
    settled = set()
    for ack in wire.methods:
        if ack.name == "basic.ack":
            first = min(set(range(1, 201)) - settled) if ack.multiple else ack.delivery_tag
            settled.update(range(first, ack.delivery_tag + 1))
    assert settled == set(range(1, 201))


def test_CLIENT_07_a_cancel_by_the_broker_gets_no_answer(world, wire):
    async def program(connect):
        connection = await connect()
        reader, other = await connection.channel(), await connection.channel()
        queue = (await reader.queue_declare("", exclusive=True)).queue
        gone = asyncio.get_running_loop().create_future()
        reader.add_on_cancel_callback(lambda tag: gone.set_result(tag))
        tag = await reader.basic_consume(queue, lambda *delivery: None)
        await other.queue_delete(queue)
        assert await gone == tag and reader.consumer_tags == []
        await other.basic_qos(prefetch_count=1)  # a round trip: an answer would have left by now

    world.run(program)
    assert wire.of(1)[-1] == ("<", "basic.cancel")


def test_CLIENT_08_a_number_is_free_when_close_ok_is_there(world, wire):
    async def program(connect):
        connection = await connect()
        first = await connection.channel()
        closing = asyncio.ensure_future(first.close())
        await asyncio.sleep(0)
        second = await connection.channel()
        await closing
        third = await connection.channel()
        return first.channel_number, second.channel_number, third.channel_number

    assert world.run(program) == (1, 2, 1)
    opens = [at for at, note in enumerate(wire.notes) if note == (">", 1, "channel.open")]
    assert wire.notes.index(("<", 1, "channel.close-ok")) < opens[1]


def test_CLIENT_08_nothing_follows_a_commit_or_a_close(world, wire):
    async def program(connect):
        channel = await (await connect()).channel()
        await channel.tx_select()
        commit = asyncio.ensure_future(channel.tx_commit())
        await asyncio.sleep(0)
        with pytest.raises(UsageError):
            await channel.basic_qos(prefetch_count=1)
        await commit
        close = asyncio.ensure_future(channel.close())
        await asyncio.sleep(0)
        with pytest.raises(UsageError):
            await channel.basic_qos(prefetch_count=1)
        await close

    world.run(program)
    assert [what for direction, what in wire.of(1) if direction == ">"][1:] == [
        "tx.select", "tx.commit", "channel.close",
    ]  # fmt: skip


def test_CLIENT_09_acks_belong_to_their_channel(world, wire):
    async def program(connect):
        connection = await connect()
        one, other = await connection.channel(), await connection.channel()
        queue = (await one.queue_declare("", exclusive=True)).queue
        for body in ("a", "b"):
            await one.basic_publish("", queue, body)
        await one.get(queue)
        message = await other.get(queue)
        await message.ack()
        with pytest.raises(PreconditionFailed, match="unknown delivery tag 7"):
            await other.basic_ack(7)
            await other.basic_qos(prefetch_count=1)

    world.run(program)
    assert (">", "basic.ack") in wire.of(2) and (">", "basic.ack") not in wire.of(1)


def test_CLIENT_10_any_end_is_an_end(world):
    async def program(connect):
        connection = await connect()
        await connection.close()
        return connection.is_open

    assert world.run(program) is False


def test_CLIENT_11_CLIENT_12_one_line_says_where(world, wire):
    async def program(connect):
        own = (await connect()).parameters
        url = f"amqp://g%75est:guest@{own.host}:{own.port}/%2F"
        connection = await connect(f"{url}?heartbeat=9&frame_max=8192&channel_max=3&connection_timeout=4")
        return connection.parameters

    parameters = world.run(program)
    assert (parameters.virtual_host, parameters.heartbeat) == ("/", 9)
    ok = [method for method in wire.methods if method.name == "connection.tune-ok"][-1]
    assert (ok.channel_max, ok.frame_max, ok.heartbeat) == (3, 8192, 9)
    assert URLParameters("amqps://h").port == 5671
    assert URLParameters("amqp://h/").virtual_host == ""
    with pytest.raises(UsageError, match="more than one path segment"):
        URLParameters("amqp://h/a/b")


@pytest.mark.parametrize(("text", "octets"), [("Hello, Rabbit!", 14), ("grüße", 7), ("🐇", 4)])
def test_CLIENT_13_sizes_are_octets(world, wire, text, octets):
    async def program(connect):
        channel = await (await connect()).channel()
        queue = (await channel.queue_declare("", exclusive=True)).queue
        await channel.basic_publish("", queue, text)
        return (await channel.basic_get(queue, auto_ack=True))[2]

    assert world.run(program).decode() == text
    assert [what for _, what in wire.of(1) if isinstance(what, int)] == [octets, octets]
