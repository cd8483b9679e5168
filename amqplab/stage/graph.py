"""The topology as a networkx graph: to query, to analyse, to check an exercise with.

Theory
------
Exchanges, queues and consumers are nodes, named by their keys in the state; a binding is an edge keyed by its
routing key, so two bindings between one pair are two edges (that is why it is a *multi* graph). "Where can a
message published to `logs` end up?" is then `networkx.descendants`. networkx is imported when asked for: the
picture itself does not need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from amqplab.trace.fold import Fold
from amqplab.trace.keys import consumer_key, exchange_key, queue_key, unescape
from amqplab.trace.recorder import Recorder

if TYPE_CHECKING:
    import networkx

__all__ = ["graph", "graph_of"]


def graph(recorder: Recorder, at: int | None = None) -> networkx.MultiDiGraph:
    """The topology after record `at` (the last one by default)."""
    return graph_of(Fold(recorder).at(len(recorder) if at is None else at + 1))


def graph_of(state: Mapping[str, Mapping[str, Any]]) -> networkx.MultiDiGraph:
    """The topology in a state of :mod:`amqplab.trace.fold`. Node attributes: `kind`, `label` and the entity's
    own fields; edge attributes: `kind` ("binding" or "consume") and, for bindings, `routing_key` and
    `arguments`.
    """
    import networkx

    made = networkx.MultiDiGraph()
    for key, entity in sorted(state.items()):
        kind, _, rest = key.partition("/")
        if kind in ("exchange", "queue"):
            label = unescape(rest.rpartition("/")[2])
            made.add_node(key, **{**entity, "kind": kind, "label": label or "(default)"})
    for key, entity in sorted(state.items()):
        kind, _, rest = key.partition("/")
        parts = [unescape(part) for part in rest.split("/")]
        if kind == "binding":
            add_binding(made, *parts)
        elif kind == "consumer":
            connection, channel, tag = parts
            name = consumer_key(connection, int(channel), tag)
            made.add_node(name, **{**entity, "kind": "consumer", "label": tag})
            made.add_edge(queue_of(entity), name, key=tag, kind="consume")
    return made


def add_binding(
    made: networkx.MultiDiGraph,
    vhost: str,
    source: str,
    kind: str,
    destination: str,
    key: str,
    arguments: str,
) -> None:
    """One edge; its key is the routing key, or the arguments where a headers binding has no key."""
    start = exchange_key(vhost, source)
    end = queue_key(vhost, destination) if kind == "queue" else exchange_key(vhost, destination)
    if start not in made:
        made.add_node(start, kind="exchange", label=source or "(default)")
    made.add_edge(start, end, key=key or arguments, kind="binding", routing_key=key, arguments=arguments)


def queue_of(entity: Mapping[str, Any]) -> str:
    """The key of the queue that a consumer entity names."""
    queue = str(entity["queue"])
    return queue if queue.startswith("queue/") else queue_key(str(entity.get("vhost", "/")), queue)
