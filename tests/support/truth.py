"""The truth about the stage: cases for the laws of ``tests/stage/js``, and one run of node over all of them.

Theory
------
A *case* is a scene, whole or cut off: what a recorder knew at some moment is a recording, too, and must be shown
as well. It is cut at seeded places, and where most goes wrong: while something is on its way through TCP, and
just after a message came into being or ended. And there are runs with faults that nobody thought out
(``faulted.py``).

With each case goes what Python says of the same records: the marks of some steps (:mod:`amqplab.stage.marks`),
and the counts of its queues. Node compares.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from faulted import faulted
from needs import program
from scenes import names, recording

from amqplab.stage import esm
from amqplab.stage.marks import marks
from amqplab.stage.scene import scene, to_json
from amqplab.stage.svg import key_steps, moments
from amqplab.trace import events as e
from amqplab.trace.causes import Causes
from amqplab.trace.fold import step
from amqplab.trace.recorder import Record
from amqplab.trace.traffic import Traffic
from amqplab.trace.zoom import ZOOMS

__all__ = ["LAWS", "LONG", "Report", "cases", "cuts", "judge", "run_node", "write_case"]

LAWS = {
    "1": "nothing raises, and nothing is drawn that is no number and no word",
    "2": "whatever the sentence speaks of is seen, where it says, and marked; ladder and inspector show the same",
    "3": "a message is where its copies are, and nowhere else",
    "4": "nothing arrives that did not arrive, and what was sent is on the link until all of it has",
    "4 ladder": "an arrow of the ladder has a head only if what it stands for arrived",
    "4 order": "on a link things stand in the order of their octets, what is received before what is not",
    "4 place": "on a link nothing stands before where it is, nothing under way goes back, no count hides a loss",
    "5": "a jump lands on its record, and a visit has a way back",
    "6": "the picture, the tables, the depths, the fold and lab.table() have the same numbers",
    "7": "whatever the way to a record, the same is drawn, at the same places of scrolling",
    "8": "the marks of the browser's picture are those of the static one, and the legend speaks of each",
}
LONG = os.environ.get("AMQPLAB_LONG") == "1"
SUITE = Path(__file__).parents[1] / "stage" / "js" / "truth.mjs"
BIG = 2_000
"""Of a recording with more records only some steps are looked at, and few prefixes."""
PATIENCE = 3600 if LONG else 900
"""Seconds for node."""
PAGES_OF = 0.25
"""Of so many scenes the whole page is run in a small DOM, and of an eighth of that of the prefixes."""
COMPARED = 10
"""At so many steps the marks of both languages are compared, at every zoom."""
FAULTS = 400 if LONG else 40
"""So many runs with a fault at a place by lot are looked at."""
TURNING_POINTS = (
    e.Published,
    e.Delivered,
    e.DeadLettered,
    e.Discarded,
    e.Requeued,
    e.Unroutable,
    e.Intervened,
)


@dataclass
class Report:
    """What node found: how much was drawn, and what was wrong, by law."""

    drawn: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, list[list[Any]]] = field(default_factory=dict)
    count: dict[str, int] = field(default_factory=dict)

    def add(self, other: Mapping[str, Any]) -> None:
        for name, number in other["drawn"].items():
            self.drawn[name] = self.drawn.get(name, 0) + number
        for law, list_ in other["wrong"].items():
            self.wrong.setdefault(law, []).extend(list_)
            self.count[law] = self.count.get(law, 0) + other["count"][law]

    def of(self, law: str) -> str:
        """What was wrong, in lines, for whoever reads the test's failure."""
        lines = [
            f"{case} at {ZOOMS[zoom] if zoom >= 0 else '-'}, record {seq}: {words}"
            for case, zoom, seq, words in self.wrong.get(law, ())
        ]
        return f"{self.count.get(law, 0)} times\n" + "\n".join(lines)

    def __str__(self) -> str:
        return ", ".join(f"{number} {name}" for name, number in self.drawn.items())


# --- prefixes --------------------------------------------------------------------------------------------


