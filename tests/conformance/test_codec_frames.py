"""CODEC-01 … CODEC-13: frames, and octets that are none."""

from __future__ import annotations

import pytest
from patterns import collapsed

from amqplab.wire.frames import HEARTBEAT, PROTOCOL_HEADER, encode_frame
from amqplab.wire.methods import Basic, Connection, Queue

OPEN_CHANNEL_1 = bytes.fromhex("01 0001 00000005 0014000a00 ce")
OPEN_OK_1 = bytes.fromhex("01 0001 00000008 0014000b00000000 ce")


def test_CODEC_01_a_frame_is_seven_octets_a_payload_and_ce(broker):
    with broker.connect(channels=0) as peer:
        peer.send_octets(OPEN_CHANNEL_1)
        peer.expect_octets(OPEN_OK_1)


def test_CODEC_01_frames_may_be_split_anywhere(broker):
    with broker.connect(channels=0) as peer:
        for octet in OPEN_CHANNEL_1:
            peer.send_octets(bytes((octet,)))
        peer.expect_octets(OPEN_OK_1)


@pytest.mark.parametrize("channel", [0, 1, 7])
@pytest.mark.parametrize("kind", [0, 4, 5, 6, 7, 9, 65, 255])
def test_CODEC_02_a_frame_of_another_type_is_unknown(broker, kind, channel):
    with broker.connect() as peer:
        peer.send_frame(kind, channel, b"abc")
        peer.expect_connection_error(
            501, f'FRAME_ERROR - type {kind}, all octets = <<"abc">>: unknown_frame', (0, 0)
        )


@pytest.mark.parametrize(
    ("payload", "printed"),
    [
        (b"", "all octets = <<>>"),
        (b"abc", 'all octets = <<"abc">>'),
        (b"\x00\x32\x00\x0a", "all octets = <<0,50,0,10>>"),
        (b"a\x7f", "all octets = <<97,127>>"),
        (b'a"b', r'all octets = <<"a\"b">>'),
        (b"a\\b", r'all octets = <<"a\\b">>'),
        (b"a\r\n\t", r'all octets = <<"a\r\n\t">>'),
        (b"\x1b\x08\x0b\x0c", r'all octets = <<"\e\b\v\f">>'),
        (b"x" * 16, 'all octets = <<"xxxxxxxxxxxxxxxx">>'),
        (b"x" * 17, 'first 16 octets = <<"xxxxxxxxxxxxxxxx">>'),
        (b"x" * 16 + b"\x00", 'first 16 octets = <<"xxxxxxxxxxxxxxxx">>'),
        (bytes(range(20)), "first 16 octets = <<0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15>>"),
    ],
)
def test_CODEC_03_octets_are_quoted_as_erlang_prints_them(broker, payload, printed):
    with broker.connect() as peer:
        peer.send_frame(4, 1, payload)
        peer.expect_connection_error(501, f"FRAME_ERROR - type 4, {printed}: unknown_frame", (0, 0))


def test_CODEC_03_latin_1_counts_as_printable(broker):
    """Where the catalogue was wrong: not only ASCII."""
    with broker.connect() as peer:
        peer.send_frame(4, 1, b"a\xa0\xe9\xff")
        text = b'FRAME_ERROR - type 4, all octets = <<"a\xa0\xe9\xff">>: unknown_frame'
        peer.expect_connection_error(501, text.decode("utf-8", "surrogateescape"), (0, 0))


def test_CODEC_03_a_long_list_of_octets_is_broken_after_column_80(broker):
    with broker.connect() as peer:
        peer.send_frame(4, 1, bytes([200] * 8 + [150] * 8))
        printed = ",".join(["200"] * 8 + ["150"] * 8)
        text = collapsed(f"FRAME_ERROR - type 4, all octets = <<{printed}>>: unknown_frame")
        peer.expect_connection_error(501, text, (0, 0))


@pytest.mark.waits
def test_CODEC_04_a_wrong_frame_end_is_named_and_nothing_more_is_read(broker):
    with broker.connect() as peer:
        peer.send_octets(OPEN_CHANNEL_1[:-1] + b"\xcd")
        peer.expect(
            Connection.Close(
                501,
                "FRAME_ERROR - type 1, all octets = <<0,20,0,10,0>>: {invalid_frame_end_marker,205}",
            )
        )
        peer.expect_silence(1)
        peer.send(Connection.CloseOk())
        peer.expect_reset(after_s=2)


@pytest.mark.waits
def test_CODEC_04_the_erlang_printer_may_break_the_line(broker):
    with broker.connect() as peer:
        peer.send_octets(encode_frame(1, 1, bytes(range(40)))[:-1] + b"\x07")
        text = (
            "FRAME_ERROR - type 1, first 16 octets = <<0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15>>: "
            "{invalid_frame_end_marker,7}"
        )
        peer.expect(Connection.Close(501, collapsed(text)))
        peer.expect_reset(after_s=3)


