"""STREAM-01 … STREAM-06: logs that are read, not emptied."""

from __future__ import annotations

from decimal import Decimal

import pytest

from amqplab.wire.methods import Basic, Channel, Confirm, Queue, Tx
from amqplab.wire.table import ByteArray, Float32, Int8, Int64, Timestamp, UInt8

STREAM = {"x-queue-type": "stream"}
ABSENT = object()
LONG_AGO, IN_FUTURE = Timestamp(0), Timestamp(4_000_000_000)


@pytest.fixture
def stream(broker):
    """The name of a new stream with five messages, m0 … m4."""
    with broker.connect() as peer:
        name = new_stream(broker, peer)
        publish(peer, name, *(b"m%d" % number for number in range(5)))
    yield name
    with broker.connect() as peer:
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk)


def new_stream(broker, peer, **arguments):
    return peer.queue(broker.fresh("log"), exclusive=False, durable=True, arguments=STREAM | arguments)


def publish(peer, name, *bodies, **properties):
    """Publish one by one, each when the one before it was confirmed: each is a chunk of its own."""
    peer.open_channel(9)
    peer.call(Confirm.Select(), Confirm.SelectOk(), channel=9)
    for number, body in enumerate(bodies, 1):
        peer.publish(name, body, channel=9, **properties)
        peer.expect(Basic.Ack(delivery_tag=number), channel=9)
    peer.call(Channel.Close(reply_code=200), Channel.CloseOk(), channel=9)


def read(peer, name, number, offset="first", prefetch=10, **flags):
    """Subscribe and expect the bodies of so many messages."""
    peer.call(Basic.Qos(prefetch_count=prefetch), Basic.QosOk())
    peer.consume(name, arguments={} if offset is ABSENT else {"x-stream-offset": offset}, **flags)
    return [message.body for message in peer.deliveries(number)]


def refused(broker, method, error, *first):
    """A connection of its own meets a connection error."""
    with broker.connect() as peer:
        for one, reply in first:
            peer.call(one, reply)
        peer.send(method)
        peer.expect_connection_error(*error)


WINDOW = (Basic.Qos(prefetch_count=10), Basic.QosOk())


def test_STREAM_01_a_reader_needs_a_window(broker, stream):
    without = (
        406,
        f"PRECONDITION_FAILED - consumer prefetch count is not set for 'queue '{stream}' in vhost '/''",
    )
    with broker.connect() as peer:
        peer.send(Basic.Consume(queue=stream))
        peer.expect_channel_error(*without, (60, 20))
        peer.call(Basic.Qos(prefetch_count=3, global_=True), Basic.QosOk())
        peer.send(Basic.Consume(queue=stream, no_ack=True))
        peer.expect_channel_error(*without, (60, 20))
        peer.call(*WINDOW)
        peer.call(Basic.Qos(prefetch_count=0), Basic.QosOk())
        peer.send(Basic.Consume(queue=stream))
        peer.expect_channel_error(*without, (60, 20))


def test_STREAM_01_a_shared_window_is_not_enough(broker, stream):
    text = f"NOT_IMPLEMENTED - queue '{stream}' in vhost '/' does not support global qos"
    shared = (Basic.Qos(prefetch_count=3, global_=True), Basic.QosOk())
    refused(broker, Basic.Consume(queue=stream), (540, text, (60, 20)), WINDOW, shared)


def test_STREAM_02_a_reader_must_acknowledge(broker, stream):
    text = (
        "NOT_IMPLEMENTED - automatic acknowledgement not supported by stream queues "
        f"queue '{stream}' in vhost '/'"
    )
    refused(broker, Basic.Consume(queue=stream, no_ack=True), (540, text, (60, 20)), WINDOW)


@pytest.mark.parametrize(
    ("method", "what", "ids"),
    [
        (Basic.Get, "basic.get", (60, 70)),
        (Queue.Purge, "queue.purge", (50, 30)),
    ],
)
def test_STREAM_03_nothing_is_taken_away(broker, stream, method, what, ids):
    text = f"NOT_IMPLEMENTED - {what} not supported by stream queues queue '{stream}' in vhost '/'"
    refused(broker, method(queue=stream), (540, text, ids))


@pytest.mark.parametrize(
    "method",
    [
        Basic.Nack(delivery_tag=1, requeue=True),
        Basic.Nack(delivery_tag=2, multiple=True),
        Basic.Reject(delivery_tag=2, requeue=True),
        Basic.Reject(delivery_tag=1),
    ],
    ids=str,
)
def test_STREAM_03_nothing_is_refused(broker, stream, method):
    text = f"basic.nack and basic.reject not supported by stream queues queue '{stream}' in vhost '/'"
    with broker.connect() as peer:
        assert read(peer, stream, 2, prefetch=2) == [b"m0", b"m1"]
        peer.send(method)
        peer.expect_connection_error(540, f"NOT_IMPLEMENTED - {text}", method.ids)


