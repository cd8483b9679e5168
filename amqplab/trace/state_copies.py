"""What the life of a message changes in the state.

Theory
------
A message is published once; each queue it is routed to gets a *copy*, and each copy has a life of its own:

    Enqueued -> ready -> Delivered -> unacked -> Acknowledged
                  ^                      |
                  +------ Requeued ------+        Discarded, DeadLettered, QueuePurged: gone

So the state has one entity for the message and one for each copy that is still in a queue. A copy stands in
its queue's line of ready or of unacked ones, and if a consumer holds it, in that consumer's line. (A stream's
copies are read, not handed out: they stay ready.) The message
remembers what became of each copy in ``where``; its ``status`` is "unacked" or "ready" while any copy is,
else the last thing that happened to it. What ended without an acknowledgement leaves a ``lost`` entity
behind.

What is said in a transaction counts only at tx.commit: until then a message is *held* by its channel, with no
copy anywhere, and so is a settlement, while its copy stays where it is. A rollback ends the one and undoes the
other.

Confirms cover numbers that were given out in order, so those outstanding are a few ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from amqplab.trace import events as e
from amqplab.trace import keys
from amqplab.trace.arguments import argument
from amqplab.trace.draft import Draft
from amqplab.trace.entities import edit_channel, edit_exchange, edit_message, edit_queue
from amqplab.trace.lines import HOLDING, IN_TX, READY, SETTLING, SHOWN, UNACKED, Line, Place, join, leave
from amqplab.trace.lives import name_of_next
from amqplab.trace.recorder import Record

__all__ = ["HANDLERS", "HELD", "empty_queue", "end_transaction", "release_holdings"]

HELD = "held in tx"
"""The status of a message that waits for tx.commit."""


# --- publishing ------------------------------------------------------------------------------------------


def published(draft: Draft, record: Record, event: e.Published) -> None:
    edit_exchange(draft, event.vhost, event.exchange)
    let_go(draft, event.message)
    content = draft.get(keys.content_key(event.connection, event.channel))
    draft.drop(keys.content_key(event.connection, event.channel))
    edit_message(draft, event.vhost, event.message).update(
        exchange=event.exchange,
        routing_key=event.routing_key,
        size=event.size,
        body=content["preview"] if content else "",
        priority=content["priority"] if content else None,
        properties=content["properties"] if content else {},
        publisher=event.connection,
        channel=event.channel,
        sequence=event.sequence,
        mandatory=event.mandatory,
        persistent=event.persistent,
    )
    if event.sequence:
        expect_confirm(draft, event.connection, event.channel, event.sequence)
    channel = draft.get(keys.channel_key(event.connection, event.channel))
    if channel is not None and channel["mode"] == "tx":
        hold_back(draft, event)


def routed(draft: Draft, record: Record, event: e.Routed) -> None:
    message = edit_message(draft, event.vhost, event.message)
    message.update(exchange=event.exchange, routing_key=event.routing_key)
    if message["status"] != HELD:
        message["status"] = "routed"
    if event.alternates and not event.matched:  # else it is not said whose alternate it was
        for source, target in zip((event.exchange, *event.alternates), event.alternates, strict=False):
            exchange = edit_exchange(draft, event.vhost, source)
            exchange["alternate"] = exchange["alternate"] or target


def unroutable(draft: Draft, record: Record, event: e.Unroutable) -> None:
    let_go(draft, event.message)
    edit_message(draft, event.vhost, event.message)["status"] = "unroutable"
    draft.put(keys.lost_key(event.message, None), {"reason": "unroutable"})


def returned(draft: Draft, record: Record, event: e.Returned) -> None:
    let_go(draft, event.message)
    edit_message(draft, event.vhost, event.message)["status"] = "returned"
    draft.put(keys.lost_key(event.message, None), {"reason": f"returned: {event.code} {event.text}"})


def refused(draft: Draft, record: Record, event: e.PublishRefused) -> None:
    let_go(draft, event.message)
    edit_message(draft, event.vhost, event.message)["status"] = "refused"
    draft.put(keys.lost_key(event.message, None), {"reason": f"refused: {event.reason}"})


# --- transactions ----------------------------------------------------------------------------------------


def hold_back(draft: Draft, event: e.Published) -> None:
    """Nothing that is published in a transaction is in a queue before tx.commit."""
    edit_message(draft, event.vhost, event.message)["status"] = HELD
    join(draft, place_in_tx(event.connection, event.channel), event.message)


def place_in_tx(connection: str, channel: int) -> Place:
    return Place(keys.channel_key(connection, channel), IN_TX, keys.message_key(0)[:-1])


def let_go(draft: Draft, message: int) -> None:
    """The transaction holds this message no more; nothing happens if none did."""
    entity = draft.edit(keys.message_key(message))
    if entity is not None and entity["status"] == HELD:
        entity["status"] = "routed"
        leave(draft, place_in_tx(entity["publisher"], entity["channel"]), message)


def settlement_held(draft: Draft, record: Record, event: e.SettlementHeld) -> None:
    """The copy stays in its client's hands, and its channel remembers what it said."""
    key = keys.copy_key(event.vhost, event.queue, event.message)
    copy = draft.edit(key)
    if copy is None or copy["held_in_tx"] or (copy["connection"], copy["channel"]) != lane_of(event):
        return
    copy["held_in_tx"] = event.outcome
    join(draft, place_of_settling(*lane_of(event)), key)


