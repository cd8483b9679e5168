"""CODEC-14 … CODEC-27: content, that is a method, its header and its bodies."""

from __future__ import annotations

import struct

import pytest

from amqplab.wire.frames import HEARTBEAT, encode_frame, encode_header, encode_method
from amqplab.wire.methods import Basic, Channel, Queue

PUBLISH = (60, 40)


def header(size: int, class_id: int = 60, weight: int = 0) -> bytes:
    """The payload of a header frame without properties."""
    return struct.pack(">HHQH", class_id, weight, size, 0)


def test_CODEC_14_other_channels_may_speak_between_the_frames_of_one(broker):
    with broker.connect(channels=2) as peer:
        queue = peer.queue()
        peer.send_octets(
            encode_method(1, Basic.Publish(routing_key=queue))
            + encode_method(2, Channel.Flow(active=True))
            + HEARTBEAT
            + encode_method(2, Basic.Publish(routing_key=queue))
            + encode_frame(2, 1, header(4))
            + encode_frame(2, 2, header(3))
            + encode_frame(3, 1, b"on")
            + encode_frame(3, 2, b"two")
            + HEARTBEAT
            + encode_frame(3, 1, b"e!")
        )
        peer.expect(Channel.FlowOk(active=True), channel=2)
        peer.sync(channel=2)
        assert sorted(peer.drain(queue)) == [b"one!", b"two"]


