"""Queues with arguments, and something in them: what several conformance files begin with."""

from __future__ import annotations

__all__ = ["limited", "published"]


def limited(broker, peer, **arguments):
    """A queue with these arguments (underscores for hyphens, without the x-)."""
    table = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
    return peer.queue(broker.fresh("limited"), arguments=table)


def published(peer, queue, *bodies, **properties):
    for body in bodies:
        peer.publish(queue, body, **properties)
    peer.sync()
