"""What survives which end of the broker (DUR)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from broker_peer import Message, Peer
from durable_world import DurableWorld

from amqplab.sim.clock import Clock
from amqplab.sim.disk import Disk
from amqplab.wire.methods import Basic, Confirm, Exchange, Queue, Tx
from amqplab.wire.properties import Properties
from amqplab.wire.table import Timestamp

SECOND = 1_000_000_000
PERSISTENT = Properties(delivery_mode=2)
TRANSIENT = Properties(delivery_mode=1)

End = Callable[[DurableWorld], None]
ENDS = pytest.mark.parametrize("end", [DurableWorld.stop, DurableWorld.crash], ids=["stopped", "crashed"])


@pytest.fixture
def world() -> DurableWorld:
    clock = Clock()
    return DurableWorld(clock, Disk(clock))


def client(world: DurableWorld, name: str = "c1:1") -> Peer:
    peer = world.connect(name)
    peer.channel(1)
    return peer


def after(world: DurableWorld, end: End, down_ns: int = 0) -> tuple[DurableWorld, Peer]:
    """The broker ends, and runs again; a client of the new one."""
    end(world)
    again = world.again(down_ns)
    return again, client(again)


def get_all(peer: Peer, queue: str = "q") -> list[tuple[bytes, bool]]:
    """(body, redelivered) of everything in a queue."""
    found = []
    while isinstance(got := peer.call(1, Basic.Get(queue=queue, no_ack=True)), Message):
        found.append((got.body, got.method.redelivered))
    return found


@ENDS
def test_only_what_is_durable_and_not_exclusive_survives(world: DurableWorld, end: End) -> None:
    """DUR-01, DUR-02."""
    peer = client(world)
    peer.call(1, Exchange.Declare(exchange="durable", durable=True))
    peer.call(1, Exchange.Declare(exchange="transient"))
    peer.declare("durable", durable=True)
    peer.declare("transient")
    peer.declare("exclusive", durable=True, exclusive=True)
    for exchange in ("durable", "transient"):
        for queue in ("durable", "transient", "exclusive"):
            peer.call(1, Queue.Bind(queue=queue, exchange=exchange, routing_key="k"))
    peer.call(1, Exchange.Bind(source="durable", destination="transient"))
    peer.call(1, Exchange.Bind(source="durable", destination="amq.topic", routing_key="t"))
    again, peer = after(world, end)
    vhost = again.broker.vhosts["/"]
    assert list(vhost.queues) == ["durable"]
    assert "durable" in vhost.exchanges and "transient" not in vhost.exchanges
    ends = [(binding.kind, binding.destination) for binding in vhost.exchanges["durable"].bindings]
    assert ends == [("queue", "durable"), ("exchange", "amq.topic")]
    peer.publish(1, "durable", "k", b"still bound", PERSISTENT)
    assert get_all(peer, "durable") == [(b"still bound", False)]


@ENDS
def test_flags_and_arguments_survive(world: DurableWorld, end: End) -> None:
    """DUR-01, DUR-03: declared again with anything else, it is refused as before."""
    peer = client(world)
    arguments = {"x-max-length": 5, "x-overflow": "reject-publish"}
    peer.declare("q", durable=True, auto_delete=True, arguments=arguments)
    peer.call(1, Exchange.Declare(exchange="e", type="topic", durable=True, internal=True))
    _, peer = after(world, end)
    assert isinstance(peer.declare("q", durable=True, auto_delete=True, arguments=arguments), Queue.DeclareOk)
    again = Exchange.Declare(exchange="e", type="topic", durable=True, internal=True)
    assert isinstance(peer.call(1, again), Exchange.DeclareOk)
    refused = peer.declare("q", durable=True, auto_delete=True)
    assert refused.reply_code == 406


@ENDS
def test_transient_messages_do_not_survive_in_classic_queues_and_do_in_quorum_queues(
    world: DurableWorld, end: End
) -> None:
    """DUR-04, DUR-05."""
    kinds = {"q": {}, "lazy": {"x-queue-mode": "lazy"}, "priority": {"x-max-priority": 5}}
    peer = client(world)
    for name, arguments in {**kinds, "quorum": {"x-queue-type": "quorum"}}.items():
        peer.declare(name, durable=True, arguments=arguments)
        for mode in (TRANSIENT, Properties(), PERSISTENT):
            peer.publish(1, "", name, repr(mode.delivery_mode).encode(), mode)
    _, peer = after(world, end)
    for name in kinds:
        assert [body for body, _ in get_all(peer, name)] == [b"2"]
    assert [body for body, _ in get_all(peer, "quorum")] == [b"1", b"None", b"2"]


def test_after_a_stop_what_was_unacked_is_redelivered_and_nothing_else(world: DurableWorld) -> None:
    """DUR-06."""
    peer = client(world)
    peer.declare("q", durable=True)
    for body in (b"1", b"2", b"3"):
        peer.publish(1, "", "q", body, PERSISTENT)
    peer.call(1, Basic.Get(queue="q"))
    peer.call(1, Basic.Get(queue="q"))
    _, peer = after(world, DurableWorld.stop)
    assert get_all(peer) == [(b"1", True), (b"2", True), (b"3", False)]


def test_after_a_crash_everything_in_a_classic_queue_is_redelivered(world: DurableWorld) -> None:
    """DUR-07."""
    peer = client(world)
    peer.declare("q", durable=True)
    peer.declare("quorum", durable=True, arguments={"x-queue-type": "quorum"})
    for queue in ("q", "quorum"):
        for body in (b"1", b"2"):
            peer.publish(1, "", queue, body, PERSISTENT)
    again, peer = after(world, DurableWorld.crash)
    assert [copy.redelivered for copy in again.broker.vhosts["/"].queues["quorum"].ready] == [False, False]
    assert get_all(peer) == [(b"1", True), (b"2", True)]


def test_a_confirm_waits_for_the_disk_and_a_transient_message_does_not(world: DurableWorld) -> None:
    """DUR-09, CONF-05."""
    peer = client(world)
    peer.declare("q", durable=True)
    peer.call(1, Confirm.Select())
    world.clock.run()
    peer.publish(1, "", "q", b"1", PERSISTENT)
    assert peer.on() == []
    peer.publish(1, "", "q", b"2", TRANSIENT)
    assert peer.on() == [Basic.Ack(delivery_tag=2)]
    world.clock.run()
    assert peer.on() == [Basic.Ack(delivery_tag=1)]


def test_a_commit_waits_for_the_disk_and_survives_as_a_whole(world: DurableWorld) -> None:
    """TX-07, DUR-02: what was not committed is gone."""
    peer = client(world)
    peer.declare("q", durable=True)
    peer.call(1, Tx.Select())
    world.clock.run()
    peer.publish(1, "", "q", b"1", PERSISTENT)
    peer.publish(1, "", "q", b"2", PERSISTENT)
    assert peer.call(1, Tx.Commit()) is None
    world.clock.run()
    assert peer.on() == [Tx.CommitOk()]
    peer.publish(1, "", "q", b"3", PERSISTENT)
    _, peer = after(world, DurableWorld.crash)
    assert [body for body, _ in get_all(peer)] == [b"1", b"2"]


@ENDS
def test_order_priority_and_headers_survive(world: DurableWorld, end: End) -> None:
    """DUR-10, DUR-13."""
    peer = client(world)
    peer.declare("q", durable=True, arguments={"x-max-priority": 9})
    for body, priority in ((b"1", 1), (b"2", 5), (b"3", None), (b"4", 5)):
        peer.publish(1, "", "q", body, Properties(delivery_mode=2, priority=priority, headers={"n": 1}))
    _, peer = after(world, end)
    got = peer.call(1, Basic.Get(queue="q", no_ack=True))
    assert (got.body, got.properties.headers["n"], got.properties.priority) == (b"2", 1, 5)
    assert [body for body, _ in get_all(peer)] == [b"4", b"1", b"3"]


@ENDS
def test_time_goes_on_while_the_broker_is_down(world: DurableWorld, end: End) -> None:
    """DUR-11: also for a dead-letter exchange, to which what expired goes at the start."""
    peer = client(world)
    peer.declare("dead", durable=True)
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    peer.declare("q", durable=True, arguments=arguments)
    peer.publish(1, "", "q", b"short", Properties(delivery_mode=2, expiration="3000"))
    peer.publish(1, "", "q", b"long", Properties(delivery_mode=2, expiration="60000"))
    again, peer = after(world, end, 5 * SECOND)
    assert [body for body, _ in get_all(peer, "dead")] == [b"short"]
    again.sleep(54)
    assert [body for body, _ in get_all(peer)] == [b"long"]
    _, peer = after(again, end)
    assert (get_all(peer), get_all(peer, "dead")) == ([], [])


@ENDS
def test_a_queue_that_expires_has_its_time_anew(world: DurableWorld, end: End) -> None:
    """DUR-12."""
    peer = client(world)
    peer.declare("q", durable=True, arguments={"x-expires": 3000})
    again, peer = after(world, end, 10 * SECOND)
    assert "q" in again.broker.vhosts["/"].queues
    again.sleep(2.9)
    assert "q" in again.broker.vhosts["/"].queues
    again.sleep(0.2)
    assert "q" not in again.broker.vhosts["/"].queues
    assert "q" not in after(again, end)[0].broker.vhosts["/"].queues


@ENDS
def test_an_auto_delete_queue_survives_until_somebody_used_it(world: DurableWorld, end: End) -> None:
    """DUR-03."""
    peer = client(world)
    peer.declare("q", durable=True, auto_delete=True)
    again, peer = after(world, end)
    peer.consume("q")
    peer.send(1, Basic.Cancel(consumer_tag="t"))
    assert "q" not in again.broker.vhosts["/"].queues
    assert "q" not in after(again, end)[0].broker.vhosts["/"].queues


@ENDS
def test_what_was_acknowledged_purged_dropped_or_deleted_does_not_come_back(
    world: DurableWorld, end: End
) -> None:
    """DUR-08, DUR-15."""
    peer = client(world)
    peer.declare("acked", durable=True)
    peer.declare("automatic", durable=True)
    peer.declare("purged", durable=True)
    peer.declare("short", durable=True, arguments={"x-max-length": 1})
    peer.declare("rejected", durable=True)
    peer.declare("deleted", durable=True)
    for name in ("acked", "automatic", "purged", "short", "rejected", "deleted"):
        peer.publish(1, "", name, b"1", PERSISTENT)
        peer.publish(1, "", name, b"2", PERSISTENT)
    peer.send(1, Basic.Ack(delivery_tag=peer.call(1, Basic.Get(queue="acked")).method.delivery_tag))
    peer.call(1, Basic.Get(queue="automatic", no_ack=True))
    peer.call(1, Queue.Purge(queue="purged"))
    tag = peer.call(1, Basic.Get(queue="rejected")).method.delivery_tag
    peer.send(1, Basic.Reject(delivery_tag=tag, requeue=False))
    peer.call(1, Queue.Delete(queue="deleted"))
    again, peer = after(world, end)
    left = {name: [body for body, _ in get_all(peer, name)] for name in again.broker.vhosts["/"].queues}
    assert left == {
        "acked": [b"2"],
        "automatic": [b"2"],
        "purged": [],
        "short": [b"2"],
        "rejected": [b"2"],
    }


@ENDS
def test_a_quorum_queue_remembers_how_often_a_message_came_back(world: DurableWorld, end: End) -> None:
    """QUORUM-02, QUORUM-03."""
    peer = client(world)
    peer.declare("q", durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": 3})
    peer.publish(1, "", "q", b"1", PERSISTENT)
    for _ in range(2):
        tag = peer.call(1, Basic.Get(queue="q")).method.delivery_tag
        peer.send(1, Basic.Nack(delivery_tag=tag, requeue=True))
    _, peer = after(world, end)
    got = peer.call(1, Basic.Get(queue="q"))
    assert (got.body, got.method.redelivered, got.properties.headers["x-delivery-count"]) == (b"1", True, 2)


def test_message_numbers_go_on(world: DurableWorld) -> None:
    """No number is given twice to messages that survive."""
    peer = client(world)
    peer.declare("q", durable=True)
    for _ in range(3):
        peer.publish(1, "", "q", b"x", PERSISTENT)
    again, peer = after(world, DurableWorld.crash)
    peer.publish(1, "", "q", b"y", PERSISTENT)
    assert [copy.message.number for copy in again.broker.vhosts["/"].queues["q"].ready] == [1, 2, 3, 4]


@ENDS
def test_a_stream_keeps_what_was_read_its_offsets_and_its_times(world: DurableWorld, end: End) -> None:
    """STREAM-04: who begins at a moment or an offset finds the same messages as before."""
    peer = client(world)
    peer.declare("s", durable=True, arguments={"x-queue-type": "stream"})
    for number in range(4):
        peer.publish(1, "", "s", b"m%d" % number, TRANSIENT)
        world.sleep(10)
    assert len(read_all(peer, "first")) == 4
    _, peer = after(world, end, 60 * SECOND)
    assert read_all(peer, 2) == [(b"m2", 2), (b"m3", 3)]
    assert read_all(peer, Timestamp(10))[0] == (b"m1", 1)
    peer.publish(1, "", "s", b"m4")
    assert read_all(peer, "last") == [(b"m4", 4)]


def read_all(peer: Peer, offset: object) -> list[tuple[bytes, int]]:
    """(body, offset) of all messages from there on; all are acknowledged."""
    peer.call(1, Basic.Qos(prefetch_count=100))
    peer.send(1, Basic.Consume(queue="s", consumer_tag="t", arguments={"x-stream-offset": offset}))
    messages = [got for _, got in peer.drain() if isinstance(got, Message)]
    peer.send(1, Basic.Ack(delivery_tag=0, multiple=True))
    peer.call(1, Basic.Cancel(consumer_tag="t"))
    return [(one.body, (one.properties.headers or {})["x-stream-offset"]) for one in messages]
