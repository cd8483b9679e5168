"""CONN-24 … CONN-37: the limits, and entering a virtual host."""

from __future__ import annotations

import pytest

from amqplab.wire.frames import HEARTBEAT, PROTOCOL_HEADER, encode_method
from amqplab.wire.methods import Basic, Channel, Connection, Queue

LOGIN = Connection.StartOk(mechanism="PLAIN", response=b"\0guest\0guest")
OPEN = (10, 40)


def test_CONN_24_LIMIT_15_what_the_broker_offers(broker):
    with broker.dial() as peer:
        assert peer.log_in() == Connection.Tune(channel_max=2047, frame_max=131072, heartbeat=60)


@pytest.mark.parametrize("channel_max", [1, 2, 2046, 2047])
def test_CONN_25_the_client_may_lower_the_number_of_channels(broker, channel_max):
    with broker.connect(tune=(channel_max, 131072, 0)) as peer:
        peer.sync()


@pytest.mark.parametrize("frame_max", [4096, 4097, 131071, 131072])
def test_CONN_26_the_client_may_lower_the_size_of_frames(broker, frame_max):
    with broker.connect(tune=(2047, frame_max, 0)) as peer:
        peer.sync()


@pytest.mark.waits
@pytest.mark.parametrize(
    ("channel_max", "frame_max"),
    [(0, 131072), (2048, 131072), (65535, 131072), (2047, 0), (2047, 4095), (2047, 1), (2047, 131073)],
)
def test_CONN_25_CONN_26_CONN_27_other_limits_are_not_answered(broker, channel_max, frame_max):
    with broker.dial() as peer:
        peer.log_in()
        peer.send(Connection.TuneOk(channel_max, frame_max, 0))
        peer.expect_reset(after_s=3)


@pytest.mark.waits
def test_CONN_27_not_even_when_open_follows(broker):
    with broker.dial() as peer:
        peer.log_in()
        peer.send(Connection.TuneOk(0, 131072, 0), Connection.Open("/"))
        peer.expect_reset(after_s=3)


@pytest.mark.waits
@pytest.mark.parametrize("heartbeat", [2, 65535, 0])
def test_CONN_28_the_client_s_heartbeat_is_final(broker, heartbeat):
    with broker.connect(tune=(2047, 131072, heartbeat)) as peer:
        peer.expect_silence(2.5)
        assert bool(peer.heartbeats) == (heartbeat == 2)


@pytest.mark.parametrize("tune", [(0, 0, 0), (65535, 4096, 0), (1, 2**31, 0), (0, 2**32 - 1, 0)])
def test_CONN_29_a_broker_without_limits_accepts_any(unlimited, tune):
    with unlimited.dial() as peer:
        assert peer.log_in() == Connection.Tune(0, 0, 0)
        peer.send(Connection.TuneOk(*tune), Connection.Open("/"))
        peer.expect(Connection.OpenOk())
        peer.opened = True
        peer.open_channel(65535)


def test_CONN_29_even_there_a_frame_has_4096_octets(unlimited):
    with unlimited.dial() as peer:
        peer.log_in()
        peer.send(Connection.TuneOk(0, 4095, 0))
        peer.expect_reset(after_s=3)


@pytest.mark.parametrize("vhost", ["nowhere", "", "//", "/ "])
def test_CONN_30_a_virtual_host_that_is_not_there(broker, vhost):
    with broker.dial() as peer:
        peer.log_in()
        peer.send(Connection.TuneOk(2047, 131072, 0), Connection.Open(vhost))
        peer.expect_connection_error(530, f"NOT_ALLOWED - vhost {vhost} not found", OPEN)


def test_CONN_31_a_virtual_host_where_the_user_has_no_business(broker):
    with broker.dial() as peer:
        peer.log_in("outsider", "secret")
        peer.send(Connection.TuneOk(2047, 131072, 0), Connection.Open("/"))
        text = "NOT_ALLOWED - access to vhost '/' refused for user 'outsider'"
        peer.expect_connection_error(530, text, OPEN)


def test_CONN_32_LIMIT_16_a_virtual_host_that_is_full(broker):
    with broker.connect("small"), broker.dial() as late:
        late.log_in()
        late.send(Connection.TuneOk(2047, 131072, 0), Connection.Open("small"))
        text = (
            "NOT_ALLOWED - access to vhost 'small' refused for user 'guest': connection limit (1) is reached"
        )
        late.expect_connection_error(530, text, OPEN)


