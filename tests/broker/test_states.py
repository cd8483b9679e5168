"""Every (state, method) pair behaves as the tables of states.py say."""

from __future__ import annotations

from typing import Any

import pytest
from broker_peer import Peer, World

from amqplab.broker.channel import NAMING_A_QUEUE
from amqplab.broker.registry import CHANNEL_HANDLERS, CONNECTION_HANDLERS, CONTENT_HANDLERS
from amqplab.broker.states import CHANNEL, CHANNEL_ACTIONS, CONNECTION, CONNECTION_ACTIONS, COPY
from amqplab.wire import methods as m
from amqplab.wire.frames import PROTOCOL_HEADER, encode_header, encode_method
from amqplab.wire.methods import METHODS

START_OK = m.Connection.StartOk(mechanism="PLAIN", response=b"\x00guest\x00guest")
TUNE_OK = m.Connection.TuneOk(channel_max=2047, frame_max=131072, heartbeat=0)
GOOD: dict[str, m.Method] = {
    "connection.start-ok": START_OK,
    "connection.tune-ok": TUNE_OK,
    "connection.open": m.Connection.Open(virtual_host="/"),
}
REACHABLE = [state for state in CONNECTION if state not in ("pre_init", "securing", "blocked", "gone")]
CONTROL = [kind for (class_id, _), kind in sorted(METHODS.items()) if class_id == 10]


def in_state(state: str) -> tuple[World, Peer]:
    """A peer whose connection is in this state."""
    world = World()
    peer = world.tcp()
    steps: list[bytes] = [PROTOCOL_HEADER, *(encode_method(0, method) for method in GOOD.values())]
    count = {"starting": 1, "tuning": 2, "opening": 3}.get(state, 4)
    for octets in steps[:count]:
        peer.octets(octets)
    if state == "closed":
        peer.send(0, m.Channel.Open())
    elif state == "silenced":
        peer.octets(b"\x01\x00\x00\x00\x00\x00\x00\x00")
    peer.drain()
    assert world.broker.sessions["c1:1"].state == state
    return world, peer


def state_of(world: World) -> str:
    session = world.broker.sessions.get("c1:1")
    return "gone" if session is None else session.state


@pytest.mark.parametrize("state", REACHABLE)
@pytest.mark.parametrize("kind", CONTROL, ids=lambda kind: kind.name)
def test_connection_methods(state: str, kind: type[m.Method]) -> None:
    world, peer = in_state(state)
    rules = CONNECTION[state]
    peer.send(0, GOOD.get(kind.name, kind()))
    answers = [what for _, what in peer.drain()]
    if kind.name in rules.methods:
        assert state_of(world) == rules.methods[kind.name]
    elif rules.otherwise.wrong_method == "silence":
        assert (state_of(world), answers) == ("silenced", [])
    elif rules.otherwise.wrong_method == "ignore":
        assert (state_of(world), answers) == (state, [])
    else:
        (close,) = answers
        assert state_of(world) == "closed"
        assert close.reply_text == f"CHANNEL_ERROR - unexpected method in connection state {state}"


@pytest.mark.parametrize("state", REACHABLE)
def test_channel_frames(state: str) -> None:
    world, peer = in_state(state)
    peer.send(1, m.Channel.Open())
    answers = peer.drain()
    action = CONNECTION[state].otherwise.other_channel
    if action == "dispatch":
        assert answers == [(1, m.Channel.OpenOk())]
    elif action == "505":
        assert [what.reply_code for _, what in answers] == [505] and state_of(world) == "closed"
    else:
        assert answers == []
        assert state_of(world) == ("silenced" if action == "silence" else state)


@pytest.mark.parametrize("state", REACHABLE)
def test_octets_that_are_no_frame(state: str) -> None:
    world, peer = in_state(state)
    peer.octets(b"\x01\x00\x00\x00\x00\x00\x00\x00")
    codes = [what.reply_code for _, what in peer.drain()]
    assert codes == ([501] if CONNECTION[state].otherwise.fault == "close" else [])
    assert state_of(world) == "silenced", "nothing is read any more"
    world.sleep(3)
    assert state_of(world) == "gone"


CHANNEL_METHODS = [kind for (class_id, _), kind in sorted(METHODS.items()) if class_id != 10]


def channel_in_state(state: str) -> tuple[World, Peer]:
    world = World()
    peer = world.connect()
    peer.channel(2)
    peer.declare("q", channel=2)
    if state != "unopened":
        peer.channel(1)
    if state == "closing":
        peer.send(1, m.Queue.Purge(queue="gone"))
    peer.drain()
    return world, peer


@pytest.mark.parametrize("state", CHANNEL)
@pytest.mark.parametrize("kind", CHANNEL_METHODS, ids=lambda kind: kind.name)
def test_channel_methods(state: str, kind: type[m.Method]) -> None:
    world, peer = channel_in_state(state)
    octets = encode_method(1, kind(queue="q") if kind in NAMING_A_QUEUE else kind())
    peer.octets(octets + encode_header(1, 0, b"\x00\x00") if kind.has_content else octets)
    answers: list[Any] = [what for _, what in peer.drain()]
    action = CHANNEL[state].get(kind.name) or CHANNEL[state]["other"]
    channels = world.broker.sessions["c1:1"].channels
    if action == "open":
        assert answers == [m.Channel.OpenOk()] and channels[1].state == "open"
    elif action == "close":
        assert answers == [m.Channel.CloseOk()] and 1 not in channels
    elif action == "close-ok":
        assert answers == [m.Channel.CloseOk()] and channels[1].state == "closing"
    elif action == "forget":
        assert answers == [] and 1 not in channels
    elif action == "ignore":
        assert answers == [] and channels[1].state == "closing"
    elif action == "handle":
        handled = kind in CHANNEL_HANDLERS or kind in CONTENT_HANDLERS
        unimplemented = any("unimplemented method" in getattr(what, "reply_text", "") for what in answers)
        assert handled is not unimplemented
    else:
        code, _, word = action.partition(" ")
        (close,) = answers
        assert close.reply_code == int(code) and word in close.reply_text
        assert (close.class_id, close.method_id) == kind.ids


def test_the_tables_speak_only_of_what_exists() -> None:
    names = {kind.name for kind in METHODS.values()}
    for rules in CONNECTION.values():
        assert set(rules.methods) <= names
        assert set(rules.methods.values()) <= set(CONNECTION)
        assert set(rules.otherwise) <= set(CONNECTION_ACTIONS)
    for row in CHANNEL.values():
        assert set(row) - {"other"} <= names
        assert set(row.values()) <= set(CHANNEL_ACTIONS)
    for moves in COPY.values():
        assert set(moves.values()) <= set(COPY)


def test_every_method_of_channel_0_in_the_table_has_a_handler() -> None:
    listed = {name for rules in CONNECTION.values() for name in rules.methods}
    handled = {kind.name for kind in CONNECTION_HANDLERS}
    assert listed == handled


def test_every_method_a_client_may_send_has_a_handler_or_a_row() -> None:
    handled = set(CHANNEL_HANDLERS) | set(CONTENT_HANDLERS)
    rows = {"channel.open", "channel.close", "channel.close-ok"}
    internal = {"basic.credit"}  # RabbitMQ-internal; a broker may answer 503 (LIMIT-12)
    server_only = {kind.name for kind in METHODS.values() if kind.sent_by == "server"}
    confirmations = {"channel.flow-ok", "basic.cancel-ok", "access.request"}
    for kind in CHANNEL_METHODS:
        expected = kind.name not in rows | internal | server_only | confirmations
        assert not expected or kind in handled, kind.name
