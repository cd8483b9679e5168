"""Values to octets and back: the laws of the codec, for everything that can be declared."""

from __future__ import annotations

import contextlib
import math
import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_strategies import LAW, any_method, properties, tables, values

from amqplab.wire.errors import ArgumentsUndecodable, DecodeError, EncodeError, UnknownMethod
from amqplab.wire.method import decode_arguments, encode_arguments
from amqplab.wire.methods import METHODS, Basic, Method, Queue, decode_method
from amqplab.wire.properties import Properties, decode_properties, encode_properties
from amqplab.wire.table import Int8, Int64, Table, Timestamp, UInt16, decode_table, encode_table, type_name


@given(any_method)
def test_a_method_comes_back_as_it_went(method: Method) -> None:
    assert decode_method(method.encode()) == method


@given(any_method)
def test_the_generated_encoder_gives_the_octets_of_the_reference(method: Method) -> None:
    assert method.encode() == method.prefix + encode_arguments(method)


@given(any_method, st.integers(-2, 2), st.binary(max_size=30))
def test_the_generated_decoder_agrees_with_the_reference_on_damaged_octets_too(
    method: Method, cut: int, junk: bytes
) -> None:
    payload = method.encode()
    damaged = payload[:cut] + junk if cut else payload + junk
    if damaged[:4] != method.prefix:
        return
    try:
        expected = decode_arguments(type(method), damaged)
    except DecodeError:
        with pytest.raises(ArgumentsUndecodable) as caught:
            decode_method(damaged)
        assert caught.value.octets == damaged[4:]
    else:
        assert decode_method(damaged) == expected


@settings(max_examples=300)
@given(st.sampled_from(list(METHODS)), st.binary(max_size=60))
def test_any_octets_decode_or_raise_a_decode_error(ids: tuple[int, int], octets: bytes) -> None:
    prefix = ids[0].to_bytes(2, "big") + ids[1].to_bytes(2, "big")
    with contextlib.suppress(DecodeError):
        assert decode_method(prefix + octets).ids == ids


def test_ids_that_nobody_knows_are_named() -> None:
    with pytest.raises(UnknownMethod) as caught:
        decode_method(bytes.fromhex("003c03e7"))
    assert (caught.value.class_id, caught.value.method_id) == (60, 999)


def test_missing_and_left_over_octets_are_told_in_rabbitmqs_words() -> None:
    with pytest.raises(ArgumentsUndecodable, match=r"cannot decode <<0>>"):
        decode_method(Basic.Qos.prefix + b"\0")
    with pytest.raises(ArgumentsUndecodable, match=r"cannot decode <<120>>"):
        decode_method(Basic.QosOk.prefix + b"x")


def test_bits_share_octets_and_the_first_is_the_lowest() -> None:
    assert Queue.Declare(passive=True, exclusive=True).encode()[-5] == 0b00101
    assert Queue.Declare(nowait=True).encode()[-5] == 0b10000


@pytest.mark.parametrize(
    "method",
    [
        Basic.Publish(exchange="x" * 256),
        Basic.Publish(exchange="é" * 128),
        Basic.Qos(prefetch_count=-1),
        Basic.Ack(delivery_tag=1 << 64),
        Basic.Qos(prefetch_count="many"),  # type: ignore[arg-type]
        Queue.Declare(arguments={"x": object()}),
    ],
    ids=["long name", "octets not characters", "negative", "too large", "not a number", "no field type"],
)
def test_what_has_no_octets_says_so(method: Method) -> None:
    with pytest.raises(EncodeError):
        method.encode()


def test_nonsense_that_has_octets_is_encoded_without_a_word() -> None:
    nonsense = Queue.DeclareOk(queue="\r\n", message_count=2**32 - 1)
    assert decode_method(nonsense.encode()) == nonsense


# --- tables ------------------------------------------------------------------------------------------


@given(tables)
def test_a_table_comes_back_octet_by_octet(table: Table) -> None:
    encoded = table.encode()
    decoded, end = decode_table(encoded, 0)
    assert end == len(encoded)
    assert decoded == table
    assert Table(decoded.pairs).encode() == encoded