def test_STREAM_03_an_unknown_tag_is_found_first(broker, stream):
    with broker.connect() as peer:
        read(peer, stream, 2, prefetch=2)
        peer.send(Basic.Nack(delivery_tag=7))
        peer.expect_channel_error(406, "PRECONDITION_FAILED - unknown delivery tag 7", (60, 120))


def test_STREAM_03_nothing_is_recovered(broker, stream):
    with broker.connect() as peer:
        read(peer, stream, 2, prefetch=2)
        peer.send(Basic.Recover(requeue=True))
        peer.expect_connection_error(541, "INTERNAL_ERROR", (0, 0))


def test_STREAM_03_in_a_transaction_commit_finds_it(broker, stream):
    text = f"basic.nack and basic.reject not supported by stream queues queue '{stream}' in vhost '/'"
    with broker.connect() as peer:
        peer.call(Tx.Select(), Tx.SelectOk())
        read(peer, stream, 2, prefetch=2)
        peer.send(Basic.Nack(delivery_tag=1))
        peer.send(Tx.Commit())
        peer.expect_connection_error(540, f"NOT_IMPLEMENTED - {text}", (90, 20))


@pytest.mark.parametrize(
    ("offset", "first"),
    [
        ("first", 0), ("last", 4), ("next", 5), (ABSENT, 5), (ByteArray(b"first"), 0),
        (0, 0), (3, 3), (Int8(2), 2), (UInt8(4), 4), (Int64(1), 1), (-1, 0), (-5, 0), (5, 5),
        (LONG_AGO, 0), (IN_FUTURE, 5), ("1h", 0), ("5D", 0), ("2M", 0), ("1Y", 0), ("10m", 0), ("99s", 0),
        ("1h\nand more", 0),
    ],
    ids=repr,
)  # fmt: skip
def test_STREAM_04_a_reader_begins_where_it_likes(broker, stream, offset, first):
    with broker.connect() as peer:
        peer.call(*WINDOW)
        arguments = {} if offset is ABSENT else {"x-stream-offset": offset}
        peer.consume(stream, arguments=arguments)
        publish(peer, stream, b"m5", b"m6")
        messages = peer.deliveries(7 - first)
        assert [message.body for message in messages] == [b"m%d" % number for number in range(first, 7)]
        assert [message.properties.headers["x-stream-offset"] for message in messages] == [
            Int64(number) for number in range(first, 7)
        ]
        assert not any(message.method.redelivered for message in messages)


def test_STREAM_04_an_offset_that_is_not_there_yet_is_waited_for(broker, stream):
    with broker.connect() as peer:
        peer.call(*WINDOW)
        peer.consume(stream, arguments={"x-stream-offset": 7})
        publish(peer, stream, b"m5", b"m6", b"m7", b"m8")
        assert [message.body for message in peer.deliveries(2)] == [b"m7", b"m8"]


def test_STREAM_04_an_ack_only_moves_the_window(broker, stream):
    with broker.connect() as peer:
        assert read(peer, stream, 2, prefetch=2) == [b"m0", b"m1"]
        peer.send(Basic.Ack(delivery_tag=1))
        assert [message.body for message in peer.deliveries(1)] == [b"m2"]
        peer.send(Basic.Ack(delivery_tag=3, multiple=True))
        assert [message.body for message in peer.deliveries(2)] == [b"m3", b"m4"]
        peer.sync()
    with broker.connect() as peer:
        assert read(peer, stream, 5) == [b"m0", b"m1", b"m2", b"m3", b"m4"]


def test_STREAM_04_in_a_transaction_commit_moves_it(broker, stream):
    with broker.connect() as peer:
        peer.call(Tx.Select(), Tx.SelectOk())
        read(peer, stream, 1, prefetch=1)
        peer.send(Basic.Ack(delivery_tag=1))
        peer.sync()
        peer.send(Tx.Commit())
        assert peer.expect_message().body == b"m1"
        peer.expect(Tx.CommitOk())


def test_STREAM_04_readers_do_not_disturb_each_other(broker, stream):
    everything = [b"m%d" % number for number in range(5)]
    with broker.connect(channels=2) as one, broker.connect() as other:
        assert read(one, stream, 5, tag="a", exclusive=True) == everything
        assert read(one, stream, 2, tag="b", prefetch=2) == everything[:2]
        assert read(other, stream, 5, exclusive=True) == everything
        one.call(Basic.Cancel(consumer_tag="b"), Basic.CancelOk(consumer_tag="b"))
        one.send(Basic.Ack(delivery_tag=6))
        one.sync()
        publish(other, stream, b"m5")
        assert [one.expect_message().body, other.expect_message().body] == [b"m5", b"m5"]


