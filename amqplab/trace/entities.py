"""What a state is made of: every kind of entity, with its fields and how it starts.

Theory
------
    host/<name>                  program, status ("running", "returned", an error), calls [[seq, text]]
                                 under way, crashed: its process is gone, off: its machine has no power,
                                 frozen, link ("", "cut", "half-open"), silent: where nothing passes
                                 ("", "to broker", "from broker", "both ways")
    connection/<conn>            client and server (their hosts; server is None while it is unknown); tcp and
                                 tcp_server: the TCP states of the client's and the server's end, None
                                 without a simulated link; state: None before login, then "authenticated",
                                 "tuned", "open", "closing", "closed"; user, vhost, client_name, mechanism,
                                 channel_max, frame_max, heartbeat_s, missed_heartbeats; blocked: None or
                                 the alarm; closing: None or by whom and why; reason, once closed; channels
                                 [numbers]; closed_windows [hosts that take no more octets]; timeouts of TCP
    channel/<conn>/<n>           state ("open", "closing"), mode ("", "confirm", "tx"), prefetch,
                                 shared_prefetch, consumers [tags], unacked: how many deliveries its client
                                 has not settled; the lines in_tx, messages that wait for tx.commit, and
                                 settling, keys of copies whose settlement does
    confirm/<conn>/<n>           outstanding: the first SHOWN numbers taken but not confirmed, count of all,
                                 ranges [[first, last]] of all, positive and negative: how many are
                                 confirmed
    policies/<vhost>             policies: those that hold, with the fields of their events
    exchange/<vhost>/<name>      type, durable, auto_delete, internal, arguments, predeclared; node: the
                                 broker's host; policy: the name of what holds for it, policy_arguments: what
                                 that says; alternate: the exchange that gets what is not routed, or None
    binding/<vhost>/<source>/<kind>/<destination>/<routing key>/<arguments>
                                 source, kind, destination, routing_key, arguments, implicit
    queue/<vhost>/<name>         node, durable, exclusive, owner, auto_delete, arguments, policy and
                                 policy_arguments; dead_letter_exchange: its name, or None; consumers: how
                                 many; active_consumer: the key of the single active one, or None; first: of
                                 a stream, the offset of the oldest message that it still has; the lines
                                 ready and unacked (amqplab.trace.lines: the first SHOWN, _count, _last);
                                 total
    consumer/<conn>/<n>/<tag>    queue, vhost, no_ack, exclusive, prefetch, priority, delivered: how many;
                                 active: whether it is the single active one, None in other queues; of a
                                 reader of a stream, start: its first offset, and cursor: the message that it
                                 was handed last, both else None; the line holding
    message/<id>                 label: what it is called (amqplab.trace.lives), vhost, exchange, routing_key,
                                 size, body (a preview), priority (None if it is not set), properties
                                 {name: text} of those that are set, publisher (a connection), channel,
                                 sequence, mandatory, persistent, status, where {queue: what became of its
                                 copy there}; its neighbours in in_tx, while the status is "held in tx"
    copy/<vhost>/<queue>/<id>    state ("ready", "unacked"), redelivered; connection, channel, delivery_tag
                                 and consumer (a key) while unacked; held_in_tx: "" or what tx.commit will
                                 do with it ("acknowledged", "rejected", "requeued"); its neighbours in its
                                 lines
    lost/<id>/<queue or ->       reason
    content/<conn>/<n>           the publish whose frames arrive: size, received, preview, priority, properties
    alarm/<resource>             resource, node: the host of the broker that runs low

One broker's queues and exchanges are the only ones of their names, so their keys do not say whose they are;
``node`` does.

All values are JSON values. Each ``edit_*`` function here returns the entity for writing and makes it, with
what is known, if there is none: a recording may begin in the middle of a run.

The exchanges that every virtual host has from the start (EXCH-01) are in no record. They enter the state when
something first names them, marked ``predeclared``; and each queue brings its binding to the default exchange,
marked ``implicit``.
"""

from __future__ import annotations

from typing import Any

from amqplab.trace import keys
from amqplab.trace.draft import Draft
from amqplab.trace.lines import IN_TX, READY, SETTLING, UNACKED
from amqplab.trace.policies import apply

__all__ = [
    "edit_channel",
    "edit_connection",
    "edit_exchange",
    "edit_host",
    "edit_message",
    "edit_queue",
    "put_binding",
    "under_policies",
]

PREDECLARED = {
    "": "direct",
    "amq.direct": "direct",
    "amq.fanout": "fanout",
    "amq.topic": "topic",
    "amq.headers": "headers",
    "amq.match": "headers",
    "amq.rabbitmq.trace": "topic",
}


