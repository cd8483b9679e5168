"""Sentences for what the broker does with connections and channels.

Theory
------
See :mod:`amqplab.trace.narrate`. A connection is spoken of by the client at its other end, a channel as a lane of
that connection: a conversation of its own, with a window and a mode of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amqplab.trace import events as e
from amqplab.trace.context import Context
from amqplab.trace.keys import client_host
from amqplab.trace.names import as_start, party
from amqplab.trace.narrate_link import sentence_end
from amqplab.trace.recorder import Record
from amqplab.trace.words import count, quoted

__all__ = ["IN_CONTEXT", "SENTENCES"]


def authenticated(record: Record, event: e.ConnectionAuthenticated, known: Context) -> str:
    user, how = quoted(event.user), event.mechanism
    reason = LOGIN_WORDS.get(how, f"{how} has said who it is")
    return f"The broker lets {known.names.client(event.connection)} log in as user {user}, because {reason}."


PASSWORD = "the name and the password that the client sent are right"
LOGIN_WORDS = {
    "PLAIN": f"{PASSWORD} (PLAIN)",
    "AMQPLAIN": f"{PASSWORD} (AMQPLAIN)",
    "RABBIT-CR-DEMO": "its answer to the broker's question is right (RABBIT-CR-DEMO)",
    "EXTERNAL": "TLS has checked the certificate that names it (EXTERNAL)",
}


def tuned(record: Record, event: e.ConnectionTuned, known: Context) -> str:
    channels = f"at most {event.channel_max} channels" if event.channel_max else "any number of channels"
    frames = f"frames of at most {event.frame_max} bytes" if event.frame_max else "frames of any size"
    connection = known.names.connection(event.connection)
    limits = f"Client and broker agree on limits for {connection}: {channels}, {frames}"
    if not event.heartbeat_s:
        return f"{limits}, no heartbeats."
    beats = f"each end sends something about every {event.heartbeat_s / 2:g} s, a heartbeat if nothing else"
    end = "and is taken for dead after two silent timeouts in a row"
    return f"{limits}, a heartbeat timeout of {event.heartbeat_s} s: {beats}, {end}."


def connection_opened(record: Record, event: e.ConnectionOpened, known: Context) -> str:
    vhost, user = quoted(event.vhost), quoted(event.user)
    connection = known.names.connection(event.connection)
    return f"The broker opens virtual host {vhost} to {connection}, because user {user} may use it."


def connection_closing(record: Record, event: e.ConnectionClosing, known: Context) -> str:
    words = sentence_end(f"{event.code} {event.text}".strip())
    connection = known.names.connection(event.connection)
    if event.by == "client":
        return f"{known.names.client(event.connection)} asks to close its connection: {words}"
    return f"The broker closes {connection} because of {words}"


def connection_closed(record: Record, event: e.ConnectionClosed, known: Context) -> str:
    connection = known.names.connection(event.connection)
    return f"The broker forgets {connection}{known.company(record.seq)}: {sentence_end(event.reason)}"


def channel_opened(record: Record, event: e.ChannelOpened, known: Context) -> str:
    lane = known.names.lane(event.connection, event.channel)
    return f"The broker opens {lane}, because the client asked for a conversation of its own."


def channel_closing(record: Record, event: e.ChannelClosing, known: Context) -> str:
    if event.by == "client":
        who = known.names.client(event.connection)
        return f"{who} asks to close channel {event.channel}; its connection stays open."
    lane = known.names.lane(event.connection, event.channel)
    problem = sentence_end(f"{event.code} {event.text}")
    return f"The broker closes {lane}, but not the connection, because of {problem}"


def channel_closed(record: Record, event: e.ChannelClosed, known: Context) -> str:
    lane = known.names.lane(event.connection, event.channel)
    return f"C{lane[1:]} is gone, so its number is free again."


def prefetch_set(record: Record, event: e.PrefetchSet, known: Context) -> str:
    whose = "all consumers of the channel together" if event.shared else "each new consumer of the channel"
    lane = known.names.lane(event.connection, event.channel)
    if not event.count:
        return f"On {lane} the broker may send any number of unacknowledged messages to {whose}."
    limit = count(event.count, "unacknowledged message")
    return f"On {lane} the broker will send at most {limit} ahead to {whose}."


def mode_selected(record: Record, event: e.ModeSelected, known: Context) -> str:
    lane = known.names.lane(event.connection, event.channel)
    if event.mode == "confirm":
        return f"The broker will confirm every publish on {lane}, numbered from 1."
    return f"C{lane[1:]} is now transactional: what it publishes and acknowledges waits for tx.commit."


def transaction_ended(record: Record, event: e.TransactionEnded, known: Context) -> str:
    done = "has done" if event.outcome == "committed" else "drops"
    lane = known.names.lane(event.connection, event.channel)
    return f"The transaction of {lane} is {event.outcome}: the broker {done} what was said in it."


def heartbeat_missed(record: Record, event: e.HeartbeatMissed, known: Context) -> str:
    if record.where == client_host(event.connection):
        who = as_start(party(record.where))
        return f"{who} has read nothing for two heartbeat timeouts, so it takes broker or network for dead."
    client = known.names.client(event.connection)
    if event.missed < 2:
        return (
            f"The broker has read nothing from {client} for one whole heartbeat timeout; after two in a row it "
            "takes the client for dead."
        )
    return (
        f"The broker has read nothing from {client} for two whole heartbeat timeouts in a row, so it takes the "
        "client for dead."
    )


def blocked(record: Record, event: e.ConnectionBlocked, known: Context) -> str:
    client = known.names.client(event.connection)
    return f"The broker stops reading from publisher {client}, because of an alarm: {event.reason}."


def unblocked(record: Record, event: e.ConnectionUnblocked, known: Context) -> str:
    return f"All alarms are over, so the broker reads from {known.names.client(event.connection)} again."


def alarm_changed(record: Record, event: e.AlarmChanged) -> str:
    if event.active:
        return f"The broker runs short of {event.resource}: it sets an alarm and will stop its publishers."
    return f"The broker has enough {event.resource} again, so it clears the alarm."


SENTENCES: dict[type[e.Event], Callable[[Record, Any], str]] = {
    e.AlarmChanged: alarm_changed,
}

IN_CONTEXT: dict[type[e.Event], Callable[[Record, Any, Context], str]] = {
    e.ConnectionAuthenticated: authenticated,
    e.ConnectionTuned: tuned,
    e.ConnectionOpened: connection_opened,
    e.ConnectionClosing: connection_closing,
    e.ConnectionClosed: connection_closed,
    e.ChannelOpened: channel_opened,
    e.ChannelClosing: channel_closing,
    e.ChannelClosed: channel_closed,
    e.PrefetchSet: prefetch_set,
    e.ModeSelected: mode_selected,
    e.TransactionEnded: transaction_ended,
    e.HeartbeatMissed: heartbeat_missed,
    e.ConnectionBlocked: blocked,
    e.ConnectionUnblocked: unblocked,
}
"""Sentences that say more where the records around them are known."""
