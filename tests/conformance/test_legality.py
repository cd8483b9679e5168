"""Every state × every input, as RabbitMQ answers it: connections and channels.

The tables of ``amqplab/broker/states.py`` say what is legal when. Here each state that a client can bring
about meets all 69 methods, on channel 0 and on another, all kinds of frames, and what is no frame. RabbitMQ
hears the same, and both have to say the same. A blocked connection is not read at all until the alarm is
over, and then it is a running one again.
"""

from __future__ import annotations

import pytest
from brokers import UNLIMITED_CONFIG, InMemoryBroker
from trials import Input, State, Trial, differences, outcomes

from amqplab.broker.channel import NAMING_A_QUEUE
from amqplab.wire.frames import PROTOCOL_HEADER, encode_frame, encode_header, encode_method
from amqplab.wire.methods import METHODS, Basic, Channel, Confirm, Connection, Queue, Tx

START_OK = Connection.StartOk(mechanism="PLAIN", response=b"\0guest\0guest", locale="en_US")
DEMO_OK = Connection.StartOk(mechanism="RABBIT-CR-DEMO", response=b"guest", locale="en_US")
SECURE_OK = Connection.SecureOk(response=b"My password is guest")
TUNE_OK = Connection.TuneOk(channel_max=2047, frame_max=131072, heartbeat=0)
OPEN = Connection.Open(virtual_host="/")
BYE = Connection.Close(200, "bye")
ON_1 = encode_method(1, Channel.Open())
FLOW = encode_method(1, Channel.Flow(active=True))
PUBLISH = encode_method(1, Basic.Publish(routing_key="nowhere"))
FREE_AND_REOPEN = encode_method(1, Channel.CloseOk()) + ON_1 + FLOW
NO_FLAGS = b"\0\0"


# --- states of a connection ------------------------------------------------------------------------------


def dialled(broker):
    return broker.dial()


def greeted(broker):
    peer = broker.dial()
    peer.greet()
    return peer


def challenged(broker):
    peer = greeted(broker)
    peer.call(DEMO_OK, Connection.Secure)
    return peer


def logged_in(broker):
    peer = broker.dial()
    peer.log_in()
    return peer


def tuned(broker):
    peer = logged_in(broker)
    peer.send(TUNE_OK)
    return peer


def running(broker):
    return broker.connect(channels=0)


def left(broker):
    peer = running(broker)
    peer.call(BYE, Connection.CloseOk())
    return peer


def refused(broker):
    peer = running(broker)
    peer.send(Connection.Open("/"))
    peer.expect(Connection.Close)
    return peer


def silenced(broker):
    peer = greeted(broker)
    peer.send(OPEN)
    return peer


def on_0(*methods):
    return b"".join(encode_method(0, method) for method in methods)


END = {"connection.close-ok on 0": b""}  # what is behind it may be read before it is acted upon

CONNECTION_STATES = [
    State("pre_init", dialled, PROTOCOL_HEADER, Connection.Start),
    State("starting", greeted, on_0(START_OK), Connection.Tune, legal="start-ok, right"),
    State("securing", challenged, on_0(SECURE_OK), Connection.Tune, legal="secure-ok, right"),
    State("tuning", logged_in, on_0(TUNE_OK, OPEN), Connection.OpenOk),
    State("opening", tuned, on_0(OPEN), Connection.OpenOk, legal="open, right"),
    State("running", running, encode_method(99, Channel.Open()), Channel.OpenOk),
    State("closed by the client", left, on_0(BYE), Connection.CloseOk, instead=END),
    State("closed by the broker", refused, on_0(BYE), Connection.CloseOk, instead=END),
    State("silenced", silenced, on_0(BYE), Connection.CloseOk),
]

# --- states of a channel ---------------------------------------------------------------------------------


def with_a_queue(*methods, octets=b"", channel=1):
    """A way to a connection whose channel has a queue of its own and has said this."""

    def enter(broker):
        peer = broker.connect(channels=channel)
        peer.queue(channel=channel)
        for method in methods:
            peer.send(method)
            peer.frame(1)
        peer.send_octets(octets)
        return peer

    return enter


