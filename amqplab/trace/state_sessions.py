"""What connections, channels and the topology change in the state.

Theory
------
Channels, exchanges, bindings, queues and consumers are in the state as long as they exist at the broker. What
vanishes with them is told by records of its own (an ``Unbound`` for every binding of a deleted queue); this
module also sweeps up what a record of an unusual run may have left behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace import keys
from amqplab.trace.arguments import argument
from amqplab.trace.draft import Draft
from amqplab.trace.entities import (
    edit_channel,
    edit_connection,
    edit_exchange,
    edit_queue,
    put_binding,
    under_policies,
)
from amqplab.trace.lines import HOLDING
from amqplab.trace.policies import policies_after
from amqplab.trace.recorder import Record
from amqplab.trace.state_copies import empty_queue, end_transaction, release_holdings
from amqplab.trace.state_link import forget_connection_if_over

__all__ = ["HANDLERS"]


# --- connections -----------------------------------------------------------------------------------------


def authenticated(draft: Draft, record: Record, event: e.ConnectionAuthenticated) -> None:
    connection = edit_connection(draft, event.connection)
    connection.update(state="authenticated", user=event.user, mechanism=event.mechanism)


def tuned(draft: Draft, record: Record, event: e.ConnectionTuned) -> None:
    edit_connection(draft, event.connection).update(
        state="tuned",
        channel_max=event.channel_max,
        frame_max=event.frame_max,
        heartbeat_s=event.heartbeat_s,
    )


def connection_opened(draft: Draft, record: Record, event: e.ConnectionOpened) -> None:
    edit_connection(draft, event.connection).update(
        state="open", user=event.user, vhost=event.vhost, client_name=event.client_name
    )


def connection_closing(draft: Draft, record: Record, event: e.ConnectionClosing) -> None:
    connection = edit_connection(draft, event.connection)
    connection.update(state="closing", closing=f"by {event.by}: {event.code} {event.text}".rstrip())


def connection_closed(draft: Draft, record: Record, event: e.ConnectionClosed) -> None:
    connection = draft.edit(keys.connection_key(event.connection))
    if connection is None:
        return
    for channel in connection["channels"]:
        drop_channel(draft, event.connection, channel)
    connection.update(state="closed", reason=event.reason, channels=[], blocked=None)
    forget_connection_if_over(draft, event.connection)


def heartbeat_missed(draft: Draft, record: Record, event: e.HeartbeatMissed) -> None:
    edit_connection(draft, event.connection)["missed_heartbeats"] = event.missed


def blocked(draft: Draft, record: Record, event: e.ConnectionBlocked) -> None:
    edit_connection(draft, event.connection)["blocked"] = event.reason


def unblocked(draft: Draft, record: Record, event: e.ConnectionUnblocked) -> None:
    edit_connection(draft, event.connection)["blocked"] = None


def alarm_changed(draft: Draft, record: Record, event: e.AlarmChanged) -> None:
    key = f"alarm/{keys.escape(event.resource)}"
    if event.active:
        draft.put(key, {"resource": event.resource, "node": record.where})
    else:
        draft.drop(key)


# --- channels --------------------------------------------------------------------------------------------


def drop_channel(draft: Draft, connection: str, channel: int) -> None:
    """The channel, with its consumers, its confirms and the half of a publish that came over it."""
    entity = draft.get(keys.channel_key(connection, channel))
    end_transaction(draft, connection, channel, undone="rolled back")
    for tag in entity["consumers"] if entity else ():
        drop_consumer(draft, connection, channel, tag)
    draft.drop(keys.channel_key(connection, channel))
    draft.drop(keys.confirm_key(connection, channel))
    draft.drop(keys.content_key(connection, channel))


def channel_opened(draft: Draft, record: Record, event: e.ChannelOpened) -> None:
    drop_channel(draft, event.connection, event.channel)
    edit_channel(draft, event.connection, event.channel)


def channel_closing(draft: Draft, record: Record, event: e.ChannelClosing) -> None:
    edit_channel(draft, event.connection, event.channel)["state"] = "closing"


def channel_closed(draft: Draft, record: Record, event: e.ChannelClosed) -> None:
    drop_channel(draft, event.connection, event.channel)
    connection = draft.edit(keys.connection_key(event.connection))
    if connection is not None:
        connection["channels"] = [one for one in connection["channels"] if one != event.channel]


def prefetch_set(draft: Draft, record: Record, event: e.PrefetchSet) -> None:
    """The window of consumers to come; or the channel's own, which the other kind takes away (BASIC-41)."""
    channel = edit_channel(draft, event.connection, event.channel)
    channel["shared_prefetch"] = event.count if event.shared else 0
    if not event.shared:
        channel["prefetch"] = event.count


def mode_selected(draft: Draft, record: Record, event: e.ModeSelected) -> None:
    edit_channel(draft, event.connection, event.channel)["mode"] = event.mode


# --- exchanges and bindings ------------------------------------------------------------------------------


def exchange_declared(draft: Draft, record: Record, event: e.ExchangeDeclared) -> None:
    exchange = edit_exchange(draft, event.vhost, event.exchange)
    exchange.update(
        type=event.type,
        durable=event.durable,
        auto_delete=event.auto_delete,
        internal=event.internal,
        arguments=event.arguments,
    )
    under_policies(draft, "exchange", (event.vhost, event.exchange), exchange)


def exchange_deleted(draft: Draft, record: Record, event: e.ExchangeDeleted) -> None:
    draft.drop(keys.exchange_key(event.vhost, event.exchange))


