"""pika, unmodified: every mistake it can make is answered with RabbitMQ's code and text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pika
import pytest
from brokers import RemoteBroker
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import (
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)
from refusals import IN_THE_SAME_WORDS, LOGIN_REFUSED, REFUSALS
from with_pika import connect

PATIENCE_S = 10.0


class Scene:
    """An open channel, a name for what the mistake is about, and another connection if one is needed."""

    def __init__(self, broker: RemoteBroker, name: str) -> None:
        self.broker, self.name = broker, name
        self.connections = [connect(broker, channel_max=2)]
        self.channel = self.connections[0].channel()

    def elsewhere(self) -> BlockingChannel:
        self.connections.append(connect(self.broker))
        return self.connections[-1].channel()

    def send(self, *methods: object, channel: int = 1) -> None:
        """Methods that pika would not send by itself; the answer is noticed while asking for something."""
        for method in methods:
            self.channel._impl.connection._send_method(channel, method)
        self.wait()

    def wait(self) -> None:
        """Let the broker's complaint arrive."""
        deadline = time.monotonic() + PATIENCE_S
        while self.channel.is_open and time.monotonic() < deadline:
            self.channel.connection.process_data_events(time_limit=0.01)
        assert self.channel._closing_reason, "the broker did not mind"
        raise self.channel._closing_reason

    def exchange(self, **options: object) -> Scene:
        self.channel.exchange_declare(self.name, **options)  # type: ignore[arg-type]
        return self

    def queue(self, **options: object) -> Scene:
        self.channel.queue_declare(self.name, **options)  # type: ignore[arg-type]
        return self

    def locked(self) -> BlockingChannel:
        """Somebody else's exclusive queue; the channel to try it on."""
        self.elsewhere().queue_declare(self.name, exclusive=True)
        return self.channel

    def close(self) -> None:
        for connection in self.connections:
            if connection.is_open:
                connection.close()


@pytest.fixture
def scene(broker: RemoteBroker, name: str) -> Iterator[Scene]:
    scene = Scene(broker, name)
    yield scene
    scene.close()


class Garbage(pika.BasicProperties):
    """A content header that announces a content type and does not hold one."""

    def encode(self) -> list[bytes]:
        return [b"\x80\x00\xff"]


def ignore(*_: object) -> None:
    pass


def publish(scene: Scene, exchange: str = "", **properties: object) -> None:
    scene.channel.basic_publish(exchange, scene.name, b"", pika.BasicProperties(**properties))  # type: ignore[arg-type]
    scene.wait()


def publish_garbage(scene: Scene) -> None:
    scene.channel.basic_publish("", "", b"", Garbage())
    scene.wait()


def third_channel(scene: Scene) -> None:
    scene.channel.connection.channel()
    scene.send(spec.Channel.Open(), channel=77)


def exchange_in_use(scene: Scene) -> None:
    scene.exchange().queue().channel.queue_bind(scene.name, scene.name)
    scene.channel.exchange_delete(scene.name, if_unused=True)


def bind(scene: Scene, exchange: str, **arguments: object) -> None:
    scene.queue().channel.queue_bind(scene.name, exchange, arguments=arguments or None)


def queue_in_use(scene: Scene) -> None:
    scene.queue().elsewhere().basic_consume(scene.name, ignore)
    scene.channel.queue_delete(scene.name, if_unused=True)


def queue_not_empty(scene: Scene) -> None:
    scene.queue().channel.basic_publish("", scene.name, b"")
    scene.channel.queue_delete(scene.name, if_empty=True)


def same_tag_twice(scene: Scene) -> None:
    """pika itself refuses the tag that it knows."""
    scene.queue().channel.basic_consume(scene.name, ignore, consumer_tag=scene.name)
    scene.send(spec.Basic.Consume(queue=scene.name, consumer_tag=scene.name))


def consume_beside(scene: Scene, first: bool, second: bool) -> None:
    scene.queue().elsewhere().basic_consume(scene.name, ignore, exclusive=first)
    scene.channel.basic_consume(scene.name, ignore, exclusive=second)


def settle(scene: Scene, method: str, tag: int, **options: object) -> None:
    getattr(scene.channel, method)(tag, **options)
    scene.wait()


def modes(scene: Scene, first: str, second: str) -> None:
    getattr(scene.channel, first)()
    getattr(scene.channel, second)()