def place_of_settling(connection: str, channel: int) -> Place:
    return Place(keys.channel_key(connection, channel), SETTLING, "")


def lane_of(event: e.SettlementHeld | e.TransactionEnded) -> tuple[str, int]:
    return event.connection, event.channel


def transaction_ended(draft: Draft, record: Record, event: e.TransactionEnded) -> None:
    end_transaction(draft, *lane_of(event), undone="" if event.outcome == "committed" else event.outcome)


def end_transaction(draft: Draft, connection: str, channel: int, *, undone: str) -> None:
    """Nothing is held any more. What was committed is in its queues by now; what was `undone`, and how, is lost."""
    owner = keys.channel_key(connection, channel)
    for number in members_of(draft, owner, IN_TX):
        let_go(draft, number)
        if undone:
            message = draft.edit(keys.message_key(number))
            assert message is not None
            message["status"] = undone
            draft.put(keys.lost_key(number, None), {"reason": undone})
    for key in members_of(draft, owner, SETTLING):
        unsettle(draft, key)


def members_of(draft: Draft, owner: str, line: Line) -> Iterator[Any]:
    """Everyone in a line, who must leave it meanwhile: the first of them again and again."""
    before = None
    while (entity := draft.get(owner)) is not None and entity[line.name]:
        first = entity[line.name][0]
        if first == before:
            return
        yield (before := first)


def unsettle(draft: Draft, key: str) -> None:
    """What a transaction held about this copy is over: done, or undone."""
    copy = draft.edit(key)
    if copy is not None and copy["held_in_tx"]:
        leave(draft, place_of_settling(copy["connection"], copy["channel"]), key)
        copy["held_in_tx"] = ""


# --- the life of a copy ----------------------------------------------------------------------------------


def enqueued(draft: Draft, record: Record, event: e.Enqueued) -> None:
    take_out(draft, event.vhost, event.queue, event.message)
    put_in(draft, event.vhost, event.queue, event.message, redelivered=False, position=event.position)
    draft.drop(keys.lost_key(event.message, event.queue))  # a dead letter may be refused, and come again
    tell_message(draft, event.vhost, event.message, event.queue, "ready")


def delivered(draft: Draft, record: Record, event: e.Delivered) -> None:
    """Out of the ready line, and unless nobody will acknowledge it, into somebody's hands."""
    if event.stays:
        read(draft, event)
        return
    take_out(draft, event.vhost, event.queue, event.message)
    consumer_key = keys.consumer_key(event.connection, event.channel, event.consumer_tag)
    consumer = draft.edit(consumer_key) if event.consumer_tag else None
    if consumer is not None:
        consumer["delivered"] += 1
    if event.no_ack:
        tell_message(draft, event.vhost, event.message, event.queue, "delivered")
        return
    key = keys.copy_key(event.vhost, event.queue, event.message)
    copy = draft.put(key, new_copy("unacked", event.redelivered))
    copy.update(connection=event.connection, channel=event.channel, delivery_tag=event.delivery_tag)
    edit_queue(draft, event.vhost, event.queue)["total"] += 1
    join(draft, place_in_queue(event.vhost, event.queue, UNACKED), event.message)
    edit_channel(draft, event.connection, event.channel)["unacked"] += 1
    if consumer is not None and (consumer["vhost"], consumer["queue"]) == (event.vhost, event.queue):
        copy["consumer"] = consumer_key
        join(draft, Place(consumer_key, HOLDING, key[: key.rindex("/") + 1]), event.message)
    tell_message(draft, event.vhost, event.message, event.queue, "unacked")


def read(draft: Draft, event: e.Delivered) -> None:
    """A stream's message stays in its line, whoever has read it."""
    edit_channel(draft, event.connection, event.channel)["unacked"] += 1
    consumer = draft.edit(keys.consumer_key(event.connection, event.channel, event.consumer_tag))
    if consumer is not None:
        consumer["delivered"] += 1
        consumer["cursor"] = event.message


