"""CONN-38 … CONN-46: what may not be said on an open connection."""

from __future__ import annotations

import pytest

from amqplab.wire.frames import encode_content
from amqplab.wire.methods import Basic, Channel, Confirm, Connection, Exchange, Queue, Tx

UNIMPLEMENTED = "COMMAND_INVALID - unimplemented method"
UNEXPECTED = "CHANNEL_ERROR - unexpected method in connection state running"


def named(method):
    return method.name


@pytest.mark.parametrize(
    "method",
    [
        Connection.Open("/"),
        Connection.TuneOk(2047, 131072, 0),
        Connection.Tune(2047, 131072, 0),
        Connection.Start(),
        Connection.StartOk(),
        Connection.SecureOk(b"x"),
        Connection.OpenOk(),
        Connection.Blocked("why"),
        Connection.Unblocked(),
        Connection.CloseOk(),
    ],
    ids=named,
)
def test_CONN_38_methods_of_other_states(broker, method):
    with broker.connect() as peer:
        peer.send(method)
        peer.expect_connection_error(504, UNEXPECTED, method.ids)


@pytest.mark.parametrize(
    "method",
    [Channel.Open(), Channel.Close(200), Queue.Declare(), Exchange.Declare(exchange="x"), Basic.Ack(1)],
    ids=named,
)
def test_CONN_39_channel_0_is_not_for_channel_methods(broker, method):
    with broker.connect() as peer:
        peer.send(method, channel=0)
        peer.expect_connection_error(504, UNEXPECTED, method.ids)


@pytest.mark.parametrize(
    "method",
    [Connection.Open("/"), Connection.TuneOk(), Connection.Close(200), Connection.CloseOk()],
    ids=named,
)
def test_CONN_40_channels_are_not_for_connection_methods(broker, method):
    with broker.connect() as peer:
        peer.send(method, channel=1)
        peer.expect_connection_error(503, UNIMPLEMENTED, method.ids)


@pytest.mark.parametrize(
    "method",
    [
        Channel.OpenOk(),
        Channel.FlowOk(True),
        Exchange.DeclareOk(),
        Exchange.DeleteOk(),
        Exchange.BindOk(),
        Exchange.UnbindOk(),
        Queue.DeclareOk("q", 0, 0),
        Queue.BindOk(),
        Queue.UnbindOk(),
        Queue.PurgeOk(0),
        Queue.DeleteOk(0),
        Basic.QosOk(),
        Basic.ConsumeOk("c"),
        Basic.CancelOk("c"),
        Basic.GetEmpty(),
        Basic.RecoverOk(),
        Confirm.SelectOk(),
        Tx.SelectOk(),
        Tx.CommitOk(),
        Tx.RollbackOk(),
    ],
    ids=named,
)
def test_CONN_41_answers_are_the_broker_s(broker, method):
    with broker.connect() as peer:
        peer.send(method)
        peer.expect_connection_error(503, UNIMPLEMENTED, method.ids)


@pytest.mark.parametrize(
    "method",
    [
        Basic.Deliver("c", 1, False, "", "k"),
        Basic.GetOk(1, False, "", "k", 0),
        Basic.Return(312, "no", "", "k"),
    ],
    ids=named,
)
def test_CONN_41_also_those_with_content(broker, method):
    with broker.connect() as peer:
        peer.send_octets(encode_content(1, method, b"\0\0", b"x", 131072))
        peer.expect_connection_error(503, UNIMPLEMENTED, method.ids)


@pytest.mark.parametrize("limit", [1, 3])
def test_CONN_42_as_many_channels_as_negotiated(broker, limit):
    with broker.connect(tune=(limit, 131072, 0), channels=limit) as peer:
        peer.send(Channel.Open(), channel=limit + 1)
        text = (
            f"NOT_ALLOWED - number of channels opened ({limit}) has reached "
            f"the negotiated channel_max ({limit})"
        )
        peer.expect_connection_error(530, text, (0, 0))


def test_CONN_43_it_is_their_count_not_their_numbers(broker):
    with broker.connect(tune=(5, 131072, 0), channels=0) as peer:
        for number in (6, 65535, 2047):
            peer.open_channel(number)
        peer.sync(65535)


def test_CONN_44_LIMIT_16_a_user_with_too_many_channels(broker):
    with broker.connect(user="limited", password="secret", channels=2) as peer:
        peer.send(Channel.Open(), channel=3)
        text = (
            "NOT_ALLOWED - number of channels opened for user 'limited' "
            "has reached the maximum allowed user limit of (2)"
        )
        peer.expect_connection_error(530, text, (0, 0))


def test_CONN_45_a_channel_s_hard_error_ends_the_connection_with_its_ids(broker):
    with broker.connect(channels=2) as peer:
        peer.send(Exchange.Declare(exchange="x", type="no such"), channel=2)
        text = "COMMAND_INVALID - unknown exchange type 'no such'"
        peer.expect_connection_error(503, text, (40, 10))


@pytest.mark.parametrize("raw", [b"\x80\x00\x05ab", b"\x20\x00\x00\x00\x00\x09x"])
def test_CONN_46_a_crash_is_an_internal_error_by_its_bare_name(broker, raw):
    with broker.connect() as peer:
        peer.publish("nowhere", raw=raw)
        peer.expect_connection_error(541, "INTERNAL_ERROR", (0, 0))
