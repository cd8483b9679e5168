"""The frames of one real session with RabbitMQ 3.10.8 (WIRE-01 … WIRE-27): value, octets and every label."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amqplab.wire.dissect import dissect, leaves, render
from amqplab.wire.frames import (
    FRAME_PROTOCOL_HEADER,
    HEARTBEAT,
    NO_FRAME,
    PROTOCOL_HEADER,
    BodyFrame,
    Frame,
    HeaderFrame,
    HeartbeatFrame,
    MethodFrame,
    decode_frame,
    read_frame,
)
from amqplab.wire.methods import Basic, Channel, Connection, Queue
from amqplab.wire.parser import FrameParser
from amqplab.wire.properties import Properties

PROPERTIES = Properties(content_type="text/plain", headers={"a": 1}, delivery_mode=2)
HEADER = "02000100000025003c00000000000000000002b0000a746578742f706c61696e000000070161490000000102ce"

SESSION: dict[str, tuple[str, Frame]] = {
    "WIRE-01": (
        "0100000000004f000a000b0000002b0c6361706162696c6974696573460000001916636f6e73756d65725f63616e63656c5f"
        "6e6f74696679740105504c41494e0000000c00677565737400677565737405656e5f5553ce",
        MethodFrame(
            0,
            Connection.StartOk(
                client_properties={"capabilities": {"consumer_cancel_notify": True}},
                mechanism="PLAIN",
                response=b"\x00guest\x00guest",
                locale="en_US",
            ),
        ),
    ),
    "WIRE-02": (
        "0100000000000c000a001e07ff00020000003cce",
        MethodFrame(0, Connection.Tune(channel_max=2047, frame_max=131072, heartbeat=60)),
    ),
    "WIRE-03": (
        "0100000000000c000a001f07ff00020000003cce",
        MethodFrame(0, Connection.TuneOk(channel_max=2047, frame_max=131072, heartbeat=60)),
    ),
    "WIRE-04": ("01000000000008000a0028012f0000ce", MethodFrame(0, Connection.Open(virtual_host="/"))),
    "WIRE-05": ("01000000000005000a002900ce", MethodFrame(0, Connection.OpenOk())),
    "WIRE-06": ("010001000000050014000a00ce", MethodFrame(1, Channel.Open())),
    "WIRE-07": ("010001000000080014000b00000000ce", MethodFrame(1, Channel.OpenOk())),
    "WIRE-08": (
        "0100010000001f0032000a0000017104000000120c782d6d61782d6c656e677468490000000ace",
        MethodFrame(1, Queue.Declare(queue="q", exclusive=True, arguments={"x-max-length": 10})),
    ),
    "WIRE-09": (
        "0100010000000e0032000b01710000000000000000ce",
        MethodFrame(1, Queue.DeclareOk(queue="q", message_count=0, consumer_count=0)),
    ),
    "WIRE-10": ("0100010000000b003c000a00000000000500ce", MethodFrame(1, Basic.Qos(prefetch_count=5))),
    "WIRE-11": ("01000100000004003c000bce", MethodFrame(1, Basic.QosOk())),
    "WIRE-12": (
        "0100010000000a003c0028000000017101ce",
        MethodFrame(1, Basic.Publish(exchange="", routing_key="q", mandatory=True)),
    ),
    "WIRE-13": (HEADER, HeaderFrame(1, 2, PROPERTIES)),
    "WIRE-14": ("030001000000026869ce", BodyFrame(1, b"hi")),
    "WIRE-15": ("01000100000009003c00460000017100ce", MethodFrame(1, Basic.Get(queue="q"))),
    "WIRE-16": (
        "01000100000014003c004700000000000000010000017100000000ce",
        MethodFrame(1, Basic.GetOk(delivery_tag=1, exchange="", routing_key="q", message_count=0)),
    ),
    "WIRE-17": (HEADER, HeaderFrame(1, 2, PROPERTIES)),
    "WIRE-18": ("030001000000026869ce", BodyFrame(1, b"hi")),
    "WIRE-19": ("0100010000000d003c0050000000000000000100ce", MethodFrame(1, Basic.Ack(delivery_tag=1))),
    "WIRE-20": (
        "0100010000001f003c001400000171016302000000100a782d7072696f726974794900000003ce",
        MethodFrame(1, Basic.Consume(queue="q", consumer_tag="c", no_ack=True, arguments={"x-priority": 3})),
    ),
    "WIRE-21": ("01000100000006003c00150163ce", MethodFrame(1, Basic.ConsumeOk(consumer_tag="c"))),
    "WIRE-22": (
        "0100010000000d003c0078000000000000000903ce",
        MethodFrame(1, Basic.Nack(delivery_tag=9, multiple=True, requeue=True)),
    ),
    "WIRE-23": (
        "010001000000370014002801962c505245434f4e444954494f4e5f4641494c4544202d20756e6b6e6f776e2064656c697665"
        "7279207461672039003c0078ce",
        MethodFrame(
            1,
            Channel.Close(
                reply_code=406,
                reply_text="PRECONDITION_FAILED - unknown delivery tag 9",
                class_id=60,
                method_id=120,
            ),
        ),
    ),
    "WIRE-24": ("0100010000000400140029ce", MethodFrame(1, Channel.CloseOk())),
    "WIRE-25": ("08000000000000ce", HeartbeatFrame()),
    "WIRE-26": (
        "0100000000000e000a003200c80362796500000000ce",
        MethodFrame(0, Connection.Close(reply_code=200, reply_text="bye")),
    ),
    "WIRE-27": ("01000000000004000a0033ce", MethodFrame(0, Connection.CloseOk())),
}
EACH = pytest.mark.parametrize("name", SESSION)


@EACH
def test_the_octets_are_read_as_the_value(name: str) -> None:
    octets, value = SESSION[name]
    ((kind, channel, payload),) = FrameParser().feed(bytes.fromhex(octets))
    assert decode_frame(kind, channel, payload) == value


@EACH
def test_a_whole_frame_is_read_without_a_parser(name: str) -> None:
    octets, value = SESSION[name]
    assert decode_frame(*read_frame(bytes.fromhex(octets))) == value


@pytest.mark.parametrize("octets", [b"", b"\xce", b"GET / HTTP/1.1", HEARTBEAT[:-1], HEARTBEAT * 2])
def test_what_is_no_frame_is_read_as_octets(octets: bytes) -> None:
    assert read_frame(octets) == (NO_FRAME, 0, octets)


def test_the_protocol_header_is_its_own_payload() -> None:
    assert read_frame(PROTOCOL_HEADER) == (FRAME_PROTOCOL_HEADER, 0, PROTOCOL_HEADER)


@EACH
def test_the_value_is_written_as_the_octets(name: str) -> None:
    octets, value = SESSION[name]
    assert value.encode().hex() == octets


@EACH
def test_every_octet_has_its_label(name: str, golden: Callable[[str, str], None]) -> None:
    data = bytes.fromhex(SESSION[name][0])
    spans = dissect(data)
    assert [at for span in leaves(spans) for at in range(span.start, span.end)] == list(range(len(data)))
    golden(f"dissections/{name}.txt", render(spans, data))
