"""Plain words for what the protocol names shortly: methods, TCP states, and the small change of language.

Theory
------
A method's name says what it is called; :data:`METHOD_WORDS` says what it does, as the rest of a sentence that
begins with "which …". The wording is the same whoever sends it, because a learner compares.
"""

from __future__ import annotations

__all__ = [
    "METHOD_WORDS",
    "TCP_STATE_WORDS",
    "count",
    "duration",
    "exchange_name",
    "listed",
    "messages_named",
    "numbered",
    "quoted",
]

METHOD_WORDS: dict[str, str] = {
    "connection.start": "tells who the broker is and which ways to log in it knows",
    "connection.start-ok": "tells who the client is and logs in",
    "connection.secure": "asks for the next part of the login",
    "connection.secure-ok": "gives the next part of the login",
    "connection.tune": "proposes limits: channels, frame size, heartbeat timeout",
    "connection.tune-ok": "settles the limits, none above the proposed ones, and the heartbeat as the client likes",
    "connection.open": "asks for a virtual host",
    "connection.open-ok": "says that the connection is ready for use",
    "connection.close": "ends the connection and says why",
    "connection.close-ok": "agrees to the end of the connection, so both ends may close TCP",
    "connection.blocked": "says that the broker lacks memory or disk space and reads no more publishes",
    "connection.unblocked": "says that the broker reads publishes again",
    "connection.update-secret": "renews the secret of the login",
    "connection.update-secret-ok": "says that the new secret is accepted",
    "channel.open": "opens the channel with this number",
    "channel.open-ok": "says that the channel is open",
    "channel.flow": "asks the other end to stop or to resume sending contents",
    "channel.flow-ok": "says whether contents are sent now",
    "channel.close": "ends the channel and says why",
    "channel.close-ok": "agrees to the end of the channel, so its number is free again",
    "access.request": "asks for an access ticket, which AMQP 0-9-1 no longer needs",
    "access.request-ok": "gives an access ticket, which AMQP 0-9-1 no longer needs",
    "exchange.declare": "asks that an exchange of this name and type exist",
    "exchange.declare-ok": "says that the exchange exists as asked",
    "exchange.delete": "asks that the exchange and its bindings be deleted",
    "exchange.delete-ok": "says that there is no such exchange any more",
    "exchange.bind": "asks that messages of one exchange also go to another, by a binding key",
    "exchange.bind-ok": "says that the binding exists",
    "exchange.unbind": "asks that a binding between two exchanges be removed",
    "exchange.unbind-ok": "says that there is no such binding any more",
    "queue.declare": "asks that a queue of this name and kind exist",
    "queue.declare-ok": "says that the queue exists, and how many messages and consumers it has",
    "queue.bind": "asks that messages of an exchange go to a queue, by a binding key",
    "queue.bind-ok": "says that the binding exists",
    "queue.purge": "asks that all ready messages of the queue be removed",
    "queue.purge-ok": "says how many messages were removed",
    "queue.delete": "asks that the queue be deleted with what is in it",
    "queue.delete-ok": "says that the queue is gone, and how many messages went with it",
    "queue.unbind": "asks that a binding of the queue be removed",
    "queue.unbind-ok": "says that there is no such binding any more",
    "basic.qos": "limits how many unacknowledged messages may be sent ahead",
    "basic.qos-ok": "says that the limit holds",
    "basic.consume": "asks that messages be pushed to this channel",
    "basic.consume-ok": "says that the consumer is registered under its consumer tag",
    "basic.cancel": "ends a consumer",
    "basic.cancel-ok": "says that the consumer is no longer registered",
    "basic.publish": "gives a message to an exchange, with the routing key to sort it by",
    "basic.return": "gives a mandatory message back, because no queue was to get it",
    "basic.deliver": "pushes a message to a consumer, under a delivery tag",
    "basic.get": "asks for one message of the queue",
    "basic.get-ok": "gives the message that was asked for, under a delivery tag",
    "basic.get-empty": "says that the queue has no message ready",
    "basic.ack": "acknowledges what its tag names, so the other end may forget it",
    "basic.reject": "refuses one delivery",
    "basic.nack": "refuses one delivery or several",
    "basic.recover-async": "asks for all unacknowledged messages again, without an answer",
    "basic.recover": "asks for all unacknowledged messages again",
    "basic.recover-ok": "says that the unacknowledged messages are back in their queues",
    "basic.credit": "grants credit to a consumer, an extension used inside RabbitMQ",
    "basic.credit-ok": "says how much is available for the credit",
    "basic.credit-drained": "says how much credit was left unused",
    "confirm.select": "asks the broker to confirm every publish on this channel",
    "confirm.select-ok": "says that publishes are numbered from 1 and confirmed from now on",
    "tx.select": "asks that publishes and acknowledgements take effect only at commit",
    "tx.select-ok": "says that the channel is transactional now",
    "tx.commit": "asks that everything since the last commit take effect",
    "tx.commit-ok": "says that everything has taken effect",
    "tx.rollback": "asks that everything since the last commit be dropped",
    "tx.rollback-ok": "says that everything was dropped",
    "protocol-header": "says which version of AMQP this end wants to speak",
    "heartbeat": "shows that this end is alive",
}

