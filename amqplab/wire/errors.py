"""What can be wrong with octets, and with values that want to become octets.

Theory
------
Reading and writing fail differently. Octets come from a peer, and a peer may send anything: every decoder
on this floor answers with a value or with a :class:`DecodeError`, and with nothing else. What the peer is
then told is not decided here; the error carries what RabbitMQ's reply text needs (CODEC-30), and the broker
judges.

Values come from the caller. Whatever the format can carry is written, sensible or not, so that a learner
can send nonsense on purpose; what it cannot carry (256 octets in a short string) is an
:class:`EncodeError`, raised before a byte exists.
"""

from __future__ import annotations

from amqplab.errors import UsageError

__all__ = ["ArgumentsUndecodable", "DecodeError", "EncodeError", "UnknownMethod"]


class DecodeError(ValueError):
    """Octets that do not form the value they should."""


class EncodeError(UsageError, ValueError):
    """A value that the wire format cannot carry."""


class UnknownMethod(DecodeError):
    """No method has these ids. RabbitMQ resets such a connection without a word (CODEC-35)."""

    def __init__(self, class_id: int, method_id: int) -> None:
        super().__init__(f"no method {class_id}/{method_id}")
        self.class_id = class_id
        self.method_id = method_id


class ArgumentsUndecodable(DecodeError):
    """The argument octets of a known method are too few, too many or not what its declaration says.

    ``detail`` is RabbitMQ's reply text after ``FRAME_ERROR - `` (CODEC-30). ``in_table`` tells a failure
    inside a field table from all others: RabbitMQ then resets the connection instead (CODEC-40).
    """

    def __init__(self, class_id: int, method_id: int, octets: bytes, in_table: bool = False) -> None:
        self.class_id = class_id
        self.method_id = method_id
        self.octets = octets
        self.in_table = in_table
        super().__init__(self.detail)

    @property
    def detail(self) -> str:
        """``cannot decode <<1,2>>``: Erlang's ``~w``, which prints every octet as a number."""
        return f"cannot decode <<{','.join(map(str, self.octets))}>>"
