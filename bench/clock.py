"""The simulated clock against SimPy: timeouts, with little and with much planned at once."""

from __future__ import annotations

import simpy

from amqplab.sim.clock import Clock
from bench.table import Row, faster

EVENTS = 100_000


def run() -> list[Row]:
    return [_chain(1), _chain(10_000)]


def _chain(pending: int) -> Row:
    """`pending` chains of timeouts, each planning its next when it fires; together EVENTS timeouts."""
    each = EVENTS // pending

    def ours() -> None:
        clock = Clock()
        after = clock.after

        def tick(left: int) -> None:
            if left:
                after(1000, tick, left - 1)

        for number in range(pending):
            after(1000 + number, tick, each - 1)
        clock.run()

    def theirs() -> None:
        environment = simpy.Environment()

        def ticking(number: int):
            yield environment.timeout(1000 + number)
            for _ in range(each - 1):
                yield environment.timeout(1000)

        for number in range(pending):
            environment.process(ticking(number))
        environment.run()

    name = f"clock, timeouts, {pending:,} pending"
    return faster(name, "timeouts/s", ours, f"SimPy {simpy.__version__}", theirs, EVENTS, 2.5)
