"""No input costs more than is due to its size: twice as much of it makes about twice the work, and not more
than so much memory. Work is counted in calls, which are the same each time; nothing here looks at a clock.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from broker_peer import Message, Peer, World
from effort import work

from amqplab.broker.alarms import MOST_QUEUED
from amqplab.broker.config import BrokerConfig
from amqplab.wire import methods as m
from amqplab.wire.frames import FRAME_BODY, encode_frame, encode_header, encode_method
from amqplab.wire.properties import Properties
from amqplab.wire.table import Table

LINEAR = 2.6
"""At most so much more work for twice the input; what is quadratic makes four times as much."""

KILOBYTE = 1000
MEGABYTE = 1_000_000


def memory(action: Callable[[], Any]) -> int:
    """How many octets an action leaves behind."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def opened(world: World | None = None, name: str = "c1:1") -> Peer:
    peer = (world or World()).connect(name)
    peer.channel(1)
    return peer


def holding(count: int) -> Peer:
    """A peer that holds so many unacknowledged messages of the queue q."""
    peer = opened()
    peer.declare("q")
    for _ in range(count):
        peer.publish(key="q")
        peer.send(1, m.Basic.Get(queue="q"))
    peer.drain()
    return peer


def reject_in_order(count: int) -> int:
    peer = holding(count)
    return work(lambda: [peer.send(1, m.Basic.Reject(tag + 1, requeue=True)) for tag in range(count)])


def reject_from_both_ends(count: int) -> int:
    peer = holding(count)
    tags = [tag for pair in zip(range(1, count + 1), range(count, 0, -1), strict=True) for tag in pair][
        :count
    ]
    return work(lambda: [peer.send(1, m.Basic.Reject(tag, requeue=True)) for tag in tags])


def crowd(count: int) -> Peer:
    """A peer with so many consumers of the queue q, all with a full window."""
    peer = opened()
    peer.declare("q")
    peer.send(1, m.Basic.Qos(prefetch_count=1))
    for number in range(count):
        peer.consume("q", f"t{number}")
    for _ in range(count):
        peer.publish(key="q")
    peer.drain()
    return peer


def acknowledge_in_a_crowd(count: int) -> int:
    peer = crowd(count)
    return work(lambda: [peer.send(1, m.Basic.Ack(tag + 1)) for tag in range(count)])


def stall_a_crowd(count: int) -> int:
    peer = crowd(count)
    broker = peer.world.broker

    def stall() -> None:
        broker.writable(peer.name, False, 0)
        broker.writable(peer.name, True, 0)

    return work(stall)


def come_and_go_beside_queues(count: int) -> int:
    """Connections beside so many queues that are not theirs."""
    peer = opened()
    for number in range(count):
        peer.declare(f"q{number}")

    def come_and_go() -> None:
        for number in range(count):
            peer.world.connect(f"c{number}:2").vanish()

    return work(come_and_go)


def acknowledge_beside_readers(count: int) -> int:
    peer = opened()
    peer.declare("s", durable=True, arguments={"x-queue-type": "stream"})
    peer.send(1, m.Basic.Qos(prefetch_count=1))
    for number in range(count):
        peer.consume("s", f"t{number}")
    peer.publish(key="s")
    return work(lambda: [peer.send(1, m.Basic.Ack(tag + 1)) for tag in range(count)])


@pytest.mark.parametrize(
    "measured",
    [
        reject_in_order,
        reject_from_both_ends,
        acknowledge_in_a_crowd,
        stall_a_crowd,
        come_and_go_beside_queues,
        acknowledge_beside_readers,
    ],
)
def test_twice_the_input_is_about_twice_the_work(measured: Callable[[int], int]) -> None:
    assert measured(200) < LINEAR * measured(100)


def test_a_pattern_of_many_wildcards_costs_what_it_is_long() -> None:
    def publish(wildcards: int) -> int:
        peer = opened()
        peer.declare("q")
        key = ".".join(["#"] * wildcards)
        peer.send(1, m.Queue.Bind(queue="q", exchange="amq.topic", routing_key=key))
        counted = work(lambda: peer.publish(exchange="amq.topic", key="." * 2 * wildcards))
        assert peer.world.broker.vhosts["/"].queues["q"].ready
        return counted

    assert publish(60) < 2 * LINEAR * publish(30)  # a pattern twice as long, and a key twice as long


