"""The panels tell the truth on every scene: ladder, inspector with routing, depths (their laws run under node)."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from needs import program
from node_suites import run_suite
from scenes import recording

from amqplab import Lab
from amqplab.client import BasicProperties
from amqplab.stage import esm
from amqplab.stage.scene import scene, to_json
from amqplab.trace import events as e

SUITES = Path(__file__).parent / "js"
LAWS = ("ladder", "inspector", "depths")
SCENES = (
    *(
        "hello",
        "topics",
        "headers",
        "rpc",
        "publisher_confirms",
        "dead_letter_retry",
        "returned_and_rejected",
    ),
    *("cut_on_the_way", "cut_and_healed", "half_open", "crash", "power_off", "lost_batch", "loss_20_percent"),
    *("heartbeats", "body_of_300_kb", "http", "websocket", "live_pika", "crowd_10_10_20", "transactions"),
    *("ttl_at_the_end", "until_unroutable", "exchange_to_exchange", "stream", "direct_reply_to"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("panels")
    (folder / "stage.mjs").write_text(esm.script(), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def scene_file(folder: Path) -> Callable[[str], Path]:
    @cache
    def file_of(name: str) -> Path:
        path = folder / f"{name}.json"
        path.write_text(to_json(scene(recording(name))), encoding="utf-8")
        return path

    return file_of


def node(*arguments: str, folder: Path, data: Path) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, "STAGE": (folder / "stage.mjs").as_uri(), "SCENE": str(data)}
    command = [program("node", "run the stage's script without a browser"), *arguments]
    return subprocess.run(command, env=told, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", SCENES)
def test_the_panels_keep_their_laws(name: str, folder: Path, scene_file: Callable[[str], Path]) -> None:
    if name == "live_pika":
        pytest.importorskip("pika")
    suites = [str(SUITES / f"{law}.mjs") for law in LAWS]
    run = node("--test", *suites, folder=folder, data=scene_file(name))
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_step_of_a_long_run_is_quick(folder: Path, scene_file: Callable[[str], Path]) -> None:
    """Beside the parsing of the same recording's sentences, so that it is the same on every machine."""
    run = node(str(SUITES / "speed.mjs"), folder=folder, data=scene_file("records_10_000"))
    assert run.returncode == 0, run.stderr
    for zoom, shares in json.loads(run.stdout).items():
        assert shares["step"] <= 1.6, (zoom, shares)
        assert shares["depths"] <= 0.2, (zoom, shares)
        assert shares["plan"] <= 60, (zoom, shares)


def test_no_word_of_a_panel_is_smaller_than_11_px() -> None:
    for name in ("ladder", "inspector", "panels", "tables"):
        text = (esm.SHEETS / f"{name}.css").read_text(encoding="utf-8")
        sizes = re.findall(r"(?:font-size:|font:)[^;]*?([\d.]+)px", text)
        assert sizes or name == "tables"
        assert all(float(size) >= 11 for size in sizes), (name, sizes)


def test_a_dead_letter_has_the_properties_with_which_it_is_handed_out(tmp_path: Path) -> None:
    """Others than headers stay; the time to live is taken off and told in x-death; each kind of death is counted."""
    lab = Lab(seed=4)
    channel = lab.connect("app").channel()
    channel.exchange_declare("late", "fanout")
    for queue, to in (("first", "second"), ("second", "third")):
        channel.queue_declare(
            queue, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": to}
        )
    channel.queue_declare("third", arguments={"x-dead-letter-exchange": "late"})
    channel.queue_declare("fourth")
    channel.queue_bind("fourth", "late")
    told = {
        "headers": {"zone": 7, "CC": ["nowhere"], "BCC": ["nor here"]},
        "content_type": "text/plain",
        "expiration": "50",
    }
    channel.basic_publish("", "first", "x", BasicProperties(**told, delivery_mode=2, correlation_id="c"))
    lab.run_for("100 ms")
    for queue in ("second", "third"):
        method, *_ = channel.basic_get(queue)
        channel.basic_nack(method.delivery_tag, requeue=False)
        lab.run_for("10 ms")
    channel.basic_get("fourth")
    lab.run_for("10 ms")
    assert sum(isinstance(one.event, e.DeadLettered) for one in lab.recorder) == 3
    run_suite("inspector", tmp_path, lab.recorder)


def test_of_a_stream_s_message_the_inspector_shows_where_in_the_log_it_stands(tmp_path: Path) -> None:
    run_suite("inspector", tmp_path, recording("stream"))
