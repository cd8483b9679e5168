"""The widget without a browser: what it sends, what it hears, and what it leaves in a saved notebook."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from stage_runs import journey, lost_segment

from amqplab import Lab
from amqplab.stage.esm import script
from amqplab.stage.scene import scene, to_json
from amqplab.stage.svg import to_svg
from amqplab.stage.widget import FAULTS, Stage
from amqplab.trace.ladder import ladder
from amqplab.trace.recorder import Recorder

Recordings = Mapping[str, Recorder]


class Heard(Stage):
    """A stage whose messages to the page are kept."""

    def __init__(self, *args: Any, **how: Any) -> None:
        self.said: list[Any] = []
        super().__init__(*args, **how)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.said.append(content)


def shown_by(stage: Stage) -> Any:
    """The scene that the page gets."""
    return json.loads(zlib.decompress(stage.scene))


def press(stage: Stage, **fault: Any) -> None:
    """What the page sends when a failure button is pressed."""
    stage._handle_custom_msg({"type": "fault", **fault}, [])


def test_the_scene_is_sent_once_as_octets(recordings: Recordings) -> None:
    recorder = recordings["journey"]
    stage = Stage(recorder, title="A run")
    assert shown_by(stage) == json.loads(to_json(scene(recorder, title="A run")))
    assert shown_by(stage)["title"] == "A run"
    state = stage.get_state()
    assert {"scene", "start", "breakable"} <= set(state)


def test_the_script_and_the_style_come_with_the_widget(recordings: Recordings) -> None:
    stage = Stage(recordings["journey"])
    assert str(stage._esm) == script()
    assert ".amqplab-stage" in str(stage._css) and "http" not in str(stage._css)


@pytest.mark.parametrize(
    ("zoom", "number"), [("segment", 0), ("frame", 1), ("command", 2), ("milestone", 3), ("story", 4)]
)
def test_the_zoom_and_the_place_to_begin_are_chosen_by_name(
    zoom: str, number: int, recordings: Recordings
) -> None:
    recorder = recordings["journey"]
    assert Stage(recorder, zoom=zoom).start == {"zoom": number, "at": None}
    assert Stage(recorder, zoom=zoom, at=-1).start == {"zoom": number, "at": -1}
    assert Stage(recorder, zoom=zoom, at="end").start["at"] == len(recorder) - 1
    assert Stage(recorder, zoom=zoom, at=7).start["at"] == 7


def test_wrong_arguments_are_clear_errors(recordings: Recordings) -> None:
    with pytest.raises(ValueError, match="command, milestone, story; not 'frames'"):
        Stage(recordings["journey"], zoom="frames")
    with pytest.raises(TypeError, match="a recording, a recorder or a lab, not int"):
        Stage(7)


def test_a_lab_is_shown_as_its_recorder_is() -> None:
    lab = journey()
    assert Stage(lab).scene == Stage(lab.recorder).scene
    assert shown_by(lab.stage())["title"] in ("", lab.title)


def test_the_output_keeps_a_picture_and_a_text_for_where_there_is_no_widget(recordings: Recordings) -> None:
    recorder = recordings["journey"]
    data, _ = Stage(recorder)._repr_mimebundle_()
    assert data["image/svg+xml"] == to_svg(recorder)
    assert data["text/plain"] == ladder(recorder)
    assert "application/vnd.jupyter.widget-view+json" in data


def test_its_repr_has_no_address(recordings: Recordings) -> None:
    assert repr(Stage(recordings["journey"])) == f"<Stage: {len(recordings['journey'])} records>"


def test_buttons_work_only_if_somebody_stands_behind_them(recordings: Recordings) -> None:
    stage = Heard(recordings["journey"])
    assert stage.breakable == []
    press(stage, fault="cut", client="producer", at=3)
    assert stage.said == []
    stage.on_fault = lambda fault: None
    assert stage.breakable == list(FAULTS)


def test_a_fault_shows_the_history_that_comes_of_it(recordings: Recordings) -> None:
    asked: list[dict[str, Any]] = []

    def other_history(fault: dict[str, Any]) -> Recorder:
        asked.append(fault)
        return recordings["trouble"]

    stage = Heard(recordings["journey"], on_fault=other_history)
    press(stage, fault="cut", client="producer", at=3)
    assert asked == [{"fault": "cut", "client": "producer", "at": 3}]
    assert stage.recorder is recordings["trouble"]
    assert shown_by(stage) == json.loads(to_json(scene(recordings["trouble"])))
    assert stage.said == [{"type": "notice", "text": ""}]


def test_what_the_lab_cannot_do_is_said_where_the_button_was_pressed(recordings: Recordings) -> None:
    def refuse(fault: dict[str, Any]) -> None:
        raise ValueError("not at this step")

    stage = Heard(recordings["journey"], on_fault=refuse)
    press(stage, fault="cut", client="producer", at=3)
    assert stage.said == [{"type": "notice", "text": "cut: not at this step"}]


def test_a_lab_s_own_stage_loses_a_segment_and_shows_what_happened_then() -> None:
    lab = lost_segment()
    stage = lab.stage()
    data = shown_by(stage)
    segment = next(one for one in data["segments"] if one["end"] > one["start"] and not one["lost"])
    client = segment["conn"].partition(":")[0]
    press(stage, fault="lose segment", client=client, segment=segment["n"], at=segment["sent"])
    lost = {one["n"] for one in shown_by(stage)["segments"] if one["lost"]}
    assert segment["n"] in lost


def test_every_fault_offered_is_one_that_the_lab_knows() -> None:
    from amqplab.lab.faults import fault_from_button

    for name in FAULTS:
        assert fault_from_button({"fault": name, "client": "producer", "segment": 1}).client == "producer"


def test_a_lab_that_ran_on_is_shown_to_its_new_end() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    stage = lab.stage()
    before = stage.scene
    channel.queue_declare(queue="q")
    stage.refresh()
    assert stage.scene != before
    assert len(shown_by(stage)["sentences"]) == len(lab.records)


def test_a_page_can_be_written_from_the_widget(tmp_path: Path, recordings: Recordings) -> None:
    written = Stage(recordings["journey"], title="A <run>").to_html(tmp_path / "page.html")
    text = written.read_text(encoding="utf-8")
    assert "<title>A &lt;run&gt;</title>" in text and script().splitlines()[0] in text


def test_how_the_page_is_arranged_is_kept_with_the_notebook(recordings: Recordings) -> None:
    stage = Stage(recordings["journey"])
    assert stage.arrangement == {} and "arrangement" in stage.get_state()
    stage.set_state({"arrangement": {"open": ["story"], "width": 0.4}})
    assert stage.arrangement == {"open": ["story"], "width": 0.4}