def test_headers_are_put_in_order_once_for_all_bindings() -> None:
    def publish(bindings: int) -> int:
        peer = opened()
        peer.declare("q")
        for number in range(bindings):
            arguments = Table({f"z{number}": 1})
            peer.send(1, m.Queue.Bind(queue="q", exchange="amq.headers", arguments=arguments))
        headers = Table({f"h{number}": None for number in range(1000)})
        return work(lambda: peer.publish(exchange="amq.headers", properties=Properties(headers=headers)))

    assert publish(100) < 2 * publish(10)


# --- memory ------------------------------------------------------------------------------------------------


def test_a_queue_with_255_priorities_is_hardly_larger_than_another() -> None:
    peer = opened()
    arguments = Table({"x-max-priority": 255})

    def declare() -> None:
        for number in range(50):
            peer.declare(f"q{number}", arguments=arguments)

    assert memory(declare) < 50 * 20 * KILOBYTE


def test_remembered_routings_do_not_hold_every_binding_for_every_key() -> None:
    peer = opened()
    peer.declare("q")
    for number in range(1000):
        peer.send(1, m.Queue.Bind(queue="q", exchange="amq.fanout", routing_key=f"{number}"))
    peer.drain()

    def publish() -> None:
        for number in range(2000):
            peer.publish(exchange="amq.fanout", key=f"k{number}")

    assert memory(publish) < 4 * MEGABYTE


@pytest.mark.parametrize("announced", [5, 1 << 62])
def test_a_body_that_can_be_no_message_is_not_kept(announced: int) -> None:
    """Of the first more comes than was announced, and RabbitMQ waits for its end for ever, too."""
    peer = World(BrokerConfig(max_message_size=1000)).connect()
    peer.channel(1)
    piece = encode_frame(FRAME_BODY, 1, bytes(100_000))

    def publish() -> None:
        peer.octets(encode_method(1, m.Basic.Publish()) + encode_header(1, announced, Properties()))
        for _ in range(50):
            peer.octets(piece)

    assert memory(publish) < MEGABYTE
    assert peer.drain() == []


def test_a_body_that_is_too_large_is_refused_when_it_has_come() -> None:
    peer = World(BrokerConfig(max_message_size=1000)).connect()
    peer.channel(1)
    peer.publish(body=bytes(300_000))
    (close,) = peer.on()
    assert close.reply_text == (
        "PRECONDITION_FAILED - message size 300000 is larger than configured max size 1000"
    )
    peer.send(1, m.Channel.CloseOk())
    peer.channel(1)
    peer.declare("q")
    peer.publish(key="q", body=bytes(1000))
    assert len(peer.world.broker.vhosts["/"].queues["q"].ready) == 1


def test_one_message_for_all_channels_of_a_connection_is_not_multiplied_without_end() -> None:
    world = World()
    asking, answering = world.connect("c1:1"), opened(world, "c2:2")
    for number in range(1, 60):
        asking.channel(number)
        asking.send(number, m.Basic.Consume(queue="amq.rabbitmq.reply-to", no_ack=True))
    asking.drain()
    addresses = list(world.broker.reply_channels)
    body = bytes(MEGABYTE)
    answering.publish(key=addresses[0], body=body, properties=Properties(headers=Table({"CC": addresses})))
    got = [one for _, one in asking.drain() if isinstance(one, Message)]
    assert MOST_QUEUED <= len(got) * MEGABYTE <= MOST_QUEUED + 2 * MEGABYTE


# --- what never ends ---------------------------------------------------------------------------------------


