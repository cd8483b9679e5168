"""LIMIT-01 … LIMIT-19: alarms, timeouts and policies, which an operator brings about."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace

import pytest

from amqplab.model.policy import Policy
from amqplab.wire.methods import Basic, Channel, Connection, Exchange, Queue

TIMEOUT_MS = 900
MEASURED = 10**9  # octets, in virtual time


class Operator:
    """The hand at the switches of one broker."""

    def __init__(self, broker):
        self.broker = broker
        self._policies = 0

    def alarm(self, resource, active):
        self.broker.operate(
            self._marking(resource, active), lambda broker, now: broker.set_alarm(resource, active, now)
        )

    def mark(self, resource, active):
        """Set the watermark of a resource so that what is used is too much, or back."""
        marks = {"memory": (0, None), "disk": (None, 9 * 10**15)}[resource] if active else (None, None)

        def act(broker, now):
            if self.broker.virtual:  # where nobody measures
                broker.measured(MEASURED, MEASURED, now)
            return broker.set_watermarks(*marks, now)

        self.broker.operate(self._marking(resource, active), act)

    @staticmethod
    def _marking(resource, active):
        if resource == "memory":
            return "set_vm_memory_high_watermark", "0" if active else "0.9"
        return "set_disk_free_limit", "9000GB" if active else "1MB"

    def policy(self, pattern, definition, priority=0):
        """Set a policy; returns its name."""
        self._policies += 1
        name = f"policy{self._policies}"
        words = ("set_policy", name, pattern, json.dumps(definition), "--priority", str(priority))
        policy = Policy(name, pattern, definition, priority=priority)
        self.broker.operate(words, lambda broker, now: broker.set_policy(policy, now))
        return name

    def clear(self, name):
        self.broker.operate(("clear_policy", name), lambda broker, now: broker.clear_policy("/", name, now))

    def bound(self, pattern, definition):
        """Set an operator policy."""
        policy = Policy("bound", pattern, definition, operator=True)
        words = ("set_operator_policy", "bound", pattern, json.dumps(definition))
        self.broker.operate(words, lambda broker, now: broker.set_policy(policy, now))

    def unbound(self):
        """Take it back."""
        self.broker.operate(
            ("clear_operator_policy", "bound"),
            lambda broker, now: broker.clear_policy("/", "bound", now, operator=True),
        )

    def settle(self, peer):
        """What was done has got about: RabbitMQ's processes tell each other."""
        if "rabbitmq" in self.broker.name:
            peer.expect_silence(1.2)


@pytest.fixture
def operator(operated):
    return Operator(operated)


def blocked(peer, reason):
    peer.expect(Connection.Blocked(reason=reason))


def expect_quiet(peer):
    """Nothing comes, and a question stays without an answer."""
    peer.send(Channel.Flow(active=True))
    peer.expect_silence(0.3)


@pytest.mark.parametrize("resource", ["memory", "disk"])
def test_LIMIT_01_the_node_measures_and_raises_the_alarm_itself(operated, operator, resource):
    with operated.connect() as peer:
        name = peer.queue()
        operator.mark(resource, True)
        try:
            operator.settle(peer)
            peer.publish(name)
            blocked(peer, f"low on {resource}")
        finally:
            operator.mark(resource, False)
        peer.expect(Connection.Unblocked())
        peer.await_counts(name, (1, 0))


def test_LIMIT_02_LIMIT_03_LIMIT_05_LIMIT_07_LIMIT_08_publishing_during_an_alarm(operated, operator):
    with operated.connect() as early, operated.connect() as consumer:
        name = consumer.queue(exclusive=False)
        consumer.publish(name, b"before")
        early.publish(name, b"before")
        early.sync()
        consumer.await_counts(name, (2, 0))
        operator.alarm("memory", True)
        operator.settle(early)
        try:
            early.sync()
            with operated.connect() as late:
                late.publish(name, b"during")
                blocked(late, "low on memory")
                expect_quiet(late)
                assert consumer.drain(name) == [b"before", b"before"]
                operator.alarm("memory", False)
                late.expect(Connection.Unblocked())
                late.expect(Channel.FlowOk(active=True))
                assert consumer.drain(name) == [b"during"]
        finally:
            operator.alarm("memory", False)
        consumer.call(Queue.Delete(queue=name), Queue.DeleteOk)


def test_LIMIT_04_LIMIT_06_two_alarms_and_a_client_that_does_not_understand(operated, operator):
    with operated.connect() as peer, operated.connect(capabilities={}) as deaf:
        name = peer.queue(exclusive=False)
        operator.alarm("disk", True)
        operator.settle(peer)
        try:
            peer.publish(name)
            blocked(peer, "low on disk")
            deaf.publish(name)
            expect_quiet(deaf)
            operator.alarm("memory", True)
            with operated.connect() as late:
                operator.settle(late)
                late.publish(name)
                blocked(late, "low on disk & memory")
                operator.alarm("disk", False)
                peer.expect_silence(1.2)
                operator.alarm("memory", False)
                for one in (peer, late):
                    one.expect(Connection.Unblocked())
                deaf.expect(Channel.FlowOk(active=True))
                late.sync()
        finally:
            for resource in ("disk", "memory"):
                operator.alarm(resource, False)
        peer.await_counts(name, (3, 0))
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk)


