"""QUEUE-02, QUEUE-33 … QUEUE-59: with which arguments a queue may be declared, and what is said of others."""

from __future__ import annotations

from decimal import Decimal

import pytest

from amqplab.wire.methods import Channel, Queue
from amqplab.wire.table import Float32, Int8, Int16, Int64, Table, Timestamp, UInt8, UInt16, UInt32

DECLARE = (50, 10)
CLASSIC = {
    "x-expires": 60000,
    "x-message-ttl": 60000,
    "x-dead-letter-exchange": "amq.fanout",
    "x-dead-letter-routing-key": "k",
    "x-max-length": 10,
    "x-max-length-bytes": 1000,
    "x-max-priority": 5,
    "x-overflow": "drop-head",
    "x-queue-mode": "lazy",
    "x-queue-version": 1,
    "x-single-active-consumer": True,
    "x-queue-type": "classic",
    "x-queue-master-locator": "client-local",
}
QUORUM = {
    "x-dead-letter-exchange": "amq.fanout",
    "x-dead-letter-routing-key": "k",
    "x-dead-letter-strategy": "at-most-once",
    "x-expires": 60000,
    "x-max-length": 10,
    "x-max-length-bytes": 1000,
    "x-max-in-memory-length": 10,
    "x-max-in-memory-bytes": 1000,
    "x-overflow": "drop-head",
    "x-single-active-consumer": True,
    "x-quorum-initial-group-size": 1,
    "x-delivery-limit": 3,
    "x-message-ttl": 60000,
    "x-queue-leader-locator": "client-local",
}
STREAM = {
    "x-max-length-bytes": 1000,
    "x-max-age": "5D",
    "x-stream-max-segment-size-bytes": 1000,
    "x-initial-cluster-size": 1,
    "x-queue-leader-locator": "client-local",
}


def refused(peer, name, text, arguments, **flags):
    """A declaration that closes the channel with 406."""
    peer.send(Queue.Declare(queue=name, arguments=arguments, **flags))
    peer.expect_channel_error(406, f"PRECONDITION_FAILED - {text}", DECLARE)


def invalid(peer, name, argument, reason, arguments):
    refused(peer, name, f"invalid arg '{argument}' for queue '{name}' in vhost '/': {reason}", arguments)


def accepted(peer, name, arguments, **flags):
    """A declaration that is taken, of a queue that is gone afterwards."""
    peer.call(Queue.Declare(queue=name, arguments=arguments, **flags), Queue.DeclareOk(name, 0, 0))
    peer.call(Queue.Delete(queue=name), Queue.DeleteOk(0))


@pytest.mark.parametrize("kind", ["quorum", "stream"])
def test_QUEUE_02_only_classic_queues_are_named_by_the_broker(broker, kind):
    with broker.connect() as peer:
        text = f"Cannot declare a server-named queue for type rabbit_{kind}_queue"
        refused(peer, "", text, {"x-queue-type": kind}, durable=True)


