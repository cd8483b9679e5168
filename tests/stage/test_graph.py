"""The topology as a graph: what is a node, what is an edge, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Mapping

import networkx
from stage_runs import crowd

from amqplab.stage.graph import graph
from amqplab.trace import events as e
from amqplab.trace.recorder import Recorder

Recordings = Mapping[str, Recorder]


def test_exchanges_queues_and_consumers_are_nodes(recordings: Recordings) -> None:
    made = graph(recordings["crowd"])
    kinds: dict[str, set[str]] = {}
    for _, node in made.nodes(data=True):
        kinds.setdefault(node["kind"], set()).add(node["label"])
    assert {"metrics", "news"} <= kinds["exchange"]
    assert kinds["queue"] == {"berlin", "rain", "all", "archive"}
    assert len(kinds["consumer"]) == 4


def test_two_bindings_between_one_pair_are_two_edges(recordings: Recordings) -> None:
    made = graph(recordings["crowd"])
    assert isinstance(made, networkx.MultiDiGraph)
    between = made.get_edge_data("exchange/%2F/metrics", "queue/%2F/rain")
    assert sorted(between) == ["#.rain", "*.*.storm"]
    assert all(edge["kind"] == "binding" for edge in between.values())


def test_where_a_message_can_end_up_is_what_its_exchange_leads_to(recordings: Recordings) -> None:
    made = graph(recordings["crowd"])
    reached = networkx.descendants(made, "exchange/%2F/news")
    assert {made.nodes[key]["label"] for key in reached if made.nodes[key]["kind"] == "queue"} == {
        "all",
        "archive",
    }
    assert len([key for key in reached if made.nodes[key]["kind"] == "consumer"]) == 2


def test_the_graph_is_that_of_a_moment(recordings: Recordings) -> None:
    recorder = recordings["crowd"]
    first = next(
        record.seq for record in recorder if isinstance(record.event, e.Bound) and record.event.source
    )
    before, after = graph(recorder, first - 1), graph(recorder, first)
    edges = set(after.edges(keys=True)) - set(before.edges(keys=True))
    assert edges == {("exchange/%2F/metrics", "queue/%2F/berlin", "de.berlin.*")}


def test_nodes_and_edges_come_in_the_same_order_every_time() -> None:
    one, two = graph(crowd().recorder), graph(crowd().recorder)
    assert list(one.nodes(data=True)) == list(two.nodes(data=True))
    assert list(one.edges(keys=True, data=True)) == list(two.edges(keys=True, data=True))
