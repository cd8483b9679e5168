"""Dead letters that have to arrive, and a broker that is killed meanwhile (the disk forgets what it may)."""

from __future__ import annotations

import pytest
from brokers import MortalInMemory

from amqplab.wire.methods import Basic, Queue

CAREFUL = {
    "x-queue-type": "quorum",
    "x-overflow": "reject-publish",
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": "dead",
    "x-dead-letter-strategy": "at-least-once",
}


@pytest.mark.parametrize("way", ["stopped", "killed"])
@pytest.mark.parametrize("times", [1, 2])
def test_letters_that_wait_are_sent_after_a_restart(way: str, times: int) -> None:
    broker = MortalInMemory()
    with broker.connect() as peer:
        peer.call(Queue.Declare(queue="careful", durable=True, arguments=CAREFUL), Queue.DeclareOk)
        for body in (b"a", b"b"):
            peer.publish("careful", body)
            peer.send(Basic.Reject(delivery_tag=peer.get("careful", no_ack=False).tag, requeue=False))
        peer.publish("careful", b"c")
        assert peer.counts("careful") == (1, 0)
        peer.expect_silence(1)
    for _ in range(times):
        broker.end(way)
        broker.start()
    with broker.connect() as peer:
        assert peer.counts("careful") == (1, 0)
        peer.call(Queue.Declare(queue="dead", durable=True), Queue.DeclareOk)
        peer.expect_silence(200)
        letters = [peer.get("dead") for _ in range(2)]
        assert [letter.body for letter in letters] == [b"a", b"b"]
        assert [letter.properties.headers["x-first-death-reason"] for letter in letters] == ["rejected"] * 2
        peer.expect_silence(1)
    broker.end(way)
    broker.start()
    with broker.connect() as peer:
        assert peer.counts("careful") == (1, 0)
        assert peer.drain("careful") == [b"c"]
        peer.expect_silence(400)
        assert peer.counts("dead") == (0, 0)
