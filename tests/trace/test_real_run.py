"""The readers on a whole run of the laboratory, and the run's digest on every Python there is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from amqplab import Lab
from amqplab.lab.faults import Cut
from amqplab.trace import events as e
from amqplab.trace.diff import first_difference
from amqplab.trace.draft import State
from amqplab.trace.fold import Fold, redo, undo
from amqplab.trace.ladder import ladder
from amqplab.trace.narrate import narrate
from amqplab.trace.query import commands, find, first, frames, last, messages
from amqplab.trace.why import lifecycle, why

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("real_run.py")


def pythons() -> list[str]:
    """This Python, and every other one from 3.11 to 3.13 that is installed and starts."""
    found = {sys.version_info[:2]: sys.executable}
    for minor in (11, 12, 13):
        versions = Path.home() / ".pyenv" / "versions"
        candidates = [shutil.which(f"python3.{minor}"), *map(str, versions.glob(f"3.{minor}.*/bin/python"))]
        for path in filter(None, candidates):
            if (3, minor) not in found and starts(path):
                found[3, minor] = path
    return [found[version] for version in sorted(found)]


def starts(path: str) -> bool:
    return subprocess.run([path, "-c", ""], capture_output=True).returncode == 0


def test_the_digest_is_the_same_on_every_python_and_for_every_hash_seed(
    real_run: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = f"{real_run.digest()} {len(real_run.records)}"
    used = []
    for python in pythons():
        for seed in ("1", "2"):
            environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
            done = subprocess.run(
                [python, str(SCRIPT)], capture_output=True, text=True, env=environment, cwd=ROOT
            )
            assert done.stdout.strip() == expected, f"{python}: {done.stderr}"
        used.append(python)
    with capsys.disabled():
        print(f"\n[digest {expected[:12]}… on {', '.join(used)}]", end=" ")


# --- the fold says what the broker says ------------------------------------------------------------------


def test_the_folded_state_is_the_brokers_own(real_run: Lab) -> None:
    state = Fold(real_run.recorder).now()
    compare_with_broker(state, real_run.broker)


def compare_with_broker(state: State, broker: Any) -> None:
    vhost = broker.vhosts["/"]
    folded = {key.split("/")[2]: entity for key, entity in state.items() if key.startswith("queue/")}
    assert set(folded) == set(vhost.queues)
    for name, queue in vhost.queues.items():
        entity = folded[name]
        assert entity["ready"] == [copy.message.number for copy in queue.ready]
        assert (entity["ready_count"], entity["unacked_count"]) == (len(queue.ready), queue.unacked)
        assert (entity["durable"], entity["consumers"]) == (queue.durable, len(list(queue.consumers)))
    bindings = {
        (entity["source"], entity["kind"], entity["destination"], entity["routing_key"], entity["arguments"])
        for key, entity in state.items()
        if key.startswith("binding/") and not entity["implicit"]
    }
    assert bindings == {(*binding[:4], binding.arguments_text) for binding in vhost.bindings()}
    declared = {
        key.split("/")[2]
        for key, entity in state.items()
        if key.startswith("exchange/") and not entity["predeclared"]
    }
    assert declared == {name for name in vhost.exchanges if name and not name.startswith("amq.")}


def test_the_fold_agrees_with_the_broker_at_every_step_of_a_run() -> None:
    lab = Lab(seed=3)
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    fold = Fold(lab.recorder)

    @lab.program("slow")
    async def slow(client: Any) -> None:
        connection = await client.connect()
        channel = await connection.channel()
        await channel.basic_qos(prefetch_count=2)
        seen = 0
        async for message in channel.consume("q"):
            seen += 1
            await (message.reject(requeue=True) if seen == 2 else message.ack())
            if seen == 5:
                break
        await connection.close()

    for number in range(6):
        channel.basic_publish(exchange="", routing_key="q", body=str(number))
    for _ in range(120):
        try:
            lab.step("milestone")
        except Exception:
            break
        compare_with_broker(fold.now(), lab.broker)
    assert find(lab.recorder, e.Requeued) and find(lab.recorder, e.ConsumerRemoved)


def test_the_whole_run_can_be_stepped_back_to_nothing(real_run: Lab) -> None:
    state: State = {}
    patches = list(Fold(real_run.recorder).patches())
    for patch in patches:
        redo(state, patch)
    assert state == Fold(real_run.recorder).now()
    for patch in reversed(patches):
        undo(state, patch)
    assert state == {}


def test_nothing_is_left_of_what_has_ended(real_run: Lab) -> None:
    state = Fold(real_run.recorder).now()
    connections = [key for key in state if key.startswith("connection/")]
    assert all(state[key]["state"] == "open" for key in connections)
    assert not [key for key in state if key.startswith(("consumer/", "content/"))]
    assert state["host/careless"]["crashed"] is True
    assert state["host/worker"]["status"] == "returned"


# --- the other readers -----------------------------------------------------------------------------------


def test_every_record_of_the_run_has_its_sentence(real_run: Lab) -> None:
    for record in real_run.records:
        sentence = narrate(record)
        assert sentence and "\n" not in sentence
        assert isinstance(record.event, e.NoteMade) or sentence.endswith((".", ")", "!", "?"))


def test_an_acknowledgement_goes_back_to_the_call_that_published(real_run: Lab) -> None:
    chain = why(real_run.recorder, first(real_run.recorder, e.Acknowledged, message=1).seq)
    kinds = [type(record.event) for record in chain]
    assert kinds[0] is e.CallMade and "basic_publish" in chain[0].event.call  # type: ignore[attr-defined]
    names = [record.event.name for record in chain if isinstance(record.event, e.CommandReceived)]
    assert names == ["basic.publish", "basic.deliver", "basic.ack"]
    assert {record.where for record in chain} == {"producer", "broker", "worker"}


def test_the_life_of_a_refused_message(real_run: Lab) -> None:
    rows = lifecycle(real_run.recorder, 5)
    audit = [row.event for row in rows if row.queue == "audit" and row.event != "CommandReceived"]
    assert audit[:5] == ["Enqueued", "Delivered", "Rejected", "Requeued", "Delivered"]
    assert [row.seq for row in rows] == sorted(row.seq for row in rows)
    assert "Confirmed" in [row.event for row in rows]


def test_a_large_body_is_put_together_again(real_run: Lab) -> None:
    [publish] = [
        row
        for row in commands(real_run.recorder, name="basic.publish", what="received")
        if len(row.body) > 100
    ]
    assert publish.body == b"Hello, Rabbit! " * 400
    assert messages(real_run.recorder)[1].size == 6000


def test_each_frame_that_arrived_was_sent(real_run: Lab) -> None:
    rows = frames(real_run.recorder)
    received = [(row.connection, row.data) for row in rows.where(what="received")]
    sent = [(row.connection, row.data) for row in rows.where(what="sent")]
    for frame in received:
        sent.remove(frame)


def test_the_ladder_shows_both_losses(real_run: Lab) -> None:
    text = ladder(real_run.recorder, zoom="segment", width=200)
    assert text.count("lost: on purpose") == 2
    assert text.count("again: ") >= 2
    hosts = text.splitlines()[0].split()[1:]
    assert hosts == ["producer", "broker", "worker", "careless", "auditor", "clerk"]


def test_two_branches_part_where_the_past_was_changed() -> None:
    lab = Lab(seed=5)
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    lab.run_for("1 s")
    moment = last(lab.recorder, e.CallReturned).seq
    child = lab.fork(at=moment, do=Cut("producer"))
    difference = first_difference(lab.recorder, child.recorder)
    assert difference is not None and difference.seq == moment + 1
    assert isinstance(difference.theirs[0].event, e.Intervened)
