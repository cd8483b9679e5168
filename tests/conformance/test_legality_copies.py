"""Every state of a message's copy × everything that may happen to it, as clients of RabbitMQ see it.

A client brings a message into a state, does one thing, and leaves. An observer sees how many messages wait
meanwhile, and in the end what has become of them: what is in the queue, marked redelivered or not, and what
died of which reason. RabbitMQ tells others of what happened a little later, so what differs is looked at once
more, slowly.
"""

from __future__ import annotations

import pytest
from brokers import InMemoryBroker
from playing import GENERATED
from trials import differences

from amqplab.wire.frames import FRAME_METHOD
from amqplab.wire.methods import Basic, Channel, Connection, Queue, Tx, decode_method

ROUNDS = 2
PAUSE_S = 0.1
OUR, OTHER = 1, 2  # the channels of the client; it acts on the first


class Scene:
    """A queue whose dead go to another, a client with two channels, and an observer."""

    def __init__(self, broker, slowly=False):
        self.slowly = slowly and not broker.virtual
        self.observer = broker.connect()
        self.client = broker.connect(channels=2)
        self.queue, self.morgue = broker.fresh("alive"), broker.fresh("dead")
        self.told = []
        self.declare()
        self.observer.queue(self.morgue, exclusive=False)

    def declare(self, **arguments):
        self.observer.call(Queue.Delete(queue=self.queue), Queue.DeleteOk)
        dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.morgue}
        self.observer.queue(self.queue, exclusive=False, arguments=dead | arguments)

    def publish(self, body=b"a", **properties):
        self.observer.publish(self.queue, body, **properties)
        self.arrived()

    def arrived(self):
        """A round trip behind the messages; the queue has them when it has answered twice."""
        for _ in range(ROUNDS):
            self.observer.call(Queue.Declare(queue=self.morgue, passive=True), Queue.DeclareOk)
            self.observer.call(Queue.Declare(queue=self.queue, passive=True), Queue.DeclareOk)

    def get(self, channel=OUR, no_ack=False):
        assert self.client.get(self.queue, channel=channel, no_ack=no_ack).body == b"a"

    def say(self, *methods):
        self.client.send(*methods, channel=OUR)

    def close_channel(self):
        """Nothing may be said behind a channel.close before its answer has come (CHAN-09)."""
        self.client.call(Channel.Close(200, "bye"), Channel.CloseOk(), channel=OUR)
        self.told.append((OUR, "channel.close-ok"))
        self.listen()

    def listen(self):
        """Write down what the client hears until it has an answer to a question on both channels."""
        for _ in range(ROUNDS):
            self.pause()
            for channel in (OUR, OTHER):
                if not self.client.ended and channel not in self._closed():
                    self.client.send(Channel.Flow(active=True), channel=channel)
                    self._read_until_flow_ok(channel)

    def _closed(self):
        return {channel for channel, line in self.told if line.startswith("channel.close")}

    def _read_until_flow_ok(self, channel):
        while channel not in self._closed() and not self.client.ended:
            kind, number, payload = self.client.frame()
            method = decode_method(payload) if kind == FRAME_METHOD else None
            if isinstance(method, Channel.FlowOk) and number == channel:
                return
            line = f"{method.name} {tuple(method)}" if method is not None else f"content {payload!r}"
            line = GENERATED.sub(
                "generated", line.replace(self.queue, "queue").replace(self.morgue, "morgue")
            )
            self.told.append((number, line))
            if isinstance(method, Channel.Close):
                self.client.send(Channel.CloseOk(), channel=number)
            elif isinstance(method, Connection.Close):
                self.client.send(Connection.CloseOk())
                self.client.abort()

    def pause(self):
        if self.slowly:
            self.observer.expect_silence(PAUSE_S)

    def look(self, when):
        """How many are ready, and how many consumers there are."""
        for _ in range(ROUNDS):
            self.pause()
            counts = self._counts(self.queue), self._counts(self.morgue)
        self.told.append((0, f"{when}: (ready, consumers) {counts[0]}, dead {counts[1]}"))

    def _counts(self, queue):
        self.observer.send(Queue.Declare(queue=queue, passive=True))
        _, _, payload = self.observer.frame(1)
        found = decode_method(payload)
        if isinstance(found, Queue.DeclareOk):
            return found.message_count, found.consumer_count
        self.observer.send(Channel.CloseOk(), Channel.Open())
        self.observer.expect(Channel.OpenOk)
        return found.reply_code

    def leave(self):
        """The client goes; what has become of the messages?"""
        if not self.client.ended:
            self.client.call(Connection.Close(200, "bye"), Connection.CloseOk)
            self.client.abort()
        self.look("in the end")
        for queue in (self.morgue, self.queue):
            if isinstance(self._counts(queue), tuple):
                while (found := self.observer.get(queue)) is not None:
                    reason = (found.properties.headers or {}).get("x-first-death-reason")
                    self.told.append((0, f"{found.body!r} redelivered {found.method.redelivered}, {reason}"))
            self.observer.call(Queue.Delete(queue=queue), Queue.DeleteOk)
        self.observer.abort()


