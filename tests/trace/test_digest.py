"""The digest: a rendering that depends on nothing but the records."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amqplab.trace import events as e
from amqplab.trace.digest import digest, render
from amqplab.trace.recorder import Record, Recorder

ROOT = Path(__file__).resolve().parents[2]

LINES = [
    (e.NoteMade('say "é"\n\udcff'), r'0 5 "h" - NoteMade text="say \"\u00e9\"\n\udcff"'),
    (e.WindowClosed("c:1", "c"), '0 5 "h" - WindowClosed connection="c:1" host="c"'),
    (
        e.FrameSent("c:1", "c", 8, b"\x00\xff"),
        '0 5 "h" - FrameSent connection="c:1" host="c" offset=8 data=x"00ff"',
    ),
    (
        e.QueueDeclared("/", "q", True, None, False, ""),
        '0 5 "h" - QueueDeclared vhost="/" queue="q" durable=true owner=none auto_delete=false arguments=""',
    ),
    (
        e.Routed("/", 1, "x", "k", (("x", "queue", "q", "k"),), ("q",), ()),
        '0 5 "h" - Routed vhost="/" message=1 exchange="x" routing_key="k" '
        'matched=(("x","queue","q","k")) queues=("q") alternates=() asked=()',
    ),
]


@pytest.mark.parametrize(("event", "line"), LINES, ids=lambda value: type(value).__name__)
def test_a_record_is_one_line_of_ascii(event: e.Event, line: str) -> None:
    assert render(Record(0, 5, "h", None, event)) == line
    assert render(Record(3, 5, "h", 2, event)).startswith('3 5 "h" <2 ')


def test_what_does_not_print_the_same_everywhere_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        render(Record(0, 0, "h", None, e.NoteMade(0.1)))  # type: ignore[arg-type]


def test_the_digest_changes_with_every_part_of_every_record(recorder: Recorder) -> None:
    records = list(recorder)
    whole = digest(recorder)
    assert digest(records) == whole
    middle = records[50]
    for change in (
        {"at": middle.at + 1},
        {"where": "elsewhere"},
        {"cause": None},
        {"event": e.NoteMade("x")},
    ):
        assert digest([*records[:50], middle._replace(**change), *records[51:]]) != whole
    assert digest(records[:-1]) != whole


def test_every_field_of_an_event_is_in_its_line(recorder: Recorder) -> None:
    for record in recorder:
        line = render(record)
        assert all(f" {field.name}=" in line for field in dataclasses.fields(record.event))


def test_the_digest_is_the_same_for_every_hash_seed(recorder: Recorder) -> None:
    script = (
        "import importlib.util as u; s = u.spec_from_file_location('c', 'tests/trace/conftest.py');"
        "m = u.module_from_spec(s); __import__('sys').modules['c'] = m; s.loader.exec_module(m);"
        "from amqplab.trace.digest import digest; print(digest(m.journey()))"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert done.stdout.strip() == digest(recorder), done.stderr
