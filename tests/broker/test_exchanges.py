"""exchange.declare, delete, bind, unbind as a client sees them (EXCH-01 … EXCH-20)."""

from __future__ import annotations

from typing import Any

import pytest
from broker_peer import Peer, World

from amqplab.wire import methods as m

DEFAULT = "ACCESS_REFUSED - operation not permitted on the default exchange"


def refused(peer: Peer, method: m.Method) -> tuple[int, str]:
    """(code, text) of the channel.close that a method earns."""
    close = peer.call(1, method)
    assert isinstance(close, m.Channel.Close)
    assert (close.class_id, close.method_id) == method.ids
    return close.reply_code, close.reply_text


def declare(name: str = "x", type: str = "direct", **options: Any) -> m.Method:
    return m.Exchange.Declare(exchange=name, type=type, **options)


@pytest.mark.parametrize("kind", ["direct", "fanout", "topic", "headers"])
def test_the_four_kinds(peer: Peer, kind: str) -> None:
    assert peer.call(1, declare(type=kind)) == m.Exchange.DeclareOk()
    assert peer.call(1, declare(type=kind)) == m.Exchange.DeclareOk()
    assert peer.call(1, declare(type=kind, passive=True)) == m.Exchange.DeclareOk()


def test_predeclared_exchanges_may_be_declared_again(peer: Peer) -> None:
    assert peer.call(1, declare("amq.direct", durable=True)) == m.Exchange.DeclareOk()
    assert refused(peer, declare("amq.direct")) == (
        406,
        "PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'amq.direct' in vhost '/': "
        "received 'false' but current is 'true'",
    )


