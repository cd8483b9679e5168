"""Each check keeps quiet about a good run, and finds what is wrong with a bad one."""

from __future__ import annotations

from typing import Any

import pytest
from lab_runs import RUNS

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
        self._routed: set[int] = set()

    def broker(self, kind: type[e.Event], *fields: Any) -> int:
        return self.recorder.record("broker", kind, *fields)

    def routed(self, message: int, *queues: str) -> None:
        self._routed.add(message)
        self.broker(e.Routed, "/", message, "logs", "info", (), queues, ())

    def published(self, message: int, *queues: str) -> None:
        self.broker(e.Published, "/", message, C, 1, "logs", "info", 1, False, False, 0)
        self.routed(message, *queues)

    def enqueued(self, message: int, queue: str = "q") -> None:
        """A copy stands in a queue; if the test says nothing else, it was routed there."""
        if message not in self._routed:
            self.routed(message, queue)
        self.broker(e.Enqueued, "/", queue, message, 0)

    def delivered(self, message: int, tag: int, *, no_ack: bool = False) -> None:
        self.broker(e.Delivered, "/", "q", message, C, 1, "ct", tag, False, no_ack)

    def ack_arrives(self, tag: int, *, multiple: bool = False) -> None:
        data = encode_method(1, Basic.Ack(delivery_tag=tag, multiple=multiple))
        frame = self.broker(e.FrameReceived, C, "broker", 0, data)
        self.command("basic.ack", frame)

    def command(self, name: str, *frames: int) -> None:
        self.broker(e.CommandReceived, C, "broker", 1, name, frames)

    def ended(self, outcome: str) -> None:
        self.broker(e.TransactionEnded, C, 1, outcome)

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
        f"the link: the frame at byte 0 of {C}, received by broker, is not what was sent"
    ]
    run = Run()
    over_the_link(run, b"hello", b"hello", at=5)
    assert run.complaints == [f"the link: the frame at byte 5 of {C}, received by broker, was never sent"]


def test_time_that_runs_backwards_and_causes_from_the_future_are_found() -> None:
    run = Run()
    run.now = 10
    run.enqueued(1)
    run.now = 5
    run.routed(2)
    assert run.complaints == ["time: record 2 is at 5 ns, the one before it at 10 ns"]
    run = Run()
    with because(7):
        run.routed(1)
    assert run.complaints == ["time: record 0 names the later record 7 as its cause"]


@pytest.mark.parametrize("name", RUNS)
def test_no_check_cries_wolf_where_the_broker_is_right(name: str) -> None:
    lab = RUNS[name]()
    assert [failure for failure in lab.checks.at_rest() if failure] == []


def test_a_copy_that_was_never_routed_there_is_found() -> None:
    run = Run()
    run.routed(1, "other")
    run.enqueued(1, "other")
    run.enqueued(1)
    assert run.complaints == ["conservation: Enqueued: message 1 was never routed to queue 'q'"]


def test_a_copy_that_is_lost_without_ever_having_been_is_found() -> None:
    run = Run()
    run.broker(e.Discarded, "/", "q", 1, "expired")
    assert run.complaints == ["conservation: Discarded: message 1 in queue 'q' was never there"]
    run = Run()
    run.broker(e.DeadLettered, "/", "q", 1, "expired", "", "dead", 2)
    assert run.complaints == ["conservation: DeadLettered: message 1 in queue 'q' was never there"]


def test_what_was_purged_is_gone() -> None:
    run = Run()
    run.enqueued(1)
    run.broker(e.QueuePurged, "/", "q", (1,))
    run.delivered(1, 1)
    assert run.complaints == ["conservation: Delivered: message 1 in queue 'q' was gone"]
    run = Run()
    run.broker(e.QueuePurged, "/", "q", (1,))
    assert run.complaints == ["conservation: QueuePurged: message 1 in queue 'q' was never there"]


@pytest.mark.parametrize("event", [e.Acknowledged, e.Rejected, e.Requeued], ids=lambda kind: kind.__name__)
def test_what_nobody_holds_cannot_be_settled_or_come_back(event: type[e.Event]) -> None:
    run = Run()
    run.enqueued(1)
    if event is e.Requeued:
        run.broker(event, "/", "q", 1, 0, "rejected")
    else:
        run.ack_arrives(1)
        run.broker(event, "/", "q", 1, C, 1, 1, False)
    assert run.complaints == [f"conservation: {event.__name__}: message 1 in queue 'q' was ready"]


def test_a_message_that_a_transaction_still_holds_must_not_be_in_its_queue() -> None:
    run = Run()
    run.broker(e.ModeSelected, C, 1, "tx")
    run.published(1, "q")
    assert run.complaints == []
    run.enqueued(1)
    assert run.complaints == [
        "conservation: message 1 stands in queue 'q' before its transaction is committed"
    ]


def test_what_was_rolled_back_must_not_come_and_what_was_committed_must() -> None:
    run = Run()
    run.broker(e.ModeSelected, C, 1, "tx")
    run.published(1, "q")
    run.ended("rolled back")
    run.enqueued(1)
    assert run.complaints == ["conservation: Enqueued: message 1 was never routed to queue 'q'"]
    run = Run()
    run.broker(e.ModeSelected, C, 1, "tx")
    run.published(1, "q", "r")
    run.command("tx.commit")
    run.enqueued(1)
    run.ended("committed")
    [complaint] = run.complaints
    assert complaint.startswith("conservation: message 1 was routed to queue 'r'")


