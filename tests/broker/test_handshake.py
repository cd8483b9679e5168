"""How a connection opens, and all the ways it does not (CONN-01 … CONN-37)."""

from __future__ import annotations

from typing import Any

import pytest
from broker_peer import CAPABLE, Peer, World

from amqplab.broker.config import BrokerConfig, Permission, User
from amqplab.wire import methods as m
from amqplab.wire.frames import FRAME_METHOD, HEARTBEAT, PROTOCOL_HEADER, encode_frame, encode_method
from amqplab.wire.table import Table

START_OK = m.Connection.StartOk(mechanism="PLAIN", response=b"\x00guest\x00guest")
TUNE_OK = m.Connection.TuneOk(channel_max=2047, frame_max=131072, heartbeat=0)
REFUSED = (
    "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
    "For details see the broker logfile."
)


def said(peer: Peer) -> list[Any]:
    return [what for _, what in peer.drain()]


def assert_silence_then_reset(world: World, peer: Peer, after: float = 3) -> None:
    """RST(3s): not a word, and the reset neither earlier nor later."""
    assert said(peer) == []
    world.sleep(after - 0.001)
    assert peer.closed is None
    world.sleep(0.001)
    assert peer.closed is not None and peer.closed.abort
    assert said(peer) == []
    assert peer.name not in world.broker.sessions


@pytest.mark.parametrize(
    ("header", "version"),
    [
        (PROTOCOL_HEADER, (0, 9)),
        (b"AMQP\x01\x01\x00\x09", (0, 9)),
        (b"AMQP\x01\x01\x08\x00", (8, 0)),
        (b"AMQP\x01\x01\x09\x01", (8, 0)),
    ],
)
def test_known_protocol_headers_are_answered_with_start(
    world: World, header: bytes, version: tuple[int, int]
) -> None:
    peer = world.tcp()
    peer.octets(header)
    (start,) = said(peer)
    assert (start.version_major, start.version_minor) == version
    assert sorted(start.mechanisms.split()) == [b"AMQPLAIN", b"PLAIN"]
    assert start.locales == b"en_US"


def test_start_tells_what_the_broker_is_and_can(world: World) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER)
    properties = Table(said(peer)[0].server_properties)
    names = [name for name, _ in properties.pairs]
    assert names == sorted(names)
    assert (properties["product"], properties["version"]) == ("RabbitMQ", "3.10.8")
    assert set(names) == {
        "capabilities", "cluster_name", "copyright", "information", "platform", "product", "version",
    }  # fmt: skip
    assert dict(properties["capabilities"]) == dict.fromkeys(
        [
            "publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
            "connection.blocked", "consumer_priorities", "authentication_failure_close",
            "per_consumer_qos", "direct_reply_to",
        ],
        True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "header",
    [b"AMQP\x00\x01\x00\x00", b"AMQP\x03\x01\x00\x00", b"AMQP\x00\x00\x09\x00", b"GET / HT", bytes(8)],
)
def test_other_headers_are_told_which_protocol_is_spoken_here(world: World, header: bytes) -> None:
    peer = world.tcp()
    peer.octets(header)
    assert peer.raw == PROTOCOL_HEADER
    assert peer.closed is not None and peer.closed.abort


def test_less_than_a_header_waits_for_the_handshake_timer(world: World) -> None:
    peer = world.tcp()
    peer.octets(b"AMQP\x00")
    assert_silence_then_reset(world, peer, after=10)


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_the_whole_handshake_has_ten_seconds(world: World, steps: int) -> None:
    peer = world.tcp()
    world.sleep(5)
    octets = [PROTOCOL_HEADER, encode_method(0, START_OK), encode_method(0, TUNE_OK)]
    for data in octets[:steps]:
        peer.octets(data)
    peer.drain()
    assert_silence_then_reset(world, peer, after=5)


def test_an_open_connection_has_all_the_time_in_the_world(world: World) -> None:
    peer = world.connect()
    world.sleep(1000)
    assert peer.closed is None


def test_a_good_handshake_in_one_write(world: World) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER + encode_method(0, START_OK))
    peer.octets(encode_method(0, TUNE_OK) + encode_method(0, m.Connection.Open(virtual_host="/")))
    _, tune, open_ok = said(peer)
    assert tune == m.Connection.Tune(channel_max=2047, frame_max=131072, heartbeat=60)
    assert open_ok == m.Connection.OpenOk()


