"""One seed, one digest: on every Python here, with any hash seed, and inside a Jupyter kernel; and in each of
them a fork's past is, record for record, that of the first run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from scenes import build, names

ROOT = Path(__file__).resolve().parents[2]

RUN = """
import asyncio, random
from amqplab import Lab
from amqplab.errors import ConnectionLost
from amqplab.lab import Cut

lab = Lab(seed=42, latency="2 ms", jitter="3 ms", loss="5 %")
channel = lab.connect("producer").channel()
channel.exchange_declare("logs", exchange_type="topic")
for name in ("one", "two"):
    channel.queue_declare(name, arguments={"x": name, "y": 1.5})
    channel.queue_bind(name, "logs", routing_key=f"{name}.#")

@lab.program("worker")
async def worker(client):
    channel = await (await client.connect(heartbeat=5)).channel()
    await channel.basic_qos(prefetch_count=2)
    async for message in channel.consume("one"):
        await asyncio.sleep(random.random() / 100)
        await message.ack()

for number in range(20):
    channel.basic_publish("logs", random.Random(number).choice(["one.a", "two.b.c", "three"]), "x" * number)
lab.run()
lab.cut("worker")
try:
    lab.run_for("1 min")
except ConnectionLost:
    lab.run_for("1 min")
branch = lab.fork(at="100 ms", do=Cut("producer"))
shared = branch.forked_at
assert shared > 100
for seq in range(shared):
    assert branch.records[seq] == lab.records[seq], seq
assert branch.records[shared] != lab.records[shared]
print(lab.digest(), branch.digest(), shared)
"""

SCENES = """
from scenes import build, names
print(*(f"{name} {build(name).digest()}" for name in names()), sep="\\n")
"""


def other_pythons() -> list[str]:
    """Every other Python 3.11+ of this machine that pyenv or the system has."""
    found = sorted(Path.home().glob(".pyenv/versions/3.1[1-9].*/bin/python"))
    found += [Path(f"/usr/bin/python3.{minor}") for minor in range(11, 20)]
    return [str(path) for path in found if path.exists()]


def digests(python: str, hash_seed: str, code: str = RUN) -> str:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run([python, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.fixture(scope="module")
def expected() -> str:
    return digests(sys.executable, "0")


def test_the_digest_does_not_depend_on_the_hash_seed(expected: str) -> None:
    assert digests(sys.executable, "12345") == expected
    first, branch, shared = expected.split()
    assert first != branch
    assert int(shared) > 100


def test_the_digest_is_the_same_on_every_python_of_this_machine(expected: str) -> None:
    assert {python: digests(python, "1") for python in other_pythons()} == dict.fromkeys(
        other_pythons(), expected
    )


def test_the_digest_is_the_same_in_a_notebook(expected: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(RUN)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    [output] = notebook.cells[0].outputs
    assert output["text"].strip() == expected


def test_every_scene_has_the_same_digest_on_every_python_and_with_any_hash_seed() -> None:
    here = "".join(f"{name} {build(name).digest()}\n" for name in names()).strip()
    for number, python in enumerate([sys.executable, *other_pythons()]):
        assert digests(python, str(number), SCENES) == here, python