MOST_NAMED = 6

TCP_STATE_WORDS: dict[str, str] = {
    "CLOSED": "at this end the TCP connection is over",
    "LISTEN": "it waits for somebody to connect",
    "SYN-SENT": "it asks for a TCP connection and waits for the answer to its SYN",
    "SYN-RECEIVED": "it got a SYN, answers SYN|ACK, and waits for the ACK",
    "ESTABLISHED": "the three-way handshake is complete, so bytes may flow both ways",
    "FIN-WAIT-1": "it has nothing more to send, sends FIN, and waits for the ACK",
    "FIN-WAIT-2": "its FIN is acknowledged, so it waits for the other end's FIN",
    "CLOSE-WAIT": "it got the other end's FIN and has yet to close its own direction",
    "CLOSING": "both ends sent FIN at the same time, so it waits for the last ACK",
    "LAST-ACK": "it sends its own FIN and waits for the last ACK",
    "TIME-WAIT": "it waits, so that a late segment cannot disturb a later connection",
}
"""RFC 9293's states, each with what it means for the end that is in it."""

OPENED_WORDS = "it has the SYN|ACK, so it may send; its ACK completes the three-way handshake"
"""ESTABLISHED for the end that asked: the other one has still to hear (RFC 9293 section 3.5)."""


def quoted(name: str) -> str:
    """A name in quotes."""
    return f"'{name}'"


def exchange_name(name: str) -> str:
    """An exchange as the subject or object of a sentence."""
    return f"exchange {quoted(name)}" if name else "default exchange"


def count(number: int, noun: str) -> str:
    """ "1 byte", "2 bytes"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: tuple[str, ...]) -> str:
    """ "'a'", "'a' and 'b'", "'a', 'b' and 'c'"."""
    quotes = [quoted(name) for name in names]
    return " and ".join([", ".join(quotes[:-1]), quotes[-1]] if len(quotes) > 1 else quotes)


def messages_named(numbers: tuple[int, ...]) -> str:
    """ "message 1", "messages 1 and 2", "messages 1 to 4"."""
    return numbered("message", numbers)


def numbered(noun: str, numbers: tuple[int, ...], ending: str = "s") -> str:
    """ "segment 1", "segments 1 and 2", "segments 1 to 4"."""
    if len(numbers) == 1:
        return f"{noun} {numbers[0]}"
    if len(numbers) > 2 and numbers == tuple(range(numbers[0], numbers[-1] + 1)):
        return f"{noun}{ending} {numbers[0]} to {numbers[-1]}"
    some = [str(number) for number in numbers]
    if len(some) > MOST_NAMED:
        some = [*some[: MOST_NAMED - 1], f"{len(some) - MOST_NAMED + 1} more"]
    return f"{noun}{ending} {', '.join(some[:-1])} and {some[-1]}"


def duration(nanoseconds: int) -> str:
    """A time in the largest unit that leaves a whole part, exact: "200 ms", "1.5 s"."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)):
        if nanoseconds >= size:
            whole, rest = divmod(nanoseconds, size)
            decimals = f"{rest:0{len(str(size)) - 1}d}".rstrip("0") if rest else ""
            return f"{whole}.{decimals} {unit}" if decimals else f"{whole} {unit}"
    return f"{nanoseconds} ns" if nanoseconds else "0 s"
