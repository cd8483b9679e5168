"""Recordings to look at: one small run for each thing that the stage must show well.

Every function makes its lab anew, from its own seed; the same octets come out every time.
"""

from __future__ import annotations

from amqplab import Lab
from amqplab.errors import NotFound

__all__ = ["RUNS", "crowd", "journey", "long_queue", "lost_segment", "trouble"]


def journey() -> Lab:
    """The first lesson: one message from the producer's call to the consumer's acknowledgement."""
    lab = Lab(seed=1, title="Journey of one message")
    channel = lab.connect("producer").channel()
    channel.exchange_declare(exchange="logs", exchange_type="direct")
    channel.queue_declare(queue="app")
    channel.queue_declare(queue="info")
    channel.queue_bind(queue="app", exchange="logs", routing_key="info")
    channel.queue_bind(queue="info", exchange="logs", routing_key="error")
    channel.basic_publish(exchange="logs", routing_key="info", body="Hello, Rabbit!")
    lab.run()
    consumer = lab.connect("consumer").channel()
    consumer.basic_consume(
        queue="app",
        on_message_callback=lambda ch, method, properties, body: ch.basic_ack(method.delivery_tag),
    )
    consumer.start_consuming()
    return lab


def crowd() -> Lab:
    """Two publishers, a topic and a fanout exchange, four consumers with a prefetch of two; confirms."""
    lab = Lab(seed=3, title="Topic exchange, several readers")
    weather = lab.connect("weather").channel()
    sensors = lab.connect("sensors").channel()
    weather.exchange_declare(exchange="metrics", exchange_type="topic")
    weather.exchange_declare(exchange="news", exchange_type="fanout")
    for queue in ("berlin", "rain", "all", "archive"):
        weather.queue_declare(queue=queue)
    for queue, key in (("berlin", "de.berlin.*"), ("rain", "#.rain"), ("rain", "*.*.storm"), ("all", "#")):
        weather.queue_bind(queue=queue, exchange="metrics", routing_key=key)
    for queue in ("archive", "all"):
        weather.queue_bind(queue=queue, exchange="news", routing_key="")
    for name, queue in (("umbrella", "rain"), ("berliner", "berlin"), ("logger", "all"), ("logger-2", "all")):
        reader = lab.connect(name).channel()
        reader.basic_qos(prefetch_count=2)
        reader.basic_consume(queue=queue, on_message_callback=lambda *delivery: None)
    weather.confirm_delivery()
    for key in ("de.berlin.rain", "de.munich.sun", "fr.paris.storm", "de.berlin.sun", "uk.london.rain"):
        weather.basic_publish(exchange="metrics", routing_key=key, body=f"it is {key}")
    sensors.basic_publish(exchange="news", routing_key="", body="extra! extra!")
    lab.run()
    return lab


def long_queue() -> Lab:
    """More messages than a queue has cells, more prefetch than a hand has slots, names that a server made."""
    lab = Lab(seed=4, title="Thirty and more")
    channel = lab.connect("producer").channel()
    private = channel.queue_declare(queue="", exclusive=True).method.queue
    channel.queue_declare(queue="work")
    for number in range(36):
        channel.basic_publish(exchange="", routing_key="work", body=f"job {number}")
    for number in range(4):
        channel.basic_publish(exchange="", routing_key=private, body=f"private {number}")
    lab.run()
    reader = lab.connect("a-consumer-with-a-long-name").channel()
    reader.basic_qos(prefetch_count=10)
    reader.basic_consume(queue="work", on_message_callback=lambda *delivery: None)
    lab.run()
    return lab


def lost_segment() -> Lab:
    """Messages larger than a segment, on a slow link that loses one of their segments."""
    lab = Lab(seed=5, title="A lost segment", latency="5 ms", bandwidth="1 Mbit/s")
    channel = lab.connect("producer").channel()
    channel.queue_declare(queue="work")
    channel.basic_publish(exchange="", routing_key="work", body="x" * 3000)
    lab.lose_next("producer")
    channel.basic_publish(exchange="", routing_key="work", body="second")
    channel.basic_publish(exchange="", routing_key="work", body="y" * 2000)
    lab.run()
    return lab


def trouble() -> Lab:
    """A message returned, one dropped, one refused, and a channel closed by the broker."""
    lab = Lab(seed=6, title="Trouble")
    connection = lab.connect("producer")
    channel = connection.channel()
    channel.exchange_declare(exchange="logs", exchange_type="direct")
    channel.queue_declare(queue="app")
    channel.queue_bind(queue="app", exchange="logs", routing_key="info")
    channel.basic_publish(exchange="logs", routing_key="info", body="arrives")
    channel.basic_publish(exchange="logs", routing_key="nobody", body="Anyone?", mandatory=True)
    channel.basic_publish(exchange="logs", routing_key="nobody", body="silence")
    lab.run()
    second = connection.channel()
    second.basic_publish(exchange="missing", routing_key="x", body="oops")
    try:
        second.queue_declare(queue="too late")
    except NotFound:
        lab.run()
    return lab


RUNS = {run.__name__: run for run in (journey, crowd, long_queue, lost_segment, trouble)}
