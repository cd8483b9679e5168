"""Claims: what a sentence promises or explains is what the records around it show."""

from __future__ import annotations

from itertools import pairwise

import pytest
from scenes import names, recording

from amqplab import Lab
from amqplab.lab import Reset
from amqplab.trace import events as e
from amqplab.trace.chapters import chapters
from amqplab.trace.narrate import Narrator
from amqplab.wire.frames import HEARTBEAT

SECOND = 1_000_000_000


def test_a_heartbeat_timeout_is_not_how_often_a_heartbeat_is_sent() -> None:
    recorder = recording("heartbeats")
    tuned = next(one for one in recorder if isinstance(one.event, e.ConnectionTuned))
    sentence = Narrator(recorder).sentence(tuned.seq)
    assert "a heartbeat timeout of 60 s" in sentence and "about every 30 s" in sentence
    beats = [one for one in recorder if isinstance(one.event, e.FrameSent) and one.event.data == HEARTBEAT]
    for sender in {one.where for one in beats}:
        times = [one.at for one in beats if one.where == sender]
        assert {round((b - a) / SECOND) for a, b in pairwise(times)} == {30}


def test_how_long_a_silence_may_last_is_said_as_the_broker_counts_it() -> None:
    """It looks once in every timeout, and gives up after two silent looks in a row (CONN-48)."""
    recorder = recording("half_open")
    narrator = Narrator(recorder)
    tunings = [one for one in recorder if isinstance(one.event, e.ConnectionTuned)]
    tuned = next(one for one in tunings if one.event.heartbeat_s)
    assert "taken for dead after two silent timeouts in a row" in narrator.sentence(tuned.seq)
    missed = [one for one in recorder if isinstance(one.event, e.HeartbeatMissed) and one.where == "broker"]
    first, second = (narrator.sentence(one.seq) for one in missed[:2])
    assert "for one whole heartbeat timeout; after two in a row" in first
    assert "for two whole heartbeat timeouts in a row, so it takes the client for dead" in second


def test_a_copy_that_is_there_before_the_others_is_told_of_as_a_copy() -> None:
    told = [one.sentence for one in chapters(recording("topics"))]
    assert any("; the first copy now stands in queue 'Q1'" in sentence for sentence in told)


def test_who_waits_in_line_for_a_queue_does_not_consume_from_it_yet() -> None:
    recorder = recording("single_active_consumer")
    narrator = Narrator(recorder)
    told = [
        narrator.sentence(one.seq)
        for one in recorder
        if isinstance(one.event, e.ConsumerAdded | e.ConsumerActivated)
    ]
    assert "first now consumes" in told[0] and told[1].endswith("it gets everything."), (
        "there is nobody else yet"
    )
    assert "second is now in line" in told[2] and "waits while consumer first is its active" in told[2]
    assert told[3].startswith("second has waited in line, and is now the active consumer")
    story = [chapter.sentence for chapter in chapters(recorder, narrator)]
    assert [one for one in story if "begins to consume" in one] == [
        "first begins to consume from the queue 'orders'."
    ]
    assert any("second asks to consume" in one and "waits while" in one for one in story)


def test_others_wait_for_the_active_consumer_only_if_there_are_others() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("maker").channel()
    channel.queue_declare("orders", arguments={"x-single-active-consumer": True})
    for name in ("first", "second", "third", "fourth"):
        lab.connect(name).channel().basic_consume("orders", lambda *_: None)
    for name in ("first", "second", "third"):
        lab.kill(name)
        lab.run_for("1 s")
    narrator = Narrator(lab.recorder)
    told = [narrator.sentence(one.seq) for one in lab.find(e.ConsumerActivated)]
    ends = [one.partition("it gets everything")[2] for one in told]
    assert ends == [".", ", and all others wait.", ", and the other one waits.", "."]


