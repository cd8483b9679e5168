"""The layout: everything has its place before the play begins, and no two things have the same."""

from __future__ import annotations

import cProfile
import json
from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenes import names, recording
from stage_runs import RUNS

from amqplab.stage.contract_layout import Layout
from amqplab.stage.edges import MOST_BESIDE, on_curve
from amqplab.stage.geometry import GEOMETRY as G
from amqplab.stage.layout import boxes_of, layout
from amqplab.stage.lettering import abridged, cut, width
from amqplab.stage.needs import Life, Needs, PolicyEdge, needs_of
from amqplab.stage.places import strip_spot
from amqplab.trace import keys
from amqplab.trace.participants import App, Edge, Participants, Pipe, Server, participants_of
from amqplab.trace.recorder import Recorder

Recordings = Mapping[str, Recorder]
Box = tuple[int, int, int, int]
ORIENTATIONS = ("wide", "tall")
EVERYWHERE = [(scene, orientation) for scene in names() for orientation in ORIENTATIONS]
anywhere = pytest.mark.parametrize(("scene", "orientation"), EVERYWHERE)


def place_of(scene: str, orientation: str = "wide") -> Layout:
    records = list(recording(scene))
    return layout(participants_of(records), orientation, needs_of(records))


# --- made-up participants --------------------------------------------------------------------------------


def cast_of(
    *, publishers: int = 1, consumers: int = 1, exchanges: int = 1, queues: int = 1,
    bindings: Mapping[tuple[int, int], int] | None = None, name: str = "{}", key: str = "key.{}",
) -> tuple[Participants, Needs]:  # fmt: skip
    """So many of each; `bindings` says how many there are between an exchange and a queue."""
    cast, needs = Participants(), Needs()
    cast.servers["broker"] = Server("broker", "broker")
    for kind, count in (("left", publishers), ("right", consumers)):
        for number in range(count):
            app = App(name.format(f"{kind}-{number}"), side=kind, publishes=kind == "left")
            app.consumes = kind == "right"
            connection = f"{app.name}:{49152 + number}"
            app.connections.append(connection)
            cast.apps[app.name] = app
            cast.pipes[connection] = Pipe(connection, app.name, "broker", channels=[0, 1])
            if kind == "right" and queues:
                tag = keys.consumer_key(connection, 1, "ctag")
                cast.consumers[tag] = (
                    connection,
                    keys.queue_key("/", name.format(f"queue-{number % queues}")),
                )
                needs.hands[tag] = connection
            if kind == "left":
                needs.strips[keys.confirm_key(connection, 1)] = connection
    for number in range(exchanges):
        title = name.format(f"exchange-{number}")
        cast.exchanges[keys.exchange_key("/", title)] = title
    cast.exchanges[keys.exchange_key("/", "")] = ""
    for number in range(queues):
        title = name.format(f"queue-{number}")
        cast.queues[keys.queue_key("/", title)] = title
    for (source, target), count in (bindings or {}).items():
        for number in range(count):
            ends = name.format(f"exchange-{source}"), name.format(f"queue-{target}")
            label = key.format(number)
            match = (ends[0], "queue", ends[1], label)
            edge = Edge(keys.binding_key("/", *match, ""), keys.exchange_key("/", ends[0]),
                        keys.queue_key("/", ends[1]), label, match)  # fmt: skip
            cast.edges[edge.key] = edge
    return cast, needs


# --- boxes -----------------------------------------------------------------------------------------------


