"""QUEUE-01 … QUEUE-32: the life of a queue, as far as no argument changes it."""

from __future__ import annotations

import re

import pytest
from patterns import matching

from amqplab.wire.methods import Basic, Channel, Queue
from amqplab.wire.table import Int8, Int64

DECLARE, DELETE = (50, 10), (50, 40)
GENERATED = r"amq\.gen-[A-Za-z0-9_-]{22}"


def not_found(name):
    return f"NOT_FOUND - no queue '{name}' in vhost '/'"


def locked(name):
    return (
        f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{name}' in vhost '/'. "
        "It could be originally declared on another connection or the exclusive property value "
        "does not match that of the original declaration."
    )


def inequivalent(field, name, received, current):
    return (
        f"PRECONDITION_FAILED - inequivalent arg '{field}' for queue '{name}' in vhost '/': "
        f"received {received} but current is {current}"
    )


def missing(peer, name):
    peer.send(Queue.Declare(queue=name, passive=True))
    peer.expect_channel_error(404, not_found(name), DECLARE)


# --- declare -----------------------------------------------------------------------------------------------


def test_QUEUE_01_the_broker_names_a_queue_without_a_name(broker):
    with broker.connect() as peer:
        reply = peer.call(Queue.Declare(exclusive=True), Queue.DeclareOk(matching(GENERATED), 0, 0))
        assert re.fullmatch(GENERATED, reply.queue)
        assert peer.queue() != reply.queue


def test_QUEUE_03_a_passive_declaration_needs_a_name(broker):
    with broker.connect() as peer:
        peer.send(Queue.Declare(passive=True))
        peer.expect_channel_error(404, not_found(""), DECLARE)


@pytest.mark.parametrize("name", ["amq.mine", "amq.", "amq.gen-abc"])
def test_QUEUE_04_names_that_begin_with_amq_are_reserved(broker, name):
    with broker.connect() as peer:
        peer.send(Queue.Declare(queue=name))
        text = f"ACCESS_REFUSED - queue name '{name}' contains reserved prefix 'amq.*'"
        peer.expect_channel_error(403, text, DECLARE)


def test_QUEUE_04_not_even_the_owner_declares_a_generated_name_again(broker):
    with broker.connect() as peer:
        name = peer.queue()
        peer.call(Queue.Declare(queue=name, passive=True), Queue.DeclareOk(name, 0, 0))
        peer.send(Queue.Declare(queue=name, exclusive=True))
        text = f"ACCESS_REFUSED - queue name '{name}' contains reserved prefix 'amq.*'"
        peer.expect_channel_error(403, text, DECLARE)


def test_QUEUE_05_declare_ok_counts_ready_messages_and_all_consumers(broker):
    with broker.connect(channels=2) as peer:
        name = peer.queue(broker.fresh("counted"))
        for _ in range(3):
            peer.publish(name)
        peer.get(name, no_ack=False)
        assert peer.counts(name) == (2, 0)
        peer.call(Basic.Qos(prefetch_count=1), Basic.QosOk())
        peer.call(Basic.Qos(prefetch_count=1), Basic.QosOk(), channel=2)
        peer.consume(name)
        peer.consume(name, channel=2)
        peer.deliveries(1)
        peer.deliveries(1, channel=2)
        assert peer.counts(name) == (0, 2)
        reply = peer.call(Queue.Declare(queue=name, exclusive=True), Queue.DeclareOk)
        assert reply == Queue.DeclareOk(name, 0, 2)


def test_QUEUE_06_passive_looks_at_the_name_only(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("plain"), exclusive=False)
        arguments = {"x-max-length": 5, "x-queue-type": "quorum"}
        peer.call(
            Queue.Declare(
                queue=name, passive=True, durable=True, auto_delete=True, exclusive=True, arguments=arguments
            ),
            Queue.DeclareOk(name, 0, 0),
        )
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(0))
        missing(peer, name)


def test_QUEUE_07_nowait_only_remembers_the_name(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("quiet"), exclusive=False)
        peer.publish(name)
        peer.queue()
        peer.send(Queue.Declare(queue=name, passive=True, nowait=True))
        peer.call(Queue.Delete(), Queue.DeleteOk(1))


