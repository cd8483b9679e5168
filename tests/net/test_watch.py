"""The watch: alarms that the server raises by itself, and ends (LIMIT-01)."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from amqplab_server import AmqplabServer
from brokers import RemoteBroker
from peer import Peer

from amqplab.broker.broker import Broker
from amqplab.net import watch as watching
from amqplab.net.configuration import Configuration
from amqplab.net.server import BrokerServer
from amqplab.net.watch import disk_free, machine_memory, memory_used, watch
from amqplab.wire.frames import encode_content
from amqplab.wire.methods import Basic, Connection, Queue

MB = 1_000_000
SIZE = 3000  # octets: kept by the C library's allocator, which is slow to give back
PORTION = 100  # messages: what sockets hold, should the broker stop reading
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its resident set")


@on_linux
def test_what_is_measured_is_plausible(tmp_path: Path) -> None:
    used, machine, free = memory_used(), machine_memory(), disk_free(tmp_path)
    assert used is not None and machine is not None and free is not None
    assert 5 * MB < used < machine
    assert free > 0


def test_what_nobody_knows_is_no_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "STATM", tmp_path / "no proc here")
    assert memory_used() is None
    assert disk_free(tmp_path / "gone") is None
    assert disk_free(None) is None
    broker = Broker()
    assert broker.set_watermarks(0, 1 << 60, 0) == []
    assert broker.measured(None, None, 0) == []
    assert broker.alarms == set()


def test_alarms_follow_what_is_measured() -> None:
    broker = Broker()
    broker.set_watermarks(100, 50, 0)
    alarms = []
    for used, free in ((100, 50), (101, 50), (101, 49), (None, 49), (100, 50)):
        broker.measured(used, free, 0)
        alarms.append(set(broker.alarms))
    assert alarms == [set(), {"memory"}, {"memory", "disk"}, {"disk"}, set()]


def test_an_alarm_set_by_hand_is_not_ended_by_a_measurement() -> None:
    broker = Broker()
    broker.set_watermarks(100, 50, 0)
    broker.set_alarm("disk", True, 0)
    broker.measured(0, 1000, 0)
    assert broker.alarms == {"disk"}


def test_a_part_of_the_machine_or_octets() -> None:
    assert Configuration().most_memory(1000) == 400
    assert Configuration().most_memory(None) is None
    assert Configuration(memory_high_watermark=123).most_memory(None) == 123


def test_it_says_what_is_low_and_when_that_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = iter([(MB, 60 * MB), (3 * MB, 40 * MB), (3 * MB, 40 * MB), (MB, 60 * MB)])
    said: list[str] = []

    async def look() -> None:
        server = BrokerServer(Broker())
        server.apply(server.broker.set_watermarks(2 * MB, 50 * MB, 0))
        await watch(server, every_s=0, say=said.append)

    monkeypatch.setattr(watching, "measure", lambda broker, data: next(measured))
    with pytest.raises(RuntimeError, match="StopIteration"):  # until there are no more figures
        asyncio.run(look())
    assert said == [
        "memory is low (3.0 MB used, 2.0 MB allowed) and disk is low (40.0 MB free, 50.0 MB wanted): "
        "connections that publish are blocked until that changes",
        "there is enough memory and disk again: publishers go on",
    ]


@on_linux
def test_the_server_blocks_publishers_until_its_memory_is_back(tmp_path: Path) -> None:
    """Also memory that the allocator would keep for itself comes back."""
    used = rss_of_a_server()
    file = tmp_path / "broker.toml"
    file.write_text(f"[limits]\nmemory_high_watermark = {used + 20 * MB}\n", encoding="utf-8")
    with AmqplabServer("--config", str(file)) as server:
        broker = RemoteBroker("amqplab", server)
        with broker.connect() as publisher, broker.connect() as consumer:
            queue = publisher.queue(exclusive=False)
            publish_until_blocked(publisher, queue)
            assert consumer.counts(queue)[0] > 10 * MB // SIZE
            consumer.call(Queue.Purge(queue=queue), Queue.PurgeOk)
            publisher.expect(Connection.Unblocked())
            publisher.sync()
        assert server.stop() == 0
        told = server.errors.splitlines()
        assert len(told) == 2
        assert re.fullmatch(r"[\d:]{8} memory is low \(.* MB used, .* MB allowed\): connections .*", told[0])
        assert told[1].endswith(" there is enough memory and disk again: publishers go on")


def rss_of_a_server() -> int:
    """What an idle one has, in octets."""
    with AmqplabServer() as server:
        pages = Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


def publish_until_blocked(peer: Peer, queue: str) -> None:
    """Publish in small portions, and listen after each."""
    message = encode_content(1, Basic.Publish(routing_key=queue), b"\0\0", b"x" * SIZE, 131072)
    for _ in range(200):
        peer.send_octets(message * PORTION)
        with suppress(AssertionError):  # nothing came yet
            peer.expect(Connection.Blocked(reason="low on memory"), timeout_s=0.05)
            return
    raise AssertionError("the broker never had enough")
