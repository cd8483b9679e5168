"""Any way of cutting the same octets gives the same frames; any octets give frames and at most one fault."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_strategies import any_method, properties

from amqplab.wire.content import ContentAssembler, UnexpectedContent
from amqplab.wire.frames import (
    FRAME_BODY,
    FRAME_HEADER,
    FRAME_METHOD,
    HEARTBEAT,
    PROTOCOL_HEADER,
    encode_content,
    encode_frame,
    encode_header,
    encode_method,
)
from amqplab.wire.methods import Basic, Channel, Method
from amqplab.wire.parser import FrameParser
from amqplab.wire.properties import Properties

frames = st.one_of(
    any_method.map(lambda method: encode_method(1, method)),
    st.builds(
        lambda given, body: encode_content(3, Basic.Publish(), given, body, 4096),
        properties,
        st.binary(max_size=99),
    ),
    st.just(HEARTBEAT),
)
streams = st.lists(frames, max_size=5).map(b"".join)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(marks)]


@given(streams | st.binary(max_size=60), st.lists(st.integers(0, 10_000), max_size=8), st.booleans())
def test_how_octets_are_cut_makes_no_difference(data: bytes, places: list[int], greeted: bool) -> None:
    data = PROTOCOL_HEADER + data if greeted else data
    whole, pieces, single = (FrameParser(expect_header=greeted) for _ in range(3))
    expected = whole.feed(data)
    assert [frame for piece in cut(data, places) for frame in pieces.feed(piece)] == expected
    assert [frame for octet in data for frame in single.feed(bytes((octet,)))] == expected
    assert whole.error == pieces.error == single.error
    assert whole.held == pieces.held == single.held


@given(streams)
def test_frames_come_out_as_they_went_in(data: bytes) -> None:
    parser = FrameParser(None)
    assert b"".join(encode_frame(*frame) for frame in parser.feed(data)) == data
    assert parser.error is None
    assert parser.held == b""


@given(st.binary(max_size=80), streams)
def test_nothing_is_read_after_a_fault(garbage: bytes, more: bytes) -> None:
    parser = FrameParser()
    parser.feed(garbage)
    if parser.error is not None and parser.error.kind != "unknown_frame":
        error = parser.error
        assert parser.feed(more) == []
        assert parser.error is error


@pytest.mark.parametrize(
    "data, text",
    [
        ("040001000000016100ce"[:-4] + "ce", 'type 4, all octets = <<"a">>: unknown_frame'),
        ("080000000000027878ce", 'type 8, all octets = <<"xx">>: unknown_frame'),
        ("010001000000020014ce", "type 1, all octets = <<0,20>>: unknown_frame"),
        ("080000000000" + "0000", "type 8, all octets = <<>>: {invalid_frame_end_marker,0}"),
        ("0300010000ffff", "type 3, all octets = <<>>: {frame_too_large,65535,4088}"),
        (PROTOCOL_HEADER.hex(), "type 65, all octets = <<>>: {frame_too_large,1342177289,4088}"),
        (
            "05000100000011" + "00" * 17 + "ce",
            f"type 5, first 16 octets = <<{','.join('0' * 16)}>>: unknown_frame",
        ),
    ],
)
def test_a_fault_is_told_in_rabbitmqs_words(data: str, text: str) -> None:
    parser = FrameParser()
    parser.feed(bytes.fromhex(data))
    assert parser.error is not None
    assert parser.error.reply_text_detail == text


def test_a_payload_may_be_as_long_as_frame_max_and_not_longer() -> None:
    parser = FrameParser(4096)
    assert len(parser.feed(encode_frame(FRAME_BODY, 1, bytes(4096)))) == 1
    parser.feed(encode_frame(FRAME_BODY, 1, bytes(4097)))
    assert parser.error is not None
    assert parser.error.kind == "frame_too_large"


def test_the_size_is_judged_before_the_payload_has_come() -> None:
    parser = FrameParser(4096)
    parser.feed(encode_frame(FRAME_BODY, 1, bytes(5000))[:7])
    assert parser.error is not None


# --- content -----------------------------------------------------------------------------------------


def assembled(data: bytes) -> list:
    assembler = ContentAssembler()
    commands = [assembler.feed(type, payload) for type, _, payload in FrameParser(None).feed(data)]
    return [command for command in commands if command is not None]


@given(properties, st.binary(max_size=300), st.integers(9, 64))
def test_a_message_in_any_number_of_body_frames_is_one_command(
    given_properties: Properties, body: bytes, frame_max: int
) -> None:
    (command,) = assembled(
        encode_content(1, Basic.Publish(routing_key="k"), given_properties, body, frame_max)
    )
    assert command.method == Basic.Publish(routing_key="k")
    assert command.properties == given_properties
    assert (command.body, command.body_size) == (body, len(body))


def test_body_frames_are_no_longer_than_frame_max_allows_and_an_empty_body_has_none() -> None:
    kinds = [
        (type, len(payload))
        for type, _, payload in FrameParser(None).feed(
            encode_content(1, Basic.Publish(), Properties(), bytes(10_000), 4096)
        )
    ]
    assert kinds[2:] == [(FRAME_BODY, 4088), (FRAME_BODY, 4088), (FRAME_BODY, 1824)]
    assert len(FrameParser().feed(encode_content(1, Basic.Publish(), Properties(), b"", 4096))) == 2


@given(any_method)
def test_a_method_without_content_is_a_command_by_itself(method: Method) -> None:
    commands = assembled(encode_method(1, method))
    assert len(commands) == (0 if method.has_content else 1)


@pytest.mark.parametrize(
    "frames, text, ids",
    [
        ([(FRAME_BODY, b"x")], "expected method frame, got non method frame instead", (0, 0)),
        (
            [(FRAME_METHOD, Basic.Publish().encode()), (FRAME_METHOD, Channel.Open().encode())],
            "expected content header for class 60, got non content header frame instead",
            (60, 40),
        ),
        (
            [
                (FRAME_METHOD, Basic.Publish().encode()),
                (FRAME_HEADER, encode_header(1, 1, b"\0\0", 50)[7:-1]),
            ],
            "expected content header for class 60, got one for class 50 instead",
            (60, 40),
        ),
        (
            [
                (FRAME_METHOD, Basic.Publish().encode()),
                (FRAME_HEADER, encode_header(1, 1, b"\0\0", weight=1)[7:-1]),
            ],
            "expected content header for class 60, got non content header frame instead",
            (60, 40),
        ),
        (
            [
                (FRAME_METHOD, Basic.Publish().encode()),
                (FRAME_HEADER, encode_header(1, 1, b"\0\0")[7:-1]),
                (FRAME_METHOD, Channel.Open().encode()),
            ],
            "expected content body, got non content body frame instead",
            (60, 40),
        ),
    ],
)
def test_a_frame_out_of_place_is_told_in_rabbitmqs_words(
    frames: list[tuple[int, bytes]], text: str, ids: tuple[int, int]
) -> None:
    assembler = ContentAssembler()
    for type, payload in frames[:-1]:
        assert assembler.feed(type, payload) is None
    with pytest.raises(UnexpectedContent) as caught:
        assembler.feed(*frames[-1])
    assert caught.value.reply_text_detail == text
    assert (caught.value.class_id, caught.value.method_id) == ids


@given(st.binary(min_size=8, max_size=8))
def test_where_a_protocol_header_is_due_the_first_eight_octets_are_one(octets: bytes) -> None:
    assert FrameParser(expect_header=True).feed(octets + HEARTBEAT) == [(65, 0, octets), (8, 0, b"")]


def test_a_header_belongs_to_the_class_basic_unless_told_otherwise() -> None:
    assert encode_header(3, 14, b"\0\0")[7:19] == bytes.fromhex("003c 0000 000000000000000e")
