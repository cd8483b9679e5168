"""Channel 0: frames that concern the connection itself.

Theory
------
On channel 0 there is no content and no channel to close: the handshake at the start, the close handshake at the
end, heartbeats between. Which method is legal when depends on the connection's state (``states.CONNECTION``); what
it does is in :mod:`amqplab.broker.handshake`.

Here RabbitMQ is at its least forgiving. What it cannot make sense of ends the connection, in ways that differ by
what went wrong inside: a frame in the wrong place has a code of its own, arguments that cannot be read are a bare
541, and a method that does not exist takes the process with it, so the client hears only the reset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqplab.broker import handshake
from amqplab.broker.decoding import check_text
from amqplab.broker.registry import CONNECTION_HANDLERS
from amqplab.broker.states import CONNECTION
from amqplab.errors import AMQPError, ChannelError, FrameError, InternalError, UnexpectedFrame
from amqplab.wire import methods
from amqplab.wire.erlang import frame_snippet
from amqplab.wire.errors import DecodeError, UnknownMethod
from amqplab.wire.frames import (
    FRAME_BODY,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    FRAME_PROTOCOL_HEADER,
)

if TYPE_CHECKING:
    from amqplab.broker.session import Session

__all__ = ["control", "is_channel_frame", "is_heartbeat"]


def control(session: Session, kind: int, payload: bytes) -> None:
    """A frame on channel 0."""
    if kind == FRAME_METHOD and len(payload) >= 4:
        _method(session, payload)
    elif kind == FRAME_PROTOCOL_HEADER and session.state == "pre_init":
        handshake.begin(session, payload)
    elif is_heartbeat(kind, payload) or CONNECTION[session.state].otherwise.wrong_method == "ignore":
        return
    elif kind in (FRAME_HEADER, FRAME_BODY) and is_channel_frame(kind, payload):
        session.fail(UnexpectedFrame(frame_snippet(kind, payload)))
    else:
        session.fail(FrameError(f"{frame_snippet(kind, payload)}: unknown_frame"))


def _method(session: Session, payload: bytes) -> None:
    rules = CONNECTION[session.state]
    if rules.otherwise.wrong_method == "ignore" and not rules.methods:
        return
    try:
        method = methods.decode_method(payload)
    except UnknownMethod:
        session.abort("unknown method")
        return
    except DecodeError:  # inside RabbitMQ an error of another shape: the bare 541, and none before open-ok
        if session.state == "opening":
            session.silence("undecodable method")
        else:
            session.fail(InternalError())
        return
    try:
        check_text(method)
        if method.name in rules.methods:
            CONNECTION_HANDLERS[type(method)](session, method)
        elif rules.otherwise.wrong_method != "ignore":
            raise ChannelError(f"unexpected method in connection state {session.state}")
    except AMQPError as error:
        if not error.class_id:
            error.class_id, error.method_id = method.ids
        session.fail(error)


def is_heartbeat(kind: int, payload: bytes) -> bool:
    return kind == FRAME_HEARTBEAT and not payload


def is_channel_frame(kind: int, payload: bytes) -> bool:
    """A method, header or body frame that is at least long enough to be one (CODEC-09)."""
    if kind == FRAME_METHOD:
        return len(payload) >= 4
    if kind == FRAME_HEADER:
        return len(payload) >= 12
    return kind == FRAME_BODY
