"""What may arrive when: the client's legality tables.

Theory
------
A protocol is mostly a question of *order*. Here the order is a table, one row per (state, method), so that it
can be read, drawn and tested, and the machine only looks things up::

    connection                                        channel

    START ---- start, send start-ok --> AUTH          (open) --> OPENING --- open-ok ----> OPEN
    AUTH ----- secure, send secure-ok -> AUTH         OPEN ----- we send close ----------> CLOSING
    AUTH ----- tune, send tune-ok, open -> OPENING    CLOSING -- close-ok ---------------> CLOSED
    OPENING -- open-ok ---------------> OPEN          any ------ close, send close-ok ---> CLOSED
    OPEN ----- we send close ---------> CLOSING       CLOSING -- close, send close-ok ---> CLOSING (*)
    CLOSING -- close-ok --------------> CLOSED
    any ------ close, send close-ok --> CLOSED

(*) Both sides may close at the same time (CHAN-08, CONN-59): each answers the other's close with close-ok,
and the channel number is free only when our own close-ok has come.

A method that has no row is the broker's mistake: the client closes the connection with 503 COMMAND_INVALID.
While a channel is CLOSING, whatever else arrives was on its way before the broker saw our close; it is
dropped.
"""

from __future__ import annotations

from enum import Enum

from amqplab.wire.methods import Basic, Channel, Connection, Method

__all__ = [
    "CHANNEL_TRANSITIONS",
    "CONNECTION_TRANSITIONS",
    "UNASKED",
    "ChannelState",
    "ConnectionState",
    "likely_reason",
]


class ConnectionState(Enum):
    """Where a connection is, seen from the client."""

    IDLE = "not connected"
    START = "waiting for connection.start"
    AUTH = "waiting for connection.tune"
    OPENING = "waiting for connection.open-ok"
    OPEN = "open"
    CLOSING = "waiting for connection.close-ok"
    CLOSED = "closed"


class ChannelState(Enum):
    """Where a channel is, seen from the client."""

    OPENING = "waiting for channel.open-ok"
    OPEN = "open"
    CLOSING = "waiting for channel.close-ok"
    CLOSED = "closed"


_C = ConnectionState
_H = ChannelState

CONNECTION_TRANSITIONS: dict[tuple[ConnectionState, type[Method]], ConnectionState] = {
    (_C.START, Connection.Start): _C.AUTH,
    (_C.AUTH, Connection.Secure): _C.AUTH,
    (_C.AUTH, Connection.Tune): _C.OPENING,
    (_C.OPENING, Connection.OpenOk): _C.OPEN,
    (_C.OPEN, Connection.Blocked): _C.OPEN,
    (_C.OPEN, Connection.Unblocked): _C.OPEN,
    (_C.OPEN, Connection.UpdateSecretOk): _C.OPEN,
    (_C.START, Connection.Close): _C.CLOSED,
    (_C.AUTH, Connection.Close): _C.CLOSED,
    (_C.OPENING, Connection.Close): _C.CLOSED,
    (_C.OPEN, Connection.Close): _C.CLOSED,
    (_C.CLOSING, Connection.Close): _C.CLOSING,
    (_C.CLOSING, Connection.CloseOk): _C.CLOSED,
    (_C.CLOSING, Connection.Blocked): _C.CLOSING,
    (_C.CLOSING, Connection.Unblocked): _C.CLOSING,
    (_C.CLOSING, Connection.UpdateSecretOk): _C.CLOSING,
}

CHANNEL_TRANSITIONS: dict[tuple[ChannelState, type[Method]], ChannelState] = {
    (_H.OPENING, Channel.OpenOk): _H.OPEN,
    (_H.OPENING, Channel.Close): _H.CLOSED,
    (_H.OPEN, Channel.Close): _H.CLOSED,
    (_H.CLOSING, Channel.Close): _H.CLOSING,
    (_H.CLOSING, Channel.CloseOk): _H.CLOSED,
}

UNASKED: frozenset[type[Method]] = frozenset(
    {Basic.Deliver, Basic.Return, Basic.Ack, Basic.Nack, Basic.Cancel, Channel.Flow}
)
"""What may come on an open channel at any time, between a request and its reply too (CLIENT-04)."""


def likely_reason(state: ConnectionState, url: str, told: str) -> str:
    """Why the broker hung up in this state. RabbitMQ refuses a handshake without a word (CONN-16, CONN-27),
    so the state is all there is to go by; `told` is what the operating system says.
    """
    told = f" ({told})" if told else ""
    match state:
        case ConnectionState.START:
            return f"The server at {url} hung up at once{told}: is it an AMQP broker?"
        case ConnectionState.AUTH:
            return (
                f"The broker hung up during login{told}. The user name or password is probably wrong, or "
                "the user may not log in from another machine (guest may not)."
            )
        case ConnectionState.OPENING:
            return f"The broker hung up during the handshake{told}: it refused one of the limits."
        case _:
            return f"The connection to {url} was lost{told}."
