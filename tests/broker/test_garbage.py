"""Whatever a peer sends, nothing is raised, and nobody else notices."""

from __future__ import annotations

from typing import Any

from broker_peer import Peer, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amqplab.wire import methods as m
from amqplab.wire.frames import PROTOCOL_HEADER, encode_content, encode_frame, encode_method
from amqplab.wire.methods import METHODS
from amqplab.wire.properties import Properties

LAW = settings(
    max_examples=250,
    suppress_health_check=[HealthCheck.too_slow],
)
NAMES = st.sampled_from(["", "q", "p", "amq.direct", "amq.fanout", "amq.topic", "amq.headers", "gone", "t"])
TABLES = st.dictionaries(
    st.sampled_from(["a", "x-match", "alternate-exchange", "x-max-length", "x-priority", "x-message-ttl"]),
    st.one_of(st.integers(-5, 5), st.sampled_from(["all", "any", "q"]), st.none(), st.booleans()),
    max_size=2,
)
BY_DOMAIN: dict[str, st.SearchStrategy[Any]] = {
    "bit": st.booleans(),
    "octet": st.integers(0, 255),
    "short": st.integers(0, 4),
    "long": st.sampled_from([0, 0, 0, 1]),
    "longlong": st.integers(0, 6),
    "shortstr": NAMES,
    "longstr": st.binary(max_size=5),
    "table": TABLES,
    "timestamp": st.integers(0, 5),
}
CONSTRUCTIVE = [
    kind for (class_id, _), kind in sorted(METHODS.items()) if class_id != 10 and kind.sent_by != "server"
]


@st.composite
def any_method(draw: st.DrawFn, kinds: list[type[m.Method]]) -> m.Method:
    kind = draw(st.sampled_from(kinds))
    return kind(**{name: draw(BY_DOMAIN[domain.name]) for name, domain in kind.domains.items()})


@st.composite
def sensible_octets(draw: st.DrawFn) -> bytes:
    """Frames that a client could send, sensible or not, on channels 1 and 2."""
    channel = draw(st.sampled_from([1, 1, 1, 2]))
    method = draw(any_method(CONSTRUCTIVE))
    if method.has_content:
        properties = Properties(
            headers=draw(st.none() | TABLES), delivery_mode=draw(st.sampled_from([None, 2]))
        )
        return encode_content(channel, method, properties, draw(st.binary(max_size=9)), 4096)
    return encode_method(channel, method)


OPENING = encode_method(1, m.Channel.Open()) + encode_method(1, m.Queue.Declare(queue="q"))


def assert_undisturbed(witness: Peer) -> None:
    """The other connection still works, and has heard nothing that it did not ask for."""
    assert [what for _, what in witness.drain()] == []
    assert witness.closed is None
    witness.publish(key="private", body=b"still here")
    got = witness.call(1, m.Basic.Get(queue="private", no_ack=True))
    assert got.body == b"still here"


def witnessed() -> tuple[World, Peer, Peer]:
    world = World()
    witness = world.connect("witness:1")
    witness.channel(1)
    witness.declare("private", exclusive=True)
    return world, witness, world.tcp("bad:1")


def finish(world: World, witness: Peer, bad: Peer) -> None:
    """Time passes, the bad peer goes; afterwards the broker has nothing of it left."""
    assert_undisturbed(witness)
    world.sleep(40)
    if bad.closed is None:
        bad.vanish()
    assert list(world.broker.sessions) == ["witness:1"]
    vhost = world.broker.vhosts["/"]
    assert not vhost.unsettled
    assert all(len(queue.consumers) == 0 and queue.unacked == 0 for queue in vhost.queues.values())
    assert all(queue.owner in (None, "witness:1") for queue in vhost.queues.values())
    assert_undisturbed(witness)


@LAW
@given(st.binary(max_size=200), st.integers(0, 4))
def test_any_octets_at_any_stage_of_the_handshake(octets: bytes, stage: int) -> None:
    world, witness, bad = witnessed()
    steps = [
        PROTOCOL_HEADER,
        encode_method(0, m.Connection.StartOk(mechanism="PLAIN", response=b"\x00guest\x00guest")),
        encode_method(0, m.Connection.TuneOk(channel_max=10, frame_max=4096, heartbeat=0)),
        encode_method(0, m.Connection.Open(virtual_host="/")) + OPENING,
    ]
    for step in steps[:stage]:
        bad.octets(step)
    bad.octets(octets)
    finish(world, witness, bad)


@LAW
@given(
    st.lists(
        st.builds(
            encode_frame,
            st.sampled_from([1, 1, 1, 2, 3, 8, 7]),
            st.sampled_from([0, 1, 1, 1, 2]),
            st.one_of(
                st.binary(max_size=20),
                any_method(list(METHODS.values())).map(lambda method: method.encode()),
                any_method(list(METHODS.values())).flatmap(
                    lambda method: st.integers(0, 30).map(lambda cut: method.encode()[:cut])
                ),
            ),
        ),
        max_size=8,
    )
)
def test_any_frames_on_an_open_connection(frames: list[bytes]) -> None:
    world, witness, bad = witnessed()
    bad.handshake()
    bad.octets(OPENING + b"".join(frames))
    finish(world, witness, bad)


@LAW
@given(st.lists(sensible_octets(), max_size=25), st.data())
def test_any_conversation_in_any_pieces_gives_the_same_octets(
    pieces: list[bytes], data: st.DataObject
) -> None:
    whole, apart = (witnessed() for _ in range(2))
    octets = OPENING + encode_method(2, m.Channel.Open()) + b"".join(pieces)
    for world, _, bad in (whole, apart):
        bad.handshake()
        assert world is not None
    whole[2].octets(octets)
    at = 0
    while at < len(octets):
        step = data.draw(st.integers(1, len(octets)))
        apart[2].octets(octets[at : at + step])
        at += step
    assert without_confirms(whole[2]) == without_confirms(apart[2])
    for world, witness, bad in (whole, apart):
        finish(world, witness, bad)


def without_confirms(peer: Peer) -> list[Any]:
    """Everything said but the confirms, which may be grouped differently."""
    return [what for what in peer.drain() if not isinstance(what[1], m.Basic.Ack)]
