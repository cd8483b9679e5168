"""Hypothesis strategies for the journal: any entry, and histories that a broker could have had."""

from __future__ import annotations

from hypothesis import strategies as st
from wire_strategies import properties, shortstrs, tables, values

from amqplab.model.binding import EXCHANGE, QUEUE, bind
from amqplab.model.journal_entries import (
    DEATHS,
    Begun,
    Bound,
    Entry,
    ExchangeDeclared,
    ExchangeDeleted,
    Purged,
    QueueDeclared,
    QueueDeleted,
    Removed,
    Returned,
    Setting,
    Standing,
    Stopped,
    Stored,
    StoredMessage,
    Unbound,
    VhostDeclared,
    VhostDeleted,
)
from amqplab.wire.table import Table

__all__ = ["any_entry", "histories"]

numbers = st.integers(0, 5) | st.integers(0, 2**63 - 1)
places = st.lists(numbers, min_size=1, max_size=4).map(tuple)
kinds = st.sampled_from([QUEUE, EXCHANGE])
types = st.sampled_from(["direct", "fanout", "topic", "headers"])


def entries(
    vhosts: st.SearchStrategy[str],
    names: st.SearchStrategy[str],
    numbers: st.SearchStrategy[int],
    arguments: st.SearchStrategy[Table],
    runs: st.SearchStrategy[int],
) -> st.SearchStrategy[Entry]:
    """Entries of all kinds, made of these virtual hosts, names, numbers, arguments and runs."""
    bindings = st.builds(bind, names, kinds, names, names, arguments)
    places = st.lists(numbers, min_size=1, max_size=4).map(tuple)
    deaths = st.sampled_from(DEATHS)
    standing = st.builds(Standing, names, numbers, st.none() | numbers, numbers, st.booleans(), deaths)
    messages = st.builds(
        StoredMessage, numbers, names, names, properties.map(lambda one: one.encode()), st.binary(max_size=9)
    )
    return st.one_of(
        st.builds(Begun, numbers, numbers, st.booleans(), numbers, runs, numbers),
        st.just(Stopped()),
        st.builds(Setting, names, values),
        st.builds(VhostDeclared, vhosts),
        st.builds(VhostDeleted, vhosts),
        st.builds(ExchangeDeclared, vhosts, names, types, st.booleans(), st.booleans(), arguments),
        st.builds(ExchangeDeleted, vhosts, names),
        st.builds(QueueDeclared, vhosts, names, st.booleans(), arguments),
        st.builds(QueueDeleted, vhosts, names),
        st.builds(Bound, vhosts, bindings),
        st.builds(Unbound, vhosts, bindings),
        st.builds(Stored, vhosts, messages, st.lists(standing, min_size=1, max_size=3).map(tuple)),
        st.builds(Removed, vhosts, names, places),
        st.builds(Returned, vhosts, names, places),
        st.builds(Purged, vhosts, names, st.lists(numbers, max_size=3).map(tuple)),
    )


any_entry: st.SearchStrategy[Entry] = entries(shortstrs, shortstrs, numbers, tables, numbers)

kinds_of_queue = st.sampled_from([Table(), Table({"x-queue-type": "quorum"}), Table({"x-max-priority": 3})])
few_names = st.sampled_from(["a", "b", "amq.fanout"])

histories: st.SearchStrategy[list[Entry]] = st.lists(
    entries(st.sampled_from(["/", "v"]), few_names, st.integers(0, 6), kinds_of_queue, st.integers(1, 4)),
    max_size=40,
)
"""Few names and numbers, so that entries concern one another."""