@pytest.mark.parametrize(
    "value", [Int8(100), UInt8(100), Int16(100), UInt16(100), 100, UInt32(100), Int64(100)], ids=repr
)
def test_QUEUE_34_every_integer_type_will_do(broker, value):
    with broker.connect() as peer:
        accepted(peer, broker.fresh("integers"), {"x-message-ttl": value})


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("100", "longstr"),
        (True, "bool"),
        (Timestamp(100), "timestamp"),
        (100.0, "double"),
        (Float32(1.5), "float"),
        (Decimal("1.5"), "decimal"),
        (b"100", "binary"),
        ([100], "array"),
        ({}, "table"),
        (None, "void"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("argument", ["x-message-ttl", "x-expires", "x-max-length", "x-max-priority"])
def test_QUEUE_33_QUEUE_34_anything_else_is_no_integer(broker, argument, value, kind):
    with broker.connect() as peer:
        reason = f'"expected integer, got {kind}"'
        invalid(peer, broker.fresh("integers"), argument, reason, {argument: value})


@pytest.mark.parametrize(
    ("argument", "value", "reason"),
    [
        pytest.param("x-message-ttl", -1, "{value_negative,-1}", id="QUEUE-35"),
        pytest.param(
            "x-message-ttl", 315360000001, "{value_too_large,315360000001}", id="QUEUE-35 too large"
        ),
        pytest.param("x-expires", 0, "{value_zero,0}", id="QUEUE-36"),
        pytest.param("x-expires", -5, "{value_negative,-5}", id="QUEUE-36 negative"),
        pytest.param("x-expires", 315360000001, "{value_too_large,315360000001}", id="QUEUE-36 too large"),
        pytest.param("x-max-length", -1, "{value_negative,-1}", id="QUEUE-37"),
        pytest.param("x-max-length-bytes", -1, "{value_negative,-1}", id="QUEUE-37 bytes"),
        pytest.param("x-max-priority", 256, "{max_value_exceeded,256}", id="QUEUE-38"),
        pytest.param("x-max-priority", -1, "{value_negative,-1}", id="QUEUE-38 negative"),
        pytest.param("x-overflow", "drop-tail", "invalid_overflow", id="QUEUE-39"),
        pytest.param("x-overflow", 1, "{unacceptable_type,signedint}", id="QUEUE-39 type"),
        pytest.param("x-dead-letter-routing-key", "k", "routing_key_but_no_dlx_defined", id="QUEUE-41"),
        pytest.param("x-queue-mode", "eager", "\"unsupported queue mode 'eager'\"", id="QUEUE-42"),
        pytest.param("x-queue-mode", 1, "{unacceptable_type,signedint}", id="QUEUE-42 type"),
        pytest.param("x-queue-type", "foo", "\"unsupported queue type 'foo'\"", id="QUEUE-43"),
        pytest.param("x-queue-type", 1, "{unacceptable_type,signedint}", id="QUEUE-43 type"),
        pytest.param("x-queue-version", 3, "\"unsupported queue version '3'\"", id="QUEUE-44"),
        pytest.param("x-single-active-consumer", "yes", "{unacceptable_type,longstr}", id="QUEUE-45"),
    ],
)
def test_QUEUE_35_QUEUE_36_QUEUE_37_QUEUE_38_QUEUE_39_QUEUE_41_QUEUE_42_QUEUE_43_QUEUE_44_QUEUE_45_bad_values(
    broker, argument, value, reason
):
    with broker.connect() as peer:
        invalid(peer, broker.fresh("valued"), argument, reason, {argument: value})


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("x-message-ttl", 0),
        ("x-message-ttl", 315360000000),
        ("x-expires", 315360000000),
        ("x-max-length", 0),
        ("x-max-length-bytes", 0),
        ("x-max-priority", 0),
        ("x-max-priority", 255),
        ("x-overflow", "reject-publish"),
        ("x-overflow", "reject-publish-dlx"),
        ("x-dead-letter-exchange", ""),
        ("x-dead-letter-exchange", "not there"),
        ("x-queue-mode", "default"),
        ("x-queue-version", 2),
        ("x-single-active-consumer", False),
        ("x-queue-master-locator", "random"),
    ],
)
def test_QUEUE_35_QUEUE_37_QUEUE_38_QUEUE_39_QUEUE_40_QUEUE_42_QUEUE_44_QUEUE_45_good_values(
    broker, argument, value
):
    with broker.connect() as peer:
        accepted(peer, broker.fresh("valued"), {argument: value})


@pytest.mark.parametrize(("value", "kind"), [(5, "signedint"), (True, "bool"), (None, "void")])
def test_QUEUE_40_a_dead_letter_exchange_is_a_name(broker, value, kind):
    with broker.connect() as peer:
        name = broker.fresh("lettered")
        text = f"invalid type '{kind}' for arg 'x-dead-letter-exchange' in queue '{name}' in vhost '/'"
        refused(peer, name, text, {"x-dead-letter-exchange": value})


def test_QUEUE_41_a_dead_letter_key_is_a_string_too(broker):
    with broker.connect() as peer:
        arguments = {"x-dead-letter-exchange": "x", "x-dead-letter-routing-key": 5}
        reason = "{unacceptable_type,signedint}"
        invalid(peer, broker.fresh("lettered"), "x-dead-letter-routing-key", reason, arguments)


@pytest.mark.parametrize("locator", ["nonsense", 5])
def test_QUEUE_46_a_locator_that_does_not_exist_crashes_the_channel(broker, locator):
    """The catalogue has it accepted; RabbitMQ 3.10.8 crashes, after all checks."""
    with broker.connect() as peer:
        peer.send(Queue.Declare(queue=broker.fresh("located"), arguments={"x-queue-master-locator": locator}))
        peer.expect_connection_error(541, "INTERNAL_ERROR", (0, 0))


@pytest.mark.parametrize("locator", ["nonsense", 5])
def test_QUEUE_46_an_exclusive_queue_needs_no_locator(broker, locator):
    """It lives where its owner is connected, so nobody asks for a strategy."""
    with broker.connect() as peer:
        arguments = {"x-queue-master-locator": locator}
        peer.send(Queue.Declare(queue=broker.fresh("located"), exclusive=True, arguments=arguments))
        peer.expect(Queue.DeclareOk)


