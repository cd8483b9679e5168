"""Where two runs part: the first record that differs.

Theory
------
A fork runs again from the same seed with one thing changed. Up to the change, the two streams must be the
same record for record; from there on they may differ in everything. So the first difference is the only one
that means something by itself, and it is shown with a few records before and after it from each run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amqplab.trace.digest import render
from amqplab.trace.narrate import narrate
from amqplab.trace.recorder import Record, Recorder
from amqplab.trace.words import duration

__all__ = ["Difference", "first_difference", "same_until"]


@dataclass(frozen=True)
class Difference:
    """Two runs share the records before `seq`; then one goes on with `ours`, the other with `theirs`.

    Each is empty where that run has ended. `before` are the last shared records.
    """

    seq: int
    before: tuple[Record, ...]
    ours: tuple[Record, ...]
    theirs: tuple[Record, ...]

    def __str__(self) -> str:
        lines = [f"The two runs are the same up to record {self.seq}."]
        lines += [_line(" ", record) for record in self.before]
        for mark, records in (("-", self.ours), ("+", self.theirs)):
            lines += [_line(mark, record) for record in records] or [f"{mark} (the run ends here)"]
        return "\n".join(lines)


def first_difference(
    ours: Recorder | Sequence[Record], theirs: Recorder | Sequence[Record], *, context: int = 3
) -> Difference | None:
    """The first difference, with `context` records around it; None if there is none."""
    seq = same_until(ours, theirs)
    if seq == len(ours) == len(theirs):
        return None
    after = slice(seq, seq + max(context, 1))
    return Difference(seq, tuple(ours[max(0, seq - context) : seq]), tuple(ours[after]), tuple(theirs[after]))


def same_until(ours: Recorder | Sequence[Record], theirs: Recorder | Sequence[Record]) -> int:
    """How many records two runs have in common, from the start."""
    shared = min(len(ours), len(theirs))
    for seq in range(shared):
        if ours[seq] != theirs[seq] or render(ours[seq]) != render(theirs[seq]):
            return seq
    return shared


def _line(mark: str, record: Record) -> str:
    return f"{mark}{record.seq:>6}  {duration(record.at):>12}  {record.where}: {narrate(record)}"
