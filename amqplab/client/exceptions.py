"""The errors of a client, under pika's names too.

Theory
------
An AMQP error is the class of its reply code (:mod:`amqplab.errors`), on both sides of the wire. Two answers
of a broker to a publish have no such class, because they close nothing: a message that came back, and a
message that was refused. Both are raised only in confirm mode, where a publish has an answer.

pika has its own tree of exceptions. The names below are the nearest of ours, so that ``except`` clauses
written for pika mean the same here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amqplab.errors import AMQPError, ConnectionLost, HardError, SoftError, UsageError

__all__ = [
    "AMQPChannelError",
    "AMQPConnectionError",
    "AMQPError",
    "ChannelClosed",
    "ChannelClosedByBroker",
    "ChannelWrongStateError",
    "ConnectionClosed",
    "ConnectionClosedByBroker",
    "ConnectionLost",
    "ConnectionWrongStateError",
    "NackError",
    "ReturnedMessage",
    "StreamLostError",
    "UnroutableError",
    "UsageError",
]

ChannelClosed = ChannelClosedByBroker = AMQPChannelError = SoftError
ConnectionClosed = ConnectionClosedByBroker = HardError
StreamLostError = ConnectionLost
AMQPConnectionError = (HardError, ConnectionLost)
ChannelWrongStateError = ConnectionWrongStateError = ReentrancyError = UsageError


@dataclass(frozen=True)
class ReturnedMessage:
    """A message that came back: basic.return with its content."""

    method: Any
    properties: Any
    body: bytes


class UnroutableError(Exception):
    """A mandatory message reached no queue and came back (312 NO_ROUTE). ``messages`` holds it."""

    def __init__(self, messages: Sequence[ReturnedMessage]) -> None:
        super().__init__(messages)
        self.messages = messages

    def __str__(self) -> str:
        method = self.messages[0].method
        return (
            f"the message was returned: ({method.reply_code}) {method.reply_text}, exchange "
            f"{method.exchange!r}, routing key {method.routing_key!r}"
        )


class NackError(Exception):
    """The broker refused the message with basic.nack. ``messages`` holds it if it was returned as well."""

    def __init__(self, messages: Sequence[ReturnedMessage]) -> None:
        super().__init__(messages)
        self.messages = messages

    def __str__(self) -> str:
        return "the broker refused the message (basic.nack): a queue that it was routed to is full, or failed"