@pytest.mark.parametrize(
    ("method", "code", "text"),
    [
        (declare("gone", passive=True), 404, "NOT_FOUND - no exchange 'gone' in vhost '/'"),
        (declare("amq.gone", passive=True), 404, "NOT_FOUND - no exchange 'amq.gone' in vhost '/'"),
        (declare(""), 403, DEFAULT),
        (declare("", passive=True), 403, DEFAULT),
        (m.Exchange.Delete(exchange=""), 403, DEFAULT),
        (
            declare("amq.mine"),
            403,
            "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
        (
            m.Exchange.Delete(exchange="amq.topic"),
            403,
            "ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '/' not allowed",
        ),
        (
            m.Exchange.Delete(exchange="amq.gone"),
            403,
            "ACCESS_REFUSED - deletion of system exchange 'amq.gone' in vhost '/' not allowed",
        ),
        (
            declare(arguments={"alternate-exchange": 5}),
            406,
            "PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange 'x' "
            "in vhost '/'",
        ),
        (m.Exchange.Bind(source="", destination="amq.fanout"), 403, DEFAULT),
        (m.Exchange.Bind(source="amq.fanout", destination=""), 403, DEFAULT),
        (m.Exchange.Unbind(source="", destination="amq.fanout"), 403, DEFAULT),
        (
            m.Exchange.Bind(source="gone", destination="also gone"),
            404,
            "NOT_FOUND - no exchange 'gone' in vhost '/'",
        ),
        (
            m.Exchange.Bind(source="amq.fanout", destination="gone"),
            404,
            "NOT_FOUND - no exchange 'gone' in vhost '/'",
        ),
    ],
)
def test_refusals(peer: Peer, method: m.Method, code: int, text: str) -> None:
    assert refused(peer, method) == (code, text)


@pytest.mark.parametrize(
    ("kind", "word"), [("no-such-kind", "unknown"), ("", "invalid"), ("true", "invalid")]
)
def test_an_unknown_kind_is_a_hard_error(peer: Peer, kind: str, word: str) -> None:
    peer.send(1, declare("", kind))
    ((channel, close),) = peer.drain()
    assert (channel, close.reply_code) == (0, 503)
    assert close.reply_text == f"COMMAND_INVALID - {word} exchange type '{kind}'"
    assert (close.class_id, close.method_id) == (40, 10)


def test_a_passive_declare_ignores_type_and_flags(peer: Peer) -> None:
    peer.call(1, declare())
    assert peer.call(1, declare(type="nonsense", durable=True, passive=True)) == m.Exchange.DeclareOk()


def test_deleting_what_is_not_there_is_no_error(peer: Peer) -> None:
    assert peer.call(1, m.Exchange.Delete(exchange="gone")) == m.Exchange.DeleteOk()
    assert peer.call(1, m.Exchange.Delete(exchange="gone", if_unused=True)) == m.Exchange.DeleteOk()


def test_deleting_an_exchange_in_use(peer: Peer) -> None:
    peer.call(1, declare())
    peer.declare("q")
    peer.call(1, m.Queue.Bind(queue="q", exchange="x"))
    assert refused(peer, m.Exchange.Delete(exchange="x", if_unused=True)) == (
        406,
        "PRECONDITION_FAILED - exchange 'x' in vhost '/' in use",
    )


def test_unbind_ok_comes_even_if_there_was_nothing_to_unbind(peer: Peer) -> None:
    for source, destination in (("gone", "amq.fanout"), ("amq.fanout", "gone"), ("amq.fanout", "amq.topic")):
        method = m.Exchange.Unbind(source=source, destination=destination)
        assert peer.call(1, method) == m.Exchange.UnbindOk()
    assert m.Exchange.UnbindOk.ids == (40, 51)


def test_an_internal_exchange_takes_no_publishes_but_passes_messages_on(peer: Peer) -> None:
    peer.call(1, declare("inner", "fanout", internal=True))
    peer.call(1, declare("outer", "fanout"))
    peer.declare("q")
    peer.call(1, m.Queue.Bind(queue="q", exchange="inner"))
    peer.call(1, m.Exchange.Bind(source="outer", destination="inner"))
    peer.publish(exchange="outer")
    assert peer.declare("q").message_count == 1
    peer.publish(exchange="inner")
    (close,) = peer.on()
    assert close.reply_text == "ACCESS_REFUSED - cannot publish to internal exchange 'inner' in vhost '/'"
    assert (close.class_id, close.method_id) == (60, 40)


def test_line_ends_are_dropped_from_names(world: World, peer: Peer) -> None:
    peer.call(1, declare("x\r\ny"))
    peer.declare("a\nb")
    peer.call(1, m.Queue.Bind(queue="a\rb", exchange="x\ny"))
    vhost = world.broker.vhosts["/"]
    assert "xy" in vhost.exchanges and "ab" in vhost.queues
    assert [(one.source, one.destination) for one in vhost.bindings()] == [("xy", "ab")]
    peer.call(1, m.Queue.Delete(queue="a\r\nb"))
    assert "ab" not in vhost.queues
    assert refused(peer, m.Queue.Purge(queue="a\nb")) == (404, "NOT_FOUND - no queue 'a\nb' in vhost '/'")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"x-match": "some"},
            'Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x',
        ),
        ({"x-match": 1}, "Invalid x-match field type signedint (value 1); expected longstr"),
    ],
)
def test_binding_arguments_of_headers_exchanges_are_checked(
    peer: Peer, arguments: dict[str, Any], text: str
) -> None:
    peer.declare("q")
    bind = m.Queue.Bind(queue="q", exchange="amq.direct", arguments=arguments)
    assert peer.call(1, bind) == m.Queue.BindOk()
    bind = m.Queue.Bind(queue="q", exchange="amq.headers", arguments=arguments)
    assert refused(peer, bind) == (406, f"PRECONDITION_FAILED - {text}")


def test_an_alternate_exchange_saves_the_message_and_the_sender_a_return(peer: Peer) -> None:
    peer.call(1, declare("rescue", "fanout"))
    peer.call(1, declare("x", arguments={"alternate-exchange": "rescue"}))
    peer.declare("saved")
    peer.call(1, m.Queue.Bind(queue="saved", exchange="rescue"))
    peer.publish(exchange="x", key="k", mandatory=True)
    assert peer.drain() == []
    got = peer.call(1, m.Basic.Get(queue="saved"))
    assert (got.method.exchange, got.method.routing_key) == ("x", "k")
