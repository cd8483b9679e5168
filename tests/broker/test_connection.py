"""Channel 0 of a running connection: errors, heartbeats, endings (CODEC, CONN-38 … CONN-66)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from broker_peer import Peer, World

from amqplab.broker.config import BrokerConfig, Permission, User
from amqplab.wire import methods as m
from amqplab.wire.frames import (
    FRAME_BODY,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    HEARTBEAT,
    PROTOCOL_HEADER,
    encode_frame,
    encode_header,
    encode_method,
)

PUBLISH = m.Basic.Publish(exchange="", routing_key="q")


def closed_with(peer: Peer) -> tuple[int, str, tuple[int, int]]:
    """(code, text, ids) of the connection.close that came, and nothing else did."""
    ((channel, close),) = peer.drain()
    assert channel == 0 and isinstance(close, m.Connection.Close)
    return close.reply_code, close.reply_text, (close.class_id, close.method_id)


@pytest.mark.parametrize(
    ("frame", "code", "text"),
    [
        (encode_frame(4, 0, b"abc"), 501, 'FRAME_ERROR - type 4, all octets = <<"abc">>: unknown_frame'),
        (encode_frame(9, 1, b"\x00"), 501, "FRAME_ERROR - type 9, all octets = <<0>>: unknown_frame"),
        (
            encode_frame(7, 1, bytes(range(20))),
            501,
            "FRAME_ERROR - type 7, first 16 octets = <<0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15>>: "
            "unknown_frame",
        ),
        (encode_frame(1, 1, b"\x00\x0a"), 501, "FRAME_ERROR - type 1, all octets = <<0,10>>: unknown_frame"),
        (encode_frame(8, 0, b"xx"), 501, 'FRAME_ERROR - type 8, all octets = <<"xx">>: unknown_frame'),
        (encode_frame(8, 1, b""), 505, "UNEXPECTED_FRAME - type 8, all octets = <<>>"),
        (encode_frame(3, 0, b"x"), 505, 'UNEXPECTED_FRAME - type 3, all octets = <<"x">>'),
        (
            PROTOCOL_HEADER,
            501,
            "FRAME_ERROR - type 65, all octets = <<>>: {frame_too_large,1342177289,131064}",
        ),
        (
            b"\x01\x00\x01\x00\x00\x00\x02ab\x00",
            501,
            'FRAME_ERROR - type 1, all octets = <<"ab">>: {invalid_frame_end_marker,0}',
        ),
    ],
)
def test_what_is_no_frame_or_in_the_wrong_place(peer: Peer, frame: bytes, code: int, text: str) -> None:
    peer.octets(frame)
    assert closed_with(peer) == (code, text, (0, 0))


def test_a_header_frame_on_channel_0(peer: Peer) -> None:
    peer.octets(encode_header(0, 5, b"\x00\x00"))
    code, text, ids = closed_with(peer)
    assert (code, ids) == (505, (0, 0))
    assert text.startswith("UNEXPECTED_FRAME - type 2, all octets = <<0,60,0,0,")


@pytest.mark.parametrize("broken", [b"\x01\x00\x01\x00\x00\x00\x00\x00", b"\x01\x00\x01\xff\xff\xff\xff"])
def test_after_a_fatal_frame_nothing_is_read_and_the_reset_comes_in_three_seconds(
    world: World, peer: Peer, broken: bytes
) -> None:
    peer.octets(broken)
    assert closed_with(peer)[0] == 501
    peer.send(0, m.Connection.CloseOk())
    world.sleep(2.999)
    assert peer.closed is None
    world.sleep(0.001)
    assert peer.closed is not None


def test_a_payload_of_exactly_frame_max_is_tolerated(world: World) -> None:
    peer = world.connect(frame_max=4096)
    peer.channel(1)
    peer.octets(encode_method(1, PUBLISH) + encode_header(1, 4096, b"\x00\x00"))
    peer.octets(encode_frame(FRAME_BODY, 1, bytes(4096)))
    assert peer.drain() == []
    peer.octets(encode_method(1, PUBLISH) + encode_header(1, 4097, b"\x00\x00"))
    peer.octets(encode_frame(FRAME_BODY, 1, bytes(4097)))
    assert closed_with(peer)[1] == ("FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,4097,4088}")


UNEXPECTED = "UNEXPECTED_FRAME - expected "


@pytest.mark.parametrize(
    ("frames", "text", "ids"),
    [
        ([encode_header(1, 5, b"\x00\x00")], "method frame, got non method frame instead", (0, 0)),
        ([encode_frame(FRAME_BODY, 1, b"x")], "method frame, got non method frame instead", (0, 0)),
        (
            [encode_method(1, PUBLISH), encode_method(1, PUBLISH)],
            "content header for class 60, got non content header frame instead",
            (60, 40),
        ),
        (
            [encode_method(1, PUBLISH), encode_header(1, 5, b"\x00\x00", class_id=50)],
            "content header for class 60, got one for class 50 instead",
            (60, 40),
        ),
        (
            [encode_method(1, PUBLISH), encode_header(1, 5, b"\x00\x00", weight=1)],
            "content header for class 60, got non content header frame instead",
            (60, 40),
        ),
        (
            [encode_method(1, PUBLISH), encode_header(1, 5, b"\x00\x00"), encode_method(1, PUBLISH)],
            "content body, got non content body frame instead",
            (60, 40),
        ),
        (
            [
                encode_method(1, PUBLISH),
                encode_header(1, 1, b"\x00\x00"),
                encode_frame(FRAME_BODY, 1, b"xx"),
                encode_method(1, m.Tx.Select()),
            ],
            "content body, got non content body frame instead",
            (60, 40),
        ),
        (
            [
                encode_method(1, PUBLISH),
                encode_header(1, 0, b"\x00\x00"),
                encode_frame(FRAME_BODY, 1, b""),
            ],
            "method frame, got non method frame instead",
            (0, 0),
        ),
    ],
)
def test_content_out_of_place(peer: Peer, frames: list[bytes], text: str, ids: tuple[int, int]) -> None:
    peer.octets(b"".join(frames))
    assert closed_with(peer) == (505, UNEXPECTED + text, ids)


def test_other_channels_and_heartbeats_may_come_between_the_frames_of_a_content(peer: Peer) -> None:
    peer.channel(2)
    peer.declare("q")
    peer.octets(
        encode_method(1, PUBLISH)
        + HEARTBEAT
        + encode_method(2, PUBLISH)
        + encode_header(1, 4, b"\x00\x00")
        + encode_header(2, 1, b"\x00\x00")
        + encode_frame(FRAME_BODY, 1, b"on")
        + encode_frame(FRAME_BODY, 2, b"2")
        + encode_frame(FRAME_BODY, 1, b"")
        + encode_frame(FRAME_BODY, 1, b"e!")
    )
    peer.consume("q", no_ack=True) and None
    peer.send(1, m.Basic.Cancel(consumer_tag="t"))
    assert peer.declare("q").message_count == 0


@pytest.mark.parametrize(
    ("method", "cut", "text"),
    [
        (m.Queue.Purge(queue="q"), -2, "FRAME_ERROR - cannot decode <<0,0,1>>"),
        (m.Basic.Ack(delivery_tag=1), -1, "FRAME_ERROR - cannot decode <<0,0,0,0,0,0,0,1>>"),
    ],
)
def test_missing_argument_octets(peer: Peer, method: m.Method, cut: int, text: str) -> None:
    peer.octets(encode_frame(FRAME_METHOD, 1, method.encode()[:cut]))
    assert closed_with(peer) == (501, text, method.ids)


def test_left_over_argument_octets(peer: Peer) -> None:
    peer.octets(encode_frame(FRAME_METHOD, 1, m.Basic.Ack(delivery_tag=1).encode() + b"!"))
    assert closed_with(peer) == (501, "FRAME_ERROR - cannot decode <<0,0,0,0,0,0,0,1,0,33>>", (60, 80))


def test_publish_arguments_are_judged_before_any_content_came(peer: Peer) -> None:
    peer.octets(encode_frame(FRAME_METHOD, 1, PUBLISH.encode()[:-1]))
    assert closed_with(peer)[0] == 501


def test_text_that_is_not_utf8(peer: Peer) -> None:
    peer.send(1, m.Queue.Declare(queue="\udcff"))
    assert closed_with(peer) == (501, "FRAME_ERROR - Malformed UTF-8 in shortstr", (0, 0))


def test_basic_publish_may_have_any_octets_as_names(peer: Peer) -> None:
    peer.publish(key="\udcff", mandatory=True)
    (returned,) = peer.on()
    assert returned.method.routing_key == "\udcff"


def test_a_table_that_cannot_be_read_crashes_the_connection(peer: Peer) -> None:
    arguments = b"\x00\x00\x00\x04\x01aU\x01"
    payload = m.Queue.Declare(queue="q").encode()[:-4] + arguments
    peer.octets(encode_frame(FRAME_METHOD, 1, payload))
    assert peer.drain() == []
    assert peer.closed is not None


@pytest.mark.parametrize("payload", [b"\x00\x63\x00\x0a", b"\x00\x3c\x00\x63", b"\x00\x0a\x00\x01abc"])
@pytest.mark.parametrize("channel", [0, 1, 9])
def test_an_unknown_method_resets_at_once(peer: Peer, payload: bytes, channel: int) -> None:
    peer.octets(encode_frame(FRAME_METHOD, channel, payload))
    assert peer.drain() == []
    assert peer.closed is not None and peer.closed.abort


@pytest.mark.parametrize(
    "method",
    [
        m.Connection.Open(virtual_host="/"),
        m.Connection.TuneOk(),
        m.Connection.Start(),
        m.Connection.Blocked(),
        m.Connection.CloseOk(),
        m.Channel.Open(),
        m.Basic.Publish(),
        m.Queue.Declare(queue="q"),
    ],
)
def test_unexpected_methods_on_channel_0(peer: Peer, method: m.Method) -> None:
    peer.send(0, method)
    assert closed_with(peer) == (
        504,
        "CHANNEL_ERROR - unexpected method in connection state running",
        method.ids,
    )


@pytest.mark.parametrize(
    "method",
    [
        m.Connection.Open(virtual_host="/"),
        m.Connection.Close(),
        m.Queue.DeclareOk(queue="q"),
        m.Basic.CancelOk(consumer_tag="t"),
        m.Channel.FlowOk(active=True),
        m.Channel.CloseOk(),
        m.Exchange.BindOk(),
    ],
)
def test_methods_that_nobody_may_send_on_a_channel(peer: Peer, method: m.Method) -> None:
    peer.send(1, method)
    assert closed_with(peer) == (503, "COMMAND_INVALID - unimplemented method", method.ids)


def test_a_deliver_from_a_client(peer: Peer) -> None:
    peer.octets(encode_method(1, m.Basic.Deliver(consumer_tag="t")) + encode_header(1, 0, b"\x00\x00"))
    assert closed_with(peer) == (503, "COMMAND_INVALID - unimplemented method", (60, 60))


def test_channel_max_limits_the_count_not_the_numbers(world: World) -> None:
    peer = world.connect(channel_max=2)
    peer.channel(6)
    peer.channel(65535)
    peer.send(3, m.Channel.Open())
    assert closed_with(peer) == (
        530,
        "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)",
        (0, 0),
    )


def test_the_channel_limit_of_a_user() -> None:
    user = User("u", "u", permissions={"/": Permission()}, max_channels=1)
    world = World(BrokerConfig(users=(user,)))
    world.connect("other:1", user="u", password="u").channel(1)
    peer = world.connect(user="u", password="u")
    peer.send(1, m.Channel.Open())
    assert closed_with(peer) == (
        530,
        "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed "
        "user limit of (1)",
        (0, 0),
    )


def test_update_secret_is_confirmed(peer: Peer) -> None:
    assert peer.call(0, m.Connection.UpdateSecret(new_secret=b"x", reason="r")) == (
        m.Connection.UpdateSecretOk()
    )


# --- heartbeats ---------------------------------------------------------------------------------------------


def heartbeats(peer: Peer) -> int:
    return sum(1 for _, what in peer.drain() if what == "heartbeat")


def test_the_broker_beats_every_half_interval_when_it_has_nothing_to_say(world: World) -> None:
    peer = world.connect(heartbeat=4)
    world.sleep(1.999)
    assert heartbeats(peer) == 0
    world.sleep(0.001)
    assert heartbeats(peer) == 1
    peer.octets(HEARTBEAT)
    world.sleep(6)
    assert heartbeats(peer) == 3


def test_other_octets_replace_a_heartbeat(world: World) -> None:
    peer = world.connect(heartbeat=4)
    world.sleep(2)
    peer.drain()
    world.sleep(1)
    peer.channel(1)
    world.sleep(1)
    assert heartbeats(peer) == 0
    world.sleep(2)
    assert heartbeats(peer) == 1


@pytest.mark.parametrize("interval", [1, 2, 60])
def test_a_client_silent_from_the_start_is_dropped_at_three_intervals(world: World, interval: int) -> None:
    peer = world.connect(heartbeat=interval)
    world.sleep(3 * interval - 0.001)
    assert peer.closed is None
    world.sleep(0.001)
    assert peer.closed is not None and peer.closed.abort
    assert all(what == "heartbeat" for _, what in peer.drain())


def test_any_octets_count_as_life(world: World) -> None:
    peer = world.connect(heartbeat=2)
    for _ in range(10):
        world.sleep(3)
        peer.octets(b"\x08")  # not even a whole frame
        world.sleep(0.5)
        peer.octets(HEARTBEAT[1:])
    assert peer.closed is None
    world.sleep(6)
    assert peer.closed is not None


def test_heartbeat_zero_never_beats_and_never_gives_up(world: World) -> None:
    peer = world.connect(heartbeat=0)
    world.sleep(100_000)
    assert peer.closed is None and peer.drain() == []


# --- endings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("heartbeat", "patience"), [(0, 30), (1, 1), (29, 29), (30, 30), (60, 30)])
def test_after_close_ok_the_broker_waits_for_the_client_to_end_tcp(
    world: World, heartbeat: int, patience: int
) -> None:
    peer = world.connect(heartbeat=heartbeat)
    assert peer.call(0, m.Connection.Close(reply_code=200, reply_text="bye")) == m.Connection.CloseOk()
    world.sleep(patience - 0.001)
    assert peer.closed is None
    world.sleep(0.001)
    assert peer.closed is not None and peer.closed.abort


def test_after_the_clients_close_only_another_close_is_answered(peer: Peer) -> None:
    peer.send(0, m.Connection.Close())
    peer.drain()
    peer.send(1, m.Queue.Declare(queue="q"))
    peer.send(0, m.Connection.UpdateSecret())
    peer.octets(encode_frame(FRAME_HEARTBEAT, 3, b"x"))
    assert peer.drain() == []
    assert peer.call(0, m.Connection.Close()) == m.Connection.CloseOk()


def test_the_brokers_close_waits_for_close_ok(world: World, peer: Peer) -> None:
    peer.send(0, m.Channel.Open())
    assert closed_with(peer)[0] == 504
    peer.send(1, m.Queue.Declare(queue="q"))
    assert peer.drain() == []
    assert peer.call(0, m.Connection.Close()) == m.Connection.CloseOk()
    assert peer.closed is None
    peer.send(0, m.Connection.CloseOk())
    assert peer.closed is not None
    assert world.broker.sessions == {}


def test_the_brokers_close_without_an_answer(world: World, peer: Peer) -> None:
    peer.send(0, m.Channel.Open())
    world.sleep(29.999)
    assert peer.closed is None
    world.sleep(0.001)
    assert peer.closed is not None


def test_exclusive_queues_are_gone_before_close_ok(world: World, peer: Peer) -> None:
    peer.declare("mine", exclusive=True)
    other = world.connect("c2:1")
    other.channel(1)
    peer.send(0, m.Connection.Close())
    assert other.declare("mine", exclusive=True) == m.Queue.DeclareOk(queue="mine")


@pytest.mark.parametrize("how", ["close", "vanish", "error", "heartbeats"])
def test_however_a_connection_ends_its_messages_return_and_its_queues_go(world: World, how: str) -> None:
    peer = world.connect(heartbeat=1 if how == "heartbeats" else 0)
    peer.channel(1)
    peer.channel(2)
    watcher = world.connect("c2:1")
    watcher.channel(1)
    watcher.declare("q")
    peer.declare("mine", exclusive=True)
    for body in (b"1", b"2", b"3"):
        watcher.publish(key="q", body=body)
    peer.send(1, m.Basic.Get(queue="q"))
    peer.consume("q", channel=2)
    if how == "close":
        peer.send(0, m.Connection.Close())
    elif how == "vanish":
        peer.vanish()
    elif how == "error":
        peer.send(1, m.Basic.Qos(prefetch_size=1))
    else:
        world.sleep(3)
    assert "mine" not in world.broker.vhosts["/"].queues
    watcher.drain()
    watcher.consume("q", tag="w", no_ack=True)
    watcher.send(1, m.Basic.Cancel(consumer_tag="w"))
    queue = world.broker.vhosts["/"].queues["q"]
    assert (len(queue.ready), queue.unacked, len(queue.consumers)) == (0, 0, 0)


def test_shutdown_tells_everybody(world: World, peer: Peer) -> None:
    half_open = world.tcp("c2:1")
    world.apply(world.broker.shutdown(world.now))
    assert closed_with(peer) == (
        320,
        "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
        (0, 0),
    )
    assert half_open.closed is not None


def test_an_operator_may_end_one_connection(world: World, peer: Peer) -> None:
    other = world.connect("c2:1")
    world.apply(world.broker.close_connection("c1:1", "go home", world.now))
    assert closed_with(peer) == (320, "CONNECTION_FORCED - go home", (0, 0))
    assert other.drain() == []


def test_long_reply_texts_are_cut(peer: Peer) -> None:
    peer.publish(exchange="x" * 250)
    (close,) = peer.on()
    assert len(close.reply_text) == 255
    assert re.fullmatch(r"NOT_FOUND - no exchange 'x+\.\.\.", close.reply_text)


def test_octets_after_the_end_are_ignored(world: World, peer: Peer) -> None:
    peer.vanish()
    peer.octets(HEARTBEAT)
    world.apply(world.broker.disconnected("c1:1", world.now))
    world.apply(world.broker.disconnected("never:1", world.now))
    assert peer.drain() == []


def test_one_call_writes_one_chunk_per_connection(world: World, peer: Peer) -> None:
    peer.declare("q")
    peer.consume("q", no_ack=True)
    octets = b"".join(
        encode_method(1, PUBLISH) + encode_header(1, 1, b"\x00\x00") + encode_frame(FRAME_BODY, 1, b"x")
        for _ in range(5)
    )
    effects: list[Any] = world.broker.received("c1:1", octets, world.now)
    assert [type(effect).__name__ for effect in effects] == ["Send"]