def things_that_go() -> Lab:
    """Queues and exchanges with and without bindings, messages and a power failure to come."""
    lab = Lab(seed=1)
    channel = lab.connect("maker").channel()
    for queue in ("bare", "bound", "full", "emptied"):
        channel.queue_declare(queue)
    for exchange in ("lonely", "one", "two"):
        channel.exchange_declare(exchange, "direct", auto_delete=exchange == "one")
    for queue, exchange, key in (("bound", "one", "a"), ("full", "two", "a"), ("full", "two", "b")):
        channel.queue_bind(queue, exchange, key)
    for queue in ("full", "full", "emptied", "emptied", "bound"):
        channel.basic_publish("", queue, "note")
    for no_ack in (True, False):
        got = channel.basic_get("emptied", auto_ack=no_ack)
    channel.basic_ack(got[0].delivery_tag)
    lab.run()
    return lab


GO_WITH = {
    "bare": "",
    "bound": "with its binding and its message",
    "full": "with its bindings and its messages",
    "emptied": "",
    "lonely": "",
    "two": "with its bindings",
}


@pytest.mark.parametrize("by", ["command", "power"])
def test_what_goes_with_a_queue_or_an_exchange_was_there(by: str) -> None:
    lab = things_that_go()
    if by == "power":
        lab.power_off("broker")
    else:
        channel = lab.connect("tidy").channel()
        for exchange in ("lonely", "two"):
            channel.exchange_delete(exchange)
        for queue in ("bare", "full", "emptied", "bound"):
            channel.queue_delete(queue)
    narrator = Narrator(lab.recorder)
    told = {
        getattr(one.event, "queue", "") or one.event.exchange: narrator.sentence(one.seq).partition(":")[0]
        for one in [*lab.find(e.QueueDeleted), *lab.find(e.ExchangeDeleted)]
    }
    assert "with its" not in told.pop("one"), "it deletes itself, for want of bindings"
    unbound = {"full": "with its messages"} if by == "command" else {}  # with its exchange, before
    for name, words in (GO_WITH | unbound).items():
        assert ("with its" in told[name]) == bool(words) and told[name].endswith(words), told[name]


@pytest.mark.parametrize(
    ("channels", "words"),
    [(0, "maker:"), (1, "maker with its channel:"), (2, "maker with all its channels:")],
)
def test_only_channels_that_were_there_are_forgotten_with_their_connection(channels: int, words: str) -> None:
    lab = Lab(seed=1)
    connection = lab.connect("maker")
    for _ in range(channels + 1):
        channel = connection.channel()
    channel.close()
    lab.kill("maker")
    lab.run()
    sentence = Narrator(lab.recorder).sentence(lab.last(e.ConnectionClosed).seq)
    assert sentence.startswith(f"The broker forgets the connection of {words}")


def test_nothing_is_said_to_arrive_before_it_has() -> None:
    """An RST may be lost, and so may a message that goes back to its publisher."""
    lab = Lab(seed=1)
    channel = lab.connect("maker").channel()
    channel.basic_publish("", "nowhere", "lost", mandatory=True)
    lab.run_for("1 s")
    lab.cut("maker")
    lab.intervene(Reset("maker"))
    lab.run_for("1 s")
    narrator = Narrator(lab.recorder)
    assert "the other one if the RST arrives" in narrator.sentence(lab.last(e.Intervened).seq)
    assert "its publisher gets it" not in narrator.sentence(lab.last(e.Unroutable).seq)
    assert (
        "RST" in lab.last(e.SegmentSent).event.flags
        and lab.last(e.SegmentLost).seq > lab.last(e.Intervened).seq
    )


def test_a_fanout_does_not_ask_what_matches() -> None:
    for name, words in (("publish_subscribe", "a copy of every message"), ("routing", "matching messages")):
        recorder = recording(name)
        narrator = Narrator(recorder)
        bindings = [one for one in recorder if isinstance(one.event, e.Bound) and one.event.source]
        assert bindings and all(f"so {words} also go" in narrator.sentence(one.seq) for one in bindings)


