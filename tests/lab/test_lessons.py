"""What stands behind the lessons: the notes' claims are questions to a run, and know no answer beforehand."""

from __future__ import annotations

from typing import Any

import pytest

from amqplab import Lab
from amqplab.client import BasicProperties
from amqplab.lab import LabError
from amqplab.lab.lessons.notes01 import SAME, beside_the_notes


def journey(body: str, properties: BasicProperties | None = None, key: str = "info") -> Lab:
    """A publish, a delivery and its acknowledgement."""
    lab = Lab(seed=2)
    channel = lab.connect("producer").channel()
    channel.exchange_declare("logs", exchange_type="direct")
    channel.queue_declare("app")
    channel.queue_bind("app", "logs", routing_key=key)
    channel.basic_publish("logs", key, body, properties)
    consumer = lab.connect("consumer").channel()
    consumer.basic_consume("app", lambda ch, method, *_: ch.basic_ack(method.delivery_tag))
    consumer.start_consuming()
    return lab


def differing(lab: Lab, **hosts: Any) -> dict[str, str]:
    """The lines of the notes that the run does not bear out, and what it says."""
    return {row.notes: row.run for row in beside_the_notes(lab, **hosts) if row.verdict != SAME}


def test_the_notes_hold_for_the_message_that_they_drew_but_for_its_size() -> None:
    drawn = BasicProperties(content_type="text/plain", delivery_mode=2, priority=0)
    assert differing(journey("Hello, Rabbit!", drawn)) == {"body size 13": "14"}


def test_a_run_with_thirteen_octets_says_thirteen() -> None:
    said = differing(journey("Hello, Rabbit"))
    assert "body size 13" not in said
    assert said["body Hello, Rabbit!"] == "Hello, Rabbit"


def test_another_key_is_seen() -> None:
    assert differing(journey("Hello, Rabbit!", key="warn"))["exchange logs, routing key info"] == (
        "exchange='logs', routing-key='warn'"
    )


def test_without_a_delivery_there_is_nothing_to_read() -> None:
    lab = Lab(seed=1)
    lab.connect("producer").channel().basic_publish("", "q", "Hello, Rabbit!")
    lab.run()
    with pytest.raises(LabError, match=r"No (basic\.deliver|Routed) like that"):
        beside_the_notes(lab)