@pytest.mark.waits
@pytest.mark.parametrize("kind", [1, 3, 8, 77])
def test_CODEC_05_a_frame_larger_than_agreed_is_refused_by_its_header(broker, kind):
    with broker.connect(tune=(2047, 4096, 0)) as peer:
        peer.send_octets(bytes((kind, 0, 1)) + (5000).to_bytes(4, "big"))
        text = f"FRAME_ERROR - type {kind}, all octets = <<>>: {{frame_too_large,5000,4088}}"
        peer.expect(Connection.Close(501, text))
        peer.expect_reset(after_s=3)


@pytest.mark.waits
def test_CODEC_05_one_octet_over_the_tolerance_is_too_much(broker):
    with broker.connect(tune=(2047, 4096, 0)) as peer:
        peer.send_frame(3, 1, bytes(4097))
        text = "FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,4097,4088}"
        peer.expect(Connection.Close(501, text))
        peer.expect_reset(after_s=3)


def test_CODEC_06_a_payload_of_exactly_frame_max_is_accepted(broker):
    with broker.connect(tune=(2047, 4096, 0)) as peer:
        queue = peer.queue()
        peer.send(Basic.Publish(routing_key=queue))
        peer.send_frame(2, 1, bytes.fromhex("003c 0000 0000000000001000 0000"))
        peer.send_frame(3, 1, b"b" * 4096)
        message = peer.get(queue)
        assert message is not None and message.body == b"b" * 4096
        assert message.pieces == (4088, 8)


@pytest.mark.waits
def test_CODEC_07_before_tune_ok_a_frame_holds_4096_octets(broker):
    with broker.dial() as peer:
        peer.greet()
        peer.send(Connection.StartOk(client_properties={"a": "b" * 5000}, response=b"\0guest\0guest"))
        peer.expect_reset(after_s=3)


def test_CODEC_07_a_start_ok_of_4096_octets_is_still_read(broker):
    with broker.dial() as peer:
        peer.greet()
        small = Connection.StartOk(client_properties={"a": ""}, response=b"\0guest\0guest")
        padding = 4096 - len(small.encode())
        peer.send(Connection.StartOk(client_properties={"a": "b" * padding}, response=b"\0guest\0guest"))
        peer.expect(Connection.Tune)


def test_CODEC_08_without_a_frame_limit_a_body_is_one_frame(unlimited):
    with unlimited.connect(tune=(0, 0, 0)) as peer:
        queue = peer.queue()
        peer.publish(queue, b"b" * 1_000_000)
        message = peer.get(queue)
        assert message is not None and message.pieces == (1_000_000,)


@pytest.mark.parametrize("channel", [0, 1])
def test_CODEC_09_a_method_without_room_for_its_ids_is_unknown(broker, channel):
    with broker.connect() as peer:
        peer.send_frame(1, channel, b"\x00\x14\x00")
        peer.expect_connection_error(
            501, "FRAME_ERROR - type 1, all octets = <<0,20,0>>: unknown_frame", (0, 0)
        )


@pytest.mark.parametrize("channel", [0, 1])
def test_CODEC_10_a_heartbeat_has_no_payload(broker, channel):
    with broker.connect() as peer:
        peer.send_frame(8, channel, b"xx")
        peer.expect_connection_error(
            501, 'FRAME_ERROR - type 8, all octets = <<"xx">>: unknown_frame', (0, 0)
        )


@pytest.mark.parametrize("channel", [1, 2])
def test_CODEC_11_a_heartbeat_belongs_to_channel_0(broker, channel):
    with broker.connect() as peer:
        peer.send_frame(8, channel)
        peer.expect_connection_error(505, "UNEXPECTED_FRAME - type 8, all octets = <<>>", (0, 0))


@pytest.mark.parametrize(
    ("kind", "payload", "printed"),
    [
        (2, bytes(14), "<<0,0,0,0,0,0,0,0,0,0,0,0,0,0>>"),
        (3, b"body", '<<"body">>'),
    ],
)
def test_CODEC_12_content_does_not_belong_to_channel_0(broker, kind, payload, printed):
    with broker.connect() as peer:
        peer.send_frame(kind, 0, payload)
        peer.expect_connection_error(505, f"UNEXPECTED_FRAME - type {kind}, all octets = {printed}", (0, 0))


@pytest.mark.waits
def test_CODEC_13_a_second_protocol_header_is_read_as_a_frame(broker):
    with broker.connect() as peer:
        peer.send_octets(PROTOCOL_HEADER)
        text = "FRAME_ERROR - type 65, all octets = <<>>: {frame_too_large,1342177289,131064}"
        peer.expect(Connection.Close(501, text))
        peer.expect_reset(after_s=3)


def test_CODEC_11_heartbeats_on_channel_0_are_welcome_anywhere(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        method = Queue.Purge(queue=queue)
        peer.send_octets(HEARTBEAT + encode_frame(1, 1, method.encode()) + HEARTBEAT)
        peer.expect(Queue.PurgeOk(0))
