"""Routing explained word by word: what the words say is what the exchange did."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqplab import Lab
from amqplab.model.topic import TopicTrie
from amqplab.trace import events as e
from amqplab.trace.fold import Fold
from amqplab.trace.keys import unescape
from amqplab.trace.recorder import Record
from amqplab.trace.routing_words import Checked, Headers, Word, _by_words, all_routes, routes

LETTERS = st.sampled_from(["a", "b", "*", "#", ""])


def explained(lab: Lab) -> dict[int, dict[str, tuple[bool, list[tuple[str, str, bool]]]]]:
    """message -> "destination<key or arguments>" -> (matched, words), for every Routed."""
    records = list(lab.recorder)
    fold, headers = Fold(lab.recorder), Headers(records)
    found = {}
    for record in records:
        if isinstance(record.event, e.Routed):
            checked = routes(fold.at(record.seq), record, headers.of(record.event.message))
            assert all_routes(records)[record.seq] == checked
            found[record.event.message] = {name(one): (one.matched, [*one.words]) for one in checked}
            assert {name(one) for one in checked if one.matched} >= {
                f"{match[2]}<{match[3]}>" for match in record.event.matched if match[3]
            }
    return found


def name(one: Checked) -> str:
    parts = [unescape(part) for part in one.binding.split("/")]
    return f"{parts[4]}<{parts[5] or parts[6]}>"


def with_bindings(kind: str, *bindings: tuple[str, dict[str, Any]]) -> tuple[Lab, Any]:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.exchange_declare(exchange="x", exchange_type=kind)
    for number, (key, arguments) in enumerate(bindings):
        channel.queue_declare(queue=f"q{number}")
        channel.queue_bind(queue=f"q{number}", exchange="x", routing_key=key, arguments=arguments)
    return lab, channel


def test_a_topic_is_explained_word_by_word() -> None:
    lab, channel = with_bindings("topic", ("*.orange.*", {}), ("lazy.#", {}), ("*.*.rabbit", {}))
    channel.basic_publish(exchange="x", routing_key="quick.orange.fox", body="")
    lab.run()
    assert explained(lab)[1] == {
        "q0<*.orange.*>": (True, [("*", "quick", True), ("orange", "orange", True), ("*", "fox", True)]),
        "q1<lazy.#>": (False, [("lazy", "quick", False), ("#", "orange.fox", True)]),
        "q2<*.*.rabbit>": (False, [("*", "quick", True), ("*", "orange", True), ("rabbit", "fox", False)]),
    }


def test_words_too_many_or_too_few_are_the_wrong_ones() -> None:
    assert _by_words("a.b", "a.b.c") == (("a", "a", True), ("b", "b", True), ("", "c", False))
    assert _by_words("a.*", "a") == (("a", "a", True), ("*", "", False))
    assert _by_words("#.c", "a.b") == (("#", "a", True), ("c", "b", False))
    assert _by_words("#", "") == (("#", "", True),)


@given(st.lists(LETTERS, max_size=5).map(".".join), st.lists(LETTERS, max_size=5).map(".".join))
def test_no_word_is_wrong_exactly_if_the_exchange_takes_the_binding(pattern: str, key: str) -> None:
    trie: TopicTrie[str] = TopicTrie()
    trie.add(pattern, "here")
    words = _by_words(pattern, key)
    assert all(word.ok for word in words) == (trie.match(key) == ["here"])
    assert "".join(word.found for word in words).replace(".", "") == key.replace(".", "")
    assert [word.wanted for word in words if word.wanted] == [word for word in pattern.split(".") if word]


def test_direct_and_fanout() -> None:
    lab, channel = with_bindings("direct", ("info", {}), ("error", {}))
    channel.basic_publish(exchange="x", routing_key="error", body="")
    lab.run()
    assert explained(lab)[1] == {
        "q0<info>": (False, [("info", "error", False)]),
        "q1<error>": (True, [("error", "error", True)]),
    }
    lab, channel = with_bindings("fanout", ("info", {}))
    channel.basic_publish(exchange="x", routing_key="error", body="")
    lab.run()
    assert explained(lab)[1] == {"q0<info>": (True, [])}


def test_the_default_exchange_names_its_queue() -> None:
    lab, channel = with_bindings("direct", ("info", {}))
    channel.basic_publish(exchange="", routing_key="q0", body="")
    channel.basic_publish(exchange="", routing_key="nobody", body="")
    lab.run()
    assert explained(lab) == {1: {"q0<q0>": (True, [("q0", "q0", True)])}, 2: {}}


def test_headers_are_explained_one_by_one() -> None:
    pika = pytest.importorskip("pika")
    lab, channel = with_bindings(
        "headers",
        ("", {"x-match": "all", "kind": "old", "size": 3}),
        ("", {"x-match": "any", "kind": "new", "size": 3}),
        ("", {"size": "3"}),
    )
    properties = pika.BasicProperties(headers={"kind": "old", "size": 4})
    channel.basic_publish(exchange="x", routing_key="", body="", properties=properties)
    properties = pika.BasicProperties(headers={"size": 3})
    channel.basic_publish(exchange="x", routing_key="", body="", properties=properties)
    lab.run()
    first, second = (list(explained(lab)[message].values()) for message in (1, 2))
    assert first[0] == (False, [("kind=old", "kind=old", True), ("size=3", "size=4", False)])
    assert first[1] == (False, [("kind=new", "kind=old", False), ("size=3", "size=4", False)])
    assert second[0] == (False, [("kind=old", "", False), ("size=3", "size=3", True)])
    assert second[1] == (True, [("kind=new", "", False), ("size=3", "size=3", True)])
    assert second[2] == (False, [("size=3", "size=3", False)])  # a text, not the number


def test_bindings_of_other_exchanges_on_the_way_are_asked_too() -> None:
    lab, channel = with_bindings("topic", ("a.*", {}))
    channel.exchange_declare(exchange="first", exchange_type="fanout")
    channel.exchange_bind(source="first", destination="x")
    channel.basic_publish(exchange="first", routing_key="a.b", body="")
    lab.run()
    assert explained(lab)[1]["q0<a.*>"] == (True, [("a", "a", True), ("*", "b", True)])


def test_only_a_routed_record_is_explained() -> None:
    with pytest.raises(TypeError, match="record 0 is a ChannelOpened"):
        routes({}, Record(0, 0, "broker", None, e.ChannelOpened("c:1", 1)))
    assert Word("a", "b", False)._asdict() == {"wanted": "a", "found": "b", "ok": False}
