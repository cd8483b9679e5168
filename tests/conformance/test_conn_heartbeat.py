"""CONN-47 … CONN-52: heartbeats, and how a dead peer is noticed."""

from __future__ import annotations

import pytest

from amqplab.wire.frames import HEARTBEAT, encode_method
from amqplab.wire.methods import Channel, Queue

JITTER_S = 0.6  # of timers in two processes, while other conversations run


def tuned(broker, heartbeat):
    """A connection with this heartbeat, in seconds; 0 is none."""
    return broker.connect(tune=(2047, 131072, heartbeat))


@pytest.mark.waits
@pytest.mark.parametrize("interval", [2, 3])
def test_CONN_47_the_broker_beats_twice_in_an_interval(broker, interval):
    with tuned(broker, interval) as peer:
        opened = peer.pipe.now()
        peer.expect_silence(interval * 1.75)
        assert len(peer.heartbeats) == 3, peer.heartbeats
        for number, beat in enumerate(peer.heartbeats, 1):
            allowed = 1e-6 if peer.pipe.virtual else JITTER_S
            assert abs(beat - opened - number * interval / 2) <= allowed


@pytest.mark.waits
def test_CONN_47_not_where_something_else_was_written(broker):
    """Here something is written every 0.5 s. The first look sends one all the same."""
    with tuned(broker, 4) as peer:
        for _ in range(9):
            peer.expect_silence(0.5)
            peer.sync()
        assert len(peer.heartbeats) == 1


@pytest.mark.waits
@pytest.mark.parametrize("interval", [1, 2])
def test_CONN_48_CONN_49_a_peer_silent_from_the_start_is_dropped_without_a_word(broker, interval):
    with tuned(broker, interval) as peer:
        peer.expect_reset(after_s=3 * interval)


@pytest.mark.waits
def test_CONN_48_checks_come_once_in_an_interval_and_two_must_be_silent(broker):
    """A sign of life at 1 s: the check at 2 s has seen something, those at 4 and 6 s have not."""
    with tuned(broker, 2) as peer:
        peer.expect_silence(1)
        peer.send_octets(HEARTBEAT)
        peer.expect_reset(after_s=5)


@pytest.mark.waits
def test_CONN_50_any_octet_is_a_sign_of_life(broker):
    with tuned(broker, 1) as peer:
        for octet in encode_method(1, Channel.Flow(True)):
            peer.expect_silence(0.4)
            peer.send_octets(bytes((octet,)))
        peer.expect(Channel.FlowOk(True))


@pytest.mark.waits
def test_CONN_51_no_heartbeat_no_check(broker):
    with tuned(broker, 0) as peer:
        peer.expect_silence(7)
        assert peer.heartbeats == []
        peer.sync()


@pytest.mark.parametrize("leave", ["hang_up", "abort"])
def test_CONN_52_an_end_by_tcp_is_noticed_without_heartbeats(broker, leave):
    with tuned(broker, 0) as peer:
        name = broker.fresh("mine")
        leaving = tuned(broker, 0)
        leaving.queue(name)
        getattr(leaving, leave)()
        until_free(peer, name)


def until_free(peer, name):
    """Declare the queue as soon as its owner is known to be gone; on a socket that may take a moment."""
    for _ in range(100):
        peer.send(Queue.Declare(queue=name, exclusive=True))
        _, _, payload = peer.frame(1)
        if payload == Queue.DeclareOk(name, 0, 0).encode():
            return
        assert payload.startswith(Channel.Close.prefix)
        peer.send(Channel.CloseOk(), Channel.Open())
        peer.expect(Channel.OpenOk())
        peer.expect_silence(0.1)
    raise AssertionError(f"queue {name} still belongs to a connection that is gone")
