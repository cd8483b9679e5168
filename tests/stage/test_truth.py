"""The truth about the stage: what holds for every scene, every zoom, every step and every prefix of a recording.

The laws that need the browser's script stand in ``js/laws.mjs`` and are run by node, once, over all cases (see
``tests/support/truth.py``); here each of them has its test. The others are asked in Python. ``AMQPLAB_LONG=1`` looks
at every step of every scene, the big ones, too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from scenes import build, names, recording
from truth import LAWS, Report, cases, judge

from amqplab.stage import esm
from amqplab.stage.html import page
from amqplab.stage.layout import layout
from amqplab.stage.marks import marks
from amqplab.stage.needs import needs_of
from amqplab.stage.scene import scene
from amqplab.stage.svg import key_steps, moments, to_svg
from amqplab.stage.widget import Stage
from amqplab.trace import events as e
from amqplab.trace.fold import Fold
from amqplab.trace.narrate_dark import IN_THE_DARK
from amqplab.trace.no_power import dark
from amqplab.trace.participants import participants_of
from amqplab.trace.recorder import Record
from amqplab.trace.traffic import Traffic

SCENES = pytest.mark.parametrize("name", names())


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("truth")
    cases(folder)
    return judge(folder)


@pytest.mark.timeout(0)
def test_every_scene_and_many_prefixes_were_drawn(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nThe stage was looked at: {report}")
    assert report.drawn["cases"] >= len(names()) and report.drawn["prefixes"] >= 5 * len(names())
    assert report.drawn["zooms"] == 5 * (report.drawn["cases"] + report.drawn["prefixes"])
    assert report.drawn["compared"] >= 25 * len(names())


@pytest.mark.timeout(0)  # whichever test comes first waits for all
@pytest.mark.parametrize("law", LAWS, ids=[f"{law}: {words}" for law, words in LAWS.items()])
def test_law(law: str, report: Report) -> None:
    assert not report.count.get(law), report.of(law)


# --- 6: one number everywhere ----------------------------------------------------------------------------


@SCENES
def test_the_table_says_what_the_picture_says(name: str) -> None:
    """The rows of ``lab.table()`` at some records, by the numbers that stand on the queues."""
    lab = build(name)
    records = list(lab.recorder)
    place = layout(participants_of(records), "wide", needs_of(records))
    wanted = [len(records) * part // 4 for part in (1, 2, 3)] + [len(records) - 1]
    for seq, moment in moments(records, Traffic(records), place, wanted, "milestone").items():
        if seq < 0:
            continue
        drawn = {mark.label: mark.more["numbers"] for mark in marks(moment) if mark.kind == "queue"}
        told = {row.queue: (row.ready, row.unacked, row.total) for row in lab.table(at=seq)}
        assert drawn == told


# --- 8: all forms agree ----------------------------------------------------------------------------------


def test_widget_and_page_run_the_same_script() -> None:
    script = esm.script()
    assert Stage._esm == script
    assert script.strip() in page(recording("hello")).replace("<\\/script", "</script")


def texts(svg: str) -> Iterator[str]:
    for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        yield "".join(node.itertext())


@SCENES
def test_the_static_picture_shows_every_message_that_is_a_mark(name: str) -> None:
    records = list(recording(name))
    traffic = Traffic(records)
    place = layout(participants_of(records), "wide", needs_of(records))
    for seq in key_steps(records, traffic):
        [moment] = [
            one for at, one in moments(records, traffic, place, [seq], "milestone").items() if at == seq
        ]
        shown = Counter(texts(to_svg(records, steps=[seq])))
        wanted = Counter(
            mark.label for mark in marks(moment) if mark.kind == "message" and not mark.more.get("covered")
        )
        assert not wanted - shown, f"record {seq}"


@pytest.mark.parametrize(
    ("name", "kind"), [("dead_letter_retry", "dead-letter"), ("exchange_to_exchange", "alternate")]
)
def test_the_way_past_the_bindings_is_lit_when_a_message_takes_it(name: str, kind: str) -> None:
    """At the death and until the message is in a queue, as bindings are; at other records it is not. That the
    browser's picture says the same is law 8.
    """
    records = list(recording(name))
    traffic = Traffic(records)
    place = layout(participants_of(records), "wide", needs_of(records))
    steps = [record.seq for record in records]
    found: Counter[tuple[str, str]] = Counter()
    for seq, moment in moments(records, traffic, place, steps, "story").items():
        event = type(records[seq].event).__name__ if seq >= 0 else ""
        for mark in marks(moment):
            if mark.kind == "policy":
                found[event, mark.state] += 1
    taken = f"{kind} taken"
    assert found["Routed", taken] and found["Enqueued", taken]
    assert found["CommandSent", kind] and not found["CommandSent", taken]
    if kind == "dead-letter":
        assert found["DeadLettered", taken] == sum(
            isinstance(record.event, e.DeadLettered) for record in records
        )


@SCENES
def test_frames_of_the_static_picture_stand_in_the_order_of_their_octets(name: str) -> None:
    """The first is nearest to the receiver, while nothing is lost; the law of the browser's is in js/laws.mjs."""
    records = list(recording(name))
    traffic = Traffic(records)
    place = layout(participants_of(records), "wide", needs_of(records))
    lossy = {
        (segment.connection, segment.up)
        for segment in traffic.segments.values()
        if segment.lost_seq is not None or segment.arrives_at is None
    }
    wanted = [frame.received for frame in traffic.frames if frame.received is not None]
    for seq, moment in moments(
        records, traffic, place, wanted[:: max(1, len(wanted) // 20)], "frame"
    ).items():
        lanes: dict[tuple[str, bool, int], list[tuple[int, int]]] = {}
        for mark in marks(moment):
            if mark.kind == "frame":
                frame = traffic.frames[int(mark.id)]
                pipe = place["pipes"][frame.connection]
                ahead = (1 if frame.up else -1) * (1 if pipe["x1"] > pipe["x0"] else -1)
                lane = (frame.connection, frame.up, mark.spot.y)
                lanes.setdefault(lane, []).append((frame.offset, -ahead * mark.spot.x))
        for (connection, up, _), stand in lanes.items():
            if (connection, up) not in lossy:
                assert [x for _, x in sorted(stand)] == sorted(x for _, x in stand), f"record {seq}"


SETS_OUT = re.compile(r"(Basic\.(?:Publish|Deliver|Ack|Return))\b")


@SCENES
def test_the_text_ladder_lets_arrive_what_arrived(name: str) -> None:
    """Every command that carries or settles a message is a line; it has a head if it was received."""
    lab = build(name)
    lines = str(lab.ladder("command", width=200)).splitlines()
    told: Counter[tuple[str, bool]] = Counter()
    for line in lines:
        for found in SETS_OUT.findall(line):
            told[found, bool(re.search(r"[<>]", line.split("│", 1)[1]))] += 1
    known: Counter[tuple[str, bool]] = Counter()
    traffic = Traffic(list(lab.recorder))
    for command in traffic.commands:
        words = command.name.title()
        if SETS_OUT.fullmatch(words) and command.sent is not None:
            known[words, command.received is not None] += 1
    assert told == known


# --- 9: no false alarm -----------------------------------------------------------------------------------


@SCENES
def test_no_check_cries_where_rabbitmq_would_be_right(name: str) -> None:
    assert [str(failure) for failure in build(name).checks.failures] == []


# --- 10: physics -----------------------------------------------------------------------------------------


def after(name: str, action: str) -> list[Record]:
    """What happens on the worker's connection from an intervention on."""
    records = list(recording(name))
    [start] = [
        record.seq
        for record in records
        if isinstance(record.event, e.Intervened) and record.event.action == action
    ]
    return [
        record
        for record in records[start + 1 :]
        if str(getattr(record.event, "connection", "")).startswith("worker:")
    ]


def sent_by(host: str, records: list[Record]) -> list[Any]:
    return [one.event for one in records if isinstance(one.event, e.SegmentSent) and one.where == host]


def arrivals(records: list[Record]) -> list[Record]:
    return [one for one in records if isinstance(one.event, e.SegmentArrived)]


def test_a_machine_without_power_says_nothing_and_hears_nothing() -> None:
    told = after("power_off", "power off")
    assert not sent_by("worker", told) and not arrivals(told)
    assert len(sent_by("broker", told)) > 3
    assert {one.event.reason for one in told if isinstance(one.event, e.SegmentLost)} == {
        "the machine is off"
    }


@pytest.mark.parametrize("name", names("fault"))
def test_at_a_machine_without_power_nothing_is_done_and_what_is_gone_is_gone_at_once(name: str) -> None:
    records = list(recording(name))
    off = {one.event.target: one.at for one in records if getattr(one.event, "action", "") == "power off"}
    unlit = dark(records)
    there = [one for one in records if one.seq in unlit and not isinstance(one.event, e.SegmentLost)]
    assert all(type(one.event) in IN_THE_DARK and one.at == off[one.where] for one in there)
    assert bool(there) == bool(off)


def test_a_killed_process_is_ended_by_its_kernel_at_once() -> None:
    told = after("crash", "kill")
    [first, *_] = sent_by("worker", told)
    assert "FIN" in first.flags or "RST" in first.flags
    assert not any(first.payload for first in sent_by("worker", told))
    assert arrivals(told)


def test_through_a_cut_cable_nothing_passes_either_way() -> None:
    told = after("cut", "cut")
    assert sent_by("worker", told) and sent_by("broker", told) and not arrivals(told)
    assert {one.event.reason for one in told if isinstance(one.event, e.SegmentLost)} == {"the link is cut"}


def test_through_a_half_open_link_one_side_is_heard() -> None:
    told = after("half_open", "half-open")
    assert {one.where for one in arrivals(told)} == {"worker"}
    assert sent_by("worker", told)


def test_a_healed_cable_carries_everything_that_was_sent_meanwhile() -> None:
    """TCP keeps its word: each direction's stream is whole at the other end, but for what the record cuts off."""
    for name in ("cut_and_healed", "loss_20_percent", "lost_batch", "frozen"):
        records = list(recording(name))
        for command in Traffic(records).commands:
            assert (
                command.sent is None
                or command.received is not None
                or records[command.sent].at == records[-1].at
            ), (name, command.name)


@SCENES
def test_what_is_read_was_sent_byte_for_byte_in_its_order(name: str) -> None:
    records = list(recording(name))
    order: dict[tuple[str, bool], int] = {}
    for frame in Traffic(records).frames:
        if frame.received is None:
            continue
        lane = (frame.connection, frame.up)
        assert order.get(lane, -1) < frame.received, "frames are read in the order in which they were sent"
        order[lane] = frame.received
        assert frame.sent is None or frame.sent < frame.received


@SCENES
def test_no_segment_arrives_before_it_leaves_or_twice(name: str) -> None:
    records = list(recording(name))
    seen: set[int] = set()
    for record in records:
        if isinstance(record.event, e.SegmentArrived):
            assert record.event.number not in seen
            seen.add(record.event.number)
    for segment in Traffic(records).segments.values():
        if segment.arrived is not None:
            assert segment.sent < segment.arrived and segment.departs_at <= records[segment.arrived].at
        assert segment.arrived is None or segment.lost_seq is None


# --- 11: other protocols ---------------------------------------------------------------------------------

OTHER = pytest.mark.parametrize("name", names("other protocol"))


@OTHER
def test_a_web_server_is_no_broker(name: str) -> None:
    made = scene(recording(name))
    kinds = {server["host"]: server["kind"] for server in made["servers"]}
    assert kinds["broker"] == "broker" and kinds["web"] != "broker" and made["broker"] == "broker"
    assert made["roles"]["browser"] == ""
    assert all(
        place["kind"] != "broker"
        for host, place in made["layouts"]["wide"]["servers"].items()
        if host == "web"
    )


@OTHER
def test_other_protocols_are_not_told_as_broken_amqp(name: str) -> None:
    made = scene(recording(name))
    pipes = made["layouts"]["wide"]["pipes"]
    foreign = {name for name, pipe in pipes.items() if pipe["server"] == "web"}
    assert foreign
    records = list(recording(name))
    for record, sentence, label in zip(records, made["sentences"], made["labels"], strict=True):
        if getattr(record.event, "connection", None) in foreign:
            assert not re.search(r"AMQP|protocol header|Unknown frame type", f"{sentence} {label}"), sentence
    for frame in made["frames"]:
        if frame["conn"] in foreign:
            assert not re.search(r"AMQP|Unknown frame type", frame["summary"]), frame["summary"]


@OTHER
def test_other_protocols_do_not_touch_the_state_of_the_broker(name: str) -> None:
    state = Fold(recording(name)).now()
    assert not [key for key in state if key.startswith(("channel/", "consumer/")) and "browser" in key]
    assert [key for key in state if key.startswith("queue/")] == ["queue/%2F/hits"]