def test_an_ack_that_was_rolled_back_covers_nothing() -> None:
    for multiple in (False, True):
        run = Run()
        run.broker(e.ModeSelected, C, 1, "tx")
        run.enqueued(1)
        run.delivered(1, 1)
        run.ack_arrives(1, multiple=multiple)
        run.ended("rolled back")
        run.acknowledged(1, 1)
        assert run.complaints == ["ack first: message 1 (tag 1) was forgotten without a basic.ack"]


def test_an_ack_covers_its_message_once_and_only_on_its_channel() -> None:
    run = Run()
    run.enqueued(1)
    run.delivered(1, 1)
    run.ack_arrives(1)
    run.acknowledged(1, 1)
    run.broker(e.ChannelOpened, C, 1)
    run.enqueued(2)
    run.delivered(2, 1)
    run.acknowledged(2, 1)
    assert run.complaints == ["ack first: message 2 (tag 1) was forgotten without a basic.ack"]


def test_a_rejected_message_makes_room_before_its_fate_is_told() -> None:
    run = Run()
    run.broker(e.ConsumerAdded, "/", "q", C, 1, "ct", False, False, 1, 0)
    for message in (1, 2, 3):
        run.enqueued(message)
    run.delivered(1, 1)
    run.broker(e.Rejected, "/", "q", 1, C, 1, 1, False)
    run.delivered(2, 2)
    run.broker(e.DeadLettered, "/", "q", 1, "rejected", "", "dead", 4)
    assert run.complaints == []
    run.delivered(3, 3)
    assert run.complaints == ["prefetch: consumer 'ct' holds 2 messages, its window is 1"]


def test_a_consumer_that_takes_a_tag_over_has_a_window_of_its_own() -> None:
    run = Run()
    for message in (1, 2, 3):
        run.enqueued(message)
    for message in (1, 2):
        run.broker(e.ConsumerAdded, "/", "q", C, 1, "ct", False, False, 1, 0)
        run.delivered(message, message)
        run.broker(e.ConsumerRemoved, "/", "q", C, 1, "ct", "cancelled")
    assert run.complaints == []
    run.broker(e.ConsumerAdded, "/", "q", C, 1, "ct", False, False, 1, 0)
    run.enqueued(4)
    run.delivered(3, 3)
    run.delivered(4, 4)
    assert run.complaints == ["prefetch: consumer 'ct' holds 2 messages, its window is 1"]


def test_a_stream_fills_the_windows_of_all_its_readers() -> None:
    run = Run()
    for tag in ("one", "two"):
        run.broker(e.ConsumerAdded, "/", "q", C, 1, tag, False, False, 1, 0)
    for message in (1, 2):
        run.enqueued(message)
    for number, (message, tag) in enumerate(((1, "one"), (1, "two"), (2, "two"))):
        run.broker(e.Delivered, "/", "q", message, C, 1, tag, number + 1, False, False, True)
    assert run.complaints == ["prefetch: consumer 'two' holds 2 messages, its window is 1"]


def test_the_last_qos_counts() -> None:
    run = Run()
    run.broker(e.PrefetchSet, C, 1, 1, True)
    run.broker(e.PrefetchSet, C, 1, 5, False)
    for message in (1, 2):
        run.enqueued(message)
        run.delivered(message, message)
    assert run.complaints == []
    run.broker(e.PrefetchSet, C, 1, 2, True)
    run.enqueued(3)
    run.delivered(3, 3)
    assert run.complaints == ["prefetch: channel 1 holds 3 messages, its shared window is 2"]


def test_octets_that_are_no_amqp_may_be_cut_differently_at_the_two_ends() -> None:
    run = Run()
    web, request = "browser:49152", b"GET / HTTP/1.1\r\nHost: site\r\n\r\n"
    sent = (web, 1, web, "site:80", "ACK", 0, 0, 0, b"", False, 0, 0)
    run.recorder.record("browser", e.SegmentSent, *sent)
    run.recorder.record("browser", e.FrameSent, web, "browser", 0, request[:10])
    run.recorder.record("browser", e.FrameSent, web, "browser", 10, request[10:])
    run.recorder.record("site", e.FrameReceived, web, "site", 0, request[:16])
    run.recorder.record("site", e.FrameReceived, web, "site", 16, request[16:])
    run.recorder.record("site", e.CommandReceived, web, "site", 0, "GET", (3, 4))
    run.recorder.record("browser", e.FrameReceived, web, "browser", 0, b"an answer from an untapped host")
    assert run.complaints == []
    run.recorder.record("browser", e.FrameSent, web, "browser", len(request), b"more")
    run.recorder.record("site", e.FrameReceived, web, "site", len(request), b"mire")
    assert run.complaints == [
        f"the link: the frame at byte {len(request)} of {web}, received by site, is not what was sent"
    ]


def test_octets_that_come_twice_are_found() -> None:
    run = Run()
    over_the_link(run, b"hello", b"hello")
    run.recorder.record("broker", e.FrameReceived, C, "broker", 0, b"hello")
    assert run.complaints == [f"the link: the frame at byte 0 of {C}, received by broker, was never sent"]


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
