"""The scenes are what their names say: whoever tests the stage on them must be able to rely on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from scenes import SCENES, build, names

from amqplab import Lab
from amqplab.trace import events as e
from amqplab.trace.fold import Fold

# --- of all of them -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_a_scene_comes_out_the_same_twice(name: str) -> None:
    with SCENES[name].build() as again:
        assert again.digest() == build(name).digest()


@pytest.mark.parametrize("name", names())
def test_a_scene_is_small_has_a_title_and_says_what_it_is_about(name: str) -> None:
    assert 60 < len(build(name).records) < 8_000
    assert build(name).title
    assert len(SCENES[name].about) > 40


@pytest.mark.parametrize("name", names())
def test_no_check_fails_where_nothing_is_wrong(name: str) -> None:
    assert not build(name).checks.failures


def test_every_scene_has_a_test_of_its_own() -> None:
    assert set(MEANT) == set(SCENES)


@pytest.mark.parametrize("name", names(without=("big",)))
def test_a_scene_is_what_its_name_says(name: str) -> None:
    MEANT[name](build(name))


@pytest.mark.parametrize("name", names("big", without=()))
def test_a_big_scene_is_big(name: str) -> None:
    MEANT[name](build(name))


# --- what is asked of them ------------------------------------------------------------------------------


def bodies(lab: Lab, client: str) -> list[str]:
    """What a client's programs and cells were handed, in order, as text."""
    state = Fold(lab.recorder).at(len(lab.records))
    return [
        str(state[f"message/{record.event.message}"]["body"])
        for record in lab.find(e.Delivered)
        if record.event.connection.startswith(f"{client}:")
    ]


def counts(lab: Lab, queue: str) -> tuple[int, int]:
    """Ready and Unacked at the end."""
    [row] = [row for row in lab.table() if row.queue == queue]
    return row.ready, row.unacked


def reasons(lab: Lab, kind: type[e.Event]) -> Counter[str]:
    return Counter(record.event.reason for record in lab.find(kind))


def depth(lab: Lab, name: str) -> int:
    """The most that was ready in the queue at any time."""
    return max(record.event.position + 1 for record in lab.find(e.Enqueued, queue=name))


# --- what each of them shows ----------------------------------------------------------------------------


def hello(lab: Lab) -> None:
    assert bodies(lab, "receive") == ["Hello World!"]
    assert lab.first(e.Delivered).event.no_ack


def work_queues(lab: Lab) -> None:
    first, second = bodies(lab, "worker_1"), bodies(lab, "worker_2")
    assert sorted(first + second) == ["Fifth.", "First.", "Fourth.", "Second..", "Third..."]
    assert first[0] == "First." and second[0] == "Second.." and len(first) >= 2 <= len(second)
    assert all(record.event.persistent for record in lab.find(e.Published))
    assert len(lab.find(e.Acknowledged)) == 5


def publish_subscribe(lab: Lab) -> None:
    assert bodies(lab, "to_file") == bodies(lab, "to_screen") == ["info: Hello World!", "info: again"]
    assert all(record.event.queue.startswith("amq.gen-") for record in lab.find(e.Enqueued))


def routing(lab: Lab) -> None:
    assert bodies(lab, "to_file") == ["out of carrots"]
    assert bodies(lab, "to_screen") == ["started", "low on carrots", "out of carrots"]
    assert [record.event.routing_key for record in lab.find(e.Unroutable)] == ["debug"]


def topics(lab: Lab) -> None:
    twice = [r.event for r in lab.find(e.Routed) if len(r.event.matched) > len(r.event.queues)]
    assert [event.routing_key for event in twice] == ["lazy.pink.rabbit"]
    assert len(bodies(lab, "reader_Q1")) == 3
    assert bodies(lab, "reader_Q2")[-1] == "a lazy orange new rabbit"
    assert len(lab.find(e.Unroutable)) == 3


def rpc(lab: Lab) -> None:
    notes = [record.event.text for record in lab.find(e.NoteMade)]
    assert notes == ["fib(6) is 8", "fib(7) is 13"]


def publisher_confirms(lab: Lab) -> None:
    confirmed = [record.event for record in lab.find(e.Confirmed)]
    assert confirmed[0].sequence == 1 and confirmed[-1].sequence == 12
    assert len(confirmed) == 12 and all(event.positive for event in confirmed)


