"""Encode and decode, everything decoded, against the codecs that Python clients use.

The mix is a message's life: publish, deliver and ack, the first two with a content header of two properties
and a body of 100 octets. Whoever can write a method together with its content does so. ``pamqp`` is what
aio-pika speaks with, ``pika`` brings its own.
"""

from __future__ import annotations

import pamqp
import pamqp.body
import pamqp.commands
import pamqp.frame
import pamqp.header
import pika.frame
import pika.spec

from amqplab.wire.frames import (
    FRAME_HEADER,
    FRAME_METHOD,
    encode_content,
    encode_method,
    split_header_payload,
)
from amqplab.wire.methods import Basic, decode_method
from amqplab.wire.parser import FrameParser
from amqplab.wire.properties import Properties
from bench.table import Row, faster

MESSAGES = 2_000
BODY = b"x" * 100
FRAME_MAX = 131_072
FRAMES = MESSAGES * 7  # publish, deliver and ack; a header and a body for each of the first two


def run() -> list[Row]:
    return [
        faster(
            "codec, encode + decode", "frames/s", ours, f"pamqp {pamqp.__version__}", with_pamqp, FRAMES, 5.0
        ),
        faster(
            "codec, encode + decode", "frames/s", ours, f"pika {pika.__version__}", with_pika, FRAMES, 3.0
        ),
    ]


def ours() -> None:
    parser = FrameParser(FRAME_MAX)
    publish, deliver, ack = Basic.Publish, Basic.Deliver, Basic.Ack
    for tag in range(MESSAGES):
        properties = Properties(content_type="text/plain", delivery_mode=2)
        data = (
            encode_content(1, publish(exchange="logs", routing_key="info"), properties, BODY, FRAME_MAX)
            + encode_content(1, deliver("c", tag, False, "logs", "info"), properties, BODY, FRAME_MAX)
            + encode_method(1, ack(delivery_tag=tag))
        )
        for kind, _, payload in parser.feed(data):
            if kind == FRAME_METHOD:
                decode_method(payload)
            elif kind == FRAME_HEADER:
                Properties.decode(split_header_payload(payload)[3])


def with_pamqp() -> None:
    commands, marshal, unmarshal = pamqp.commands.Basic, pamqp.frame.marshal, pamqp.frame.unmarshal
    for tag in range(MESSAGES):
        properties = commands.Properties(content_type="text/plain", delivery_mode=2)
        header = pamqp.header.ContentHeader(0, len(BODY), properties)
        data = (
            marshal(commands.Publish(exchange="logs", routing_key="info"), 1)
            + marshal(header, 1)
            + marshal(pamqp.body.ContentBody(BODY), 1)
            + marshal(commands.Deliver("c", tag, False, "logs", "info"), 1)
            + marshal(header, 1)
            + marshal(pamqp.body.ContentBody(BODY), 1)
            + marshal(commands.Ack(tag), 1)
        )
        while data:
            size, _, _ = unmarshal(data)
            data = data[size:]


def with_pika() -> None:
    basic, frame = pika.spec.Basic, pika.frame
    for tag in range(MESSAGES):
        properties = pika.spec.BasicProperties(content_type="text/plain", delivery_mode=2)
        data = (
            frame.Method(1, basic.Publish(exchange="logs", routing_key="info")).marshal()
            + frame.Header(1, len(BODY), properties).marshal()
            + frame.Body(1, BODY).marshal()
            + frame.Method(1, basic.Deliver("c", tag, False, "logs", "info")).marshal()
            + frame.Header(1, len(BODY), properties).marshal()
            + frame.Body(1, BODY).marshal()
            + frame.Method(1, basic.Ack(tag)).marshal()
        )
        while data:
            size, _ = frame.decode_frame(data)
            data = data[size:]
