"""Moments by name, dissections that can be asked, two conversations side by side, the lab's own picture."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

from amqplab import Lab
from amqplab.client import BasicProperties
from amqplab.lab import Cut, compare, in_another_process, side_by_side
from amqplab.lab.html_summary import MENU, first_sentence
from amqplab.lab.progress import LOOK_EVERY, Progress


@pytest.fixture(scope="module")
def lab() -> Lab:
    lab = Lab(seed=1, title="Two <messages>")
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    channel.basic_publish("", "q", "first")
    channel.basic_publish("", "q", "second", BasicProperties(content_type="text/plain", priority=0))
    lab.run()
    consumer = lab.connect("consumer").channel()
    consumer.basic_consume("q", lambda ch, method, properties, body: ch.basic_ack(method.delivery_tag))
    consumer.start_consuming()
    return lab


# --- moments ------------------------------------------------------------------------------------------------


def test_a_name_means_the_last_of_its_kind(lab: Lab) -> None:
    assert lab.why("Enqueued") == lab.why(lab.last("Enqueued"))
    assert lab.octets("basic.publish").endswith(b"second\xce")
    assert lab.octets(lab.first("basic.publish")).endswith(b"first\xce")


def test_since_a_command_begins_with_its_first_frame(lab: Lab) -> None:
    sent = lab.frames("producer", what="sent", since="basic.publish")
    assert [row.data[0] for row in sent] == [1, 2, 3]


def test_a_table_at_a_name_is_the_table_just_after_it(lab: Lab) -> None:
    [row] = lab.table(at=lab.first("Delivered"))
    assert (row.ready, row.unacked) == (1, 1)
    [row] = lab.table(at="Acknowledged")
    assert row.total == 0


def test_a_ladder_has_a_beginning_and_an_end(lab: Lab) -> None:
    lines = lab.ladder("command", since=lab.first("basic.deliver"), until="basic.deliver").splitlines()[2:]
    assert [line.split(" x=")[0].split()[-1] for line in lines] == ["Basic.Deliver", "Basic.Deliver"]


def test_the_stage_begins_where_it_is_told(lab: Lab) -> None:
    places = [lab.stage(at=at).start["at"] for at in ("start", "end", "Enqueued", -1, 5)]
    end = len(lab.records) - 1
    assert places == [-1, end, lab.last("Enqueued").seq, end, 5]


def test_a_page_begins_where_it_is_told_and_bears_the_labs_title(lab: Lab, tmp_path: Path) -> None:
    path = lab.to_html(tmp_path / "run.html", zoom="frame", at="Enqueued")
    text = path.read_text()
    assert "<title>Two &lt;messages&gt;</title>" in text
    assert f'{{"zoom":1,"at":{lab.last("Enqueued").seq}}}' in text.replace(" ", "")
    assert lab.to_html(tmp_path / "again.html", zoom="frame", at="Enqueued").read_text() == text


def test_a_capture_is_written_where_it_is_told(lab: Lab, tmp_path: Path) -> None:
    whole = lab.to_pcap(tmp_path / "run.pcap")
    seen = lab.to_pcap(str(tmp_path / "consumer.pcap"), at="consumer")
    assert 0 < seen.stat().st_size < whole.stat().st_size


def test_a_fork_at_a_name_is_a_fork_right_after_that_record(lab: Lab) -> None:
    branch = lab.fork(at="Enqueued", do=Cut("producer"))
    assert branch.forked_at == lab.last("Enqueued").seq + 1
    assert list(branch.records[: branch.forked_at]) == list(lab.records[: branch.forked_at])


def test_a_command_that_only_arrived_is_found_where_it_arrived() -> None:
    lab = Lab(seed=1)

    async def scene() -> None:
        async with await lab.serve(port=0, name="pika") as server:
            await in_another_process(declare_with_pika, server.url)

    asyncio.run(scene())
    assert lab.last("queue.declare").event.host == "broker"
    assert lab.dissect("queue.declare").field("queue") == "q"
    assert lab.octets("queue.declare-ok")[0] == 1


def declare_with_pika(url: str) -> None:
    import pika

    connection = pika.BlockingConnection(pika.URLParameters(url))
    connection.channel().queue_declare("q")
    connection.close()


# --- dissections --------------------------------------------------------------------------------------------


def test_a_dissection_prints_itself_and_can_be_asked_for_a_field(lab: Lab) -> None:
    header = lab.dissect("basic.publish", frame=2)
    assert repr(header) == str(header) and str(header).startswith("0000")
    assert header.field("size of body") == 6
    assert header.field("content-type") == "text/plain"
    assert header.field("priority") == 0
    assert header.field("delivery-mode") is None
    assert header.octets == lab.frames("producer", since="basic.publish")[1].data
    assert lab.dissect("basic.publish").field("mandatory") is False


def test_records_rows_and_octets_can_be_dissected(lab: Lab) -> None:
    row = lab.frames("broker")[0]
    assert (
        lab.dissect(row) == lab.dissect(row.data) == lab.dissect(row.seq) == lab.dissect(lab.records[row.seq])
    )


# --- two conversations --------------------------------------------------------------------------------------


def test_frames_of_one_client_are_those_of_its_connections(lab: Lab) -> None:
    rows = lab.frames("broker", client="consumer")
    assert {row.connection for row in rows} == {"consumer:49152"}
    assert {row.what for row in rows} == {"sent", "received"}


def test_two_conversations_are_compared_frame_by_frame(lab: Lab) -> None:
    other = Lab(seed=2)
    channel = other.connect("producer").channel()
    channel.queue_declare("q", durable=True)
    channel.basic_publish("", "q", "first")
    other.run()
    rows = compare(
        lab.frames("broker", what="received", client="producer"),
        other.frames("broker", what="received", client="producer"),
        names=("this", "that"),
    )
    assert [(row.frame, row.verdict) for row in rows[4:9]] == [
        ("Channel.Open", "the same bytes"),
        ("Queue.Declare q=q", "differs in durable"),
        ("Basic.Publish x= rk=q", "the same bytes"),
        ("Content-Header size=5", "the same bytes"),
        ("Content-Body 5 bytes", "the same bytes"),
    ]
    assert {row.verdict for row in rows[9:]} == {"only this"}


def test_octets_stand_side_by_side_and_a_different_line_is_marked() -> None:
    text = side_by_side(
        bytes.fromhex("0800000000000000ce")[1:], b"\x08\0\0\0\0\0\0\xce", names=("bad", "good")
    )
    assert [line for line in text.splitlines() if "≠" in line] == [
        "0000  00 00 00 00 00 00 00 ce  ≠ 08 00 00 00 00 00 00 ce  ········"
    ]
    same = side_by_side(b"\x08\0\0\0\0\0\0\xce", b"\x08\0\0\0\0\0\0\xce")
    assert "Heartbeat" in same and "≠" not in same


# --- elsewhere ----------------------------------------------------------------------------------------------


def prints(*values: object) -> None:
    import os

    print(*values, os.getpid() > 0)


async def prints_later(value: object) -> None:
    import asyncio

    await asyncio.sleep(0)
    print(value)


def test_a_function_runs_in_another_process_and_its_prints_come_back() -> None:
    assert asyncio.run(in_another_process(prints, "a'b", 2)) == "a'b 2 True"
    assert asyncio.run(in_another_process(prints_later, [1])) == "[1]"


# --- the lab itself -----------------------------------------------------------------------------------------


def test_the_labs_picture_has_its_facts_and_its_menu_and_is_the_same_every_time(lab: Lab) -> None:
    picture = lab._repr_html_()
    assert "Two &lt;messages&gt;" in picture
    assert f"records <b>{len(lab.records)}</b>" in picture
    assert "clients <b>producer, consumer</b>" in picture and "checks <b>all kept</b>" in picture
    assert picture == lab._repr_html_()
    assert "`" not in picture
    assert (
        "Make the <code>async def</code> below this line a program at the host <code>name</code>." in picture
    )
    assert "<code>lab.checks</code> What must be true of a broker at every moment" in picture


def test_whatever_a_lab_can_do_is_in_the_menu_or_named_as_a_fact() -> None:
    facts = {"clients", "broker", "recorder", "records", "checks", "programs", "seed", "title", "now"}
    history = {"parent", "branches", "interventions", "forked_at", "printed", "was_live", "branch_name"}
    rare = {"intervene", "note", "lose", "octets", "crash"}
    menu = {name for names in MENU.values() for name in names}
    assert {name for name in dir(Lab()) if name[0] != "_"} == menu | facts | history | rare


PUBLIC = [name for name in dir(Lab) if name[0] != "_"]


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_in_tab_completion_has_a_help_text(name: str) -> None:
    member: Any = inspect.getattr_static(Lab, name)
    text = inspect.getdoc(member) or ""
    assert len(text) > 15
    assert first_sentence(member).endswith(".")


# --- progress -----------------------------------------------------------------------------------------------


class Clock:
    """A real clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.delenv("AMQPLAB_PROGRESS", raising=False)
    monkeypatch.setattr("amqplab.lab.progress.time.monotonic", clock)
    return clock


def advance(progress: Progress, now: int) -> None:
    for _ in range(LOOK_EVERY):
        progress.advance(now)


def test_a_short_run_shows_nothing(clock: Clock, capfd: pytest.CaptureFixture[str]) -> None:
    with Progress("running", 0, 10**10) as progress:
        clock.now = 1.4
        advance(progress, 10**9)
    assert capfd.readouterr() == ("", "")


def test_a_long_run_shows_a_bar_of_virtual_time_and_takes_it_away(
    clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    with Progress("until 10 s", 0, 10**10) as progress:
        clock.now = 2.0
        advance(progress, 3 * 10**9)
        shown = capfd.readouterr().err
        assert "until 10 s" in shown and "30%" in shown
    assert capfd.readouterr().err.endswith("\r")


def test_where_outputs_are_compared_no_bar_is_shown(
    clock: Clock, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMQPLAB_PROGRESS", "off")
    with Progress("running", 0, None) as progress:
        clock.now = 100.0
        advance(progress, 10**9)
    assert capfd.readouterr() == ("", "")
