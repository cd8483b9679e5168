"""The tap: rows that stand for many records tell exactly what records kept one by one would have told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from amqplab.trace import events as e
from amqplab.trace.recorder import CAUSE, Recorder, because
from amqplab.trace.tap import Tap
from amqplab.wire.frames import (
    HEARTBEAT,
    PROTOCOL_HEADER,
    encode_content,
    encode_frame,
    encode_header,
    encode_method,
)
from amqplab.wire.methods import Basic, Channel, Queue
from amqplab.wire.properties import Properties

LAW = settings(max_examples=300)

PUBLISH = encode_method(1, Basic.Publish(routing_key="q"))
MESSAGE = encode_content(1, Basic.Publish(routing_key="q"), Properties(), b"x" * 40, 30)  # two bodies
FRAMES = [
    HEARTBEAT,
    MESSAGE,
    encode_content(2, Basic.Publish(routing_key="q"), Properties(), b"another", 4096),
    encode_content(1, Basic.Publish(routing_key="q"), Properties(), b"", 4096),
    encode_method(1, Basic.Ack(delivery_tag=1)),
    encode_method(2, Queue.Declare(queue="q")),
    encode_method(0, Channel.Open()),
    PUBLISH,  # nothing follows, or something else
    encode_header(1, 5, b"\x00\x00"),
    encode_header(1, 0, b"\x00\x00"),
    encode_header(2, 3, b"\x00\x00", weight=1),
    encode_frame(3, 1, b"12345"),
    encode_frame(3, 2, b""),
    encode_frame(2, 1, b"too short"),
    encode_frame(1, 1, b"abc"),
    encode_frame(8, 1, b"no heartbeat"),
    PROTOCOL_HEADER,
]
GARBAGE = [b"\x00" * 9, b"\x05\x00\x01\x00\x00\x00\x00\xce", b"\x01\x00\x01\x00\x00\x00\x00\xcf\x01", b"\xff"]


@st.composite
def streams(draw: Any) -> list[bytes]:
    """Octets of one direction, in pieces that begin and end anywhere."""
    first = draw(st.sampled_from([PROTOCOL_HEADER, PROTOCOL_HEADER, b"", b"GET / HTTP/1.1\r\n"]))
    middle = draw(st.lists(st.sampled_from(FRAMES), max_size=12))
    last = draw(st.lists(st.sampled_from(FRAMES + GARBAGE), max_size=3))
    octets = b"".join([first, *middle, *last])
    cuts = sorted(draw(st.sets(st.integers(0, len(octets)), max_size=8)))
    if draw(st.integers(0, 5)) == 0:
        cuts = list(range(len(octets)))
    return [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]


class Conversation:
    """Both directions of one end, with what its protocol tells in between."""

    def __init__(self, *, plainly: bool, client: bool, gathers: Any) -> None:
        self.now = 0
        self.recorder = Recorder(lambda: self.now)
        if plainly:
            self.recorder.observe(lambda seq: None)
        self.tap = Tap(self.recorder, "c:1", "c" if client else "broker")
        self.gathers = gathers
        self.waiting: list[Iterator[tuple[int | None, bytes]]] = []

    def receive(self, data: bytes, most: int) -> None:
        """Feed up to `most` pieces; the rest waits, as after pause_reading()."""
        self.waiting.append(self.tap.received(data, self.gathers))
        self.go_on(most)

    def go_on(self, most: int) -> None:
        while self.waiting and most:
            for seq, octets in self.waiting[0]:
                most -= 1
                with because(seq):
                    self.act(seq, octets)
                if not most:
                    return
            self.waiting.pop(0)

    def act(self, seq: int | None, octets: bytes) -> None:
        """What the protocol does: nothing before a command is whole."""
        kind = self.recorder.kind_of(seq) if seq is not None and octets[:1] == b"\x08" else None
        if kind is None and octets[:1] in (b"\x02", b"\x03"):
            return  # perhaps not the last frame, and it is not looked at
        if octets.startswith(PUBLISH[:11]) and octets == PUBLISH:
            return
        self.recorder.record("here", e.NoteMade, "acted")


@LAW
@given(streams(), streams(), st.booleans(), st.booleans(), st.data())
def test_packed_and_plain_recorders_agree_record_by_record(
    out: list[bytes], into: list[bytes], client: bool, clock: bool, data: st.DataObject
) -> None:
    packed, plain = (Conversation(plainly=plainly, client=client, gathers=None) for plainly in (False, True))
    for number in range(max(len(out), len(into))):
        looks = data.draw(st.sampled_from(["", "", "kind", "record", "all"]))
        most = data.draw(st.sampled_from([1000, 1000, 1, 2]))
        cause = data.draw(st.sampled_from([None, 0]))
        for one in (packed, plain):
            one.now += clock
            with because(cause):
                if number < len(out):
                    one.tap.sent(out[number])
                if number < len(into):
                    one.receive(into[number], most)
        look(packed.recorder, looks)
        assert len(packed.recorder) == len(plain.recorder)
    for one in (packed, plain):
        one.go_on(1000)
    assert list(packed.recorder) == list(plain.recorder)


def look(recorder: Recorder, how: str) -> None:
    """Somebody looks, and nothing may change."""
    if len(recorder):
        if how == "kind":
            recorder.kind_of(len(recorder) // 2)
        elif how == "record":
            _ = recorder[-1]
        elif how == "all":
            list(recorder)


@LAW
@given(streams(), st.data())
def test_a_command_that_comes_together_is_recorded_as_if_it_came_frame_by_frame(
    pieces: list[bytes], data: st.DataObject
) -> None:
    together = Recorder(lambda: 0)
    apart = Recorder(lambda: 0)
    taps = [Tap(recorder, "c:1", "broker") for recorder in (together, apart)]
    for piece in pieces:
        given = list(taps[0].received(piece, lambda *_: data.draw(st.booleans())))
        frames = list(taps[1].received(piece))
        assert b"".join(octets for _, octets in given) == b"".join(octets for _, octets in frames)
        assert {seq for seq, _ in given} <= {seq for seq, _ in frames}
    assert list(together) == list(apart)


def test_what_was_written_or_read_at_once_is_one_row_until_somebody_looks() -> None:
    recorder = Recorder(lambda: 0)
    out = Tap(recorder, "c:1", "c")
    into = Tap(recorder, "c:1", "broker")
    out.sent(PROTOCOL_HEADER)
    list(into.received(PROTOCOL_HEADER))
    before = rows_of(recorder), len(recorder)
    out.sent(MESSAGE * 3)
    assert (rows_of(recorder), len(recorder)) == (before[0] + 1, before[1] + 15)
    list(into.received(MESSAGE * 3, lambda *_: True))
    assert (rows_of(recorder), len(recorder)) == (before[0] + 4, before[1] + 30)
    list(recorder)
    assert rows_of(recorder) == len(recorder)


def rows_of(recorder: Recorder) -> int:
    return len({id(row) for row in recorder.rows})


def test_who_asks_for_frames_hears_of_each_and_who_takes_octets_hears_of_them_in_one_piece() -> None:
    recorder = Recorder(lambda: 0)
    tap = Tap(recorder, "c:1", "c")
    tap.sent(PROTOCOL_HEADER)
    pieces: list[tuple[type[e.Event], int, bytes]] = []
    seqs: list[int] = []

    def octets(kind: type[e.Event], connection: str, host: str, offset: int, octets: bytes) -> None:
        pieces.append((kind, offset, octets))

    recorder.observe(seqs.append, (e.FrameSent,), octets=octets)
    assert recorder.packs
    tap.sent(MESSAGE)
    assert (pieces, seqs) == ([(e.FrameSent, 8, MESSAGE)], [])

    heard: list[str] = []

    def hear(seq: int) -> None:
        heard.append(recorder.kind_of(seq).__name__)

    recorder.observe(hear, (e.CommandSent, e.NoteMade))
    assert not recorder.packs
    tap.sent(MESSAGE)
    recorder.record("c", e.NoteMade, "and this")
    assert heard == ["CommandSent", "NoteMade"]
    assert len(pieces) == 1
    assert [recorder.kind_of(seq) for seq in seqs] == [e.FrameSent] * 4
    recorder.ignore(hear)
    assert recorder.packs
    tap.sent(MESSAGE)
    assert len(pieces) == 2
    assert len(heard) == 2


def test_an_observer_that_records_on_its_own_does_not_disturb_the_numbers() -> None:
    recorder = Recorder(lambda: 0)
    tap = Tap(recorder, "c:1", "c")
    tap.sent(PROTOCOL_HEADER)

    def complain(*_: Any) -> None:
        recorder.record("lab", e.CheckFailed, "check", "wrong")

    recorder.observe(lambda seq: None, (e.FrameSent,), octets=complain)
    tap.sent(MESSAGE)
    tap.sent(MESSAGE)
    kinds = [record.event for record in recorder if isinstance(record.event, e.CommandSent)]
    assert [kind.frames for kind in kinds] == [(0,), (2, 3, 4, 5), (8, 9, 10, 11)]
    assert CAUSE.get() is None