def headers(lab: Lab) -> None:
    assert bodies(lab, "reader_all") == ["report.pdf"]
    assert bodies(lab, "reader_any") == ["report.pdf", "letter.pdf"]


def exchange_to_exchange(lab: Lab) -> None:
    routed = {record.event.routing_key: record.event for record in lab.find(e.Routed)}
    assert set(routed["eu.de"].queues) == {"berlin", "everything"}
    assert routed["us"].queues == ("overseas",)
    assert routed["mars"].queues == ("lost_and_found",) and routed["mars"].alternates
    assert lab.find(e.Bound, kind="exchange", source="orders", destination="regions")


def dead_letter_retry(lab: Lab) -> None:
    assert reasons(lab, e.DeadLettered) == {"rejected": 4, "expired": 4}
    assert counts(lab, "work") == counts(lab, "waiting") == (0, 0)
    assert len(lab.find(e.Acknowledged, queue="work")) == 2
    assert b"x-death" in lab.octets("basic.deliver")


def max_length(lab: Lab) -> None:
    assert reasons(lab, e.DeadLettered) == {"maxlen": 3}
    assert bodies(lab, "reader") == ["message 1", "message 2", "message 3"]
    assert counts(lab, "short") == (3, 0)


def priorities(lab: Lab) -> None:
    assert bodies(lab, "worker") == ["b", "d", "f", "c", "a", "e"]


def single_active_consumer(lab: Lab) -> None:
    assert bodies(lab, "first") == ["order 1", "order 2"]
    assert bodies(lab, "second") == ["order 2", "order 3", "order 4"]
    assert [record.event.redelivered for record in lab.find(e.Delivered)] == [0, 0, 1, 0, 0]
    gone = lab.first(e.ConsumerRemoved, queue="orders").seq
    assert all(("second:" in r.event.connection) is (r.seq > gone) for r in lab.find(e.Delivered))


def prefetch(lab: Lab) -> None:
    taken = [len(bodies(lab, name)) for name in ("quick", "steady", "slow")]
    assert sum(taken) == 12 and taken[0] > taken[1] > taken[2] == 3
    assert [record.event.count for record in lab.find(e.PrefetchSet)] == [3, 3, 3]


def stream(lab: Lab) -> None:
    assert bodies(lab, "from_the_start") == [f"entry {number}" for number in range(7)]
    assert bodies(lab, "from_four_on") == ["entry 4", "entry 5", "entry 6"]
    assert counts(lab, "log") == (7, 0)


def ttl_at_the_end(lab: Lab) -> None:
    last = lab.records[-1]
    assert isinstance(last.event, e.Discarded) and last.event.reason == "expired"
    assert last.at - lab.first(e.Enqueued).at == 20_000_000


def until_unroutable(lab: Lab) -> None:
    assert isinstance(lab.records[-1].event, e.Unroutable)
    assert len(lab.find("basic.publish")) > len(lab.find(e.Published))  # some of it is still under way


def returned_and_rejected(lab: Lab) -> None:
    assert [record.event.code for record in lab.find(e.Returned)] == [312]
    assert [record.event.positive for record in lab.find(e.Confirmed)] == [True, False, True]
    assert [record.event.requeue for record in lab.find(e.Rejected)] == [True, False]
    assert reasons(lab, e.Discarded) == {"refused: the queue is full": 1, "rejected": 1}


def transactions(lab: Lab) -> None:
    assert [record.event.outcome for record in lab.find(e.TransactionEnded)] == ["committed", "rolled back"]
    assert counts(lab, "bookings") == (2, 0) and counts(lab, "orders") == (0, 0)
    assert [(row.ready, row.unacked) for row in lab.table(at="tx.commit")] == [(0, 0), (0, 1)]
    assert len(lab.find("basic.publish")) == 5


def channel_error(lab: Lab) -> None:
    [closing] = [r.event for r in lab.find(e.ChannelClosing) if r.event.code == 406]
    assert closing.channel == 2 and "inequivalent arg 'durable'" in closing.text
    assert len(lab.find(e.Requeued)) == 1
    assert counts(lab, "jobs") == (2, 0)


