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


@pytest.mark.parametrize("facts", FACTS["methods"], ids=lambda facts: facts[2])
def test_a_method_is_declared_as_it_is(facts: list) -> None:
    class_id, method_id, name, synchronous, by, expects, content, nowait, origin, arguments = facts
    kind = METHODS[class_id, method_id]
    assert kind.ids == (class_id, method_id)
    assert kind.name == name == method_name(class_id, method_id)
    assert kind.synchronous == synchronous
    assert (kind.sent_by, list(kind.expects)) == (by, expects)
    assert (kind.has_content, kind.has_nowait, kind.origin) == (content, nowait, origin)
    declared = [[field.rstrip("_").replace("_", "-"), domain.name] for field, domain in kind.domains.items()]
    assert declared == arguments
    assert kind.__doc__


def test_properties_are_declared_as_they_are() -> None:
    declared = [
        [name.replace("_", "-"), domain.name, flag.bit_length() - 1] for name, domain, flag in PROPERTIES
    ]
    assert declared == FACTS["properties"]


def test_each_reply_code_has_a_class_of_its_kind() -> None:
    for code, name, kind in FACTS["reply_codes"]:
        if kind != "success":
            assert BY_CODE[code].name == name
            assert issubclass(BY_CODE[code], SoftError if kind == "soft" else HardError)
    assert len(BY_CODE) == sum(kind != "success" for _, _, kind in FACTS["reply_codes"])


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
