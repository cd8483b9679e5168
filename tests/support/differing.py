"""The differential tester: random conversations, played to RabbitMQ and to us, until they disagree.

    python tests/support/differing.py [--conversations 20000] [--seed 1] [--quorum]

Theory
------
Nobody can list all that two brokers could do differently. So let chance make up conversations, sensible and
not, and compare everything that the clients see after every step. A difference is either a bug here, or
something that RabbitMQ leaves open and :mod:`playing` has to leave out.

A first difference may be impatience: RabbitMQ's queues are processes of their own. The conversation is played
again, slower, with a rest after each step; only what differs then counts. Then steps are taken out, one by
one, as long as the last step still shows the difference: what remains is what it takes.
"""

from __future__ import annotations

import argparse
import sys
from itertools import count
from typing import Any

from brokers import InMemoryBroker, RemoteBroker, rabbitmq_node
from conversations import Step, conversations
from hypothesis import HealthCheck, Phase, given, seed, settings
from playing import Seen, play

__all__ = ["Difference", "Differential"]


class Difference(AssertionError):
    """Two brokers disagree; prints the conversation that it takes and what each said at its end."""

    def __init__(self, steps: list[Step], theirs: Seen, ours: Seen) -> None:
        told = [f"after these {len(steps)} steps, RabbitMQ and we differ:", *(f"  {step}" for step in steps)]
        for name in ("lines", "queues"):
            left, right = getattr(theirs, name), getattr(ours, name)
            for key in sorted(left.keys() | right.keys()):
                if left.get(key) != right.get(key):
                    told += [f"{key}:", f"  RabbitMQ: {left.get(key)}", f"  here:     {right.get(key)}"]
        super().__init__("\n".join(told))


class Differential:
    """Plays conversations to one RabbitMQ, and to a new broker of ours each time."""

    def __init__(self, rabbitmq: RemoteBroker) -> None:
        self.rabbitmq = rabbitmq
        self.played = 0
        self._serial = count(1)

    def check(self, steps: list[Step]) -> None:
        """Raise :class:`Difference` if the two do not agree."""
        self.played += 1
        if self._difference(steps, careful=False) is None:
            return
        found = self._difference(steps, careful=True)
        if found is not None:
            raise Difference(*self._shortened(steps[: found[0] + 1], found))

    def _difference(self, steps: list[Step], *, careful: bool) -> tuple[int, Seen, Seen] | None:
        """Which step shows the first difference, and what was seen there."""
        theirs = play(self.rabbitmq, steps, f"~{next(self._serial)}", careful=careful)
        ours = play(InMemoryBroker(), steps, "~0")
        for at, (left, right) in enumerate(zip(theirs, ours, strict=True)):
            if left != right:
                return at, left, right
        return None

    def _shortened(self, steps: list[Step], found: tuple[int, Seen, Seen]) -> tuple[list[Step], Seen, Seen]:
        for at in range(len(steps) - 2, -1, -1):
            fewer = steps[:at] + steps[at + 1 :]
            again = self._difference(fewer, careful=True)
            if again is not None and again[0] == len(fewer) - 1:
                steps, found = fewer, again
        return steps, found[1], found[2]


def main(arguments: list[str] | None = None) -> int:
    """Play so many conversations; exit status 1 when one differs."""
    parser = argparse.ArgumentParser(description="Play random conversations to RabbitMQ and to amqplab.")
    parser.add_argument("--conversations", type=int, default=20_000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="for other ones (default: %(default)s)")
    parser.add_argument("--quorum", action="store_true", help="with quorum queues instead of classic ones")
    options = parser.parse_args(arguments)
    with rabbitmq_node() as node:
        differential = Differential(RemoteBroker("rabbitmq", node))
        progress = _progress(options.conversations)

        @seed(options.seed)
        @settings(
            max_examples=options.conversations,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(conversations(quorum=options.quorum))
        def run(steps: list[Step]) -> None:
            differential.check(steps)
            progress.update(1)

        try:
            run()
        except Difference as difference:
            progress.close()
            print(difference)
            return 1
    progress.close()
    kind = ", quorum queues" if options.quorum else ""
    print(f"{differential.played} conversations, no difference (seed {options.seed}{kind})")
    return 0


def _progress(total: int) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, unit=" conversations", disable=not sys.stderr.isatty())


if __name__ == "__main__":
    sys.exit(main())
