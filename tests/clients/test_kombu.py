"""kombu, the messaging library of Celery, unmodified: its own way of using py-amqp works with us, too."""

from __future__ import annotations

from contextlib import suppress

import kombu
from brokers import RemoteBroker


def test_a_producer_and_a_consumer_of_kombu_meet(broker: RemoteBroker, name: str) -> None:
    url = f"amqp://guest:guest@{broker.host}:{broker.port}//"
    exchange = kombu.Exchange(name, "topic", durable=True)
    queue = kombu.Queue(name, exchange, routing_key="task.#", max_priority=None)
    got: list[tuple[object, str]] = []

    def take(body: object, message: kombu.Message) -> None:
        got.append((body, message.delivery_info["routing_key"]))
        message.ack()

    with kombu.Connection(url, heartbeat=4, transport_options={"confirm_publish": True}) as connection:
        producer = connection.Producer(serializer="json")
        with connection.Consumer(queue, callbacks=[take], prefetch_count=2):
            for number in range(5):
                producer.publish(
                    {"id": number, "name": "grüße"},
                    exchange=exchange,
                    routing_key=f"task.{number}",
                    compression="zlib",
                    retry=True,
                    declare=[queue],
                )
            for _ in range(200):
                if len(got) == 5:
                    break
                connection.heartbeat_check()
                with suppress(TimeoutError):
                    connection.drain_events(timeout=0.05)
        assert got == [({"id": number, "name": "grüße"}, f"task.{number}") for number in range(5)]
        bound = queue(connection.default_channel)
        assert bound.queue_declare(passive=True).message_count == 0
        bound.delete()
        exchange(connection.default_channel).delete()
