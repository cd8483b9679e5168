"""EXCH-01 … EXCH-16: declaring and deleting exchanges."""

from __future__ import annotations

from decimal import Decimal

import pytest

from amqplab.wire.methods import Exchange
from amqplab.wire.table import ByteArray, Float32, Int8, Int64, Timestamp, UInt8, UInt16, UInt32

DECLARE, DELETE = (40, 10), (40, 20)
PREDECLARED = {
    "amq.direct": "direct",
    "amq.fanout": "fanout",
    "amq.topic": "topic",
    "amq.headers": "headers",
    "amq.match": "headers",
}


def declare(name, kind="direct", **flags):
    return Exchange.Declare(exchange=name, type=kind, **flags)


def inequivalent(field, name, received, current):
    return (
        f"PRECONDITION_FAILED - inequivalent arg '{field}' for exchange '{name}' in vhost '/': "
        f"received {received} but current is {current}"
    )


@pytest.mark.parametrize(("name", "kind"), list(PREDECLARED.items()))
def test_EXCH_01_EXCH_02_the_predeclared_exchanges_can_be_declared_as_they_are(broker, name, kind):
    with broker.connect() as peer:
        peer.call(declare(name, kind, durable=True), Exchange.DeclareOk())
        peer.call(declare(name, kind, passive=True), Exchange.DeclareOk())


def test_EXCH_01_the_trace_exchange_is_internal(broker):
    with broker.connect() as peer:
        name = "amq.rabbitmq.trace"
        peer.call(declare(name, "topic", durable=True, internal=True), Exchange.DeclareOk())
        peer.send(declare(name, "topic", durable=True))
        peer.expect_channel_error(406, inequivalent("internal", name, "'false'", "'true'"), DECLARE)


@pytest.mark.parametrize("kind", ["direct", "fanout", "topic", "headers"])
def test_EXCH_02_the_same_declaration_again(broker, kind):
    name = broker.fresh("again")
    with broker.connect() as peer:
        for _ in range(2):
            peer.call(declare(name, kind, durable=True, auto_delete=True), Exchange.DeclareOk())
        peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


FIRST = {"kind": "direct", "durable": False, "auto_delete": False, "internal": False}
OTHER = {"kind": "fanout", "durable": True, "auto_delete": True, "internal": True}
FIELDS = {"kind": "type", "durable": "durable", "auto_delete": "auto_delete", "internal": "internal"}


@pytest.mark.parametrize("field", list(FIELDS))
def test_EXCH_03_the_first_difference_is_named(broker, field):
    """All that comes after the field differs as well, and is not mentioned."""
    name = broker.fresh("differs")
    order = list(FIELDS)
    changed = FIRST | {other: OTHER[other] for other in order[order.index(field) :]}
    with broker.connect() as peer:
        peer.call(declare(name, **FIRST), Exchange.DeclareOk())
        peer.send(declare(name, **changed, arguments={"alternate-exchange": "x"}))
        new, old = (f"'{str(values[field]).lower()}'" for values in (changed, FIRST))
        peer.expect_channel_error(406, inequivalent(FIELDS[field], name, new, old), DECLARE)
        peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


def test_EXCH_04_unknown_arguments_are_not_compared(broker):
    name = broker.fresh("arguments")
    with broker.connect() as peer:
        peer.call(declare(name, arguments={"x-unknown": 1}), Exchange.DeclareOk())
        peer.call(declare(name, arguments={"x-other": "two"}), Exchange.DeclareOk())
        peer.call(declare(name), Exchange.DeclareOk())
        peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


@pytest.mark.parametrize(
    ("declared", "again", "received", "current"),
    [
        (None, "a", "the value 'a' of type 'longstr'", "none"),
        ("a", None, "none", "the value 'a' of type 'longstr'"),
        ("a", "b", "'b'", "'a'"),
    ],
)
def test_EXCH_05_the_alternate_exchange_is_compared(broker, declared, again, received, current):
    name = broker.fresh("alternate")
    first, second = ({"alternate-exchange": value} if value else {} for value in (declared, again))
    with broker.connect() as peer:
        peer.call(declare(name, arguments=first), Exchange.DeclareOk())
        peer.send(declare(name, arguments=second))
        peer.expect_channel_error(406, inequivalent("alternate-exchange", name, received, current), DECLARE)
        peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1, "signedint"),
        (UInt32(1), "unsignedint"),
        (Int8(1), "byte"),
        (UInt8(1), "unsignedbyte"),
        (UInt16(1), "unsignedshort"),
        (Int64(1), "long"),
        (Float32(1.0), "float"),
        (1.5, "double"),
        (Decimal("1.5"), "decimal"),
        (Timestamp(1), "timestamp"),
        ({}, "table"),
        ([], "array"),
        (True, "bool"),
        (ByteArray(b"x"), "binary"),
        (None, "void"),
    ],
)
def test_EXCH_06_an_alternate_exchange_is_a_string(broker, value, kind):
    name = broker.fresh("invalid")
    with broker.connect() as peer:
        peer.send(declare(name, arguments={"alternate-exchange": value}))
        text = (
            f"PRECONDITION_FAILED - invalid type '{kind}' for arg 'alternate-exchange' "
            f"in exchange '{name}' in vhost '/'"
        )
        peer.expect_channel_error(406, text, DECLARE)
        peer.send(declare(name, passive=True))
        peer.expect_channel_error(404, f"NOT_FOUND - no exchange '{name}' in vhost '/'", DECLARE)


