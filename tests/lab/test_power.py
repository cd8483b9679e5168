"""Lost power is silence, for a client's machine and the broker's; a killed process is told by its kernel."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from faulted import coffees, harmed

from amqplab import Lab
from amqplab.client import BasicProperties
from amqplab.client.exceptions import AMQPConnectionError, ConnectionLost
from amqplab.errors import UsageError
from amqplab.lab import Client, Freeze, Kill, LabError, PowerOff, PowerOn
from amqplab.stage.marks_fixtures import host_state
from amqplab.trace.chapters import chapters
from amqplab.trace.events import (
    AlarmChanged,
    ConnectionClosed,
    Delivered,
    Discarded,
    HeartbeatMissed,
    Intervened,
    ProgramStarted,
    Published,
    QueueDeleted,
    Requeued,
    SegmentArrived,
    SegmentLost,
    SegmentSent,
    TcpStateChanged,
)
from amqplab.trace.fold import Fold
from amqplab.trace.narrate import Narrator
from amqplab.trace.narrate_dark import IN_THE_DARK
from amqplab.trace.recorder import Record


def work(lab: Lab, heartbeat: int = 10) -> None:
    """A producer, and a worker who needs a second for each message."""

    @lab.program("producer")
    async def produce(client: Any) -> None:
        connection = await client.connect(heartbeat=heartbeat)
        channel = await connection.channel()
        await channel.queue_declare("tasks", durable=True)
        for number in range(3):
            await channel.basic_publish("", "tasks", f"task {number}", persistent())
        await connection.close()

    @lab.program("worker", start="100 ms")
    async def worker(client: Any) -> None:
        channel = await (await client.connect(heartbeat=heartbeat)).channel()
        await channel.basic_qos(prefetch_count=1)
        async for message in channel.consume("tasks"):
            await asyncio.sleep(1)
            await message.ack()


def persistent() -> BasicProperties:
    return BasicProperties(delivery_mode=2)


def from_host(lab: Lab, host: str, since: int = 0) -> list[Record]:
    """The segments that this machine sends."""
    return [one for one in lab.find(SegmentSent, since=since) if one.event.source.startswith(f"{host}:")]


def test_a_worker_without_power_is_silent_until_it_is_back_and_then_begins_again() -> None:
    lab = Lab(seed=1)
    work(lab)
    lab.run_for("500 ms")
    lab.power_off("worker")
    dark = len(lab.records)
    lab.run_for("1 min")
    assert from_host(lab, "worker", dark) == []
    assert [one for one in lab.find(SegmentArrived, since=dark) if one.where == "worker"] == []
    assert {one.event.reason for one in lab.find(SegmentLost, since=dark)} == {"the machine is off"}
    assert len(lab.find(HeartbeatMissed, since=dark)) == 2, "it is silence that tells the broker"
    assert (lab.table()[0].ready, lab.table()[0].unacked) == (3, 0)
    host = Fold(lab.recorder).now()["host/worker"]
    assert (host["off"], host["crashed"], host["status"]) == (True, True, "lost its power")
    lab.power_on("worker")
    lab.run()
    assert lab.table()[0].total == 0
    assert [one.event.redelivered for one in lab.find(Delivered, since=dark)] == [True, False, False]
    assert len(lab.find(ProgramStarted, where="worker")) == 2
    host = Fold(lab.recorder).now()["host/worker"]
    assert (host["off"], host["crashed"], host["status"]) == (False, False, "running")
    assert not lab.checks.at_rest()


def test_who_still_talks_to_a_machine_that_is_back_hears_that_it_knows_nothing() -> None:
    lab = Lab(seed=1)
    work(lab, heartbeat=0)
    lab.run_for("500 ms")
    lab.power_off("worker")
    operator = lab.connect("operator").channel()
    operator.queue_delete("tasks")  # the worker should hear of it
    operator.queue_declare("tasks")
    lab.run_for("1 s")
    assert lab.find(SegmentSent, retransmission=True)
    lab.power_on("worker")
    back = len(lab.records)
    lab.run_for("2 s")
    assert "RST" in [one.event.flags for one in from_host(lab, "worker", back)]
    assert lab.last(ConnectionClosed, connection="worker:49152").event.reason == "reset"


def test_a_killed_worker_is_told_at_once() -> None:
    lab = Lab(seed=1)
    work(lab)
    lab.run_for("500 ms")
    lab.kill("worker")
    killed = lab.last(Intervened)
    lab.run_for("10 ms")
    [fin, *_] = from_host(lab, "worker", killed.seq)
    assert (fin.event.flags, fin.cause) == ("FIN|ACK", killed.seq)
    assert lab.table()[0].ready == 3
    assert lab.first(ConnectionClosed, since=killed.seq).at - killed.at < 5_000_000
    assert Fold(lab.recorder).now()["host/worker"]["status"] == "was killed"


def test_a_killed_worker_that_left_something_unread_is_a_reset() -> None:
    lab = Lab(seed=1)
    work(lab)
    lab.run_for("500 ms")
    lab.freeze("worker")
    lab.connect("other").channel().queue_delete("tasks")
    lab.run_for("10 ms")
    other = lab.connect("another").channel()
    other.queue_declare("x")
    lab.run_for("10 s")
    lab.kill("worker")
    killed = lab.last(Intervened)
    lab.run_for("10 ms")
    assert from_host(lab, "worker", killed.seq)[0].event.flags == "RST|ACK"


def test_the_first_name_of_the_fault_still_works() -> None:
    lab = Lab(seed=1)
    work(lab)
    lab.run_for("500 ms")
    lab.crash("worker")
    assert lab.last(Intervened).event.action == "power off"


def test_a_broker_without_power_keeps_what_a_disk_keeps() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("producer", heartbeat=10).channel()
    channel.queue_declare("durable", durable=True)
    channel.queue_declare("transient")
    channel.exchange_declare("kept", "fanout", durable=True)
    channel.exchange_declare("gone", "fanout")
    channel.queue_bind("durable", "kept")
    channel.queue_bind("durable", "gone")
    for body in ("first", "second"):
        channel.basic_publish("kept", "", body, persistent())
    channel.basic_publish("", "durable", "forgotten")
    channel.basic_publish("", "transient", "forgotten", persistent())
    consumer = lab.connect("consumer", heartbeat=10).channel()
    consumer.basic_qos(prefetch_count=1)
    consumer.basic_consume("durable", lambda *_: None)
    lab.run_for("1 s")
    lab.power_off("broker")
    off = lab.last(Intervened)
    lab.run_for("10 ms")
    assert lab.broker.sessions == {}
    assert [(row.queue, row.ready, row.unacked, row.consumers) for row in lab.table()] == [
        ("durable", 2, 0, 0)
    ]
    assert set(lab.broker.vhosts["/"].exchanges) >= {"kept"}
    assert "gone" not in lab.broker.vhosts["/"].exchanges
    lost = lab.find(Discarded, since=off.seq)
    assert [(one.event.queue, one.event.reason) for one in lost] == [
        ("durable", "power lost"),
        ("transient", "queue deleted"),
    ]
    assert all(one.cause == off.seq for one in lost)
    assert from_host(lab, "broker", off.seq) == [], "nobody is told"
    lab.run_for("30 s")
    assert not consumer.connection.is_open, "heartbeats are what tells a client"
    assert from_host(lab, "broker", off.seq) == []
    lab.power_on("broker")
    again = lab.connect("consumer").channel()
    method, _, body = again.basic_get("durable", auto_ack=True)
    assert (body, method.redelivered) == (b"first", True)
    assert again.basic_get("durable", auto_ack=True)[2] == b"second"
    assert not lab.checks.at_rest()


def test_nobody_can_connect_to_a_broker_without_power() -> None:
    lab = Lab(seed=1)
    lab.connect("producer").close()
    lab.run()
    lab.power_off("broker")
    before, off = lab._world.now, len(lab.records)
    with pytest.raises(AMQPConnectionError):
        lab.connect("producer", connection_attempts=1)
    assert lab._world.now - before >= 10 * 10**9
    assert {one.event.flags for one in lab.find(SegmentSent, since=off)} == {"SYN"}
    lab.power_on("broker")
    assert lab.connect("producer").is_open


def test_a_message_that_expires_in_the_dark_is_gone_when_the_broker_is_back() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    channel.queue_declare("q", durable=True, arguments={"x-message-ttl": 1000})
    channel.basic_publish("", "q", "x", persistent())
    lab.run()
    lab.power_off("broker")
    off = len(lab.records)
    lab.run_for("10 s")
    assert not lab.find(Discarded, since=off), "a broker without power counts no seconds"
    lab.power_on("broker")
    lab.run_for("1 ms")
    assert lab.last(Discarded).event.reason == "expired"
    assert not lab.checks.at_rest()


def test_power_is_a_fault_like_any_other_and_can_be_done_in_the_past() -> None:
    lab = Lab(seed=1)
    work(lab)
    lab.run()
    branch = lab.fork(at="1500 ms", do=PowerOff("broker"))
    again = branch.fork(at="3 s", do=PowerOn("broker"))
    assert [one.event.action for one in again.find(Intervened)] == ["power off", "power on"]
    again.run_for("1 min")
    assert not again.checks.at_rest()
    assert again.fork(at=0, do=lambda _: None).digest() == again.fork(at=0, do=lambda _: None).digest()


def test_a_broker_whose_machine_is_back_is_no_dead_process() -> None:
    lab = Lab(seed=1)
    lab.connect("first")
    lab.power_off("broker")
    assert Fold(list(lab.recorder)).at(len(lab.recorder) - 1)["host/broker"]["crashed"]
    lab.run_for("1 s")
    lab.power_on("broker")
    lab.connect("second")
    assert not Fold(list(lab.recorder)).at(len(lab.recorder) - 1)["host/broker"]["crashed"]


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        (("power_off",), "powered off"),
        (("power_off", "power_on"), "finished"),
        (("kill",), "killed"),
        (("kill", "power_off", "power_on"), "killed"),
    ],
)
def test_who_had_finished_is_finished_when_its_machine_is_back(faults: tuple[str, ...], told: str) -> None:
    lab = Lab(seed=1)

    @lab.program("waiter")
    async def waiter(client: Client) -> None:
        await client.connect()

    lab.run()
    for fault in faults:
        getattr(lab, fault)("waiter")
        lab.run_for("10 ms")
    assert host_state(Fold(lab.recorder).now()["host/waiter"]) == told


def test_who_was_cut_short_does_not_run_until_it_begins_again() -> None:
    """Its machine has power again, and nobody has killed it."""
    lab = Lab(seed=1)

    @lab.program("worker", start="5 ms")
    async def worker(client: Client) -> None:
        await client.connect()
        await asyncio.sleep(60)

    lab.run_for("1 s")
    lab.power_off("worker")
    lab.power_on("worker")
    lab.run_for("1 ms")
    assert host_state(Fold(lab.recorder).now()["host/worker"]) == "not running"
    lab.run_for("10 ms")
    assert host_state(Fold(lab.recorder).now()["host/worker"]) == "running"


def test_who_calls_where_another_was_cut_short_is_a_new_process() -> None:
    lab = Lab(seed=1)

    @lab.program("worker")
    async def worker(client: Client) -> None:
        await asyncio.sleep(60)

    lab.run_for("1 s")
    lab.kill("worker")
    lab.connect("worker")
    assert host_state(Fold(lab.recorder).now()["host/worker"]) == ""


def test_only_power_can_fail_at_the_broker() -> None:
    lab = Lab(seed=1)
    lab.connect("producer")
    for fault in (Kill("broker"), Freeze("broker")):
        with pytest.raises(LabError, match="no client called 'broker'"):
            lab.intervene(fault)


def test_twice_off_and_twice_on_is_once() -> None:
    lab = Lab(seed=1)
    work(lab)
    lab.run_for("500 ms")
    for step in (lab.power_off, lab.power_off, lab.power_on, lab.power_on):
        step("worker")
        lab.run_for("1 ms")
    lab.freeze("worker")
    lab.run_for("10 ms")
    lab.thaw("worker")
    lab.run_for("1 min")
    assert len(lab.find(ProgramStarted, where="worker")) == 2
    assert lab.table()[0].total == 0


def busy_broker() -> Lab:
    """A broker with everything that a power failure can take: its machine has just lost its power."""
    lab = Lab(seed=1)
    channel = lab.connect("producer", heartbeat=0).channel()
    channel.queue_declare("kept", durable=True, auto_delete=True, arguments={"x-max-length": 1})
    channel.queue_declare("own", exclusive=True)
    channel.exchange_declare("board", "fanout")
    channel.queue_bind("kept", "board")
    consumer = lab.connect("consumer", heartbeat=0).channel()
    consumer.basic_qos(prefetch_count=2)
    consumer.basic_consume("kept", lambda *_: None)
    for body in ("first", "second", "third"):
        channel.basic_publish("board", "", body, persistent())
    channel.basic_publish("", "own", "note")
    channel.tx_select()
    channel.basic_publish("", "kept", "in a transaction", persistent())
    lab.run_for("1 s")
    lab.raise_alarm()
    lab.connect("other", heartbeat=0).channel().basic_publish("", "kept", "held back", persistent())
    lab.run_for("1 s")
    lab.power_off("broker")
    return lab


def test_a_broker_does_nothing_in_the_dark() -> None:
    lab = busy_broker()
    off = lab.last(Intervened)
    lab.run_for("30 s")
    told = [
        one
        for one in lab.records[off.seq + 1 :]
        if one.where == "broker" and type(one.event) is not SegmentLost
    ]
    assert {type(one.event) for one in told} <= IN_THE_DARK.keys() and {one.at for one in told} == {off.at}
    assert not lab.find(Published, since=off.seq), "what an alarm has held back is never read"
    assert [one.event.queue for one in lab.find(QueueDeleted, since=off.seq)] == ["own"], "nobody has left"
    assert len(lab.find(Requeued, since=off.seq)) == 2 and lab.table()[0].ready == 3, (
        "nobody drops what is too much"
    )
    assert lab.last(AlarmChanged).event.active is False
    lab.power_on("broker")
    assert lab.connect("again").channel().basic_get("kept", auto_ack=True)[2] == b"first"
    assert not lab.checks.at_rest()


def test_what_goes_with_the_power_is_told_as_lost_and_not_as_done() -> None:
    lab = busy_broker()
    off = lab.last(Intervened).seq
    narrator = Narrator(lab.recorder)
    told = [narrator.sentence(one.seq) for one in lab.records[off + 1 :]]
    assert len(told) > 10 and all("power" in one or "still on the broker's disk" in one for one in told)
    assert told[0] == (
        "Without power the machine of the broker has lost its end of the TCP connection, and says nothing."
    )
    story = [chapter.sentence for chapter in chapters(lab.recorder) if chapter.last > off]
    assert (
        "Messages 1 and 2 in queue 'kept' are still on the broker's disk, and they will count as redelivered."
        in story
    )
    assert (
        "What the broker knew of the connection of consumer is lost with the power, and consumer is not told."
        in story
    )
    assert not [one for one in story if "back in queue" in one or "forgets" in one or "dropped" in one]


def test_nobody_can_tell_a_broker_without_power_anything() -> None:
    lab = Lab(seed=1)
    lab.connect("producer")
    lab.power_off("broker")
    before = len(lab.records)
    with pytest.raises(LabError, match="has no power"):
        lab.raise_alarm()
    assert len(lab.records) == before


@pytest.mark.parametrize(("ends_by", "heard"), [("reset", "connection abort"), ("power on", "by peer")])
def test_only_who_gets_an_rst_hears_that_its_peer_has_reset(ends_by: str, heard: str) -> None:
    lab = Lab(seed=1)
    work(lab, heartbeat=0)
    lab.run_for("500 ms")
    if ends_by == "reset":
        lab.reset("worker")
    else:  # the broker knows nothing of the connection any more, and says so
        lab.power_off("broker")
        lab.power_on("broker")
    with contextlib.suppress(ConnectionLost, UsageError):  # its end is what is looked at
        lab.run_for("5 s")
    assert ("reset by peer" in str(lab.programs["worker"].error)) == (heard == "by peer")
    assert heard in str(lab.programs["worker"].error)


def test_a_history_goes_on_while_somebody_holds_on_to_what_nobody_knows_any_more() -> None:
    """A machine that is back knows of no connection; who has one hears it when he says something: at a heartbeat."""
    lab = coffees()
    off = harmed(lab, len(lab.recorder) - 1, PowerOff("broker"))
    [fallen] = (one.seq for one in off.recorder if isinstance(one.event, Intervened))
    back = harmed(off, fallen + 3, PowerOn("broker"))
    changes = [one for one in back.recorder if isinstance(one.event, TcpStateChanged)]
    assert {one.where for one in changes if one.event.state == "CLOSED"} >= {"waiter", "barista"}
