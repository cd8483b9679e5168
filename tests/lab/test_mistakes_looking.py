"""What is typed wrong when looking, exporting or running elsewhere is answered with one clear sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amqplab import Lab
from amqplab.lab import Cut, LabError, in_another_process, source
from amqplab.lab.lessons import lesson01


async def awaited(opening: Any) -> Any:
    return await opening


@pytest.fixture(scope="module")
def lab() -> Lab:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    channel.basic_publish("", "q", "x")
    lab.run()
    return lab


MISTAKES: dict[str, tuple[Callable[[Lab], Any], str]] = {
    "zoom of the stage": (
        lambda lab: lab.stage(zoom="frames"),
        "There is no zoom 'frames': choose one of segment, frame, command, milestone, story. "
        "Did you mean 'frame'?",
    ),
    "zoom of a page": (
        lambda lab: lab.to_html("run.html", zoom="x"),
        "There is no zoom 'x': choose one of segment, frame, command, milestone, story.",
    ),
    "zoom of the ladder": (
        lambda lab: lab.ladder("milestone"),
        "There is no zoom 'milestone': choose one of segment, frame, command.",
    ),
    "place of the stage": (
        lambda lab: lab.stage(at="basic.publsh"),
        "'basic.publsh' is no place in a run: no method like 'basic.deliver', no event like 'Delivered', no "
        "time like '5 ms'. Did you mean 'basic.publish'?",
    ),
    "what never happened": (
        lambda lab: lab.table(at="Delivered"),
        f"No Delivered like that is in this run, which has {'{records}'} records.",
    ),
    "a place that is none": (
        lambda lab: lab.why(1.5),
        "1.5 is no place in a run: give a record, its number, a name such as 'basic.publish' or 'Delivered', "
        "or a time like '5 ms'.",
    ),
    "host": (
        lambda lab: lab.frames("produce"),
        "There is no host 'produce': choose one of broker, producer. Did you mean 'producer'?",
    ),
    "client": (
        lambda lab: lab.frames(client="consumer"),
        "There is no host 'consumer': choose one of broker, producer.",
    ),
    "direction": (
        lambda lab: lab.frames(what="send"),
        "There is no direction 'send': choose one of sent, received. Did you mean 'sent'?",
    ),
    "message": (
        lambda lab: lab.lifecycle(2),
        "There is no message 2 in this run: the messages are 1 to 1.",
    ),
    "frame of a command": (
        lambda lab: lab.dissect("basic.publish", frame=4),
        "There is no frame 4 here: give a number from 1 to 3.",
    ),
    "field": (
        lambda lab: lab.dissect("basic.publish", frame=2).field("size of bodie"),
        "This dissection has no field 'size of bodie'. Did you mean 'size of body'?",
    ),
    "field unlike any": (
        lambda lab: lab.dissect("protocol-header").field("colour"),
        "This dissection has no field 'colour'. It has: protocol header, literal, protocol-id, major, minor, "
        "revision.",
    ),
    "queue to plot": (
        lambda lab: lab.plot_depths(["r"]),
        "There is no queue 'r': choose one of q.",
    ),
    "folder of a page": (
        lambda lab: lab.to_html("/nowhere/run.html"),
        "'/nowhere/run.html' cannot be written: No such file or directory. Give a path in a folder that is "
        "there and that you may write to.",
    ),
    "folder of a capture": (
        lambda lab: lab.to_pcap("/nowhere/run.pcap"),
        "'/nowhere/run.pcap' cannot be written: No such file or directory. Give a path in a folder that is "
        "there and that you may write to.",
    ),
    "host of a capture": (
        lambda lab: lab.to_pcap("run.pcap", at="consumer"),
        "No host 'consumer' sends or receives here: choose one of broker, producer.",
    ),
    "program without a name": (
        lambda lab: lab.program(lambda client: None),
        "A program needs the name of its host: write @lab.program('consumer') above it.",
    ),
    "moment of a fork": (
        lambda lab: lab.fork(at="Enqueud", do=Cut("producer")),
        "'Enqueud' is no place in a run: no method like 'basic.deliver', no event like 'Delivered', no "
        "time like '5 ms'. Did you mean 'Enqueued'?",
    ),
    "port": (
        lambda lab: lab.serve(port="amqp"),
        "There is no port 'amqp': give a number such as 5672, or 0 for any free one.",
    ),
    "port out of range": (
        lambda lab: asyncio.run(awaited(lab.serve(port=99_999))),
        "There is no port 99999: choose one from 1 to 65535, or 0 for any free one.",
    ),
    "source": (
        lambda lab: source(len),
        "<built-in function len> has no Python source to show: give a function, a class or a module.",
    ),
    "half an answer": (
        lambda lab: lesson01.exercise.check(print),
        "Give the whole answer: check(send, octets).",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered_with_one_sentence(name: str, lab: Lab) -> None:
    mistake, sentence = MISTAKES[name]
    with pytest.raises(LabError) as caught:
        mistake(lab)
    assert str(caught.value) == sentence.replace("{records}", str(len(lab.records)))


def test_before_anything_has_happened_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="nothing has happened yet"):
        Lab().why(0)
    with pytest.raises(LabError, match="nothing to write yet: connect a client"):
        Lab().to_pcap(tmp_path / "run.pcap")


@pytest.mark.parametrize(
    "look",
    [
        lambda lab: lab.table(),
        lambda lab: lab.stage(),
        lambda lab: lab.digest(),
        lambda lab: lab.step(),
        lambda lab: lab.run(until="Delivered"),
        lambda lab: lab.fork(at="1 ms", do=Cut("producer")),
    ],
)
def test_a_lab_that_keeps_no_record_says_so_when_it_is_asked_for_one(look: Callable[[Lab], Any]) -> None:
    lab = Lab(seed=3, recording=False)
    lab.connect("producer")
    with pytest.raises(LabError, match=r"recording=False, so there is nothing .*Lab\(seed=3\)"):
        look(lab)
    assert repr(lab).startswith("<Lab seed=3") and lab._repr_html_()


def test_a_judge_is_given_the_function_and_not_its_result() -> None:
    assert lesson01.exercise.check(3, octets=8).missing == ("give the function 'send' itself (you gave 3)",)


def fails() -> None:
    raise ValueError("no")


def lacks_a_library() -> None:
    import not_there  # type: ignore[import-not-found]  # noqa: F401


def never_ends() -> None:
    import time

    time.sleep(3600)  # whoever runs it has to end it


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (fails, "fails() failed in its own process: ValueError: no."),
        (
            lacks_a_library,
            "lacks_a_library() failed in its own process: ModuleNotFoundError: No module named 'not_there'. "
            "Install it: pip install not_there",
        ),
        (
            never_ends,
            "never_ends() did not end within 500 ms and was stopped: does it wait for something that nobody "
            "sends?",
        ),
        (print, "<built-in function print> has no source to run elsewhere: define it in a cell."),
        (lambda: None, "A lambda cannot be run elsewhere: write it as a function, with 'def'."),
    ],
)
def test_what_goes_wrong_in_another_process_is_told_here(function: Any, sentence: str) -> None:
    with pytest.raises(LabError) as caught:
        asyncio.run(in_another_process(function, timeout="500 ms" if function is never_ends else "30 s"))
    assert str(caught.value) == sentence
