"""The dissector labels every octet of anything, exactly once, and says in words what a frame is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_strategies import any_method, properties

from amqplab.wire.dissect import dissect, leaves, render, summarise
from amqplab.wire.frames import HEARTBEAT, PROTOCOL_HEADER, encode_content, encode_frame, encode_method
from amqplab.wire.methods import Basic, Channel, Queue
from amqplab.wire.properties import Properties

frames = st.one_of(
    any_method.map(lambda method: encode_method(7, method)),
    st.builds(
        lambda given, body: encode_content(3, Basic.Publish(), given, body, 60),
        properties,
        st.binary(max_size=99),
    ),
    st.sampled_from([HEARTBEAT, PROTOCOL_HEADER]),
)


def check_cover(data: bytes) -> None:
    spans = dissect(data)
    place = 0
    for span in leaves(spans):
        assert span.start == place <= span.end  # an empty span says what is missing there
        place = span.end
    assert place == len(data)

    def nested(outer) -> None:
        for inner in outer.children:
            assert outer.start <= inner.start <= inner.end <= outer.end
            nested(inner)

    for span in spans:
        nested(span)
    json.dumps([span.to_json() for span in spans])
    assert render(spans, data) or not data


@settings(max_examples=150)
@given(st.lists(frames, max_size=3).map(b"".join))
def test_every_octet_of_whole_frames_is_labelled(data: bytes) -> None:
    check_cover(data)


@settings(max_examples=150)
@given(frames, st.integers(0, 200), st.integers(0, 255))
def test_every_octet_of_damaged_frames_is_labelled(data: bytes, place: int, octet: int) -> None:
    check_cover(data[: place % (len(data) + 1)])
    damaged = bytearray(data)
    damaged[place % len(data)] = octet
    check_cover(bytes(damaged))


@settings(max_examples=150)
@given(st.binary(max_size=80), st.integers(1, 3))
def test_every_octet_of_garbage_is_labelled(data: bytes, type: int) -> None:
    check_cover(data)
    check_cover(encode_frame(type, 1, data))


@pytest.mark.parametrize(
    "data, line",
    [
        (PROTOCOL_HEADER, "Protocol-Header 0-9-1"),
        (HEARTBEAT, "Heartbeat"),
        (
            encode_method(1, Basic.Publish(exchange="logs", routing_key="info")),
            "Basic.Publish x=logs rk=info",
        ),
        (encode_method(1, Channel.OpenOk()), "Channel.Open-Ok"),
        (encode_frame(3, 1, b"Hello, Rabbit!"), "Content-Body 14 bytes"),
    ],
)
def test_a_frame_in_one_line(data: bytes, line: str) -> None:
    assert summarise(data) == line


def test_the_notes_message_has_fourteen_octets_and_no_properties() -> None:
    publish = Basic.Publish(exchange="logs", routing_key="info")
    data = encode_content(1, publish, Properties(), b"Hello, Rabbit!", 4096)
    _, header, body = dissect(data)
    found = {span.name: span.value for span in leaves([header])}
    assert found["size of body"] == 14
    assert found["property flags"] == 0
    assert body.end - body.start == 14 + 8


def test_the_last_two_property_flags_are_no_properties() -> None:
    """Bit 1 means nothing to class basic; bit 0 announces more flags, and RabbitMQ ignores it (CODEC-50)."""
    data = encode_content(1, Basic.Publish(exchange="", routing_key="q"), Properties(), b"", 4096)
    flags = data[:-3] + b"\x00\x03" + data[-1:]
    [span] = [one for one in leaves(dissect(flags)) if one.name == "property flags"]
    assert span.meaning == "0 properties follow, the lowest two bits are ignored"
    assert [(bit.name, bit.value) for bit in span.children[-2:]] == [
        ("unused", True),
        ("more flags follow", True),
    ]


def test_bits_are_spelled_out() -> None:
    data = encode_method(1, Queue.Declare(queue="q", durable=True))
    names = {span.name for span in leaves(dissect(data))} | {
        child.name for span in leaves(dissect(data)) for child in span.children
    }
    text = render(dissect(data), data)
    assert "durable" in text
    assert "nowait" in text
    assert "queue" in text
    assert names


def test_an_entry_of_a_table_shows_its_name_its_value_and_its_type() -> None:
    declare = encode_method(1, Queue.Declare(queue="q", arguments={"x-queue-type": "classic", "x-max": 5}))
    text = render(dissect(declare), declare)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert any("x-queue-type classic" in line.replace("'", "") and "longstr" in line for line in lines), text
    assert any("x-max 5" in line and "signedint" in line for line in lines), text
