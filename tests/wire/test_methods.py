"""All 69 methods, against the facts they were declared from, and against themselves."""

from __future__ import annotations

import copy
import pickle
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_strategies import LAW, any_method, damaged, methods

from amqplab.wire.errors import ArgumentsUndecodable, DecodeError, EncodeError, UnknownMethod
from amqplab.wire.frames import encode_frame
from amqplab.wire.method import at_first_call, decode_arguments, encode_arguments
from amqplab.wire.methods import METHODS, Basic, Connection, Method, Queue, decode_method, method_name
from amqplab.wire.table import Table

DECLARED = sorted(METHODS.values(), key=lambda kind: kind.ids)
BY_NAME = {kind.name: kind for kind in DECLARED}


def named(kind: type[Method]) -> str:
    return kind.name


# --- the catalogue ---------------------------------------------------------------------------------------


def test_every_method_of_the_catalogue_is_declared_and_no_other(facts: dict[str, Any]) -> None:
    assert [kind.name for kind in DECLARED] == [
        one["name"] for one in sorted(facts["methods"], key=lambda one: one["ids"])
    ]
    assert len(DECLARED) == 69


@pytest.mark.parametrize("kind", DECLARED, ids=named)
def test_a_declaration_says_what_the_catalogue_says(kind: type[Method], facts: dict[str, Any]) -> None:
    (fact,) = [one for one in facts["methods"] if one["name"] == kind.name]
    assert {
        "ids": list(kind.ids),
        "name": kind.name,
        "synchronous": kind.synchronous,
        "sent_by": kind.sent_by,
        "expects": list(kind.expects),
        "content": kind.has_content,
        "nowait": kind.has_nowait,
        "origin": kind.origin,
    } == {key: value for key, value in fact.items() if key != "arguments"}
    assert [[name.rstrip("_").replace("_", "-"), domain.name] for name, domain in kind.domains.items()] == [
        argument[:2] for argument in fact["arguments"]
    ]


@pytest.mark.parametrize("kind", DECLARED, ids=named)
def test_defaults_are_the_catalogue_s(kind: type[Method], facts: dict[str, Any]) -> None:
    (fact,) = [one for one in facts["methods"] if one["name"] == kind.name]
    method = kind()
    for (_, _, *default), (name, domain) in zip(fact["arguments"], kind.domains.items(), strict=True):
        wanted = default[0] if default else domain.default
        value = getattr(method, name)
        assert (value.decode() if isinstance(value, bytes) and default else value) == wanted


def test_every_reply_that_a_method_expects_exists() -> None:
    assert {reply for kind in DECLARED for reply in kind.expects} <= set(BY_NAME)


def test_every_method_says_in_a_line_what_it_is_for() -> None:
    assert [kind.name for kind in DECLARED if not (kind.__doc__ or "").strip()] == []


# --- octets and back -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DECLARED, ids=named)
def test_a_method_survives_the_wire(kind: type[Method]) -> None:
    @LAW
    @given(methods(kind))
    def survives(method: Method) -> None:
        again = decode_method(method.encode())
        assert again == method
        assert type(again) is kind
        assert again.encode() == method.encode()

    survives()


@LAW
@given(any_method)
def test_the_generated_codec_writes_what_the_reference_writes(method: Method) -> None:
    assert method.encode() == method.prefix + encode_arguments(method)
    assert method.encode_frame(7) == encode_frame(1, 7, method.encode())


def outcome(decode: Any, *arguments: Any) -> Any:
    try:
        return decode(*arguments)
    except DecodeError:
        return None


@LAW
@given(any_method, st.integers(0, 500), st.integers(0, 255), st.sampled_from(["damage", "cut", "extend"]))
def test_the_generated_codec_reads_what_the_reference_reads(
    method: Method, place: int, octet: int, how: str
) -> None:
    payload = method.encode()
    at = 4 + place % max(len(payload) - 4, 1)
    if how == "cut":
        payload = payload[:at]
    elif how == "extend":
        payload += bytes((octet,))
    elif len(payload) > 4:
        payload = damaged(payload, at, octet)
    assert outcome(decode_method, payload) == outcome(decode_arguments, type(method), payload)


@LAW
@given(st.sampled_from(DECLARED), st.binary(max_size=60))
def test_any_octets_are_a_method_or_a_decode_error(kind: type[Method], octets: bytes) -> None:
    try:
        method = decode_method(kind.prefix + octets)
    except ArgumentsUndecodable as error:
        assert error.octets == octets
        assert (error.class_id, error.method_id) == kind.ids
    else:
        assert type(method) is kind


def test_bits_share_octets_from_the_lowest_place_up() -> None:  # CODEC-29
    declare = Queue.Declare(queue="", passive=True, exclusive=True, nowait=True)
    assert declare.encode() == bytes.fromhex("0032000a 0000 00") + bytes((0b10101,)) + bytes(4)


def test_unused_bits_are_ignored() -> None:  # CODEC-29
    assert decode_method(bytes.fromhex("003c0050 0000000000000001 fe")) == Basic.Ack(delivery_tag=1)


def test_a_short_string_holds_255_octets_not_characters() -> None:  # CODEC-28
    assert Basic.Cancel(consumer_tag="é" * 127).encode()[4] == 254
    with pytest.raises(EncodeError, match="has 256"):
        Basic.Cancel(consumer_tag="é" * 128).encode()


