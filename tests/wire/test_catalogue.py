"""The declarations say what the protocol says: compared with a table of facts made independently."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from amqplab.errors import BY_CODE, HardError, SoftError
from amqplab.wire.methods import METHODS, Basic, Method, decode_method, method_name
from amqplab.wire.properties import PROPERTIES

FACTS = json.loads(
    (Path(__file__).resolve().parents[1] / "data" / "methods.json").read_text(encoding="utf-8")
)


def test_there_are_sixty_nine_methods() -> None:
    assert len(METHODS) == len(FACTS["methods"]) == 69


@pytest.mark.parametrize("facts", FACTS["methods"], ids=[facts["name"] for facts in FACTS["methods"]])
def test_a_method_is_declared_as_it_is(facts: dict) -> None:
    kind = METHODS[tuple(facts["ids"])]
    assert kind.ids == tuple(facts["ids"])
    assert kind.name == facts["name"] == method_name(*kind.ids)
    assert (kind.synchronous, kind.sent_by) == (facts["synchronous"], facts["sent_by"])
    assert list(kind.expects) == facts["expects"]
    assert (kind.has_content, kind.has_nowait) == (facts["content"], facts["nowait"])
    assert kind.origin == facts["origin"]
    declared = [[field.rstrip("_").replace("_", "-"), domain.name] for field, domain in kind.domains.items()]
    assert declared == [argument[:2] for argument in facts["arguments"]]
    assert kind.__doc__


def test_properties_are_declared_as_they_are() -> None:
    declared = [
        [name.replace("_", "-"), domain.name, flag.bit_length() - 1] for name, domain, flag in PROPERTIES
    ]
    assert declared == FACTS["properties"]


REPLY_CODES = {
    "soft": {311: "CONTENT_TOO_LARGE", 312: "NO_ROUTE", 313: "NO_CONSUMERS", 403: "ACCESS_REFUSED",
             404: "NOT_FOUND", 405: "RESOURCE_LOCKED", 406: "PRECONDITION_FAILED"},
    "hard": {320: "CONNECTION_FORCED", 402: "INVALID_PATH", 501: "FRAME_ERROR", 502: "SYNTAX_ERROR",
             503: "COMMAND_INVALID", 504: "CHANNEL_ERROR", 505: "UNEXPECTED_FRAME", 506: "RESOURCE_ERROR",
             530: "NOT_ALLOWED", 540: "NOT_IMPLEMENTED", 541: "INTERNAL_ERROR"},
}  # fmt: skip


@pytest.mark.parametrize("kind, base", [("soft", SoftError), ("hard", HardError)])
def test_each_reply_code_has_a_class_of_its_kind(kind: str, base: type) -> None:
    found = {code: error.name for code, error in BY_CODE.items() if issubclass(error, base)}
    assert found == REPLY_CODES[kind]


def test_a_method_is_immutable_hashable_and_prints_as_it_could_be_typed() -> None:
    publish = Basic.Publish(exchange="logs", routing_key="info")
    assert repr(publish) == (
        "Basic.Publish(ticket=0, exchange='logs', routing_key='info', mandatory=False, immediate=False)"
    )
    assert eval(repr(publish)) == publish
    assert len({publish, Basic.Publish(exchange="logs", routing_key="info")}) == 1
    with pytest.raises(AttributeError):
        publish.exchange = "other"


def test_methods_with_equal_arguments_but_different_names_differ() -> None:
    assert Basic.QosOk() != Basic.RecoverOk()
    assert Basic.Ack(delivery_tag=1) != Basic.Reject(delivery_tag=1, requeue=False)


def test_replace_changes_only_what_it_is_told() -> None:
    assert Basic.Ack(delivery_tag=1).replace(multiple=True) == Basic.Ack(delivery_tag=1, multiple=True)


@pytest.mark.parametrize("kind", METHODS.values(), ids=lambda kind: kind.name)
def test_the_defaults_of_each_method_make_the_round_trip(kind: type[Method]) -> None:
    assert decode_method(kind().encode()) == kind()