def direct_reply_to(lab: Lab) -> None:
    assert len(lab.find(e.Replied)) == 2
    notes = [record.event.text for record in lab.find(e.NoteMade)]
    assert notes == ["rabbit is RABBIT in capitals", "carrot is CARROT in capitals"]
    assert b"amq.rabbitmq.reply-to." in lab.octets(lab.first("basic.deliver", where="broker"))
    assert not any(row.queue.startswith("amq.") for row in lab.table())


def two_channels(lab: Lab) -> None:
    channels = [
        int.from_bytes(record.event.data[1:3], "big")
        for record in lab.find(e.FrameReceived, host="broker")
        if record.event.data[0] in (2, 3)
    ]
    assert channels == [1, 2] * 4
    assert len(lab.find(e.Acknowledged)) == 2


def blocked_connection(lab: Lab) -> None:
    raised, cleared = lab.find(e.AlarmChanged)
    assert raised.event.active and not cleared.event.active
    assert len(lab.find(e.ConnectionBlocked)) == len(lab.find(e.ConnectionUnblocked)) == 1
    published = [record.at for record in lab.find(e.Published)]
    assert [raised.at < at < cleared.at for at in published] == [False, False, False]
    assert len(lab.find(e.Acknowledged)) == 3


def loss_20_percent(lab: Lab) -> None:
    assert len(lab.find(e.SegmentLost)) > 5
    assert len(lab.find(e.RetransmissionTimedOut)) > 2
    assert len(lab.find(e.Acknowledged)) == 10


def body_of_300_kb(lab: Lab) -> None:
    assert lab.first(e.Published).event.size == 300_000
    publish = lab.first("basic.publish")
    assert len(publish.event.frames) == 2 + 3
    carrying = [r for r in lab.find(e.SegmentSent, where="camera") if len(r.event.payload) > 1000]
    assert len(carrying) > 200


def lost_batch(lab: Lab) -> None:
    [lost] = lab.find(e.SegmentLost)
    [sent] = lab.find(e.SegmentSent, number=lost.event.number)
    assert sent.event.payload.count(b"message ") == 3
    assert [record.event.retransmission for record in lab.find(e.SegmentSent)].count(True) == 1
    assert counts(lab, "work") == (3, 0)


def heartbeats(lab: Lab) -> None:
    assert len(lab.find("heartbeat")) > 20
    assert counts(lab, "calls") == (1, 0)


def the_held_one_went_back(lab: Lab) -> None:
    assert bodies(lab, "worker") == ["job 1"]
    assert reasons(lab, e.Requeued).total() == 1
    assert counts(lab, "work") == (2, 0)


def cut(lab: Lab) -> None:
    the_held_one_went_back(lab)
    assert {record.where for record in lab.find(e.HeartbeatMissed)} == {"broker", "worker"}


def cut_on_the_way(lab: Lab) -> None:
    handed_over = [r for r in lab.find(e.Delivered) if "worker:" in r.event.connection]
    arrived = lab.find(e.CommandReceived, where="worker", name="basic.deliver")
    assert len(handed_over) > 0 and not arrived
    assert lab.find(e.RetransmissionTimedOut)


def cut_and_healed(lab: Lab) -> None:
    assert lab.find(e.SegmentLost, reason="the link is cut") and not lab.find(e.HeartbeatMissed)
    assert bodies(lab, "worker") == ["job 1", "job 2"]
    assert counts(lab, "work") == (0, 0)


def half_open(lab: Lab) -> None:
    the_held_one_went_back(lab)
    assert {record.where for record in lab.find(e.HeartbeatMissed)} >= {"broker"}


def crash(lab: Lab) -> None:
    the_held_one_went_back(lab)
    assert not lab.find(e.HeartbeatMissed)
    assert lab.first(e.Requeued).at - lab.first(e.Intervened).at < 10_000_000


def killed_on_the_way(lab: Lab) -> None:
    reasons = {record.event.reason for record in lab.find(e.SegmentDiscarded)}
    assert reasons >= {"no such connection", "no program has its socket open"}
    assert not lab.find(e.CommandReceived, where="worker", name="basic.deliver")
    assert (counts(lab, "work"), counts(lab, "news")) == ((2, 0), (0, 0))


def power_off(lab: Lab) -> None:
    the_held_one_went_back(lab)