MISTAKES: dict[str, Callable[[Scene], object]] = {
    **IN_THE_SAME_WORDS,
    "CONN-38": lambda s: s.send(spec.Connection.Open(), channel=0),
    "CONN-39": lambda s: s.send(spec.Queue.Declare(queue=""), channel=0),
    "CONN-40": lambda s: s.send(spec.Connection.TuneOk()),
    "CONN-41": lambda s: s.send(spec.Queue.DeclareOk("", 0, 0)),
    "CONN-42": third_channel,
    "CONN-46": publish_garbage,
    "CODEC-16": lambda s: s.send(spec.Basic.Publish(), spec.Queue.Declare()),
    "CHAN-02": lambda s: s.send(spec.Queue.Declare(queue="q"), channel=9),
    "CHAN-03": lambda s: s.send(spec.Channel.Open()),
    "CHAN-06": lambda s: s.send(spec.Channel.CloseOk()),
    "CHAN-20": lambda s: s.send(spec.Basic.Get()),
    "EXCH-03 type": lambda s: s.exchange().exchange(exchange_type="fanout"),
    "EXCH-03 internal": lambda s: s.exchange().exchange(internal=True),
    "EXCH-08": lambda s: s.exchange(exchange_type="x-" + s.name),
    "EXCH-10 declare": lambda s: s.channel.exchange_declare(""),
    "EXCH-10 passive": lambda s: s.channel.exchange_declare("", passive=True),
    "EXCH-11": lambda s: s.channel.exchange_declare("amq." + s.name),
    "EXCH-14": exchange_in_use,
    "EXCH-19": lambda s: publish(s.exchange(internal=True), s.name),
    "EXCH-20 bind": lambda s: bind(s, ""),
    "EXCH-34": lambda s: bind(s, "amq.headers", **{"x-match": "some"}),
    "EXCH-34 type": lambda s: bind(s, "amq.headers", **{"x-match": 1}),
    "EXCH-42 exchange": lambda s: bind(s, s.name),
    "QUEUE-18 consume": lambda s: s.locked().basic_consume(s.name, ignore),
    "QUEUE-25 consume": lambda s: s.channel.basic_consume(s.name, ignore),
    "QUEUE-28": queue_in_use,
    "QUEUE-29": queue_not_empty,
    "BASIC-03": lambda s: publish(s, s.name),
    "BASIC-04": lambda s: (
        s.channel._impl._send_method(spec.Basic.Publish(immediate=True), (pika.BasicProperties(), b""))
        or s.wait()
    ),
    "BASIC-08": lambda s: publish(s, user_id="mallory"),
    "BASIC-09": lambda s: publish(s, expiration="soon"),
    "BASIC-10": lambda s: publish(s, headers={"CC": "x"}),
    "BASIC-15": same_tag_twice,
    "BASIC-20 exclusive": lambda s: consume_beside(s, False, True),
    "BASIC-20 other": lambda s: consume_beside(s, True, False),
    "BASIC-23": lambda s: s.queue().channel.basic_consume(s.name, ignore, arguments={"x-priority": "1"}),
    "BASIC-37": lambda s: s.channel.basic_qos(prefetch_size=10),
    "BASIC-48 ack": lambda s: settle(s, "basic_ack", 7),
    "BASIC-48 nack": lambda s: settle(s, "basic_nack", 7),
    "BASIC-48 reject": lambda s: settle(s, "basic_reject", 7),
    "BASIC-49": lambda s: settle(s, "basic_ack", 7, multiple=True),
    "BASIC-50": lambda s: settle(s, "basic_ack", 0),
    "BASIC-57": lambda s: s.channel.basic_recover(requeue=False),
    "CONF-01": lambda s: modes(s, "tx_select", "confirm_delivery"),
    "TX-01": lambda s: modes(s, "confirm_delivery", "tx_select"),
}


def test_every_mistake_is_made() -> None:
    assert MISTAKES.keys() == REFUSALS.keys()


@pytest.mark.parametrize("mistake", REFUSALS)
def test_a_mistake_is_refused_with_code_and_text(scene: Scene, mistake: str) -> None:
    refusal = REFUSALS[mistake]
    kind = ChannelClosedByBroker if refusal.closes == "channel" else ConnectionClosedByBroker
    with pytest.raises(kind) as refused:
        MISTAKES[mistake](scene)
    assert (refused.value.reply_code, refused.value.reply_text) == (refusal.code, refusal.about(scene.name))
    connection = scene.channel.connection
    assert connection.is_open == (refusal.closes == "channel")
    if connection.is_open:
        connection.channel().queue_declare("", exclusive=True)


def test_a_wrong_password_is_refused(broker: RemoteBroker) -> None:
    with pytest.raises(ProbableAuthenticationError) as refused:
        connect(broker, password="wrong")
    assert refused.value.args[0] == f"ConnectionClosedByBroker: (403) {LOGIN_REFUSED!r}"


@pytest.mark.parametrize(
    ("user", "vhost", "text"),
    [
        ("guest", "nowhere", "NOT_ALLOWED - vhost nowhere not found"),
        ("outsider", "/", "NOT_ALLOWED - access to vhost '/' refused for user 'outsider'"),
        (
            "guest",
            "small",
            "NOT_ALLOWED - access to vhost 'small' refused for user 'guest': connection limit (1) is reached",
        ),
        (
            "limited",
            "/",
            "NOT_ALLOWED - connection refused for user 'limited': user connection limit (1) is reached",
        ),
    ],
    ids=["CONN-30", "CONN-31", "CONN-32", "CONN-33"],
)
def test_a_virtual_host_is_refused(broker: RemoteBroker, user: str, vhost: str, text: str) -> None:
    password = "guest" if user == "guest" else "secret"
    first = connect(broker, user, password, vhost) if "limit" in text else None
    try:
        with pytest.raises(ProbableAccessDeniedError) as refused:
            connect(broker, user, password, vhost)
        assert refused.value.args[0] == f"ConnectionClosedByBroker: (530) {text!r}"
    finally:
        if first is not None:
            first.close()


def test_a_user_has_no_more_channels_than_are_granted(broker: RemoteBroker) -> None:
    connection = connect(broker, "limited", "secret")
    connection.channel(), connection.channel()
    with pytest.raises(ConnectionClosedByBroker) as refused:
        connection.channel()
    assert refused.value.reply_text == (
        "NOT_ALLOWED - number of channels opened for user 'limited' has reached the maximum allowed "
        "user limit of (2)"
    )
