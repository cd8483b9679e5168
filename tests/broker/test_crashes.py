"""The whole broker on a disk that forgets: what was confirmed survives every crash, in order and once."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from durable_world import DurableWorld, State

from amqplab.sim.clock import Clock
from amqplab.sim.disk import Disk, DiskProfile
from amqplab.wire.methods import Basic, Confirm, Exchange, Queue, Tx
from amqplab.wire.properties import Properties

PERSISTENT = Properties(delivery_mode=2)
QUEUES = ("q", "r", "s")  # "s" is a quorum queue


@dataclass
class Held:
    """What the client knows of a message in a queue."""

    number: int
    survives: bool
    returned: int = 0


class Life:
    """A client that does what comes to its mind, and remembers what it may rely on.

    `past` is what durable queues hold after each thing done; the first `promised` of these are confirmed.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock = Clock()
        self.disk = Disk(self.clock, seed, DiskProfile(sync_ns=100_000, octet_ns=10))
        self.past: list[State] = [{}]
        self.promised = 0
        self.last = 0
        self.crashes = self.lost = self.kept = 0

    # --- a life ----------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The broker starts, and has what it promised; then a client connects."""
        self.world = DurableWorld(self.clock, self.disk)
        found = self.world.content()
        assert found in self.past[self.promised :], (found, self.past[self.promised :])
        self.lost += found != self.past[-1]
        self.kept += any(found.values())
        for name in ("q", "r"):
            queue = self.world.broker.vhosts["/"].queues.get(name)
            assert queue is None or all(copy.redelivered for copy in queue.ready)  # DUR-07
        self.past, self.promised = [found], 0
        self.now_there = {
            name: [Held(one, True, count) for one, count in held] for name, held in found.items()
        }
        self.confirms: dict[int, int] = {}
        self.sequence = 0
        self.peer = self.world.connect()
        for channel in (1, 2, 3):
            self.peer.channel(channel)
        self.peer.call(1, Confirm.Select())
        self.peer.call(2, Tx.Select())
        self.declare()

    def declare(self) -> None:
        """Declare all that is needed, one thing after the other."""
        self.peer.call(1, Exchange.Declare(exchange="both", type="fanout", durable=True))
        for name in QUEUES:
            arguments = {"x-queue-type": "quorum"} if name == "s" else {}
            self.peer.call(1, Queue.Declare(queue=name, durable=True, arguments=arguments))
            self.now_there.setdefault(name, [])
            self.done()
            self.peer.call(1, Queue.Bind(queue=name, exchange="both"))

    def done(self) -> None:
        """Something was done: this is what would survive now."""
        there = self.now_there.items()
        self.past.append(
            {name: tuple((one.number, one.returned) for one in held if one.survives) for name, held in there}
        )

    def listen(self) -> None:
        """What did the broker promise meanwhile?"""
        for channel, said in self.peer.drain():
            if channel == 1 and isinstance(said, Basic.Ack):
                tags = [tag for tag in self.confirms if tag <= said.delivery_tag] if said.multiple else []
                for tag in {*tags, said.delivery_tag}:
                    self.promised = max(self.promised, self.confirms.pop(tag))
            elif isinstance(said, Tx.CommitOk):
                self.promised = max(self.promised, self.committing)

    def live_and_crash(self) -> None:
        self.begin()
        for _ in range(self.chance.randrange(1, 9)):
            self.chance.choice(self.THINGS)(self)
            if self.chance.random() < 0.7:
                self.world.run(self.chance.randrange(150_000))
            self.listen()
        self.disk.crash(power=self.chance.random() < 0.9)
        self.crashes += 1

    # --- things to do ----------------------------------------------------------------------------------

    def publish(self) -> None:
        """A persistent message to one queue, or to all."""
        everywhere = self.chance.random() < 0.4
        name = self.chance.choice(QUEUES)
        self._put(1, PERSISTENT, "both" if everywhere else "", name, QUEUES if everywhere else (name,))
        self.sequence += 1
        self.done()
        self.confirms[self.sequence] = len(self.past) - 1

    def publish_transient(self) -> None:
        """A message that survives in a quorum queue only (DUR-04, DUR-05)."""
        name = self.chance.choice(QUEUES)
        self._put(1, Properties(), "", name, (name,))
        self.sequence += 1
        self.done()
        self.confirms[self.sequence] = len(self.past) - 1 if name == "s" else 0

    def commit(self) -> None:
        """Some messages that survive together or not at all."""
        for _ in range(self.chance.randrange(1, 4)):
            name = self.chance.choice(QUEUES)
            self._put(2, PERSISTENT, "", name, (name,))
        self.done()
        self.committing = len(self.past) - 1
        self.peer.send(2, Tx.Commit())
        self.world.run(1_000_000)
        self.listen()

    def take(self) -> None:
        """Get the head of a queue and acknowledge it, or give it back."""
        name = self.chance.choice(QUEUES)
        got = self._get(name)
        if got is None:
            return
        tag, there = got.method.delivery_tag, self.now_there[name]
        (one,) = (one for one in there if one.number == int(got.body))
        if self.chance.random() < 0.6:
            self.peer.send(3, Basic.Ack(delivery_tag=tag))
            there.remove(one)
        else:
            self.peer.send(3, Basic.Nack(delivery_tag=tag, requeue=True))
            if name == "s":  # to the tail, and counted (QUORUM-03, QUORUM-05)
                there.remove(one)
                there.append(Held(one.number, True, one.returned + 1))
        self.done()

    def hold(self) -> None:
        """Get a message and keep it unacknowledged to the end."""
        if self.chance.random() < 0.3:
            self._get(self.chance.choice(QUEUES))

    def purge(self) -> None:
        """Empty a queue; what is unacknowledged stays."""
        if self.chance.random() < 0.3:
            name = self.chance.choice(QUEUES)
            queue = self.world.broker.vhosts["/"].queues[name]
            ready = {int(copy.message.body) for copy in queue.ready}
            self.peer.send(3, Queue.Purge(queue=name))
            there = self.now_there[name]
            there[:] = [one for one in there if one.number not in ready]
            self.done()

    def delete(self) -> None:
        """Delete a queue, and declare it again at once."""
        if self.chance.random() < 0.2:
            name = self.chance.choice(QUEUES)
            self.peer.send(3, Queue.Delete(queue=name))
            del self.now_there[name]
            self.done()
            self.declare()

    THINGS = (publish, publish, publish, publish_transient, commit, take, take, hold, purge, delete)

    def _put(
        self, channel: int, properties: Properties, exchange: str, key: str, queues: Iterable[str]
    ) -> None:
        self.last += 1
        self.peer.publish(channel, exchange, key, b"%d" % self.last, properties)
        for name in queues:
            self.now_there[name].append(Held(self.last, properties is PERSISTENT or name == "s"))

    def _get(self, name: str) -> Any:
        self.listen()
        self.peer.send(3, Basic.Get(queue=name))
        kept = self.peer.drain()
        self.peer.inbox += [(channel, said) for channel, said in kept if channel != 3]
        answers = [said for channel, said in kept if channel == 3]
        return answers[-1] if hasattr(answers[-1], "body") else None


def test_ten_thousand_crashes_keep_what_was_confirmed_in_order_and_once() -> None:
    lost = kept = crashes = 0
    for seed in range(1000):
        life = Life(seed)
        for _ in range(10):
            life.live_and_crash()
        life.begin()
        lost, kept, crashes = lost + life.lost, kept + life.kept, crashes + life.crashes
    assert crashes == 10_000
    assert lost > 1000 and kept > 5000  # the crashes were worth their name