KEPT = {
    "t": True, "b": Int8(-3), "i": 70_000, "l": Int64(-5), "d": 2.5, "f": Float32(1.5), "S": "abc",
    "T": Timestamp(1_700_000_000), "V": None, "x": ByteArray(b"\x00\xff"), "é": "é",
}  # fmt: skip


def test_STREAM_04_headers_make_a_journey(broker):
    with broker.connect() as peer:
        name = new_stream(broker, peer)
        forgotten = {"A": ["array"], "F": {"table": 1}, "x-stream-offset": "mine"}
        publish(peer, name, b"h", headers=KEPT | forgotten)
        peer.call(*WINDOW)
        peer.consume(name, "t", arguments={"x-stream-offset": "first"})
        headers = peer.expect_message().properties.headers
        expected = sorted((KEPT | {"x-stream-offset": Int64(0)}).items(), key=lambda pair: pair[0].encode())
        assert list(headers.pairs) == expected
        assert [type(value) for value in headers.values()] == [type(value) for _, value in expected]
        peer.call(Basic.Cancel(consumer_tag="t"), Basic.CancelOk)
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk)


def test_STREAM_04_properties_make_a_journey(broker):
    kept = {
        "content_type": "text/plain", "content_encoding": "", "delivery_mode": 1, "priority": 7,
        "correlation_id": "c" * 255, "reply_to": "r", "expiration": "0", "message_id": "m",
        "timestamp": 1_700_000_000, "type": "ty", "user_id": "guest", "app_id": "ap",
    }  # fmt: skip
    with broker.connect() as peer:
        name = new_stream(broker, peer)
        publish(peer, name, b"all", cluster_id="gone", **kept)
        publish(peer, name, b"basic", headers={"x-basic-type": "T", "x-basic-app-id": "A"})
        publish(peer, name, b"both", type="P", headers={"x-basic-type": "T"})
        publish(peer, name, b"y" * 300_000)
        peer.call(*WINDOW)
        peer.consume(name, "t", arguments={"x-stream-offset": "first"})
        everything, basic, both, large = peer.deliveries(4)
        assert everything.properties == type(everything.properties)(
            headers={"x-stream-offset": Int64(0)}, **kept
        )
        assert (basic.properties.type, basic.properties.app_id) == ("T", "A")
        assert list(basic.properties.headers) == ["x-stream-offset"]
        assert (both.properties.type, both.properties.headers["x-basic-type"]) == ("P", "T")
        assert large.body == b"y" * 300_000
        peer.call(Basic.Cancel(consumer_tag="t"), Basic.CancelOk)
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk)


def test_STREAM_04_a_decimal_makes_none(broker, stream):
    with broker.connect() as peer:
        peer.publish(stream, headers={"D": Decimal("3.14")})
        peer.expect_connection_error(541, "INTERNAL_ERROR", (0, 0))


def test_STREAM_04_dead_letters_do_not_get_there(broker, stream):
    with broker.connect() as peer:
        exchange = peer.exchange(broker.fresh("dlx"), "fanout", auto_delete=True)
        dead = peer.queue()
        for queue in (stream, dead):
            peer.bind(queue, exchange)
        dying = peer.queue(arguments={"x-dead-letter-exchange": exchange, "x-message-ttl": 0})
        peer.publish(dying, b"dead")
        peer.await_counts(dead, (1, 0))
        publish(peer, stream, b"m5")
        assert read(peer, stream, 6)[-1] == b"m5"


@pytest.mark.parametrize("offset", ["nonsense", "FIRST", "", "-1D", "é1"])
def test_STREAM_05_a_text_that_nobody_understands(broker, stream, offset):
    consume = Basic.Consume(queue=stream, arguments={"x-stream-offset": offset})
    refused(broker, consume, (541, "INTERNAL_ERROR", (0, 0)))


@pytest.mark.parametrize("offset", [ByteArray(b"1h"), 1.5, Float32(1.0), True, None, {}, [1]], ids=repr)
def test_STREAM_05_what_is_no_text(broker, stream, offset):
    """Who has no window never gets there."""
    consume = Basic.Consume(queue=stream, arguments={"x-stream-offset": offset})
    with broker.connect() as peer:
        peer.send(consume)
        without = f"consumer prefetch count is not set for 'queue '{stream}' in vhost '/''"
        peer.expect_channel_error(406, f"PRECONDITION_FAILED - {without}", (60, 20))
    refused(broker, consume, (541, "INTERNAL_ERROR", (0, 0)), WINDOW)


