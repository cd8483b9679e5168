"""pika's BlockingConnection, unmodified, works with us as it does with RabbitMQ."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator
from decimal import Decimal

import pika
import pytest
from brokers import CAPABILITIES, RemoteBroker
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelWrongStateError, UnroutableError
from with_pika import connect

WHEN = 1_700_000_000
HEADERS = {  # pika 1.3 cannot write floating-point numbers
    "text": "grüße",
    "octets": b"\x00\xff",
    "small": 7,
    "negative": -1,
    "large": 2**40,
    "true": True,
    "false": False,
    "money": Decimal("12.34"),
    "when": datetime.datetime.fromtimestamp(WHEN, datetime.UTC),
    "nothing": None,
    "table": {"inner": {"deep": 1}},
    "array": [1, "two", [3], {"four": 4}, None],
}
FULL = pika.BasicProperties(
    content_type="text/plain",
    content_encoding="utf-8",
    headers=HEADERS,
    delivery_mode=2,
    priority=9,
    correlation_id="c-1",
    reply_to="answers",
    expiration="60000",
    message_id="m-1",
    timestamp=WHEN,
    type="greeting",
    user_id="guest",
    app_id="tests",
    cluster_id="cluster",
)


@pytest.fixture
def connection(broker: RemoteBroker) -> Iterator[pika.BlockingConnection]:
    connection = connect(broker)
    yield connection
    if connection.is_open:
        connection.close()


@pytest.fixture
def channel(connection: pika.BlockingConnection) -> BlockingChannel:
    return connection.channel()


@pytest.fixture
def queue(channel: BlockingChannel) -> str:
    """An exclusive queue with a name from the broker."""
    name = channel.queue_declare("", exclusive=True).method.queue
    assert name.startswith("amq.gen-") and len(name) == 30
    return name


def fill(channel: BlockingChannel, queue: str, count: int) -> None:
    for number in range(count):
        channel.basic_publish("", queue, b"%d" % number)


def bodies(channel: BlockingChannel, queue: str, count: int) -> list[bytes]:
    """`count` messages by basic.get, waiting for each, not acknowledged."""
    return [fetch(channel, queue)[1] for _ in range(count)]


def fetch(channel: BlockingChannel, queue: str) -> tuple:
    for _ in range(1000):
        method, properties, body = channel.basic_get(queue)
        if method is not None:
            return method, body, properties
        channel.connection.sleep(0.005)
    raise AssertionError("no message came")


def consumed(channel: BlockingChannel, count: int, seconds: float = 10) -> list[bytes]:
    """Run callbacks until `count` messages have come."""
    for _ in range(int(seconds / 0.01)):
        if len(channel.got) >= count:
            break
        channel.connection.process_data_events(time_limit=0.01)
    return channel.got


def subscribe(channel: BlockingChannel, queue: str, **options: object) -> str:
    channel.got, channel.tags = [], []

    def take(ch: BlockingChannel, method: object, properties: object, body: bytes) -> None:
        ch.got.append(body)
        ch.tags.append(method.delivery_tag)

    return channel.basic_consume(queue, take, **options)


# --- the connection --------------------------------------------------------------------------------------


def test_what_the_broker_says_of_itself(broker: RemoteBroker, connection: pika.BlockingConnection) -> None:
    said = connection._impl.server_properties
    assert list(said) == [
        "capabilities",
        "cluster_name",
        "copyright",
        "information",
        "platform",
        "product",
        "version",
    ]
    assert all(type(said[key]) is str for key in list(said)[1:])
    assert (said["product"], said["version"]) == ("RabbitMQ", "3.10.8")
    assert said["capabilities"] == dict.fromkeys(CAPABILITIES, True)
    assert connection.basic_nack_supported and connection.exchange_exchange_bindings_supported
    assert connection.publisher_confirms_supported and connection.consumer_cancel_notify_supported


@pytest.mark.parametrize(("wished", "agreed"), [(None, 60), (0, 0), (5, 5), (600, 600)])
def test_the_heartbeat_is_the_client_s_choice(broker: RemoteBroker, wished: int | None, agreed: int) -> None:
    with connect(broker, heartbeat=wished, frame_max=8192, channel_max=10) as connection:
        tuned = connection._impl.params
        assert (tuned.heartbeat, tuned.frame_max, tuned.channel_max) == (agreed, 8192, 10)


def test_heartbeats_keep_a_quiet_connection_alive(broker: RemoteBroker) -> None:
    with connect(broker, heartbeat=1) as connection:
        connection.sleep(3.5)
        checker = connection._impl._heartbeat_checker
        assert checker.bytes_received_on_connection > 0 and connection.is_open
        connection.channel()


def test_a_secret_can_be_renewed(connection: pika.BlockingConnection) -> None:
    connection.update_secret("another", "rotation")
    connection.channel()


def test_channels_are_numbered_reused_and_independent(connection: pika.BlockingConnection) -> None:
    first, second = connection.channel(), connection.channel(65535)
    queue = second.queue_declare("", exclusive=True).method.queue
    first.close()
    with pytest.raises(ChannelWrongStateError):
        first.queue_purge(queue)
    assert connection.channel(1).queue_declare(queue, passive=True).method.message_count == 0
    assert second.flow(True) is True


# --- exchanges and bindings ------------------------------------------------------------------------------


def routed(channel: BlockingChannel, exchange: str, queue: str, sent: list[tuple[str, dict]]) -> list[bytes]:
    """Which of the messages (routing key, headers), numbered from 0, reach the queue."""
    for number, (key, headers) in enumerate(sent):
        channel.basic_publish(exchange, key, b"%d" % number, pika.BasicProperties(headers=headers))
    channel.basic_publish("", queue, b"end")
    arrived = []
    while (body := fetch(channel, queue)[1]) != b"end":
        arrived.append(body)
    return arrived


def test_a_direct_exchange_compares_keys(channel: BlockingChannel, queue: str, name: str) -> None:
    channel.exchange_declare(name, "direct")
    channel.queue_bind(queue, name, "info")
    channel.queue_bind(queue, name, "übel")
    sent = [("info", {}), ("Info", {}), ("übel", {}), ("", {}), ("info.x", {})]
    assert routed(channel, name, queue, sent) == [b"0", b"2"]
    channel.queue_unbind(queue, name, "info")
    assert routed(channel, name, queue, sent) == [b"2"]
    channel.exchange_delete(name)


def test_a_fanout_exchange_ignores_the_key(channel: BlockingChannel, queue: str, name: str) -> None:
    channel.exchange_declare(name, "fanout", durable=True, auto_delete=True)
    channel.queue_bind(queue, name)
    channel.queue_bind(queue, name, "another")
    assert routed(channel, name, queue, [("a", {}), ("", {})]) == [b"0", b"1"]
    channel.queue_unbind(queue, name)
    channel.queue_unbind(queue, name, "another")  # which was the last: the exchange goes
    channel.exchange_declare(name, "topic")
    channel.exchange_delete(name, if_unused=True)


def test_a_topic_exchange_matches_words(channel: BlockingChannel, queue: str, name: str) -> None:
    channel.exchange_declare(name, "topic")
    channel.queue_bind(queue, name, "*.orange.#")
    keys = ["a.orange", "a.orange.b.c", "orange", "a.b.orange", ".orange", "a.oranges", "a.orange."]
    assert routed(channel, name, queue, [(key, {}) for key in keys]) == [b"0", b"1", b"4", b"6"]
    channel.exchange_delete(name)


@pytest.mark.parametrize(("match", "arrive"), [("all", [b"0"]), ("any", [b"0", b"1"])])
def test_a_headers_exchange_compares_headers(
    channel: BlockingChannel, queue: str, name: str, match: str, arrive: list[bytes]
) -> None:
    channel.exchange_declare(name, "headers")
    channel.queue_bind(queue, name, arguments={"x-match": match, "size": 5, "colour": "red"})
    sent = [{"size": 5, "colour": "red", "x": 1}, {"size": 5, "colour": "blue"}, {"size": "5"}, {}]
    assert routed(channel, name, queue, [("", headers) for headers in sent]) == arrive
    channel.exchange_delete(name)


def test_exchanges_are_bound_to_exchanges(channel: BlockingChannel, queue: str, name: str) -> None:
    channel.exchange_declare(name, "direct")
    channel.exchange_declare(name + ".2", "fanout", internal=True)
    channel.exchange_bind(name + ".2", name, "info")
    channel.queue_bind(queue, name + ".2")
    assert routed(channel, name, queue, [("info", {}), ("other", {})]) == [b"0"]
    channel.exchange_unbind(name + ".2", name, "info")
    assert routed(channel, name, queue, [("info", {})]) == []
    channel.exchange_delete(name + ".2")
    channel.exchange_delete(name)
    channel.exchange_delete(name)  # again is no error


def test_an_alternate_exchange_rescues(channel: BlockingChannel, queue: str, name: str) -> None:
    channel.exchange_declare(name, "direct", arguments={"alternate-exchange": name + ".lost"})
    channel.exchange_declare(name + ".lost", "fanout")
    channel.queue_bind(queue, name + ".lost")
    channel.basic_publish(name, "nobody", b"rescued", mandatory=True)
    method, body, _ = fetch(channel, queue)
    assert (body, method.exchange, method.routing_key) == (b"rescued", name, "nobody")
    channel.exchange_delete(name)
    channel.exchange_delete(name + ".lost")


# --- messages --------------------------------------------------------------------------------------------


def test_all_fourteen_properties_arrive(channel: BlockingChannel, queue: str) -> None:
    channel.basic_publish("", queue, "Grüße, 世界", FULL)
    method, body, properties = fetch(channel, queue)
    assert body.decode() == "Grüße, 世界"
    assert properties == FULL
    assert all(isinstance(properties.headers[key], type(value)) for key, value in HEADERS.items())
    assert (method.delivery_tag, method.redelivered, method.exchange) == (1, False, "")
    assert (method.routing_key, method.message_count) == (queue, 0)


@pytest.mark.parametrize("size", [0, 1, 4088, 4089, 131064, 131065, 1_000_000])
@pytest.mark.parametrize("frame_max", [4096, 131072])
def test_bodies_of_any_size_arrive(broker: RemoteBroker, size: int, frame_max: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    with connect(broker, frame_max=frame_max) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.basic_publish("", queue, body)
        assert fetch(channel, queue)[1] == body


def test_names_of_255_octets_and_of_any_letters(channel: BlockingChannel, name: str) -> None:
    long = (name + "ä" * 255).encode()[:254].decode(errors="ignore") + "."
    for queue in (long, f"{name} 世界 \U0001f407"):
        assert channel.queue_declare(queue, auto_delete=True).method.queue == queue
        channel.basic_publish("", queue, b"x")
        assert fetch(channel, queue)[0].routing_key == queue
        assert channel.queue_delete(queue).method.message_count == 0


def test_get_counts_what_is_left_and_an_empty_queue_says_so(channel: BlockingChannel, queue: str) -> None:
    assert channel.basic_get(queue) == (None, None, None)
    channel.confirm_delivery()
    fill(channel, queue, 3)
    assert [channel.basic_get(queue, auto_ack=True)[0].message_count for _ in range(3)] == [2, 1, 0]
    assert channel.basic_get(queue) == (None, None, None)


def test_counts_purge_and_delete(channel: BlockingChannel, queue: str) -> None:
    channel.confirm_delivery()
    fill(channel, queue, 5)
    declared = channel.queue_declare(queue, passive=True).method
    assert (declared.message_count, declared.consumer_count) == (5, 0)
    channel.basic_get(queue)
    assert channel.queue_purge(queue).method.message_count == 4
    fill(channel, queue, 2)
    assert channel.queue_delete(queue).method.message_count == 2
    assert channel.queue_delete(queue).method.message_count == 0


# --- consuming and settling ------------------------------------------------------------------------------


def test_messages_are_pushed_in_order(channel: BlockingChannel, queue: str) -> None:
    fill(channel, queue, 10)
    tag = subscribe(channel, queue)
    assert tag.startswith("ctag1.")  # pika's own
    assert consumed(channel, 10) == [b"%d" % number for number in range(10)]
    assert channel.tags == list(range(1, 11))


def test_prefetch_limits_what_is_under_way(channel: BlockingChannel, queue: str) -> None:
    channel.basic_qos(prefetch_count=2)
    fill(channel, queue, 5)
    subscribe(channel, queue, consumer_tag="me")
    assert consumed(channel, 3, seconds=0.3) == [b"0", b"1"]
    channel.basic_ack(1)
    assert consumed(channel, 4, seconds=0.3) == [b"0", b"1", b"2"]
    channel.basic_ack(3, multiple=True)
    assert consumed(channel, 5) == [b"%d" % number for number in range(5)]


def test_a_shared_prefetch_limits_the_channel(channel: BlockingChannel, queue: str) -> None:
    channel.basic_qos(prefetch_count=1, global_qos=True)
    fill(channel, queue, 3)
    subscribe(channel, queue)
    assert consumed(channel, 2, seconds=0.3) == [b"0"]
    channel.basic_qos(prefetch_count=0, global_qos=True)
    assert consumed(channel, 3) == [b"0", b"1", b"2"]


def test_returned_copies_keep_their_place_and_are_marked(channel: BlockingChannel, queue: str) -> None:
    fill(channel, queue, 4)
    assert bodies(channel, queue, 3) == [b"0", b"1", b"2"]
    channel.basic_nack(2, multiple=True, requeue=True)
    channel.basic_reject(3, requeue=True)
    again = [fetch(channel, queue)[:2] for _ in range(4)]
    assert [(method.redelivered, body) for method, body in again] == [
        (True, b"0"),
        (True, b"1"),
        (True, b"2"),
        (False, b"3"),
    ]
    channel.basic_reject(4, requeue=False)
    channel.basic_nack(7, multiple=True, requeue=False)
    assert channel.queue_declare(queue, passive=True).method.message_count == 0
    channel.basic_ack(0, multiple=True)  # nothing is outstanding, and that is no error
    assert channel.basic_get(queue) == (None, None, None)


def test_recover_gives_back_all(channel: BlockingChannel, queue: str) -> None:
    fill(channel, queue, 2)
    bodies(channel, queue, 2)
    channel.basic_recover(requeue=True)
    method, body, _ = fetch(channel, queue)
    assert (method.delivery_tag, method.redelivered, body) == (3, True, b"0")


def test_a_closed_channel_gives_back_all(connection: pika.BlockingConnection, queue: str) -> None:
    other = connection.channel()
    fill(other, queue, 2)
    bodies(other, queue, 2)
    other.close()
    method, body, _ = fetch(connection.channel(), queue)
    assert (method.redelivered, body) == (True, b"0")


def test_cancelling_ends_the_flow(channel: BlockingChannel, queue: str) -> None:
    tag = subscribe(channel, queue, auto_ack=True)
    assert channel.basic_cancel(tag) == []
    assert channel.basic_cancel("unknown") == []
    fill(channel, queue, 1)
    assert fetch(channel, queue)[1] == b"0"
    assert channel.queue_declare(queue, passive=True).method.consumer_count == 0


def test_consumers_are_told_when_their_queue_is_deleted(channel: BlockingChannel, queue: str) -> None:
    told = []
    channel.add_on_cancel_callback(lambda frame: told.append(frame.method.consumer_tag))
    subscribe(channel, queue, consumer_tag="widow")
    channel.queue_delete(queue)
    for _ in range(1000):
        if told:
            break
        channel.connection.process_data_events(time_limit=0.01)
    assert told == ["widow"] and channel.is_open


def test_consumers_take_turns(connection: pika.BlockingConnection, queue: str) -> None:
    first, second = connection.channel(), connection.channel()
    subscribe(first, queue)
    subscribe(second, queue)
    fill(first, queue, 4)
    consumed(second, 2)
    assert (consumed(first, 2), second.got) == ([b"0", b"2"], [b"1", b"3"])


def test_the_generator_consumes(channel: BlockingChannel, queue: str) -> None:
    fill(channel, queue, 3)
    got = []
    for method, _, body in channel.consume(queue, inactivity_timeout=10):
        got.append(body)
        channel.basic_ack(method.delivery_tag)
        if len(got) == 2:
            break
    channel.cancel()
    assert got == [b"0", b"1"]
    assert fetch(channel, queue)[1] == b"2"


def test_exclusive_queues_end_with_their_connection(broker: RemoteBroker, name: str) -> None:
    with connect(broker) as owner:
        owner.channel().queue_declare(name, exclusive=True)
    with connect(broker) as another:
        assert another.channel().queue_declare(name, exclusive=True).method.message_count == 0


# --- what publishers are told ----------------------------------------------------------------------------


def test_an_unroutable_message_comes_back(channel: BlockingChannel, queue: str) -> None:
    returned = []
    channel.add_on_return_callback(lambda _, *what: returned.append(what))
    channel.basic_publish("amq.direct", "nowhere", b"lost", FULL, mandatory=True)
    channel.basic_publish("amq.direct", "nowhere", b"forgotten", FULL)
    for _ in range(1000):
        if returned:
            break
        channel.connection.process_data_events(time_limit=0.01)
    [(method, properties, body)] = returned
    assert (method.reply_code, method.reply_text) == (312, "NO_ROUTE")
    assert (method.exchange, method.routing_key) == ("amq.direct", "nowhere")
    assert (properties, body) == (FULL, b"lost")


def test_confirms_come_for_everything_and_returns_before_them(channel: BlockingChannel, queue: str) -> None:
    channel.confirm_delivery()
    fill(channel, queue, 20)
    channel.basic_publish("", queue, b"kept", pika.BasicProperties(delivery_mode=2), mandatory=True)
    channel.basic_publish("amq.topic", "nowhere", b"dropped")
    with pytest.raises(UnroutableError) as unroutable:
        channel.basic_publish("amq.topic", "nowhere", b"returned", mandatory=True)
    assert [message.body for message in unroutable.value.messages] == [b"returned"]
    assert channel.queue_declare(queue, passive=True).method.message_count == 21


def test_a_transaction_is_seen_when_committed(channel: BlockingChannel, queue: str) -> None:
    channel.tx_select()
    fill(channel, queue, 2)
    assert channel.queue_declare(queue, passive=True).method.message_count == 0
    channel.tx_rollback()
    fill(channel, queue, 3)
    channel.tx_commit()
    assert channel.queue_declare(queue, passive=True).method.message_count == 3
    channel.basic_get(queue)
    channel.basic_ack(1)
    channel.tx_rollback()
    channel.basic_nack(1)
    channel.tx_commit()
    method, body, _ = fetch(channel, queue)
    assert (method.redelivered, body) == (True, b"0")


# --- many ------------------------------------------------------------------------------------------------


def test_several_clients_work_side_by_side(broker: RemoteBroker, name: str) -> None:
    """Three producers and three consumers, each on a connection and a thread of its own."""
    count = 200
    with connect(broker) as control:
        control.channel().queue_declare(name)
    got: list[list[bytes]] = [[], [], []]
    failed: list[BaseException] = []

    def produce(number: int) -> None:
        with connect(broker) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for at in range(count):
                channel.basic_publish("", name, b"%d:%d" % (number, at))

    def consume(number: int) -> None:
        with connect(broker) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=7)
            for method, _, body in channel.consume(name, inactivity_timeout=30):
                if body in (b"end", None):
                    break
                got[number].append(body)
                channel.basic_ack(method.delivery_tag)
            channel.basic_ack(method.delivery_tag)
            channel.cancel()

    def guard(what: object, number: int) -> None:
        try:
            what(number)  # type: ignore[operator]
        except BaseException as error:
            failed.append(error)

    def start(what: object) -> list[threading.Thread]:
        threads = [threading.Thread(target=guard, args=(what, number)) for number in range(3)]
        for thread in threads:
            thread.start()
        return threads

    consumers, producers = start(consume), start(produce)
    for thread in producers:
        thread.join()
    with connect(broker) as control:
        for _ in range(3):
            control.channel().basic_publish("", name, b"end")
        for thread in consumers:
            thread.join()
        control.channel().queue_delete(name)
    assert not failed
    everything = [body for one in got for body in one]
    assert sorted(everything) == sorted(b"%d:%d" % (p, at) for p in range(3) for at in range(count))
    for one in got:  # each consumer sees each producer's messages in order
        for producer in range(3):
            numbers = [int(body.split(b":")[1]) for body in one if body.startswith(b"%d:" % producer)]
            assert numbers == sorted(numbers)


def test_a_stream_is_read_by_everybody_from_where_they_like(broker: RemoteBroker, name: str) -> None:
    with connect(broker) as connection:
        channel = connection.channel()
        channel.queue_declare(name, durable=True, arguments={"x-queue-type": "stream"})
        channel.confirm_delivery()
        for number in range(5):
            channel.basic_publish("", name, b"%d" % number)

    def read(offset: object, last: bytes) -> list[tuple[int, bytes]]:
        got = []
        with connect(broker) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=2)
            reading = channel.consume(name, arguments={"x-stream-offset": offset}, inactivity_timeout=30)
            for method, properties, body in reading:
                got.append((properties.headers["x-stream-offset"], body))
                channel.basic_ack(method.delivery_tag)
                if body == last:
                    break
            channel.cancel()
        return got

    assert read("first", b"4") == [(number, b"%d" % number) for number in range(5)]
    assert read(3, b"4") == [(3, b"3"), (4, b"4")]
    with connect(broker) as connection:
        connection.channel().queue_delete(name)