def unopened(broker):
    return broker.connect(channels=0)


def freed(broker):
    peer = broker.connect()
    peer.call(Channel.Close(200, "bye"), Channel.CloseOk())
    return peer


def closing(broker):
    peer = broker.connect()
    peer.send(Queue.Purge(queue="gone"))
    peer.expect(Channel.Close)
    return peer


LEAVING = {"channel.close on 1": b"", "channel.close-ok on 1": b""}  # the number may be free too early
COMPLETED = {f"{kind.name} on 1": b"" for kind in NAMING_A_QUEUE}  # closes the channel, sooner or later
FREE = LEAVING | COMPLETED | {"channel.open on 1": FLOW}
LEFT = COMPLETED | {"channel.open on 1": b"", "channel.close on 1": b"", "channel.close-ok on 1": ON_1 + FLOW}


def channel_state(name, enter, question=FLOW, instead=LEAVING, reopening=ON_1 + FLOW):
    legal = "channel.flow, active"
    return State(name, enter, question, Channel.FlowOk, legal, instead, (FLOW, FLOW), reopening)


CHANNEL_STATES = [
    channel_state("unopened", unopened, ON_1 + FLOW, FREE),
    channel_state("free again", freed, ON_1 + FLOW, FREE),
    channel_state("open", with_a_queue()),
    channel_state("with confirms", with_a_queue(Confirm.Select())),
    channel_state("in a transaction", with_a_queue(Tx.Select())),
    channel_state("consuming", with_a_queue(Basic.Consume(consumer_tag="t"))),
    channel_state("expecting a header", with_a_queue(octets=PUBLISH)),
    channel_state("expecting a body", with_a_queue(octets=PUBLISH + encode_header(1, 2, NO_FLAGS))),
    channel_state("closing", closing, FREE_AND_REOPEN, LEFT, FREE_AND_REOPEN),
]

# --- inputs ----------------------------------------------------------------------------------------------


def all_methods(channel):
    """Each method with its defaults; those that have a content with and without one."""
    for kind in METHODS.values():
        method = kind(exclusive=True) if kind is Queue.Declare else kind()  # or it would stay
        octets = encode_method(channel, method)
        yield Input(f"{kind.name} on {channel}", octets)
        if kind.has_content:
            content = encode_header(channel, 1, NO_FLAGS) + encode_frame(3, channel, b"x")
            yield Input(f"{kind.name} with its content on {channel}", octets + content)


def all_frames(channel):
    """What is no method, or no frame."""
    yield Input(f"a header on {channel}", encode_header(channel, 2, NO_FLAGS))
    yield Input(f"a header of nothing on {channel}", encode_header(channel, 0, NO_FLAGS))
    yield Input(f"a body on {channel}", encode_frame(3, channel, b"xy"))
    yield Input(f"an empty body on {channel}", encode_frame(3, channel, b""))
    yield Input(f"a heartbeat on {channel}", encode_frame(8, channel, b""))
    yield Input(f"a heartbeat with a payload on {channel}", encode_frame(8, channel, b"xx"))
    for kind in (0, 4, 65, 255):
        yield Input(f"a frame of type {kind} on {channel}", encode_frame(kind, channel, b"abc"))
    yield Input(f"a short method on {channel}", encode_frame(1, channel, b"\0\x0a"))
    yield Input(f"an unknown class on {channel}", encode_frame(1, channel, b"\x03\xe7\0\x0a"))
    yield Input(f"an unknown method on {channel}", encode_frame(1, channel, b"\0\x0a\x03\xe7"))
    yield Input(f"arguments cut short on {channel}", encode_frame(1, channel, b"\0\x3c\0\x50\0"))
    yield Input(f"arguments too long on {channel}", encode_frame(1, channel, b"\0\x14\0\x29\0"))


def no_frames(channel):
    """Octets that put an end to reading."""
    yield Input(f"a wrong end on {channel}", encode_frame(1, channel, b"\0\x14\0\x29")[:-1] + b"\0")
    yield Input(f"too large a frame on {channel}", b"\x01" + channel.to_bytes(2, "big") + b"\0\2\0\1abc")