def test_CONN_33_LIMIT_16_a_user_with_too_many_connections(broker):
    with broker.connect(user="limited", password="secret"), broker.dial() as late:
        late.log_in("limited", "secret")
        late.send(Connection.TuneOk(2047, 131072, 0), Connection.Open("/"))
        text = "NOT_ALLOWED - connection refused for user 'limited': user connection limit (1) is reached"
        late.expect_connection_error(530, text, OPEN)


@pytest.mark.waits
@pytest.mark.parametrize(
    "method",
    [
        Connection.Open("/"),
        Connection.TuneOk(2047, 131072, 0),
        Connection.SecureOk(b"x"),
        Connection.Close(200, "bye"),
        Connection.CloseOk(),
    ],
    ids=lambda method: method.name,
)
def test_CONN_35_instead_of_start_ok(broker, method):
    with broker.dial() as peer:
        peer.greet()
        peer.send(method)
        peer.expect_reset(after_s=3)


@pytest.mark.waits
@pytest.mark.parametrize(
    "method",
    [Connection.Open("/"), LOGIN, Connection.SecureOk(b"x"), Connection.Close(200, "bye")],
    ids=lambda method: method.name,
)
def test_CONN_35_instead_of_tune_ok(broker, method):
    with broker.dial() as peer:
        peer.log_in()
        peer.send(method)
        peer.expect_reset(after_s=3)


@pytest.mark.parametrize(
    "method",
    [Connection.TuneOk(1, 4096, 0), LOGIN, Connection.Close(200, "bye"), Connection.CloseOk()],
    ids=lambda method: method.name,
)
def test_CONN_35_instead_of_open_is_named(broker, method):
    """Where the catalogue was wrong: after tune-ok the broker answers."""
    with broker.dial() as peer:
        peer.log_in()
        peer.send(Connection.TuneOk(2047, 131072, 0), method)
        text = "CHANNEL_ERROR - unexpected method in connection state opening"
        peer.expect_connection_error(504, text, method.ids)


@pytest.mark.waits
def test_CONN_35_an_open_that_cannot_be_read_is_not_answered(broker):
    with broker.dial() as peer:
        peer.log_in()
        peer.send(Connection.TuneOk(2047, 131072, 0))
        peer.send_frame(1, 0, Connection.Open().prefix + b"\x05")
        peer.expect_reset(after_s=3)


def test_CONN_36_a_channel_before_open_is_named(broker):
    """Where the catalogue was wrong: after tune-ok the broker answers."""
    with broker.dial() as peer:
        peer.log_in()
        peer.send(Connection.TuneOk(2047, 131072, 0), Channel.Open())
        text = "UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,0>>"
        peer.expect_connection_error(505, text, (0, 0))


@pytest.mark.waits
def test_CONN_36_a_channel_before_start_ok(broker):
    with broker.dial() as peer:
        peer.greet()
        peer.send(Channel.Open())
        peer.expect_reset(after_s=3)


@pytest.mark.waits
def test_CONN_36_a_channel_before_tune_ok(broker):
    with broker.dial() as peer:
        peer.log_in()
        peer.send(Channel.Open())
        peer.expect_reset(after_s=3)


def test_CONN_36_heartbeats_are_tolerated_everywhere(broker):
    with broker.dial() as peer:
        peer.greet()
        peer.send_octets(HEARTBEAT)
        peer.call(LOGIN, Connection.Tune)
        peer.send_octets(HEARTBEAT)
        peer.send(Connection.TuneOk(2047, 131072, 0))
        peer.send_octets(HEARTBEAT)
        peer.call(Connection.Open("/"), Connection.OpenOk())
        peer.opened = True


def test_CONN_37_tune_ok_and_open_may_go_together(broker):
    with broker.dial() as peer:
        peer.log_in()
        peer.send(Connection.TuneOk(2047, 131072, 0), Connection.Open("/"))
        peer.expect(Connection.OpenOk())
        peer.opened = True


def test_CONN_37_and_everything_else_as_well(broker):
    with broker.dial() as peer:
        peer.send_octets(
            PROTOCOL_HEADER
            + encode_method(0, LOGIN)
            + encode_method(0, Connection.TuneOk(2047, 131072, 0))
            + encode_method(0, Connection.Open("/"))
            + encode_method(1, Channel.Open())
            + encode_method(1, Queue.Declare(exclusive=True))
            + encode_method(1, Basic.Get())
        )
        peer.expect(Connection.Start)
        peer.expect(Connection.Tune)
        peer.expect(Connection.OpenOk())
        peer.opened = True
        peer.expect(Channel.OpenOk())
        peer.expect(Queue.DeclareOk)
        peer.expect(Basic.GetEmpty())
