"""Each check keeps quiet about a good run, and finds what is wrong with a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from amqplab.lab.checks import Checks
from amqplab.trace import events as e
from amqplab.trace.recorder import Recorder, because
from amqplab.wire.frames import encode_method
from amqplab.wire.methods import Basic

C = "consumer:49152"


class Run:
    """A hand-written run, one event after the other."""

    def __init__(self) -> None:
        self.now = 0
        self.recorder = Recorder(lambda: self.now)
        self.checks = Checks(self.recorder)

    def broker(self, kind: type[e.Event], *fields: Any) -> int:
        return self.recorder.record("broker", kind, *fields)

    def routed(self, message: int, *queues: str) -> None:
        self.broker(e.Routed, "/", message, "logs", "info", (), queues, ())

    def enqueued(self, message: int, queue: str = "q") -> None:
        self.broker(e.Enqueued, "/", queue, message, 0)

    def delivered(self, message: int, tag: int, *, no_ack: bool = False) -> None:
        self.broker(e.Delivered, "/", "q", message, C, 1, "ct", tag, False, no_ack)

    def ack_arrives(self, tag: int, *, multiple: bool = False) -> None:
        data = encode_method(1, Basic.Ack(delivery_tag=tag, multiple=multiple))
        frame = self.broker(e.FrameReceived, C, "broker", 0, data)
        self.broker(e.CommandReceived, C, "broker", 1, "basic.ack", (frame,))

    def acknowledged(self, message: int, tag: int) -> None:
        self.broker(e.Acknowledged, "/", "q", message, C, 1, tag)

    @property
    def complaints(self) -> list[str]:
        return [f"{failure.check}: {failure.detail}" for failure in self.checks.at_rest()]


def test_a_good_run_has_no_complaints() -> None:
    run = Run()
    run.broker(e.ConsumerAdded, "/", "q", C, 1, "ct", False, False, 2, 0)
    for message in (1, 2, 3):
        run.routed(message, "q")
        run.enqueued(message)
    run.delivered(1, 1)
    run.delivered(2, 2)
    run.ack_arrives(2, multiple=True)
    run.acknowledged(1, 1)
    run.acknowledged(2, 2)
    run.delivered(3, 3)
    run.broker(e.Rejected, "/", "q", 3, C, 1, 3, True)
    run.broker(e.Requeued, "/", "q", 3, 0, "rejected")
    assert run.complaints == []
    assert repr(run.checks) == "5 checks, all kept: conservation, ack first, prefetch, the link, time"


def test_a_copy_from_nothing_or_twice_is_found() -> None:
    run = Run()
    run.delivered(1, 1)
    assert run.complaints == ["conservation: Delivered: message 1 in queue 'q' was never there"]
    run = Run()
    run.enqueued(1)
    run.delivered(1, 1)
    run.delivered(1, 2)
    assert run.complaints == ["conservation: Delivered: message 1 in queue 'q' was held"]


def test_two_copies_in_one_queue_are_found() -> None:
    run = Run()
    run.routed(1, "q", "q")
    run.enqueued(1)
    run.enqueued(1)
    assert len(run.complaints) == 2


def test_a_message_that_never_reached_its_queue_is_found_at_rest() -> None:
    run = Run()
    run.routed(1, "q", "other")
    run.enqueued(1)
    assert run.checks.failures == []
    assert run.complaints == [
        "conservation: message 1 was routed to queue 'other' (record 0) and never stood in it"
    ]


def test_forgetting_without_an_ack_is_found() -> None:
    run = Run()
    run.enqueued(1)
    run.delivered(1, 1)
    run.acknowledged(1, 1)
    assert run.complaints == ["ack first: message 1 (tag 1) was forgotten without a basic.ack"]


def test_one_ack_does_not_cover_two_messages() -> None:
    run = Run()
    for message in (1, 2):
        run.enqueued(message)
        run.delivered(message, message)
    run.ack_arrives(2)
    run.acknowledged(2, 2)
    run.acknowledged(1, 1)
    assert run.complaints == ["ack first: message 1 (tag 1) was forgotten without a basic.ack"]


def test_delivery_tags_that_skip_are_found() -> None:
    run = Run()
    run.enqueued(1)
    run.delivered(1, 5)
    assert run.complaints == [f"ack first: delivery tag 5 on {(C, 1)}, where 1 was next"]


def test_a_consumer_over_its_window_is_found() -> None:
    run = Run()
    run.broker(e.ConsumerAdded, "/", "q", C, 1, "ct", False, False, 1, 0)
    for message in (1, 2):
        run.enqueued(message)
        run.delivered(message, message)
    assert run.complaints == ["prefetch: consumer 'ct' holds 2 messages, its window is 1"]


def test_a_channel_over_its_shared_window_is_found() -> None:
    run = Run()
    run.broker(e.PrefetchSet, C, 1, 1, True)
    for message in (1, 2):
        run.enqueued(message)
        run.delivered(message, message)
    assert run.complaints == ["prefetch: channel 1 holds 2 messages, its shared window is 1"]


def test_automatic_acknowledgement_has_no_window() -> None:
    run = Run()
    run.broker(e.ConsumerAdded, "/", "q", C, 1, "ct", True, False, 1, 0)
    for message in (1, 2):
        run.enqueued(message)
        run.delivered(message, message, no_ack=True)
    assert run.complaints == []


def over_the_link(run: Run, sent: bytes, received: bytes | None, at: int = 0) -> None:
    run.recorder.record("consumer", e.SegmentSent, C, 1, C, "broker:5672", "ACK", 0, 0, 0, b"", False, 0, 0)
    run.recorder.record("consumer", e.FrameSent, C, "consumer", 0, sent)
    if received is not None:
        run.recorder.record("broker", e.FrameReceived, C, "broker", at, received)


def test_octets_that_change_or_come_from_nowhere_are_found() -> None:
    run = Run()
    over_the_link(run, b"hello", b"hallo")
    assert run.complaints == [
        f"the link: the frame at octet 0 of {C}, received by broker, is not what was sent"
    ]
    run = Run()
    over_the_link(run, b"hello", b"hello", at=5)
    assert run.complaints == [f"the link: the frame at octet 5 of {C}, received by broker, was never sent"]


def test_time_that_runs_backwards_and_causes_from_the_future_are_found() -> None:
    run = Run()
    run.now = 10
    run.enqueued(1)
    run.now = 5
    run.enqueued(2)
    assert run.complaints == ["time: record 1 is at 5 ns, the one before it at 10 ns"]
    run = Run()
    with because(7):
        run.enqueued(1)
    assert run.complaints == ["time: record 0 names the later record 7 as its cause"]


def test_a_complaint_stands_in_the_record_where_it_happened() -> None:
    run = Run()
    run.delivered(1, 1)
    [record] = [record for record in run.recorder if isinstance(record.event, e.CheckFailed)]
    assert record.seq == 1
    assert record.event.check == "conservation"
    assert repr(run.checks).startswith("record 0: conservation: ")


@pytest.mark.parametrize("reason", ["expired", "maxlen", "queue deleted"])
def test_a_named_reason_is_a_reason(reason: str) -> None:
    run = Run()
    run.enqueued(1)
    run.broker(e.Discarded, "/", "q", 1, reason)
    assert run.complaints == []
