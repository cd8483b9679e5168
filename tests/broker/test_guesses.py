"""Wrong guesses at hashed passwords stand in line, so that nobody else has to wait for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from broker_peer import Peer, World

from amqplab.broker import passwords
from amqplab.broker.config import BrokerConfig, Permission, User
from amqplab.broker.guesses import Guesses
from amqplab.broker.passwords import hash_password
from amqplab.broker.timers import MILLISECOND, Deadlines
from amqplab.wire import methods as m
from amqplab.wire.frames import PROTOCOL_HEADER, encode_method

SALT = bytes(range(16))
ANN = User("ann", hash_password("secret", SALT), permissions={"/": Permission()})
BOB = User("bob", "plain", permissions={"/": Permission()})
TUNE_OK = m.Connection.TuneOk(channel_max=2047, frame_max=131072, heartbeat=0)


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    """Each test begins as a broker does that was just started: no password was right before."""
    known = dict(passwords._known)
    passwords._known.clear()
    yield
    passwords._known.clear()
    passwords._known.update(known)


@pytest.fixture
def world() -> World:
    return World(BrokerConfig(users=(ANN, BOB), mechanisms=("PLAIN", "AMQPLAIN", "RABBIT-CR-DEMO")))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords for which a hash was computed."""
    seen: list[str] = []
    compute = passwords._scrypt

    def counted(password: str, *rest: Any) -> bytes:
        seen.append(password)
        return compute(password, *rest)

    monkeypatch.setattr(passwords, "_scrypt", counted)
    return seen


def guessing(world: World, name: str, user: str, password: str) -> Peer:
    peer = world.tcp(name)
    peer.octets(PROTOCOL_HEADER)
    peer.drain()
    peer.login(user, password)
    return peer


def answer(peer: Peer) -> str | None:
    """What the broker has said to a guess: the name of the last method, or None so far."""
    said = [what for _, what in peer.drain()]
    return said[-1].name if said else None


def test_the_first_wrong_guess_is_answered_at_once_and_the_next_200_ms_later(
    world: World, looks: list[str]
) -> None:
    peers = [guessing(world, f"c{at}:1", "ann", f"wrong {at}") for at in range(3)]
    assert [answer(peer) for peer in peers] == ["connection.close", None, None]
    world.sleep(0.199)
    assert [answer(peer) for peer in peers[1:]] == [None, None]
    world.sleep(0.001)
    assert [answer(peer) for peer in peers[1:]] == ["connection.close", None]
    world.sleep(0.2)
    assert answer(peers[2]) == "connection.close"
    assert looks == ["wrong 0", "wrong 1", "wrong 2"]


def test_right_guesses_need_not_wait_for_each_other(world: World) -> None:
    first = guessing(world, "c1:1", "ann", "secret")
    assert answer(first) == "connection.tune"
    second = guessing(world, "c2:1", "ann", "secret")  # known again
    assert answer(second) == "connection.tune"
    wrong = guessing(world, "c3:1", "ann", "wrong")
    world.sleep(0.001)
    assert answer(wrong) == "connection.close"


def test_who_is_known_again_or_has_a_plain_password_does_not_stand_in_line(
    world: World, looks: list[str]
) -> None:
    guessing(world, "c1:1", "ann", "secret")
    world.sleep(0.001)
    guessing(world, "c2:1", "ann", "wrong")
    guessing(world, "c3:1", "ann", "wrong again")
    assert answer(guessing(world, "c4:1", "ann", "secret")) == "connection.tune"
    assert answer(guessing(world, "c5:1", "bob", "plain")) == "connection.tune"
    assert answer(guessing(world, "c6:1", "bob", "wrong")) == "connection.close"
    assert answer(guessing(world, "c7:1", "eve", "wrong")) == "connection.close"
    assert answer(guessing(world, "c8:1", "ann", "")) == "connection.close"
    assert looks == ["secret", "wrong"]


def test_an_open_connection_is_served_while_others_guess(world: World) -> None:
    bob = world.connect("b:1", user="bob", password="plain")
    crowd = [guessing(world, f"c{at}:1", "ann", "wrong") for at in range(20)]
    assert bob.call(1, m.Channel.Open()).name == "channel.open-ok"
    assert sum(answer(peer) is not None for peer in crowd) == 1