def replied(draft: Draft, record: Record, event: e.Replied) -> None:
    """No queue, no copy: the message itself is with the one who asked, also in a transaction."""
    let_go(draft, event.message)
    edit_message(draft, event.vhost, event.message)["status"] = "delivered"


def acknowledged(draft: Draft, record: Record, event: e.Acknowledged) -> None:
    if event.stays:
        edit_channel(draft, event.connection, event.channel)["unacked"] -= 1
        return
    take_out(draft, event.vhost, event.queue, event.message)
    tell_message(draft, event.vhost, event.message, event.queue, "acknowledged")


def rejected(draft: Draft, record: Record, event: e.Rejected) -> None:
    """What becomes of the copy is told by a later record: Requeued, Discarded or DeadLettered. One that is not to
    go back counts as unacked no more, and may be buried a little later.
    """
    if not event.requeue:
        take_out(draft, event.vhost, event.queue, event.message)
    tell_message(draft, event.vhost, event.message, event.queue, "rejected")


def requeued(draft: Draft, record: Record, event: e.Requeued) -> None:
    take_out(draft, event.vhost, event.queue, event.message)
    put_in(draft, event.vhost, event.queue, event.message, redelivered=True, position=event.position)
    tell_message(draft, event.vhost, event.message, event.queue, "ready")


def discarded(draft: Draft, record: Record, event: e.Discarded) -> None:
    """A stream loses its oldest messages, and those that stay keep their offsets."""
    lose(draft, event.vhost, event.queue, event.message, event.reason)
    queue = draft.edit(keys.queue_key(event.vhost, event.queue))
    if queue is not None and argument(queue["arguments"], "x-queue-type") == "stream":
        queue["first"] += 1


def purged(draft: Draft, record: Record, event: e.QueuePurged) -> None:
    for message in event.messages:
        lose(draft, event.vhost, event.queue, message, "purged")


def dead_lettered(draft: Draft, record: Record, event: e.DeadLettered) -> None:
    """Not lost: it goes on as a new message with the same body, and lives as long as it likes (DLX-06)."""
    take_out(draft, event.vhost, event.queue, event.message)
    queue = draft.edit(keys.queue_key(event.vhost, event.queue))
    if queue is not None and queue["dead_letter_exchange"] is None:
        queue["dead_letter_exchange"] = event.exchange  # a policy from before the recording
    let_go(draft, event.successor)
    draft.drop(keys.lost_key(event.message, event.queue))
    old = edit_message(draft, event.vhost, event.message)
    next_life = name_of_next(old["label"])
    tell_message(draft, event.vhost, event.message, event.queue, f"dead-lettered as {next_life}")
    edit_message(draft, event.vhost, event.successor).update(
        label=next_life,
        exchange=event.exchange,
        routing_key=event.routing_key,
        properties={name: text for name, text in old["properties"].items() if name != "expiration"},
        **{field: old[field] for field in ("size", "body", "persistent", "priority", "publisher", "channel")},
    )


def lose(draft: Draft, vhost: str, queue: str, message: int, reason: str) -> None:
    """A copy ends without an acknowledgement."""
    take_out(draft, vhost, queue, message)
    if not tell_message(draft, vhost, message, queue, f"lost: {reason}").startswith("dead-lettered"):
        draft.put(keys.lost_key(message, queue), {"reason": reason})


def tell_message(draft: Draft, vhost: str, message: int, queue: str, news: str) -> str:
    """Write down what became of the copy in `queue`; return what was written there before."""
    let_go(draft, message)
    entity = edit_message(draft, vhost, message)
    before: str = entity["where"].get(queue, "")
    if before.startswith("dead-lettered") and news.startswith("lost"):
        return before
    where = entity["where"] = {**entity["where"], queue: news}
    states = where.values()
    entity["status"] = "unacked" if "unacked" in states else "ready" if "ready" in states else news
    return before


# --- copies and lines ------------------------------------------------------------------------------------


def new_copy(state: str, redelivered: bool) -> dict[str, Any]:
    holder = {"connection": None, "channel": None, "delivery_tag": None, "consumer": None}
    return {"state": state, "redelivered": redelivered, "held_in_tx": "", **holder, **LINKS}


LINKS = {name: None for line in (READY, HOLDING, SETTLING) for name in (line.before, line.after)}


def place_in_queue(vhost: str, queue: str, line: Line) -> Place:
    key = keys.queue_key(vhost, queue)
    return Place(key, line, f"copy/{key[len('queue/') :]}/")


