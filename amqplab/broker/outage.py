"""A power failure: what a broker forgets, and what its disk has kept.

Theory
------
Memory is gone, and with it every connection, channel, consumer, transaction and alarm. What stands on the
disk comes back: durable exchanges, durable queues, the bindings between them (DUR-01 to DUR-03), and in them
the messages that were published as persistent (DUR-04); a quorum queue and a stream keep all of theirs
(DUR-05). What was handed out and not acknowledged stands in its queue again.

Whoever embeds the broker on a real disk makes a new broker from the journal (``Broker.restore``). A lab has
no disk: there everything counts as safe the moment it is said, so the same broker can go on with what a
perfect disk would have kept. Nobody is told anything; what is lost is in the record, with its reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amqplab.broker.broker import Broker
    from amqplab.model.vhost import VirtualHost

__all__ = ["lose_power"]

REASON = "power lost"


def lose_power(broker: Broker, now: int) -> None:
    """Be what is left on the disk. Whatever the broker has to say about it reaches nobody."""
    for resource in sorted(broker.alarms):
        broker.set_alarm(resource, False, now)
    broker.all_disconnected(now, REASON)
    for vhost in broker.vhosts.values():
        _forget_what_is_not_durable(vhost)


def _forget_what_is_not_durable(vhost: VirtualHost) -> None:
    for queue in list(vhost.queues.values()):
        if queue.deleted:
            continue
        if queue.durable:
            queue.forget_transient(REASON)
        else:
            vhost.delete_queue(queue, reason=REASON)
    for exchange in list(vhost.exchanges.values()):
        if not exchange.durable and exchange.name in vhost.exchanges:
            vhost.delete_exchange(exchange.name, reason=REASON)
