"""A power failure: what a broker forgets, and what its disk has kept.

Theory
------
Memory is gone, and with it every connection, channel, consumer, transaction and alarm. What stands on the
disk comes back: durable exchanges, durable queues, the bindings between them (DUR-01 to DUR-03), and in them
the messages that were published as persistent (DUR-04); a quorum queue and a stream keep all of theirs
(DUR-05). What was handed out and not acknowledged stands in its queue again.

Nobody tidies up in the dark. A durable queue that was to be deleted with its last consumer is still there, a queue
that is too full now drops nothing, and what publishers had sent while an alarm held them back is never read.

Whoever embeds the broker on a real disk makes a new broker from the journal (``Broker.restore``). A lab has
no disk: there everything counts as safe the moment it is said, so the same broker can go on with what a
perfect disk would have kept. Nobody is told anything; what is lost is in the record, with its reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqplab.trace import events

if TYPE_CHECKING:
    from amqplab.broker.broker import Broker
    from amqplab.model.ledger import Outstanding
    from amqplab.model.vhost import VirtualHost

__all__ = ["lose_power"]

REASON = "power lost"


def lose_power(broker: Broker, now: int) -> None:
    """Be what is left on the disk. Whatever the broker has to say about it reaches nobody."""
    for session in broker.sessions.values():
        for channel in session.channels.values():
            channel.end_transaction(REASON)
            for one in channel.ledger.settle_all():
                _out_of_hand(one)
    for vhost in broker.vhosts.values():
        for queue in vhost.queues.values():
            queue.forget_transient(REASON)
    broker.all_disconnected(now, REASON)
    for vhost in broker.vhosts.values():
        _forget_what_is_not_durable(vhost)
    for resource in sorted(broker.alarms):
        broker.alarms.discard(resource)
        if broker.report is not None:
            broker.report(events.AlarmChanged, resource, False)


def _out_of_hand(one: Outstanding) -> None:
    """What its client held is in its queue as far as the disk knows; or it is nowhere."""
    queue, copy = one.queue, one.copy
    if queue.deleted:
        return
    if queue.durable and (copy.message.persistent or queue.kind != "classic"):
        queue.take_back([copy], REASON)
    else:
        queue.unacked -= 1
        queue.lose(copy, REASON)


def _forget_what_is_not_durable(vhost: VirtualHost) -> None:
    for queue in list(vhost.queues.values()):
        if not queue.durable and not queue.deleted:
            vhost.delete_queue(queue, reason=REASON)
    for exchange in list(vhost.exchanges.values()):
        if not exchange.durable and exchange.name in vhost.exchanges:
            vhost.delete_exchange(exchange.name, reason=REASON)
