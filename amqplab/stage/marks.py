"""The marks: everything that is on the picture after one record, said once.

Theory
------
The picture is drawn in two languages. So that both tell the same, what is *on* it is decided here, as a flat
list of :class:`~amqplab.stage.mark.Mark`: a kind, an id, where it is, in which state, and what is written on
it. The static SVG draws this list and nothing else; the browser's picture carries the same things in its
attributes (``data-kind``, ``data-id``, ``data-place``, ``data-state``), and a test compares the two as sets.
Marks are a pure function of the moment. Reading is total: what a state lacks is left out, and nothing raises.

Where a message is, is said by ``place``:

    client:NAME    link:NAME    broker    exchange:NAME    consumer:NAME    lost    returned
    queue:NAME:ready            queue:NAME:ghost    delivered and not settled: the queue still owns it
"""

from __future__ import annotations

from amqplab.stage.mark import ZOOMS, Mark, Moment
from amqplab.stage.marks_fixtures import FIXTURES
from amqplab.stage.marks_messages import messages, trays
from amqplab.stage.marks_wire import wire

__all__ = ["ZOOMS", "Mark", "Moment", "marks"]


def marks(moment: Moment) -> list[Mark]:
    """All marks, lowest layer first: what stands, what is on the wire, messages."""
    standing = [mark for layer in FIXTURES for mark in layer(moment)]
    on_the_wire, hosts = wire(moment)
    return [*standing, *on_the_wire, *trays(moment), *messages(moment, hosts)]