def test_dead_letters_that_go_round_for_ever_leave_others_their_turn() -> None:
    """RabbitMQ 3.10 lets a letter go round once somebody has rejected it, for good (DLX-15)."""
    world = World()
    peer, other = opened(world), opened(world, "c2:2")
    for name, next_one in ("ab", "ba"):
        arguments = {"x-message-ttl": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": next_one}
        peer.declare(name, arguments=Table(arguments))
    rejected = Table({"x-death": [Table({"reason": "rejected", "queue": "z"})]})
    peer.publish(key="a", properties=Properties(headers=rejected))
    numbers = []
    for _ in range(3):
        world.sleep(0.01)
        assert isinstance(other.declare("q"), m.Queue.DeclareOk)
        numbers.append(world.broker.last_message)
    assert numbers == sorted(set(numbers))  # it still goes round
    peer.send(1, m.Queue.Delete(queue="a"))
    world.sleep(0.01)
    assert world.wake is None


def test_a_long_chain_of_exchanges_goes_with_the_last_one() -> None:
    peer = opened()
    before = set(peer.world.broker.vhosts["/"].exchanges)
    count = 2000
    for number in range(count):
        flags = {"type": "fanout", "auto_delete": number < count - 1}
        peer.send(1, m.Exchange.Declare(exchange=f"e{number}", **flags))
    for number in range(count - 1):
        peer.send(1, m.Exchange.Bind(source=f"e{number}", destination=f"e{number + 1}"))
    assert peer.call(1, m.Exchange.Delete(exchange=f"e{count - 1}")) == m.Exchange.DeleteOk()
    assert set(peer.world.broker.vhosts["/"].exchanges) == before


def test_diamonds_of_exchanges_are_walked_once() -> None:
    peer = opened()
    peer.declare("q")
    depth = 40  # 2**40 ways through
    for number in range(depth):
        for side in "ab":
            peer.send(1, m.Exchange.Declare(exchange=f"{side}{number}", type="fanout"))
    for number in range(depth - 1):
        for source in "ab":
            for destination in "ab":
                ends = {"source": f"{source}{number}", "destination": f"{destination}{number + 1}"}
                peer.send(1, m.Exchange.Bind(**ends))
    for side in "ab":
        peer.send(1, m.Queue.Bind(queue="q", exchange=f"{side}{depth - 1}"))
    peer.publish(exchange="a0")
    assert len(peer.world.broker.vhosts["/"].queues["q"].ready) == 1


@pytest.mark.parametrize("headers_kind", ["published", "dead"])
def test_a_queued_message_takes_about_as_much_memory_as_its_octets(headers_kind: str) -> None:
    """Thousands of empty tables in the headers, which would be twenty times as large, decoded."""
    peer = opened()
    peer.declare("q")
    limit = {"x-max-length": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"}
    peer.declare("p", arguments=Table(limit))
    peer.publish(key="q")
    count, size = 4, 60_000

    def publish() -> None:
        for number in range(count):
            table = b"\x00F\x00\x00\x00\x00" * (size // 6 - number)
            properties = b"\x20\x00" + len(table).to_bytes(4, "big") + table
            key = "q" if headers_kind == "published" else "p"
            peer.octets(
                encode_method(1, m.Basic.Publish(routing_key=key))
                + encode_header(1, 2, properties)
                + encode_frame(FRAME_BODY, 1, b"hi")
            )

    assert memory(publish) < 2 * count * size
    assert len(peer.world.broker.vhosts["/"].queues["q"].ready) == count + 1


def test_large_headers_are_read_wherever_they_matter() -> None:
    """They are not kept decoded: dead letters, counts, streams and a headers exchange decode them again."""
    peer = opened()
    for name, arguments in {
        "last": {},
        "dying": {"x-max-length": 0, "x-dead-letter-exchange": "amq.headers"},
        "quorum": {"x-queue-type": "quorum"},
        "stream": {"x-queue-type": "stream"},
    }.items():
        peer.declare(name, durable=name in ("quorum", "stream"), arguments=Table(arguments))
    peer.send(1, m.Queue.Bind(queue="last", exchange="amq.headers", arguments=Table({"n": 1})))
    large = Properties(headers=Table({"n": 1, "filling": "x" * 1000}))
    for name in ("dying", "quorum", "stream"):
        peer.publish(key=name, properties=large)
    peer.send(1, m.Basic.Get(queue="quorum"))
    peer.send(1, m.Basic.Reject(1, requeue=True))
    peer.send(1, m.Basic.Get(queue="quorum"), m.Basic.Get(queue="last"), m.Basic.Qos(prefetch_count=1))
    consume = m.Basic.Consume(queue="stream", arguments=Table({"x-stream-offset": "first"}))
    peer.send(1, consume)
    got = [set(one.properties.headers) - {"n", "filling"} for one in peer.on() if isinstance(one, Message)]
    story = {"x-death", "x-first-death-exchange", "x-first-death-queue", "x-first-death-reason"}
    assert got == [{"x-delivery-count"}, {"x-delivery-count"}, story, {"x-stream-offset"}]
