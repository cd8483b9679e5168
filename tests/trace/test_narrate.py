"""Narration: every kind of record has one plain sentence with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from amqplab.trace import events as e
from amqplab.trace.narrate import SENTENCES, narrate
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.words import METHOD_WORDS, TCP_STATE_WORDS, count, duration, listed
from amqplab.wire.frames import HEARTBEAT
from amqplab.wire.methods import METHODS

KINDS = [
    kind
    for kind in vars(e).values()
    if isinstance(kind, type) and issubclass(kind, e.Event) and kind is not e.Event
]
SAMPLES: dict[str, Any] = {
    "str": "name",
    "int": 3,
    "bool": True,
    "bytes": HEARTBEAT,
    "int | None": None,
    "str | None": None,
    "tuple[int, ...]": (1, 2),
    "tuple[str, ...]": ("a", "b"),
    "tuple[tuple[str, str, str, str], ...]": (("logs", "queue", "a", "k"),),
    "tuple[tuple[str, int], ...]": (("name:1", 3),),
}


def told(kind: type[e.Event], *values: Any, where: str = "broker") -> str:
    return narrate(Record(7, 1_500_000, where, None, kind(*values)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_record_has_a_sentence(kind: type[e.Event]) -> None:
    assert kind in SENTENCES
    sentence = told(kind, *[SAMPLES[field.type] for field in fields(kind)])
    assert "None" not in sentence and "  " not in sentence and "\n" not in sentence
    if kind is not e.NoteMade:
        assert sentence.endswith(".") and not sentence.endswith("..")
        assert sentence[0].isupper() or sentence[0] == "'"


def test_the_sentences_of_the_journey_read_well(
    recorder: Recorder, golden: Callable[[str, str], None]
) -> None:
    golden("narration/journey.txt", "\n".join(narrate(record) for record in recorder))


@pytest.mark.parametrize(
    ("queues", "end"),
    [
        ((), "none matches, so no queue gets a copy."),
        (("a",), "1 matches, so queue 'a' gets a copy."),
        (("a", "b", "c"), "3 match, so the queues 'a', 'b' and 'c' get one copy each."),
    ],
)
def test_routing_is_told_with_its_matches(queues: tuple[str, ...], end: str) -> None:
    matched = tuple(("logs", "queue", queue, "info") for queue in queues)
    sentence = told(e.Routed, "/", 1, "logs", "info", matched, queues, ())
    start = "The exchange 'logs' checks each of its bindings against message 1 (routing key 'info'): "
    assert sentence == start + end


def test_routing_by_way_of_other_exchanges_names_them() -> None:
    matched = (("a", "exchange", "b", "k"), ("b", "queue", "q", "k"))
    assert ", then those of 'b', against" in told(e.Routed, "/", 1, "a", "k", matched, ("q",), ())
    assert "the alternate exchange 'c' too" in told(e.Routed, "/", 1, "a", "k", (), ("q",), ("c",))


def test_the_default_exchange_is_called_that() -> None:
    assert "for the default exchange" in told(e.Published, "/", 1, "p:1", 1, "", "q", 1, False, False, 0)


@pytest.mark.parametrize(
    ("flags", "payload", "window", "words"),
    [
        ("SYN", b"", 9, "with SYN: it asks for a connection and numbers its octets from 100."),
        ("SYN|ACK", b"", 9, "it agrees to connect and numbers its octets from 100."),
        ("ACK", b"", 9, "with ACK: it has everything before 200."),
        ("ACK", b"", 0, "a window of 0: it has no room for more octets."),
        ("PSH|ACK", b"abc", 9, "with 3 octets: sequence numbers 100 to 102."),
        ("FIN|ACK", b"", 9, "with FIN|ACK: it has nothing more to send."),
        ("RST", b"", 9, "with RST: for it there is no such connection, or it gives it up."),
    ],
)
def test_a_segment_is_told_by_its_flags(flags: str, payload: bytes, window: int, words: str) -> None:
    fields = ("p:1", 1, "p:1", "broker:5672", flags, 100, 200, window, payload, False, 0, 1)
    assert told(e.SegmentSent, *fields, where="p").endswith(words)


def test_a_retransmission_says_why() -> None:
    fields = ("p:1", 1, "p:1", "broker:5672", "PSH|ACK", 100, 200, 9, b"abc", True, 0, 1)
    assert "again, because no acknowledgement came," in told(e.SegmentSent, *fields, where="p")


def test_an_event_of_somebody_elses_is_named() -> None:
    class Strange(e.Event):
        pass

    assert narrate(Record(0, 0, "here", None, Strange())) == "Strange at 'here'."


def test_every_method_and_every_tcp_state_has_words() -> None:
    names = {method.name for method in METHODS.values()}
    assert set(METHOD_WORDS) == names | {"protocol-header", "heartbeat"}
    assert len(set(METHOD_WORDS.values())) > len(METHOD_WORDS) - 8  # nearly all say something of their own
    assert len(TCP_STATE_WORDS) == 11  # RFC 9293 section 3.3.2


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1 µs"),
        (1_500_000, "1.5 ms"),
        (200_000_000, "200 ms"),
        (60_000_000_001, "60.000000001 s"),
    ],
)
def test_durations_are_exact(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text


def test_small_words() -> None:
    assert (count(1, "octet"), count(2, "octet")) == ("1 octet", "2 octets")
    assert (listed(()), listed(("a",)), listed(("a", "b"))) == ("", "'a'", "'a' and 'b'")