def broker_without_power(lab: Lab) -> None:
    off, on = (record.seq for record in lab.find(e.Intervened))
    kept, lost = (
        [record.event.message for record in lab.find(kind, since=off)] for kind in (e.Requeued, e.Discarded)
    )
    assert (kept, lost) == ([2, 3], [4]), "in a hand and on its way; in memory only"
    assert Fold(lab.recorder).now()["lost/7/-"] == {"reason": "power lost"}
    came = [one for one in lab.find(e.CommandReceived, since=off, name="basic.deliver") if one.seq < on]
    assert [one.where for one in came] == ["worker", "reader"]
    assert counts(lab, "work") == (2, 0)


def sent_into_the_dark(lab: Lab) -> None:
    off, on = (record.seq for record in lab.find(e.Intervened))
    lost = [
        record for record in lab.find(e.SegmentLost, since=off) if record.event.reason == "the machine is off"
    ]
    assert len(lost) >= 6, "two messages and an acknowledgement, each more than once"
    assert not lab.find(e.CommandReceived, since=off, where="broker")
    assert [one.event.reason for one in lab.find(e.SegmentDiscarded, since=on)] == ["no such connection"] * 2


def again_at_once(lab: Lab) -> None:
    sent = [record for record in lab.find(e.SegmentSent) if record.event.retransmission]
    at_once = Counter((record.at, record.event.connection) for record in sent)
    assert set(at_once.values()) == {2}, "what was said, and that there is nothing more to say"
    assert {client for _, client in at_once} == {"shop:49152", "clerk:49152"}
    assert len(lab.find(e.Enqueued)) == 3, "the cable that is healed lets all through"


def connection_reset(lab: Lab) -> None:
    the_held_one_went_back(lab)
    assert not lab.find(e.HeartbeatMissed)


def calls_after_the_end(lab: Lab) -> None:
    first, *others = [record.event.error for record in lab.find(e.CallFailed)]
    assert first.startswith("ConnectionLost: ") and len(others) == 2 and len(set(others)) == 1
    assert not lab.find(e.Published)


def frozen(lab: Lab) -> None:
    assert [record.event.action for record in lab.find(e.Intervened)] == ["freeze", "thaw"]
    assert bodies(lab, "worker") == ["job 1", "job 2"]


def http(lab: Lab) -> None:
    octets = said(lab, "browser", "web")
    assert octets.count(b" HTTP/1.1\r\n") == 2 and octets.count(b"HTTP/1.1 200 OK") == 1
    assert octets.count(b"HTTP/1.1 404 Not Found") == 1
    assert counts(lab, "hits") == (1, 0)


def websocket(lab: Lab) -> None:
    octets = said(lab, "browser", "web")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in octets  # that of RFC 6455, 1.3
    assert b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58" in octets  # a masked "Hello" (5.7)
    assert b"\x81\x05Hello" in octets and b"\x88\x02\x03\xe8" in octets
    assert counts(lab, "hits") == (1, 0)


def said(lab: Lab, *hosts: str) -> bytes:
    """All octets that these hosts sent."""
    segments = [r.event for r in lab.find(e.SegmentSent) if r.where in hosts]
    return b"".join(segment.payload for segment in segments)


def crowd_10_10_20(lab: Lab) -> None:
    assert len(lab.find(e.ConnectionOpened)) == 20
    assert len(lab.find(e.QueueDeclared)) == len(lab.find(e.Bound, source="events")) == 20
    assert len(lab.find(e.Acknowledged)) == 20


def queue_of_500(lab: Lab) -> None:
    assert depth(lab, "work") == 500
    assert counts(lab, "work") == (490, 10)


def records_10_000(lab: Lab) -> None:
    assert 10_000 < len(lab.records) < 13_000
    assert counts(lab, "work") == (0, 0)


def records_100_000(lab: Lab) -> None:
    assert 100_000 < len(lab.records) < 130_000
    assert counts(lab, "work") == (0, 0)


def live_pika(lab: Lab) -> None:
    assert lab.was_live and not lab.find(e.SegmentSent)
    assert bodies(lab, "pika") == ["Hello from pika"]
    assert len(lab.find(e.Acknowledged)) == 1


MEANT: dict[str, Callable[[Any], None]] = {
    name: globals()[name] for name in SCENES if callable(globals().get(name))
}
