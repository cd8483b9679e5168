"""py-amqp, unmodified: every mistake it can make is answered with RabbitMQ's code and text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from amqp import Channel, Connection, Message, spec
from amqp.exceptions import (
    AccessRefused,
    AMQPError,
    AMQPNotImplementedError,
    ChannelNotOpen,
    InternalError,
    InvalidCommand,
    NotAllowed,
    NotFound,
    PreconditionFailed,
    ResourceLocked,
    UnexpectedFrame,
)
from amqp.serialization import dumps
from brokers import RemoteBroker
from refusals import IN_THE_SAME_WORDS, LOGIN_REFUSED, REFUSALS
from with_py_amqp import connect

PATIENCE_S = 10.0
CLASSES: dict[int, type[AMQPError]] = {
    403: AccessRefused,
    404: NotFound,
    405: ResourceLocked,
    406: PreconditionFailed,
    503: InvalidCommand,
    504: ChannelNotOpen,
    505: UnexpectedFrame,
    530: NotAllowed,
    540: AMQPNotImplementedError,
    541: InternalError,
}


class Scene:
    """An open channel, a name for what the mistake is about, and another connection if one is needed."""

    def __init__(self, broker: RemoteBroker, name: str) -> None:
        self.broker, self.name = broker, name
        self.connections = [connect(broker, channel_max=2)]
        self.channel: Channel = self.connections[0].channel()

    def elsewhere(self) -> Channel:
        self.connections.append(connect(self.broker))
        return self.connections[-1].channel()

    def wait(self) -> None:
        """Let the broker's complaint arrive."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.channel.connection.drain_events(timeout=PATIENCE_S)
        raise AssertionError("the broker did not mind")

    def send(
        self, method: tuple[int, int], signature: str = "", *arguments: object, channel: int = 1
    ) -> None:
        """A method that py-amqp would not send by itself."""
        octets = dumps(signature, arguments) if signature else b""
        self.channel.connection.frame_writer(1, channel, method, octets, None)
        self.wait()

    def exchange(self, kind: str = "direct", auto_delete: bool = False, **options: Any) -> Scene:
        self.channel.exchange_declare(self.name, kind, auto_delete=auto_delete, **options)
        return self

    def queue(self, auto_delete: bool = False, **options: Any) -> Scene:
        self.channel.queue_declare(self.name, auto_delete=auto_delete, **options)
        return self

    def locked(self) -> Channel:
        """Somebody else's exclusive queue; the channel to try it on."""
        self.elsewhere().queue_declare(self.name, exclusive=True)
        return self.channel

    def close(self) -> None:
        for connection in self.connections:
            if connection.connected:
                connection.close()
            else:
                connection.collect()


@pytest.fixture
def scene(broker: RemoteBroker, name: str) -> Iterator[Scene]:
    scene = Scene(broker, name)
    yield scene
    scene.close()


class Garbage(Message):
    """A content header that announces a content type and does not hold one."""

    def _serialize_properties(self) -> bytes:
        return b"\x80\x00\xff"


def publish(scene: Scene, exchange: str = "", message: Message | None = None, **properties: object) -> None:
    scene.channel.basic_publish(message or Message(b"", **properties), exchange, scene.name)
    scene.wait()


def no_header(scene: Scene) -> None:
    write = scene.channel.connection.frame_writer
    write(1, 1, spec.Basic.Publish, dumps("Bssbb", (0, "", "", False, False)), None)
    scene.send(spec.Queue.Declare, "BsbbbbbF", 0, "", False, False, False, False, False, {})


def exchange_in_use(scene: Scene) -> None:
    scene.exchange().queue().channel.queue_bind(scene.name, scene.name)
    scene.channel.exchange_delete(scene.name, if_unused=True)


def bind(scene: Scene, exchange: str, **arguments: object) -> None:
    scene.queue().channel.queue_bind(scene.name, exchange, arguments=arguments or None)


def queue_in_use(scene: Scene) -> None:
    scene.queue().elsewhere().basic_consume(scene.name)
    scene.channel.queue_delete(scene.name, if_unused=True)


def queue_not_empty(scene: Scene) -> None:
    scene.queue().channel.basic_publish(Message(b""), "", scene.name)
    scene.channel.queue_delete(scene.name, if_empty=True)


def same_tag_twice(scene: Scene) -> None:
    for _ in range(2):
        scene.queue().channel.basic_consume(scene.name, consumer_tag=scene.name)


def consume_beside(scene: Scene, first: bool, second: bool) -> None:
    scene.queue().elsewhere().basic_consume(scene.name, exclusive=first)
    scene.channel.basic_consume(scene.name, exclusive=second)


def settle(scene: Scene, method: str, *arguments: object) -> None:
    getattr(scene.channel, method)(*arguments)
    scene.wait()


def nack(scene: Scene, tag: int) -> None:
    """py-amqp has no basic.nack of its own."""
    scene.send(spec.Basic.Nack, "Lbb", tag, False, True)


def modes(scene: Scene, first: str, second: str) -> None:
    getattr(scene.channel, first)()
    getattr(scene.channel, second)()


