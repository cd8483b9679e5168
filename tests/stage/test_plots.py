"""Depth over time: the figure shows what the record says, as steps."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from amqplab.stage.plots import depth_series, plot_depths
from amqplab.trace import events as e
from amqplab.trace.recorder import Recorder

Recordings = Mapping[str, Recorder]


def test_the_depth_changes_when_messages_come_and_go(recordings: Recordings) -> None:
    recorder = recordings["journey"]
    app = depth_series(recorder)["app"]
    moments = {type(record.event): record.at for record in recorder}
    series = list(zip(app.times, app.ready, app.unacked, strict=True))
    assert (moments[e.Enqueued], 1, 0) in series
    assert (moments[e.Delivered], 0, 1) in series
    assert series[-1] == (moments[e.Acknowledged], 0, 0)


def test_every_queue_is_there_in_order_of_declaration(recordings: Recordings) -> None:
    assert list(depth_series(recordings["crowd"])) == ["berlin", "rain", "all", "archive"]


def test_the_times_of_a_series_rise(recordings: Recordings) -> None:
    for recorder in recordings.values():
        for depth in depth_series(recorder).values():
            assert depth.times == sorted(set(depth.times))


def test_a_figure_comes_back_closed_with_one_row_per_queue(recordings: Recordings) -> None:
    open_before = pyplot.get_fignums()
    figure = plot_depths(recordings["crowd"])
    assert isinstance(figure, Figure)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["berlin", "rain", "all", "archive"]
    assert pyplot.get_fignums() == open_before


def test_depth_is_drawn_as_steps_and_unacked_is_hatched(recordings: Recordings) -> None:
    [axes] = plot_depths(recordings["long_queue"], queues=["work"]).axes
    [line] = axes.get_lines()
    assert line.get_drawstyle() == "steps-post"
    assert max(line.get_ydata()) == 36
    assert any(patch.get_hatch() for patch in axes.collections)
    assert axes.get_ylim()[1] > 36


def test_a_queue_that_never_was_is_a_clear_error(recordings: Recordings) -> None:
    with pytest.raises(KeyError, match="nope"):
        plot_depths(recordings["journey"], queues=["nope"])


def test_a_recording_without_queues_gives_a_figure_that_says_so() -> None:
    [axes] = plot_depths(Recorder(lambda: 0)).axes
    assert [text.get_text() for text in axes.texts] == ["no queue in this recording"]


@pytest.mark.parametrize(
    ("seconds", "unit"), [(0.0005, "µs"), (0.5, "ms"), (90, "s"), (180, "min"), (3 * 3600, "h")]
)
def test_time_is_told_in_a_unit_that_fits_the_run(seconds: float, unit: str) -> None:
    clock = [0]
    recorder = Recorder(lambda: clock[0])
    recorder.record("broker", e.QueueDeclared, "/", "q", False, None, False, "")
    clock[0] = int(seconds * 1e9)
    recorder.record("broker", e.NoteMade, "the end")
    [axes] = plot_depths(recorder).axes
    assert axes.get_xlabel() == f"virtual time in {unit}"


def test_a_queue_s_name_is_a_name_and_no_formula() -> None:
    recorder = Recorder(lambda: 0)
    for name in ("$x$", "a" * 255):
        recorder.record("broker", e.QueueDeclared, "/", name, False, None, False, "")
    first, second = (axes.get_title(loc="left") for axes in plot_depths(recorder).axes)
    assert first == "$x$" and "…" in second and len(second) < 100
    plot_depths(recorder).canvas.draw()
