"""One class per AMQP reply code, and one for local misuse.

Theory
------
AMQP 0-9-1 has exactly one way of saying no: *closing*. A **soft** error closes the channel, a **hard**
error closes the whole connection; both carry a reply code, a reply text, and the class and method id of
the method that caused it (0/0 when no method did). There is no "error reply" to a single request.

So an error here *is* its reply code. The broker raises ``NotFound("no queue 'q' in vhost '/'")``; one place
turns it into ``channel.close(404, "NOT_FOUND - no queue …")``; the client raises the same class again from
what it read. An error has one name on both sides of the wire.

What never reached the wire has another name: :class:`UsageError` is the caller's own mistake, raised before
a byte is sent. And incomplete input is no error at all: a parser simply waits.

Source: AMQP 0-9-1 section 1.2 (reply codes); texts as RabbitMQ 3.10 writes them (REF-01 … REF-06).
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BY_CODE",
    "AMQPError",
    "AMQPNotImplemented",
    "AMQPSyntaxError",
    "AccessRefused",
    "ChannelError",
    "CommandInvalid",
    "ConnectionForced",
    "ConnectionLost",
    "ContentTooLarge",
    "FrameError",
    "HardError",
    "InternalError",
    "InvalidPath",
    "NoConsumers",
    "NoRoute",
    "NotAllowed",
    "NotFound",
    "PreconditionFailed",
    "ResourceError",
    "ResourceLocked",
    "SoftError",
    "UnexpectedFrame",
    "UsageError",
    "error_for",
]

MAX_REPLY_TEXT = 255  # a reply text is a shortstr; longer ones are cut to 252 octets plus "..." (CODEC-36)


class UsageError(Exception):
    """A local mistake, found before any byte was sent. The text says what to do instead."""


class ConnectionLost(Exception):
    """The transport ended without an AMQP close: a reset, a silent peer, a cut link."""


class AMQPError(Exception):
    """An error that AMQP has a reply code for.

    ``detail`` is the part after ``NAME - ``; empty for the few texts that are the bare name (REF-04).
    ``class_id``/``method_id`` name the method at fault, 0/0 for none.
    """

    code: ClassVar[int] = 0
    name: ClassVar[str] = ""

    def __init__(self, detail: str = "", class_id: int = 0, method_id: int = 0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.class_id = class_id
        self.method_id = method_id

    @property
    def reply_code(self) -> int:
        """The code as it crosses the wire (pika's name for `code`)."""
        return self.code

    @property
    def reply_text(self) -> str:
        """The text as it crosses the wire, at most 255 octets (CODEC-36)."""
        text = f"{self.name} - {self.detail}" if self.detail else self.name
        octets = text.encode("utf-8", "surrogateescape")
        if len(octets) <= MAX_REPLY_TEXT:
            return text
        return octets[: MAX_REPLY_TEXT - 3].decode("utf-8", "surrogateescape") + "..."

    def __str__(self) -> str:
        return f"({self.code}) {self.reply_text}"


class SoftError(AMQPError):
    """Closes the channel (REF-02)."""


class HardError(AMQPError):
    """Closes the connection (REF-03)."""


class ContentTooLarge(SoftError):
    """311: never sent by RabbitMQ 3.x."""

    code, name = 311, "CONTENT_TOO_LARGE"


class NoRoute(SoftError):
    """312: only ever seen in basic.return."""

    code, name = 312, "NO_ROUTE"


class NoConsumers(SoftError):
    """313: never sent by RabbitMQ 3.x, which has no `immediate`."""

    code, name = 313, "NO_CONSUMERS"


class ConnectionForced(HardError):
    """320: an operator, or a shutdown, ended the connection."""

    code, name = 320, "CONNECTION_FORCED"


class InvalidPath(HardError):
    """402: in the specification, never sent."""

    code, name = 402, "INVALID_PATH"


class AccessRefused(SoftError):
    """403: a permission, a reserved name, or an exclusive consumer is in the way."""

    code, name = 403, "ACCESS_REFUSED"


class NotFound(SoftError):
    """404: no such exchange, queue or binding target."""

    code, name = 404, "NOT_FOUND"


class ResourceLocked(SoftError):
    """405: the queue is exclusive to another connection."""

    code, name = 405, "RESOURCE_LOCKED"


class PreconditionFailed(SoftError):
    """406: it exists, but not as you assert; or the tag is unknown."""

    code, name = 406, "PRECONDITION_FAILED"


class FrameError(HardError):
    """501: the octets do not form a frame."""

    code, name = 501, "FRAME_ERROR"


class AMQPSyntaxError(HardError):
    """502: only inside a broker, never on the wire."""

    code, name = 502, "SYNTAX_ERROR"


class CommandInvalid(HardError):
    """503: a method that may not be sent here."""

    code, name = 503, "COMMAND_INVALID"


class ChannelError(HardError):
    """504: a method on a channel that is not in the right state."""

    code, name = 504, "CHANNEL_ERROR"


class UnexpectedFrame(HardError):
    """505: a well-formed frame where another kind was due."""

    code, name = 505, "UNEXPECTED_FRAME"


class ResourceError(HardError):
    """506: the broker has no resources for it."""

    code, name = 506, "RESOURCE_ERROR"


class NotAllowed(HardError):
    """530: the virtual host, a limit or a reused tag forbids it."""

    code, name = 530, "NOT_ALLOWED"


class AMQPNotImplemented(HardError):
    """540: in the specification, not in the broker."""

    code, name = 540, "NOT_IMPLEMENTED"


class InternalError(HardError):
    """541: the broker's own fault, or content that it could not read."""

    code, name = 541, "INTERNAL_ERROR"


BY_CODE: dict[int, type[AMQPError]] = {
    error.code: error for kind in (SoftError, HardError) for error in kind.__subclasses__()
}


def error_for(code: int, reply_text: str, class_id: int = 0, method_id: int = 0) -> AMQPError:
    """The error that a peer's close carries, as the class of its code.

    Unknown codes become an :class:`InternalError` whose detail keeps code and text, so nothing is lost.
    """
    kind = BY_CODE.get(code)
    if kind is None:
        return InternalError(f"unknown reply code {code}: {reply_text}", class_id, method_id)
    detail = reply_text.removeprefix(kind.name).removeprefix(" - ")
    return kind(detail, class_id, method_id)