def test_the_handshake_works_octet_by_octet(world: World) -> None:
    peer = world.tcp()
    octets = PROTOCOL_HEADER + b"".join(
        encode_method(0, method) for method in (START_OK, TUNE_OK, m.Connection.Open(virtual_host="/"))
    )
    for at in range(len(octets)):
        peer.octets(octets[at : at + 1])
    assert said(peer)[-1] == m.Connection.OpenOk()


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"guest\x00guest",
        b"\x00guest",
        b"id\x00guest\x00guest",
        b"\x00guest\x00guest\x00",
        b"\x00\x00\x00\x00",
    ],
)
def test_a_malformed_plain_response_gets_silence(world: World, response: bytes) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER)
    peer.drain()
    properties = {"capabilities": CAPABLE}
    peer.send(0, m.Connection.StartOk(client_properties=properties, mechanism="PLAIN", response=response))
    assert_silence_then_reset(world, peer)


@pytest.mark.parametrize("mechanism", ["", "plain", "EXTERNAL", "RABBIT-CR-DEMO"])
def test_an_unknown_mechanism_gets_silence(world: World, mechanism: str) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER)
    peer.drain()
    properties = {"capabilities": CAPABLE}
    peer.send(
        0,
        m.Connection.StartOk(
            client_properties=properties, mechanism=mechanism, response=b"\x00guest\x00guest"
        ),
    )
    assert_silence_then_reset(world, peer)


def amqplain(*pairs: tuple[str, Any]) -> bytes:
    return Table(pairs).encode()[4:]


def test_amqplain_is_a_table_without_its_length(world: World) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER)
    peer.drain()
    response = amqplain(("LOGIN", "guest"), ("PASSWORD", "guest"))
    peer.send(0, m.Connection.StartOk(mechanism="AMQPLAIN", response=response))
    assert [what.name for what in said(peer)] == ["connection.tune"]


@pytest.mark.parametrize(
    "response",
    [
        Table([("LOGIN", "guest"), ("PASSWORD", "guest")]).encode(),
        amqplain(("LOGIN", "guest")),
        amqplain(("LOGIN", 1), ("PASSWORD", 2)),
        b"\xff\xff\xff",
    ],
)
def test_a_malformed_amqplain_response_gets_silence(world: World, response: bytes) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER)
    peer.drain()
    peer.send(0, m.Connection.StartOk(mechanism="AMQPLAIN", response=response))
    assert_silence_then_reset(world, peer)


@pytest.mark.parametrize(("user", "password"), [("guest", "wrong"), ("nobody", "x"), ("guest", "")])
class TestWrongCredentials:
    """CONN-17, CONN-18."""

    def refused(self, world: World, user: str, password: str, capabilities: Any) -> Peer:
        peer = world.tcp()
        peer.octets(PROTOCOL_HEADER)
        peer.drain()
        peer.login(user, password, capabilities)
        return peer

    def test_are_refused_politely_to_who_understands_it(self, world: World, user: str, password: str) -> None:
        peer = self.refused(world, user, password, CAPABLE)
        assert said(peer) == [m.Connection.Close(reply_code=403, reply_text=REFUSED)]
        assert peer.closed is None
        peer.send(0, m.Connection.CloseOk())
        assert peer.closed is not None

    def test_without_close_ok_the_reset_comes_after_three_seconds(
        self, world: World, user: str, password: str
    ) -> None:
        peer = self.refused(world, user, password, CAPABLE)
        peer.drain()
        assert_silence_then_reset(world, peer)

    @pytest.mark.parametrize(
        "capabilities",
        [{}, {"authentication_failure_close": False}, {"authentication_failure_close": 1}, "text"],
    )
    def test_are_met_with_silence_otherwise(
        self, world: World, user: str, password: str, capabilities: Any
    ) -> None:
        assert_silence_then_reset(world, self.refused(world, user, password, capabilities))


def test_guest_may_only_come_from_the_same_machine(world: World) -> None:
    peer = world.tcp(loopback=False)
    peer.octets(PROTOCOL_HEADER)
    peer.drain()
    peer.login()
    assert said(peer) == [m.Connection.Close(reply_code=403, reply_text=REFUSED)]


@pytest.mark.parametrize(
    "limits",
    [
        {"channel_max": 0},
        {"channel_max": 2048},
        {"frame_max": 0},
        {"frame_max": 4095},
        {"frame_max": 131073},
    ],
)
def test_limits_out_of_bounds_get_silence(world: World, limits: dict[str, int]) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER + encode_method(0, START_OK))
    peer.drain()
    peer.send(0, m.Connection.TuneOk(**{"channel_max": 2047, "frame_max": 131072, "heartbeat": 0, **limits}))
    assert_silence_then_reset(world, peer)


@pytest.mark.parametrize(
    "limits", [{"channel_max": 1}, {"frame_max": 4096}, {"heartbeat": 65535}, {"heartbeat": 0}]
)
def test_limits_within_bounds_are_final(world: World, limits: dict[str, int]) -> None:
    peer = world.connect(**limits)
    peer.channel(1)


def test_a_broker_without_limits_accepts_any() -> None:
    world = World(BrokerConfig(channel_max=0, frame_max=0, heartbeat_s=0))
    peer = world.connect(channel_max=0, frame_max=0)
    peer.channel(65535)
    world.connect("c2:1", channel_max=65535, frame_max=2**31).channel(7)


