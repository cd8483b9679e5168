"""TCP keeps its promise: every octet once and in order, or an end with an error, whatever happens."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_worlds import Peer, World, pair

from amqplab.sim.segment import LinkProfile
from amqplab.trace.events import (
    RetransmissionTimedOut,
    SegmentArrived,
    SegmentDiscarded,
    SegmentLost,
    SegmentSent,
    TcpStateChanged,
    WindowClosed,
    WindowOpened,
)
from amqplab.trace.recorder import ACTOR

MILLISECOND = 1_000_000


def flags(world: World) -> list[str]:
    return [segment.flags for segment in world.events(SegmentSent)]


def test_three_segments_open_a_connection_and_the_numbers_say_what_they_should() -> None:
    world = World()
    world.run(pair(world.loop))
    syn, syn_ack, ack = world.events(SegmentSent)
    assert (syn.flags, syn_ack.flags, ack.flags) == ("SYN", "SYN|ACK", "ACK")
    assert syn_ack.acknowledgement == syn.sequence + 1
    assert (ack.sequence, ack.acknowledgement) == (syn.sequence + 1, syn_ack.sequence + 1)
    assert syn.source == "client:49152"
    assert syn.destination == "server:7"
    assert syn.arrives_at == MILLISECOND


def test_close_is_two_fins_and_both_sides_hear_of_the_end_without_error() -> None:
    world = World()

    async def play() -> tuple[Peer, Peer]:
        client, server = await pair(world.loop)
        client.transport.close()
        await asyncio.gather(client.gone, server.gone)
        return client, server

    client, server = world.run(play())
    world.loop.run_forever()
    assert client.happened == ["made", "lost"]
    assert server.happened == ["made", "eof", "lost"]
    assert (client.error, server.error) == (None, None)
    assert flags(world).count("FIN|ACK") == 2
    assert world.network.endpoints == {} or {e.state for e in world.network.endpoints.values()} == {
        "TIME-WAIT"
    }


def test_states_are_those_of_rfc_9293_in_order() -> None:
    world = World()

    async def play() -> None:
        client, server = await pair(world.loop)
        client.transport.close()
        await server.gone

    world.run(play())
    world.loop.run_forever()
    by_host: dict[str, list[str]] = {"client": [], "server": []}
    for record in world.recorder:
        if isinstance(record.event, TcpStateChanged):
            by_host[record.where].append(record.event.state)
    assert by_host["client"] == ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"]
    assert by_host["server"] == ["SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]


def test_half_close_leaves_the_other_direction_open() -> None:
    world = World()

    async def play() -> tuple[bytes, bytes]:
        client, server = await pair(world.loop)
        server.keep_open = True
        client.transport.write(b"question")
        client.transport.write_eof()
        await asyncio.sleep(0.01)
        server.transport.write(b"answer")
        server.transport.close()
        await client.gone
        return bytes(server.received), bytes(client.received)

    assert world.run(play()) == (b"question", b"answer")


def test_abort_is_a_reset_for_the_other_side() -> None:
    world = World()

    async def play() -> BaseException | None:
        client, server = await pair(world.loop)
        server.transport.abort()
        await client.gone
        return client.error

    assert isinstance(world.run(play()), ConnectionResetError)
    assert "RST|ACK" in flags(world)


def test_a_closed_port_refuses() -> None:
    world = World()

    async def play() -> None:
        await world.loop.create_connection(Peer, "server", 9)

    with pytest.raises(ConnectionRefusedError, match="server:9"):
        world.run(play())
    syn, reset = world.events(SegmentSent)
    assert (reset.flags, reset.sequence, reset.acknowledgement) == ("RST|ACK", 0, syn.sequence + 1)


def test_a_silent_network_times_out_after_repeated_syns() -> None:
    world = World()
    world.network.cut("main", "server")

    async def play() -> None:
        await world.loop.create_connection(Peer, "server", 7)

    with pytest.raises(TimeoutError, match="did not answer"):
        world.run(play())
    assert flags(world) == ["SYN"] * 7
    assert world.loop.time() == 127.0


def test_a_large_write_is_cut_at_the_segment_size_and_every_segment_is_acknowledged() -> None:
    world = World(LinkProfile(mss=1000))
    data = bytes(range(250)) * 10

    async def play() -> bytes:
        client, server = await pair(world.loop)
        client.transport.write(data)
        await asyncio.sleep(1)
        return bytes(server.received)

    assert world.run(play()) == data
    sizes = [len(s.payload) for s in world.events(SegmentSent) if s.payload]
    assert sizes == [1000, 1000, 500]
    last = [s for s in world.events(SegmentSent) if s.source == "server:7"][-1]
    first = world.events(SegmentSent)[0]
    assert last.acknowledgement == (first.sequence + 1 + len(data)) & 0xFFFF_FFFF


def test_while_more_is_waiting_only_whole_segments_are_sent() -> None:
    """A congestion window has room for a part of a segment now and then: no sender uses it (RFC 1122 4.2.3.4)."""
    world = World(LinkProfile(mss=1000))

    async def play() -> int:
        client, server = await pair(world.loop)
        client.transport.write(b"a" * 37)  # windows grow by what is acknowledged: by 37 here
        await asyncio.sleep(0.5)
        client.transport.write(bytes(60_500))
        await asyncio.sleep(1)
        return len(server.received)

    assert world.run(play()) == 60_537
    sizes = [len(s.payload) for s in world.events(SegmentSent) if s.payload]
    assert sizes == [37, *[1000] * 60, 500]


def test_writes_of_one_instant_travel_together_and_an_empty_write_not_at_all() -> None:
    world = World()

    async def play() -> None:
        client, _ = await pair(world.loop)
        client.transport.write(b"")
        client.transport.write(b"one")
        client.transport.write(b"two")
        await asyncio.sleep(1)

    world.run(play())
    assert [s.payload for s in world.events(SegmentSent) if s.payload] == [b"onetwo"]


def test_bandwidth_makes_each_segment_wait_for_the_one_before() -> None:
    world = World(LinkProfile(latency_ns=0, bandwidth_bps=8_000, mss=1000))  # 1000 octets a second

    async def play() -> float:
        client, server = await pair(world.loop)
        start = world.loop.time()
        client.transport.write(bytes(1920))  # and 40 octets of headers each: 2 s
        while len(server.received) < 1920:
            await asyncio.sleep(0.001)
        return world.loop.time() - start

    assert 2.0 <= world.run(play()) < 2.1


def test_a_lost_segment_is_repeated_after_the_timeout() -> None:
    world = World()

    async def play() -> bytes:
        client, server = await pair(world.loop)
        world.network.lose_next("client", "server", losable=lambda segment: bool(segment.payload))
        client.transport.write(b"hello")
        await asyncio.sleep(5)
        return bytes(server.received)

    assert world.run(play()) == b"hello"
    (lost,) = world.events(SegmentLost)
    assert lost.reason == "on purpose"
    assert len(world.events(RetransmissionTimedOut)) == 1
    first, again = [s for s in world.events(SegmentSent) if s.payload]
    assert (first.arrives_at, first.retransmission) == (None, False)
    assert again.retransmission
    assert again.sequence == first.sequence


def test_three_duplicate_acknowledgements_repeat_a_segment_before_the_timeout() -> None:
    world = World(LinkProfile(mss=100))

    async def play() -> bytes:
        client, server = await pair(world.loop)
        world.network.lose_next("client", "server", losable=lambda segment: bool(segment.payload))
        client.transport.write(bytes(range(200)) * 4)
        await asyncio.sleep(0.05)
        return bytes(server.received)

    assert world.run(play()) == bytes(range(200)) * 4
    assert world.events(RetransmissionTimedOut) == []


def test_what_is_asked_for_again_is_pushed_if_it_is_the_last_there_is() -> None:
    """RFC 1122 section 4.2.2.2: the last segment that is written has PSH, whatever sends it."""
    world = World(LinkProfile(mss=100))

    async def play() -> None:
        client, _ = await pair(world.loop)
        losable = iter([False, False, False, False, True])
        world.network.lose_next(
            "client", "server", losable=lambda segment: bool(segment.payload) and next(losable, False)
        )
        client.transport.write(bytes(440))
        await asyncio.sleep(5)

    world.run(play())
    again = [s for s in world.events(SegmentSent) if s.payload and s.retransmission]
    assert again and all(("PSH" in s.flags) == (len(s.payload) == 40) for s in again)


def test_a_reader_that_pauses_closes_the_window_and_stops_the_writer() -> None:
    world = World(LinkProfile(window=5000, mss=1000))
    data = bytes(range(256)) * 400

    async def play() -> tuple[list[str], int, bytes]:
        client, server = await pair(world.loop)
        server.transport.pause_reading()
        client.transport.write(data)
        await asyncio.sleep(30)
        arrived = len(server.received)
        server.transport.resume_reading()
        await asyncio.sleep(30)
        return client.happened, arrived, bytes(server.received)

    happened, arrived, received = world.run(play())
    assert arrived == 0
    assert received == data
    assert happened == ["made", "pause", "resume"]
    assert world.events(WindowClosed)
    assert world.events(WindowOpened)
    probes = [s for s in world.events(SegmentSent) if len(s.payload) == 1]
    assert probes, "a closed window is probed"


def test_a_machine_without_power_is_silent_and_tcp_repeats_until_its_patience_ends() -> None:
    world = World()

    async def play() -> tuple[BaseException | None, float]:
        client, server = await pair(world.loop)
        server.transport.write(b"x" * 50)  # it has left the machine, so it arrives
        await asyncio.sleep(0.0005)
        world.network.power_off("server")
        client.transport.write(b"hello?")
        await client.gone
        assert bytes(client.received) == b"x" * 50
        return client.error, world.loop.time()

    error, took = world.run(play())
    assert isinstance(error, TimeoutError)
    assert 600 < took < 1200, "as Linux: a quarter of an hour"
    assert len(world.events(RetransmissionTimedOut)) == 15
    off = next(
        n for n, one in enumerate(world.recorder) if one.event == TcpStateChanged("client:49152", "CLOSED")
    )
    later = [one for one in world.recorder[off:] if one.where == "server"]
    assert {type(one.event) for one in later} == {TcpStateChanged, SegmentLost}
    assert {one.event.reason for one in later if isinstance(one.event, SegmentLost)} == {"the machine is off"}


def test_a_machine_that_is_back_answers_old_connections_with_reset() -> None:
    world = World()

    async def play() -> tuple[BaseException | None, float]:
        client, _ = await pair(world.loop)
        world.network.power_off("server")
        client.transport.write(b"hello?")
        await asyncio.sleep(10)
        assert not client.gone.done(), "nobody was told"
        world.network.power_on("server")
        await client.gone
        return client.error, world.loop.time()

    error, took = world.run(play())
    assert isinstance(error, ConnectionResetError)
    assert took > 10
    assert "no such connection" in {one.reason for one in world.events(SegmentDiscarded)}


def test_a_connect_to_a_machine_without_power_is_answered_by_nobody() -> None:
    world = World()

    async def play() -> float:
        await pair(world.loop)
        world.network.power_off("server")
        before = world.loop.time()
        with pytest.raises(TimeoutError):
            await world.loop.create_connection(Peer, "server", 7)
        return world.loop.time() - before

    assert 120 < world.run(play()) < 130


def test_a_port_is_closed_after_the_machine_is_back_until_somebody_listens_again() -> None:
    world = World()

    async def play() -> None:
        await pair(world.loop)
        world.network.power_off("server")
        world.network.power_on("server")
        with pytest.raises(ConnectionRefusedError):
            await world.loop.create_connection(Peer, "server", 7)
        await world.loop.create_server(Peer, "server", 7)
        await world.loop.create_connection(Peer, "server", 7)

    world.run(play())


def test_a_closed_window_whose_owner_is_gone_is_not_probed_for_ever() -> None:
    world = World()

    async def play() -> tuple[BaseException | None, float]:
        client, server = await pair(world.loop)
        server.transport.pause_reading()
        client.transport.write(bytes(200_000))
        await asyncio.sleep(3600)
        assert not client.gone.done(), "its kernel answers every probe"
        world.network.power_off("server")
        before = world.loop.time()
        await client.gone
        return client.error, world.loop.time() - before

    error, took = world.run(play())
    assert isinstance(error, TimeoutError)
    assert took < 3600


@pytest.mark.parametrize("read_all", [True, False], ids=["everything was read", "something lay unread"])
def test_the_kernel_of_a_killed_process_ends_its_connections(read_all: bool) -> None:
    world = World()

    async def play() -> Peer:
        client, server = await pair(world.loop)
        if not read_all:
            server.transport.pause_reading()
        client.transport.write(b"hello?")
        server.transport.write(b"last words")
        await asyncio.sleep(0.0001)
        await asyncio.sleep(0.002)
        world.network.kill("server")
        await client.gone
        return client

    client = world.run(play())
    assert bytes(client.received) == b"last words"
    ends = [one.flags for one in world.events(SegmentSent) if one.source == "server:7" and "ACK" in one.flags]
    if read_all:
        assert client.happened == ["made", "eof", "lost"] and client.error is None
        assert "FIN|ACK" in ends
    else:
        assert isinstance(client.error, ConnectionResetError)
        assert "RST|ACK" in ends and "FIN|ACK" not in ends


@pytest.mark.parametrize("fault", ["kill", "crash"])
def test_an_answer_to_an_acknowledging_segment_is_a_bare_reset_with_the_number_that_is_waited_for(
    fault: str,
) -> None:
    """RFC 9293 section 3.10.7.1, and Linux, be the connection unknown or its program gone."""
    world = World()

    async def play() -> None:
        client, server = await pair(world.loop)
        server.transport.write(b"some octets")
        client.keep_open = True
        await asyncio.sleep(0.1)
        getattr(world.network, fault)("server")
        await asyncio.sleep(0.1)
        client.transport.write(b"are you there?")
        await client.gone

    world.run(play())
    *_, asked, reset = world.events(SegmentSent)
    assert (asked.payload, reset.flags) == (b"are you there?", "RST")
    assert (reset.sequence, reset.acknowledgement) == (asked.acknowledgement, 0)


def test_what_is_written_to_a_killed_process_is_answered_with_reset() -> None:
    world = World()

    async def play() -> BaseException | None:
        client, _ = await pair(world.loop)
        client.keep_open = True
        world.network.kill("server")
        await asyncio.sleep(0.1)
        client.transport.write(b"are you there?")
        await client.gone
        return client.error

    assert isinstance(world.run(play()), ConnectionResetError)


@pytest.mark.parametrize("both", [True, False], ids=["cut", "half-open"])
def test_nothing_that_is_on_a_cable_when_it_is_cut_arrives(both: bool) -> None:
    world = World()

    async def play() -> tuple[bytes, bytes]:
        client, server = await pair(world.loop)
        await asyncio.sleep(1)
        client.transport.write(b"ping")
        server.transport.write(b"pong")
        await asyncio.sleep(0.0005)
        world.network.cut("client", "server", both=both)
        await asyncio.sleep(0.1)
        first = bytes(server.received), bytes(client.received)
        world.network.heal("client", "server")
        await asyncio.sleep(10)
        assert (bytes(server.received), bytes(client.received)) == (b"ping", b"pong"), "TCP keeps its word"
        return first

    assert world.run(play()) == (b"", b"" if both else b"pong")
    how = "the link is cut" if both else "the link is half open"
    assert {one.reason for one in world.events(SegmentLost)} == {how}


def test_a_crashed_host_answers_with_reset_when_it_is_spoken_to() -> None:
    world = World()

    async def play() -> BaseException | None:
        client, _ = await pair(world.loop)
        world.network.crash("server")
        await asyncio.sleep(10)
        assert not client.gone.done(), "nobody was told"
        client.transport.write(b"hello?")
        await client.gone
        return client.error

    assert isinstance(world.run(play()), ConnectionResetError)


def test_data_for_a_program_that_has_closed_is_answered_with_reset() -> None:
    world = World()

    async def play() -> BaseException | None:
        client, server = await pair(world.loop)
        client.keep_open = True
        server.transport.close()
        await asyncio.sleep(0.01)
        client.transport.write(b"too late")
        await client.gone
        return client.error

    assert isinstance(world.run(play()), ConnectionResetError)


def test_every_segment_that_is_sent_arrives_or_is_lost_exactly_once() -> None:
    world = World(LinkProfile(loss=0.2, jitter_ns=5 * MILLISECOND))
    _transfer(world, bytes(range(256)) * 200, 0, "")
    sent = {segment.number: segment for segment in world.events(SegmentSent)}
    arrived = [event.number for event in world.events(SegmentArrived)]
    lost = [event.number for event in world.events(SegmentLost)]
    assert sorted(arrived + lost) == sorted(sent)
    assert {number for number, segment in sent.items() if segment.arrives_at is None} == set(lost)
    assert {event.number for event in world.events(SegmentDiscarded)} <= set(arrived)


def _transfer(world: World, data: bytes, pause_ms: int, pattern: str) -> tuple[bytes, BaseException | None]:
    """Send `data` in one direction over a bad link; the reader pauses now and then."""
    fates = iter(pattern)

    async def play() -> tuple[bytes, BaseException | None]:
        client, server = await pair(world.loop)
        world.network.lose_next("client", "server", 1 << 30, lambda segment: next(fates, "1") == "0")
        step = max(len(data) // 3, 1)
        for start in range(0, len(data), step):
            client.transport.write(data[start : start + step])
            if pause_ms and not server.transport.is_closing():
                server.transport.pause_reading()
                await asyncio.sleep(pause_ms / 1000)
                server.transport.resume_reading()
        client.transport.close()
        await server.gone
        return bytes(server.received), server.error

    received, error = world.run(play())
    world.loop.run_forever()
    return received, error


@settings(max_examples=60)
@given(
    size=st.integers(1, 40_000),
    mss=st.sampled_from([1, 7, 100, 536, 1460]),
    window=st.sampled_from([1460, 4000, 65535]),
    loss=st.sampled_from([0.0, 0.05, 0.3]),
    jitter=st.integers(0, 20),
    pause_ms=st.sampled_from([0, 1, 300, 4000]),
    pattern=st.text(alphabet="01", max_size=40),
    seed=st.integers(0, 1000),
)
def test_the_octets_arrive_intact_or_the_connection_ends_with_an_error(
    size: int, mss: int, window: int, loss: float, jitter: int, pause_ms: int, pattern: str, seed: int
) -> None:
    size = min(size, mss * 300)
    profile = LinkProfile(mss=mss, window=window, loss=loss, jitter_ns=jitter * MILLISECOND)
    world = World(profile, seed)
    data = bytes(number * 7 & 255 for number in range(size))
    received, error = _transfer(world, data, pause_ms, pattern)
    if error is None:
        assert received == data
    else:
        assert isinstance(error, OSError)
        assert data.startswith(received)


def test_the_same_seed_gives_the_same_records_and_another_seed_others() -> None:
    def lines(seed: int) -> list[str]:
        world = World(LinkProfile(loss=0.1, jitter_ns=MILLISECOND), seed)
        _transfer(world, bytes(20_000), 5, "")
        return world.lines()

    assert lines(3) == lines(3)
    assert lines(3) != lines(4)


def test_what_happens_on_one_link_does_not_change_chance_on_another() -> None:
    def losses(with_neighbour: bool) -> list[int]:
        world = World(LinkProfile(loss=0.3))

        async def play() -> None:
            client, _ = await pair(world.loop)
            if with_neighbour:
                ACTOR.set("neighbour")
                other, _ = await world.loop.create_connection(Peer, "server", 7)
                other.write(bytes(10_000))
                ACTOR.set("client")
            client.transport.write(bytes(30_000))
            await asyncio.sleep(60)

        world.run(play())
        sent = {s.number: s.sequence for s in world.events(SegmentSent) if s.source == "client:49152"}
        return [sent[event.number] for event in world.events(SegmentLost) if event.number in sent]

    assert losses(False)
    assert losses(False)[:3] == losses(True)[:3]


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"latency_ns": -1}, "latency_ns must not be negative"),
        ({"loss": 1.5}, "between 0 and 1"),
        ({"bandwidth_bps": 0}, "must be positive"),
        ({"mss": 0}, "mss must be at least 1"),
    ],
)
def test_a_profile_that_cannot_be_says_why(wrong: dict[str, int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        LinkProfile(**wrong)
