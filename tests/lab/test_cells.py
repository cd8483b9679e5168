"""Cell by cell: pika's own calls drive virtual time."""

from __future__ import annotations

import inspect

import pytest

from amqplab import Lab
from amqplab.client.blocking import BlockingConnection
from amqplab.client.blocking_channel import BlockingChannel
from amqplab.errors import NotFound
from amqplab.lab import LabError, NothingMoreComes
from amqplab.lab.faces import CHANNEL_CALLS, CONNECTION_CALLS
from amqplab.trace.events import CallMade, Delivered, Enqueued, FrameSent, Routed


def furnished(seed: int = 1) -> tuple[Lab, BlockingChannel]:
    lab = Lab(seed=seed)
    channel = lab.connect("producer").channel()
    channel.exchange_declare("logs", exchange_type="direct")
    channel.queue_declare("app")
    channel.queue_bind("app", "logs", routing_key="info")
    return lab, channel


def test_a_connection_is_pikas_and_takes_four_round_trips_of_virtual_time() -> None:
    lab = Lab(seed=1)
    connection = lab.connect("producer")
    assert isinstance(connection, BlockingConnection)
    assert connection.is_open
    assert lab.now == "8 ms"
    assert lab.clients == ("producer",)


def test_the_notes_own_call_sends_three_frames_and_reaches_the_queue() -> None:
    lab, channel = furnished()
    before = len(lab.records)
    channel.basic_publish(exchange="logs", routing_key="info", body="Hello, Rabbit!")
    lab.run()
    frames = lab.find(FrameSent, host="producer", since=before)
    assert [record.event.data[0] for record in frames] == [1, 2, 3]
    assert int.from_bytes(frames[1].event.data[11:19]) == 14
    assert frames[1].event.data[19:21] == b"\0\0"  # no property is there unless given
    assert lab.first(Routed).event.queues == ("app",)
    assert [(row.queue, row.ready, row.unacked) for row in lab.table()] == [("app", 1, 0)]


def test_a_callback_gets_messages_and_start_consuming_comes_back_when_no_more_can_come(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lab, channel = furnished()
    for number in range(3):
        channel.basic_publish("logs", "info", f"message {number}")
    got = []

    def on_message(ch: BlockingChannel, method: Delivered, properties: object, body: bytes) -> None:
        got.append(body)
        ch.basic_ack(method.delivery_tag)

    consumer = lab.connect("consumer").channel()
    consumer.basic_consume(queue="app", on_message_callback=on_message)
    consumer.start_consuming()
    assert got == [b"message 0", b"message 1", b"message 2"]
    assert "nothing is left to happen" in capsys.readouterr().out
    lab.run()
    assert lab.table()[0].total == 0
    assert repr(lab.checks).startswith("5 checks, all kept")


def test_the_generator_of_consume_works_in_a_for_loop() -> None:
    _, channel = furnished()
    channel.basic_publish("logs", "info", "one")
    channel.basic_publish("logs", "info", "two")
    bodies = []
    for method, _properties, body in channel.consume("app", inactivity_timeout=1):
        if method is None:
            break
        bodies.append(body)
        channel.basic_ack(method.delivery_tag)
    channel.cancel()
    assert bodies == [b"one", b"two"]


def test_the_brokers_no_is_raised_in_the_cell() -> None:
    lab = Lab(seed=1)
    channel = lab.connect("producer").channel()
    with pytest.raises(NotFound, match="no queue 'missing' in vhost '/'"):
        channel.queue_declare("missing", passive=True)


def test_a_call_that_waits_in_vain_says_so() -> None:
    _, channel = furnished()
    channel.basic_consume("app", lambda *_: None)
    with pytest.raises(NothingMoreComes, match="waits for a message"):
        channel.connection.process_data_events(time_limit=None)
    assert channel.is_open


def test_each_call_is_recorded_as_it_could_be_typed_and_is_the_first_cause() -> None:
    lab, channel = furnished()
    channel.basic_publish(exchange="logs", routing_key="info", body="x")
    lab.run()
    calls = [record.event.call for record in lab.find(CallMade)]
    assert calls[0] == "lab.connect('producer')"
    assert calls[-1] == "channel.basic_publish(exchange='logs', routing_key='info', body='x')"
    lines = lab.why(lab.last(Enqueued)).splitlines()
    assert "channel.basic_publish" in lines[0]


def test_a_slow_link_takes_its_time() -> None:
    lab = Lab(seed=1, latency="1 s")
    lab.connect("producer")
    assert lab.now == "8 s"
    fast = Lab(seed=1)
    fast.link("producer", latency="20 ms")
    fast.connect("producer")
    assert fast.now == "160 ms"


def test_bandwidth_delays_long_messages() -> None:
    lab, channel = furnished()
    start = lab._world.now
    lab.link("producer", bandwidth="1 Mbit/s")
    channel.basic_publish("logs", "info", "x" * 125_000)
    lab.run()
    assert lab._world.now - start > 1_000_000_000


def test_without_recording_it_runs_the_same() -> None:
    lab = Lab(seed=1, recording=False)
    channel = lab.connect("producer").channel()
    channel.queue_declare("q")
    channel.basic_publish("", "q", "x")
    assert channel.basic_get("q", auto_ack=True)[2] == b"x"
    assert len(lab.records) == 0


def test_the_repr_is_the_same_every_time() -> None:
    reprs = {repr(furnished()[0]) for _ in range(2)}
    assert reprs == {"<Lab seed=1, clients 'producer': 115 records, 16 ms>"}


def test_the_same_host_may_have_two_connections() -> None:
    lab = Lab(seed=1)
    one, two = lab.connect("producer"), lab.connect("producer")
    assert one.name != two.name
    assert one.is_open and two.is_open


def test_a_closed_lab_does_nothing_more_but_can_be_looked_at() -> None:
    lab, channel = furnished()
    digest = lab.digest()
    lab.close()
    with pytest.raises(LabError, match="closed: make a new one"):
        channel.basic_get("app")
    assert "closed" in repr(lab)
    assert lab.table()[0].queue == "app"
    assert lab.digest() == digest


LOOKS = {"arrived", "consumer_ended", "post", "time", "withdraw"}
"""What the two faces call on each other, and what only looks."""


@pytest.mark.parametrize(
    ("face", "calls"), [(BlockingConnection, CONNECTION_CALLS), (BlockingChannel, CHANNEL_CALLS)]
)
def test_every_call_of_pikas_faces_is_an_input(face: type, calls: tuple[str, ...]) -> None:
    public = {name for name, _ in inspect.getmembers(face, inspect.isfunction) if not name.startswith("_")}
    assert public - LOOKS == set(calls) - {"__exit__"}