RIGHT = [
    Input("start-ok, right", on_0(START_OK)),
    Input("secure-ok, right", on_0(SECURE_OK)),
    Input("tune-ok, right", on_0(TUNE_OK)),
    Input("open, right", on_0(OPEN)),
    Input("a protocol header", PROTOCOL_HEADER),
]
ON_CHANNEL_0 = [*all_methods(0), *all_frames(0), *no_frames(0), *no_frames(1), *RIGHT]
ON_CHANNEL_1 = [
    *all_methods(1),
    *all_frames(1),
    Input("channel.flow, active", FLOW),
    Input("a body longer than told", encode_frame(3, 1, b"xyz")),
]

# --- all of them -----------------------------------------------------------------------------------------


def inputs_of(state):
    if state in CHANNEL_STATES:
        return ON_CHANNEL_1
    return ON_CHANNEL_0 if state.name == "running" else [*ON_CHANNEL_0, *ON_CHANNEL_1]


@pytest.fixture(scope="module")
def told(rabbitmq, amqplab_server, unlimited_rabbitmq, unlimited_amqplab):
    """What every input leads to in every state, by (broker, state, input)."""
    usual = {"RabbitMQ": lambda: rabbitmq, "socket": lambda: amqplab_server, "in memory": InMemoryBroker}
    challenging = {
        "RabbitMQ": lambda: unlimited_rabbitmq,
        "socket": lambda: unlimited_amqplab,
        "in memory": lambda: InMemoryBroker(UNLIMITED_CONFIG),
    }
    return outcomes(
        (
            (name, state.name, said.name),
            lambda fresh=fresh, state=state, said=said: Trial(fresh(), state, said),
        )
        for state in (*CONNECTION_STATES, *CHANNEL_STATES)
        for said in inputs_of(state)
        for name, fresh in (challenging if state.name == "securing" else usual).items()
    )


@pytest.mark.parametrize("where", ["in memory", "socket"])
@pytest.mark.parametrize("state", [*CONNECTION_STATES, *CHANNEL_STATES], ids=lambda state: state.name)
def test_every_state_and_every_input(told, state, where):
    theirs, ours = (
        {said.name: told[broker, state.name, said.name] for said in inputs_of(state)}
        for broker in ("RabbitMQ", where)
    )
    found = differences(theirs, ours)
    assert not found, f"in state {state.name}:\n{found}"


# --- blocked ---------------------------------------------------------------------------------------------


def blocked(broker):
    peer = broker.connect()
    peer.publish("nowhere")
    peer.expect(Connection.Blocked)
    return peer


BLOCKED = State("blocked", blocked, encode_method(99, Channel.Open()), Channel.OpenOk)
QUIET_S = 0.3


def alarm(broker, active):
    words = ("set_vm_memory_high_watermark", "0" if active else "0.9")
    broker.operate(words, lambda ours, now: ours.set_alarm("memory", active, now))


def told_when_unblocked(broker):
    """What every input leads to when the alarm is over; before that, to nothing."""
    alarm(broker, True)
    try:
        with broker.connect() as witness:
            witness.expect_silence(1.2)  # until the news has got about
            trials = {said.name: Trial(broker, BLOCKED, said) for said in ON_CHANNEL_0}
            witness.expect_silence(QUIET_S)
        for trial in trials.values():
            trial.peer.expect_silence(0.001)
            assert not trial.peer.ended
    finally:
        alarm(broker, False)
    for trial in trials.values():
        trial.restart()
    return outcomes((name, lambda trial=trial: trial) for name, trial in trials.items())


@pytest.mark.parametrize("where", ["amqplab", "in_memory"])
def test_a_blocked_connection_and_every_input(request, operated_rabbitmq, where):
    theirs = told_when_unblocked(operated_rabbitmq)
    ours = told_when_unblocked(request.getfixturevalue(f"operated_{where}"))
    assert all("connection.unblocked" in lines[0] for lines in theirs.values())
    found = differences(theirs, ours)
    assert not found, found