def test_what_tcp_has_to_keep_has_not_been_sent() -> None:
    """A reader that is frozen closes its window: the first message is sent in part, the others not at all."""
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    lab.connect("reader").channel().basic_consume("q", lambda *delivery: None, auto_ack=True)
    lab.run_for("1 s")
    lab.freeze("reader")
    for _ in range(3):
        channel.basic_publish("", "q", "x" * 100_000)
    lab.run_for("1 s")
    narrator = Narrator(lab.records)
    told = [
        narrator.sentence(one.seq)
        for one in lab.records
        if isinstance(one.event, e.CommandSent) and one.event.name == "basic.deliver"
    ]
    ends = ("can send only a part of it for now.", *["cannot send any of it yet."] * 2)
    assert len(told) == 3
    for sentence, end in zip(told, ends, strict=True):
        assert sentence.startswith("The broker hands TCP basic.deliver") and sentence.endswith(end)
    recorder = recording("loss_20_percent")
    narrator = Narrator(recorder)
    sent = [narrator.sentence(one.seq) for one in recorder if isinstance(one.event, e.CommandSent)]
    assert all(" has sent " in sentence for sentence in sent)


def test_whatever_is_lost_that_somebody_waits_for_is_a_step_of_the_story() -> None:
    """A SYN, a basic.qos: nothing else tells why it takes so long. A heartbeat does not count."""
    recorder = recording("loss_20_percent")
    story = [chapter.sentence for chapter in chapters(recorder, Narrator(recorder))]
    connected = story.index("worker connects.")
    for what, whose in (("SYN", "worker"), ("SYN|ACK", "the broker")):
        lost = next(i for i, one in enumerate(story) if f"with {what} is lost" in one)
        again = next(i for i, one in enumerate(story) if f"with {what} for lost and sends it again" in one)
        assert (
            lost < again < connected and f"What {whose} sent was not acknowledged within 1 s" in story[again]
        )
    assert any("with basic.qos is lost" in one for one in story)
    recorder = recording("cut")
    assert not any(
        "heartbeat is lost" in chapter.sentence for chapter in chapters(recorder, Narrator(recorder))
    )


@pytest.mark.parametrize("name", names("fault"))
def test_no_repeat_is_lost_in_the_story_before_the_story_has_told_why_it_was_sent(name: str) -> None:
    known = Narrator(recording(name)).context
    sent = {one.event.number: one for one in recording(name) if isinstance(one.event, e.SegmentSent)}
    lost = [one for one in recording(name) if isinstance(one.event, e.SegmentLost) and one.seq in known.cargo]
    behind = [sent[one.event.number].cause for one in lost]
    timeouts = [
        seq
        for seq in behind
        if seq is not None and isinstance(recording(name)[seq].event, e.RetransmissionTimedOut)
    ]
    assert all(seq in known.cargo for seq in timeouts)


def test_the_first_repeat_of_what_had_arrived_has_its_timeout_in_the_story() -> None:
    """The cable is cut after the message has come, and before its acknowledgement has."""
    lab = Lab(seed=1, latency="20 ms")
    channel = lab.connect("producer", heartbeat=0).channel()
    channel.queue_declare("q")
    channel.basic_publish("", "q", "x")
    lab.run_for("22 ms")
    lab.cut("producer")
    lab.run_for("300 ms")
    lab.heal("producer")
    lab.run_for("2 s")
    story = [chapter.sentence for chapter in chapters(lab.recorder)]
    lost = next(at for at, one in enumerate(story) if "is lost" in one)
    assert story[lost - 1].startswith("What producer sent was not acknowledged within 200 ms")
    assert "it had arrived, but producer does not know" in story[lost - 1]


def test_what_is_written_in_the_instant_in_which_the_power_fails_is_never_sent() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    lab.connect("consumer").channel().basic_consume("q", lambda *_: None, auto_ack=True)
    lab.run()
    channel.basic_publish("", "q", "x")
    lab.run(until="Delivered")
    lab.power_off("broker")
    lab.run_for("1 s")
    told = Narrator(lab.recorder)
    wrote = lab.last(e.CommandSent, where="broker", name="basic.deliver")
    assert told.sentence(wrote.seq).endswith(
        "TCP sends nothing of it, because in this very instant it is over with the connection here."
    )