@pytest.mark.parametrize("field", ["durable", "auto_delete"])
@pytest.mark.parametrize("first", [False, True])
def test_QUEUE_09_flags_are_compared(broker, field, first):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("flags"), exclusive=False, **{field: first})
        peer.send(Queue.Declare(queue=name, **{field: not first}))
        received, current = (f"'{str(flag).lower()}'" for flag in (not first, first))
        peer.expect_channel_error(406, inequivalent(field, name, received, current), DECLARE)
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(0))


def test_QUEUE_08_QUEUE_10_exclusiveness_first_then_durable_then_auto_delete_then_arguments(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("order"), exclusive=False)
        changes = {"arguments": {"x-max-length": 5}, "auto_delete": True, "durable": True, "exclusive": True}
        texts = {
            "arguments": (
                406,
                inequivalent("x-max-length", name, "the value '5' of type 'signedint'", "none"),
            ),
            "auto_delete": (406, inequivalent("auto_delete", name, "'true'", "'false'")),
            "durable": (406, inequivalent("durable", name, "'true'", "'false'")),
            "exclusive": (405, locked(name)),
        }
        asked = {}
        for change, value in changes.items():
            asked[change] = value
            peer.send(Queue.Declare(queue=name, **asked))
            peer.expect_channel_error(*texts[change], DECLARE)
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(0))


def test_QUEUE_10_an_exclusive_queue_is_not_declared_as_another(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("mine"))
        peer.send(Queue.Declare(queue=name))
        peer.expect_channel_error(405, locked(name), DECLARE)


@pytest.mark.parametrize(
    ("declared", "again", "received", "current"),
    [
        ({"x-max-length": 1}, {"x-max-length": 2}, "'2'", "'1'"),
        ({"x-max-length": 1}, {}, "none", "the value '1' of type 'signedint'"),
        ({}, {"x-message-ttl": 1000}, "the value '1000' of type 'signedint'", "none"),
        ({"x-queue-mode": "lazy"}, {"x-queue-mode": "default"}, "'default'", "'lazy'"),
    ],
)
def test_QUEUE_11_known_arguments_are_compared(broker, declared, again, received, current):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("arguments"), exclusive=False, arguments=declared)
        field = next(iter(declared | again))
        peer.send(Queue.Declare(queue=name, arguments=again))
        peer.expect_channel_error(406, inequivalent(field, name, received, current), DECLARE)
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(0))


IN_ORDER = {
    "x-expires": 100_000,
    "x-message-ttl": 5,
    "x-dead-letter-exchange": "dlx",
    "x-dead-letter-routing-key": "key",
    "x-max-length": 6,
    "x-max-length-bytes": 7,
    "x-max-priority": 2,
    "x-overflow": "drop-head",
    "x-queue-mode": "lazy",
    "x-single-active-consumer": True,
}


def test_QUEUE_12_the_first_argument_that_differs_is_named(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("order"), exclusive=False)
        names = list(IN_ORDER)
        for at, field in enumerate(names):
            peer.send(
                Queue.Declare(queue=name, arguments={one: IN_ORDER[one] for one in reversed(names[at:])})
            )
            kind = {str: "longstr", int: "signedint", bool: "bool"}[type(IN_ORDER[field])]
            shown = str(IN_ORDER[field]).replace("True", "true")
            text = inequivalent(field, name, f"the value '{shown}' of type '{kind}'", "none")
            peer.expect_channel_error(406, text, DECLARE)
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(0))


def test_QUEUE_13_QUEUE_14_QUEUE_15_what_counts_as_the_same(broker):
    with broker.connect() as peer:
        name = peer.queue(
            broker.fresh("same"), exclusive=False, arguments={"x-max-length": Int8(100), "x-unknown": 1}
        )
        again = {"x-max-length": Int64(100), "x-queue-type": "classic", "x-other": [1]}
        peer.call(Queue.Declare(queue=name, arguments=again), Queue.DeclareOk(name, 0, 0))
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(0))