# --- states ----------------------------------------------------------------------------------------------


def ready(scene):
    scene.publish()


def unacked(scene):
    scene.publish()
    scene.get()


def unacked_by_another(scene):
    scene.publish()
    scene.get(OTHER)


def unacked_by_a_consumer(scene):
    scene.publish()
    scene.client.consume(scene.queue, "first")
    scene.client.deliveries(1)


def handed_out_without_ack(scene):
    scene.publish()
    scene.get(no_ack=True)


def acked(scene):
    unacked(scene)
    scene.say(Basic.Ack(1))
    scene.client.sync()


def dead(scene):
    unacked(scene)
    scene.say(Basic.Reject(1, requeue=False))
    scene.client.sync()
    scene.arrived()


def requeued(scene):
    unacked(scene)
    scene.say(Basic.Reject(1, requeue=True))
    scene.client.sync()
    scene.arrived()


def expired(scene):
    scene.publish(expiration="0")


def dropped(scene):
    scene.declare(**{"x-max-length": 1})
    scene.publish()
    scene.publish(b"b")


def published_in_a_transaction(scene):
    scene.client.call(Tx.Select(), Tx.SelectOk)
    scene.client.publish(scene.queue, b"a")
    scene.client.sync()


def acked_in_a_transaction(scene):
    unacked(scene)
    scene.client.call(Tx.Select(), Tx.SelectOk)
    scene.say(Basic.Ack(1))
    scene.client.sync()


def rejected_in_a_transaction(scene):
    unacked(scene)
    scene.client.call(Tx.Select(), Tx.SelectOk)
    scene.say(Basic.Nack(1, requeue=True))
    scene.client.sync()


STATES = [
    ready,
    unacked,
    unacked_by_another,
    unacked_by_a_consumer,
    handed_out_without_ack,
    acked,
    dead,
    requeued,
    expired,
    dropped,
    published_in_a_transaction,
    acked_in_a_transaction,
    rejected_in_a_transaction,
]

# --- inputs ----------------------------------------------------------------------------------------------

METHODS = {
    "ack": Basic.Ack(1),
    "ack up to it": Basic.Ack(1, multiple=True),
    "ack all": Basic.Ack(0, multiple=True),
    "ack of another tag": Basic.Ack(2),
    "nack": Basic.Nack(1, requeue=False),
    "nack, requeue": Basic.Nack(1, requeue=True),
    "nack all": Basic.Nack(0, multiple=True, requeue=False),
    "nack all, requeue": Basic.Nack(0, multiple=True, requeue=True),
    "reject": Basic.Reject(1, requeue=False),
    "reject, requeue": Basic.Reject(1, requeue=True),
    "recover": Basic.Recover(requeue=False),
    "recover, requeue": Basic.Recover(requeue=True),
    "recover-async, requeue": Basic.RecoverAsync(requeue=True),
    "cancel": Basic.Cancel(consumer_tag="first"),
    "tx.select": Tx.Select(),
    "tx.commit": Tx.Commit(),
    "tx.rollback": Tx.Rollback(),
}
ON_THE_QUEUE = {
    "get": lambda queue: Basic.Get(queue=queue),
    "get without ack": lambda queue: Basic.Get(queue=queue, no_ack=True),
    "consume": lambda queue: Basic.Consume(queue=queue, consumer_tag="c"),
    "consume without ack": lambda queue: Basic.Consume(queue=queue, consumer_tag="c", no_ack=True),
    "purge": lambda queue: Queue.Purge(queue=queue),
    "delete": lambda queue: Queue.Delete(queue=queue),
    "delete if empty": lambda queue: Queue.Delete(queue=queue, if_empty=True),
    "delete if unused": lambda queue: Queue.Delete(queue=queue, if_unused=True),
}
INPUTS = [*METHODS, *ON_THE_QUEUE, "channel.close", "connection loss"]


def played(broker, state, name, slowly=False):
    """What everybody sees when this happens in that state."""
    scene = Scene(broker, slowly)
    state(scene)
    if name == "connection loss":
        scene.client.abort()
    elif name == "channel.close":
        scene.close_channel()
    else:
        scene.say(METHODS[name] if name in METHODS else ON_THE_QUEUE[name](scene.queue))
        scene.listen()
    scene.look("then")
    scene.leave()
    return [f"channel {channel}: {line}" if channel else line for channel, line in scene.told]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_every_copy_s_state_and_every_input(state, rabbitmq):
    theirs, ours = {}, {}
    for name in INPUTS:
        ours[name] = played(InMemoryBroker(), state, name)
        theirs[name] = played(rabbitmq, state, name)
        if theirs[name] != ours[name]:
            theirs[name] = played(rabbitmq, state, name, slowly=True)
    found = differences(theirs, ours)
    assert not found, f"in state {state.__name__}:\n{found}"


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_the_same_on_a_socket(state, amqplab_server):
    in_memory = {name: played(InMemoryBroker(), state, name) for name in INPUTS}
    on_a_socket = {name: played(amqplab_server, state, name) for name in INPUTS}
    assert on_a_socket == in_memory
