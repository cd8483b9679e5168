"""The blocking face against each broker, and pika itself through the same test bodies.

What a learner writes here has to run there: so each body runs with our BlockingConnection in virtual time,
against our server process and against RabbitMQ, and with pika's against our server process.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pika
import pika.exceptions
import pytest
from client_worlds import SimulatedWorld
from leftovers import leftovers
from pika.adapters.blocking_connection import BlockingChannel as PikaChannel
from pika.adapters.blocking_connection import BlockingConnection as PikaConnection

from amqplab.client import BlockingChannel, BlockingConnection, exceptions
from amqplab.errors import NotFound, UsageError

Fresh = Callable[[str], str]


@dataclass
class Face:
    """A library and a broker: opens connections and closes them after the test."""

    library: ModuleType
    url: str
    errors: Any
    runner: Any = None
    opened: list[Any] = field(default_factory=list)

    def connect(self) -> Any:
        if self.runner is None:
            connection = self.library.BlockingConnection(self.library.URLParameters(self.url))
        else:
            connection = BlockingConnection(self.url, runner=self.runner)
        self.opened.append(connection)
        return connection

    def channel(self) -> Any:
        return self.connect().channel()


@pytest.fixture(params=["ours-simulated", "ours-amqplab", "ours-rabbitmq", "pika-amqplab"])
def face(request: pytest.FixtureRequest) -> Iterator[Face]:
    import amqplab.client

    match request.param:
        case "ours-simulated":
            made = Face(amqplab.client, "amqp://broker", exceptions, SimulatedWorld().loop.run_until_complete)
        case "ours-amqplab":
            server: Any = request.getfixturevalue("amqplab_server")
            made = Face(amqplab.client, f"amqp://127.0.0.1:{server.port}", exceptions)
        case "ours-rabbitmq":
            node: Any = request.getfixturevalue("rabbitmq")
            made = Face(amqplab.client, f"amqp://127.0.0.1:{node.port}", exceptions)
        case _:
            server = request.getfixturevalue("amqplab_server")
            made = Face(pika, f"amqp://127.0.0.1:{server.port}", pika.exceptions)
    yield made
    for connection in made.opened:
        if connection.is_open:
            connection.close()


def ready_and_consumers(face: Face, channel: Any, queue: str, *, ready: int) -> tuple[int, int]:
    """What a passive declaration says; waits a little for `ready`, as RabbitMQ requeues in its own time."""
    for _ in range(100):
        ok = channel.queue_declare(queue, passive=True).method
        if ok.message_count == ready:
            break
        face.opened[0].sleep(0.02)
    return ok.message_count, ok.consumer_count


def test_the_notes_own_call_runs_as_written(face: Face, fresh: Fresh) -> None:
    channel = face.channel()
    channel.exchange_declare("logs", exchange_type="direct")
    app = fresh("app")
    declared = channel.queue_declare(app, exclusive=True)
    channel.queue_bind(app, "logs", routing_key="info")
    channel.basic_publish(exchange="logs", routing_key="info", body="Hello, Rabbit!")
    method, properties, body = channel.basic_get(app, auto_ack=True)
    assert (declared.method.queue, declared.method.message_count) == (app, 0)
    assert (method.exchange, method.routing_key, method.redelivered) == ("logs", "info", False)
    assert properties.content_type is None
    assert body == b"Hello, Rabbit!"
    assert channel.basic_get(app) == (None, None, None)


def test_callbacks_run_inside_start_consuming(face: Face, fresh: Fresh) -> None:
    channel = face.channel()
    queue = channel.queue_declare(fresh("q"), exclusive=True).method.queue
    for number in range(5):
        channel.basic_publish("", queue, b"%d" % number)
    seen = []

    def callback(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        seen.append((ch is channel, method.delivery_tag, body))
        ch.basic_ack(delivery_tag=method.delivery_tag)
        ch.queue_declare(queue, passive=True)  # a callback may make calls that wait
        if len(seen) == 3:
            ch.stop_consuming()

    channel.basic_qos(prefetch_count=1)
    tag = channel.basic_consume(queue, callback, consumer_tag="me")
    assert (tag, channel.consumer_tags) == ("me", ["me"])
    channel.start_consuming()
    assert seen == [(True, 1, b"0"), (True, 2, b"1"), (True, 3, b"2")]
    assert channel.consumer_tags == []
    assert ready_and_consumers(face, channel, queue, ready=2) == (2, 0)


def test_consume_yields_messages_and_then_three_nones(face: Face, fresh: Fresh) -> None:
    channel = face.channel()
    queue = channel.queue_declare(fresh("q"), exclusive=True).method.queue
    for number in range(3):
        channel.basic_publish("", queue, b"%d" % number)
    bodies = []
    for method, _, body in channel.consume(queue, inactivity_timeout=0.2):
        if method is None:
            break
        bodies.append(body)
        channel.basic_ack(method.delivery_tag)
    assert bodies == [b"0", b"1", b"2"]
    channel.cancel()
    assert channel.queue_declare(queue, passive=True).method.consumer_count == 0


def test_cancelling_requeues_what_was_not_yielded(face: Face, fresh: Fresh) -> None:
    channel = face.channel()
    queue = channel.queue_declare(fresh("q"), exclusive=True).method.queue
    for number in range(3):
        channel.basic_publish("", queue, b"%d" % number)
    method, _, body = next(channel.consume(queue))
    face.opened[0].process_data_events(0.1)
    assert (body, channel.get_waiting_message_count()) == (b"0", 2)
    channel.basic_ack(method.delivery_tag)
    assert channel.cancel() == 0
    assert ready_and_consumers(face, channel, queue, ready=2) == (2, 0)


def test_a_consumer_keeps_the_tag_that_it_took_over_from_a_cancelled_one(face: Face, fresh: Fresh) -> None:
    channel = face.channel()
    queue = channel.queue_declare(fresh("q"), exclusive=True).method.queue
    for _ in range(2):
        channel.basic_consume(queue, lambda *_: None, consumer_tag="again")
        face.opened[0].process_data_events(0.1)
        channel.basic_cancel("again")
        assert channel.queue_declare(queue, passive=True).method.consumer_count == 0


def test_confirmed_publishes_raise_when_they_come_back(face: Face, fresh: Fresh) -> None:
    channel = face.channel()
    channel.confirm_delivery()
    queue = channel.queue_declare(fresh("q"), exclusive=True).method.queue
    channel.basic_publish("", queue, "kept", mandatory=True)
    with pytest.raises(face.errors.UnroutableError) as caught:
        channel.basic_publish("", "client-nowhere", "lost", mandatory=True)
    returned = caught.value.messages[0]
    assert (returned.method.reply_code, returned.body) == (312, b"lost")
    assert channel.queue_declare(queue, passive=True).method.message_count == 1


def test_returns_reach_their_callback(face: Face) -> None:
    channel = face.channel()
    came: list[Any] = []
    channel.add_on_return_callback(
        lambda ch, method, properties, body: came.append((method.reply_code, body))
    )
    channel.basic_publish("", "client-nowhere", "back", mandatory=True)
    channel.basic_qos(prefetch_count=1)
    face.opened[0].process_data_events(0.1)
    assert came == [(312, b"back")]


def test_a_broker_s_no_is_raised_and_the_connection_lives_on(face: Face) -> None:
    connection = face.connect()
    channel = connection.channel()
    with pytest.raises(face.errors.ChannelClosedByBroker) as caught:
        channel.queue_declare("client-no-such", passive=True)
    assert caught.value.reply_code == 404
    assert caught.value.reply_text == "NOT_FOUND - no queue 'client-no-such' in vhost '/'"
    assert (channel.is_open, channel.is_closed, connection.is_open) == (False, True, True)
    with pytest.raises(face.errors.ChannelWrongStateError):
        channel.basic_publish("", "q", b"x")
    assert connection.channel().channel_number == 1


def test_an_asynchronous_error_ends_start_consuming(face: Face, fresh: Fresh) -> None:
    channel = face.channel()
    queue = channel.queue_declare(fresh("q"), exclusive=True).method.queue
    channel.basic_consume(queue, lambda *_: None)
    channel.basic_publish("client-no-exchange", "k", b"x")
    with pytest.raises(face.errors.ChannelClosedByBroker):
        channel.start_consuming()


def test_a_queue_deleted_elsewhere_cancels_the_consumer(face: Face, fresh: Fresh) -> None:
    connection = face.connect()
    channel, other = connection.channel(), connection.channel()
    queue = channel.queue_declare(fresh("q"), exclusive=True).method.queue
    cancelled = []
    channel.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    channel.basic_consume(queue, lambda *_: None, consumer_tag="me")
    other.queue_delete(queue)
    channel.start_consuming()  # returns: there is no consumer left
    assert cancelled in (["me"], [])  # pika dispatches it only when it still waits
    assert channel.consumer_tags == []


def test_acks_nacks_rejects_and_recover(face: Face, fresh: Fresh) -> None:
    channel = face.channel()
    queue = channel.queue_declare(fresh("q"), exclusive=True).method.queue
    for number in range(4):
        channel.basic_publish("", queue, b"%d" % number)
    tags = [channel.basic_get(queue)[0].delivery_tag for _ in range(4)]
    channel.basic_ack(tags[0])
    channel.basic_nack(tags[1], requeue=False)
    channel.basic_reject(tags[2])
    channel.basic_recover(requeue=True)
    left = [channel.basic_get(queue, auto_ack=True) for _ in range(2)]
    assert [(method.redelivered, body) for method, _, body in left] == [(True, b"2"), (True, b"3")]


def test_the_rest_of_pika_s_calls_answer(face: Face, fresh: Fresh) -> None:
    channel = face.channel()
    source, target, queue = fresh("x"), fresh("x"), fresh("q")
    channel.exchange_declare(source, "fanout", auto_delete=True)
    channel.exchange_declare(target, "direct", auto_delete=True)
    channel.queue_declare(queue, exclusive=True)
    channel.exchange_bind(target, source, routing_key=queue)
    channel.queue_bind(queue, target)  # without a key the queue's name is the key
    channel.basic_publish(source, queue, b"x")
    channel.basic_publish(source, queue, b"y")
    assert channel.queue_purge(queue).method.message_count == 2
    channel.queue_unbind(queue, target)
    channel.exchange_declare(source, "fanout", auto_delete=True)
    channel.exchange_delete(source)
    assert channel.flow(True) is True
    channel.tx_select()
    channel.basic_publish("", queue, b"z")
    channel.tx_rollback()
    channel.basic_publish("", queue, b"z")
    channel.tx_commit()
    assert channel.queue_delete(queue).method.message_count == 1
    assert int(channel) == channel.channel_number == 1
    channel.close()
    assert channel.is_closed


def test_timers_and_sleep(face: Face) -> None:
    connection = face.connect()
    rung: list[str] = []
    connection.call_later(0.02, lambda: rung.append("second"))
    connection.call_later(0.01, lambda: rung.append("first"))
    connection.remove_timeout(connection.call_later(0.015, lambda: rung.append("never")))
    connection.sleep(0.1)
    connection.add_callback_threadsafe(lambda: rung.append("from outside"))
    connection.process_data_events(0.05)
    assert rung == ["first", "second", "from outside"]


def test_what_the_broker_can_do_is_known(face: Face) -> None:
    connection = face.connect()
    assert connection.basic_nack_supported and connection.publisher_confirms_supported
    assert connection.consumer_cancel_notify_supported and connection.exchange_exchange_bindings_supported


def test_with_statements_close(face: Face) -> None:
    with face.connect() as connection:
        with connection.channel() as channel:
            channel.basic_qos(prefetch_count=3)
        assert channel.is_closed
    assert connection.is_closed
    with pytest.raises(face.errors.ConnectionWrongStateError):
        connection.close()
    with pytest.raises(face.errors.ConnectionWrongStateError):
        connection.channel()


def test_start_consuming_may_not_be_called_from_a_callback(face: Face, fresh: Fresh) -> None:
    channel = face.channel()
    queue = channel.queue_declare(fresh("q"), exclusive=True).method.queue
    caught: list[bool] = []

    def callback(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        try:
            ch.start_consuming()
        except face.errors.ReentrancyError:
            caught.append(True)
        ch.stop_consuming()

    channel.basic_publish("", queue, b"x")
    channel.basic_consume(queue, callback, auto_ack=True)
    channel.start_consuming()
    assert caught == [True]


# --- ours alone ------------------------------------------------------------------------------------------


def test_in_a_simulation_start_consuming_returns_when_nothing_is_left_to_happen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = SimulatedWorld()
    connection = BlockingConnection("amqp://broker?heartbeat=0", runner=world.loop.run_until_complete)
    channel = connection.channel()
    channel.queue_declare("q")
    channel.basic_publish("", "q", "x")
    seen: list[bytes] = []
    channel.basic_consume("q", lambda ch, method, properties, body: seen.append(body), auto_ack=True)
    channel.start_consuming()
    assert seen == [b"x"]
    assert capsys.readouterr().out == (
        "start_consuming() returned: nothing is left to happen in the simulation. "
        "Publish something, and call it again.\n"
    )
    channel.basic_publish("", "q", "y")
    channel.start_consuming()
    assert seen == [b"x", b"y"]


def test_publishing_takes_no_virtual_time() -> None:
    world = SimulatedWorld()
    channel = BlockingConnection("amqp://broker", runner=world.loop.run_until_complete).channel()
    channel.queue_declare("q")
    before = world.loop.time_ns()
    channel.basic_publish("", "q", "x")
    assert world.loop.time_ns() == before


@pytest.mark.parametrize(
    ("ours", "theirs"), [(BlockingConnection, PikaConnection), (BlockingChannel, PikaChannel)]
)
def test_names_parameters_and_defaults_are_pika_s(ours: type, theirs: type) -> None:
    different = []
    for name, member in vars(theirs).items():
        if name.startswith("_") and name != "__init__":
            continue
        if not hasattr(ours, name):
            different.append(f"{name} is missing")
        elif callable(member) and _shape(getattr(ours, name)) != _shape(member):
            different.append(f"{name}{_shape(getattr(ours, name))}, but pika has {_shape(member)}")
    assert different == []


def _shape(function: Any) -> list[tuple[str, Any]]:
    """(name, default) of each parameter that can be given by position."""
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            default = parameter.default
            found.append((parameter.name, getattr(default, "value", default)))
    return found


def test_connecting_to_nobody_says_what_to_do() -> None:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(exceptions.ConnectionLost) as caught:
        BlockingConnection(f"amqp://127.0.0.1:{port}")
    assert f"127.0.0.1:{port}" in str(caught.value) and "python -m amqplab serve" in str(caught.value)


def test_of_several_addresses_the_first_that_answers_is_used(amqplab_server: Any) -> None:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"amqp://127.0.0.1:{probe.getsockname()[1]}"
    connection = BlockingConnection([nobody, f"amqp://127.0.0.1:{amqplab_server.port}"])
    assert connection.is_open
    connection.close()


def test_no_parameters_at_all_is_a_mistake() -> None:
    with pytest.raises(UsageError):
        BlockingConnection([])


def test_it_works_where_a_loop_is_running_already(amqplab_server: Any) -> None:
    """As in a Jupyter cell: the kernel's loop runs in the same thread."""
    import asyncio

    async def cell() -> tuple[bytes, bool]:
        connection = BlockingConnection(f"amqp://127.0.0.1:{amqplab_server.port}")
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.basic_publish("", queue, "from a cell")
        body = channel.basic_get(queue)[2]
        connection.close()
        await asyncio.sleep(0)
        return body, asyncio.get_running_loop().is_running()

    assert asyncio.run(cell()) == (b"from a cell", True)


def test_nothing_is_left_behind(amqplab_server: Any, recwarn: pytest.WarningsRecorder) -> None:
    url = f"amqp://127.0.0.1:{amqplab_server.port}"
    before = leftovers()
    BlockingConnection(url).close()
    failing = BlockingConnection(url)
    with pytest.raises(NotFound):
        failing.channel().queue_declare("client-no-such", passive=True)
    failing.close()
    del failing
    assert leftovers() == before
    assert [str(w.message) for w in recwarn if issubclass(w.category, ResourceWarning)] == []


def test_a_keyboard_interrupt_ends_the_call_and_leaves_the_connection_usable(amqplab_server: Any) -> None:
    import signal

    connection = BlockingConnection(f"amqp://127.0.0.1:{amqplab_server.port}")
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_consume(queue, lambda *_: None)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            channel.start_consuming()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert channel.queue_declare(queue, passive=True).method.consumer_count == 1
    connection.close()
