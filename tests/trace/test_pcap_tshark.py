"""Wireshark's own reading of our capture files: no complaint but injected losses, and the same methods."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from needs import program

from amqplab import Lab
from amqplab.trace import events as e
from amqplab.trace.pcap import write_pcap
from amqplab.trace.query import find
from amqplab.trace.recorder import Recorder
from amqplab.wire.methods import METHODS

OPTIONS = ("tcp.check_checksum:TRUE", "ip.check_checksum:TRUE", "tcp.reassemble_out_of_order:TRUE")
SECOND = 1_000_000_000
Tshark = Callable[..., list[list[str]]]
Methods = dict[tuple[str, bool], list[str]]


@pytest.fixture
def tshark(tmp_path: Path) -> Tshark:
    """Write a capture file and ask tshark for fields of the packets that fit a filter."""
    path_of_tshark = program("tshark", "read the exported captures")

    def ask(recorder: Recorder, display_filter: str, *fields: str, at: str | None = None) -> list[list[str]]:
        path = tmp_path / "capture.pcap"
        write_pcap(recorder, path, at=at)
        options = [word for option in OPTIONS for word in ("-o", option)]
        options += [word for field in fields for word in ("-e", field)]
        command = [path_of_tshark, "-n", "-r", str(path), "-Y", display_filter, "-T", "fields", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    return ask


def complaints(tshark: Tshark, recorder: Recorder, at: str | None = None) -> list[tuple[int, str]]:
    """(time in ns, message) of whatever tshark finds wrong: malformed packets, wrong checksums, all that its
    analysis of TCP remarks upon, and other warnings and errors.

    That a message was returned is news from AMQP and not a complaint.
    """
    wrong = "_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0"
    worth_a_remark = "tcp.analysis.flags || _ws.expert.severity >= 0x600000"
    rows = tshark(recorder, f"{wrong} || {worth_a_remark}", "frame.time_epoch", "_ws.expert.message", at=at)
    return [(nanoseconds(time), text) for time, text in rows if text != "Message was not delivered"]


def nanoseconds(epoch: str) -> int:
    seconds, _, decimals = epoch.partition(".")
    return int(seconds) * SECOND + int(decimals)


def methods_seen(tshark: Tshark, recorder: Recorder, at: str | None = None) -> list[list[str]]:
    """Every method that tshark dissects, by connection and direction, in order."""
    fields = ("tcp.stream", "tcp.srcport", "amqp.method.class", "amqp.method.method")
    found: dict[tuple[str, str], list[str]] = {}
    for stream, port, classes, methods in tshark(recorder, "amqp.method.class", *fields, at=at):
        for ids in zip(classes.split(","), methods.split(","), strict=True):
            found.setdefault((stream, port), []).append(METHODS[int(ids[0]), int(ids[1])].name)
    return sorted(found.values())


def methods_sent(recorder: Recorder, at: str | None = None) -> list[list[str]]:
    """The same from our own record."""
    found: Methods = {}
    for record in find(recorder, e.FrameSent):
        event: Any = record.event
        if event.data[:1] == b"\x01" and at in (None, "broker", event.connection.partition(":")[0]):
            ids = int.from_bytes(event.data[7:9], "big"), int.from_bytes(event.data[9:11], "big")
            found.setdefault((event.connection, event.host == "broker"), []).append(METHODS[ids].name)
    return sorted(found.values())


def test_the_file_is_read_whole_with_times_to_the_nanosecond(recorder: Recorder, tshark: Tshark) -> None:
    rows = tshark(recorder, "tcp", "frame.time_epoch", "tcp.checksum.status", "ip.checksum.status")
    segments: list[Any] = [record.event for record in find(recorder, e.SegmentSent)]
    assert [nanoseconds(row[0]) for row in rows] == [segment.departs_at for segment in segments]
    assert {tuple(row[1:]) for row in rows} == {("1", "1")}  # 1: verified, good


@pytest.mark.parametrize("at", [None, "producer", "broker", "consumer"])
def test_the_journey_is_clean_but_for_its_injected_loss(
    recorder: Recorder, tshark: Tshark, at: str | None
) -> None:
    lost = find(recorder, e.SegmentLost)
    found = complaints(tshark, recorder, at)
    assert len(lost) == 1 and len(found) <= 1
    assert all("retransmission" in text for _, text in found)
    assert methods_seen(tshark, recorder, at) == methods_sent(recorder, at)


@pytest.mark.parametrize("at", [None, "producer", "broker"])
def test_in_a_real_run_every_complaint_follows_a_fault(real_run: Lab, tshark: Tshark, at: str | None) -> None:
    """A loss may be remarked upon until it is repaired: here within half a second."""
    recorder = real_run.recorder
    faults = [record.at for record in find(recorder, e.Intervened)]
    found = complaints(tshark, recorder, at)
    assert found
    for moment, text in found:
        assert any(fault <= moment <= fault + SECOND // 2 for fault in faults), (moment, text)


@pytest.mark.parametrize("at", [None, "producer", "broker", "auditor"])
def test_in_a_real_run_tshark_finds_the_methods_that_we_sent(
    real_run: Lab, tshark: Tshark, at: str | None
) -> None:
    assert methods_seen(tshark, real_run.recorder, at) == methods_sent(real_run.recorder, at)


def test_a_run_without_faults_is_clean(tshark: Tshark) -> None:
    lab = Lab(seed=1, latency="3 ms", bandwidth="4 Mbit/s")
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    channel.confirm_delivery()
    for size in (0, 1, 1460, 5000, 100_000):
        channel.basic_publish(exchange="", routing_key="q", body="x" * size)
    consumer = lab.connect("consumer")
    got = consumer.channel()
    while got.basic_get("q", auto_ack=True)[0]:
        pass
    consumer.close()
    lab.run_for("130 s")
    assert complaints(tshark, lab.recorder) == []
    assert methods_seen(tshark, lab.recorder) == methods_sent(lab.recorder)
