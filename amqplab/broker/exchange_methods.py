"""exchange.declare, delete, bind, unbind.

Theory
------
Declaring is asserting: "there is an exchange like this". If there is none it is made, if there
is an equal one all is well, if there is a different one the channel closes (EXCH-02, EXCH-03). A passive
declare only asks. The order of the checks is part of the behaviour: a client that makes two mistakes at once
hears of the one RabbitMQ finds first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amqplab.broker.channel import Channel
from amqplab.broker.registry import on
from amqplab.errors import AccessRefused, CommandInvalid, PreconditionFailed
from amqplab.model.binding import EXCHANGE, QUEUE, Binding, bind
from amqplab.model.equivalence import assert_exchange
from amqplab.model.exchange import KINDS
from amqplab.model.vhost import check_name
from amqplab.wire.methods import Exchange
from amqplab.wire.table import type_name

__all__ = ["check_binding", "strip_line_ends"]

ATOMS = frozenset(("", "true", "false", "undefined", "ok", "error", "queue", "exchange", "none", "infinity"))
"""Words that Erlang knows as atoms in any case: as exchange types they are "invalid", not "unknown"
(EXCH-08).
"""


def strip_line_ends(name: str) -> str:
    """Names lose their CR and LF octets (CODEC-32)."""
    return name.replace("\r", "").replace("\n", "")


def check_not_default(name: str) -> None:
    """The default exchange is not to be touched (EXCH-10, EXCH-20)."""
    if name == "":
        raise AccessRefused("operation not permitted on the default exchange")


@on(Exchange.Declare)
def declare(channel: Channel, method: Exchange.Declare) -> None:
    """Assert an exchange (EXCH-02 … EXCH-11)."""
    name = strip_line_ends(method.exchange)
    vhost = channel.vhost
    if method.passive:
        check_not_default(name)
        vhost.exchange(name)
    else:
        if method.type not in KINDS:
            word = "invalid" if method.type in ATOMS else "unknown"
            raise CommandInvalid(f"{word} exchange type '{method.type}'")
        check_not_default(name)
        channel.access.configure(EXCHANGE, name)
        _assert(channel, name, method)
    if not method.nowait:
        channel.reply(Exchange.DeclareOk())


def _assert(channel: Channel, name: str, method: Exchange.Declare) -> None:
    """Make the exchange, or compare it with the one that is there."""
    vhost = channel.vhost
    existing = vhost.exchanges.get(name)
    if existing is None:
        check_name(EXCHANGE, name)
        check_exchange_argument(channel, EXCHANGE, name, "alternate-exchange", method.arguments)
        vhost.declare_exchange(
            name,
            method.type,
            durable=method.durable,
            auto_delete=method.auto_delete,
            internal=method.internal,
            arguments=method.arguments,
        )
        return
    assert_exchange(
        existing,
        vhost.describe(EXCHANGE, name),
        method.type,
        durable=method.durable,
        auto_delete=method.auto_delete,
        internal=method.internal,
        arguments=method.arguments,
    )


def check_exchange_argument(
    channel: Channel, kind: str, name: str, argument: str, arguments: Mapping[str, Any]
) -> None:
    """Where this argument says which exchange gets what is left over, that must be a name (EXCH-06, QUEUE-40) and
    permitted (PERM-06, PERM-07); it need not exist (EXCH-07).
    """
    if argument not in arguments:
        return
    target = arguments[argument]
    if not isinstance(target, str):
        raise PreconditionFailed(
            f"invalid type '{type_name(target)}' for arg '{argument}' in {channel.vhost.describe(kind, name)}"
        )
    channel.access.read(kind, name)
    channel.access.write(EXCHANGE, target)


@on(Exchange.Delete)
def delete(channel: Channel, method: Exchange.Delete) -> None:
    """Remove an exchange; a missing one is no error (EXCH-12 … EXCH-15)."""
    name = strip_line_ends(method.exchange)
    check_not_default(name)
    if name.startswith("amq."):
        described = channel.vhost.describe(EXCHANGE, name)
        raise AccessRefused(f"deletion of system {described} not allowed")
    channel.access.configure(EXCHANGE, name)
    channel.vhost.delete_exchange(name, if_unused=method.if_unused)
    if not method.nowait:
        channel.reply(Exchange.DeleteOk())


@on(Exchange.Bind)
def bind_exchange(channel: Channel, method: Exchange.Bind) -> None:
    """Let messages flow from one exchange to another."""
    channel.vhost.add_binding(_binding(channel, method), channel.connection)
    if not method.nowait:
        channel.reply(Exchange.BindOk())


@on(Exchange.Unbind)
def unbind_exchange(channel: Channel, method: Exchange.Unbind) -> None:
    """Take it back; nothing of it needs to exist (EXCH-43)."""
    channel.vhost.remove_binding(_binding(channel, method), channel.connection)
    if not method.nowait:
        channel.reply(Exchange.UnbindOk())


def _binding(channel: Channel, method: Exchange.Bind | Exchange.Unbind) -> Binding:
    return check_binding(
        channel, method.source, EXCHANGE, method.destination, method.routing_key, method.arguments
    )


def check_binding(
    channel: Channel,
    source: str,
    kind: str,
    destination: str,
    routing_key: str,
    arguments: Mapping[str, Any],
) -> Binding:
    """The binding that a (un)bind method names, if this user may touch it (PERM-12, PERM-13, PERM-18)."""
    source, destination = strip_line_ends(source), strip_line_ends(destination)
    channel.access.write(kind, destination)
    if kind != QUEUE:
        check_not_default(destination)
    check_not_default(source)
    channel.access.read(EXCHANGE, source)
    exchange = channel.vhost.exchanges.get(source)
    if exchange is not None and exchange.type == "topic":
        channel.access.topic("read", source, routing_key)
    return bind(source, kind, destination, routing_key, arguments)
