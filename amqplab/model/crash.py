"""Where RabbitMQ's own code stumbles.

Theory
------
Some inputs pass all checks, and then make a process inside RabbitMQ fail. The client sees a connection.close
with 541 INTERNAL_ERROR, without a detail and without the method's ids (CONN-46). A broker that shall not be
told from RabbitMQ has to do the same; :class:`Crash` is how a handler says so.
"""

from __future__ import annotations

__all__ = ["Crash"]


class Crash(Exception):
    """This would have crashed a process inside RabbitMQ."""