def test_CODEC_15_the_header_holds_class_weight_size_and_flags(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.send(Basic.Publish(routing_key=queue))
        peer.send_octets(bytes.fromhex("02 0001 0000000e 003c 0000 0000000000000002 0000 ce"))
        peer.send_octets(bytes.fromhex("03 0001 00000002 6869 ce"))
        peer.call(Basic.Get(queue=queue, no_ack=True), Basic.GetOk)
        assert peer.frame() == (2, 1, bytes.fromhex("003c 0000 0000000000000002 0000"))
        assert peer.frame() == (3, 1, b"hi")


@pytest.mark.parametrize(("kind", "payload"), [(2, header(0)), (3, b"body"), (3, b"")])
def test_CODEC_16_content_that_nobody_announced(broker, kind, payload):
    with broker.connect() as peer:
        peer.send_frame(kind, 1, payload)
        peer.expect_connection_error(
            505, "UNEXPECTED_FRAME - expected method frame, got non method frame instead", (0, 0)
        )


def test_CODEC_17_a_method_where_a_header_is_due(broker):
    with broker.connect() as peer:
        peer.send(Basic.Publish(), Channel.Flow(active=True))
        peer.expect_connection_error(505, _no_header("got non content header frame instead"), PUBLISH)


def test_CODEC_17_a_body_where_a_header_is_due(broker):
    with broker.connect() as peer:
        peer.send(Basic.Publish())
        peer.send_frame(3, 1, b"x")
        peer.expect_connection_error(505, _no_header("got non content header frame instead"), PUBLISH)


def test_CODEC_18_a_header_of_another_class(broker):
    with broker.connect() as peer:
        peer.send(Basic.Publish())
        peer.send_frame(2, 1, header(1, class_id=50))
        peer.expect_connection_error(505, _no_header("got one for class 50 instead"), PUBLISH)


def test_CODEC_19_a_header_with_a_weight(broker):
    with broker.connect() as peer:
        peer.send(Basic.Publish())
        peer.send_frame(2, 1, header(1, weight=1))
        peer.expect_connection_error(505, _no_header("got non content header frame instead"), PUBLISH)


def _no_header(instead: str) -> str:
    return f"UNEXPECTED_FRAME - expected content header for class 60, {instead}"


@pytest.mark.parametrize("frame", [(1, Channel.Flow(active=True).encode()), (2, header(1))])
def test_CODEC_20_another_frame_where_a_body_is_due(broker, frame):
    with broker.connect() as peer:
        peer.send(Basic.Publish())
        peer.send_frame(2, 1, header(5))
        peer.send_frame(3, 1, b"some")
        peer.send_frame(frame[0], 1, frame[1])
        peer.expect_connection_error(
            505, "UNEXPECTED_FRAME - expected content body, got non content body frame instead", PUBLISH
        )


def test_CODEC_21_an_empty_body_needs_no_frame(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.publish(queue, b"")
        message = peer.get(queue)
        assert message is not None and (message.body, message.pieces) == (b"", ())


def test_CODEC_21_an_empty_body_frame_is_one_too_many(broker):
    with broker.connect() as peer:
        peer.send(Basic.Publish())
        peer.send_octets(encode_header(1, 0, b"\0\0") + encode_frame(3, 1, b""))
        peer.expect_connection_error(
            505, "UNEXPECTED_FRAME - expected method frame, got non method frame instead", (0, 0)
        )


def test_CODEC_22_empty_body_frames_on_the_way_are_ignored(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        peer.send(Basic.Publish(routing_key=queue))
        peer.send_octets(encode_header(1, 2, b"\0\0"))
        for piece in (b"", b"h", b"", b"", b"i"):
            peer.send_frame(3, 1, piece)
        assert peer.drain(queue) == [b"hi"]


def test_CODEC_23_a_body_too_long_is_never_complete(broker):
    with broker.connect() as peer, broker.connect() as other:
        queue = other.queue(broker.fresh("q"), exclusive=False)
        peer.send(Basic.Publish(routing_key=queue))
        peer.send_octets(encode_header(1, 2, b"\0\0") + encode_frame(3, 1, b"three"))
        peer.send_frame(3, 1, b"more")
        peer.open_channel(2)
        peer.sync(channel=2)
        peer.send(Channel.Flow(active=True))
        peer.expect_connection_error(
            505, "UNEXPECTED_FRAME - expected content body, got non content body frame instead", PUBLISH
        )
        assert other.drain(queue) == []
        other.call(Queue.Delete(queue=queue), Queue.DeleteOk(0))


def test_CODEC_24_the_announced_size_is_not_judged(broker):
    with broker.connect(channels=2) as peer:
        peer.send(Basic.Publish())
        peer.send_octets(encode_header(1, 2**64 - 1, b"\0\0"))
        peer.sync(channel=2)


@pytest.mark.parametrize(
    ("size", "pieces"),
    [(0, ()), (1, (1,)), (4088, (4088,)), (4089, (4088, 1)), (10000, (4088, 4088, 1824))],
)
def test_CODEC_25_bodies_are_cut_to_fit_frame_max(broker, size, pieces):
    with broker.connect(tune=(2047, 4096, 0)) as peer:
        queue = peer.queue()
        peer.publish(queue, b"b" * size)
        message = peer.get(queue)
        assert message is not None and message.pieces == pieces


def test_CODEC_26_a_header_is_never_cut(broker):
    with broker.connect() as publisher, broker.connect(tune=(2047, 4096, 0)) as peer:
        queue = peer.queue()
        publisher.publish(queue, b"b", headers={"long": "h" * 10000})
        publisher.sync()
        message = _wait_for(peer, queue)
        assert message.properties.headers == {"long": "h" * 10000}


def _wait_for(peer, queue):
    """The next message of a queue that another connection publishes to."""
    peer.consume(queue, no_ack=True)
    return peer.expect_message()


def test_CODEC_27_the_frames_of_a_delivery_come_together(broker):
    with broker.connect(tune=(2047, 4096, 0)) as peer:
        queue = peer.queue()
        peer.consume(queue, "c", no_ack=True)
        for number in range(20):
            peer.publish(queue, bytes([number]) * 9000)
            peer.send(Channel.Flow(active=True))
        delivered = flows = 0
        while delivered < 20 or flows < 20:
            kind, _, payload = peer.frame(1)
            assert kind == 1
            if payload == Channel.FlowOk(active=True).encode():
                flows += 1
                continue
            assert payload[:4] == Basic.Deliver.prefix
            kinds = [peer.frame(1)[0] for _ in range(4)]
            assert kinds == [2, 3, 3, 3]
            delivered += 1
