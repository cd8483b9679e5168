"""QUEUE-52: a quorum queue whose dead letters have to arrive."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from amqplab.model.policy import Policy
from amqplab.wire.methods import Basic, Confirm, Exchange, Queue

PATIENCE_MS = 1500
LONGER_S = 4.0
WINDOW = 32
ENV = "application:set_env(rabbit, dead_letter_worker_publisher_confirm_timeout, {})."


@pytest.fixture
def patient(operated):
    """A broker that tries again soon, what did not arrive."""

    def hurry(broker, now):
        broker.config = replace(broker.config, dead_letter_timeout_ms=PATIENCE_MS)
        return []

    operated.operate(("eval", ENV.format(PATIENCE_MS)), hurry)
    return operated


@pytest.fixture
def peer(patient):
    with patient.connect() as peer:
        yield peer


@pytest.fixture
def careful(patient, peer):
    """Makes such queues: `careful(exchange, **more)`; they are gone afterwards."""
    made = []

    def make(exchange, **arguments):
        table = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
        table = {"x-overflow": "reject-publish", "x-dead-letter-strategy": "at-least-once"} | table
        table |= {"x-queue-type": "quorum", "x-dead-letter-exchange": exchange}
        made.append(patient.fresh("careful"))
        peer.call(
            Queue.Declare(queue=made[-1], durable=True, arguments=table), Queue.DeclareOk(made[-1], 0, 0)
        )
        return made[-1]

    yield make
    for name in made:
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk)


def reject(peer, queue, *bodies):
    """Publish them, and refuse each."""
    for body in bodies:
        peer.publish(queue, body)
        peer.await_counts(queue, (1, 0))
        peer.send(Basic.Reject(delivery_tag=peer.get(queue, no_ack=False).tag, requeue=False))
        peer.await_counts(queue, (0, 0))


def await_letters(peer, queue, number):
    """So many are there, at the latest when they were sent again."""
    for _ in range(100):
        if peer.counts(queue)[0] >= number:
            return
        peer.expect_silence(0.1)
    raise AssertionError(f"{number} letters did not come")


def letters(peer, queue, number):
    """The bodies of so many, when they are there."""
    await_letters(peer, queue, number)
    return peer.drain(queue)


def test_QUEUE_52_letters_wait_for_their_exchange_and_for_a_queue(patient, peer, careful):
    dead, exchange = peer.queue(), patient.fresh("later")
    name = careful(exchange)
    reject(peer, name, b"a", b"b")
    peer.expect_silence(0.2)
    peer.exchange(exchange, "fanout")
    peer.bind(dead, exchange)
    await_letters(peer, dead, 2)
    letter, other = peer.get(dead), peer.get(dead)
    assert (letter.body, other.body) == (b"a", b"b")
    (death,) = letter.properties.headers["x-death"]
    assert (death["count"], death["reason"], death["queue"]) == (1, "rejected", name)
    assert (death["exchange"], death["routing-keys"]) == ("", [name])
    assert "x-delivery-count" not in letter.properties.headers
    peer.call(Exchange.Delete(exchange=exchange), Exchange.DeleteOk())


def test_QUEUE_52_letters_that_wait_take_up_room(patient, peer, careful):
    """The limit is soft (QUORUM-13): one more than it says."""
    name = careful("amq.direct", max_length=2)
    peer.call(Confirm.Select(), Confirm.SelectOk())
    for tag in (1, 2, 3):
        peer.publish(name, b"a")
        peer.expect(Basic.Ack(delivery_tag=tag))
        peer.send(Basic.Reject(delivery_tag=peer.get(name, no_ack=False).tag, requeue=False))
        peer.await_counts(name, (0, 0))
    peer.publish(name, b"b")
    assert peer.expect(Basic.Nack).delivery_tag == 4
    assert peer.call(Queue.Purge(queue=name), Queue.PurgeOk).message_count == 0
    dead = peer.queue()
    peer.bind(dead, "amq.direct", name)
    assert letters(peer, dead, 3) == [b"a", b"a", b"a"]
    peer.publish(name, b"c")
    peer.expect(Basic.Ack(delivery_tag=5))


def test_QUEUE_52_who_refuses_gets_the_letter_later_and_nobody_gets_it_twice(patient, peer, careful):
    exchange = peer.exchange(patient.fresh("both"), "fanout")
    full = peer.queue(arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    free = peer.queue()
    for queue in (full, free):
        peer.bind(queue, exchange)
    peer.publish(full, b"in the way")
    peer.await_counts(full, (1, 0))
    name = careful(exchange)
    reject(peer, name, b"a")
    assert letters(peer, free, 1) == [b"a"]
    assert peer.drain(full) == [b"in the way"]
    assert letters(peer, full, 1) == [b"a"]
    assert peer.counts(free) == (0, 0)
    peer.call(Exchange.Delete(exchange=exchange), Exchange.DeleteOk())


def test_QUEUE_52_the_oldest_letters_hold_up_the_others(patient, peer, careful):
    exchange, other = (peer.exchange(patient.fresh(stem), "direct") for stem in ("few", "dead"))
    dead, name = peer.queue(), careful(other)
    peer.bind(dead, other, "free")
    for key in ("stuck", "free"):
        peer.bind(name, exchange, key)
    for number in range(WINDOW):
        peer.publish("stuck", b"%d" % number, exchange=exchange)
    peer.publish("free", b"free", exchange=exchange)
    peer.await_counts(name, (WINDOW + 1, 0))
    for _ in range(WINDOW + 1):
        peer.send(Basic.Reject(delivery_tag=peer.get(name, no_ack=False).tag, requeue=False))
    peer.await_counts(name, (0, 0))
    peer.expect_silence(LONGER_S)
    assert peer.counts(dead) == (0, 0)
    peer.bind(dead, other, "stuck")
    found = letters(peer, dead, WINDOW + 1)
    assert found == [*(b"%d" % number for number in range(WINDOW)), b"free"]
    for one in (exchange, other):
        peer.call(Exchange.Delete(exchange=one), Exchange.DeleteOk())


def test_QUEUE_52_what_would_go_round_for_ever_waits(patient, peer, careful):
    name = careful("", message_ttl=100)
    peer.publish(name, b"a")
    peer.await_counts(name, (1, 0))
    peer.expect_silence(0.5)
    peer.await_counts(name, (0, 0))


@pytest.mark.parametrize("overflow", ["drop-head", "reject-publish"])
def test_QUEUE_52_the_strategy_needs_a_queue_that_refuses(patient, peer, careful, overflow):
    """Otherwise what has nowhere to go is lost."""
    dead, exchange = peer.queue(), patient.fresh("later")
    name = careful(exchange, overflow=overflow)
    reject(peer, name, b"a")
    peer.exchange(exchange, "fanout")
    peer.bind(dead, exchange)
    if overflow == "reject-publish":
        assert letters(peer, dead, 1) == [b"a"]
    else:
        peer.expect_silence(LONGER_S)
        assert peer.counts(dead) == (0, 0)
    peer.call(Exchange.Delete(exchange=exchange), Exchange.DeleteOk())


def test_QUEUE_52_letters_get_into_a_stream(patient, peer, careful):
    stream = patient.fresh("stream")
    declare = Queue.Declare(queue=stream, durable=True, arguments={"x-queue-type": "stream"})
    peer.call(declare, Queue.DeclareOk)
    name = careful("", dead_letter_routing_key=stream)
    reject(peer, name, b"a")
    peer.call(Basic.Qos(prefetch_count=10), Basic.QosOk())
    peer.consume(stream, "t", arguments={"x-stream-offset": "first"})
    assert peer.expect_message().body == b"a"
    peer.call(Basic.Cancel(consumer_tag="t"), Basic.CancelOk("t"))
    peer.call(Queue.Delete(queue=stream), Queue.DeleteOk)


def test_QUEUE_52_a_policy_may_ask_for_it_and_when_it_goes_the_letters_do(patient, peer):
    dead, exchange, name = peer.queue(), patient.fresh("later"), patient.fresh("politic")
    rules = {
        "dead-letter-exchange": exchange,
        "dead-letter-strategy": "at-least-once",
        "overflow": "reject-publish",
    }
    policy = Policy("careful", f"^{name}$", rules)
    set_it = (
        ("set_policy", "careful", policy.pattern, json.dumps(rules)),
        lambda it, now: it.set_policy(policy, now),
    )
    clear_it = ("clear_policy", "careful"), lambda it, now: it.clear_policy("/", "careful", now)

    def operate(words, action):
        patient.operate(words, action)
        peer.expect_silence(1.0)  # RabbitMQ's queues hear of it when they hear of it

    peer.call(Queue.Declare(queue=name, durable=True, arguments={"x-queue-type": "quorum"}), Queue.DeclareOk)
    operate(*set_it)
    reject(peer, name, b"a")
    operate(*clear_it)
    peer.exchange(exchange, "fanout")
    peer.bind(dead, exchange)
    operate(*set_it)
    reject(peer, name, b"b")
    assert letters(peer, dead, 1) == [b"b"]
    operate(*clear_it)
    peer.call(Queue.Delete(queue=name), Queue.DeleteOk)
    peer.call(Exchange.Delete(exchange=exchange), Exchange.DeleteOk())


def test_QUEUE_52_DUR_05_letters_that_wait_survive_a_restart(mortal):
    """They are sent as soon as the broker is back; what was refused is not handed out again."""
    name, dead, exchange = (mortal.fresh(stem) for stem in ("careful", "dead", "later"))
    arguments = {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-strategy": "at-least-once",
    }
    with mortal.connect() as peer:
        peer.call(Queue.Declare(queue=name, durable=True, arguments=arguments), Queue.DeclareOk)
        peer.call(Queue.Declare(queue=dead, durable=True), Queue.DeclareOk)
        reject(peer, name, b"a", b"b")
        peer.exchange(exchange, "fanout", durable=True)
        peer.bind(dead, exchange)
        peer.sync()
        peer.abort()
    mortal.end("stopped")
    mortal.start()
    with mortal.connect() as peer:
        assert letters(peer, dead, 2) == [b"a", b"b"]
        assert peer.counts(name) == (0, 0)
        for queue in (name, dead):
            peer.call(Queue.Delete(queue=queue), Queue.DeleteOk)
        peer.call(Exchange.Delete(exchange=exchange), Exchange.DeleteOk())
