"""The scene: a pure function of the recording, whose patches fold forward and back, and whose parts agree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_runs import RUNS, journey

from amqplab import Lab
from amqplab.stage import contract
from amqplab.stage.scene import encode_change, scene, to_json, zoom_of
from amqplab.trace import events as e
from amqplab.trace.fold import Fold
from amqplab.trace.narrate import Narrator
from amqplab.trace.recorder import Recorder
from amqplab.trace.traffic import Traffic
from amqplab.trace.zoom import ZOOMS, level_of_record

Recordings = Mapping[str, Recorder]
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["publish", "get", "purge", "lost"]), st.text(max_size=4)), max_size=5
)


def applied(state: dict[str, Any], patch: Any, back: bool = False) -> dict[str, Any]:
    """What the page does with a patch, in the fewest words."""
    state = dict(state)
    for key, change in reversed(patch) if back else patch:
        appears, goes = ("-", "+") if back else ("+", "-")
        if appears in change:
            state[key] = change[appears]
        elif goes in change:
            assert state.pop(key) == change[goes]
        else:
            state[key] = patched(state[key], change["="], back)
    return state


def patched(entity: Mapping[str, Any], fields: Mapping[str, Any], back: bool) -> dict[str, Any]:
    after = dict(entity)
    for name, change in fields.items():
        if len(change) == 3:
            at, out, into = change if not back else (change[0], change[2], change[1])
            assert after[name][at : at + len(out)] == out
            after[name] = [*after[name][:at], *into, *after[name][at + len(out) :]]
        else:
            before, new = reversed(change) if back else change
            assert after.get(name) == before
            after[name] = new
    return after


def as_sent(recorder: Recorder) -> Any:
    return json.loads(to_json(scene(recorder)))


@pytest.mark.parametrize("run", sorted(RUNS))
def test_patches_fold_forward_and_back_to_the_same_states(run: str, recordings: Recordings) -> None:
    sent = as_sent(recordings[run])
    states: list[dict[str, Any]] = [{}]
    for patch in sent["patches"]:
        states.append(applied(states[-1], patch))
    for patch, before, after in zip(sent["patches"], states, states[1:], strict=False):
        assert applied(after, patch, back=True) == before


@pytest.mark.parametrize("run", sorted(RUNS))
def test_what_the_page_folds_is_what_the_fold_says(run: str, recordings: Recordings) -> None:
    recorder = recordings[run]
    state: dict[str, Any] = {}
    for patch in as_sent(recorder)["patches"]:
        state = applied(state, patch)
    folded = json.loads(json.dumps(Fold(recorder).at(len(recorder)), default=dict))
    for key, entity in state.items():
        if key.startswith(("token/", "signal/", "had/")):
            continue  # of these trace.whereabouts speaks
        assert entity.items() <= folded[key].items(), key
    assert {key for key in folded if key.startswith("queue/")} <= set(state)


def test_the_same_run_made_again_gives_the_same_scene() -> None:
    assert to_json(scene(journey().recorder, title="x")) == to_json(scene(journey().recorder, title="x"))


@settings(max_examples=12)
@given(ACTIONS)
def test_any_small_run_gives_one_scene_that_folds_back(actions: list[tuple[str, str]]) -> None:
    first, second = small_run(actions), small_run(actions)
    assert to_json(scene(first)) == to_json(scene(second))
    state: dict[str, Any] = {}
    patches = as_sent(first)["patches"]
    for patch in patches:
        state = applied(state, patch)
    for patch in reversed(patches):
        state = applied(state, patch, back=True)
    assert state == {}


def small_run(actions: list[tuple[str, str]]) -> Recorder:
    lab = Lab(seed=2)
    channel = lab.connect("client").channel()
    channel.queue_declare(queue="q")
    for action, words in actions:
        if action == "publish":
            channel.basic_publish(exchange="", routing_key="q", body=words)
        elif action == "lost":
            channel.basic_publish(exchange="", routing_key="nobody", body=words)
        elif action == "get":
            channel.basic_get("q")
        else:
            channel.queue_purge("q")
    lab.run()
    recorder = lab.recorder
    lab.close()
    return recorder


@pytest.mark.parametrize("run", sorted(RUNS))
def test_every_number_in_a_scene_points_at_something(run: str, recordings: Recordings) -> None:
    sent = as_sent(recordings[run])
    length = len(sent["records"]["at"])
    assert {len(column) for column in sent["records"].values()} == {length}
    assert len(sent["sentences"]) == len(sent["labels"]) == len(sent["patches"]) == length
    segments = {segment["n"] for segment in sent["segments"]}
    for frame in sent["frames"]:
        assert frame["command"] is None or frame["command"] < len(sent["commands"])
        assert {number for number, _, _ in frame["carriers"]} <= segments
        assert frame["conn"] in sent["layouts"]["wide"]["pipes"]
    limits = {"keys": sent["keys"], "frame": sent["frames"], "command": sent["commands"]}
    for name, table in limits.items():
        assert all(-1 <= number < len(table) for number in sent["records"][name])
    for last, first, sentence in sent["story"]:
        assert 0 <= first <= last < length and sentence
    assert -1 <= sent["opening"] < length


@pytest.mark.parametrize("run", sorted(RUNS))
def test_every_octet_of_a_received_frame_was_carried_by_what_arrived(
    run: str, recordings: Recordings
) -> None:
    sent = as_sent(recordings[run])
    arrived = {segment["n"] for segment in sent["segments"] if segment["arrived"] is not None}
    for frame in sent["frames"]:
        if frame["received"] is None or not frame["carriers"]:
            continue
        there = [carrier for carrier in frame["carriers"] if carrier[0] in arrived]
        octets = {i for _, first, end in there for i in range(first, end)}
        assert octets == set(range(len(frame["hex"]) // 2)), frame["summary"]


def test_the_zooms_are_those_of_the_trace(recordings: Recordings) -> None:
    for recorder in recordings.values():
        narrator = Narrator(recorder)
        traffic, known = Traffic(narrator.records), narrator.context
        for record in narrator.records:
            level = ZOOMS.index(level_of_record(record, known))
            bits = zoom_of(record, traffic, known)
            assert bits & (1 << level), record
            if level == 3 and not isinstance(record.event, e.CommandReceived):
                assert bits == 0b1111


def test_a_command_of_one_frame_is_no_second_step(recordings: Recordings) -> None:
    narrator = Narrator(recordings["journey"])
    traffic = Traffic(narrator.records)
    for record in narrator.records:
        if isinstance(record.event, e.CommandSent | e.CommandReceived):
            several = len(record.event.frames) > 1
            assert bool(zoom_of(record, traffic, narrator.context) & 0b0011) == several


def test_the_file_of_types_is_made_from_the_contract() -> None:
    written = (Path(contract.__file__).parent / "js" / "types.d.ts").read_text(encoding="utf-8")
    assert written == contract.typescript(), "write it anew: python -m amqplab.stage.contract"


@pytest.mark.parametrize("run", sorted(RUNS))
def test_a_scene_has_the_shape_that_the_contract_says(run: str, recordings: Recordings) -> None:
    sent = as_sent(recordings[run])
    assert set(sent) == set(contract.Scene.__annotations__)
    parts = {"segments": contract.Segment, "frames": contract.Frame, "commands": contract.Command}
    for name, shape in parts.items():
        assert all(set(one) == set(shape.__annotations__) for one in sent[name])
    for patch in sent["patches"]:
        for key, change in patch:
            if "+" in change and key.startswith(("token/", "signal/")):
                shape = contract.Token if key.startswith("token/") else contract.Signal
                assert set(change["+"]) == set(shape.__annotations__)


def test_a_long_queue_is_not_written_down_at_every_step(recordings: Recordings) -> None:
    sent = as_sent(recordings["long_queue"])
    longest = max(len(json.dumps(patch)) for patch in sent["patches"])
    assert longest < 2000


@given(st.lists(st.integers(0, 5), max_size=8), st.lists(st.integers(0, 5), max_size=8))
def test_a_changed_list_is_patched_as_one_splice(before: list[int], after: list[int]) -> None:
    change = encode_change({"ready": before}, {"ready": after})
    if before == after:
        assert change == {}
        return
    assert patched({"ready": before}, change["="], back=False) == {"ready": after}
    assert patched({"ready": after}, change["="], back=True) == {"ready": before}


def test_an_empty_recording_is_a_scene_too() -> None:
    sent = as_sent(Recorder(lambda: 0))
    assert sent["records"]["at"] == [] and sent["story"] == []
