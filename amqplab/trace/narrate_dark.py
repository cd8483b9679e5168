"""Sentences for what a machine loses with its power.

Theory
------
A machine without power does nothing. What is recorded there while it has none is no act of its programs: it says
what went with the memory, and what of that a disk has kept. So nothing is closed, taken back or deleted by anybody,
and nobody at the other ends knows of it. What a segment meets that comes there is told as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.context import Context
from amqplab.trace.names import party
from amqplab.trace.recorder import Record
from amqplab.trace.words import exchange_name, messages_named, quoted

__all__ = ["IN_THE_DARK", "kept", "lost"]


def tcp_gone(record: Record, event: e.TcpStateChanged, known: Context) -> str:
    machine = f"the machine of {party(record.where)}"
    return f"Without power {machine} has lost its end of the TCP connection, and says nothing."


def transaction_gone(record: Record, event: e.TransactionEnded, known: Context) -> str:
    lane = known.names.lane(event.connection, event.channel)
    return f"The transaction of {lane} is lost with the power: what was said in it never takes effect."


def channel_gone(record: Record, event: e.ChannelClosed, known: Context) -> str:
    lane, client = known.names.lane(event.connection, event.channel), known.names.client(event.connection)
    return f"What the broker knew of {lane} is lost with the power, and {client} is not told."


def connection_gone(record: Record, event: e.ConnectionClosed, known: Context) -> str:
    connection, client = known.names.connection(event.connection), known.names.client(event.connection)
    return f"What the broker knew of {connection} is lost with the power, and {client} is not told."


def consumer_gone(record: Record, event: e.ConsumerRemoved, known: Context) -> str:
    consumer = known.names.consumer(event.connection, event.channel, event.consumer_tag)
    wish = f"{consumer} wants messages of queue {quoted(event.queue)}"
    return f"That {wish} is forgotten with the power; nobody tells it."


def queue_gone(record: Record, event: e.QueueDeleted, known: Context) -> str:
    queue = f"queue {quoted(event.queue)}"
    return f"The {queue} is lost with the power{company_words(record, known)}: {ON_NO_DISK}."


def exchange_gone(record: Record, event: e.ExchangeDeleted, known: Context) -> str:
    why = "nothing is bound to it any more" if event.reason == "auto-delete" else ON_NO_DISK
    exchange = f"exchange {quoted(event.exchange)}"
    return f"The {exchange} is lost with the power{company_words(record, known)}: {why}."


def company_words(record: Record, known: Context) -> str:
    """What goes with it, if anything does."""
    those = known.company(record.seq)
    return f",{those}" if those else ""


def binding_gone(record: Record, event: e.Unbound, known: Context) -> str:
    target, source = f"{event.kind} {quoted(event.destination)}", exchange_name(event.source)
    return f"The binding of {source} to {target} is lost with the power: {ON_NO_DISK}."


def copy_kept(record: Record, event: e.Requeued, known: Context) -> str:
    return kept(event.queue, (event.message,))


def kept(queue: str, messages: tuple[int, ...]) -> str:
    """Of messages that somebody held and that a disk has, too."""
    those, many = messages_named(messages).capitalize(), len(messages) > 1
    there = "are still on the broker's disk, and they" if many else "is still on the broker's disk, and it"
    return f"{those} in queue {quoted(queue)} {there} will count as redelivered."


def copy_gone(record: Record, event: e.Discarded, known: Context) -> str:
    return lost(event.queue, (event.message,))


def lost(queue: str, messages: tuple[int, ...]) -> str:
    """Of messages that no disk has."""
    why = "they were on no disk" if len(messages) > 1 else ON_NO_DISK
    return f"Queue {quoted(queue)} loses {messages_named(messages)} with the power: {why}."


def alarm_gone(record: Record, event: e.AlarmChanged, known: Context) -> str:
    return f"That the broker runs short of {event.resource} is forgotten with the power."


ON_NO_DISK = "it was on no disk"

IN_THE_DARK: dict[type[e.Event], Callable[[Record, Any, Context], str]] = {
    e.TcpStateChanged: tcp_gone,
    e.TransactionEnded: transaction_gone,
    e.ChannelClosed: channel_gone,
    e.ConnectionClosed: connection_gone,
    e.ConsumerRemoved: consumer_gone,
    e.QueueDeleted: queue_gone,
    e.ExchangeDeleted: exchange_gone,
    e.Unbound: binding_gone,
    e.Requeued: copy_kept,
    e.Discarded: copy_gone,
    e.AlarmChanged: alarm_gone,
}
"""All that may be recorded at a machine without power, but for what reaches it."""
