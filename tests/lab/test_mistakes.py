"""What an author types wrong is answered with one clear sentence."""

from __future__ import annotations

from typing import Any

import pytest

from amqplab import Lab
from amqplab.lab import Fault, Freeze, Kill, LabError, LoseNext, Reset, Thaw
from amqplab.trace.events import FrameSent


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seed": "one"}, "The seed 'one' is no whole number: write for example Lab(seed=1)."),
        ({"latency": 5}, "The latency 5 has no unit: write '5 ms' or '5 s'."),
        (
            {"latency": "-1 ms"},
            "The latency '-1 ms' is negative: time only moves forward here, give 0 or more.",
        ),
        ({"loss": 2}, "The loss 2 is no share: write '2 %' or 0.02, from 0 to 1."),
    ],
)
def test_a_lab_that_cannot_be_made(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(LabError) as caught:
        Lab(**options)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "name", ["cut", "crash", "freeze", "thaw", "heal", "reset", "kill", "half_open", "lose_next"]
)
def test_an_unknown_client_cannot_be_broken(name: str) -> None:
    lab = Lab(seed=1)
    lab.connect("producer")
    with pytest.raises(LabError, match=r"no client called 'producre' .*Did you mean 'producer'\?"):
        getattr(lab, name)("producre")


def test_before_any_client_is_there_the_sentence_says_how_to_make_one() -> None:
    with pytest.raises(LabError, match=r"there is: none yet\). Make it with lab.connect"):
        Lab().cut("consumer")


@pytest.mark.parametrize("name", ["", "a:b", "with space", "a/b", 7, None])
def test_a_name_that_is_none(name: Any) -> None:
    with pytest.raises(LabError, match="is no name for a client"):
        Lab().connect(name)


def test_the_brokers_name_is_taken() -> None:
    with pytest.raises(LabError, match="taken by the broker itself"):
        Lab().connect("broker")


def test_a_negative_latency_changes_nothing() -> None:
    lab = Lab(seed=1)
    with pytest.raises(LabError, match="negative"):
        lab.link("producer", latency="-5 ms")
    lab.connect("producer")
    assert lab.now == "8 ms"


def test_a_frozen_or_dead_process_makes_no_calls() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    lab.freeze("producer")
    with pytest.raises(LabError, match=r"is frozen: first call lab.thaw\('producer'\)"):
        channel.queue_declare("q")
    lab.thaw("producer")
    channel.queue_declare("q")
    lab.kill("producer")
    with pytest.raises(LabError, match=r"is gone: first call lab.connect\('producer'\)"):
        channel.queue_declare("r")
    lab.power_off("producer")
    for impossible in (lambda: channel.queue_declare("r"), lambda: lab.connect("producer")):
        with pytest.raises(LabError, match=r"has no power: first call lab.power_on\('producer'\)"):
            impossible()
    lab.power_on("producer")
    with pytest.raises(LabError, match=r"is gone: first call lab.connect\('producer'\)"):
        channel.queue_declare("r")
    assert lab.connect("producer").channel().queue_declare("q").method.message_count == 0


@pytest.mark.parametrize("fault", [Freeze, Thaw, Kill, Reset])
def test_a_machine_without_power_has_no_process_that_could_be_harmed(fault: type[Fault]) -> None:
    lab = Lab(seed=1)
    lab.connect("producer")
    lab.power_off("producer")
    before = len(lab.records)
    refused = pytest.raises(LabError, match=r"has no power: first call lab.power_on\('producer'\)")
    with refused:
        lab.intervene(fault("producer"))
    with refused:
        lab.fork(at=before - 1, do=fault("producer"))
    assert len(lab.records) == before


@pytest.mark.parametrize("fault", [Freeze, Thaw, Kill])
def test_a_process_that_is_gone_is_not_harmed_again(fault: type[Fault]) -> None:
    lab = Lab(seed=1)
    lab.connect("producer")
    lab.kill("producer")
    before = len(lab.records)
    with pytest.raises(LabError, match=r"is gone: first call lab.connect\('producer'\)"):
        lab.intervene(fault("producer"))
    assert len(lab.records) == before


def test_what_is_no_segment_cannot_be_lost() -> None:
    lab = Lab(seed=1)
    lab.connect("producer")
    with pytest.raises(LabError, match="no segment of this run"):
        lab.lose(lab.first(FrameSent))
    with pytest.raises(LabError, match="no segment of this run"):
        lab.lose(999)


def test_losing_nothing_makes_no_sense() -> None:
    with pytest.raises(LabError, match="give 1 or more"):
        LoseNext("producer", 0)
    with pytest.raises(LabError, match="'to broker' or 'from broker'"):
        LoseNext("producer", 1, "sideways")


def test_only_frames_can_be_dissected() -> None:
    lab = Lab(seed=1)
    lab.connect("producer")
    with pytest.raises(LabError, match="nothing to dissect"):
        lab.dissect(0)


def test_a_record_that_is_not_there() -> None:
    with pytest.raises(LabError, match="There is no record 7"):
        Lab().why(7)