def put_in(draft: Draft, vhost: str, queue: str, message: int, *, redelivered: bool, position: int) -> None:
    """A copy joins the ready line."""
    draft.put(keys.copy_key(vhost, queue, message), new_copy("ready", redelivered))
    edit_queue(draft, vhost, queue)["total"] += 1
    join(draft, place_in_queue(vhost, queue, READY), message, position)


def take_out(draft: Draft, vhost: str, queue: str, message: int) -> None:
    """A copy leaves every line it stands in; nothing happens if there is no such copy."""
    key = keys.copy_key(vhost, queue, message)
    copy = draft.get(key)
    if copy is None:
        return
    line = READY if copy["state"] == "ready" else UNACKED
    leave(draft, place_in_queue(vhost, queue, line), message)
    if copy["consumer"] is not None:
        leave(draft, Place(copy["consumer"], HOLDING, key[: key.rindex("/") + 1]), message)
    unsettle(draft, key)
    if line is UNACKED:
        channel = draft.edit(keys.channel_key(copy["connection"], copy["channel"]))
        if channel is not None and channel["unacked"]:
            channel["unacked"] -= 1
    owner = draft.edit(keys.queue_key(vhost, queue))
    if owner is not None:
        owner["total"] -= 1
    draft.drop(key)


def release_holdings(draft: Draft, consumer_key: str) -> None:
    """A consumer leaves: the copies it held are its channel's, and in no consumer's hand."""
    consumer = draft.get(consumer_key)
    if consumer is None:
        return
    member = consumer["holding"][0] if consumer["holding"] else None
    while member is not None:
        copy = draft.edit(keys.copy_key(consumer["vhost"], consumer["queue"], member))
        if copy is None:
            return
        member = copy["held_after"]
        copy.update(consumer=None, held_before=None, held_after=None)


def empty_queue(draft: Draft, vhost: str, queue: str, reason: str) -> None:
    """A queue goes: so does every copy that no record has taken out of it."""
    owner = draft.get(keys.queue_key(vhost, queue))
    for line in (READY, UNACKED):
        while owner is not None and owner[line.name]:
            lose(draft, vhost, queue, owner[line.name][0], reason)
            owner = draft.get(keys.queue_key(vhost, queue))


# --- confirms --------------------------------------------------------------------------------------------


def edit_confirms(draft: Draft, connection: str, channel: int) -> dict[str, Any]:
    key = keys.confirm_key(connection, channel)
    return draft.edit(key) or draft.put(
        key, {"outstanding": [], "count": 0, "ranges": [], "positive": 0, "negative": 0}
    )


def expect_confirm(draft: Draft, connection: str, channel: int, sequence: int) -> None:
    """The broker took the publish with this number and owes a confirm."""
    confirms = edit_confirms(draft, connection, channel)
    ranges = confirms["ranges"]
    if ranges and ranges[-1][1] + 1 == sequence:
        set_ranges(confirms, [*ranges[:-1], [ranges[-1][0], sequence]])
    elif not ranges or ranges[-1][1] < sequence:
        set_ranges(confirms, [*ranges, [sequence, sequence]])


def confirmed(draft: Draft, record: Record, event: e.Confirmed) -> None:
    confirms = edit_confirms(draft, event.connection, event.channel)
    before = confirms["count"]
    first = 0 if event.multiple else event.sequence
    rest: list[list[int]] = []
    for low, high in confirms["ranges"]:
        if low < first:
            rest.append([low, min(high, first - 1)])
        if high > event.sequence:
            rest.append([max(low, event.sequence + 1), high])
    set_ranges(confirms, rest)
    confirms["positive" if event.positive else "negative"] += before - confirms["count"]


def set_ranges(confirms: dict[str, Any], ranges: list[list[int]]) -> None:
    outstanding: list[int] = []
    for low, high in ranges:
        outstanding.extend(range(low, min(high, low + SHOWN - len(outstanding) - 1) + 1))
        if len(outstanding) >= SHOWN:
            break
    count = sum(high - low + 1 for low, high in ranges)
    confirms.update(outstanding=outstanding, count=count, ranges=ranges)


HANDLERS: dict[type[e.Event], Callable[[Draft, Record, Any], None]] = {
    e.Published: published,
    e.Routed: routed,
    e.Unroutable: unroutable,
    e.PublishRefused: refused,
    e.Returned: returned,
    e.Enqueued: enqueued,
    e.Delivered: delivered,
    e.Replied: replied,
    e.Acknowledged: acknowledged,
    e.Rejected: rejected,
    e.SettlementHeld: settlement_held,
    e.TransactionEnded: transaction_ended,
    e.Requeued: requeued,
    e.Discarded: discarded,
    e.QueuePurged: purged,
    e.DeadLettered: dead_lettered,
    e.Confirmed: confirmed,
}
