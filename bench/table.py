"""Rows of the table, and how two contenders are timed in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter

__all__ = ["Row", "in_turn", "show"]


@dataclass(frozen=True)
class Row:
    """One comparison. `ours` and `peer` are medians in `unit`; `ratio` is how many times better we are."""

    name: str
    unit: str
    ours: float
    peer_name: str
    peer: float
    ratio: float
    goal: float
    runs: int

    @property
    def reached(self) -> bool:
        """Whether the ratio is at least the goal."""
        return self.ratio >= self.goal


def in_turn(
    ours: Callable[[], object], peer: Callable[[], object], operations: int, *, runs: int = 7
) -> tuple[float, float]:
    """Median operations a second of both, run A B A B … after one warm-up of each."""
    timed: tuple[list[float], list[float]] = ([], [])
    ours()
    peer()
    for _ in range(runs):
        for contender, times in zip((ours, peer), timed, strict=True):
            start = perf_counter()
            contender()
            times.append(perf_counter() - start)
    return operations / median(timed[0]), operations / median(timed[1])


def faster(
    name: str,
    unit: str,
    ours: Callable[[], object],
    peer_name: str,
    peer: Callable[[], object],
    operations: int,
    goal: float,
    runs: int = 7,
) -> Row:
    """A row for two contenders that do the same number of operations."""
    mine, theirs = in_turn(ours, peer, operations, runs=runs)
    return Row(name, unit, mine, peer_name, theirs, mine / theirs, goal, runs)


def show(rows: list[Row]) -> str:
    """The table as text; says of each goal whether it was reached."""
    head = ("what", "unit", "amqplab", "peer", "", "ratio", "goal", "")
    lines = [head]
    for row in rows:
        verdict = "reached" if row.reached else "MISSED"
        lines.append(
            (
                row.name,
                row.unit,
                _number(row.ours),
                row.peer_name,
                _number(row.peer),
                f"{row.ratio:.2f}×",
                f"≥ {row.goal:g}×",
                verdict,
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:]])


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
