"""Depth over time, as a matplotlib figure.

Theory
------
A queue's depth only changes at events, so it is drawn as steps and never as slopes: between two events
nothing happened. Ready and Unacked are stacked, as RabbitMQ's Total is their sum; Unacked is hatched, as
everywhere on the stage. Colours are the stage's (:mod:`amqplab.stage.palette`). The figure is closed before
it is returned: a notebook then shows the returned value once, and nothing a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.lettering import abridged
from amqplab.stage.palette import HUES
from amqplab.trace.fold import step
from amqplab.trace.recorder import Recorder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Depth", "depth_series", "plot_depths"]

UNACKED, READY = HUES[0].fill, HUES[1].fill
UNITS = ((7.2e12, 3.6e12, "h"), (1.2e11, 6e10, "min"), (1e9, 1e9, "s"), (1e6, 1e6, "ms"), (1e3, 1e3, "µs"))
"""From which length on a run is measured in which unit: (ns, ns of the unit, its name)."""
TITLE = 420


@dataclass
class Depth:
    """One queue's depth: at `times[i]` ns it became `ready[i]` and `unacked[i]` messages."""

    queue: str
    times: list[int] = field(default_factory=list)
    ready: list[int] = field(default_factory=list)
    unacked: list[int] = field(default_factory=list)


def depth_series(recorder: Recorder) -> dict[str, Depth]:
    """Every queue's depth over the whole recording, by queue name, in order of declaration."""
    state: dict[str, Any] = {}
    series: dict[str, Depth] = {}
    for record in recorder:
        for key, _, entity in step(state, record):
            if not key.startswith("queue/"):
                continue
            name = key.rpartition("/")[2].replace("%2F", "/").replace("%25", "%")
            depth = series.setdefault(name, Depth(name))
            ready, unacked = counts(entity)
            if depth.times and depth.times[-1] == record.at:
                depth.times.pop(), depth.ready.pop(), depth.unacked.pop()
            depth.times.append(record.at)
            depth.ready.append(ready)
            depth.unacked.append(unacked)
    return series


def counts(entity: Any) -> tuple[int, int]:
    """(Ready, Unacked) of a queue entity; a deleted queue holds nothing."""
    if entity is None:
        return 0, 0
    return (
        entity.get("ready_count", len(entity["ready"])),
        entity.get("unacked_count", len(entity["unacked"])),
    )


def plot_depths(recorder: Recorder, queues: Sequence[str] | None = None) -> Figure:
    """One row per queue (all of them, or those named): Ready and Unacked over virtual time."""
    from matplotlib import pyplot

    series = depth_series(recorder)
    chosen = [series[name] for name in queues] if queues is not None else list(series.values())
    end = recorder[-1].at if len(recorder) else 0
    start = min((depth.times[0] for depth in chosen), default=0)
    scale, unit = next(((size, name) for least, size, name in UNITS if end - start >= least), (1.0, "ns"))
    count = max(1, len(chosen))
    figure, grid = pyplot.subplots(
        count, 1, sharex=True, squeeze=False, figsize=(8, 1.1 + 1.5 * count), layout="constrained"
    )
    pyplot.close(figure)
    rows = grid[:, 0]
    for depth, axes in zip(chosen, rows, strict=False):
        draw_depth(axes, depth, end, scale)
    rows[-1].set_xlabel(f"virtual time in {unit}")
    if chosen:
        rows[0].legend(loc="upper left", frameon=False, ncols=2)
    else:
        rows[0].text(0.5, 0.5, "no queue in this recording", ha="center", transform=rows[0].transAxes)
    return figure


def draw_depth(axes: Any, depth: Depth, end: int, scale: float) -> None:
    """Ready in full, Unacked hatched on top of it."""
    times = [time / scale for time in [*depth.times, end]]
    ready = [*depth.ready, depth.ready[-1]]
    total = [r + u for r, u in zip(ready, [*depth.unacked, depth.unacked[-1]], strict=True)]
    axes.fill_between(times, ready, step="post", color=READY, alpha=0.85, linewidth=0, label="Ready")
    axes.fill_between(
        times, ready, total, step="post", facecolor="none", edgecolor=UNACKED, hatch="////",
        linewidth=0, label="Unacked",
    )  # fmt: skip
    axes.step(times, total, where="post", color=UNACKED, linewidth=1.4)
    title = abridged(depth.queue, TITLE, G.name, bold=True)
    axes.set_title(title, loc="left", fontsize="medium", fontweight="bold", parse_math=False)
    axes.set_ylim(0, max(1, *total) * 1.25)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
