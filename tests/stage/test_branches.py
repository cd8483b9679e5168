"""Breaking things on the stage: each fault is done to the history that is shown, and there is a way back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from stage_runs import journey

from amqplab import Lab
from amqplab.lab import Freeze
from amqplab.stage.widget import Stage
from amqplab.trace import events as e
from amqplab.trace.fold import Fold
from amqplab.trace.recorder import Recorder


class Page:
    """What the page does, on a stage whose answers are kept."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.said: list[str] = []
        stage.send = lambda content, buffers=None: self.said.append(content["text"])  # type: ignore[method-assign]

    def press(self, fault: str, client: str, at: int, branch: int | None = None, **more: Any) -> None:
        shown = len(self.stage.branch) - 1 if branch is None else branch
        content = {"type": "fault", "fault": fault, "client": client, "at": at, "branch": shown, **more}
        self.stage._handle_custom_msg(content, [])
        assert self.said.pop() == ""

    def back(self, to: int) -> None:
        self.stage._handle_custom_msg({"type": "branch", "to": to}, [])

    @property
    def end(self) -> int:
        return len(self.stage.recorder) - 1

    @property
    def actions(self) -> list[str]:
        return [one.event.action for one in self.stage.recorder if isinstance(one.event, e.Intervened)]

    def state(self) -> Any:
        return Fold(self.stage.recorder).now()


