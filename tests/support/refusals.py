"""What RabbitMQ answers to each mistake: the one table that every client library's tests are held against.

Theory
------
A client library turns ``channel.close`` and ``connection.close`` into exceptions of its own, but code and
text in them are the broker's. So there is one table of mistakes, by the number of the behaviour that they
provoke, and each library's tests add only how *that* library makes the mistake and what it raises.

``{name}`` is the name of the exchange, queue or consumer in question, different for each run of a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["AE", "IN_THE_SAME_WORDS", "LOGIN_REFUSED", "REFUSALS", "SHUTDOWN", "Refusal"]


class Refusal(NamedTuple):
    """How far the mistake reaches ("channel" or "connection"), the reply code, and the reply text."""

    closes: str
    code: int
    text: str

    def about(self, name: str) -> str:
        """The text, for one name."""
        return self.text.replace("{name}", name)


def soft(code: int, text: str) -> Refusal:
    return Refusal("channel", code, text)


def hard(code: int, text: str) -> Refusal:
    return Refusal("connection", code, text)


def inequivalent(kind: str, field: str, rest: str) -> Refusal:
    return soft(
        406, f"PRECONDITION_FAILED - inequivalent arg '{field}' for {kind} '{{name}}' in vhost '/': {rest}"
    )


def received(new: str, current: str) -> str:
    return f"received '{new}' but current is '{current}'"


LOGIN_REFUSED = (
    "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
    "For details see the broker logfile."
)
SHUTDOWN = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
NO_EXCHANGE = "NOT_FOUND - no exchange '{name}' in vhost '/'"
NO_QUEUE = "NOT_FOUND - no queue '{name}' in vhost '/'"
DEFAULT_EXCHANGE = "ACCESS_REFUSED - operation not permitted on the default exchange"
LOCKED = (
    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{name}' in vhost '/'. It could be "
    "originally declared on another connection or the exclusive property value does not match that of the "
    "original declaration."
)
UNIMPLEMENTED = "COMMAND_INVALID - unimplemented method"
IN_STATE_RUNNING = "CHANNEL_ERROR - unexpected method in connection state running"
NOT_TRANSACTIONAL = "PRECONDITION_FAILED - channel is not transactional"
EXCLUSIVE_USE = "ACCESS_REFUSED - queue '{name}' in vhost '/' in exclusive use"

REFUSALS: dict[str, Refusal] = {
    "CONN-38": hard(504, IN_STATE_RUNNING),
    "CONN-39": hard(504, IN_STATE_RUNNING),
    "CONN-40": hard(503, UNIMPLEMENTED),
    "CONN-41": hard(503, UNIMPLEMENTED),
    "CONN-42": hard(
        530, "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)"
    ),
    "CONN-46": hard(541, "INTERNAL_ERROR"),
    "CODEC-16": hard(
        505, "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead"
    ),
    "CHAN-02": hard(504, "CHANNEL_ERROR - expected 'channel.open'"),
    "CHAN-03": hard(504, "CHANNEL_ERROR - second 'channel.open' seen"),
    "CHAN-06": hard(503, UNIMPLEMENTED),
    "CHAN-16": hard(540, "NOT_IMPLEMENTED - active=false"),
    "CHAN-20": soft(404, "NOT_FOUND - no previously declared queue"),
    "EXCH-03 type": inequivalent("exchange", "type", received("fanout", "direct")),
    "EXCH-03 durable": inequivalent("exchange", "durable", received("true", "false")),
    "EXCH-03 auto_delete": inequivalent("exchange", "auto_delete", received("true", "false")),
    "EXCH-03 internal": inequivalent("exchange", "internal", received("true", "false")),
    "EXCH-05 new": inequivalent(
        "exchange",
        "alternate-exchange",
        "received the value 'amq.fanout' of type 'longstr' but current is none",
    ),
    "EXCH-05 missing": inequivalent(
        "exchange",
        "alternate-exchange",
        "received none but current is the value 'amq.fanout' of type 'longstr'",
    ),
    "EXCH-05 different": inequivalent("exchange", "alternate-exchange", received("amq.topic", "amq.fanout")),
    "EXCH-06": soft(
        406,
        "PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange '{name}' "
        "in vhost '/'",
    ),
    "EXCH-08": hard(503, "COMMAND_INVALID - unknown exchange type 'x-{name}'"),
    "EXCH-09": soft(404, NO_EXCHANGE),
    "EXCH-10 declare": soft(403, DEFAULT_EXCHANGE),
    "EXCH-10 passive": soft(403, DEFAULT_EXCHANGE),
    "EXCH-10 delete": soft(403, DEFAULT_EXCHANGE),
    "EXCH-11": soft(403, "ACCESS_REFUSED - exchange name 'amq.{name}' contains reserved prefix 'amq.*'"),
    "EXCH-12": soft(
        403, "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed"
    ),
    "EXCH-14": soft(406, "PRECONDITION_FAILED - exchange '{name}' in vhost '/' in use"),
    "EXCH-19": soft(403, "ACCESS_REFUSED - cannot publish to internal exchange '{name}' in vhost '/'"),
    "EXCH-20 bind": soft(403, DEFAULT_EXCHANGE),
    "EXCH-20 unbind": soft(403, DEFAULT_EXCHANGE),
    "EXCH-20 e2e": soft(403, DEFAULT_EXCHANGE),
    "EXCH-34": soft(
        406,
        'PRECONDITION_FAILED - Invalid x-match field value <<"some">>; '
        "expected all, any, all-with-x, or any-with-x",
    ),
    "EXCH-34 type": soft(
        406, "PRECONDITION_FAILED - Invalid x-match field type signedint (value 1); expected longstr"
    ),
    "EXCH-42 exchange": soft(404, NO_EXCHANGE),
    "EXCH-42 queue": soft(404, NO_QUEUE),
    "EXCH-42 e2e": soft(404, NO_EXCHANGE),
    "EXCH-45": soft(405, LOCKED),
    "QUEUE-03": soft(404, "NOT_FOUND - no queue '' in vhost '/'"),
    "QUEUE-04": soft(403, "ACCESS_REFUSED - queue name 'amq.{name}' contains reserved prefix 'amq.*'"),
    "QUEUE-06": soft(404, NO_QUEUE),
    "QUEUE-09 durable": inequivalent("queue", "durable", received("true", "false")),
    "QUEUE-09 auto_delete": inequivalent("queue", "auto_delete", received("true", "false")),
    "QUEUE-10": soft(405, LOCKED),
    "QUEUE-18 declare": soft(405, LOCKED),
    "QUEUE-18 passive": soft(405, LOCKED),
    "QUEUE-18 get": soft(405, LOCKED),
    "QUEUE-18 consume": soft(405, LOCKED),
    "QUEUE-18 purge": soft(405, LOCKED),
    "QUEUE-18 delete": soft(405, LOCKED),
    "QUEUE-25 purge": soft(404, NO_QUEUE),
    "QUEUE-25 get": soft(404, NO_QUEUE),
    "QUEUE-25 consume": soft(404, NO_QUEUE),
    "QUEUE-28": soft(406, "PRECONDITION_FAILED - queue '{name}' in vhost '/' in use"),
    "QUEUE-29": soft(406, "PRECONDITION_FAILED - queue '{name}' in vhost '/' not empty"),
    "BASIC-03": soft(404, NO_EXCHANGE),
    "BASIC-04": hard(540, "NOT_IMPLEMENTED - immediate=true"),
    "BASIC-08": soft(
        406, "PRECONDITION_FAILED - user_id property set to 'mallory' but authenticated user was 'guest'"
    ),
    "BASIC-09": soft(406, "PRECONDITION_FAILED - invalid expiration 'soon': no_integer"),
    "BASIC-10": soft(
        406, 'PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}'
    ),
    "BASIC-15": hard(530, "NOT_ALLOWED - attempt to reuse consumer tag '{name}'"),
    "BASIC-20 exclusive": soft(403, EXCLUSIVE_USE),
    "BASIC-20 other": soft(403, EXCLUSIVE_USE),
    "BASIC-23": soft(
        406,
        "PRECONDITION_FAILED - invalid arg 'x-priority' for queue '{name}' in vhost '/': "
        '"expected integer, got longstr"',
    ),
    "BASIC-37": hard(540, "NOT_IMPLEMENTED - prefetch_size!=0 (10)"),
    "BASIC-48 ack": soft(406, "PRECONDITION_FAILED - unknown delivery tag 7"),
    "BASIC-48 nack": soft(406, "PRECONDITION_FAILED - unknown delivery tag 7"),
    "BASIC-48 reject": soft(406, "PRECONDITION_FAILED - unknown delivery tag 7"),
    "BASIC-49": soft(406, "PRECONDITION_FAILED - unknown delivery tag 7"),
    "BASIC-50": soft(406, "PRECONDITION_FAILED - unknown delivery tag 0"),
    "BASIC-57": hard(540, "NOT_IMPLEMENTED - requeue=false"),
    "CONF-01": soft(406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode"),
    "TX-01": soft(406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode"),
    "TX-02 commit": soft(406, NOT_TRANSACTIONAL),
    "TX-02 rollback": soft(406, NOT_TRANSACTIONAL),
}

AE = "alternate-exchange"

IN_THE_SAME_WORDS: dict[str, Callable[[Any], object]] = {
    "CHAN-16": lambda s: s.channel.flow(False),
    "EXCH-03 durable": lambda s: s.exchange().exchange(durable=True),
    "EXCH-03 auto_delete": lambda s: s.exchange().exchange(auto_delete=True),
    "EXCH-05 new": lambda s: s.exchange().exchange(arguments={AE: "amq.fanout"}),
    "EXCH-05 missing": lambda s: s.exchange(arguments={AE: "amq.fanout"}).exchange(),
    "EXCH-05 different": lambda s: s.exchange(arguments={AE: "amq.fanout"}).exchange(
        arguments={AE: "amq.topic"}
    ),
    "EXCH-06": lambda s: s.exchange(arguments={AE: 5}),
    "EXCH-09": lambda s: s.exchange(passive=True),
    "EXCH-10 delete": lambda s: s.channel.exchange_delete(""),
    "EXCH-12": lambda s: s.channel.exchange_delete("amq.direct"),
    "EXCH-20 unbind": lambda s: s.queue().channel.queue_unbind(s.name, ""),
    "EXCH-20 e2e": lambda s: s.channel.exchange_bind("amq.fanout", ""),
    "EXCH-42 queue": lambda s: s.channel.queue_bind(s.name, "amq.direct"),
    "EXCH-42 e2e": lambda s: s.channel.exchange_bind("amq.fanout", s.name),
    "EXCH-45": lambda s: s.locked().queue_bind(s.name, "amq.direct"),
    "QUEUE-03": lambda s: s.channel.queue_declare("", passive=True),
    "QUEUE-04": lambda s: s.channel.queue_declare("amq." + s.name),
    "QUEUE-06": lambda s: s.queue(passive=True),
    "QUEUE-09 durable": lambda s: s.queue().queue(durable=True),
    "QUEUE-09 auto_delete": lambda s: s.queue().queue(auto_delete=True),
    "QUEUE-10": lambda s: s.queue().queue(exclusive=True),
    "QUEUE-18 declare": lambda s: s.locked().queue_declare(s.name, exclusive=True),
    "QUEUE-18 passive": lambda s: s.locked().queue_declare(s.name, passive=True),
    "QUEUE-18 get": lambda s: s.locked().basic_get(s.name),
    "QUEUE-18 purge": lambda s: s.locked().queue_purge(s.name),
    "QUEUE-18 delete": lambda s: s.locked().queue_delete(s.name),
    "QUEUE-25 purge": lambda s: s.channel.queue_purge(s.name),
    "QUEUE-25 get": lambda s: s.channel.basic_get(s.name),
    "TX-02 commit": lambda s: s.channel.tx_commit(),
    "TX-02 rollback": lambda s: s.channel.tx_rollback(),
}
"""Mistakes that pika and py-amqp make with calls of the same names, in a scene of their tests: `channel` is open,
`exchange` and `queue` declare one of the scene's `name`, `locked` makes it another's."""
