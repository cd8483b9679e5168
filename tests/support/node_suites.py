"""The suites of the stage's script: each is a file of `node:test` that is given the joined script and a scene."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from needs import program

from amqplab.stage import esm
from amqplab.stage.scene import scene, to_json
from amqplab.trace.recorder import Recorder

__all__ = ["SUITES", "run_suite"]

SUITES = Path(__file__).parent.parent / "stage" / "js"


def run_suite(suite: str, folder: Path, recorder: Recorder, **more: str) -> None:
    """Run a suite on one recording; `more` is told to it as environment variables."""
    node = program("node", "run the stage's script without a browser")
    module, data = folder / "stage.mjs", folder / "scene.json"
    module.write_text(esm.script(), encoding="utf-8")
    data.write_text(to_json(scene(recorder)), encoding="utf-8")
    told = {**os.environ, "STAGE": module.as_uri(), "SCENE": str(data), **more}
    tests = [node, "--test", str(SUITES / f"{suite}.mjs")]
    run = subprocess.run(tests, env=told, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stdout + run.stderr
