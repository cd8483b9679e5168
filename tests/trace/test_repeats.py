"""What TCP sends again: whose octets those are, why it does, and what a timeout takes for lost."""

from __future__ import annotations

from typing import Any

import pytest
from faulted import coffees, harmed
from scenes import build

from amqplab import Lab
from amqplab.lab import LoseNext, Reset
from amqplab.trace import events as e
from amqplab.trace.chapters import chapters
from amqplab.trace.narrate import Narrator
from amqplab.trace.recorder import Record
from amqplab.trace.repeats import Again, Repeats, Taken
from amqplab.trace.traffic import Segment, Traffic

LOSSY = ("loss_20_percent", "lost_batch", "cut", "half_open", "power_off")


def sentences(lab: Lab, kind: type[e.Event], **fields: Any) -> list[str]:
    narrator = Narrator(lab.recorder)
    return [narrator.sentence(record.seq) for record in lab.find(kind, **fields)]


def octets(segment: Segment) -> set[int]:
    """The numbers of what it carries, SYN and FIN among them."""
    marks = ("SYN" in segment.flags) + ("FIN" in segment.flags)
    return {segment.relative_sequence + at for at in range(segment.end - segment.start + marks)}


@pytest.mark.parametrize("name", LOSSY)
def test_the_segments_that_are_named_had_the_octets_first(name: str) -> None:
    records = list(build(name).recorder)
    traffic = Traffic(records)
    again = Repeats(records, traffic).again
    repeating = [segment for segment in traffic.segments.values() if segment.retransmission]
    assert {segment.number for segment in repeating} == set(again)
    for segment in repeating:
        told, had = again[segment.number], octets(segment)
        first: set[int] = set()
        for number in told.segments:
            carried = octets(traffic.segments[number])
            assert number < segment.number and carried & had
            assert not traffic.segments[number].retransmission
            first |= carried
        assert told.more == bool(had - first) and told.part == bool(first - had)


@pytest.mark.parametrize("name", LOSSY)
def test_a_timeout_is_the_reason_where_it_is_the_cause(name: str) -> None:
    records = list(build(name).recorder)
    repeats = Repeats(records, Traffic(records))
    for record in records:
        event = record.event
        if isinstance(event, e.SegmentSent) and event.retransmission:
            cause = None if record.cause is None else records[record.cause].event
            by_timer = isinstance(cause, e.RetransmissionTimedOut)
            assert (repeats.again[event.number].reason == "timeout") == by_timer
            assert (record.cause in repeats.taken) == by_timer


def test_acknowledgements_that_repeat_themselves_ask_for_what_is_missing() -> None:
    """Fast retransmit: no time was out, and eight segments go again in one."""
    lab = build("loss_20_percent")
    [told] = [one for one in sentences(lab, e.SegmentSent, retransmission=True) if "481 bytes" in one]
    again = "which is segments 18 to 25 again in one"
    why = "because the same acknowledgement came again and again and asks for it"
    assert told.startswith(
        f"producer sends segment 33 with messages 3 to 10, {again}, {why}, with 481 bytes: "
    )


def test_what_is_asked_for_again_is_a_step_of_the_story_and_came_of_the_loss() -> None:
    lab = build("loss_20_percent")
    [step] = [one for one in chapters(lab.recorder) if one.sentence.startswith("producer sends segment 33 ")]
    assert "bytes" not in step.sentence and "messages 3 to 10" in step.sentence
    cause = Narrator(lab.recorder).causes.of(step.last)
    assert cause is not None
    assert lab.recorder[cause].event == lab.first(e.SegmentLost, number=18).event


def test_a_timeout_takes_everything_for_lost_that_is_not_acknowledged() -> None:
    told = sentences(build("loss_20_percent"), e.RetransmissionTimedOut)
    assert (
        "What worker sent was not acknowledged within 200 ms, so TCP takes segments 67 and 69 with 2 basic.acks "
        "for lost and sends them again; segment 69 had arrived, but worker does not know."
    ) in told
    assert (
        "What the broker sent was not acknowledged within 200 ms, so TCP takes segment 46 for lost and sends it "
        "again; it had arrived, but the broker does not know."
    ) in told


def segment(seq: int, number: int, start: int, size: int, cause: int | None = None, **other: Any) -> Record:
    """One that goes up, with `size` octets from `start` on."""
    fields = {"flags": "ACK", "again": False, "acknowledges": 0, "up": True} | other
    ends = ("p:1", "broker:5672") if fields["up"] else ("broker:5672", "p:1")
    sent = e.SegmentSent(
        "p:1", number, *ends, fields["flags"], start, fields["acknowledges"], 9, b"x" * size, fields["again"], 0, 1,
    )  # fmt: skip
    return Record(seq, seq, "p" if fields["up"] else "broker", cause, sent)


def happened(seq: int, event: e.Event, cause: int | None = None) -> Record:
    return Record(seq, seq, "p", cause, event)


def repeats_of(records: list[Record]) -> Repeats:
    return Repeats(records, Traffic(records))


