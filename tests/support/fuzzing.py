"""The fuzzer: millions of spoiled octets, and nothing may fall over.

    python tests/support/fuzzing.py [--inputs 10000000] [--seed 1] [--only parser,broker] [--replay HEX,HEX…]

Theory
------
Whatever octets come, there is an answer: a value, or one of the errors that a docstring names. An input is
one string of octets, made by spoiling real ones (:mod:`mutations`), and is fed to one of the targets:

    parser    frames are cut, methods, properties and tables decoded
    broker    after a real opening, on one of several connections to one broker
    journal   a file of a journal, with wrong checksums or, spoiled inside, with right ones
    client    what a broker might have said

A target *fails* when something else is raised, when its own law is broken (the broker must still serve a
client that behaves), or when an input takes very long. A failure is replayed on a fresh target with all that
the target had taken, and what it takes is cut down as long as it still fails. The process as a whole must not
grow without bound; what wants gigabytes gets a MemoryError.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from mutations import cuts, mutate, mutate_frame
from real_octets import conversations, journal_entries

from amqplab.broker.broker import Broker
from amqplab.broker.effects import Close, Persist, Room, Send, WakeAt
from amqplab.client.effects import CloseTransport, ConnectionGone
from amqplab.client.machine import ClientMachine
from amqplab.client.parameters import ConnectionParameters
from amqplab.model.journal import ForeignJournal, Record, encode_header, encode_record, read, walk
from amqplab.model.journal_state import compact, replay
from amqplab.wire.content import ContentAssembler, UnexpectedContent
from amqplab.wire.errors import DecodeError
from amqplab.wire.frames import FRAME_HEADER, FRAME_METHOD, encode_content, encode_method
from amqplab.wire.methods import Basic, Channel, Queue, decode_method
from amqplab.wire.parser import FrameParser
from amqplab.wire.properties import NO_PROPERTIES, Properties

__all__ = ["TARGETS", "Failure", "Target", "fuzz", "main"]

SECOND = 1_000_000_000
VERY_LONG_S = 5.0
MOST_GROWTH_MB = 400
MOST_MEMORY = 3 << 30
REOPENING = encode_method(1, Channel.CloseOk()) + encode_method(1, Channel.Open())
OTHERS = tuple(frame for talk in conversations() for frame in (*talk.said, *talk.heard))


class Failure(Exception):
    """What an input did that none may do; `inputs` is all that it takes, from a fresh start."""

    def __init__(self, target: str, inputs: list[bytes], problem: BaseException) -> None:
        self.target, self.inputs, self.problem = target, inputs, problem
        octets = ",".join(one.hex() for one in inputs)
        super().__init__(
            f"{target}: {type(problem).__name__}: {problem}\n"
            f"replay it: python tests/support/fuzzing.py --only {target} --replay {octets}"
        )


class Broken(Exception):
    """A target's own law does not hold."""


class Target:
    """Takes inputs. `history` is what a replay of the next failure needs; `kinds` counts the outcomes."""

    name = ""
    share = 0.0  # of all inputs
    remembers = True  # what came before matters

    def __init__(self) -> None:
        self.history: list[bytes] = []
        self.kinds: Counter[str] = Counter()

    def make(self, rng: random.Random) -> bytes:
        """The next input."""
        raise NotImplementedError

    def feed(self, data: bytes, rng: random.Random) -> None:
        """Take it; raises what nobody may raise."""
        raise NotImplementedError

    def check(self) -> None:
        """The law that is too expensive to look at each time."""


class ParserTarget(Target):
    """A frame or a few, cut anyhow; then everything in them is decoded."""

    name = "parser"
    remembers = False
    share = 0.80

    def make(self, rng: random.Random) -> bytes:
        frame = rng.choice(OTHERS)
        chance = rng.random()
        if chance < 0.6:
            return mutate_frame(rng, frame[:600], OTHERS) if len(frame) <= 600 else mutate(rng, frame)
        if chance < 0.8:
            return mutate(rng, frame)
        return mutate(rng, frame + rng.choice(OTHERS), OTHERS)

    def feed(self, data: bytes, rng: random.Random) -> None:
        parser = FrameParser(max_payload=rng.choice((0, 4096, 131_072)), any_type=rng.random() < 0.5)
        assembler = ContentAssembler()
        total = 0
        for piece in cuts(rng, data):
            for kind, _, payload in parser.feed(piece):
                total += len(payload) + 8
                self._decode(kind, payload)
                self._assemble(assembler, kind, payload)
        if total + len(parser.held) > len(data):
            raise Broken(f"{total} octets of frames and {len(parser.held)} held of {len(data)}")
        self.kinds["fault" if parser.error is not None else "frames"] += 1

    def _decode(self, kind: int, payload: bytes) -> None:
        try:
            if kind == FRAME_METHOD:
                decode_method(payload)
            elif kind == FRAME_HEADER:
                Properties.decode(payload[12:])
        except DecodeError as error:
            self.kinds[type(error).__name__] += 1

    def _assemble(self, assembler: ContentAssembler, kind: int, payload: bytes) -> None:
        if kind in (1, 2, 3):
            try:
                assembler.feed(kind, payload)
            except (UnexpectedContent, DecodeError) as error:
                self.kinds[type(error).__name__] += 1


