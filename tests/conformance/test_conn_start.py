"""CONN-01 … CONN-23: the protocol header, and who the client is."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from addresses import own_address
from brokers import CAPABILITIES, CONFIG
from byte_pipes import SocketPipe
from patterns import matching
from peer import Peer
from rabbitmq_node import free_port
from threaded_broker import ThreadedBroker

from amqplab.wire.frames import PROTOCOL_HEADER
from amqplab.wire.methods import Channel, Connection

REFUSED = (
    "ACCESS_REFUSED - Login was refused using authentication mechanism {}."
    " For details see the broker logfile."
)  # fmt: skip
POLITE = {"capabilities": {"authentication_failure_close": True}}


def start_ok(response: bytes = b"\0guest\0guest", mechanism: str = "PLAIN", **more) -> Connection.StartOk:
    """A start-ok of a client that understands a refusal."""
    return Connection.StartOk(
        **{"client_properties": POLITE, "mechanism": mechanism, "response": response} | more
    )


@pytest.mark.parametrize("header", [PROTOCOL_HEADER, b"AMQP\x01\x01\x00\x09"])
def test_CONN_01_CONN_02_both_spellings_of_0_9_1_are_answered_with_start_0_9(broker, header):
    with broker.dial() as peer:
        peer.send_octets(header)
        start = peer.expect(Connection.Start)
        assert (start.version_major, start.version_minor) == (0, 9)
        peer.call(start_ok(), Connection.Tune)


@pytest.mark.parametrize("header", [b"AMQP\x01\x01\x08\x00", b"AMQP\x01\x01\x09\x01"])
def test_CONN_03_0_8_is_answered_with_start_8_0(broker, header):
    with broker.dial() as peer:
        peer.send_octets(header)
        start = peer.expect(Connection.Start)
        assert (start.version_major, start.version_minor) == (8, 0)


OTHERS = {
    "1.0": b"AMQP\x00\x01\x00\x00",
    "1.0 with TLS": b"AMQP\x02\x01\x00\x00",
    "1.0 with SASL": b"AMQP\x03\x01\x00\x00",
    "0-9-0": b"AMQP\x00\x00\x09\x00",
    "0-10": b"AMQP\x01\x01\x00\x0a",
    "HTTP": b"GET / HT",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01",
    "zeros": bytes(8),
}


@pytest.mark.parametrize("name", OTHERS)
def test_CONN_04_other_protocols_are_told_which_is_spoken_here(broker, name):
    with broker.dial() as peer:
        peer.send_octets(OTHERS[name])
        peer.expect_octets(PROTOCOL_HEADER)
        peer.expect_reset()


@pytest.mark.waits
def test_CONN_05_seven_octets_are_no_header_yet(broker):
    with broker.dial() as peer:
        peer.send_octets(PROTOCOL_HEADER[:7])
        peer.expect_reset(after_s=10)


@pytest.mark.waits
@pytest.mark.parametrize("progress", ["nothing", "header", "start-ok", "tune-ok"])
def test_CONN_06_the_handshake_has_ten_seconds(broker, progress):
    with broker.dial() as peer:
        if progress != "nothing":
            peer.greet()
        if progress in ("start-ok", "tune-ok"):
            peer.call(start_ok(), Connection.Tune)
        if progress == "tune-ok":
            peer.send(Connection.TuneOk(2047, 131072, 0))
        peer.expect_reset(after_s=10)


@pytest.mark.waits
def test_CONN_06_the_clock_runs_from_the_accept(broker):
    with broker.dial() as peer:
        peer.expect_silence(6)
        peer.greet()
        peer.call(start_ok(), Connection.Tune)
        peer.expect_reset(after_s=4)


@pytest.mark.waits
def test_CONN_06_an_open_connection_is_not_timed(broker):
    with broker.connect() as peer:
        peer.expect_silence(11)
        peer.sync()


def test_CONN_07_the_broker_ends_connections_by_a_reset(broker):
    with broker.connect() as peer:
        peer.send(Channel.Open())
        peer.expect_connection_error(504, "CHANNEL_ERROR - second 'channel.open' seen", (20, 10))
        assert peer.ended == "reset"


def test_CONN_08_mechanisms_and_locales(broker):
    with broker.dial() as peer:
        start = peer.greet()
        assert sorted(start.mechanisms.split(b" ")) == [b"AMQPLAIN", b"PLAIN"]
        assert start.locales == b"en_US"


def test_CONN_09_what_the_server_tells_of_itself(broker):
    with broker.dial() as peer:
        properties = peer.greet().server_properties
    assert list(properties) == [
        "capabilities", "cluster_name", "copyright", "information", "platform", "product", "version"
    ]  # fmt: skip
    assert properties["product"] == "RabbitMQ"
    assert properties["version"] == "3.10.8"
    assert properties["platform"] == matching(r"Erlang/OTP 25(\.\d+)*")
    assert properties["copyright"] == "Copyright (c) 2007-2022 VMware, Inc. or its affiliates."
    assert properties["information"] == "Licensed under the MPL 2.0. Website: https://rabbitmq.com"
    assert properties["cluster_name"] == matching(r"\S+@\S+")


def test_CONN_10_CONN_11_what_the_server_can_do(broker):
    with broker.dial() as peer:
        able = peer.greet().server_properties["capabilities"]
    assert able.pairs == tuple((name, True) for name in CAPABILITIES)


@pytest.mark.waits
@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"capabilities": {}},
        {"capabilities": {"authentication_failure_close": False}},
        {"capabilities": {"authentication_failure_close": "true"}},
        {"capabilities": {"authentication_failure_close": 1}},
        {"capabilities": "authentication_failure_close"},
        {"capabilities": [True]},
        {"authentication_failure_close": True},
    ],
    ids=repr,
)
def test_CONN_12_CONN_18_a_capability_is_only_what_is_literally_true(broker, properties):
    with broker.dial() as peer:
        peer.greet()
        peer.send(start_ok(b"\0guest\0wrong", client_properties=properties))
        peer.expect_reset(after_s=3)


def test_CONN_13_a_connection_name_changes_nothing(broker):
    with broker.connect(properties={"connection_name": "mine", "product": "test"}) as peer:
        peer.sync()


@pytest.mark.parametrize("locale", ["fr_FR", "", "no locale at all"])
def test_CONN_14_any_locale_will_do(broker, locale):
    with broker.dial() as peer:
        peer.greet()
        peer.call(start_ok(locale=locale), Connection.Tune)


@pytest.mark.waits
@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"guest",
        b"\0guest",
        b"me\0guest\0guest",
        b"\0guest\0guest\0",
        b"\0\0guest\0guest",
        b"guest\0guest",
    ],
)
def test_CONN_15_a_malformed_plain_response_is_not_answered(broker, response):
    with broker.dial() as peer:
        peer.greet()
        peer.send(start_ok(response))
        peer.expect_reset(after_s=3)


@pytest.mark.waits
@pytest.mark.parametrize("mechanism", ["plain", "", "EXTERNAL", "RABBIT-CR-DEMO", "SCRAM-SHA-256", "PLAIN "])
def test_CONN_16_CONN_21_an_unknown_mechanism_is_not_answered(broker, mechanism):
    with broker.dial() as peer:
        peer.greet()
        peer.send(start_ok(mechanism=mechanism))
        peer.expect_reset(after_s=3)


@pytest.mark.parametrize("response", [b"\0guest\0wrong", b"\0nobody\0guest", b"\0guest\0", b"\0\0"])
def test_CONN_17_a_refused_login_is_explained(broker, response):
    with broker.dial() as peer:
        peer.greet()
        peer.send(start_ok(response))
        peer.expect_connection_error(403, REFUSED.format("PLAIN"), (0, 0))


@pytest.mark.waits
def test_CONN_17_without_an_answer_the_reset_comes_after_three_seconds(broker):
    with broker.dial() as peer:
        peer.greet()
        peer.send(start_ok(b"\0guest\0wrong"))
        peer.expect(Connection.Close(403, REFUSED.format("PLAIN"), 0, 0))
        peer.expect_reset(after_s=3)


LOGIN, PASSWORD = b"\x05LOGINS\0\0\0\x05guest", b"\x08PASSWORDS\0\0\0\x05guest"


def test_CONN_19_amqplain_is_a_table_without_its_length(broker):
    with broker.dial() as peer:
        peer.greet()
        peer.call(start_ok(LOGIN + PASSWORD, "AMQPLAIN"), Connection.Tune)


def test_CONN_19_in_any_order_with_more_in_it(broker):
    with broker.dial() as peer:
        peer.greet()
        peer.call(start_ok(PASSWORD + b"\x01xV" + LOGIN, "AMQPLAIN"), Connection.Tune)


def test_CONN_19_a_wrong_password_is_refused_as_with_plain(broker):
    with broker.dial() as peer:
        peer.greet()
        peer.send(start_ok(LOGIN + b"\x08PASSWORDS\0\0\0\x01x", "AMQPLAIN"))
        peer.expect_connection_error(403, REFUSED.format("AMQPLAIN"), (0, 0))


@pytest.mark.waits
@pytest.mark.parametrize(
    "response",
    [
        pytest.param(len(LOGIN + PASSWORD).to_bytes(4, "big") + LOGIN + PASSWORD, id="with its length"),
        pytest.param(LOGIN, id="no password"),
        pytest.param(PASSWORD, id="no login"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\0guest\0guest", id="plain"),
        pytest.param(b"\x05loginS\0\0\0\x05guest" + PASSWORD, id="small letters"),
    ],
)
def test_CONN_19_a_malformed_amqplain_response_is_not_answered(broker, response):
    with broker.dial() as peer:
        peer.greet()
        peer.send(start_ok(response, "AMQPLAIN"))
        peer.expect_reset(after_s=3)


def test_CONN_20_a_challenge_has_to_be_met(unlimited):
    with unlimited.dial() as peer:
        assert b"RABBIT-CR-DEMO" in peer.greet().mechanisms.split(b" ")
        peer.call(
            start_ok(b"guest", "RABBIT-CR-DEMO"),
            Connection.Secure(b"Please tell me your password"),
        )
        peer.call(Connection.SecureOk(b"My password is guest"), Connection.Tune)


def test_CONN_20_a_wrong_password_is_refused_and_another_answer_malformed(unlimited):
    with unlimited.dial() as wrong, unlimited.dial() as malformed:
        for peer in (wrong, malformed):
            peer.greet()
            peer.call(start_ok(b"guest", "RABBIT-CR-DEMO"), Connection.Secure)
        wrong.send(Connection.SecureOk(b"My password is wrong"))
        wrong.expect(Connection.Close(403, REFUSED.format("RABBIT-CR-DEMO"), 0, 0))
        wrong.send(Connection.CloseOk())
        malformed.send(Connection.SecureOk(b"guest"))
        wrong.expect_reset(after_s=3)
        malformed.expect_reset(after_s=3)


@contextmanager
def listening_elsewhere(operated):
    """The same broker at an address that is not loopback: how to dial it, from an address or any."""
    if operated.virtual:
        yield lambda source="": operated.dial(loopback=False)
        return
    host = own_address()
    if "rabbitmq" not in operated.name:
        with ThreadedBroker(CONFIG, host) as other:
            yield lambda source="": Peer(SocketPipe(host, other.port, source))
        return
    port = free_port()
    listen = f'rabbit_networking:{{}}_tcp_listener({{{{"{host}",{port},inet}}}}{{}})'
    operated.process.control("eval", listen.format("start", ",2") + ".")
    try:
        yield lambda source="": Peer(SocketPipe(host, port, source))
    finally:
        operated.process.control("eval", listen.format("stop", "") + ".")


def test_CONN_22_guest_may_only_come_from_this_machine(operated):
    """What counts is the address that was dialled: it is not loopback, so the client may be anywhere."""
    with listening_elsewhere(operated) as dial:
        for source in ("", "127.0.0.1"):
            with dial(source) as peer:
                peer.greet()
                peer.send(start_ok())
                peer.expect_connection_error(403, REFUSED.format("PLAIN"), (0, 0))
        with dial() as peer:
            peer.log_in("limited", "secret")


def test_CONN_23_a_new_secret_changes_nothing(broker):
    with broker.connect() as peer:
        peer.call(Connection.UpdateSecret(b"new", "because"), Connection.UpdateSecretOk())
        peer.sync()


@pytest.mark.waits
@pytest.mark.parametrize("where", ["start-ok", "tune-ok"])
@pytest.mark.parametrize("octets", [b"\x04" + bytes(6) + b"\xce", b"\x01" + bytes(6) + b"\xcd"])
def test_CONN_35_octets_that_are_no_frame_are_not_answered(broker, where, octets):
    with broker.dial() as peer:
        peer.greet()
        if where == "tune-ok":
            peer.call(start_ok(), Connection.Tune)
        peer.send_octets(octets)
        peer.expect_reset(after_s=3)


@pytest.mark.waits
@pytest.mark.parametrize(
    "payload",
    [
        b"\x00\x0a\x00\x0b\x05",
        b"\x00\x0a\x00\x0b\0\0\0\3\1aZ\5PLAIN\0\0\0\0\0",
        b"\x00\x0a\x00\x0b\0\0\0\0\1\xff\0\0\0\0\0",
    ],
)
def test_CONN_35_a_start_ok_that_cannot_be_read_is_not_answered(broker, payload):
    with broker.dial() as peer:
        peer.greet()
        peer.send_frame(1, 0, payload)
        peer.expect_reset(after_s=3)


@pytest.mark.parametrize("where", ["start-ok", "tune-ok", "open"])
def test_CODEC_35_an_unknown_method_resets_at_once_in_the_handshake_too(broker, where):
    with broker.dial() as peer:
        peer.greet()
        if where != "start-ok":
            peer.call(start_ok(), Connection.Tune)
        if where == "open":
            peer.send(Connection.TuneOk(2047, 131072, 0))
        peer.send_frame(1, 0, b"\x00\x63\x00\x01")
        peer.expect_reset()
