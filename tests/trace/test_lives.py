"""A dead letter goes on under its first number, marked with its deaths; in sentences as on the picture."""

from __future__ import annotations

import pytest
from scenes import build, recording

from amqplab.trace import events as e
from amqplab.trace.fold import Fold
from amqplab.trace.lives import Name, name_of_next, names_of_lives, root_of
from amqplab.trace.narrate import Narrator
from amqplab.trace.recorder import Record


def died(message: int, successor: int) -> Record:
    return Record(0, 0, "broker", None, e.DeadLettered("/", "q", message, "rejected", "dlx", "k", successor))


@pytest.mark.parametrize(("lives", "name"), [(1, "3′"), (2, "3″"), (3, "3·3"), (4, "3·4"), (12, "3·12")])
def test_one_and_two_deaths_are_primes_and_more_are_a_number(lives: int, name: str) -> None:
    chain = [died(3, 10), *(died(9 + n, 10 + n) for n in range(1, lives))]
    assert names_of_lives(chain)[9 + lives] == name


def test_the_state_knows_the_same_names() -> None:
    records = recording("dead_letter_retry")
    state = Fold(records).now()
    names = names_of_lives(records)
    assert names and all(state[f"message/{number}"]["label"] == name for number, name in names.items())


def test_however_many_lives_there_were_the_root_is_known() -> None:
    name = "10"
    for _ in range(120):
        assert root_of(name) == 10
        name = name_of_next(name)
    assert name == "10·120" and root_of("·") == 0


def test_a_name_is_its_number_and_prints_as_people_know_it() -> None:
    name = Name(7, "1″")
    assert name == 7 and {7: "it"}[name] == "it"
    assert f"message {name}" == "message 1″"


def test_sentences_and_picture_call_a_dead_letter_the_same() -> None:
    records = recording("dead_letter_retry")
    names, narrator = names_of_lives(records), Narrator(records)
    told = [record for record in records if getattr(record.event, "message", None) in names]
    assert told
    for record in told:
        assert f"essage {names[record.event.message]}" in narrator.sentence(record.seq)  # type: ignore[attr-defined]


def test_the_table_of_messages_calls_them_as_the_sentences_do() -> None:
    rows = build("dead_letter_retry").messages()
    named = {str(row.message): row for row in rows}
    assert named["1"].status == "dead-lettered as 1′" and named["1′"].status == "dead-lettered as 1″"
    assert named["1′"].message == rows[2].message == 3  # the broker's number, as records have it
    assert "\n1′ " in repr(rows)
