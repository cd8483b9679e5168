"""Wireshark's reader on lesson 01's own run: nothing malformed, no complaint but the injected loss, and the
same methods in the same order."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lessons import LESSONS, run_plainly
from needs import program

from amqplab import Lab
from amqplab.trace.events import SegmentLost, SegmentSent
from amqplab.trace.query import commands
from amqplab.wire.methods import METHODS

SECOND = 1_000_000_000
STRICT = ("tcp.check_checksum:TRUE", "ip.check_checksum:TRUE")
WRONG = (
    "_ws.malformed || _ws.short || tcp.checksum.status == 0 || ip.checksum.status == 0 || "
    "tcp.analysis.flags || _ws.expert.severity >= 0x400000"  # from "note" on
)
Ask = Callable[..., list[list[str]]]


@pytest.fixture(scope="module")
def lesson() -> Iterator[dict[str, Any]]:
    """Lesson 01's cells, run; `lab` is its run and `lossy` the fork that loses a segment."""
    yield run_plainly(LESSONS[1])


@pytest.fixture
def tshark(tmp_path: Path) -> Ask:
    """Export a lab and ask tshark for fields of the packets that fit a filter."""
    binary = program("tshark", "read the exported captures")

    def ask(lab: Lab, display_filter: str, *fields: str) -> list[list[str]]:
        path = lab.to_pcap(tmp_path / "lesson.pcap")
        command = [binary, "-n", "-r", str(path), "-Y", display_filter, "-T", "fields"]
        command += [word for option in STRICT for word in ("-o", option)]
        command += [word for field in fields for word in ("-e", field)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return [line.split("\t") for line in done.stdout.splitlines()]

    return ask


def test_tshark_reads_every_segment_of_the_lesson_and_finds_nothing_wrong(
    lesson: dict[str, Any], tshark: Ask
) -> None:
    lab = lesson["lab"]
    seen = tshark(lab, "tcp", "frame.time_epoch")
    assert len(seen) == len(lab.find(SegmentSent))
    assert tshark(lab, WRONG, "frame.number", "_ws.expert.message") == []


def test_the_only_complaint_about_the_fork_is_its_injected_loss(lesson: dict[str, Any], tshark: Ask) -> None:
    lossy = lesson["lossy"]
    [lost] = [record.at for record in lossy.find(SegmentLost)]
    complaints = tshark(lossy, WRONG, "frame.time_epoch", "_ws.expert.message")
    assert complaints
    for moment, message in complaints:
        seconds, _, decimals = moment.partition(".")
        assert lost <= int(seconds) * SECOND + int(decimals) <= lost + SECOND // 2
        assert "retransmission" in message or "Duplicate ACK" in message


@pytest.mark.parametrize("name", ["lab", "lossy"])
def test_tsharks_methods_are_ours_in_the_same_order(name: str, lesson: dict[str, Any], tshark: Ask) -> None:
    """For each direction of each connection."""
    lab = lesson[name]
    fields = ("tcp.stream", "tcp.srcport", "amqp.method.class", "amqp.method.method")
    theirs: dict[tuple[str, str], list[str]] = {}
    for stream, port, classes, methods in tshark(lab, "amqp.method.class", *fields):
        for ids in zip(classes.split(","), methods.split(","), strict=True):
            theirs.setdefault((stream, port), []).append(METHODS[int(ids[0]), int(ids[1])].name)
    ours: dict[tuple[str, bool], list[str]] = {}
    for row in commands(lab.recorder, what="sent"):
        if row.method is not None:
            ours.setdefault((row.connection, row.host == "broker"), []).append(row.name)
    assert len(ours) == 4
    assert sorted(theirs.values()) == sorted(ours.values())


def test_tshark_reads_the_publish_as_the_lesson_does(lesson: dict[str, Any], tshark: Ask) -> None:
    names = ("method.arguments.exchange", "method.arguments.routing_key", "header.body-size", "payload")
    fields = [f"amqp.{name}" for name in names]
    [first, *_] = tshark(lesson["lab"], "amqp.method.class == 60 && amqp.method.method == 40", *fields)
    assert first[:3] == ["logs", "info", "14"]
    assert bytes.fromhex(first[3].replace(":", "")) == b"Hello, Rabbit!"