def test_QUEUE_46_the_locators_that_exist(broker):
    with broker.connect() as peer:
        for locator in ("min-masters", "client-local", "random"):
            accepted(peer, broker.fresh("located"), {"x-queue-master-locator": locator})


@pytest.mark.parametrize("kind", ["quorum", "stream"])
def test_QUEUE_47_a_leader_locator_is_one_of_four(broker, kind):
    with broker.connect() as peer:
        arguments = {"x-queue-type": kind, "x-queue-leader-locator": "nonsense"}
        name = broker.fresh("led")
        invalid(peer, name, "x-queue-leader-locator", "invalid_queue_locator_arg", arguments)


@pytest.mark.parametrize(
    ("kind", "argument"), [("quorum", "x-quorum-initial-group-size"), ("stream", "x-initial-cluster-size")]
)
def test_QUEUE_48_a_group_has_a_member(broker, kind, argument):
    with broker.connect() as peer:
        arguments = {"x-queue-type": kind, argument: 0}
        invalid(peer, broker.fresh("grouped"), argument, "{value_zero,0}", arguments)


@pytest.mark.parametrize("age", ["5", "5x", "5 D", "0D", "5DD"])
def test_QUEUE_49_an_age_is_a_number_and_a_unit(broker, age):
    with broker.connect() as peer:
        arguments = {"x-queue-type": "stream", "x-max-age": age}
        invalid(peer, broker.fresh("aged"), "x-max-age", "invalid_max_age", arguments)


@pytest.mark.parametrize("age", ["D", "-5D", ""])
def test_QUEUE_49_an_age_without_a_number_crashes_the_channel(broker, age):
    with broker.connect() as peer:
        arguments = {"x-queue-type": "stream", "x-max-age": age}
        peer.send(Queue.Declare(queue=broker.fresh("aged"), durable=True, arguments=arguments))
        peer.expect_connection_error(541, "INTERNAL_ERROR", (0, 0))


def test_QUEUE_50_segments_have_a_largest_size(broker):
    with broker.connect() as peer:
        arguments = {"x-queue-type": "stream", "x-stream-max-segment-size-bytes": 3000000001}
        text = "Exceeded max value for x-stream-max-segment-size-bytes"
        refused(peer, broker.fresh("segmented"), text, arguments, durable=True)


@pytest.mark.parametrize("limit", [-1, "often", 0])
def test_QUEUE_51_a_delivery_limit_is_not_looked_at(broker, limit):
    with broker.connect() as peer:
        arguments = {"x-queue-type": "quorum", "x-delivery-limit": limit}
        accepted(peer, broker.fresh("often"), arguments, durable=True)


def test_QUEUE_52_a_dead_letter_strategy_is_one_of_two(broker):
    with broker.connect() as peer:
        arguments = {"x-queue-type": "quorum", "x-dead-letter-strategy": "often"}
        name = broker.fresh("strategic")
        invalid(peer, name, "x-dead-letter-strategy", "invalid_dlx_strategy", arguments)


@pytest.mark.parametrize(
    ("kind", "argument"),
    [(kind, argument) for kind, known in (("classic", CLASSIC), ("quorum", QUORUM), ("stream", STREAM))
     for argument in sorted((CLASSIC | QUORUM | STREAM).keys() - known.keys() - {"x-queue-type"})],
)  # fmt: skip
def test_QUEUE_53_QUEUE_54_QUEUE_55_QUEUE_56_arguments_of_other_types(broker, kind, argument):
    with broker.connect() as peer:
        name = broker.fresh("foreign")
        value = (CLASSIC | QUORUM | STREAM)[argument]
        text = f"invalid arg '{argument}' for queue '{name}' in vhost '/' of queue type rabbit_{kind}_queue"
        arguments = {"x-queue-type": kind, argument: value}
        refused(peer, name, text, arguments, durable=True)


def test_QUEUE_54_a_classic_queue_with_everything(broker):
    with broker.connect() as peer:
        accepted(peer, broker.fresh("full"), CLASSIC)


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ({"auto_delete": True, "exclusive": True}, "auto-delete"),
        ({"exclusive": True}, "exclusive-owner"),
        ({}, "non-durable"),
    ],
)
@pytest.mark.parametrize("kind", ["quorum", "stream"])
def test_QUEUE_57_flags_that_replicated_queues_do_not_have(broker, kind, flags, word):
    with broker.connect() as peer:
        name = broker.fresh("flagged")
        text = f"invalid property '{word}' for queue '{name}' in vhost '/'"
        refused(peer, name, text, {"x-queue-type": kind}, **flags)


