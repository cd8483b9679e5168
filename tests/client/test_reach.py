"""Every method that a client may send can be sent from both faces, with all its arguments.

The list is the protocol's own (tests/data/methods.json). What the machine says by itself (the handshake, the
answers to a broker's requests) needs no call. `ticket` is left over from AMQP 0-8, and `nowait` asks for no
answer; both, and anything else, go out by ``send(method)``.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from client_worlds import SimulatedWorld

from amqplab.client import AsyncConnection, BlockingConnection, connect
from amqplab.client.waiting import Waiting
from amqplab.wire.frames import FRAME_METHOD
from amqplab.wire.methods import METHODS, Method, decode_method
from amqplab.wire.parser import FrameParser

TEXT = (Path(__file__).resolve().parents[1] / "data" / "methods.json").read_text(encoding="utf-8")
SENDABLE = [METHODS[tuple(row["ids"])] for row in json.loads(TEXT)["methods"] if row["sent_by"] != "server"]

BY_ITSELF = {
    "connection.start-ok",
    "connection.secure-ok",
    "connection.tune-ok",
    "connection.open",
    "connection.close-ok",
    "channel.close-ok",
    "basic.cancel-ok",
}
"""Said by the machine when its turn comes; a program has no say in it."""
ONLY_RAW = {"basic.credit"}
"""Inside RabbitMQ only: whoever sends it is closed. For ``send`` alone."""
CALLS = {
    "channel.open": "channel",
    "confirm.select": "confirm_delivery",
    "connection.close": "close",
    "connection.update-secret": "update_secret",
    "channel.close": "close",
    "channel.flow": "flow",
}
"""The calls that are not named like their method."""
PARAMETERS = {"no_ack": "auto_ack", "global_": "global_qos", "type": "exchange_type"}
"""pika's names of arguments, where they are others than the specification's."""
NO_PARAMETER = {"ticket", "nowait", "class_id", "method_id", "out_of_band"}

NAMED = [each for each in SENDABLE if each.name not in BY_ITSELF | ONLY_RAW]
ON_A_CHANNEL = [each for each in SENDABLE if not each.name.startswith("connection.")]


def unusual(method: type[Method], name: str) -> Any:
    """A value for this argument that is not its default, so that it shows on the wire."""
    default = getattr(method(), name)
    if isinstance(default, bool):
        return not default
    if isinstance(default, bytes):
        return b"octets"
    if isinstance(default, int):
        return default + 3
    return "a-text" if isinstance(default, str) else {"x": 1}


def unusual_arguments(method: type[Method]) -> dict[str, Any]:
    """A value for each argument that calls have a parameter for."""
    return {name: unusual(method, name) for name in method.domains if name not in NO_PARAMETER}


class Overheard:
    """The methods that leave a client."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.methods: list[Any] = []
        self._parser = FrameParser(max_payload=1 << 20)
        protocol: Any = connection._protocol
        self._transport, protocol._transport = protocol._transport, self

    def write(self, data: bytes) -> None:
        for kind, _, payload in self._parser.feed(bytes(data)):
            if kind == FRAME_METHOD:
                self.methods.append(decode_method(payload))
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def call(connection: Any, channel: Any, method: type[Method]) -> Any:
    """Make the call that sends this method, with a value for each of its arguments."""
    owner = connection if method.name.startswith("connection.") or method.name == "channel.open" else channel
    given = {PARAMETERS.get(key, key): value for key, value in unusual_arguments(method).items()}
    match method.name:
        case "basic.publish":
            given["body"] = "x"
        case "basic.consume":
            given["on_message_callback"] = lambda *_: None
        case "connection.update-secret":
            given["new_secret"] = "octets"
    return getattr(owner, CALLS.get(method.name, method.name.replace(".", "_").replace("-", "_")))(**given)


def check(method: type[Method], heard: list[Any]) -> None:
    """The method went out with all the values."""
    sent = next(each for each in heard if type(each) is method)
    for name, value in unusual_arguments(method).items():
        found = getattr(sent, name)
        assert (dict(found) if isinstance(value, dict) else found) == value, name


@pytest.mark.parametrize("method", NAMED, ids=lambda method: method.name)
def test_each_method_has_a_call_with_all_its_arguments_on_the_async_face(method: type[Method]) -> None:
    world = SimulatedWorld()

    async def program(_: Any) -> None:
        connection = await connect("amqp://broker")
        channel = await connection.channel()
        overheard = Overheard(connection)
        answer = call(connection, channel, method)
        check(method, overheard.methods)
        if isinstance(answer, Waiting):
            with suppress(Exception):  # what the broker says to such values is another matter
                await answer
        connection.abort()

    world.run(program)


@pytest.mark.parametrize("method", NAMED, ids=lambda method: method.name)
def test_each_method_has_a_call_with_all_its_arguments_on_the_blocking_face(method: type[Method]) -> None:
    connection = BlockingConnection("amqp://broker", runner=SimulatedWorld().loop.run_until_complete)
    channel = connection.channel()
    if method.name == "basic.cancel":  # a consumer that is unknown is not cancelled
        channel.queue_declare("q")
        channel.basic_consume("q", lambda *_: None, consumer_tag=unusual(method, "consumer_tag"))
    overheard = Overheard(connection._aio)
    with suppress(Exception):  # what the broker says to such values is another matter
        call(connection, channel, method)
    check(method, overheard.methods)


@pytest.mark.parametrize("method", ON_A_CHANNEL, ids=lambda method: method.name)
def test_any_method_goes_out_as_it_is_with_nowait_and_ticket_too(method: type[Method]) -> None:
    wanted = method(**{name: unusual(method, name) for name in method.domains})
    connection = BlockingConnection("amqp://broker", runner=SimulatedWorld().loop.run_until_complete)
    channel = connection.channel()
    overheard = Overheard(connection._aio)
    channel.send(wanted)
    assert overheard.methods[0].encode() == wanted.encode()
