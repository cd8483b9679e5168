"""Random conversations with a broker: what clients may say, sensible or not.

Theory
------
A conversation is a list of steps; a step says which connection, which channel, and one thing to do there.
Names come from small pools, so that steps meet each other: the queue that is deleted is the one somebody
consumes from. Arguments come from pools of the good, the odd and the wrong. Hypothesis makes conversations
out of these, and when two brokers disagree about one, makes it short.

Steps never name a delivery tag of the broker's choosing, because two brokers may number deliveries of
different queues differently; they say "the third of what is outstanding" and the player looks it up.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st

from amqplab.wire.table import Int8, Int64

__all__ = ["CONNECTIONS", "EXCHANGES", "QUEUES", "Step", "conversations"]

CONNECTIONS = 2
CHANNELS = (1, 2)
QUEUES = ("q0", "q1", "q2")
EXCHANGES = ("x0", "x1", "x2")
KEYS = ("", "a", "a.b", "*.b", "#", "q0", "q1")
KINDS = ("direct", "fanout", "topic", "headers")
TAGS = ("", "t0", "t1")
LONG = 100_000_000  # ms: for ever, here


class Step(NamedTuple):
    """One thing that one client does; `options` are the arguments of `action`."""

    connection: int
    channel: int
    action: str
    options: dict[str, Any]

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"Step({self.connection}, {self.channel}, {self.action!r}, {{{options}}})"


flag = st.booleans()
rarely = st.sampled_from([False] * 9 + [True])
mostly = st.sampled_from([True] * 9 + [False])
some_queue = st.sampled_from((*QUEUES, *QUEUES, *QUEUES, ""))
some_exchange = st.sampled_from((*EXCHANGES, *EXCHANGES, "", "amq.topic", "nowhere"))
some_key = st.sampled_from(KEYS)
some_tag = st.sampled_from(TAGS)
REPLY_TO = "amq.rabbitmq.reply-to"

QUEUE_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "x-max-length": (0, 1, 2, 3, Int8(2), -1, "2", True),
    "x-max-length-bytes": (0, 3, 6, Int64(4), -1),
    "x-overflow": ("drop-head", "reject-publish", "reject-publish-dlx", "nonsense", 1),
    "x-message-ttl": (0, LONG, Int64(LONG), -1, 315360000001, "5"),
    "x-expires": (LONG, 0, -5),
    "x-dead-letter-exchange": ("x0", "x1", "", "nowhere", 5),
    "x-dead-letter-routing-key": ("a", "q0", "q1", 5),
    "x-max-priority": (0, 1, 5, 255, 256, -1),
    "x-single-active-consumer": (True, False, "yes"),
    "x-queue-mode": ("lazy", "default", "eager", 1),
    "x-queue-version": (1, 2, 3),
    "x-queue-type": ("classic", "classic", "foo", 1),
    "x-queue-master-locator": ("random", "min-masters"),
    "x-delivery-limit": (3,),
    "x-max-age": ("5D",),
    "x-own": ("anything", 5, None),
}


QUORUM_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "x-max-length": (1, 2, 3, 0),
    "x-max-length-bytes": (3, 6),
    "x-overflow": ("drop-head", "reject-publish", "reject-publish-dlx"),
    "x-message-ttl": (0, LONG),
    "x-expires": (LONG,),
    "x-dead-letter-exchange": ("x0", "x1", "", "nowhere"),
    "x-dead-letter-routing-key": ("a", "q0", "q1"),
    "x-dead-letter-strategy": ("at-most-once", "at-least-once", "nonsense"),
    "x-delivery-limit": (0, 1, 3, -1),
    "x-single-active-consumer": (True, False),
    "x-max-in-memory-length": (2,),
    "x-quorum-initial-group-size": (1, 0),
    "x-queue-leader-locator": ("client-local", "nonsense"),
    "x-max-priority": (5,),
    "x-queue-mode": ("lazy",),
    "x-own": (5,),
}


def some_of(pools: dict[str, tuple[Any, ...]], most: int) -> st.SearchStrategy[dict[str, Any]]:
    """Up to `most` arguments with values from their pools; the first values of a pool come more often."""
    one = st.sampled_from(sorted(pools)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(pools[name] + pools[name][:2] * 2))
    )
    return st.lists(one, max_size=most).map(dict)


MATCHING = {
    "x-match": ("all", "any", "all-with-x", "any-with-x", "nonsense", 1),
    "h": (1, 2, "1", None),
    "x-h": (1,),
}
CONSUMING = {"x-priority": (0, 1, 5, -1, "high"), "x-own": (1,), "x-cancel-on-ha-failover": (True, "yes")}
HEADERS = {
    "h": (1, 2, "1"),
    "x-h": (1,),
    "CC": (["a"], ["q1", "q2"], [1], "a"),
    "BCC": (["a"], ["q0"], 7),
    "x-death": ([], "mine", [{"queue": "q0", "reason": "expired", "count": Int64(41)}]),
}
PROPERTIES = {
    "expiration": ("0", str(LONG), "+5000000", "soon", "-1", "1.5"),
    "priority": (0, 1, 4, 9, 255),
    "delivery_mode": (1, 2, 3),
    "user_id": ("guest", "somebody"),
    "content_type": ("text/plain",),
    "message_id": ("m",),
    "reply_to": ("q0", REPLY_TO),
}

ACTIONS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "exchange.declare": {
        "exchange": st.sampled_from((*EXCHANGES, *EXCHANGES, "amq.mine", "amq.topic", "")),
        "type": st.sampled_from((*KINDS, *KINDS, "nonsense")),
        "passive": rarely,
        "durable": rarely,
        "auto_delete": rarely,
        "internal": rarely,
        "nowait": rarely,
        "arguments": some_of({"alternate-exchange": ("x0", "x1", "nowhere", 5), "x-own": (1,)}, 1),
    },
    "exchange.delete": {"exchange": some_exchange, "if_unused": flag, "nowait": rarely},
    "exchange.bind": {"destination": some_exchange, "source": some_exchange, "routing_key": some_key},
    "exchange.unbind": {"destination": some_exchange, "source": some_exchange, "routing_key": some_key},
    "queue.declare": {
        "queue": st.sampled_from((*QUEUES, *QUEUES, *QUEUES, "", "amq.mine")),
        "passive": rarely,
        "durable": st.just(False),  # or RabbitMQ's confirms and commits would wait for a disk
        "exclusive": rarely,
        "auto_delete": rarely,
        "nowait": rarely,
        "arguments": some_of(QUEUE_ARGUMENTS, 3),
    },
    "queue.bind": {
        "queue": some_queue,
        "exchange": some_exchange,
        "routing_key": some_key,
        "nowait": rarely,
        "arguments": st.one_of(st.just({}), some_of(MATCHING, 2)),
    },
    "queue.unbind": {"queue": some_queue, "exchange": some_exchange, "routing_key": some_key},
    "queue.purge": {"queue": some_queue, "nowait": rarely},
    "queue.delete": {"queue": some_queue, "if_unused": flag, "if_empty": rarely, "nowait": rarely},
    "basic.publish": {
        "exchange": st.sampled_from(("", "", "", *EXCHANGES, "nowhere")),
        "routing_key": some_key,
        "mandatory": flag,
        "immediate": st.sampled_from([False] * 30 + [True]),
        "properties": some_of(PROPERTIES, 2),
        "headers": st.one_of(st.none(), some_of(HEADERS, 2)),
        "size": st.sampled_from((0, 1, 3, 4)),
    },
    "basic.consume": {
        "queue": st.sampled_from((*QUEUES * 3, "", REPLY_TO)),
        "consumer_tag": some_tag,
        "no_ack": rarely,
        "exclusive": rarely,
        "nowait": rarely,
        "arguments": some_of(CONSUMING, 1),
    },
    "basic.cancel": {"consumer_tag": some_tag, "nowait": rarely},
    "basic.get": {"queue": some_queue, "no_ack": flag},
    "basic.ack": {"which": st.integers(-1, 3), "multiple": rarely},
    "basic.nack": {"which": st.integers(-1, 3), "multiple": rarely, "requeue": flag},
    "basic.reject": {"which": st.integers(-1, 3), "requeue": flag},
    "basic.recover": {"requeue": mostly},
    "basic.qos": {
        "prefetch_count": st.sampled_from((0, 1, 2)),
        "global_": flag,
        "prefetch_size": st.sampled_from([0] * 30 + [1]),
    },
    "confirm.select": {"nowait": rarely},
    "tx.select": {},
    "tx.commit": {},
    "tx.rollback": {},
    "channel.close": {},
    "connection.close": {},
}

QUORUM = st.fixed_dictionaries(
    {
        "queue": st.sampled_from((*QUEUES, *QUEUES, *QUEUES, *QUEUES, "", "amq.mine")),
        "passive": rarely,
        "durable": mostly,
        "exclusive": rarely,
        "auto_delete": rarely,
        "nowait": rarely,
        "arguments": some_of(QUORUM_ARGUMENTS, 3).map(lambda table: {"x-queue-type": "quorum"} | table),
    }
)
"""How a quorum queue is declared."""

OFTEN = (
    "queue.declare",
    "basic.publish",
    "basic.publish",
    "basic.consume",
    "basic.get",
    "basic.nack",
    "queue.bind",
)


def step_of(action: str, quorum: bool = False) -> st.SearchStrategy[Step]:
    """One step of that kind; with `quorum` queues are quorum queues."""
    options = QUORUM if quorum and action == "queue.declare" else st.fixed_dictionaries(ACTIONS[action])
    return st.builds(
        Step,
        st.integers(0, CONNECTIONS - 1),
        st.sampled_from(CHANNELS),
        st.just(action),
        options,
    )


def conversations(longest: int = 16, quorum: bool = False) -> st.SearchStrategy[list[Step]]:
    """Conversations of up to so many steps, which begin by declaring something."""
    declare, exchange = step_of("queue.declare", quorum), step_of("exchange.declare")
    kinds = st.sampled_from((*ACTIONS, *OFTEN, *OFTEN)).flatmap(lambda action: step_of(action, quorum))
    beginning = st.tuples(declare, declare, exchange)
    return st.builds(lambda first, rest: [*first, *rest], beginning, st.lists(kinds, max_size=longest))
