"""What may be reported is what the event's fields allow: a type checker finds the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from amqplab.trace import events as e
from amqplab.trace.recorder import Recorder

SNIPPET = """
from amqplab.trace import events as e
from amqplab.trace.recorder import Recorder
from amqplab.trace.report import Report

def tell(report: Report, recorder: Recorder) -> None:
    report(e.ChannelOpened, "c:1", 1)
    report(e.Delivered, "/", "q", 1, "c:1", 1, "t", 1, False, False)
    recorder.record("broker", e.ChannelOpened, "c:1", 1)
    recorder.reporter("broker")(e.ChannelOpened, "c:1", 1)
    report(e.ChannelOpened, "c:1", "1")  # wrong: type
    report(e.ChannelOpened, "c:1")  # wrong: one is missing
    report(e.ChannelOpened, "c:1", 1, 2)  # wrong: too many
    report(str, "c:1")  # wrong: no event
    recorder.record("broker", e.ChannelOpened, 1, "c:1")  # wrong: order
    recorder.record_because(3, "broker", e.ChannelOpened, "c:1", None)  # wrong: type
    recorder.reporter("broker")(e.ChannelOpened, b"c:1", 1)  # wrong: type
"""


def test_a_report_that_does_not_fit_the_events_fields_is_a_type_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = pytest.importorskip("mypy.api")
    file = tmp_path / "snippet.py"
    file.write_text(SNIPPET, encoding="utf-8")
    monkeypatch.setenv("MYPYPATH", str(Path(e.__file__).parents[3]))
    told, _, _ = api.run(
        ["--strict", "--config-file=", "--follow-imports=silent", f"--cache-dir={tmp_path}", str(file)]
    )
    wrong = {number for number, line in enumerate(SNIPPET.splitlines(), 1) if "# wrong" in line}
    assert {int(line.split(":")[1]) for line in told.splitlines() if ": error:" in line} == wrong


def test_at_run_time_a_report_is_the_recorders_own_method() -> None:
    recorder = Recorder(lambda: 5)
    assert recorder.reporter("broker")(e.ChannelOpened, "c:1", 1) == 0
    assert recorder[0] == (0, 5, "broker", None, e.ChannelOpened("c:1", 1))
    assert Recorder.record.__name__ == "record"  # type: ignore[attr-defined]