MISTAKES: dict[str, Callable[[Scene], object]] = {
    **IN_THE_SAME_WORDS,
    "CONN-38": lambda s: s.send(spec.Connection.Open, "ssb", "/", "", False, channel=0),
    "CONN-39": lambda s: s.send(spec.Queue.Purge, "Bsb", 0, "", False, channel=0),
    "CONN-40": lambda s: s.send(spec.Connection.TuneOk, "BlB", 1, 4096, 0),
    "CONN-41": lambda s: s.send(spec.Queue.DeclareOk, "sll", "", 0, 0),
    "CONN-46": lambda s: publish(s, message=Garbage(b"")),
    "CODEC-16": no_header,
    "CHAN-02": lambda s: s.send(spec.Queue.Purge, "Bsb", 0, "q", False, channel=9),
    "CHAN-03": lambda s: s.send(spec.Channel.Open, "s", ""),
    "CHAN-06": lambda s: s.send(spec.Channel.CloseOk),
    "CHAN-20": lambda s: s.channel.queue_purge(),
    "EXCH-03 type": lambda s: s.exchange().exchange("fanout"),
    "EXCH-03 internal": lambda s: s.exchange().send(
        spec.Exchange.Declare, "BssbbbbbF", 0, s.name, "direct", False, False, False, True, False, {}
    ),
    "EXCH-08": lambda s: s.exchange("x-" + s.name),
    "EXCH-10 declare": lambda s: s.channel.exchange_declare("", "direct"),
    "EXCH-10 passive": lambda s: s.channel.exchange_declare("", "direct", passive=True),
    "EXCH-11": lambda s: s.channel.exchange_declare("amq." + s.name, "direct"),
    "EXCH-14": exchange_in_use,
    "EXCH-20 bind": lambda s: bind(s, ""),
    "EXCH-34": lambda s: bind(s, "amq.headers", **{"x-match": "some"}),
    "EXCH-34 type": lambda s: bind(s, "amq.headers", **{"x-match": 1}),
    "EXCH-42 exchange": lambda s: bind(s, s.name),
    "QUEUE-18 consume": lambda s: s.locked().basic_consume(s.name),
    "QUEUE-25 consume": lambda s: s.channel.basic_consume(s.name),
    "QUEUE-28": queue_in_use,
    "QUEUE-29": queue_not_empty,
    "BASIC-03": lambda s: publish(s, s.name),
    "BASIC-04": lambda s: settle(s, "basic_publish", Message(b""), "", s.name, False, True),
    "BASIC-08": lambda s: publish(s, user_id="mallory"),
    "BASIC-09": lambda s: publish(s, expiration="soon"),
    "BASIC-10": lambda s: publish(s, application_headers={"CC": "x"}),
    "BASIC-15": same_tag_twice,
    "BASIC-20 exclusive": lambda s: consume_beside(s, False, True),
    "BASIC-20 other": lambda s: consume_beside(s, True, False),
    "BASIC-23": lambda s: s.queue().channel.basic_consume(s.name, arguments={"x-priority": "1"}),
    "BASIC-37": lambda s: s.channel.basic_qos(10, 0, False),
    "BASIC-48 ack": lambda s: settle(s, "basic_ack", 7),
    "BASIC-48 nack": lambda s: nack(s, 7),
    "BASIC-48 reject": lambda s: settle(s, "basic_reject", 7, True),
    "BASIC-49": lambda s: settle(s, "basic_ack", 7, True),
    "BASIC-50": lambda s: settle(s, "basic_ack", 0),
    "BASIC-57": lambda s: settle(s, "basic_recover", False),
    "CONF-01": lambda s: modes(s, "tx_select", "confirm_select"),
    "TX-01": lambda s: modes(s, "confirm_select", "tx_select"),
}


def test_every_mistake_is_made_except_those_that_py_amqp_cannot_make() -> None:
    """It declares no internal exchanges, and takes the broker's channel-max as it comes."""
    assert REFUSALS.keys() - MISTAKES.keys() == {"EXCH-19", "CONN-42"}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_with_code_and_text(scene: Scene, mistake: str) -> None:
    refusal = REFUSALS[mistake]
    with pytest.raises(CLASSES[refusal.code]) as refused:
        MISTAKES[mistake](scene)
    assert (refused.value.code, refused.value.reply_text) == (refusal.code, refusal.about(scene.name))
    connection: Connection = scene.connections[0]
    assert bool(connection.connected) == (refusal.closes == "channel")
    if connection.connected:
        connection.channel().queue_declare("", exclusive=True)


@pytest.mark.parametrize("mechanism", ["PLAIN", "AMQPLAIN"])
def test_a_wrong_password_is_refused(broker: RemoteBroker, mechanism: str) -> None:
    with pytest.raises(AccessRefused) as refused:
        connect(broker, password="wrong", login_method=mechanism)
    assert refused.value.reply_text == LOGIN_REFUSED.replace("PLAIN", mechanism)


def test_a_missing_virtual_host_is_refused(broker: RemoteBroker) -> None:
    with pytest.raises(NotAllowed) as refused:
        connect(broker, virtual_host="nirgendwo ä")
    assert refused.value.reply_text == "NOT_ALLOWED - vhost nirgendwo ä not found"
