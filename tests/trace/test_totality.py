"""Reading is total: of a recording that was cut, shuffled or spoiled every reader makes what it can."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
from bad_records import BODIES, NAMES, recorder_of, spoiled
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_runs import RUNS
from state_laws import check_lines

from amqplab.lab.checks import Checks
from amqplab.trace import events as e
from amqplab.trace import query, why
from amqplab.trace.chapters import chapters
from amqplab.trace.digest import digest
from amqplab.trace.fold import Fold, State, step, undo
from amqplab.trace.labels import label_of
from amqplab.trace.ladder import ladder
from amqplab.trace.narrate import Narrator, narrate
from amqplab.trace.participants import participants_of
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.subjects import subject_of
from amqplab.trace.traffic import Traffic
from amqplab.trace.whereabouts import Whereabouts

THOROUGHLY = ("retry with dead letters", "transactions of publishes and acks", "power fails at both ends")
"""Runs that every reader is tried on; the fold is tried on all."""


@cache
def records_of(name: str) -> tuple[Record, ...]:
    return tuple(RUNS[name]().recorder)


def fold(recorder: Recorder) -> None:
    """Every state is one, in JSON, and every step can be taken back."""
    state: State = {}
    patches = []
    for record in recorder:
        patches.append(step(state, record))
        json.dumps(patches[-1])
    check_lines(state)
    assert Fold(recorder).now() == state
    for patch in reversed(patches):
        undo(state, patch)
    assert state == {}


def sentences(recorder: Recorder) -> None:
    narrator = Narrator(list(recorder))
    for record in recorder:
        for sentence in (narrator.sentence(record.seq), narrate(record), label_of(record)):
            assert isinstance(sentence, str)
    chapters(recorder, narrator)


def whys(recorder: Recorder) -> None:
    for seq in range(len(recorder) - 1, 0, -1 - len(recorder) // 3):
        why.story(recorder, seq)
        why.outcome_of(recorder, seq)
    for message in sorted({getattr(record.event, "message", None) for record in recorder} - {None})[:2]:
        why.lifecycle(recorder, message)  # type: ignore[arg-type]


def queries(recorder: Recorder) -> None:
    query.frames(recorder)
    query.commands(recorder)
    query.messages(recorder)


def traffic(recorder: Recorder) -> None:
    records = list(recorder)
    crossed, state = Traffic(records), State()
    whereabouts = Whereabouts(records, crossed)
    for record in records:
        subject_of(record, crossed)
        whereabouts.step(record, step(state, record), state)


def ladders(recorder: Recorder) -> None:
    for zoom in ("segment", "frame", "command"):
        ladder(recorder, zoom=zoom)


def checks(recorder: Recorder) -> None:
    """They may complain, but not fall."""
    again = Recorder(lambda: 0)
    repr(watching := Checks(again))
    for record in recorder:
        values = [getattr(record.event, field.name) for field in fields(record.event)]  # type: ignore[arg-type]
        again.record_because(record.cause, record.where, type(record.event), *values)  # type: ignore[arg-type]
    watching.at_rest()


READERS: tuple[Callable[[Recorder], Any], ...] = (
    *(fold, sentences, whys, queries, traffic, ladders, checks),
    *(participants_of, digest),
)


@pytest.mark.parametrize("name", RUNS)
def test_the_fold_makes_a_state_of_any_part_of_a_recording(name: str) -> None:
    for what, records in spoiled(records_of(name), range(1)):
        try:
            fold(recorder_of(records))
        except Exception as error:
            error.add_note(what)
            raise


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@pytest.mark.parametrize("name", THOROUGHLY)
def test_every_reader_survives_any_part_of_a_recording(name: str, read: Callable[[Recorder], Any]) -> None:
    for what, records in spoiled(records_of(name), range(2)):
        try:
            read(recorder_of(records))
        except Exception as error:
            error.add_note(what)
            raise


# --- one record, whatever it says -------------------------------------------------------------------------

TYPES: dict[str, Any] = {
    "str": st.sampled_from(NAMES),
    "int": st.integers(0, 3) | st.just(2**63),
    "bool": st.booleans(),
    "bytes": st.sampled_from(BODIES),
    "int | None": st.none() | st.integers(0, 3),
    "str | None": st.none() | st.sampled_from(NAMES),
    "tuple[int, ...]": st.lists(st.integers(0, 9), max_size=2).map(tuple),
    "tuple[str, ...]": st.lists(st.sampled_from(NAMES), max_size=2).map(tuple),
    "tuple[tuple[str, str, str, str], ...]": st.just(((NAMES[0], "queue", NAMES[4], NAMES[5]),)),
    "tuple[tuple[str, int], ...]": st.just(((NAMES[2], 1),)),
}


@st.composite
def any_record(draw: st.DrawFn) -> Record:
    """A record of any kind, at any time, with names that a picture may trip over."""
    kind = draw(st.sampled_from(list(e.ABOUT)))
    event = kind(*[draw(TYPES[field.type]) for field in fields(kind)])  # type: ignore[arg-type,index]
    at = draw(st.sampled_from([0, 5, -(10**18), 10**18]))
    return Record(
        0, at, draw(st.sampled_from([*NAMES, "broker"])), draw(st.none() | st.integers(0, 40)), event
    )


@settings(max_examples=60)
@given(st.lists(any_record(), max_size=30))
def test_any_records_at_all_can_be_read(records: list[Record]) -> None:
    made = [
        one._replace(seq=seq, cause=one.cause if one.cause is not None and one.cause < seq else None)
        for seq, one in enumerate(records)
    ]
    recorder = recorder_of(made)
    for read in READERS:
        read(recorder)
