"""A binding: the rule by which messages flow from an exchange to a queue or to another exchange.

Theory
------
A binding is a *value*: source, destination, routing key and arguments, all of them together. Two bindings
between the same pair with different keys are two bindings; declaring an equal one again changes nothing. The
arguments are sorted by name before they are compared (EXCH-41), so their order on the wire does not matter;
they are kept encoded, because equal octets is exactly what "the same arguments" means here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from amqplab.model.describe import describe_arguments
from amqplab.wire.table import Table, decode_table

__all__ = ["EXCHANGE", "QUEUE", "Binding", "bind"]

QUEUE = "queue"
EXCHANGE = "exchange"


class Binding(NamedTuple):
    """`kind` tells what the destination is: "queue" or "exchange". Make one with :func:`bind`."""

    source: str
    kind: str
    destination: str
    routing_key: str
    encoded_arguments: bytes

    @property
    def arguments(self) -> Table:
        """The arguments, sorted by name."""
        return decode_table(self.encoded_arguments, 0)[0]

    @property
    def arguments_text(self) -> str:
        """The arguments as the events show them."""
        return describe_arguments(self.arguments)


def bind(
    source: str, kind: str, destination: str, routing_key: str, arguments: Mapping[str, Any] | None = None
) -> Binding:
    """The binding with these four parts, its arguments sorted by name."""
    pairs = Table(arguments or {}).pairs
    ordered = Table(sorted(pairs, key=lambda pair: pair[0]))
    return Binding(source, kind, destination, routing_key, ordered.encode())