def bound(draft: Draft, record: Record, event: e.Bound) -> None:
    edit_exchange(draft, event.vhost, event.source)
    put_binding(draft, event.vhost, binding_of(event), implicit=event.source == "")


def unbound(draft: Draft, record: Record, event: e.Unbound) -> None:
    draft.drop(keys.binding_key(event.vhost, *binding_of(event)))


def binding_of(event: e.Bound | e.Unbound) -> tuple[str, str, str, str, str]:
    return event.source, event.kind, event.destination, event.routing_key, event.arguments


# --- policies --------------------------------------------------------------------------------------------


def policy_changed(draft: Draft, record: Record, event: e.PolicySet | e.PolicyDeleted) -> None:
    """It holds, or no longer holds, for everything that is there."""
    key = keys.policies_key(event.vhost)
    entity = draft.get(key)
    policies = policies_after(entity["policies"] if entity else [], event)
    if policies:
        draft.put(key, {"policies": policies})
    else:
        draft.drop(key)
    for kind in ("exchange", "queue"):
        for one in draft.keys(f"{kind}/{keys.escape(event.vhost)}/"):
            found = draft.edit(one)
            if found is not None:
                under_policies(draft, kind, (event.vhost, keys.unescape(one.split("/")[2])), found)


# --- queues and consumers --------------------------------------------------------------------------------


def queue_declared(draft: Draft, record: Record, event: e.QueueDeclared) -> None:
    queue = edit_queue(draft, event.vhost, event.queue)
    queue.update(
        durable=event.durable,
        exclusive=event.owner is not None,
        owner=event.owner,
        auto_delete=event.auto_delete,
        arguments=event.arguments,
    )
    under_policies(draft, "queue", (event.vhost, event.queue), queue)


def queue_deleted(draft: Draft, record: Record, event: e.QueueDeleted) -> None:
    empty_queue(draft, event.vhost, event.queue, "queue deleted")
    draft.drop(keys.queue_key(event.vhost, event.queue))
    draft.drop(keys.binding_key(event.vhost, "", "queue", event.queue, event.queue, ""))


def consumer_added(draft: Draft, record: Record, event: e.ConsumerAdded) -> None:
    lane, tag = (event.connection, event.channel), event.consumer_tag
    drop_consumer(draft, *lane, tag)
    channel = edit_channel(draft, *lane)
    channel["consumers"] = [*channel["consumers"], tag]
    queue = edit_queue(draft, event.vhost, event.queue)
    queue["consumers"] += 1
    single = argument(queue["arguments"], "x-single-active-consumer") == "true"
    draft.put(
        keys.consumer_key(*lane, tag),
        {
            "queue": event.queue,
            "vhost": event.vhost,
            "no_ack": event.no_ack,
            "exclusive": event.exclusive,
            "prefetch": event.prefetch,
            "priority": event.priority,
            "delivered": 0,
            "active": False if single else None,
            "start": event.start,
            "cursor": None,
            **HOLDING.empty(),
        },
    )


def consumer_activated(draft: Draft, record: Record, event: e.ConsumerActivated) -> None:
    key = keys.consumer_key(event.connection, event.channel, event.consumer_tag)
    queue = edit_queue(draft, event.vhost, event.queue)
    before = draft.edit(queue["active_consumer"]) if queue["active_consumer"] else None
    if before is not None:
        before["active"] = False
    consumer = draft.edit(key)
    if consumer is not None:
        consumer["active"] = True
        queue["active_consumer"] = key


def consumer_removed(draft: Draft, record: Record, event: e.ConsumerRemoved) -> None:
    drop_consumer(draft, event.connection, event.channel, event.consumer_tag)


def drop_consumer(draft: Draft, connection: str, channel: int, tag: str) -> None:
    """The consumer is gone; what it held stays unacknowledged on its channel."""
    key = keys.consumer_key(connection, channel, tag)
    consumer = draft.get(key)
    if consumer is None:
        return
    release_holdings(draft, key)
    queue = draft.edit(keys.queue_key(consumer["vhost"], consumer["queue"]))
    if queue is not None:
        queue["consumers"] -= 1
        if queue["active_consumer"] == key:
            queue["active_consumer"] = None
    owner = draft.edit(keys.channel_key(connection, channel))
    if owner is not None:
        owner["consumers"] = [one for one in owner["consumers"] if one != tag]
    draft.drop(key)


HANDLERS: dict[type[e.Event], Callable[[Draft, Record, Any], None]] = {
    e.ConnectionAuthenticated: authenticated,
    e.ConnectionTuned: tuned,
    e.ConnectionOpened: connection_opened,
    e.ConnectionClosing: connection_closing,
    e.ConnectionClosed: connection_closed,
    e.HeartbeatMissed: heartbeat_missed,
    e.ConnectionBlocked: blocked,
    e.ConnectionUnblocked: unblocked,
    e.AlarmChanged: alarm_changed,
    e.ChannelOpened: channel_opened,
    e.ChannelClosing: channel_closing,
    e.ChannelClosed: channel_closed,
    e.PrefetchSet: prefetch_set,
    e.ModeSelected: mode_selected,
    e.ExchangeDeclared: exchange_declared,
    e.ExchangeDeleted: exchange_deleted,
    e.Bound: bound,
    e.Unbound: unbound,
    e.PolicySet: policy_changed,
    e.PolicyDeleted: policy_changed,
    e.QueueDeclared: queue_declared,
    e.QueueDeleted: queue_deleted,
    e.ConsumerAdded: consumer_added,
    e.ConsumerActivated: consumer_activated,
    e.ConsumerRemoved: consumer_removed,
}