def cuts(name: str, records: Sequence[Record], many: int = 6) -> list[int]:
    """How many records there are in each prefix of a recording that is looked at."""
    chance = random.Random(name)
    if len(records) > BIG and not LONG:
        many = 1
    found = {chance.randrange(1, len(records)) for _ in range(many)}
    sent = [
        record.seq for record in records if isinstance(record.event, e.SegmentSent) and record.event.payload
    ]
    turns = [record.seq for record in records if isinstance(record.event, TURNING_POINTS)]
    for places in (sent, turns):
        found |= {seq + 1 for seq in chance.sample(places, min(len(places), max(1, many // 3)))}
    return sorted(found)


# --- what Python says ------------------------------------------------------------------------------------


def compared_steps(records: Sequence[Record], traffic: Traffic, chance: random.Random) -> list[int]:
    """Where the two languages are compared: the steps that tell the run, those after a loss, and some others."""
    steps = {*key_steps(records, traffic), len(records) - 1, -1}
    lost = [record.seq for record in records[:-1] if isinstance(record.event, e.SegmentLost)]
    steps |= {seq + 1 for seq in chance.sample(lost, min(2, len(lost)))}
    while len(steps) < min(COMPARED, len(records)):
        steps.add(chance.randrange(len(records)))
    return sorted(steps)


def said_in_python(
    records: Sequence[Record], traffic: Traffic, layout: Any, wanted: Iterable[int], draw: Any
) -> dict[str, Any]:
    """The marks at each of the steps, at every zoom, under "zoom seq"."""
    return {
        f"{number} {seq}": [mark.said for mark in draw(replace(moment, zoom=zoom))]
        for seq, moment in moments(records, traffic, layout, wanted, "milestone").items()
        for number, zoom in enumerate(ZOOMS)
    }


def counts(records: Sequence[Record], wanted: Iterable[int]) -> dict[int, dict[str, list[int]]]:
    """Ready, Unacked, Total of each queue, as ``lab.table()`` has them, after each of the wanted records."""
    asked, state, found = set(wanted), {}, {}
    for record in records:
        step(state, record)
        if record.seq in asked:
            found[record.seq] = {
                key: [queue["ready_count"], queue["unacked_count"], queue["total"]]
                for key, queue in state.items()
                if key.startswith("queue/")
            }
    return found


# --- cases -----------------------------------------------------------------------------------------------


def write_case(
    folder: Path, name: str, records: Sequence[Record], *, prefix: bool = False, whole: bool = True,
    make: Any = scene, draw: Any = marks,
) -> None:  # fmt: skip
    """A file for node: the scene, and what Python says of it. `make` and `draw` may be other than they should."""
    made = make(records)
    traffic = Traffic(records)
    wanted = [] if prefix else compared_steps(records, traffic, random.Random(name))
    told = {
        "name": name,
        "prefix": prefix,
        "whole": whole,
        "scene": made,
        "marks": said_in_python(records, traffic, made["layouts"]["wide"], wanted, draw),
        "chains": chains(records, traffic, wanted),
        "counts": counts(records, [seq for seq in wanted if seq >= 0] or [len(records) - 1]),
    }
    (folder / f"{name}.json").write_text(to_json(told), encoding="utf-8")


def chains(records: Sequence[Record], traffic: Traffic, wanted: Sequence[int]) -> list[tuple[int, list[int]]]:
    """For some records what led to them, as ``lab.why`` tells it."""
    causes = Causes(records, traffic)
    return [(seq, list(causes.chain(seq))) for seq in wanted if seq >= 0]


def cases(folder: Path, chosen: Sequence[str] | None = None) -> None:
    """Write a file for every scene and for its prefixes, and for runs with faults by lot."""
    if chosen is None:
        for seed in range(FAULTS):
            write_case(folder, f"fault-{seed}", faulted(seed), whole=seed % 8 == 0)
    chosen = names(without=("live",) if LONG else ("big", "live")) if chosen is None else chosen
    chosen = (
        [*chosen, *(name for name in names("big", without=("live",)) if len(recording(name)) < 8_000)]
        if not LONG
        else chosen
    )
    for name in dict.fromkeys(chosen):
        records = list(recording(name))
        chance = random.Random(name)
        write_case(folder, name, records, whole=LONG or chance.random() < PAGES_OF)
        for size in cuts(name, records, 20 if LONG else 6):
            whole = chance.random() < (PAGES_OF if LONG else PAGES_OF / 8)
            write_case(folder, f"{name}-{size}", records[:size], prefix=True, whole=whole)


# --- node ------------------------------------------------------------------------------------------------


def judge(folder: Path, processes: int = 2, **options: str) -> Report:
    """Let node hold every case in the folder to the laws; `options` are its environment."""
    module = folder / "stage.mjs"
    module.write_text(esm.script(), encoding="utf-8")
    parts = [folder / f"part{number}" for number in range(processes)]
    for part in parts:
        part.mkdir(exist_ok=True)
    files = sorted(folder.glob("*.json"), key=lambda file: -file.stat().st_size)
    for number, file in enumerate(files):
        turn = number % (2 * processes)
        file.rename(parts[min(turn, 2 * processes - 1 - turn)] / file.name)
    if LONG:
        options = {"STEPS": "100000", "PAGES": "60", **options}
    report = Report()
    with ThreadPoolExecutor(processes) as pool:
        for lines in pool.map(lambda part: run_node(module, part, **options), parts):
            for line in lines:
                report.add(line)
    return report


def run_node(module: Path, folder: Path, **options: str) -> list[dict[str, Any]]:
    """What node says of each case in a folder."""
    node = program("node", "run the stage's script without a browser")
    told = {**os.environ, "STAGE": module.as_uri(), "CASES": str(folder), **options}
    done = subprocess.run([node, str(SUITE)], env=told, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode:
        raise AssertionError(done.stderr[-3000:])
    return [json.loads(line) for line in done.stdout.splitlines()]
