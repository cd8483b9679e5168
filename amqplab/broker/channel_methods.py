"""channel.flow and access.request: two small methods with little to do.

Theory
------
channel.flow was meant to let either side stop the other's content. RabbitMQ answers active=true
and refuses active=false: the ways to slow a consumer down are prefetch windows and TCP (CHAN-16).
access.request is a relic of AMQP 0-8 realms; a ticket is handed out and never looked at (CHAN-17).
"""

from __future__ import annotations

from amqplab.broker.channel import Channel
from amqplab.broker.registry import on
from amqplab.errors import AMQPNotImplemented
from amqplab.wire import methods

__all__: list[str] = []


@on(methods.Channel.Flow)
def flow(channel: Channel, method: methods.Channel.Flow) -> None:
    """active=true is confirmed, active=false refused."""
    if not method.active:
        raise AMQPNotImplemented("active=false")
    channel.reply(methods.Channel.FlowOk(active=True))


@on(methods.Access.Request)
def request(channel: Channel, method: methods.Access.Request) -> None:
    """A ticket for everything."""
    channel.reply(methods.Access.RequestOk(ticket=1))
