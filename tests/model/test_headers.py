"""Header matching, clause by clause (EXCH-28 … EXCH-34)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from amqplab.errors import PreconditionFailed
from amqplab.model.headers import check_match_argument, headers_match, in_order, pattern_of
from amqplab.wire.table import ByteArray, Float32, Int8, Int64, Table, Timestamp

ALL: dict[str, Any] = {"x-match": "all"}
ANY: dict[str, Any] = {"x-match": "any"}


@pytest.mark.parametrize(
    ("pattern", "headers", "expected"),
    [
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        (ALL | {"a": 1}, {"a": 2}, False),
        ({}, {}, True),
        (ALL | {"x-other": 1}, {}, True),
        (ANY, {"a": 1}, False),
        (ANY | {"a": 1, "b": 2}, {"b": 2}, True),
        (ANY | {"a": 1}, {"a": 2}, False),
        ({"x-match": "all-with-x", "x-a": 1}, {}, False),
        ({"x-match": "all-with-x", "x-a": 1}, {"x-a": 1}, True),
        ({"x-match": "any-with-x", "x-a": 1}, {"x-a": 1}, True),
        (ANY | {"x-a": 1}, {"x-a": 1}, False),
        ({"a": None}, {"a": "anything"}, True),
        ({"a": None}, {}, False),
        ({"a": 1}, {"a": None}, False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": Int8(1)}, {"a": Int64(1)}, True),
        ({"a": 1}, {"a": Float32(1.0)}, True),
        ({"a": 5}, {"a": Timestamp(5)}, True),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": "x"}, {"a": ByteArray(b"x")}, True),
        ({"a": Decimal("1.0")}, {"a": Decimal("1.00")}, False),
        ({"a": [1, "x"]}, {"a": [1, "x"]}, True),
        ({"a": [1]}, {"a": [Int64(1)]}, False),
        ({"a": {"b": 1}}, {"a": {"b": 1}}, True),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, False),
        (Table([("a", 1), ("a", 2)]), Table([("a", 1)]), False),
        (Table([("a", 1), ("a", 2)]), Table([("a", 1), ("a", 2)]), True),
        (ANY | {"b": 1}, {"a": 1, "b": 1, "c": 1}, True),
    ],
)
def test_a_binding_matches_or_not(pattern: dict[str, Any], headers: dict[str, Any], expected: bool) -> None:
    assert headers_match(pattern_of(pattern), in_order(headers)) is expected


def test_an_unknown_match_word_is_refused_in_rabbitmqs_words() -> None:
    with pytest.raises(PreconditionFailed) as error:
        check_match_argument({"x-match": "some"})
    assert error.value.detail == (
        'Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x'
    )


def test_a_match_word_of_another_type_is_refused_in_rabbitmqs_words() -> None:
    with pytest.raises(PreconditionFailed) as error:
        check_match_argument({"x-match": 1})
    assert error.value.detail == "Invalid x-match field type signedint (value 1); expected longstr"


@pytest.mark.parametrize("word", ["all", "any", "all-with-x", "any-with-x"])
def test_the_four_match_words_are_accepted(word: str) -> None:
    check_match_argument({"x-match": word})
    check_match_argument({})