def test_QUEUE_58_the_type_is_judged_first_then_values_then_foreign_arguments(broker):
    with broker.connect() as peer:
        name = broker.fresh("judged")
        arguments = {"x-max-age": "nonsense", "x-delivery-limit": 1, "x-expires": 0, "x-queue-type": "foo"}
        invalid(peer, name, "x-queue-type", "\"unsupported queue type 'foo'\"", arguments)
        arguments["x-queue-type"] = "classic"
        invalid(peer, name, "x-expires", "{value_zero,0}", arguments)
        arguments["x-expires"] = 60000
        foreign = f"queue '{name}' in vhost '/' of queue type rabbit_classic_queue"
        refused(peer, name, f"invalid arg 'x-max-age' for {foreign}", arguments)
        del arguments["x-max-age"]
        refused(peer, name, f"invalid arg 'x-delivery-limit' for {foreign}", arguments)


def test_QUEUE_58_values_are_judged_in_their_own_order(broker):
    wrong = {
        "x-single-active-consumer": 1,
        "x-queue-version": 3,
        "x-queue-mode": 1,
        "x-overflow": 1,
        "x-max-priority": -1,
        "x-max-length-bytes": -1,
        "x-max-length": -1,
        "x-dead-letter-routing-key": 5,
        "x-message-ttl": -1,
        "x-expires": -1,
    }
    with broker.connect() as peer:
        name = broker.fresh("ordered")
        while wrong:
            argument = list(wrong)[-1]
            peer.send(Queue.Declare(queue=name, arguments=wrong))
            close = peer.expect(Channel.Close)
            assert f"invalid arg '{argument}' " in close.reply_text
            peer.send(Channel.CloseOk(), Channel.Open(), channel=1)
            peer.expect(Channel.OpenOk())
            del wrong[argument]


def test_QUEUE_59_an_existing_queue_is_only_compared(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("compared"), arguments={"x-message-ttl": 1000})
        text = (
            f"inequivalent arg 'x-message-ttl' for queue '{name}' in vhost '/': "
            "received '-1' but current is '1000'"
        )
        refused(peer, name, text, {"x-message-ttl": -1}, exclusive=True)
        arguments = {"x-message-ttl": 1000, "x-max-age": "nonsense", "x-delivery-limit": 5}
        peer.call(Queue.Declare(queue=name, exclusive=True, arguments=arguments), Queue.DeclareOk(name, 0, 0))


def test_QUEUE_59_the_arguments_are_compared_in_order_and_before_the_flags(broker):
    with broker.connect() as peer:
        arguments = {"x-max-length": 5, "x-message-ttl": 1000, "x-expires": 70000}
        name = peer.queue(broker.fresh("compared"), arguments=arguments)
        wrong = {"x-max-length": 6, "x-message-ttl": 7, "x-expires": 9}
        text = f"inequivalent arg 'x-expires' for queue '{name}' in vhost '/': "
        text += "received '9' but current is '70000'"
        refused(peer, name, text, wrong, exclusive=True)


def test_QUEUE_59_the_same_number_in_another_type_is_the_same_but_not_as_a_string(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("compared"), arguments={"x-max-length": 5})
        again = Queue.Declare(queue=name, exclusive=True, arguments={"x-max-length": Int64(5)})
        peer.call(again, Queue.DeclareOk(name, 0, 0))
        text = f"inequivalent arg 'x-max-length' for queue '{name}' in vhost '/': "
        text += "received '5' but current is '5'"
        refused(peer, name, text, {"x-max-length": "5"}, exclusive=True)


def test_QUEUE_33_QUEUE_59_what_nobody_knows_is_neither_judged_nor_compared(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("unknown"), arguments={"x-foo": 1, "foo": "b"})
        again = Queue.Declare(queue=name, exclusive=True, arguments={"x-foo": 2})
        peer.call(again, Queue.DeclareOk(name, 0, 0))


def test_QUEUE_58_of_an_argument_given_twice_the_first_counts(broker):
    with broker.connect() as peer:
        name = broker.fresh("twice")
        twice = Table([("x-max-length", 5), ("x-max-length", -1)])
        peer.call(Queue.Declare(queue=name, exclusive=True, arguments=twice), Queue.DeclareOk(name, 0, 0))
        again = Queue.Declare(queue=name, exclusive=True, arguments={"x-max-length": 5})
        peer.call(again, Queue.DeclareOk(name, 0, 0))
