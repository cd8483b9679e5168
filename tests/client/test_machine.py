"""The protocol machine by itself: octets and time in, effects out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqplab.client.effects import (
    Blocked,
    CancelledByBroker,
    ChannelGone,
    CloseTransport,
    ConnectionGone,
    Delivered,
    Effect,
    Failed,
    FlowChanged,
    Opened,
    Replied,
    Returned,
    Send,
    Settled,
    Unblocked,
    WakeAt,
)
from amqplab.client.machine import ClientMachine
from amqplab.client.parameters import ConnectionParameters
from amqplab.client.states import (
    CHANNEL_TRANSITIONS,
    CONNECTION_TRANSITIONS,
    UNASKED,
    ChannelState,
    ConnectionState,
)
from amqplab.errors import (
    AccessRefused,
    ChannelError,
    CommandInvalid,
    ConnectionForced,
    ConnectionLost,
    FrameError,
    NotFound,
    UnexpectedFrame,
    UsageError,
)
from amqplab.wire.frames import (
    HEARTBEAT,
    encode_content,
    encode_frame,
    encode_header,
    encode_method,
)
from amqplab.wire.methods import (
    METHODS,
    Basic,
    Channel,
    Confirm,
    Connection,
    Method,
    Queue,
    Tx,
    decode_method,
)
from amqplab.wire.parser import FrameParser
from amqplab.wire.properties import NO_PROPERTIES, Properties

S = 1_000_000_000
NOTHING = NO_PROPERTIES.encode()
START = Connection.Start(mechanisms=b"PLAIN AMQPLAIN", locales=b"en_US")
LIMITS = {"channel_max": 2047, "frame_max": 131072, "heartbeat": 60}
TUNE = Connection.Tune(**LIMITS)


def tune(**changes: int) -> Connection.Tune:
    """connection.tune with some limits changed."""
    return Connection.Tune(**(LIMITS | changes))


def sent(effects: list[Effect]) -> list[tuple[int, Method]]:
    """(channel, method) of each method frame that the effects send."""
    parser = FrameParser(max_payload=0, header_possible=True)
    octets = b"".join(effect.data for effect in effects if isinstance(effect, Send))
    found = []
    for kind, channel, payload in parser.feed(octets):
        if kind == 1:
            found.append((channel, decode_method(payload)))
    return found


def news(effects: list[Effect]) -> list[Effect]:
    """What is not an order."""
    return [effect for effect in effects if not isinstance(effect, Send | WakeAt)]


def opened(**changes: Any) -> ClientMachine:
    """A machine whose connection is open, at time 0."""
    machine = ClientMachine(ConnectionParameters(**changes))
    machine.connected(0)
    for method in (START, TUNE, Connection.OpenOk()):
        machine.received(encode_method(0, method), 0)
    assert machine.state is ConnectionState.OPEN
    return machine


def with_channel(**changes: Any) -> ClientMachine:
    """The same with channel 1 open."""
    machine = opened(**changes)
    machine.open_channel(1, "open")
    assert news(hears(machine, 1, Channel.OpenOk())) == [Replied("open", Channel.OpenOk(), None)]
    return machine


def hears(machine: ClientMachine, channel: int, *methods: Method) -> list[Effect]:
    return machine.received(b"".join(encode_method(channel, method) for method in methods), 0)


# --- handshake -------------------------------------------------------------------------------------------


def test_the_handshake_in_order() -> None:
    machine = ClientMachine(ConnectionParameters(virtual_host="lab"))
    assert machine.connected(0)[0] == Send(b"AMQP\x00\x00\x09\x01")
    ((_, start_ok),) = sent(machine.received(encode_method(0, START), 0))
    assert (start_ok.mechanism, start_ok.response, start_ok.locale) == ("PLAIN", b"\0guest\0guest", "en_US")
    assert start_ok.client_properties["capabilities"]["consumer_cancel_notify"] is True
    assert sent(machine.received(encode_method(0, TUNE), 0)) == [
        (0, Connection.TuneOk(channel_max=2047, frame_max=131072, heartbeat=60)),
        (0, Connection.Open(virtual_host="lab")),
    ]
    assert news(machine.received(encode_method(0, Connection.OpenOk()), 0)) == [Opened()]


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [(0, 2047, 2047), (100, 2047, 100), (65535, 2047, 2047), (100, 0, 100), (0, 0, 0)],
)
def test_channel_max_is_negotiated(ours: int, theirs: int, agreed: int) -> None:
    machine = ClientMachine(ConnectionParameters(channel_max=ours))
    machine.connected(0)
    machine.received(encode_method(0, START), 0)
    effects = machine.received(encode_method(0, tune(channel_max=theirs)), 0)
    assert sent(effects)[0][1].channel_max == agreed


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [(None, 60, 60), (0, 60, 0), (5, 60, 5), (90, 60, 60), (5, 0, 5), (None, 0, 0)],
)
def test_the_heartbeat_is_negotiated_and_zero_means_off(ours: int | None, theirs: int, agreed: int) -> None:
    machine = ClientMachine(ConnectionParameters(heartbeat=ours))
    machine.connected(0)
    machine.received(encode_method(0, START), 0)
    effects = machine.received(encode_method(0, tune(heartbeat=theirs)), 0)
    assert sent(effects)[0][1].heartbeat == agreed


def test_a_mechanism_that_is_not_offered_ends_the_handshake_with_a_sentence() -> None:
    machine = ClientMachine(ConnectionParameters())
    machine.connected(0)
    effects = machine.received(encode_method(0, Connection.Start(mechanisms=b"EXTERNAL")), 0)
    (gone,) = [effect for effect in effects if isinstance(effect, ConnectionGone)]
    assert isinstance(gone.error, AccessRefused)
    assert "offers EXTERNAL, not PLAIN" in str(gone.error)


def test_a_server_of_another_version_is_told_apart() -> None:
    machine = ClientMachine(ConnectionParameters())
    machine.connected(0)
    effects = machine.received(b"AMQP\x00\x01\x00\x00", 0)
    error = next(effect.error for effect in effects if isinstance(effect, ConnectionGone))
    assert isinstance(error, ConnectionLost) and "0.1.0.0" in str(error)


def test_a_web_server_is_told_apart() -> None:
    machine = ClientMachine(ConnectionParameters())
    machine.connected(0)
    effects = machine.received(b"HTTP/1.1 400 Bad Request\r\n\r\n", 0)
    error = next(effect.error for effect in effects if isinstance(effect, ConnectionGone))
    assert isinstance(error, ConnectionLost) and "does not speak AMQP" in str(error)


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        ([], "is it an AMQP broker"),
        ([START], "user name or password"),
        ([START, TUNE], "refused one of the limits"),
    ],
)
def test_a_silent_hang_up_during_the_handshake_is_guessed_at(heard: list[Method], words: str) -> None:
    machine = ClientMachine(ConnectionParameters())
    machine.connected(0)
    for method in heard:
        machine.received(encode_method(0, method), 0)
    (effect,) = news(machine.disconnected(0, "reset"))
    assert isinstance(effect, ConnectionGone)
    assert words in str(effect.error) and "(reset)" in str(effect.error)


def test_a_handshake_that_does_not_end_is_ended() -> None:
    machine = ClientMachine(ConnectionParameters(stack_timeout=2.5))
    assert machine.connected(0)[-1] == WakeAt(2_500_000_000)
    assert machine.tick(2_499_999_999) == [WakeAt(2_500_000_000)]
    effects = machine.tick(2_500_000_000)
    assert effects[-1] == CloseTransport(abort=True)
    assert "within 2.5 s (waiting for connection.start)" in str(machine.error)


# --- the legality tables ---------------------------------------------------------------------------------

CONTENT = {Basic.Deliver, Basic.Return, Basic.GetOk}
BY_SERVER = [kind for kind in METHODS.values() if kind.sent_by in ("server", "both")]


def in_state(state: ConnectionState) -> ClientMachine:
    machine = ClientMachine(ConnectionParameters())
    machine.connected(0)
    for method in (START, TUNE, Connection.OpenOk()):
        if machine.state is not state:
            machine.received(encode_method(0, method), 0)
    if state is ConnectionState.CLOSING:
        machine.close(200, "bye", 0, None)
    assert machine.state is state
    return machine


@pytest.mark.parametrize("kind", [kind for kind in METHODS.values() if kind.class_id == 10])
@pytest.mark.parametrize(
    "state", [state for state in ConnectionState if state.name not in ("IDLE", "CLOSED")]
)
def test_each_connection_method_in_each_state_does_what_the_table_says(
    state: ConnectionState, kind: type[Method]
) -> None:
    machine = in_state(state)
    method = START if kind is Connection.Start else TUNE if kind is Connection.Tune else kind()
    effects = machine.received(encode_method(0, method), 0)
    following = CONNECTION_TRANSITIONS.get((state, kind))
    if kind is Connection.Secure and following is not None:
        following = ConnectionState.CLOSED  # none of our mechanisms has a second round
    if following is None:
        assert isinstance(machine.error, CommandInvalid)
        assert sent(effects)[-1][1].reply_code == 503
        following = ConnectionState.CLOSED
    assert machine.state is following


@pytest.mark.parametrize("kind", [kind for kind in BY_SERVER if kind.class_id != 10 and kind not in CONTENT])
@pytest.mark.parametrize("state", [ChannelState.OPENING, ChannelState.OPEN, ChannelState.CLOSING])
def test_each_channel_method_in_each_state_does_what_the_table_says(
    state: ChannelState, kind: type[Method]
) -> None:
    machine = opened()
    machine.open_channel(1, "open")
    if state is not ChannelState.OPENING:
        hears(machine, 1, Channel.OpenOk())
    if state is ChannelState.CLOSING:
        machine.close_channel(1, 200, "bye", "close")
    channel = machine.channels[1]
    hears(machine, 1, kind())
    following = CHANNEL_TRANSITIONS.get((state, kind))
    if following is not None:
        assert channel.state is following
        assert (1 in machine.channels) is (following is not ChannelState.CLOSED)
    elif kind in UNASKED and kind not in (Basic.Ack, Basic.Nack):
        assert channel.state is state
    else:  # a reply that nobody asked for, or a confirm without confirm mode
        assert isinstance(machine.error, CommandInvalid)


def test_a_frame_on_a_channel_that_is_not_open_ends_the_connection() -> None:
    machine = opened()
    effects = hears(machine, 7, Queue.DeclareOk(queue="q", message_count=0, consumer_count=0))
    assert isinstance(machine.error, ChannelError)
    assert sent(effects)[0][1].reply_code == 504


# --- requests and replies --------------------------------------------------------------------------------


def test_replies_are_told_apart_by_their_method_not_by_their_place() -> None:
    machine = with_channel()
    machine.request(1, Basic.Consume(queue="q", consumer_tag="t"), "consume")
    machine.request(1, Queue.Purge(queue="q"), "purge")
    deliver = encode_content(
        1, Basic.Deliver(consumer_tag="t", delivery_tag=1, exchange="", routing_key="q"), NOTHING, b"hi", 0
    )
    octets = (
        encode_method(1, Basic.ConsumeOk(consumer_tag="t"))
        + deliver
        + encode_method(1, Basic.Cancel(consumer_tag="t", nowait=True))
        + encode_method(1, Queue.PurgeOk(message_count=3))
    )
    consumed, delivered, cancelled, purged = news(machine.received(octets, 0))
    assert consumed == Replied("consume", Basic.ConsumeOk(consumer_tag="t"), None)
    assert isinstance(delivered, Delivered) and delivered.command.body == b"hi"
    assert cancelled == CancelledByBroker(1, "t")
    assert purged == Replied("purge", Queue.PurgeOk(message_count=3), None)


def test_the_broker_s_cancel_is_not_answered() -> None:
    machine = with_channel()
    assert sent(hears(machine, 1, Basic.Cancel(consumer_tag="t", nowait=True))) == []


def test_a_fetched_message_comes_with_its_content() -> None:
    machine = with_channel()
    machine.request(1, Basic.Get(queue="q"), "get")
    get_ok = Basic.GetOk(delivery_tag=1, redelivered=False, exchange="", routing_key="q", message_count=0)
    properties = Properties(content_type="text/plain")
    (replied,) = news(machine.received(encode_content(1, get_ok, properties, b"x" * 10000, 4096), 0))
    assert isinstance(replied, Replied) and replied.command is not None
    assert (replied.method, replied.command.properties) == (get_ok, properties)
    assert replied.command.body == b"x" * 10000


def test_a_request_with_nowait_waits_for_nothing() -> None:
    machine = with_channel()
    machine.request(1, Queue.Declare(queue="q", nowait=True), "declare")
    machine.request(1, Queue.Purge(queue="q"), "purge")
    assert news(hears(machine, 1, Queue.PurgeOk(message_count=0)))[0].call == "purge"  # type: ignore[union-attr]


def test_the_broker_s_flow_is_answered() -> None:
    machine = with_channel()
    effects = hears(machine, 1, Channel.Flow(active=False))
    assert sent(effects) == [(1, Channel.FlowOk(active=False))]
    assert news(effects) == [FlowChanged(1, False)]


def test_channel_numbers_are_the_lowest_free_ones_and_end_somewhere() -> None:
    machine = opened(channel_max=3)
    numbers = [machine.open_channel(None, None)[0] for _ in range(3)]
    assert numbers == [1, 2, 3]
    with pytest.raises(UsageError, match="All 3 channels"):
        machine.open_channel(None, None)
    hears(machine, 2, Channel.OpenOk())
    machine.close_channel(2, 200, "", None)
    with pytest.raises(UsageError):  # the number is free only when close-ok has come (CLIENT-08)
        machine.open_channel(None, None)
    hears(machine, 2, Channel.CloseOk())
    assert machine.open_channel(None, None)[0] == 2


@pytest.mark.parametrize("number", [0, -1, 65536, "1", 1.0])
def test_a_channel_number_must_be_one(number: Any) -> None:
    with pytest.raises(UsageError, match="from 1 to 65535"):
        opened().open_channel(number, None)


def test_nothing_is_sent_before_open_or_after_the_end() -> None:
    machine = ClientMachine(ConnectionParameters())
    with pytest.raises(UsageError, match="not connected"):
        machine.open_channel(None, None)
    machine = opened()
    machine.disconnected(0, "reset")
    with pytest.raises(UsageError, match="was lost"):
        machine.open_channel(None, None)
    with pytest.raises(UsageError):
        machine.send_raw(b"x")


def test_a_request_larger_than_a_frame_is_refused_locally() -> None:
    machine = with_channel(frame_max=4096)
    with pytest.raises(UsageError, match="4088"):
        machine.request(1, Queue.Declare(queue="q", arguments={"x": "y" * 5000}), None)
    with pytest.raises(UsageError, match="body"):
        machine.publish(1, Basic.Publish(), Properties(headers={"x": "y" * 5000}).encode(), b"")
    assert machine.request(1, Queue.Declare(queue="q"), "fine")


def test_the_largest_header_that_fits_is_sent() -> None:
    machine = with_channel(frame_max=4096)
    fits = b"\x00\x00" + b"p" * (4096 - 8 - 12 - 2)
    machine.publish(1, Basic.Publish(), fits, b"")
    with pytest.raises(UsageError):
        machine.publish(1, Basic.Publish(), fits + b"p", b"")


@given(size=st.integers(0, 20000), frame_max=st.sampled_from([4096, 4097, 8192, 131072]))
@settings(max_examples=60)
def test_no_body_frame_exceeds_the_agreed_size_and_none_is_empty(size: int, frame_max: int) -> None:
    machine = with_channel(frame_max=frame_max)
    _, effects = machine.publish(1, Basic.Publish(), NOTHING, b"x" * size)
    octets = b"".join(effect.data for effect in effects if isinstance(effect, Send))
    bodies = [payload for kind, _, payload in FrameParser(frame_max).feed(octets) if kind == 3]
    assert sum(map(len, bodies)) == size
    assert all(0 < len(payload) <= frame_max - 8 for payload in bodies)


# --- closing, from both sides ----------------------------------------------------------------------------


def test_our_close_ends_with_close_ok() -> None:
    machine = with_channel()
    assert sent(machine.close(200, "bye", 0, "close"))[0][1].reply_text == "bye"
    with pytest.raises(UsageError, match="close-ok"):
        machine.open_channel(None, None)
    effects = hears(machine, 0, Connection.CloseOk())
    assert ChannelGone(1, None) in effects
    assert Replied("close", Connection.CloseOk(), None) in effects
    assert ConnectionGone(None) in effects
    assert effects[-1] == CloseTransport(abort=False)


def test_a_reset_instead_of_close_ok_will_do() -> None:
    machine = opened()
    machine.close(200, "bye", 0, "close")
    effects = machine.disconnected(0, "reset")
    assert Replied("close", Connection.CloseOk(), None) in effects
    assert ConnectionGone(None) in effects


def test_a_close_that_is_not_answered_is_given_up() -> None:
    machine = opened(heartbeat=0)
    assert machine.close(200, "bye", 5 * S, "close")[-1] == WakeAt(15 * S)
    effects = machine.tick(15 * S)
    assert ConnectionGone(None) in effects and effects[-1] == CloseTransport(abort=True)


def test_the_broker_s_close_is_answered_and_fails_what_waits() -> None:
    machine = with_channel()
    machine.request(1, Queue.Purge(queue="q"), "purge")
    close = Connection.Close(
        reply_code=320, reply_text="CONNECTION_FORCED - shutdown", class_id=0, method_id=0
    )
    effects = hears(machine, 0, close)
    assert sent(effects) == [(0, Connection.CloseOk())]
    (failed,) = [effect for effect in effects if isinstance(effect, Failed)]
    assert failed.call == "purge" and isinstance(failed.error, ConnectionForced)
    assert effects[-1] == CloseTransport(abort=False)


def test_both_may_close_the_connection_at_once() -> None:
    machine = opened()
    machine.close(200, "bye", 0, "close")
    close = Connection.Close(reply_code=320, reply_text="CONNECTION_FORCED - x", class_id=0, method_id=0)
    assert sent(hears(machine, 0, close)) == [(0, Connection.CloseOk())]
    effects = hears(machine, 0, Connection.CloseOk())
    assert Replied("close", Connection.CloseOk(), None) in effects


NO_QUEUE = Channel.Close(
    reply_code=404, reply_text="NOT_FOUND - no queue 'q' in vhost '/'", class_id=50, method_id=10
)


def test_the_broker_s_channel_close_is_answered_and_fails_what_waits() -> None:
    machine = with_channel()
    machine.request(1, Queue.Declare(queue="q", passive=True), "declare")
    machine.request(1, Queue.Purge(queue="q"), "purge")
    effects = hears(machine, 1, NO_QUEUE)
    assert sent(effects) == [(1, Channel.CloseOk())]
    failed = [(effect.call, type(effect.error)) for effect in effects if isinstance(effect, Failed)]
    assert failed == [("declare", NotFound), ("purge", NotFound)]
    assert machine.state is ConnectionState.OPEN and 1 not in machine.channels


def test_both_may_close_a_channel_at_once_and_the_number_waits_for_close_ok() -> None:
    machine = with_channel()
    machine.close_channel(1, 200, "bye", "close")
    assert sent(hears(machine, 1, NO_QUEUE)) == [(1, Channel.CloseOk())]
    assert machine.open_channel(None, None)[0] == 2
    effects = news(hears(machine, 1, Channel.CloseOk()))
    assert effects[0] == Replied("close", Channel.CloseOk(), None)
    assert isinstance(effects[1], ChannelGone) and isinstance(effects[1].error, NotFound)
    assert machine.open_channel(None, None)[0] == 1


def test_deliveries_behind_our_channel_close_are_dropped() -> None:
    machine = with_channel()
    machine.close_channel(1, 200, "bye", "close")
    deliver = Basic.Deliver(consumer_tag="t", delivery_tag=1, exchange="", routing_key="q")
    assert news(machine.received(encode_content(1, deliver, NOTHING, b"hi", 0), 0)) == []
    with pytest.raises(UsageError):
        machine.request(1, Queue.Purge(queue="q"), None)


def test_closing_with_calls_under_way_fails_them_as_a_mistake() -> None:
    machine = with_channel()
    machine.request(1, Queue.Purge(queue="q"), "purge")
    machine.close(200, "bye", 0, "close")
    (failed,) = [e for e in hears(machine, 0, Connection.CloseOk()) if isinstance(e, Failed)]
    assert failed.call == "purge" and isinstance(failed.error, UsageError)


# --- confirms, returns, transactions ---------------------------------------------------------------------


def publish(machine: ClientMachine, key: str = "q", mandatory: bool = False) -> int:
    return machine.publish(1, Basic.Publish(routing_key=key, mandatory=mandatory), NOTHING, b"hi")[0]


def test_publishes_are_counted_from_confirm_select_on() -> None:
    machine = with_channel()
    assert publish(machine) == 0
    machine.request(1, Confirm.Select(), "select")
    assert [publish(machine), publish(machine)] == [1, 2]  # before select-ok: the broker counts them too
    hears(machine, 1, Confirm.SelectOk())
    machine.request(1, Confirm.Select(), "again")
    assert publish(machine) == 3


def test_multiple_confirms_are_resolved() -> None:
    machine = with_channel()
    machine.request(1, Confirm.Select(), "select")
    hears(machine, 1, Confirm.SelectOk())
    for _ in range(6):
        publish(machine)
    effects = hears(
        machine,
        1,
        Basic.Ack(delivery_tag=2, multiple=False),
        Basic.Ack(delivery_tag=4, multiple=True),
        Basic.Nack(delivery_tag=5, multiple=False, requeue=True),
        Basic.Ack(delivery_tag=0, multiple=True),
        Basic.Ack(delivery_tag=6, multiple=False),  # once more: settled already
    )
    assert news(effects) == [
        Settled(1, (2,), True),
        Settled(1, (1, 3, 4), True),
        Settled(1, (5,), False),
        Settled(1, (6,), True),
    ]


def test_a_return_is_matched_with_the_oldest_publish_like_it() -> None:
    machine = with_channel()
    machine.request(1, Confirm.Select(), "select")
    for key in ("a", "b", "a"):
        publish(machine, key, mandatory=True)
    back = Basic.Return(reply_code=312, reply_text="NO_ROUTE", exchange="", routing_key="a")
    octets = encode_content(1, back, NOTHING, b"hi", 0)
    hears(machine, 1, Confirm.SelectOk())
    found = [
        effect.sequence for effect in news(machine.received(octets * 3, 0)) if isinstance(effect, Returned)
    ]
    assert found == [1, 3, 0]


def test_nothing_may_follow_an_unanswered_commit() -> None:
    machine = with_channel()
    machine.request(1, Tx.Select(), "select")
    hears(machine, 1, Tx.SelectOk())
    machine.request(1, Tx.Commit(), "commit")
    with pytest.raises(UsageError, match="TX-10"):
        publish(machine)
    hears(machine, 1, Tx.CommitOk())
    publish(machine)


# --- heartbeats and blocking -----------------------------------------------------------------------------


def test_a_heartbeat_goes_out_when_nothing_else_did_for_half_an_interval() -> None:
    machine = opened(heartbeat=10)
    assert machine.tick(5 * S) == [WakeAt(10 * S)]  # tune-ok and open went out meanwhile
    machine.received(HEARTBEAT, 6 * S)
    assert machine.tick(10 * S) == [Send(HEARTBEAT), WakeAt(15 * S)]
    machine.send_raw(HEARTBEAT)
    machine.received(HEARTBEAT, 11 * S)
    assert machine.tick(15 * S) == [WakeAt(20 * S)]
    assert machine.tick(20 * S) == [Send(HEARTBEAT), WakeAt(25 * S)]


def test_a_broker_silent_for_two_intervals_is_taken_for_dead() -> None:
    machine = opened(heartbeat=10)
    machine.received(HEARTBEAT[:3], 3 * S)  # any octets are a sign of life
    for moment in (5, 10, 15, 20):
        machine.tick(moment * S)
    assert machine.tick(20 * S + 1)[-1] == WakeAt(23 * S)
    effects = machine.tick(23 * S)
    assert effects[-1] == CloseTransport(abort=True)
    assert isinstance(machine.error, ConnectionLost) and "two heartbeat timeouts of 10 s" in str(
        machine.error
    )


def test_without_heartbeats_no_timer_is_set() -> None:
    machine = ClientMachine(ConnectionParameters(heartbeat=0))
    machine.connected(0)
    for method in (START, TUNE):
        machine.received(encode_method(0, method), 0)
    assert machine.received(encode_method(0, Connection.OpenOk()), 0)[-1] == WakeAt(None)


def test_blocked_and_unblocked_are_told() -> None:
    machine = opened()
    assert news(hears(machine, 0, Connection.Blocked(reason="low on memory"))) == [Blocked("low on memory")]
    assert machine.blocked == "low on memory"
    assert news(hears(machine, 0, Connection.Unblocked())) == [Unblocked()]
    assert machine.blocked is None


def test_a_connection_blocked_for_too_long_is_given_up_if_so_wished() -> None:
    machine = opened(heartbeat=0, blocked_connection_timeout=3)
    assert hears(machine, 0, Connection.Blocked(reason="low on disk"))[-1] == WakeAt(3 * S)
    assert machine.tick(3 * S)[-1] == CloseTransport(abort=True)
    assert "low on disk" in str(machine.error)


# --- nonsense, in and out --------------------------------------------------------------------------------


def test_nonsense_can_be_sent_on_purpose_and_its_answers_are_dropped() -> None:
    machine = with_channel()
    octets = encode_method(1, Queue.Declare(queue="q")) + encode_method(9, Channel.Open())
    assert machine.send_raw(octets) == [Send(octets)]
    declared = Queue.DeclareOk(queue="q", message_count=0, consumer_count=0)
    assert news(hears(machine, 1, declared) + hears(machine, 9, Channel.OpenOk())) == []
    assert machine.state is ConnectionState.OPEN


@pytest.mark.parametrize(
    ("octets", "error", "code"),
    [
        (b"\x01\x00\x01\x00\x00\x00\x04\x00\x3c\x00\x15\xcf", FrameError, 501),
        (encode_frame(1, 1, b"\x00\x3c\x00\x63"), FrameError, 501),
        (encode_frame(1, 1, b"\x00\x3c\x00\x15\x05a"), FrameError, 501),
        (encode_frame(3, 1, b"body"), UnexpectedFrame, 505),
        (encode_frame(2, 0, b"x" * 14), CommandInvalid, 503),
        (encode_method(1, Basic.Deliver()) + encode_header(1, 0, b"\x80\x00"), FrameError, 501),
    ],
)
def test_a_broker_that_breaks_the_rules_is_told_which(octets: bytes, error: type, code: int) -> None:
    machine = with_channel()
    effects = machine.received(octets, 0)
    assert isinstance(machine.error, error)
    assert sent(effects)[-1][1].reply_code == code
    assert effects[-1] == CloseTransport(abort=False)
    assert machine.received(b"more", 0) == []


@given(st.lists(st.binary(max_size=40), max_size=6), st.sampled_from(["fresh", "open", "channel"]))
@settings(max_examples=300)
def test_no_octets_at_all_make_the_machine_raise(pieces: list[bytes], stage: str) -> None:
    machine = ClientMachine(ConnectionParameters()) if stage == "fresh" else with_channel()
    if stage == "fresh":
        machine.connected(0)
    for piece in pieces:
        assert isinstance(machine.received(piece, 0), list)
    machine.tick(10**12)
    machine.disconnected(10**12, "end")
    assert machine.state is ConnectionState.CLOSED


FRAMES = st.one_of(
    st.sampled_from([kind for kind in METHODS.values() if kind.sent_by != "client"]).map(
        lambda kind: encode_method(0 if kind.class_id == 10 else 1, kind())
    ),
    st.tuples(st.sampled_from([1, 2, 3, 8]), st.integers(0, 2), st.binary(max_size=30)).map(
        lambda parts: encode_frame(*parts)
    ),
)


@given(st.lists(FRAMES, max_size=8))
@settings(max_examples=300)
def test_no_frames_at_all_make_the_machine_raise(frames: list[bytes]) -> None:
    machine = with_channel()
    machine.request(1, Queue.Purge(queue="q"), "purge")
    for frame in frames:
        machine.received(frame, 0)


def test_octets_in_any_pieces_give_the_same_effects() -> None:
    deliver = Basic.Deliver(consumer_tag="t", delivery_tag=1, exchange="", routing_key="q")
    octets = (
        encode_method(1, Channel.OpenOk())
        + encode_content(1, deliver, NOTHING, b"x" * 50, 0)
        + HEARTBEAT
        + encode_method(1, NO_QUEUE)
        + encode_method(0, Connection.Blocked(reason="low on memory"))
    )

    def run(size: int) -> list[str]:
        machine = opened()
        machine.open_channel(1, "open")
        effects: list[Effect] = []
        for at in range(0, len(octets), size):
            effects += machine.received(octets[at : at + size], 0)
        return [repr(effect) for effect in effects if not isinstance(effect, WakeAt | Send)]

    whole = run(len(octets))
    assert len(whole) == 4
    assert all(run(size) == whole for size in (1, 2, 3, 7, 20))
