"""basic.publish: checks in order, returns, extra keys, and octets that pass through (BASIC-01 … BASIC-13)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from broker_peer import Message, Peer, World

from amqplab.broker.config import BrokerConfig, Permission, User
from amqplab.wire import methods as m
from amqplab.wire.frames import encode_content
from amqplab.wire.properties import Properties
from amqplab.wire.table import Table


def error(peer: Peer) -> tuple[int, str]:
    (close,) = peer.on()
    assert isinstance(close, m.Channel.Close)
    assert (close.class_id, close.method_id) == (60, 40)
    return close.reply_code, close.reply_text


def test_a_missing_exchange(peer: Peer) -> None:
    peer.publish(exchange="gone")
    assert error(peer) == (404, "NOT_FOUND - no exchange 'gone' in vhost '/'")


def test_immediate_is_not_implemented(peer: Peer) -> None:
    peer.publish(exchange="gone", immediate=True)
    ((channel, close),) = peer.drain()
    assert (channel, close.reply_code, close.reply_text) == (0, 540, "NOT_IMPLEMENTED - immediate=true")
    assert (close.class_id, close.method_id) == (60, 40)


def test_a_mandatory_message_that_nobody_wants_comes_back_as_it_was(peer: Peer) -> None:
    properties = Properties(content_type="text/plain", headers={"a": 1}, delivery_mode=2)
    peer.publish(exchange="amq.direct", key="k", body=b"hello", properties=properties, mandatory=True)
    assert peer.on() == [
        Message(
            m.Basic.Return(reply_code=312, reply_text="NO_ROUTE", exchange="amq.direct", routing_key="k"),
            properties,
            b"hello",
        )
    ]


def test_otherwise_it_is_dropped_without_a_word(peer: Peer) -> None:
    peer.publish(exchange="amq.direct", key="k")
    assert peer.drain() == []


@pytest.mark.parametrize("claimed", ["", "root"])
def test_nobody_speaks_in_anothers_name(peer: Peer, claimed: str) -> None:
    peer.publish(key="q", properties=Properties(user_id=claimed))
    assert error(peer) == (
        406,
        f"PRECONDITION_FAILED - user_id property set to '{claimed}' but authenticated user was 'guest'",
    )


def test_except_an_impersonator() -> None:
    user = User("u", "u", ("impersonator",), permissions={"/": Permission()})
    peer = World(BrokerConfig(users=(user,))).connect(user="u", password="u")
    peer.channel(1)
    peer.publish(properties=Properties(user_id="root"))
    peer.publish(properties=Properties(user_id="u"))
    assert peer.drain() == []


@pytest.mark.parametrize(
    ("expiration", "reason"),
    [
        ("", "no_integer"),
        ("abc", "no_integer"),
        (" 1", "no_integer"),
        ("1.5", '{leftover_string,".5"}'),
        ("-1", "{value_negative,-1}"),
        ("315360000001", "{value_too_large,315360000001}"),
    ],
)
def test_bad_expirations(peer: Peer, expiration: str, reason: str) -> None:
    peer.publish(key="q", properties=Properties(expiration=expiration))
    assert error(peer) == (406, f"PRECONDITION_FAILED - invalid expiration '{expiration}': {reason}")


@pytest.mark.parametrize("expiration", ["0", "+5", "315360000000", "007"])
def test_good_expirations(peer: Peer, expiration: str) -> None:
    peer.publish(key="q", properties=Properties(expiration=expiration))
    assert peer.drain() == []


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        (Properties(delivery_mode=3), "{delivery_mode_unknown,3}"),
        (Properties(delivery_mode=0), "{delivery_mode_unknown,0}"),
        (Properties(headers={"CC": "q"}), '{unacceptable_type_in_header,"CC",longstr}'),
        (Properties(headers={"BCC": 1}), '{unacceptable_type_in_header,"BCC",signedint}'),
    ],
)
def test_invalid_messages(peer: Peer, properties: Properties, reason: str) -> None:
    peer.publish(key="q", properties=properties)
    assert error(peer) == (406, f"PRECONDITION_FAILED - invalid message: {reason}")


def test_cc_and_bcc_are_extra_keys_and_bcc_is_hidden(peer: Peer) -> None:
    for name in ("q", "cc", "bcc"):
        peer.declare(name)
    headers = Table([("CC", ["cc", 5, "q"]), ("x", 1), ("BCC", ["bcc"])])
    peer.publish(key="q", properties=Properties(headers=headers, app_id="a"))
    for name in ("q", "cc", "bcc"):
        got = peer.call(1, m.Basic.Get(queue=name))
        assert got.method.routing_key == "q"
        assert got.properties == Properties(headers=Table([("CC", ["cc", 5, "q"]), ("x", 1)]), app_id="a")
        assert peer.call(1, m.Basic.Get(queue=name)) == m.Basic.GetEmpty()


def test_a_header_table_that_held_only_bcc_stays_empty(peer: Peer) -> None:
    peer.declare("q")
    peer.publish(key="q", properties=Properties(headers={"BCC": ["nobody"]}))
    assert peer.call(1, m.Basic.Get(queue="q")).properties == Properties(headers={})


def test_messages_over_the_limit(world: World) -> None:
    peer = World(replace(world.config, max_message_size=10)).connect()
    peer.channel(1)
    peer.publish(exchange="gone", body=bytes(11))
    assert error(peer) == (
        406,
        "PRECONDITION_FAILED - message size 11 is larger than configured max size 10",
    )


@pytest.mark.parametrize(
    "octets",
    [
        b"\x80\x00\x05ab",
        b"\x00\x00!",
        b"\x80",
        b"\x20\x00\x00\x00\x00\xff",
        b"\x20\x00\x00\x00\x00\x04\x01aU\x01",
        b"\x20\x00\x00\x00\x00\x0b\x01ad\x7f\xf0\x00\x00\x00\x00\x00\x00",
    ],
)
def test_properties_that_cannot_be_read_crash_the_channel(peer: Peer, octets: bytes) -> None:
    peer.publish(key="q", properties=octets)
    ((channel, close),) = peer.drain()
    assert (channel, close.reply_code, close.reply_text) == (0, 541, "INTERNAL_ERROR")
    assert (close.class_id, close.method_id) == (0, 0)


@pytest.mark.parametrize(
    "octets",
    [
        b"\x00\x03",
        b"\x20\x00\x00\x00\x00\x0a\x01at\x07\x01ab\xff\x01a",
        Properties(headers=Table([("z", 1), ("a", 2), ("z", None)]), priority=9).encode(),
    ],
)
def test_property_octets_pass_through_unchanged(peer: Peer, octets: bytes) -> None:
    peer.declare("q")
    peer.raw = b""
    if octets[:1] == b"\x20":
        octets = b"\x20\x00" + Table([("a", True), ("a", 5)]).encode().replace(b"t\x01", b"t\x07")
    peer.publish(key="q", properties=octets)
    peer.send(1, m.Basic.Get(queue="q"))
    assert octets in peer.raw


@pytest.mark.parametrize("size", [0, 1, 4087, 4088, 4089, 10000])
@pytest.mark.parametrize("way", ["get", "deliver", "return"])
def test_bodies_are_cut_at_frame_max(world: World, size: int, way: str) -> None:
    peer = world.connect(frame_max=4096)
    peer.channel(1)
    peer.declare("q")
    body = bytes(number % 251 for number in range(size))
    if way == "deliver":
        peer.consume("q", no_ack=True)
    peer.raw = b""
    publish = m.Basic.Publish(routing_key="gone" if way == "return" else "q", mandatory=True)
    peer.octets(encode_content(1, publish, Properties(), body, 4096))
    if way == "get":
        peer.send(1, m.Basic.Get(queue="q"))
    (got,) = peer.on()
    assert got.body == body
    method = got.method
    assert peer.raw == encode_content(1, method, Properties(), body, 4096)


def test_without_a_frame_limit_a_body_is_one_frame() -> None:
    peer = World(BrokerConfig(frame_max=0)).connect(frame_max=0)
    peer.channel(1)
    peer.declare("q")
    peer.publish(key="q", body=bytes(300_000))
    peer.raw = b""
    peer.send(1, m.Basic.Get(queue="q"))
    assert peer.on()[0].body == bytes(300_000)
    assert peer.raw.count(b"\x03\x00\x01\x00\x04\x93\xe0") == 1


def test_order_is_kept(peer: Peer) -> None:
    peer.declare("q")
    for number in range(50):
        peer.publish(key="q", body=b"%d" % number)
    peer.consume("q", no_ack=True)
    peer.drain()
    for number in range(50, 100):
        peer.publish(key="q", body=b"%d" % number)
    assert peer.bodies() == [b"%d" % number for number in range(50, 100)]


def test_one_copy_per_queue(peer: Peer) -> None:
    peer.declare("q")
    for key in ("a", "b"):
        peer.call(1, m.Queue.Bind(queue="q", exchange="amq.fanout", routing_key=key))
    peer.publish(exchange="amq.fanout")
    assert peer.declare("q").message_count == 1


PERMISSION_CASES: list[tuple[dict[str, str], m.Method, str]] = [
    ({"configure": "^p"}, m.Queue.Declare(queue="q"), "queue 'q'"),
    ({"configure": "^p"}, m.Queue.Declare(queue=""), "queue 'amq.gen-"),
    ({"configure": ""}, m.Queue.Delete(queue="gone"), "queue 'gone'"),
    ({"configure": "^q$"}, m.Exchange.Declare(exchange="x", type="direct"), "exchange 'x'"),
    ({"configure": "^q$"}, m.Exchange.Declare(exchange="amq.x", type="direct"), "exchange 'amq.x'"),
    ({"configure": "^q$"}, m.Exchange.Delete(exchange="gone"), "exchange 'gone'"),
    ({"read": "^x"}, m.Queue.Purge(queue="gone"), "queue 'gone'"),
    ({"read": "^x"}, m.Basic.Get(queue="gone"), "queue 'gone'"),
    ({"read": "^x"}, m.Basic.Consume(queue="gone"), "queue 'gone'"),
    ({"write": "^x"}, m.Queue.Bind(queue="q", exchange="gone"), "queue 'q'"),
    ({"read": "^q"}, m.Queue.Bind(queue="q", exchange="gone"), "exchange 'gone'"),
    ({"write": "^x"}, m.Exchange.Bind(source="gone", destination="amq.topic"), "exchange 'amq.topic'"),
    ({"read": "^x"}, m.Exchange.Unbind(source="gone", destination="amq.topic"), "exchange 'gone'"),
    (
        {"write": "^q"},
        m.Queue.Declare(queue="q", arguments={"x-dead-letter-exchange": "dlx"}),
        "exchange 'dlx'",
    ),
    (
        {"read": "^q"},
        m.Exchange.Declare(exchange="x", type="direct", arguments={"alternate-exchange": "a"}),
        "exchange 'x'",
    ),
]


@pytest.mark.parametrize(("patterns", "method", "resource"), PERMISSION_CASES)
def test_permissions(patterns: dict[str, str], method: m.Method, resource: str) -> None:
    user = User(
        "u",
        "u",
        permissions={"/": Permission(**{"configure": ".*", "write": ".*", "read": ".*", **patterns})},
    )
    peer = World(BrokerConfig(users=(user,))).connect(user="u", password="u")
    peer.channel(1)
    close = peer.call(1, method)
    assert close.reply_code == 403
    assert close.reply_text.startswith(f"ACCESS_REFUSED - access to {resource}")
    assert close.reply_text.endswith("in vhost '/' refused for user 'u'")


def test_permission_to_publish_is_asked_before_the_exchange_is_looked_for() -> None:
    user = User("u", "u", permissions={"/": Permission(write="^q")})
    peer = World(BrokerConfig(users=(user,))).connect(user="u", password="u")
    for number, (exchange, name) in enumerate((("gone", "gone"), ("", "amq.default")), 1):
        peer.channel(number)
        peer.publish(number, exchange=exchange, key="q")
        (close,) = peer.on(number)
        assert close.reply_text == (
            f"ACCESS_REFUSED - access to exchange '{name}' in vhost '/' refused for user 'u'"
        )


def test_topic_permissions() -> None:
    user = User(
        "u", "u", permissions={"/": Permission()}, topics={("/", "amq.topic"): (r"^{username}\.", r"^news\.")}
    )
    peer = World(BrokerConfig(users=(user,))).connect(user="u", password="u")
    peer.channel(1)
    peer.declare("q")
    bind: Any = m.Queue.Bind(queue="q", exchange="amq.topic", routing_key="news.#")
    assert peer.call(1, bind) == m.Queue.BindOk()
    peer.publish(exchange="amq.topic", key="u.x")
    assert peer.drain() == []
    peer.publish(exchange="amq.topic", key="v.x")
    assert error(peer) == (
        403,
        "ACCESS_REFUSED - access to topic 'v.x' in exchange 'amq.topic' in vhost '/' refused for user 'u'",
    )