def test_EXCH_07_the_alternate_exchange_need_not_exist(broker):
    name = broker.fresh("lonely")
    with broker.connect() as peer:
        peer.exchange(name, arguments={"alternate-exchange": broker.fresh("nowhere")})
        peer.publish("key", exchange=name)
        peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


@pytest.mark.parametrize(
    "kind", ["x-no-such-type", "DIRECT", "direct ", "x-delayed-message", "x-consistent-hash", "x-random"]
)
def test_EXCH_08_EXCH_16_an_unknown_type_ends_the_connection(broker, kind):
    with broker.connect() as peer:
        peer.send(declare(broker.fresh("odd"), kind))
        peer.expect_connection_error(503, f"COMMAND_INVALID - unknown exchange type '{kind}'", DECLARE)


@pytest.mark.parametrize("kind", ["", "true", "false", "undefined"])
def test_EXCH_08_a_word_that_erlang_knows_is_an_invalid_type(broker, kind):
    with broker.connect() as peer:
        peer.send(declare(broker.fresh("odd"), kind))
        peer.expect_connection_error(503, f"COMMAND_INVALID - invalid exchange type '{kind}'", DECLARE)


def test_EXCH_09_passive_asks_for_the_name_only(broker):
    with broker.connect() as peer:
        name = peer.exchange(broker.fresh("there"), "topic", auto_delete=True)
        peer.call(declare(name, "fanout", passive=True, durable=True), Exchange.DeclareOk())
        peer.call(declare(name, "no-such-type", passive=True), Exchange.DeclareOk())
        peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())
        peer.send(declare(name, passive=True))
        peer.expect_channel_error(404, f"NOT_FOUND - no exchange '{name}' in vhost '/'", DECLARE)


@pytest.mark.parametrize(
    ("method", "ids"),
    [
        (declare(""), DECLARE),
        (declare("", passive=True), DECLARE),
        (Exchange.Delete(exchange=""), DELETE),
        (Exchange.Delete(exchange="", if_unused=True), DELETE),
    ],
)
def test_EXCH_10_the_default_exchange_is_not_for_declaring_or_deleting(broker, method, ids):
    with broker.connect() as peer:
        peer.send(method)
        text = "ACCESS_REFUSED - operation not permitted on the default exchange"
        peer.expect_channel_error(403, text, ids)


@pytest.mark.parametrize("name", ["amq.mine", "amq.", "amq.direct2"])
def test_EXCH_11_names_that_begin_with_amq_are_reserved(broker, name):
    with broker.connect() as peer:
        peer.send(declare(name))
        text = f"ACCESS_REFUSED - exchange name '{name}' contains reserved prefix 'amq.*'"
        peer.expect_channel_error(403, text, DECLARE)
        peer.send(declare(name, passive=True))
        peer.expect_channel_error(404, f"NOT_FOUND - no exchange '{name}' in vhost '/'", DECLARE)


@pytest.mark.parametrize("name", ["amq.direct", "amq.mine", "amq.rabbitmq.trace"])
def test_EXCH_12_system_exchanges_are_not_deleted(broker, name):
    with broker.connect() as peer:
        peer.send(Exchange.Delete(exchange=name))
        text = f"ACCESS_REFUSED - deletion of system exchange '{name}' in vhost '/' not allowed"
        peer.expect_channel_error(403, text, DELETE)


@pytest.mark.parametrize("if_unused", [False, True])
def test_EXCH_13_deleting_what_is_not_there_is_fine(broker, if_unused):
    with broker.connect() as peer:
        method = Exchange.Delete(exchange=broker.fresh("missing"), if_unused=if_unused)
        peer.call(method, Exchange.DeleteOk())


def test_EXCH_14_an_exchange_with_a_binding_is_in_use(broker):
    with broker.connect() as peer:
        name = peer.exchange(broker.fresh("used"))
        peer.bind(peer.queue(), name, "key")
        peer.send(Exchange.Delete(exchange=name, if_unused=True))
        text = f"PRECONDITION_FAILED - exchange '{name}' in vhost '/' in use"
        peer.expect_channel_error(406, text, DELETE)
        peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())


def test_EXCH_14_being_a_destination_or_an_alternate_is_no_use(broker):
    with broker.connect() as peer:
        name = peer.exchange(broker.fresh("target"), "fanout")
        source = peer.exchange(broker.fresh("source"), arguments={"alternate-exchange": name})
        peer.bind_exchange(name, source, "key")
        peer.call(Exchange.Delete(exchange=name, if_unused=True), Exchange.DeleteOk())
        peer.call(Exchange.Delete(exchange=source, if_unused=True), Exchange.DeleteOk())


def test_EXCH_15_EXCH_46_an_exchange_takes_its_bindings_with_it(broker):
    with broker.connect() as peer:
        queue = peer.queue()
        source, name = (peer.exchange(broker.fresh(stem), "fanout") for stem in ("source", "gone"))
        peer.bind_exchange(name, source)
        peer.bind(queue, name)
        peer.call(Exchange.Delete(exchange=name), Exchange.DeleteOk())
        peer.call(Exchange.Delete(exchange=source, if_unused=True), Exchange.DeleteOk())
        peer.exchange(name, "fanout")
        peer.publish(exchange=name)
        assert peer.drain(queue) == []
        peer.call(Exchange.Delete(exchange=name, if_unused=True), Exchange.DeleteOk())
