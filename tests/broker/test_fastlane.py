"""The fast lane and the ordinary road give the same octets, chunk for chunk, and the same records.

The lane of one of two brokers is closed, and both are told the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker_peer import Peer, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amqplab.broker import fastlane
from amqplab.trace.recorder import Recorder
from amqplab.wire import methods as m
from amqplab.wire.frames import (
    FRAME_BODY,
    HEARTBEAT,
    encode_content,
    encode_frame,
    encode_header,
    encode_method,
)
from amqplab.wire.properties import Properties

LAW = settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow],
)

GOOD = st.sampled_from(
    [
        Properties(),
        Properties(delivery_mode=2),
        Properties(message_id="a"),
        Properties(user_id="guest"),
        Properties(headers={"CC": ["p"]}),
        Properties(headers={"BCC": ["p"]}),
        Properties(headers={"a": 1}),
    ]
)
BAD = [
    Properties(user_id="root"),
    Properties(expiration="x"),
    Properties(delivery_mode=7),
    b"\x80",
    b"\x00\x00!",
]
BODIES = st.sampled_from([b"same", b"same", b"diff", b"", b"longer", bytes(5000)])
ADDRESSES = st.sampled_from(
    [
        ("", "q"),
        ("", "q"),
        ("", "p"),
        ("", "gone"),
        ("amq.fanout", ""),
        ("amq.headers", ""),
        ("amq.topic", "a.b"),
    ]
)
BENIGN = [
    HEARTBEAT,
    encode_method(1, m.Queue.Purge(queue="q")),
    encode_method(1, m.Queue.Delete(queue="p")),
    encode_method(1, m.Queue.Declare(queue="p")),
    encode_method(1, m.Queue.Declare(queue="gone")),
    encode_method(1, m.Queue.Unbind(queue="p", exchange="amq.fanout", routing_key="a.*")),
    encode_method(1, m.Confirm.Select()),
    encode_method(2, m.Tx.Select()),
    encode_method(2, m.Tx.Commit()),
    encode_method(1, m.Channel.Close()) + encode_method(1, m.Channel.Open()),
    encode_method(3, m.Basic.Cancel(consumer_tag="c")),
    encode_method(3, m.Basic.Consume(queue="q")),
    encode_method(1, m.Basic.Publish(routing_key="q"))
    + HEARTBEAT
    + encode_method(3, m.Basic.Qos(prefetch_count=3))
    + encode_header(1, 2, b"\x00\x00")
    + encode_frame(FRAME_BODY, 1, b"xx"),
]
FATAL = [
    encode_method(3, m.Basic.Ack(delivery_tag=999)),
    encode_method(1, m.Queue.Purge(queue="nowhere")),
    encode_frame(FRAME_BODY, 1, b"xx"),
    encode_method(0, m.Connection.Close()),
    b"\x01\x00\x01\x00\x00\x00\x01",
]


def publishes(draw: Any) -> bytes:
    """The same publish several times, perhaps with one that is different among them."""
    exchange, key = draw(ADDRESSES)
    channel = draw(st.sampled_from([1, 1, 2]))
    method = m.Basic.Publish(exchange=exchange, routing_key=key, mandatory=draw(st.booleans()))
    properties = [draw(GOOD)] * draw(st.integers(1, 4))
    if draw(st.integers(0, 9)) == 9:
        properties.append(draw(st.sampled_from(BAD)))
    return b"".join(encode_content(channel, method, one, draw(BODIES), 4096) for one in properties)


def settlement(draw: Any, world: World) -> bytes:
    """An ack or nack of something that is outstanding now, if anything is."""
    session = world.broker.sessions.get("c1:1")
    channel = draw(st.sampled_from([1, 3]))
    if session is None or channel not in session.channels:
        return b""
    tags = [one.tag for one in session.channels[channel].ledger]
    if not tags:
        return b""
    kind = draw(st.sampled_from([m.Basic.Ack, m.Basic.Ack, m.Basic.Nack]))
    return encode_method(
        channel, kind(delivery_tag=draw(st.sampled_from(tags)), multiple=draw(st.booleans()))
    )


def piece(draw: Any, world: World) -> bytes:
    choice = draw(st.integers(0, 19))
    if choice < 9:
        return publishes(draw)
    if choice < 15:
        return settlement(draw, world)
    return draw(st.sampled_from(BENIGN if choice < 19 else FATAL))


def start(*, lane: bool = True, report: Any = None) -> tuple[World, Peer]:
    """A peer with two publishing channels and a third that consumes, all bindings in place."""
    world = World(report=report)
    world.broker.fast_lane = lane
    peer = world.connect(frame_max=4096)
    for number in (1, 2, 3):
        peer.channel(number)
    for name in ("q", "p"):
        peer.declare(name)
    for exchange in ("amq.fanout", "amq.headers", "amq.topic"):
        peer.call(1, m.Queue.Bind(queue="p", exchange=exchange, routing_key="a.*"))
    peer.call(1, m.Basic.Qos(prefetch_count=2))
    peer.call(3, m.Basic.Qos(prefetch_count=2))
    peer.call(1, m.Basic.Consume(queue="q", consumer_tag="mine"))
    peer.call(3, m.Basic.Consume(queue="q", consumer_tag="c"))
    peer.call(2, m.Basic.Consume(queue="p", consumer_tag="auto", no_ack=True))
    return world, peer


def heard(world: World, data: bytes) -> list[Any]:
    return world.broker.received("c1:1", data, world.now)


@LAW
@given(st.data())
def test_the_two_roads_lead_to_the_same_octets(data: st.DataObject) -> None:
    fast, _ = start()
    slow, _ = start(lane=False)
    roads_agree(data, fast, slow)


@LAW
@given(st.data())
def test_the_two_roads_tell_the_same(data: st.DataObject) -> None:
    recorders = [Recorder(lambda: 0), Recorder(lambda: 0)]
    fast, slow = (
        start(lane=lane, report=recorder.reporter("broker"))[0]
        for lane, recorder in zip((True, False), recorders, strict=True)
    )
    roads_agree(data, fast, slow, lambda: len(recorders[0]) == len(recorders[1]))
    assert list(recorders[0]) == list(recorders[1])


def roads_agree(
    data: st.DataObject, fast: World, slow: World, also: Callable[[], bool] = lambda: True
) -> None:
    """Tell both brokers the same, in chunks cut anywhere."""
    waiting = b""
    for _ in range(data.draw(st.integers(1, 25))):
        waiting += piece(data.draw, fast)
        keep = data.draw(st.sampled_from([0, 0, 0, 7, 60, 10_000]))
        chunk, waiting = waiting[: len(waiting) - keep], waiting[max(0, len(waiting) - keep) :]
        assert heard(fast, chunk) == heard(slow, chunk)
        assert also()
    assert heard(fast, waiting) == heard(slow, waiting)
    assert fast.broker.last_message == slow.broker.last_message
    assert depths(fast) == depths(slow)


def depths(world: World) -> dict[str, tuple[int, int]]:
    return {name: (len(one.ready), one.unacked) for name, one in world.broker.vhosts["/"].queues.items()}


def counted(monkeypatch: Any) -> list[int]:
    """Count what the lane takes."""
    taken = [0]
    take = fastlane.Lane.take

    def counting(self: fastlane.Lane, data: bytes, position: int) -> int:
        after = take(self, data, position)
        taken[0] += after != fastlane.SURPRISE
        return after

    monkeypatch.setattr(fastlane.Lane, "take", counting)
    return taken


def stream(count: int, **properties: Any) -> bytes:
    method = m.Basic.Publish(routing_key="p")
    return b"".join(
        encode_content(1, method, Properties(**properties), b"body %d" % number, 4096)
        for number in range(count)
    )


def test_a_stream_of_publishes_takes_the_lane_wherever_it_is_cut(monkeypatch: Any) -> None:
    taken = counted(monkeypatch)
    world, _ = start()
    octets = stream(2000)
    chunks = [octets[at : at + 6000] for at in range(0, len(octets), 6000)]
    for chunk in chunks:
        heard(world, chunk)
    assert taken[0] >= 2000 - 1 - len(chunks)


def test_a_stream_of_acks_takes_the_lane(monkeypatch: Any) -> None:
    taken = counted(monkeypatch)
    world, peer = start()
    peer.send(3, m.Basic.Qos(prefetch_count=0))
    peer.send(3, m.Basic.Consume(queue="p", consumer_tag="all"))
    peer.send(2, m.Basic.Cancel(consumer_tag="auto"))
    heard(world, stream(50))
    taken[0] = 0
    heard(world, b"".join(encode_method(3, m.Basic.Ack(delivery_tag=tag)) for tag in range(1, 51)))
    assert taken[0] == 50
    assert world.broker.vhosts["/"].queues["p"].unacked == 0


def test_too_many_surprises_end_the_attempts(monkeypatch: Any) -> None:
    taken = counted(monkeypatch)
    world, peer = start()
    heard(world, b"".join(encode_method(1, m.Queue.Purge(queue="q")) for _ in range(100)) + stream(3))
    assert taken[0] == 0
    assert sum(isinstance(what, m.Queue.PurgeOk) for _, what in peer.drain()) == 0, "effects were not applied"


def test_the_lane_forgets_when_the_topology_changes() -> None:
    for change in (
        encode_method(2, m.Queue.Delete(queue="p")) + encode_method(2, m.Queue.Declare(queue="p")),
        encode_method(2, m.Queue.Delete(queue="p")),
    ):
        results = []
        for lane in (True, False):
            world, _ = start(lane=lane)
            for octets in (stream(3), change, stream(3)):
                heard(world, octets)
            results.append(depths(world))
        assert results[0] == results[1]


def test_the_lane_is_closed_with_its_channel() -> None:
    world, _ = start()
    for octets in (stream(3), encode_method(1, m.Queue.Purge(queue="nowhere")), stream(3)):
        heard(world, octets)
    assert world.broker.last_message == 3
