"""Alarms stop those who publish, and nobody else (LIMIT-01 … LIMIT-09); hung consumers lose their channel."""

from __future__ import annotations

import pytest
from broker_peer import Peer, World

from amqplab.broker.config import BrokerConfig
from amqplab.broker.effects import Room, Send
from amqplab.errors import UsageError
from amqplab.wire import methods as m
from amqplab.wire.frames import encode_content, encode_method
from amqplab.wire.properties import Properties

TIMED_OUT = (
    "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 90000 ms. "
    "This timeout value can be configured, see consumers doc guide to learn more"
)


def alarm(world: World, resource: str, active: bool) -> None:
    world.apply(world.broker.set_alarm(resource, active, world.now))


def ready(world: World) -> int:
    return len(world.broker.vhosts["/"].queues["q"].ready)


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        (["memory"], "low on memory"),
        (["disk"], "low on disk"),
        (["memory", "disk"], "low on disk & memory"),
    ],
)
def test_the_first_header_during_an_alarm_stops_the_reading(
    world: World, peer: Peer, resources: list[str], reason: str
) -> None:
    peer.declare("q")
    for resource in resources:
        alarm(world, resource, True)
    assert peer.reading
    peer.publish(key="q")
    assert peer.on(0) == [m.Connection.Blocked(reason=reason)]
    assert not peer.reading
    assert ready(world) == 0


def test_a_message_without_a_body_is_complete_with_its_header_and_passes(world: World, peer: Peer) -> None:
    peer.declare("q")
    alarm(world, "memory", True)
    peer.publish(key="q", body=b"")
    assert ready(world) == 1
    assert not peer.reading


def test_what_was_read_already_waits_and_goes_on_in_order(world: World, peer: Peer) -> None:
    peer.declare("q")
    alarm(world, "memory", True)
    message = encode_content(1, m.Basic.Publish(routing_key="q"), Properties(), b"body", 4096)
    peer.octets(message + encode_method(1, m.Queue.Purge(queue="q")) + message * 2)
    peer.octets(message)  # the driver may have had one more piece in hand
    assert peer.drain() == [(0, m.Connection.Blocked(reason="low on memory"))]
    assert ready(world) == 0
    alarm(world, "memory", False)
    assert peer.drain() == [(0, m.Connection.Unblocked()), (1, m.Queue.PurgeOk(message_count=1))]
    assert (peer.reading, ready(world)) == (True, 3)


def test_unblocked_only_when_all_alarms_are_gone_and_not_told_twice(world: World, peer: Peer) -> None:
    peer.declare("q")
    alarm(world, "memory", True)
    peer.publish(key="q")
    alarm(world, "disk", True)
    alarm(world, "memory", False)
    assert peer.on(0) == [m.Connection.Blocked(reason="low on memory")]
    assert not peer.reading
    alarm(world, "disk", False)
    assert peer.on(0) == [m.Connection.Unblocked()]


def test_consumers_go_on_and_are_what_empties_the_queues(world: World, peer: Peer) -> None:
    peer.declare("q")
    peer.publish(key="q")
    alarm(world, "disk", True)
    other = world.connect("c2:1")
    other.channel()
    other.call(1, m.Basic.Consume(queue="q", consumer_tag="t"))
    other.send(1, m.Basic.Ack(delivery_tag=1))
    assert (ready(world), world.broker.vhosts["/"].queues["q"].unacked) == (0, 0)
    assert other.reading


def test_without_the_capability_there_is_silence(world: World) -> None:
    peer = world.connect("quiet:1", capabilities={})
    peer.channel()
    peer.declare("q")
    alarm(world, "memory", True)
    peer.publish(key="q")
    assert (peer.on(0), peer.reading) == ([], False)
    alarm(world, "memory", False)
    assert (peer.on(0), peer.reading, ready(world)) == ([], True, 1)


def test_a_blocked_client_is_not_given_up_for_its_silence(world: World) -> None:
    peer = world.connect("beating:1", heartbeat=10)
    peer.channel()
    peer.declare("q")
    alarm(world, "memory", True)
    peer.publish(key="q")
    world.sleep(300)
    assert peer.closed is None
    alarm(world, "memory", False)
    world.sleep(60)
    assert peer.closed is not None


def test_a_broker_that_stops_reads_again_for_the_goodbye(world: World, peer: Peer) -> None:
    peer.declare("q")
    alarm(world, "memory", True)
    peer.publish(key="q")
    world.apply(world.broker.shutdown(world.now))
    assert peer.reading
    peer.send(0, m.Connection.CloseOk())
    assert peer.closed is not None


def test_there_are_two_resources(world: World) -> None:
    with pytest.raises(UsageError, match="'cpu': it is one of disk, memory"):
        world.broker.set_alarm("cpu", True, world.now)


@pytest.mark.parametrize("way", ["consume", "get"])
def test_a_delivery_that_is_never_acknowledged_costs_the_channel(way: str) -> None:
    world = World(BrokerConfig(consumer_timeout_ms=90_000))
    peer = world.connect()
    peer.channel()
    peer.declare("q")
    peer.publish(key="q")
    if way == "get":
        peer.call(1, m.Basic.Get(queue="q"))
    else:
        peer.call(1, m.Basic.Consume(queue="q"))
    world.sleep(119)
    assert peer.on() == []
    world.sleep(1)
    assert peer.on() == [m.Channel.Close(406, TIMED_OUT, 0, 0)]
    peer.send(1, m.Channel.CloseOk())
    assert ready(world) == 1


def test_who_acknowledges_in_time_may_go_on_for_ever() -> None:
    world = World(BrokerConfig(consumer_timeout_ms=90_000))
    peer = world.connect()
    peer.channel()
    peer.declare("q")
    peer.call(1, m.Basic.Consume(queue="q"))
    for tag in range(1, 30):
        peer.publish(key="q")
        world.sleep(80)
        peer.send(1, m.Basic.Ack(delivery_tag=tag))
    assert [type(one).__name__ for one in peer.on()].count("Close") == 0


BODY = bytes(1 << 20)


@pytest.mark.parametrize("report", [None, lambda *event: 0], ids=["in the fast lane", "reported"])
def test_a_client_that_asks_for_gigabytes_at_once_gets_them_as_it_takes_them(report: object) -> None:
    world = World(report=report)
    peer = world.connect()
    peer.channel()
    peer.declare("q")
    for _ in range(100):
        peer.publish(key="q", body=BODY)
    broker, name = world.broker, peer.name
    get = encode_method(1, m.Basic.Get(queue="q", no_ack=True))
    effects = broker.received(name, get * 100 + encode_method(1, m.Queue.Purge(queue="q")), world.now)
    rounds = 0
    while True:
        sent = sum(len(one.data) for one in effects if isinstance(one, Send))
        assert sent < 36 << 20
        room = any(isinstance(one, Room) for one in effects)
        world.apply(one for one in effects if not isinstance(one, Room))
        if not room:
            break
        assert not peer.reading
        rounds += 1
        effects = broker.writable(name, True, world.now)
    got = peer.on()
    assert [one.method.message_count for one in got[:-1]] == list(range(99, -1, -1))
    assert got[-1] == m.Queue.PurgeOk(message_count=0)
    assert (rounds, peer.reading) == (3, True)
