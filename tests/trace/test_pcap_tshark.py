"""Wireshark's own reading of our capture files: no complaint but injected losses, the same methods."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from amqplab.trace import events as e
from amqplab.trace.pcap import write_pcap
from amqplab.trace.query import find
from amqplab.trace.recorder import Recorder
from amqplab.wire.methods import METHODS

TSHARK = shutil.which("tshark")
CHECKS = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "eth.check_fcs:FALSE")
Tshark = Callable[..., list[list[str]]]


@pytest.fixture
def tshark(tmp_path: Path) -> Tshark:
    """Write a capture file and ask tshark for fields of the packets that fit a filter."""
    assert TSHARK, "these tests need tshark: apt-get install tshark"

    def ask(recorder: Recorder, display_filter: str, *fields: str, at: str | None = None) -> list[list[str]]:
        path = tmp_path / "capture.pcap"
        write_pcap(recorder, path, at=at)
        options = [option for field in fields for option in ("-e", field)]
        command = [TSHARK, "-n", "-r", str(path), *CHECKS, "-Y", display_filter, "-T", "fields", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    return ask


def complaints(tshark: Tshark, recorder: Recorder, at: str | None = None) -> list[str]:
    """Expert infos that are warnings or errors, malformed packets, wrong checksums.

    That a message was returned is news from AMQP and not a complaint.
    """
    worst = "_ws.expert.severity >= 0x600000 || tcp.checksum.status == 0 || ip.checksum.status == 0"
    rows = tshark(recorder, f"_ws.malformed || {worst}", "frame.number", "_ws.expert.message", at=at)
    return [" ".join(row) for row in rows if row[1] != "Message was not delivered"]


def test_the_file_is_read_whole(recorder: Recorder, tshark: Tshark) -> None:
    rows = tshark(recorder, "tcp", "frame.time_epoch", "tcp.checksum.status", "ip.checksum.status")
    segments = find(recorder, e.SegmentSent)
    assert len(rows) == len(segments)
    assert {tuple(row[1:]) for row in rows} == {("1", "1")}  # 1: verified, good
    seconds, _, nanoseconds = rows[-1][0].partition(".")
    last = segments[-1].event
    assert isinstance(last, e.SegmentSent)
    assert int(seconds) * 10**9 + int(nanoseconds) == last.departs_at


def test_tshark_complains_of_nothing_but_the_injected_loss(recorder: Recorder, tshark: Tshark) -> None:
    assert complaints(tshark, recorder) == []
    flagged = tshark(recorder, "tcp.analysis.flags", "tcp.seq", "tcp.analysis.retransmission")
    lost = len(find(recorder, e.SegmentLost))
    assert len(flagged) == lost == 1


@pytest.mark.parametrize("at", ["producer", "broker", "consumer"])
def test_a_capture_at_one_host_is_clean_too(recorder: Recorder, tshark: Tshark, at: str) -> None:
    assert complaints(tshark, recorder, at=at) == []


def test_tshark_finds_the_same_methods_in_the_same_order(recorder: Recorder, tshark: Tshark) -> None:
    ours = [
        name_of(record.event.data)  # type: ignore[attr-defined]
        for record in find(recorder, e.FrameSent)
        if record.event.data[:1] == b"\x01"  # type: ignore[attr-defined]
    ]
    assert methods_seen(tshark, recorder) == ours


def methods_seen(tshark: Tshark, recorder: Recorder) -> list[str]:
    """Every method tshark dissects, in order; a packet may hold several. Repeated octets are shown once."""
    shown = "amqp.method.class && !tcp.analysis.retransmission || tcp.reassembled_in"
    rows = tshark(recorder, shown, "amqp.method.class", "amqp.method.method")
    return [
        METHODS[int(ids), int(method)].name
        for classes, methods in rows
        if classes
        for ids, method in zip(classes.split(","), methods.split(","), strict=True)
    ]


def name_of(frame: bytes) -> str:
    return METHODS[int.from_bytes(frame[7:9], "big"), int.from_bytes(frame[9:11], "big")].name