def test_who_stands_in_line_is_not_read_from_and_loses_nothing(world: World) -> None:
    guessing(world, "c1:1", "ann", "wrong")
    peer = guessing(world, "c2:1", "ann", "secret")
    assert not peer.reading
    session = world.broker.sessions["c2:1"]
    before = session.octets_received
    opening = m.Connection.Open(virtual_host="/")
    rest = encode_method(0, TUNE_OK) + encode_method(0, opening) + encode_method(1, m.Channel.Open())
    for at in range(len(rest)):
        peer.octets(rest[at : at + 1])
    assert answer(peer) is None
    world.sleep(0.2)
    assert peer.reading
    assert [what.name for _, what in peer.drain()] == [
        "connection.tune",
        "connection.open-ok",
        "channel.open-ok",
    ]
    assert session.octets_received == before + len(rest)


def test_a_broker_that_stops_lets_nobody_in_from_the_line(world: World) -> None:
    guessing(world, "c1:1", "ann", "wrong")
    peer = guessing(world, "c2:1", "ann", "secret")
    world.apply(world.broker.shutdown(world.now))
    world.sleep(60)
    assert answer(peer) != "connection.tune"
    assert world.broker.sessions == {}


def test_what_follows_a_guess_in_the_same_chunk_waits_with_it(world: World) -> None:
    guessing(world, "c1:1", "ann", "wrong")
    peer = world.tcp("c2:1")
    start_ok = m.Connection.StartOk(mechanism="PLAIN", response=b"\0ann\0secret")
    said = (start_ok, TUNE_OK, m.Connection.Open(virtual_host="/"))
    peer.octets(PROTOCOL_HEADER + b"".join(encode_method(0, method) for method in said))
    assert answer(peer) == "connection.start"
    world.sleep(0.2)
    assert answer(peer) == "connection.open-ok"


def test_the_limit_of_the_handshake_goes_on_and_who_has_gone_costs_nothing(
    world: World, looks: list[str]
) -> None:
    crowd = [guessing(world, f"c{at}:1", "ann", f"wrong {at}") for at in range(100)]
    for peer in crowd[10:20]:
        peer.vanish()
    world.sleep(10)
    assert len(looks) == 50  # five in a second, until the limit
    assert looks[9:11] == ["wrong 9", "wrong 20"]
    assert all(peer.closed is not None for peer in crowd[20:] if answer(peer) is None)
    world.sleep(60)
    assert len(looks) == 50
    assert world.broker.sessions == {}
    assert answer(guessing(world, "late:1", "ann", "secret")) == "connection.tune"


def test_the_answer_to_a_challenge_stands_in_the_same_line(world: World) -> None:
    guessing(world, "c1:1", "ann", "wrong")
    peers = []
    for name, password in (("c2:1", b"wrong"), ("c3:1", b"secret")):
        peer = world.tcp(name)
        peer.octets(PROTOCOL_HEADER)
        peer.send(0, m.Connection.StartOk(mechanism="RABBIT-CR-DEMO", response=b"ann"))
        assert answer(peer) == "connection.secure"
        peer.send(0, m.Connection.SecureOk(response=b"My password is " + password))
        assert answer(peer) is None
        peers.append(peer)
    world.sleep(0.2)
    assert world.broker.sessions["c2:1"].state == "silenced"
    world.sleep(0.2)
    assert answer(peers[1]) == "connection.tune"


def test_amqplain_stands_in_the_same_line(world: World) -> None:
    guessing(world, "c1:1", "ann", "wrong")
    peer = world.tcp("c2:1")
    peer.octets(PROTOCOL_HEADER)
    peer.drain()
    response = bytes.fromhex("054c4f47494e5300000003") + b"ann"
    response += b"\x08PASSWORDS\x00\x00\x00\x06secret"
    peer.send(0, m.Connection.StartOk(mechanism="AMQPLAIN", response=response))
    assert answer(peer) is None
    world.sleep(0.2)
    assert answer(peer) == "connection.tune"


def test_the_line_goes_in_order_and_looks_for_nobody_in_vain() -> None:
    deadlines, made = Deadlines(), []
    guesses = Guesses(deadlines)

    def guess(name: str, right: bool | None) -> bool | None:
        made.append(name)
        return right

    results = [("a", False), ("b", None), ("c", True), ("d", False), ("e", True)]
    at_once = [guesses.add(lambda name=name, right=right: guess(name, right), 0) for name, right in results]  # type: ignore[misc]
    assert at_once == [True, False, False, False, False]
    moments = {}
    for now in range(0, 500 * MILLISECOND, MILLISECOND):
        deadlines.run(now)
        for name in made:
            moments.setdefault(name, now // MILLISECOND)
    assert moments == {"a": 0, "b": 200, "c": 200, "d": 201, "e": 401}