def labels(place: Layout) -> Iterator[tuple[str, Box]]:
    """The capsules: keys, folds, and the words of policies."""
    for kind in ("edges", "folds", "policies"):
        for key, one in place[kind].items():
            if one["at"] is not None:
                (x, y), half = one["at"], one["w"] // 2
                yield f"{kind} {key}", (x - half, y - G.capsule_h // 2, x + half, y + G.capsule_h // 2)


def things(place: Layout) -> Iterator[tuple[str, Box]]:
    """Queues and exchanges with their words, pipes, applications with all that hangs under them."""
    for key, node in place["nodes"].items():
        for number, box in enumerate(boxes_of(node)):
            yield f"node {key}" + " words" * number, box
    berths = set()
    for name, pipe in place["pipes"].items():
        across = pipe["thickness"] // 2
        (left, right), (top, bottom) = sorted((pipe["x0"], pipe["x1"])), sorted((pipe["y0"], pipe["y1"]))
        box = (left, top - across, right, bottom + across)
        if place["orientation"] == "tall":
            box = (left - across, top, right + across, bottom)
        if box not in berths:
            berths.add(box)
            yield f"pipe {name}", box
    for name, app in place["apps"].items():
        x, y, r = app["x"], app["y"], app["r"]
        yield f"app {name}", (x - r, y - r, x + r, y + r)
        yield f"app {name} words", words_box(app["words"], app["label"])
        for key, row in rows_of(app):
            yield f"row {key}", row


def words_box(at: Any, words: str) -> Box:
    w = width(words, G.name, bold=True)
    left = at["x"] - (w // 2 if at["anchor"] == "middle" else w if at["anchor"] == "end" else 0)
    return left, at["y"] - 10, left + w, at["y"] + 3


def rows_of(app: Any) -> Iterator[tuple[str, Box]]:
    """Hands and strips at their broadest; those that never meet share a row."""
    seen = set()
    for key, row in app["hands"].items():
        if row["y"] not in seen:
            seen.add(row["y"])
            half = G.most_slots * G.slot // 2
            left = row["x"] - {"middle": half, "start": 0, "end": 2 * half}[row["anchor"]]
            yield key, (left, row["y"] - 8, left + 2 * half, row["y"] + 8)
    for key, row in app["strips"].items():
        if row["y"] not in seen:
            seen.add(row["y"])
            spots = [strip_spot(row, number, G.strip_shown) for number in range(G.strip_shown)]
            yield key, (spots[0].x - 9, row["y"] - 6, spots[-1].x + 9, spots[0].y + 8)


def overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def assert_apart(boxes: Iterator[tuple[str, Box]]) -> None:
    """None of them covers another; found by sweeping, for there may be thousands."""
    found = sorted(boxes, key=lambda item: item[1][0])
    for i, (one, a) in enumerate(found):
        for other, b in found[i + 1 :]:
            if b[0] >= a[2]:
                break
            assert not overlap(a, b), f"{one} {a} and {other} {b}"


def numbers(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from numbers(inner)
    elif value is not None and not isinstance(value, str):
        yield value


# --- every scene -----------------------------------------------------------------------------------------


@anywhere
def test_nothing_stands_on_anything_else(scene: str, orientation: str) -> None:
    assert_apart(things(place_of(scene, orientation)))


@anywhere
def test_no_label_covers_another_one_or_a_node(scene: str, orientation: str) -> None:
    place = place_of(scene, orientation)
    nodes = ((key, box) for key, box in things(place) if key.startswith("node"))
    assert_apart(iter([*labels(place), *nodes]))


@anywhere
def test_everything_is_in_the_picture_and_a_server_s_things_in_the_server(
    scene: str, orientation: str
) -> None:
    place = place_of(scene, orientation)
    for key, (x0, y0, x1, y1) in things(place):
        assert x0 >= 0 and y0 >= 0 and x1 <= place["width"] and y1 <= place["gutter"]["y"], key
    for key, node in place["nodes"].items():
        server = place["servers"][node["server"]]
        for x0, y0, x1, y1 in boxes_of(node):
            assert server["x"] <= x0 and x1 <= server["x"] + server["w"], key
            assert server["y"] + 24 <= y0 and y1 <= server["y"] + server["h"], key


@anywhere
def test_servers_do_not_cover_each_other_and_pipes_end_at_theirs(scene: str, orientation: str) -> None:
    place = place_of(scene, orientation)
    boxes = [(s["x"], s["y"], s["x"] + s["w"], s["y"] + s["h"]) for s in place["servers"].values()]
    for a, b in combinations(boxes, 2):
        assert not overlap(a, b)
    for pipe in place["pipes"].values():
        server = place["servers"][pipe["server"]]
        assert server["x"] <= pipe["x1"] <= server["x"] + server["w"]
        assert server["y"] <= pipe["y1"] <= server["y"] + server["h"]


@anywhere
def test_places_are_whole_numbers_and_come_out_the_same(scene: str, orientation: str) -> None:
    place = place_of(scene, orientation)
    assert place == place_of(scene, orientation) == json.loads(json.dumps(place))
    for number in numbers(place):
        assert isinstance(number, int), number


@anywhere
def test_there_is_a_gutter_only_where_something_is_lost(scene: str, orientation: str) -> None:
    lost = any(
        key.startswith("lost/") for patch in patches(scene) for key, _, new in patch if new is not None
    )
    place = place_of(scene, orientation)
    if lost:
        assert place["gutter"]["h"] > 0
    assert (place["gutter"]["h"] > 0) == (place["height"] > place["gutter"]["y"])


def patches(scene: str) -> Iterator[Any]:
    from amqplab.trace.fold import Fold

    return Fold(recording(scene)).patches()


def test_an_undisturbed_run_has_no_gutter() -> None:
    place = place_of("hello")
    assert place["gutter"]["h"] == 0 and place["height"] == place["broker"]["h"]


# --- what leads where ------------------------------------------------------------------------------------


def test_edges_lead_from_their_source_to_their_target(recordings: Recordings) -> None:
    records = list(recordings["crowd"])
    place = layout(participants_of(records), "wide", needs_of(records))
    for edge in place["edges"].values():
        source, target = place["nodes"][edge["source"]], place["nodes"][edge["target"]]
        x0, y0, *_, x1, y1 = edge["curve"]
        assert abs(x0 - source["x"]) <= 40 and abs(y0 - source["y"]) <= 40
        assert x1 == target["x"] - target["w"] // 2 and abs(y1 - target["y"]) <= target["h"] // 2


def test_subscriptions_lead_from_the_queue_to_the_consumer_s_pipe(recordings: Recordings) -> None:
    records = list(recordings["crowd"])
    place = layout(participants_of(records), "wide", needs_of(records))
    assert len(place["subscriptions"]) == 4
    for way in place["subscriptions"].values():
        queue, pipe = place["nodes"][way["queue"]], place["pipes"][way["connection"]]
        x0, y0, *_, x1, y1 = way["curve"]
        assert (x0, y0) == (queue["x"] + queue["w"] // 2, queue["y"])
        assert x1 == pipe["x1"] and abs(y1 - pipe["y1"]) < pipe["thickness"] // 2


def test_a_publisher_stands_at_the_left_and_a_consumer_at_the_right(recordings: Recordings) -> None:
    records = list(recordings["journey"])
    place = layout(participants_of(records), "wide", needs_of(records))
    assert place["apps"]["producer"]["x"] < place["broker"]["x"] < place["apps"]["consumer"]["x"]
    tall = layout(participants_of(records), "tall", needs_of(records))
    assert tall["apps"]["producer"]["y"] < tall["broker"]["y"] < tall["apps"]["consumer"]["y"]


@pytest.mark.parametrize("run", sorted(RUNS))
def test_the_default_exchange_is_always_there_as_a_ghost(run: str, recordings: Recordings) -> None:
    records = list(recordings[run])
    node = layout(participants_of(records), "wide", needs_of(records))["nodes"][keys.exchange_key("/", "")]
    assert node["ghost"] and node["label"] == "(default)"


def test_dead_letters_have_an_edge_from_their_queue_to_their_exchange() -> None:
    policies = place_of("dead_letter_retry")["policies"].values()
    assert {(one["source"], one["target"], one["kind"]) for one in policies} == {
        ("queue/%2F/work", "exchange/%2F/retry", "dead-letter"),
        ("queue/%2F/waiting", "exchange/%2F/", "dead-letter"),
    }


def test_what_is_not_routed_has_an_edge_to_the_alternate_exchange() -> None:
    policies = place_of("exchange_to_exchange")["policies"].values()
    assert {(one["source"], one["target"], one["kind"]) for one in policies} == {
        ("exchange/%2F/orders", "exchange/%2F/strays", "alternate")
    }


def test_a_server_of_another_protocol_is_a_box_without_exchanges() -> None:
    place = place_of("http")
    kinds = {host: server["kind"] for host, server in place["servers"].items()}
    assert set(kinds.values()) == {"broker", "HTTP server"}
    assert all(kinds[node["server"]] == "broker" for node in place["nodes"].values())


# --- labels ----------------------------------------------------------------------------------------------


def test_two_bindings_between_one_pair_are_two_edges_with_two_keys() -> None:
    cast, needs = cast_of(bindings={(0, 0): 2})
    first, second = layout(cast, "wide", needs)["edges"].values()
    assert first["curve"] != second["curve"] and first["words"] != second["words"]
    assert first["at"] and second["at"]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_twenty_bindings_between_one_pair_are_folded_into_one_label(orientation: str) -> None:
    cast, needs = cast_of(bindings={(0, 0): 20})
    place = layout(cast, orientation, needs)
    (fold,) = place["folds"].values()
    assert len(fold["keys"]) == 20 > MOST_BESIDE
    assert all(edge["fold"] and edge["at"] is None for edge in place["edges"].values())
    assert len({tuple(edge["curve"]) for edge in place["edges"].values()}) > 1


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_ten_publishers_ten_exchanges_and_twenty_queues_are_still_in_order(orientation: str) -> None:
    mesh = {(source, target): 1 for source in range(10) for target in range(20)}
    cast, needs = cast_of(publishers=10, consumers=20, exchanges=10, queues=20, bindings=mesh)
    place = layout(cast, orientation, needs)
    assert_apart(things(place))
    assert_apart(iter([*labels(place), *((k, box) for k, box in things(place) if k.startswith("node"))]))
    folded = [edge for edge in place["edges"].values() if edge["fold"]]
    assert len(folded) + sum(edge["at"] is not None for edge in place["edges"].values()) == 200


topologies = st.fixed_dictionaries(
    {
        "publishers": st.integers(0, 9),
        "consumers": st.integers(0, 9),
        "exchanges": st.integers(0, 11),
        "queues": st.integers(0, 11),
        "bindings": st.dictionaries(
            st.tuples(st.integers(0, 10), st.integers(0, 10)), st.integers(1, 6), max_size=40
        ),
        "name": st.sampled_from(["{}", "a rather long name, number {}", "長い名前の{}番", "שם ארוך מאוד {}"]),
        "key": st.sampled_from(["k{}", "a.binding.key.of.many.words.{}", "鍵{}", "مفتاح.{}"]),
    }
)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@given(topologies)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_in_any_topology_nothing_covers_anything(orientation: str, shape: dict[str, Any]) -> None:
    cast, needs = cast_of(**shape)
    place = layout(cast, orientation, needs)
    assert_apart(things(place))
    assert_apart(iter([*labels(place), *((k, box) for k, box in things(place) if k.startswith("node"))]))


@pytest.mark.parametrize("scene", ["topics", "dead_letter_retry", "exchange_to_exchange"])
def test_no_line_goes_through_the_label_of_another(scene: str) -> None:
    """At most it goes behind a corner, where it has no other place: labels are drawn over lines."""
    place = place_of(scene)
    ways = {**place["edges"], **place["policies"]}
    for key, way in ways.items():
        if way["at"] is None:
            continue
        (x, y), half = way["at"], way["w"] // 2
        for other, line in ways.items():
            points = [on_curve(line["curve"], percent) for percent in range(3, 100)]
            through = [one for one in points if abs(one[0] - x) < half - 3 and abs(one[1] - y) < 6]
            assert other == key or line.get("ghost") or len(through) < 7, f"{other} goes through {key}"


@pytest.mark.parametrize(("scene", "orientation"), EVERYWHERE)
def test_every_key_is_written_or_counted_in_a_fold(scene: str, orientation: str) -> None:
    edges = place_of(scene, orientation)["edges"].values()
    assert not [edge for edge in edges if not (edge["ghost"] or edge["words"] or edge["fold"])]


def test_policies_avoid_labels_in_any_number() -> None:
    cast, needs = cast_of(exchanges=4, queues=8, bindings={(n % 4, n): 2 for n in range(8)})
    for number, queue in enumerate(cast.queues):
        target = list(cast.exchanges)[number % 4]
        key = f"policy/{number}"
        needs.policies[key] = PolicyEdge(key, queue, target, "dead-letter")
    place = layout(cast, "wide", needs)
    assert len(place["policies"]) == 8
    assert_apart(labels(place))


# --- those who come and go -------------------------------------------------------------------------------


def reconnecting(count: int, *, together: bool) -> Layout:
    """One application with so many connections, one after the other or all at once."""
    cast, needs = cast_of(publishers=0, consumers=0)
    app = cast.apps["client"] = App("client", side="left", publishes=True)
    for number in range(count):
        connection = f"client:{number}"
        app.connections.append(connection)
        cast.pipes[connection] = Pipe(connection, "client", "broker", channels=[0, 1])
        needs.lives[connection] = Life(0) if together else Life(10 * number, 10 * number + 5)
    return layout(cast, "wide", needs)


def test_connections_that_never_meet_share_a_place() -> None:
    rows = {pipe["y0"] for pipe in reconnecting(50, together=False)["pipes"].values()}
    assert len(rows) == 1


def test_connections_that_exist_together_stand_apart() -> None:
    place = reconnecting(5, together=True)
    rows = sorted(pipe["y0"] for pipe in place["pipes"].values())
    assert all(b - a >= 72 for a, b in pairwise(rows))


def test_hands_of_consumers_that_come_after_each_other_share_a_row() -> None:
    cast, needs = cast_of(consumers=1)
    (first,) = needs.hands
    connection = needs.hands[first]
    second = keys.consumer_key(connection, 1, "later")
    needs.hands[second] = connection
    needs.lives.update({first: Life(0, 10), second: Life(11)})
    (app,) = (app for app in layout(cast, "wide", needs)["apps"].values() if app["side"] == "right")
    assert app["hands"][first] == app["hands"][second]


def test_beyond_a_limit_hands_are_counted() -> None:
    cast, needs = cast_of(consumers=1)
    connection = next(iter(needs.hands.values()))
    for number in range(20):
        needs.hands[keys.consumer_key(connection, 1, f"more-{number}")] = connection
    (app,) = (app for app in layout(cast, "wide", needs)["apps"].values() if app["side"] == "right")
    assert len(app["hands"]) == G.rows_shown and app["left_out"] == 21 - G.rows_shown


def test_an_application_with_two_servers_stands_at_the_first_and_has_pipes_to_both() -> None:
    cast, needs = cast_of(consumers=0)
    cast.servers["web"] = Server("web", "server")
    app = next(iter(cast.apps.values()))
    app.connections.append("out:1")
    cast.pipes["out:1"] = Pipe("out:1", app.name, "web")
    place = layout(cast, "wide", needs)
    assert place["pipes"]["out:1"]["server"] == "web"
    assert place["pipes"]["out:1"]["lead"][:2] == place["pipes"][app.connections[0]]["lead"][:2]


def test_a_layout_takes_time_in_proportion_to_who_takes_part() -> None:
    """Counted in calls, not in seconds, so that a busy machine does not matter."""

    def calls(size: int) -> int:
        cast, needs = cast_of(
            publishers=size,
            consumers=size,
            exchanges=1,
            queues=size,
            bindings={(0, n): 1 for n in range(size)},
        )
        cut.cache_clear()
        abridged.cache_clear()
        profile = cProfile.Profile()
        profile.runcall(layout, cast, "wide", needs)
        return sum(entry.callcount for entry in profile.getstats())

    assert calls(800) < 10 * calls(100)