class BrokerTarget(Target):
    """One broker and a few connections that lie to it; one more behaves, and must not be disturbed."""

    name = "broker"
    share = 0.14
    LIVES = 20_000  # inputs that one broker gets
    TRUSTED = 500  # inputs that one connection gets

    def __init__(self) -> None:
        super().__init__()
        self._fresh()

    def _fresh(self) -> None:
        self.broker = Broker(durable=True)
        self.now = 0
        self._names = count(1)
        self._inputs = 0
        self._closed: set[str] = set()
        self._heard: dict[str, bytes] = {"witness": b""}
        self._dial("witness")
        self._say("witness", encode_method(1, Queue.Declare(queue="own", exclusive=True)))
        self._client = ""
        self.history = []

    def _dial(self, name: str) -> None:
        self._apply(self.broker.connected(name, self.now))
        self._say(name, conversations()[0].opening)

    def _say(self, name: str, data: bytes) -> None:
        self._apply(self.broker.received(name, data, self.now))

    def _apply(self, effects: Sequence[Any]) -> None:
        for effect in effects:
            kind = type(effect)
            if kind is Send:
                if effect.connection in self._heard:
                    self._heard[effect.connection] += effect.data
            elif kind is Close:
                self._closed.add(effect.connection)
            elif kind is Persist:
                self._apply(self.broker.persisted(effect.token, self.now))
            elif kind is Room:
                self._apply(self.broker.writable(effect.connection, True, self.now))
            elif kind is WakeAt and effect.when is not None:
                self._wake = effect.when

    def make(self, rng: random.Random) -> bytes:
        talk = rng.choice(conversations())
        at = rng.randrange(len(talk.said))
        chance = rng.random()
        if chance < 0.25:
            return talk.said[at]
        if chance < 0.75:
            return mutate_frame(rng, talk.said[at], OTHERS)
        if chance < 0.9:
            return b"".join((*talk.said[at : at + 2], mutate_frame(rng, rng.choice(talk.said), OTHERS)))
        return mutate(rng, b"".join(talk.said[at : at + 3]), OTHERS)

    def feed(self, data: bytes, rng: random.Random) -> None:
        self._inputs += 1
        if self._inputs % self.LIVES == 0:
            self._fresh()
        session = self.broker.sessions.get(self._client)
        if session is None or session.state != "running" or self._inputs % self.TRUSTED == 0:
            self._hang_up()
        elif 1 not in session.channels or session.channels[1].state != "open":
            self._say(self._client, REOPENING)
        for piece in cuts(rng, data):
            self._say(self._client, piece)
        if rng.random() < 0.01:
            self.now += rng.choice((SECOND // 1000, SECOND, 60 * SECOND))
            self._apply(self.broker.tick(self.now))
        session = self.broker.sessions.get(self._client)
        self.kinds["taken" if session is not None and session.state == "running" else "refused"] += 1

    def _hang_up(self) -> None:
        if self._client:
            self._apply(self.broker.disconnected(self._client, self.now))
        self._client = f"liar:{next(self._names)}"
        self._closed.clear()
        self._dial(self._client)

    def check(self) -> None:
        self._witness()
        most = max((len(queue.ready) for queue in self.broker.vhosts["/"].queues.values()), default=0)
        if len(self.broker.sessions) > 2 or most > 10 * self.LIVES:
            raise Broken(f"{len(self.broker.sessions)} sessions, {most} messages in one queue")

    def _witness(self) -> None:
        """The other client publishes and gets, and hears exactly that."""
        self._heard["witness"] = b""
        publish = encode_content(1, Basic.Publish(routing_key="own"), NO_PROPERTIES, b"mine", 4096)
        self._say("witness", publish + encode_method(1, Basic.Get(queue="own", no_ack=True)))
        heard = self._heard["witness"]
        if "witness" in self._closed or heard.count(b"mine") != 1 or not heard.endswith(b"mine\xce"):
            raise Broken(f"the client that behaves heard {heard!r}")


class JournalTarget(Target):
    """A file as a disk might give it back: spoiled anywhere, or spoiled inside its records."""

    name = "journal"
    remembers = False
    share = 0.05

    def __init__(self) -> None:
        super().__init__()
        entries = journal_entries()
        self._entries = entries
        self._file = encode_header(7) + b"".join(
            encode_record(number, entries[at : at + 3], 7)
            for number, at in enumerate(range(0, len(entries), 3))
        )

    def make(self, rng: random.Random) -> bytes:
        if rng.random() < 0.4:
            return mutate(rng, self._file, (self._file,))
        file = encode_header(7)
        for number in range(rng.randrange(1, 4)):
            chosen = [rng.choice(self._entries) for _ in range(rng.randrange(1, 6))]
            spoiled = rng.randrange(len(chosen))
            spoil = mutate if rng.random() < 0.3 else _inside
            chosen[spoiled] = spoil(rng, chosen[spoiled], OTHERS)
            file += encode_record(number, chosen, 7)
        return file

    def feed(self, data: bytes, rng: random.Random) -> None:
        try:
            reading = read(data)
        except ForeignJournal:
            self.kinds["foreign"] += 1
            return
        if not 0 <= reading.good_length <= len(data):
            raise Broken(f"{reading.good_length} good octets of {len(data)}")
        self.kinds[reading.problem.kind if reading.problem else "whole"] += 1
        records = [item for item in walk(data, salvage=True) if isinstance(item, Record)]
        state = replay(entry for record in records for entry in record.entries)
        if rng.random() < 0.2:
            again = replay(compact(state))
            if again.vhosts != state.vhosts:
                raise Broken("what was compacted stands for something else")
            Broker(durable=True).restore(state, 0)


def _inside(rng: random.Random, entry: bytes, others: Sequence[bytes]) -> bytes:
    """An entry of which one frame is spoiled inside."""
    found = []
    at = 0
    while at < len(entry):
        end = at + 8 + int.from_bytes(entry[at + 3 : at + 7], "big")
        found.append(entry[at:end])
        at = end
    chosen = rng.randrange(len(found))
    found[chosen] = mutate_frame(rng, found[chosen], others)
    return b"".join(found)


class ClientTarget(Target):
    """A client with an open connection, a channel and a call under way, and a broker that lies."""

    name = "client"
    share = 0.01

    def __init__(self) -> None:
        super().__init__()
        self._connect()

    def _connect(self) -> None:
        self.history = []
        self._gone = False
        self.machine = ClientMachine(ConnectionParameters())
        self.machine.connected(0)
        greeting = conversations()[0].greeting
        self._take(self.machine.received(greeting[: greeting.index(encode_method(1, Channel.OpenOk()))], 0))
        self._take(self.machine.open_channel(None, None)[-1])
        self._take(self.machine.received(encode_method(1, Channel.OpenOk()), 0))
        self._take(self.machine.request(1, Queue.Declare(queue="q"), None))

    def _take(self, effects: Any) -> None:
        self._gone = self._gone or any(isinstance(one, (ConnectionGone, CloseTransport)) for one in effects)

    def make(self, rng: random.Random) -> bytes:
        talk = rng.choice(conversations())
        frame = rng.choice(talk.heard)
        return mutate_frame(rng, frame, OTHERS) if rng.random() < 0.7 else mutate(rng, frame, OTHERS)

    def feed(self, data: bytes, rng: random.Random) -> None:
        if self._gone:
            self._connect()
        for piece in cuts(rng, data):
            self._take(self.machine.received(piece, 0))
        self.kinds["refused" if self._gone else "taken"] += 1


TARGETS: tuple[type[Target], ...] = (ParserTarget, BrokerTarget, JournalTarget, ClientTarget)


class Outcome(NamedTuple):
    """What one target went through."""

    name: str
    inputs: int
    octets: int
    seconds: float
    slowest_ms: float
    kinds: Counter[str]


def fuzz(
    kind: type[Target], inputs: int, seed: int, progress: Callable[[int], object] = lambda done: None
) -> Outcome:
    """Feed one target; raises Failure."""
    rng = random.Random(f"{seed} {kind.name}")
    target = kind()
    octets = 0
    slowest = 0.0
    began = time.perf_counter()
    for number in range(1, inputs + 1):
        data = target.make(rng)
        octets += len(data)
        chance = rng.random()
        start = time.perf_counter()
        if not target.remembers:
            target.history.clear()
        target.history.append(data)
        try:
            target.feed(data, random.Random(chance))
            if number % 500 == 0:
                target.check()
                progress(500)
        except Exception as problem:
            raise Failure(kind.name, shortened(kind, target.history), problem) from problem
        slowest = max(slowest, time.perf_counter() - start)
        if slowest > VERY_LONG_S:
            raise Failure(kind.name, [data], Broken(f"it took {slowest:.1f} s"))
    return Outcome(kind.name, inputs, octets, time.perf_counter() - began, slowest * 1000, target.kinds)


def fails(kind: type[Target], inputs: Sequence[bytes]) -> bool:
    """Whether a fresh target fails on these."""
    target = kind()
    try:
        for data in inputs:
            target.feed(data, random.Random(0))
        target.check()
    except Exception:
        return True
    return False


def shortened(kind: type[Target], inputs: list[bytes]) -> list[bytes]:
    """As little of these inputs as still fails; all of them if a fresh target does not fail."""
    inputs = list(inputs)
    if not fails(kind, inputs):
        return inputs
    step = max(1, len(inputs) // 2)
    while step:
        at = 0
        while at < len(inputs):
            fewer = inputs[:at] + inputs[at + step :]
            if fewer and fails(kind, fewer):
                inputs = fewer
            else:
                at += step
        step //= 2
    return inputs


def memory_mb() -> float:
    """The most that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def report(outcomes: Sequence[Outcome], seed: int, before_mb: float) -> Iterator[str]:
    """The table at the end."""
    yield f"{'target':8} {'inputs':>12} {'MB':>8} {'seconds':>8} {'slowest':>9}  outcomes"
    for one in outcomes:
        kinds = ", ".join(f"{name} {number:,}" for name, number in one.kinds.most_common())
        yield (
            f"{one.name:8} {one.inputs:>12,} {one.octets / 1e6:>8.0f} {one.seconds:>8.0f} "
            f"{one.slowest_ms:>6.0f} ms  {kinds}"
        )
    total = sum(one.inputs for one in outcomes)
    memory = f"at most {memory_mb():.0f} MB, {before_mb:.0f} to begin with"
    yield f"{total:,} inputs (seed {seed}), nothing fell over; {memory}"


def main(arguments: list[str] | None = None) -> int:
    """Feed everything; exit status 1 when something fails."""
    parser = argparse.ArgumentParser(
        description="Feed spoiled octets to the parser, broker, journal and client."
    )
    parser.add_argument(
        "--inputs", type=int, default=10_000_000, help="how many in all (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="for other ones (default: %(default)s)")
    parser.add_argument(
        "--only", default="", help="targets, with commas: " + ", ".join(one.name for one in TARGETS)
    )
    parser.add_argument("--replay", default="", metavar="HEX,HEX", help="feed these octets to one target")
    options = parser.parse_args(arguments)
    chosen = [one for one in TARGETS if not options.only or one.name in options.only.split(",")]
    if options.replay:
        return _replay(chosen[0], [bytes.fromhex(one) for one in options.replay.split(",")])
    before = memory_mb()
    whole = sum(one.share for one in chosen)
    outcomes = []
    with _progress(options.inputs) as bar:
        for kind in chosen:
            bar.set_description(kind.name)
            try:
                outcomes.append(
                    fuzz(kind, round(options.inputs * kind.share / whole), options.seed, bar.update)
                )
            except Failure as failure:
                print(failure)
                return 1
    print("\n".join(report(outcomes, options.seed, before)))
    if memory_mb() - before > MOST_GROWTH_MB:
        print(f"but memory grew by {memory_mb() - before:.0f} MB")
        return 1
    return 0


def _replay(kind: type[Target], inputs: list[bytes]) -> int:
    target = kind()
    for data in inputs:
        target.feed(data, random.Random(0))
    target.check()
    print(f"nothing fell over (inputs: {len(inputs)})")
    return 0


def _progress(total: int) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, unit=" inputs", disable=not sys.stderr.isatty())


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    sys.exit(main())
