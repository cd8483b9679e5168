"""Dead letters that have to arrive, in the lab: they wait, they arrive once, and no check complains."""

from __future__ import annotations

import pytest

from amqplab import Lab
from amqplab.client import BlockingChannel
from amqplab.trace import events as e

CAREFUL = {
    "x-queue-type": "quorum",
    "x-overflow": "reject-publish",
    "x-dead-letter-exchange": "letters",
    "x-dead-letter-strategy": "at-least-once",
}


@pytest.fixture
def lab() -> Lab:
    return Lab(seed=1)


@pytest.fixture
def channel(lab: Lab) -> BlockingChannel:
    channel = lab.connect("app").channel()
    channel.queue_declare("careful", durable=True, arguments=CAREFUL)
    for body in ("m0", "m1"):
        channel.basic_publish("", "careful", body)
    lab.run_for("1 s")
    return channel


def refuse_all(channel: BlockingChannel) -> None:
    for _ in range(2):
        method, _, _ = channel.basic_get("careful")
        channel.basic_reject(method.delivery_tag, requeue=False)


def collect(channel: BlockingChannel, queue: str) -> None:
    """From now on there is an exchange for the letters, and a queue."""
    channel.exchange_declare("letters", exchange_type="fanout")
    channel.queue_declare(queue)
    channel.queue_bind(queue, "letters")


def ready(lab: Lab, queue: str) -> str:
    """What the table says of it."""
    return next(line for line in str(lab.table()).splitlines() if line.startswith(queue))


def test_they_are_sent_again_every_three_minutes(lab: Lab, channel: BlockingChannel) -> None:
    refuse_all(channel)
    lab.run_for("1 s")
    collect(channel, "dead")
    lab.run_for("170 s")
    assert ready(lab, "dead").split()[1] == "0"
    lab.run_for("10 s")
    assert ready(lab, "dead").split(maxsplit=5)[-1] == "m0"
    lab.run_for("180 s")  # the second died a moment later, and its time had not come
    assert ready(lab, "dead").split(maxsplit=5)[-1] == "m0, m1"
    assert not lab.checks.failures
    reasons = [record.event.reason for record in lab.records if isinstance(record.event, e.Discarded)]
    assert reasons == ["rejected; its dead letter waits for a queue to go to"] * 2
    died = [record.event for record in lab.records if isinstance(record.event, e.DeadLettered)]
    assert [(one.queue, one.exchange, one.reason) for one in died] == [("careful", "letters", "rejected")] * 2


def test_they_arrive_at_once_where_they_can(lab: Lab, channel: BlockingChannel) -> None:
    collect(channel, "dead")
    refuse_all(channel)
    lab.run_for("1 s")
    assert ready(lab, "dead").split(maxsplit=5)[-1] == "m0, m1"
    assert not [record for record in lab.records if isinstance(record.event, e.Discarded)]
    assert not lab.checks.failures


def test_a_queue_that_refused_gets_them_in_the_end(lab: Lab, channel: BlockingChannel) -> None:
    channel.exchange_declare("letters", exchange_type="fanout")
    channel.queue_declare("small", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.queue_bind("small", "letters")
    refuse_all(channel)
    lab.run_for("1 s")
    assert channel.basic_get("small", auto_ack=True)[2] == b"m0"
    lab.run_for("180 s")
    assert channel.basic_get("small", auto_ack=True)[2] == b"m1"
    lab.run_for("400 s")
    assert channel.basic_get("small", auto_ack=True)[2] is None
    assert not lab.checks.failures


def test_they_go_with_their_queue(lab: Lab, channel: BlockingChannel) -> None:
    refuse_all(channel)
    lab.run_for("1 s")
    channel.queue_delete("careful")
    collect(channel, "dead")
    lab.run_for("400 s")
    assert ready(lab, "dead").split()[1] == "0"
    assert not lab.checks.failures
