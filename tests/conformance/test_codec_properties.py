"""CODEC-49 … CODEC-55: message properties."""

from __future__ import annotations

import pytest

from amqplab.wire.properties import PROPERTIES, Properties
from amqplab.wire.table import Timestamp

ALL = Properties(
    content_type="text/plain",
    content_encoding="gzip",
    headers={"a": 1},
    delivery_mode=1,
    priority=7,
    correlation_id="corr",
    reply_to="back",
    expiration="60000",
    message_id="id",
    timestamp=Timestamp(1_700_000_000),
    type="greeting",
    user_id="guest",
    app_id="app",
    cluster_id="cluster",
)
BY_HAND = (
    b"\xff\xfc"
    b"\x0atext/plain\x04gzip\x00\x00\x00\x07\x01aI\x00\x00\x00\x01\x01\x07\x04corr\x04back\x0560000\x02id"
    b"\x00\x00\x00\x00\x65\x53\xf1\x00\x08greeting\x05guest\x03app\x07cluster"
)


def round_trip(peer, raw: bytes) -> bytes:
    """Property octets through the broker."""
    queue = peer.queue()
    peer.publish(queue, raw=raw)
    message = peer.get(queue)
    assert message is not None
    return message.header


def test_CODEC_49_the_fourteen_properties_in_their_order(broker):
    assert ALL.encode() == BY_HAND
    with broker.connect() as peer:
        assert round_trip(peer, BY_HAND) == BY_HAND


@pytest.mark.parametrize(("place", "name"), list(enumerate(name for name, _, _ in PROPERTIES)))
def test_CODEC_49_each_flag_bit_announces_one_property(broker, place, name):
    only = Properties(**{name: getattr(ALL, name)}).encode()
    assert int.from_bytes(only[:2], "big") == 1 << (15 - place)
    with broker.connect() as peer:
        assert round_trip(peer, only) == only


@pytest.mark.parametrize("raw", [b"\x00\x03", b"\x80\x01\x01a", b"\x00\x02"])
def test_CODEC_50_the_two_lowest_flag_bits_mean_nothing(broker, raw):
    with broker.connect() as peer:
        assert round_trip(peer, raw) == raw


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="no flags"),
        pytest.param(b"\x00", id="half the flags"),
        pytest.param(b"\x80\x00", id="value missing"),
        pytest.param(b"\x80\x00\x05a", id="value cut short"),
        pytest.param(b"\x00\x00a", id="octets left over"),
        pytest.param(b"\x80\x01\x00\x00\x01a", id="a second flag word"),
        pytest.param(b"\x20\x00\x00\x00\x01\x00\x01aV", id="table too long"),
        pytest.param(b"\x20\x00\x00\x00\x00\x02\x01aV", id="table cut short"),
    ],
)
def test_CODEC_51_broken_properties_are_an_internal_error(broker, raw):
    with broker.connect() as peer:
        peer.publish(peer.queue(), raw=raw)
        peer.expect_connection_error(541, "INTERNAL_ERROR", (0, 0))


def test_CODEC_51_but_a_missing_exchange_is_noticed_first(broker):
    with broker.connect() as peer:
        peer.publish(exchange="nowhere", raw=b"\x80\x00")
        peer.expect_channel_error(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'", (60, 40))


@pytest.mark.parametrize(
    "raw",
    [
        b"\x20\x00\x00\x00\x00\x0a\x01zt\x07\x01aV\x01zV",
        b"\x20\x00\x00\x00\x00\x0b\x01aL\x00\x00\x00\x00\x00\x00\x00\x05",
        b"\x80\x00\x02\xff\xfe",
        b"\x00\x00",
    ],
)
def test_CODEC_52_properties_are_handed_on_octet_by_octet(broker, raw):
    with broker.connect() as peer:
        assert round_trip(peer, raw) == raw
        queue = peer.queue()
        peer.consume(queue, no_ack=True)
        peer.publish(queue, raw=raw)
        assert peer.expect_message().header == raw


def test_CODEC_53_a_table_that_had_to_change_is_written_anew(broker):
    with broker.connect() as peer:
        before = b"\x01zt\x07" + b"\x01aL" + bytes(7) + b"\x05"
        bcc = b"\x03BCCA\x00\x00\x00\x00"
        again = b"\x01zt\x01" + b"\x01al" + bytes(7) + b"\x05"
        raw = b"\x20\x00" + len(before + bcc).to_bytes(4, "big") + before + bcc
        assert round_trip(peer, raw) == b"\x20\x00" + len(again).to_bytes(4, "big") + again


@pytest.mark.parametrize("mode", [1, 2])
def test_CODEC_54_delivery_modes(broker, mode):
    with broker.connect() as peer:
        raw = b"\x10\x00" + bytes((mode,))
        assert round_trip(peer, raw) == raw


@pytest.mark.parametrize("mode", [0, 3, 255])
def test_CODEC_54_no_other_delivery_modes(broker, mode):
    with broker.connect() as peer:
        peer.publish(peer.queue(), delivery_mode=mode)
        text = f"PRECONDITION_FAILED - invalid message: {{delivery_mode_unknown,{mode}}}"
        peer.expect_channel_error(406, text, (60, 40))


def test_CODEC_55_the_rest_is_the_message_s_own_business(broker):
    with broker.connect() as peer:
        odd = Properties(
            content_type="no such type",
            content_encoding="",
            message_id="x" * 255,
            timestamp=Timestamp(2**64 - 1),
            type="\r\n",
            app_id="",
            cluster_id="other cluster",
            priority=255,
        ).encode()
        assert round_trip(peer, odd) == odd