def test_QUEUE_17_LIMIT_16_a_virtual_host_with_enough_queues(broker):
    with broker.connect("small") as peer:
        peer.queue("only")
        peer.send(Queue.Declare(queue="more"))
        text = (
            "PRECONDITION_FAILED - cannot declare queue 'more': queue limit in vhost 'small' (1) is reached"
        )
        peer.expect_channel_error(406, text, DECLARE)


# --- exclusive and auto-delete -----------------------------------------------------------------------------


def test_QUEUE_18_an_exclusive_queue_is_locked_for_others(broker):
    with broker.connect() as owner, broker.connect() as peer:
        name = owner.queue(broker.fresh("mine"))
        for method in (
            Queue.Declare(queue=name, exclusive=True),
            Queue.Declare(queue=name, passive=True),
            Basic.Get(queue=name),
            Basic.Consume(queue=name),
            Queue.Purge(queue=name),
            Queue.Delete(queue=name),
            Queue.Bind(queue=name, exchange="amq.direct"),
        ):
            peer.send(method)
            peer.expect_channel_error(405, locked(name), method.ids)
        peer.publish(name)
        owner.await_counts(name, (1, 0))


def test_QUEUE_19_exclusive_and_durable_is_not_durable(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("both"), durable=True)
        peer.call(Queue.Declare(queue=name, exclusive=True), Queue.DeclareOk(name, 0, 0))
        peer.call(Queue.Declare(queue=name, exclusive=True, durable=True), Queue.DeclareOk(name, 0, 0))


def test_QUEUE_20_an_exclusive_queue_outlives_its_channel(broker):
    name = broker.fresh("mine")
    with broker.connect(channels=2) as peer:
        peer.queue(name)
        peer.call(Channel.Close(200), Channel.CloseOk())
        assert peer.counts(name, channel=2) == (0, 0)
    with broker.connect() as peer:
        missing(peer, name)


@pytest.mark.parametrize("durable", [False, True])
def test_QUEUE_21_QUEUE_22_an_auto_delete_queue_goes_with_its_last_consumer(broker, durable):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("auto"), exclusive=False, auto_delete=True, durable=durable)
        assert peer.get(name) is None
        assert peer.counts(name) == (0, 0)
        first, second = peer.consume(name), peer.consume(name)
        peer.call(Basic.Cancel(first), Basic.CancelOk(first))
        assert peer.counts(name) == (0, 1)
        peer.call(Basic.Cancel(second), Basic.CancelOk(second))
        missing(peer, name)


@pytest.mark.parametrize("leave", ["close", "abort"])
def test_QUEUE_21_also_when_the_consumer_s_connection_ends(broker, leave):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("auto"), exclusive=False, auto_delete=True)
        other = broker.connect()
        other.consume(name)
        getattr(other, leave)()
        for _ in range(100):
            peer.send(Queue.Declare(queue=name, passive=True))
            _, _, payload = peer.frame(1)
            if payload.startswith(Channel.Close.prefix):
                assert payload == Channel.Close(404, not_found(name), *DECLARE).encode()
                peer.send(Channel.CloseOk(), Channel.Open())
                peer.expect(Channel.OpenOk())
                return
            peer.expect_silence(0.05)
        raise AssertionError("the queue is still there")


# --- purge and delete --------------------------------------------------------------------------------------


def test_QUEUE_24_purge_takes_what_is_ready(broker):
    with broker.connect() as peer:
        name = peer.queue()
        for body in (b"one", b"two", b"three"):
            peer.publish(name, body)
        held = peer.get(name, no_ack=False)
        peer.call(Queue.Purge(queue=name), Queue.PurgeOk(2))
        peer.call(Queue.Purge(queue=name), Queue.PurgeOk(0))
        peer.send(Basic.Reject(held.tag, requeue=True))
        assert peer.drain(name) == [b"one"]


@pytest.mark.parametrize(
    "method",
    [Queue.Purge(queue="nobody"), Basic.Get(queue="nobody"), Basic.Consume(queue="nobody")],
    ids=lambda method: method.name,
)
def test_QUEUE_25_what_is_not_there(broker, method):
    with broker.connect() as peer:
        peer.send(method)
        peer.expect_channel_error(404, not_found("nobody"), method.ids)