def test_after_a_timeout_the_rest_goes_when_an_acknowledgement_comes() -> None:
    timed_out = e.RetransmissionTimedOut("p:1", "p", 200)
    repeats = repeats_of([
        segment(0, 1, 0, 10),
        segment(1, 2, 10, 10),
        happened(2, timed_out),
        segment(3, 3, 0, 10, 2, again=True),
        segment(4, 4, 0, 0, up=False, acknowledges=10),
        happened(5, e.SegmentArrived("p:1", 4), 4),
        segment(6, 5, 10, 15, 5, again=True),
    ])  # fmt: skip
    assert repeats.taken == {2: Taken((1, 2), (), all_sent=False)}
    assert repeats.again == {
        3: Again((1,), part=False, more=False, reason="timeout"),
        5: Again((2,), part=False, more=True, reason="after timeout"),
    }


def test_an_acknowledgement_of_a_part_asks_for_the_next_hole() -> None:
    repeats = repeats_of([
        segment(0, 1, 1, 10),
        segment(1, 2, 11, 10),
        segment(2, 3, 0, 0, up=False, acknowledges=11),
        happened(3, e.SegmentArrived("p:1", 3), 2),
        segment(4, 4, 11, 5, 3, again=True),
    ])  # fmt: skip
    assert repeats.again == {4: Again((2,), part=True, more=False, reason="asked")}


def test_a_syn_that_comes_again_is_answered_again() -> None:
    repeats = repeats_of([
        segment(0, 1, 5, 0, flags="SYN"),
        segment(1, 2, 70, 0, flags="SYN|ACK", up=False),
        segment(2, 3, 5, 0, flags="SYN", again=True),
        happened(3, e.SegmentArrived("p:1", 3), 2),
        segment(4, 4, 70, 0, 3, flags="SYN|ACK", up=False, again=True),
    ])  # fmt: skip
    assert repeats.again[4] == Again((2,), part=False, more=False, reason="SYN")


def test_a_fin_is_sent_again_like_an_octet() -> None:
    repeats = repeats_of([
        segment(0, 1, 0, 10),
        segment(1, 2, 10, 0, flags="FIN|ACK"),
        happened(2, e.RetransmissionTimedOut("p:1", "p", 200)),
        segment(3, 3, 10, 0, 2, flags="FIN|ACK", again=True),
    ])  # fmt: skip
    assert repeats.again == {3: Again((2,), part=False, more=False, reason="timeout")}
    assert repeats.taken == {2: Taken((2,), (), all_sent=True)}


def test_a_probe_of_a_closed_window_repeats_nothing_and_takes_nothing_for_lost() -> None:
    records = [
        segment(0, 1, 0, 10),
        happened(1, e.RetransmissionTimedOut("p:1", "p", 200_000_000)),
        segment(2, 2, 10, 1, 1),
    ]
    repeats = repeats_of(records)
    assert not repeats.again and not repeats.taken
    narrator = Narrator(records)
    assert narrator.sentence(1) == (
        "For 200 ms nobody told p that there is room again, so its TCP asks with one byte."
    )
    assert " with 1 byte, to ask whether there is room again: " in narrator.sentence(2)


@pytest.mark.parametrize("name", [*LOSSY, "connection_reset"])
def test_who_notices_a_loss_depends_on_what_was_lost(name: str) -> None:
    """Nobody acknowledges an acknowledgement or an RST, so nobody misses it and nobody sends it again."""
    lab = build(name)
    narrator, sent = Narrator(lab.recorder), {one.event.number: one.event for one in lab.find(e.SegmentSent)}
    for record in lab.find(e.SegmentLost):
        event, told = sent[record.event.number], narrator.sentence(record.seq)
        noticed = bool(event.payload) or "SYN" in event.flags or "FIN" in event.flags
        assert ("its sender has to notice by itself" in told) == noticed
        assert ("any later acknowledgement says the same" in told) == (
            not noticed and "RST" not in event.flags
        )
        assert ("its sender knows of no such connection" in told) == ("RST" in event.flags)


def test_who_has_given_its_end_up_notices_no_loss() -> None:
    """The broker answers, is reset while the answer is on its way, and the answer is lost."""
    lab = coffees()
    opens = lab.first(e.CommandSent, name="channel.open", where="barista").seq
    losing = harmed(lab, opens + 1, LoseNext("barista", 2, "from broker"))
    last = max(one.seq for one in losing.recorder if one.at <= losing.first(e.Intervened).at + 200_000)
    [told] = sentences(harmed(losing, last, Reset("barista")), e.SegmentLost)
    assert "channel.open-ok is lost" in told and told.endswith(
        "its sender knows of no such connection any more."
    )


def test_what_arrived_is_said_to_have_arrived_where_it_did() -> None:
    """Segment 47 was lost; its bytes came in 49, and the acknowledgement of that was lost."""
    told = sentences(build("loss_20_percent"), e.RetransmissionTimedOut)
    assert (
        "What worker sent was not acknowledged within 400 ms, so TCP takes segment 47 for lost and sends it again; "
        "its bytes had arrived in segment 49, but worker does not know." in told
    )


@pytest.mark.parametrize("name", LOSSY)
def test_no_segment_that_was_lost_is_said_to_have_arrived(name: str) -> None:
    records = list(build(name).recorder)
    traffic = Traffic(records)
    for seq, taken in Repeats(records, traffic).taken.items():
        for number in taken.carriers:
            arrived = traffic.segments[number].arrived
            assert arrived is not None and arrived < seq
        lost = [number for number in taken.arrived if traffic.segments[number].lost]
        assert not set(lost) & set(taken.carriers)