def edit_host(draft: Draft, name: str) -> dict[str, Any]:
    """A host."""
    key = keys.host_key(name)
    return draft.edit(key) or draft.put(
        key,
        {
            "program": None,
            "status": "",
            "calls": [],
            "crashed": False,
            "off": False,
            "frozen": False,
            "link": "",
            "silent": "",
        },
    )


def edit_connection(draft: Draft, connection: str) -> dict[str, Any]:
    """A connection. Whatever happens to it elsewhere than at its client happens at its server."""
    key, client = keys.connection_key(connection), keys.client_host(connection)
    entity = draft.edit(key) or draft.put(
        key,
        {
            "client": client,
            "server": None,
            "tcp": None,
            "tcp_server": None,
            "state": None,
            "user": None,
            "vhost": None,
            "client_name": None,
            "mechanism": None,
            "channel_max": None,
            "frame_max": None,
            "heartbeat_s": None,
            "missed_heartbeats": 0,
            "blocked": None,
            "closing": None,
            "reason": None,
            "channels": [],
            "closed_windows": [],
            "timeouts": 0,
        },
    )
    if entity["server"] is None and draft.where not in ("", client):
        entity["server"] = draft.where
    return entity


def edit_channel(draft: Draft, connection: str, channel: int) -> dict[str, Any]:
    """A channel; its connection lists it."""
    key = keys.channel_key(connection, channel)
    entity = draft.edit(key)
    if entity is not None:
        return entity
    owner = edit_connection(draft, connection)
    if channel not in owner["channels"]:
        owner["channels"] = sorted([*owner["channels"], channel])
    return draft.put(
        key,
        {
            "state": "open",
            "mode": "",
            "prefetch": 0,
            "shared_prefetch": 0,
            "consumers": [],
            "unacked": 0,
            **IN_TX.empty(),
            **SETTLING.empty(),
        },
    )


def edit_exchange(draft: Draft, vhost: str, name: str) -> dict[str, Any]:
    """An exchange. One that nobody declared is predeclared, or of an unknown type "?"."""
    key = keys.exchange_key(vhost, name)
    return draft.edit(key) or draft.put(
        key,
        under_policies(
            draft,
            "exchange",
            (vhost, name),
            {
                "node": draft.where or None,
                "type": PREDECLARED.get(name, "?"),
                "durable": name in PREDECLARED,
                "auto_delete": False,
                "internal": name == "amq.rabbitmq.trace",
                "arguments": "",
                "predeclared": name in PREDECLARED,
            },
        ),
    )


def edit_queue(draft: Draft, vhost: str, name: str) -> dict[str, Any]:
    """A queue, with its binding to the default exchange."""
    key = keys.queue_key(vhost, name)
    entity = draft.edit(key)
    if entity is not None:
        return entity
    edit_exchange(draft, vhost, "")
    put_binding(draft, vhost, ("", "queue", name, name, ""), implicit=True)
    return draft.put(
        key,
        under_policies(
            draft,
            "queue",
            (vhost, name),
            {
                "node": draft.where or None,
                "durable": False,
                "exclusive": False,
                "owner": None,
                "auto_delete": False,
                "arguments": "",
                "consumers": 0,
                "active_consumer": None,
                "first": 0,
                **READY.empty(),
                **UNACKED.empty(),
                "total": 0,
            },
        ),
    )


def under_policies(draft: Draft, kind: str, place: tuple[str, str], entity: dict[str, Any]) -> dict[str, Any]:
    """The entity of a queue or exchange with what the policies say that hold for it now."""
    vhost, name = place
    policies = draft.get(keys.policies_key(vhost))
    apply(entity, kind, name, policies["policies"] if policies else ())
    return entity


def put_binding(
    draft: Draft, vhost: str, binding: tuple[str, str, str, str, str], *, implicit: bool = False
) -> None:
    """A binding: (source, kind, destination, routing key, arguments)."""
    names = ("source", "kind", "destination", "routing_key", "arguments")
    draft.put(
        keys.binding_key(vhost, *binding), {**dict(zip(names, binding, strict=True)), "implicit": implicit}
    )


def edit_message(draft: Draft, vhost: str, message: int) -> dict[str, Any]:
    """A message."""
    key = keys.message_key(message)
    return draft.edit(key) or draft.put(
        key,
        {
            "label": str(message),
            "vhost": vhost,
            "exchange": "",
            "routing_key": "",
            "size": 0,
            "body": "",
            "priority": None,
            "properties": {},
            "publisher": None,
            "channel": None,
            "sequence": 0,
            "mandatory": False,
            "persistent": False,
            "status": "published",
            "where": {},
            "tx_before": None,
            "tx_after": None,
        },
    )
