"""The fuzzer's targets under atheris, which keeps the inputs that reach new code and spoils those further.

    pip install atheris
    python tests/support/fuzzing_by_coverage.py broker -runs=1000000 [libFuzzer's other options]

Theory
------
:mod:`fuzzing` spoils real octets blindly, and fast. Here the code under test is instrumented: an input that
reaches a line which none before it has reached is worth keeping. That finds what takes several accidents in a
row. The accidents are libFuzzer's own and ours (:mod:`mutations`) by turns, and the corpus to begin with is
the same. It is for a long run by hand; atheris is not among the requirements of the tests.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["amqplab"]):
    import fuzzing
from mutations import mutate, mutate_frame
from real_octets import conversations

CHECKED_EVERY = 500
FRAME_TYPES = (1, 2, 3)


class Subject:
    """One target, fed by libFuzzer."""

    def __init__(self, kind: type[fuzzing.Target]) -> None:
        self.target = kind()
        self.inputs = 0

    def __call__(self, data: bytes) -> None:
        self.inputs += 1
        if not self.target.remembers:
            self.target.history.clear()
        self.target.history.append(data)
        try:
            self.target.feed(data, random.Random(self.inputs))
            if self.inputs % CHECKED_EVERY == 0:
                self.target.check()
        except Exception as problem:
            raise fuzzing.Failure(self.target.name, self.target.history, problem) from problem


def spoil(data: bytes, most: int, seed: int) -> bytes:
    """One more accident: one of ours, or one of libFuzzer's."""
    rng = random.Random(seed)
    chance = rng.random()
    if chance < 0.4 or not data:
        return bytes(atheris.Mutate(data, most))
    if chance < 0.8 and data[0] in FRAME_TYPES and len(data) > 8:
        end = 8 + int.from_bytes(data[3:7], "big")
        spoiled = mutate_frame(rng, data[:end], fuzzing.OTHERS) + data[end:]
    else:
        spoiled = mutate(rng, data, fuzzing.OTHERS)
    return spoiled[:most]


def corpus(folder: Path, rng: random.Random, target: fuzzing.Target) -> None:
    """Real frames, and some inputs as the blind fuzzer makes them."""
    real = [frame for talk in conversations() for frame in talk.said]
    for number, octets in enumerate([*real, *(target.make(rng) for _ in range(500))]):
        (folder / f"{number:05}").write_bytes(octets)


def main() -> None:
    """Run until libFuzzer is content, or something falls over."""
    name, *options = sys.argv[1:]
    kind = next(one for one in fuzzing.TARGETS if one.name == name)
    with tempfile.TemporaryDirectory() as folder:
        corpus(Path(folder), random.Random(1), kind())
        arguments = [sys.argv[0], folder, "-max_len=4096", "-rss_limit_mb=3000", "-timeout=30", *options]
        atheris.Setup(arguments, Subject(kind), custom_mutator=spoil)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