@pytest.mark.parametrize("vhost", ["missing", ""])
def test_a_missing_virtual_host(world: World, vhost: str) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER + encode_method(0, START_OK) + encode_method(0, TUNE_OK))
    peer.drain()
    peer.send(0, m.Connection.Open(virtual_host=vhost))
    assert said(peer) == [
        m.Connection.Close(
            reply_code=530, reply_text=f"NOT_ALLOWED - vhost {vhost} not found", class_id=10, method_id=40
        )
    ]


def refusal(config: BrokerConfig, before: int = 0, vhost: str = "/", user: str = "guest") -> str:
    """The text with which connection.open is refused after `before` connections are open."""
    world = World(config)
    for number in range(before):
        world.connect(f"before:{number}", vhost=vhost, user=user, password=user)
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER)
    peer.login(user, user)
    peer.send(0, TUNE_OK)
    peer.drain()
    peer.send(0, m.Connection.Open(virtual_host=vhost))
    (close,) = said(peer)
    assert (close.reply_code, close.class_id, close.method_id) == (530, 10, 40)
    return str(close.reply_text)


def test_a_virtual_host_without_permission() -> None:
    config = BrokerConfig(vhosts=("/", "other"))
    assert refusal(config, vhost="other") == (
        "NOT_ALLOWED - access to vhost 'other' refused for user 'guest'"
    )


def test_a_full_virtual_host() -> None:
    assert refusal(BrokerConfig(vhost_max_connections={"/": 1}), before=1) == (
        "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (1) is reached"
    )


def test_a_user_with_too_many_connections() -> None:
    user = User("u", "u", permissions={"/": Permission()}, max_connections=2)
    assert refusal(BrokerConfig(users=(user,)), before=2, user="u") == (
        "NOT_ALLOWED - connection refused for user 'u': user connection limit (2) is reached"
    )


@pytest.mark.parametrize(
    "early", [m.Connection.Open(virtual_host="/"), TUNE_OK, m.Connection.Close(), m.Connection.SecureOk()]
)
def test_a_method_that_comes_too_early_gets_silence(world: World, early: m.Method) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER)
    peer.drain()
    peer.send(0, early)
    assert_silence_then_reset(world, peer)


def test_a_second_start_ok_gets_silence(world: World) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER + encode_method(0, START_OK))
    peer.drain()
    peer.send(0, START_OK)
    assert_silence_then_reset(world, peer)


def test_a_channel_frame_before_open_gets_silence(world: World) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER)
    peer.drain()
    peer.send(1, m.Channel.Open())
    assert_silence_then_reset(world, peer)


def test_heartbeats_are_tolerated_before_start_ok(world: World) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER + HEARTBEAT + encode_method(0, START_OK))
    assert [what.name for what in said(peer)] == ["connection.start", "connection.tune"]


def test_before_tune_ok_a_frame_may_have_4096_octets(world: World) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER)
    peer.drain()
    peer.send(0, START_OK.replace(client_properties={"long": "x" * 5000}))
    assert_silence_then_reset(world, peer)


def test_a_large_frame_right_behind_tune_ok_has_the_new_limit(world: World) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER + encode_method(0, START_OK))
    declare = m.Queue.Declare(queue="q", arguments={"long": "x" * 5000})
    peer.octets(
        encode_method(0, TUNE_OK)
        + encode_method(0, m.Connection.Open(virtual_host="/"))
        + encode_method(1, m.Channel.Open())
        + encode_method(1, declare)
    )
    assert said(peer)[-1] == m.Queue.DeclareOk(queue="q")


def test_the_wrong_method_after_tune_ok_is_told(world: World) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER + encode_method(0, START_OK) + encode_method(0, TUNE_OK))
    peer.drain()
    peer.send(0, TUNE_OK)
    assert said(peer) == [
        m.Connection.Close(
            reply_code=504,
            reply_text="CHANNEL_ERROR - unexpected method in connection state opening",
            class_id=10,
            method_id=31,
        )
    ]


def test_the_locale_is_not_looked_at(world: World) -> None:
    peer = world.tcp()
    peer.octets(PROTOCOL_HEADER)
    peer.drain()
    peer.send(0, START_OK.replace(locale="fr_FR"))
    assert said(peer)[0].name == "connection.tune"


def test_an_unknown_method_resets_at_once_in_any_state(world: World) -> None:
    for octets in (b"", encode_method(0, START_OK)):
        peer = world.tcp()
        peer.octets(PROTOCOL_HEADER + octets)
        peer.drain()
        peer.octets(encode_frame(FRAME_METHOD, 0, b"\x00\x0a\x00\x63"))
        assert said(peer) == []
        assert peer.closed is not None