@pytest.mark.parametrize("flags", [{}, {"if_unused": True}, {"if_empty": True}])
def test_QUEUE_26_deleting_what_is_not_there_is_fine(broker, flags):
    with broker.connect() as peer:
        peer.call(Queue.Delete(queue="nobody", **flags), Queue.DeleteOk(0))


def test_QUEUE_27_delete_ok_counts_what_was_ready(broker):
    with broker.connect() as peer:
        name = peer.queue()
        for _ in range(3):
            peer.publish(name)
        peer.get(name, no_ack=False)
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(2))


def test_QUEUE_28_QUEUE_29_conditions(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("held"))
        peer.publish(name)
        tag = peer.consume(name)
        held = peer.deliveries(1)[0]

        def refused(why, **conditions):
            peer.send(Queue.Delete(queue=name, **conditions), channel=2)
            text = f"PRECONDITION_FAILED - queue '{name}' in vhost '/' {why}"
            peer.expect_channel_error(406, text, DELETE, channel=2)

        peer.open_channel(2)
        refused("in use", if_unused=True)
        refused("in use", if_unused=True, if_empty=True)
        peer.call(Basic.Cancel(tag), Basic.CancelOk(tag))
        peer.publish(name)
        refused("not empty", if_empty=True)
        peer.consume(name, channel=2, no_ack=True)
        peer.deliveries(1, channel=2)
        peer.send(Basic.Ack(held.tag))
        peer.sync()
        refused("in use", if_unused=True)
        peer.call(Queue.Delete(queue=name, if_unused=True, if_empty=True), Queue.DeleteOk(0))


def test_QUEUE_29_emptiness_is_looked_at_first(broker):
    with broker.connect() as peer:
        name = peer.queue(broker.fresh("full"))
        peer.call(Basic.Qos(prefetch_count=1), Basic.QosOk())
        peer.consume(name)
        peer.publish(name)
        peer.publish(name)
        peer.deliveries(1)
        peer.send(Queue.Delete(queue=name, if_unused=True, if_empty=True))
        text = f"PRECONDITION_FAILED - queue '{name}' in vhost '/' not empty"
        peer.expect_channel_error(406, text, DELETE)


def test_QUEUE_29_unacknowledged_messages_are_no_content(broker):
    with broker.connect() as peer:
        name = peer.queue()
        peer.publish(name)
        peer.get(name, no_ack=False)
        peer.call(Queue.Delete(queue=name, if_empty=True), Queue.DeleteOk(0))


@pytest.mark.parametrize(
    "settle",
    [lambda tag: Basic.Ack(tag), lambda tag: Basic.Nack(tag), lambda tag: Basic.Reject(tag, requeue=True)],
    ids=["ack", "nack", "reject"],
)
def test_QUEUE_30_what_a_deleted_queue_had_delivered_may_still_be_settled(broker, settle):
    with broker.connect() as peer:
        name = peer.queue()
        peer.publish(name)
        held = peer.get(name, no_ack=False)
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(0))
        peer.send(settle(held.tag))
        peer.sync()
        peer.send(Basic.Ack(held.tag))
        text = f"PRECONDITION_FAILED - unknown delivery tag {held.tag}"
        peer.expect_channel_error(406, text, (60, 80))


def test_QUEUE_31_delete_tells_consumers(broker):
    with broker.connect(channels=2) as peer, broker.connect() as other:
        name = peer.queue(broker.fresh("doomed"), exclusive=False)
        peer.consume(name, "mine", channel=2)
        other.consume(name, "theirs")
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk(0))
        peer.expect(Basic.Cancel("mine", nowait=True), channel=2)
        other.expect(Basic.Cancel("theirs", nowait=True))


def test_QUEUE_31_also_on_the_channel_that_deletes(broker):
    with broker.connect() as peer:
        name = peer.queue()
        peer.consume(name, "mine")
        peer.send(Queue.Delete(queue=name))
        found = {peer.frame(1)[2] for _ in range(2)}
        assert found == {Queue.DeleteOk(0).encode(), Basic.Cancel("mine", nowait=True).encode()}
