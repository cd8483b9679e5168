"""The layout: everything has its place before the play begins, and no two things have the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import pytest
from stage_runs import RUNS

from amqplab.stage.layout import LETTER, TUBE_GAP, below, layout
from amqplab.trace.participants import participants_of
from amqplab.trace.recorder import Recorder

Recordings = Mapping[str, Recorder]
Box = tuple[float, float, float, float]
EVERYWHERE = [(run, orientation) for run in sorted(RUNS) for orientation in ("wide", "tall")]


def labels(place: Mapping[str, Any]) -> Iterator[tuple[str, Box]]:
    """The capsules with the binding keys."""
    for key, edge in place["edges"].items():
        if not edge.get("ghost"):
            half = (min(len(edge["label"] or "-"), 18) * LETTER + 14) / 2
            x, y = edge["at"]
            yield key, (x - half, y - 9, x + half, y + 9)


def things(place: Mapping[str, Any], recorder: Recorder) -> Iterator[tuple[str, Box]]:
    """Queues with their words, exchanges, pipes, applications with all that hangs under them."""
    participants = participants_of(recorder)
    wide = place["orientation"] == "wide"
    for key, node in place["nodes"].items():
        w, h = node["w"] / 2, node["h"] / 2
        words = 22 if node["kind"] == "queue" else 0
        yield key, (node["x"] - w, node["y"] - h - words, node["x"] + w, node["y"] + h + words)
    for name, pipe in place["pipes"].items():
        across = pipe["thickness"] / 2
        xs, ys = sorted((pipe["x0"], pipe["x1"])), sorted((pipe["y0"], pipe["y1"]))
        if wide:
            yield f"pipe {name}", (xs[0], ys[0] - across - TUBE_GAP, xs[1], ys[1] + across + TUBE_GAP)
        else:
            yield f"pipe {name}", (xs[0] - across, ys[0], xs[1] + across, ys[1])
    for name, app in place["apps"].items():
        reach = below(participants.apps[name], participants)
        yield f"app {name}", (app["x"] - 40, app["y"] - 25, app["x"] + 40, app["y"] + reach - 10)


def overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def numbers(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from numbers(inner)
    elif not isinstance(value, str):
        yield value


@pytest.mark.parametrize(("run", "orientation"), EVERYWHERE)
def test_nothing_stands_on_anything_else(run: str, orientation: str, recordings: Recordings) -> None:
    place = layout(participants_of(recordings[run]), orientation)
    for (one, a), (other, b) in combinations(things(place, recordings[run]), 2):
        assert not overlap(a, b), f"{one} {a} and {other} {b}"


@pytest.mark.parametrize(("run", "orientation"), EVERYWHERE)
def test_no_label_covers_another_one(run: str, orientation: str, recordings: Recordings) -> None:
    place = layout(participants_of(recordings[run]), orientation)
    for (one, a), (other, b) in combinations(labels(place), 2):
        assert not overlap(a, b), f"{one} and {other}"


@pytest.mark.parametrize(("run", "orientation"), EVERYWHERE)
def test_no_label_covers_a_queue_or_an_exchange(run: str, orientation: str, recordings: Recordings) -> None:
    place = layout(participants_of(recordings[run]), orientation)
    nodes = [(key, box) for key, box in things(place, recordings[run]) if key in place["nodes"]]
    for key, label in labels(place):
        for node, box in nodes:
            inner = (box[0] + 3, box[1] + 3, box[2] - 3, box[3] - 3)
            assert not overlap(label, inner), f"{key} on {node}"


@pytest.mark.parametrize(("run", "orientation"), EVERYWHERE)
def test_everything_is_in_the_picture_and_the_broker_s_things_in_the_broker(
    run: str, orientation: str, recordings: Recordings
) -> None:
    place = layout(participants_of(recordings[run]), orientation)
    for key, (x0, y0, x1, y1) in things(place, recordings[run]):
        assert x0 >= 0 and y0 >= 0 and x1 <= place["width"] and y1 <= place["gutter"]["y"], key
        if key in place["nodes"]:
            broker = place["broker"]
            assert broker["x"] <= x0 and x1 <= broker["x"] + broker["w"], key
            assert broker["y"] <= y0 and y1 <= broker["y"] + broker["h"], key


@pytest.mark.parametrize(("run", "orientation"), EVERYWHERE)
def test_places_are_whole_numbers_and_come_out_the_same(
    run: str, orientation: str, recordings: Recordings
) -> None:
    participants = participants_of(recordings[run])
    assert layout(participants, orientation) == layout(participants, orientation)
    for number in numbers(layout(participants, orientation)):
        assert number is True or isinstance(number, int), number


def test_edges_lead_from_their_source_to_their_target(recordings: Recordings) -> None:
    place = layout(participants_of(recordings["crowd"]), "wide")
    for edge in place["edges"].values():
        source, target = place["nodes"][edge["source"]], place["nodes"][edge["target"]]
        x0, y0, *_, x1, y1 = edge["curve"]
        assert abs(x0 - source["x"]) <= 40 and abs(y0 - source["y"]) <= 40
        assert x1 == target["x"] - target["w"] // 2 and abs(y1 - target["y"]) <= target["h"] // 2


def test_subscriptions_lead_from_the_queue_to_the_consumer_s_pipe(recordings: Recordings) -> None:
    place = layout(participants_of(recordings["crowd"]), "wide")
    assert len(place["subscriptions"]) == 4
    for way in place["subscriptions"].values():
        queue, pipe = place["nodes"][way["queue"]], place["pipes"][way["connection"]]
        x0, y0, *_, x1, y1 = way["curve"]
        assert (x0, y0) == (queue["x"] + queue["w"] // 2, queue["y"])
        assert x1 == pipe["x1"] and abs(y1 - pipe["y1"]) < pipe["thickness"] // 2


def test_a_publisher_stands_at_the_left_and_a_consumer_at_the_right(recordings: Recordings) -> None:
    place = layout(participants_of(recordings["journey"]), "wide")
    assert place["apps"]["producer"]["x"] < place["broker"]["x"] < place["apps"]["consumer"]["x"]
    tall = layout(participants_of(recordings["journey"]), "tall")
    assert tall["apps"]["producer"]["y"] < tall["broker"]["y"] < tall["apps"]["consumer"]["y"]


def test_two_bindings_between_one_pair_are_two_edges(recordings: Recordings) -> None:
    place = layout(participants_of(recordings["crowd"]), "wide")
    rain = [
        edge for edge in place["edges"].values() if edge["target"].endswith("rain") and not edge.get("ghost")
    ]
    assert {edge["label"] for edge in rain} == {"#.rain", "*.*.storm"}
    assert rain[0]["curve"] != rain[1]["curve"]