@pytest.mark.parametrize("value", [-1, 65536, "1", None, 1.5])
def test_a_value_that_does_not_fit_is_refused_before_a_byte_exists(value: Any) -> None:
    with pytest.raises(EncodeError, match="prefetch_count"):
        Basic.Qos(prefetch_count=value).encode()


@pytest.mark.parametrize("value", [7, None, ["x"], object()])
def test_a_string_argument_takes_only_strings(value: Any) -> None:
    with pytest.raises(EncodeError, match="queue"):
        Basic.Get(queue=value).encode()


def test_octets_that_are_not_utf8_come_out_as_they_went_in() -> None:  # CODEC-31 is for the broker
    payload = bytes.fromhex("003c0028 0000 02 c3ff 01 80 00")
    method = decode_method(payload)
    assert isinstance(method, Basic.Publish)
    assert method.exchange.encode("utf-8", "surrogateescape") == b"\xc3\xff"
    assert method.encode() == payload


def test_a_plain_dict_is_taken_for_a_table() -> None:
    assert Queue.Declare(arguments={"x-max-length": 10}) == Queue.Declare(
        arguments=Table({"x-max-length": 10})
    )
    assert decode_method(Queue.Declare(arguments={"a": "b"}).encode()) == Queue.Declare(arguments={"a": "b"})


# --- what cannot be read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [(60, 99), (11, 10), (0, 0), (65535, 65535)])
def test_unknown_ids_have_an_error_of_their_own(ids: tuple[int, int]) -> None:  # CODEC-35
    with pytest.raises(UnknownMethod) as caught:
        decode_method(struct.pack("!HH", *ids) + b"rest")
    assert (caught.value.class_id, caught.value.method_id) == ids


def test_the_text_for_undecodable_arguments_has_all_octets_as_numbers() -> None:  # CODEC-30
    with pytest.raises(ArgumentsUndecodable) as caught:
        decode_method(Basic.Ack.prefix + b"abc")
    assert caught.value.detail == "cannot decode <<97,98,99>>"
    assert (caught.value.class_id, caught.value.method_id) == (60, 80)
    assert not caught.value.in_table


def test_missing_and_extra_octets_are_both_undecodable() -> None:  # CODEC-30
    good = Basic.Get(queue="q").encode()
    for bad in (good[:-1], good + b"\x00"):
        with pytest.raises(ArgumentsUndecodable):
            decode_method(bad)


def test_a_bad_table_is_told_from_missing_octets() -> None:  # CODEC-40
    good = Queue.Declare(arguments={"a": 1}).encode()
    with pytest.raises(ArgumentsUndecodable) as bad_table:
        decode_method(good.replace(b"\x01aI", b"\x01aU"))
    with pytest.raises(ArgumentsUndecodable) as cut:
        decode_method(good[:-1])
    assert (bad_table.value.in_table, cut.value.in_table) == (True, False)


# --- as Python values ------------------------------------------------------------------------------------


def test_a_method_prints_as_it_could_be_typed() -> None:
    method = Basic.Publish(exchange="logs", routing_key="info", mandatory=True)
    assert repr(method) == (
        "Basic.Publish(ticket=0, exchange='logs', routing_key='info', mandatory=True, immediate=False)"
    )
    assert eval(repr(method)) == method


def test_methods_are_equal_by_kind_and_arguments() -> None:
    assert Basic.Ack(delivery_tag=1) == Basic.Ack(delivery_tag=1)
    assert Basic.Ack(delivery_tag=1) != Basic.Ack(delivery_tag=2)
    assert Basic.QosOk() != Basic.RecoverOk()
    assert Basic.CancelOk(consumer_tag="a") != Basic.ConsumeOk(consumer_tag="a")
    assert len({Basic.Ack(delivery_tag=1), Basic.Ack(delivery_tag=1), Basic.Nack(delivery_tag=1)}) == 2


def test_methods_cannot_be_changed() -> None:
    method = Basic.Ack(delivery_tag=1)
    with pytest.raises(AttributeError):
        method.delivery_tag = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        method.other = 2  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        del method.delivery_tag


@pytest.mark.parametrize("kind", DECLARED, ids=named)
def test_a_method_is_true_and_can_be_copied(kind: type[Method]) -> None:
    method = kind()
    assert method
    assert copy.deepcopy(method) == copy.copy(method) == method
    assert pickle.loads(pickle.dumps(method)) == method


def test_a_misspelt_argument_is_refused() -> None:
    with pytest.raises(TypeError, match="routingkey"):
        Basic.Publish(routingkey="x")  # type: ignore[call-arg]


def test_a_close_has_class_and_method_id_twice() -> None:
    """Its own, as `ids`; and as arguments, those of the method it complains about."""
    close = Connection.Close(reply_code=504, class_id=60, method_id=40)
    assert (close.ids, close.class_id, close.method_id) == ((10, 50), 60, 40)


def test_method_names() -> None:
    assert method_name(60, 71) == "basic.get-ok"
    assert method_name(60, 99) == "60/99"


def test_a_codec_is_written_at_its_first_call_and_then_stands_in_the_class() -> None:
    class Kind:
        encode: Any

    written: list[str] = []

    def write() -> Any:
        written.append("encode")
        return len

    kept = Kind.encode = at_first_call(Kind, "encode", write)
    assert not written
    assert Kind.encode("abc") == 3
    assert Kind.encode is len
    assert kept("ab") == 2
    assert written == ["encode"]
