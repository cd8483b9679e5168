"""The content assembler: a method, its header and its bodies become one command.

Theory
------
Some methods carry a message. It follows on the same channel as one header frame, which says how many octets
the body has, and body frames until that many have come. Frames of other channels may come in between,
frames of the same channel may not: that is what channels are for. So a channel's stream is always in one of
three states::

    method ──(has content)──> header ──(body size > 0)──> body ──(all octets there)──> method
       ^                         │
       └───(body size = 0)───────┘

Anything else at that place is an error 505 with RabbitMQ's words for it (CODEC-14 … CODEC-23).
"""

from __future__ import annotations

from amqplab.wire.errors import DecodeError
from amqplab.wire.frames import FRAME_BODY, FRAME_HEADER, FRAME_METHOD, split_header_payload
from amqplab.wire.methods import METHODS, Method, decode_method
from amqplab.wire.properties import NO_PROPERTIES, Properties

__all__ = ["CONTENT_PREFIXES", "Command", "ContentAssembler", "UnexpectedContent"]

NO_WEIGHT = bytes(2)
CONTENT_PREFIXES = frozenset(kind.prefix for kind in METHODS.values() if kind.has_content)
"""The ids, as they stand in a frame, of the methods that carry content."""


class UnexpectedContent(DecodeError):
    """A frame of the wrong kind for this place; ids are those of the method whose content is being read."""

    def __init__(self, detail: str, class_id: int = 0, method_id: int = 0) -> None:
        super().__init__(detail)
        self.reply_text_detail = detail
        self.class_id = class_id
        self.method_id = method_id


class Command:
    """A method with its content, if it has any.

    Octets are kept as they came; method and properties are decoded when asked for, once.
    """

    __slots__ = ("_method", "_properties", "body", "body_size", "header", "method_payload")

    def __init__(
        self,
        method_payload: bytes,
        header: bytes | None = None,
        body: bytes = b"",
        body_size: int | None = None,
    ) -> None:
        self.method_payload = method_payload
        self.header = header
        """The property octets (flags and values) as they came, or None for a method without content."""
        self.body = body
        self.body_size = len(body) if body_size is None else body_size
        """Octets of body that came, kept or not."""
        self._method: Method | None = None
        self._properties: Properties | None = None

    @property
    def method(self) -> Method:
        """The decoded method; raises a kind of :class:`DecodeError`."""
        if self._method is None:
            self._method = decode_method(self.method_payload)
        return self._method

    @property
    def properties(self) -> Properties:
        """The decoded properties; raises :class:`DecodeError` (CODEC-51)."""
        if self._properties is None:
            self._properties = NO_PROPERTIES if self.header is None else Properties.decode(self.header)
        return self._properties

    def __repr__(self) -> str:
        content = "" if self.header is None else f", {self.properties!r}, {self.body!r}"
        return f"Command({self.method!r}{content})"


class ContentAssembler:
    """Puts the frames of one channel and one direction together.

    A body of more than `largest` octets is read to its end, but not kept: the command has its size only.
    """

    __slots__ = ("_body_size", "_header", "_keeping", "_largest", "_method_payload", "_missing", "_pieces")

    def __init__(self, largest: int | None = None) -> None:
        self._largest = largest
        self._keeping = True
        self._method_payload: bytes | None = None
        self._header: bytes | None = None
        self._body_size = 0
        self._missing = 0
        self._pieces: list[bytes] = []

    @property
    def idle(self) -> bool:
        """Whether a method is due next."""
        return self._method_payload is None

    def gathers(self, method_payload: bytes, header_payload: bytes) -> bool:
        """Whether a method and its header, if they came now, would be kept without complaint."""
        return (
            self._method_payload is None
            and method_payload[:4] in CONTENT_PREFIXES
            and len(header_payload) >= 12
            and header_payload.startswith(method_payload[:2] + NO_WEIGHT)
        )

    def feed(self, type: int, payload: bytes) -> Command | None:
        """Take one frame; returns the command that it completes. Raises :class:`UnexpectedContent`."""
        if self._method_payload is None:
            return self._take_method(type, payload)
        if self._header is None:
            return self._take_header(type, payload)
        return self._take_body(type, payload)

    def _take_method(self, type: int, payload: bytes) -> Command | None:
        if type != FRAME_METHOD:
            raise UnexpectedContent("expected method frame, got non method frame instead")
        if payload[:4] not in CONTENT_PREFIXES:
            return Command(payload)
        self._method_payload = payload
        return None

    def _take_header(self, type: int, payload: bytes) -> Command | None:
        class_id, method_id = self._ids()
        expected = f"expected content header for class {class_id}, got"
        wrong = UnexpectedContent(f"{expected} non content header frame instead", class_id, method_id)
        if type != FRAME_HEADER:
            raise wrong
        try:
            found_class, weight, self._body_size, octets = split_header_payload(payload)
        except DecodeError:
            raise wrong from None
        if weight:
            raise wrong
        if found_class != class_id:
            raise UnexpectedContent(f"{expected} one for class {found_class} instead", class_id, method_id)
        self._header = octets
        self._missing = self._body_size
        self._keeping = self._largest is None or self._body_size <= self._largest
        return None if self._missing else self._complete()

    def _take_body(self, type: int, payload: bytes) -> Command | None:
        if type != FRAME_BODY:
            raise UnexpectedContent("expected content body, got non content body frame instead", *self._ids())
        self._missing -= len(payload)
        if self._keeping:
            self._pieces.append(payload)
        if self._missing < 0:  # more has come than was announced: RabbitMQ waits for the end for ever
            self._keeping = False
            self._pieces.clear()
        return self._complete() if self._missing == 0 else None

    def _ids(self) -> tuple[int, int]:
        assert self._method_payload is not None
        return int.from_bytes(self._method_payload[:2], "big"), int.from_bytes(
            self._method_payload[2:4], "big"
        )

    def _complete(self) -> Command:
        assert self._method_payload is not None
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        command = Command(self._method_payload, self._header, body, self._body_size)
        self._method_payload = self._header = None
        self._pieces = []
        return command