def coffee() -> Lab:
    lab = Lab(seed=7)

    @lab.program("waiter")
    async def waiter(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("orders")
        for number in range(3):
            await channel.basic_publish("", "orders", f"coffee {number}")

    @lab.program("barista")
    async def barista(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("orders")
        async for message in channel.consume("orders"):
            await asyncio.sleep(0.01)
            await message.ack()

    lab.run()
    return lab


@pytest.fixture
def page() -> Page:
    return Page(coffee().stage())


def delivered(page: Page, number: int = 0) -> int:
    return [one.seq for one in page.stage.recorder if isinstance(one.event, e.Delivered)][number]


def test_a_stage_begins_with_the_original(page: Page) -> None:
    assert page.stage.branch == ["original"]


def test_a_frozen_program_can_be_thawed_and_goes_on(page: Page) -> None:
    page.press("freeze", "barista", delivered(page))
    frozen = next(one.seq for one in page.stage.recorder if isinstance(one.event, e.Intervened))
    page.press("thaw", "barista", frozen)
    assert page.actions == ["freeze", "thaw"]
    assert page.state()["queue/%2F/orders"]["total"] == 0
    first, second, third = page.stage.branch
    assert first == "original"
    assert second.startswith("freeze barista at ") and second.endswith(" ms")
    assert third.startswith("thaw barista at ")


def test_a_history_goes_on_until_who_is_silent_is_given_up(page: Page) -> None:
    """Heartbeats take minutes to notice; a thaw before is in time, one after that is not."""
    page.press("freeze", "barista", delivered(page))
    queue = "queue/%2F/orders"
    missed = [one for one in page.stage.recorder if isinstance(one.event, e.HeartbeatMissed)]
    [closed] = (one for one in page.stage.recorder if isinstance(one.event, e.ConnectionClosed))
    assert len(missed) == 2 and closed.event.reason == "missed heartbeats"
    assert page.state()[queue]["ready_count"] == 3
    assert Fold(page.stage.recorder).at(missed[0].seq)[queue]["unacked_count"] == 3
    for thawed, left in ((missed[0].seq, 0), (page.end, 3)):
        page.press("thaw", "barista", thawed, branch=1)
        assert page.actions == ["freeze", "thaw"]
        assert page.state()[queue]["total"] == left


@pytest.mark.parametrize("fault", ["cut", "half-open", "power off"])
def test_so_it_does_after_other_silences(page: Page, fault: str) -> None:
    page.press(fault, "barista", delivered(page))
    [closed] = (one for one in page.stage.recorder if isinstance(one.event, e.ConnectionClosed))
    assert closed.event.reason == "missed heartbeats"


def test_five_minutes_of_silence_and_many_records_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without heartbeats nobody ever notices; and somebody else may be busy all the time."""
    lab = Lab(seed=1)

    @lab.program("quiet")
    async def quiet(client: Any) -> None:
        await client.connect(heartbeat=0)
        client.note("there")

    @lab.program("busy")
    async def busy(client: Any) -> None:
        for number in range(100_000):
            await asyncio.sleep(1)
            client.note(str(number))

    lab.run(until="9 s")
    page = Page(lab.stage())
    there = lab.first(e.NoteMade).seq
    page.press("freeze", "quiet", there)
    assert 300 < page.stage.recorder[-1].at / 1e9 < 320
    monkeypatch.setattr("amqplab.lab.lab.MANY", 20)
    page.press("freeze", "quiet", there, branch=0)
    assert 20 < page.stage.recorder[-1].at / 1e9 < 40


def test_a_cut_link_can_be_healed(page: Page) -> None:
    page.press("cut", "barista", delivered(page))
    waiting = next(one for one in page.stage.recorder if isinstance(one.event, e.RetransmissionTimedOut))
    page.press("heal", "barista", waiting.seq)
    assert page.actions == ["cut", "heal"]
    assert page.state()["queue/%2F/orders"]["total"] == 0


def test_two_faults_at_one_step_both_happen_in_their_order(page: Page) -> None:
    at = delivered(page)
    page.press("freeze", "barista", at)
    page.press("cut", "waiter", at)
    assert page.actions == ["freeze", "cut"]
    page.press("thaw", "barista", at + 1)  # the record of the freezing itself
    assert page.actions == ["freeze", "cut", "thaw"]


def test_a_fault_before_another_leaves_that_one_at_its_time(page: Page) -> None:
    frozen = delivered(page)
    page.press("freeze", "barista", frozen)
    when = next(one.at for one in page.stage.recorder if isinstance(one.event, e.Intervened))
    page.press("lose segment", "waiter", 3, segment=1)
    assert page.actions == ["lose segment", "freeze"]
    assert [one.at for one in page.stage.recorder if isinstance(one.event, e.Intervened)][1] == when


def test_there_is_a_way_back_and_from_there_another_way(page: Page) -> None:
    original = page.stage.recorder
    page.press("freeze", "barista", delivered(page))
    page.press("thaw", "barista", delivered(page) + 1)
    page.back(1)
    assert page.actions == ["freeze"] and len(page.stage.branch) == 2
    page.back(0)
    assert page.stage.recorder is original and page.stage.branch == ["original"]
    page.press("kill", "barista", delivered(page))
    assert page.actions == ["kill"] and page.stage.branch[1].startswith("kill barista")


def test_the_way_back_leads_to_what_was_shown_and_not_to_what_the_lab_did_since() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    lab.link("producer", latency="5 ms")  # leaves no record, and happened before the stage nevertheless
    page = Page(lab.stage())
    shown, was = page.stage.scene, (page.end, page.stage.to_text(), page.stage.to_svg())
    channel.basic_publish("", "q", "later")
    lab.run()
    assert page.end > was[0]
    page.press("freeze", "producer", was[0] - 3)
    assert page.actions == ["freeze"]
    assert not any(isinstance(one.event, e.Published) for one in page.stage.recorder), "it came later"
    now, then = (one._world.network.profile("producer", "broker") for one in (lab, lab.branches[-1]))
    assert then == now
    page.back(0)
    assert page.stage.scene == shown
    assert was[1:] == (page.stage.to_text(), page.stage.to_svg())


def test_at_the_end_that_is_shown_time_goes_on_in_the_fork_though_the_lab_has_gone_on() -> None:
    lab = journey()
    page = Page(lab.stage())
    end = page.end
    lab.connect("another")
    page.press("kill", "consumer", end)
    assert any(isinstance(one.event, e.ConnectionClosed) for one in page.stage.recorder)
    assert not any(one.where == "another" for one in page.stage.recorder)


@pytest.mark.parametrize("fault", ["kill", "reset"])
def test_what_comes_of_a_fault_is_seen_also_where_a_call_waited(fault: str) -> None:
    """The cell's call fails at that moment; the broker learns of it a little later."""
    lab = journey()
    page = Page(lab.stage())
    page.press(fault, "consumer", delivered(page))
    told = [type(one.event) for one in page.stage.recorder]
    assert told.index(e.ConnectionClosed) > told.index(e.Intervened)


@pytest.mark.parametrize("fault", ["kill", "freeze", "power off"])
def test_code_that_is_stopped_calls_nothing_and_raises_nothing(fault: str) -> None:
    """What the cell is told is not what happens in the process; its kernel lives on, unless it has no power."""
    lab = journey()
    page = Page(lab.stage())
    for at in [one.seq for one in lab.records if one.where == "consumer"][::6]:
        page.press(fault, "consumer", at, branch=0)
        [stopped] = (one.seq for one in page.stage.recorder if isinstance(one.event, e.Intervened))
        after = [one for one in page.stage.recorder if one.seq > stopped and one.where == "consumer"]
        assert not [one for one in after if isinstance(one.event, e.CallMade | e.CallReturned | e.CallFailed)]
        resets = [one for one in after if isinstance(one.event, e.SegmentSent) and "RST" in one.event.flags]
        assert fault == "kill" or not resets, "who stands still has not closed anything"


def test_who_looks_again_sees_and_breaks_what_happened_since() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    page = Page(lab.stage())
    channel.queue_declare("q")
    page.stage.refresh()
    page.press("cut", "producer", 3)
    page.back(0)
    assert page.stage.scene == lab.stage().scene
    page.press("lose segment", "producer", page.end, segment=1)
    assert any(isinstance(one.event, e.QueueDeclared) for one in page.stage.recorder)


def test_a_fault_is_done_to_the_history_that_the_page_names(page: Page) -> None:
    page.press("freeze", "barista", delivered(page))
    page.press("cut", "waiter", 50, branch=0)
    assert page.actions == ["cut"] and len(page.stage.branch) == 2


def test_before_the_first_record_is_the_beginning_and_not_the_end(page: Page) -> None:
    page.press("cut", "waiter", -1)
    assert page.actions == ["cut"]
    [cut] = [one for one in page.stage.recorder if isinstance(one.event, e.Intervened)]
    assert cut.at == 0


def test_at_the_end_time_goes_on_so_that_something_is_seen() -> None:
    page = Page(journey().stage())
    page.press("kill", "consumer", page.end)
    assert any(isinstance(one.event, e.ConnectionClosed) for one in page.stage.recorder)


def test_a_history_that_was_forked_by_hand_knows_where_it_comes_from() -> None:
    lab = coffee()
    branch = lab.fork(at=50, do=Freeze("barista"))
    other = lab.fork(at=50, do=lambda lab: lab.cut("barista"))
    stage = branch.stage()
    assert stage.branch == ["original", branch.branch_name]
    assert branch.branch_name.startswith("freeze barista at ")
    assert other.branch_name.startswith("a change at ")
    page = Page(stage)
    page.back(0)
    assert stage.recorder is lab.recorder


def test_nonsense_from_the_page_changes_nothing(page: Page) -> None:
    shown = page.stage.recorder
    for content in (
        {"type": "branch"},
        {"type": "branch", "to": 99},
        {"type": "branch", "to": "0"},
        {},
        None,
        3,
    ):
        page.stage._handle_custom_msg(content, [])
    assert page.stage.recorder is shown and page.stage.branch == ["original"]
    page.stage._handle_custom_msg({"type": "fault", "fault": "melt", "client": "barista", "at": 3}, [])
    assert "melt" in page.said[-1] and page.stage.branch == ["original"]


def test_a_recording_without_a_lab_asks_its_callback_and_keeps_the_way_back() -> None:
    one, other = journey().recorder, coffee().recorder
    asked: list[Any] = []

    def other_history(fault: dict[str, Any]) -> Recorder:
        asked.append(fault)
        return other

    page = Page(Stage(one, on_fault=other_history))
    page.press("cut", "producer", 3)
    assert asked == [{"fault": "cut", "client": "producer", "at": 3}]
    assert page.stage.recorder is other and page.stage.branch == ["original", "cut producer"]
    page.back(0)
    assert page.stage.recorder is one
