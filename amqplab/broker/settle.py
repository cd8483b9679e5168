"""basic.ack, nack, reject, recover: the client says what became of its deliveries.

Theory
------
Until a delivery is settled its copy stays in the client's hands, on the channel's ledger.
``ack`` ends the copy. ``reject`` and ``nack`` (RabbitMQ's reject with `multiple`) either put it back to its
original place (requeue) or give it up. ``recover`` puts everything back. None of them is answered, except
recover (BASIC-51, BASIC-56); a tag that is not outstanding closes the channel.

In a transaction, settlements are only noted and take effect at commit (TX-04).
"""

from __future__ import annotations

from amqplab.broker.channel import Channel
from amqplab.broker.registry import Crash, on
from amqplab.errors import AMQPNotImplemented
from amqplab.model.ledger import Outstanding
from amqplab.trace import events
from amqplab.wire.methods import Basic

__all__ = ["acknowledge", "reject"]


@on(Basic.Ack)
def ack(channel: Channel, method: Basic.Ack) -> None:
    """The deliveries are done with."""
    settled = channel.ledger.settle(method.delivery_tag, method.multiple)
    if channel.transaction is not None:
        channel.transaction.note(acknowledge, settled)
        _report_held(channel, settled, "acknowledged")
    else:
        acknowledge(channel, settled)


@on(Basic.Nack)
def nack(channel: Channel, method: Basic.Nack) -> None:
    """The deliveries are refused."""
    _refuse(channel, method.delivery_tag, method.multiple, method.requeue)


@on(Basic.Reject)
def reject_one(channel: Channel, method: Basic.Reject) -> None:
    """One delivery is refused."""
    _refuse(channel, method.delivery_tag, False, method.requeue)


def _refuse(channel: Channel, tag: int, multiple: bool, requeue: bool) -> None:
    settled = channel.ledger.settle(tag, multiple)
    action = reject_and_requeue if requeue else reject
    if channel.transaction is not None:
        channel.transaction.note(action, settled)
        _report_held(channel, settled, "requeued" if requeue else "rejected")
    else:
        action(channel, settled)


def _report_held(channel: Channel, settled: list[Outstanding], outcome: str) -> None:
    if channel.report is None:
        return
    for tag, queue, copy, _, _ in settled:
        where = (queue.vhost, queue.name, copy.message.number)
        channel.report(events.SettlementHeld, *where, channel.connection, channel.number, tag, outcome)


def acknowledge(channel: Channel, settled: list[Outstanding]) -> None:
    """End the copies, then make room for the next ones."""
    for tag, queue, copy, _, _ in settled:
        if not queue.deleted:
            queue.acknowledge(copy)
            if channel.report is not None:
                channel.report(
                    events.Acknowledged,
                    queue.vhost,
                    queue.name,
                    copy.message.number,
                    channel.connection,
                    channel.number,
                    tag,
                    queue.keeps_delivered,
                )
    channel.settled(settled)


def reject(channel: Channel, settled: list[Outstanding]) -> None:
    """Give the copies up (BASIC-54)."""
    _check_refusal(settled)
    _report_rejected(channel, settled, requeue=False)
    for _, queue, copy, _, _ in settled:
        if not queue.deleted:
            queue.discard(copy, "rejected")
    channel.settled(settled)
    channel.vhost.bury_dying(channel.broker.now)  # before the next one is handed out, as RabbitMQ does it


def reject_and_requeue(channel: Channel, settled: list[Outstanding]) -> None:
    """Put the copies back where they were (BASIC-53); they are deliverable at once (BASIC-55)."""
    _check_refusal(settled)
    _report_rejected(channel, settled, requeue=True)
    channel.settled(settled)
    channel.requeue(settled, "rejected")


def _check_refusal(settled: list[Outstanding]) -> None:
    for one in settled:
        one.queue.check_refusal()


def _report_rejected(channel: Channel, settled: list[Outstanding], *, requeue: bool) -> None:
    if channel.report is None:
        return
    for tag, queue, copy, _, _ in settled:
        if not queue.deleted:
            channel.report(
                events.Rejected,
                queue.vhost,
                queue.name,
                copy.message.number,
                channel.connection,
                channel.number,
                tag,
                requeue,
            )


@on(Basic.Recover)
def recover(channel: Channel, method: Basic.Recover) -> None:
    """Everything back into its queue; the reply comes before the redeliveries (BASIC-56)."""
    _recover(channel, method.requeue)
    channel.reply(Basic.RecoverOk())


@on(Basic.RecoverAsync)
def recover_async(channel: Channel, method: Basic.RecoverAsync) -> None:
    """The same without a reply (BASIC-57)."""
    _recover(channel, method.requeue)


def _recover(channel: Channel, requeue: bool) -> None:
    if not requeue:
        raise AMQPNotImplemented("requeue=false")
    settled = channel.ledger.settle_all()
    if any(one.queue.keeps_delivered for one in settled):
        raise Crash("a stream takes nothing back")
    channel.settled(settled)
    channel.requeue(settled, "recover")
