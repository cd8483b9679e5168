"""A little of the fuzzer in every run, and the proof that it would find something."""

from __future__ import annotations

import random

import pytest
from fuzzing import TARGETS, BrokerTarget, Failure, ParserTarget, Target, fuzz, main
from mutations import cuts, mutate
from real_octets import conversations, journal_entries

from amqplab.model.journal import encode_header, encode_record, read
from amqplab.model.queue import Queue
from amqplab.wire.frames import encode_method
from amqplab.wire.methods import Exchange, Method, decode_method
from amqplab.wire.methods import Queue as QueueMethods


@pytest.mark.parametrize("kind", TARGETS, ids=lambda kind: kind.name)
def test_nothing_falls_over(kind: type[Target]) -> None:
    outcome = fuzz(kind, 4000, seed=11)
    assert outcome.inputs == 4000 and outcome.octets > 100_000
    assert len(outcome.kinds) >= 2  # some were refused, and some were not


def test_the_same_seed_makes_the_same_accidents() -> None:
    kinds = [fuzz(BrokerTarget, 1000, seed=5).kinds for _ in range(2)]
    assert kinds[0] == kinds[1] != fuzz(BrokerTarget, 1000, seed=6).kinds


def test_what_is_real_is_understood() -> None:
    for talk in conversations():
        for frame in (*talk.said, *talk.heard):
            if frame[0] == 1:
                assert isinstance(decode_method(frame[7:-1]), Method)
    assert read(encode_header() + encode_record(0, journal_entries())).problem is None


def test_a_bug_in_the_broker_is_found_and_cut_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def purge(self: Queue) -> int:
        raise RuntimeError("planted")

    monkeypatch.setattr(Queue, "purge", purge)
    with pytest.raises(Failure, match="planted") as caught:
        fuzz(BrokerTarget, 4000, seed=1)
    assert len(caught.value.inputs) == 1


def test_a_message_that_vanishes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Queue, "get", lambda *arguments: None)
    with pytest.raises(Failure, match="the client that behaves heard"):
        fuzz(BrokerTarget, 1000, seed=1)


def test_a_bug_in_a_decoder_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(payload: bytes) -> Method:
        if payload[:1] == b"\xff":
            raise KeyError(payload)
        return decode_method(payload)

    monkeypatch.setattr("fuzzing.decode_method", decode)
    with pytest.raises(Failure, match="KeyError") as caught:
        fuzz(ParserTarget, 20_000, seed=1)
    assert b"\xff" in caught.value.inputs[0]


@pytest.mark.parametrize(
    "forged",
    [
        QueueMethods.Declare(queue="q", durable=True, arguments={"x-max-priority": 2_000_000_000}),
        QueueMethods.Declare(
            queue="q", durable=True, arguments={"x-max-age": "soon", "x-queue-type": "stream"}
        ),
        Exchange.Declare(exchange="x", type="odd", durable=True),
    ],
    ids=str,
)
def test_a_journal_declares_nothing_that_no_broker_would(forged: Method) -> None:
    """A queue with two thousand million priorities took all memory there was."""
    opening = next(one for one in journal_entries() if b"\x00\x0a\x00\x28" in one)
    entry = opening[: opening.index(b"\xce") + 1] + encode_method(1, forged)
    problem = read(encode_header() + encode_record(0, [entry])).problem
    assert problem is not None and problem.kind == "unreadable"


def test_mutations_stay_within_reason() -> None:
    rng = random.Random(1)
    for _ in range(2000):
        data = rng.randbytes(rng.randrange(1, 60))
        assert len(mutate(rng, data)) <= 60 + 4 * 33 * 8
        assert b"".join(cuts(rng, data)) == data


def test_the_command_prints_a_table_and_replays(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--inputs", "2000", "--only", "parser,client"]) == 0
    printed = capsys.readouterr().out
    assert "2,000 inputs (seed 1), nothing fell over" in printed and "parser" in printed
    assert main(["--only", "broker", "--replay", conversations()[0].said[0].hex()]) == 0
    assert capsys.readouterr().out == "nothing fell over (inputs: 1)\n"
