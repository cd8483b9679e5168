"""The laws of a log: what was read stays, everybody reads everything, segments go whole (STREAM)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqplab.errors import AMQPNotImplemented, PreconditionFailed
from amqplab.model.arguments import QueueArguments
from amqplab.model.consumer import Consumer, SharedWindow
from amqplab.model.crash import Crash
from amqplab.model.message import Copy, Message
from amqplab.model.stream import SECOND, StreamQueue
from amqplab.model.stream_message import as_streamed
from amqplab.model.stream_offset import age_in_ns
from amqplab.wire.properties import Properties
from amqplab.wire.table import Int64, Table, Timestamp


def message(number: int, size: int = 4) -> Message:
    return Message(number, "", "s", Properties(), b"\x00\x00", bytes(size))


def stream(count: int = 0, **arguments: Any) -> StreamQueue:
    """A stream with so many messages, one a second."""
    table = {"x-queue-type": "stream"} | {name.replace("_", "-"): value for name, value in arguments.items()}
    queue = StreamQueue("/", "s", arguments=QueueArguments(Table(table)))
    for number in range(count):
        queue.enqueue(message(number + 1), number * SECOND)
    return queue


class Hand:
    """A reader's channel: it notes the offsets that it got."""

    connection, number = "c", 1

    def __init__(self) -> None:
        self.window = SharedWindow()
        self.got: list[int] = []

    def deliver(self, consumer: Consumer, copy: Copy) -> int:
        self.got.append(copy.place)
        return len(self.got)


def reader(queue: StreamQueue, offset: Any = "first", prefetch: int = 1000, now: int = 0) -> Consumer:
    consumer = Consumer(queue, Hand(), "t", prefetch=prefetch, arguments={"x-stream-offset": offset})
    queue.subscribe(consumer, now)
    queue.pump(now)
    return consumer


def offsets(consumer: Consumer) -> list[int]:
    assert isinstance(consumer.recipient, Hand)
    return consumer.recipient.got


@given(st.integers(0, 20), st.integers(-3, 25), st.integers(0, 20))
def test_a_reader_gets_every_offset_from_its_own_on(before: int, start: int, after: int) -> None:
    queue = stream(before)
    one = reader(queue, start)
    for number in range(after):
        queue.enqueue(message(number), before * SECOND)
    assert offsets(one) == list(range(max(start, 0), before + after))
    assert [copy.place for copy in queue.ready] == list(range(before + after))


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 4))
def test_acknowledgements_move_the_window_and_nothing_else(events: list[bool], prefetch: int) -> None:
    queue = stream()
    one = reader(queue, prefetch=prefetch)
    published = settled = 0
    for publish in events:
        if publish:
            queue.enqueue(message(published), 0)
            published += 1
        elif settled < len(offsets(one)):
            queue.acknowledge(queue.ready[settled])
            one.regain()
            settled += 1
            if queue.consumers.unblock(one.recipient):
                queue.pump(0)
        assert offsets(one) == list(range(min(published, settled + prefetch)))
        assert len(queue.ready) == published


@pytest.mark.parametrize(
    ("offset", "first"),
    [("first", 0), ("last", 9), ("next", 10), (4, 4), (Timestamp(3), 3), (Timestamp(10), 10), ("5s", 5)],
)
def test_where_a_reader_begins(offset: Any, first: int) -> None:
    queue = stream(10)
    one = reader(queue, offset, now=10 * SECOND)
    queue.enqueue(message(11), 10 * SECOND)
    assert offsets(one) == list(range(first, 11))


def test_last_of_an_empty_stream_is_next() -> None:
    queue = stream()
    one = reader(queue, "last")
    queue.enqueue(message(1), 0)
    assert offsets(one) == [0]


@given(st.lists(st.integers(0, 400), min_size=1, max_size=40), st.integers(0, 2000), st.integers(1, 900))
def test_by_length_whole_segments_go(sizes: list[int], limit: int, segment: int) -> None:
    queue = stream(x_max_length_bytes=limit, x_stream_max_segment_size_bytes=segment)
    for number, size in enumerate(sizes):
        queue.enqueue(message(number, size), 0)
    log = queue.ready
    kept = [copy.place for copy in log]
    assert kept == list(range(kept[0], len(sizes)))
    assert queue.ready_octets == sum(len(copy.message.body) for copy in log)
    assert log.segments <= 2 or log.octets <= limit + segment + 502  # checked when a segment began


def test_by_age_whole_segments_go() -> None:
    queue = stream(10, x_max_age="3s", x_stream_max_segment_size_bytes=1)
    assert [copy.place for copy in queue.ready] == [6, 7, 8, 9]
    late = reader(queue, 0)
    assert offsets(late) == [6, 7, 8, 9]


def test_of_argument_and_policy_the_smaller_counts() -> None:
    queue = stream(x_max_length_bytes=500, x_max_age="1D")
    queue.apply_policy({"max-length-bytes": 100, "max-age": "1Y", "message-ttl": 0}, 0)
    assert queue.retention[:2] == (100, 86_400 * SECOND)


def test_nobody_reads_without_a_window_of_their_own() -> None:
    queue = stream(1)
    with pytest.raises(PreconditionFailed, match="prefetch count is not set"):
        reader(queue, prefetch=0)
    with pytest.raises(Crash):
        reader(queue, 1.5)
    assert not queue.consumers


@pytest.mark.parametrize("taking", [lambda q: q.get(Hand(), 1, True, 0), lambda q: q.purge()])
def test_nothing_takes_a_message_away(taking: Any) -> None:
    queue = stream(2)
    with pytest.raises(AMQPNotImplemented, match="not supported by stream queues"):
        taking(queue)
    assert len(queue.ready) == 2


def test_headers_are_sorted_and_the_offset_is_the_broker_s() -> None:
    properties = Properties(headers=Table([("z", 1), ("x-stream-offset", "mine"), ("a", [1])]))
    streamed = as_streamed(Message(1, "", "s", properties, properties.encode(), b""), 7)
    assert list(streamed.properties.headers.pairs) == [("x-stream-offset", Int64(7)), ("z", 1)]
    assert streamed.octets == streamed.properties.encode()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("2m", 120), ("3h", 10_800), ("1D", 86_400), ("1M", 2_592_000), ("1Y", 31_536_000)],
)
def test_ages(text: str, seconds: int) -> None:
    assert age_in_ns(text) == seconds * SECOND
    assert age_in_ns(f"0{text[1:]}") is None
    assert age_in_ns(text[0]) is None