@given(st.binary(max_size=60))
def test_any_octets_form_a_table_or_a_decode_error(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        table, end = decode_table(len(data).to_bytes(4, "big") + data, 0)
        assert end == 4 + len(data)
        table.encode()


@given(values)
def test_a_value_keeps_its_type_letter(value: object) -> None:
    table, _ = decode_table(encode_table({"v": value}), 0)
    assert type_name(table["v"]) == type_name(value)


def test_the_first_of_a_name_wins_and_the_others_are_kept() -> None:
    table = Table([("a", 1), ("b", 2), ("a", 3)])
    assert table["a"] == 1
    assert len(table) == 2
    assert decode_table(table.encode(), 0)[0].pairs == (("a", 1), ("b", 2), ("a", 3))


def test_equal_numbers_of_different_types_are_different_fields() -> None:
    assert Table({"a": 5}) != Table({"a": Int64(5)})
    assert Table({"a": 1}) != Table({"a": True})
    several = (1, 2**40, UInt16(1), Int8(1), 1.5, "s", b"x", None, [], {}, Timestamp(1))
    assert [type_name(value) for value in several] == [
        "signedint", "long", "unsignedshort", "byte", "double", "longstr", "binary", "void", "array", "table",
        "timestamp",
    ]  # fmt: skip


def test_letters_as_rabbitmq_reads_them() -> None:
    def one(field: bytes) -> object:
        body = b"\x01v" + field
        return decode_table(len(body).to_bytes(4, "big") + body, 0)[0]["v"]

    assert one(b"s\xff\xff") == -1
    assert one(b"L" + b"\xff" * 8) == -1
    assert one(b"t\x07") is True
    assert one(b"D\x02\xff\xff\xff\xff") == Decimal("42949672.95")
    for field in (b"U\x00\x01", b"f\x7f\xc0\x00\x00", b"d\x7f\xf0" + bytes(6), b"S\x00\x00\x00\x09abc"):
        with pytest.raises(DecodeError):
            one(field)


@pytest.mark.parametrize("value", [math.nan, math.inf, Decimal("-1"), Decimal("1e20"), 2**63, "x" * 3])
def test_a_value_is_written_so_that_it_can_be_read_or_refused(value: object) -> None:
    try:
        encoded = encode_table({"v": value})
    except EncodeError:
        return
    with contextlib.suppress(DecodeError):
        assert decode_table(encoded, 0)[0]["v"] == value


def test_nesting_has_a_limit_and_no_crash() -> None:
    table = b""
    for _ in range(5000):
        body = b"\x01v" + (b"F" + table if table else b"V")
        table = len(body).to_bytes(4, "big") + body
    with pytest.raises(DecodeError):
        decode_table(table, 0)


# --- properties --------------------------------------------------------------------------------------


@given(properties)
def test_properties_come_back_as_they_went(given_properties: Properties) -> None:
    assert Properties.decode(given_properties.encode()) == given_properties
    again = Properties.decode(given_properties.encode())
    assert again.encode() == encode_properties(given_properties)
    assert given_properties.encode() == encode_properties(given_properties)


@LAW
@given(properties, st.integers(0, 500), st.integers(0, 255))
def test_the_generated_decoder_reads_properties_as_the_reference_does(
    given_properties: Properties, place: int, octet: int
) -> None:
    octets = bytearray(given_properties.encode())
    octets[place % len(octets)] = octet
    data = bytes(octets)
    try:
        expected = decode_properties(data)
    except DecodeError as error:
        with pytest.raises(DecodeError, match=re.escape(str(error))):
            Properties.decode(data)
    else:
        assert repr(Properties.decode(data)) == repr(expected)


def test_headers_that_were_changed_between_two_publishes_are_not_remembered() -> None:
    headers = {"a": 1}
    same = Properties(headers=headers)
    before = same.encode()
    headers["a"] = 2
    assert same.encode() != before


@given(st.binary(max_size=60))
def test_any_octets_are_properties_or_a_decode_error(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        Properties.decode(data)


def test_absent_and_empty_are_different() -> None:
    assert Properties().encode() == b"\0\0"
    assert Properties(content_type="").encode() == b"\x80\0\0"
    assert repr(Properties(content_type="", priority=0)) == "Properties(content_type='', priority=0)"


def test_the_two_lowest_flag_bits_are_ignored() -> None:
    assert Properties.decode(b"\x00\x03") == Properties()


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x00", b"\x80\x00\x05ab", b"\0\0x"])
def test_properties_that_are_cut_short_or_too_long_say_so(data: bytes) -> None:
    with pytest.raises(DecodeError):
        Properties.decode(data)
