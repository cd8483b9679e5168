"""Events of any class, with plausible names, in any order: nothing need have been before. Readers are total."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from hypothesis import strategies as st

from amqplab.trace import events as e
from amqplab.wire.frames import HEARTBEAT

KINDS = list(e.ABOUT)

POOLS: dict[str, Any] = {
    "connection": st.sampled_from(["p:1", "c/%:2"]),
    "channel": st.integers(1, 2),
    "vhost": st.just("/"),
    "queue": st.sampled_from(["q", "r"]),
    "destination": st.sampled_from(["q", "r"]),
    "exchange": st.sampled_from(["", "logs"]),
    "source": st.sampled_from(["", "logs"]),
    "consumer_tag": st.sampled_from(["", "t", "u"]),
    "message": st.integers(1, 6),
    "successor": st.integers(7, 9),
    "messages": st.lists(st.integers(1, 6), max_size=3).map(tuple),
    "position": st.integers(0, 5),
    "sequence": st.integers(0, 8),
    "number": st.integers(1, 3),
    "state": st.sampled_from(["SYN-SENT", "ESTABLISHED", "TIME-WAIT", "CLOSED"]),
    "host": st.sampled_from(["p", "broker"]),
    "call_seq": st.integers(0, 5),
    "mode": st.sampled_from(["confirm", "tx", "tx"]),
    "outcome": st.sampled_from(["committed", "rolled back", "acknowledged", "returned"]),
}
TYPES: dict[str, Any] = {
    "str": st.sampled_from(["", "a", "é/"]),
    "int": st.integers(0, 9),
    "bool": st.booleans(),
    "bytes": st.binary(max_size=24),
    "int | None": st.none() | st.integers(0, 9),
    "str | None": st.none() | st.just("p:1"),
    "tuple[int, ...]": st.lists(st.integers(0, 9), max_size=2).map(tuple),
    "tuple[str, ...]": st.lists(st.sampled_from(["q", "r"]), max_size=2).map(tuple),
    "tuple[tuple[str, str, str, str], ...]": st.just((("logs", "queue", "q", "k"),)),
    "tuple[tuple[str, int], ...]": st.just((("p:1", 1),)),
}
SAMPLES: dict[str, Any] = {
    "str": "Name",
    "int": 3,
    "bool": True,
    "bytes": HEARTBEAT,
    "int | None": None,
    "str | None": None,
    "tuple[int, ...]": (1, 2),
    "tuple[str, ...]": ("a", "b"),
    "tuple[tuple[str, str, str, str], ...]": (("logs", "queue", "a", "k"),),
    "tuple[tuple[str, int], ...]": (("name:1", 3),),
}
"""One value of each type that a field may have."""


@st.composite
def any_event(draw: st.DrawFn) -> e.Event:
    """An event of any class: plausible names, any order, nothing need have been before."""
    kind = draw(st.sampled_from(KINDS))
    return kind(*[draw(POOLS.get(field.name, TYPES[field.type])) for field in fields(kind)])