def test_LIMIT_05_a_message_without_a_body_still_passes(operated, operator):
    with operated.connect() as peer, operated.connect() as observer:
        name = observer.queue(exclusive=False)
        operator.alarm("memory", True)
        operator.settle(peer)
        try:
            peer.publish(name, b"")
            blocked(peer, "low on memory")
            observer.await_counts(name, (1, 0))
        finally:
            operator.alarm("memory", False)
        peer.expect(Connection.Unblocked())
        observer.call(Queue.Delete(queue=name), Queue.DeleteOk)


def consume_one_by_one(peer, queue):
    """Subscribe with room for one message; returns that one."""
    peer.call(Basic.Qos(prefetch_count=1), Basic.QosOk())
    peer.consume(queue, "t")
    return peer.deliveries(1)[0]


def test_CONN_53_LIMIT_07_LIMIT_09_who_both_publishes_and_consumes_stalls_but_lives(operated, operator):
    """Not even acknowledgements are read, but the silence is not taken for death."""
    with operated.connect() as apart:
        queues = [apart.queue(operated.fresh("stalled"), exclusive=False) for _ in range(2)]
        for queue in queues * 2:
            apart.publish(queue)
        apart.sync()
        operator.alarm("memory", True)
        operator.settle(apart)
        try:
            with operated.connect(tune=(2047, 131072, 1)) as mixed:
                first = consume_one_by_one(mixed, queues[0])
                mixed.publish(operated.fresh("nobody"))
                blocked(mixed, "low on memory")
                mixed.send(Basic.Ack(first.tag))
                apart.send(Basic.Ack(consume_one_by_one(apart, queues[1]).tag))
                apart.deliveries(1)
                mixed.heartbeats.clear()
                mixed.expect_silence(3.4)
                assert len(mixed.heartbeats) >= 5
                operator.alarm("memory", False)
                mixed.expect(Connection.Unblocked())
                mixed.deliveries(1)
        finally:
            operator.alarm("memory", False)
        apart.call(Basic.Cancel(consumer_tag="t"), Basic.CancelOk)
        for queue in queues:
            apart.call(Queue.Delete(queue=queue), Queue.DeleteOk)


@contextmanager
def impatience(operated):
    """Channels opened meanwhile wait so long for acknowledgements, and look so often."""

    def be(timeout_ms, tick_ms):
        def change(broker, _):
            broker.config = replace(broker.config, consumer_timeout_ms=timeout_ms, channel_tick_ms=tick_ms)
            return []

        settings = {"consumer_timeout": timeout_ms, "channel_tick_interval": tick_ms}
        words = (f"application:set_env(rabbit, {name}, {value})" for name, value in settings.items())
        operated.operate(("eval", ", ".join(words) + "."), change)

    be(TIMEOUT_MS, 300)
    try:
        yield
    finally:
        be(1_800_000, 60_000)


def test_LIMIT_13_who_never_acknowledges_loses_the_channel(operated):
    with impatience(operated), operated.connect(channels=2) as peer:
        names = [peer.queue(), peer.queue()]
        for name in names:
            peer.publish(name)
        peer.sync()
        for name in names:
            peer.await_counts(name, (1, 0))
        peer.get(names[0], no_ack=False)
        peer.consume(names[1], "t", channel=2)
        peer.deliveries(1, channel=2)
        for channel, name in enumerate(names, 1):
            text = (
                f"PRECONDITION_FAILED - delivery acknowledgement on channel {channel} timed out. Timeout "
                f"value used: {TIMEOUT_MS} ms. This timeout value can be configured, see consumers doc guide "
                "to learn more"
            )
            peer.expect_channel_error(406, text, (0, 0), channel)
            peer.await_counts(name, (1, 0), channel)


def test_LIMIT_17_LIMIT_19_a_policy_holds_from_now_on_and_nobody_is_told(operated, operator):
    with operated.connect() as peer:
        dead, name = peer.queue(), peer.queue(operated.fresh("ruled"))
        for body in (b"a", b"b", b"c"):
            peer.publish(name, body)
        peer.sync()
        peer.await_counts(name, (3, 0))
        definition = {"max-length": 2, "dead-letter-exchange": "", "dead-letter-routing-key": dead}
        policy = operator.policy(f"^{name}$", definition)
        peer.await_counts(name, (2, 0))
        peer.publish(name, b"d")
        peer.await_counts(dead, (2, 0))
        assert [peer.get(dead).body for _ in range(2)] == [b"a", b"b"]
        operator.clear(policy)
        peer.expect_silence(0.3)
        for body in (b"e", b"f"):
            peer.publish(name, body)
        peer.await_counts(name, (4, 0))