@pytest.mark.parametrize(
    ("offset", "shown"),
    [
        ("1", '"1"'), ("0s", '"0s"'), ("1 h", '"1 h"'), ("3x", '"3x"'), ('1"\\', '"1\\"\\\\"'),
        ("1\x01", "49,1"),
    ],
    ids=repr,
)  # fmt: skip
def test_STREAM_05_an_age_that_is_none(broker, stream, offset, shown):
    text = (
        f"PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue '{stream}' in vhost '/': "
        f"{{invalid_stream_offset_arg,{{longstr,<<{shown}>>}}}}"
    )
    with broker.connect() as peer:
        peer.send(Basic.Consume(queue=stream, arguments={"x-priority": 1, "x-stream-offset": offset}))
        peer.expect_channel_error(406, text, (60, 20))


@pytest.mark.parametrize(
    ("argument", "value"),
    [("x-priority", 5), ("x-priority", "high"), ("x-cancel-on-ha-failover", True)],
)
def test_STREAM_05_arguments_of_other_queues(broker, stream, argument, value):
    text = (
        f"PRECONDITION_FAILED - invalid arg '{argument}' for queue '{stream}' in vhost '/' "
        "of queue type rabbit_stream_queue"
    )
    with broker.connect() as peer:
        peer.send(Basic.Consume(queue=stream, no_ack=True, arguments={argument: value, "mine": 1}))
        peer.expect_channel_error(406, text, (60, 20))


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_STREAM_05_an_offset_belongs_to_streams(broker, kind):
    with broker.connect() as peer:
        arguments = {"x-queue-type": kind}
        name = peer.queue(broker.fresh(kind), exclusive=False, durable=True, arguments=arguments)
        text = (
            f"PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue '{name}' in vhost '/' "
            f"of queue type rabbit_{kind}_queue"
        )
        peer.send(Basic.Consume(queue=name, arguments={"x-stream-offset": "first"}))
        peer.expect_channel_error(406, text, (60, 20))
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk)


@pytest.mark.waits
def test_STREAM_06_the_messages_are_counted_and_the_readers_are_not(broker):
    """RabbitMQ counts a stream's messages every few seconds."""
    with broker.connect() as peer:
        name = new_stream(broker, peer)
        publish(peer, name, b"m0", b"m1", b"m2")
        for _ in range(100):
            if peer.counts(name) == (3, 0):
                break
            peer.expect_silence(0.2)
        assert read(peer, name, 3, tag="t") == [b"m0", b"m1", b"m2"]
        assert peer.counts(name) == (3, 0)
        reply = peer.call(Queue.Declare(queue=name, durable=True, arguments=STREAM), Queue.DeclareOk)
        assert (reply.message_count, reply.consumer_count) == (3, 0)
        peer.call(Basic.Cancel(consumer_tag="t"), Basic.CancelOk)
        peer.call(Queue.Delete(queue=name), Queue.DeleteOk)


def test_STREAM_06_delete_heeds_no_condition(broker, stream):
    with broker.connect() as reader, broker.connect() as peer:
        read(reader, stream, 5, tag="reader")
        peer.send(Queue.Delete(queue=stream, if_unused=True, if_empty=True))
        peer.expect(Queue.DeleteOk(message_count=0))
        reader.expect(Basic.Cancel(consumer_tag="reader", nowait=True))
        reader.send(Basic.Ack(delivery_tag=1))
        reader.sync()


def test_STREAM_06_retention_looks_at_whole_segments(broker):
    """How many messages make a segment depends on how each is written down."""
    limits = {"x-max-length-bytes": 2000, "x-stream-max-segment-size-bytes": 1000}
    bodies = [b"%03d" % number + bytes(297) for number in range(30)]
    with broker.connect() as peer:
        small = new_stream(broker, peer, **limits)
        publish(peer, small, *bodies)
        peer.call(Basic.Qos(prefetch_count=100), Basic.QosOk())
        for _ in range(50):  # RabbitMQ does it beside everything else
            peer.consume(small, "t", arguments={"x-stream-offset": 0})
            kept = [peer.expect_message().body]
            while kept[-1] != bodies[-1]:
                kept.append(peer.expect_message().body)
            peer.call(Basic.Cancel(consumer_tag="t"), Basic.CancelOk)
            if len(kept) < 9:
                break
        assert 2 <= len(kept) < 9
        assert kept == bodies[-len(kept) :]
        peer.call(Queue.Delete(queue=small), Queue.DeleteOk)
