"""Tables as text, and one argument out of such a text."""

from __future__ import annotations

import pytest

from amqplab.model.describe import describe_arguments
from amqplab.trace.arguments import argument, in_words
from amqplab.wire.table import Table


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("x-max-length=10, x-overflow=drop-head", "x-overflow", "drop-head"),
        ("x-max-length=10, x-overflow=drop-head", "x-max-length", "10"),
        ("x-dead-letter-exchange=", "x-dead-letter-exchange", ""),
        ("x-dead-letter-exchange=a, b, x-max-length=1", "x-dead-letter-exchange", "a, b"),
        ("x-dead-letter-exchange=a=b", "x-dead-letter-exchange", "a=b"),
        ("x-max-length-bytes=7", "x-max-length", None),
        ("", "x-max-length", None),
    ],
)
def test_an_argument_is_found_in_the_text_of_all(text: str, name: str, value: str | None) -> None:
    assert argument(text, name) == value


def test_a_table_is_written_as_the_broker_writes_arguments() -> None:
    table = Table([("x-max-length", 10), ("flag", True), ("none", None), ("bytes", b"\xff"), ("half", 0.5)])
    assert (
        in_words(table)
        == describe_arguments(table)
        == "x-max-length=10, flag=true, none=undefined, bytes=\\xff, half=0.5"
    )
    assert in_words({"list": [1, "a", {"b": False}]}) == "list=[1, a, {b=false}]"