def test_LIMIT_18_DLX_18_QUEUE_16_what_argument_and_policy_come_to(operated, operator):
    with operated.connect() as peer:
        own, other = peer.queue(), peer.queue()
        arguments = {"x-max-length": 3, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": own}
        name = peer.queue(operated.fresh("ruled"), arguments=arguments)
        definition = {"max-length": 1, "dead-letter-routing-key": other, "message-ttl": 60000}
        policy = operator.policy(f"^{name}$", definition)
        peer.expect_silence(0.3)
        for body in (b"a", b"b"):
            peer.publish(name, body)
        peer.await_counts(own, (1, 0))
        assert (peer.counts(name), peer.counts(other)) == ((1, 0), (0, 0))
        again = Queue.Declare(queue=name, exclusive=True, arguments=arguments)
        peer.call(again, Queue.DeclareOk(name, 1, 0))
        operator.clear(policy)
        peer.expect_silence(0.3)
        for body in (b"c", b"d", b"e"):
            peer.publish(name, body)
        peer.await_counts(name, (3, 0))


def test_LIMIT_17_the_policy_with_the_highest_priority_counts(operated, operator):
    with operated.connect() as peer:
        name = operated.fresh("ranked")
        low = operator.policy(f"^{name}", {"max-length": 1}, priority=1)
        high = operator.policy(f"^{name}", {"max-length": 2}, priority=2)
        peer.queue(name)
        for _ in range(4):
            peer.publish(name)
        peer.sync()
        peer.await_counts(name, (2, 0))
        for policy in (low, high):
            operator.clear(policy)
        peer.expect_silence(0.1)


def test_LIMIT_18_beside_a_policy_an_operator_has_a_word_and_the_smaller_limit_counts(operated, operator):
    """What only one of the two sets holds as it is."""
    with operated.connect() as peer:
        dead, name = peer.queue(), peer.queue(operated.fresh("ruled"))
        letters = {"dead-letter-exchange": "", "dead-letter-routing-key": dead}
        policy = operator.policy(f"^{name}$", {"max-length": 3, **letters})
        operator.bound(f"^{name}$", {"max-length": 1, "max-length-bytes": 5})
        peer.expect_silence(0.3)
        for body in (b"a", b"b", b"too long"):
            peer.publish(name, body)
        peer.await_counts(dead, (3, 0))
        assert (peer.counts(name), peer.drain(dead)) == ((0, 0), [b"a", b"b", b"too long"])
        operator.unbound()
        peer.expect_silence(0.3)
        for body in (b"c", b"d", b"e", b"f"):
            peer.publish(name, body)
        peer.await_counts(name, (3, 0))
        operator.clear(policy)


def test_LIMIT_18_an_operator_rules_where_nobody_else_does(operated, operator):
    with operated.connect() as peer:
        name = peer.queue(operated.fresh("ruled"), arguments={"x-max-length": 3})
        operator.bound(f"^{name}$", {"max-length": 2})
        peer.expect_silence(0.3)
        for body in (b"a", b"b", b"c"):
            peer.publish(name, body)
        peer.await_counts(name, (2, 0))
        operator.unbound()


def test_EXCH_40_LIMIT_18_an_alternate_exchange_by_policy(operated, operator):
    with operated.connect() as peer:
        source, spare, last = (operated.fresh("alternated") for _ in range(3))
        queues = {name: peer.queue() for name in (spare, last)}
        for name in (spare, last):
            peer.exchange(name, "fanout", auto_delete=True)
            peer.bind(queues[name], name)
        peer.exchange(source, "direct")
        policy = operator.policy(f"^{source}$", {"alternate-exchange": spare})
        peer.expect_silence(0.3)
        peer.publish("nowhere", b"a", exchange=source)
        peer.await_counts(queues[spare], (1, 0))
        peer.call(Exchange.Delete(exchange=source), Exchange.DeleteOk())
        peer.exchange(source, "direct", arguments={"alternate-exchange": last})
        peer.publish("nowhere", b"b", exchange=source)
        peer.await_counts(queues[last], (1, 0))
        assert peer.counts(queues[spare]) == (1, 0)
        operator.clear(policy)
        peer.call(Exchange.Delete(exchange=source), Exchange.DeleteOk())


def test_LIMIT_12_credit_is_not_for_clients(operated):
    with operated.connect() as peer:
        peer.consume(peer.queue(), "t", arguments={"x-credit": {"credit": 0, "drain": False}})
        peer.call(Basic.Cancel(consumer_tag="t"), Basic.CancelOk)
