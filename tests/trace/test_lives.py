"""A dead letter goes on under its first number, with a prime for each death; in sentences as on the picture."""

from __future__ import annotations

import pytest
from scenes import recording

from amqplab.trace import events as e
from amqplab.trace.lives import Name, names_of_lives
from amqplab.trace.narrate import Narrator
from amqplab.trace.recorder import Record


def died(message: int, successor: int) -> Record:
    return Record(0, 0, "broker", None, e.DeadLettered("/", "q", message, "rejected", "dlx", "k", successor))


@pytest.mark.parametrize(("lives", "name"), [(1, "3′"), (2, "3″"), (4, "3⁗"), (5, "3′⁵"), (12, "3′¹²")])
def test_each_death_is_a_prime(lives: int, name: str) -> None:
    chain = [died(3, 10), *(died(9 + n, 10 + n) for n in range(1, lives))]
    assert names_of_lives(chain)[9 + lives] == name


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
