"""What holds in every state of a fold."""

from __future__ import annotations

from amqplab.trace import lines
from amqplab.trace.draft import State
from amqplab.trace.keys import queue_key
from amqplab.trace.lines import HOLDING, IN_TX, READY, SETTLING, UNACKED, Place, everyone

__all__ = ["check_line", "check_lines"]


def check_lines(state: State) -> None:
    """Every line is what its owner says, in both directions."""
    for key, entity in state.items():
        kind = key.partition("/")[0]
        if kind == "queue":
            members = f"copy/{key[len('queue/') :]}/"
            for line in (READY, UNACKED):
                check_line(state, Place(key, line, members))
            assert entity["total"] == entity["ready_count"] + entity["unacked_count"]
        elif kind == "consumer":
            queue = queue_key(entity["vhost"], entity["queue"])
            check_line(state, Place(key, HOLDING, f"copy/{queue[len('queue/') :]}/"))
        elif kind == "channel":
            check_line(state, Place(key, IN_TX, "message/"))
            check_line(state, Place(key, SETTLING, ""))
            waiting = [state[f"message/{one}"]["status"] for one in entity["in_tx"]]
            assert set(waiting) <= {"held in tx"}


def check_line(state: State, place: Place) -> None:
    owner, line = state[place.owner], place.line
    members = list(everyone(state, place))
    assert owner[line.name] == members[: lines.SHOWN]
    assert owner[line.counter] == len(members) == len(set(members))
    assert owner[line.tail] == (members[-1] if members else None)
    before = [state[place.key(member)][line.before] for member in members]
    assert before == [None, *members[:-1]][: len(members)]
