"""Invariants of a broker, watched while the run goes on.

Theory
------
Some sentences about a message broker are true at every moment or the broker is broken. A check is an
observer of the record stream: it reads each record once, keeps the little state its sentence is about, and
complains the moment the sentence becomes false. It never looks inside the broker, so it cannot share the
broker's mistakes. Frames that the recorder packs come to it as octets, when they pass.

    conservation   a copy in a queue is in one place: ready, with a consumer, or gone for a named reason; it
                   comes from a routing, and from a transaction only when that is committed
    ack first      a copy handed out for acknowledgement is forgotten only after its basic.ack was received
    prefetch       a consumer never holds more unacknowledged messages than its window
    the link       octets come out of a TCP stream as they went in, in order, none invented
    time           time never runs backwards, and a cause is always earlier than its effect

A complaint is kept in :attr:`Checks.failures` and recorded as a :class:`~amqplab.trace.events.CheckFailed`,
so that it stands on the stage at the moment it happened.
"""

from __future__ import annotations

from amqplab.lab.checks.ack_first import AckFirst
from amqplab.lab.checks.check import Check
from amqplab.lab.checks.conservation import Conservation
from amqplab.lab.checks.link import Link
from amqplab.lab.checks.prefetch import Prefetch
from amqplab.lab.checks.time import Time
from amqplab.lab.checks.watching import Checks, Failure

__all__ = ["AckFirst", "Check", "Checks", "Conservation", "Failure", "Link", "Prefetch", "Time"]
