"""Order, requeueing and turns: the laws of a queue (BASIC-30 … BASIC-33, BASIC-53, CHAN-11)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqplab.errors import AccessRefused, PreconditionFailed
from amqplab.model.consumer import Consumer, SharedWindow
from amqplab.model.ledger import Ledger, Outstanding
from amqplab.model.message import Copy, Message
from amqplab.model.queue import Queue
from amqplab.wire.properties import Properties


def message(number: int) -> Message:
    return Message(number, "", "q", Properties(), b"\x00\x00", b"body")


def numbers(queue: Queue) -> list[int]:
    return [copy.message.number for copy in queue.ready]


class Hand:
    """A recipient that remembers what it was given."""

    def __init__(self, name: str = "c") -> None:
        self.connection = name
        self.number = 1
        self.window = SharedWindow()
        self.held: list[tuple[str, Copy]] = []

    def deliver(self, consumer: Consumer, copy: Copy) -> int:
        self.held.append((consumer.tag, copy))
        return len(self.held)

    def got(self) -> list[tuple[str, int]]:
        return [(tag, copy.message.number) for tag, copy in self.held]


@settings(max_examples=200)
@given(st.data())
def test_however_copies_come_and_go_the_ready_ones_stand_in_order_of_arrival(data: st.DataObject) -> None:
    queue, hand = Queue("/", "q"), Hand()
    out: list[Copy] = []
    arrived = 0
    for _ in range(data.draw(st.integers(1, 30))):
        action = data.draw(st.sampled_from(["enqueue", "get", "requeue", "acknowledge"]))
        if action == "enqueue":
            arrived += 1
            queue.enqueue(message(arrived), 0)
        elif action == "get":
            copy = queue.get(hand, 0, no_ack=False, now=0)
            if copy is not None:
                out.append(copy)
        elif out:
            chosen = data.draw(st.lists(st.sampled_from(out), unique=True))
            for copy in chosen:
                out.remove(copy)
            if action == "requeue":
                queue.requeue(chosen, "rejected", 0)
                assert all(copy.redelivered for copy in chosen)
            else:
                for copy in chosen:
                    queue.acknowledge(copy)
        assert numbers(queue) == sorted(numbers(queue))
        assert queue.unacked == len(out)
        assert set(numbers(queue)).isdisjoint(copy.message.number for copy in out)


def test_consumers_take_turns() -> None:
    queue, hand = Queue("/", "q"), Hand()
    for tag in ("a", "b", "c"):
        queue.subscribe(Consumer(queue, hand, tag, no_ack=True))
    for number in range(1, 6):
        queue.enqueue(message(number), 0)
    queue.pump(0)
    assert hand.got() == [("a", 1), ("b", 2), ("c", 3), ("a", 4), ("b", 5)]


def test_higher_priority_takes_everything_while_it_can() -> None:
    queue, hand = Queue("/", "q"), Hand()
    queue.subscribe(Consumer(queue, hand, "low", priority=-1))
    queue.subscribe(Consumer(queue, hand, "high", priority=5, prefetch=2))
    for number in range(1, 5):
        queue.enqueue(message(number), 0)
    queue.pump(0)
    assert hand.got() == [("high", 1), ("high", 2), ("low", 3), ("low", 4)]


def test_a_full_consumer_is_skipped_and_rejoins_at_the_tail() -> None:
    queue, hand = Queue("/", "q"), Hand()
    first = Consumer(queue, hand, "first", prefetch=1)
    queue.subscribe(first)
    queue.subscribe(Consumer(queue, hand, "second"))
    for number in range(1, 4):
        queue.enqueue(message(number), 0)
    queue.pump(0)
    assert hand.got() == [("first", 1), ("second", 2), ("second", 3)]
    first.regain()
    assert queue.consumers.unblock(hand)
    queue.enqueue(message(4), 0)
    queue.enqueue(message(5), 0)
    queue.pump(0)
    assert hand.got()[3:] == [("second", 4), ("first", 5)]


def test_the_shared_window_stops_all_consumers_of_a_channel_even_without_acks() -> None:
    queue, hand = Queue("/", "q"), Hand()
    hand.window.set(1, 0)
    queue.subscribe(Consumer(queue, hand, "acks"))
    queue.subscribe(Consumer(queue, hand, "no acks", no_ack=True))
    for number in range(1, 4):
        queue.enqueue(message(number), 0)
    queue.pump(0)
    assert hand.got() == [("acks", 1)]
    hand.window.release(1)
    assert queue.consumers.unblock(hand)
    queue.pump(0)
    assert hand.got()[1:] == [("acks", 2)] or hand.got()[1:] == [("no acks", 2), ("acks", 3)]


def test_an_exclusive_consumer_tolerates_nobody() -> None:
    queue, hand = Queue("/", "q"), Hand()
    consumer = Consumer(queue, hand, "only", exclusive=True)
    queue.subscribe(consumer)
    with pytest.raises(AccessRefused, match="queue 'q' in vhost '/' in exclusive use"):
        queue.subscribe(Consumer(queue, hand, "other"))
    queue.unsubscribe(consumer, "cancelled")
    queue.subscribe(Consumer(queue, hand, "other"))
    with pytest.raises(AccessRefused):
        queue.subscribe(Consumer(queue, hand, "late", exclusive=True))


def test_an_auto_delete_queue_is_unused_only_after_it_was_used() -> None:
    queue, hand = Queue("/", "q", auto_delete=True), Hand()
    assert not queue.unused
    consumer = Consumer(queue, hand, "a")
    queue.subscribe(consumer)
    assert not queue.unused
    queue.unsubscribe(consumer, "cancelled")
    assert queue.unused


def test_purge_counts_the_ready_and_leaves_the_unacked() -> None:
    queue, hand = Queue("/", "q"), Hand()
    for number in range(1, 4):
        queue.enqueue(message(number), 0)
    queue.get(hand, 1, no_ack=False, now=0)
    assert queue.purge() == 2
    assert (len(queue.ready), queue.unacked) == (0, 1)


def ledger_of(count: int) -> Ledger:
    queue = Queue("/", "q")
    ledger = Ledger()
    for tag in range(1, count + 1):
        ledger.add(Outstanding(tag, queue, Copy(message(tag), tag), None, 0))
    return ledger


def tags(settled: list[Outstanding]) -> list[int]:
    return [one.tag for one in settled]


def test_one_tag_or_everything_up_to_it_or_everything() -> None:
    ledger = ledger_of(6)
    assert tags(ledger.settle(2, multiple=False)) == [2]
    assert tags(ledger.settle(3, multiple=True)) == [1, 3]
    assert tags(ledger.settle(0, multiple=True)) == [4, 5, 6]
    assert tags(ledger.settle(0, multiple=True)) == []


@pytest.mark.parametrize(("tag", "multiple"), [(0, False), (7, False), (7, True), (2, False), (2, True)])
def test_an_unknown_tag_settles_nothing(tag: int, multiple: bool) -> None:
    ledger = ledger_of(6)
    ledger.settle(2, multiple=False)
    with pytest.raises(PreconditionFailed) as error:
        ledger.settle(tag, multiple)
    assert error.value.detail == f"unknown delivery tag {tag}"
    assert len(ledger) == 5


def test_a_restored_ledger_is_in_tag_order_again() -> None:
    ledger = ledger_of(4)
    settled = ledger.settle(3, multiple=False) + ledger.settle(1, multiple=False)
    ledger.restore(settled)
    assert tags(list(ledger)) == [1, 2, 3, 4]
