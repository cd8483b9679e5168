"""A stream in the lab: everybody reads it, nothing leaves it, and no check complains."""

from __future__ import annotations

from typing import Any

from amqplab import Lab
from amqplab.trace.fold import Fold


def with_two_readers() -> tuple[Lab, dict[str, list[bytes]]]:
    lab = Lab(seed=1)
    producer = lab.connect("producer").channel()
    producer.queue_declare("log", durable=True, arguments={"x-queue-type": "stream"})
    for number in range(4):
        producer.basic_publish("", "log", f"m{number}")
    lab.run_for("1 s")
    read: dict[str, list[bytes]] = {}

    def reader(name: str, offset: Any) -> None:
        @lab.program(name)
        async def app(client: Any) -> None:
            channel = await (await client.connect()).channel()
            await channel.basic_qos(prefetch_count=2)
            async for message in channel.consume("log", arguments={"x-stream-offset": offset}):
                read.setdefault(name, []).append(message.body)
                await message.ack()

    reader("early", "first")
    reader("late", 2)
    lab.run_for("1 s")
    return lab, read


def test_two_readers_read_the_same_log() -> None:
    lab, read = with_two_readers()
    assert read == {"early": [b"m0", b"m1", b"m2", b"m3"], "late": [b"m2", b"m3"]}
    assert not lab.checks.failures


def test_the_picture_shows_the_log_as_it_is() -> None:
    lab, _ = with_two_readers()
    row = str(lab.table()).splitlines()[-1].split(maxsplit=5)
    assert row == ["log", "4", "0", "4", "2", "m0, m1, m2, m3"]
    state = Fold(lab.recorder).at(len(lab.records) - 1)
    unacked = {key: entity["unacked"] for key, entity in state.items() if key.startswith("channel/")}
    assert len(unacked) == 3 and not any(unacked.values())
